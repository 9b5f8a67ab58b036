/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/domain.h"

#define UUID_A "00000000-0000-4000-8000-00000000000a"
#define UUID_B "00000000-0000-4000-8000-00000000000b"

static DomainFacts *domain(const char *uuid, const char *name) {
        DomainFacts *facts;

        assert_int_equal(domain_facts_new(&facts, uuid, name), 0);
        facts->present = true;
        return facts;
}

static void apply(Domains *domains, DomainFacts *facts) {
        _cleanup_(domain_facts_freep) DomainFacts *old = NULL;

        assert_int_equal(domains_apply(domains, facts, &old), 0);
}

static void only_the_form_of_a_uuid_is_a_uuid(void **state) {
        assert_true(text_is_uuid(UUID_A));
        assert_true(text_is_uuid("ABCDEF01-2345-6789-abcd-ef0123456789"));
        assert_false(text_is_uuid(""));
        assert_false(text_is_uuid("guest"));
        assert_false(text_is_uuid("00000000-0000-4000-8000-00000000000"));
        assert_false(text_is_uuid("00000000-0000-4000-8000-00000000000a0"));
        assert_false(text_is_uuid("00000000-0000-4000-8000-00000000000g"));
        assert_false(text_is_uuid("000000000000-4000-8000-0000-00000000"));
        assert_false(text_is_uuid("00000000000040008000000000000000000a"));
}

static void a_domain_is_found_by_name_and_by_uuid_of_either_case(void **state) {
        _cleanup_(domains_done) Domains domains = { 0 };

        apply(&domains, domain(UUID_B, "second"));
        apply(&domains, domain("00000000-0000-4000-8000-00000000000A", "first"));

        assert_string_equal(domains_find(&domains, "first")->uuid, UUID_A);
        assert_string_equal(domains_find(&domains, UUID_A)->name, "first");
        assert_string_equal(
                domains_find_uuid(&domains, "00000000-0000-4000-8000-00000000000B")->name,
                "second");
        assert_null(domains_find(&domains, "third"));
        assert_null(domains_find_uuid(&domains, "first"));
}

static void text_in_uuid_form_is_a_uuid_and_nothing_else(void **state) {
        _cleanup_(domains_done) Domains domains = { 0 };

        /* A domain that bears another's UUID as its name is not taken for it. */
        apply(&domains, domain(UUID_A, UUID_B));
        assert_null(domains_find(&domains, UUID_B));
        apply(&domains, domain(UUID_B, "real"));
        assert_string_equal(domains_find(&domains, UUID_B)->name, "real");
}

static void what_was_known_before_is_given_back(void **state) {
        _cleanup_(domains_done) Domains domains = { 0 };
        DomainFacts *old = (DomainFacts *) &domains;

        assert_int_equal(domains_apply(&domains, domain(UUID_A, "old"), &old), 0);
        assert_null(old);
        assert_int_equal(domains_apply(&domains, domain(UUID_A, "new"), &old), 0);
        assert_string_equal(old->name, "old");
        domain_facts_free(old);
        assert_int_equal(domains.n_items, 1);
        assert_string_equal(domains_find(&domains, UUID_A)->name, "new");
}

static void a_domain_that_is_not_there_leaves_the_index(void **state) {
        _cleanup_(domains_done) Domains domains = { 0 };
        DomainFacts *gone = domain(UUID_A, "guest"), *stranger = domain(UUID_B, "never seen");

        gone->present = stranger->present = false;
        apply(&domains, domain(UUID_A, "guest"));
        apply(&domains, stranger);
        assert_int_equal(domains.n_items, 1);
        apply(&domains, gone);
        assert_int_equal(domains.n_items, 0);
        assert_null(domains_find(&domains, "guest"));
}

static void the_index_stays_sorted_whatever_the_order_of_arrival(void **state) {
        _cleanup_(domains_done) Domains domains = { 0 };
        char uuid[UUID_TEXT_SIZE];

        for (unsigned i = 0; i < 300; i++) {
                (void) snprintf(uuid, sizeof(uuid), "%08x-0000-4000-8000-000000000000",
                                (i * 7919u) % 300u);
                apply(&domains, domain(uuid, uuid));
        }

        assert_int_equal(domains.n_items, 300);
        for (size_t i = 1; i < domains.n_items; i++)
                assert_true(strcmp(domains.items[i - 1]->uuid, domains.items[i]->uuid) < 0);
}

static void held_devices_keep_their_address_and_alias(void **state) {
        _cleanup_(domain_facts_freep) DomainFacts *facts = domain(UUID_A, "guest");

        assert_int_equal(domain_facts_hold(facts, true, (Address){ .bus = 1 }, "ua-x"), 0);
        assert_int_equal(domain_facts_hold(facts, false, (Address){ .bus = 2 }, NULL), 0);

        assert_int_equal(facts->n_live, 1);
        assert_int_equal(facts->live[0].address.bus, 1);
        assert_string_equal(facts->live[0].alias, "ua-x");
        assert_int_equal(facts->n_config, 1);
        assert_int_equal(facts->config[0].address.bus, 2);
        assert_string_equal(facts->config[0].alias, "");
}

static void a_node_set_has_what_was_added(void **state) {
        NodeSet set = { 0 };

        assert_true(node_set_is_empty(&set));
        assert_false(set.constrained);
        node_set_add(&set, 0);
        node_set_add(&set, 63);
        node_set_add(&set, 64);
        node_set_add(&set, NUMA_NODES_MAX - 1);

        assert_true(set.constrained);
        assert_false(node_set_is_empty(&set));
        for (int node = -1; node <= NUMA_NODES_MAX; node++)
                assert_int_equal(node_set_has(&set, node), node == 0 || node == 63 || node == 64 ||
                                                                   node == NUMA_NODES_MAX - 1);
}

static void a_node_beyond_the_set_constrains_without_being_in_it(void **state) {
        NodeSet set = { 0 };

        node_set_add(&set, NUMA_NODES_MAX);
        node_set_add(&set, UINT32_MAX);
        assert_true(set.constrained);
        assert_true(node_set_is_empty(&set));
}

static void what_cannot_be_read_leaves_what_was_known(void **state) {
        Domains domains = { 0 };
        DomainFacts *facts, *old;

        assert_null(domains_find_unreadable(&domains));
        assert_int_equal(domain_facts_new(&facts, UUID_A, "a"), 0);
        facts->present = facts->persistent = true;
        assert_int_equal(domain_facts_hold(facts, false, (Address){ .bus = 1 }, NULL), 0);
        assert_int_equal(domains_apply(&domains, facts, &old), 0);

        for (unsigned i = 0; i < 2; i++) {
                assert_int_equal(domain_facts_new(&facts, UUID_A, "a"), 0);
                facts->present = true;
                facts->unreadable = strdup("too large");
                assert_int_equal(domains_apply(&domains, facts, &old), 0);
                assert_null(old);
                assert_int_equal(domains_find_uuid(&domains, UUID_A)->n_config, 1);
                assert_ptr_equal(domains_find_unreadable(&domains),
                                 domains_find_uuid(&domains, UUID_A));
        }

        /* Gone, or readable again: then that is known. */
        assert_int_equal(domain_facts_new(&facts, UUID_A, "a"), 0);
        facts->present = facts->persistent = true;
        assert_int_equal(domains_apply(&domains, facts, &old), 0);
        domain_facts_free(old);
        assert_int_equal(domains_find_uuid(&domains, UUID_A)->n_config, 0);
        assert_null(domains_find_unreadable(&domains));
        domains_done(&domains);
}

static DomainFacts *said(const char *uuid, const char *name) {
        DomainFacts *facts = domain(uuid, name);

        assert_int_equal(domain_facts_hold(facts, true, (Address){ .bus = 1 }, "hostdev0"), 0);
        return facts;
}

static void what_could_not_be_taken_over_is_kept_and_nothing_is_known_meanwhile(void **state) {
        _cleanup_(domains_done) Domains domains = { 0 };
        DomainFacts *first = said(UUID_B, "b"), *second = said(UUID_A, "a");

        assert_true(domains_is_current(&domains, UUID_A));
        apply(&domains, domain(UUID_A, "a"));
        domains_miss(&domains, first);
        domains_miss(&domains, second);
        assert_false(domains_is_current(&domains, UUID_A));
        assert_false(domains_is_current(&domains, UUID_B));
        assert_int_equal(domains_find_uuid(&domains, UUID_A)->n_live, 0);
        assert_null(domains_find_uuid(&domains, UUID_B));
        assert_ptr_equal(domains_find_unreadable(&domains), first);

        assert_ptr_equal(domains_take_missed(&domains, UUID_A), second);
        assert_null(domains_take_missed(&domains, UUID_A));
        apply(&domains, second);
        assert_true(domains_is_current(&domains, UUID_A));
        assert_false(domains_is_current(&domains, UUID_B));

        assert_ptr_equal(domains_take_missed(&domains, NULL), first);
        assert_null(domains_take_missed(&domains, NULL));
        assert_null(domains_find_unreadable(&domains));
        domains_miss(&domains, first); /* released with the rest */
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(only_the_form_of_a_uuid_is_a_uuid),
                cmocka_unit_test(a_domain_is_found_by_name_and_by_uuid_of_either_case),
                cmocka_unit_test(text_in_uuid_form_is_a_uuid_and_nothing_else),
                cmocka_unit_test(what_was_known_before_is_given_back),
                cmocka_unit_test(a_domain_that_is_not_there_leaves_the_index),
                cmocka_unit_test(what_cannot_be_read_leaves_what_was_known),
                cmocka_unit_test(
                        what_could_not_be_taken_over_is_kept_and_nothing_is_known_meanwhile),
                cmocka_unit_test(the_index_stays_sorted_whatever_the_order_of_arrival),
                cmocka_unit_test(held_devices_keep_their_address_and_alias),
                cmocka_unit_test(a_node_set_has_what_was_added),
                cmocka_unit_test(a_node_beyond_the_set_constrains_without_being_in_it),
        };

        return cmocka_run_group_tests_name("core/domain", tests, NULL, NULL);
}
