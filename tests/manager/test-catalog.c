/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"

static Pool *pool_by(const char *name, const char *key, const char *value) {
        const Word word = { .key = (char *) key, .value = (char *) value };
        Pool *pool;
        Rule *rule;

        assert_int_equal(rule_new(&rule, RULE_POOL, &word, 1, NULL), 0);
        assert_int_equal(pool_new(&pool, name, SOURCE_RUNTIME), 0);
        assert_int_equal(pool_add_rule(pool, rule), 0);
        return pool;
}

static Alias *alias_by(const char *name, const char *key, const char *value) {
        const Word word = { .key = (char *) key, .value = (char *) value };
        Alias *alias;
        Rule *rule;

        assert_int_equal(rule_new(&rule, RULE_ALIAS, &word, 1, NULL), 0);
        assert_int_equal(alias_new(&alias, name, SOURCE_RUNTIME), 0);
        assert_int_equal(alias_add_rule(alias, rule), 0);
        return alias;
}

static const Catalog *in_force(const Fixture *fixture) {
        return &manager_registry(fixture->manager)->catalog;
}

static void what_was_added_is_there_after_a_restart(void **state) {
        Fixture *fixture = *state;

        assert_int_equal(manager_add_pool(fixture->manager,
                                          pool_by("spare", "address", "0000:43:00.0"), NULL),
                         0);
        assert_int_equal(
                manager_add_alias(fixture->manager, alias_by("any", "vendor_id", "8086"), NULL), 0);
        assert_non_null(catalog_find_alias(in_force(fixture), "any"));

        fixture_start(fixture);
        assert_non_null(catalog_find_pool(in_force(fixture), "spare"));
        assert_int_equal(catalog_find_pool(in_force(fixture), "spare")->source, SOURCE_RUNTIME);
        assert_non_null(catalog_find_alias(in_force(fixture), "any"));

        assert_int_equal(manager_remove_pool(fixture->manager, "spare", NULL), 0);
        assert_int_equal(manager_remove_alias(fixture->manager, "any", NULL), 0);
        fixture_start(fixture);
        assert_null(catalog_find_pool(in_force(fixture), "spare"));
        assert_null(catalog_find_alias(in_force(fixture), "any"));
}

static void names_in_use_and_names_of_files_are_refused(void **state) {
        Fixture *fixture = *state;

        assert_int_equal(
                manager_add_pool(fixture->manager, pool_by("nics", "vendor_id", "8086"), NULL),
                NAME_TAKEN);
        assert_int_equal(
                manager_add_alias(fixture->manager, alias_by("nic", "vendor_id", "8086"), NULL),
                NAME_TAKEN);
        assert_int_equal(manager_remove_pool(fixture->manager, "nics", NULL), ENTRY_READ_ONLY);
        assert_int_equal(manager_remove_alias(fixture->manager, "nic", NULL), ENTRY_READ_ONLY);
        assert_int_equal(manager_remove_pool(fixture->manager, "none", NULL), POOL_UNKNOWN);
        assert_int_equal(manager_remove_alias(fixture->manager, "none", NULL), ALIAS_UNKNOWN);
}

static void a_device_keeps_its_attachment_when_its_pool_goes(void **state) {
        Fixture *fixture = *state;
        Catalog none = { 0 };
        Answer answer;

        assert_int_equal(fixture_attach(fixture, WEB, "nic", true, true, &answer), 0);
        memory_run(&fixture->memory);
        assert_int_equal(manager_reload(fixture->manager, &none), 0);
        assert_int_equal(fixture_device(fixture, NIC0)->state, DEVICE_ATTACHED);
        assert_null(fixture_device(fixture, NIC0)->pool);
        assert_int_equal(fixture_device(fixture, NIC1)->state, DEVICE_UNAVAILABLE);

        assert_int_equal(fixture_detach(fixture, answer.attachment, &answer), 0);
        memory_run(&fixture->memory);
        assert_int_equal(answer.verdict, 0);
        assert_int_equal(fixture_device(fixture, NIC0)->state, DEVICE_UNAVAILABLE);
}

static void a_name_in_a_file_hides_the_one_added_at_run_time(void **state) {
        Fixture *fixture = *state;
        Catalog files = { 0 }, none = { 0 };
        Pool *pool = pool_by("spare", "address", "0000:42:00.0");

        assert_int_equal(manager_add_pool(fixture->manager,
                                          pool_by("spare", "address", "0000:43:00.0"), NULL),
                         0);
        pool->source = SOURCE_FILE;
        assert_int_equal(catalog_add_pool(&files, pool), 0);
        assert_int_equal(manager_reload(fixture->manager, &files), 0);
        assert_int_equal(catalog_find_pool(in_force(fixture), "spare")->source, SOURCE_FILE);
        assert_string_equal(fixture_device(fixture, NIC1)->pool->name, "spare");
        assert_null(fixture_device(fixture, NIC2)->pool);

        assert_int_equal(manager_reload(fixture->manager, &none), 0);
        assert_int_equal(catalog_find_pool(in_force(fixture), "spare")->source, SOURCE_RUNTIME);
        assert_string_equal(fixture_device(fixture, NIC2)->pool->name, "spare");
}

static void no_more_than_256_pools(void **state) {
        Fixture *fixture = *state;
        char name[16];

        for (int i = 1; i < 256; i++) {
                (void) snprintf(name, sizeof(name), "pool%d", i);
                assert_int_equal(manager_add_pool(fixture->manager,
                                                  pool_by(name, "vendor_id", "1af4"), NULL),
                                 0);
        }
        assert_int_equal(
                manager_add_pool(fixture->manager, pool_by("more", "vendor_id", "1af4"), NULL),
                LIMIT_EXCEEDED);
        assert_int_equal(manager_remove_pool(fixture->manager, "pool7", NULL), 0);
        assert_int_equal(
                manager_add_pool(fixture->manager, pool_by("more", "vendor_id", "1af4"), NULL), 0);
}

#define with_fixture(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                with_fixture(what_was_added_is_there_after_a_restart),
                with_fixture(names_in_use_and_names_of_files_are_refused),
                with_fixture(a_device_keeps_its_attachment_when_its_pool_goes),
                with_fixture(a_name_in_a_file_hides_the_one_added_at_run_time),
                with_fixture(no_more_than_256_pools),
        };

        return cmocka_run_group_tests_name("manager: pools and aliases", tests, NULL, NULL);
}
