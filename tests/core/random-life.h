/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Random life: whatever can happen to a small host, in any order, the same on every machine.
 */
#pragma once

#include "made-life.h"

enum {
        PLACES = 8
};

/* A PF with VFs, a pair in one group that may be behind a bridge, single cards. */
extern const char *const places[PLACES];

/* Names of the two pools and the two aliases that may be there. */
extern const char *const set_names[2];

/* The seed is never 0. */
uint32_t pick(uint32_t *seed, uint32_t n); /* below @n */

/* One thing more. */
void random_event(Registry *registry, uint32_t *seed);
