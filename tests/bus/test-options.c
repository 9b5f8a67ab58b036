/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "bus/options.h"
#include "util/text.h"

/* A connection to nobody, on which messages can be made. */
static int open_connection(void **state) {
        sd_bus *connection = NULL;
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        assert_true(sd_bus_new(&connection) >= 0);
        assert_true(sd_bus_set_fd(connection, fds[0], fds[0]) >= 0);
        assert_true(sd_bus_start(connection) >= 0);
        close(fds[1]);
        *state = connection;
        return 0;
}

static int close_connection(void **state) {
        sd_bus_close_unref(*state);
        return 0;
}

static sd_bus_message *new_call(sd_bus *connection) {
        sd_bus_message *call = NULL;

        assert_true(sd_bus_message_new_method_call(connection, &call, "a.b", "/", "a.b", "C") >= 0);
        return call;
}

static sd_bus_message *finish(sd_bus_message *call) {
        assert_true(sd_bus_message_seal(call, 1, 0) >= 0);
        assert_true(sd_bus_message_rewind(call, true) >= 0);
        return call;
}

/* Reads with the options that this test knows. */
typedef struct Read {
        int live;
        uint32_t wait;
        const char *reason;
        NodeSet nodes;
        bool live_given, nodes_given;
        int verdict;
        char *text;
} Read;

static Read read_options(sd_bus_message *call) {
        Read read = { .wait = 20, .reason = "" };
        const Option known[] = {
                { "live", "b", &read.live, &read.live_given },
                { "wait-seconds", "u", &read.wait, NULL },
                { "reason", "s", &read.reason, NULL },
                { "numa-nodes", "au", &read.nodes, &read.nodes_given },
        };
        Refusal refusal = { 0 };

        read.verdict = options_read(call, known, N_ELEMENTS(known), &refusal);
        read.text = refusal.text;
        return read;
}

static void all_types_are_read(void **state) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = new_call(*state);
        Read read;

        assert_true(sd_bus_message_append(call, "a{sv}", 4, "live", "b", 1, "wait-seconds", "u",
                                          (uint32_t) 7, "reason", "s", "because", "numa-nodes",
                                          "au", 2, (uint32_t) 0, (uint32_t) 3) >= 0);
        read = read_options(finish(call));

        assert_int_equal(read.verdict, 0);
        assert_true(read.live && read.live_given && read.nodes_given);
        assert_int_equal(read.wait, 7);
        assert_string_equal(read.reason, "because");
        assert_true(read.nodes.constrained && node_set_has(&read.nodes, 0) &&
                    node_set_has(&read.nodes, 3) && !node_set_has(&read.nodes, 1));
}

static void what_is_absent_keeps_its_default(void **state) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = new_call(*state);
        Read read;

        assert_true(sd_bus_message_append(call, "a{sv}", 0) >= 0);
        read = read_options(finish(call));

        assert_int_equal(read.verdict, 0);
        assert_false(read.live_given || read.nodes_given);
        assert_int_equal(read.wait, 20);
}

static void an_empty_list_of_nodes_means_any(void **state) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = new_call(*state);
        Read read;

        assert_true(sd_bus_message_append(call, "a{sv}", 1, "numa-nodes", "au", 0) >= 0);
        read = read_options(finish(call));

        assert_int_equal(read.verdict, 0);
        assert_true(read.nodes_given);
        assert_false(read.nodes.constrained);
}

static void assert_refused(sd_bus_message *call, const char *key) {
        Read read = read_options(finish(call));
        _cleanup_(freep) char *text = read.text;

        assert_int_equal(read.verdict, ARGUMENTS_INVALID);
        assert_non_null(strstr(text, key));
}

static void an_unknown_key_is_refused_by_name(void **state) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = new_call(*state);

        assert_true(sd_bus_message_append(call, "a{sv}", 1, "dry_run", "b", 1) >= 0);
        assert_refused(call, "dry_run");
}

static void keys_that_would_name_another_user_are_unknown(void **state) {
        static const char *const keys[] = { "uid", "user", "owner", "as-user", "owner-uid" };

        for (size_t i = 0; i < N_ELEMENTS(keys); i++) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = new_call(*state);

                assert_true(sd_bus_message_append(call, "a{sv}", 1, keys[i], "u", 0) >= 0);
                assert_refused(call, keys[i]);
        }
}

static void a_wrong_type_is_refused_by_name(void **state) {
        static const struct {
                const char *key, *type;
        } cases[] = { { "live", "u" },       { "wait-seconds", "i" }, { "wait-seconds", "b" },
                      { "numa-nodes", "u" }, { "reason", "o" },       { "live", "v" } };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = new_call(*state);
                int r;

                if (*cases[i].type == 'v')
                        r = sd_bus_message_append(call, "a{sv}", 1, cases[i].key, "v", "b", 1);
                else if (*cases[i].type == 'o')
                        r = sd_bus_message_append(call, "a{sv}", 1, cases[i].key, "o", "/x");
                else
                        r = sd_bus_message_append(call, "a{sv}", 1, cases[i].key, cases[i].type, 1);
                assert_true(r >= 0);
                assert_refused(call, cases[i].key);
        }
}

static void a_key_that_stands_twice_is_refused(void **state) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = new_call(*state);

        assert_true(sd_bus_message_append(call, "a{sv}", 2, "live", "b", 1, "live", "b", 0) >= 0);
        assert_refused(call, "live");
}

/* The answer to @n options of twenty known ones. */
static int read_many(sd_bus *connection, unsigned n) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = new_call(connection);
        char keys[20][4];
        int values[20];
        Option known[20];

        for (unsigned i = 0; i < N_ELEMENTS(known); i++) {
                snprintf(keys[i], sizeof(keys[i]), "k%u", i);
                known[i] = (Option){ keys[i], "b", &values[i], NULL };
        }

        assert_true(sd_bus_message_open_container(call, 'a', "{sv}") >= 0);
        for (unsigned i = 0; i < n; i++)
                assert_true(sd_bus_message_append(call, "{sv}", keys[i], "b", 1) >= 0);
        assert_true(sd_bus_message_close_container(call) >= 0);

        return options_read(finish(call), known, N_ELEMENTS(known), NULL);
}

static void more_than_sixteen_options_are_refused(void **state) {
        assert_int_equal(read_many(*state, 16), 0);
        assert_int_equal(read_many(*state, 17), ARGUMENTS_INVALID);
}

static void a_node_that_no_host_has_is_refused(void **state) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = new_call(*state);

        assert_true(sd_bus_message_append(call, "a{sv}", 1, "numa-nodes", "au", 1,
                                          (uint32_t) NUMA_NODES_MAX) >= 0);
        assert_refused(call, "numa-nodes");
}

static void a_reason_is_one_line_of_at_most_200_bytes(void **state) {
        char longest[202];

        memset(longest, 'x', 201);
        longest[201] = '\0';
        assert_int_equal(option_check_reason(longest, NULL), ARGUMENTS_INVALID);
        longest[200] = '\0';
        assert_int_equal(option_check_reason(longest, NULL), 0);
        assert_int_equal(option_check_reason("", NULL), 0);
        assert_int_equal(option_check_reason("für Anna", NULL), 0);
        assert_int_equal(option_check_reason("a\nb", NULL), ARGUMENTS_INVALID);
        assert_int_equal(option_check_reason("a\xe2\x80\xae"
                                             "b",
                                             NULL),
                         ARGUMENTS_INVALID);
}

static void a_wait_has_its_upper_bound(void **state) {
        assert_int_equal(option_check_wait(20, 20, NULL), 0);
        assert_int_equal(option_check_wait(21, 20, NULL), ARGUMENTS_INVALID);
        assert_int_equal(option_check_wait(UINT32_MAX, 20, NULL), ARGUMENTS_INVALID);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(all_types_are_read),
                cmocka_unit_test(what_is_absent_keeps_its_default),
                cmocka_unit_test(an_empty_list_of_nodes_means_any),
                cmocka_unit_test(an_unknown_key_is_refused_by_name),
                cmocka_unit_test(keys_that_would_name_another_user_are_unknown),
                cmocka_unit_test(a_wrong_type_is_refused_by_name),
                cmocka_unit_test(a_key_that_stands_twice_is_refused),
                cmocka_unit_test(more_than_sixteen_options_are_refused),
                cmocka_unit_test(a_node_that_no_host_has_is_refused),
                cmocka_unit_test(a_reason_is_one_line_of_at_most_200_bytes),
                cmocka_unit_test(a_wait_has_its_upper_bound),
        };

        return cmocka_run_group_tests(tests, open_connection, close_connection);
}
