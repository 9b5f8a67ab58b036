/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bus/paths.h"
#include "util/cleanup.h"

static void a_device_has_the_path_of_its_node_device(void **state) {
        const Address address = { .domain = 0, .bus = 0x41, .slot = 0x1f, .function = 7 };
        char path[DEVICE_PATH_SIZE];
        Address back;

        assert_string_equal(device_path(address, path), "/org/hostdev1/device/pci_0000_41_1f_7");
        assert_true(device_path_parse(path, &back));
        assert_true(address_equal(address, back));
}

static void a_device_beyond_domain_ffff_has_a_path_too(void **state) {
        const Address address = { .domain = 0xffffffff, .bus = 0xff, .slot = 0x1f, .function = 7 };
        char path[DEVICE_PATH_SIZE];
        Address back;

        assert_string_equal(device_path(address, path),
                            "/org/hostdev1/device/pci_ffffffff_ff_1f_7");
        assert_true(device_path_parse(path, &back));
        assert_true(address_equal(address, back));
}

static void a_device_has_no_second_path(void **state) {
        static const char *const paths[] = {
                "/org/hostdev1/device",
                "/org/hostdev1/device/",
                "/org/hostdev1/device/0000_41_00_0",
                "/org/hostdev1/device/pci_0000_41_00_8",
                "/org/hostdev1/device/pci_00000_41_00_0",
                "/org/hostdev1/device/pci_0000_4F_00_0",
                "/org/hostdev1/device/pci_0000_41_00_0/more",
                "/org/hostdev1/devices/pci_0000_41_00_0",
                "/org/hostdev1/pool/pci_0000_41_00_0",
        };

        for (size_t i = 0; i < N_ELEMENTS(paths); i++) {
                Address address = { .bus = 0xee };

                assert_false(device_path_parse(paths[i], &address));
                assert_int_equal(address.bus, 0xee);
        }
}

static void names_are_encoded_and_come_back(void **state) {
        static const struct {
                const char *name, *path;
        } cases[] = {
                { "nics", "/org/hostdev1/pool/nics" },
                { "10g-nics", "/org/hostdev1/pool/_310g_2dnics" },
                { "a.b_c", "/org/hostdev1/pool/a_2eb_5fc" },
                { "two words", "/org/hostdev1/pool/two_20words" },
                { "ä", "/org/hostdev1/pool/_c3_a4" },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(freep) char *path = NULL, *name = NULL;

                assert_int_equal(named_path(POOL_PREFIX, cases[i].name, &path), 0);
                assert_string_equal(path, cases[i].path);
                assert_int_equal(named_path_parse(POOL_PREFIX, path, &name), 1);
                assert_string_equal(name, cases[i].name);
        }
}

static void a_name_has_no_second_path(void **state) {
        static const char *const paths[] = {
                "/org/hostdev1/pool",        "/org/hostdev1/pool/10g",
                "/org/hostdev1/pool/_6eics", "/org/hostdev1/pool/_310G_2Dnics",
                "/org/hostdev1/pool/a/b",    "/org/hostdev1/alias/nics",
                "/org/hostdev1/pools/nics",
        };

        for (size_t i = 0; i < N_ELEMENTS(paths); i++) {
                char *name = NULL;

                assert_int_equal(named_path_parse(POOL_PREFIX, paths[i], &name), 0);
                assert_null(name);
        }
}

static void an_attachment_has_the_path_of_its_number(void **state) {
        char path[ATTACHMENT_PATH_SIZE];
        uint32_t number;

        assert_string_equal(attachment_path(17, path), "/org/hostdev1/attachment/17");
        assert_true(attachment_path_parse(path, &number));
        assert_int_equal(number, 17);

        assert_string_equal(attachment_path(UINT32_MAX, path),
                            "/org/hostdev1/attachment/4294967295");
        assert_true(attachment_path_parse(path, &number));
        assert_int_equal(number, UINT32_MAX);
}

static void what_is_no_number_of_an_attachment_is_refused(void **state) {
        static const char *const texts[] = { "",   "0",   "017",        "+17",
                                             "-1", "17 ", "4294967296", "18446744073709551617",
                                             "x",  "1x",  "0x11",       "１" };

        for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
                uint32_t number = 99;

                assert_false(attachment_number_parse(texts[i], &number));
                assert_int_equal(number, 99);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_device_has_the_path_of_its_node_device),
                cmocka_unit_test(a_device_beyond_domain_ffff_has_a_path_too),
                cmocka_unit_test(a_device_has_no_second_path),
                cmocka_unit_test(names_are_encoded_and_come_back),
                cmocka_unit_test(a_name_has_no_second_path),
                cmocka_unit_test(an_attachment_has_the_path_of_its_number),
                cmocka_unit_test(what_is_no_number_of_an_attachment_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
