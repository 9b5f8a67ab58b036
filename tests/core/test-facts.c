/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/facts.h"
#include "util/text.h"

static Facts *example(void) {
        Facts *facts;

        assert_int_equal(facts_new(&facts, (Address){ 0, 0x41, 0, 0 }), 0);
        facts->vendor_id = 0x8086;
        facts->product_id = 0x154d;
        facts->class_code = 0x020000;
        facts->has_subsystem = true;
        facts->subsystem_vendor_id = 0x8086;
        facts->subsystem_product_id = 0x7b11;
        return facts;
}

static void new_facts_know_nothing(void **state) {
        _cleanup_(facts_freep) Facts *facts = NULL;

        assert_int_equal(facts_new(&facts, (Address){ 0, 0x41, 0, 1 }), 0);
        assert_int_equal(facts->address.function, 1);
        assert_int_equal(facts->numa_node, -1);
        assert_int_equal(facts->iommu_group, -1);
        assert_string_equal(facts->vendor_name, "");
        assert_string_equal(facts->product_name, "");
        assert_string_equal(facts->class_name, "");
        assert_string_equal(facts->driver, "");
        assert_string_equal(facts->power_state, "");
        assert_string_equal(facts->host_use, "");
        assert_null(facts->reset_methods);
        assert_null(facts->interfaces);
}

static void a_string_is_replaced_by_a_copy(void **state) {
        _cleanup_(facts_freep) Facts *facts = example();
        char driver[] = "ixgbe";

        assert_int_equal(facts_set(&facts->driver, driver), 0);
        driver[0] = 'x';
        assert_string_equal(facts->driver, "ixgbe");
        assert_int_equal(facts_set(&facts->driver, ""), 0);
        assert_string_equal(facts->driver, "");
}

static void bridges_are_known_by_their_class(void **state) {
        _cleanup_(facts_freep) Facts *facts = example();

        assert_false(facts_is_bridge(facts));
        facts->class_code = 0x060400;
        assert_true(facts_is_bridge(facts));
        facts->class_code = 0x000600;
        assert_false(facts_is_bridge(facts));
}

static void what_may_change_on_the_same_hardware_is_not_its_identity(void **state) {
        _cleanup_(facts_freep) Facts *before = example(), *after = example();

        assert_int_equal(facts_set(&after->driver, "vfio-pci"), 0);
        assert_int_equal(facts_set(&after->host_use, "eth0"), 0);
        assert_int_equal(facts_set(&after->power_state, "D3hot"), 0);
        assert_int_equal(list_append(&after->interfaces, "eth0"), 0);
        after->iommu_group = 12;
        after->numa_node = 1;
        after->type = DEVICE_TYPE_PF; /* its driver hid that */
        after->max_virtual_functions = 8;
        assert_true(facts_same_device(before, after));
}

static void each_part_of_the_identity_counts(void **state) {
        for (int part = 0; part < 8; part++) {
                _cleanup_(facts_freep) Facts *one = example(), *other = example();

                switch (part) {
                case 0:
                        other->vendor_id++;
                        break;
                case 1:
                        other->product_id++;
                        break;
                case 2:
                        other->class_code++;
                        break;
                case 3:
                        other->subsystem_vendor_id++;
                        break;
                case 4:
                        other->subsystem_product_id++;
                        break;
                case 5:
                        other->type = DEVICE_TYPE_VF;
                        break;
                case 6:
                        other->has_subsystem = false;
                        break;
                case 7:
                        other->address.function++;
                        break;
                }
                assert_false(facts_same_device(one, other));
                assert_false(facts_same_device(other, one));
        }
}

static void device_types_have_the_words_of_nova(void **state) {
        assert_string_equal(device_type_to_string(DEVICE_TYPE_PCI), "type-PCI");
        assert_string_equal(device_type_to_string(DEVICE_TYPE_PF), "type-PF");
        assert_string_equal(device_type_to_string(DEVICE_TYPE_VF), "type-VF");

        for (int type = DEVICE_TYPE_PCI; type <= DEVICE_TYPE_VF; type++)
                assert_int_equal(device_type_from_string(device_type_to_string(type)), type);
        assert_int_equal(device_type_from_string("type-pf"), -1);
        assert_int_equal(device_type_from_string(""), -1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(new_facts_know_nothing),
                cmocka_unit_test(a_string_is_replaced_by_a_copy),
                cmocka_unit_test(bridges_are_known_by_their_class),
                cmocka_unit_test(what_may_change_on_the_same_hardware_is_not_its_identity),
                cmocka_unit_test(each_part_of_the_identity_counts),
                cmocka_unit_test(device_types_have_the_words_of_nova),
        };

        return cmocka_run_group_tests_name("core/facts", tests, NULL, NULL);
}
