/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "util/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/text.h"

static int highest_level = LOG_INFO;

void log_set_level(int level) {
        highest_level = level;
}

/* Copies @text to @end, with every byte that is not fit for a line as \xNN; returns the new end. */
static char *append_line(char *end, const char *text) {
        while (*text) {
                size_t n = text_line_prefix(text);

                end = mempcpy(end, text, n);
                text += n;
                if (*text)
                        end += sprintf(end, "\\x%02x", (unsigned char) *text++);
        }

        return end;
}

void log_line(int level, const char *format, ...) {
        _cleanup_(freep) char *text = NULL, *line = NULL;
        va_list arguments;
        char *end;
        int r;

        if (level > highest_level)
                return;

        va_start(arguments, format);
        r = vasprintf(&text, format, arguments);
        va_end(arguments);
        if (r < 0) {
                text = NULL; /* undefined after a failure */
                return;
        }

        line = malloc(sizeof("<7>\n") + strlen(text) * strlen("\\x00"));
        if (!line)
                return;

        end = line;
        if (getenv("JOURNAL_STREAM"))
                end += sprintf(end, "<%d>", level & 7);
        end = append_line(end, text);
        *end++ = '\n';

        /* At once: lines of several threads or processes do not mix. */
        (void) fwrite(line, 1, (size_t) (end - line), stderr);
}
