/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/holders.h"

#define GUEST_A "00000000-0000-4000-8000-00000000000a"
#define GUEST_B "00000000-0000-4000-8000-00000000000b"

static Address at(uint8_t bus) {
        return (Address){ .bus = bus };
}

static void add_domain(Holders *holders, const DomainFacts *facts) {
        assert_int_equal(holders_reserve(holders, facts->n_live + facts->n_config), 0);
        holders_add_domain(holders, facts);
}

static size_t count(const Holders *holders, Address address) {
        const Holder *holder = NULL;
        size_t n = 0;

        while ((holder = holders_next(holders, address, holder))) {
                assert_true(address_equal(holder->address, address));
                n++;
        }
        return n;
}

static void nobody_holds_anything_at_first(void **state) {
        _cleanup_(holders_done) Holders holders = { 0 };

        assert_null(holders_next(&holders, at(1), NULL));
        assert_false(holders_hold(&holders, at(1)));
        holders_remove(&holders, &holders);
        assert_int_equal(holders.n_items, 0);
}

static void every_naming_of_an_address_is_an_entry(void **state) {
        _cleanup_(holders_done) Holders holders = { 0 };
        _cleanup_(domain_facts_freep) DomainFacts *a = NULL, *b = NULL;

        assert_int_equal(domain_facts_new(&a, GUEST_A, "a"), 0);
        assert_int_equal(domain_facts_hold(a, true, at(1), NULL), 0);
        assert_int_equal(domain_facts_hold(a, false, at(1), NULL), 0);
        assert_int_equal(domain_facts_hold(a, false, at(3), NULL), 0);
        assert_int_equal(domain_facts_new(&b, GUEST_B, "b"), 0);
        assert_int_equal(domain_facts_hold(b, false, at(1), NULL), 0);
        assert_int_equal(domain_facts_hold(b, false, at(2), NULL), 0);
        add_domain(&holders, a);
        add_domain(&holders, b);

        assert_int_equal(count(&holders, at(0)), 0);
        assert_int_equal(count(&holders, at(1)), 3);
        assert_int_equal(count(&holders, at(2)), 1);
        assert_int_equal(count(&holders, at(3)), 1);
        assert_int_equal(count(&holders, at(4)), 0);
        assert_string_equal(holder_domain_uuid(holders_next(&holders, at(2), NULL)), GUEST_B);

        holders_remove(&holders, a);
        assert_int_equal(count(&holders, at(1)), 1);
        assert_int_equal(count(&holders, at(2)), 1);
        assert_false(holders_hold(&holders, at(3)));
}

static void an_alias_of_ours_is_read_and_another_is_none(void **state) {
        _cleanup_(holders_done) Holders holders = { 0 };
        _cleanup_(domain_facts_freep) DomainFacts *facts = NULL;

        assert_int_equal(domain_facts_new(&facts, GUEST_A, "a"), 0);
        assert_int_equal(domain_facts_hold(facts, true, at(1), "ua-hostdev1-17-2"), 0);
        assert_int_equal(domain_facts_hold(facts, false, at(2), "ua-mine"), 0);
        add_domain(&holders, facts);

        assert_int_equal(holders_next(&holders, at(1), NULL)->number, 17);
        assert_int_equal(holders_next(&holders, at(1), NULL)->index, 2);
        assert_true(holders_next(&holders, at(1), NULL)->live);
        assert_int_equal(holders_next(&holders, at(2), NULL)->number, 0);
        assert_false(holders_next(&holders, at(2), NULL)->live);
}

static void an_attachment_holds_what_it_has_not_let_go(void **state) {
        _cleanup_(holders_done) Holders holders = { 0 };
        _cleanup_(attachment_freep) Attachment *attachment = NULL;

        assert_int_equal(attachment_new(&attachment, 5, GUEST_A, "a"), 0);
        attachment->devices = calloc(2, sizeof(*attachment->devices));
        assert_non_null(attachment->devices);
        attachment->n_devices = 2;
        attachment->devices[0].address = at(2);
        attachment->devices[1].address = at(1);
        assert_int_equal(holders_reserve(&holders, 2), 0);
        holders_add_attachment(&holders, attachment);

        assert_true(holders_hold(&holders, at(1)));
        assert_int_equal(holders_next(&holders, at(1), NULL)->index, 1);
        assert_string_equal(holder_domain_uuid(holders_next(&holders, at(1), NULL)), GUEST_A);

        attachment->devices[1].left = true;
        assert_false(holders_hold(&holders, at(1)));
        assert_true(holders_hold(&holders, at(2)));
}

static void many_holders_stay_sorted(void **state) {
        _cleanup_(holders_done) Holders holders = { 0 };
        DomainFacts *facts[50];

        for (size_t i = 0; i < N_ELEMENTS(facts); i++) {
                assert_int_equal(domain_facts_new(&facts[i], GUEST_A, "a"), 0);
                for (unsigned j = 0; j < 20; j++)
                        assert_int_equal(domain_facts_hold(facts[i], j % 2,
                                                           at((uint8_t) (i * 37 + j * 11)), NULL),
                                         0);
                add_domain(&holders, facts[i]);
        }

        assert_int_equal(holders.n_items, 1000);
        for (size_t i = 1; i < holders.n_items; i++)
                assert_true(address_compare(holders.items[i - 1].address,
                                            holders.items[i].address) <= 0);

        for (size_t i = 0; i < N_ELEMENTS(facts); i++) {
                holders_remove(&holders, facts[i]);
                domain_facts_free(facts[i]);
        }
        assert_int_equal(holders.n_items, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(nobody_holds_anything_at_first),
                cmocka_unit_test(every_naming_of_an_address_is_an_entry),
                cmocka_unit_test(an_alias_of_ours_is_read_and_another_is_none),
                cmocka_unit_test(an_attachment_holds_what_it_has_not_let_go),
                cmocka_unit_test(many_holders_stay_sorted),
        };

        return cmocka_run_group_tests_name("core/holders", tests, NULL, NULL);
}
