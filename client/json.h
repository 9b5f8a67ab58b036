/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Json: documents on stdout. The form stands in hostdevctl(1).
 */
#pragma once

#include <jansson.h>

/* Prints a document (NULL: could not be made), indented. Return: the exit status. */
int json_print(const json_t *document);

/* The same on one line, written at once. */
int json_print_line(const json_t *document);
