/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which calls are taken in: how many of one user, and of all.
 */
#include <errno.h>
#include <stdlib.h>

#include "bus/call.h"
#include "util/clock.h"
#include "util/vector.h"

size_t call_count(const Bus *bus, uint32_t uid, CallState state, size_t *ret_total) {
        size_t n = 0, n_total = 0;

        for (size_t i = 0; i < bus->n_calls; i++) {
                const Call *call = bus->calls[i];

                if (call->uid != uid)
                        continue;
                n_total++;
                if (call->state == state)
                        n++;
        }

        if (ret_total)
                *ret_total = n_total;
        return n;
}

int call_admit(Call *call, Refusal *refusal) {
        const Bus *bus = call->bus;
        size_t n_own;

        if (call->uid == 0)
                return 0;

        (void) call_count(bus, call->uid, CALL_RUNNING, &n_own);
        if (n_own > CALLS_PER_USER_MAX)
                return refuse(refusal, LIMIT_EXCEEDED, "too many calls of this user are worked on");
        if (bus->n_calls > CALLS_MAX)
                return refuse(refusal, LIMIT_EXCEEDED, "%d calls are being worked on", CALLS_MAX);
        return 0;
}

int call_new(Call **ret, Bus *bus, sd_bus_message *message) {
        _cleanup_(call_freep) Call *call = calloc(1, sizeof(*call));
        int r;

        if (!call)
                return -ENOMEM;
        if (!intake_served(bus->intake, message, &call->uid, &call->weight))
                return -EPERM; /* nobody whom the bus could vouch for */

        call->message = sd_bus_message_ref(message);
        call->began_usec = clock_monotonic_usec();
        r = VECTOR_APPEND(bus->calls, bus->n_calls, call);
        if (r < 0)
                return r;

        call->bus = bus;
        *ret = TAKE(call);
        return 0;
}
