/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Made host: devices put into an inventory by hand, with settled facts where a test says no more.
 */
#pragma once

#include "core/registry.h"

/* What a test says of a device; what it leaves out is 0. */
typedef struct Made {
        const char *address;
        uint16_t vendor_id, product_id;
        uint32_t class_code; /* 0: 020000, a network card */
        DeviceType type;
        const char *physical_function; /* of a VF */
        unsigned max_virtual_functions;
        const char *driver, *interface, *host_use;
        bool has_node, has_group; /* else −1 */
        int node, group;
        uint16_t subsystem_vendor_id, subsystem_product_id;
        uint64_t incarnation;
        bool vdpa;
        const char *mediated; /* UUID of the one mediated device made of it */
} Made;

Facts *made_facts(const Made *made);
Device *made_device(Inventory *inventory, const Made *made);

/* "key=value" words, NULL at the end; the rule must compile. */
Rule *made_rule(RuleKind kind, const char *const *words);
#define POOL_RULE(...)                                                                             \
        made_rule(RULE_POOL, (const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })
#define ALIAS_RULE(...)                                                                            \
        made_rule(RULE_ALIAS, (const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })

Address made_address(const char *text);
