/* SPDX-License-Identifier: LGPL-2.1-or-later */
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

static void an_attach_is_reserved_then_given_then_answered(void **state) {
        Fixture *fixture = *state;
        Answer answer;
        unsigned before;

        assert_int_equal(fixture_attach(fixture, WEB, "nic:2", true, true, &answer), 0);
        assert_state(fixture, NIC0, DEVICE_RESERVED);
        assert_state(fixture, NIC1, DEVICE_RESERVED);
        assert_state(fixture, NIC2, DEVICE_AVAILABLE);
        assert_int_equal(answer.n, 0);
        assert_int_equal(fixture_attachment(fixture, 1)->state, ATTACHMENT_ATTACHING);

        before = fixture->n_published;
        memory_run(&fixture->memory);
        assert_int_equal(answer.n, 1);
        assert_int_equal(answer.verdict, 0);
        assert_int_equal(answer.attachment, 1);
        assert_true(answer.n_published > before);
        assert_state(fixture, NIC0, DEVICE_ATTACHED);
        assert_string_equal(fixture_device(fixture, NIC0)->holder, "attachment:1");
        assert_true(fixture_attachment(fixture, 1)->live);
        assert_true(fixture_attachment(fixture, 1)->config);
        assert_true(memory_holds(fixture->web, true, NIC1));
}

static void two_callers_cannot_choose_the_same_device(void **state) {
        Fixture *fixture = *state;
        Answer first, second, third;

        assert_int_equal(fixture_attach(fixture, WEB, "nic:2", true, false, &first), 0);
        assert_int_equal(fixture_attach(fixture, DB, "nic:2", false, true, &second),
                         DEVICES_NOT_ENOUGH);
        assert_non_null(strstr(second.text, "1 of 2 asked: 2 reserved"));
        assert_int_equal(fixture_attach(fixture, DB, "nic", false, true, &third), 0);
        memory_run(&fixture->memory);
        assert_int_equal(first.verdict, 0);
        assert_int_equal(third.verdict, 0);
        assert_true(memory_holds(fixture->db, false, NIC2));
}

static void what_was_given_before_a_refusal_is_taken_back(void **state) {
        Fixture *fixture = *state;
        Answer neighbour, answer;

        assert_int_equal(fixture_attach(fixture, WEB, "nic", true, true, &neighbour), 0);
        memory_run(&fixture->memory);

        fixture->memory.refuse_at = 1;
        assert_int_equal(fixture_attach(fixture, WEB, "nic:2", true, true, &answer), 0);
        memory_run(&fixture->memory);
        assert_int_equal(answer.n, 1);
        assert_int_equal(answer.verdict, HYPERVISOR_REFUSED);
        assert_non_null(strstr(answer.text, "No more available PCI slots"));
        assert_null(fixture_attachment(fixture, 2));
        assert_false(memory_holds(fixture->web, true, NIC1));
        assert_false(memory_holds(fixture->web, false, NIC1));
        assert_state(fixture, NIC1, DEVICE_AVAILABLE);

        /* … and only that. */
        assert_true(memory_holds(fixture->web, true, NIC0));
        assert_state(fixture, NIC0, DEVICE_ATTACHED);
}

static void a_guest_that_keeps_half_of_it_is_named_in_the_error(void **state) {
        Fixture *fixture = *state;
        Answer answer;

        fixture->memory.refuse_at = 1;
        fixture->memory.guest_ignores = true;
        assert_int_equal(fixture_attach(fixture, WEB, "nic:2", true, false, &answer), 0);
        memory_run(&fixture->memory);
        assert_int_equal(answer.n, 0);

        fixture_pass(fixture, 20000000);
        assert_int_equal(answer.n, 1);
        assert_int_equal(answer.verdict, HYPERVISOR_REFUSED);
        assert_non_null(strstr(answer.text, "attachment 1"));
        assert_string_equal(attachment_state_to_string(fixture_attachment(fixture, 1)->state),
                            "detaching");
        assert_int_not_equal(fixture_device(fixture, NIC0)->state, DEVICE_AVAILABLE);

        memory_drop(fixture->web, true, NULL);
        memory_tell(&fixture->memory, fixture->web);
        memory_run(&fixture->memory);
        assert_null(fixture_attachment(fixture, 1));
        assert_state(fixture, NIC0, DEVICE_AVAILABLE);
}

static void a_late_answer_is_pending_and_then_attached(void **state) {
        Fixture *fixture = *state;
        Answer answer;

        assert_int_equal(fixture_attach(fixture, WEB, "nic", true, true, &answer), 0);
        fixture_pass(fixture, 19999999);
        assert_int_equal(answer.n, 0);
        fixture_pass(fixture, 1);
        assert_int_equal(answer.verdict, OUTCOME_PENDING);
        assert_state(fixture, NIC0, DEVICE_RESERVED);
        assert_int_equal(fixture->n_ended[false], 0);

        memory_run(&fixture->memory);
        assert_int_equal(answer.n, 1);
        assert_int_equal(fixture->n_ended[false], 1);
        assert_int_equal(fixture->ended_verdict, 0);
        assert_int_equal(fixture_attachment(fixture, 1)->state, ATTACHMENT_ATTACHED);
}

static uint32_t attached(Fixture *fixture, const char *request, bool live, bool config) {
        Answer answer;

        assert_int_equal(fixture_attach(fixture, WEB, request, live, config, &answer), 0);
        memory_run(&fixture->memory);
        assert_int_equal(answer.verdict, 0);
        return answer.attachment;
}

static void a_detach_leaves_the_guest_first_and_then_the_definition(void **state) {
        Fixture *fixture = *state;
        uint32_t number = attached(fixture, "nic:2", true, true);
        Answer answer;

        fixture->memory.guest_ignores = true;
        assert_int_equal(fixture_detach(fixture, number, &answer), 0);
        memory_run(&fixture->memory);
        assert_int_equal(answer.n, 0);
        assert_true(memory_holds(fixture->web, false, NIC0));

        memory_drop(fixture->web, true, &NIC0);
        memory_tell(&fixture->memory, fixture->web);
        memory_run(&fixture->memory);
        assert_true(memory_holds(fixture->web, false, NIC0));

        memory_drop(fixture->web, true, &NIC1);
        memory_tell(&fixture->memory, fixture->web);
        memory_run(&fixture->memory);
        assert_int_equal(answer.n, 1);
        assert_int_equal(answer.verdict, 0);
        assert_false(memory_holds(fixture->web, false, NIC0));
        assert_null(fixture_attachment(fixture, number));
        assert_state(fixture, NIC1, DEVICE_AVAILABLE);
        assert_true(fixture->n_retries > 0);
}

static void a_guest_that_refuses_keeps_what_it_has(void **state) {
        Fixture *fixture = *state;
        uint32_t number = attached(fixture, "nic", true, true);
        Answer answer;

        fixture->memory.guest_refuses = true;
        assert_int_equal(fixture_detach(fixture, number, &answer), 0);
        memory_run(&fixture->memory);
        assert_int_equal(answer.verdict, DETACH_REFUSED);
        assert_int_equal(fixture_attachment(fixture, number)->state, ATTACHMENT_ATTACHED);
        assert_true(memory_holds(fixture->web, true, NIC0));
        assert_true(memory_holds(fixture->web, false, NIC0));

        fixture->memory.guest_refuses = false;
        assert_int_equal(fixture_detach(fixture, number, &answer), 0);
        memory_run(&fixture->memory);
        assert_int_equal(answer.verdict, 0);
}

static void a_guest_that_does_not_answer_is_pending_and_stays_held(void **state) {
        Fixture *fixture = *state;
        uint32_t number = attached(fixture, "nic", true, false);
        Answer answer, second;

        fixture->memory.guest_ignores = true;
        assert_int_equal(fixture_detach(fixture, number, &answer), 0);
        memory_run(&fixture->memory);
        fixture_pass(fixture, 5000000);
        assert_int_equal(answer.verdict, OUTCOME_PENDING);
        assert_state(fixture, NIC0, DEVICE_ATTACHED);
        assert_int_equal(fixture->n_ended[true], 0);

        /* A second caller waits for the same end. */
        assert_int_equal(fixture_detach(fixture, number, &second), 0);
        memory_drop(fixture->web, true, NULL);
        fixture_pass(fixture, 1000000); /* no event came: it is looked at */
        memory_run(&fixture->memory);
        assert_int_equal(second.n, 1);
        assert_int_equal(second.verdict, 0);
        assert_int_equal(fixture->n_ended[true], 1);
        assert_int_equal(fixture->ended_verdict, 0);
        assert_state(fixture, NIC0, DEVICE_AVAILABLE);
}

static void a_domain_that_stops_ends_what_was_live_only(void **state) {
        Fixture *fixture = *state;
        uint32_t live = attached(fixture, "nic", true, false),
                 both = attached(fixture, "nic", true, true);

        fixture->web->running = false;
        memory_drop(fixture->web, true, NULL);
        memory_tell(&fixture->memory, fixture->web);
        assert_null(fixture_attachment(fixture, live));
        assert_state(fixture, NIC0, DEVICE_AVAILABLE);
        assert_int_equal(fixture_attachment(fixture, both)->state, ATTACHMENT_ATTACHED);
        assert_false(fixture_attachment(fixture, both)->live);
        assert_state(fixture, NIC1, DEVICE_ATTACHED);

        /* Undefined and stopped: gone for good. */
        fixture->web->persistent = false;
        memory_drop(fixture->web, false, NULL);
        memory_tell(&fixture->memory, fixture->web);
        assert_null(fixture_attachment(fixture, both));
        assert_state(fixture, NIC1, DEVICE_AVAILABLE);
}

static void a_daemon_that_is_killed_finds_its_attachments_again(void **state) {
        Fixture *fixture = *state;
        uint32_t number = attached(fixture, "nic:2", true, true);

        fixture_start(fixture);
        assert_int_equal(fixture_attachment(fixture, number)->n_devices, 2);
        assert_false(manager_is_reconciled(fixture->manager));
        /* What was so last is shown until libvirt has spoken. */
        assert_true(fixture_attachment(fixture, number)->live);
        assert_true(fixture_attachment(fixture, number)->config);
        assert_int_not_equal(fixture_device(fixture, NIC0)->state, DEVICE_AVAILABLE);

        memory_connect(&fixture->memory);
        assert_int_equal(fixture_attachment(fixture, number)->state, ATTACHMENT_ATTACHED);
        assert_state(fixture, NIC0, DEVICE_ATTACHED);
        assert_int_equal(attached(fixture, "nic", true, true), number + 1);
}

static void an_intent_that_libvirt_fulfilled_is_completed(void **state) {
        Fixture *fixture = *state;
        Answer answer;

        assert_int_equal(fixture_attach(fixture, WEB, "nic:2", true, true, &answer), 0);
        memory_act(&fixture->memory);
        fixture_start(fixture);
        memory_connect(&fixture->memory);
        assert_int_equal(fixture_attachment(fixture, 1)->state, ATTACHMENT_ATTACHED);
        assert_state(fixture, NIC1, DEVICE_ATTACHED);
}

static void an_intent_half_fulfilled_is_taken_back(void **state) {
        Fixture *fixture = *state;
        Answer answer;

        fixture->memory.refuse_at = 1;
        assert_int_equal(fixture_attach(fixture, WEB, "nic:2", true, true, &answer), 0);
        memory_act(&fixture->memory);
        fixture_start(fixture);
        memory_connect(&fixture->memory);
        assert_string_equal(attachment_state_to_string(fixture_attachment(fixture, 1)->state),
                            "detaching");

        memory_run(&fixture->memory);
        assert_null(fixture_attachment(fixture, 1));
        assert_false(memory_holds(fixture->web, true, NIC0));
        assert_state(fixture, NIC0, DEVICE_AVAILABLE);
}

static void a_job_that_outlives_the_daemon_gives_nothing_away(void **state) {
        Fixture *fixture = *state;
        Answer answer, other;

        /* libvirt still works on it when the new daemon looks: nothing is held yet, and it may be any moment. */
        assert_int_equal(fixture_attach(fixture, WEB, "nic:2", true, true, &answer), 0);
        fixture_start(fixture);
        memory_connect(&fixture->memory);
        assert_int_not_equal(fixture_device(fixture, NIC0)->state, DEVICE_AVAILABLE);
        assert_int_equal(fixture_attach(fixture, DB, "nic:2", false, true, &other),
                         DEVICES_NOT_ENOUGH);

        memory_run(&fixture->memory);
        assert_null(fixture_attachment(fixture, 1));
        assert_false(memory_holds(fixture->web, true, NIC0));
        assert_false(memory_holds(fixture->web, false, NIC0));
        assert_state(fixture, NIC0, DEVICE_AVAILABLE);
}

static void a_connection_lost_during_the_call_decides_nothing(void **state) {
        Fixture *fixture = *state;
        Answer answer, other;

        assert_int_equal(fixture_attach(fixture, WEB, "nic", true, true, &answer), 0);
        memory_disconnect(&fixture->memory);
        assert_false(manager_is_connected(fixture->manager));
        assert_state(fixture, NIC0, DEVICE_RESERVED);
        assert_int_equal(fixture_attach(fixture, WEB, "nic", true, true, &other),
                         HYPERVISOR_UNAVAILABLE);

        assert_int_equal(domain_facts_hold(fixture->web, true, NIC0, "ua-hostdev1-1-0"), 0);
        assert_int_equal(domain_facts_hold(fixture->web, false, NIC0, "ua-hostdev1-1-0"), 0);
        memory_connect(&fixture->memory);
        assert_int_equal(fixture_attachment(fixture, 1)->state, ATTACHMENT_ATTACHED);
        assert_int_equal(answer.n, 1);
        assert_int_equal(answer.verdict, 0);
}

static void a_detach_lost_after_the_reconnect_is_asked_again(void **state) {
        Fixture *fixture = *state;
        uint32_t number = attached(fixture, "nic", true, false);
        Answer answer;

        assert_int_equal(fixture_detach(fixture, number, &answer), 0);
        fixture->memory.callbacks.connected(fixture->memory.userdata, false, "gone");
        fixture_pass(fixture, 1000000);
        memory_connect(&fixture->memory);
        memory_lose_jobs(&fixture->memory);
        assert_int_equal(fixture_attachment(fixture, number)->state, ATTACHMENT_DETACHING);

        fixture_pass(fixture, 20000000);
        memory_run(&fixture->memory);
        assert_null(fixture_attachment(fixture, number));
        assert_state(fixture, NIC0, DEVICE_AVAILABLE);
}

static void a_device_that_another_tool_gave_away_is_not_offered(void **state) {
        Fixture *fixture = *state;
        Answer answer;

        assert_int_equal(domain_facts_hold(fixture->db, false, NIC0, NULL), 0);
        memory_tell(&fixture->memory, fixture->db);
        assert_string_equal(fixture_device(fixture, NIC0)->holder, "domain:db");
        assert_int_equal(fixture_attach(fixture, WEB, "nic:3", true, false, &answer),
                         DEVICES_NOT_ENOUGH);

        memory_drop(fixture->db, false, NULL);
        memory_tell(&fixture->memory, fixture->db);
        assert_state(fixture, NIC0, DEVICE_AVAILABLE);
}

static void what_the_host_began_to_use_before_a_call_is_not_given_by_it(void **state) {
        Fixture *fixture = *state;
        Answer answer;

        /* Nobody has told the manager. */
        fixture->host_use = "/home";
        assert_int_equal(fixture_attach(fixture, WEB, "nic:3", true, false, &answer),
                         DEVICE_USED_BY_HOST);
        assert_string_equal(fixture_device(fixture, NIC0)->holder, "host:/home");

        /* Who cannot know it gives nothing. */
        fixture->host_use = NULL;
        fixture->use_error = -EMFILE;
        assert_int_equal(fixture_attach(fixture, WEB, "nic:3", true, false, &answer), -EMFILE);
        fixture->use_error = 0;
        (void) attached(fixture, "nic:3", true, false);
}

static void a_use_that_was_told_and_could_not_be_read_is_not_forgotten(void **state) {
        Fixture *fixture = *state;
        Answer answer;

        fixture->host_use = "/home";
        fixture->scan_error = -ENOMEM;
        assert_int_equal(fixture_attach(fixture, WEB, "nic:3", true, false, &answer), -ENOMEM);
        assert_int_equal(fixture_attach(fixture, WEB, "nic:3", true, false, &answer), -ENOMEM);

        fixture->scan_error = 0;
        assert_int_equal(fixture_attach(fixture, WEB, "nic:3", true, false, &answer),
                         DEVICE_USED_BY_HOST);
        assert_string_equal(fixture_device(fixture, NIC0)->holder, "host:/home");
}

static void a_held_device_that_is_pulled_is_gone_and_held(void **state) {
        Fixture *fixture = *state;
        uint32_t number = attached(fixture, "nic:2", true, false);

        fixture->absent[0] = true;
        assert_int_equal(manager_observe(fixture->manager, NIC0), 0);
        assert_state(fixture, NIC0, DEVICE_GONE);
        assert_int_equal(fixture_attachment(fixture, number)->state, ATTACHMENT_LOST);

        memory_drop(fixture->web, true, &NIC0);
        memory_tell(&fixture->memory, fixture->web);
        assert_null(fixture_device(fixture, NIC0));
        assert_state(fixture, NIC1, DEVICE_ATTACHED);
}

static void a_call_that_is_open_at_the_end_is_answered(void **state) {
        Fixture *fixture = *state;
        Answer answer;

        assert_int_equal(fixture_attach(fixture, WEB, "nic", true, true, &answer), 0);
        manager_stop(fixture->manager);
        assert_int_equal(answer.n, 1);
        assert_int_equal(answer.verdict, OUTCOME_PENDING);
}

static void a_thousand_rounds_leave_nothing_behind(void **state) {
        Fixture *fixture = *state;
        Answer answer;

        for (unsigned i = 1; i <= 1000; i++) {
                uint32_t number = attached(fixture, "nic:2", true, true);

                assert_int_equal(number, i);
                assert_int_equal(fixture_detach(fixture, number, &answer), 0);
                memory_run(&fixture->memory);
                assert_int_equal(answer.verdict, 0);
                assert_int_equal(manager_registry(fixture->manager)->n_attachments, 0);
        }
        assert_int_equal(manager_deadline(fixture->manager), UINT64_MAX);
        /* Attach; detach live, then config. */
        assert_int_equal(fixture->memory.n_calls, 3000);
}

#define with_fixture(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                with_fixture(an_attach_is_reserved_then_given_then_answered),
                with_fixture(two_callers_cannot_choose_the_same_device),
                with_fixture(what_was_given_before_a_refusal_is_taken_back),
                with_fixture(a_guest_that_keeps_half_of_it_is_named_in_the_error),
                with_fixture(a_late_answer_is_pending_and_then_attached),
                with_fixture(a_detach_leaves_the_guest_first_and_then_the_definition),
                with_fixture(a_guest_that_refuses_keeps_what_it_has),
                with_fixture(a_guest_that_does_not_answer_is_pending_and_stays_held),
                with_fixture(a_domain_that_stops_ends_what_was_live_only),
                with_fixture(a_daemon_that_is_killed_finds_its_attachments_again),
                with_fixture(an_intent_that_libvirt_fulfilled_is_completed),
                with_fixture(an_intent_half_fulfilled_is_taken_back),
                with_fixture(a_job_that_outlives_the_daemon_gives_nothing_away),
                with_fixture(a_connection_lost_during_the_call_decides_nothing),
                with_fixture(a_detach_lost_after_the_reconnect_is_asked_again),
                with_fixture(a_device_that_another_tool_gave_away_is_not_offered),
                with_fixture(what_the_host_began_to_use_before_a_call_is_not_given_by_it),
                with_fixture(a_use_that_was_told_and_could_not_be_read_is_not_forgotten),
                with_fixture(a_held_device_that_is_pulled_is_gone_and_held),
                with_fixture(a_call_that_is_open_at_the_end_is_answered),
                with_fixture(a_thousand_rounds_leave_nothing_behind),
        };

        return cmocka_run_group_tests_name("manager", tests, NULL, NULL);
}
