/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Quote: text from outside, made fit to stand inside a sentence.
 *
 * A refusal is one line of bounded length, whatever was asked for.
 */
#pragma once

enum {
        QUOTE_CHARACTERS_MAX = 64,
        QUOTE_SIZE = QUOTE_CHARACTERS_MAX * 4 + sizeof("…")
};

/**
 * quote() - the beginning of a text, as part of a line
 * @text:   anything
 * @quoted: receives at most 64 characters of it, and … when there was more
 *
 * What is no UTF-8 or would not stay on the line (text_is_line()) is shown as a question mark.
 *
 * Return: @quoted.
 */
const char *quote(const char *text, char quoted[static QUOTE_SIZE]);
