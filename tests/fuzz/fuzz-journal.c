/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The journal: the text as it is and, since no fuzzer guesses checksums, its lines as records with
 * theirs.
 */
#include <string.h>

#include "fuzz.h"
#include "store/journal-line.h"
#include "store/journal-replay.h"
#include "util/text.h"

static void check_replay(const char *text, size_t size) {
        _cleanup_(journal_content_done) JournalContent content = { 0 };
        _cleanup_(journal_table_done) JournalTable table = { 0 };
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        size_t n_records = 0, end = 0;
        int r;

        r = journal_replay(text, size, &table, &n_records, &end, &content, &refusal);
        MUST_HOLD(r == 0 || (r == JOURNAL_FAILED && refusal.text));
        if (r != 0)
                return;

        MUST_HOLD(end <= size && table.n_items <= n_records && content.next_attachment >= 1);
        MUST_HOLD(table.n_items ==
                  content.n_attachments + content.runtime.n_pools + content.runtime.n_aliases);
}

static char *make_journal(char *records) {
        _cleanup_(list_freep) char **lines = NULL;

        MUST_HOLD(list_append(&lines, JOURNAL_VERSION_LINE) == 0);
        for (char *line = strtok(records, "\n"); line; line = strtok(NULL, "\n")) {
                _cleanup_(freep) char *with_checksum = journal_line_new(line);

                MUST_HOLD(with_checksum && list_append(&lines, with_checksum) == 0);
        }

        return list_join(lines, "");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
        _cleanup_(freep) char *records = strndup((const char *) bytes, size), *journal = NULL;

        check_replay((const char *) bytes, size);

        MUST_HOLD(records);
        journal = make_journal(records);
        MUST_HOLD(journal);
        check_replay(journal, strlen(journal));
        return 0;
}
