/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Why a device is not chosen, and what a request lacks.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/allocate-internal.h"
#include "util/text.h"
#include "util/vector.h"

#define MISMATCH (REASON_IDS | REASON_TYPE | REASON_TAGS)

void explanation_done(Explanation *explanation) {
        free(explanation->candidates);
        free(explanation->text);
        *explanation = (Explanation){ 0 };
}

/* --- one item and one device ------------------------------------------------------------------ */

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
                return alias_mismatch(alias, device, problem->inventory) ?: REASON_TYPE;

        reasons = problem_judge(problem, want, &unit, true, &cost);
        if (reasons & MISMATCH)
                reasons = (reasons & ~(uint32_t) MISMATCH) |
                          alias_mismatch(alias, device, problem->inventory);
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

/* --- what is missing -------------------------------------------------------------------------- */

/*
 * The greatest number below the item's own with which it can be served beside the rest of @demand; not below
 * @least. 1; 0: there is none; or -ENOMEM.
 */
static int find_served(Problem *problem, size_t item, unsigned least, Demand demand,
                       Shortage *shortage) {
        size_t want = problem->want_of_item[item];
        size_t most = problem->wants[want].order.n_items;
        Rows rows;
        int r;

        for (unsigned n = problem->query->request->items[item].count; n > least;) {
                n--;
                demand.counts[want]--;
                if (demand.counts[want] > most)
                        continue;

                r = problem_search(problem, &demand, &rows);
                if (r < 0)
                        return r;
                if (r != SEARCH_FOUND)
                        continue;

                *shortage = (Shortage){ shortage->result, item, n, rows };
                return 1;
        }

        return 0;
}

static bool has_needs(const Problem *problem) {
        for (size_t lot = 0; lot < problem->n_lots; lot++)
                if (problem->lots[lot].needs.n_items > 0 && problem_lot_serves(problem, lot))
                        return true;

        return false;
}

/*
 * The items are served in their order, as far as that goes. Where devices need each other it may go nowhere,
 * because the first item cannot be without a later one: then the item is told without which, in full, all others
 * can be served.
 */
static int find_shortage(Problem *problem, Shortage *shortage) {
        const Request *request = problem->query->request;
        size_t item;
        Demand demand;
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

typedef struct Counts {
        unsigned reasons[REASON_COUNT];
        unsigned sum;
} Counts;

static void count(Counts *counts, uint32_t reasons) {
        counts->reasons[__builtin_ctz(reasons)]++;
        counts->sum++;
}

/*
 * Each device counts once, by the first of its reasons: those that the alias means; if they are all fine, those that
 * it means outside of the pools; if it means none, those that it nearly means, else all.
 */
static int count_reasons(Problem *problem, const Shortage *shortage, Counts *ret) {
        Counts meant = { 0 }, outside = { 0 }, near = { 0 }, others = { 0 };
        bool means_any = false;

        for (size_t i = 0; i < problem->inventory->n_devices; i++) {
                const Device *device = problem->inventory->devices[i];
                int64_t reasons;

                if (facts_is_bridge(device->facts))
                        continue;

                reasons = find_reasons(problem, shortage, shortage->item, i);
                if (reasons < 0)
                        return (int) reasons;

                if (!(reasons & MISMATCH)) {
                        means_any = means_any || device->pool;
                        if (reasons != 0)
                                count(device->pool ? &meant : &outside, (uint32_t) reasons);
                } else if (device->pool) {
                        count(reasons & REASON_IDS ? &others : &near,
                              (uint32_t) reasons & MISMATCH);
                }
        }

        if (meant.sum == 0)
                meant = outside;
        if (meant.sum == 0 && !means_any)
                meant = near.sum > 0 ? near : others;
        *ret = meant;
        return 0;
}

/* "2 of 4 asked: 1 attached, 3 numa (alias nic)" */
static int tell_shortage(Problem *problem, const Shortage *shortage, char **ret) {
        const RequestItem *item = &problem->query->request->items[shortage->item];
        _cleanup_(list_freep) char **parts = NULL;
        _cleanup_(freep) char *joined = NULL;
        Counts counts;
        int r;

        r = count_reasons(problem, shortage, &counts);
        if (r < 0)
                return r;

        for (size_t i = 0; i < REASON_COUNT; i++) {
                _cleanup_(freep) char *part = NULL;

                if (counts.reasons[i] == 0)
                        continue;

                part = text_print("%u %s", counts.reasons[i], reason_to_string(1u << i));
                if (!part || list_append(&parts, part) < 0)
                        return -ENOMEM;
        }

        joined = parts ? list_join(parts, ", ") : text_print("there are no more");
        if (!joined)
                return -ENOMEM;

        *ret = text_print("%u of %u asked: %s (alias %s)%s", shortage->n_served, item->count,
                          joined, item->alias,
                          shortage->result == SEARCH_CUT ? "; the search was cut" : "");
        return *ret ? 0 : -ENOMEM;
}

int problem_explain_shortage(Problem *problem, int result, Shortage *ret, char **ret_text) {
        Shortage shortage = { .result = result };
        int r;

        r = find_shortage(problem, &shortage);
        if (r < 0)
                return r;

        r = tell_shortage(problem, &shortage, ret_text);
        if (r == 0 && ret)
                *ret = shortage;
        return r;
}

/* --- all items and devices -------------------------------------------------------------------- */

static int explain_item(Problem *problem, const Shortage *shortage, size_t item,
                        Explanation *explanation) {
        int r;

        for (size_t i = 0; i < problem->inventory->n_devices; i++) {
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

                r = VECTOR_APPEND(explanation->candidates, explanation->n_candidates, candidate);
                if (r < 0)
                        return r;
        }

        return 0;
}

int allocate_explain(const AllocateQuery *query, Explanation *ret) {
        _cleanup_(problem_done) Problem problem = { 0 };
        _cleanup_(explanation_done) Explanation explanation = { 0 };
        Shortage shortage = { 0 };
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
        if (explanation.fits) {
                explanation.text = strdup("");
                r = explanation.text ? 0 : -ENOMEM;
        } else {
                r = problem_explain_shortage(&problem, r, &shortage, &explanation.text);
        }

        for (size_t item = 0; item < query->request->n_items && r == 0; item++)
                r = explain_item(&problem, &shortage, item, &explanation);
        if (r < 0)
                return r;

        *ret = explanation;
        explanation = (Explanation){ 0 };
        return 0;
}
