/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Another device at the same address is not the same device: it is not given, taken back or freed in its
 * place, whenever the exchange happens.
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

static void swap(Fixture *fixture, bool noticed_in_between) {
        if (noticed_in_between) {
                fixture->absent[0] = true;
                assert_int_equal(manager_observe(fixture->manager, NIC0), 0);
                fixture->absent[0] = false;
        }
        fixture->product[0] = 0x10fb;
        assert_int_equal(manager_observe(fixture->manager, NIC0), 0);
}

/* What is there now is the newcomer, in nobody's hands. */
static void assert_newcomer(Fixture *fixture) {
        const Device *device = fixture_device(fixture, NIC0);

        assert_int_equal(device->facts->product_id, 0x10fb);
        assert_string_equal(device->holder, "");
        assert_int_equal(device->state, DEVICE_AVAILABLE);
        assert_false(memory_holds(fixture->web, true, NIC0));
        assert_false(memory_holds(fixture->web, false, NIC0));
}

/* The choice is made again after polkit's answer: the alias does not mean the newcomer. */
static void what_came_while_polkit_was_asked_is_not_given(void **state) {
        Fixture *fixture = *state;
        Answer answer;

        swap(fixture, true);
        assert_int_equal(fixture_attach(fixture, WEB, "nic:3", true, true, &answer),
                         DEVICES_NOT_ENOUGH);
        assert_int_equal(fixture_attach(fixture, WEB, "nic:2", true, true, &answer), 0);
        memory_run(&fixture->memory);
        assert_int_equal(answer.verdict, 0);
        assert_newcomer(fixture);
}

static void what_came_while_the_job_waited_is_not_given(void **state) {
        for (unsigned i = 0; i < 2; i++) {
                Fixture *fixture = *state;
                Answer answer;

                fixture->product[0] = 0;
                assert_int_equal(manager_observe(fixture->manager, NIC0), 0);
                assert_int_equal(fixture_attach(fixture, WEB, "nic:2", true, true, &answer), 0);
                swap(fixture, i);
                memory_run(&fixture->memory);
                assert_int_equal(answer.n, 1);
                assert_int_equal(answer.verdict, DEVICES_NOT_ENOUGH);
                assert_non_null(strstr(answer.text, "0000:41:00.0"));
                assert_int_equal(manager_registry(fixture->manager)->n_attachments, 0);
                assert_newcomer(fixture);
                assert_state(fixture, NIC1, DEVICE_AVAILABLE);
                /* libvirt was not called. */
                assert_int_equal(fixture->memory.n_handed, 0);
                assert_false(memory_holds(fixture->web, false, NIC1));
        }
}

static void what_came_while_libvirt_was_at_work_is_taken_back(void **state) {
        Fixture *fixture = *state;
        Answer answer;

        fixture->memory.begun = true;
        assert_int_equal(fixture_attach(fixture, WEB, "nic:2", true, true, &answer), 0);
        swap(fixture, true);
        memory_run(&fixture->memory);
        assert_int_equal(answer.n, 1);
        assert_int_equal(answer.verdict, DEVICES_NOT_ENOUGH);
        assert_int_equal(manager_registry(fixture->manager)->n_attachments, 0);
        assert_newcomer(fixture);
        assert_false(memory_holds(fixture->web, true, NIC1));
}

static uint32_t attached(Fixture *fixture, const char *request) {
        Answer answer;

        assert_int_equal(fixture_attach(fixture, WEB, request, true, true, &answer), 0);
        memory_run(&fixture->memory);
        assert_int_equal(answer.verdict, 0);
        return answer.attachment;
}

static void the_newcomer_waits_until_the_held_one_is_freed(void **state) {
        Fixture *fixture = *state;
        uint32_t number = attached(fixture, "nic");
        Answer answer;

        swap(fixture, true);
        assert_state(fixture, NIC0, DEVICE_GONE);
        assert_int_equal(fixture_device(fixture, NIC0)->facts->product_id, 0x10d3);
        assert_string_equal(fixture_device(fixture, NIC0)->holder, "attachment:1");
        assert_int_equal(fixture_attachment(fixture, number)->state, ATTACHMENT_LOST);
        /* Neither is offered: the held one is gone, the newcomer is not there for anybody. */
        assert_int_equal(fixture_attach(fixture, DB, "nic:3", false, true, &answer),
                         DEVICES_NOT_ENOUGH);

        assert_int_equal(fixture_detach(fixture, number, &answer), 0);
        memory_run(&fixture->memory);
        assert_int_equal(answer.verdict, 0);
        assert_newcomer(fixture);
}

static void a_daemon_that_starts_after_the_exchange_knows_the_held_one(void **state) {
        Fixture *fixture = *state;
        uint32_t number = attached(fixture, "nic");

        fixture_kill(fixture);
        fixture->product[0] = 0x10fb;
        fixture_start(fixture);
        memory_connect(&fixture->memory);
        assert_state(fixture, NIC0, DEVICE_GONE);
        assert_int_equal(fixture_attachment(fixture, number)->state, ATTACHMENT_LOST);

        fixture->web->running = false;
        memory_drop(fixture->web, true, NULL);
        memory_drop(fixture->web, false, NULL);
        memory_tell(&fixture->memory, fixture->web);
        memory_run(&fixture->memory);
        assert_null(fixture_attachment(fixture, number));
        assert_newcomer(fixture);
}

/* A stranger's device at an address of ours, or with our alias elsewhere, is not asked back with it. */
static void a_detach_asks_for_our_devices_alone(void **state) {
        Fixture *fixture = *state;
        uint32_t number = attached(fixture, "nic:2");
        Answer answer;

        /* libvirt lost the first; another tool has put a device under our alias at a third address. */
        memory_drop(fixture->web, true, &NIC0);
        memory_drop(fixture->web, false, &NIC0);
        assert_int_equal(domain_facts_hold(fixture->web, false, NIC2, "ua-hostdev1-1-0"), 0);
        assert_int_equal(domain_facts_hold(fixture->web, false, NIC0, NULL), 0);
        memory_tell(&fixture->memory, fixture->web);
        assert_int_equal(fixture_attachment(fixture, number)->state, ATTACHMENT_LOST);
        assert_string_equal(fixture_device(fixture, NIC0)->holder, "domain:web");
        assert_string_equal(fixture_device(fixture, NIC2)->holder, "domain:web");

        assert_int_equal(fixture_detach(fixture, number, &answer), 0);
        memory_run(&fixture->memory);
        assert_int_equal(answer.verdict, 0);
        assert_true(memory_holds(fixture->web, false, NIC0));
        assert_true(memory_holds(fixture->web, false, NIC2));
        assert_state(fixture, NIC1, DEVICE_AVAILABLE);
        assert_string_equal(fixture_device(fixture, NIC0)->holder, "domain:web");
}

#define with_fixture(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                with_fixture(what_came_while_polkit_was_asked_is_not_given),
                with_fixture(what_came_while_the_job_waited_is_not_given),
                with_fixture(what_came_while_libvirt_was_at_work_is_taken_back),
                with_fixture(the_newcomer_waits_until_the_held_one_is_freed),
                with_fixture(a_daemon_that_starts_after_the_exchange_knows_the_held_one),
                with_fixture(a_detach_asks_for_our_devices_alone),
        };

        return cmocka_run_group_tests_name("manager/swap", tests, NULL, NULL);
}
