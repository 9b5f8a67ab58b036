/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Journal records: attachments, pools and aliases as JSON, and back.
 *
 * A record is a key and, unless it removes what the key names, a value: {"key":"pool/nics","put":…}.
 * The keys are attachment/NUMBER, given-up/NUMBER, pool/NAME, alias/NAME, and next for the number that the
 * next attachment is to get.
 */
#pragma once

#include "store/journal.h"

struct json_t;

/* The value of a record: new JSON. Each: 0, JOURNAL_FAILED for text that is not UTF-8, or -ENOMEM. */
int record_from_attachment(const Attachment *attachment, struct json_t **ret, Refusal *refusal);
int record_from_pool(const Pool *pool, struct json_t **ret, Refusal *refusal);
int record_from_alias(const Alias *alias, struct json_t **ret, Refusal *refusal);

/**
 * record_read() - add what a record says to the content of a journal
 * @key:   of the record
 * @value: of the record
 *
 * Return: 0, JOURNAL_FAILED when it says nothing that this version knows, or -ENOMEM.
 */
int record_read(const char *key, const struct json_t *value, JournalContent *content,
                Refusal *refusal);
