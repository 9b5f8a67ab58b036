/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "asked-host.h"
#include "util/text.h"

static void the_lowest_address_is_taken_first(void **state) {
        Host *host = *state;

        ADD(host, "42:00.0", 0x10de, 0x1db4);
        ADD(host, "41:00.0", 0x10de, 0x1db4);
        ADD(host, "43:00.0", 0x10de, 0x1db4);
        host_pool(host, "gpus", "vendor_id=10de");
        host_alias(host, "gpu", "vendor_id=10de");

        ASSERT_PLAN(host, "0=41:00.0", "gpu");
        ASSERT_PLAN(host, "0=41:00.0 0=42:00.0 1=43:00.0", "gpu:2,gpu");
        ASSERT_LACKS(host, "3 of 4 asked: there are no more (alias gpu)", "gpu:4");
}

static void near_comes_before_few_tags(void **state) {
        Host *host = *state;

        ADD(host, "41:00.0", 0x8086, 1, NODE(1));
        ADD(host, "42:00.0", 0x8086, 1);
        ADD(host, "43:00.0", 0x8086, 2, NODE(0));
        host_pool(host, "plain", "product_id=0001");
        host_pool(host, "tagged", "product_id=0002 tag.a=1 tag.b=2");
        host_alias(host, "nic", "")->numa_policy = NUMA_PREFERRED;

        ASSERT_PLAN(host, "0=43:00.0", "nic", .nodes = "0");
        ASSERT_PLAN(host, "0=42:00.0 0=43:00.0", "nic:2", .nodes = "0");
        ASSERT_PLAN(host, "0=41:00.0 0=42:00.0", "nic:2");
}

static void few_tags_beyond_those_asked_come_before_whole_cards(void **state) {
        Host *host = *state;

        ADD(host, "41:00.0", 0x8086, 2);
        ADD(host, "42:00.0", 0x8086, 1);
        ADD(host, "42:00.1", 0x8086, 1);
        host_pool(host, "plain", "product_id=0001");
        host_pool(host, "tagged", "product_id=0002 tag.net=a");
        host_alias(host, "nic", "");
        host_alias(host, "net", "tag.net=A");

        ASSERT_PLAN(host, "0=42:00.0", "nic");
        ASSERT_PLAN(host, "0=41:00.0", "net");
        ASSERT_PLAN(host, "0=42:00.0 1=41:00.0", "nic,net");
}

static void a_broken_card_comes_before_a_whole_one(void **state) {
        Host *host = *state;

        ADD(host, "41:00.0", 0x8086, 1);
        ADD(host, "41:00.1", 0x8086, 1);
        ADD(host, "42:00.0", 0x8086, 1, .host_use = "eth0");
        ADD(host, "42:00.1", 0x8086, 1);
        host_pool(host, "nics", "");
        host_alias(host, "nic", "");

        ASSERT_PLAN(host, "0=42:00.1", "nic");
        ASSERT_PLAN(host, "0=41:00.0 0=42:00.1", "nic:2");
}

static void vfs_are_taken_where_the_fewest_are_left(void **state) {
        Host *host = *state;

        ADD(host, "41:00.0", 0x8086, 1, 0, DEVICE_TYPE_PF, .max_virtual_functions = 3);
        ADD(host, "41:02.0", 0x8086, 2, 0, DEVICE_TYPE_VF, "41:00.0");
        ADD(host, "41:02.1", 0x8086, 2, 0, DEVICE_TYPE_VF, "41:00.0");
        ADD(host, "41:02.2", 0x8086, 2, 0, DEVICE_TYPE_VF, "41:00.0");
        ADD(host, "42:00.0", 0x8086, 1, 0, DEVICE_TYPE_PF, .max_virtual_functions = 3);
        ADD(host, "42:02.0", 0x8086, 2, 0, DEVICE_TYPE_VF, "42:00.0");
        ADD(host, "42:02.1", 0x8086, 2, 0, DEVICE_TYPE_VF, "42:00.0");
        host_pool(host, "nics", "");
        host_alias(host, "vf", "device_type=type-VF");

        ASSERT_PLAN(host, "0=42:02.0", "vf");
        ASSERT_PLAN(host, "0=41:02.0 0=42:02.0 0=42:02.1", "vf:3");
}

static void an_assignment_is_found_in_either_order(void **state) {
        Host *host = *state;

        ADD(host, "41:00.0", 0x10de, 0x1db4);
        ADD(host, "42:00.0", 0x144d, 0xa808);
        host_pool(host, "all", "");
        host_alias(host, "any", "");
        host_alias(host, "gpu", "vendor_id=10de");

        ASSERT_PLAN(host, "0=42:00.0 1=41:00.0", "any,gpu");
        ASSERT_PLAN(host, "0=41:00.0 1=42:00.0", "gpu,any");
        ASSERT_LACKS(host, "0 of 1 asked: 1 taken-by-earlier-item (alias gpu)", "gpu,gpu");
}

static void a_strict_policy_is_served_beside_a_loose_one(void **state) {
        Host *host = *state;

        ADD(host, "41:00.0", 0x8086, 1, NODE(0));
        ADD(host, "42:00.0", 0x8086, 1, NODE(1));
        host_pool(host, "nics", "");
        host_alias(host, "loose", "")->numa_policy = NUMA_PREFERRED;
        host_alias(host, "strict", "")->numa_policy = NUMA_REQUIRED;

        ASSERT_PLAN(host, "0=42:00.0 1=41:00.0", "loose,strict", .nodes = "0");
}

static void each_policy_allows_its_nodes(void **state) {
        static const struct {
                const char *policy, *nodes, *devices;
        } cases[] = {
                { "required", "0", "41:00.0" },
                { "legacy", "0", "41:00.0 44:00.0" },
                { "preferred", "0", "41:00.0 42:00.0 43:00.0 44:00.0" },
                { "socket", "0", "41:00.0 42:00.0" },
                { "socket", "2", "43:00.0" },
                { "required", "02", "41:00.0 43:00.0" },
                { "required", "3", "" },
                { "legacy", "3", "44:00.0" },
                { "required", NULL, "41:00.0 42:00.0 43:00.0 44:00.0" },
        };
        int sockets[] = { 0, 0, 1, 1 };
        Host *host = *state;

        ADD(host, "41:00.0", 0x8086, 1, NODE(0));
        ADD(host, "42:00.0", 0x8086, 1, NODE(1));
        ADD(host, "43:00.0", 0x8086, 1, NODE(2));
        ADD(host, "44:00.0", 0x8086, 1);
        host_pool(host, "nics", "");
        host_alias(host, "nic", "");
        host->registry.topology.sockets = malloc(sizeof(sockets));
        assert_non_null(host->registry.topology.sockets);
        memcpy(host->registry.topology.sockets, sockets, sizeof(sockets));
        host->registry.topology.n_nodes = N_ELEMENTS(sockets);

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                size_t n = (strlen(cases[i].devices) + 1) / strlen("41:00.0 ");
                char request[] = "nic:0", plan[64] = "", missing[32] = "there are no more";
                _cleanup_(freep) char *lacks = NULL;

                for (size_t j = 0; j < n; j++)
                        sprintf(plan + strlen(plan), "%s0=%.7s", j > 0 ? " " : "",
                                cases[i].devices + j * strlen("41:00.0 "));
                request[4] = (char) ('0' + n);
                if (n > 0)
                        ASSERT_PLAN(host, plan, request, .policy = cases[i].policy,
                                    .nodes = cases[i].nodes);

                if (n < 4)
                        sprintf(missing, "%zu numa", 4 - n);
                lacks = text_print("%zu of %zu asked: %s (alias nic)", n, n + 1, missing);
                request[4] = (char) ('0' + n + 1);
                ASSERT_LACKS(host, lacks, request, .policy = cases[i].policy,
                             .nodes = cases[i].nodes);
        }
}

static void without_known_sockets_only_the_own_node_is_on_the_socket(void **state) {
        Host *host = *state;

        ADD(host, "41:00.0", 0x8086, 1, NODE(0));
        ADD(host, "42:00.0", 0x8086, 1, NODE(1));
        host_pool(host, "nics", "");
        host_alias(host, "nic", "")->numa_policy = NUMA_SOCKET;

        ASSERT_PLAN(host, "0=42:00.0", "nic", .nodes = "1");
        ASSERT_LACKS(host, "1 of 2 asked: 1 numa (alias nic)", "nic:2", .nodes = "1");
}

static void a_pf_that_was_not_asked_for_does_not_count_as_near(void **state) {
        Host *host = *state;

        ADD(host, "41:00.0", 0x15b3, 1, 0, DEVICE_TYPE_PF, .max_virtual_functions = 8, NODE(0));
        ADD(host, "42:00.0", 0x15b3, 1, 0, DEVICE_TYPE_PF, .max_virtual_functions = 8, NODE(1));
        ADD(host, "42:02.0", 0x15b3, 1, 0, DEVICE_TYPE_VF, "42:00.0", NODE(1));
        host_pool(host, "nics", "");
        host_alias(host, "nic", "")->numa_policy = NUMA_PREFERRED;

        ASSERT_PLAN(host, "0=42:02.0", "nic", .nodes = "0");
}

/* Two graphics cards with sound, the second with a third function; and a card alone. */
static void add_graphics(Host *host) {
        ADD(host, "41:00.0", 0x10de, 1, 0x030000, GROUP(1));
        ADD(host, "41:00.1", 0x10de, 2, 0x040300, GROUP(1));
        ADD(host, "42:00.0", 0x10de, 1, 0x030000, GROUP(2));
        ADD(host, "42:00.1", 0x10de, 2, 0x040300, GROUP(2));
        ADD(host, "42:00.2", 0x10de, 3, 0x0c0330, GROUP(3));
        ADD(host, "00:1c.0", 0x8086, 9, 0x060400, GROUP(2));
}

static void a_unit_is_taken_whole(void **state) {
        Host *host = *state;

        add_graphics(host);
        host_pool(host, "all", "");
        host_alias(host, "function", "class=03");
        host_alias(host, "card", "class=03")->unit = UNIT_SLOT;
        host_alias(host, "group", "class=03")->unit = UNIT_GROUP;

        ASSERT_PLAN(host, "0=41:00.0", "function");
        ASSERT_PLAN(host, "0=41:00.0 0=41:00.1 0=42:00.0 0=42:00.1 0=42:00.2", "card:2");
        ASSERT_PLAN(host, "0=41:00.0 0=41:00.1 0=42:00.0 0=42:00.1", "group:2");
        ASSERT_PLAN(host, "0=41:00.0 0=41:00.1 1=42:00.0", "card,function");
        ASSERT_LACKS(host, "0 of 1 asked: 2 taken-by-earlier-item (alias function)",
                     "card:2,function");
}

static void every_member_of_a_unit_must_be_free_and_in_a_pool(void **state) {
        Host *host = *state;

        add_graphics(host);
        host_pool(host, "most", "function=[01]");
        host_alias(host, "card", "class=03")->unit = UNIT_SLOT;
        host_alias(host, "group", "class=03")->unit = UNIT_GROUP;

        ASSERT_PLAN(host, "0=41:00.0 0=41:00.1", "card");
        ASSERT_LACKS(host,
                     "1 of 2 asked: 2 not-in-pool (alias card); 0000:42:00.0 goes by Unit=slot "
                     "with 0000:42:00.2 (no driver), in no pool",
                     "card:2");
        ASSERT_PLAN(host, "0=41:00.0 0=41:00.1 0=42:00.0 0=42:00.1", "group:2");

        made_domain(&host->registry, GUEST_B, "b", "0000:41:00.1", NULL);
        ASSERT_LACKS(
                host,
                "0 of 1 asked: 2 not-in-pool, 2 held-by-domain (alias card); 0000:42:00.0 goes "
                "by Unit=slot with 0000:42:00.2 (no driver), in no pool",
                "card");
}

static void a_card_is_given_without_the_vfs_of_its_pf(void **state) {
        Host *host = *state;

        ADD(host, "41:00.0", 0x8086, 1, 0, DEVICE_TYPE_PF, .max_virtual_functions = 2);
        ADD(host, "41:00.1", 0x8086, 2, 0, DEVICE_TYPE_VF, "41:00.0");
        ADD(host, "41:00.2", 0x8086, 3);
        host_pool(host, "all", "");
        host_alias(host, "card", "device_type=type-PF")->unit = UNIT_SLOT;
        host_alias(host, "vf", "device_type=type-VF");
        host_alias(host, "vf-card", "device_type=type-VF")->unit = UNIT_SLOT;

        ASSERT_PLAN(host, "0=41:00.0 0=41:00.2", "card");
        ASSERT_LACKS(host, "0 of 1 asked: 1 taken-by-earlier-item (alias vf)", "card,vf");
        ASSERT_LACKS(host, "0 of 1 asked: 3 type (alias vf-card)", "vf-card");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                HOST_TEST(the_lowest_address_is_taken_first),
                HOST_TEST(near_comes_before_few_tags),
                HOST_TEST(few_tags_beyond_those_asked_come_before_whole_cards),
                HOST_TEST(a_broken_card_comes_before_a_whole_one),
                HOST_TEST(vfs_are_taken_where_the_fewest_are_left),
                HOST_TEST(an_assignment_is_found_in_either_order),
                HOST_TEST(a_strict_policy_is_served_beside_a_loose_one),
                HOST_TEST(each_policy_allows_its_nodes),
                HOST_TEST(without_known_sockets_only_the_own_node_is_on_the_socket),
                HOST_TEST(a_pf_that_was_not_asked_for_does_not_count_as_near),
                HOST_TEST(a_unit_is_taken_whole),
                HOST_TEST(every_member_of_a_unit_must_be_free_and_in_a_pool),
                HOST_TEST(a_card_is_given_without_the_vfs_of_its_pf),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
