/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "made-host-hard.h"

static bool is_used(const Device *device) {
        return *device->facts->host_use != '\0';
}

static bool shares_group(const Device *a, const Device *b) {
        return a->facts->iommu_group == b->facts->iommu_group;
}

/* By the host alone, for nobody holds a device of a hard host. */
static bool is_free(const Inventory *inventory, const Device *device) {
        for (size_t i = 0; i < inventory->n_devices; i++)
                if (is_used(inventory->devices[i]) && shares_group(inventory->devices[i], device))
                        return false;

        return true;
}

/* Are they of one unit, but for a VF that its PF takes along? */
static bool is_together(Unit unit, const Device *a, const Device *b) {
        switch (unit) {
        case UNIT_SLOT:
                return a->address.domain == b->address.domain && a->address.bus == b->address.bus &&
                       a->address.slot == b->address.slot;
        case UNIT_GROUP:
                return shares_group(a, b);
        default:
                return a == b;
        }
}

static bool is_of_unit(const Inventory *inventory, Unit unit, const Device *first,
                       const Device *device) {
        const Device *physical = NULL;

        if (!is_together(unit, first, device))
                return false;
        if (unit != UNIT_FUNCTION && device->facts->type == DEVICE_TYPE_VF)
                physical = inventory_find(inventory, device->facts->physical_function);
        return !physical || !is_together(unit, first, physical);
}

static bool is_near_enough(const HardHost *hard, NumaPolicy policy, const Device *device) {
        const Topology *topology = &hard->host.registry.topology;
        int node = device->facts->numa_node;

        if (!hard->nodes.constrained || node_set_is_empty(&hard->nodes) ||
            node_set_has(&hard->nodes, node) || policy == NUMA_PREFERRED)
                return true;
        if (policy == NUMA_LEGACY || policy == NUMA_REQUIRED)
                return policy == NUMA_LEGACY && node < 0;

        for (int i = 0; node >= 0 && i < (int) topology->n_nodes; i++)
                if (node_set_has(&hard->nodes, i) &&
                    topology->sockets[i] == topology->sockets[node])
                        return true;
        return false;
}

/* The item of each device of the inventory; −1: not chosen. */
static const char *read_plan(const Inventory *inventory, const Plan *plan, int16_t *items) {
        for (size_t i = 0; i < inventory->n_devices; i++) {
                items[i] = -1;
                for (size_t j = 0; j < plan->n_choices; j++) {
                        if (plan->choices[j].device != inventory->devices[i])
                                continue;
                        if (items[i] >= 0)
                                return "a device is chosen twice";
                        items[i] = (int16_t) plan->choices[j].item;
                }
        }

        return NULL;
}

static const char *check_unit(const HardHost *hard, const Alias *alias, size_t first,
                              const int16_t *items, bool *seen) {
        const Inventory *inventory = &hard->host.registry.inventory;
        NumaPolicy policy =
                hard->numa_policy < 0 ? alias->numa_policy : (NumaPolicy) hard->numa_policy;
        bool is_meant = false;

        for (size_t i = 0; i < inventory->n_devices; i++) {
                const Device *device = inventory->devices[i];

                if (!is_of_unit(inventory, alias->unit, inventory->devices[first], device))
                        continue;
                if (items[i] != items[first])
                        return "a unit is not whole";
                if (!is_free(inventory, device))
                        return "a device is not free";
                if (!is_near_enough(hard, policy, device))
                        return "a device is on a node that its policy forbids";
                is_meant = is_meant || alias_mismatch(alias, device, inventory) == 0;
                seen[i] = true;
        }

        return seen[first] ? is_meant ? NULL : "a unit is not what its alias means"
                           : "a virtual function was not to go by itself";
}

static const char *check_items(const HardHost *hard, const Request *request, const int16_t *items) {
        const Registry *registry = &hard->host.registry;
        unsigned counts[REQUEST_ITEMS_MAX] = { 0 };
        bool seen[4096] = { false };

        for (size_t i = 0; i < registry->inventory.n_devices; i++) {
                const Alias *alias;
                const char *wrong;

                if (items[i] < 0 || seen[i])
                        continue;
                alias = catalog_find_alias(&registry->catalog, request->items[items[i]].alias);
                wrong = check_unit(hard, alias, i, items, seen);
                if (wrong)
                        return wrong;
                counts[items[i]]++;
        }

        for (size_t i = 0; i < request->n_items; i++)
                if (counts[i] != request->items[i].count)
                        return "an item has not what it asks for";
        return NULL;
}

static const char *check_together(const HardHost *hard, const int16_t *items) {
        const Inventory *inventory = &hard->host.registry.inventory;

        for (size_t i = 0; i < inventory->n_devices; i++) {
                const Device *device = inventory->devices[i];

                if (items[i] < 0)
                        continue;
                for (size_t j = 0; j < inventory->n_devices; j++) {
                        const Device *other = inventory->devices[j];

                        if (items[j] >= 0 && device->facts->type == DEVICE_TYPE_VF &&
                            address_equal(device->facts->physical_function, other->address))
                                return "a virtual function goes beside its physical one";
                        if (items[j] < 0 && hard->has_domain && shares_group(device, other) &&
                            *other->facts->driver && strcmp(other->facts->driver, "vfio-pci") != 0)
                                return "a group is not complete";
                }
        }

        return NULL;
}

const char *hard_plan_wrong(const HardHost *hard, const AllocateQuery *query, const Plan *plan) {
        const Inventory *inventory = &hard->host.registry.inventory;
        int16_t items[4096];
        const char *wrong = read_plan(inventory, plan, items);

        if (!wrong)
                wrong = check_items(hard, query->request, items);
        return wrong ?: check_together(hard, items);
}
