/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "store/json-text.h"
#include "store/nova.h"
#include "util/text.h"
#include "util/vector.h"

/* The length of the JSON number that @text begins with; 0: none. */
static size_t number_length(const char *text) {
        const char *c = text;

        c += *c == '-';
        if (!isdigit((unsigned char) *c))
                return 0;
        c += *c == '0' ? 1 : strspn(c, "0123456789");

        if (*c == '.') {
                size_t n = strspn(c + 1, "0123456789");

                if (n == 0)
                        return 0;
                c += 1 + n;
        }

        if (*c == 'e' || *c == 'E') {
                const char *digits = c + 1 + (c[1] == '+' || c[1] == '-');
                size_t n = strspn(digits, "0123456789");

                if (n == 0)
                        return 0;
                c = digits + n;
        }

        return (size_t) (c - text);
}

/* The length of the string that @text begins with, quotes included; all of @text when it has no end. */
static size_t string_length(const char *text) {
        const char *c = text + 1;

        while (*c != '\0' && *c != '"')
                c += *c == '\\' && c[1] != '\0' ? 2 : 1;

        return (size_t) (c - text) + (*c == '"');
}

static int keep_number(NovaValue *value, const char *text, size_t size) {
        _cleanup_(freep) char *number = strndup(text, size);
        int r;

        if (!number)
                return -ENOMEM;

        r = VECTOR_APPEND(value->numbers, value->n_numbers, number);
        if (r < 0)
                return r;

        (void) TAKE(number); /* the value's now */
        return 0;
}

/*
 * jansson turns numbers into doubles and refuses long ones, while a tag is to show what was written.
 * So each number is put aside and its index stands in its place.
 */
static int put_numbers_aside(const char *text, FILE *out, NovaValue *value, Refusal *refusal) {
        int r;

        while (*text) {
                size_t size = *text == '"' ? string_length(text) : 1;

                if (*text != '-' && !isdigit((unsigned char) *text)) {
                        (void) fwrite(text, 1, size, out); /* ferror() tells in the end */
                        text += size;
                        continue;
                }

                size = number_length(text);
                if (size == 0 || isalnum((unsigned char) text[size]) || text[size] == '.')
                        return refuse(refusal, MATCH_INVALID, "not JSON: '%.16s' is no number",
                                      text);

                (void) fprintf(out, "%zu", value->n_numbers);
                r = keep_number(value, text, size);
                if (r < 0)
                        return r;
                text += size;
        }

        return 0;
}

/* Says what is wrong with what was written, not with what we made of it. */
static int refuse_json(const char *text, Refusal *refusal) {
        char message[JSON_MESSAGE_SIZE] = "";
        json_auto_t *json = NULL;

        if (json_text_parse(text, strlen(text), &json, message) == -ENOMEM)
                return -ENOMEM;

        return refuse(refusal, MATCH_INVALID, "not JSON: %s", message);
}

int nova_value_parse(const char *text, NovaValue *ret, Refusal *refusal) {
        _cleanup_(nova_value_done) NovaValue value = { 0 };
        _cleanup_(freep) char *numbered = NULL;
        size_t size = 0;
        FILE *out;
        int r;

        out = open_memstream(&numbered, &size);
        if (!out)
                return -ENOMEM;

        r = put_numbers_aside(text, out, &value, refusal);
        if (ferror(out))
                r = -ENOMEM;
        if (fclose(out) != 0)
                r = -ENOMEM;
        if (r != 0)
                return r;

        r = json_text_parse(numbered, size, &value.json, NULL);
        if (r == -EBADMSG)
                return refuse_json(text, refusal);
        if (r < 0)
                return r;

        *ret = value;
        value = (NovaValue){ 0 };
        return 0;
}

void nova_value_done(NovaValue *value) {
        json_decref(value->json);
        for (size_t i = 0; i < value->n_numbers; i++)
                free(value->numbers[i]);
        free(value->numbers);
        *value = (NovaValue){ 0 };
}

const char *nova_number(const NovaValue *value, const json_t *json) {
        size_t index;

        if (!json_is_integer(json))
                return NULL;

        index = (size_t) json_integer_value(json);
        return index < value->n_numbers ? value->numbers[index] : NULL;
}

int nova_boolean(const NovaValue *value, const json_t *json) {
        static const char *const words[][2] = {
                { "0", "1" },    { "f", "t" },    { "n", "y" },
                { "no", "yes" }, { "off", "on" }, { "false", "true" },
        };
        _cleanup_(freep) char *copy = NULL;
        const char *text = nova_number(value, json) ?: json_string_value(json);
        const char *stripped;

        if (json_is_boolean(json))
                return json_is_true(json);
        if (!text)
                return -1;

        copy = strdup(text);
        if (!copy)
                return -ENOMEM;

        stripped = text_strip(copy);
        for (size_t i = 0; i < N_ELEMENTS(words); i++)
                for (int truth = 0; truth <= 1; truth++)
                        if (strcasecmp(stripped, words[i][truth]) == 0)
                                return truth;

        return -1;
}

int nova_words_add(NovaWords *words, const char *key, const char *value) {
        _cleanup_(freep) char *key_copy = strdup(key), *value_copy = strdup(value);
        int r;

        if (!key_copy || !value_copy)
                return -ENOMEM;

        r = VECTOR_APPEND(words->items, words->n_items,
                          ((Word){ .key = key_copy, .value = value_copy }));
        if (r < 0)
                return r;

        (void) TAKE(key_copy); /* both are the words' now */
        (void) TAKE(value_copy);
        return 0;
}

void nova_words_done(NovaWords *words) {
        for (size_t i = 0; i < words->n_items; i++) {
                free(words->items[i].key);
                free(words->items[i].value);
        }
        free(words->items);
        *words = (NovaWords){ 0 };
}
