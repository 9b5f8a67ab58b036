/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/place.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/text.h"

int place_refuse(Refusal *refusal, const Place *place, const char *format, ...) {
        _cleanup_(freep) char *text = NULL;
        va_list arguments;
        int r;

        va_start(arguments, format);
        r = vasprintf(&text, format, arguments);
        va_end(arguments);
        if (r < 0) {
                text = NULL;
                return -ENOMEM;
        }

        /* Also where a quotation was cut inside a character. */
        if (!text_is_line(text))
                for (char *c = text; *c; c++)
                        if (*c < ' ' || *c > '~')
                                *c = '?';

        return refuse(refusal, CONFIG_INVALID, "%s:%u: %s", place->file, place->line, text);
}

int place_translate(Refusal *refusal, const Place *place, int verdict, const Refusal *said) {
        if (verdict <= 0)
                return verdict;

        return place_refuse(refusal, place, "%s", said->text ?: "refused");
}
