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

/* The call is over while it cannot be seen what it did; then it can. */
static void finish_unseen(Fixture *fixture, const Answer *answer) {
        blind(fixture, fixture->web, "the XML is too large");
        memory_run(&fixture->memory);
        assert_int_equal(answer->n, 0);
        assert_non_null(fixture_attachment(fixture, 1));

        /* Nobody says so: it is looked at. */
        for (unsigned i = 0; i < 3; i++) {
                fixture_pass(fixture, 1000000);
                assert_ptr_equal(fixture->memory.refreshed, fixture->web);
                memory_run(&fixture->memory);
        }
        free(fixture->web->unreadable);
        fixture->web->unreadable = NULL;
        fixture_pass(fixture, 1000000);
        memory_run(&fixture->memory);
        assert_int_equal(answer->n, 1);
}

static void an_attach_that_was_given_up_unseen_ends(void **state) {
        Fixture *fixture = *state;
        Answer answer;

        assert_int_equal(fixture_attach(fixture, WEB, "nic", true, true, &answer), 0);
        fixture->absent[0] = true;
        assert_int_equal(manager_observe(fixture->manager, NIC0), 0);
        finish_unseen(fixture, &answer);
        assert_int_equal(answer.verdict, DEVICES_NOT_ENOUGH);
        assert_null(fixture_attachment(fixture, 1));
}

static void an_attach_that_was_carried_out_unseen_is_done_when_it_is_seen(void **state) {
        Fixture *fixture = *state;
        Answer answer;

        assert_int_equal(fixture_attach(fixture, WEB, "nic", true, true, &answer), 0);
        finish_unseen(fixture, &answer);
        assert_int_equal(answer.verdict, 0);
        assert_int_equal(fixture_attachment(fixture, 1)->state, ATTACHMENT_ATTACHED);
        assert_false(fixture_attachment(fixture, 1)->undecided);
        fixture_pass(fixture, 1000000);
        assert_int_equal(manager_deadline(fixture->manager), UINT64_MAX);
}

/* What the daemon has not seen since its start is not ended by a word of the host alone. */
static void a_device_of_a_domain_that_was_never_read_is_not_freed_by_the_host(void **state) {
        Fixture *fixture = *state;
        uint32_t number = attached(fixture, "nic");

        fixture_start(fixture);
        blind(fixture, fixture->web, "the XML is malformed");
        memory_connect(&fixture->memory);
        assert_int_equal(manager_observe(fixture->manager, NIC0), 0);
        assert_non_null(fixture_attachment(fixture, number));
        blind(fixture, fixture->web, NULL);
        assert_state(fixture, NIC0, DEVICE_ATTACHED);
}

static void wear(Fixture *fixture, const char *alias) {
        memory_drop(fixture->db, false, NULL);
        if (alias)
                assert_int_equal(domain_facts_hold(fixture->db, false, NIC2, alias), 0);
        memory_tell(&fixture->memory, fixture->db);
}

static void an_alias_with_the_last_number_leaves_none(void **state) {
        static const char *const last[] = { "ua-hostdev1-4294967295-0",
                                            "ua-hostdev1-4294967294-7" };
        Fixture *fixture = *state;
        uint32_t number = attached(fixture, "nic");
        Answer answer;

        for (size_t i = 0; i < N_ELEMENTS(last); i++) {
                wear(fixture, last[i]);
                assert_int_equal(fixture_attach(fixture, WEB, "nic", true, false, &answer),
                                 LIMIT_EXCEEDED);
                assert_non_null(strstr(answer.text, last[i]));
                assert_non_null(strstr(answer.text, "domain db"));
                assert_int_equal(manager_registry(fixture->manager)->n_attachments, 1);
                assert_int_equal(fixture->memory.n_calls, 1);
        }

        /* Gone, and the daemon does not know any more what it has seen: not so the journal. */
        wear(fixture, NULL);
        fixture_start(fixture);
        memory_connect(&fixture->memory);
        assert_int_equal(attached(fixture, "nic"), number + 1);
}

static void the_number_below_the_last_is_given_once(void **state) {
        Fixture *fixture = *state;
        Answer answer;

        wear(fixture, "ua-hostdev1-4294967293-0");
        assert_int_equal(attached(fixture, "nic"), 4294967294);
        wear(fixture, NULL);
        assert_int_equal(fixture_attach(fixture, WEB, "nic", true, false, &answer), LIMIT_EXCEEDED);
        assert_int_equal(fixture_detach(fixture, 4294967294, &answer), 0);
        memory_run(&fixture->memory);
        assert_int_equal(answer.verdict, 0);

        /* Never again, not after a restart either. */
        fixture_start(fixture);
        memory_connect(&fixture->memory);
        assert_int_equal(fixture_attach(fixture, WEB, "nic", true, false, &answer), LIMIT_EXCEEDED);
        assert_non_null(strstr(answer.text, "used up"));
}

static void an_alias_that_is_almost_ours_says_nothing(void **state) {
        static const char *const aliases[] = {
                "ua-hostdev1-4294967296-0",
                "ua-hostdev1-99999999999999999999-0",
                "ua-hostdev1-0-0",
                "ua-hostdev1-0500-0",
                "ua-hostdev1-+500-0",
                "ua-hostdev1--1-0",
                "ua-hostdev1- 500-0",
                "ua-hostdev1-500",
                "ua-hostdev1-500-",
                "ua-hostdev1-500-x",
                "ua-hostdev1-500-0-",
                "ua-hostdev1-500-4294967296",
                "ua-hostdev1-",
                "ua-hostdev1",
                "ua-HOSTDEV1-500-0",
                "xua-hostdev1-500-0",
        };
        Fixture *fixture = *state;

        for (size_t i = 0; i < N_ELEMENTS(aliases); i++) {
                wear(fixture, aliases[i]);
                assert_string_equal(fixture_device(fixture, NIC2)->holder, "domain:db");
        }
        assert_int_equal(attached(fixture, "nic"), 1);
}

/* Ours is what matches number, index, domain and address: all else is somebody's, and he keeps it. */
static void a_copy_elsewhere_is_a_strangers_and_stays(void **state) {
        Fixture *fixture = *state;
        uint32_t number = attached(fixture, "nic");
        unsigned n_calls = fixture->memory.n_calls;
        Answer answer;

        /* Of the same number: in another domain; at another address; of another index. */
        assert_int_equal(domain_facts_hold(fixture->db, false, NIC0, "ua-hostdev1-1-0"), 0);
        memory_tell(&fixture->memory, fixture->db);
        assert_int_equal(domain_facts_hold(fixture->web, false, NIC1, "ua-hostdev1-1-0"), 0);
        assert_int_equal(domain_facts_hold(fixture->web, false, NIC2, "ua-hostdev1-1-1"), 0);
        memory_tell(&fixture->memory, fixture->web);
        assert_string_equal(fixture_device(fixture, NIC0)->holder, "attachment:1");
        assert_string_equal(fixture_device(fixture, NIC1)->holder, "domain:web");
        assert_string_equal(fixture_device(fixture, NIC2)->holder, "domain:web");

        assert_int_equal(fixture_detach(fixture, number, &answer), 0);
        memory_run(&fixture->memory);
        assert_int_equal(answer.verdict, 0);
        assert_string_equal(fixture_device(fixture, NIC0)->holder, "domain:db");
        assert_string_equal(fixture_device(fixture, NIC1)->holder, "domain:web");

        for (unsigned i = 0; i < 30; i++) {
                fixture_pass(fixture, 1000000);
                memory_run(&fixture->memory);
        }
        assert_int_equal(fixture->memory.n_calls, n_calls + 2); /* the detach, and no more */
        assert_true(memory_holds(fixture->db, false, NIC0));
        assert_true(memory_holds(fixture->web, false, NIC1));
        assert_true(memory_holds(fixture->web, false, NIC2));
}

#define with_fixture(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                with_fixture(as_long_as_a_domain_cannot_be_read_nothing_is_given_away),
                with_fixture(an_alias_with_the_last_number_leaves_none),
                with_fixture(the_number_below_the_last_is_given_once),
                with_fixture(an_alias_that_is_almost_ours_says_nothing),
                with_fixture(a_copy_elsewhere_is_a_strangers_and_stays),
                with_fixture(what_a_domain_that_cannot_be_read_had_stays_held),
                with_fixture(an_attach_that_was_given_up_unseen_ends),
                with_fixture(an_attach_that_was_carried_out_unseen_is_done_when_it_is_seen),
                with_fixture(a_device_of_a_domain_that_was_never_read_is_not_freed_by_the_host),
        };

        return cmocka_run_group_tests_name("manager/holders", tests, NULL, NULL);
}
