/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bus/call.h"
#include "world.h"

#define ACCESS_DENIED "org.freedesktop.DBus.Error.AccessDenied"

typedef struct Scene {
        World *world;
        sd_bus *client;
} Scene;

static Scene begin_with(PolkitMood mood, bool loose) {
        World *world = world_new(mood, loose);

        return (Scene){ .world = world, .client = world_connect(world) };
}

static Scene begin(PolkitMood mood) {
        return begin_with(mood, false);
}

static void end(Scene *scene) {
        world_disconnect(scene->client);
        world_free(scene->world);
}

static Reply *attach(sd_bus *client, bool interactive) {
        return world_send(client, interactive, ROOT_PATH, MANAGER_INTERFACE, "Attach", "ssa{sv}",
                          "web", "nic:1", 0);
}

static bool is_with_manager(World *world, void *userdata) {
        return world->manager->done;
}

static bool is_asked(World *world, void *userdata) {
        return world->n_asked >= *(unsigned *) userdata;
}

static void a_clear_yes_lets_the_call_through(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_YES);
        _cleanup_(reply_freep) Reply *reply = attach(scene.client, false);

        world_run_until(scene.world, is_with_manager, NULL);
        assert_int_equal(scene.world->manager->owner_uid, world_user());
        fake_manager_answer(scene.world->manager, 0, NULL, 17);

        assert_string_equal(reply_path(scene.world, reply), "/org/hostdev1/attachment/17");
        assert_int_equal(scene.world->bus->n_calls, 0);
}

static void polkit_is_shown_what_the_contract_says(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_NO);
        _cleanup_(reply_freep) Reply *reply = attach(scene.client, false);
        const Asked *asked = &scene.world->asked[0];
        const char *name;

        assert_string_equal(reply_error(scene.world, reply), ACCESS_DENIED);
        assert_true(sd_bus_get_unique_name(scene.client, &name) >= 0);
        assert_string_equal(asked->action, "org.hostdev1.attach");
        assert_string_equal(asked->subject_kind, "system-bus-name");
        assert_string_equal(asked->subject_name, name);
        assert_string_equal(asked->details,
                            "alias=nic;aliases=nic;pool=10g-nics;pools=10g-nics;"
                            "devices=0000:41:00.0;count=1;domain=web;domain-uuid=" WEB_UUID
                            ";live=true;config=true;force=false;");
        assert_int_equal(asked->flags, 0);
        assert_int_not_equal(strlen(asked->cancellation), 0);
}

static void anything_else_is_a_no_and_changes_nothing(void **state) {
        static const PolkitMood moods[] = { POLKIT_NO, POLKIT_ERROR, POLKIT_ABSENT };

        for (size_t i = 0; i < N_ELEMENTS(moods); i++) {
                _cleanup_(end) Scene scene = begin(moods[i]);
                _cleanup_(reply_freep) Reply *reply = attach(scene.client, true);

                assert_string_equal(reply_error(scene.world, reply), ACCESS_DENIED);
                assert_non_null(strstr(reply_text(scene.world, reply), "org.hostdev1.attach"));
                assert_int_equal(scene.world->manager->n_changed, 0);
                assert_int_equal(scene.world->bus->n_calls, 0);
        }
}

static void a_silent_polkit_is_a_no_when_its_time_is_over(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_SILENT);
        _cleanup_(reply_freep) Reply *reply = NULL;

        assert_int_equal(scene.world->bus->question_usec, UINT64_C(120000000));
        scene.world->bus->question_usec = 200000;
        reply = attach(scene.client, true);

        assert_string_equal(reply_error(scene.world, reply), ACCESS_DENIED);
        world_settle(scene.world);
        assert_int_equal(scene.world->n_cancelled, 1);
        assert_int_equal(scene.world->manager->n_changed, 0);
}

static void a_challenge_depends_on_whether_the_caller_may_be_asked(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_CHALLENGE);
        _cleanup_(reply_freep) Reply *quiet = attach(scene.client, false);
        _cleanup_(reply_freep) Reply *interactive = NULL;

        assert_string_equal(reply_error(scene.world, quiet),
                            "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired");
        assert_int_equal(scene.world->asked[0].flags, 0);

        interactive = attach(scene.client, true);
        assert_string_equal(reply_error(scene.world, interactive), ACCESS_DENIED);
        assert_int_equal(scene.world->asked[1].flags, 1);
}

static void a_forged_yes_does_not_pass_the_stock_bus(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_FORGED);
        _cleanup_(reply_freep) Reply *reply = NULL;

        scene.world->bus->question_usec = 500000;
        reply = attach(scene.client, false);

        assert_string_equal(reply_error(scene.world, reply), ACCESS_DENIED);
        assert_int_equal(scene.world->manager->n_changed, 0);
}

static void a_forged_yes_does_not_count_on_a_loose_bus_either(void **state) {
        _cleanup_(end) Scene scene = begin_with(POLKIT_FORGED, true);
        _cleanup_(reply_freep) Reply *reply = attach(scene.client, false);

        /* It arrives: the question is over long before its time. */
        assert_string_equal(reply_error(scene.world, reply), ACCESS_DENIED);
        assert_int_equal(scene.world->n_cancelled, 0);
        assert_int_equal(scene.world->manager->n_changed, 0);
}

static void force_needs_a_second_action(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_YES);
        _cleanup_(reply_freep) Reply *reply =
                world_send(scene.client, false, ROOT_PATH, MANAGER_INTERFACE, "Attach", "ssa{sv}",
                           "web", "nic", 1, "force", "b", 1);

        world_run_until(scene.world, is_with_manager, NULL);
        assert_int_equal(scene.world->n_asked, 2);
        assert_string_equal(scene.world->asked[0].action, "org.hostdev1.attach");
        assert_string_equal(scene.world->asked[1].action, "org.hostdev1.force");
        assert_string_equal(scene.world->asked[0].details, scene.world->asked[1].details);
        assert_non_null(strstr(scene.world->asked[1].details, "force=true;"));
        assert_true(scene.world->manager->chosen_force);
}

static void say_no_to_force(World *world) {
        const Asked *asked = &world->asked[world->n_asked - 1];

        world->mood = strcmp(asked->action, "org.hostdev1.force") == 0 ? POLKIT_NO : POLKIT_YES;
}

static void a_yes_to_attach_is_none_to_force(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_YES);
        _cleanup_(reply_freep) Reply *reply = NULL;

        scene.world->on_asked = say_no_to_force;
        reply = world_send(scene.client, false, ROOT_PATH, MANAGER_INTERFACE, "Attach", "ssa{sv}",
                           "web", "nic", 1, "force", "b", 1);

        assert_string_equal(reply_error(scene.world, reply), ACCESS_DENIED);
        assert_int_equal(scene.world->n_asked, 2);
        assert_int_equal(scene.world->manager->n_changed, 0);
}

static void choose_the_other_once(World *world) {
        world->manager->chosen = NIC1;
}

static void another_choice_after_the_answer_is_asked_about_again(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_YES);
        _cleanup_(reply_freep) Reply *reply = NULL;

        scene.world->on_asked = choose_the_other_once;
        reply = attach(scene.client, false);

        world_run_until(scene.world, is_with_manager, NULL);
        assert_int_equal(scene.world->n_asked, 2);
        assert_non_null(strstr(scene.world->asked[0].details, "devices=0000:41:00.0;"));
        assert_non_null(strstr(scene.world->asked[1].details, "devices=0000:42:00.0;"));
}

/* What polkit is shown is never twice the same: the domain has another name each time. */
static void change_the_choice(World *world) {
        char name[8] = { 'd', (char) ('0' + world->n_asked), '\0' };

        for (size_t i = 0; i < world->manager->registry.domains.n_items; i++)
                (void) facts_set(&world->manager->registry.domains.items[i]->name, name);
}

static void after_three_answers_to_other_choices_the_call_is_busy(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_YES);
        _cleanup_(reply_freep) Reply *reply = NULL;

        scene.world->on_asked = change_the_choice;
        reply = world_send(scene.client, false, ROOT_PATH, MANAGER_INTERFACE, "Attach", "ssa{sv}",
                           WEB_UUID, "nic:1", 0);

        assert_string_equal(reply_error(scene.world, reply), "org.hostdev1.Error.Busy");
        assert_int_equal(scene.world->n_asked, 3);
        assert_int_equal(scene.world->manager->n_changed, 0);
}

static void who_may_not_attach_is_not_told_what_is_free(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_NO);
        _cleanup_(reply_freep) Reply *reply = NULL;

        scene.world->manager->choice = DEVICES_NOT_ENOUGH;
        reply = attach(scene.client, false);

        assert_string_equal(reply_error(scene.world, reply), ACCESS_DENIED);
        assert_non_null(strstr(scene.world->asked[0].details, ";devices=;count=1;"));
}

static void root_is_not_asked_about(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_NO);
        _cleanup_(reply_freep) Reply *reply = NULL;
        sd_bus *root;

        if (geteuid() != 0)
                skip();

        root = world_connect_as(scene.world, 0);
        reply = attach(root, false);
        world_run_until(scene.world, is_with_manager, NULL);
        assert_int_equal(scene.world->n_asked, 0);
        assert_int_equal(scene.world->manager->owner_uid, 0);
        world_disconnect(root);
}

static Reply *detach(sd_bus *client, const char *path) {
        return world_send(client, false, path, ATTACHMENT_INTERFACE, "Detach", "a{sv}", 0);
}

static void the_owner_detaches_by_an_action_of_his_own(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_NO);
        _cleanup_(reply_freep) Reply *own = NULL, *other = NULL;

        fake_manager_add_attachment(scene.world->manager, 17, world_user());
        fake_manager_add_attachment(scene.world->manager, 18, world_user() + 1);
        fake_manager_settle(scene.world->manager);

        own = detach(scene.client, "/org/hostdev1/attachment/17");
        assert_string_equal(reply_error(scene.world, own), ACCESS_DENIED);
        other = detach(scene.client, "/org/hostdev1/attachment/18");
        assert_string_equal(reply_error(scene.world, other), ACCESS_DENIED);

        assert_string_equal(scene.world->asked[0].action, "org.hostdev1.detach-own");
        assert_string_equal(scene.world->asked[1].action, "org.hostdev1.detach");
        assert_non_null(strstr(scene.world->asked[1].details,
                               "alias=nic;aliases=nic;pool=10g-nics;pools=10g-nics;"
                               "devices=0000:41:00.0;count=1;domain=web;domain-uuid=" WEB_UUID));
        assert_int_equal(scene.world->manager->n_changed, 0);
}

static void end_the_attachment(World *world) {
        (void) registry_remove_attachment(&world->manager->registry, 17);
        fake_manager_settle(world->manager);
}

static void an_attachment_that_ends_while_polkit_is_asked_is_unknown(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_YES);
        _cleanup_(reply_freep) Reply *reply = NULL;

        fake_manager_add_attachment(scene.world->manager, 17, 0);
        fake_manager_settle(scene.world->manager);
        scene.world->on_asked = end_the_attachment;
        reply = detach(scene.client, "/org/hostdev1/attachment/17");

        assert_string_equal(reply_error(scene.world, reply),
                            "org.freedesktop.DBus.Error.UnknownObject");
        assert_int_equal(scene.world->bus->n_calls, 0);
        assert_int_equal(scene.world->manager->n_changed, 0);
}

static bool has_no_calls(World *world, void *userdata) {
        return world->bus->n_calls == 0;
}

static void a_question_goes_with_its_caller(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_SILENT);
        sd_bus *leaver = world_connect(scene.world);
        Reply *reply = attach(leaver, true);

        world_run_until(scene.world, is_asked, &(unsigned){ 1 });
        reply_free(reply);
        world_disconnect(leaver);

        world_run_until(scene.world, has_no_calls, NULL);
        world_settle(scene.world);
        assert_int_equal(scene.world->n_cancelled, 1);
        assert_int_equal(scene.world->manager->n_changed, 0);
}

static void a_forged_word_that_the_caller_left_is_not_believed(void **state) {
        _cleanup_(end) Scene scene = begin_with(POLKIT_SILENT, true);
        _cleanup_(reply_freep) Reply *reply = attach(scene.client, true);
        const char *caller, *service;

        world_run_until(scene.world, is_asked, &(unsigned){ 1 });
        assert_true(sd_bus_get_unique_name(scene.client, &caller) >= 0);
        assert_true(sd_bus_get_unique_name(scene.world->service, &service) >= 0);

        for (unsigned i = 0; i < 100; i++) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *signal = NULL;

                assert_true(sd_bus_message_new_signal(
                                    scene.world->stranger, &signal, "/org/freedesktop/DBus",
                                    "org.freedesktop.DBus", "NameOwnerChanged") >= 0);
                assert_true(sd_bus_message_append(signal, "sss", caller, caller, "") >= 0);
                assert_true(sd_bus_send_to(scene.world->stranger, signal, service, NULL) >= 0);
        }
        world_settle(scene.world);
        assert_int_equal(scene.world->bus->n_calls, 1);
}

static bool have_calls(World *world, void *userdata) {
        return world->bus->n_calls == *(size_t *) userdata;
}

static void one_user_has_at_most_eight_questions_open(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_SILENT);
        Reply *replies[QUESTIONS_PER_USER_MAX];
        _cleanup_(reply_freep) Reply *ninth = NULL, *explain = NULL;

        for (size_t i = 0; i < N_ELEMENTS(replies); i++)
                replies[i] = attach(scene.client, true);
        world_run_until(scene.world, have_calls, &(size_t){ QUESTIONS_PER_USER_MAX });

        ninth = attach(scene.client, true);
        assert_string_equal(reply_error(scene.world, ninth), "org.hostdev1.Error.LimitExceeded");
        explain = world_send(scene.client, false, ROOT_PATH, MANAGER_INTERFACE, "Explain", "sa{sv}",
                             "nic", 1, "domain", "s", "web");
        assert_string_equal(reply_error(scene.world, explain), "org.hostdev1.Error.LimitExceeded");
        assert_int_equal(scene.world->bus->n_calls, QUESTIONS_PER_USER_MAX);

        for (size_t i = 0; i < N_ELEMENTS(replies); i++)
                reply_free(replies[i]);
}

static bool all_wait(World *world, void *userdata) {
        size_t n = 0;

        for (size_t i = 0; i < world->bus->n_calls; i++)
                n += world->bus->calls[i]->state == CALL_WAITING;
        return n == CALLS_PER_USER_MAX;
}

static void one_user_has_at_most_sixteen_calls_open(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_YES);
        Reply *replies[CALLS_PER_USER_MAX];
        _cleanup_(reply_freep) Reply *next = NULL;

        scene.world->manager->reconciled = false;
        for (size_t i = 0; i < N_ELEMENTS(replies); i++)
                replies[i] = attach(scene.client, false);
        world_run_until(scene.world, all_wait, NULL);

        next = attach(scene.client, false);
        assert_string_equal(reply_error(scene.world, next), "org.hostdev1.Error.LimitExceeded");

        for (size_t i = 0; i < N_ELEMENTS(replies); i++)
                reply_free(replies[i]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_clear_yes_lets_the_call_through),
                cmocka_unit_test(polkit_is_shown_what_the_contract_says),
                cmocka_unit_test(anything_else_is_a_no_and_changes_nothing),
                cmocka_unit_test(a_silent_polkit_is_a_no_when_its_time_is_over),
                cmocka_unit_test(a_challenge_depends_on_whether_the_caller_may_be_asked),
                cmocka_unit_test(a_forged_yes_does_not_pass_the_stock_bus),
                cmocka_unit_test(a_forged_yes_does_not_count_on_a_loose_bus_either),
                cmocka_unit_test(force_needs_a_second_action),
                cmocka_unit_test(a_yes_to_attach_is_none_to_force),
                cmocka_unit_test(another_choice_after_the_answer_is_asked_about_again),
                cmocka_unit_test(after_three_answers_to_other_choices_the_call_is_busy),
                cmocka_unit_test(who_may_not_attach_is_not_told_what_is_free),
                cmocka_unit_test(root_is_not_asked_about),
                cmocka_unit_test(the_owner_detaches_by_an_action_of_his_own),
                cmocka_unit_test(an_attachment_that_ends_while_polkit_is_asked_is_unknown),
                cmocka_unit_test(a_question_goes_with_its_caller),
                cmocka_unit_test(a_forged_word_that_the_caller_left_is_not_believed),
                cmocka_unit_test(one_user_has_at_most_eight_questions_open),
                cmocka_unit_test(one_user_has_at_most_sixteen_calls_open),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
