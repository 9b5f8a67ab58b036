/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Size: no answer is larger than ANSWER_SIZE_MAX. All objects at once may be, when many aliases mean many devices:
 * then who asks for them is told to ask for one object after the other.
 */
#pragma once

#include "bus/state.h"

enum {
        ANSWER_SIZE_MAX = 16 << 20
};

/* No less than what GetManagedObjects answers, and not much more. */
size_t size_of_objects(const Registry *registry);

/* From now on GetManagedObjects is LimitExceeded when that is too much. 0 or negative errno. */
int size_watch(Bus *bus);
