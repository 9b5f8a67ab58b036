/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "core/allocate-internal.h"
#include "util/vector.h"

bool problem_lot_serves(const Problem *problem, size_t lot) {
        for (size_t want = 0; want < problem->n_wants; want++)
                if (problem_cost(problem, lot, want) != COST_NEVER)
                        return true;

        return false;
}

static void lot_remove(Problem *problem, size_t lot) {
        for (size_t want = 0; want < problem->n_wants; want++)
                problem->costs[lot * problem->n_wants + want] = COST_NEVER;
}

static int note_lots(Problem *problem) {
        int r;

        for (size_t lot = 0; lot < problem->n_lots; lot++) {
                const Places *devices = &problem->lots[lot].devices;

                for (size_t i = 0; i < devices->n_items; i++) {
                        r = places_append(&problem->lots_of[devices->items[i]], (uint32_t) lot);
                        if (r < 0)
                                return r;
                }
        }

        return 0;
}

/* The lots that have the device at @place exclude @lot; none has what is not in the problem. */
static int exclude_device(Problem *problem, size_t lot, size_t place) {
        Places *conflicts = &problem->lots[lot].conflicts;
        const Places *others;
        int r;

        if (place == SIZE_MAX)
                return 0;

        others = &problem->lots_of[place];
        for (size_t i = 0; i < others->n_items; i++) {
                if (others->items[i] == lot || places_contain(conflicts, others->items[i]))
                        continue;

                r = places_append(conflicts, others->items[i]);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int exclude_relatives(Problem *problem, size_t lot, size_t place) {
        const Device *device = problem->devices.items[place];
        DeviceRun functions = inventory_virtual_functions(problem->inventory, device->address);
        int r = exclude_device(problem, lot, place);

        if (r == 0 && device->facts->type == DEVICE_TYPE_VF)
                return exclude_device(problem, lot,
                                      problem_place(problem, device->facts->physical_function));

        for (size_t i = 0; i < functions.n_items && r == 0; i++)
                r = exclude_device(problem, lot, problem_place_of(problem, functions.items[i]));

        return r;
}

static bool needs_others(const Problem *problem, size_t place) {
        return *problem->query->domain_uuid && !problem->devices.items[place]->alone;
}

/* The rest of the device's group that would stay at host drivers. */
static int need_group(Problem *problem, size_t lot, size_t place) {
        const Device *device = problem->devices.items[place];
        DeviceRun group = inventory_group(problem->inventory, device);
        Lot *needing = &problem->lots[lot];

        for (size_t i = 0; i < group.n_items; i++) {
                size_t needed = problem_place_of(problem, group.items[i]);
                int r;

                /* What is selected is alone in its group. */
                assert(needed != SIZE_MAX);
                if (places_contain(&needing->devices, (uint32_t) needed) ||
                    places_contain(&needing->needs, (uint32_t) needed) ||
                    !problem_is_stuck(problem, group.items[i]))
                        continue;

                r = places_append(&needing->needs, (uint32_t) needed);
                if (r == 0)
                        r = places_append(&problem->needers[needed], (uint32_t) lot);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* Is there a lot with the device that could be chosen beside this one? */
static bool need_can_be_met(const Problem *problem, const Lot *lot, uint32_t device) {
        const Places *lots = &problem->lots_of[device];

        for (size_t i = 0; i < lots->n_items; i++)
                if (problem_lot_serves(problem, lots->items[i]) &&
                    !places_contain(&lot->conflicts, lots->items[i]))
                        return true;

        return false;
}

void problem_remove_hopeless(Problem *problem) {
        bool again = true;

        while (again) {
                again = false;
                for (size_t i = 0; i < problem->n_lots; i++) {
                        const Lot *lot = &problem->lots[i];

                        for (size_t j = 0; j < lot->needs.n_items && problem_lot_serves(problem, i);
                             j++) {
                                if (need_can_be_met(problem, lot, lot->needs.items[j]))
                                        continue;

                                lot_remove(problem, i);
                                again = true;
                        }
                }
        }
}

int problem_link(Problem *problem) {
        int r = note_lots(problem);

        for (size_t lot = 0; lot < problem->n_lots && r == 0; lot++) {
                const Places *devices = &problem->lots[lot].devices;

                for (size_t i = 0; i < devices->n_items && r == 0; i++) {
                        r = exclude_relatives(problem, lot, devices->items[i]);
                        if (r == 0 && needs_others(problem, devices->items[i]))
                                r = need_group(problem, lot, devices->items[i]);
                }
        }
        if (r < 0)
                return r;

        problem_remove_hopeless(problem);
        return 0;
}

static uint32_t find_root(uint32_t *parents, uint32_t lot) {
        while (parents[lot] != lot) {
                parents[lot] = parents[parents[lot]];
                lot = parents[lot];
        }

        return lot;
}

/* The first lot of a cluster is its root. */
static void join(uint32_t *parents, uint32_t a, uint32_t b) {
        uint32_t root_a = find_root(parents, a), root_b = find_root(parents, b);

        if (root_a < root_b)
                parents[root_b] = root_a;
        else
                parents[root_a] = root_b;
}

static void join_all(const Problem *problem, uint32_t *parents) {
        for (uint32_t lot = 0; lot < problem->n_lots; lot++)
                parents[lot] = lot;

        for (uint32_t lot = 0; lot < problem->n_lots; lot++) {
                const Places *conflicts = &problem->lots[lot].conflicts;
                const Places *needs = &problem->lots[lot].needs;

                if (!problem_lot_serves(problem, lot))
                        continue;

                for (size_t i = 0; i < conflicts->n_items; i++)
                        if (problem_lot_serves(problem, conflicts->items[i]))
                                join(parents, lot, conflicts->items[i]);

                for (size_t i = 0; i < needs->n_items; i++) {
                        const Places *lots = &problem->lots_of[needs->items[i]];

                        for (size_t j = 0; j < lots->n_items; j++)
                                if (problem_lot_serves(problem, lots->items[j]))
                                        join(parents, lot, lots->items[j]);
                }
        }
}

static int compare_places(const void *a, const void *b) {
        uint32_t place_a = *(const uint32_t *) a, place_b = *(const uint32_t *) b;

        return place_a < place_b ? -1 : place_a > place_b;
}

static int collect_devices(const Problem *problem, Cluster *cluster) {
        Places *devices = &cluster->devices;
        size_t n = 0;
        int r;

        for (size_t i = 0; i < cluster->lots.n_items; i++) {
                const Lot *lot = &problem->lots[cluster->lots.items[i]];

                for (size_t j = 0; j < lot->devices.n_items; j++) {
                        r = places_append(devices, lot->devices.items[j]);
                        if (r < 0)
                                return r;
                }
        }

        qsort(devices->items, devices->n_items, sizeof(*devices->items), compare_places);
        for (size_t i = 0; i < devices->n_items; i++)
                if (i == 0 || devices->items[i] != devices->items[n - 1])
                        devices->items[n++] = devices->items[i];
        devices->n_items = n;
        return 0;
}

/* Appends where each that is in @all (ascending) stands there, and an end. */
static int describe_places(Places *description, const Places *all, const Places *places) {
        int r = 0;

        for (size_t i = 0; i < places->n_items && r == 0; i++) {
                const uint32_t *found = bsearch(&places->items[i], all->items, all->n_items,
                                                sizeof(*all->items), compare_places);

                if (found)
                        r = places_append(description, (uint32_t) (found - all->items));
        }

        return r < 0 ? r : places_append(description, UINT32_MAX);
}

static int describe(const Problem *problem, Cluster *cluster) {
        Places *description = &cluster->description;
        int r = places_append(description, (uint32_t) cluster->devices.n_items);

        for (size_t i = 0; i < cluster->lots.n_items && r == 0; i++) {
                const Lot *lot = &problem->lots[cluster->lots.items[i]];

                r = describe_places(description, &cluster->devices, &lot->devices);
                if (r == 0)
                        r = describe_places(description, &cluster->lots, &lot->conflicts);
                if (r == 0)
                        r = describe_places(description, &cluster->devices, &lot->needs);

                for (size_t want = 0; want < problem->n_wants && r == 0; want++) {
                        int64_t cost = problem_cost(problem, cluster->lots.items[i], want);

                        r = places_append(description, (uint32_t) cost);
                        if (r == 0)
                                r = places_append(description, (uint32_t) (cost >> 32));
                }
        }

        return r;
}

static int compare_descriptions(const void *a, const void *b) {
        const Places *description_a = &(*(Cluster *const *) a)->description;
        const Places *description_b = &(*(Cluster *const *) b)->description;

        if (description_a->n_items != description_b->n_items)
                return description_a->n_items < description_b->n_items ? -1 : 1;

        return memcmp(description_a->items, description_b->items,
                      description_a->n_items * sizeof(*description_a->items));
}

/* Clusters of one description are alike. */
static int compare_clusters(Problem *problem) {
        _cleanup_(freep) Cluster **order = calloc(problem->n_clusters + 1, sizeof(*order));

        if (!order)
                return -ENOMEM;

        for (size_t i = 0; i < problem->n_clusters; i++)
                order[i] = &problem->clusters[i];
        qsort(order, problem->n_clusters, sizeof(*order), compare_descriptions);

        for (uint32_t i = 0; i < problem->n_clusters; i++) {
                bool is_new = i == 0 || compare_descriptions(&order[i], &order[i - 1]) != 0;

                order[i]->likeness = is_new ? i : order[i - 1]->likeness;
        }

        return 0;
}

static int fill_clusters(Problem *problem, uint32_t *parents) {
        _cleanup_(freep) uint32_t *sizes = calloc(problem->n_lots + 1, sizeof(*sizes));
        int r;

        if (!sizes)
                return -ENOMEM;

        for (uint32_t lot = 0; lot < problem->n_lots; lot++)
                sizes[find_root(parents, lot)]++;

        for (uint32_t lot = 0; lot < problem->n_lots; lot++) {
                uint32_t root = find_root(parents, lot);
                uint32_t *cluster = &problem->lots[lot].cluster;

                *cluster = PLACE_NONE;
                if (sizes[root] == 1)
                        continue;

                if (root == lot) {
                        r = VECTOR_APPEND(problem->clusters, problem->n_clusters, ((Cluster){ 0 }));
                        if (r < 0)
                                return r;
                        *cluster = (uint32_t) problem->n_clusters - 1;
                } else {
                        *cluster = problem->lots[root].cluster;
                }

                r = places_append(&problem->clusters[*cluster].lots, lot);
                if (r < 0)
                        return r;
        }

        return 0;
}

int problem_cluster(Problem *problem) {
        _cleanup_(freep) uint32_t *parents = calloc(problem->n_lots + 1, sizeof(*parents));
        int r;

        if (!parents)
                return -ENOMEM;

        problem_forget_clusters(problem);
        join_all(problem, parents);
        r = fill_clusters(problem, parents);
        for (size_t i = 0; i < problem->n_clusters && r == 0; i++) {
                r = collect_devices(problem, &problem->clusters[i]);
                if (r == 0)
                        r = describe(problem, &problem->clusters[i]);
        }
        if (r < 0)
                return r;

        return compare_clusters(problem);
}

void problem_forget_clusters(Problem *problem) {
        for (size_t i = 0; i < problem->n_clusters; i++) {
                places_done(&problem->clusters[i].lots);
                places_done(&problem->clusters[i].devices);
                places_done(&problem->clusters[i].description);
        }
        free(problem->clusters);
        problem->clusters = NULL;
        problem->n_clusters = 0;
}
