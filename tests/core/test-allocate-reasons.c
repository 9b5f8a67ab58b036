/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What stands against a choice, and how it is told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "asked-host.h"

static void add_port(Host *host, const char *pf, const char *vf) {
        ADD(host, pf, 0x15b3, 0x1019, 0, DEVICE_TYPE_PF, .max_virtual_functions = 8);
        ADD(host, vf, 0x15b3, 0x101a, 0, DEVICE_TYPE_VF, pf);
}

static void add_nic_aliases(Host *host) {
        host_pool(host, "nics", "vendor_id=15b3");
        host_alias(host, "nic", "device_type=type-PF");
        host_alias(host, "port", "device_type=type-VF");
}

static void a_pf_and_its_vf_do_not_go_together(void **state) {
        Host *host = *state;

        add_port(host, "41:00.0", "41:02.0");
        add_nic_aliases(host);

        ASSERT_PLAN(host, "0=41:00.0", "nic");
        ASSERT_PLAN(host, "0=41:02.0", "port");
        ASSERT_LACKS(host, "0 of 1 asked: 1 taken-by-earlier-item (alias port)", "nic,port");
        ASSERT_LACKS(host, "0 of 1 asked: 1 taken-by-earlier-item (alias nic)", "port,nic");

        add_port(host, "42:00.0", "42:02.0");
        ASSERT_PLAN(host, "0=41:00.0 1=42:02.0", "nic,port");
        ASSERT_PLAN(host, "0=42:02.0 1=41:00.0", "port,nic");
}

static void within_an_item_the_other_function_is_named(void **state) {
        Host *host = *state;
        Alias *any;

        add_port(host, "41:00.0", "41:02.0");
        add_nic_aliases(host);
        any = host_alias(host, "any", "device_type=type-PF");
        assert_int_equal(alias_add_rule(any, ALIAS_RULE("device_type=type-VF")), 0);

        ASSERT_LACKS(host, "1 of 2 asked: 1 pf-in-use (alias any)", "any:2");
}

static void a_held_pf_or_vf_shuts_the_other_out(void **state) {
        Host *host = *state;

        add_port(host, "41:00.0", "41:02.0");
        add_port(host, "42:00.0", "42:02.0");
        add_nic_aliases(host);
        made_domain(&host->registry, GUEST_B, "b", "0000:41:00.0 0000:42:02.0", NULL);

        ASSERT_LACKS(host, "0 of 1 asked: 1 held-by-domain, 1 vf-in-use (alias nic)", "nic");
        ASSERT_LACKS(host, "0 of 1 asked: 1 held-by-domain, 1 pf-in-use (alias port)", "port");
}

static void a_group_goes_whole_or_not_at_all(void **state) {
        Host *host = *state;

        ADD(host, "41:00.0", 0x10de, 1, 0x030000, GROUP(1), .driver = "nouveau");
        ADD(host, "41:00.1", 0x10de, 2, 0x040300, GROUP(1), .driver = "snd_hda_intel");
        ADD(host, "00:01.0", 0x8086, 9, 0x060400, GROUP(1), .driver = "pcieport");
        host_pool(host, "all", "");
        host_alias(host, "gpu", "class=03");
        host_alias(host, "audio", "class=04");
        host_alias(host, "any", "");
        host_alias(host, "group", "class=03")->unit = UNIT_GROUP;

        ASSERT_LACKS(host,
                     "0 of 1 asked: 1 group-incomplete (alias gpu); 0000:41:00.0 shares IOMMU "
                     "group 1 with 0000:41:00.1 (snd_hda_intel), which would stay with the host; "
                     "Unit=slot would take it along",
                     "gpu", GUEST_A);
        ASSERT_PLAN(host, "0=41:00.0", "gpu");
        ASSERT_PLAN(host, "0=41:00.0 1=41:00.1", "gpu,audio", GUEST_A);
        ASSERT_PLAN(host, "0=41:00.1 1=41:00.0", "audio,gpu", GUEST_A);
        ASSERT_PLAN(host, "0=41:00.0 0=41:00.1", "any:2", GUEST_A);
        ASSERT_PLAN(host, "0=41:00.0 0=41:00.1", "group", GUEST_A);
        ASSERT_LACKS(host,
                     "0 of 1 asked: 2 group-incomplete (alias any); 0000:41:00.0 shares IOMMU "
                     "group 1 with 0000:41:00.1 (snd_hda_intel), which would stay with the host; "
                     "Unit=slot would take it along",
                     "any", GUEST_A);
}

static void what_is_at_no_host_driver_does_not_bind_the_group(void **state) {
        static const char *const drivers[] = { "", "vfio-pci", "pci-stub" };
        Host *host = *state;

        ADD(host, "41:00.0", 0x10de, 1, 0x030000, GROUP(1), .driver = "nouveau");
        host_pool(host, "all", "");
        host_alias(host, "gpu", "class=03");

        for (size_t i = 0; i < N_ELEMENTS(drivers); i++) {
                ADD(host, "41:00.1", 0x10de, 2, 0x040300, GROUP(1), .driver = drivers[i]);
                ASSERT_PLAN(host, "0=41:00.0", "gpu", GUEST_A);
        }
}

static void what_the_domain_has_completes_the_group(void **state) {
        Host *host = *state;

        ADD(host, "41:00.0", 0x10de, 1, 0x030000, GROUP(1), .driver = "nouveau");
        ADD(host, "41:00.1", 0x10de, 2, 0x040300, GROUP(1), .driver = "snd_hda_intel");
        host_pool(host, "all", "");
        host_alias(host, "gpu", "class=03");
        made_domain(&host->registry, GUEST_A, "a", NULL, "0000:41:00.1");

        ASSERT_PLAN(host, "0=41:00.0", "gpu", GUEST_A);
        ASSERT_LACKS(host,
                     "0 of 1 asked: 1 group-in-use (alias gpu); 0000:41:00.0 shares IOMMU group 1 "
                     "with 0000:41:00.1 (snd_hda_intel, domain:a)",
                     "gpu", GUEST_B);
        ASSERT_LACKS(host,
                     "0 of 1 asked: 1 group-in-use (alias gpu); 0000:41:00.0 shares IOMMU group 1 "
                     "with 0000:41:00.1 (snd_hda_intel, domain:a)",
                     "gpu");
}

static void the_need_of_one_item_steers_the_other(void **state) {
        Host *host = *state;

        ADD(host, "41:00.0", 0x10de, 2, 0x040300);
        ADD(host, "42:00.0", 0x10de, 1, 0x030000, GROUP(2), .driver = "nouveau");
        ADD(host, "42:00.1", 0x10de, 2, 0x040300, GROUP(2), .driver = "snd_hda_intel");
        host_pool(host, "all", "");
        host_alias(host, "gpu", "class=03");
        host_alias(host, "audio", "class=04");

        ASSERT_PLAN(host, "0=41:00.0", "audio", GUEST_A);
        ASSERT_PLAN(host, "0=42:00.0 1=42:00.1", "gpu,audio", GUEST_A);
        ASSERT_LACKS(host, "2 of 3 asked: there are no more (alias audio)", "gpu,audio:3", GUEST_A);
        ASSERT_LACKS(host, "1 of 2 asked: there are no more (alias gpu)", "gpu:2,audio", GUEST_A);
}

static void force_passes_the_use_by_the_host_alone(void **state) {
        Host *host = *state;

        ADD(host, "41:00.0", 0x8086, 1, .host_use = "eth0", .driver = "e1000e");
        ADD(host, "42:00.0", 0x8086, 1);
        host_pool(host, "nics", "");
        host_alias(host, "nic", "");
        made_domain(&host->registry, GUEST_B, "b", "0000:42:00.0", NULL);

        assert_decides(host, DEVICE_USED_BY_HOST,
                       "0 of 1 asked: 1 held-by-domain, 1 in-use-by-host (alias nic); only by "
                       "force: 0000:41:00.0 is used by the host: eth0",
                       (Asking){ "nic", GUEST_A });
        ASSERT_PLAN(host, "0=41:00.0", "nic", GUEST_A, .force = true);
        ASSERT_LACKS(host, "0 of 2 asked: 1 held-by-domain, 1 in-use-by-host (alias nic)", "nic:2",
                     GUEST_A);
        ASSERT_LACKS(host, "1 of 2 asked: 1 held-by-domain (alias nic)", "nic:2", GUEST_A,
                     .force = true);
}

static void force_takes_a_group_that_the_host_uses(void **state) {
        Host *host = *state;

        ADD(host, "41:00.0", 0x8086, 1, GROUP(1), .host_use = "eth0", .driver = "e1000e");
        ADD(host, "41:00.1", 0x8086, 1, GROUP(1), .driver = "e1000e");
        host_pool(host, "nics", "");
        host_alias(host, "nic", "");
        host_alias(host, "card", "")->unit = UNIT_SLOT;

        ASSERT_PLAN(host, "0=41:00.0 0=41:00.1", "nic:2", GUEST_A, .force = true);
        ASSERT_PLAN(host, "0=41:00.0 0=41:00.1", "card", GUEST_A, .force = true);
        /* The one alone would leave the other at its driver. */
        ASSERT_LACKS(host,
                     "0 of 1 asked: 2 group-incomplete (alias nic); 0000:41:00.0 shares IOMMU "
                     "group 1 with 0000:41:00.1 (e1000e), which would stay with the host; "
                     "Unit=slot would take it along",
                     "nic", GUEST_A, .force = true);
        ASSERT_LACKS(host,
                     "0 of 1 asked: 1 in-use-by-host, 1 group-in-use (alias nic); 0000:41:00.1 "
                     "shares IOMMU group 1 with 0000:41:00.0 (e1000e, host:eth0)",
                     "nic", GUEST_A);
}

static void a_host_without_groups_is_not_ready(void **state) {
        Host *host = *state;

        host_pool(host, "nics", "");
        host_alias(host, "nic", "");
        ASSERT_LACKS(host, "0 of 1 asked: there are no more (alias nic)", "nic");

        ADD(host, "41:00.0", 0x8086, 1, GROUP(-1));
        assert_decides(host, HOST_NOT_READY,
                       "no device of this host has an IOMMU group; is its IOMMU on?",
                       (Asking){ "nic" });

        ADD(host, "42:00.0", 0x8086, 1, GROUP(1), .host_use = "eth0");
        assert_decides(host, DEVICE_USED_BY_HOST,
                       "0 of 1 asked: 1 in-use-by-host, 1 no-iommu (alias nic); only by force: "
                       "0000:42:00.0 is used by the host: eth0",
                       (Asking){ "nic" });
}

static void reasons_are_counted_once_a_device(void **state) {
        Host *host = *state;

        for (unsigned bus = 1; bus <= 6; bus++) {
                char address[] = "40:00.0";

                address[1] = (char) ('0' + bus);
                ADD(host, address, 0x8086, 1, NODE(bus > 3));
        }
        host_pool(host, "nics", "");
        host_alias(host, "nic", "")->numa_policy = NUMA_REQUIRED;
        made_attachment(&host->registry, 1, GUEST_B, "0000:41:00.0", ATTACHMENT_ATTACHED);
        made_domain(&host->registry, GUEST_B, "b", "0000:41:00.0=ua-hostdev1-1-0", NULL);
        made_state(&host->registry, 1, ATTACHMENT_ATTACHED);

        ASSERT_LACKS(host, "2 of 4 asked: 1 attached, 3 numa (alias nic)", "nic:4", GUEST_A,
                     .nodes = "0");
}

static void what_is_not_meant_counts_only_when_nothing_is(void **state) {
        Host *host = *state;

        ADD(host, "41:00.0", 0x8086, 1);
        ADD(host, "42:00.0", 0x15b3, 1, 0, DEVICE_TYPE_PF, .max_virtual_functions = 1);
        ADD(host, "43:00.0", 0x10de, 1);
        host_pool(host, "most", "vendor_id=8086");
        host_pool(host, "rest", "vendor_id=15b3");
        host_alias(host, "nic", "vendor_id=15b3");
        host_alias(host, "gpu", "vendor_id=10de");
        host_alias(host, "disk", "vendor_id=144d");
        host_alias(host, "tagged", "vendor_id=8086 tag.a=1");

        ASSERT_LACKS(host, "0 of 1 asked: 1 type (alias nic)", "nic");
        ASSERT_LACKS(host, "0 of 1 asked: 1 not-in-pool (alias gpu)", "gpu");
        ASSERT_LACKS(host, "0 of 1 asked: 2 ids (alias disk)", "disk");
        ASSERT_LACKS(host, "0 of 1 asked: 1 tags (alias tagged)", "tagged");
}

static void an_explanation_tells_all_reasons(void **state) {
        Host *host = *state;

        ADD(host, "41:00.0", 0x8086, 1, NODE(1), .host_use = "eth0");
        ADD(host, "42:00.0", 0x8086, 1, NODE(0));
        ADD(host, "43:00.0", 0x8086, 1, NODE(0));
        ADD(host, "44:00.0", 0x10de, 1, NODE(0));
        host_pool(host, "nics", "vendor_id=8086");
        host_alias(host, "nic", "")->numa_policy = NUMA_REQUIRED;
        host_alias(host, "own", "product_id=0002 tag.a=1")->numa_policy = NUMA_REQUIRED;

        ASSERT_EXPLAINS(host,
                        "0 41:00.0: in-use-by-host, numa\n"
                        "0 42:00.0: chosen\n"
                        "0 43:00.0\n",
                        "nic", .nodes = "0");
        ASSERT_EXPLAINS(host,
                        "0 41:00.0: in-use-by-host, numa\n"
                        "0 42:00.0: chosen\n"
                        "0 43:00.0\n"
                        "1 41:00.0: in-use-by-host, numa\n"
                        "1 42:00.0: taken-by-earlier-item\n"
                        "1 43:00.0: chosen\n",
                        "nic,nic", .nodes = "0");
        ASSERT_EXPLAINS(host,
                        "0 41:00.0: in-use-by-host, numa\n"
                        "0 42:00.0\n"
                        "0 43:00.0\n"
                        "1 41:00.0: in-use-by-host, ids, tags, numa\n"
                        "1 42:00.0: ids, tags\n"
                        "1 43:00.0: ids, tags\n"
                        "0 of 1 asked: 3 ids (alias own)",
                        "nic,own", .nodes = "0");
}

static void an_explanation_says_what_takes_what(void **state) {
        Host *host = *state;

        add_port(host, "41:00.0", "41:02.0");
        add_nic_aliases(host);

        ASSERT_EXPLAINS(host,
                        "0 41:00.0\n"
                        "0 41:02.0: type\n"
                        "1 41:00.0: type\n"
                        "1 41:02.0: taken-by-earlier-item\n"
                        "0 of 1 asked: 1 taken-by-earlier-item (alias port)",
                        "nic,port");
}

static void the_same_state_gives_the_same_answer(void **state) {
        Host *host = *state;

        add_port(host, "41:00.0", "41:02.0");
        add_port(host, "42:00.0", "42:02.0");
        add_nic_aliases(host);

        for (size_t i = 0; i < 3; i++)
                ASSERT_PLAN(host, "0=42:02.0 1=41:00.0", "port,nic", GUEST_A);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                HOST_TEST(a_pf_and_its_vf_do_not_go_together),
                HOST_TEST(within_an_item_the_other_function_is_named),
                HOST_TEST(a_held_pf_or_vf_shuts_the_other_out),
                HOST_TEST(a_group_goes_whole_or_not_at_all),
                HOST_TEST(what_is_at_no_host_driver_does_not_bind_the_group),
                HOST_TEST(what_the_domain_has_completes_the_group),
                HOST_TEST(the_need_of_one_item_steers_the_other),
                HOST_TEST(force_passes_the_use_by_the_host_alone),
                HOST_TEST(force_takes_a_group_that_the_host_uses),
                HOST_TEST(a_host_without_groups_is_not_ready),
                HOST_TEST(reasons_are_counted_once_a_device),
                HOST_TEST(what_is_not_meant_counts_only_when_nothing_is),
                HOST_TEST(an_explanation_tells_all_reasons),
                HOST_TEST(an_explanation_says_what_takes_what),
                HOST_TEST(the_same_state_gives_the_same_answer),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
