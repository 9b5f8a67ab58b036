/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/match-line.h"

#include <string.h>

#include "util/text.h"
#include "util/vector.h"

/* Cuts the next word out of @line and moves on. Sets @ret to NULL at the end of the line. */
static int next_word(char **line, char **ret, Refusal *refusal) {
        char *word = *line + strspn(*line, " \t"), *end;

        if (*word == '\0') {
                *ret = NULL;
                return 0;
        }

        if (*word == '"') {
                end = strchr(word + 1, '"');
                if (!end)
                        return refuse(refusal, MATCH_INVALID, "%.64s lacks its closing quote",
                                      word);
                if (end[1] != '\0' && !strchr(" \t", end[1]))
                        return refuse(refusal, MATCH_INVALID, "no blank after the quote in %.64s",
                                      word);
                word++;
        } else {
                end = word + strcspn(word, " \t");
                if (memchr(word, '"', (size_t) (end - word))) {
                        *end = '\0';
                        return refuse(refusal, MATCH_INVALID,
                                      "in %.64s the quotes must stand around the whole word", word);
                }
        }

        *line = end + (*end != '\0');
        *end = '\0';
        *ret = word;
        return 0;
}

static int read_words(char *line, Word **words, size_t *n_words, Refusal *refusal) {
        char *word = NULL;
        int r;

        for (;;) {
                char *parting;

                r = next_word(&line, &word, refusal);
                if (r != 0 || !word)
                        return r;

                parting = strchr(word, '=');
                if (!parting)
                        return refuse(refusal, MATCH_INVALID, "'%.64s' is not KEY=VALUE", word);

                *parting = '\0';
                r = VECTOR_APPEND(*words, *n_words, ((Word){ .key = word, .value = parting + 1 }));
                if (r < 0)
                        return r;
        }
}

int match_line_parse(RuleKind kind, char *line, Rule **ret, Refusal *refusal) {
        _cleanup_(freep) Word *words = NULL;
        size_t n_words = 0;
        int r;

        r = read_words(line, &words, &n_words, refusal);
        if (r != 0)
                return r;
        if (n_words == 0)
                return refuse(refusal, MATCH_INVALID, "nothing to match by");

        return rule_new(ret, kind, words, n_words, refusal);
}
