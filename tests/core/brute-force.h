/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Brute force: the best plan for a made world, found by trying every one.
 *
 * It reads the numbers of the world alone, and goes by the rules as they are written in core/allocate.h and the
 * contract; nothing of the service has a part in it.
 */
#pragma once

#include "made-world.h"

typedef unsigned Set; /* of places of things, as bits */

bool set_has(Set set, size_t place);

/* The unit that has the thing at @place. */
Set unit_of(const World *world, Unit unit, size_t place);

/* May the item have this unit, as far as the unit alone tells? */
bool unit_serves(const World *world, const Asked *item, Set unit, bool force);

/* Do these devices, which are each chosen once, keep the rules that only a whole plan can break? */
bool is_plan(const World *world, Set chosen);

/* How good a plan is; the first figure that differs decides, and less is better. */
typedef struct Worth {
        unsigned n_other, n_unknown, n_tags, n_beside;
        uint64_t addresses; /* the lowest is the highest bit: more is better */
} Worth;

int worth_compare(const Worth *a, const Worth *b); /* <0: @a is better */
void worth_add(const World *world, const Asked *item, Set unit, Worth *worth);

typedef struct Force {
        const World *world;
        bool force;
        Set units[ITEMS_MAX][DEVICES_MAX]; /* that serve each item */
        size_t n_units[ITEMS_MAX];
        bool fits;
        Worth best;
} Force;

void brute_force(Force *ret, const World *world, bool force);
