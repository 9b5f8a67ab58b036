/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Words: match lines as they are given on the command line.
 *
 * Each argument is one word of the line, key=value with whatever blanks the shell let through, and
 * all words of a line must hold. The argument "or" ends the line and begins an alternative. An argument
 * that is wholly made of such words is a line of its own, written as after Match= in a file: words
 * parted by blanks, a word with blanks in quotes.
 */
#pragma once

#include <jansson.h>

#include "core/verdict.h"

/**
 * words_read() - read the lines
 * @arguments: NULL-terminated
 * @ret:       an array of objects { key: value }, only on success
 *
 * Return: 0, MATCH_INVALID (a word without =, a key twice in a line, no word at all) or -ENOMEM.
 */
int words_read(char *const *arguments, json_t **ret, Refusal *refusal);
