/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The value of Match=, in a pool and in an alias; what was read is written and read again. */
#include <string.h>

#include "fuzz.h"
#include "store/match-line.h"
#include "util/text.h"

static char *write_line(const Rule *rule) {
        _cleanup_(list_freep) char **words = NULL;

        for (size_t i = 0; i < rule->n_words; i++) {
                _cleanup_(freep) char *word =
                        text_print("\"%s=%s\"", rule->words[i].key, rule->words[i].value);

                MUST_HOLD(word && list_append(&words, word) == 0);
        }

        return list_join(words, " ");
}

static void check_same(const Rule *a, const Rule *b) {
        MUST_HOLD(a->n_words == b->n_words);
        for (size_t i = 0; i < a->n_words; i++) {
                MUST_HOLD(strcmp(a->words[i].key, b->words[i].key) == 0);
                MUST_HOLD(strcmp(a->words[i].value, b->words[i].value) == 0);
        }
}

static void check_line(RuleKind kind, const char *text) {
        _cleanup_(rule_freep) Rule *rule = NULL, *again = NULL;
        _cleanup_(freep) char *line = strdup(text), *written = NULL;
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        int r;

        MUST_HOLD(line);
        r = match_line_parse(kind, line, &rule, &refusal);
        MUST_HOLD(r == 0 ? rule != NULL : r == MATCH_INVALID && refusal.text && !rule);
        if (!rule)
                return;

        written = write_line(rule);
        MUST_HOLD(written);
        MUST_HOLD(match_line_parse(kind, written, &again, NULL) == 0);
        check_same(rule, again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
        _cleanup_(freep) char *text = strndup((const char *) bytes, size);

        MUST_HOLD(text);
        check_line(RULE_POOL, text);
        check_line(RULE_ALIAS, text);
        return 0;
}
