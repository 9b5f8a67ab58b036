/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/turn.h"

#include <stdlib.h>
#include <string.h>

#include "util/clock.h"
#include "util/log.h"
#include "util/vector.h"

/* A question that polkit is to cancel. */
struct Abandoned {
        Bus *bus;
        uint32_t uid;
        uint64_t put_usec;
        sd_bus_slot *slot;
};

static void forget(Call *call) {
        call->kept = sd_bus_message_unref(call->kept);
        free(call->cancellation);
        call->cancellation = NULL;
}

bool turn_is_put(const Call *call) {
        return call->cancellation && !call->kept;
}

/* Is polkit at a question of this user? */
static bool is_taken(const Bus *bus, uint32_t uid) {
        const uint64_t now_usec = clock_monotonic_usec();

        for (size_t i = 0; i < bus->n_calls; i++) {
                const Call *call = bus->calls[i];

                if (call->uid == uid && turn_is_put(call) &&
                    now_usec - call->put_usec < bus->turn_usec)
                        return true;
        }
        for (size_t i = 0; i < bus->n_abandoned; i++)
                if (bus->abandoned[i]->uid == uid &&
                    now_usec - bus->abandoned[i]->put_usec < bus->turn_usec)
                        return true;
        return false;
}

static int put(Call *call) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *question = TAKE(call->kept);

        call->timer = sd_event_source_disable_unref(call->timer);
        call->put_usec = clock_monotonic_usec();
        return sd_bus_call_async(call->bus->connection, &call->question, question, call->on_answer,
                                 call, call->answer_usec);
}

static void put_or_refuse(Call *call) {
        int r = put(call);

        if (r < 0)
                call_refuse(call, r, NULL);
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata);

/* The one before may have been with polkit for so long that it keeps nobody back. */
static int look_later(Call *call) {
        call->timer = sd_event_source_disable_unref(call->timer);
        return sd_event_add_time_relative(call->bus->event, &call->timer, CLOCK_MONOTONIC,
                                          call->bus->turn_usec, 1, on_time, call);
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata) {
        Call *call = userdata;
        int r;

        if (!is_taken(call->bus, call->uid)) {
                put_or_refuse(call);
                return 0;
        }

        r = look_later(call);
        if (r < 0)
                call_refuse(call, r, NULL);
        return 0;
}

int turn_take(Call *call, sd_bus_message *question, uint64_t usec,
              sd_bus_message_handler_t on_answer) {
        int r;

        call->kept = sd_bus_message_ref(question);
        call->on_answer = on_answer;
        call->answer_usec = usec;
        r = is_taken(call->bus, call->uid) ? look_later(call) : put(call);
        if (r < 0) {
                forget(call);
                return r;
        }

        call->state = CALL_ASKING;
        return 0;
}

static void put_next(Bus *bus, uint32_t uid) {
        for (size_t i = 0; i < bus->n_calls; i++) {
                Call *next = bus->calls[i];

                if (!next->kept || next->uid != uid)
                        continue;
                if (!is_taken(bus, uid))
                        put_or_refuse(next);
                return;
        }
}

void turn_over(Call *call) {
        if (!call->cancellation)
                return;

        forget(call);
        put_next(call->bus, call->uid);
}

static void abandoned_free(Abandoned *abandoned) {
        sd_bus_slot_unref(abandoned->slot);
        free(abandoned);
}

static int on_cancelled(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Abandoned *abandoned = userdata;
        Bus *bus = abandoned->bus;
        uint32_t uid = abandoned->uid;
        size_t i = 0;

        while (bus->abandoned[i] != abandoned)
                i++;
        bus->abandoned[i] = bus->abandoned[--bus->n_abandoned];
        abandoned_free(abandoned);
        put_next(bus, uid);
        return 0;
}

static int cancel(Call *call) {
        Bus *bus = call->bus;
        Abandoned *abandoned = calloc(1, sizeof(*abandoned));
        int r;

        if (!abandoned)
                return -ENOMEM;

        *abandoned = (Abandoned){ .bus = bus, .uid = call->uid, .put_usec = call->put_usec };
        r = VECTOR_APPEND(bus->abandoned, bus->n_abandoned, abandoned);
        if (r < 0) {
                free(abandoned);
                return r;
        }

        r = sd_bus_call_method_async(
                bus->connection, &abandoned->slot, "org.freedesktop.PolicyKit1",
                "/org/freedesktop/PolicyKit1/Authority", "org.freedesktop.PolicyKit1.Authority",
                "CancelCheckAuthorization", on_cancelled, abandoned, "s", call->cancellation);
        if (r < 0) {
                bus->n_abandoned--;
                abandoned_free(abandoned);
        }
        return r;
}

void turn_abandon(Call *call) {
        int r = cancel(call);

        if (r < 0)
                log_debug("cannot cancel a question to polkit: %s", strerror(-r));
        turn_over(call);
}

void turn_end(Bus *bus) {
        for (size_t i = 0; i < bus->n_calls; i++)
                if (bus->calls[i]->kept)
                        forget(bus->calls[i]);
}

void turn_done(Bus *bus) {
        for (size_t i = 0; i < bus->n_abandoned; i++)
                abandoned_free(bus->abandoned[i]);
        free(bus->abandoned);
        bus->abandoned = NULL;
        bus->n_abandoned = 0;
}
