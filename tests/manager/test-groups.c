/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An IOMMU group of two that goes to a running domain: each is handed to vfio-pci first, and back to its
 * own driver after the last one left, whatever happens in between.
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

static uint32_t attached(Fixture *fixture, const char *request, bool live, bool config) {
        Answer answer;

        assert_int_equal(fixture_attach(fixture, WEB, request, live, config, &answer), 0);
        memory_run(&fixture->memory);
        assert_int_equal(answer.verdict, 0);
        return answer.attachment;
}

static Fixture *with_a_group(void **state) {
        Fixture *fixture = *state;

        fixture->grouped = true;
        assert_int_equal(manager_scan(fixture->manager), 0);
        return fixture;
}

static void a_group_is_handed_over_first_and_goes_back_to_its_drivers_last(void **state) {
        Fixture *fixture = with_a_group(state);
        Answer answer;
        uint32_t number = attached(fixture, "nic:2", true, true);

        assert_int_equal(fixture->memory.n_handed, 2);
        assert_int_equal(fixture_detach(fixture, number, &answer), 0);
        fixture->memory.refuse_give_back = true;
        memory_run(&fixture->memory);
        assert_int_equal(answer.n, 0);
        assert_false(memory_holds(fixture->web, false, NIC0));
        assert_string_equal(attachment_state_to_string(fixture_attachment(fixture, number)->state),
                            "detaching");
        assert_state(fixture, NIC0, DEVICE_RESERVED);

        fixture->memory.refuse_give_back = false;
        fixture_pass(fixture, 20000000);
        assert_int_equal(answer.verdict, OUTCOME_PENDING);
        memory_run(&fixture->memory);
        assert_int_equal(fixture->memory.n_given_back, 2);
        assert_null(fixture_attachment(fixture, number));
        assert_state(fixture, NIC0, DEVICE_AVAILABLE);
}

static void a_group_that_was_refused_goes_back_to_its_drivers(void **state) {
        Fixture *fixture = with_a_group(state);
        Answer answer;

        fixture->memory.refuse_at = 0;
        assert_int_equal(fixture_attach(fixture, WEB, "nic:2", true, false, &answer), 0);
        memory_run(&fixture->memory);
        assert_int_equal(answer.verdict, HYPERVISOR_REFUSED);
        assert_int_equal(fixture->memory.n_given_back, 2);
        assert_state(fixture, NIC1, DEVICE_AVAILABLE);
}

static void a_group_on_its_way_back_goes_on_after_a_restart(void **state) {
        Fixture *fixture = with_a_group(state);
        uint32_t number = attached(fixture, "nic:2", true, false);

        fixture->web->running = false;
        memory_drop(fixture->web, true, NULL);
        memory_tell(&fixture->memory, fixture->web);
        assert_int_equal(fixture_attachment(fixture, number)->state, ATTACHMENT_ENDED);

        fixture_start(fixture);
        assert_int_equal(fixture_attachment(fixture, number)->state, ATTACHMENT_ENDED);
        memory_connect(&fixture->memory);
        memory_run(&fixture->memory);
        assert_true(fixture->memory.n_given_back >= 2);
        assert_null(fixture_attachment(fixture, number));
        assert_state(fixture, NIC0, DEVICE_AVAILABLE);
}

static void a_definition_needs_no_handing_over(void **state) {
        Fixture *fixture = with_a_group(state);
        uint32_t number = attached(fixture, "nic:2", false, true);
        Answer answer;

        assert_int_equal(fixture->memory.n_handed, 0);
        assert_int_equal(fixture_detach(fixture, number, &answer), 0);
        memory_run(&fixture->memory);
        assert_int_equal(answer.verdict, 0);
        assert_int_equal(fixture->memory.n_given_back, 0);
}

/* The guest has lost the second of the group; the first is still there. */
static uint32_t half_lost(Fixture *fixture) {
        uint32_t number = attached(fixture, "nic:2", true, false);

        fixture->driver[0] = fixture->driver[1] = "vfio-pci";
        assert_int_equal(manager_scan(fixture->manager), 0);
        memory_drop(fixture->web, true, &NIC1);
        memory_tell(&fixture->memory, fixture->web);
        memory_run(&fixture->memory);
        assert_int_equal(fixture_attachment(fixture, number)->state, ATTACHMENT_LOST);
        /* Its driver would be one of the host beside a guest. */
        assert_int_equal(fixture->memory.n_given_back, 0);
        return number;
}

static void destroy_web(Fixture *fixture) {
        fixture->web->running = false;
        memory_drop(fixture->web, true, NULL);
        memory_tell(&fixture->memory, fixture->web);
        memory_run(&fixture->memory);
}

static void a_member_that_left_early_goes_back_with_the_last_one(void **state) {
        Fixture *fixture = with_a_group(state);
        uint32_t number = half_lost(fixture);
        Answer answer;

        assert_int_equal(fixture_detach(fixture, number, &answer), 0);
        memory_run(&fixture->memory);
        assert_int_equal(answer.verdict, 0);
        assert_int_equal(fixture->memory.n_given_back, 2);
        assert_null(fixture_attachment(fixture, number));
}

static void so_it_does_when_the_domain_is_destroyed_after_a_restart(void **state) {
        Fixture *fixture = with_a_group(state);
        uint32_t number = half_lost(fixture);

        fixture_start(fixture);
        memory_connect(&fixture->memory);
        assert_int_equal(fixture_attachment(fixture, number)->state, ATTACHMENT_LOST);
        destroy_web(fixture);
        assert_int_equal(fixture->memory.n_given_back, 2);
        assert_null(fixture_attachment(fixture, number));
        assert_state(fixture, NIC0, DEVICE_AVAILABLE);
        assert_state(fixture, NIC1, DEVICE_AVAILABLE);
}

static void so_it_does_when_the_domain_is_destroyed_while_nobody_looks(void **state) {
        Fixture *fixture = with_a_group(state);
        uint32_t number = half_lost(fixture);

        fixture_kill(fixture);
        fixture->web->running = false;
        memory_drop(fixture->web, true, NULL);
        fixture_start(fixture);
        memory_connect(&fixture->memory);
        memory_run(&fixture->memory);
        assert_int_equal(fixture->memory.n_given_back, 2);
        assert_null(fixture_attachment(fixture, number));
}

static void what_was_handed_before_a_crash_goes_back(void **state) {
        Fixture *fixture = with_a_group(state);
        Answer answer;

        /* libvirt has put them at vfio-pci and given neither. */
        fixture->memory.refuse_at = 1;
        assert_int_equal(fixture_attach(fixture, WEB, "nic:2", true, false, &answer), 0);
        memory_act(&fixture->memory);
        memory_drop(fixture->web, true, NULL);
        assert_int_equal(fixture->memory.n_handed, 2);
        fixture->driver[0] = fixture->driver[1] = "vfio-pci";
        fixture_start(fixture);
        memory_connect(&fixture->memory);
        memory_run(&fixture->memory);
        assert_int_equal(fixture->memory.n_given_back, 2);
        assert_null(fixture_attachment(fixture, 1));
}

static void a_member_with_a_new_attachment_goes_back_after_that(void **state) {
        Fixture *fixture = with_a_group(state);
        uint32_t first = half_lost(fixture), second = attached(fixture, "nic", true, false);
        Answer answer;

        assert_true(memory_holds(fixture->web, true, NIC1));
        assert_true(fixture_attachment(fixture, second)->devices[0].handed);
        assert_int_equal(fixture_detach(fixture, first, &answer), 0);
        memory_run(&fixture->memory);
        assert_false(memory_holds(fixture->web, true, NIC0));
        assert_int_equal(fixture->memory.n_given_back, 0);
        assert_int_equal(fixture_attachment(fixture, first)->state, ATTACHMENT_ENDED);

        assert_int_equal(fixture_detach(fixture, second, &answer), 0);
        memory_run(&fixture->memory);
        assert_int_equal(answer.verdict, 0);
        fixture_pass(fixture, 20000000);
        memory_run(&fixture->memory);
        assert_true(fixture->memory.n_given_back >= 2); /* what is back already counts as done */
        assert_int_equal(manager_registry(fixture->manager)->n_attachments, 0);
        assert_state(fixture, NIC0, DEVICE_AVAILABLE);
}

static void another_device_in_its_place_is_not_given_back(void **state) {
        Fixture *fixture = with_a_group(state);
        uint32_t number = half_lost(fixture);

        fixture->product[1] = 0x10fb;
        assert_int_equal(manager_scan(fixture->manager), 0);
        destroy_web(fixture);
        assert_null(fixture_attachment(fixture, number));
        assert_int_equal(fixture->memory.n_given_back, 1);
}

static void what_was_pulled_while_the_guest_had_it_is_not_given_back(void **state) {
        Fixture *fixture = with_a_group(state);
        uint32_t number = attached(fixture, "nic:2", true, false);

        fixture->product[0] = 0x10fb;
        fixture->absent[1] = true;
        assert_int_equal(manager_scan(fixture->manager), 0);
        assert_state(fixture, NIC0, DEVICE_GONE);
        destroy_web(fixture);
        assert_null(fixture_attachment(fixture, number));
        assert_int_equal(fixture->memory.n_given_back, 0);
        assert_int_equal(fixture_device(fixture, NIC0)->facts->product_id, 0x10fb);
        assert_null(fixture_device(fixture, NIC1));
}

static void what_its_operator_put_at_vfio_stays_there(void **state) {
        Fixture *fixture = with_a_group(state);
        uint32_t number;
        Answer answer;

        fixture->driver[0] = fixture->driver[1] = "vfio-pci";
        assert_int_equal(manager_scan(fixture->manager), 0);
        number = attached(fixture, "nic:2", true, false);
        assert_int_equal(fixture->memory.n_handed, 0);
        assert_int_equal(fixture_detach(fixture, number, &answer), 0);
        memory_run(&fixture->memory);
        assert_int_equal(answer.verdict, 0);
        assert_int_equal(fixture->memory.n_given_back, 0);
}

#define with_fixture(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                with_fixture(a_group_is_handed_over_first_and_goes_back_to_its_drivers_last),
                with_fixture(a_group_that_was_refused_goes_back_to_its_drivers),
                with_fixture(a_group_on_its_way_back_goes_on_after_a_restart),
                with_fixture(a_definition_needs_no_handing_over),
                with_fixture(a_member_that_left_early_goes_back_with_the_last_one),
                with_fixture(so_it_does_when_the_domain_is_destroyed_after_a_restart),
                with_fixture(so_it_does_when_the_domain_is_destroyed_while_nobody_looks),
                with_fixture(what_was_handed_before_a_crash_goes_back),
                with_fixture(a_member_with_a_new_attachment_goes_back_after_that),
                with_fixture(another_device_in_its_place_is_not_given_back),
                with_fixture(what_was_pulled_while_the_guest_had_it_is_not_given_back),
                with_fixture(what_its_operator_put_at_vfio_stays_there),
        };

        return cmocka_run_group_tests_name("manager/groups", tests, NULL, NULL);
}
