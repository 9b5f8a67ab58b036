/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "words.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "util/text.h"

static bool is_word(const char *text) {
        const char *equals = strchr(text, '=');

        return equals && equals != text;
}

static int add_word(json_t *line, const char *word, Refusal *refusal) {
        _cleanup_(freep) char *key = NULL;
        const char *equals;

        if (!is_word(word))
                return refuse(refusal, MATCH_INVALID, "'%s' is no key=value", word);

        equals = strchr(word, '=');
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

/* Parts a line as in a file is parted. An open quote reaches to the end. */
static int split(const char *text, char ***ret) {
        _cleanup_(list_freep) char **words = NULL;
        int r;

        while (*(text += strspn(text, " \t"))) {
                const char *begin = *text == '"' ? text + 1 : text;
                size_t size = strcspn(begin, *text == '"' ? "\"" : " \t");
                _cleanup_(freep) char *word = strndup(begin, size);

                r = word ? list_append(&words, word) : -ENOMEM;
                if (r < 0)
                        return r;

                text = begin + size;
                if (*text == '"')
                        text++;
        }

        *ret = TAKE(words);
        return 0;
}

/* "tag.rack=row 4" is one word with a blank in it, "vendor_id=8086 product_id=154d" a line. */
static bool is_line(char *const *words) {
        for (size_t i = 0; words && words[i]; i++)
                if (!is_word(words[i]))
                        return false;

        return list_length(words) > 1;
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
        _cleanup_(list_freep) char **words = NULL;
        int r;

        if (strcmp(argument, "or") == 0)
                return end_line(lines, line);

        r = split(argument, &words);
        if (r < 0)
                return r;
        if (!is_line(words))
                return add_word(*line, argument, refusal);

        assert(words);
        r = end_line(lines, line);
        for (size_t i = 0; r == 0 && words[i]; i++)
                r = add_word(*line, words[i], refusal);
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
