/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/cleanup.h"
#include "util/vector.h"

static void what_is_appended_stays_in_order(void **state) {
        _cleanup_(freep) int *items = NULL;
        size_t n_items = 0;

        for (int i = 0; i < 10000; i++)
                assert_int_equal(VECTOR_APPEND(items, n_items, i), 0);

        assert_int_equal(n_items, 10000);
        for (int i = 0; i < 10000; i++)
                assert_int_equal(items[i], i);
}

static void an_array_that_shrank_may_grow_again(void **state) {
        _cleanup_(freep) char *items = NULL;
        size_t n_items = 0;

        /* Every way down and up passes the sizes at which room is made. */
        for (size_t high = 1; high <= 70; high++) {
                while (n_items < high)
                        assert_int_equal(VECTOR_APPEND(items, n_items, 'x'), 0);
                n_items = high / 3;
        }
}

static void a_size_that_overflows_is_refused_and_changes_nothing(void **state) {
        _cleanup_(freep) char *items = NULL;
        size_t n_items = 0;
        char *before;

        assert_int_equal(VECTOR_APPEND(items, n_items, 'x'), 0);
        before = items;
        assert_int_equal(vector_reserve(&items, (size_t) 1 << (sizeof(size_t) * 8 - 2), 8),
                         -ENOMEM);
        assert_ptr_equal(items, before);
        assert_int_equal(items[0], 'x');
}

static void structures_are_values_too(void **state) {
        typedef struct Pair {
                int a;
                const char *b;
        } Pair;
        _cleanup_(freep) Pair *pairs = NULL;
        size_t n_pairs = 0;

        for (int i = 0; i < 20; i++)
                assert_int_equal(VECTOR_APPEND(pairs, n_pairs, ((Pair){ i, "text" })), 0);
        assert_int_equal(pairs[19].a, 19);
        assert_string_equal(pairs[19].b, "text");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_appended_stays_in_order),
                cmocka_unit_test(an_array_that_shrank_may_grow_again),
                cmocka_unit_test(a_size_that_overflows_is_refused_and_changes_nothing),
                cmocka_unit_test(structures_are_values_too),
        };

        return cmocka_run_group_tests_name("util/vector", tests, NULL, NULL);
}
