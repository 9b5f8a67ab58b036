/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * INI: text into sections, keys and values, each with the line where it stands.
 *
 * A line is a comment only if its first character that is no blank is # or ;. What a section means is
 * the caller's: he tells for each how its lines are to be read. Nothing here opens a file.
 */
#pragma once

#include <stddef.h>

#include "store/place.h"

enum {
        INI_LINE_MAX = 64 * 1024 /* bytes, without the newline */
};

typedef enum IniDialect {
        INI_NATIVE, /* the first = parts, blanks before a key are ignored */
        INI_OSLO, /* the first = or : parts, quotes around a value go, a line that begins with a blank goes on with the value above */
        INI_SKIP, /* another program's: only section lines are looked at */
} IniDialect;

/* Each answers 0, -ENOMEM or a verdict; anything but 0 ends the reading. */
typedef struct IniCallbacks {
        /* A section begins. @name is stripped and not empty. */
        int (*section)(void *userdata, const Place *place, const char *name, IniDialect *ret,
                       Refusal *refusal);
        /* A key of the section, which may be written to; so may the value. The key is not empty. */
        int (*entry)(void *userdata, const Place *place, char *key, char *value, Refusal *refusal);
} IniCallbacks;

/**
 * ini_parse() - read one file's text
 * @file: its name, for messages; borrowed
 * @text: @size bytes; need not end with a newline or NUL
 *
 * Return: 0, CONFIG_INVALID with file:line: (a line too long, NUL, no UTF-8, neither section nor
 * key), -ENOMEM, or what a callback answered.
 */
int ini_parse(const char *file, const char *text, size_t size, const IniCallbacks *callbacks,
              void *userdata, Refusal *refusal);
