/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A disk that takes nothing, a libvirt that refuses on and on.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"

#define assert_state(fixture, address, expected)                                                   \
        assert_int_equal(fixture_device(fixture, address)->state, expected)

static int teardown(void **state) {
        fixture_fill_disk(false);
        return fixture_teardown(state);
}

static void an_intent_that_cannot_be_recorded_is_none(void **state) {
        Fixture *fixture = *state;
        Answer answer;

        fixture_fill_disk(true);
        assert_int_equal(fixture_attach(fixture, WEB, "nic", true, true, &answer), JOURNAL_FAILED);
        assert_non_null(strstr(answer.text, "journal"));
        assert_int_equal(fixture->memory.n_calls, 0);
        assert_int_equal(manager_registry(fixture->manager)->n_attachments, 0);
        assert_state(fixture, NIC0, DEVICE_AVAILABLE);
        fixture_fill_disk(false);
        assert_int_equal(fixture_attach(fixture, WEB, "nic", true, true, &answer), 0);
        memory_run(&fixture->memory);
        assert_int_equal(answer.verdict, 0);
}

static void what_was_given_and_cannot_be_recorded_is_taken_back(void **state) {
        Fixture *fixture = *state;
        Answer answer;

        assert_int_equal(fixture_attach(fixture, WEB, "nic", true, true, &answer), 0);
        fixture_fill_disk(true);
        memory_run(&fixture->memory);
        assert_int_equal(answer.n, 1);
        assert_int_equal(answer.verdict, JOURNAL_FAILED);
        assert_false(memory_holds(fixture->web, true, NIC0));
        assert_false(memory_holds(fixture->web, false, NIC0));
        assert_state(fixture, NIC0, DEVICE_AVAILABLE);
}

/* libvirt went away during the call, and did what it was asked for. */
static void what_turns_out_to_be_given_is_not_done_before_it_is_recorded(void **state) {
        Fixture *fixture = *state;
        Answer answer;

        assert_int_equal(fixture_attach(fixture, WEB, "nic", true, false, &answer), 0);
        assert_int_equal(domain_facts_hold(fixture->web, true, NIC0, "ua-hostdev1-1-0"), 0);
        memory_disconnect(&fixture->memory);
        assert_int_equal(answer.n, 0);
        fixture_fill_disk(true);
        memory_connect(&fixture->memory);
        memory_run(&fixture->memory);
        assert_int_equal(answer.n, 1);
        assert_int_not_equal(answer.verdict, 0);
        assert_false(memory_holds(fixture->web, true, NIC0));
}

static void an_end_that_cannot_be_recorded_is_not_told_as_done(void **state) {
        Fixture *fixture = *state;
        Answer answer;
        uint32_t number;

        assert_int_equal(fixture_attach(fixture, WEB, "nic", true, true, &answer), 0);
        memory_run(&fixture->memory);
        number = answer.attachment;
        assert_int_equal(fixture_detach(fixture, number, &answer), 0);
        fixture_fill_disk(true);
        memory_run(&fixture->memory);
        assert_int_equal(answer.n, 1);
        assert_int_equal(answer.verdict, JOURNAL_FAILED);

        /* The next daemon comes to the same end. */
        fixture_fill_disk(false);
        fixture_start(fixture);
        assert_non_null(fixture_attachment(fixture, number));
        memory_connect(&fixture->memory);
        memory_run(&fixture->memory);
        assert_null(fixture_attachment(fixture, number));
        assert_state(fixture, NIC0, DEVICE_AVAILABLE);
}

static uint32_t attached(Fixture *fixture, const char *request) {
        Answer answer;

        assert_int_equal(fixture_attach(fixture, WEB, request, true, true, &answer), 0);
        memory_run(&fixture->memory);
        assert_int_equal(answer.verdict, 0);
        return answer.attachment;
}

static void a_detach_that_cannot_begin_leaves_all_as_it_was(void **state) {
        Fixture *fixture = *state;
        uint32_t number = attached(fixture, "nic");
        unsigned n_calls = fixture->memory.n_calls;
        Answer answer;

        assert_int_equal(fixture_detach(fixture, 4711, &answer), ATTACHMENT_UNKNOWN);

        fixture_fill_disk(true);
        assert_int_equal(fixture_detach(fixture, number, &answer), JOURNAL_FAILED);
        fixture_fill_disk(false);
        assert_int_equal(fixture->memory.n_calls, n_calls);
        assert_int_equal(fixture_attachment(fixture, number)->state, ATTACHMENT_ATTACHED);

        fixture->memory.no_memory = true;
        assert_int_equal(fixture_detach(fixture, number, &answer), -ENOMEM);
        fixture->memory.no_memory = false;
        assert_int_equal(fixture_attachment(fixture, number)->state, ATTACHMENT_ATTACHED);
        fixture_pass(fixture, 60000000);
        memory_run(&fixture->memory);
        assert_int_equal(fixture->memory.n_calls, n_calls);

        memory_disconnect(&fixture->memory);
        assert_int_equal(fixture_detach(fixture, number, &answer), HYPERVISOR_UNAVAILABLE);

        /* Nor did a record of any of that outlive it. */
        fixture_start(fixture);
        memory_connect(&fixture->memory);
        memory_run(&fixture->memory);
        assert_int_equal(fixture_attachment(fixture, number)->state, ATTACHMENT_ATTACHED);
        assert_true(memory_holds(fixture->web, true, NIC0));
}

static void what_is_still_being_attached_is_not_detached(void **state) {
        Fixture *fixture = *state;
        Answer attach, detach;

        assert_int_equal(fixture_attach(fixture, WEB, "nic", true, true, &attach), 0);
        assert_int_equal(fixture_detach(fixture, 1, &detach), ATTACHMENT_BUSY);
        memory_run(&fixture->memory);
        assert_int_equal(attach.verdict, 0);
}

static void an_attach_that_libvirt_cannot_be_asked_for_never_was(void **state) {
        Fixture *fixture = *state;
        Answer answer;

        fixture->memory.no_memory = true;
        assert_int_equal(fixture_attach(fixture, WEB, "nic", true, true, &answer), -ENOMEM);
        assert_int_equal(manager_registry(fixture->manager)->n_attachments, 0);
        assert_state(fixture, NIC0, DEVICE_AVAILABLE);
        fixture->memory.no_memory = false;
        fixture_start(fixture);
        memory_connect(&fixture->memory);
        memory_run(&fixture->memory);
        assert_int_equal(manager_registry(fixture->manager)->n_attachments, 0);
}

static void a_taking_back_that_cannot_begin_is_tried_again(void **state) {
        Fixture *fixture = *state;
        Answer answer;

        fixture->memory.refuse_at = 1;
        assert_int_equal(fixture_attach(fixture, WEB, "nic:2", true, true, &answer), 0);
        fixture->memory.no_memory = true;
        memory_run(&fixture->memory);
        assert_true(memory_holds(fixture->web, true, NIC0));
        assert_int_not_equal(fixture_device(fixture, NIC0)->state, DEVICE_AVAILABLE);

        fixture->memory.no_memory = false;
        for (unsigned i = 0; i < 25; i++) {
                fixture_pass(fixture, 1000000);
                memory_run(&fixture->memory);
        }
        assert_int_equal(answer.verdict, HYPERVISOR_REFUSED);
        assert_false(memory_holds(fixture->web, true, NIC0));
        assert_state(fixture, NIC0, DEVICE_AVAILABLE);
}

/* What is minded cannot be recorded: this daemon minds it all the same. */
static void a_stray_on_a_full_disk_is_taken_out_too(void **state) {
        Fixture *fixture = *state;
        Answer answer;

        assert_int_equal(fixture_attach(fixture, WEB, "nic", true, false, &answer), 0);
        memory_disconnect(&fixture->memory);
        memory_connect(&fixture->memory);
        fixture_fill_disk(true);
        memory_run(&fixture->memory);
        assert_null(fixture_attachment(fixture, 1));

        for (unsigned i = 0; i < 2; i++) {
                assert_int_equal(domain_facts_hold(fixture->web, true, NIC0, "ua-hostdev1-1-0"), 0);
                fixture->memory.no_memory = i;
                memory_tell(&fixture->memory, fixture->web);
                fixture->memory.no_memory = false;
                assert_non_null(fixture_attachment(fixture, 1));
                fixture_pass(fixture, 21000000);
                fixture_pass(fixture, 21000000);
                memory_run(&fixture->memory);
                assert_null(fixture_attachment(fixture, 1));
                assert_false(memory_holds(fixture->web, true, NIC0));
        }

        /* The record of the intent is still there, and ends in order. */
        fixture_fill_disk(false);
        fixture_start(fixture);
        memory_connect(&fixture->memory);
        memory_run(&fixture->memory);
        assert_int_equal(manager_registry(fixture->manager)->n_attachments, 0);
        assert_state(fixture, NIC0, DEVICE_AVAILABLE);
}

static void a_detach_that_libvirt_refuses_leaves_it_attached_with_the_reason(void **state) {
        Fixture *fixture = *state;
        uint32_t number = attached(fixture, "nic");
        Answer answer;

        fixture->memory.refuse_definition = true;
        assert_int_equal(fixture_detach(fixture, number, &answer), 0);
        memory_run(&fixture->memory);
        assert_int_equal(answer.verdict, HYPERVISOR_REFUSED);
        assert_int_equal(fixture_attachment(fixture, number)->state, ATTACHMENT_ATTACHED);
        assert_string_equal(fixture_attachment(fixture, number)->last_error, answer.text);
        assert_false(fixture_attachment(fixture, number)->live);
        assert_state(fixture, NIC0, DEVICE_ATTACHED);

        fixture->memory.refuse_definition = false;
        assert_int_equal(fixture_detach(fixture, number, &answer), 0);
        memory_run(&fixture->memory);
        assert_int_equal(answer.verdict, 0);
        assert_state(fixture, NIC0, DEVICE_AVAILABLE);
}

static void a_journal_that_breaks_shows_at_once(void **state) {
        Fixture *fixture = *state;
        Answer answer;

        assert_true(manager_is_host_ready(fixture->manager));
        fixture->unready = true; /* as the row of the journal says from now on */
        fixture_fill_disk(true);
        assert_int_equal(fixture_attach(fixture, WEB, "nic", true, true, &answer), JOURNAL_FAILED);
        assert_false(manager_is_host_ready(fixture->manager));
}

static void a_definition_that_libvirt_keeps_is_asked_for_now_and_then(void **state) {
        Fixture *fixture = *state;
        Answer answer;
        unsigned n_calls;

        /* An attach that went wrong is taken back: nobody is there to be told that it cannot be. */
        fixture->memory.refuse_at = 1;
        fixture->memory.refuse_definition = true;
        assert_int_equal(fixture_attach(fixture, WEB, "nic:2", true, true, &answer), 0);
        memory_run(&fixture->memory);
        n_calls = fixture->memory.n_calls;
        assert_true(n_calls <= 3); /* to give, from the guest, from the definition */

        for (unsigned i = 0; i < 60; i++) {
                fixture_pass(fixture, 1000000);
                memory_run(&fixture->memory);
        }
        assert_true(fixture->memory.n_calls > n_calls);
        assert_true(fixture->memory.n_calls <= n_calls + 3);
        assert_int_not_equal(fixture_device(fixture, NIC0)->state, DEVICE_AVAILABLE);

        fixture->memory.refuse_definition = false;
        fixture_pass(fixture, 20000000);
        memory_run(&fixture->memory);
        assert_null(fixture_attachment(fixture, 1));
        assert_state(fixture, NIC0, DEVICE_AVAILABLE);
}

/* The definitions of as many domains, for there are not so many devices. */
static void sixty_four_attachments_are_all_that_a_user_gets(void **state) {
        Fixture *fixture = *state;
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        Manager *manager = fixture->manager;
        Answer answer;

        for (unsigned i = 0; i < ATTACHMENTS_PER_USER_MAX; i++) {
                Attachment *attachment;

                assert_int_equal(manager_check_limits(manager, 1000, &refusal), 0);
                assert_int_equal(attachment_new(&attachment, i + 1, DB, "db"), 0);
                attachment->owner_uid = 1000;
                assert_int_equal(
                        registry_add_attachment((Registry *) manager_registry(manager), attachment),
                        0);
        }

        assert_int_equal(fixture_attach(fixture, WEB, "nic", true, true, &answer), LIMIT_EXCEEDED);
        assert_non_null(strstr(answer.text, "1000"));
        assert_int_equal(fixture->memory.n_calls, 0);
        assert_int_equal(manager_check_limits(manager, 1001, &refusal), 0);
        assert_int_equal(manager_check_limits(manager, 0, &refusal), 0);

        /* One less is one more. */
        for (uint32_t number = 1; number <= ATTACHMENTS_PER_USER_MAX; number++) {
                assert_int_equal(
                        registry_remove_attachment((Registry *) manager_registry(manager), number),
                        0);
                assert_int_equal(manager_check_limits(manager, 1000, &refusal), 0);
        }
        assert_int_equal(fixture_attach(fixture, WEB, "nic", true, true, &answer), 0);
        memory_run(&fixture->memory);
        assert_int_equal(answer.verdict, 0);
}

#define with_fixture(test) cmocka_unit_test_setup_teardown(test, fixture_setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                with_fixture(an_intent_that_cannot_be_recorded_is_none),
                with_fixture(what_was_given_and_cannot_be_recorded_is_taken_back),
                with_fixture(what_turns_out_to_be_given_is_not_done_before_it_is_recorded),
                with_fixture(an_end_that_cannot_be_recorded_is_not_told_as_done),
                with_fixture(a_detach_that_cannot_begin_leaves_all_as_it_was),
                with_fixture(what_is_still_being_attached_is_not_detached),
                with_fixture(an_attach_that_libvirt_cannot_be_asked_for_never_was),
                with_fixture(a_taking_back_that_cannot_begin_is_tried_again),
                with_fixture(a_stray_on_a_full_disk_is_taken_out_too),
                with_fixture(a_detach_that_libvirt_refuses_leaves_it_attached_with_the_reason),
                with_fixture(sixty_four_attachments_are_all_that_a_user_gets),
                with_fixture(a_journal_that_breaks_shows_at_once),
                with_fixture(a_definition_that_libvirt_keeps_is_asked_for_now_and_then),
        };

        return cmocka_run_group_tests_name("manager/trouble", tests, NULL, NULL);
}
