/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The search: branch and bound over lots that exclude or need each other.
 *
 * The cheapest matching, made without a look at that, can be no worse than the best plan. Where it breaks a
 * rule, a lot of that rule is first taken to be chosen, then taken not to be; what follows from either
 * is concluded at once, and the matching mended. A branch whose matching is not better than the best
 * plan so far is left.
 *
 * Cards that are alike would be tried in every order. So when a lot is taken not to be chosen after it
 * was tried, neither are the lots that stand at its place in clusters which are alike and about which as
 * much is decided: with roles changed, such a plan was among those tried. By its cost alone it was as
 * good; whether it was no worse by its addresses either has to be shown (see leads()).
 */
#include <errno.h>
#include <string.h>

#include "core/allocate-internal.h"
#include "util/vector.h"

typedef struct Frame {
        uint32_t lot;      /* that is decided here */
        bool is_off;       /* taken to be chosen before; now it is not */
        bool likes_follow; /* then neither are those like it */
        size_t n_decided;  /* before */
        Rows rows;         /* before */
} Frame;

typedef struct Search {
        Problem *problem;
        Matching matching;
        Places decided; /* lots, in the order in which it was concluded */
        Frame *frames;
        size_t n_frames;
        int16_t *tally; /* of each device; all 0 between uses */
        unsigned steps_left;
        bool is_clustered, is_cut, has_best;
        int64_t best_cost;
        Rows best;
} Search;

static void search_done(Search *search) {
        matching_done(&search->matching);
        places_done(&search->decided);
        free(search->frames);
        free(search->tally);
}

static int search_init(Search *search, Problem *problem, bool is_free_of_cost) {
        int r;

        *search = (Search){
                .problem = problem,
                .steps_left = ALLOCATE_STEPS_MAX,
                .tally = calloc(problem->inventory->n_devices + 1, sizeof(*search->tally)),
        };
        r = matching_init(&search->matching, problem);
        if (r < 0 || !search->tally)
                return -ENOMEM;

        search->matching.is_free_of_cost = is_free_of_cost;
        for (size_t lot = 0; lot < problem->n_lots; lot++)
                if (!problem_lot_serves(problem, lot))
                        search->matching.states[lot] = LOT_OFF;

        return 0;
}

/* --- which plan is better --------------------------------------------------------------------- */

static void add_to_tally(Search *search, const Rows *rows, int16_t n) {
        for (size_t i = 0; i < rows->n_items; i++) {
                const Places *devices = &search->problem->lots[rows->items[i].lot].devices;

                for (size_t j = 0; j < devices->n_items; j++)
                        search->tally[devices->items[j]] =
                                (int16_t) (search->tally[devices->items[j]] + n);
        }
}

/* Of the devices of these rows the first that the two plans do not have alike. */
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

/* --- deciding and what follows ---------------------------------------------------------------- */

/* False: it contradicts what is decided. −ENOMEM is told by the return of decide(). */
static int note(Search *search, uint32_t lot, LotState state) {
        uint8_t *states = search->matching.states;
        int r;

        if (states[lot] == state)
                return 1;
        if (states[lot] != LOT_OPEN)
                return 0;

        r = places_append(&search->decided, lot);
        if (r < 0)
                return r;

        states[lot] = (uint8_t) state;
        return 1;
}

/* What follows from the need of a lot for a device. */
static int follow_need(Search *search, uint32_t lot, uint32_t device) {
        const Places *lots = &search->problem->lots_of[device];
        const uint8_t *states = search->matching.states;
        uint32_t possible = 0;
        size_t n_possible = 0;

        if (states[lot] == LOT_OFF)
                return 1;

        for (size_t i = 0; i < lots->n_items; i++) {
                if (states[lots->items[i]] == LOT_OFF)
                        continue;
                possible = lots->items[i];
                n_possible++;
        }

        if (n_possible == 0)
                return note(search, lot, LOT_OFF);
        if (n_possible == 1 && states[lot] == LOT_ON)
                return note(search, possible, LOT_ON);
        return 1;
}

static int follow_on(Search *search, uint32_t lot) {
        const Lot *decided = &search->problem->lots[lot];
        int r = 1;

        for (size_t i = 0; i < decided->conflicts.n_items && r > 0; i++)
                r = note(search, decided->conflicts.items[i], LOT_OFF);
        for (size_t i = 0; i < decided->needs.n_items && r > 0; i++)
                r = follow_need(search, lot, decided->needs.items[i]);
        return r;
}

static int follow_off(Search *search, uint32_t lot) {
        const Places *devices = &search->problem->lots[lot].devices;
        int r = 1;

        for (size_t i = 0; i < devices->n_items && r > 0; i++) {
                const Places *needers = &search->problem->needers[devices->items[i]];

                for (size_t j = 0; j < needers->n_items && r > 0; j++)
                        r = follow_need(search, needers->items[j], devices->items[i]);
        }

        return r;
}

/* Concludes from what was noted after the first @n_decided. 1, 0: a contradiction; or -ENOMEM. */
static int follow(Search *search, size_t n_decided) {
        int r = 1;

        for (size_t i = n_decided; i < search->decided.n_items && r > 0; i++) {
                uint32_t lot = search->decided.items[i];

                r = search->matching.states[lot] == LOT_ON ? follow_on(search, lot)
                                                           : follow_off(search, lot);
        }

        return r;
}

static void forget(Search *search, size_t n_decided) {
        for (size_t i = n_decided; i < search->decided.n_items; i++)
                search->matching.states[search->decided.items[i]] = LOT_OPEN;
        search->decided.n_items = n_decided;
}

static bool step(Search *search) {
        if (search->steps_left == 0) {
                search->is_cut = true;
                return false;
        }

        search->steps_left--;
        return true;
}

/* Makes the matching obey what was decided after the first @n_decided. False: it cannot, or the search is cut. */
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

/* --- broken rules ----------------------------------------------------------------------------- */

static bool is_met(const Search *search, uint32_t device) {
        const Places *lots = &search->problem->lots_of[device];

        for (size_t i = 0; i < lots->n_items; i++)
                if (search->matching.owners[lots->items[i]] >= 0)
                        return true;

        return false;
}

/* An open lot of a rule that the choice of @lot breaks; CLUSTER_NONE: it breaks none. */
static int64_t find_broken(const Search *search, uint32_t lot) {
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

        return CLUSTER_NONE;
}

/* The lot to decide next: of the rule that the first lot breaks. CLUSTER_NONE: the matching is a plan. */
static int64_t find_branch(const Search *search) {
        const Rows *rows = &search->matching.rows;
        int64_t branch = CLUSTER_NONE;
        uint32_t first = UINT32_MAX;

        for (size_t i = 0; i < rows->n_items; i++) {
                int64_t broken;

                if (rows->items[i].lot >= first)
                        continue;
                broken = find_broken(search, rows->items[i].lot);
                if (broken == CLUSTER_NONE)
                        continue;
                first = rows->items[i].lot;
                branch = broken;
        }

        return branch;
}

/* --- what is alike ---------------------------------------------------------------------------- */

/* How many lots have the device and are in this state? */
static size_t count_lots(const Search *search, uint32_t device, LotState state) {
        const Places *lots = &search->problem->lots_of[device];
        size_t n = 0;

        for (size_t i = 0; i < lots->n_items; i++)
                n += search->matching.states[lots->items[i]] == state;
        return n;
}

/*
 * Now that @lot is taken to be chosen: has every such plan better addresses in this cluster than any plan
 * without the lot, so that to change roles with a later cluster can only be for the better? Yes, if
 * all devices of the cluster that were to be had are chosen with it, or if its first is, which
 * could be had in no other way.
 */
static bool leads(Search *search, uint32_t lot, size_t n_decided) {
        const Problem *problem = search->problem;
        const Places *devices = &problem->clusters[problem->lots[lot].cluster].devices;
        const Places *decided = &search->decided;
        bool is_first = true, has_first = false, has_all = true;

        /* The tally: by how many lots that are out only since then could a device be had? */
        for (size_t i = n_decided; i < decided->n_items; i++)
                for (size_t j = 0; j < problem->lots[decided->items[i]].devices.n_items; j++)
                        if (search->matching.states[decided->items[i]] == LOT_OFF)
                                search->tally[problem->lots[decided->items[i]].devices.items[j]]++;

        for (size_t i = 0; i < devices->n_items; i++) {
                uint32_t device = devices->items[i];
                size_t n_on = count_lots(search, device, LOT_ON);
                size_t n_other =
                        count_lots(search, device, LOT_OPEN) + (size_t) search->tally[device];

                search->tally[device] = 0;
                if (n_on + n_other == 0)
                        continue;
                if (is_first)
                        has_first =
                                n_other == 0 && places_contain(&problem->lots[lot].devices, device);
                is_first = false;
                has_all = has_all && n_on > 0;
        }

        return has_first || has_all;
}

/* Is as much decided about @b as about @a, and do all devices of @b come after those of @a? */
static bool may_change_roles(const Search *search, const Cluster *a, const Cluster *b) {
        const uint8_t *states = search->matching.states;

        if (a == b || a->likeness != b->likeness)
                return false;

        for (size_t i = 0; i < a->lots.n_items; i++)
                if (states[a->lots.items[i]] != states[b->lots.items[i]])
                        return false;

        for (size_t i = 0; i < a->devices.n_items && !search->matching.is_free_of_cost; i++)
                if (b->devices.items[i] < a->devices.items[i])
                        return false;

        return true;
}

/* Notes that no lot like @lot is chosen. 1 or -ENOMEM. */
static int note_likes_off(Search *search, uint32_t lot) {
        const Problem *problem = search->problem;
        const Cluster *cluster = &problem->clusters[problem->lots[lot].cluster];
        size_t place = 0;
        int r = 1;

        while (cluster->lots.items[place] != lot)
                place++;

        for (size_t i = 0; i < problem->n_clusters && r > 0; i++)
                if (may_change_roles(search, cluster, &problem->clusters[i]))
                        r = note(search, problem->clusters[i].lots.items[place], LOT_OFF);

        return r;
}

/* --- the branches ----------------------------------------------------------------------------- */

/* Decides a lot and all that follows. 1; 0: what is decided contradicts itself; or -ENOMEM. */
static int decide(Search *search, uint32_t lot, LotState state, bool likes_too) {
        size_t n_decided = search->decided.n_items;
        int r = 1;

        /* Those first: they are alike only as long as the lot itself is open. */
        if (likes_too)
                r = note_likes_off(search, lot);
        if (r > 0)
                r = note(search, lot, state);
        if (r > 0)
                r = follow(search, n_decided);
        return r;
}

/* Takes the lot to be chosen, and notes what can be said of those like it. */
static int branch_on(Search *search, uint32_t lot) {
        size_t n_decided = search->decided.n_items;
        Frame frame = { .lot = lot, .n_decided = n_decided, .rows = search->matching.rows };
        Frame *top;
        int r;

        if (!search->is_clustered) {
                r = problem_cluster(search->problem, search->matching.is_free_of_cost);
                if (r < 0)
                        return r;
                search->is_clustered = true;
        }

        r = VECTOR_APPEND(search->frames, search->n_frames, frame);
        if (r < 0)
                return r;

        top = &search->frames[search->n_frames - 1];
        r = decide(search, lot, LOT_ON, false);
        if (r < 0)
                return r;

        top->likes_follow =
                r == 0 || search->matching.is_free_of_cost || leads(search, lot, n_decided);
        return r > 0 && mend(search, n_decided);
}

/* Takes the lot of the last frame not to be chosen; done with a frame whose lot was taken so already. */
static int branch_off(Search *search) {
        Frame *top = &search->frames[search->n_frames - 1];
        int r;

        forget(search, top->n_decided);
        matching_restore(&search->matching, &top->rows);
        if (top->is_off) {
                search->n_frames--;
                return 0;
        }

        top->is_off = true;
        r = decide(search, top->lot, LOT_OFF, top->likes_follow);
        if (r <= 0)
                return r;

        return mend(search, top->n_decided);
}

/* Looks at a matching. 1: it was taken further; 0: this branch is done with; or -ENOMEM. */
static int look(Search *search) {
        int64_t cost = matching_cost(&search->matching), branch;

        if (!is_better(search, cost))
                return 0;

        branch = find_branch(search);
        if (branch != CLUSTER_NONE)
                return branch_on(search, (uint32_t) branch);

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
                if (search->has_best && search->matching.is_free_of_cost)
                        break;

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

static int search_once(Problem *problem, const Demand *demand, bool is_free_of_cost, Rows *ret) {
        _cleanup_(search_done) Search search = { 0 };
        int r;

        r = search_init(&search, problem, is_free_of_cost);
        if (r < 0)
                return r;

        r = search_run(&search, demand);
        if (r < 0)
                return r;
        if (!search.has_best)
                return search.is_cut ? SEARCH_CUT : SEARCH_IMPOSSIBLE;

        qsort(search.best.items, search.best.n_items, sizeof(*search.best.items), compare_rows);
        *ret = search.best;
        return SEARCH_FOUND;
}

int problem_search(Problem *problem, const Demand *demand, Rows *ret) {
        int r;

        r = search_once(problem, demand, false, ret);
        if (r != SEARCH_CUT)
                return r;

        /* Any plan is better than none, and without costs far more is alike. */
        return search_once(problem, demand, true, ret);
}
