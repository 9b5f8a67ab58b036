/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Intake: in which order calls are worked on: not as they come but by turns, one of each user.
 *
 * The bus hands all calls over in one queue: who has 30,000 calls under way would keep everybody else waiting until
 * they are answered. So every call is taken from the queue at once, which is cheap, and waits here in the lane of
 * its user; then the lanes are served one call each, by putting it back into the queue of the connection (as
 * authority.h does). The calls of one connection keep their order. How many may wait is bounded, and what they weigh:
 * in the place of one that is too heavy its answer waits; what is too many, which takes more than a user can have under
 * way, is not answered.
 *
 * Answers have one queue too, and the bus takes little at a time from each of its connections: so no more calls
 * are served than it has taken the answers of, but for a few. Who sends more than that is answered later, and as he
 * may have only so many calls under way, he sends less. Of who has many calls waiting the bus is given hardly any
 * answers at a time: each of them costs it the more the more calls are under way (it looks through all of them), and
 * whatever anybody else sends waits behind that, polkit's own questions to the bus too.
 *
 * Until the bus has said whose a connection is, it has a lane of its own, which is not served.
 */
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "bus/callers.h"
#include "util/cleanup.h"

typedef struct Intake Intake;

enum {
        INTAKE_MAX =
                36864, /* calls that wait before a user is held to his share of that: more than all of one… */
        INTAKE_LANE_MIN = 64, /* …which is this at least */
        INTAKE_STRANGER_MAX =
                128, /* of a connection whose user is not known: what the bus lets it have under way */
        INTAKE_WEIGHT_MAX =
                4 << 20, /* what they weigh before a user is held to his share of that… */
        INTAKE_LANE_WEIGHT_MIN = 64 << 10, /* …which is this at least */
        INTAKE_CALL_WEIGHT_MAX = 2 << 20   /* of one */
};

/**
 * intake_served() - who sent the call that is worked on
 * @message: came to a handler for the first time; one that was parked has this known already
 *
 * Return: whether it is known; it is, but for what does not come from the bus.
 */
bool intake_served(const Intake *intake, const sd_bus_message *message, uint32_t *ret_uid,
                   size_t *ret_weight);

/**
 * intake_new() - put calls in order from now on
 * @callers:   borrowed; what the bus says is remembered there
 * @is_parked: tells calls that were worked on before and come again: they are not held up a second time
 */
int intake_new(Intake **ret, sd_bus *connection, sd_event *event,
               Caller callers[static CALLERS_MAX],
               bool (*is_parked)(void *userdata, sd_bus_message *message), void *userdata);
Intake *
intake_free(Intake *intake); /* what waits is not answered; NULL is fine; always returns NULL */
DEFINE_CLEANUP(Intake *, intake_free);
