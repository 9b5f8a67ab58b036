/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Actions: does polkit know ours? Asked when the bus is there, and again when polkit comes back or says that
 * its actions changed; the loop never waits for it. A policy file that is missing or that polkit cannot read is
 * thus seen before somebody calls, and while an action is missing nobody but root may change anything.
 *
 * What is found here only ever says no: that a caller may is polkit's answer to that very call (authority.h).
 */
#pragma once

#include "bus/state.h"

/* Begins to ask and to listen. 0 or negative errno. */
int actions_start(Bus *bus);
void actions_stop(Bus *bus);

/* Refuses with AccessDenied while an action is missing: a negative errno with @error set; else 0. */
int actions_check(const Bus *bus, sd_bus_error *error);
