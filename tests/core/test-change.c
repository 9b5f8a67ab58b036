/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/change.h"
#include "util/cleanup.h"

/* What happened to one object, as letters: a added, r removed, t touched (DEVICE_STATE), T touched (DEVICE_POOL). */
static void happen(Changes *changes, const char *story) {
        for (const char *c = story; *c; c++) {
                switch (*c) {
                case 'a':
                        assert_int_equal(changes_add(changes, OBJECT_DEVICE, "key"), 0);
                        break;
                case 'r':
                        assert_int_equal(changes_remove(changes, OBJECT_DEVICE, "key"), 0);
                        break;
                case 't':
                        assert_int_equal(changes_touch(changes, OBJECT_DEVICE, "key", DEVICE_STATE),
                                         0);
                        break;
                case 'T':
                        assert_int_equal(changes_touch(changes, OBJECT_DEVICE, "key", DEVICE_POOL),
                                         0);
                        break;
                }
        }
}

static void what_happens_to_one_object_is_told_once(void **state) {
        static const struct {
                const char *story;
                bool mentioned, added, removed;
                uint32_t properties;
        } cases[] = {
                { "a", true, true, false, 0 },
                { "r", true, false, true, 0 },
                { "t", true, false, false, DEVICE_STATE },
                { "tTt", true, false, false, DEVICE_STATE | DEVICE_POOL },
                { "at", true, true, false, 0 },
                { "tr", true, false, true, 0 },
                { "rt", true, false, true, 0 },
                { "ra", true, true, true, 0 },
                { "rat", true, true, true, 0 },
                { "rar", true, false, true, 0 },
                { "rara", true, true, true, 0 },
                { "ar", false, false, false, 0 },
                { "atTr", false, false, false, 0 },
                { "arar", false, false, false, 0 },
                { "ara", true, true, false, 0 },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(changes_done) Changes changes = { 0 };

                happen(&changes, cases[i].story);
                assert_int_equal(changes.n_items, cases[i].mentioned);
                if (!cases[i].mentioned)
                        continue;

                assert_string_equal(changes.items[0].key, "key");
                assert_int_equal(changes.items[0].added, cases[i].added);
                assert_int_equal(changes.items[0].removed, cases[i].removed);
                assert_int_equal(changes.items[0].properties, cases[i].properties);
        }
}

static void objects_of_different_kinds_are_different(void **state) {
        _cleanup_(changes_done) Changes changes = { 0 };

        assert_int_equal(changes_add(&changes, OBJECT_POOL, "nics"), 0);
        assert_int_equal(changes_remove(&changes, OBJECT_ALIAS, "nics"), 0);
        assert_int_equal(changes_touch(&changes, OBJECT_MANAGER, "", MANAGER_HOST_READY), 0);

        assert_int_equal(changes.n_items, 3);
        assert_int_equal(changes.items[0].kind, OBJECT_POOL);
        assert_int_equal(changes.items[1].kind, OBJECT_ALIAS);
        assert_int_equal(changes.items[2].kind, OBJECT_MANAGER);
}

static void touching_nothing_is_no_change(void **state) {
        _cleanup_(changes_done) Changes changes = { 0 };

        assert_int_equal(changes_touch(&changes, OBJECT_DEVICE, "key", 0), 0);
        assert_int_equal(changes.n_items, 0);
}

static void the_key_is_copied(void **state) {
        _cleanup_(changes_done) Changes changes = { 0 };
        char key[] = "nics";

        assert_int_equal(changes_add(&changes, OBJECT_POOL, key), 0);
        key[0] = 'x';
        assert_string_equal(changes.items[0].key, "nics");
}

static void many_objects_keep_the_order_of_their_first_mention(void **state) {
        _cleanup_(changes_done) Changes changes = { 0 };
        char key[16];

        for (int round = 0; round < 2; round++) {
                for (int i = 0; i < 5000; i++) {
                        (void) snprintf(key, sizeof(key), "%d", i);
                        assert_int_equal(changes_touch(&changes, OBJECT_DEVICE, key,
                                                       round == 0 ? DEVICE_STATE : DEVICE_HOLDER),
                                         0);
                }
        }

        assert_int_equal(changes.n_items, 5000);
        for (int i = 0; i < 5000; i++) {
                (void) snprintf(key, sizeof(key), "%d", i);
                assert_string_equal(changes.items[i].key, key);
                assert_int_equal(changes.items[i].properties, DEVICE_STATE | DEVICE_HOLDER);
        }
}

static void an_object_that_cancelled_out_leaves_its_neighbours_to_be_found(void **state) {
        _cleanup_(changes_done) Changes changes = { 0 };

        assert_int_equal(changes_add(&changes, OBJECT_DEVICE, "1"), 0);
        assert_int_equal(changes_add(&changes, OBJECT_DEVICE, "2"), 0);
        assert_int_equal(changes_touch(&changes, OBJECT_DEVICE, "3", DEVICE_STATE), 0);
        assert_int_equal(changes_remove(&changes, OBJECT_DEVICE, "2"), 0);
        assert_int_equal(changes_touch(&changes, OBJECT_DEVICE, "3", DEVICE_POOL), 0);
        assert_int_equal(changes_remove(&changes, OBJECT_DEVICE, "1"), 0);

        assert_int_equal(changes.n_items, 1);
        assert_string_equal(changes.items[0].key, "3");
        assert_int_equal(changes.items[0].properties, DEVICE_STATE | DEVICE_POOL);
}

static void changes_may_be_used_again_after_they_were_told(void **state) {
        _cleanup_(changes_done) Changes changes = { 0 };

        happen(&changes, "a");
        changes_done(&changes);
        assert_int_equal(changes.n_items, 0);
        happen(&changes, "t");
        assert_int_equal(changes.n_items, 1);
        assert_int_equal(changes.items[0].properties, DEVICE_STATE);
}

static void a_copy_has_all_and_goes_its_own_way(void **state) {
        _cleanup_(changes_done) Changes changes = { 0 }, copy = { 0 };

        assert_int_equal(changes_touch(&changes, OBJECT_POOL, "nics", RULE_SET_TOTAL), 0);
        assert_int_equal(changes_add(&changes, OBJECT_ALIAS, "nic"), 0);
        assert_int_equal(changes_copy(&changes, &copy), 0);
        assert_int_equal(changes_remove(&copy, OBJECT_ALIAS, "nic"), 0);
        assert_int_equal(changes_touch(&copy, OBJECT_POOL, "nics", RULE_SET_FREE), 0);

        assert_int_equal(copy.n_items, 1);
        assert_int_equal(copy.items[0].properties, RULE_SET_TOTAL | RULE_SET_FREE);
        assert_int_equal(changes.n_items, 2);
        assert_int_equal(changes.items[0].properties, RULE_SET_TOTAL);
        assert_true(changes.items[1].added);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_happens_to_one_object_is_told_once),
                cmocka_unit_test(objects_of_different_kinds_are_different),
                cmocka_unit_test(touching_nothing_is_no_change),
                cmocka_unit_test(the_key_is_copied),
                cmocka_unit_test(many_objects_keep_the_order_of_their_first_mention),
                cmocka_unit_test(an_object_that_cancelled_out_leaves_its_neighbours_to_be_found),
                cmocka_unit_test(changes_may_be_used_again_after_they_were_told),
                cmocka_unit_test(a_copy_has_all_and_goes_its_own_way),
        };

        return cmocka_run_group_tests_name("core/change", tests, NULL, NULL);
}
