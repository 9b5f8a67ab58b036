/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hostdev XML: one fixed shape, made of numbers; found again by alias and address together.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "vm/hostdev-xml.h"
#include "vm/xml.h"

static const char uuid[] = "11111111-2222-3333-4444-555555555555";
static const char other_uuid[] = "21111111-2222-3333-4444-555555555555";

static const HypervisorDevice nic = {
        .address = { .domain = 0, .bus = 0x41, .slot = 0x1f, .function = 7 },
        .index = 3,
        .managed = true,
};

static const char nic_xml[] =
        "<hostdev mode=\"subsystem\" type=\"pci\" managed=\"yes\"><driver name=\"vfio\"/>"
        "<source><address domain=\"0x0000\" bus=\"0x41\" slot=\"0x1f\" function=\"0x7\"/></source>"
        "<alias name=\"ua-hostdev1-17-3\"/></hostdev>";

/* A definition with @devices in it. */
static char *definition(const char *devices) {
        char *xml;

        assert_true(asprintf(&xml,
                             "<domain type='kvm'><name>a &amp; b</name><uuid>%s</uuid>%s</domain>",
                             uuid, devices) > 0);
        return xml;
}

static void the_element_has_libvirts_shape(void **state) {
        _cleanup_(freep) char *xml = NULL;

        assert_int_equal(hostdev_xml_format(&xml, 17, &nic), 0);
        assert_string_equal(xml, nic_xml);
}

static void an_unmanaged_device_says_so(void **state) {
        _cleanup_(freep) char *xml = NULL;
        HypervisorDevice device = nic;

        device.managed = false;
        assert_int_equal(hostdev_xml_format(&xml, 17, &device), 0);
        assert_non_null(strstr(xml, "managed=\"no\""));
        assert_null(strstr(xml, "managed=\"yes\""));
}

static void a_domain_beyond_ffff_is_written_with_all_its_digits(void **state) {
        _cleanup_(freep) char *xml = NULL;
        HypervisorDevice device = nic;

        device.address.domain = 0x10000;
        assert_int_equal(hostdev_xml_format(&xml, 17, &device), 0);
        assert_non_null(strstr(xml, "domain=\"0x10000\""));
}

static void the_extreme_numbers_are_read_back_as_they_were(void **state) {
        const Address addresses[] = {
                { 0 },
                { .domain = UINT32_MAX, .bus = 0xff, .slot = 0x1f, .function = 7 },
                { .domain = 0xffff, .bus = 1, .slot = 2, .function = 3 },
        };

        for (size_t i = 0; i < N_ELEMENTS(addresses); i++) {
                const HypervisorDevice device = { .address = addresses[i], .index = UINT32_MAX };
                _cleanup_(xmlFreeDocp) xmlDoc *document = NULL;
                _cleanup_(freep) char *xml = NULL;
                xmlNode *root;
                Address read;

                assert_int_equal(hostdev_xml_format(&xml, UINT32_MAX, &device), 0);
                assert_int_equal(xml_parse(&document, xml, "hostdev"), 0);
                root = xmlDocGetRootElement(document);
                assert_true(
                        xml_read_address(xml_child(xml_child(root, "source"), "address"), &read));
                assert_true(address_equal(read, addresses[i]));
                assert_true(xml_attribute_is(xml_child(root, "alias"), "name",
                                             "ua-hostdev1-4294967295-4294967295"));
        }
}

static void adding_keeps_everything_else(void **state) {
        _cleanup_(freep) char *before = definition("<devices><emulator>/x</emulator></devices>"
                                                   "<seclabel type='none'/>");
        _cleanup_(freep) char *after = NULL;

        assert_int_equal(hostdev_xml_add(&after, before, uuid, 17, &nic), 0);
        assert_non_null(strstr(after, "<name>a &amp; b</name>"));
        assert_non_null(strstr(after, "<emulator>/x</emulator><hostdev"));
        assert_non_null(strstr(after, "</hostdev></devices><seclabel type=\"none\"/>"));
        assert_non_null(strstr(after, nic_xml));
}

static void a_definition_without_devices_gets_them(void **state) {
        _cleanup_(freep) char *before = definition("");
        _cleanup_(freep) char *after = NULL;

        assert_int_equal(hostdev_xml_add(&after, before, uuid, 17, &nic), 0);
        assert_non_null(strstr(after, "<devices><hostdev"));
}

static void what_was_added_is_cut_and_removed(void **state) {
        _cleanup_(freep) char *before = definition("<devices><emulator>/x</emulator></devices>");
        _cleanup_(freep) char *with = NULL, *element = NULL, *without = NULL, *again = NULL;

        assert_int_equal(hostdev_xml_add(&with, before, uuid, 17, &nic), 0);
        assert_int_equal(hostdev_xml_cut(&element, with, uuid, 17, &nic), 0);
        assert_string_equal(element, nic_xml);

        assert_int_equal(hostdev_xml_remove(&without, with, uuid, 17, &nic), 0);
        assert_null(strstr(without, "hostdev"));
        assert_non_null(strstr(without, "<emulator>/x</emulator>"));
        assert_int_equal(hostdev_xml_remove(&again, without, uuid, 17, &nic), -ENOENT);
        assert_null(again);
}

static void only_alias_and_address_together_are_ours(void **state) {
        _cleanup_(freep) char *before = definition("<devices/>"), *with = NULL, *cut = NULL;
        HypervisorDevice other = nic;

        assert_int_equal(hostdev_xml_add(&with, before, uuid, 17, &nic), 0);

        assert_int_equal(hostdev_xml_cut(&cut, with, uuid, 18, &nic), -ENOENT);
        other.index = 4;
        assert_int_equal(hostdev_xml_cut(&cut, with, uuid, 17, &other), -ENOENT);
        other = nic;
        other.address.function = 6;
        assert_int_equal(hostdev_xml_cut(&cut, with, uuid, 17, &other), -EEXIST);
        assert_int_equal(hostdev_xml_remove(&cut, with, uuid, 17, &other), -ENOENT);
        assert_null(cut);
}

static void among_many_only_ours_is_removed(void **state) {
        _cleanup_(freep) char *before = definition("<devices/>"), *one = NULL, *two = NULL;
        _cleanup_(freep) char *after = NULL, *cut = NULL;
        HypervisorDevice other = nic;

        other.index = 4;
        other.address.function = 6;
        assert_int_equal(hostdev_xml_add(&one, before, uuid, 17, &nic), 0);
        assert_int_equal(hostdev_xml_add(&two, one, uuid, 17, &other), 0);
        assert_int_equal(hostdev_xml_remove(&after, two, uuid, 17, &nic), 0);
        assert_int_equal(hostdev_xml_cut(&cut, after, uuid, 17, &nic), -ENOENT);
        assert_int_equal(hostdev_xml_cut(&cut, after, uuid, 17, &other), 0);
}

static void the_definition_of_another_domain_is_refused(void **state) {
        _cleanup_(freep) char *before = definition("<devices/>");
        char *after = NULL;

        assert_int_equal(hostdev_xml_add(&after, before, other_uuid, 17, &nic), -EINVAL);
        assert_int_equal(hostdev_xml_remove(&after, before, other_uuid, 17, &nic), -EINVAL);
        assert_int_equal(hostdev_xml_cut(&after, before, other_uuid, 17, &nic), -EINVAL);
        assert_int_equal(hostdev_xml_add(&after, "<domain/>", uuid, 17, &nic), -EINVAL);
        assert_int_equal(hostdev_xml_add(&after, "<network/>", uuid, 17, &nic), -EINVAL);
        assert_int_equal(hostdev_xml_add(&after, "", uuid, 17, &nic), -EINVAL);
        assert_null(after);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_element_has_libvirts_shape),
                cmocka_unit_test(an_unmanaged_device_says_so),
                cmocka_unit_test(a_domain_beyond_ffff_is_written_with_all_its_digits),
                cmocka_unit_test(the_extreme_numbers_are_read_back_as_they_were),
                cmocka_unit_test(adding_keeps_everything_else),
                cmocka_unit_test(a_definition_without_devices_gets_them),
                cmocka_unit_test(what_was_added_is_cut_and_removed),
                cmocka_unit_test(only_alias_and_address_together_are_ours),
                cmocka_unit_test(among_many_only_ours_is_removed),
                cmocka_unit_test(the_definition_of_another_domain_is_refused),
        };

        xml_init();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
