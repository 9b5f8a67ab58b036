/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls, answers, departures and changes in an order that a seed gives: nothing is left behind, nothing is
 * done twice, and nobody who got a no has changed anything.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bus/call.h"
#include "world.h"

enum {
        ROUNDS = 1500,
        CALLERS = 6,
        OPEN_MAX = 6
};

typedef struct Peer {
        sd_bus *client;
        Reply *replies[OPEN_MAX];
} Peer;

static uint32_t seed = 20260101;

static uint32_t pick(uint32_t n) {
        seed = seed * 1664525 + 1013904223;
        return (seed >> 8) % n;
}

static void leave(Peer *caller) {
        for (size_t i = 0; i < OPEN_MAX; i++)
                caller->replies[i] = reply_free(caller->replies[i]);
        world_disconnect(caller->client);
        caller->client = NULL;
}

static void send(World *world, Peer *caller) {
        Reply **slot = &caller->replies[pick(OPEN_MAX)];

        if (!caller->client)
                caller->client = world_connect(world);
        if (*slot && !(*slot)->message)
                return;

        reply_free(*slot);
        *slot = pick(4) == 0 ? world_send(caller->client, pick(2), ATTACHMENT_PREFIX "/17",
                                          ATTACHMENT_INTERFACE, "Detach", "a{sv}", 0)
                             : world_send(caller->client, pick(2), ROOT_PATH, MANAGER_INTERFACE,
                                          "Attach", "ssa{sv}", "web", "nic", 2, "wait-seconds", "u",
                                          pick(2) ? 20 : 0, "force", "b", (int) pick(2));
}

/* Something becomes different for all. */
static void change(World *world) {
        static const int choices[] = { 0, 0, DEVICES_NOT_ENOUGH, HOST_NOT_READY };
        static const PolkitMood moods[] = { POLKIT_YES, POLKIT_YES, POLKIT_NO, POLKIT_SILENT };
        Manager *manager = world->manager;

        switch (pick(5)) {
        case 0:
                world->mood = moods[pick(4)];
                break;
        case 1:
                manager->choice = choices[pick(4)];
                manager->chosen = pick(2) ? NIC0 : NIC1;
                break;
        case 2:
                manager->reconciled = pick(4) != 0;
                break;
        case 3:
                if (registry_find_attachment(&manager->registry, 17))
                        (void) registry_remove_attachment(&manager->registry, 17);
                else
                        fake_manager_add_attachment(manager, 17, world_user());
                fake_manager_settle(manager);
                break;
        default:
                bus_retry(world->bus);
        }
}

static bool has_no_calls(World *world, void *userdata) {
        if (world->manager->done)
                fake_manager_answer(world->manager, 0, NULL, 17);
        return world->bus->n_calls == 0;
}

static void nothing_is_left_behind(void **state) {
        World *world = world_new(POLKIT_YES, false);
        Peer callers[CALLERS] = { 0 };

        world->manager->takes_many = true;
        world->bus->question_usec = 20000;
        world->bus->reconcile_usec = 30000;
        for (unsigned round = 0; round < ROUNDS; round++) {
                Peer *caller = &callers[pick(CALLERS)];

                if (pick(3) == 0)
                        change(world);
                else if (caller->client && pick(12) == 0)
                        leave(caller);
                else
                        send(world, caller);

                for (uint32_t n = pick(6); n > 0; n--)
                        assert_true(sd_event_run(world->event, 1000) >= 0);
                if (world->manager->done && pick(2))
                        fake_manager_answer(world->manager, pick(2) ? 0 : HYPERVISOR_REFUSED, "",
                                            17);
                assert_true(world->bus->n_calls <= CALLS_PER_USER_MAX + CALLERS * OPEN_MAX);
        }

        for (size_t i = 0; i < CALLERS; i++)
                if (callers[i].client)
                        leave(&callers[i]);
        world_run_until(world, has_no_calls, NULL);
        assert_true(world->manager->n_changed > 0);
        world_free(world);
}

static void a_no_changes_nothing_whatever_else_happens(void **state) {
        World *world = world_new(POLKIT_NO, false);
        Peer callers[CALLERS] = { 0 };

        for (unsigned round = 0; round < ROUNDS / 3; round++) {
                send(world, &callers[pick(CALLERS)]);
                if (pick(3) == 0) {
                        world->manager->chosen = pick(2) ? NIC0 : NIC1;
                        bus_retry(world->bus);
                }
                for (uint32_t n = pick(6); n > 0; n--)
                        assert_true(sd_event_run(world->event, 1000) >= 0);
        }

        for (size_t i = 0; i < CALLERS; i++)
                if (callers[i].client)
                        leave(&callers[i]);
        world_run_until(world, has_no_calls, NULL);
        assert_int_equal(world->manager->n_changed, 0);
        world_free(world);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(nothing_is_left_behind),
                cmocka_unit_test(a_no_changes_nothing_whatever_else_happens),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
