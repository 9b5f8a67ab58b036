/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/quote.h"

#include <string.h>

#include "util/text.h"

/* How many bytes the character at @text takes; 0 when it may not be shown. */
static size_t shown_size(const char *text) {
        char character[5] = "";

        for (size_t n = 1; n < sizeof(character) && text[n - 1]; n++) {
                character[n - 1] = text[n - 1];
                if (text_is_line(character))
                        return n;
        }

        return 0;
}

/* The bytes that one question mark stands for: a lead byte with what continues it. */
static size_t hidden_size(const char *text) {
        size_t n = 1;

        while (n < 4 && ((unsigned char) text[n] & 0xc0) == 0x80)
                n++;
        return n;
}

const char *quote(const char *text, char quoted[static QUOTE_SIZE]) {
        char *end = quoted;

        for (size_t i = 0; *text && i < QUOTE_CHARACTERS_MAX; i++) {
                size_t n = shown_size(text);

                if (n > 0) {
                        end = mempcpy(end, text, n);
                        text += n;
                } else {
                        *end++ = '?';
                        text += hidden_size(text);
                }
        }

        text_copy(end, (size_t) (quoted + QUOTE_SIZE - end), *text ? "…" : "");
        return quoted;
}
