/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Terminal: text that is fit to be shown, and colour where there is somebody to see it.
 */
#pragma once

#include "client.h"

/* Finds out what stdout can show: colour (a terminal, no NO_COLOR), UTF-8 (the locale). */
void terminal_detect(Client *client);

/*
 * @text, with control characters and what turns the direction of writing shown as \xNN; NULL without
 * memory.
 */
char *terminal_escape(const char *text);

/* Escape sequence for a word of state or result; NULL: shown plainly. */
const char *terminal_colour(const char *word);

/* Prints @word, in its colour if there is one. */
void terminal_print_word(const Client *client, const char *word);

/* A bar of @part in @whole, @width characters wide; NULL without memory. */
char *terminal_bar(const Client *client, unsigned part, unsigned whole, unsigned width);

/* How wide the terminal on stdout is; 0: there is none. */
size_t terminal_columns(void);

/* How many columns of it a text takes. */
size_t terminal_text_width(const char *text);
