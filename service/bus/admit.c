/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which calls are taken in: how many of one user, of one whose user is not known yet, and how large.
 */
#include <errno.h>
#include <string.h>

#include "bus/call.h"
#include "bus/weigh.h"
#include "util/clock.h"
#include "util/vector.h"

size_t call_count(const Bus *bus, uint32_t uid, CallState state, size_t *ret_total) {
        size_t n = 0, n_total = 0;

        for (size_t i = 0; i < bus->n_calls; i++) {
                const Call *call = bus->calls[i];

                if (!call->identified || call->uid != uid)
                        continue;
                n_total++;
                if (call->state == state)
                        n++;
        }

        if (ret_total)
                *ret_total = n_total;
        return n;
}

/* Who is not known yet may keep only so much. */
static int check_stranger(const Bus *bus, const Call *call, Refusal *refusal) {
        size_t n = 0, n_own = 0, weight = call->weight;
        const char *sender = sd_bus_message_get_sender(call->message);

        for (size_t i = 0; i < bus->n_calls; i++) {
                const Call *other = bus->calls[i];

                if (other->identified || other == call)
                        continue;
                n++;
                weight += other->weight;
                if (strcmp(sd_bus_message_get_sender(other->message), sender) == 0)
                        n_own++;
        }

        if (n_own >= STRANGERS_PER_CALLER_MAX || n >= STRANGERS_MAX ||
            (weight > STRANGERS_WEIGHT_MAX && call->weight > LIGHT_WEIGHT))
                return refuse(refusal, LIMIT_EXCEEDED,
                              "too many calls came before it is known whose they are");
        return 0;
}

static int weigh(Call *call, Refusal *refusal) {
        int r = message_weigh(call->message, CALL_WEIGHT_MAX, &call->weight);

        return r <= 0 ? r
                      : refuse(refusal, LIMIT_EXCEEDED, "the call is larger than %d bytes",
                               CALL_WEIGHT_MAX);
}

int call_identify(Call *call, uint32_t uid, Refusal *refusal) {
        size_t n_all = 0, n_own;

        (void) call_count(call->bus, uid, CALL_RUNNING, &n_own);
        for (size_t i = 0; i < call->bus->n_calls; i++)
                n_all += call->bus->calls[i]->identified;

        call->uid = uid;
        call->identified = true;
        if (uid != 0 && n_own >= CALLS_PER_USER_MAX)
                return refuse(refusal, LIMIT_EXCEEDED, "too many calls of this user are worked on");
        if (uid != 0 && n_all >= CALLS_MAX)
                return refuse(refusal, LIMIT_EXCEEDED, "%d calls are being worked on", CALLS_MAX);
        return 0;
}

int call_new(Call **ret, Bus *bus, sd_bus_message *message, Refusal *refusal) {
        _cleanup_(call_freep) Call *call = NULL;
        const char *sender = sd_bus_message_get_sender(message);
        uint32_t uid;
        int r;

        if (!sender || sender[0] != ':')
                return -EPERM; /* nobody whom the bus could vouch for */

        call = calloc(1, sizeof(*call));
        if (!call)
                return -ENOMEM;

        call->message = sd_bus_message_ref(message);
        call->began_usec = clock_monotonic_usec();
        r = VECTOR_APPEND(bus->calls, bus->n_calls, call);
        if (r < 0)
                return r;
        call->bus = bus;

        r = weigh(call, refusal);
        if (r == 0 && !callers_find(bus->callers, sender, &uid))
                r = check_stranger(bus, call, refusal);
        if (r != 0)
                return r;

        *ret = TAKE(call);
        return 0;
}
