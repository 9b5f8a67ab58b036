/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/journal-table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/journal-line.h"
#include "util/cleanup.h"
#include "util/text.h"
#include "util/vector.h"

int journal_record_new(JournalRecord *ret, const char *key, const char *line, size_t size) {
        JournalRecord record = { .key = strdup(key), .line = line ? strndup(line, size) : NULL };

        if (!record.key || (line && !record.line)) {
                journal_record_done(&record);
                return -ENOMEM;
        }

        *ret = record;
        return 0;
}

void journal_record_done(JournalRecord *record) {
        free(record->key);
        free(record->line);
        *record = (JournalRecord){ 0 };
}

void journal_table_done(JournalTable *table) {
        for (size_t i = 0; i < table->n_items; i++)
                journal_record_done(&table->items[i]);
        free(table->items);
        *table = (JournalTable){ 0 };
}

int journal_table_reserve(JournalTable *table) {
        return vector_reserve(&table->items, table->n_items, sizeof(*table->items));
}

static size_t find_item(const JournalTable *table, const char *key) {
        size_t i;

        for (i = 0; i < table->n_items; i++)
                if (strcmp(table->items[i].key, key) == 0)
                        break;
        return i;
}

/* The number in "attachment/17"; 0 for another key. */
static uint32_t key_number(const char *key) {
        static const char kind[] = "attachment/";
        const char *digits = key + strlen(kind);
        unsigned long number;
        char *end;

        if (strncmp(key, kind, strlen(kind)) != 0 || *digits < '1' || *digits > '9')
                return 0;

        errno = 0;
        number = strtoul(digits, &end, 10);
        return errno == 0 && *end == '\0' && number <= UINT32_MAX ? (uint32_t) number : 0;
}

static void mind_number(JournalTable *table, uint32_t number) {
        if (number >= table->next)
                table->next = number < UINT32_MAX ? number + 1 : UINT32_MAX;
}

void journal_table_put(JournalTable *table, JournalRecord record) {
        size_t i = find_item(table, record.key);

        mind_number(table, key_number(record.key));
        if (i < table->n_items)
                journal_record_done(&table->items[i]);

        if (record.line) {
                table->items[i] = record;
                table->n_items += i == table->n_items;
                return;
        }

        if (i < table->n_items) {
                table->n_items--;
                memmove(table->items + i, table->items + i + 1,
                        (table->n_items - i) * sizeof(*table->items));
        }
        journal_record_done(&record);
}

int journal_table_print(const JournalTable *table, char **ret, size_t *ret_size) {
        _cleanup_(freep) char *json = NULL, *line = NULL;
        char *text = NULL;
        size_t size = 0;
        FILE *out;
        bool failed;

        json = text_print("{\"key\":\"" JOURNAL_NEXT_KEY "\",\"put\":%" PRIu32 "}", table->next);
        line = json ? journal_line_new(json) : NULL;
        out = line ? open_memstream(&text, &size) : NULL;
        if (!out)
                return -ENOMEM;

        (void) fputs(JOURNAL_VERSION_LINE, out); /* ferror() tells in the end */
        (void) fputs(line, out);
        for (size_t i = 0; i < table->n_items; i++)
                (void) fputs(table->items[i].line, out);

        failed = ferror(out);
        if (fclose(out) != 0 || failed) {
                free(text);
                return -ENOMEM;
        }

        *ret = text;
        *ret_size = size;
        return 0;
}
