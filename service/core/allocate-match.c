/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Serving wants with lots at the least cost: shortest paths of exchanges.
 *
 * A want that is to get one more lot takes one that nobody has, or one of
 * another want, which then needs one more itself, and so on: the cheapest such
 * path leads from the cheapest matching of one size to that of the next. There
 * are few wants, so the paths are searched among these; between two wants only
 * the lot counts whose exchange costs least. A lot that has come in stays in,
 * hence among paths of one cost the one whose new lot has the lowest address is
 * the best.
 */
#include <errno.h>
#include <string.h>

#include "core/allocate-internal.h"

enum {
        NOBODY = -1
};

/* The cheapest lot that want `to` could take from want `from`. */
typedef struct Exchange {
        int64_t cost; /* COST_NEVER: there is none */
        uint32_t lot;
} Exchange;

/* Ways between wants; [to * WANTS_MAX + from]. */
typedef struct Ways {
        Exchange exchanges[WANTS_MAX * WANTS_MAX];
        int64_t distances[WANTS_MAX];
        int before[WANTS_MAX];
} Ways;

int matching_init(Matching *matching, const Problem *problem) {
        *matching = (Matching){
                .problem = problem,
                .states = calloc(problem->n_lots + 1, sizeof(*matching->states)),
                .owners = malloc(problem->n_lots + 1),
        };
        if (!matching->states || !matching->owners)
                return -ENOMEM;

        memset(matching->owners, NOBODY, problem->n_lots + 1);
        return 0;
}

void matching_done(Matching *matching) {
        free(matching->states);
        free(matching->owners);
}

static int64_t cost_of(const Matching *matching, size_t lot, size_t want) {
        int64_t cost = problem_cost(matching->problem, lot, want);

        return matching->is_free_of_cost && cost != COST_NEVER ? 0 : cost;
}

int64_t matching_cost(const Matching *matching) {
        int64_t sum = 0;

        for (size_t i = 0; i < matching->rows.n_items; i++)
                sum += cost_of(matching, matching->rows.items[i].lot, matching->rows.items[i].want);

        return sum;
}

void matching_restore(Matching *matching, const Rows *rows) {
        for (size_t i = 0; i < matching->rows.n_items; i++)
                matching->owners[matching->rows.items[i].lot] = NOBODY;

        matching->rows = *rows;
        for (size_t i = 0; i < rows->n_items; i++)
                matching->owners[rows->items[i].lot] = (int8_t) rows->items[i].want;
}

static Row *find_row(Matching *matching, uint32_t lot) {
        Row *row = matching->rows.items;

        while (row->lot != lot)
                row++;
        return row;
}

/* The want has the lot from now on. */
static void give(Matching *matching, uint32_t lot, size_t want) {
        Row *row = matching->owners[lot] == NOBODY ? &matching->rows.items[matching->rows.n_items++]
                                                   : find_row(matching, lot);

        *row = (Row){ .lot = lot, .want = (uint32_t) want };
        matching->owners[lot] = (int8_t) want;
}

void matching_drop(Matching *matching, uint32_t lot) {
        *find_row(matching, lot) = matching->rows.items[--matching->rows.n_items];
        matching->owners[lot] = NOBODY;
}

/* What another want could take from the one that has this lot. */
static void find_exchange(const Matching *matching, const Row *row, size_t to, Exchange *exchange) {
        int64_t saved = cost_of(matching, row->lot, row->want);
        int64_t cost = cost_of(matching, row->lot, to);

        if (cost != COST_NEVER && cost - saved < exchange->cost)
                *exchange = (Exchange){ cost - saved, row->lot };
}

static void find_exchanges(const Matching *matching, Ways *ways) {
        size_t n_wants = matching->problem->n_wants;

        for (size_t i = 0; i < WANTS_MAX * WANTS_MAX; i++)
                ways->exchanges[i].cost = COST_NEVER;

        for (size_t i = 0; i < matching->rows.n_items; i++) {
                const Row *row = &matching->rows.items[i];

                for (size_t to = 0; to < n_wants; to++)
                        if (to != row->want)
                                find_exchange(matching, row, to,
                                              &ways->exchanges[to * WANTS_MAX + row->want]);
        }
}

static const Exchange *exchange_between(const Ways *ways, size_t to, size_t from) {
        return &ways->exchanges[to * WANTS_MAX + from];
}

/*
 * Distances from where they are already set. Forwards: the want at the
 * beginning takes, the next must find another. Backwards: the want at the
 * beginning has one too many and hands one on. There is no cycle that gains
 * anything, because the matching is the cheapest of its size.
 */
static void find_distances(const Matching *matching, Ways *ways, bool is_forwards) {
        size_t n_wants = matching->problem->n_wants;
        bool again = true;

        for (size_t round = 0; again && round < n_wants; round++) {
                again = false;
                for (size_t a = 0; a < n_wants; a++) {
                        if (ways->distances[a] == COST_NEVER)
                                continue;

                        for (size_t b = 0; b < n_wants; b++) {
                                const Exchange *exchange = is_forwards
                                                                   ? exchange_between(ways, a, b)
                                                                   : exchange_between(ways, b, a);

                                if (exchange->cost == COST_NEVER ||
                                    ways->distances[a] + exchange->cost >= ways->distances[b])
                                        continue;

                                ways->distances[b] = ways->distances[a] + exchange->cost;
                                ways->before[b] = (int) a;
                                again = true;
                        }
                }
        }
}

/* The cheapest lot for a want that nobody has; SIZE_MAX: none. */
static size_t find_unowned(const Matching *matching, size_t want) {
        const Places *order = &matching->problem->wants[want].order;

        for (size_t i = 0; i < order->n_items; i++) {
                uint32_t lot = order->items[i];

                if (matching->owners[lot] == NOBODY && matching->states[lot] != LOT_OFF)
                        return lot;
        }

        return SIZE_MAX;
}

bool matching_serve(Matching *matching, size_t want) {
        int64_t cheapest = COST_NEVER;
        size_t last = 0, taken = SIZE_MAX;
        Ways ways;

        find_exchanges(matching, &ways);
        for (size_t i = 0; i < WANTS_MAX; i++)
                ways.distances[i] = COST_NEVER;
        ways.distances[want] = 0;
        ways.before[want] = NOBODY;
        find_distances(matching, &ways, true);

        for (size_t i = 0; i < matching->problem->n_wants; i++) {
                size_t lot = ways.distances[i] == COST_NEVER ? SIZE_MAX : find_unowned(matching, i);
                int64_t cost;

                if (lot == SIZE_MAX)
                        continue;

                cost = ways.distances[i] + cost_of(matching, lot, i);
                if (cost < cheapest || (cost == cheapest && lot < taken)) {
                        cheapest = cost;
                        taken = lot;
                        last = i;
                }
        }
        if (taken == SIZE_MAX)
                return false;

        for (int before; (before = ways.before[last]) != NOBODY; last = (size_t) before) {
                uint32_t passed = exchange_between(&ways, (size_t) before, last)->lot;

                give(matching, (uint32_t) taken, last);
                taken = passed;
        }
        give(matching, (uint32_t) taken, last);
        return true;
}

/* The lot that a want gives up with the greatest gain, of equals the last;
 * SIZE_MAX: none may go. */
static size_t find_dispensable(const Matching *matching, size_t want) {
        int64_t gain = INT64_MIN;
        size_t found = SIZE_MAX;

        for (size_t i = 0; i < matching->rows.n_items; i++) {
                const Row *row = &matching->rows.items[i];
                int64_t cost;

                if (row->want != want || matching->states[row->lot] == LOT_ON)
                        continue;

                cost = cost_of(matching, row->lot, want);
                if (cost > gain || (cost == gain && row->lot > found)) {
                        gain = cost;
                        found = row->lot;
                }
        }

        return found;
}

bool matching_force(Matching *matching, uint32_t lot) {
        int64_t cheapest = COST_NEVER;
        size_t last = 0, dropped = SIZE_MAX;
        uint32_t given;
        Ways ways;

        if (matching->owners[lot] != NOBODY)
                return true;

        find_exchanges(matching, &ways);
        for (size_t i = 0; i < WANTS_MAX; i++)
                ways.distances[i] = COST_NEVER;
        for (size_t i = 0; i < matching->problem->n_wants; i++) {
                ways.distances[i] = cost_of(matching, lot, i);
                ways.before[i] = NOBODY;
        }
        find_distances(matching, &ways, false);

        for (size_t i = 0; i < matching->problem->n_wants; i++) {
                size_t candidate =
                        ways.distances[i] == COST_NEVER ? SIZE_MAX : find_dispensable(matching, i);
                int64_t cost;

                if (candidate == SIZE_MAX)
                        continue;

                cost = ways.distances[i] - cost_of(matching, candidate, i);
                if (cost < cheapest || (cost == cheapest && candidate > dropped)) {
                        cheapest = cost;
                        dropped = candidate;
                        last = i;
                }
        }
        if (dropped == SIZE_MAX)
                return false;

        matching_drop(matching, (uint32_t) dropped);
        for (int before; (before = ways.before[last]) != NOBODY; last = (size_t) before) {
                given = exchange_between(&ways, last, (size_t) before)->lot;
                give(matching, given, last);
        }
        give(matching, lot, last);
        return true;
}
