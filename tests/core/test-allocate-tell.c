/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "asked-host.h"

static void add_row(Host *host, unsigned n_devices) {
        char address[] = "40:00.0";

        for (unsigned i = 1; i <= n_devices; i++) {
                address[1] = (char) ('0' + i);
                ADD(host, address, 0x8086, 1, NODE(i > 3));
        }
        host_pool(host, "nics", "");
}

static void hold(Host *host, const char *uuid, const char *name, const char *addresses) {
        made_domain(&host->registry, uuid, name, addresses, NULL);
}

static void nothing_is_missing_when_it_fits(void **state) {
        Host *host = *state;

        add_row(host, 3);
        host_alias(host, "nic", "");
        ASSERT_TELLS(host, "2 ", "nic:2");
}

static void who_has_a_device_and_where_the_others_are(void **state) {
        Host *host = *state;

        add_row(host, 6);
        host_alias(host, "nic", "")->numa_policy = NUMA_REQUIRED;
        made_attachment(&host->registry, 1, GUEST_B, "0000:41:00.0", ATTACHMENT_ATTACHED);
        hold(host, GUEST_B, "web01", "0000:41:00.0=ua-hostdev1-1-0");
        made_state(&host->registry, 1, ATTACHMENT_ATTACHED);

        ASSERT_TELLS(host, "2 2 of 4: 1 attached to web01, 3 on another NUMA node", "nic:4",
                     GUEST_A, .nodes = "0");
}

static void an_unknown_node_is_not_another(void **state) {
        Host *host = *state;

        ADD(host, "41:00.0", 0x8086, 1);
        ADD(host, "42:00.0", 0x8086, 1, NODE(1));
        host_pool(host, "nics", "");
        host_alias(host, "nic", "")->numa_policy = NUMA_REQUIRED;

        ASSERT_TELLS(host, "0 0 of 1: 1 on an unknown NUMA node, 1 on another NUMA node", "nic",
                     GUEST_A, .nodes = "0");
}

static void uses_of_the_host_are_named_and_few_of_them(void **state) {
        Host *host = *state;

        ADD(host, "41:00.0", 0x8086, 1, .host_use = "eth0");
        ADD(host, "42:00.0", 0x8086, 1, .host_use = "/home");
        ADD(host, "43:00.0", 0x8086, 1, .host_use = "eth0");
        ADD(host, "44:00.0", 0x8086, 1, .host_use = "eth2");
        ADD(host, "45:00.0", 0x8086, 1, .host_use = "eth3");
        ADD(host, "46:00.0", 0x8086, 1, .host_use = "eth4");
        ADD(host, "47:00.0", 0x8086, 1);
        host_pool(host, "nics", "");
        host_alias(host, "nic", "");
        hold(host, GUEST_C, "a \nb", "0000:47:00.0");

        ASSERT_TELLS(host,
                     "0 0 of 1: 1 held by domain a ?b, 2 used by the host as eth0, 1 used by the "
                     "host as /home, 1 used by the host as eth2, 2 used by the host otherwise",
                     "nic", GUEST_A);
}

static void of_many_items_the_one_that_falls_short_is_named(void **state) {
        Host *host = *state;

        add_row(host, 3);
        ADD(host, "44:00.0", 0x10de, 1);
        host_alias(host, "nic", "vendor_id=8086");
        host_alias(host, "gpu", "vendor_id=10de");
        host_alias(host, "disk", "vendor_id=144d");

        ASSERT_TELLS(host, "1 0 2 1 0 of 1 disk: 4 of another kind", "nic,disk,nic:2,gpu:3");
        ASSERT_TELLS(host, "1 3 0 3 of 8 nic: there are no more", "gpu,nic:8,gpu");
}

static void an_alias_without_any_more_devices_says_so(void **state) {
        Host *host = *state;

        add_row(host, 2);
        host_alias(host, "nic", "");
        ASSERT_TELLS(host, "2 2 of 3: there are no more", "nic:3");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                HOST_TEST(nothing_is_missing_when_it_fits),
                HOST_TEST(who_has_a_device_and_where_the_others_are),
                HOST_TEST(an_unknown_node_is_not_another),
                HOST_TEST(uses_of_the_host_are_named_and_few_of_them),
                HOST_TEST(of_many_items_the_one_that_falls_short_is_named),
                HOST_TEST(an_alias_without_any_more_devices_says_so),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
