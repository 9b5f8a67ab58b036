/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "core/allocate-internal.h"

#define REASON_KNOWN (UINT32_C(1) << 31)

/*
 * The order of preference as one number. Sums over 64 units do not run into each other: what is
 * beyond the greatest figure of a unit counts as that.
 */
#define COST_FUNCTION     INT64_C(1)
#define COST_TAG          (INT64_C(1) << 24)
#define COST_UNKNOWN_NODE (INT64_C(1) << 44)
#define COST_OTHER_NODE   (INT64_C(1) << 52)

enum {
        FUNCTIONS_GREATEST = 1 << 17,
        TAGS_GREATEST = 1 << 13
};

size_t problem_place(const Problem *problem, Address address) {
        const DeviceRun *devices = &problem->devices;
        uint64_t key = address_key(address);
        size_t low = 0, high = devices->n_items;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (address_key(devices->items[middle]->address) < key)
                        low = middle + 1;
                else
                        high = middle;
        }

        if (low < devices->n_items && address_equal(devices->items[low]->address, address))
                return low;
        return SIZE_MAX;
}

size_t problem_place_of(const Problem *problem, const Device *device) {
        bool is_whole = problem->devices.items == problem->inventory->devices;

        return is_whole ? device->place : problem_place(problem, device->address);
}

/* Does somebody hold it: the domain of the query, or is to have it; or, if @is_other, another one? */
static bool is_held(const Problem *problem, const Device *device, bool is_other) {
        const AllocateQuery *query = problem->query;
        const Holder *holder = NULL;

        while ((holder = holders_next(&query->registry->holders, device->address, holder)))
                if (holder_holds(holder) &&
                    is_other != (strcmp(holder_domain_uuid(holder), query->domain_uuid) == 0))
                        return true;

        return false;
}

bool problem_is_stuck(const Problem *problem, const Device *device) {
        static const char *const viable[] = { "", "vfio-pci", "pci-stub" };

        if (!device->present || facts_is_bridge(device->facts))
                return false;

        for (size_t i = 0; i < N_ELEMENTS(viable); i++)
                if (strcmp(device->facts->driver, viable[i]) == 0)
                        return false;

        return !is_held(problem, device, false);
}

/* Is another endpoint of the group held by somebody else than this domain? */
static bool group_is_held(const Problem *problem, const Device *device) {
        for (Device *other = NULL;
             (other = inventory_next_in_group(problem->inventory, device, other));)
                if (other != device && !facts_is_bridge(other->facts) &&
                    is_held(problem, other, true))
                        return true;

        return false;
}

uint32_t problem_reasons(Problem *problem, size_t place) {
        const AllocateQuery *query = problem->query;
        const Device *device = problem->devices.items[place];
        uint32_t reasons = problem->reasons[place];

        if (reasons & REASON_KNOWN)
                return reasons & ~REASON_KNOWN;

        reasons = registry_reasons(query->registry, device, query->domain_uuid);

        /* By force the host's use is no reason, neither of the device nor of one in its group. */
        if (query->force) {
                reasons &= ~(uint32_t) REASON_IN_USE_BY_HOST;
                if ((reasons & REASON_GROUP_IN_USE) && !group_is_held(problem, device))
                        reasons &= ~(uint32_t) REASON_GROUP_IN_USE;
        }

        problem->reasons[place] = reasons | REASON_KNOWN;
        return reasons;
}

/* Settled, every device in a pool knows its aliases; of one in none the answer does not matter. */
static bool is_meant(const Alias *alias, const Device *device) {
        for (size_t i = 0; i < device->n_aliases; i++)
                if (device->aliases[i] == alias)
                        return true;

        return false;
}

/* All that stands in the card or the group with the device. In address order a card stands side by side. */
static DeviceRun surroundings(const Problem *problem, Unit unit, const Device *device) {
        const Inventory *inventory = problem->inventory;
        size_t from = device->place, to = device->place + 1;

        if (unit == UNIT_GROUP)
                return inventory_group(inventory, device);

        while (from > 0 &&
               address_same_slot(inventory->devices[from - 1]->address, device->address))
                from--;
        while (to < inventory->n_devices &&
               address_same_slot(inventory->devices[to]->address, device->address))
                to++;

        return (DeviceRun){ .items = inventory->devices + from, .n_items = to - from };
}

/* Is it a VF whose PF is in the same unit? The PF takes it along. */
static bool goes_with_its_pf(const Problem *problem, Unit unit, DeviceRun around,
                             const Device *device) {
        Address address = device->facts->physical_function;
        const Device *physical;

        if (device->facts->type != DEVICE_TYPE_VF)
                return false;

        if (unit == UNIT_GROUP) {
                physical = inventory_find(problem->inventory, address);
                return physical && physical->facts->iommu_group >= 0 &&
                       physical->facts->iommu_group == device->facts->iommu_group;
        }

        for (size_t i = 0; i < around.n_items; i++)
                if (address_equal(around.items[i]->address, address))
                        return true;

        return false;
}

/* The next of the unit among @around, from @i on; its size when there is none. */
static size_t next_in_unit(const Problem *problem, Unit unit, DeviceRun around, size_t i) {
        while (i < around.n_items && (facts_is_bridge(around.items[i]->facts) ||
                                      goes_with_its_pf(problem, unit, around, around.items[i])))
                i++;

        return i;
}

static bool is_alone(Unit unit, const Device *device) {
        return unit == UNIT_FUNCTION || (unit == UNIT_GROUP && device->alone);
}

bool problem_begins_unit(const Problem *problem, const Alias *alias, size_t place) {
        const Device *device = problem->devices.items[place];
        bool means_any = false;
        DeviceRun around;
        size_t first;

        if (is_alone(alias->unit, device))
                return is_meant(alias, device);

        around = surroundings(problem, alias->unit, device);
        for (size_t i = 0; i < around.n_items && !means_any; i++)
                means_any = is_meant(alias, around.items[i]);
        if (!means_any)
                return false;

        first = next_in_unit(problem, alias->unit, around, 0);
        return first < around.n_items && around.items[first] == device;
}

int problem_unit(const Problem *problem, Unit unit, size_t place, Places *ret) {
        const Device *device = problem->devices.items[place];
        DeviceRun around;

        if (is_alone(unit, device))
                return places_append(ret, (uint32_t) place);

        around = surroundings(problem, unit, device);
        for (size_t i = 0; (i = next_in_unit(problem, unit, around, i)) < around.n_items; i++) {
                int r = places_append(ret, (uint32_t) around.items[i]->place);

                if (r < 0)
                        return r;
        }

        return 0;
}

typedef enum NodeClass {
        NODE_OF_GUEST, /* or the guest is not bound to nodes */
        NODE_UNKNOWN,
        NODE_OTHER,
} NodeClass;

static NodeClass node_class(const Problem *problem, const Device *device) {
        const NodeSet *nodes = &problem->query->nodes;

        if (!nodes->constrained || node_set_is_empty(nodes) ||
            node_set_has(nodes, device->facts->numa_node))
                return NODE_OF_GUEST;

        return device->facts->numa_node < 0 ? NODE_UNKNOWN : NODE_OTHER;
}

/* Is the device's node on a socket that has a node of the guest? */
static bool shares_socket(const Problem *problem, const Device *device) {
        const Topology *topology = &problem->query->registry->topology;
        int node = device->facts->numa_node;

        if (!problem->sockets_known || node < 0 || (size_t) node >= topology->n_nodes)
                return false;

        for (size_t i = 0; i < topology->n_nodes; i++)
                if (topology->sockets[i] == topology->sockets[node] &&
                    node_set_has(&problem->query->nodes, (int) i))
                        return true;

        return false;
}

static bool node_is_allowed(const Problem *problem, NumaPolicy policy, const Device *device) {
        NodeClass class = node_class(problem, device);

        if (class == NODE_OF_GUEST || policy == NUMA_PREFERRED)
                return true;
        if (policy == NUMA_LEGACY)
                return class == NODE_UNKNOWN;

        return policy == NUMA_SOCKET && shares_socket(problem, device);
}

/* Tags that the device has beyond what the alias asks for; all of them when it is not meant by it. */
static int64_t count_more_tags(const Inventory *inventory, const Alias *alias,
                               const Device *device) {
        size_t n_tags = device->pool_rule ? rule_count_tags(device->pool_rule) : 0, asked = 0;

        for (size_t i = 0; i < alias->n_rules && n_tags > 0; i++) {
                size_t n = rule_count_tags(alias->rules[i]);

                if (n > asked && rule_mismatch(alias->rules[i], device, inventory) == 0)
                        asked = n;
        }

        return (int64_t) (n_tags - asked);
}

/* Of the parts of the cost what is beyond the greatest figure of a unit counts as that. */
static int64_t add_up(int64_t n_tags, int64_t n_beside) {
        if (n_tags > TAGS_GREATEST)
                n_tags = TAGS_GREATEST;
        if (n_beside > FUNCTIONS_GREATEST)
                n_beside = FUNCTIONS_GREATEST;

        return n_tags * COST_TAG + n_beside * COST_FUNCTION;
}

int64_t problem_device_cost(const Inventory *inventory, const Alias *alias, const Device *device) {
        return add_up(count_more_tags(inventory, alias, device), device->n_beside);
}

/* What the choice of these devices, which make a unit, costs. */
static int64_t unit_cost(const Problem *problem, const Alias *alias, const Places *devices) {
        Device *const *all = problem->devices.items;
        NodeClass worst = NODE_OF_GUEST;
        int64_t n_tags = 0;

        for (size_t i = 0; i < devices->n_items; i++) {
                const Device *device = all[devices->items[i]];
                NodeClass class = node_class(problem, device);

                n_tags += count_more_tags(problem->inventory, alias, device);
                if (class > worst)
                        worst = class;
        }

        return add_up(n_tags, all[devices->items[0]]->n_beside) +
               (worst == NODE_UNKNOWN ? COST_UNKNOWN_NODE : 0) +
               (worst == NODE_OTHER ? COST_OTHER_NODE : 0);
}

uint32_t problem_mismatch(const Problem *problem, const Alias *alias, const Device *device) {
        return is_meant(alias, device) ? 0 : alias_mismatch(alias, device, problem->inventory);
}

/* 0 when the alias means one of the devices; else its mismatch with the first. */
static uint32_t unit_mismatch(const Problem *problem, const Alias *alias, const Places *devices) {
        Device *const *all = problem->devices.items;
        uint32_t first = problem_mismatch(problem, alias, all[devices->items[0]]);

        for (size_t i = 1; i < devices->n_items && first != 0; i++)
                if (problem_mismatch(problem, alias, all[devices->items[i]]) == 0)
                        return 0;

        return first;
}

uint32_t problem_judge(Problem *problem, size_t want, const Places *devices, bool in_full,
                       int64_t *ret_cost) {
        const Want *wanted = &problem->wants[want];
        Device *const *all = problem->devices.items;
        uint32_t reasons = 0;

        if (in_full) {
                reasons = unit_mismatch(problem, wanted->alias, devices);
        } else {
                size_t i = 0;

                while (i < devices->n_items && !is_meant(wanted->alias, all[devices->items[i]]))
                        i++;
                if (i == devices->n_items)
                        return REASON_IDS;
        }

        for (size_t i = 0; i < devices->n_items; i++) {
                reasons |= problem_reasons(problem, devices->items[i]);
                if (!node_is_allowed(problem, wanted->policy, all[devices->items[i]]))
                        reasons |= REASON_NUMA;
        }
        if (reasons == 0)
                *ret_cost = unit_cost(problem, wanted->alias, devices);

        return reasons;
}
