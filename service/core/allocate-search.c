/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The search: branch and bound over lots that exclude or need each other.
 *
 * The cheapest matching, made without a look at that, can be no worse than the
 * best plan. Where it breaks a rule, a lot of that rule is first taken to be
 * chosen, then taken not to be; what follows from either is concluded at once,
 * and the matching mended. A branch whose matching is not better than the best
 * plan so far is left.
 *
 * Cards that are alike would be tried in every order. So when a lot is taken
 * not to be chosen after it was tried, neither are the lots that stand at its
 * place in clusters which are alike and about which as much is decided: with
 * roles changed, such a plan was among those tried. By its cost alone it was as
 * good; whether it was no worse by its addresses either has to be shown (see
 * search_leads()).
 */
#include "core/allocate-search.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "util/vector.h"

enum {
        STEPS_QUICK = 1000 /* enough for nearly all requests */
};

static void search_done(Search *search) {
        matching_done(&search->matching);
        places_done(&search->decided);
        free(search->frames);
        free(search->tally);
}

static int search_init(Search *search, Problem *problem) {
        int r;

        *search = (Search){
                .problem = problem,
                .tally = calloc(problem->devices.n_items + 1, sizeof(*search->tally)),
        };
        r = matching_init(&search->matching, problem);
        if (r < 0 || !search->tally)
                return -ENOMEM;

        for (size_t lot = 0; lot < problem->n_lots; lot++)
                if (!problem_lot_serves(problem, lot))
                        search->matching.states[lot] = LOT_OFF;

        return 0;
}

static void add_to_tally(Search *search, const Rows *rows, int16_t n) {
        for (size_t i = 0; i < rows->n_items; i++) {
                const Places *devices = &search->problem->lots[rows->items[i].lot].devices;

                for (size_t j = 0; j < devices->n_items; j++)
                        search->tally[devices->items[j]] =
                                (int16_t) (search->tally[devices->items[j]] + n);
        }
}

/* Of the devices of these rows the first that the two plans do not have alike.
 */
static uint32_t first_difference(Search *search, const Rows *rows) {
        uint32_t first = UINT32_MAX;

        for (size_t i = 0; i < rows->n_items; i++) {
                const Places *devices = &search->problem->lots[rows->items[i].lot].devices;

                for (size_t j = 0; j < devices->n_items && devices->items[j] < first; j++)
                        if (search->tally[devices->items[j]] != 0)
                                first = devices->items[j];
        }

        return first;
}

/* Is the matching, be it a plan or not, better than the best plan? */
static bool is_better(Search *search, int64_t cost) {
        const Rows *rows = &search->matching.rows;
        uint32_t mine, other, first;
        bool better;

        if (!search->has_best)
                return true;
        if (cost != search->best_cost)
                return cost < search->best_cost;

        add_to_tally(search, rows, 1);
        add_to_tally(search, &search->best, -1);
        mine = first_difference(search, rows);
        other = first_difference(search, &search->best);
        first = mine < other ? mine : other;
        better = first != UINT32_MAX && search->tally[first] > 0;
        add_to_tally(search, rows, -1);
        add_to_tally(search, &search->best, 1);
        return better;
}

static bool step(Search *search) {
        if (search->steps_left == 0) {
                search->is_cut = true;
                return false;
        }

        search->steps_left--;
        search->problem->n_steps_best++;
        return true;
}

/* Makes the matching obey what was decided after the first @n_decided. False:
 * it cannot, or the search is cut. */
static bool mend(Search *search, size_t n_decided) {
        Matching *matching = &search->matching;
        uint32_t lacking[ROWS_MAX];
        size_t n_lacking = 0;

        for (size_t i = n_decided; i < search->decided.n_items; i++) {
                uint32_t lot = search->decided.items[i];

                if (matching->states[lot] != LOT_OFF || matching->owners[lot] < 0)
                        continue;
                lacking[n_lacking++] = (uint32_t) matching->owners[lot];
                matching_drop(matching, lot);
        }

        for (size_t i = 0; i < n_lacking; i++)
                if (!step(search) || !matching_serve(matching, lacking[i]))
                        return false;

        for (size_t i = n_decided; i < search->decided.n_items; i++) {
                uint32_t lot = search->decided.items[i];

                if (matching->states[lot] == LOT_ON &&
                    (!step(search) || !matching_force(matching, lot)))
                        return false;
        }

        return true;
}

static bool is_met(const Search *search, uint32_t device) {
        const Places *lots = &search->problem->lots_of[device];

        for (size_t i = 0; i < lots->n_items; i++)
                if (search->matching.owners[lots->items[i]] >= 0)
                        return true;

        return false;
}

/* An open lot of a rule that the choice of @lot breaks; PLACE_NONE: it breaks
 * none. */
static uint32_t find_broken(const Search *search, uint32_t lot) {
        const Lot *lots = search->problem->lots, *chosen = &lots[lot];

        for (size_t i = 0; i < chosen->conflicts.n_items; i++) {
                uint32_t other = chosen->conflicts.items[i];

                if (search->matching.owners[other] >= 0)
                        return lots[other].conflicts.n_items > chosen->conflicts.n_items ? other
                                                                                         : lot;
        }

        for (size_t i = 0; i < chosen->needs.n_items; i++) {
                const Places *meeting = &search->problem->lots_of[chosen->needs.items[i]];

                if (is_met(search, chosen->needs.items[i]))
                        continue;
                if (search->matching.states[lot] == LOT_OPEN)
                        return lot;

                for (size_t j = 0; j < meeting->n_items; j++)
                        if (search->matching.states[meeting->items[j]] == LOT_OPEN)
                                return meeting->items[j];
        }

        return PLACE_NONE;
}

/* The lot to decide next: of the rule that the first lot breaks. PLACE_NONE:
 * the matching is a plan. */
static uint32_t find_branch(const Search *search) {
        const Rows *rows = &search->matching.rows;
        uint32_t branch = PLACE_NONE;
        uint32_t first = UINT32_MAX;

        for (size_t i = 0; i < rows->n_items; i++) {
                uint32_t broken;

                if (rows->items[i].lot >= first)
                        continue;
                broken = find_broken(search, rows->items[i].lot);
                if (broken == PLACE_NONE)
                        continue;
                first = rows->items[i].lot;
                branch = broken;
        }

        return branch;
}

/* Takes the lot to be chosen, and notes what can be said of those like it. */
static int branch_on(Search *search, uint32_t lot) {
        size_t n_decided = search->decided.n_items;
        Frame frame = { .lot = lot, .n_decided = n_decided, .rows = search->matching.rows };
        Frame *top;
        int r;

        if (!search->is_clustered) {
                r = problem_cluster(search->problem);
                if (r < 0)
                        return r;
                search->is_clustered = true;
        }

        r = VECTOR_APPEND(search->frames, search->n_frames, frame);
        if (r < 0)
                return r;

        top = &search->frames[search->n_frames - 1];
        r = search_decide(search, lot, LOT_ON, false);
        if (r < 0)
                return r;

        top->likes_follow = r == 0 || search_leads(search, lot, n_decided);
        return r > 0 && mend(search, n_decided);
}

/* Takes the lot of the last frame not to be chosen; done with a frame whose lot
 * was taken so already. */
static int branch_off(Search *search) {
        Frame *top = &search->frames[search->n_frames - 1];
        int r;

        search_forget(search, top->n_decided);
        matching_restore(&search->matching, &top->rows);
        if (top->is_off) {
                search->n_frames--;
                return 0;
        }

        top->is_off = true;
        r = search_decide(search, top->lot, LOT_OFF, top->likes_follow);
        if (r <= 0)
                return r;

        return mend(search, top->n_decided);
}

/* Looks at a matching. 1: it was taken further; 0: this branch is done with; or
 * -ENOMEM. */
static int look(Search *search) {
        int64_t cost = matching_cost(&search->matching);
        uint32_t branch;

        if (!is_better(search, cost))
                return 0;

        branch = find_branch(search);
        if (branch != PLACE_NONE)
                return branch_on(search, branch);

        search->best = search->matching.rows;
        search->best_cost = cost;
        search->has_best = true;
        return 0;
}

static int search_run(Search *search, const Demand *demand) {
        int r;

        for (size_t want = 0; want < search->problem->n_wants; want++)
                for (unsigned i = 0; i < demand->counts[want]; i++)
                        if (!step(search) || !matching_serve(&search->matching, want))
                                return 0;

        r = look(search);
        while (r >= 0 && !search->is_cut) {
                if (r == 0) {
                        if (search->n_frames == 0)
                                break;
                        r = branch_off(search);
                        if (r <= 0)
                                continue;
                }
                r = look(search);
        }

        return r < 0 ? r : 0;
}

static int compare_rows(const void *a, const void *b) {
        uint32_t lot_a = ((const Row *) a)->lot, lot_b = ((const Row *) b)->lot;

        return lot_a < lot_b ? -1 : lot_a > lot_b;
}

static int search_once(Problem *problem, const Demand *demand, unsigned n_steps, Rows *ret,
                       bool *ret_is_cut) {
        _cleanup_(search_done) Search search = { 0 };
        int r;

        r = search_init(&search, problem);
        if (r < 0)
                return r;

        search.steps_left = n_steps;
        r = search_run(&search, demand);
        if (r < 0)
                return r;

        *ret_is_cut = search.is_cut;
        if (!search.has_best)
                return search.is_cut ? SEARCH_CUT : SEARCH_IMPOSSIBLE;

        qsort(search.best.items, search.best.n_items, sizeof(*search.best.items), compare_rows);
        *ret = search.best;
        return SEARCH_FOUND;
}

/*
 * Can the want always be served when all others are? It can, if its lots are in
 * as many clusters as there are rows: a row touches one cluster, so that one is
 * left untouched; and if no need of another lot may have to be met by it.
 */
static bool is_abundant(const Problem *problem, size_t want, size_t n_rows, uint8_t *touched) {
        const Places *order = &problem->wants[want].order;
        size_t n_clusters = 0;

        memset(touched, 0, problem->n_clusters);
        for (size_t i = 0; i < order->n_items; i++) {
                const Lot *lot = &problem->lots[order->items[i]];

                for (size_t j = 0; j < lot->devices.n_items; j++)
                        if (problem->needers[lot->devices.items[j]].n_items > 0)
                                return false;

                if (lot->needs.n_items > 0 || !problem_lot_serves(problem, order->items[i]) ||
                    (lot->cluster != PLACE_NONE && touched[lot->cluster]))
                        continue;
                if (lot->cluster != PLACE_NONE)
                        touched[lot->cluster] = true;
                n_clusters++;
        }

        return n_clusters >= n_rows;
}

/* Takes the wants out that can be served last. They are given back by putting
 * the costs back. */
static int set_abundant_aside(Problem *problem, Demand *demand, Demand *aside) {
        _cleanup_(freep) uint8_t *touched = NULL;
        size_t n_rows = 0;
        int r;

        r = problem_cluster(problem);
        if (r < 0)
                return r;

        touched = calloc(problem->n_clusters + 1, sizeof(*touched));
        if (!touched)
                return -ENOMEM;

        for (size_t want = 0; want < problem->n_wants; want++)
                n_rows += demand->counts[want];
        for (size_t want = 0; want < problem->n_wants; want++)
                if (demand->counts[want] > 0 && is_abundant(problem, want, n_rows, touched))
                        aside->counts[want] = demand->counts[want];

        for (size_t want = 0; want < problem->n_wants; want++) {
                demand->counts[want] -= aside->counts[want];
                for (size_t lot = 0; lot < problem->n_lots && demand->counts[want] == 0; lot++)
                        problem->costs[lot * problem->n_wants + want] = COST_NEVER;
        }

        problem_remove_hopeless(problem);
        return 0;
}

static bool may_be_added(const Problem *problem, uint32_t lot, const uint8_t *chosen) {
        const Places *conflicts = &problem->lots[lot].conflicts;

        if (chosen[lot] || problem->lots[lot].needs.n_items > 0 ||
            !problem_lot_serves(problem, lot))
                return false;

        for (size_t i = 0; i < conflicts->n_items; i++)
                if (chosen[conflicts->items[i]])
                        return false;

        return true;
}

static int serve_last(const Problem *problem, const Demand *aside, Rows *rows) {
        _cleanup_(freep) uint8_t *chosen = calloc(problem->n_lots + 1, sizeof(*chosen));

        if (!chosen)
                return -ENOMEM;

        for (size_t i = 0; i < rows->n_items; i++)
                chosen[rows->items[i].lot] = true;

        for (uint32_t want = 0; want < problem->n_wants; want++) {
                const Places *order = &problem->wants[want].order;
                unsigned n_missing = aside->counts[want];

                for (size_t i = 0; i < order->n_items && n_missing > 0; i++) {
                        uint32_t lot = order->items[i];

                        if (!may_be_added(problem, lot, chosen))
                                continue;
                        chosen[lot] = true;
                        rows->items[rows->n_items++] = (Row){ .lot = lot, .want = want };
                        n_missing--;
                }
                assert(n_missing == 0);
        }

        qsort(rows->items, rows->n_items, sizeof(*rows->items), compare_rows);
        return 0;
}

/* What can be served last is left out of the search. */
int problem_search_any(Problem *problem, const Demand *demand, Rows *ret) {
        size_t n_costs = problem->n_lots * problem->n_wants;
        _cleanup_(freep) int64_t *costs = calloc(n_costs + 1, sizeof(*costs));
        Demand aside = { 0 }, scarce = *demand;
        int r;

        if (!costs)
                return -ENOMEM;

        for (size_t i = 0; i < n_costs; i++)
                costs[i] = problem->costs[i];
        r = set_abundant_aside(problem, &scarce, &aside);
        if (r == 0)
                r = problem_cluster(problem);
        if (r == 0)
                r = problem_search_pieces(problem, &scarce, ret);
        for (size_t i = 0; i < n_costs; i++)
                problem->costs[i] = costs[i];
        if (r != SEARCH_FOUND)
                return r;

        r = serve_last(problem, &aside, ret);
        return r < 0 ? r : SEARCH_FOUND;
}

int problem_search(Problem *problem, const Demand *demand, Rows *ret) {
        bool is_cut;
        int any, r;

        r = search_once(problem, demand, STEPS_QUICK, ret, &is_cut);
        if (r < 0 || !is_cut)
                return r;

        /* It is not easy. Whether there is a plan, if that is not known by now, is decided first, which is easier
         * than the best. */
        any = r == SEARCH_FOUND ? r : problem_search_any(problem, demand, ret);
        if (any < 0 || any == SEARCH_IMPOSSIBLE)
                return any;

        r = search_once(problem, demand, ALLOCATE_STEPS_BEST, ret, &is_cut);
        return r == SEARCH_CUT ? any : r;
}
