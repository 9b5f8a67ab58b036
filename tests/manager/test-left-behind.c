/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirtd is killed while it gives a device: it has taken it from its driver, and knows no more of that
 * when it comes back. Whether QEMU has the device by then, libvirt does not know either.
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

/* Killed when the device was at vfio-pci; back, and the daemon has seen that no domain has it. */
static uint32_t killed_while_giving(Fixture *fixture) {
        uint32_t number = manager_registry(fixture->manager)->next_attachment;
        static Answer answer;

        assert_int_equal(fixture_attach(fixture, WEB, "nic", true, true, &answer), 0);
        fixture->driver[0] = "vfio-pci";
        assert_int_equal(manager_observe(fixture->manager, NIC0), 0);
        memory_disconnect(&fixture->memory);
        memory_connect(&fixture->memory);
        memory_run(&fixture->memory);
        return number;
}

static void assert_held(Fixture *fixture, uint32_t number) {
        const Attachment *attachment = fixture_attachment(fixture, number);

        assert_non_null(attachment);
        assert_string_equal(attachment_state_to_string(attachment->state), "detaching");
        assert_state(fixture, NIC0, DEVICE_RESERVED);
        assert_int_equal(fixture->memory.n_given_back, 0);
}

static void assert_back(Fixture *fixture, uint32_t number) {
        assert_int_equal(fixture->memory.n_given_back, 1);
        assert_null(fixture_attachment(fixture, number));
        assert_state(fixture, NIC0, DEVICE_AVAILABLE);
}

static void it_goes_back_to_its_driver(void **state) {
        Fixture *fixture = *state;

        assert_back(fixture, killed_while_giving(fixture));
}

static void it_goes_back_also_when_it_is_between_two_drivers(void **state) {
        Fixture *fixture = *state;
        uint32_t number = manager_registry(fixture->manager)->next_attachment;
        Answer answer;

        assert_int_equal(fixture_attach(fixture, WEB, "nic", true, true, &answer), 0);
        fixture->driver[0] = "";
        memory_disconnect(&fixture->memory);
        memory_connect(&fixture->memory);
        memory_run(&fixture->memory);
        assert_back(fixture, number);
}

static void as_long_as_qemu_has_it_it_is_held(void **state) {
        Fixture *fixture = *state;
        uint32_t number;

        fixture->open = true;
        number = killed_while_giving(fixture);
        assert_held(fixture, number);
        fixture_pass(fixture, 30000000);
        memory_run(&fixture->memory);
        assert_held(fixture, number);

        fixture->open = false;
        fixture_pass(fixture, 1000000);
        memory_run(&fixture->memory);
        assert_back(fixture, number);
}

static void a_daemon_that_starts_later_knows_it_too(void **state) {
        Fixture *fixture = *state;
        uint32_t number;

        fixture->open = true;
        number = killed_while_giving(fixture);
        fixture_start(fixture);
        memory_connect(&fixture->memory);
        memory_run(&fixture->memory);
        assert_held(fixture, number);

        /* Its process is gone, though something still looks open. */
        fixture->web->running = false;
        memory_tell(&fixture->memory, fixture->web);
        fixture_pass(fixture, 1000000);
        memory_run(&fixture->memory);
        assert_back(fixture, number);
}

static void what_libvirtd_had_not_come_to_is_free(void **state) {
        Fixture *fixture = *state;
        uint32_t number = manager_registry(fixture->manager)->next_attachment;
        Answer answer;

        fixture->open = true;
        assert_int_equal(fixture_attach(fixture, WEB, "nic:2", true, true, &answer), 0);
        fixture->driver[0] = "vfio-pci";
        memory_disconnect(&fixture->memory);
        memory_connect(&fixture->memory);
        memory_run(&fixture->memory);
        assert_held(fixture, number);
        assert_non_null(strstr(fixture_attachment(fixture, number)->last_error, "0000:41:00.0"));
        assert_state(fixture, NIC1, DEVICE_AVAILABLE);

        fixture_start(fixture);
        memory_connect(&fixture->memory);
        memory_run(&fixture->memory);
        assert_held(fixture, number);
        assert_state(fixture, NIC1, DEVICE_AVAILABLE);

        fixture->open = false;
        fixture_pass(fixture, 1000000);
        memory_run(&fixture->memory);
        assert_back(fixture, number);
        assert_state(fixture, NIC1, DEVICE_AVAILABLE);
}

static void so_it_is_when_both_were_killed(void **state) {
        Fixture *fixture = *state;
        uint32_t number = manager_registry(fixture->manager)->next_attachment;
        Answer answer;

        assert_int_equal(fixture_attach(fixture, WEB, "nic", true, true, &answer), 0);
        fixture->driver[0] = "vfio-pci";
        fixture->memory.jobs->given_up = true;
        fixture_start(fixture);
        memory_connect(&fixture->memory);
        memory_run(&fixture->memory);
        assert_back(fixture, number);
}

static void what_is_at_its_driver_is_left_there(void **state) {
        Fixture *fixture = *state;
        uint32_t number = manager_registry(fixture->manager)->next_attachment;
        Answer answer;

        assert_int_equal(fixture_attach(fixture, WEB, "nic", true, true, &answer), 0);
        memory_disconnect(&fixture->memory);
        memory_connect(&fixture->memory);
        memory_run(&fixture->memory);
        assert_int_equal(fixture->memory.n_given_back, 0);
        assert_null(fixture_attachment(fixture, number));
}

static void what_its_operator_put_at_vfio_pci_is_left_there(void **state) {
        Fixture *fixture = *state;

        fixture->driver[0] = "vfio-pci";
        assert_int_equal(manager_observe(fixture->manager, NIC0), 0);
        assert_null(fixture_attachment(fixture, killed_while_giving(fixture)));
        assert_int_equal(fixture->memory.n_given_back, 0);
        assert_state(fixture, NIC0, DEVICE_AVAILABLE);
}

static void who_got_it_meanwhile_keeps_it(void **state) {
        Fixture *fixture = *state;
        uint32_t number = manager_registry(fixture->manager)->next_attachment;
        Answer answer;

        assert_int_equal(fixture_attach(fixture, WEB, "nic", true, true, &answer), 0);
        fixture->driver[0] = "vfio-pci";
        memory_disconnect(&fixture->memory);
        fixture->db->running = true;
        assert_int_equal(domain_facts_hold(fixture->db, true, NIC0, NULL), 0);
        memory_connect(&fixture->memory);
        memory_run(&fixture->memory);
        assert_null(fixture_attachment(fixture, number));
        assert_int_equal(fixture->memory.n_given_back, 0);
}

#define with_fixture(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                with_fixture(it_goes_back_to_its_driver),
                with_fixture(it_goes_back_also_when_it_is_between_two_drivers),
                with_fixture(as_long_as_qemu_has_it_it_is_held),
                with_fixture(a_daemon_that_starts_later_knows_it_too),
                with_fixture(what_libvirtd_had_not_come_to_is_free),
                with_fixture(so_it_is_when_both_were_killed),
                with_fixture(what_is_at_its_driver_is_left_there),
                with_fixture(what_its_operator_put_at_vfio_pci_is_left_there),
                with_fixture(who_got_it_meanwhile_keeps_it),
        };

        return cmocka_run_group_tests_name("manager/left-behind", tests, NULL, NULL);
}
