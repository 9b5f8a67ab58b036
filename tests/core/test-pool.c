/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/pool.h"
#include "made-host.h"
#include "util/text.h"

static void a_name_is_made_of_letters_digits_and_three_signs(void **state) {
        static const char *const good[] = {
                "a",
                "10g-nics",
                "A.b_c-1",
                "x123456789012345678901234567890123456789012345678901234567890123",
        };
        static const char *const bad[] = {
                "",   "-a",  ".a",
                "_a", "a b", "a/b",
                "ä",  "a\n", "x1234567890123456789012345678901234567890123456789012345678901234",
        };

        for (size_t i = 0; i < N_ELEMENTS(good); i++)
                assert_int_equal(name_check(good[i], NULL), 0);

        for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
                _cleanup_(refusal_done) Refusal refusal = { 0 };

                assert_int_equal(name_check(bad[i], &refusal), NAME_INVALID);
                assert_true(text_is_line(refusal.text));
        }
}

static void words_are_read_back(void **state) {
        for (int i = 0; i < _NUMA_POLICY_END; i++)
                assert_int_equal(numa_policy_from_string(numa_policy_to_string((NumaPolicy) i)), i);
        for (int i = 0; i < _UNIT_END; i++)
                assert_int_equal(unit_from_string(unit_to_string((Unit) i)), i);

        assert_int_equal(numa_policy_from_string("strict"), -1);
        assert_int_equal(numa_policy_from_string(""), -1);
        assert_int_equal(unit_from_string("card"), -1);
        assert_string_equal(source_to_string(SOURCE_FILE), "file");
        assert_string_equal(source_to_string(SOURCE_RUNTIME), "runtime");
}

static void the_first_line_that_fits_is_found(void **state) {
        Inventory inventory = { 0 };
        Device *device = made_device(&inventory, &(Made){ "3b:00.0", 0x10de, 0x1db4 });
        _cleanup_(pool_freep) Pool *pool = NULL;

        assert_int_equal(pool_new(&pool, "gpus", SOURCE_FILE), 0);
        assert_null(pool_find_rule(pool, device, &inventory));
        assert_int_equal(pool_add_rule(pool, POOL_RULE("vendor_id=8086")), 0);
        assert_int_equal(pool_add_rule(pool, POOL_RULE("vendor_id=10de", "tag.a=1")), 0);
        assert_int_equal(pool_add_rule(pool, POOL_RULE("bus=3b", "tag.a=2")), 0);
        assert_ptr_equal(pool_find_rule(pool, device, &inventory), pool->rules[1]);
        assert_string_equal(rule_tag(pool->rules[1], "a"), "1");
        assert_null(rule_tag(pool->rules[1], "b"));
        inventory_done(&inventory);
}

static void the_alternatives_of_an_alias_keep_their_own_type(void **state) {
        Inventory inventory = { 0 };
        _cleanup_(alias_freep) Alias *alias = NULL;
        const Device *pf, *vf, *gpu;

        made_device(&inventory, &(Made){ "5e:00.0", 0x15b3, 0x1019, 0, DEVICE_TYPE_PF,
                                         .max_virtual_functions = 1 });
        made_device(&inventory, &(Made){ "5e:00.1", 0x15b3, 0x101a, 0, DEVICE_TYPE_VF, "5e:00.0" });
        made_device(&inventory, &(Made){ "3b:00.0", 0x10de, 0x1db4 });
        pf = inventory_find(&inventory, made_address("5e:00.0"));
        vf = inventory_find(&inventory, made_address("5e:00.1"));
        gpu = inventory_find(&inventory, made_address("3b:00.0"));

        assert_int_equal(alias_new(&alias, "any", SOURCE_RUNTIME), 0);
        assert_int_equal(alias_mismatch(alias, gpu, &inventory), REASON_IDS);
        assert_int_equal(alias_add_rule(alias, ALIAS_RULE("vendor_id=15b3", "device_type=type-VF")),
                         0);
        assert_int_equal(alias_add_rule(alias, ALIAS_RULE("vendor_id=10de")), 0);

        assert_int_equal(alias_mismatch(alias, vf, &inventory), 0);
        assert_int_equal(alias_mismatch(alias, gpu, &inventory), 0);
        /* Nearest is the first alternative: the ids hold. */
        assert_int_equal(alias_mismatch(alias, pf, &inventory), REASON_TYPE);
        inventory_done(&inventory);
}

static Catalog make_catalog(void) {
        static const char *const names[] = { "one", "two", "three" };
        Catalog catalog = { 0 };

        for (size_t i = 0; i < N_ELEMENTS(names); i++) {
                Alias *alias;
                Pool *pool;

                assert_int_equal(pool_new(&pool, names[i], SOURCE_FILE), 0);
                assert_int_equal(catalog_add_pool(&catalog, pool), 0);
                assert_int_equal(alias_new(&alias, names[i], SOURCE_FILE), 0);
                assert_int_equal(catalog_add_alias(&catalog, alias), 0);
        }

        return catalog;
}

static void a_catalog_finds_by_the_whole_name(void **state) {
        Catalog catalog = make_catalog();

        assert_ptr_equal(catalog_find_pool(&catalog, "two"), catalog.pools[1]);
        assert_ptr_equal(catalog_find_alias(&catalog, "three"), catalog.aliases[2]);
        assert_null(catalog_find_pool(&catalog, "tw"));
        assert_null(catalog_find_alias(&catalog, ""));
        catalog_done(&catalog);
        assert_int_equal(catalog.n_pools, 0);
}

static void removal_keeps_the_order_of_the_rest(void **state) {
        Catalog catalog = make_catalog();

        catalog_remove_pool(&catalog, "two");
        catalog_remove_pool(&catalog, "four");
        catalog_remove_alias(&catalog, "one");
        assert_int_equal(catalog.n_pools, 2);
        assert_string_equal(catalog.pools[0]->name, "one");
        assert_string_equal(catalog.pools[1]->name, "three");
        assert_int_equal(catalog.n_aliases, 2);
        assert_string_equal(catalog.aliases[0]->name, "two");
        assert_string_equal(catalog.aliases[1]->name, "three");
        catalog_done(&catalog);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_name_is_made_of_letters_digits_and_three_signs),
                cmocka_unit_test(words_are_read_back),
                cmocka_unit_test(the_first_line_that_fits_is_found),
                cmocka_unit_test(the_alternatives_of_an_alias_keep_their_own_type),
                cmocka_unit_test(a_catalog_finds_by_the_whole_name),
                cmocka_unit_test(removal_keeps_the_order_of_the_rest),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
