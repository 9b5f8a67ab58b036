/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What others hold, and what is not known of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"

#define assert_state(fixture, address, expected)                                                   \
        assert_int_equal(fixture_device(fixture, address)->state, expected)

static uint32_t attached(Fixture *fixture, const char *request) {
        Answer answer;

        assert_int_equal(fixture_attach(fixture, WEB, request, true, true, &answer), 0);
        memory_run(&fixture->memory);
        assert_int_equal(answer.verdict, 0);
        return answer.attachment;
}

static void blind(Fixture *fixture, DomainFacts *truth, const char *why) {
        free(truth->unreadable);
        truth->unreadable = why ? strdup(why) : NULL;
        memory_tell(&fixture->memory, truth);
}

static void as_long_as_a_domain_cannot_be_read_nothing_is_given_away(void **state) {
        Fixture *fixture = *state;
        Answer answer;

        blind(fixture, fixture->db, "the XML is too large");
        assert_int_equal(fixture_attach(fixture, WEB, "nic", true, false, &answer),
                         HYPERVISOR_UNAVAILABLE);
        assert_non_null(strstr(answer.text, "domain db (" DB ")"));
        assert_non_null(strstr(answer.text, "the XML is too large"));

        /* It is the same for a daemon that begins then, … */
        fixture_start(fixture);
        memory_connect(&fixture->memory);
        assert_true(manager_is_reconciled(fixture->manager));
        assert_int_equal(fixture_attach(fixture, WEB, "nic", true, false, &answer),
                         HYPERVISOR_UNAVAILABLE);

        /* … until it is known, or the domain is no more. */
        blind(fixture, fixture->db, NULL);
        assert_int_equal(fixture_attach(fixture, WEB, "nic", true, false, &answer), 0);
        memory_run(&fixture->memory);
        assert_int_equal(answer.verdict, 0);
        blind(fixture, fixture->db, "the XML is too large");
        free(fixture->db->unreadable);
        fixture->db->unreadable = NULL;
        fixture->db->persistent = false;
        memory_tell(&fixture->memory, fixture->db);
        assert_int_equal(fixture_attach(fixture, WEB, "nic", true, false, &answer), 0);
        memory_run(&fixture->memory);
        assert_int_equal(answer.verdict, 0);
}

static void what_a_domain_that_cannot_be_read_had_stays_held(void **state) {
        Fixture *fixture = *state;
        uint32_t number = attached(fixture, "nic");

        assert_int_equal(domain_facts_hold(fixture->web, true, NIC1, NULL), 0);
        memory_tell(&fixture->memory, fixture->web);
        blind(fixture, fixture->web, "the XML is malformed");
        assert_int_equal(fixture_attachment(fixture, number)->state, ATTACHMENT_ATTACHED);
        assert_state(fixture, NIC0, DEVICE_ATTACHED);
        assert_string_equal(fixture_device(fixture, NIC1)->holder, "domain:web");

        /* A daemon that begins then knows of ours alone, and frees nothing. */
        fixture_start(fixture);
        memory_connect(&fixture->memory);
        assert_int_equal(fixture_attachment(fixture, number)->state, ATTACHMENT_ATTACHED);
        assert_int_not_equal(fixture_device(fixture, NIC0)->state, DEVICE_AVAILABLE);

        blind(fixture, fixture->web, NULL);
        assert_state(fixture, NIC0, DEVICE_ATTACHED);
        assert_string_equal(fixture_device(fixture, NIC1)->holder, "domain:web");
}

#define with_fixture(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                with_fixture(as_long_as_a_domain_cannot_be_read_nothing_is_given_away),
                with_fixture(what_a_domain_that_cannot_be_read_had_stays_held),
        };

        return cmocka_run_group_tests_name("manager/holders", tests, NULL, NULL);
}
