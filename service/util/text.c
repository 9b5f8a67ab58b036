/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "util/text.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

char *text_print(const char *format, ...) {
        va_list arguments;
        char *text = NULL;
        int r;

        va_start(arguments, format);
        r = vasprintf(&text, format, arguments);
        va_end(arguments);

        return r < 0 ? NULL : text;
}

char **list_free(char **list) {
        for (size_t i = 0; list && list[i]; i++)
                free(list[i]);
        free(list);
        return NULL;
}

size_t list_length(char *const *list) {
        size_t n = 0;

        while (list && list[n])
                n++;
        return n;
}

int list_append(char ***list, const char *text) {
        _cleanup_(freep) char *copy = NULL;
        size_t n = list_length(*list);
        char **grown;

        copy = strdup(text);
        if (!copy)
                return -ENOMEM;

        grown = reallocarray(*list, n + 2, sizeof(*grown));
        if (!grown)
                return -ENOMEM;

        grown[n] = TAKE(copy);
        grown[n + 1] = NULL;
        *list = grown;
        return 0;
}

int list_copy(char *const *list, char ***ret) {
        _cleanup_(list_freep) char **copy = NULL;
        int r;

        for (size_t i = 0; list && list[i]; i++) {
                r = list_append(&copy, list[i]);
                if (r < 0)
                        return r;
        }

        *ret = TAKE(copy);
        return 0;
}

bool list_equal(char *const *a, char *const *b) {
        size_t n = list_length(a);

        if (n != list_length(b))
                return false;

        for (size_t i = 0; i < n; i++)
                if (strcmp(a[i], b[i]) != 0)
                        return false;

        return true;
}

bool list_contains(char *const *list, const char *text) {
        for (size_t i = 0; list && list[i]; i++)
                if (strcmp(list[i], text) == 0)
                        return true;

        return false;
}

static int compare_texts(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

void list_sort_unique(char **list) {
        size_t n = list_length(list), kept = 0;

        if (n == 0)
                return;

        qsort(list, n, sizeof(*list), compare_texts);
        for (size_t i = 1; i < n; i++) {
                if (strcmp(list[kept], list[i]) == 0)
                        free(list[i]);
                else
                        list[++kept] = list[i];
        }
        list[kept + 1] = NULL;
}

char *list_join(char *const *list, const char *separator) {
        size_t gap = strlen(separator), size = 1, n = list_length(list);
        char *joined, *end;

        for (size_t i = 0; i < n; i++)
                size += strlen(list[i]) + gap;

        joined = malloc(size);
        if (!joined)
                return NULL;

        end = joined;
        for (size_t i = 0; i < n; i++) {
                if (i > 0)
                        end = stpcpy(end, separator);
                end = stpcpy(end, list[i]);
        }
        *end = '\0';
        return joined;
}

/* Decodes one character; returns how many bytes it took, 0 when they are no UTF-8. */
static size_t decode(const unsigned char *bytes, size_t size, uint32_t *ret) {
        static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
        uint32_t c = bytes[0];
        size_t n;

        if (c < 0x80)
                n = 1;
        else if ((c & 0xe0) == 0xc0)
                n = 2, c &= 0x1f;
        else if ((c & 0xf0) == 0xe0)
                n = 3, c &= 0x0f;
        else if ((c & 0xf8) == 0xf0)
                n = 4, c &= 0x07;
        else
                return 0;

        if (n > size)
                return 0;

        for (size_t i = 1; i < n; i++) {
                if ((bytes[i] & 0xc0) != 0x80)
                        return 0;
                c = c << 6 | (bytes[i] & 0x3f);
        }

        if (n > 1 && (c < smallest[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)))
                return 0;

        *ret = c;
        return n;
}

bool text_is_utf8(const char *text, size_t size) {
        const unsigned char *bytes = (const unsigned char *) text;
        uint32_t c;

        for (size_t i = 0; i < size;) {
                size_t n = decode(bytes + i, size - i, &c);

                if (n == 0 || c == 0)
                        return false;
                i += n;
        }

        return true;
}

static bool character_is_plain(uint32_t c) {
        if (c < 0x20 || (c >= 0x7f && c <= 0x9f))
                return false;
        if (c == 0x061c || c == 0x200e || c == 0x200f)
                return false;
        return !(c >= 0x2028 && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069);
}

size_t text_line_prefix(const char *text) {
        const unsigned char *bytes = (const unsigned char *) text;
        size_t i = 0;
        uint32_t c;

        while (bytes[i]) {
                /* A character of at most four bytes; the NUL that may be among them continues none. */
                size_t n = decode(bytes + i, 4, &c);

                if (n == 0 || !character_is_plain(c))
                        break;
                i += n;
        }

        return i;
}

bool text_is_line(const char *text) {
        return text[text_line_prefix(text)] == '\0';
}

void text_copy(char *buffer, size_t size, const char *text) {
        size_t length = strlen(text);

        assert(length < size);
        memcpy(buffer, text, length + 1);
}

char *text_hex(char *text, uint32_t value, unsigned n_digits) {
        while (n_digits < 8 && value >> (4 * n_digits) != 0)
                n_digits++;
        while (n_digits-- > 0)
                *text++ = "0123456789abcdef"[value >> (4 * n_digits) & 0xf];
        return text;
}

bool text_equal(const char *a, const char *b) {
        return strcmp(a ?: "", b ?: "") == 0;
}

char *text_strip(char *text) {
        size_t size;

        text += strspn(text, " \t");
        size = strlen(text);
        while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\t'))
                size--;
        text[size] = '\0';
        return text;
}

enum {
        BEGINNING_MIN = 4, /* characters that say enough to guess the rest */
        LONGEST_WORD = 63
};

static size_t edit_distance(const char *a, const char *b) {
        size_t n = strlen(a), m = strlen(b), row[LONGEST_WORD + 1];

        if (n > LONGEST_WORD || m > LONGEST_WORD)
                return SIZE_MAX;

        for (size_t j = 0; j <= m; j++)
                row[j] = j;

        for (size_t i = 1; i <= n; i++) {
                size_t diagonal = row[0];

                row[0] = i;
                for (size_t j = 1; j <= m; j++) {
                        size_t best = diagonal + (a[i - 1] != b[j - 1]);

                        diagonal = row[j];
                        if (row[j] + 1 < best)
                                best = row[j] + 1;
                        if (row[j - 1] + 1 < best)
                                best = row[j - 1] + 1;
                        row[j] = best;
                }
        }

        return row[m];
}

const char *text_nearest(const char *word, const char *const *words) {
        size_t nearest = strlen(word) <= 3 ? 2 : 3;
        const char *meant = NULL;

        for (size_t i = 0; words[i]; i++) {
                size_t distance = edit_distance(word, words[i]);

                if (distance < nearest) {
                        nearest = distance;
                        meant = words[i];
                }
        }

        for (size_t i = 0; !meant && strlen(word) >= BEGINNING_MIN && words[i]; i++)
                if (strncmp(words[i], word, strlen(word)) == 0)
                        meant = words[i];

        return meant;
}
