/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lists of NUMA nodes as people write them.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "nodes.h"
#include "util/cleanup.h"

static void a_list_is_numbers_and_ranges_in_their_order(void **state) {
        static const struct {
                const char *text;
                uint32_t nodes[5];
                size_t n;
        } cases[] = {
                { "", { 0 }, 0 },       { "0", { 0 }, 1 },
                { "3,1", { 3, 1 }, 2 }, { "0,2-4,1023", { 0, 2, 3, 4, 1023 }, 5 },
                { "7-7", { 7 }, 1 },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(freep) uint32_t *nodes = NULL;
                size_t n;

                assert_int_equal(nodes_read(cases[i].text, &nodes, &n), 0);
                assert_non_null(nodes);
                assert_int_equal(n, cases[i].n);
                assert_memory_equal(nodes, cases[i].nodes, n * sizeof(*nodes));
        }
}

static void what_is_no_list_is_refused_and_nothing_written(void **state) {
        static const char *const wrong[] = {
                ",",    "0,",     ",0",          "0,,1", "-",  "-1",  "1-", "2-1",      "1-2-3",
                "1024", "0-1024", "99999999999", " 1",   "1 ", "0x1", "a",  "0-1023,0",
        };

        for (size_t i = 0; i < N_ELEMENTS(wrong); i++) {
                uint32_t *nodes = NULL;
                size_t n = 17;

                assert_int_equal(nodes_read(wrong[i], &nodes, &n), -EINVAL);
                assert_null(nodes);
                assert_int_equal(n, 17);
        }
}

static void every_node_that_can_be_is_taken(void **state) {
        _cleanup_(freep) uint32_t *nodes = NULL;
        size_t n;

        assert_int_equal(nodes_read("0-1023", &nodes, &n), 0);
        assert_int_equal(n, 1024);
        for (uint32_t i = 0; i < 1024; i++)
                assert_int_equal(nodes[i], i);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_list_is_numbers_and_ranges_in_their_order),
                cmocka_unit_test(what_is_no_list_is_refused_and_nothing_written),
                cmocka_unit_test(every_node_that_can_be_is_taken),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
