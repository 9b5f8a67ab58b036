/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory that runs out: each allocation in turn fails once. While libvirt speaks: nothing is concluded from what a
 * domain held before, and what could not be taken over is taken over later. While pools and aliases are changed: what is
 * refused is refused for good.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "failing-memory.h"
#include "fixture.h"

enum {
        ALLOCATIONS_MAX = 100,
        LOOK_USEC = 1000000
};

#define assert_state(fixture, address, expected)                                                   \
        assert_int_equal(fixture_device(fixture, address)->state, expected)

/* What is said of a domain while memory is short. */
static struct {
        void (*domain)(void *userdata, DomainFacts *facts);
        void (*reconciled)(void *userdata);
        int n_good; /* allocations, before the one that fails */
        bool failed;
} shortage;

static void tell_without_memory(void *userdata, DomainFacts *facts) {
        memory_fail_after(shortage.n_good);
        shortage.domain(userdata, facts);
        shortage.failed |= memory_has_failed();
}

static void reconcile_without_memory(void *userdata) {
        memory_fail_after(shortage.n_good);
        shortage.reconciled(userdata);
        shortage.failed |= memory_has_failed();
}

static void begin_shortage(Fixture *fixture, int n_good) {
        shortage.domain = fixture->memory.callbacks.domain;
        shortage.reconciled = fixture->memory.callbacks.reconciled;
        shortage.n_good = n_good;
        shortage.failed = false;
        fixture->memory.callbacks.domain = tell_without_memory;
        fixture->memory.callbacks.reconciled = reconcile_without_memory;
}

/* Did anything fail? */
static bool end_shortage(Fixture *fixture) {
        fixture->memory.callbacks.domain = shortage.domain;
        fixture->memory.callbacks.reconciled = shortage.reconciled;
        return shortage.failed;
}

static void look_again(Fixture *fixture) {
        fixture_pass(fixture, LOOK_USEC);
        memory_run(&fixture->memory);
}

static bool is_missed(Fixture *fixture, const char *uuid) {
        return !domains_is_current(&manager_registry(fixture->manager)->domains, uuid);
}

/* Each has a fixture of its own, and says whether there may be an allocation after @n. */
typedef bool (*Life)(Fixture *fixture, int n);

static void live(Life life) {
        int n = 0;

        for (bool again = true; again; n++) {
                void *fixture;

                assert_true(n < ALLOCATIONS_MAX);
                fixture_setup(&fixture);
                again = life(fixture, n);
                fixture_teardown(&fixture);
        }

        assert_true(n > 1);
}

static bool give(Fixture *fixture, int n) {
        Answer answer, other;
        bool failed;

        assert_int_equal(fixture_attach(fixture, WEB, "nic", true, true, &answer), 0);
        begin_shortage(fixture, n);
        memory_run(&fixture->memory);
        failed = end_shortage(fixture);

        assert_true(memory_holds(fixture->web, true, NIC0));
        assert_non_null(fixture_attachment(fixture, 1));
        assert_int_not_equal(fixture_device(fixture, NIC0)->state, DEVICE_AVAILABLE);
        if (is_missed(fixture, WEB)) {
                assert_int_equal(fixture_attach(fixture, DB, "nic", false, true, &other),
                                 HYPERVISOR_UNAVAILABLE);
                assert_non_null(strstr(other.text, "domain web (" WEB ")"));
        }

        look_again(fixture);
        assert_false(is_missed(fixture, WEB));
        assert_int_equal(answer.n, 1);
        assert_int_equal(answer.verdict, 0);
        assert_int_equal(fixture_attachment(fixture, 1)->state, ATTACHMENT_ATTACHED);
        assert_state(fixture, NIC0, DEVICE_ATTACHED);
        assert_int_equal(fixture_attach(fixture, DB, "nic", false, true, &other), 0);
        memory_run(&fixture->memory);
        assert_int_equal(other.verdict, 0);
        return failed;
}

static void what_the_guest_has_got_is_not_free_because_memory_was_short(void **state) {
        live(give);
}

static bool start_with_one(Fixture *fixture, int n) {
        Answer answer;
        bool failed;

        assert_int_equal(fixture_attach(fixture, WEB, "nic", true, true, &answer), 0);
        memory_run(&fixture->memory);
        assert_int_equal(answer.verdict, 0);

        fixture_start(fixture);
        begin_shortage(fixture, n);
        memory_connect(&fixture->memory);
        failed = end_shortage(fixture);

        /* The host alone does not decide either. */
        for (unsigned i = 0; i < 2; i++) {
                assert_non_null(fixture_attachment(fixture, 1));
                assert_int_equal(fixture_attachment(fixture, 1)->state, ATTACHMENT_ATTACHED);
                assert_int_not_equal(fixture_device(fixture, NIC0)->state, DEVICE_AVAILABLE);
                assert_int_equal(manager_observe(fixture->manager, NIC0), 0);
        }

        look_again(fixture);
        assert_false(is_missed(fixture, WEB));
        assert_false(is_missed(fixture, DB));
        assert_true(fixture_attachment(fixture, 1)->live);
        assert_true(memory_holds(fixture->web, true, NIC0));
        assert_state(fixture, NIC0, DEVICE_ATTACHED);
        return failed;
}

static void a_daemon_that_starts_without_memory_ends_nothing(void **state) {
        live(start_with_one);
}

/* Somebody else gives a device to a domain. */
static bool hear_of_a_stranger(Fixture *fixture, int n) {
        Answer answer;
        bool failed;

        assert_int_equal(domain_facts_hold(fixture->db, false, NIC0, NULL), 0);
        begin_shortage(fixture, n);
        memory_tell(&fixture->memory, fixture->db);
        failed = end_shortage(fixture);
        if (is_missed(fixture, DB)) {
                assert_int_equal(fixture_attach(fixture, WEB, "nic", true, true, &answer),
                                 HYPERVISOR_UNAVAILABLE);
                assert_non_null(strstr(answer.text, "memory"));
        }

        /* It may take more than one look. */
        memory_fail_after(0);
        fixture_pass(fixture, LOOK_USEC);
        (void) memory_has_failed();
        look_again(fixture);
        assert_false(is_missed(fixture, DB));
        assert_string_equal(fixture_device(fixture, NIC0)->holder, "domain:db");
        return failed;
}

static void what_a_stranger_has_got_is_not_given_away_meanwhile(void **state) {
        live(hear_of_a_stranger);
}

static bool hear_more(Fixture *fixture, int n) {
        bool failed;

        assert_int_equal(domain_facts_hold(fixture->db, false, NIC0, NULL), 0);
        begin_shortage(fixture, n);
        memory_tell(&fixture->memory, fixture->db);
        failed = end_shortage(fixture);

        memory_drop(fixture->db, false, NULL);
        memory_tell(&fixture->memory, fixture->db);
        assert_false(is_missed(fixture, DB));
        look_again(fixture);
        assert_state(fixture, NIC0, DEVICE_AVAILABLE);
        return failed;
}

static void what_was_said_since_is_what_counts(void **state) {
        live(hear_more);
}

static bool start_with_one_given_up(Fixture *fixture, int n) {
        Answer answer;
        bool failed;

        assert_int_equal(fixture_attach(fixture, WEB, "nic", true, false, &answer), 0);
        memory_disconnect(&fixture->memory);
        memory_connect(&fixture->memory);
        memory_run(&fixture->memory);
        assert_null(fixture_attachment(fixture, 1));

        fixture_start(fixture);
        begin_shortage(fixture, n);
        memory_connect(&fixture->memory);
        failed = end_shortage(fixture);

        /* It comes after all. */
        assert_int_equal(domain_facts_hold(fixture->web, true, NIC0, "ua-hostdev1-1-0"), 0);
        memory_tell(&fixture->memory, fixture->web);
        memory_run(&fixture->memory);
        assert_false(memory_holds(fixture->web, true, NIC0));
        return failed;
}

static void what_is_minded_is_not_forgotten_because_memory_was_short(void **state) {
        live(start_with_one_given_up);
}

/* There, or not, now and after a restart. */
static void assert_there(Fixture *fixture, bool there) {
        for (unsigned i = 0; i < 2; i++) {
                const Catalog *catalog = &manager_registry(fixture->manager)->catalog;

                assert_int_equal(!!catalog_find_pool(catalog, "spare"), there);
                assert_int_equal(!!catalog_find_alias(catalog, "spare"), there);
                manager_publish(fixture->manager);
                fixture_start(fixture);
        }
}

static int add_pool(Manager *manager) {
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        Pool *pool;

        assert_int_equal(pool_new(&pool, "spare", SOURCE_RUNTIME), 0);
        memory_rest(false);
        return manager_add_pool(manager, pool, &refusal);
}

static int add_alias(Manager *manager) {
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        Alias *alias;

        assert_int_equal(alias_new(&alias, "spare", SOURCE_RUNTIME), 0);
        memory_rest(false);
        return manager_add_alias(manager, alias, &refusal);
}

static int remove_pool(Manager *manager) {
        _cleanup_(refusal_done) Refusal refusal = { 0 };

        memory_rest(false);
        return manager_remove_pool(manager, "spare", &refusal);
}

static int remove_alias(Manager *manager) {
        _cleanup_(refusal_done) Refusal refusal = { 0 };

        memory_rest(false);
        return manager_remove_alias(manager, "spare", &refusal);
}

/* True when it failed, and then all is as it was. */
static bool fails(Fixture *fixture, int (*call)(Manager *manager), int n) {
        int r;

        memory_rest(true);
        memory_fail_after(n);
        r = call(fixture->manager);
        memory_rest(false);
        shortage.failed |= memory_has_failed();
        return r != 0;
}

static bool change_catalog(Fixture *fixture, int n) {
        shortage.failed = false;

        if (fails(fixture, add_pool, n)) {
                assert_there(fixture, false);
                assert_int_equal(add_pool(fixture->manager), 0);
        }
        if (fails(fixture, remove_pool, n)) {
                assert_non_null(
                        catalog_find_pool(&manager_registry(fixture->manager)->catalog, "spare"));
        } else {
                assert_int_equal(add_pool(fixture->manager), 0);
        }
        if (fails(fixture, add_alias, n)) {
                fixture_start(fixture);
                assert_null(
                        catalog_find_alias(&manager_registry(fixture->manager)->catalog, "spare"));
                assert_int_equal(add_alias(fixture->manager), 0);
        }
        assert_there(fixture, true);
        if (fails(fixture, remove_alias, n)) {
                assert_there(fixture, true);
                assert_int_equal(remove_alias(fixture->manager), 0);
        }
        assert_int_equal(remove_pool(fixture->manager), 0);
        assert_there(fixture, false);
        return shortage.failed;
}

static void a_pool_or_alias_that_was_refused_is_as_it_was_after_a_restart_too(void **state) {
        live(change_catalog);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_the_guest_has_got_is_not_free_because_memory_was_short),
                cmocka_unit_test(a_daemon_that_starts_without_memory_ends_nothing),
                cmocka_unit_test(what_a_stranger_has_got_is_not_given_away_meanwhile),
                cmocka_unit_test(what_was_said_since_is_what_counts),
                cmocka_unit_test(what_is_minded_is_not_forgotten_because_memory_was_short),
                cmocka_unit_test(a_pool_or_alias_that_was_refused_is_as_it_was_after_a_restart_too),
        };

        return cmocka_run_group_tests_name("manager/memory", tests, NULL, NULL);
}
