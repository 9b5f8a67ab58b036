/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is kept between decisions: of an alias the functions that are to be had, by node and then as they are
 * preferred.
 *
 * It serves requests whose functions have nothing to do with each other: each is alone in its IOMMU group, and none
 * is the PF of another's VF. There an item never takes a function while a preferred one is free, so of each node only
 * as many of the first are looked at as the whole request asks for.
 *
 * Functions of one family cost the same, and when one is given the others cost less: so they are kept together, in
 * bins, and the trail of the registry says whose bins are to be filled anew.
 */
#include <errno.h>
#include <string.h>

#include "core/allocate-internal.h"
#include "core/family.h"
#include "util/vector.h"

/* Functions of one family, node and cost that an alias means and that are available; by address. */
typedef struct Bin {
        Family family;
        int node;
        int64_t cost;   /* but for what the node makes of it */
        uint64_t first; /* key of the first address: that device may have gone since */
        Device **wares;
        size_t n_wares;
        size_t n_bound; /* of which need or exclude another function of their group */
        size_t n_physical, n_virtual;
} Bin;

struct Shelf {
        const Alias *alias;
        Bin *bins; /* by node, cost, first address */
        size_t n_bins;
        size_t n_bound, n_physical, n_virtual; /* in all bins */
};

static void shelf_done(Shelf *shelf) {
        for (size_t i = 0; i < shelf->n_bins; i++)
                free(shelf->bins[i].wares);
        free(shelf->bins);
}

void allocate_forget(AllocateMemory *memory) {
        for (size_t i = 0; i < memory->n_shelves; i++)
                shelf_done(&memory->shelves[i]);
        free(memory->shelves);
        *memory = (AllocateMemory){ 0 };
}

static int compare_bins(const void *a, const void *b) {
        const Bin *bin_a = a, *bin_b = b;

        if (bin_a->node != bin_b->node)
                return bin_a->node < bin_b->node ? -1 : 1;
        if (bin_a->cost != bin_b->cost)
                return bin_a->cost < bin_b->cost ? -1 : 1;
        return bin_a->first < bin_b->first ? -1 : bin_a->first > bin_b->first;
}

static bool means(const Alias *alias, const Device *device) {
        for (size_t i = 0; i < device->n_aliases; i++)
                if (device->aliases[i] == alias)
                        return true;

        return false;
}

/* Counts a ware in or out of what decides whether the shelf serves. */
static void count_ware(Shelf *shelf, const Inventory *inventory, Bin *bin, const Device *ware) {
        bool is_bound = ware->reasons != 0 || !ware->alone;
        bool is_virtual = ware->facts->type == DEVICE_TYPE_VF;
        bool is_physical =
                !is_virtual && inventory_virtual_functions(inventory, ware->address).n_items > 0;

        bin->n_bound += is_bound;
        bin->n_physical += is_physical;
        bin->n_virtual += is_virtual;
        shelf->n_bound += is_bound;
        shelf->n_physical += is_physical;
        shelf->n_virtual += is_virtual;
}

/* Into the last bin if that is for its like, or into a new one behind. 0 or -ENOMEM. */
static int shelf_add(Shelf *shelf, const Inventory *inventory, Device *device, size_t n_old) {
        Bin *last = shelf->n_bins > n_old ? &shelf->bins[shelf->n_bins - 1] : NULL;
        Bin bin = {
                .family = family_of(device),
                .node = device->facts->numa_node,
                .first = address_key(device->address),
        };
        int r;

        /* What is in the way of others in its group may not be in the way of the domain that has it. */
        if ((device->reasons & ~(uint32_t) REASON_GROUP_IN_USE) || !means(shelf->alias, device))
                return 0;

        bin.cost = problem_device_cost(inventory, shelf->alias, device);
        if (!last || last->node != bin.node || last->cost != bin.cost ||
            !family_equal(last->family, bin.family)) {
                r = VECTOR_APPEND(shelf->bins, shelf->n_bins, bin);
                if (r < 0)
                        return r;
                last = &shelf->bins[shelf->n_bins - 1];
        }

        r = VECTOR_APPEND(last->wares, last->n_wares, device);
        if (r == 0)
                count_ware(shelf, inventory, last, device);
        return r;
}

static int shelf_fill(Shelf *shelf, const Inventory *inventory) {
        for (size_t i = 0; i < inventory->n_devices; i++) {
                int r = shelf_add(shelf, inventory, inventory->devices[i], 0);

                if (r < 0)
                        return r;
        }

        if (shelf->n_bins > 0)
                qsort(shelf->bins, shelf->n_bins, sizeof(*shelf->bins), compare_bins);
        return 0;
}

/* The first of @n_bins bins that is not before @bin. */
static size_t find_place(const Shelf *shelf, size_t n_bins, const Bin *bin) {
        size_t low = 0, high = n_bins;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (compare_bins(&shelf->bins[middle], bin) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }

        return low;
}

/* The wares may be no devices any more. */
static void drop_family(Shelf *shelf, Family family) {
        size_t n = 0;

        for (size_t i = 0; i < shelf->n_bins; i++) {
                Bin *bin = &shelf->bins[i];

                if (!family_equal(bin->family, family)) {
                        if (n != i)
                                shelf->bins[n] = *bin;
                        n++;
                        continue;
                }

                shelf->n_bound -= bin->n_bound;
                shelf->n_physical -= bin->n_physical;
                shelf->n_virtual -= bin->n_virtual;
                free(bin->wares);
        }
        shelf->n_bins = n;
}

/* Fills the bins of a family anew. 0 or -ENOMEM. */
static int shelf_follow(Shelf *shelf, const Inventory *inventory, Family family) {
        DeviceRun members = family_members(inventory, family);
        size_t n_old;

        drop_family(shelf, family);
        n_old = shelf->n_bins;
        for (size_t i = 0; i < members.n_items; i++) {
                int r = 0;

                if (family_equal(family_of(members.items[i]), family))
                        r = shelf_add(shelf, inventory, members.items[i], n_old);
                if (r < 0)
                        return r;
        }

        for (; n_old < shelf->n_bins; n_old++) {
                Bin bin = shelf->bins[n_old];
                Bin *at = shelf->bins + find_place(shelf, n_old, &bin);

                memmove(at + 1, at, (size_t) (shelf->bins + n_old - at) * sizeof(*at));
                *at = bin;
        }

        return 0;
}

static int follow_trail(AllocateMemory *memory) {
        const Registry *registry = memory->registry;

        for (; memory->version < registry->version; memory->version++) {
                Family family = registry->trail[memory->version % REGISTRY_TRAIL];

                for (size_t i = 0; i < memory->n_shelves; i++) {
                        int r = shelf_follow(&memory->shelves[i], &registry->inventory, family);

                        if (r < 0)
                                return r;
                }
        }

        return 0;
}

/* Follows what is new, or forgets all. 0 or -ENOMEM. */
static int bring_up_to_date(AllocateMemory *memory, const Registry *registry) {
        int r;

        if (memory->registry != registry || registry->version - memory->version > REGISTRY_TRAIL) {
                allocate_forget(memory);
                memory->registry = registry;
                memory->version = registry->version;
        }

        r = follow_trail(memory);
        if (r < 0)
                allocate_forget(memory);
        return r;
}

/* The shelf of an alias; NULL without memory. */
static const Shelf *find_shelf(AllocateMemory *memory, const Alias *alias) {
        Shelf shelf = { .alias = alias };
        int r;

        for (size_t i = 0; i < memory->n_shelves; i++)
                if (memory->shelves[i].alias == alias)
                        return &memory->shelves[i];

        r = shelf_fill(&shelf, &memory->registry->inventory);
        if (r == 0)
                r = VECTOR_APPEND(memory->shelves, memory->n_shelves, shelf);
        if (r < 0) {
                shelf_done(&shelf);
                return NULL;
        }

        return &memory->shelves[memory->n_shelves - 1];
}

/* Up to @n_most of the bin. Sets *@ret_last to the key of the last, if that is later. 0 or -ENOMEM. */
static int take_some(const Bin *bin, unsigned n_most, Selection *ret, uint64_t *ret_last) {
        for (size_t i = 0; i < bin->n_wares && i < n_most; i++) {
                uint64_t key = address_key(bin->wares[i]->address);
                int r = VECTOR_APPEND(ret->items, ret->n_items, bin->wares[i]);

                if (r < 0)
                        return r;
                if (key > *ret_last)
                        *ret_last = key;
        }

        return 0;
}

/* Of each node the first. */
static int take_first(const Shelf *shelf, unsigned n_asked, Selection *ret) {
        size_t n_before = 0, i = 0;
        uint64_t last = 0;

        while (i < shelf->n_bins) {
                const Bin *bin = &shelf->bins[i], *before = i > 0 ? bin - 1 : NULL;
                const Bin next_node = { .node = bin->node + 1, .cost = INT64_MIN };
                int r;

                if (!before || before->node != bin->node)
                        n_before = ret->n_items;
                if (!before || before->node != bin->node || before->cost != bin->cost)
                        last = 0;

                /* Families of one cost may stand between each other. */
                if (ret->n_items - n_before >= n_asked && bin->first > last) {
                        i = find_place(shelf, shelf->n_bins, &next_node);
                        continue;
                }

                r = take_some(bin, n_asked, ret, &last);
                if (r < 0)
                        return r;
                i++;
        }

        return 0;
}

static int compare_devices(const void *a, const void *b) {
        const Device *device_a = *(Device *const *) a, *device_b = *(Device *const *) b;

        return address_compare(device_a->address, device_b->address);
}

/* By address, each once. */
static void sort_selection(Selection *selection) {
        size_t n = 0;

        if (selection->n_items > 0)
                qsort(selection->items, selection->n_items, sizeof(Device *), compare_devices);
        for (size_t i = 0; i < selection->n_items; i++)
                if (n == 0 || selection->items[i] != selection->items[n - 1])
                        selection->items[n++] = selection->items[i];
        selection->n_items = n;
}

int memory_select(const AllocateQuery *query, Selection *ret) {
        bool has_physical = false, has_virtual = false;
        const Request *request = query->request;
        AllocateMemory *memory = query->memory;
        unsigned n_asked = 0;
        int r;

        if (!memory || query->force)
                return 0;

        r = bring_up_to_date(memory, query->registry);
        if (r < 0)
                return r;

        for (size_t i = 0; i < request->n_items; i++)
                n_asked += request->items[i].count;

        for (size_t i = 0; i < request->n_items; i++) {
                const Alias *alias =
                        catalog_find_alias(&query->registry->catalog, request->items[i].alias);
                const Shelf *shelf;

                if (alias->unit != UNIT_FUNCTION)
                        return 0;
                shelf = find_shelf(memory, alias);
                if (!shelf)
                        return -ENOMEM;

                has_physical |= shelf->n_physical > 0;
                has_virtual |= shelf->n_virtual > 0;
                if (shelf->n_bound > 0 || (has_physical && has_virtual))
                        return 0;
                r = take_first(shelf, n_asked, ret);
                if (r < 0)
                        return r;
        }

        sort_selection(ret);
        return 1;
}
