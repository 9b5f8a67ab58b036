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
        flow_done(&bag->flow);
        kinds_done(&bag->kinds);
}

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

        if (count == 0 || bag->kinds.items[kind]->is_forced)
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

/* Those of the pieces together; or, @only_forced, of the lots that must be chosen. */
static int add_supplies(Bag *bag, bool is_most, bool only_forced) {
        int r = 0;

        bag->supplies.n_items = 0;
        for (size_t i = 0; i < bag->n_counts && r == 0; i++) {
                const Kind *kind = bag->kinds.items[i];
                const Supplies *supplies = is_most ? &kind->most : &kind->least;
                unsigned count = count_pieces(bag, i);

                if (count == 0 || (only_forced && !kind->is_forced))
                        continue;
                for (size_t j = 0; j < supplies->n_items && r == 0; j++)
                        r = supplies_add(&bag->supplies, supplies->items[j].wants,
                                         count * supplies->items[j].n_lots);
        }

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

static bool has_owing(const Bag *bag) {
        for (size_t i = 0; i < bag->n_counts; i++)
                if (bag->counts[i] > 0 && bag->kinds.items[i]->owed.n_items > 0)
                        return true;

        return false;
}

/*
 * Wants and forced lots can be served together if each can be without a look at the other: where one plan serves
 * all wants and another uses all these lots, some plan does both.
 */
static int look(Bag *bag, uint32_t *ret_lacking) {
        int asked = (int) count_asked(bag, bag->wants), r;
        uint32_t lacking;

        r = add_supplies(bag, true, false);
        if (r == 0)
                r = flow_serve(&bag->flow, &bag->supplies, &bag->demand, &lacking);
        if (r < 0 || r < asked)
                return r < 0 ? r : OUTLOOK_NONE;

        r = add_supplies(bag, true, true);
        if (r == 0) {
                int n_forced = 0;

                for (size_t i = 0; i < bag->supplies.n_items; i++)
                        n_forced += (int) bag->supplies.items[i].n_lots;
                r = flow_serve(&bag->flow, &bag->supplies, &bag->demand, &lacking);
                if (r >= 0 && r < n_forced)
                        return OUTLOOK_NONE;
        }

        if (r >= 0)
                r = add_supplies(bag, false, false);
        if (r >= 0)
                r = flow_serve(&bag->flow, &bag->supplies, &bag->demand, ret_lacking);
        if (r < 0)
                return r;

        return r == asked && !has_owing(bag) ? OUTLOOK_PLAN : OUTLOOK_OPEN;
}

int bag_reserve(Bag *bag) {
        if (bag->n_counts < bag->kinds.n_items) {
                unsigned *counts =
                        reallocarray(bag->counts, bag->kinds.n_items, sizeof(*bag->counts));

                if (!counts)
                        return -ENOMEM;
                bag->counts = counts;
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
        step.side =
                bag->kinds.wants[kind->lots.items[kind->pivot]] & lacking ? PIVOT_IN : PIVOT_OUT;
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
        for (;;) {
                uint32_t lacking = 0;
                Mark mark;
                int r;

                if (bag->steps_left == 0)
                        return SEARCH_CUT;
                bag->steps_left--;
                bag->problem->n_steps++;

                mark = mark_of(bag);
                r = has_failed(bag, mark) ? OUTLOOK_NONE : look(bag, &lacking);
                if (r == OUTLOOK_PLAN)
                        return SEARCH_FOUND;
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
