/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signals become events, and the objects are brought up to date by them.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "event.h"
#include "message.h"
#include "value.h"

#define DEVICE      "/org/hostdev1/device/pci_0000_41_00_0"
#define DEVICE_KIND "org.hostdev1.Device"

static const Client client = { 0 };

static int set_up(void **state) {
        static Objects objects;

        for (size_t i = 0; i < N_ELEMENTS(objects.lists); i++)
                objects.lists[i] = json_array();
        *state = &objects;
        return 0;
}

static int tear_down(void **state) {
        objects_done(*state);
        return 0;
}

typedef int (*EventOf)(Objects *objects, sd_bus_message *signal, json_t **ret);

/* The event that a finished message makes; what it is as text is compared, its time is not. */
static json_t *assert_event(Objects *objects, EventOf event_of, sd_bus_message *message,
                            const char *expected) {
        _cleanup_(freep) char *text = NULL;
        json_t *event = NULL;

        message_finish(message);
        assert_int_equal(event_of(objects, message, &event), 0);
        if (!expected) {
                assert_null(event);
                return NULL;
        }

        assert_true(member_integer(event, "time_usec") > 0);
        text = event_text(&client, event);
        assert_string_equal(text, expected);
        return event;
}

static sd_bus_message *new_device(const char *driver) {
        sd_bus_message *message = message_new("/org/hostdev1");

        assert_return_code(sd_bus_message_append(message, "oa{sa{sv}}", DEVICE, 2, DEVICE_KIND, 2,
                                                 "State", "s", "available", "Driver", "s", driver,
                                                 "org.example.Other", 1, "State", "u", 3),
                           0);
        return message;
}

static void add_device(Objects *objects) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = new_device("e1000e");
        _cleanup_(json_decrefp) json_t *event =
                assert_event(objects, event_of_added, message,
                             "device 0000:41:00.0 added: state available, driver e1000e");

        assert_string_equal(member_text(event, "key"), "0000:41:00.0");
        assert_string_equal(member_text(json_object_get(event, "properties"), "path"), DEVICE);
}

static const char *driver(const Objects *objects) {
        return member_text(objects_find(objects, OBJECT_DEVICE, "0000:41:00.0"), "driver");
}

static void what_is_added_is_known_from_then_on(void **state) {
        add_device(*state);
        assert_string_equal(driver(*state), "e1000e");
}

static void what_is_known_already_is_brought_up_to_date_without_a_word(void **state) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = new_device("vfio-pci");
        Objects *objects = *state;

        add_device(objects);
        assert_event(objects, event_of_added, message, NULL);
        assert_string_equal(driver(objects), "vfio-pci");
        assert_int_equal(json_array_size(objects->lists[OBJECT_DEVICE]), 1);
}

static void interfaces_of_others_are_no_object(void **state) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = message_new("/");

        assert_return_code(sd_bus_message_append(message, "oa{sa{sv}}", "/x", 1, "org.example.X", 1,
                                                 "Y", "s", ""),
                           0);
        assert_event(*state, event_of_added, message, NULL);
}

static sd_bus_message *new_removal(const char *path) {
        sd_bus_message *message = message_new("/org/hostdev1");

        assert_return_code(sd_bus_message_append(message, "oas", path, 1, DEVICE_KIND), 0);
        return message;
}

static void what_is_removed_is_forgotten(void **state) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *once = new_removal(DEVICE);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *twice = new_removal(DEVICE);
        _cleanup_(json_decrefp) json_t *event = NULL;

        add_device(*state);
        event = assert_event(*state, event_of_removed, once, "device 0000:41:00.0 removed");
        assert_null(objects_find(*state, OBJECT_DEVICE, "0000:41:00.0"));
        assert_event(*state, event_of_removed, twice, NULL);
}

static sd_bus_message *new_change(const char *path, const char *state, const char *new_driver,
                                  const char *invalidated) {
        sd_bus_message *message = message_new(path);

        assert_return_code(sd_bus_message_append(message, "sa{sv}as", DEVICE_KIND, 2, "State", "s",
                                                 state, "Driver", "s", new_driver,
                                                 invalidated ? 1 : 0, invalidated),
                           0);
        return message;
}

static void only_what_differs_is_a_change(void **state) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message =
                new_change(DEVICE, "reserved", "e1000e", NULL);
        _cleanup_(json_decrefp) json_t *event = NULL;

        add_device(*state);
        event = assert_event(*state, event_of_changed, message,
                             "device 0000:41:00.0 changed: state available -> reserved");
        assert_int_equal(json_object_size(json_object_get(event, "changed")), 1);
        assert_string_equal(member_text(json_object_get(event, "was"), "state"), "available");
}

static void a_change_is_measured_against_the_one_before(void **state) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *first =
                new_change(DEVICE, "reserved", "", NULL);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *second =
                new_change(DEVICE, "attached", "vfio-pci", NULL);
        _cleanup_(json_decrefp) json_t *event = NULL, *next = NULL;

        add_device(*state);
        event = assert_event(*state, event_of_changed, first,
                             "device 0000:41:00.0 changed: state available -> reserved, "
                             "driver e1000e -> none");
        next = assert_event(*state, event_of_changed, second,
                            "device 0000:41:00.0 changed: state reserved -> attached, "
                            "driver none -> vfio-pci");
}

static void nothing_different_is_no_event(void **state) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *same =
                new_change(DEVICE, "available", "e1000e", NULL);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *stranger =
                new_change("/org/hostdev1/pool/x", "available", "e1000e", NULL);

        add_device(*state);
        assert_event(*state, event_of_changed, same, NULL);
        assert_event(*state, event_of_changed, stranger, NULL);
}

static void invalidated_members_are_named(void **state) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message =
                new_change(DEVICE, "available", "e1000e", "GroupAddresses");
        _cleanup_(json_decrefp) json_t *event = NULL;

        add_device(*state);
        event = assert_event(*state, event_of_changed, message,
                             "device 0000:41:00.0 changed: other group addresses");
        assert_string_equal(
                json_string_value(json_array_get(json_object_get(event, "invalidated"), 0)),
                "group_addresses");
}

static void the_one_manager_is_told_without_a_key(void **state) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = message_new("/org/hostdev1");
        _cleanup_(json_decrefp) json_t *event = NULL;
        Objects *objects = *state;

        json_array_append_new(objects->lists[OBJECT_MANAGER],
                              json_pack("{sssb}", "path", "/org/hostdev1", "libvirt_connected", 1));
        assert_return_code(sd_bus_message_append(message, "sa{sv}as", "org.hostdev1.Manager", 1,
                                                 "LibvirtConnected", "b", 0, 0),
                           0);
        event = assert_event(objects, event_of_changed, message,
                             "manager changed: libvirt connected yes -> no");
}

static void a_line_stays_a_line(void **state) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message =
                new_change(DEVICE, "available", "a\nb\033[2J", NULL);
        _cleanup_(json_decrefp) json_t *event = NULL;

        add_device(*state);
        event = assert_event(*state, event_of_changed, message,
                             "device 0000:41:00.0 changed: driver e1000e -> a\\x0ab\\x1b[2J");
}

static void a_body_of_another_form_is_an_error(void **state) {
        static const EventOf events[] = { event_of_added, event_of_removed, event_of_changed };

        add_device(*state);
        for (size_t i = 0; i < N_ELEMENTS(events); i++) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = message_new(DEVICE);
                json_t *event = NULL;

                assert_return_code(sd_bus_message_append(message, "u", 7), 0);
                message_finish(message);
                assert_true(events[i](*state, message, &event) < 0);
                assert_null(event);
        }
        assert_string_equal(driver(*state), "e1000e");
}

static void the_daemon_comes_and_goes(void **state) {
        _cleanup_(json_decrefp) json_t *joined = event_of_service(true);
        _cleanup_(json_decrefp) json_t *left = event_of_service(false);
        _cleanup_(freep) char *came = event_text(&client, joined),
                              *went = event_text(&client, left);

        assert_string_equal(came, "hostdevd is there");
        assert_string_equal(went, "hostdevd has gone");
        assert_string_equal(member_text(left, "event"), "left");
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                CASE(what_is_added_is_known_from_then_on),
                CASE(what_is_known_already_is_brought_up_to_date_without_a_word),
                CASE(interfaces_of_others_are_no_object),
                CASE(what_is_removed_is_forgotten),
                CASE(only_what_differs_is_a_change),
                CASE(a_change_is_measured_against_the_one_before),
                CASE(nothing_different_is_no_event),
                CASE(invalidated_members_are_named),
                CASE(the_one_manager_is_told_without_a_key),
                CASE(a_line_stays_a_line),
                CASE(a_body_of_another_form_is_an_error),
                CASE(the_daemon_comes_and_goes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
