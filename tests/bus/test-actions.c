/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bus/actions.h"
#include "bus/authority.h"
#include "world.h"

#define ACCESS_DENIED "org.freedesktop.DBus.Error.AccessDenied"

static bool is_in_state(World *world, void *userdata) {
        return bus_actions(world->bus, NULL) == *(BusActions *) userdata &&
               !world->bus->actions.question;
}

static void run_until_state(World *world, BusActions state) {
        world_run_until(world, is_in_state, &state);
}

static const char *text_of(World *world) {
        const char *text;

        (void) bus_actions(world->bus, &text);
        return text;
}

static Reply *add_alias(sd_bus *client) {
        return world_send(client, true, ROOT_PATH, MANAGER_INTERFACE, "AddAlias", "saa{ss}a{sv}",
                          "x", 0, 0);
}

static void the_service_asks_at_its_start_and_does_not_wait(void **state) {
        World *world = world_new(POLKIT_YES, false);

        assert_int_equal(bus_actions(world->bus, NULL), BUS_ACTIONS_UNKNOWN);
        assert_string_equal(text_of(world), "polkit has not answered yet");
        run_until_state(world, BUS_ACTIONS_KNOWN);
        assert_string_equal(text_of(world), "polkit knows all 5 actions");
        assert_true(world->manager->n_looked > 0);
        world_free(world);
}

static void while_an_action_is_missing_only_root_changes_anything(void **state) {
        World *world = world_new(POLKIT_YES, false);
        sd_bus *client = world_connect(world), *root;
        Reply *reply;

        run_until_state(world, BUS_ACTIONS_KNOWN);
        world_change_actions(world, ACTION_FORCE | ACTION_DETACH);
        run_until_state(world, BUS_ACTIONS_MISSING);
        assert_string_equal(text_of(world),
                            "polkit does not know org.hostdev1.detach, org.hostdev1.force");

        /* Another action than the missing ones, and a polkit that would say yes to it. */
        reply = add_alias(client);
        assert_string_equal(reply_error(world, reply), ACCESS_DENIED);
        assert_non_null(strstr(reply_text(world, reply), "org.hostdev1.force"));
        assert_int_equal(world->n_asked, 0);
        assert_int_equal(world->manager->n_changed, 0);
        reply_free(reply);

        if (geteuid() == 0) {
                root = world_connect_as(world, 0);
                reply = add_alias(root);
                assert_string_equal(reply_error(world, reply), "");
                reply_free(reply);
                world_disconnect(root);
        }

        world_change_actions(world, 0);
        run_until_state(world, BUS_ACTIONS_KNOWN);
        world_disconnect(client);
        world_free(world);
}

static void whoever_changes_its_actions_while_asked_is_asked_again(void **state) {
        World *world = world_new(POLKIT_YES, false);

        run_until_state(world, BUS_ACTIONS_KNOWN);
        for (unsigned i = 0; i < 20; i++)
                world_change_actions(world, ACTION_ATTACH);
        world_change_actions(world, ACTION_MANAGE);
        run_until_state(world, BUS_ACTIONS_MISSING);
        world_settle(world);
        assert_string_equal(text_of(world), "polkit does not know org.hostdev1.manage");
        assert_true(world->n_enumerated < 24); /* not once for each of what comes in one go */
        world_free(world);
}

static void a_polkit_that_comes_back_is_asked_again(void **state) {
        World *world = world_new(POLKIT_YES, false);

        run_until_state(world, BUS_ACTIONS_KNOWN);
        assert_true(sd_bus_release_name(world->polkit, "org.freedesktop.PolicyKit1") >= 0);
        run_until_state(world, BUS_ACTIONS_UNREACHABLE);
        assert_int_equal(world->n_enumerated, 1);

        world->missing = ACTION_ATTACH;
        assert_true(sd_bus_request_name(world->polkit, "org.freedesktop.PolicyKit1", 0) >= 0);
        run_until_state(world, BUS_ACTIONS_MISSING);
        world_free(world);
}

static void one_that_is_absent_or_fails_is_told_from_one_that_lacks_an_action(void **state) {
        static const PolkitMood moods[] = { POLKIT_ABSENT, POLKIT_ERROR };

        for (size_t i = 0; i < N_ELEMENTS(moods); i++) {
                World *world = world_new(moods[i], false);
                sd_bus *client = world_connect(world);
                Reply *reply;

                run_until_state(world, BUS_ACTIONS_UNREACHABLE);
                assert_non_null(strstr(text_of(world), "polkit does not answer: "));
                reply = add_alias(client);
                assert_string_equal(reply_error(world, reply), ACCESS_DENIED);
                assert_int_equal(world->manager->n_changed, 0);
                reply_free(reply);
                world_disconnect(client);
                world_free(world);
        }
}

static void an_answer_of_one_who_has_left_does_not_count(void **state) {
        World *world = world_new(POLKIT_YES, false);

        world->enumerates_as_stranger = true;
        run_until_state(world, BUS_ACTIONS_UNREACHABLE);
        assert_true(world->n_enumerated > 0);
        world_free(world);
}

static void a_forged_word_that_polkit_left_is_not_believed(void **state) {
        World *world = world_new(POLKIT_YES, true);
        const char *service;

        run_until_state(world, BUS_ACTIONS_KNOWN);
        world->manager->n_looked = 0;
        assert_true(sd_bus_get_unique_name(world->service, &service) >= 0);
        for (unsigned i = 0; i < 100; i++) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *signal = NULL;

                assert_true(
                        sd_bus_message_new_signal(world->stranger, &signal, "/org/freedesktop/DBus",
                                                  "org.freedesktop.DBus", "NameOwnerChanged") >= 0);
                assert_true(sd_bus_message_append(signal, "sss", "org.freedesktop.PolicyKit1",
                                                  ":1.1", "") >= 0);
                assert_true(sd_bus_send_to(world->stranger, signal, service, NULL) >= 0);
        }
        world_settle(world);
        run_until_state(world, BUS_ACTIONS_KNOWN);
        assert_int_equal(world->manager->n_looked, 0);
        world_free(world);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_service_asks_at_its_start_and_does_not_wait),
                cmocka_unit_test(while_an_action_is_missing_only_root_changes_anything),
                cmocka_unit_test(whoever_changes_its_actions_while_asked_is_asked_again),
                cmocka_unit_test(a_polkit_that_comes_back_is_asked_again),
                cmocka_unit_test(one_that_is_absent_or_fails_is_told_from_one_that_lacks_an_action),
                cmocka_unit_test(a_forged_word_that_polkit_left_is_not_believed),
                cmocka_unit_test(an_answer_of_one_who_has_left_does_not_count),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
