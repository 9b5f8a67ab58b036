/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Match line: the value of Match= into a rule.
 *
 * Words are parted by blanks; a word with blanks in it stands in double quotes, all of it. A word is
 * a key and a value, parted by the first =.
 */
#pragma once

#include "core/match.h"

/**
 * match_line_parse() - read one line
 * @line: is written to
 *
 * Return: 0, MATCH_INVALID with the word at fault, or -ENOMEM.
 */
int match_line_parse(RuleKind kind, char *line, Rule **ret, Refusal *refusal);
