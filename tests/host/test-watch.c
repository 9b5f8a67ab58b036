/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The watch on udev's messages, sent in a network namespace of our own. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "host/watch.h"
#include "tree.h"

#define BRIDGE "/devices/pci0000:40/0000:40:01.0"
#define NIC    BRIDGE "/0000:41:00.0"

static int set_up(void **state) {
        return watch_new((Watch **) state);
}

static int tear_down(void **state) {
        watch_free(*state);
        return 0;
}

static bool is_readable(Watch *watch) {
        struct pollfd poller = { .fd = watch_fd(watch), .events = POLLIN };

        return poll(&poller, 1, 0) > 0;
}

/* Passes over what is about no function. */
static int next(Watch *watch, Address *ret) {
        int r;

        do
                r = watch_next(watch, ret);
        while (r == -EAGAIN);
        return r;
}

/* The next event is about @expected. Sending is done when sendto() returns, so there is nothing to wait for. */
static void assert_event(Watch *watch, const char *expected) {
        char text[ADDRESS_TEXT_SIZE];
        Address address;

        assert_int_equal(next(watch, &address), 1);
        assert_string_equal(address_format(address, text), expected);
}

static void assert_quiet(Watch *watch) {
        Address untouched = { .bus = 0xff };

        assert_int_equal(next(watch, &untouched), 0);
        assert_int_equal(untouched.bus, 0xff);
        assert_false(is_readable(watch));
}

static void every_action_on_a_function_is_told_in_order(void **state) {
        static const char *const actions[] = {
                "add", "change", "bind", "unbind", "move", "remove"
        };

        assert_quiet(*state);
        for (size_t i = 0; i < N_ELEMENTS(actions); i++)
                assert_int_equal(tree_send(actions[i], "pci", NIC), 0);
        assert_int_equal(tree_send("add", "pci", BRIDGE), 0);
        assert_true(is_readable(*state));

        for (size_t i = 0; i < N_ELEMENTS(actions); i++)
                assert_event(*state, "0000:41:00.0");
        assert_event(*state, "0000:40:01.0");
        assert_quiet(*state);
}

static void what_a_function_carries_is_about_the_function(void **state) {
        assert_int_equal(tree_send("add", "net", NIC "/net/lan0"), 0);
        assert_int_equal(tree_send("add", "net", NIC "/virtio2/net/lan0"), 0);
        assert_int_equal(tree_send("add", "vdpa", NIC "/vdpa0"), 0);
        assert_int_equal(tree_send("remove", "mdev", NIC "/a1c3d4e5-1111-2222-3333-444444444444"),
                         0);
        assert_int_equal(tree_send("add", "block",
                                   "/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0"
                                   "/block/sda/sda1"),
                         0);
        assert_int_equal(tree_send("add", "pci", "/devices/pci10000:e0/10000:e0:06.0"), 0);

        assert_event(*state, "0000:41:00.0");
        assert_event(*state, "0000:41:00.0");
        assert_event(*state, "0000:41:00.0");
        assert_event(*state, "0000:41:00.0");
        assert_event(*state, "0000:00:1f.2");
        assert_event(*state, "10000:e0:06.0");
        assert_quiet(*state);
}

static void what_hangs_on_no_function_is_not_told(void **state) {
        assert_int_equal(tree_send("add", "net", "/devices/virtual/net/br0"), 0);
        assert_int_equal(tree_send("add", "block", "/devices/virtual/block/dm-0"), 0);
        assert_int_equal(tree_send("add", "usb", NIC "/usb1"), 0);
        assert_int_equal(tree_send("add", "pci", "/devices/pci0000:40/41:00.0"), 0);
        assert_int_equal(tree_send("add", "pci", "/devices/pci0000:40/0000:41:00.9"), 0);
        assert_quiet(*state);

        assert_int_equal(tree_send("add", "pci", NIC), 0);
        assert_event(*state, "0000:41:00.0");
        assert_quiet(*state);
}

static void a_message_that_makes_no_sense_is_passed_over(void **state) {
        assert_int_equal(tree_send("add", "pci", ""), 0);
        assert_int_equal(tree_send("", "pci", NIC), 0);
        assert_int_equal(tree_send("fly", "pci", NIC), 0);
        assert_int_equal(tree_send("add", "pci", "/etc/../../passwd"), 0);
        assert_int_equal(tree_send("add", "pci", NIC "/."), 0);
        assert_int_equal(tree_send("remove", "pci", NIC), 0);

        /* Whatever is made of the odd ones: it ends, and what comes after them is told. */
        for (Address address = {};;) {
                int r = next(*state, &address);

                assert_true(r >= 0);
                if (r == 0 && !is_readable(*state))
                        break;
        }

        assert_int_equal(tree_send("add", "pci", BRIDGE), 0);
        assert_event(*state, "0000:40:01.0");
        assert_quiet(*state);
}

/* How many messages the kernel had no room for, as it counts them itself. */
static unsigned long count_drops(Watch *watch) {
        unsigned long drops = 0, inode, row_drops;
        struct stat status;
        char line[256];
        FILE *file;

        assert_int_equal(fstat(watch_fd(watch), &status), 0);
        file = fopen("/proc/thread-self/net/netlink", "re");
        assert_non_null(file);

        while (fgets(line, sizeof(line), file))
                if (sscanf(line, "%*s %*s %*s %*s %*s %*s %*s %*s %lu %lu", &row_drops, &inode) ==
                            2 &&
                    inode == status.st_ino)
                        drops = row_drops;

        (void) fclose(file);
        return drops;
}

static void lost_events_are_told_once_and_then_it_goes_on(void **state) {
        size_t n_told = 0, n_sent = 0, n_lost = 0;
        int r, small = 64 * 1024;
        Address address;

        /* The watch has as much as it may, up to 128 MiB: with less the storm is short. */
        assert_int_equal(setsockopt(watch_fd(*state), SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)),
                         0);
        while (count_drops(*state) == 0) {
                assert_int_equal(tree_send("change", "pci", NIC), 0);
                n_sent++;
        }

        while (is_readable(*state)) {
                r = watch_next(*state, &address);
                if (r == -ENOBUFS)
                        n_lost++;
                else
                        assert_true(r >= 0);
                n_told += r == 1;
        }

        assert_int_equal(n_lost, 1);
        assert_true(n_told > 0 && n_told < n_sent);

        assert_int_equal(tree_send("add", "pci", BRIDGE), 0);
        assert_event(*state, "0000:40:01.0");
        assert_quiet(*state);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(every_action_on_a_function_is_told_in_order),
                TEST(what_a_function_carries_is_about_the_function),
                TEST(what_hangs_on_no_function_is_not_told),
                TEST(a_message_that_makes_no_sense_is_passed_over),
                TEST(lost_events_are_told_once_and_then_it_goes_on),
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
