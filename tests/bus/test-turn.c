/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Turn: which question is put to polkit when.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bus/call.h"
#include "world.h"

#define ACCESS_DENIED "org.freedesktop.DBus.Error.AccessDenied"

enum {
        NEVER_USEC = 600000000
};

typedef struct Scene {
        World *world;
        sd_bus *client;
} Scene;

static Scene begin(void) {
        World *world = world_new(POLKIT_SILENT, false);

        assert_int_equal(world->bus->turn_usec, 1000000);
        world->bus->turn_usec = NEVER_USEC;
        return (Scene){ .world = world, .client = world_connect(world) };
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

static bool have_calls(World *world, void *userdata) {
        return world->bus->n_calls == *(size_t *) userdata;
}

static bool is_cancelled(World *world, void *userdata) {
        return world->n_cancelled >= *(unsigned *) userdata;
}

static void of_one_user_one_question_is_put_at_a_time(void **state) {
        _cleanup_(end) Scene scene = begin();
        Reply *replies[3];

        for (size_t i = 0; i < N_ELEMENTS(replies); i++)
                replies[i] =
                        world_send(scene.client, false, ROOT_PATH, MANAGER_INTERFACE, "AddAlias",
                                   "saa{ss}a{sv}", (char[]){ 'a' + (char) i, 0 }, 0, 0);
        world_run_until(scene.world, have_calls, &(size_t){ N_ELEMENTS(replies) });
        world_settle(scene.world);
        assert_int_equal(scene.world->n_asked, 1);

        world_say_yes(scene.world);
        for (size_t i = 0; i < N_ELEMENTS(replies); i++) {
                assert_string_equal(reply_error(scene.world, replies[i]), "");
                reply_free(replies[i]);
        }
        assert_int_equal(scene.world->n_asked, N_ELEMENTS(replies));
}

static void the_questions_of_one_keep_no_other_user_back(void **state) {
        _cleanup_(end) Scene scene = begin();
        Reply *replies[QUESTIONS_PER_USER_MAX], *reply;
        sd_bus *other;

        if (geteuid() != 0)
                skip();

        other = world_connect_as(scene.world, 1);
        for (size_t i = 0; i < N_ELEMENTS(replies); i++)
                replies[i] = attach(scene.client, true);
        world_run_until(scene.world, have_calls, &(size_t){ N_ELEMENTS(replies) });

        reply = attach(other, true);
        world_run_until(scene.world, is_asked, &(unsigned){ 2 });
        world_say_yes(scene.world);
        world_run_until(scene.world, is_with_manager, NULL);
        assert_int_equal(scene.world->manager->owner_uid, 1);
        assert_int_equal(scene.world->n_asked, 2);

        reply_free(reply);
        for (size_t i = 0; i < N_ELEMENTS(replies); i++)
                reply_free(replies[i]);
        world_disconnect(other);
}

static void what_polkit_has_for_longer_than_a_moment_keeps_nobody_back(void **state) {
        _cleanup_(end) Scene scene = begin();
        _cleanup_(reply_freep) Reply *first = NULL, *second = NULL, *third = NULL;

        scene.world->bus->turn_usec = 50000;
        first = attach(scene.client, true);
        second = attach(scene.client, true);
        third = attach(scene.client, true);
        world_run_until(scene.world, is_asked, &(unsigned){ 3 });

        assert_int_equal(scene.world->bus->n_calls, 3);
        assert_int_equal(scene.world->n_cancelled, 0);
}

static void a_question_that_is_not_put_yet_goes_with_its_caller(void **state) {
        _cleanup_(end) Scene scene = begin();
        _cleanup_(reply_freep) Reply *first = NULL;
        sd_bus *leaver = world_connect(scene.world);
        Reply *second;

        first = attach(scene.client, true);
        world_run_until(scene.world, is_asked, &(unsigned){ 1 });
        second = attach(leaver, true);
        world_run_until(scene.world, have_calls, &(size_t){ 2 });
        reply_free(second);
        world_disconnect(leaver);

        world_run_until(scene.world, have_calls, &(size_t){ 1 });
        world_settle(scene.world);
        assert_int_equal(scene.world->n_asked, 1);
        assert_int_equal(scene.world->n_cancelled, 0); /* polkit has never heard of it */
}

static void when_a_caller_leaves_the_next_question_is_put(void **state) {
        _cleanup_(end) Scene scene = begin();
        _cleanup_(reply_freep) Reply *second = NULL;
        sd_bus *leaver = world_connect(scene.world);
        Reply *first = attach(leaver, true);

        world_run_until(scene.world, is_asked, &(unsigned){ 1 });
        second = attach(scene.client, true);
        world_run_until(scene.world, have_calls, &(size_t){ 2 });
        reply_free(first);
        world_disconnect(leaver);

        world_run_until(scene.world, is_asked, &(unsigned){ 2 });
        assert_int_equal(scene.world->n_cancelled, 1);
        assert_int_equal(scene.world->bus->n_calls, 1);
}

/* Who calls and leaves, over and over, has no more questions with polkit than who stays. */
static void a_question_whose_caller_left_counts_until_it_is_cancelled(void **state) {
        _cleanup_(end) Scene scene = begin();

        scene.world->cancels_nothing = true;
        for (unsigned i = 0; i < 10; i++) {
                sd_bus *leaver = world_connect(scene.world);
                Reply *reply = attach(leaver, true);

                world_run_until(scene.world, have_calls, &(size_t){ 1 });
                reply_free(reply);
                world_disconnect(leaver);
                world_run_until(scene.world, have_calls, &(size_t){ 0 });
        }
        world_settle(scene.world);
        assert_int_equal(scene.world->n_asked, 1);
        assert_int_equal(scene.world->n_cancelled, 1);
}

static void the_time_of_a_question_begins_when_it_is_put(void **state) {
        _cleanup_(end) Scene scene = begin();
        _cleanup_(reply_freep) Reply *first = NULL, *second = NULL;

        scene.world->bus->question_usec = 100000;
        first = attach(scene.client, true);
        second = attach(scene.client, true);

        assert_string_equal(reply_error(scene.world, first), ACCESS_DENIED);
        assert_null(second->message);
        assert_string_equal(reply_error(scene.world, second), ACCESS_DENIED);
        world_run_until(scene.world, is_cancelled, &(unsigned){ 2 });
        assert_int_equal(scene.world->n_asked, 2);
        assert_int_equal(scene.world->bus->n_calls, 0);
}

static void a_service_that_stops_puts_no_more_questions(void **state) {
        _cleanup_(end) Scene scene = begin();
        _cleanup_(reply_freep) Reply *first = NULL, *second = NULL;

        first = attach(scene.client, true);
        second = attach(scene.client, true);
        world_run_until(scene.world, have_calls, &(size_t){ 2 });
        world_run_until(scene.world, is_asked, &(unsigned){ 1 });

        bus_stop(scene.world->bus);
        assert_string_equal(reply_error(scene.world, first), "org.hostdev1.Error.Busy");
        assert_string_equal(reply_error(scene.world, second), "org.hostdev1.Error.Busy");
        world_settle(scene.world);
        assert_int_equal(scene.world->n_asked, 1);
        assert_int_equal(scene.world->n_cancelled, 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(of_one_user_one_question_is_put_at_a_time),
                cmocka_unit_test(the_questions_of_one_keep_no_other_user_back),
                cmocka_unit_test(what_polkit_has_for_longer_than_a_moment_keeps_nobody_back),
                cmocka_unit_test(a_question_that_is_not_put_yet_goes_with_its_caller),
                cmocka_unit_test(when_a_caller_leaves_the_next_question_is_put),
                cmocka_unit_test(a_question_whose_caller_left_counts_until_it_is_cancelled),
                cmocka_unit_test(the_time_of_a_question_begins_when_it_is_put),
                cmocka_unit_test(a_service_that_stops_puts_no_more_questions),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
