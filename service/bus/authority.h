/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Authority: may this caller do that? The bus said who calls (intake.h), polkit is asked whether they may; anything but
 * a clear yes is a no.
 *
 * How it waits: the answer to a question comes later, and the main loop never waits for it. So the
 * call is parked, and when the answer is there its message is put back into the queue of the
 * connection as if it had just come. Its handler runs a second time from the first line, looks up
 * everything again, and comes to authorize() again, which now knows the answer. Hence the one rule:
 * everything in a handler before authorize() only looks. If what it saw has become different meanwhile
 * (other details), the old answer says nothing, and polkit is asked again.
 */
#pragma once

#include "bus/call.h"

typedef enum Action {
        ACTION_ATTACH = 1 << 0,
        ACTION_DETACH_OWN = 1 << 1,
        ACTION_DETACH = 1 << 2,
        ACTION_MANAGE = 1 << 3,
        ACTION_FORCE = 1 << 4,
        ACTION_COUNT = 5,
} Action;

/* org.hostdev1.attach and so on; of a single bit. */
const char *action_id(unsigned action);

/**
 * authorize() - may the caller do this?
 * @actions: bits; every one of them is needed
 * @details: keys and values by turns, what polkit is shown
 * @error:   set when the answer is no, or the call cannot be decided
 *
 * Root, by the uid that the bus reports, may without a question.
 *
 * Return: 1: yes, act now. 0: parked, the handler returns 1. Negative errno: no.
 */
int authorize(Call *call, unsigned actions, char *const *details, sd_bus_error *error);

/**
 * consult() - would polkit let the caller do this?
 * @action:  a single bit
 * @details: as of authorize()
 * @ret:     ANSWER_NO, ANSWER_CHALLENGE or ANSWER_YES
 *
 * Asks as authorize() does, but the caller is never asked to authenticate, and no answer refuses the call.
 * That polkit is silent or absent, or that the details never stay the same, is a no. For a call that changes
 * nothing: an answer here allows nothing.
 *
 * Return: 1: @ret is the answer. 0: parked, the handler returns 1. Negative errno with @error set.
 */
int consult(Call *call, unsigned action, char *const *details, Answer *ret, sd_bus_error *error);
