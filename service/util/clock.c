/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "util/clock.h"

uint64_t clock_usec(clockid_t clock) {
        struct timespec time = { 0 };

        (void) clock_gettime(clock, &time); /* cannot fail for these clocks */
        return (uint64_t) time.tv_sec * 1000000 + (uint64_t) time.tv_nsec / 1000;
}

uint64_t clock_monotonic_usec(void) {
        return clock_usec(CLOCK_MONOTONIC);
}
