/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/allocate-flow.h"

#include <errno.h>
#include <string.h>

#include "util/vector.h"

enum {
        NOBODY = -1
};

int supplies_add(Supplies *supplies, uint32_t wants, uint32_t n_lots) {
        for (size_t i = 0; i < supplies->n_items; i++)
                if (supplies->items[i].wants == wants) {
                        supplies->items[i].n_lots += n_lots;
                        return 0;
                }

        return VECTOR_APPEND(supplies->items, supplies->n_items, ((Supply){ wants, n_lots }));
}

void supplies_remove(Supplies *supplies, uint32_t wants) {
        Supply *supply = supplies->items;

        while (supply->wants != wants)
                supply++;
        supply->n_lots--;
}

void flow_done(Flow *flow) {
        free(flow->given);
        *flow = (Flow){ 0 };
}

static int flow_clear(Flow *flow, size_t n_supplies) {
        if (n_supplies > flow->n_room) {
                uint32_t *given =
                        reallocarray(flow->given, n_supplies, WANTS_MAX * sizeof(*flow->given));

                if (!given)
                        return -ENOMEM;
                flow->given = given;
                flow->n_room = n_supplies;
        }

        if (n_supplies > 0)
                memset(flow->given, 0, n_supplies * WANTS_MAX * sizeof(*flow->given));
        return 0;
}

/* How a want can come to one more: a supply gives to it what it gives to the want after it. */
typedef struct Way {
        int after[WANTS_MAX];
        size_t supply[WANTS_MAX]; /* from which the want would lose one */
        uint32_t reached;         /* bits */
} Way;

/* Hands one on from want to want, beginning with a supply that has one left. */
static void hand_on(Flow *flow, Supplies *supplies, const Way *way, size_t supply, size_t want) {
        supplies->items[supply].n_lots--;
        flow->given[supply * WANTS_MAX + want]++;
        while (way->after[want] != NOBODY) {
                size_t next = (size_t) way->after[want];

                flow->given[way->supply[want] * WANTS_MAX + want]--;
                flow->given[way->supply[want] * WANTS_MAX + next]++;
                want = next;
        }
}

/* One more for the want, if others can be served otherwise. */
static bool serve_one(Flow *flow, Supplies *supplies, size_t first, uint32_t *ret_reached) {
        size_t queue[WANTS_MAX], n_queue = 0;
        Way way = { .reached = 1u << first };

        way.after[first] = NOBODY;
        queue[n_queue++] = first;
        for (size_t i = 0; i < n_queue; i++) {
                size_t want = queue[i];

                for (size_t j = 0; j < supplies->n_items; j++) {
                        uint32_t others = supplies->items[j].wants & ~way.reached;

                        if (!(supplies->items[j].wants & (1u << want)))
                                continue;
                        if (supplies->items[j].n_lots > 0) {
                                hand_on(flow, supplies, &way, j, want);
                                return true;
                        }

                        for (; others != 0; others &= others - 1) {
                                size_t other = (size_t) __builtin_ctz(others);

                                if (flow->given[j * WANTS_MAX + other] == 0)
                                        continue;
                                way.reached |= 1u << other;
                                way.after[other] = (int) want;
                                way.supply[other] = j;
                                queue[n_queue++] = other;
                        }
                }
        }

        *ret_reached = way.reached;
        return false;
}

int flow_serve(Flow *flow, Supplies *supplies, const Demand *demand, uint32_t *ret_lacking) {
        int served = 0, r;

        r = flow_clear(flow, supplies->n_items);
        if (r < 0)
                return r;

        *ret_lacking = 0;
        for (size_t want = 0; want < WANTS_MAX; want++) {
                unsigned n_missing = demand->counts[want];
                uint32_t reached = 0;

                for (size_t i = 0; i < supplies->n_items && n_missing > 0; i++) {
                        Supply *supply = &supplies->items[i];
                        uint32_t n = supply->n_lots < n_missing ? supply->n_lots : n_missing;

                        if (!(supply->wants & (1u << want)))
                                continue;
                        supply->n_lots -= n;
                        flow->given[i * WANTS_MAX + want] += n;
                        n_missing -= n;
                        served += (int) n;
                }

                for (; n_missing > 0 && serve_one(flow, supplies, want, &reached); n_missing--)
                        served++;
                *ret_lacking |= reached;
        }

        return served;
}
