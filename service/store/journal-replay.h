/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Journal replay: the text of a journal into what stands in it. No file is touched here.
 */
#pragma once

#include "store/journal-table.h"
#include "store/journal.h"

/**
 * journal_replay() - read a journal
 * @text:          all of the file; @size bytes
 * @table:         empty; receives the records that no later one has overtaken
 * @ret_n_records: how many there are in the file, overtaken ones too
 * @ret_end:       where the whole records end and a torn one may begin; 0 when not even the first line is whole
 * @content:       empty; receives what the records say
 * @refusal:       JOURNAL_FAILED with what is wrong with the file
 *
 * Return: 0, JOURNAL_FAILED or negative errno; the table and the content may then hold some of it.
 */
int journal_replay(const char *text, size_t size, JournalTable *table, size_t *ret_n_records,
                   size_t *ret_end, JournalContent *content, Refusal *refusal);
