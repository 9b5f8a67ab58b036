/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every allocation of the layer fails once, one after the other: each call then says -ENOMEM, leaks nothing
 * (the build with sanitizers tells), and the same call works when there is memory again.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "failing-memory.h"
#include "host/readiness-kept.h"
#include "host/scan.h"
#include "host/usage.h"
#include "host/watch.h"
#include "tree.h"

#define NIC "0000:41:00.0"

/* A host on which everything has something to allocate. */
static int set_up(void **state) {
        tree_clear();
        tree_add_function(NIC, "0x8086", "0x154d", "0x020000");
        tree_set(NIC, "reset_method", "flr bus");
        tree_set(NIC, "power_state", "D0");
        tree_link("devices/pci0000:00/" NIC "/driver", "../../../bus/pci/drivers/ixgbe");
        tree_make_directory("devices/pci0000:00/" NIC "/net/lan0");
        tree_make_directory("devices/pci0000:00/" NIC "/block/sda");
        tree_make_directory("devices/virtual/block/dm-0/slaves");
        tree_link("devices/virtual/block/dm-0/slaves/sda",
                  "../../../../pci0000:00/" NIC "/block/sda");
        tree_link("dev/block/253:0", "../../devices/virtual/block/dm-0");
        tree_link("class/block/sda", "../../devices/pci0000:00/" NIC "/block/sda");
        tree_link("fs/btrfs/1-2/devices/sda", "../../../../devices/pci0000:00/" NIC "/block/sda");
        tree_link("class/input/event0", "../../devices/pci0000:00/0000:00:14.0/usb1/input/event0");
        tree_print("made/mountinfo", "30 1 0:40 / /home rw - btrfs /dev/sda rw\n"
                                     "31 1 253:0 / /h rw - ext4 /dev/dm-0 rw\n");
        tree_print("made/swaps", "/dev/sda partition 1\n");
        for (int node = 0; node < 2; node++) {
                char path[64];

                (void) snprintf(path, sizeof(path), "devices/system/node/node%d/cpulist", node);
                tree_print(path, "0\n");
        }
        *state = NULL;
        return 0;
}

/* Runs @action with its first allocation failing, then its second, and so on until none is left. */
static void fail_everywhere(int (*action)(void *userdata), void *userdata) {
        assert_int_equal(action(userdata), 0);
        for (int n = 0;; n++) {
                int r;

                memory_fail_after(n);
                r = action(userdata);
                if (!memory_has_failed()) {
                        assert_int_equal(r, 0);
                        assert_true(n > 0); /* else nothing was tried */
                        break;
                }
                assert_int_equal(r, -ENOMEM);
        }
        assert_int_equal(action(userdata), 0);
}

static int make_scan(void *userdata) {
        _cleanup_(scan_freep) Scan *scan = NULL;

        return scan_new(&scan);
}

static int make_watch(void *userdata) {
        _cleanup_(watch_freep) Watch *watch = NULL;

        return watch_new(&watch);
}

static int make_usage(void *userdata) {
        static const UsagePaths paths = { .mounts = "/sys/made/mountinfo",
                                          .swaps = "/sys/made/swaps" };
        _cleanup_(usage_freep) Usage *usage = NULL;
        _cleanup_(freep) Address *changes = NULL;
        size_t n;
        int r;

        r = usage_new(&usage, &paths);
        return r < 0 ? r : usage_take_changes(usage, &changes, &n);
}

static int read_addresses(void *scan) {
        _cleanup_(freep) Address *addresses = NULL;
        size_t n;

        return scan_addresses(scan, &addresses, &n);
}

static int read_function(void *scan) {
        _cleanup_(facts_freep) Facts *facts = NULL;

        return scan_one(scan, (Address){ .bus = 0x41 }, &facts);
}

static int read_topology(void *userdata) {
        _cleanup_(freep) int *sockets = NULL;
        Topology topology = {};
        int r;

        r = scan_topology(&topology);
        sockets = topology.sockets;
        return r;
}

static int take_row(void *userdata, const char *id, const char *result, const char *evidence,
                    const char *fix) {
        return 0;
}

static int check_readiness(void *userdata) {
        static const ReadinessSubject subject = {
                .libvirt_uri = "qemu:///system",
                .state_directory = "/sys",
                .actions_text = "",
        };

        return readiness_check(&subject, take_row, NULL);
}

/* Without memory nothing is kept, and what was is forgotten. */
static int keep_readiness(void *userdata) {
        static const ReadinessSubject subject = {
                .libvirt_uri = "qemu:///system",
                .state_directory = "/sys",
                .actions_text = "",
        };
        ReadinessKept *kept = userdata;
        int r;

        r = readiness_keep(kept, &subject, 1);
        assert_int_equal(r < 0, !kept->rows);
        return r < 0 ? r : readiness_tell(kept, take_row, NULL);
}

static void a_scan_is_read_or_says_that_there_is_no_memory(void **state) {
        _cleanup_(scan_freep) Scan *scan = NULL;

        fail_everywhere(make_scan, NULL);
        assert_int_equal(scan_new(&scan), 0);
        fail_everywhere(read_addresses, scan);
        fail_everywhere(read_function, scan);
        fail_everywhere(read_topology, NULL);
}

static void a_watch_is_made_or_says_that_there_is_no_memory(void **state) {
        fail_everywhere(make_watch, NULL);
}

static void a_usage_is_read_or_says_that_there_is_no_memory(void **state) {
        fail_everywhere(make_usage, NULL);
}

static void a_check_is_made_or_says_that_there_is_no_memory(void **state) {
        _cleanup_(readiness_kept_done) ReadinessKept kept = { 0 };

        fail_everywhere(check_readiness, NULL);
        fail_everywhere(keep_readiness, &kept);
}

#define TEST(function) cmocka_unit_test_setup(function, set_up)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(a_scan_is_read_or_says_that_there_is_no_memory),
                TEST(a_watch_is_made_or_says_that_there_is_no_memory),
                TEST(a_usage_is_read_or_says_that_there_is_no_memory),
                TEST(a_check_is_made_or_says_that_there_is_no_memory),
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
