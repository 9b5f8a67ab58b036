/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hot plug as libudev tells it, on umockdev's devices: the watch hears of it and the scan sees it. Run by
 * umockdev-wrapper.
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <umockdev.h>

#include "host/scan.h"
#include "host/watch.h"

#define NIC "0000:41:00.0"

enum {
        LONGEST_WAIT_MSEC = 30000, /* only a failure takes so long */
};

typedef struct Host {
        UMockdevTestbed *testbed;
        Watch *watch;
        Scan *scan;
} Host;

static int set_up(void **state) {
        static Host host;

        host.testbed = umockdev_testbed_new();
        assert_int_equal(watch_new(&host.watch), 0);
        assert_int_equal(scan_new(&host.scan), 0);
        *state = &host;
        return 0;
}

static int tear_down(void **state) {
        Host *host = *state;

        watch_free(host->watch);
        scan_free(host->scan);
        g_object_unref(host->testbed);
        return 0;
}

static char *plug(Host *host, const char *address, const char *product) {
        char *path;

        path = umockdev_testbed_add_device(host->testbed, "pci", address, NULL, "vendor", "0x8086",
                                           "device", product, "class", "0x020000", "numa_node", "0",
                                           NULL, "PCI_SLOT_NAME", address, NULL);
        assert_non_null(path);
        return path;
}

/* The next event is about @expected. */
static void assert_event(Host *host, const char *expected) {
        struct pollfd poller = { .fd = watch_fd(host->watch), .events = POLLIN };
        char text[ADDRESS_TEXT_SIZE];
        Address address;
        int r;

        /* A descriptor that is readable may turn out to have nothing for us. */
        do {
                assert_int_equal(poll(&poller, 1, LONGEST_WAIT_MSEC), 1);
                r = watch_next(host->watch, &address);
        } while (r == 0 || r == -EAGAIN);

        assert_int_equal(r, 1);
        assert_string_equal(address_format(address, text), expected);
}

static Facts *scan_nic(Host *host) {
        Facts *facts = NULL;
        Address address;

        assert_int_equal(address_parse(NIC, &address), 0);
        assert_int_equal(scan_one(host->scan, address, &facts), 0);
        return facts;
}

static void a_function_that_is_plugged_and_pulled_is_followed(void **state) {
        Host *host = *state;
        Facts *facts;
        char *path;

        assert_null(scan_nic(host));

        path = plug(host, NIC, "0x10d3");
        assert_event(host, NIC);
        facts = scan_nic(host);
        assert_non_null(facts);
        assert_int_equal(facts->product_id, 0x10d3);
        assert_int_equal(facts->numa_node, 0);
        facts_free(facts);

        umockdev_testbed_uevent(host->testbed, path, "remove");
        umockdev_testbed_remove_device(host->testbed, path);
        assert_event(host, NIC);
        assert_null(scan_nic(host));
        g_free(path);
}

static void an_attribute_that_changes_is_read_again(void **state) {
        Host *host = *state;
        Facts *facts;
        char *path;

        path = plug(host, NIC, "0x10d3");
        assert_event(host, NIC);

        umockdev_testbed_set_attribute(host->testbed, path, "numa_node", "1");
        umockdev_testbed_set_attribute_link(host->testbed, path, "driver",
                                            "../../bus/pci/drivers/vfio-pci");
        umockdev_testbed_uevent(host->testbed, path, "bind");
        assert_event(host, NIC);

        facts = scan_nic(host);
        assert_non_null(facts);
        assert_int_equal(facts->numa_node, 1);
        assert_string_equal(facts->driver, "vfio-pci");
        facts_free(facts);
        g_free(path);
}

static void another_function_at_the_same_address_is_seen_as_it_is(void **state) {
        Host *host = *state;
        Facts *facts;
        char *path;

        path = plug(host, NIC, "0x10d3");
        umockdev_testbed_uevent(host->testbed, path, "remove");
        umockdev_testbed_remove_device(host->testbed, path);
        g_free(path);
        path = plug(host, NIC, "0x154d");
        for (int i = 0; i < 3; i++)
                assert_event(host, NIC);

        facts = scan_nic(host);
        assert_non_null(facts);
        assert_int_equal(facts->product_id, 0x154d);
        facts_free(facts);
        g_free(path);
}

static void an_interface_that_appears_is_about_its_function(void **state) {
        Host *host = *state;
        char *path, *interface;

        path = plug(host, NIC, "0x10d3");
        assert_event(host, NIC);

        interface = umockdev_testbed_add_device(host->testbed, "net", "lan0", path, "ifindex", "7",
                                                NULL, "INTERFACE", "lan0", NULL);
        assert_non_null(interface);
        assert_event(host, NIC);
        g_free(interface);
        g_free(path);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(a_function_that_is_plugged_and_pulled_is_followed),
                TEST(an_attribute_that_changes_is_read_again),
                TEST(another_function_at_the_same_address_is_seen_as_it_is),
                TEST(an_interface_that_appears_is_about_its_function),
        };

        if (!getenv("LD_PRELOAD") || !strstr(getenv("LD_PRELOAD"), "umockdev")) {
                puts("1..0 # SKIP not run by umockdev-wrapper");
                return 0;
        }

        return cmocka_run_group_tests(tests, NULL, NULL);
}
