/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzz: the one function of a fuzz target, as libFuzzer wants it.
 *
 * Each target is built twice: with clang for libFuzzer, to look for inputs that break something,
 * and with run-corpus.c, which runs the inputs known so far as a test.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(default)
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
#pragma GCC visibility pop

/* Unlike assert(), never compiled out. */
#define MUST_HOLD(condition)                                                                       \
        do {                                                                                       \
                if (!(condition))                                                                  \
                        __builtin_trap();                                                          \
        } while (0)
