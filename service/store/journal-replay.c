/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/journal-replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "store/journal-line.h"
#include "store/journal-records.h"
#include "store/json-text.h"

/* {"key":KEY} or {"key":KEY,"put":VALUE}; both borrowed from @ret. 0, -EBADMSG or -ENOMEM. */
static int parse_record(const char *text, size_t size, json_t **ret, const char **ret_key,
                        json_t **ret_value) {
        json_auto_t *record = NULL;
        int r;

        r = json_text_parse(text, size, &record, NULL);
        if (r < 0)
                return r;

        *ret_value = NULL;
        if (json_unpack(record, "{s:s, s?:o !}", "key", ret_key, "put", ret_value) < 0)
                return json_text_lacks_memory() ? -ENOMEM : -EBADMSG;

        *ret = TAKE(record);
        return 0;
}

/* Takes in one line of the file that is whole and unharmed. */
static int replay_line(const char *line, size_t size, const char *json, size_t number,
                       JournalTable *table, size_t *n_records, Refusal *refusal) {
        json_auto_t *record = NULL;
        JournalRecord new;
        json_t *value;
        const char *key;
        int r;

        r = parse_record(json, (size_t) (line + size - json), &record, &key, &value);
        if (r == -EBADMSG)
                return refuse(refusal, JOURNAL_FAILED, "line %zu: not a record", number);
        if (r < 0)
                return r;

        if (strcmp(key, JOURNAL_NEXT_KEY) == 0) {
                json_int_t next = json_integer_value(value);

                if (next < 1 || next > UINT32_MAX)
                        return refuse(refusal, JOURNAL_FAILED,
                                      "line %zu: an impossible next number", number);
                if (next > table->next)
                        table->next = (uint32_t) next;
                return 0;
        }

        r = journal_record_new(&new, key, value ? line : NULL, size + 1);
        if (r < 0)
                return r;
        r = journal_table_reserve(table);
        if (r < 0) {
                journal_record_done(&new);
                return r;
        }

        journal_table_put(table, new);
        ++*n_records;
        return 0;
}

/* The version line. Sets @ret_size to its length, or to 0 when its writing was cut short. */
static int replay_version(const char *text, size_t size, size_t *ret_size, Refusal *refusal) {
        size_t wanted = strlen(JOURNAL_VERSION_LINE);

        *ret_size = 0;
        if (size < wanted && memcmp(text, JOURNAL_VERSION_LINE, size) == 0)
                return 0;
        if (size >= wanted && memcmp(text, JOURNAL_VERSION_LINE, wanted) == 0) {
                *ret_size = wanted;
                return 0;
        }

        wanted = strlen(JOURNAL_VERSION_WORD);
        if (size >= wanted && memcmp(text, JOURNAL_VERSION_WORD, wanted) == 0)
                return refuse(refusal, JOURNAL_FAILED,
                              "the journal is of a version that is not known here");
        return refuse(refusal, JOURNAL_FAILED,
                      "the file is no journal, or its beginning is damaged");
}

static int replay(const char *text, size_t size, JournalTable *table, size_t *n_records,
                  size_t *ret_end, Refusal *refusal) {
        size_t begin, number = 1;
        const char *json, *end;
        int r;

        r = replay_version(text, size, &begin, refusal);
        if (r != 0)
                return r;

        for (; begin > 0 && begin < size; begin = (size_t) (end - text) + 1) {
                number++;
                end = memchr(text + begin, '\n', size - begin);
                if (!end)
                        break;

                if (!journal_line_check(text + begin, (size_t) (end - text) - begin, &json))
                        return refuse(refusal, JOURNAL_FAILED, "line %zu: the checksum is wrong",
                                      number);
                r = replay_line(text + begin, (size_t) (end - text) - begin, json, number, table,
                                n_records, refusal);
                if (r != 0)
                        return r;
        }

        if (begin > 0 && begin < size && !journal_line_is_torn(text + begin, size - begin))
                return refuse(refusal, JOURNAL_FAILED,
                              "line %zu: damaged, and not by a write that was cut short", number);

        *ret_end = begin;
        return 0;
}

static int compare_attachments(const void *a, const void *b) {
        const Attachment *first = *(Attachment *const *) a, *second = *(Attachment *const *) b;

        return first->number < second->number ? -1 : first->number > second->number;
}

/* What the live records say. */
static int read_content(const JournalTable *table, JournalContent *content, Refusal *refusal) {
        int r;

        for (size_t i = 0; i < table->n_items; i++) {
                const char *line = table->items[i].line, *json, *key;
                size_t size = strlen(line) - 1;
                json_auto_t *record = NULL;
                json_t *value;

                if (!journal_line_check(line, size, &json))
                        return -EBADMSG;
                r = parse_record(json, (size_t) (line + size - json), &record, &key, &value);
                if (r < 0)
                        return r;
                r = record_read(key, value, content, refusal);
                if (r != 0)
                        return json_text_lacks_memory() ? -ENOMEM : r;
        }

        if (content->n_attachments > 0)
                qsort(content->attachments, content->n_attachments, sizeof(*content->attachments),
                      compare_attachments);
        content->next_attachment = table->next;
        return 0;
}

int journal_replay(const char *text, size_t size, JournalTable *table, size_t *ret_n_records,
                   size_t *ret_end, JournalContent *content, Refusal *refusal) {
        size_t n_records = 0, end = 0;
        int r;

        table->next = 1;
        r = replay(text, size, table, &n_records, &end, refusal);
        if (r != 0)
                return r;
        r = read_content(table, content, refusal);
        if (r != 0)
                return r;

        *ret_n_records = n_records;
        *ret_end = end;
        return 0;
}
