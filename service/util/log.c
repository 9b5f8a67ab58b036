/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "util/log.h"

#include <stdio.h>
#include <stdlib.h>

#include "util/text.h"

static int highest_level = LOG_INFO;

void log_set_level(int level) {
        highest_level = level;
}

void log_line(int level, const char *format, ...) {
        _cleanup_(freep) char *text = NULL;
        va_list arguments;
        int r;

        if (level > highest_level)
                return;

        va_start(arguments, format);
        r = vasprintf(&text, format, arguments);
        va_end(arguments);
        if (r < 0)
                return;

        flockfile(stderr);
        if (getenv("JOURNAL_STREAM"))
                fprintf(stderr, "<%d>", level);
        for (const unsigned char *c = (unsigned char *) text; *c; c++) {
                if (*c < 0x20 || *c == 0x7f)
                        fprintf(stderr, "\\x%02x", *c);
                else
                        putc(*c, stderr);
        }
        putc('\n', stderr);
        funlockfile(stderr);
}
