/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "core/allocate-internal.h"
#include "util/vector.h"

int places_append(Places *places, uint32_t place) {
        return VECTOR_APPEND(places->items, places->n_items, place);
}

bool places_contain(const Places *places, uint32_t place) {
        for (size_t i = 0; i < places->n_items; i++)
                if (places->items[i] == place)
                        return true;

        return false;
}

void places_done(Places *places) {
        free(places->items);
        *places = (Places){ 0 };
}

static bool places_equal(const Places *a, const Places *b) {
        return a->n_items == b->n_items &&
               memcmp(a->items, b->items, a->n_items * sizeof(*a->items)) == 0;
}

/* Appends a lot (takes @devices over when it is new) that serves @want; lots of
 * the same devices are one. */
static int add_lot(Problem *problem, Places *devices, size_t want, int64_t cost, size_t first_lot) {
        size_t lot = first_lot;
        int64_t *costs;
        int r;

        while (lot < problem->n_lots && !places_equal(&problem->lots[lot].devices, devices))
                lot++;

        if (lot == problem->n_lots) {
                r = vector_reserve(&problem->lots, problem->n_lots, sizeof(*problem->lots));
                if (r < 0)
                        return r;

                r = vector_reserve(&problem->costs, problem->n_lots,
                                   problem->n_wants * sizeof(*problem->costs));
                if (r < 0)
                        return r;

                problem->lots[problem->n_lots++] = (Lot){ .devices = *devices };
                *devices = (Places){ 0 };
                costs = problem->costs + lot * problem->n_wants;
                for (size_t i = 0; i < problem->n_wants; i++)
                        costs[i] = COST_NEVER;
        }

        problem->costs[lot * problem->n_wants + want] = cost;
        return 0;
}

/* A lot is better than one with which it shares its first address when it has
 * the next one too. */
static void swap_lots(Problem *problem, size_t a, size_t b) {
        Lot lot = problem->lots[a];

        problem->lots[a] = problem->lots[b];
        problem->lots[b] = lot;
        for (size_t i = 0; i < problem->n_wants; i++) {
                int64_t *costs_a = problem->costs + a * problem->n_wants + i;
                int64_t *costs_b = problem->costs + b * problem->n_wants + i;
                int64_t cost = *costs_a;

                *costs_a = *costs_b;
                *costs_b = cost;
        }
}

/* <0 when @a is better by its addresses: it has the lowest that only one of
 * them has. */
static int places_compare(const Places *a, const Places *b) {
        for (size_t i = 0; i < a->n_items && i < b->n_items; i++)
                if (a->items[i] != b->items[i])
                        return a->items[i] < b->items[i] ? -1 : 1;

        return a->n_items == b->n_items ? 0 : a->n_items > b->n_items ? -1 : 1;
}

/* The lots whose first device is this one. */
static int add_lots_at(Problem *problem, size_t place) {
        const uint32_t of_host = REASON_IN_USE_BY_HOST | REASON_GROUP_IN_USE;
        size_t first_lot = problem->n_lots;
        int r;

        for (size_t want = 0; want < problem->n_wants; want++) {
                _cleanup_(places_done) Places devices = { 0 };
                const Alias *alias = problem->wants[want].alias;
                uint32_t reasons;
                int64_t cost;

                if (!problem_begins_unit(problem, alias, place))
                        continue;
                r = problem_unit(problem, alias->unit, place, &devices);
                if (r < 0)
                        return r;
                reasons = problem_judge(problem, want, &devices, false, &cost);
                problem->is_held_up_by_host |= reasons != 0 && (reasons & ~of_host) == 0;
                if (reasons != 0)
                        continue;

                r = add_lot(problem, &devices, want, cost, first_lot);
                if (r < 0)
                        return r;
        }

        for (size_t i = first_lot; i < problem->n_lots; i++)
                for (size_t j = i;
                     j > first_lot &&
                     places_compare(&problem->lots[j].devices, &problem->lots[j - 1].devices) < 0;
                     j--)
                        swap_lots(problem, j, j - 1);

        return 0;
}

/* Items of one alias become one want. */
static void make_wants(Problem *problem) {
        const AllocateQuery *query = problem->query;

        for (size_t i = 0; i < query->request->n_items; i++) {
                const char *name = query->request->items[i].alias;
                const Alias *alias = catalog_find_alias(&query->registry->catalog, name);
                size_t want = 0;

                assert(alias);
                while (want < problem->n_wants && problem->wants[want].alias != alias)
                        want++;

                problem->want_of_item[i] = want;
                if (want < problem->n_wants)
                        continue;

                problem->wants[problem->n_wants++] = (Want){
                        .alias = alias,
                        .policy = query->numa_policy < 0 ? alias->numa_policy
                                                         : (NumaPolicy) query->numa_policy,
                };
        }
}

typedef struct Offer {
        int64_t cost;
        uint32_t lot;
} Offer;

/* Of equal lots the first in the list is the one with the lower addresses. */
static int compare_offers(const void *a, const void *b) {
        const Offer *offer_a = a, *offer_b = b;

        if (offer_a->cost != offer_b->cost)
                return offer_a->cost < offer_b->cost ? -1 : 1;
        return offer_a->lot < offer_b->lot ? -1 : offer_a->lot > offer_b->lot;
}

static int sort_lots(Problem *problem) {
        _cleanup_(freep) Offer *offers = calloc(problem->n_lots + 1, sizeof(*offers));

        if (!offers)
                return -ENOMEM;

        for (size_t want = 0; want < problem->n_wants; want++) {
                Places *order = &problem->wants[want].order;
                size_t n_offers = 0;

                for (uint32_t lot = 0; lot < problem->n_lots; lot++) {
                        int64_t cost = problem_cost(problem, lot, want);

                        if (cost != COST_NEVER)
                                offers[n_offers++] = (Offer){ .cost = cost, .lot = lot };
                }

                qsort(offers, n_offers, sizeof(*offers), compare_offers);
                order->items = calloc(n_offers + 1, sizeof(*order->items));
                if (!order->items)
                        return -ENOMEM;
                while (order->n_items < n_offers) {
                        order->items[order->n_items] = offers[order->n_items].lot;
                        order->n_items++;
                }
        }

        return 0;
}

static bool all_sockets_are_known(const Topology *topology) {
        for (size_t i = 0; i < topology->n_nodes; i++)
                if (topology->sockets[i] < 0)
                        return false;

        return true;
}

int problem_init_selected(Problem *problem, const AllocateQuery *query, DeviceRun selected) {
        int r;

        *problem = (Problem){
                .query = query,
                .inventory = &query->registry->inventory,
                .devices = selected,
                .sockets_known = all_sockets_are_known(&query->registry->topology),
        };
        make_wants(problem);

        problem->reasons = calloc(selected.n_items + 1, sizeof(*problem->reasons));
        problem->lots_of = calloc(selected.n_items + 1, sizeof(*problem->lots_of));
        problem->needers = calloc(selected.n_items + 1, sizeof(*problem->needers));
        if (!problem->reasons || !problem->lots_of || !problem->needers)
                return -ENOMEM;

        for (size_t i = 0; i < selected.n_items; i++) {
                if (facts_is_bridge(selected.items[i]->facts))
                        continue;

                r = add_lots_at(problem, i);
                if (r < 0)
                        return r;
        }

        r = problem_link(problem);
        if (r < 0)
                return r;

        return sort_lots(problem);
}

int problem_init(Problem *problem, const AllocateQuery *query) {
        const Inventory *inventory = &query->registry->inventory;
        DeviceRun all = { .items = inventory->devices, .n_items = inventory->n_devices };

        return problem_init_selected(problem, query, all);
}

/* Those of these devices. */
static void forget_places(Places *of_devices, const Places *devices) {
        for (size_t i = 0; i < devices->n_items; i++)
                places_done(&of_devices[devices->items[i]]);
}

void problem_done(Problem *problem) {
        for (size_t i = 0; i < problem->n_wants; i++)
                places_done(&problem->wants[i].order);
        for (size_t i = 0; i < problem->n_lots; i++) {
                forget_places(problem->lots_of, &problem->lots[i].devices);
                forget_places(problem->needers, &problem->lots[i].needs);
                places_done(&problem->lots[i].devices);
                places_done(&problem->lots[i].conflicts);
                places_done(&problem->lots[i].needs);
        }
        problem_forget_clusters(problem);
        free(problem->needers);
        free(problem->lots_of);
        free(problem->costs);
        free(problem->lots);
        free(problem->reasons);
}

Demand problem_demand(const Problem *problem, size_t n_items, unsigned n_last) {
        Demand demand = { 0 };

        for (size_t i = 0; i < n_items; i++)
                demand.counts[problem->want_of_item[i]] +=
                        i + 1 < n_items ? problem->query->request->items[i].count : n_last;

        return demand;
}

Demand problem_demand_all(const Problem *problem) {
        const Request *request = problem->query->request;

        return problem_demand(problem, request->n_items,
                              request->items[request->n_items - 1].count);
}

size_t problem_item(const Problem *problem, const Rows *rows, size_t row) {
        size_t want = rows->items[row].want, item = 0;
        unsigned before = 0;

        for (size_t i = 0; i < row; i++)
                before += rows->items[i].want == want;

        while (problem->want_of_item[item] != want ||
               before >= problem->query->request->items[item].count) {
                if (problem->want_of_item[item] == want)
                        before -= problem->query->request->items[item].count;
                item++;
        }

        return item;
}
