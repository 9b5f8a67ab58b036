/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Limits: what one caller can take from others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bus/call.h"
#include "bus/size.h"
#include "bus/weigh.h"
#include "world.h"

#define LIMIT_EXCEEDED_NAME "org.hostdev1.Error.LimitExceeded"

enum {
        ATTACKERS = 48,
        CALLS_OF_ATTACKER = 24
};

static void who_is_behind_a_name_is_remembered(void **state) {
        static Caller callers[CALLERS_MAX];
        uint32_t uid = 7;

        assert_false(callers_find(callers, ":1.1", &uid));
        assert_false(callers_find(callers, "", &uid));
        assert_int_equal(uid, 7);

        callers_remember(callers, ":1.1", 1000);
        assert_true(callers_find(callers, ":1.1", &uid));
        assert_int_equal(uid, 1000);
        assert_false(callers_find(callers, ":1.11", &uid));
}

static void a_name_is_forgotten_but_never_taken_for_another(void **state) {
        static Caller callers[CALLERS_MAX];
        unsigned n_known = 0;
        char name[32];
        uint32_t uid;

        for (uint32_t i = 0; i < 20 * CALLERS_MAX; i++) {
                snprintf(name, sizeof(name), ":1.%u", i);
                callers_remember(callers, name, i);
        }
        for (uint32_t i = 0; i < 20 * CALLERS_MAX; i++) {
                snprintf(name, sizeof(name), ":1.%u", i);
                if (!callers_find(callers, name, &uid))
                        continue;
                assert_int_equal(uid, i);
                n_known++;
        }
        assert_true(n_known > CALLERS_MAX / 2 && n_known <= CALLERS_MAX);
}

static void a_name_that_is_too_long_is_not_remembered(void **state) {
        static Caller callers[CALLERS_MAX];
        char name[CALLER_NAME_SIZE + 1];
        uint32_t uid;

        memset(name, '1', sizeof(name));
        for (size_t length = CALLER_NAME_SIZE - 2; length <= CALLER_NAME_SIZE; length++) {
                name[length] = '\0';
                callers_remember(callers, name, 0);
                assert_int_equal(callers_find(callers, name, &uid), length < CALLER_NAME_SIZE);
                name[length] = '1';
        }
}

static sd_bus_message *make(sd_bus *client, const char *types, ...) {
        sd_bus_message *message;
        va_list arguments;

        assert_true(sd_bus_message_new_method_call(client, &message, BUS_NAME, ROOT_PATH,
                                                   MANAGER_INTERFACE, "Attach") >= 0);
        va_start(arguments, types);
        assert_true(sd_bus_message_appendv(message, types, arguments) >= 0);
        va_end(arguments);
        assert_true(sd_bus_message_seal(message, 1, 0) >= 0);
        return message;
}

static size_t weight_of(sd_bus_message *message, size_t most) {
        size_t weight = SIZE_MAX;
        const char *first;

        assert_true(message_weigh(message, most, &weight) >= 0);
        /* It is at its start again. */
        if (sd_bus_message_has_signature(message, "ssa{sv}"))
                assert_true(sd_bus_message_read_basic(message, 's', &first) > 0);
        sd_bus_message_unref(message);
        return weight;
}

static void a_message_is_weighed_wherever_its_bytes_are(void **state) {
        World *world = world_new(POLKIT_YES, false);
        sd_bus *client = world_connect(world);
        _cleanup_(freep) char *large = malloc(100001);
        sd_bus_message *message;
        _cleanup_(freep) uint8_t *bytes = calloc(1, 1 << 20);

        assert_non_null(large);
        assert_non_null(bytes);
        memset(large, 'x', 100000);
        large[100000] = '\0';

        assert_true(weight_of(make(client, "ssa{sv}", "web", "nic", 0), 4096) < 64);
        assert_true(weight_of(make(client, "ssa{sv}", "web", large, 0), 200000) >= 100000);
        assert_int_equal(weight_of(make(client, "ssa{sv}", "web", large, 0), 4096), SIZE_MAX);
        assert_int_equal(
                weight_of(make(client, "ssa{sv}", "web", "nic", 1, "reason", "s", large), 4096),
                SIZE_MAX);
        assert_int_equal(weight_of(make(client, "ssa{sv}", "web", "nic", 1, "x", "v", "v", "as", 2,
                                        "a", large),
                                   4096),
                         SIZE_MAX);
        assert_int_equal(
                weight_of(make(client, "saa{ss}a{sv}", "p", 1, 1, "tag.x", large, 0), 4096),
                SIZE_MAX);

        assert_true(sd_bus_message_new_method_call(client, &message, BUS_NAME, ROOT_PATH,
                                                   MANAGER_INTERFACE, "Attach") >= 0);
        assert_true(sd_bus_message_append_array(message, 'y', bytes, 1 << 20) >= 0);
        assert_true(sd_bus_message_seal(message, 1, 0) >= 0);
        assert_int_equal(weight_of(message, 4096), SIZE_MAX);

        world_disconnect(client);
        world_free(world);
}

/* Nothing but an empty array, of a type that takes long to say. */
static void append_long_type(sd_bus_message *message, const char *contents) {
        assert_true(sd_bus_message_open_container(message, 'v', contents) >= 0);
        assert_true(sd_bus_message_open_container(message, 'a', contents + 1) >= 0);
        assert_true(sd_bus_message_close_container(message) >= 0);
        assert_true(sd_bus_message_close_container(message) >= 0);
}

static void where_a_call_goes_and_of_what_type_it_is_have_a_weight_too(void **state) {
        World *world = world_new(POLKIT_YES, false);
        sd_bus *client = world_connect(world);
        sd_bus_message *message;
        _cleanup_(freep) char *path = calloc(1, 60001);
        char contents[201];

        assert_non_null(path);
        memset(path, 'x', 60000);
        path[0] = '/';
        assert_true(sd_bus_message_new_method_call(client, &message, BUS_NAME, path,
                                                   MANAGER_INTERFACE, "Attach") >= 0);
        assert_true(sd_bus_message_seal(message, 1, 0) >= 0);
        assert_true(weight_of(message, SIZE_MAX) >= 60000);

        memset(contents, 'y', sizeof(contents) - 1);
        memcpy(contents, "a(", 2);
        contents[sizeof(contents) - 2] = ')';
        contents[sizeof(contents) - 1] = '\0';
        assert_true(sd_bus_message_new_method_call(client, &message, BUS_NAME, ROOT_PATH,
                                                   MANAGER_INTERFACE, "Attach") >= 0);
        assert_true(sd_bus_message_open_container(message, 'a', "v") >= 0);
        for (unsigned i = 0; i < 100; i++)
                append_long_type(message, contents);
        assert_true(sd_bus_message_close_container(message) >= 0);
        assert_true(sd_bus_message_seal(message, 1, 0) >= 0);
        assert_true(weight_of(message, SIZE_MAX) >= 100 * (sizeof(contents) - 1));

        world_disconnect(client);
        world_free(world);
}

static void a_large_call_is_not_kept(void **state) {
        World *world = world_new(POLKIT_SILENT, false);
        sd_bus *client = world_connect(world);
        _cleanup_(freep) char *large = calloc(1, INTAKE_CALL_WEIGHT_MAX + 1);
        Reply *reply;

        assert_non_null(large);
        memset(large, 'x', CALL_WEIGHT_KEPT_MAX);
        reply = world_send(client, true, ROOT_PATH, MANAGER_INTERFACE, "AddPool", "saa{ss}a{sv}",
                           "p", 0, 1, "description", "s", large);
        assert_string_equal(reply_error(world, reply), LIMIT_EXCEEDED_NAME);
        assert_int_equal(world->bus->n_calls, 0);
        reply_free(reply);

        memset(large, 'x', INTAKE_CALL_WEIGHT_MAX);
        reply = world_send(client, true, ROOT_PATH, MANAGER_INTERFACE, "Attach", "ssa{sv}", "web",
                           large, 0);
        assert_string_equal(reply_error(world, reply), LIMIT_EXCEEDED_NAME);
        reply_free(reply);

        /* What is wrong with one that could not be kept is told all the same. */
        large[INTAKE_CALL_WEIGHT_MAX / 2] = '\0';
        reply = world_send(client, true, ROOT_PATH, MANAGER_INTERFACE, "Attach", "ssa{sv}", "web",
                           large, 0);
        assert_string_equal(reply_error(world, reply), "org.hostdev1.Error.InvalidRequest");
        reply_free(reply);

        world_disconnect(client);
        world_free(world);
}

static bool is_asked_for_other(World *world, void *userdata) {
        const Reply *reply = userdata;

        return reply->message || world->manager->done;
}

static bool all_but_some_are_answered(World *world, void *userdata) {
        Reply *(*replies)[CALLS_OF_ATTACKER] = userdata;
        size_t n = 0;

        for (size_t i = 0; i < ATTACKERS; i++)
                for (size_t j = 0; j < CALLS_OF_ATTACKER; j++)
                        n += replies[i][j]->message != NULL;
        return n == ATTACKERS * CALLS_OF_ATTACKER - CALLS_PER_USER_MAX;
}

/* One user with many connections sends all at once, before the bus could say whose they are. */
static void many_connections_of_one_user_keep_nobody_else_out(void **state) {
        static Reply *replies[ATTACKERS][CALLS_OF_ATTACKER];
        World *world = world_new(POLKIT_YES, false);
        sd_bus *attackers[ATTACKERS], *other;
        size_t n_refused = 0;
        Reply *reply;

        if (geteuid() != 0) {
                world_free(world);
                skip();
        }

        world->manager->reconciled = false;
        other = world_connect_as(world, 1);
        for (size_t i = 0; i < ATTACKERS; i++)
                attackers[i] = world_connect(world);
        for (size_t i = 0; i < ATTACKERS; i++) {
                for (size_t j = 0; j < CALLS_OF_ATTACKER; j++)
                        replies[i][j] =
                                world_send(attackers[i], false, ROOT_PATH, MANAGER_INTERFACE,
                                           "Attach", "ssa{sv}", "web", "nic", 0);
                assert_true(sd_bus_flush(attackers[i]) >= 0);
        }

        reply = world_send(other, false, ROOT_PATH, MANAGER_INTERFACE, "AddAlias", "saa{ss}a{sv}",
                           "x", 0, 0);
        world_run_until(world, is_asked_for_other, reply);
        assert_string_equal(reply_error(world, reply), "");
        world_run_until(world, all_but_some_are_answered, replies);
        assert_int_equal(world->bus->n_calls, CALLS_PER_USER_MAX);

        for (size_t i = 0; i < ATTACKERS; i++)
                for (size_t j = 0; j < CALLS_OF_ATTACKER; j++) {
                        n_refused += replies[i][j]->message != NULL;
                        reply_free(replies[i][j]);
                }
        assert_int_equal(n_refused, ATTACKERS * CALLS_OF_ATTACKER - CALLS_PER_USER_MAX);

        reply_free(reply);
        for (size_t i = 0; i < ATTACKERS; i++)
                world_disconnect(attackers[i]);
        world_disconnect(other);
        world_free(world);
}

static bool is_answered(World *world, void *userdata) {
        return ((const Reply *) userdata)->message;
}

static void users_are_served_by_turns_and_each_in_his_order(void **state) {
        static Reply *replies[8][100];
        World *world = world_new(POLKIT_YES, false);
        sd_bus *attackers[8], *other;
        size_t n_answered = 0;
        Reply *reply;

        if (geteuid() != 0) {
                world_free(world);
                skip();
        }

        other = world_connect_as(world, 1);
        for (size_t i = 0; i < N_ELEMENTS(attackers); i++)
                attackers[i] = world_connect(world);
        for (size_t i = 0; i < N_ELEMENTS(attackers); i++) {
                for (size_t j = 0; j < N_ELEMENTS(replies[i]); j++)
                        replies[i][j] = world_send(attackers[i], false, ROOT_PATH,
                                                   MANAGER_INTERFACE, "ListAttachments", "s", "");
                assert_true(sd_bus_flush(attackers[i]) >= 0);
        }

        reply = world_send(other, false, ROOT_PATH, MANAGER_INTERFACE, "ListAttachments", "s", "");
        world_run_until(world, is_answered, reply);
        assert_string_equal(reply_error(world, reply), "");

        for (size_t i = 0; i < N_ELEMENTS(attackers); i++)
                for (size_t j = 0; j < N_ELEMENTS(replies[i]); j++) {
                        n_answered += replies[i][j]->message != NULL;
                        assert_false(j > 0 && replies[i][j]->message &&
                                     !replies[i][j - 1]->message);
                }
        assert_true(n_answered < N_ELEMENTS(attackers) * N_ELEMENTS(replies[0]) / 2);

        for (size_t i = 0; i < N_ELEMENTS(attackers); i++)
                for (size_t j = 0; j < N_ELEMENTS(replies[i]); j++) {
                        assert_string_equal(reply_error(world, replies[i][j]), "");
                        reply_free(replies[i][j]);
                }
        reply_free(reply);
        for (size_t i = 0; i < N_ELEMENTS(attackers); i++)
                world_disconnect(attackers[i]);
        world_disconnect(other);
        world_free(world);
}

static void large_calls_of_all_together_are_bounded(void **state) {
        static Reply *replies[64];
        World *world = world_new(POLKIT_YES, false);
        sd_bus *client = world_connect(world);
        _cleanup_(freep) char *large = calloc(1, 250001);
        size_t n_refused = 0;

        assert_non_null(large);
        memset(large, 'x', 250000);
        /* Whose they are is not known while all of them come. */
        for (size_t i = 0; i < N_ELEMENTS(replies); i++)
                replies[i] = world_send(client, false, ROOT_PATH, MANAGER_INTERFACE, "GetPool", "s",
                                        large);
        for (size_t i = 0; i < N_ELEMENTS(replies); i++) {
                const char *error = reply_error(world, replies[i]);

                n_refused += strcmp(error, LIMIT_EXCEEDED_NAME) == 0;
                assert_true(strcmp(error, LIMIT_EXCEEDED_NAME) == 0 ||
                            strcmp(error, "org.hostdev1.Error.NoSuchPool") == 0);
                reply_free(replies[i]);
        }
        assert_true(n_refused <= N_ELEMENTS(replies) - INTAKE_WEIGHT_MAX / 260000);
        world_disconnect(client);
        world_free(world);
}

static void whoever_fills_the_room_leaves_others_their_share(void **state) {
        static Reply *replies[64];
        World *world = world_new(POLKIT_YES, false);
        sd_bus *attacker, *other;
        _cleanup_(freep) char *large = calloc(1, 250001);
        Reply *reply;

        assert_non_null(large);
        if (geteuid() != 0) {
                world_free(world);
                skip();
        }

        attacker = world_connect(world);
        other = world_connect_as(world, 1);
        memset(large, 'x', 250000);
        for (size_t i = 0; i < N_ELEMENTS(replies); i++)
                replies[i] = world_send(attacker, false, ROOT_PATH, MANAGER_INTERFACE, "GetPool",
                                        "s", large);
        assert_true(sd_bus_flush(attacker) >= 0);
        large[INTAKE_LANE_WEIGHT_MIN / 2] = '\0';
        reply = world_send(other, false, ROOT_PATH, MANAGER_INTERFACE, "GetPool", "s", large);
        assert_string_equal(reply_error(world, reply), "org.hostdev1.Error.NoSuchPool");

        for (size_t i = 0; i < N_ELEMENTS(replies); i++) {
                (void) reply_error(world, replies[i]);
                reply_free(replies[i]);
        }
        reply_free(reply);
        world_disconnect(attacker);
        world_disconnect(other);
        world_free(world);
}

static size_t weight_of_objects(World *world, sd_bus *client, const char *expected) {
        Reply *reply = world_send(client, false, ROOT_PATH, "org.freedesktop.DBus.ObjectManager",
                                  "GetManagedObjects", NULL);
        size_t weight = 0;

        assert_string_equal(reply_error(world, reply), expected);
        if (*expected == '\0')
                assert_int_equal(message_weigh(reply->message, SIZE_MAX, &weight), 0);
        reply_free(reply);
        return weight;
}

/* Many words in many lines: as much as may be added. */
static void add_alias(World *world, unsigned number) {
        static char value[1000];
        char name[32];
        Alias *alias;

        memset(value, '1', sizeof(value) - 1);
        snprintf(name, sizeof(name), "large-%u", number);
        assert_int_equal(alias_new(&alias, name, SOURCE_RUNTIME), 0);
        for (unsigned i = 0; i < 60; i++) {
                const Word word = { .key = (char *) "tag.x", .value = value };
                Rule *rule;

                assert_int_equal(rule_new(&rule, RULE_ALIAS, &word, 1, NULL), 0);
                assert_int_equal(alias_add_rule(alias, rule), 0);
        }
        assert_int_equal(catalog_add_alias(&world->manager->registry.catalog, alias), 0);
}

static void no_answer_is_larger_than_it_may_be(void **state) {
        World *world = world_new(POLKIT_YES, false);
        sd_bus *client = world_connect(world);
        size_t weight = weight_of_objects(world, client, "");
        unsigned n = 0;

        assert_true(size_of_objects(&world->manager->registry) >= weight);
        while (size_of_objects(&world->manager->registry) <= ANSWER_SIZE_MAX - (100 << 10))
                add_alias(world, n++);
        weight = weight_of_objects(world, client, "");
        assert_true(weight <= size_of_objects(&world->manager->registry));
        assert_true(weight > ANSWER_SIZE_MAX / 2);

        while (size_of_objects(&world->manager->registry) <= ANSWER_SIZE_MAX)
                add_alias(world, n++);
        (void) weight_of_objects(world, client, LIMIT_EXCEEDED_NAME);
        world_disconnect(client);
        world_free(world);
}

static void who_calls_again_is_not_asked_about_again(void **state) {
        World *world = world_new(POLKIT_YES, false);
        sd_bus *client = world_connect(world);
        const char *name;
        uint32_t uid;

        assert_true(sd_bus_get_unique_name(client, &name) >= 0);
        assert_false(callers_find(world->bus->callers, name, &uid));
        for (unsigned i = 0; i < 3; i++) {
                char alias[8] = { 'a', (char) ('0' + i), '\0' };
                Reply *reply = world_send(client, false, ROOT_PATH, MANAGER_INTERFACE, "AddAlias",
                                          "saa{ss}a{sv}", alias, 0, 0);

                assert_string_equal(reply_error(world, reply), "");
                reply_free(reply);
                assert_true(callers_find(world->bus->callers, name, &uid));
                assert_int_equal(uid, world_user());
        }
        assert_int_equal(world->n_asked, 3);
        world_disconnect(client);
        world_free(world);
}

typedef struct Forgotten {
        const char *name;
        bool done;
        Reply *reply;
} Forgotten;

/* Once, when it has just been learnt: the names of many others may take the place of his. */
static bool is_answered_though_forgotten(World *world, void *userdata) {
        Forgotten *forgotten = userdata;
        uint32_t uid;

        if (!forgotten->done && callers_find(world->bus->callers, forgotten->name, &uid)) {
                memset(world->bus->callers, 0, sizeof(world->bus->callers));
                forgotten->done = true;
        }
        return forgotten->reply->message;
}

static void who_is_forgotten_before_his_turn_is_asked_about_again(void **state) {
        World *world = world_new(POLKIT_YES, false);
        sd_bus *client = world_connect(world);
        Reply *reply = world_send(client, false, ROOT_PATH, MANAGER_INTERFACE, "AddAlias",
                                  "saa{ss}a{sv}", "a", 0, 0);
        Forgotten forgotten = { .reply = reply };

        assert_true(sd_bus_get_unique_name(client, &forgotten.name) >= 0);
        world_run_until(world, is_answered_though_forgotten, &forgotten);
        assert_true(forgotten.done);
        assert_string_equal(reply_error(world, reply), "");
        assert_int_equal(world->n_asked, 1);
        reply_free(reply);
        world_disconnect(client);
        world_free(world);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(who_is_behind_a_name_is_remembered),
                cmocka_unit_test(a_name_is_forgotten_but_never_taken_for_another),
                cmocka_unit_test(a_name_that_is_too_long_is_not_remembered),
                cmocka_unit_test(a_message_is_weighed_wherever_its_bytes_are),
                cmocka_unit_test(where_a_call_goes_and_of_what_type_it_is_have_a_weight_too),
                cmocka_unit_test(a_large_call_is_not_kept),
                cmocka_unit_test(many_connections_of_one_user_keep_nobody_else_out),
                cmocka_unit_test(users_are_served_by_turns_and_each_in_his_order),
                cmocka_unit_test(large_calls_of_all_together_are_bounded),
                cmocka_unit_test(whoever_fills_the_room_leaves_others_their_share),
                cmocka_unit_test(no_answer_is_larger_than_it_may_be),
                cmocka_unit_test(who_calls_again_is_not_asked_about_again),
                cmocka_unit_test(who_is_forgotten_before_his_turn_is_asked_about_again),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
