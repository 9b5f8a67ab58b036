/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who of an IOMMU group or card is in the way, and what would help, in words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "asked-host.h"

#define SHARES                                                                                     \
        "0 of 1 asked: 1 group-incomplete (alias gpu); 0000:41:00.0 shares IOMMU group 1 with "
#define STAYS   ", which would stay with the host"
#define GPU(to) ADD(to, "41:00.0", 0x10de, 1, 0x030000, GROUP(1), .driver = "nouveau")

static Alias *add_graphics(Host *host, const char *second, const char *pool) {
        GPU(host);
        ADD(host, second, 0x10de, 2, 0x040300, GROUP(1), .driver = "snd_hda_intel");
        host_pool(host, "pool", pool);
        return host_alias(host, "gpu", "class=03");
}

static void the_rest_of_the_card_goes_by_slot(void **state) {
        Host *host = *state;

        (void) add_graphics(host, "41:00.1", "");
        ASSERT_LACKS(host,
                     SHARES "0000:41:00.1 (snd_hda_intel)" STAYS "; Unit=slot would take it along",
                     "gpu", GUEST_A);
        ASSERT_TELLS(host,
                     "0 0 of 1: 1 in an IOMMU group that would not be complete; 0000:41:00.0 "
                     "shares IOMMU group 1 with 0000:41:00.1 (snd_hda_intel)" STAYS
                     "; Unit=slot would take it along",
                     "gpu", GUEST_A);
}

static void the_hint_is_right(void **state) {
        Host *host = *state;

        add_graphics(host, "41:00.1", "")->unit = UNIT_SLOT;
        ASSERT_PLAN(host, "0=41:00.0 0=41:00.1", "gpu", GUEST_A);
}

static void what_is_on_another_card_goes_by_group(void **state) {
        Host *host = *state;
        Alias *alias = add_graphics(host, "42:00.0", "");

        ASSERT_LACKS(host,
                     SHARES "0000:42:00.0 (snd_hda_intel)" STAYS "; Unit=group would take it along",
                     "gpu", GUEST_A);

        /* Also for an alias that takes cards already; and it is right. */
        alias->unit = UNIT_SLOT;
        ASSERT_LACKS(host,
                     SHARES "0000:42:00.0 (snd_hda_intel)" STAYS "; Unit=group would take it along",
                     "gpu", GUEST_A);
        alias->unit = UNIT_GROUP;
        ASSERT_PLAN(host, "0=41:00.0 0=42:00.0", "gpu", GUEST_A);
}

static void what_is_in_no_pool_needs_one_first(void **state) {
        Host *host = *state;
        Alias *alias = add_graphics(host, "41:00.1", "class=03");

        ASSERT_LACKS(host,
                     SHARES "0000:41:00.1 (snd_hda_intel)" STAYS
                            "; Unit=slot would take it along, once in a pool",
                     "gpu", GUEST_A);

        alias->unit = UNIT_SLOT;
        ASSERT_LACKS(host,
                     "0 of 1 asked: 1 not-in-pool (alias gpu); 0000:41:00.0 goes by Unit=slot with "
                     "0000:41:00.1 (snd_hda_intel), in no pool",
                     "gpu", GUEST_A);
}

/* The third function of the card is another guest's: no unit would be free. */
static void no_unit_is_named_that_is_not_to_be_had(void **state) {
        Host *host = *state;

        (void) add_graphics(host, "41:00.1", "");
        ADD(host, "41:00.2", 0x10de, 3, 0x0c0330);
        made_domain(&host->registry, GUEST_B, "b", "0000:41:00.2", NULL);

        /* The group alone can be had. */
        ASSERT_LACKS(host,
                     SHARES "0000:41:00.1 (snd_hda_intel)" STAYS "; Unit=group would take it along",
                     "gpu", GUEST_A);

        ADD(host, "43:00.0", 0x8086, 4, 0x020000, GROUP(1), .driver = "e1000e", .host_use = "eth0");
        ASSERT_LACKS(host,
                     "0 of 1 asked: 1 group-in-use (alias gpu); 0000:41:00.0 shares IOMMU group 1 "
                     "with 0000:43:00.0 (e1000e, host:eth0)",
                     "gpu", GUEST_A);
}

static void who_uses_the_group_is_named_with_the_driver(void **state) {
        Host *host = *state;

        (void) add_graphics(host, "41:00.1", "");
        ADD(host, "41:00.2", 0x10de, 3, 0x0c0330, GROUP(1), .driver = "vfio-pci");
        ADD(host, "00:01.0", 0x8086, 9, 0x060400, GROUP(1), .driver = "pcieport");
        made_domain(&host->registry, GUEST_B, "b\n2", "0000:41:00.2", NULL);

        ASSERT_LACKS(host,
                     "0 of 1 asked: 1 group-in-use (alias gpu); 0000:41:00.0 shares IOMMU group 1 "
                     "with 0000:41:00.2 (vfio-pci, domain:b?2)",
                     "gpu", GUEST_A);
}

static void of_many_a_few_are_named(void **state) {
        char address[] = "42:00.0";
        Host *host = *state;

        GPU(host);
        for (unsigned i = 0; i < 6; i++) {
                address[6] = (char) ('0' + i);
                ADD(host, address, 0x8086, 1, 0x020000, GROUP(1), .driver = "e1000e");
        }
        host_pool(host, "all", "");
        host_alias(host, "gpu", "class=03");

        ASSERT_LACKS(host,
                     SHARES "0000:42:00.0 (e1000e), 0000:42:00.1 (e1000e), 0000:42:00.2 (e1000e), "
                            "0000:42:00.3 (e1000e) and 2 more" STAYS
                            "; Unit=group would take them along",
                     "gpu", GUEST_A);
}

static void a_virtual_function_goes_along_with_its_physical_one(void **state) {
        Host *host = *state;

        GPU(host);
        ADD(host, "42:00.0", 0x8086, 1, 0x020000, DEVICE_TYPE_PF, GROUP(1), .driver = "ixgbe",
            .max_virtual_functions = 1);
        ADD(host, "42:10.0", 0x8086, 2, 0x020000, DEVICE_TYPE_VF, "42:00.0", GROUP(1),
            .driver = "ixgbevf");
        host_pool(host, "all", "");
        host_alias(host, "gpu", "class=03");

        ASSERT_LACKS(host,
                     SHARES "0000:42:00.0 (ixgbe), 0000:42:10.0 (ixgbevf)" STAYS
                            "; Unit=group would take them along",
                     "gpu", GUEST_A);
}

static void a_device_behind_no_iommu_is_named(void **state) {
        Host *host = *state;

        ADD(host, "41:00.0", 0x8086, 1, GROUP(-1));
        ADD(host, "42:00.0", 0x8086, 1);
        host_pool(host, "nics", "");
        host_alias(host, "nic", "");

        ASSERT_LACKS(host, "1 of 2 asked: 1 no-iommu (alias nic); 0000:41:00.0 is behind no IOMMU",
                     "nic:2", GUEST_A);
}

static void the_first_of_each_kind_is_told(void **state) {
        Host *host = *state;

        (void) add_graphics(host, "41:00.1", "");
        ADD(host, "44:00.0", 0x10de, 1, 0x030000, GROUP(4), .driver = "nouveau");
        ADD(host, "44:00.1", 0x10de, 1, 0x040300, GROUP(4), .driver = "snd_hda_intel");
        ADD(host, "45:00.0", 0x10de, 1, 0x030000, GROUP(-1), .driver = "nouveau");

        ASSERT_LACKS(host,
                     "0 of 1 asked: 1 no-iommu, 2 group-incomplete (alias gpu); 0000:41:00.0 "
                     "shares IOMMU group 1 with 0000:41:00.1 (snd_hda_intel)" STAYS
                     "; Unit=slot would take it along; 0000:45:00.0 is behind no IOMMU",
                     "gpu", GUEST_A);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                HOST_TEST(the_rest_of_the_card_goes_by_slot),
                HOST_TEST(the_hint_is_right),
                HOST_TEST(what_is_on_another_card_goes_by_group),
                HOST_TEST(what_is_in_no_pool_needs_one_first),
                HOST_TEST(no_unit_is_named_that_is_not_to_be_had),
                HOST_TEST(who_uses_the_group_is_named_with_the_driver),
                HOST_TEST(of_many_a_few_are_named),
                HOST_TEST(a_virtual_function_goes_along_with_its_physical_one),
                HOST_TEST(a_device_behind_no_iommu_is_named),
                HOST_TEST(the_first_of_each_kind_is_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
