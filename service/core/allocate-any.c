/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Is there any plan? The search among pieces.
 *
 * Wants that no piece has in common are searched for one group after the other. A plan is found when the pieces are
 * taken apart so far that what is left of them can be chosen together; then wants are served with that.
 */
#include <errno.h>
#include <string.h>

#include "core/allocate-bag.h"
#include "util/vector.h"

static int add_piece(Bag *bag, uint32_t kind, Places *lots) {
        int r;

        r = VECTOR_APPEND(bag->pieces, bag->n_pieces, ((Piece){ kind, *lots }));
        if (r < 0)
                return r;

        *lots = (Places){ 0 };
        return 0;
}

/* Takes a piece of the host apart in the way that was found. */
static int replay_step(Bag *bag, const Step *step) {
        const Remains *remains = &bag->kinds.items[step->kind]->remains[step->side];
        _cleanup_(places_done) Places whole = { 0 };
        size_t i = bag->n_pieces;

        do
                i--;
        while (bag->pieces[i].kind != step->kind);
        whole = bag->pieces[i].lots;
        bag->pieces[i] = bag->pieces[--bag->n_pieces];

        for (i = 0; i < remains->n_parts; i++) {
                _cleanup_(places_done) Places lots = { 0 };
                const Part *part = &remains->parts[i];
                int r = 0;

                for (size_t j = 0; j < part->places.n_items && r == 0; j++)
                        r = places_append(&lots, whole.items[part->places.items[j]]);
                if (r == 0)
                        r = add_piece(bag, part->kind, &lots);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* Wants of one piece belong together, and so on. */
static uint32_t wants_beside(const Bag *bag, uint32_t wants) {
        uint32_t before;

        do {
                before = wants;
                for (size_t i = 0; i < bag->n_pieces; i++) {
                        uint32_t others = bag->kinds.items[bag->pieces[i].kind]->wants;

                        if (others & wants)
                                wants |= others;
                }
        } while (wants != before);

        return wants;
}

/* Searches for the wants that belong together with this one, and takes the pieces apart that they need. */
static int search_beside(Bag *bag, const Demand *demand, size_t first) {
        int r;

        bag->wants = wants_beside(bag, 1u << first);
        for (size_t want = 0; want < WANTS_MAX; want++)
                bag->demand.counts[want] = bag->wants & (1u << want) ? demand->counts[want] : 0;

        r = bag_reserve(bag);
        if (r < 0)
                return r;

        for (size_t i = 0; i < bag->n_counts; i++)
                bag->counts[i] = 0;
        for (size_t i = 0; i < bag->n_pieces; i++)
                if (bag->kinds.items[bag->pieces[i].kind]->wants & bag->wants)
                        bag->counts[bag->pieces[i].kind]++;

        bag->n_steps = 0;
        r = bag_search(bag);
        for (size_t i = 0; i < bag->n_steps && r == SEARCH_FOUND; i++) {
                int made = replay_step(bag, &bag->steps[i]);

                r = made < 0 ? made : r;
        }

        return r;
}

static int bag_add(Bag *bag, const Places *lots) {
        _cleanup_(places_done) Places copy = { 0 };
        uint32_t kind = 0;
        int r = 0;

        for (size_t i = 0; i < lots->n_items && r == 0; i++)
                r = places_append(&copy, lots->items[i]);
        if (r == 0)
                r = kinds_find(&bag->kinds, lots, &(Places){ 0 }, false, &kind);
        return r < 0 ? r : add_piece(bag, kind, &copy);
}

static int bag_fill(Bag *bag) {
        const Problem *problem = bag->problem;
        int r = 0;

        for (size_t i = 0; i < problem->n_clusters && r == 0; i++)
                r = bag_add(bag, &problem->clusters[i].lots);

        for (uint32_t lot = 0; lot < problem->n_lots && r == 0; lot++)
                if (problem->lots[lot].cluster == PLACE_NONE && bag->kinds.wants[lot] != 0)
                        r = bag_add(bag, &(Places){ .items = &lot, .n_items = 1 });

        return r;
}

/* Chosen may be what is left of the pieces: that serves the demand. */
static int make_rows(const Bag *bag, const Demand *demand, Rows *ret) {
        _cleanup_(matching_done) Matching matching = { 0 };
        int r;

        r = matching_init(&matching, bag->problem);
        if (r < 0)
                return r;

        matching.is_free_of_cost = true;
        memset(matching.states, LOT_OFF, bag->problem->n_lots);
        for (size_t i = 0; i < bag->n_pieces; i++) {
                const Kind *kind = bag->kinds.items[bag->pieces[i].kind];

                for (size_t j = 0; j < kind->least_places.n_items; j++)
                        matching.states[bag->pieces[i].lots.items[kind->least_places.items[j]]] =
                                kind->is_forced ? LOT_ON : LOT_OPEN;
        }

        for (size_t want = 0; want < bag->problem->n_wants; want++)
                for (unsigned i = 0; i < demand->counts[want]; i++)
                        if (!matching_serve(&matching, want))
                                return SEARCH_CUT;
        for (uint32_t lot = 0; lot < bag->problem->n_lots; lot++)
                if (matching.states[lot] == LOT_ON && !matching_force(&matching, lot))
                        return SEARCH_CUT;

        *ret = matching.rows;
        return SEARCH_FOUND;
}

int problem_search_pieces(Problem *problem, const Demand *demand, Rows *ret) {
        _cleanup_(freep) uint32_t *wants = calloc(problem->n_lots + 1, sizeof(*wants));
        _cleanup_(bag_done) Bag bag = { .problem = problem, .steps_left = ALLOCATE_STEPS_ANY };
        uint32_t done = 0;
        int r;

        if (!wants)
                return -ENOMEM;

        for (size_t lot = 0; lot < problem->n_lots; lot++)
                for (size_t want = 0; want < problem->n_wants; want++)
                        if (demand->counts[want] > 0 &&
                            problem_cost(problem, lot, want) != COST_NEVER)
                                wants[lot] |= 1u << want;

        r = kinds_init(&bag.kinds, problem, wants);
        if (r == 0)
                r = bag_fill(&bag);
        if (r < 0)
                return r;

        for (size_t want = 0; want < problem->n_wants; want++) {
                if (demand->counts[want] == 0 || (done & (1u << want)))
                        continue;

                r = search_beside(&bag, demand, want);
                if (r != SEARCH_FOUND)
                        return r;
                done |= bag.wants;
        }

        return make_rows(&bag, demand, ret);
}
