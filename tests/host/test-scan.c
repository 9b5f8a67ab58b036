/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The scan on made trees, sane and odd. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <stdatomic.h>

#include "host/scan.h"
#include "host/sysfs.h"
#include "tree.h"
#include "util/text.h"

#define NIC   "0000:41:00.0"
#define OTHER "0000:41:00.1"

static Address at(const char *text) {
        Address address;

        assert_int_equal(address_parse(text, &address), 0);
        return address;
}

static Facts *scan_at(Scan *scan, const char *text) {
        Facts *facts = (Facts *) scan;

        assert_int_equal(scan_one(scan, at(text), &facts), 0);
        return facts;
}

static int set_up(void **state) {
        tree_clear();
        return scan_new((Scan **) state);
}

static int tear_down(void **state) {
        scan_free(*state);
        return 0;
}

static void add_nic(void) {
        tree_add_function(NIC, "0x8086", "0x154d", "0x020000");
}

static void a_function_is_read_with_all_that_sysfs_says(void **state) {
        _cleanup_(facts_freep) Facts *facts = NULL;

        add_nic();
        tree_set(NIC, "subsystem_vendor", "0x8086");
        tree_set(NIC, "subsystem_device", "0x7b11");
        tree_set(NIC, "numa_node", "1");
        tree_set(NIC, "reset_method", "flr bus");
        tree_set(NIC, "power_state", "D3hot");
        tree_set(NIC, "sriov_totalvfs", "63");
        tree_link("devices/pci0000:00/" NIC "/driver", "../../../bus/pci/drivers/ixgbe");
        tree_link("devices/pci0000:00/" NIC "/iommu_group", "../../../kernel/iommu_groups/17");
        tree_make_directory("devices/pci0000:00/" NIC "/net/lan1");
        tree_make_directory("devices/pci0000:00/" NIC "/net/lan0");

        facts = scan_at(*state, NIC);
        assert_non_null(facts);
        assert_true(address_equal(facts->address, at(NIC)));
        assert_int_equal(facts->vendor_id, 0x8086);
        assert_int_equal(facts->product_id, 0x154d);
        assert_true(facts->has_subsystem);
        assert_int_equal(facts->subsystem_vendor_id, 0x8086);
        assert_int_equal(facts->subsystem_product_id, 0x7b11);
        assert_int_equal(facts->class_code, 0x020000);
        assert_string_equal(facts->vendor_name, "Intel Corporation");
        assert_string_equal(facts->class_name, "Ethernet controller");
        assert_non_null(strstr(facts->product_name, "10"));
        assert_string_equal(facts->driver, "ixgbe");
        assert_int_equal(facts->numa_node, 1);
        assert_int_equal(facts->iommu_group, 17);
        assert_int_equal(facts->type, DEVICE_TYPE_PF);
        assert_int_equal(facts->max_virtual_functions, 63);
        assert_int_equal(list_length(facts->reset_methods), 2);
        assert_string_equal(facts->reset_methods[0], "flr");
        assert_string_equal(facts->reset_methods[1], "bus");
        assert_string_equal(facts->power_state, "D3hot");
        assert_false(facts->enabled);
        assert_int_equal(list_length(facts->interfaces), 2);
        assert_string_equal(facts->interfaces[0], "lan0");
        assert_string_equal(facts->interfaces[1], "lan1");
}

static void a_virtual_function_names_its_physical_one(void **state) {
        _cleanup_(facts_freep) Facts *facts = NULL;

        tree_add_function("0000:41:10.0", "0x8086", "0x10ed", "0x020000");
        tree_link("devices/pci0000:00/0000:41:10.0/physfn", "../" NIC);

        facts = scan_at(*state, "0000:41:10.0");
        assert_int_equal(facts->type, DEVICE_TYPE_VF);
        assert_true(address_equal(facts->physical_function, at(NIC)));
        assert_int_equal(facts->max_virtual_functions, 0);
        assert_false(facts->vdpa);
}

static void the_ids_are_those_of_the_attribute_that_has_them_all(void **state) {
        _cleanup_(facts_freep) Facts *facts = NULL;

        add_nic();
        tree_set(NIC, "modalias", "pci:v00001AF4d00001041sv00001AF4sd00001100bc02sc80i01");
        facts = scan_at(*state, NIC);
        assert_int_equal(facts->vendor_id, 0x1af4);
        assert_int_equal(facts->product_id, 0x1041);
        assert_true(facts->has_subsystem);
        assert_int_equal(facts->subsystem_vendor_id, 0x1af4);
        assert_int_equal(facts->subsystem_product_id, 0x1100);
        assert_int_equal(facts->class_code, 0x028001);
}

static void an_attribute_of_ids_that_makes_no_sense_is_passed_over(void **state) {
        static const char *const odd[] = {
                "",
                "pci:",
                "usb:v00001AF4d00001041sv00001AF4sd00001100bc02sc80i01",
                "pci:v00001af4d00001041sv00001AF4sd00001100bc02sc80i01",
                "pci:v00011AF4d00001041sv00001AF4sd00001100bc02sc80i01",
                "pci:v      +1d00001041sv00001AF4sd00001100bc02sc80i01",
                "pci:v00001AF4d00001041sv00001AF4sd00001100bc02sc80i1",
                "pci:v00001AF4d00001041sv00001AF4sd00001100bc02sc80i01x",
                "pci:v*d*sv*sd*bc*sc*i*",
        };

        add_nic();
        for (size_t i = 0; i < N_ELEMENTS(odd); i++) {
                _cleanup_(facts_freep) Facts *facts = NULL;

                tree_set(NIC, "modalias", odd[i]);
                facts = scan_at(*state, NIC);
                assert_int_equal(facts->vendor_id, 0x8086);
                assert_int_equal(facts->product_id, 0x154d);
                assert_int_equal(facts->class_code, 0x020000);
                assert_false(facts->has_subsystem);
        }
}

static void at_vfio_pci_it_shows_whether_somebody_has_it_open(void **state) {
        static const char *const values[] = { "0", "1", "2" };

        add_nic();
        tree_link("devices/pci0000:00/" NIC "/driver", "../../../bus/pci/drivers/vfio-pci");
        for (size_t i = 0; i < N_ELEMENTS(values); i++) {
                _cleanup_(facts_freep) Facts *facts = NULL;

                tree_set(NIC, "enable", values[i]);
                facts = scan_at(*state, NIC);
                assert_int_equal(facts->enabled, i > 0);
        }
}

static void names_are_known_after_a_rest_too(void **state) {
        Scan *scan = *state;

        add_nic();
        for (unsigned i = 0; i < 3; i++) {
                _cleanup_(facts_freep) Facts *facts = NULL;

                /* The last is of another product: the list is read once more. */
                if (i == 2)
                        tree_set(NIC, "device", "0x10fb");
                facts = scan_at(scan, NIC);
                assert_string_equal(facts->vendor_name, "Intel Corporation");
                assert_non_null(strstr(facts->product_name, i == 2 ? "82599ES" : "X520"));
                assert_string_equal(facts->class_name, "Ethernet controller");
                assert_int_equal(scan_rest(scan), i != 1);
                assert_false(scan_rest(scan));
        }
}

static void a_virtual_function_may_stand_for_a_device_of_the_vdpa_bus(void **state) {
        _cleanup_(facts_freep) Facts *facts = NULL;

        tree_add_function("0000:41:10.0", "0x8086", "0x10ed", "0x020000");
        tree_link("devices/pci0000:00/0000:41:10.0/physfn", "../" NIC);
        tree_make_directory("devices/pci0000:00/0000:41:10.0/vdpa12");
        tree_make_directory("bus/vdpa/devices");

        facts = scan_at(*state, "0000:41:10.0");
        assert_int_equal(facts->type, DEVICE_TYPE_VF);
        assert_true(facts->vdpa);
}

static void mediated_devices_are_told_by_their_uuids(void **state) {
        static const char *const below[] = {
                "mdev_supported_types/i915-GVTg_V5_4",
                "b2c3d4e5-1111-2222-3333-444444444444",
                "A1C3D4E5-1111-2222-3333-444444444444",
                "power",
                "a1c3d4e5-1111-2222-3333",
        };
        _cleanup_(facts_freep) Facts *facts = NULL;
        char path[128];

        add_nic();
        facts = scan_at(*state, NIC);
        assert_null(facts->mediated);
        facts = facts_free(facts);

        for (size_t i = 0; i < N_ELEMENTS(below); i++) {
                (void) snprintf(path, sizeof(path), "devices/pci0000:00/" NIC "/%s", below[i]);
                tree_make_directory(path);
        }
        facts = scan_at(*state, NIC);
        assert_int_equal(list_length(facts->mediated), 2);
        assert_string_equal(facts->mediated[0], "a1c3d4e5-1111-2222-3333-444444444444");
        assert_string_equal(facts->mediated[1], "b2c3d4e5-1111-2222-3333-444444444444");
}

static void nothing_is_said_of_who_came_when_where_numbers_may_come_again(void **state) {
        _cleanup_(facts_freep) Facts *facts = NULL;

        add_nic();
        facts = scan_at(*state, NIC);
        assert_int_equal(facts->incarnation, 0); /* the tree is no sysfs */
}

static void what_is_missing_is_unknown(void **state) {
        _cleanup_(facts_freep) Facts *facts = NULL;

        tree_make_directory("devices/pci0000:00/" NIC);
        tree_link("bus/pci/devices/" NIC, "../../../devices/pci0000:00/" NIC);

        facts = scan_at(*state, NIC);
        assert_non_null(facts);
        assert_int_equal(facts->vendor_id, 0);
        assert_false(facts->has_subsystem);
        assert_string_equal(facts->vendor_name, "");
        assert_string_equal(facts->driver, "");
        assert_string_equal(facts->power_state, "");
        assert_int_equal(facts->numa_node, -1);
        assert_int_equal(facts->iommu_group, -1);
        assert_int_equal(facts->type, DEVICE_TYPE_PCI);
        assert_int_equal(list_length(facts->reset_methods), 0);
        assert_int_equal(list_length(facts->interfaces), 0);
}

static void unknown_ids_have_no_names(void **state) {
        _cleanup_(facts_freep) Facts *facts = NULL;

        tree_add_function(NIC, "0x7777", "0x0001", "0xfe0000");

        facts = scan_at(*state, NIC);
        assert_int_equal(facts->vendor_id, 0x7777);
        assert_string_equal(facts->vendor_name, "");
        assert_string_equal(facts->product_name, "");
        assert_string_equal(facts->class_name, "");
}

static void numbers_that_are_none_are_unknown(void **state) {
        static const char *const odd[] = {
                "",
                "-",
                "0x",
                " 1",
                "1 ",
                "1\n1",
                "+1",
                "0x1g",
                "8086 and more",
                "99999999999999999999999",
                "-7",
                "1.5",
                "\xff",
        };

        add_nic();
        tree_set(NIC, "subsystem_vendor", "0x8086");
        for (size_t i = 0; i < N_ELEMENTS(odd); i++) {
                static const char *const attributes[] = { "vendor",    "device",
                                                          "class",     "subsystem_device",
                                                          "numa_node", "sriov_totalvfs" };
                _cleanup_(facts_freep) Facts *facts = NULL;

                for (size_t j = 0; j < N_ELEMENTS(attributes); j++)
                        tree_set(NIC, attributes[j], odd[i]);
                tree_link("devices/pci0000:00/" NIC "/iommu_group", *odd[i] ? odd[i] : "group");

                facts = scan_at(*state, NIC);
                assert_non_null(facts);
                assert_int_equal(facts->vendor_id, 0);
                assert_int_equal(facts->product_id, 0);
                assert_int_equal(facts->class_code, 0);
                assert_false(facts->has_subsystem);
                assert_int_equal(facts->numa_node, -1);
                assert_int_equal(facts->iommu_group, -1);
                assert_int_equal(facts->max_virtual_functions, 0);
                assert_int_equal(facts->type, DEVICE_TYPE_PCI);
        }
}

static void text_that_is_none_is_shown_in_hex(void **state) {
        static const struct {
                const char *name, *shown;
        } drivers[] = {
                { "vfio-pci", "vfio-pci" },
                { "\xff\xfe", "fffe" },
                { "a\nb", "610a62" },
                { "a\x1b[2J", "611b5b324a" },
                { "\xe2\x80\xae"
                  "gpj",
                  "e280ae67706a" },
                { "treiber-\xc3\xa4", "treiber-\xc3\xa4" },
        };

        add_nic();
        for (size_t i = 0; i < N_ELEMENTS(drivers); i++) {
                _cleanup_(facts_freep) Facts *facts = NULL;

                tree_link("devices/pci0000:00/" NIC "/driver", drivers[i].name);
                facts = scan_at(*state, NIC);
                assert_string_equal(facts->driver, drivers[i].shown);
        }
}

static void long_garbage_is_cut_and_never_shown_raw(void **state) {
        _cleanup_(facts_freep) Facts *facts = NULL;
        _cleanup_(freep) char *garbage = NULL;

        garbage = malloc(65536);
        assert_non_null(garbage);
        for (size_t i = 0; i < 65536; i++)
                garbage[i] = (char) (0x81 + i * 7);

        add_nic();
        for (const char *const *name =
                     (const char *const[]){ "power_state", "reset_method", "subsystem_vendor",
                                            "numa_node", NULL };
             *name; name++) {
                _cleanup_(freep) char *path = text_print("devices/pci0000:00/" NIC "/%s", *name);

                tree_write(path, garbage, 65536);
        }

        facts = scan_at(*state, NIC);
        assert_non_null(facts);
        assert_int_equal(facts->vendor_id, 0x8086);
        assert_int_equal(facts->numa_node, -1);
        assert_false(facts->has_subsystem);
        assert_int_equal(strlen(facts->power_state), SYSFS_TEXT_LONGEST);
        assert_true(strspn(facts->power_state, "0123456789abcdef") == SYSFS_TEXT_LONGEST);
        assert_true(list_length(facts->reset_methods) > 0);
        for (char **method = facts->reset_methods; *method; method++)
                assert_true(text_is_line(*method) && strlen(*method) <= SYSFS_TEXT_LONGEST);
}

static void dangling_and_looping_links_do_no_harm(void **state) {
        _cleanup_(facts_freep) Facts *facts = NULL;

        add_nic();
        tree_link("devices/pci0000:00/" NIC "/driver", "../../nowhere/e1000e");
        tree_link("devices/pci0000:00/" NIC "/iommu_group", "/");
        tree_link("devices/pci0000:00/" NIC "/physfn", "physfn");
        tree_link("devices/pci0000:00/" NIC "/net", "net");
        tree_link("devices/pci0000:00/" NIC "/power_state", "power_state");

        facts = scan_at(*state, NIC);
        assert_non_null(facts);
        assert_string_equal(facts->driver, "e1000e");
        assert_int_equal(facts->iommu_group, -1);
        assert_int_equal(facts->type, DEVICE_TYPE_PCI);
        assert_string_equal(facts->power_state, "");
}

static void an_attribute_that_is_a_directory_or_a_pipe_is_unknown(void **state) {
        _cleanup_(facts_freep) Facts *facts = NULL;

        add_nic();
        tree_make_directory("devices/pci0000:00/" NIC "/power_state");
        tree_make_directory("devices/pci0000:00/" NIC "/driver");
        tree_make_pipe("devices/pci0000:00/" NIC "/reset_method");

        facts = scan_at(*state, NIC);
        assert_non_null(facts);
        assert_string_equal(facts->power_state, "");
        assert_string_equal(facts->driver, "");
        assert_int_equal(list_length(facts->reset_methods), 0);
}

static void nothing_at_an_address_is_no_device(void **state) {
        tree_make_directory("bus/pci/devices");
        assert_null(scan_at(*state, NIC));

        /* The link outlives what it led to. */
        add_nic();
        tree_remove("devices/pci0000:00/" NIC);
        assert_null(scan_at(*state, NIC));
}

static void addresses_are_sorted_and_only_those_of_functions(void **state) {
        static const char *const names[] = { "10000:e1:00.0", "0000:41:00.1", "0000:00:1f.7",
                                             "0000:41:00.0", "ffffffff:ff:1f.7" };
        static const char *const others[] = { "0000:41:00",     "00000:41:00.0", "0000:41:20.0",
                                              "0000:41:00.8",   "0000:AA:00.0",  "41:00.0",
                                              "0000:41:00.0 x", "\xff",          "uevent" };
        static const char *const sorted[] = { "0000:00:1f.7", "0000:41:00.0", "0000:41:00.1",
                                              "10000:e1:00.0", "ffffffff:ff:1f.7" };
        _cleanup_(freep) Address *addresses = NULL;
        size_t n;

        for (size_t i = 0; i < N_ELEMENTS(names); i++)
                tree_add_function(names[i], "0x8086", "0x154d", "0x020000");
        for (size_t i = 0; i < N_ELEMENTS(others); i++)
                tree_add_function(others[i], "0x8086", "0x154d", "0x020000");

        assert_int_equal(scan_addresses(*state, &addresses, &n), 0);
        assert_int_equal(n, N_ELEMENTS(sorted));
        for (size_t i = 0; i < n; i++) {
                char text[ADDRESS_TEXT_SIZE];
                _cleanup_(facts_freep) Facts *facts = NULL;

                assert_string_equal(address_format(addresses[i], text), sorted[i]);
                facts = scan_at(*state, sorted[i]);
                assert_non_null(facts);
        }
}

static void a_host_without_pci_has_no_addresses(void **state) {
        _cleanup_(freep) Address *addresses = NULL;
        size_t n = 7;

        assert_int_equal(scan_addresses(*state, &addresses, &n), 0);
        assert_int_equal(n, 0);
}

static atomic_bool swapping;

static void *swap_devices(void *unused) {
        while (atomic_load(&swapping))
                tree_exchange("devices/pci0000:00/" NIC, "devices/pci0000:00/" OTHER);
        return NULL;
}

static void a_device_that_is_swapped_meanwhile_is_read_whole(void **state) {
        size_t n_seen[2] = {};
        pthread_t thread;

        tree_add_function(NIC, "0x8086", "0x154d", "0x020000");
        tree_set(NIC, "power_state", "D0");
        tree_add_function(OTHER, "0x10de", "0x2204", "0x030000");
        tree_set(OTHER, "power_state", "D3cold");

        atomic_store(&swapping, true);
        assert_int_equal(pthread_create(&thread, NULL, swap_devices, NULL), 0);

        for (size_t i = 0; i < 20000 && (i < 200 || n_seen[0] == 0 || n_seen[1] == 0); i++) {
                _cleanup_(facts_freep) Facts *facts = scan_at(*state, NIC);
                bool nic;

                if (!facts)
                        continue; /* swapped at each of the attempts */

                nic = facts->vendor_id == 0x8086;
                n_seen[nic]++;
                assert_int_equal(facts->vendor_id, nic ? 0x8086 : 0x10de);
                assert_int_equal(facts->product_id, nic ? 0x154d : 0x2204);
                assert_int_equal(facts->class_code, nic ? 0x020000 : 0x030000);
                assert_string_equal(facts->power_state, nic ? "D0" : "D3cold");
        }

        atomic_store(&swapping, false);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_true(n_seen[0] > 0 && n_seen[1] > 0);
}

static void each_node_has_the_socket_of_its_processors(void **state) {
        _cleanup_(freep) int *sockets = NULL;
        Topology topology;

        tree_print("devices/system/node/node0/cpulist", "0-1,8\n");
        tree_print("devices/system/node/node1/cpulist", "2-3\n");
        tree_print("devices/system/node/node2/cpulist", "\n");
        tree_print("devices/system/node/node5/cpulist", "4,x\n");
        tree_print("devices/system/node/nodeX/cpulist", "0\n");
        tree_print("devices/system/node/node99999999/cpulist", "0\n");
        /* Processor 0 is offline: it has no topology. */
        tree_print("devices/system/cpu/cpu1/topology/physical_package_id", "0\n");
        tree_print("devices/system/cpu/cpu2/topology/physical_package_id", "1\n");
        tree_print("devices/system/cpu/cpu4/topology/physical_package_id", "-1\n");

        assert_int_equal(scan_topology(&topology), 0);
        sockets = topology.sockets;
        assert_int_equal(topology.n_nodes, 6);
        assert_int_equal(sockets[0], 0);
        assert_int_equal(sockets[1], 1);
        for (size_t i = 2; i < topology.n_nodes; i++)
                assert_int_equal(sockets[i], -1);
}

static void a_host_without_nodes_has_an_empty_topology(void **state) {
        Topology topology;

        assert_int_equal(scan_topology(&topology), 0);
        assert_int_equal(topology.n_nodes, 0);
        assert_null(topology.sockets);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(a_function_is_read_with_all_that_sysfs_says),
                TEST(a_virtual_function_names_its_physical_one),
                TEST(mediated_devices_are_told_by_their_uuids),
                TEST(the_ids_are_those_of_the_attribute_that_has_them_all),
                TEST(an_attribute_of_ids_that_makes_no_sense_is_passed_over),
                TEST(at_vfio_pci_it_shows_whether_somebody_has_it_open),
                TEST(names_are_known_after_a_rest_too),
                TEST(a_virtual_function_may_stand_for_a_device_of_the_vdpa_bus),
                TEST(nothing_is_said_of_who_came_when_where_numbers_may_come_again),
                TEST(what_is_missing_is_unknown),
                TEST(unknown_ids_have_no_names),
                TEST(numbers_that_are_none_are_unknown),
                TEST(text_that_is_none_is_shown_in_hex),
                TEST(long_garbage_is_cut_and_never_shown_raw),
                TEST(dangling_and_looping_links_do_no_harm),
                TEST(an_attribute_that_is_a_directory_or_a_pipe_is_unknown),
                TEST(nothing_at_an_address_is_no_device),
                TEST(addresses_are_sorted_and_only_those_of_functions),
                TEST(a_host_without_pci_has_no_addresses),
                TEST(a_device_that_is_swapped_meanwhile_is_read_whole),
                TEST(each_node_has_the_socket_of_its_processors),
                TEST(a_host_without_nodes_has_an_empty_topology),
        };
        int r;

        if (tree_enter() < 0) {
                puts("1..0 # SKIP no namespaces here");
                return 0;
        }

        r = cmocka_run_group_tests(tests, NULL, NULL);
        tree_leave();
        return r;
}
