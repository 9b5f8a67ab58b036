/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/allocate-bag.h"

#include <assert.h>
#include <errno.h>

#include "util/vector.h"

void bag_done(Bag *bag) {
        for (size_t i = 0; i < bag->n_pieces; i++)
                places_done(&bag->pieces[i].lots);
        free(bag->pieces);
        free(bag->counts);
        free(bag->steps);
        free(bag->failed);
        free(bag->supplies.items);
        free(bag->forced.items);
        free(bag->best_ways);
        flow_done(&bag->flow);
        kinds_done(&bag->kinds);
}

enum {
        ROUNDS_FIRST = 100,
        ROUNDS_NEXT = 10
};

static uint64_t draw(uint64_t number) {
        number = (number ^ (number >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        number = (number ^ (number >> 27)) * UINT64_C(0x94d049bb133111eb);
        return number ^ (number >> 31);
}

static unsigned count_asked(const Bag *bag, uint32_t wants) {
        unsigned n = 0;

        for (size_t want = 0; want < bag->problem->n_wants; want++)
                if (wants & (1u << want))
                        n += bag->demand.counts[want];
        return n;
}

/* How many pieces of a kind matter: no more than there are units that they could serve. */
static unsigned count_pieces(const Bag *bag, size_t kind) {
        unsigned count = bag->counts[kind], asked;

        if (count == 0 || bag->kinds.items[kind]->is_forced ||
            bag->kinds.items[kind]->owed.n_items > 0)
                return count;

        asked = count_asked(bag, bag->kinds.items[kind]->wants);
        return count < asked ? count : asked;
}

static Mark mark_of(const Bag *bag) {
        Mark mark = { 1, 1 };

        for (size_t i = 0; i < bag->n_counts; i++) {
                unsigned count = count_pieces(bag, i);

                mark.a += count * draw(2 * i + 1);
                mark.b += count * draw(2 * i + 2);
        }

        return mark;
}

static Mark *find_failed(const Bag *bag, Mark mark) {
        size_t place = mark.a % bag->n_failed_room;

        while (bag->failed[place].a != 0 || bag->failed[place].b != 0) {
                if (bag->failed[place].a == mark.a && bag->failed[place].b == mark.b)
                        break;
                place = (place + 1) % bag->n_failed_room;
        }

        return &bag->failed[place];
}

static bool has_failed(const Bag *bag, Mark mark) {
        return bag->n_failed_room > 0 && (find_failed(bag, mark)->a | find_failed(bag, mark)->b);
}

static int remember_failed(Bag *bag, Mark mark) {
        if (bag->n_failed * 2 >= bag->n_failed_room) {
                Bag grown = *bag;

                grown.n_failed_room = bag->n_failed_room > 0 ? bag->n_failed_room * 4 : 256;
                grown.failed = calloc(grown.n_failed_room, sizeof(*grown.failed));
                if (!grown.failed)
                        return -ENOMEM;

                for (size_t i = 0; i < bag->n_failed_room; i++)
                        if (bag->failed[i].a | bag->failed[i].b)
                                *find_failed(&grown, bag->failed[i]) = bag->failed[i];
                free(bag->failed);
                bag->failed = grown.failed;
                bag->n_failed_room = grown.n_failed_room;
        }

        *find_failed(bag, mark) = mark;
        bag->n_failed++;
        return 0;
}

static int add_supplies(Supplies *sum, const Supplies *supplies, unsigned count) {
        int r = 0;

        for (size_t i = 0; i < supplies->n_items && r == 0; i++)
                r = supplies_add(sum, supplies->items[i].wants, count * supplies->items[i].n_lots);
        return r;
}

typedef enum Outlook {
        OUTLOOK_NONE, /* no plan comes of this bag */
        OUTLOOK_OPEN,
        OUTLOOK_PLAN, /* one is there */
} Outlook;

/* That can give more than is certain, to one of these wants. Those found last come first: parts before wholes. */
static uint32_t choose_kind(const Bag *bag, uint32_t wants) {
        uint32_t chosen = PLACE_NONE;

        for (uint32_t i = (uint32_t) bag->n_counts; i-- > 0;) {
                const Kind *kind = bag->kinds.items[i];

                if (bag->counts[i] == 0 || kind_is_single(kind))
                        continue;
                if (kind->owed.n_items > 0)
                        return i;
                if (chosen == PLACE_NONE && (kind->wants & wants))
                        chosen = i;
        }

        return chosen;
}

/* Might the pieces serve all wants, each seen by itself? Returns 1 or 0; or -ENOMEM. */
static int may_serve_all(Bag *bag) {
        uint32_t lacking = 0;
        int r = 0;

        bag->supplies.n_items = 0;
        for (size_t i = 0; i < bag->n_counts && r == 0; i++)
                r = add_supplies(&bag->supplies, &bag->kinds.items[i]->most, count_pieces(bag, i));
        if (r == 0)
                r = flow_serve(&bag->flow, &bag->supplies, &bag->demand, &lacking);

        return r < 0 ? r : lacking == 0;
}

static unsigned value_of(const Bag *bag, const Supplies *supplies) {
        unsigned sum = 0;

        for (size_t i = 0; i < supplies->n_items; i++) {
                unsigned highest = 0;

                for (uint32_t wants = supplies->items[i].wants; wants != 0; wants &= wants - 1)
                        if (bag->prices[__builtin_ctz(wants)] > highest)
                                highest = bag->prices[__builtin_ctz(wants)];
                sum += highest * supplies->items[i].n_lots;
        }

        return sum;
}

/* What a piece is worth at the prices; how it is best taken apart is noted. */
static unsigned value_kind(Bag *bag, size_t number) {
        const Kind *kind = bag->kinds.items[number];
        unsigned best = 0;

        if (kind->n_ways == 0)
                return value_of(bag, &kind->most);

        bag->best_ways[number] = 0;
        for (size_t i = 0; i < kind->n_ways; i++) {
                unsigned value = value_of(bag, &kind->ways[i].supplies);

                if (value <= best)
                        continue;
                best = value;
                bag->best_ways[number] = i;
        }

        return best;
}

/* All pieces, each taken apart in the way that is best. Answers with their value. */
static int64_t sell(Bag *bag, bool *ret_is_settled) {
        int64_t sum = 0;
        int r = 0;

        *ret_is_settled = true;
        bag->supplies.n_items = bag->forced.n_items = 0;
        for (size_t i = 0; i < bag->n_counts && r == 0; i++) {
                const Kind *kind = bag->kinds.items[i];
                unsigned count = count_pieces(bag, i);
                const Way *way;

                if (count == 0)
                        continue;
                sum += (int64_t) value_kind(bag, i) * count;
                way = kind->n_ways > 0 ? &kind->ways[bag->best_ways[i]] : NULL;
                r = add_supplies(&bag->supplies, way ? &way->supplies : &kind->least, count);
                if (r == 0 && way)
                        r = add_supplies(&bag->forced, &way->forced, count);
                if (r == 0 && kind->is_forced)
                        r = supplies_add(&bag->forced, kind->wants, count);
                if (!way && kind->owed.n_items > 0)
                        *ret_is_settled = false;
        }

        return r < 0 ? r : sum;
}

/*
 * Can the forced lots all be used? If so, and all wants can be served, then both together: where one plan serves all
 * wants and another uses all these lots, some plan does both. Returns 1 or 0; or -ENOMEM.
 */
static int can_use_forced(Bag *bag) {
        int n_forced = 0, r;
        uint32_t lacking;

        for (size_t i = 0; i < bag->forced.n_items; i++)
                n_forced += (int) bag->forced.items[i].n_lots;
        r = flow_serve(&bag->flow, &bag->forced, &bag->demand, &lacking);
        return r < 0 ? r : r == n_forced;
}

/*
 * Each want has a price, and what lacks becomes dearer. Are all pieces together worth less than what is asked for,
 * then there is no plan. If they serve all wants when each is taken apart as is best for its price, there is one.
 */
static int haggle(Bag *bag, unsigned n_rounds, uint32_t *ret_lacking) {
        for (unsigned round = 0; round < n_rounds; round++) {
                int64_t value, asked = 0;
                bool is_settled;
                int r;

                value = sell(bag, &is_settled);
                if (value < 0)
                        return (int) value;
                for (size_t want = 0; want < WANTS_MAX; want++)
                        asked += (int64_t) bag->prices[want] * bag->demand.counts[want];
                if (value < asked)
                        return OUTLOOK_NONE;

                r = flow_serve(&bag->flow, &bag->supplies, &bag->demand, ret_lacking);
                if (r >= 0 && *ret_lacking == 0) {
                        r = can_use_forced(bag);
                        if (r > 0 && is_settled)
                                return OUTLOOK_PLAN;
                        *ret_lacking = bag->wants;
                        return r < 0 ? r : OUTLOOK_OPEN;
                }
                if (r < 0)
                        return r;

                for (size_t want = 0; want < WANTS_MAX; want++)
                        if (*ret_lacking & (1u << want))
                                bag->prices[want]++;
        }

        return OUTLOOK_OPEN;
}

static int look(Bag *bag, unsigned n_rounds, uint32_t *ret_lacking) {
        int r;

        for (uint32_t i = 0; i < bag->n_counts; i++) {
                if (bag->counts[i] == 0)
                        continue;
                r = kinds_find_ways(&bag->kinds, i);
                if (r == 0)
                        r = bag_reserve(bag);
                if (r < 0)
                        return r;
        }

        bag->forced.n_items = 0;
        r = 0;
        for (size_t i = 0; i < bag->n_counts && r == 0; i++)
                if (bag->counts[i] > 0 && bag->kinds.items[i]->is_forced)
                        r = supplies_add(&bag->forced, bag->kinds.items[i]->wants, bag->counts[i]);
        if (r == 0)
                r = can_use_forced(bag);
        if (r > 0)
                r = may_serve_all(bag);
        return r > 0 ? haggle(bag, n_rounds, ret_lacking) : r < 0 ? r : OUTLOOK_NONE;
}

/* The plan that haggle() has found: what is left is taken apart so. */
static int finish(Bag *bag) {
        for (size_t i = 0; i < bag->n_counts; i++) {
                const Kind *kind = bag->kinds.items[i];

                for (unsigned n = count_pieces(bag, i); n > 0 && kind->n_ways > 0; n--) {
                        const Way *way = &kind->ways[bag->best_ways[i]];

                        for (size_t j = 0; j < way->n_moves; j++) {
                                Step step = {
                                        .kind = way->moves[j].kind,
                                        .side = (int8_t) way->moves[j].side,
                                };
                                int r = VECTOR_APPEND(bag->steps, bag->n_steps, step);

                                if (r < 0)
                                        return r;
                        }
                }
        }

        return SEARCH_FOUND;
}

int bag_reserve(Bag *bag) {
        if (bag->n_counts < bag->kinds.n_items) {
                unsigned *counts =
                        reallocarray(bag->counts, bag->kinds.n_items, sizeof(*bag->counts));

                size_t *best_ways =
                        reallocarray(bag->best_ways, bag->kinds.n_items, sizeof(*best_ways));

                bag->counts = counts ?: bag->counts;
                bag->best_ways = best_ways ?: bag->best_ways;
                if (!counts || !best_ways)
                        return -ENOMEM;
                while (bag->n_counts < bag->kinds.n_items)
                        bag->counts[bag->n_counts++] = 0;
        }

        return 0;
}

static void take_apart(Bag *bag, const Step *step) {
        const Remains *remains = &bag->kinds.items[step->kind]->remains[step->side];

        bag->counts[step->kind]--;
        for (size_t i = 0; i < remains->n_parts; i++)
                bag->counts[remains->parts[i].kind]++;
}

static void put_together(Bag *bag, const Step *step) {
        const Remains *remains = &bag->kinds.items[step->kind]->remains[step->side];

        bag->counts[step->kind]++;
        for (size_t i = 0; i < remains->n_parts; i++)
                bag->counts[remains->parts[i].kind]--;
}

/* Takes the next piece apart, first so that one of the lacking wants may be served. */
static int go_on(Bag *bag, Mark mark, uint32_t lacking) {
        Step step = { .mark = mark, .kind = choose_kind(bag, lacking) };
        const Kind *kind;
        int r;

        assert(step.kind != PLACE_NONE);
        r = kinds_split(&bag->kinds, step.kind);
        if (r == 0)
                r = bag_reserve(bag);
        if (r < 0)
                return r;

        kind = bag->kinds.items[step.kind];
        if (kind->n_ways > 0)
                step.side = (int8_t) kind->ways[bag->best_ways[step.kind]].moves[0].side;
        else
                step.side = bag->kinds.wants[kind->lots.items[kind->pivot]] & lacking ? PIVOT_IN
                                                                                      : PIVOT_OUT;
        if (!kind->remains[step.side].is_possible) {
                step.side = step.side == PIVOT_IN ? PIVOT_OUT : PIVOT_IN;
                step.is_last = true;
        }
        r = VECTOR_APPEND(bag->steps, bag->n_steps, step);
        if (r == 0)
                take_apart(bag, &step);
        return r;
}

/* Back to the last piece that can be taken apart otherwise. 1; 0: there is none; or -ENOMEM. */
static int go_back(Bag *bag) {
        while (bag->n_steps > 0) {
                Step *step = &bag->steps[bag->n_steps - 1];
                const Kind *kind = bag->kinds.items[step->kind];
                int8_t other = step->side == PIVOT_IN ? PIVOT_OUT : PIVOT_IN;
                int r;

                put_together(bag, step);
                if (!step->is_last && kind->remains[other].is_possible) {
                        step->is_last = true;
                        step->side = other;
                        take_apart(bag, step);
                        return 1;
                }

                r = remember_failed(bag, step->mark);
                if (r < 0)
                        return r;
                bag->n_steps--;
        }

        return 0;
}

int bag_search(Bag *bag) {
        for (size_t want = 0; want < WANTS_MAX; want++)
                bag->prices[want] = 1;

        for (;;) {
                uint32_t lacking = 0;
                Mark mark;
                int r;

                if (bag->steps_left == 0)
                        return SEARCH_CUT;
                bag->steps_left--;
                bag->problem->n_steps_any++;

                mark = mark_of(bag);
                r = has_failed(bag, mark)
                            ? OUTLOOK_NONE
                            : look(bag, bag->n_steps == 0 ? ROUNDS_FIRST : ROUNDS_NEXT, &lacking);
                if (r == OUTLOOK_PLAN)
                        return finish(bag);
                if (r == OUTLOOK_OPEN) {
                        r = go_on(bag, mark, lacking);
                } else if (r == OUTLOOK_NONE) {
                        r = go_back(bag);
                        if (r == 0)
                                return SEARCH_IMPOSSIBLE;
                }
                if (r < 0)
                        return r;
        }
}
