/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Words of an explanation: what stands against a device, for people.
 */
#pragma once

#include <jansson.h>

/**
 * explain_words() - a row of an explanation in words
 * @document: the whole, as --json has it
 * @row:      one of its candidates
 *
 * Return: new text fit for a terminal, a line a reason, as in "attached to web01\non NUMA node 1"; NULL
 * without memory.
 */
char *explain_words(const json_t *document, const json_t *row);
