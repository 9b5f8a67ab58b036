/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Choices on a host of 4,096 functions: cards with a PF and VFs, and cards of two functions in one
 * IOMMU group. What fits and what just does not is known by counting; the search must never be cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "asked-host.h"

enum {
        PORTS = 40,
        VFS = 63,
        CARDS = 768
};

static void add_port(Host *host, unsigned bus, unsigned n_functions) {
        char physical[ADDRESS_TEXT_SIZE], address[ADDRESS_TEXT_SIZE];

        snprintf(physical, sizeof(physical), "0000:%02x:00.0", bus);
        ADD(host, physical, 0x8086, 1, 0, DEVICE_TYPE_PF, .max_virtual_functions = 64,
            .driver = "ice", NODE((int) bus % 4));
        for (unsigned i = 1; i <= n_functions; i++) {
                snprintf(address, sizeof(address), "0000:%02x:%02x.%x", bus, i / 8, i % 8);
                ADD(host, address, 0x8086, 2, 0, DEVICE_TYPE_VF, physical, .driver = "iavf",
                    NODE((int) bus % 4));
        }
}

static void add_cards(Host *host) {
        for (unsigned card = 0; card < CARDS; card++) {
                for (unsigned function = 0; function < 2; function++) {
                        char address[ADDRESS_TEXT_SIZE];

                        snprintf(address, sizeof(address), "0000:%02x:%02x.%x", 64 + card / 24,
                                 card % 24, function);
                        ADD(host, address, 0x10de, (uint16_t) (0x101 + function), 0x030000,
                            GROUP(100000 + (int) card), NODE((int) card % 4),
                            .driver = function ? "snd_hda_intel" : "nouveau");
                }
        }
}

static void add_aliases(Host *host) {
        host_pool(host, "all", "tag.a=1");
        host_alias(host, "any", "");
        host_alias(host, "pf", "device_type=type-PF");
        host_alias(host, "vf", "device_type=type-VF");
        host_alias(host, "first", "device_type=type-VF slot=00 function=1");
        host_alias(host, "gpu", "product_id=0101");
        host_alias(host, "audio", "product_id=0102");
        host_alias(host, "card", "product_id=0101")->unit = UNIT_SLOT;
        host_alias(host, "group", "product_id=0102")->unit = UNIT_GROUP;
        host_alias(host, "near", "")->numa_policy = NUMA_REQUIRED;

        /* Sixteen that overlap in pairs, by the last digit of the bus. */
        for (unsigned i = 0; i < 16; i++) {
                char name[8], words[80];

                snprintf(name, sizeof(name), "m%u", i);
                snprintf(words, sizeof(words), "bus=.[%x%x]", i, (i + 1) % 16);
                host_alias(host, name, words);
                snprintf(name, sizeof(name), "p%u", i);
                snprintf(words, sizeof(words), "device_type=type-PF bus=.[%x%x]", i, (i + 1) % 16);
                host_alias(host, name, words);
                snprintf(name, sizeof(name), "v%u", i);
                snprintf(words, sizeof(words), "device_type=type-VF slot=00 function=1 bus=.[%x%x]",
                         i, (i + 1) % 16);
                host_alias(host, name, words);
        }
}

static const struct {
        const char *request;
        bool fits;
} requests[] = {
        { "any:64", true },
        { "pf:40,any:24", true },
        { "pf:40,vf:1", false },
        { "pf:39,vf:25", true },
        { "vf:25,pf:39", true },
        /* a port gives its PF or its first VF */
        { "pf:20,first:20", true },
        { "pf:20,first:21", false },
        { "first:21,pf:20", false },
        { "pf:24,first:16,any:24", true },
        { "any:23,pf:24,first:17", false },
        /* a card goes whole */
        { "gpu:32,audio:32", true },
        { "audio:31,gpu:33", false },
        { "gpu:64", false },
        { "gpu:20,any:44", true },
        { "any:20,gpu:20,audio:20,pf:4", true },
        { "card:10,gpu:20,audio:20,pf:7,first:7", true },
        { "card:32,group:32", true },
        { "near:64", true },
        { "near:32,any:32", true },
        { "m0:4,m1:4,m2:4,m3:4,m4:4,m5:4,m6:4,m7:4,m8:4,m9:4,m10:4,m11:4,m12:4,m13:4,m14:4,m15:4",
          true },
        /* the 40 ports are 3 for each digit up to 7 and 2 for the others */
        { "p0:2,p1:2,p2:2,p3:2,p4:2,p5:2,p6:2,p7:2,v0,v1,v2,v3,v4,v5,v6,v7", true },
        { "p0:3,p1:3,p2:3,p3:3,p4:3,p5:3,p6:3,v0,v1,v2,v3,v4,v5,v6,v7", false },
        { "v0:6,p0", false },
        { "v0:5,p0", true },
};

static void each_request_is_decided(Host *host) {
        assert_int_equal(registry_settle(&host->registry), 0);
        for (size_t i = 0; i < N_ELEMENTS(requests); i++) {
                _cleanup_(request_freep) Request *request = NULL;
                _cleanup_(refusal_done) Refusal refusal = { 0 };
                _cleanup_(plan_done) Plan plan = { 0 };
                AllocateQuery query = {
                        .registry = &host->registry,
                        .domain_uuid = GUEST_A,
                        .numa_policy = -1,
                };
                int r;

                node_set_add(&query.nodes, 1);
                node_set_add(&query.nodes, 2);
                assert_int_equal(request_parse(requests[i].request, &request, NULL), 0);
                query.request = request;
                query.numa_policy = strstr(requests[i].request, "near") ? -1 : NUMA_PREFERRED;
                r = allocate(&query, &plan, &refusal);
                if (r != (requests[i].fits ? 0 : DEVICES_NOT_ENOUGH))
                        fail_msg("%s: %d, %s", requests[i].request, r, refusal.text ?: "fits");
                if (r != 0 && strstr(refusal.text, "cut"))
                        fail_msg("%s: %s", requests[i].request, refusal.text);
        }
}

static void equal_cards_are_no_labyrinth(void **state) {
        Host *host = *state;

        add_aliases(host);
        for (unsigned bus = 0; bus < PORTS; bus++)
                add_port(host, bus, VFS);
        add_cards(host);
        assert_int_equal(host->registry.inventory.n_devices, 4096);
        each_request_is_decided(host);
}

static void cards_that_differ_are_none_either(void **state) {
        Host *host = *state;

        add_aliases(host);
        for (unsigned bus = 0; bus < PORTS; bus++)
                add_port(host, bus, 1 + bus);
        add_cards(host);
        each_request_is_decided(host);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                HOST_TEST(equal_cards_are_no_labyrinth),
                HOST_TEST(cards_that_differ_are_none_either),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
