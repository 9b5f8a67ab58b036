/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/journal-line.h"

#include <stdio.h>
#include <string.h>

#include "util/text.h"

enum {
        DIGITS = 8,         /* of the checksum */
        PREFIX = DIGITS + 1 /* and the blank behind it */
};

uint32_t checksum_crc32c(const char *bytes, size_t size) {
        uint32_t sum = UINT32_MAX;

        for (size_t i = 0; i < size; i++) {
                sum ^= (unsigned char) bytes[i];
                for (int bit = 0; bit < 8; bit++)
                        sum = sum >> 1 ^ (sum & 1 ? UINT32_C(0x82f63b78) : 0);
        }

        return ~sum;
}

char *journal_line_new(const char *json) {
        return text_print("%08x %s\n", (unsigned) checksum_crc32c(json, strlen(json)), json);
}

bool journal_line_check(const char *line, size_t size, const char **ret_json) {
        char digits[DIGITS + 1];

        if (size <= PREFIX || line[DIGITS] != ' ')
                return false;

        (void) snprintf(digits, sizeof(digits), "%08x",
                        (unsigned) checksum_crc32c(line + PREFIX, size - PREFIX));
        if (memcmp(digits, line, DIGITS) != 0)
                return false;

        *ret_json = line + PREFIX;
        return true;
}

/* Where the object that @json begins with is closed: the bytes up to there, or 0 when it stays open. */
static size_t object_length(const char *json, size_t size) {
        bool quoted = false, escaped = false;
        size_t depth = 0;

        for (size_t i = 0; i < size; i++) {
                if (escaped) {
                        escaped = false;
                        continue;
                }

                escaped = quoted && json[i] == '\\';
                if (json[i] == '"')
                        quoted = !quoted;
                if (quoted)
                        continue;

                depth += json[i] == '{';
                if (json[i] == '}' && --depth == 0)
                        return i + 1;
        }

        return 0;
}

bool journal_line_is_torn(const char *tail, size_t size) {
        const char *json = tail + PREFIX, *checked;
        size_t length;

        for (size_t i = 0; i < size && i < DIGITS; i++)
                if (tail[i] == '\0' || !strchr("0123456789abcdef", tail[i]))
                        return false;
        if (size > DIGITS && tail[DIGITS] != ' ')
                return false;
        if (size <= PREFIX)
                return true;
        if (*json != '{')
                return false;

        /* ASCII as jansson prints it: DEL is the one control character that it leaves as it is. */
        for (size_t i = PREFIX; i < size; i++)
                if ((unsigned char) tail[i] < ' ' || (unsigned char) tail[i] > 0x7f)
                        return false;

        /* A whole object lacks but its newline, and then its checksum must be right. */
        length = object_length(json, size - PREFIX);
        return length == 0 || (length == size - PREFIX && journal_line_check(tail, size, &checked));
}
