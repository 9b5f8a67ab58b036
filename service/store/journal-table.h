/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Journal table: the records that no later one has overtaken, as lines, under their keys.
 *
 * What a rewritten journal consists of. The numbers of attachments are minded here, because they are
 * not used again when nothing else is left of an attachment.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define JOURNAL_NEXT_KEY "next"

typedef struct JournalRecord {
        char *key;
        char *line; /* with its newline; NULL: the record removes what the key names */
} JournalRecord;

typedef struct JournalTable {
        JournalRecord *items; /* in the order in which their keys came up */
        size_t n_items;
        uint32_t next; /* above the number of every attachment that ever had a record */
} JournalTable;

/* Copies; @line, of @size bytes, may be NULL. 0 or -ENOMEM. */
int journal_record_new(JournalRecord *ret, const char *key, const char *line, size_t size);
void journal_record_done(JournalRecord *record);

void journal_table_done(JournalTable *table);

/* Makes room for one more: 0 or -ENOMEM. */
int journal_table_reserve(JournalTable *table);

/* Lets a record overtake what stands under its key. Takes @record over; there must be room. */
void journal_table_put(JournalTable *table, JournalRecord record);

/* The text of a journal with nothing but what is in the table: 0 or -ENOMEM. */
int journal_table_print(const JournalTable *table, char **ret, size_t *ret_size);
