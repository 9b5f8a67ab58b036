/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Text: NULL-terminated lists of strings, printed strings, and what text is fit to be shown.
 *
 * A list (char **) owns its strings; NULL is the empty list.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"

/* Prints into new memory; NULL without memory. */
char *text_print(const char *format, ...) _printf_(1, 2);

char **list_free(char **list); /* NULL is fine; always returns NULL */
DEFINE_CLEANUP(char **, list_free);
size_t list_length(char *const *list);
int list_append(char ***list, const char *text); /* copies; 0 or -ENOMEM, list as it was */
int list_copy(char *const *list, char ***ret);   /* 0 or -ENOMEM */
bool list_equal(char *const *a, char *const *b);
bool list_contains(char *const *list, const char *text);
void list_sort_unique(char **list);                        /* in byte order, each once */
char *list_join(char *const *list, const char *separator); /* new text; NULL without memory */

/* Valid UTF-8 of @size bytes without NUL, as RFC 3629 has it (no surrogates, no overlong forms). */
bool text_is_utf8(const char *text, size_t size);

/**
 * text_is_line() - may this be shown as one line of a log or a table?
 *
 * No control characters (C0, DEL, C1), no line or paragraph separators and no characters that turn
 * the direction of writing (U+061C, U+200E, U+200F, U+202A–U+202E, U+2066–U+2069).
 */
bool text_is_line(const char *text);

/* How many bytes of @text, from its beginning, may be shown so. */
size_t text_line_prefix(const char *text);

/* Copies @text into @buffer of @size bytes; that it has room there is the caller's word. */
void text_copy(char *buffer, size_t size, const char *text);

/* Writes @value with at least so many hex digits (more where it needs more), and no NUL; returns where they end. */
char *text_hex(char *text, uint32_t value, unsigned n_digits);

/* The same text? NULL counts as "". */
bool text_equal(const char *a, const char *b);

/* Drops blanks (space and tab) around @text in place; returns its new beginning. */
char *text_strip(char *text);

/**
 * text_nearest() - the word that was perhaps meant
 * @word:  what somebody wrote
 * @words: NULL-terminated candidates
 *
 * Return: the candidate with the smallest edit distance when that is at most 2 (1 for words of three
 * letters or less), the first of equals; else the first that begins with @word, if that has four
 * letters ("vendor": vendor_id); else NULL.
 */
const char *text_nearest(const char *word, const char *const *words);
