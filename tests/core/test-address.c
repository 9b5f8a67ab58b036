/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/address.h"
#include "core/verdict.h"

static void an_address_is_read_in_all_its_forms(void **state) {
        static const struct {
                const char *text;
                Address address;
        } cases[] = {
                { "0000:41:00.0", { 0, 0x41, 0, 0 } },
                { "41:00.0", { 0, 0x41, 0, 0 } },
                { "ABCD:eF:1F.7", { 0xabcd, 0xef, 0x1f, 7 } },
                { "10000:01:02.3", { 0x10000, 1, 2, 3 } },
                { "ffffffff:ff:1f.7", { 0xffffffff, 0xff, 0x1f, 7 } },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                Address address;

                assert_int_equal(address_parse(cases[i].text, &address), 0);
                assert_true(address_equal(address, cases[i].address));
        }
}

static void text_that_is_no_address_is_refused_and_leaves_the_output(void **state) {
        static const char *const texts[] = {
                "",
                ":",
                "0000",
                "0000:41:00",
                "0000:41:00.",
                "0000:41:00.8",
                "0000:41:20.0",
                "0000:41:00.00",
                "0000:41:00.0 ",
                " 0000:41:00.0",
                "0000:41:00.0\n",
                "000:41:00.0",
                "123456789:41:00.0",
                "0000:4:00.0",
                "0000:411:00.0",
                "0000:41:0.0",
                "0000.41.00.0",
                "0x00:41:00.0",
                "0000:-1:00.0",
                "0000:4g:00.0",
                "0000:41:00.a",
                "0000:41:00.*",
                "pci_0000_41_00_0",
                "00000000000000000000:41:00.0",
        };

        for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
                Address untouched = { .bus = 0xee };

                assert_int_equal(address_parse(texts[i], &untouched), ADDRESS_INVALID);
                assert_int_equal(untouched.bus, 0xee);
        }
}

static void an_address_is_shown_as_the_kernel_shows_it(void **state) {
        char text[ADDRESS_TEXT_SIZE];

        assert_string_equal(address_format((Address){ 0, 0x41, 0, 0 }, text), "0000:41:00.0");
        assert_string_equal(address_format((Address){ 0x10000, 0xaf, 0x1f, 7 }, text),
                            "10000:af:1f.7");
        assert_string_equal(address_format((Address){ UINT32_MAX, 0xff, 0x1f, 7 }, text),
                            "ffffffff:ff:1f.7");
}

static void every_address_comes_back_from_its_text_and_its_name(void **state) {
        static const uint32_t domains[] = { 0, 1, 0xffff, 0x10000, 0xffffffff };

        for (size_t i = 0; i < N_ELEMENTS(domains); i++) {
                for (unsigned function = 0; function < 0x10000; function += 7) {
                        char text[ADDRESS_TEXT_SIZE], name[ADDRESS_NODE_NAME_SIZE];
                        Address address = { domains[i], function >> 8, function >> 3 & 0x1f,
                                            function & 7 };
                        Address from_text, from_name;

                        assert_int_equal(address_parse(address_format(address, text), &from_text),
                                         0);
                        assert_true(address_equal(from_text, address));
                        assert_int_equal(
                                address_parse_node_name(address_format_node_name(address, name),
                                                        &from_name),
                                0);
                        assert_true(address_equal(from_name, address));
                }
        }
}

static void a_device_has_one_name_only(void **state) {
        static const char *const names[] = {
                "",
                "pci_",
                "pci_0000_41_00_8",
                "pci_41_00_0",
                "pci_00000_41_00_0", /* more zeros than it is shown with */
                "pci_0000_AF_00_0",
                "pci_0000_41_00_0_",
                "pci_0000:41:00.0",
                "usb_0000_41_00_0",
                "pci_0000_41_20_0",
        };

        for (size_t i = 0; i < N_ELEMENTS(names); i++) {
                Address untouched = { .bus = 0xee };

                assert_int_equal(address_parse_node_name(names[i], &untouched), ADDRESS_INVALID);
                assert_int_equal(untouched.bus, 0xee);
        }
}

static void addresses_are_ordered_by_domain_bus_slot_and_function(void **state) {
        static const char *const ascending[] = {
                "0000:00:00.0", "0000:00:00.1", "0000:00:01.0", "0000:00:1f.7",
                "0000:01:00.0", "0000:ff:1f.7", "0001:00:00.0", "10000:00:00.0",
        };

        for (size_t i = 0; i < N_ELEMENTS(ascending); i++) {
                for (size_t j = 0; j < N_ELEMENTS(ascending); j++) {
                        Address a, b;
                        int order;

                        assert_int_equal(address_parse(ascending[i], &a), 0);
                        assert_int_equal(address_parse(ascending[j], &b), 0);
                        order = address_compare(a, b);
                        assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
                        assert_int_equal(address_equal(a, b), i == j);
                }
        }
}

static void functions_of_one_card_share_its_slot(void **state) {
        Address first = { 0, 0x41, 3, 0 };

        assert_true(address_same_slot(first, (Address){ 0, 0x41, 3, 7 }));
        assert_false(address_same_slot(first, (Address){ 0, 0x41, 4, 0 }));
        assert_false(address_same_slot(first, (Address){ 0, 0x42, 3, 0 }));
        assert_false(address_same_slot(first, (Address){ 1, 0x41, 3, 0 }));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_address_is_read_in_all_its_forms),
                cmocka_unit_test(text_that_is_no_address_is_refused_and_leaves_the_output),
                cmocka_unit_test(an_address_is_shown_as_the_kernel_shows_it),
                cmocka_unit_test(every_address_comes_back_from_its_text_and_its_name),
                cmocka_unit_test(a_device_has_one_name_only),
                cmocka_unit_test(addresses_are_ordered_by_domain_bus_slot_and_function),
                cmocka_unit_test(functions_of_one_card_share_its_slot),
        };

        return cmocka_run_group_tests_name("core/address", tests, NULL, NULL);
}
