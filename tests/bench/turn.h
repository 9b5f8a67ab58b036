/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Turn: what the measuring programs have in common. Each measures once for every line on its input, and prints a
 * line of words NAME=VALUE, so that several of them can take turns on one machine.
 */
#pragma once

#include <stdbool.h>

double turn_now_usec(void); /* CLOCK_MONOTONIC */

/* Waits for the next line; false: there is none, the program ends. */
bool turn_wait(void);

/* One line, written at once. */
void turn_report(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Ends the program with the text of a negative errno; anything else is given back. */
int turn_check(int r, const char *what);
