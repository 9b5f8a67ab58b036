/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Failing memory: lets one allocation of the code under test fail.
 *
 * The linker puts the functions of failing-memory.c in the place of the C library's, as far as our own objects call
 * them (failing_memory in meson.build brings the arguments).
 */
#pragma once

#include <stdbool.h>

/* The allocation after the next @n fails, once, with ENOMEM. */
void memory_fail_after(int n);

/* From now on none fails. Did one, since it was asked for? */
bool memory_has_failed(void);

/* While it rests nothing fails and nothing is counted: what a test allocates for itself. */
void memory_rest(bool rests);

/* Is it this one that fails? For what a test itself lets fail beside the allocations. */
bool memory_fails(void);
