/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/verdict.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int refuse(Refusal *refusal, int verdict, const char *format, ...) {
        va_list arguments;
        char *text = NULL;
        int r;

        if (!refusal)
                return verdict;

        va_start(arguments, format);
        r = vasprintf(&text, format, arguments);
        va_end(arguments);
        if (r < 0)
                return -ENOMEM;

        refusal_done(refusal);
        refusal->verdict = verdict;
        refusal->text = text;
        return verdict;
}

void refusal_done(Refusal *refusal) {
        free(refusal->text);
        *refusal = (Refusal){ 0 };
}
