/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Place: where something stands in a file, and errors that begin with it.
 */
#pragma once

#include "core/verdict.h"

typedef struct Place {
        const char *file;
        unsigned line;
} Place;

/**
 * place_refuse() - CONFIG_INVALID with a sentence that begins with file:line:
 *
 * What came from the file may be quoted as it is: a text that is not fit to be shown as one line is
 * made so.
 *
 * Return: CONFIG_INVALID or -ENOMEM.
 */
int place_refuse(Refusal *refusal, const Place *place, const char *format, ...) _printf_(3, 4);

/* The same for what another part refused: a verdict becomes CONFIG_INVALID with its text; 0 and errno pass. */
int place_translate(Refusal *refusal, const Place *place, int verdict, const Refusal *said);
