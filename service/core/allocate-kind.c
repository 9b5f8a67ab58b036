/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/allocate-kind.h"

#include <errno.h>
#include <string.h>

#include "util/vector.h"

static Kind *kind_free(Kind *kind) {
        if (!kind)
                return NULL;

        for (size_t i = 0; i < _PIVOT_END; i++) {
                for (size_t j = 0; j < kind->remains[i].n_parts; j++)
                        places_done(&kind->remains[i].parts[j].places);
                free(kind->remains[i].parts);
        }
        kind_forget_ways(kind);
        free(kind->most.items);
        free(kind->least.items);
        places_done(&kind->least_places);
        places_done(&kind->description);
        places_done(&kind->owed);
        places_done(&kind->lots);
        free(kind);
        return NULL;
}
DEFINE_CLEANUP(Kind *, kind_free);

int kinds_init(Kinds *kinds, const Problem *problem, const uint32_t *wants) {
        *kinds = (Kinds){
                .problem = problem,
                .wants = wants,
                .places = malloc((problem->n_lots + 1) * sizeof(*kinds->places)),
        };
        if (!kinds->places)
                return -ENOMEM;

        for (size_t lot = 0; lot < problem->n_lots; lot++)
                kinds->places[lot] = PLACE_NONE;
        return 0;
}

void kinds_done(Kinds *kinds) {
        for (size_t i = 0; i < kinds->n_items; i++)
                kind_free(kinds->items[i]);
        free(kinds->items);
        free(kinds->places);
}

void kinds_enter(Kinds *kinds, const Places *lots) {
        for (uint32_t i = 0; i < lots->n_items; i++)
                kinds->places[lots->items[i]] = i;
}

void kinds_leave(Kinds *kinds, const Places *lots) {
        for (size_t i = 0; i < lots->n_items; i++)
                kinds->places[lots->items[i]] = PLACE_NONE;
}

/* Appends the places in the piece of those lots that are in it, and an end. */
static int describe_lots(const Kinds *kinds, Places *description, const Places *lots) {
        int r = 0;

        for (size_t i = 0; i < lots->n_items && r == 0; i++)
                if (kinds->places[lots->items[i]] != PLACE_NONE)
                        r = places_append(description, kinds->places[lots->items[i]]);

        return r < 0 ? r : places_append(description, PLACE_NONE);
}

/* Is there a lot in the piece that has the device? Else a need of it has been met. */
static bool is_open(const Kinds *kinds, uint32_t device) {
        const Places *lots = &kinds->problem->lots_of[device];

        for (size_t i = 0; i < lots->n_items; i++)
                if (kinds->places[lots->items[i]] != PLACE_NONE)
                        return true;

        return false;
}

static int describe(const Kinds *kinds, Kind *kind) {
        const Problem *problem = kinds->problem;
        Places *description = &kind->description;
        int r = places_append(description, kind->is_forced);

        for (size_t i = 0; i < kind->lots.n_items && r == 0; i++) {
                const Lot *lot = &problem->lots[kind->lots.items[i]];

                r = places_append(description, kinds->wants[kind->lots.items[i]]);
                if (r == 0)
                        r = describe_lots(kinds, description, &lot->conflicts);
                for (size_t j = 0; j < lot->needs.n_items && r == 0; j++)
                        if (is_open(kinds, lot->needs.items[j]))
                                r = describe_lots(kinds, description,
                                                  &problem->lots_of[lot->needs.items[j]]);
                if (r == 0)
                        r = places_append(description, PLACE_NONE);
        }

        for (size_t i = 0; i < kind->owed.n_items && r == 0; i++)
                r = describe_lots(kinds, description, &problem->lots_of[kind->owed.items[i]]);
        if (r < 0)
                return r;

        kind->hash = UINT64_C(0xcbf29ce484222325);
        for (size_t i = 0; i < description->n_items; i++)
                kind->hash = (kind->hash ^ description->items[i]) * UINT64_C(0x100000001b3);
        return 0;
}

/* Lots of which each excludes each other serve one want among them: they share a seat. */
static int find_most(const Kinds *kinds, Kind *kind) {
        size_t n_lots = kind->lots.n_items;
        _cleanup_(freep) uint32_t *seats = calloc(n_lots * 4 + 1, sizeof(*seats));
        uint32_t *sizes, *counts, *wants;
        int r = 0;

        if (!seats)
                return -ENOMEM;
        sizes = seats + n_lots;
        counts = sizes + n_lots;
        wants = counts + n_lots;

        for (uint32_t i = 0; i < n_lots; i++) {
                const Places *conflicts = &kinds->problem->lots[kind->lots.items[i]].conflicts;

                seats[i] = i;
                for (size_t j = 0; j < conflicts->n_items; j++) {
                        uint32_t other = kinds->places[conflicts->items[j]];

                        if (other < i && ++counts[seats[other]] == sizes[seats[other]])
                                seats[i] = seats[other];
                }
                for (size_t j = 0; j < conflicts->n_items; j++) {
                        uint32_t other = kinds->places[conflicts->items[j]];

                        if (other < i)
                                counts[seats[other]] = 0;
                }
                sizes[seats[i]]++;
                wants[seats[i]] |= kinds->wants[kind->lots.items[i]];
        }

        for (size_t i = 0; i < n_lots && r == 0; i++)
                if (sizes[i] > 0)
                        r = supplies_add(&kind->most, wants[i], 1);
        return r;
}

static bool is_needed(const Kinds *kinds, uint32_t lot) {
        const Places *devices = &kinds->problem->lots[lot].devices;

        for (size_t i = 0; i < devices->n_items; i++) {
                const Places *needers = &kinds->problem->needers[devices->items[i]];

                for (size_t j = 0; j < needers->n_items; j++)
                        if (kinds->places[needers->items[j]] != PLACE_NONE)
                                return true;
        }

        return false;
}

bool kinds_has_needs(const Kinds *kinds, uint32_t lot) {
        const Places *needs = &kinds->problem->lots[lot].needs;

        for (size_t i = 0; i < needs->n_items; i++)
                if (is_open(kinds, needs->items[i]))
                        return true;

        return false;
}

uint32_t kinds_count_conflicts(const Kinds *kinds, uint32_t lot) {
        const Places *conflicts = &kinds->problem->lots[lot].conflicts;
        uint32_t n = 0;

        for (size_t i = 0; i < conflicts->n_items; i++)
                n += kinds->places[conflicts->items[i]] != PLACE_NONE;
        return n;
}

/* Lots that exclude few others come first; none that has to do with needs. */
static int find_least(const Kinds *kinds, Kind *kind) {
        size_t n_lots = kind->lots.n_items;
        _cleanup_(freep) bool *excluded = calloc(n_lots + 1, sizeof(*excluded));
        uint32_t n_next = 0;
        int r = 0;

        if (!excluded)
                return -ENOMEM;

        for (uint32_t n = 0; n_next != UINT32_MAX && r == 0; n = n_next) {
                n_next = UINT32_MAX;
                for (uint32_t i = 0; i < n_lots && r == 0; i++) {
                        uint32_t lot = kind->lots.items[i], n_conflicts;
                        const Places *conflicts = &kinds->problem->lots[lot].conflicts;

                        if (excluded[i])
                                continue;
                        n_conflicts = kinds_count_conflicts(kinds, lot);
                        if (n_conflicts > n && n_conflicts < n_next)
                                n_next = n_conflicts;
                        if (n_conflicts != n)
                                continue;
                        excluded[i] = true;
                        if (!kind->is_forced &&
                            (kinds_has_needs(kinds, lot) || is_needed(kinds, lot)))
                                continue;

                        for (size_t j = 0; j < conflicts->n_items; j++)
                                if (kinds->places[conflicts->items[j]] != PLACE_NONE)
                                        excluded[kinds->places[conflicts->items[j]]] = true;
                        r = supplies_add(&kind->least, kinds->wants[lot], 1);
                        if (r == 0)
                                r = places_append(&kind->least_places, i);
                }
        }

        return r;
}

static int copy_places(Places *ret, const Places *places) {
        int r = 0;

        for (size_t i = 0; i < places->n_items && r == 0; i++)
                r = places_append(ret, places->items[i]);
        return r;
}

static bool is_like(const Kind *a, const Kind *b) {
        return a->hash == b->hash && a->description.n_items == b->description.n_items &&
               memcmp(a->description.items, b->description.items,
                      a->description.n_items * sizeof(*a->description.items)) == 0;
}

static int add_kind(Kinds *kinds, Kind *kind, uint32_t *ret) {
        _cleanup_(kind_freep) Kind *given = kind;
        int r;

        for (uint32_t i = 0; i < kinds->n_items; i++)
                if (is_like(kinds->items[i], kind)) {
                        *ret = i;
                        return 0;
                }

        for (size_t i = 0; i < kind->lots.n_items; i++)
                kind->wants |= kinds->wants[kind->lots.items[i]];
        r = find_most(kinds, kind);
        if (r == 0)
                r = find_least(kinds, kind);
        if (r == 0)
                r = VECTOR_APPEND(kinds->items, kinds->n_items, kind);
        if (r < 0)
                return r;

        (void) TAKE(given);
        *ret = (uint32_t) kinds->n_items - 1;
        return 0;
}

int kinds_find(Kinds *kinds, const Places *lots, const Places *owed, bool is_forced,
               uint32_t *ret) {
        _cleanup_(kind_freep) Kind *kind = calloc(1, sizeof(*kind));
        int r;

        if (!kind)
                return -ENOMEM;

        kind->is_forced = is_forced;
        r = copy_places(&kind->lots, lots);
        if (r == 0)
                r = copy_places(&kind->owed, owed);
        if (r < 0)
                return r;

        kinds_enter(kinds, lots);
        r = describe(kinds, kind);
        if (r == 0)
                r = add_kind(kinds, TAKE(kind), ret);
        kinds_leave(kinds, lots);
        return r;
}
