/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bus/call.h"
#include "world.h"

#define ERROR(name) "org.hostdev1.Error." name

typedef struct Scene {
        World *world;
        sd_bus *client;
} Scene;

static Scene begin(PolkitMood mood) {
        World *world = world_new(mood, false);

        return (Scene){ .world = world, .client = world_connect(world) };
}

static void end(Scene *scene) {
        world_disconnect(scene->client);
        world_free(scene->world);
}

#define SEND(client, member, ...)                                                                  \
        world_send((client), false, ROOT_PATH, MANAGER_INTERFACE, (member), __VA_ARGS__)

static bool is_with_manager(World *world, void *userdata) {
        return world->manager->done;
}

static bool has_n_waiting(World *world, void *userdata) {
        size_t n = 0;

        for (size_t i = 0; i < world->bus->n_calls; i++)
                n += world->bus->calls[i]->state == CALL_WAITING;
        return n == *(size_t *) userdata;
}

static bool has_no_calls(World *world, void *userdata) {
        return world->bus->n_calls == 0;
}

static bool is_asked_once(World *world, void *userdata) {
        return world->n_asked == 1;
}

static bool is_asked_twice(World *world, void *userdata) {
        return world->n_asked == 2;
}

static void a_call_that_waits_goes_on_when_a_device_becomes_free(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_YES);
        _cleanup_(reply_freep) Reply *reply = NULL;

        scene.world->manager->choice = DEVICES_NOT_ENOUGH;
        reply = SEND(scene.client, "Attach", "ssa{sv}", "web", "nic", 1, "wait-seconds", "u", 20);
        world_run_until(scene.world, has_n_waiting, &(size_t){ 1 });
        assert_int_equal(scene.world->manager->n_changed, 0);

        /* Still nothing: it waits on. */
        bus_retry(scene.world->bus);
        world_settle(scene.world);
        world_run_until(scene.world, has_n_waiting, &(size_t){ 1 });

        scene.world->manager->choice = 0;
        bus_retry(scene.world->bus);
        world_run_until(scene.world, is_with_manager, NULL);
        fake_manager_answer(scene.world->manager, 0, NULL, 17);
        assert_string_equal(reply_path(scene.world, reply), "/org/hostdev1/attachment/17");
}

static void a_call_that_waited_in_vain_gets_the_last_refusal(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_YES);
        _cleanup_(reply_freep) Reply *reply = NULL;

        scene.world->manager->choice = DEVICES_NOT_ENOUGH;
        reply = SEND(scene.client, "Attach", "ssa{sv}", "web", "nic", 1, "wait-seconds", "u", 1);
        world_run_until(scene.world, has_n_waiting, &(size_t){ 1 });
        scene.world->manager->choice = DEVICE_USED_BY_HOST;

        assert_string_equal(reply_error(scene.world, reply), ERROR("InUseByHost"));
        assert_int_equal(scene.world->manager->n_changed, 0);
}

static void who_waited_longest_chooses_first(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_YES);
        Reply *replies[3];

        scene.world->manager->choice = DEVICES_NOT_ENOUGH;
        for (size_t i = 0; i < N_ELEMENTS(replies); i++) {
                size_t n = i + 1;

                replies[i] = SEND(scene.client, "Attach", "ssa{sv}", "web", "nic", 1,
                                  "wait-seconds", "u", 20);
                world_run_until(scene.world, has_n_waiting, &n);
        }

        /* One device a turn: each time the first in line gets it, the others wait on. */
        for (size_t i = 0; i < N_ELEMENTS(replies); i++) {
                size_t n = N_ELEMENTS(replies) - 1 - i;

                scene.world->manager->choice = 0;
                scene.world->manager->attach_once = true;
                bus_retry(scene.world->bus);
                world_run_until(scene.world, is_with_manager, NULL);
                world_run_until(scene.world, has_n_waiting, &n);
                fake_manager_answer(scene.world->manager, 0, NULL, (uint32_t) i + 1);
                assert_string_equal(reply_error(scene.world, replies[i]), "");
                reply_free(replies[i]);
        }
}

static void a_call_before_the_first_reconcile_waits_for_it(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_YES);
        _cleanup_(reply_freep) Reply *reply = NULL;

        scene.world->manager->reconciled = false;
        /* Its domain is not known yet, and that must not be told as if it did not exist. */
        reply = SEND(scene.client, "Attach", "ssa{sv}", "new", "nic", 1, "dry-run", "b", 1);
        world_run_until(scene.world, has_n_waiting, &(size_t){ 1 });
        assert_int_equal(scene.world->n_asked, 0);

        scene.world->manager->reconciled = true;
        bus_retry(scene.world->bus);
        assert_string_equal(reply_error(scene.world, reply), ERROR("NoSuchDomain"));
}

static void who_waits_at_the_end_is_told_that_nothing_was_changed(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_YES);
        _cleanup_(reply_freep) Reply *waiting = NULL, *asking = NULL;

        scene.world->manager->choice = DEVICES_NOT_ENOUGH;
        waiting = SEND(scene.client, "Attach", "ssa{sv}", "web", "nic", 1, "wait-seconds", "u", 20);
        world_run_until(scene.world, has_n_waiting, &(size_t){ 1 });
        scene.world->mood = POLKIT_SILENT;
        asking = SEND(scene.client, "Attach", "ssa{sv}", "web", "nic", 0);
        world_run_until(scene.world, is_asked_twice, NULL);

        bus_stop(scene.world->bus);
        assert_string_equal(reply_error(scene.world, waiting), ERROR("Busy"));
        assert_string_equal(reply_error(scene.world, asking), ERROR("Busy"));
        assert_non_null(strstr(reply_text(scene.world, asking), "nothing was changed"));
        assert_int_equal(scene.world->bus->n_calls, 0);
        assert_int_equal(scene.world->manager->n_changed, 0);
        world_settle(scene.world);
        assert_int_equal(scene.world->n_cancelled, 1);
}

static void without_libvirt_there_is_nothing_to_wait_for(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_YES);
        _cleanup_(reply_freep) Reply *early = NULL, *late = NULL;

        scene.world->manager->reconciled = false;
        early = SEND(scene.client, "Attach", "ssa{sv}", "web", "nic", 0);
        world_run_until(scene.world, has_n_waiting, &(size_t){ 1 });

        scene.world->manager->unreachable = true;
        bus_retry(scene.world->bus);
        assert_string_equal(reply_error(scene.world, early), ERROR("HypervisorUnavailable"));
        assert_non_null(strstr(reply_text(scene.world, early), "qemu:///system"));

        late = SEND(scene.client, "Attach", "ssa{sv}", "web", "nic", 0);
        assert_string_equal(reply_error(scene.world, late), ERROR("HypervisorUnavailable"));
}

static void the_first_reconcile_is_waited_for_ten_seconds_at_most(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_YES);
        _cleanup_(reply_freep) Reply *reply = NULL;

        assert_int_equal(scene.world->bus->reconcile_usec, 10000000);
        scene.world->bus->reconcile_usec = 200000;
        scene.world->manager->reconciled = false;
        reply = SEND(scene.client, "Attach", "ssa{sv}", "web", "nic", 0);

        assert_string_equal(reply_error(scene.world, reply), ERROR("HypervisorUnavailable"));
        assert_int_equal(scene.world->bus->n_calls, 0);
}

static void another_wait_in_between_does_not_prolong_the_first(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_YES);
        _cleanup_(reply_freep) Reply *reply = NULL;
        uint64_t deadline;

        scene.world->manager->choice = DEVICES_NOT_ENOUGH;
        reply = SEND(scene.client, "Attach", "ssa{sv}", "web", "nic", 1, "wait-seconds", "u", 20);
        world_run_until(scene.world, has_n_waiting, &(size_t){ 1 });
        deadline = scene.world->bus->calls[0]->deadlines[WAIT_DEVICE];

        for (unsigned round = 0; round < 2; round++) {
                scene.world->manager->reconciled = round == 1;
                bus_retry(scene.world->bus);
                world_settle(scene.world);
                world_run_until(scene.world, has_n_waiting, &(size_t){ 1 });
        }
        assert_int_not_equal(scene.world->bus->calls[0]->deadlines[WAIT_RECONCILE], 0);
        assert_int_equal(scene.world->bus->calls[0]->deadlines[WAIT_DEVICE], deadline);
}

static void who_leaves_while_waiting_waits_no_longer(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_YES);
        sd_bus *leaver = world_connect(scene.world);
        Reply *reply;

        scene.world->manager->choice = DEVICES_NOT_ENOUGH;
        reply = SEND(leaver, "Attach", "ssa{sv}", "web", "nic", 1, "wait-seconds", "u", 20);
        world_run_until(scene.world, has_n_waiting, &(size_t){ 1 });
        reply_free(reply);
        world_disconnect(leaver);
        world_run_until(scene.world, has_no_calls, NULL);

        scene.world->manager->choice = 0;
        bus_retry(scene.world->bus);
        world_settle(scene.world);
        assert_int_equal(scene.world->manager->n_changed, 0);
}

static void the_order_is_that_of_waiting_and_not_of_coming(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_SILENT);
        _cleanup_(reply_freep) Reply *first = NULL, *second = NULL;

        if (geteuid() != 0)
                skip();

        /* The first to come still waits for polkit when root, who is not asked about, begins to wait. */
        scene.world->manager->choice = DEVICES_NOT_ENOUGH;
        first = SEND(scene.client, "Attach", "ssa{sv}", "web", "nic", 1, "wait-seconds", "u", 20);
        world_run_until(scene.world, is_asked_once, NULL);

        sd_bus *root = world_connect_as(scene.world, 0);

        second = SEND(root, "Attach", "ssa{sv}", "web", "nic", 1, "wait-seconds", "u", 20);
        world_run_until(scene.world, has_n_waiting, &(size_t){ 1 });
        world_say_yes(scene.world);
        world_run_until(scene.world, has_n_waiting, &(size_t){ 2 });

        scene.world->manager->choice = 0;
        scene.world->manager->attach_once = true;
        bus_retry(scene.world->bus);
        world_run_until(scene.world, is_with_manager, NULL);
        assert_int_equal(scene.world->manager->owner_uid, 0);
        fake_manager_answer(scene.world->manager, 0, NULL, 1);
        assert_string_equal(reply_error(scene.world, second), "");
        world_disconnect(root);
}

static void all_users_together_have_at_most_256_calls_open(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_YES);
        _cleanup_(reply_freep) Reply *next = NULL;
        Reply *replies[CALLS_MAX];
        sd_bus *roots[3]; /* the bus lets one connection wait for 128 answers */

        if (geteuid() != 0)
                skip();

        scene.world->manager->reconciled = false;
        for (size_t i = 0; i < N_ELEMENTS(roots); i++)
                roots[i] = world_connect_as(scene.world, 0);
        for (size_t i = 0; i < CALLS_MAX; i++)
                replies[i] =
                        SEND(roots[i % N_ELEMENTS(roots)], "Attach", "ssa{sv}", "web", "nic", 0);
        world_run_until(scene.world, has_n_waiting, &(size_t){ CALLS_MAX });

        next = SEND(scene.client, "Attach", "ssa{sv}", "web", "nic", 0);
        assert_string_equal(reply_error(scene.world, next), ERROR("LimitExceeded"));

        for (size_t i = 0; i < CALLS_MAX; i++)
                reply_free(replies[i]);
        for (size_t i = 0; i < N_ELEMENTS(roots); i++)
                world_disconnect(roots[i]);
        world_run_until(scene.world, has_no_calls, NULL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_call_that_waits_goes_on_when_a_device_becomes_free),
                cmocka_unit_test(a_call_that_waited_in_vain_gets_the_last_refusal),
                cmocka_unit_test(who_waited_longest_chooses_first),
                cmocka_unit_test(a_call_before_the_first_reconcile_waits_for_it),
                cmocka_unit_test(who_waits_at_the_end_is_told_that_nothing_was_changed),
                cmocka_unit_test(without_libvirt_there_is_nothing_to_wait_for),
                cmocka_unit_test(the_first_reconcile_is_waited_for_ten_seconds_at_most),
                cmocka_unit_test(another_wait_in_between_does_not_prolong_the_first),
                cmocka_unit_test(who_leaves_while_waiting_waits_no_longer),
                cmocka_unit_test(the_order_is_that_of_waiting_and_not_of_coming),
                cmocka_unit_test(all_users_together_have_at_most_256_calls_open),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
