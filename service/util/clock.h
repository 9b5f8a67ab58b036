/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Clock: the time in microseconds. For all but core/, to which it is told.
 */
#pragma once

#include <stdint.h>
#include <time.h>

/* Of a clock that every kernel has (CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME), in µs. */
uint64_t clock_usec(clockid_t clock);

/* CLOCK_MONOTONIC in µs: for how long something took, and for deadlines while the machine is awake. */
uint64_t clock_monotonic_usec(void);
