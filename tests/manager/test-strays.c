/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Devices that libvirt brings after their attachment was given up; and those that only look so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"

#define assert_state(fixture, address, expected)                                                   \
        assert_int_equal(fixture_device(fixture, address)->state, expected)

/* An attach during which the connection was lost; libvirt, asked for the devices back, has none. */
static uint32_t given_up(Fixture *fixture, const char *request) {
        uint32_t number = manager_registry(fixture->manager)->next_attachment;
        Answer answer;

        assert_int_equal(fixture_attach(fixture, WEB, request, true, true, &answer), 0);
        memory_disconnect(&fixture->memory);
        memory_connect(&fixture->memory);
        assert_int_equal(fixture_attachment(fixture, number)->state, ATTACHMENT_TAKING_BACK);
        memory_run(&fixture->memory);
        assert_null(fixture_attachment(fixture, number));
        assert_int_equal(answer.verdict, HYPERVISOR_UNAVAILABLE);
        assert_state(fixture, NIC0, DEVICE_AVAILABLE);
        return number;
}

static void bring(Fixture *fixture, DomainFacts *truth, Address address, uint32_t number,
                  uint32_t index) {
        char alias[ATTACHMENT_ALIAS_SIZE];

        attachment_alias(number, index, alias);
        assert_int_equal(domain_facts_hold(truth, true, address, alias), 0);
        assert_int_equal(domain_facts_hold(truth, false, address, alias), 0);
        memory_tell(&fixture->memory, truth);
}

static void restart(Fixture *fixture) {
        fixture_start(fixture);
        memory_connect(&fixture->memory);
}

static void assert_taken_back(Fixture *fixture, uint32_t number) {
        const Attachment *attachment = fixture_attachment(fixture, number);

        assert_non_null(attachment);
        assert_string_equal(attachment_state_to_string(attachment->state), "detaching");
        memory_run(&fixture->memory);
        assert_null(fixture_attachment(fixture, number));
        assert_false(memory_holds(fixture->web, true, NIC0));
        assert_false(memory_holds(fixture->web, false, NIC0));
        assert_state(fixture, NIC0, DEVICE_AVAILABLE);
}

static void what_comes_after_all_is_taken_out_again(void **state) {
        Fixture *fixture = *state;
        uint32_t number = given_up(fixture, "nic:2");

        for (unsigned i = 0; i < 3; i++) {
                bring(fixture, fixture->web, NIC0, number, 0);
                assert_state(fixture, NIC0, DEVICE_ATTACHED);
                assert_state(fixture, NIC1, DEVICE_AVAILABLE);
                assert_taken_back(fixture, number);
        }
        /* No number is used again. */
        assert_int_equal(manager_registry(fixture->manager)->next_attachment, number + 1);
}

static void a_daemon_that_starts_later_knows_it_too(void **state) {
        Fixture *fixture = *state;
        uint32_t number = given_up(fixture, "nic");

        restart(fixture);
        assert_null(fixture_attachment(fixture, number));
        bring(fixture, fixture->web, NIC0, number, 0);
        assert_taken_back(fixture, number);

        /* It came while nobody looked. */
        fixture_kill(fixture);
        assert_int_equal(domain_facts_hold(fixture->web, false, NIC0, "ua-hostdev1-1-0"), 0);
        restart(fixture);
        assert_taken_back(fixture, number);
}

static void a_daemon_that_dies_while_it_takes_one_back_goes_on(void **state) {
        Fixture *fixture = *state;
        uint32_t number = given_up(fixture, "nic");

        bring(fixture, fixture->web, NIC0, number, 0);
        assert_non_null(fixture_attachment(fixture, number));
        memory_act(&fixture->memory);
        restart(fixture);
        assert_non_null(fixture_attachment(fixture, number));
        memory_run(&fixture->memory);
        assert_null(fixture_attachment(fixture, number));
        assert_false(memory_holds(fixture->web, false, NIC0));
        bring(fixture, fixture->web, NIC0, number, 0);
        assert_taken_back(fixture, number);
}

static void a_guest_that_keeps_it_keeps_it_held(void **state) {
        Fixture *fixture = *state;
        uint32_t number = given_up(fixture, "nic");

        fixture->memory.guest_ignores = true;
        bring(fixture, fixture->web, NIC0, number, 0);
        memory_run(&fixture->memory);
        assert_state(fixture, NIC0, DEVICE_ATTACHED);
        assert_string_equal(fixture_device(fixture, NIC0)->holder, "attachment:1");

        fixture->web->running = false;
        memory_drop(fixture->web, true, NULL);
        memory_tell(&fixture->memory, fixture->web);
        memory_run(&fixture->memory);
        assert_null(fixture_attachment(fixture, number));
        assert_state(fixture, NIC0, DEVICE_AVAILABLE);
}

static void who_got_the_device_meanwhile_keeps_it(void **state) {
        Fixture *fixture = *state;
        uint32_t number = given_up(fixture, "nic");
        Answer answer;

        assert_int_equal(fixture_attach(fixture, DB, "nic", false, true, &answer), 0);
        memory_run(&fixture->memory);
        assert_int_equal(answer.verdict, 0);
        bring(fixture, fixture->web, NIC0, number, 0);
        memory_run(&fixture->memory);
        assert_false(memory_holds(fixture->web, false, NIC0));
        assert_true(memory_holds(fixture->db, false, NIC0));
        assert_int_equal(fixture_attachment(fixture, answer.attachment)->state,
                         ATTACHMENT_ATTACHED);
        assert_state(fixture, NIC0, DEVICE_ATTACHED);
}

static void a_copy_elsewhere_is_not_touched(void **state) {
        Fixture *fixture = *state;
        uint32_t number = given_up(fixture, "nic");
        unsigned n_calls = fixture->memory.n_calls;

        bring(fixture, fixture->db, NIC0, number, 0);  /* in another domain */
        bring(fixture, fixture->web, NIC1, number, 0); /* at another address */
        bring(fixture, fixture->web, NIC2, number + 1,
              0); /* with a number of which nothing is on record */
        assert_string_equal(fixture_device(fixture, NIC0)->holder, "domain:db");
        assert_string_equal(fixture_device(fixture, NIC1)->holder, "domain:web");
        assert_string_equal(fixture_device(fixture, NIC2)->holder, "domain:web");
        restart(fixture);
        assert_int_equal(fixture->memory.n_calls, n_calls);
        assert_int_equal(manager_registry(fixture->manager)->n_attachments, 0);
}

/* Somebody defines the domain anew from a copy that he made while it had the device. */
static void what_ended_in_sight_is_a_strangers_when_it_comes_back(void **state) {
        Fixture *fixture = *state;
        Answer answer;
        unsigned n_calls;

        assert_int_equal(fixture_attach(fixture, WEB, "nic", true, true, &answer), 0);
        memory_run(&fixture->memory);
        assert_int_equal(fixture_detach(fixture, 1, &answer), 0);
        memory_run(&fixture->memory);
        n_calls = fixture->memory.n_calls;
        bring(fixture, fixture->web, NIC0, 1, 0);
        assert_string_equal(fixture_device(fixture, NIC0)->holder, "domain:web");
        assert_int_equal(fixture->memory.n_calls, n_calls);

        /* Nor is one given up whose connection was lost and that came all the same. */
        memory_drop(fixture->web, true, NULL);
        memory_drop(fixture->web, false, NULL);
        memory_tell(&fixture->memory, fixture->web);
        assert_int_equal(fixture_attach(fixture, WEB, "nic", false, true, &answer), 0);
        assert_int_equal(domain_facts_hold(fixture->web, false, NIC0, "ua-hostdev1-2-0"), 0);
        memory_disconnect(&fixture->memory);
        memory_connect(&fixture->memory);
        assert_int_equal(answer.verdict, 0);
        assert_int_equal(fixture_detach(fixture, 2, &answer), 0);
        memory_run(&fixture->memory);
        n_calls = fixture->memory.n_calls;
        bring(fixture, fixture->web, NIC0, 2, 0);
        assert_int_equal(fixture->memory.n_calls, n_calls);
}

static void with_its_domain_it_is_forgotten(void **state) {
        Fixture *fixture = *state;
        uint32_t number = given_up(fixture, "nic");
        unsigned n_calls = fixture->memory.n_calls;

        fixture->web->running = fixture->web->persistent = false;
        memory_tell(&fixture->memory, fixture->web);
        fixture->web->running = fixture->web->persistent = true;
        bring(fixture, fixture->web, NIC0, number, 0);
        assert_string_equal(fixture_device(fixture, NIC0)->holder, "domain:web");
        restart(fixture);
        assert_string_equal(fixture_device(fixture, NIC0)->holder, "domain:web");
        assert_int_equal(fixture->memory.n_calls, n_calls);
}

static void only_the_last_ones_are_minded(void **state) {
        Fixture *fixture = *state;
        uint32_t first = given_up(fixture, "nic"), second = given_up(fixture, "nic");

        for (unsigned i = 0; i < 63; i++)
                (void) given_up(fixture, "nic");
        bring(fixture, fixture->web, NIC0, first, 0);
        assert_string_equal(fixture_device(fixture, NIC0)->holder, "domain:web");
        memory_drop(fixture->web, true, NULL);
        memory_drop(fixture->web, false, NULL);
        memory_tell(&fixture->memory, fixture->web);

        restart(fixture);
        bring(fixture, fixture->web, NIC0, second, 0);
        assert_taken_back(fixture, second);
}

#define with_fixture(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                with_fixture(what_comes_after_all_is_taken_out_again),
                with_fixture(a_daemon_that_starts_later_knows_it_too),
                with_fixture(a_daemon_that_dies_while_it_takes_one_back_goes_on),
                with_fixture(a_guest_that_keeps_it_keeps_it_held),
                with_fixture(who_got_the_device_meanwhile_keeps_it),
                with_fixture(a_copy_elsewhere_is_not_touched),
                with_fixture(what_ended_in_sight_is_a_strangers_when_it_comes_back),
                with_fixture(with_its_domain_it_is_forgotten),
                with_fixture(only_the_last_ones_are_minded),
        };

        return cmocka_run_group_tests_name("manager/strays", tests, NULL, NULL);
}
