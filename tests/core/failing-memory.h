/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Failing memory: lets one allocation of the code under test fail.
 *
 * A program that uses it is linked with --wrap for each function that it stands in for (meson.build).
 */
#pragma once

#include <stdbool.h>

/* The allocation after the next @n fails, once. */
void memory_fail_after(int n);

/* From now on none fails. Did one, since it was asked for? */
bool memory_has_failed(void);
