/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is kept between decisions: of an alias the functions that are to be had, by node and then as they are
 * preferred.
 *
 * It serves requests whose functions have nothing to do with each other: each is alone in its IOMMU group, and none
 * is the PF of another's VF. There an item never takes a function while a preferred one is free, so of each node only
 * as many of the first are looked at as the whole request asks for.
 */
#include <errno.h>

#include "core/allocate-internal.h"
#include "util/vector.h"

/* A function that an alias means and that is available. */
typedef struct Ware {
        int64_t cost; /* but for what its node makes of it */
        int node;
        uint32_t place;
} Ware;

struct Shelf {
        const Alias *alias;
        bool is_plain; /* no ware needs or excludes a function of its group */
        bool has_physical, has_virtual;
        Ware *wares; /* by node, cost, place */
        size_t n_wares;
};

void allocate_forget(AllocateMemory *memory) {
        for (size_t i = 0; i < memory->n_shelves; i++)
                free(memory->shelves[i].wares);
        free(memory->shelves);
        free(memory->n_free);
        free(memory->n_free_card);
        *memory = (AllocateMemory){ 0 };
}

/* Forgets what is out of date, and counts anew. 0 or -ENOMEM. */
static int bring_up_to_date(AllocateMemory *memory, Problem *counting) {
        const Registry *registry = counting->query->registry;
        int r;

        if (memory->n_free && memory->registry == registry && memory->version == registry->version)
                return 0;

        allocate_forget(memory);
        r = problem_count_free(counting);
        memory->registry = registry;
        memory->version = registry->version;
        memory->n_free = counting->n_free;
        memory->n_free_card = counting->n_free_card;
        if (r < 0)
                allocate_forget(memory);
        return r;
}

static int compare_wares(const void *a, const void *b) {
        const Ware *ware_a = a, *ware_b = b;

        if (ware_a->node != ware_b->node)
                return ware_a->node < ware_b->node ? -1 : 1;
        if (ware_a->cost != ware_b->cost)
                return ware_a->cost < ware_b->cost ? -1 : 1;
        return ware_a->place < ware_b->place ? -1 : ware_a->place > ware_b->place;
}

static bool means(const Alias *alias, const Device *device) {
        for (size_t i = 0; i < device->n_aliases; i++)
                if (device->aliases[i] == alias)
                        return true;

        return false;
}

static bool is_alone_in_group(const Inventory *inventory, const Device *device) {
        for (Device *other = NULL; (other = inventory_next_in_group(inventory, device, other));)
                if (other != device)
                        return false;

        return true;
}

static int fill_shelf(const Problem *problem, Shelf *shelf) {
        const Inventory *inventory = problem->inventory;
        int r;

        for (uint32_t i = 0; i < inventory->n_devices && shelf->is_plain; i++) {
                const Device *device = inventory->devices[i];
                const Places unit = { .items = &i, .n_items = 1 };
                Ware ware = { .node = device->facts->numa_node, .place = i };

                /* What is in the way of others in its group may not be in the way of the domain that has it. */
                if (!means(shelf->alias, device) ||
                    (device->reasons & ~(uint32_t) REASON_GROUP_IN_USE))
                        continue;

                shelf->is_plain = device->reasons == 0 && is_alone_in_group(inventory, device);
                shelf->has_physical |= device->facts->type == DEVICE_TYPE_PF;
                shelf->has_virtual |= device->facts->type == DEVICE_TYPE_VF;
                ware.cost = problem_unit_cost(problem, shelf->alias, &unit);
                r = VECTOR_APPEND(shelf->wares, shelf->n_wares, ware);
                if (r < 0)
                        return r;
        }

        if (shelf->n_wares > 0)
                qsort(shelf->wares, shelf->n_wares, sizeof(*shelf->wares), compare_wares);
        return 0;
}

/* The shelf of an alias; NULL without memory. */
static const Shelf *find_shelf(AllocateMemory *memory, const Problem *problem, const Alias *alias) {
        Shelf shelf = { .alias = alias, .is_plain = true };
        int r;

        for (size_t i = 0; i < memory->n_shelves; i++)
                if (memory->shelves[i].alias == alias)
                        return &memory->shelves[i];

        r = fill_shelf(problem, &shelf);
        if (r == 0)
                r = VECTOR_APPEND(memory->shelves, memory->n_shelves, shelf);
        if (r < 0) {
                free(shelf.wares);
                return NULL;
        }

        return &memory->shelves[memory->n_shelves - 1];
}

/* Of each node the first. */
static int take_first(const Shelf *shelf, unsigned n_asked, Places *ret) {
        unsigned n = 0;

        for (size_t i = 0; i < shelf->n_wares; i++) {
                int r;

                n = i > 0 && shelf->wares[i].node == shelf->wares[i - 1].node ? n + 1 : 0;
                if (n >= n_asked) {
                        /* On to the next node: the wares are sorted. */
                        const Ware next = { .node = shelf->wares[i].node + 1, .cost = INT64_MIN };
                        size_t low = i, high = shelf->n_wares;

                        while (low < high) {
                                size_t middle = low + (high - low) / 2;

                                if (compare_wares(&shelf->wares[middle], &next) < 0)
                                        low = middle + 1;
                                else
                                        high = middle;
                        }
                        if (low == shelf->n_wares)
                                break;
                        i = low;
                        n = 0;
                }

                r = places_append(ret, shelf->wares[i].place);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int compare_places(const void *a, const void *b) {
        uint32_t place_a = *(const uint32_t *) a, place_b = *(const uint32_t *) b;

        return place_a < place_b ? -1 : place_a > place_b;
}

static void sort_places(Places *places) {
        size_t n = 0;

        if (places->n_items > 0)
                qsort(places->items, places->n_items, sizeof(*places->items), compare_places);
        for (size_t i = 0; i < places->n_items; i++)
                if (n == 0 || places->items[i] != places->items[n - 1])
                        places->items[n++] = places->items[i];
        places->n_items = n;
}

int memory_select(const AllocateQuery *query, Places *ret) {
        const AllocateQuery unbound = { .registry = query->registry, .domain_uuid = "" };
        Problem problem = { .query = &unbound, .inventory = &query->registry->inventory };
        bool has_physical = false, has_virtual = false;
        AllocateMemory *memory = query->memory;
        unsigned n_asked = 0;
        int r;

        if (!memory || query->force)
                return 0;

        r = bring_up_to_date(memory, &problem);
        if (r < 0)
                return r;

        problem.n_free = memory->n_free;
        problem.n_free_card = memory->n_free_card;
        for (size_t i = 0; i < query->request->n_items; i++)
                n_asked += query->request->items[i].count;

        for (size_t i = 0; i < query->request->n_items; i++) {
                const Alias *alias = catalog_find_alias(&query->registry->catalog,
                                                        query->request->items[i].alias);
                const Shelf *shelf;

                if (alias->unit != UNIT_FUNCTION)
                        return 0;
                shelf = find_shelf(memory, &problem, alias);
                if (!shelf)
                        return -ENOMEM;

                has_physical |= shelf->has_physical;
                has_virtual |= shelf->has_virtual;
                if (!shelf->is_plain || (has_physical && has_virtual))
                        return 0;
                r = take_first(shelf, n_asked, ret);
                if (r < 0)
                        return r;
        }

        sort_places(ret);
        return 1;
}
