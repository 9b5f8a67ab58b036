/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Why a device is not chosen, and what a request lacks. The words for it are in allocate-tell.c.
 */
#include <errno.h>
#include <string.h>

#include "core/allocate-group.h"
#include "core/allocate-internal.h"
#include "util/text.h"
#include "util/vector.h"

#define MISMATCH (REASON_IDS | REASON_TYPE | REASON_TAGS)

void explanation_done(Explanation *explanation) {
        free(explanation->candidates);
        free(explanation->text);
        free(explanation->sentence);
        *explanation = (Explanation){ 0 };
}

/* The lot with exactly these devices; NULL: there is none. */
static const Lot *find_lot(const Problem *problem, const Places *devices) {
        const Places *lots = &problem->lots_of[devices->items[0]];

        for (size_t i = 0; i < lots->n_items; i++) {
                const Lot *lot = &problem->lots[lots->items[i]];

                if (lot->devices.n_items == devices->n_items &&
                    memcmp(lot->devices.items, devices->items,
                           devices->n_items * sizeof(*devices->items)) == 0)
                        return lot;
        }

        return NULL;
}

/* Why the lot is not among the rows: what stands there against it. 0: it is there, or was not needed. */
static uint32_t reasons_by_choice(const Problem *problem, const Shortage *shortage, size_t item,
                                  const Lot *lot, const Device *device) {
        const Rows *rows = &shortage->rows;
        size_t n_met = 0;

        for (size_t i = 0; i < rows->n_items; i++) {
                uint32_t chosen = rows->items[i].lot;
                size_t by = problem_item(problem, rows, i);

                if (lot == &problem->lots[chosen])
                        return by < item ? REASON_TAKEN_BY_EARLIER_ITEM : 0;
                if (!places_contain(&lot->conflicts, chosen))
                        continue;
                if (by < item)
                        return REASON_TAKEN_BY_EARLIER_ITEM;
                if (by == item)
                        return device->facts->type == DEVICE_TYPE_VF ? REASON_PF_IN_USE
                                                                     : REASON_VF_IN_USE;
        }

        if (shortage->result == SEARCH_FOUND || item != shortage->item)
                return 0;

        for (size_t i = 0; i < rows->n_items; i++)
                for (size_t j = 0; j < lot->needs.n_items; j++)
                        n_met += places_contain(&problem->lots[rows->items[i].lot].devices,
                                                lot->needs.items[j]);

        return n_met < lot->needs.n_items ? REASON_GROUP_INCOMPLETE : 0;
}

/* All reasons that hold against the device for the item; or -ENOMEM. */
static int64_t find_reasons(Problem *problem, const Shortage *shortage, size_t item, size_t place) {
        _cleanup_(places_done) Places unit = { 0 };
        const Device *device = problem->inventory->devices[place];
        size_t want = problem->want_of_item[item];
        const Alias *alias = problem->wants[want].alias;
        uint32_t reasons;
        const Lot *lot;
        int64_t cost;
        int r;

        r = problem_unit(problem, alias->unit, place, &unit);
        if (r < 0)
                return r;

        /* A VF goes along with its PF, as no unit of its own. */
        if (!places_contain(&unit, (uint32_t) place))
                return problem_mismatch(problem, alias, device) ?: REASON_TYPE;

        reasons = problem_judge(problem, want, &unit, true, &cost);
        if (reasons & MISMATCH)
                reasons =
                        (reasons & ~(uint32_t) MISMATCH) | problem_mismatch(problem, alias, device);
        if (reasons != 0)
                return reasons;

        lot = find_lot(problem, &unit);
        if (!lot || !problem_lot_serves(problem, (size_t) (lot - problem->lots)))
                return REASON_GROUP_INCOMPLETE;

        return reasons_by_choice(problem, shortage, item, lot, device);
}

static bool is_chosen(const Problem *problem, const Rows *rows, size_t item, size_t place) {
        for (size_t i = 0; i < rows->n_items; i++)
                if (problem_item(problem, rows, i) == item &&
                    places_contain(&problem->lots[rows->items[i].lot].devices, (uint32_t) place))
                        return true;

        return false;
}

static bool has_needs(const Problem *problem) {
        for (size_t lot = 0; lot < problem->n_lots; lot++)
                if (problem->lots[lot].needs.n_items > 0 && problem_lot_serves(problem, lot))
                        return true;

        return false;
}

/*
 * The greatest number below the item's own with which it can be served beside the rest of @demand; not below
 * @least. 1; 0: there is none; or -ENOMEM. Where nothing needs anything, what fits with more fits with less.
 */
static int find_served(Problem *problem, size_t item, unsigned least, Demand demand,
                       Shortage *shortage) {
        size_t want = problem->want_of_item[item];
        size_t most = problem->wants[want].order.n_items;
        unsigned low = least, high = problem->query->request->items[item].count;
        unsigned others = demand.counts[want] - high;
        bool is_monotone = !has_needs(problem);
        int found = 0;

        while (low < high) {
                unsigned n = is_monotone ? low + (high - low) / 2 : high - 1;
                Rows rows;
                int r;

                demand.counts[want] = others + n;
                r = demand.counts[want] > most ? SEARCH_IMPOSSIBLE
                                               : problem_search(problem, &demand, &rows);
                if (r < 0)
                        return r;
                if (r != SEARCH_FOUND) {
                        high = n;
                        continue;
                }

                found = 1;
                shortage->item = item;
                shortage->n_served = n;
                shortage->rows = rows;
                low = is_monotone ? n + 1 : high;
        }

        return found;
}

/*
 * The items are served in their order, as far as that goes. Where devices need each other it may go nowhere,
 * because the first item cannot be without a later one: then the item is told without which, in full, all others
 * can be served.
 */
static int find_shortage(Problem *problem, Shortage *shortage) {
        const Request *request = problem->query->request;
        size_t item;
        Demand demand = { 0 };
        int r;

        for (item = 0; item < request->n_items; item++) {
                demand = problem_demand(problem, item + 1, request->items[item].count);
                shortage->item = item;
                if (item + 1 == request->n_items)
                        break;

                r = problem_search(problem, &demand, &shortage->rows);
                if (r < 0)
                        return r;
                if (r != SEARCH_FOUND)
                        break;
        }

        r = find_served(problem, item, 1, demand, shortage);
        if (r != 0 || !has_needs(problem))
                return r;

        for (item = 0; item < request->n_items && r == 0; item++)
                r = find_served(problem, item, 0, problem_demand_all(problem), shortage);

        return r;
}

/* How near a device comes to what an item means; the first kind that there is any of is told. */
typedef enum Nearness {
        NEARNESS_MEANT,   /* by the alias, in a pool */
        NEARNESS_OUTSIDE, /* by the alias, in no pool */
        NEARNESS_ALMOST,  /* its ids are the alias's */
        NEARNESS_FAR,
        _NEARNESS_END,
} Nearness;

static Nearness find_nearness(const Device *device, uint32_t reasons) {
        if (!(reasons & MISMATCH))
                return device->pool ? NEARNESS_MEANT : NEARNESS_OUTSIDE;
        return reasons & REASON_IDS ? NEARNESS_FAR : NEARNESS_ALMOST;
}

static int add_obstacle(Obstacles *obstacles, const Device *device, uint32_t reasons) {
        const Obstacle obstacle = { device, reasons & -reasons };

        return VECTOR_APPEND(obstacles->items, obstacles->n_items, obstacle);
}

/*
 * Each device counts once, by the first of its reasons: those that the alias means; if they are all fine, those that
 * it means outside of the pools; if it means none, those that it nearly means, else all.
 */
static int find_obstacles(Problem *problem, const Shortage *shortage,
                          Obstacles found[static _NEARNESS_END], bool *ret_means_any) {
        for (size_t i = 0; i < problem->devices.n_items; i++) {
                const Device *device = problem->inventory->devices[i];
                Nearness nearness;
                int64_t reasons;
                int r;

                if (facts_is_bridge(device->facts))
                        continue;

                reasons = find_reasons(problem, shortage, shortage->item, i);
                if (reasons < 0)
                        return (int) reasons;

                nearness = find_nearness(device, (uint32_t) reasons);
                if (nearness == NEARNESS_MEANT)
                        *ret_means_any = true;
                if (nearness >= NEARNESS_ALMOST) {
                        if (!device->pool)
                                continue;
                        reasons &= MISMATCH;
                }
                if (reasons == 0)
                        continue;

                r = add_obstacle(&found[nearness], device, (uint32_t) reasons);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int find_nearest_obstacles(Problem *problem, const Shortage *shortage, Obstacles *ret) {
        Obstacles found[_NEARNESS_END] = { 0 };
        bool means_any = false;
        int r;

        r = find_obstacles(problem, shortage, found, &means_any);

        for (Nearness nearness = 0; nearness < _NEARNESS_END; nearness++) {
                bool counts = nearness < NEARNESS_ALMOST || !means_any;

                if (r == 0 && counts && ret->n_items == 0)
                        *ret = found[nearness];
                else
                        free(found[nearness].items);
        }

        return r;
}

void shortage_done(Shortage *shortage) {
        free(shortage->obstacles.items);
        *shortage = (Shortage){ 0 };
}

int problem_find_shortage(Problem *problem, int result, Shortage *ret) {
        _cleanup_(shortage_done) Shortage shortage = { .result = result };
        int r;

        r = find_shortage(problem, &shortage);
        if (r >= 0)
                r = find_nearest_obstacles(problem, &shortage, &shortage.obstacles);
        if (r < 0)
                return r;

        *ret = shortage;
        shortage = (Shortage){ 0 };
        return 0;
}

static int explain_item(Problem *problem, const Shortage *shortage, size_t item,
                        Explanation *explanation) {
        int r;

        for (size_t i = 0; i < problem->devices.n_items; i++) {
                Device *device = problem->inventory->devices[i];
                Candidate candidate = { .item = item, .device = device };

                if (!device->pool)
                        continue;

                candidate.chosen =
                        explanation->fits && is_chosen(problem, &shortage->rows, item, i);
                if (!candidate.chosen) {
                        int64_t reasons = find_reasons(problem, shortage, item, i);

                        if (reasons < 0)
                                return (int) reasons;
                        candidate.reasons = (uint32_t) reasons;
                }
                if (candidate.reasons & REASON_GROUP_INCOMPLETE) {
                        Unit unit = problem->wants[problem->want_of_item[item]].alias->unit;
                        bool needs_pool;

                        if (problem_helping_unit(problem, unit, device, &candidate.helping_unit,
                                                 &needs_pool) < 0)
                                return -ENOMEM;
                }

                r = VECTOR_APPEND(explanation->candidates, explanation->n_candidates, candidate);
                if (r < 0)
                        return r;
        }

        return 0;
}

/*
 * How many each item can have: as the shortage tells it. What stands behind the item that falls short is not looked
 * at there, and has what is left.
 */
static int count_units(Problem *problem, const Shortage *shortage, unsigned *n_units) {
        const Request *request = problem->query->request;
        const Rows *rows = &shortage->rows;
        Demand demand = { 0 };
        Rows found;

        for (size_t i = 0; i < rows->n_items; i++) {
                n_units[problem_item(problem, rows, i)]++;
                demand.counts[rows->items[i].want]++;
        }
        if (shortage->result == SEARCH_FOUND)
                return 0;

        for (size_t item = shortage->item + 1; item < request->n_items; item++) {
                size_t want = problem->want_of_item[item];

                while (n_units[item] < request->items[item].count) {
                        int r;

                        demand.counts[want]++;
                        r = demand.counts[want] > problem->wants[want].order.n_items
                                    ? SEARCH_IMPOSSIBLE
                                    : problem_search_any(problem, &demand, &found);
                        if (r < 0)
                                return r;
                        if (r != SEARCH_FOUND) {
                                demand.counts[want]--;
                                break;
                        }
                        n_units[item]++;
                }
        }

        return 0;
}

static int explain_shortage(Problem *problem, Shortage *shortage, Explanation *explanation) {
        bool fits = explanation->fits;
        _cleanup_(freep) char *sentence = NULL, *group = NULL;
        int r;

        r = fits ? 0 : problem_find_shortage(problem, shortage->result, shortage);
        if (r < 0)
                return r;

        shortage_count(shortage, explanation->counts);
        explanation->text = fits ? strdup("") : problem_text(problem, shortage);
        sentence = fits ? strdup("") : problem_sentence(problem, shortage);
        group = fits ? strdup("") : problem_group_words(problem, shortage);
        explanation->sentence = sentence && group ? text_print("%s%s", sentence, group) : NULL;
        return explanation->text && explanation->sentence ? 0 : -ENOMEM;
}

int allocate_explain(const AllocateQuery *query, Explanation *ret) {
        _cleanup_(problem_done) Problem problem = { 0 };
        _cleanup_(explanation_done) Explanation explanation = { 0 };
        _cleanup_(shortage_done) Shortage shortage = { 0 };
        Demand demand;
        int r;

        r = problem_init(&problem, query);
        if (r < 0)
                return r;

        demand = problem_demand_all(&problem);
        r = problem_search(&problem, &demand, &shortage.rows);
        if (r < 0)
                return r;

        shortage.result = r;
        explanation.fits = r == SEARCH_FOUND;
        r = explain_shortage(&problem, &shortage, &explanation);
        for (size_t item = 0; item < query->request->n_items && r == 0; item++)
                r = explain_item(&problem, &shortage, item, &explanation);
        if (r == 0)
                r = count_units(&problem, &shortage, explanation.n_units);
        if (r < 0)
                return r;

        *ret = explanation;
        explanation = (Explanation){ 0 };
        return 0;
}
