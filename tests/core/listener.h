/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Listener: somebody who read every object once and since then only what the changes say is new. What
 * it knows must always be all that is shown.
 */
#pragma once

#include "random-life.h"

typedef struct Shown {
        bool known;
        char *parts[15]; /* one a property bit of a device */
} Shown;

/* Counts and members as a listener has them: Devices is read again when told so. */
typedef struct ShownSet {
        bool known;
        unsigned n_total, n_free;
        uint64_t members;
} ShownSet;

typedef struct Listener {
        Shown devices[PLACES];
        ShownSet pools[2], aliases[2];
} Listener;

/* Takes the changes in and forgets them in the registry. */
void listener_hear(Registry *registry, Listener *listener);

/* Fails the test when something is shown that the listener does not know so. */
void listener_check(const Registry *registry, const Listener *listener);

void listener_done(Listener *listener);
