/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "made-host.h"

static const Made nic = { "0000:41:00.0", 0x8086, 0x154d, .has_group = true, .group = 7 };
static const Made gpu = { "0000:41:00.0", 0x10de, 0x20b0, .has_group = true, .group = 7 };

static uint32_t apply(Inventory *inventory, const Made *made, bool held) {
        uint32_t properties = UINT32_MAX;

        assert_int_equal(inventory_apply(inventory, made_address(made->address), made_facts(made),
                                         held, &properties),
                         0);
        return properties;
}

static void take_away(Inventory *inventory, const char *address, bool held) {
        uint32_t properties = UINT32_MAX;

        assert_int_equal(inventory_apply(inventory, made_address(address), NULL, held, &properties),
                         0);
        assert_int_equal(properties, 0);
}

static Device *find(const Inventory *inventory, const char *address) {
        return inventory_find(inventory, made_address(address));
}

static void clean(Inventory *inventory) {
        for (size_t i = 0; i < inventory->n_devices; i++) {
                inventory->devices[i]->dirty = inventory->devices[i]->unmatched = false;
                inventory->devices[i]->changed = 0;
        }
        inventory_forget_settled(inventory);
}

static void every_word_is_that_of_the_contract(void **state) {
        static const char *const reasons[] = {
                "not-in-pool",
                "reserved",
                "attached",
                "held-by-domain",
                "in-use-by-host",
                "group-in-use",
                "no-iommu",
                "pf-in-use",
                "vf-in-use",
                "gone",
                "group-incomplete",
                "ids",
                "type",
                "tags",
                "numa",
                "taken-by-earlier-item",
                "not-authorized",
        };

        assert_int_equal(N_ELEMENTS(reasons), REASON_COUNT);
        for (unsigned i = 0; i < REASON_COUNT; i++)
                assert_string_equal(reason_to_string(1u << i), reasons[i]);

        assert_string_equal(device_state_to_string(DEVICE_GONE), "gone");
        assert_string_equal(device_state_to_string(DEVICE_ATTACHED), "attached");
        assert_string_equal(device_state_to_string(DEVICE_RESERVED), "reserved");
        assert_string_equal(device_state_to_string(DEVICE_UNAVAILABLE), "unavailable");
        assert_string_equal(device_state_to_string(DEVICE_AVAILABLE), "available");
}

static void devices_are_sorted_by_address_whatever_the_order_of_arrival(void **state) {
        _cleanup_(inventory_done) Inventory inventory = { 0 };
        char address[ADDRESS_TEXT_SIZE];

        for (unsigned i = 0; i < 256; i++) {
                Made made = { address, 0x8086, 0x154d };

                (void) snprintf(address, sizeof(address), "0000:%02x:00.0", (i * 89) % 256);
                (void) apply(&inventory, &made, false);
        }

        assert_int_equal(inventory.n_devices, 256);
        for (unsigned i = 0; i < 256; i++) {
                assert_int_equal(inventory.devices[i]->address.bus, i);
                (void) snprintf(address, sizeof(address), "0000:%02x:00.0", i);
                assert_ptr_equal(find(&inventory, address), inventory.devices[i]);
        }
        assert_null(find(&inventory, "0001:00:00.0"));
}

static void a_device_that_nobody_holds_goes_with_its_hardware(void **state) {
        _cleanup_(inventory_done) Inventory inventory = { 0 };

        (void) apply(&inventory, &nic, false);
        take_away(&inventory, nic.address, false);
        assert_int_equal(inventory.n_devices, 0);
        take_away(&inventory, nic.address, false);
}

static void a_held_device_outlives_its_hardware_and_comes_back(void **state) {
        _cleanup_(inventory_done) Inventory inventory = { 0 };

        (void) apply(&inventory, &nic, true);
        take_away(&inventory, nic.address, true);
        assert_false(find(&inventory, nic.address)->present);
        assert_int_equal(find(&inventory, nic.address)->facts->vendor_id, 0x8086);

        assert_int_equal(apply(&inventory, &nic, true), 0);
        assert_true(find(&inventory, nic.address)->present);
        assert_null(find(&inventory, nic.address)->arrival);
}

static void another_device_at_a_held_address_waits_until_it_is_freed(void **state) {
        _cleanup_(inventory_done) Inventory inventory = { 0 };
        Device *device;

        (void) apply(&inventory, &nic, true);
        take_away(&inventory, nic.address, true);
        assert_int_equal(apply(&inventory, &gpu, true), 0);

        device = find(&inventory, nic.address);
        assert_false(device->present);
        assert_int_equal(device->facts->vendor_id, 0x8086);
        assert_int_equal(device->arrival->vendor_id, 0x10de);

        assert_int_equal(inventory_release(&inventory, device->address), 0);
        device = find(&inventory, nic.address);
        assert_true(device->present);
        assert_int_equal(device->facts->vendor_id, 0x10de);
        assert_null(device->arrival);
        assert_true(device->changed & DEVICE_VENDOR_ID);
}

static void another_device_without_a_gap_waits_too(void **state) {
        _cleanup_(inventory_done) Inventory inventory = { 0 };

        (void) apply(&inventory, &nic, true);
        (void) apply(&inventory, &gpu, true);
        assert_false(find(&inventory, nic.address)->present);
        assert_int_equal(find(&inventory, nic.address)->arrival->vendor_id, 0x10de);

        /* The lent one is put back. */
        (void) apply(&inventory, &nic, true);
        assert_true(find(&inventory, nic.address)->present);
        assert_null(find(&inventory, nic.address)->arrival);
}

static void a_held_device_that_has_not_left_may_become_another_when_it_is_freed(void **state) {
        const Made before = { "0000:41:00.0", 0x8086, 0x154d, .incarnation = 7 };
        const Made after = { "0000:41:00.0", 0x10de, 0x1db4, .incarnation = 7 };
        const Made next = { "0000:41:00.0", 0x10de, 0x1db4, .incarnation = 8 };
        _cleanup_(inventory_done) Inventory inventory = { 0 };
        Device *device;

        (void) apply(&inventory, &before, true);
        (void) apply(&inventory, &after, true);
        device = find(&inventory, before.address);
        assert_true(device->present);
        assert_int_equal(device->facts->vendor_id, 0x8086);
        assert_int_equal(device->arrival->vendor_id, 0x10de);

        /* It may become what it was; or leave, and then what comes is another. */
        (void) apply(&inventory, &before, true);
        assert_true(device->present);
        assert_null(device->arrival);
        (void) apply(&inventory, &next, true);
        assert_false(device->present);

        (void) apply(&inventory, &before, true);
        (void) apply(&inventory, &after, true);
        assert_int_equal(inventory_release(&inventory, device->address), 0);
        device = find(&inventory, before.address);
        assert_true(device->present);
        assert_int_equal(device->facts->vendor_id, 0x10de);
        assert_null(device->arrival);
}

static void what_waits_may_leave_again(void **state) {
        _cleanup_(inventory_done) Inventory inventory = { 0 };

        (void) apply(&inventory, &nic, true);
        (void) apply(&inventory, &gpu, true);
        take_away(&inventory, nic.address, true);
        assert_null(find(&inventory, nic.address)->arrival);
        assert_int_equal(inventory_release(&inventory, made_address(nic.address)), 0);
        assert_null(find(&inventory, nic.address));
}

static void a_device_that_is_there_is_not_released(void **state) {
        _cleanup_(inventory_done) Inventory inventory = { 0 };

        (void) apply(&inventory, &nic, false);
        assert_int_equal(inventory_release(&inventory, made_address(nic.address)), 0);
        assert_int_equal(inventory_release(&inventory, made_address("0000:00:00.0")), 0);
        assert_non_null(find(&inventory, nic.address));
}

static void hardware_that_nobody_holds_is_replaced_at_once(void **state) {
        _cleanup_(inventory_done) Inventory inventory = { 0 };

        (void) apply(&inventory, &nic, false);
        assert_int_equal(apply(&inventory, &gpu, false), DEVICE_VENDOR_ID);
        assert_true(find(&inventory, nic.address)->present);
        assert_int_equal(find(&inventory, nic.address)->facts->product_id, 0x20b0);
}

static void what_differs_is_told_bit_by_bit(void **state) {
        static const struct {
                Made made;
                uint32_t properties;
        } cases[] = {
                { { "0000:41:00.0", 0x8086, 0x154d, .driver = "vfio-pci", .has_group = true,
                    .group = 7 },
                  DEVICE_DRIVER },
                { { "0000:41:00.0", 0x8086, 0x154d, .has_group = true, .group = 8 },
                  DEVICE_IOMMU_GROUP | DEVICE_GROUP_ADDRESSES },
                { { "0000:41:00.0", 0x8086, 0x154d, .has_group = true, .group = 7,
                    .has_node = true },
                  DEVICE_NUMA_NODE },
                { { "0000:41:00.0", 0x8086, 0x154d, .has_group = true, .group = 7,
                    .max_virtual_functions = 8 },
                  DEVICE_VENDOR_ID },
                { { "0000:41:00.0", 0x8086, 0x154d, .has_group = true, .group = 7,
                    .host_use = "eth0" },
                  0 },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(inventory_done) Inventory inventory = { 0 };

                (void) apply(&inventory, &nic, true);
                assert_int_equal(apply(&inventory, &cases[i].made, true), cases[i].properties);
                assert_true(find(&inventory, nic.address)->dirty);
                assert_true(find(&inventory, nic.address)->present);
        }
}

static void a_pf_that_its_driver_hides_stays_the_same_device(void **state) {
        static const Made hidden = { "0000:41:00.0", 0x8086, 0x154d };
        static const Made pf = { "0000:41:00.0", 0x8086, 0x154d, .type = DEVICE_TYPE_PF,
                                 .max_virtual_functions = 8 };
        _cleanup_(inventory_done) Inventory inventory = { 0 };

        (void) apply(&inventory, &hidden, true);
        assert_int_equal(apply(&inventory, &pf, true), DEVICE_VENDOR_ID);
        assert_true(find(&inventory, pf.address)->present);
        assert_int_equal(find(&inventory, pf.address)->facts->type, DEVICE_TYPE_PF);
}

static void a_group_has_its_members_in_order_bridges_included(void **state) {
        static const Made members[] = {
                { "0000:03:00.1", 1, 1, .has_group = true, .group = 4 },
                { "0000:02:00.0", 1, 1, 0x060400, .has_group = true, .group = 4 },
                { "0000:03:00.0", 1, 1, .has_group = true, .group = 4 },
                { "0000:04:00.0", 1, 1, .has_group = true, .group = 5 },
                { "0000:05:00.0", 1, 1 },
        };
        static const char *const order[] = { "0000:02:00.0", "0000:03:00.0", "0000:03:00.1" };
        _cleanup_(inventory_done) Inventory inventory = { 0 };
        Device *member = NULL;

        for (size_t i = 0; i < N_ELEMENTS(members); i++)
                (void) apply(&inventory, &members[i], false);

        for (size_t i = 0; i < N_ELEMENTS(order); i++) {
                member = inventory_next_in_group(&inventory, find(&inventory, "0000:03:00.0"),
                                                 member);
                assert_ptr_equal(member, find(&inventory, order[i]));
        }
        assert_null(inventory_next_in_group(&inventory, find(&inventory, "0000:03:00.0"), member));

        /* Without an IOMMU group there is nobody to go with. */
        assert_null(inventory_next_in_group(&inventory, find(&inventory, "0000:05:00.0"), NULL));
}

static void virtual_functions_and_slot_mates_are_found_in_order(void **state) {
        static const Made functions[] = {
                { "0000:41:00.0", 1, 1, .type = DEVICE_TYPE_PF },
                { "0000:41:00.1", 1, 1, .type = DEVICE_TYPE_PF },
                { "0000:41:10.2", 1, 2, .type = DEVICE_TYPE_VF,
                  .physical_function = "0000:41:00.0" },
                { "0000:41:10.0", 1, 2, .type = DEVICE_TYPE_VF,
                  .physical_function = "0000:41:00.0" },
                { "0000:41:10.1", 1, 2, .type = DEVICE_TYPE_VF,
                  .physical_function = "0000:41:00.1" },
        };
        _cleanup_(inventory_done) Inventory inventory = { 0 };
        Device *first, *second, *found;

        for (size_t i = 0; i < N_ELEMENTS(functions); i++)
                (void) apply(&inventory, &functions[i], false);
        first = find(&inventory, "0000:41:00.0");
        second = find(&inventory, "0000:41:00.1");

        found = inventory_next_virtual_function(&inventory, first, NULL);
        assert_ptr_equal(found, find(&inventory, "0000:41:10.0"));
        found = inventory_next_virtual_function(&inventory, first, found);
        assert_ptr_equal(found, find(&inventory, "0000:41:10.2"));
        assert_null(inventory_next_virtual_function(&inventory, first, found));

        found = inventory_next_in_slot(&inventory, second, NULL);
        assert_ptr_equal(found, first);
        found = inventory_next_in_slot(&inventory, second, found);
        assert_ptr_equal(found, second);
        assert_null(inventory_next_in_slot(&inventory, second, found));
}

static void relatives_are_told_when_somebody_comes_goes_or_moves(void **state) {
        static const Made mate = { "0000:41:00.1", 0x8086, 0x154d, .has_group = true, .group = 7 };
        static const Made moved = { "0000:41:00.1", 0x8086, 0x154d, .has_group = true, .group = 9 };
        static const Made function = { "0000:41:10.0", 0x8086, 0x10ed, .type = DEVICE_TYPE_VF,
                                       .physical_function = "0000:41:00.0" };
        _cleanup_(inventory_done) Inventory inventory = { 0 };
        Device *device;

        (void) apply(&inventory, &nic, false);
        device = find(&inventory, nic.address);

        clean(&inventory);
        (void) apply(&inventory, &mate, false);
        assert_true(device->dirty);
        assert_int_equal(device->changed, DEVICE_GROUP_ADDRESSES);

        clean(&inventory);
        (void) apply(&inventory, &moved, false);
        assert_true(device->dirty);
        assert_int_equal(device->changed, DEVICE_GROUP_ADDRESSES);

        clean(&inventory);
        (void) apply(&inventory, &function, false);
        assert_true(device->dirty);
        assert_int_equal(device->changed, DEVICE_VIRTUAL_FUNCTIONS);

        clean(&inventory);
        take_away(&inventory, function.address, false);
        assert_true(device->dirty);
        assert_int_equal(device->changed, DEVICE_VIRTUAL_FUNCTIONS);

        clean(&inventory);
        take_away(&inventory, moved.address, false);
        assert_false(device->dirty);
}

static void virtual_functions_are_matched_again_when_their_pf_changes(void **state) {
        static const Made pf = { "0000:41:00.0", 0x8086, 0x154d, .type = DEVICE_TYPE_PF };
        static const Made renamed = { "0000:41:00.0", 0x8086, 0x154d, .type = DEVICE_TYPE_PF,
                                      .interface = "eth9" };
        static const Made function = { "0000:41:10.0", 0x8086, 0x10ed, .type = DEVICE_TYPE_VF,
                                       .physical_function = "0000:41:00.0" };
        _cleanup_(inventory_done) Inventory inventory = { 0 };

        (void) apply(&inventory, &function, false);
        clean(&inventory);
        (void) apply(&inventory, &pf, false);
        assert_true(find(&inventory, function.address)->unmatched);
        clean(&inventory);
        (void) apply(&inventory, &renamed, false);
        assert_true(find(&inventory, function.address)->unmatched);
        assert_true(find(&inventory, function.address)->dirty);
        clean(&inventory);
        take_away(&inventory, pf.address, false);
        assert_true(find(&inventory, function.address)->unmatched);
}

static void what_an_attachment_remembers_is_shown_until_the_device_is_there(void **state) {
        _cleanup_(inventory_done) Inventory inventory = { 0 };
        Made ids = { nic.address, nic.vendor_id, nic.product_id };

        assert_int_equal(inventory_recall(&inventory, made_facts(&ids)), 0);
        assert_false(find(&inventory, nic.address)->present);

        /* Ids alone decide: more is not remembered. */
        (void) apply(&inventory, &nic, true);
        assert_true(find(&inventory, nic.address)->present);
        assert_false(find(&inventory, nic.address)->recalled);
        assert_int_equal(find(&inventory, nic.address)->facts->iommu_group, 7);
}

static void a_stranger_at_the_address_of_what_is_remembered_waits(void **state) {
        _cleanup_(inventory_done) Inventory inventory = { 0 };
        Made ids = { nic.address, nic.vendor_id, nic.product_id };

        (void) apply(&inventory, &gpu, false);
        assert_int_equal(inventory_recall(&inventory, made_facts(&ids)), 0);
        assert_false(find(&inventory, nic.address)->present);
        assert_int_equal(find(&inventory, nic.address)->facts->vendor_id, nic.vendor_id);
        assert_int_equal(find(&inventory, nic.address)->arrival->vendor_id, gpu.vendor_id);

        assert_int_equal(inventory_release(&inventory, made_address(nic.address)), 0);
        assert_int_equal(find(&inventory, nic.address)->facts->vendor_id, gpu.vendor_id);
        assert_int_equal(find(&inventory, nic.address)->facts->iommu_group, 7);
}

static void what_is_there_needs_not_be_remembered(void **state) {
        _cleanup_(inventory_done) Inventory inventory = { 0 };
        Made ids = { nic.address, nic.vendor_id, nic.product_id };

        (void) apply(&inventory, &nic, false);
        assert_int_equal(inventory_recall(&inventory, made_facts(&ids)), 0);
        assert_true(find(&inventory, nic.address)->present);
        assert_int_equal(find(&inventory, nic.address)->facts->iommu_group, 7);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_word_is_that_of_the_contract),
                cmocka_unit_test(devices_are_sorted_by_address_whatever_the_order_of_arrival),
                cmocka_unit_test(a_device_that_nobody_holds_goes_with_its_hardware),
                cmocka_unit_test(a_held_device_outlives_its_hardware_and_comes_back),
                cmocka_unit_test(another_device_at_a_held_address_waits_until_it_is_freed),
                cmocka_unit_test(another_device_without_a_gap_waits_too),
                cmocka_unit_test(
                        a_held_device_that_has_not_left_may_become_another_when_it_is_freed),
                cmocka_unit_test(what_waits_may_leave_again),
                cmocka_unit_test(a_device_that_is_there_is_not_released),
                cmocka_unit_test(hardware_that_nobody_holds_is_replaced_at_once),
                cmocka_unit_test(what_differs_is_told_bit_by_bit),
                cmocka_unit_test(a_pf_that_its_driver_hides_stays_the_same_device),
                cmocka_unit_test(a_group_has_its_members_in_order_bridges_included),
                cmocka_unit_test(virtual_functions_and_slot_mates_are_found_in_order),
                cmocka_unit_test(relatives_are_told_when_somebody_comes_goes_or_moves),
                cmocka_unit_test(virtual_functions_are_matched_again_when_their_pf_changes),
                cmocka_unit_test(what_an_attachment_remembers_is_shown_until_the_device_is_there),
                cmocka_unit_test(a_stranger_at_the_address_of_what_is_remembered_waits),
                cmocka_unit_test(what_is_there_needs_not_be_remembered),
        };

        return cmocka_run_group_tests_name("core/inventory", tests, NULL, NULL);
}
