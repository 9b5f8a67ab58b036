/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/bus.h"

#include <assert.h>
#include <errno.h>

#include "bus/actions.h"
#include "bus/call.h"
#include "bus/errors.h"
#include "bus/later.h"
#include "bus/objects.h"
#include "bus/size.h"
#include "bus/state.h"
#include "bus/turn.h"
#include "util/vector.h"

enum {
        QUESTION_SECONDS = 120,
        TURN_SECONDS = 1,
        RECONCILE_SECONDS = 10,
        DEEPEST_PATH = 16 /* slashes; an object of ours has four */
};

int bus_keep_slot(Bus *bus, sd_bus_slot *slot) {
        int r;

        r = VECTOR_APPEND(bus->slots, bus->n_slots, slot);
        if (r < 0)
                sd_bus_slot_unref(slot);
        return r;
}

int bus_add_class(Bus *bus, const ObjectClass *class) {
        sd_bus_slot *slot = NULL;
        int r;

        r = sd_bus_add_fallback_vtable(bus->connection, &slot, class->prefix, class->interface,
                                       class->vtable, class->find, bus);
        if (r < 0)
                return r;

        r = bus_keep_slot(bus, slot);
        if (r < 0)
                return r;

        r = sd_bus_add_node_enumerator(bus->connection, &slot, class->prefix, class->enumerate,
                                       bus);
        if (r >= 0)
                r = bus_keep_slot(bus, slot);
        if (r >= 0)
                bus->classes[bus->n_classes++] = class;
        return r;
}

/*
 * Every path that ends at a slash of the call's own is looked up, which takes seconds when there are
 * thousands of them: what lies so deep is no object of ours, and is not looked for.
 */
static int on_deep_path(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        const char *path = sd_bus_message_get_path(message);
        unsigned n = 0;

        if (!path || !sd_bus_message_is_method_call(message, NULL, NULL))
                return 0;

        for (; *path && n <= DEEPEST_PATH; path++)
                n += *path == '/';
        return n <= DEEPEST_PATH ? 0
                                 : sd_bus_error_set(error, SD_BUS_ERROR_UNKNOWN_OBJECT,
                                                    "No object lies so deep.");
}

static int guard_paths(Bus *bus) {
        sd_bus_slot *slot = NULL;
        int r;

        r = sd_bus_add_filter(bus->connection, &slot, on_deep_path, bus);
        return r < 0 ? r : bus_keep_slot(bus, slot);
}

static int add_objects(Bus *bus) {
        static const ObjectClass *const classes[CLASSES_MAX] = { &device_class, &pool_class,
                                                                 &alias_class, &attachment_class };
        int r;

        r = guard_paths(bus);
        if (r >= 0)
                r = bus_add_manager(bus);
        for (size_t i = 0; r >= 0 && i < N_ELEMENTS(classes); i++)
                r = bus_add_class(bus, classes[i]);
        return r;
}

static bool is_parked(void *userdata, sd_bus_message *message) {
        return call_find(userdata, message);
}

int bus_new(Bus **ret, sd_bus *connection, sd_event *event, Manager *manager,
            const BusPorts *ports) {
        _cleanup_(bus_freep) Bus *bus = NULL;
        int r;

        assert(ret && connection && event && manager && ports);

        bus = calloc(1, sizeof(*bus));
        if (!bus)
                return -ENOMEM;

        bus->connection = sd_bus_ref(connection);
        bus->event = sd_event_ref(event);
        bus->manager = manager;
        bus->ports = *ports;
        bus->question_usec = QUESTION_SECONDS * UINT64_C(1000000);
        bus->turn_usec = TURN_SECONDS * UINT64_C(1000000);
        bus->reconcile_usec = RECONCILE_SECONDS * UINT64_C(1000000);

        r = errors_register();
        if (r < 0)
                return r;

        r = add_objects(bus);
        if (r >= 0)
                r = objects_watch(bus);
        /* Of two filters the later one sees a message first. */
        if (r >= 0)
                r = size_watch(bus);
        if (r >= 0)
                r = intake_new(&bus->intake, connection, event, bus->callers, is_parked, bus);
        if (r >= 0)
                r = actions_start(bus);
        if (r < 0)
                return r;

        *ret = TAKE(bus);
        return 0;
}

Bus *bus_free(Bus *bus) {
        if (!bus)
                return NULL;

        turn_end(bus);
        while (bus->n_calls > 0) {
                Call *call = bus->calls[bus->n_calls - 1];

                /* The manager still has it and will answer: into a closed connection, or in time. */
                if (call->state == CALL_ACTING)
                        call_orphan(call);
                else
                        call_free(call);
        }
        free(bus->calls);
        turn_done(bus);
        later_done(bus);
        intake_free(bus->intake);
        actions_stop(bus);

        for (size_t i = 0; i < bus->n_slots; i++)
                sd_bus_slot_unref(bus->slots[i]);
        free(bus->slots);

        sd_event_unref(bus->event);
        sd_bus_unref(bus->connection);
        free(bus);
        return NULL;
}

void bus_stop(Bus *bus) {
        turn_end(bus);
        for (size_t i = bus->n_calls; i-- > 0;) {
                Call *call = bus->calls[i];

                if (call->state == CALL_ACTING)
                        continue;
                call_cancel_question(call);
                call_refuse(call, ATTACHMENT_BUSY,
                            "The service is stopping, and nothing was changed");
        }
}

int bus_request_name(Bus *bus) {
        int r = sd_bus_request_name(bus->connection, BUS_NAME, 0);

        return r < 0 ? r : 0;
}

void bus_retry(Bus *bus) {
        /* An answer takes its call out of the list: the walk goes on with what stands there then. */
        for (size_t i = 0; i < bus->n_calls;) {
                Call *call = bus->calls[i];

                if (call->state == CALL_WAITING)
                        call_again(call);
                if (i < bus->n_calls && bus->calls[i] == call)
                        i++;
        }
}
