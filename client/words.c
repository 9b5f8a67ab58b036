/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "words.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static int add_word(json_t *line, const char *word, Refusal *refusal) {
        const char *equals = strchr(word, '=');
        _cleanup_(freep) char *key = NULL;

        if (!equals || equals == word)
                return refuse(refusal, MATCH_INVALID, "'%s' is no key=value", word);

        key = strndup(word, (size_t) (equals - word));
        if (!key)
                return -ENOMEM;
        if (json_object_get(line, key))
                return refuse(refusal, MATCH_INVALID,
                              "'%s' stands twice in one line: parts of a line must all hold, 'or' "
                              "begins another",
                              key);

        return json_object_set_new(line, key, json_string(equals + 1)) < 0 ? -ENOMEM : 0;
}

/* A line as in a file. */
static int add_words(json_t *line, const char *text, Refusal *refusal) {
        int r;

        for (;;) {
                _cleanup_(freep) char *word = NULL;
                size_t size;

                text += strspn(text, " \t");
                if (!*text)
                        return 0;

                size = *text == '"' ? strcspn(text + 1, "\"") : strcspn(text, " \t");
                if (*text == '"' && text[1 + size] != '"')
                        return refuse(refusal, MATCH_INVALID, "a quote is left open: %s", text);

                word = strndup(*text == '"' ? text + 1 : text, size);
                if (!word)
                        return -ENOMEM;
                text += *text == '"' ? size + 2 : size;

                r = add_word(line, word, refusal);
                if (r != 0)
                        return r;
        }
}

/* The line goes to the lines, if there is anything in it, and an empty one takes its place. */
static int end_line(json_t *lines, json_t **line) {
        json_t *next;

        if (json_object_size(*line) == 0)
                return 0;
        if (json_array_append(lines, *line) < 0)
                return -ENOMEM;

        next = json_object();
        if (!next)
                return -ENOMEM;
        json_decref(*line);
        *line = next;
        return 0;
}

static int add_argument(json_t *lines, json_t **line, const char *argument, Refusal *refusal) {
        bool is_line = strpbrk(argument, " \t");
        int r = 0;

        if (strcmp(argument, "or") == 0)
                return end_line(lines, line);
        if (!is_line)
                return add_word(*line, argument, refusal);

        r = end_line(lines, line);
        if (r == 0)
                r = add_words(*line, argument, refusal);
        if (r == 0)
                r = end_line(lines, line);
        return r;
}

int words_read(char *const *arguments, json_t **ret, Refusal *refusal) {
        _cleanup_(json_decrefp) json_t *lines = json_array(), *line = json_object();
        int r;

        if (!lines || !line)
                return -ENOMEM;

        for (size_t i = 0; arguments[i]; i++) {
                r = add_argument(lines, &line, arguments[i], refusal);
                if (r != 0)
                        return r;
        }

        r = end_line(lines, &line);
        if (r < 0)
                return r;
        /* A line without words fits every device: nobody means that by leaving words out. */
        if (json_array_size(lines) == 0)
                return refuse(refusal, MATCH_INVALID, "no key=value is given");

        *ret = TAKE(lines);
        return 0;
}
