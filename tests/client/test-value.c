/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values of messages as JSON, and JSON as text.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "message.h"
#include "util/cleanup.h"
#include "value.h"

static json_t *read_back(sd_bus_message *message) {
        json_t *value = NULL;

        message_finish(message);
        assert_int_equal(value_read(message, &value), 0);
        assert_int_equal(sd_bus_message_at_end(message, 1), 1);
        return value;
}

static void assert_json(const json_t *value, const char *expected) {
        _cleanup_(freep) char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

        assert_string_equal(text, expected);
}

static void members_become_snake_case_and_data_keeps_its_keys(void **state) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = message_new("/a");
        _cleanup_(json_decrefp) json_t *value = NULL;

        assert_return_code(sd_bus_message_append(message, "a{sv}", 3, "VendorId", "s", "8086",
                                                 "Tags", "a{ss}", 1, "My-Tag", "X", "n-asked", "u",
                                                 7),
                           0);
        value = read_back(message);
        assert_json(value, "{\"vendor_id\":\"8086\",\"tags\":{\"My-Tag\":\"X\"},\"n_asked\":7}");
}

static void every_basic_type_is_read(void **state) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = message_new("/a");
        _cleanup_(json_decrefp) json_t *value = NULL;

        assert_return_code(sd_bus_message_append(message, "(ybnqiuxtdsg)", 255, 1, -32768, 65535,
                                                 INT32_MIN, UINT32_MAX, INT64_C(-9007199254740992),
                                                 UINT64_C(9007199254740992), 0.5, "ä", "a{sv}"),
                           0);
        value = read_back(message);
        assert_json(value, "[255,true,-32768,65535,-2147483648,4294967295,-9007199254740992,"
                           "9007199254740992,0.5,\"ä\",\"a{sv}\"]");
}

static void references_become_keys(void **state) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = message_new("/a");
        _cleanup_(json_decrefp) json_t *value = NULL;

        assert_return_code(sd_bus_message_append(
                                   message, "ao", 8, "/", "/org/hostdev1/device/pci_10000_41_00_0",
                                   "/org/hostdev1/pool/_310g_2dnics", "/org/hostdev1/alias/a1",
                                   "/org/hostdev1/attachment/4294967295",
                                   "/org/hostdev1/attachment/4294967296",
                                   "/org/hostdev1/device/pci_x", "/org/hostdev1"),
                           0);
        value = read_back(message);
        assert_json(value, "[null,\"10000:41:00.0\",\"10g-nics\",\"a1\",4294967295,"
                           "\"/org/hostdev1/attachment/4294967296\",\"/org/hostdev1/device/pci_x\","
                           "\"/org/hostdev1\"]");
}

static void empty_containers_are_empty_lists_and_objects(void **state) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = message_new("/a");
        _cleanup_(json_decrefp) json_t *value = NULL;

        assert_return_code(sd_bus_message_append(message, "(asa{ss}aa{ss})", 0, 0, 1, 0), 0);
        value = read_back(message);
        assert_json(value, "[[],{},[{}]]");
}

static void the_end_of_a_message_is_no_value(void **state) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = message_new("/a");
        json_t *value = (json_t *) state;

        message_finish(message);
        assert_int_equal(value_read(message, &value), -EBADMSG);
        assert_ptr_equal(value, (json_t *) state);
}

static void text_is_one_line_of_words(void **state) {
        static const struct {
                const char *json, *text;
        } cases[] = {
                { "null", "" },
                { "[]", "" },
                { "[\"a\",\"b\"]", "a b" },
                { "-1", "-1" },
                { "true", "yes" },
                { "false", "no" },
                { "{\"a\":\"1\",\"b\":\"2\"}", "a=1 b=2" },
                { "[{\"a\":\"1\",\"b\":\"2\"},{\"c\":\"3\"}]", "a=1 b=2 or c=3" },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(json_decrefp) json_t *value =
                        json_loads(cases[i].json, JSON_DECODE_ANY, NULL);
                _cleanup_(freep) char *text = value_text(value);

                assert_string_equal(text, cases[i].text);
        }
}

static void absent_members_are_nothing(void **state) {
        _cleanup_(json_decrefp) json_t *object = json_pack("{sisn}", "number", 3, "null");

        assert_string_equal(member_text(object, "number"), "");
        assert_string_equal(member_text(NULL, "number"), "");
        assert_int_equal(member_integer(object, "number"), 3);
        assert_int_equal(member_integer(object, "null"), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(members_become_snake_case_and_data_keeps_its_keys),
                cmocka_unit_test(every_basic_type_is_read),
                cmocka_unit_test(references_become_keys),
                cmocka_unit_test(empty_containers_are_empty_lists_and_objects),
                cmocka_unit_test(the_end_of_a_message_is_no_value),
                cmocka_unit_test(text_is_one_line_of_words),
                cmocka_unit_test(absent_members_are_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
