/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "core/allocate-kind.h"
#include "util/vector.h"

/* A piece at which something is decided. Its lots are entered in the kinds. */
typedef struct Cut {
        Kinds *kinds;
        Kind *kind;
        const Lot *pivot;
        bool is_in;  /* the pivot is chosen */
        bool *alive; /* may the lot at this place still be chosen? */
        Places owed;
} Cut;

static void cut_done(Cut *cut) {
        free(cut->alive);
        places_done(&cut->owed);
}

static const Lot *lot_at(const Cut *cut, size_t place) {
        return &cut->kinds->problem->lots[cut->kind->lots.items[place]];
}

/* Where a lot is in the piece, if it may still be chosen; else PLACE_NONE. */
static uint32_t place_alive(const Cut *cut, uint32_t lot) {
        uint32_t place = cut->kinds->places[lot];

        return place != PLACE_NONE && cut->alive[place] ? place : PLACE_NONE;
}

/* Can the device be had beside @lot (may be NULL)? */
static bool can_be_had(const Cut *cut, uint32_t device, const Lot *lot) {
        const Places *lots = &cut->kinds->problem->lots_of[device];

        for (size_t i = 0; i < lots->n_items; i++)
                if (place_alive(cut, lots->items[i]) != PLACE_NONE &&
                    (!lot || !places_contain(&lot->conflicts, lots->items[i])))
                        return true;

        return false;
}

/* Does a need for the device wait to be met? */
static bool is_open(const Cut *cut, uint32_t device) {
        const Places *lots = &cut->kinds->problem->lots_of[device];

        if (cut->is_in && places_contain(&cut->pivot->devices, device))
                return false;

        for (size_t i = 0; i < lots->n_items; i++)
                if (cut->kinds->places[lots->items[i]] != PLACE_NONE)
                        return true;

        return false;
}

static bool is_hopeless(const Cut *cut, const Lot *lot) {
        for (size_t i = 0; i < lot->needs.n_items; i++)
                if (is_open(cut, lot->needs.items[i]) && !can_be_had(cut, lot->needs.items[i], lot))
                        return true;

        return false;
}

static void remove_hopeless(Cut *cut) {
        bool again = true;

        while (again) {
                again = false;
                for (size_t i = 0; i < cut->kind->lots.n_items; i++) {
                        if (!cut->alive[i] || !is_hopeless(cut, lot_at(cut, i)))
                                continue;
                        cut->alive[i] = false;
                        again = true;
                }
        }
}

/* Must the pivot really serve a want, once it is chosen? Else it is there to be had, and that is all. */
static bool is_bound(const Cut *cut) {
        const Places *devices = &cut->pivot->devices;

        for (size_t i = 0; i < devices->n_items; i++) {
                const Places *needers = &cut->kinds->problem->needers[devices->items[i]];

                if (places_contain(&cut->kind->owed, devices->items[i]))
                        return true;
                for (size_t j = 0; j < needers->n_items; j++)
                        if (cut->kinds->places[needers->items[j]] != PLACE_NONE)
                                return true;
        }

        for (size_t i = 0; i < cut->pivot->needs.n_items; i++)
                if (is_open(cut, cut->pivot->needs.items[i]))
                        return true;

        return false;
}

static int owe(Cut *cut, const Places *devices) {
        int r = 0;

        for (size_t i = 0; i < devices->n_items && r == 0; i++)
                if (is_open(cut, devices->items[i]) &&
                    !places_contain(&cut->owed, devices->items[i]))
                        r = places_append(&cut->owed, devices->items[i]);
        return r;
}

static int cut_init(Cut *cut, Kinds *kinds, Kind *kind, bool is_in) {
        int r;

        *cut = (Cut){
                .kinds = kinds,
                .kind = kind,
                .pivot = &kinds->problem->lots[kind->lots.items[kind->pivot]],
                .is_in = is_in,
                .alive = calloc(kind->lots.n_items + 1, sizeof(*cut->alive)),
        };
        if (!cut->alive)
                return -ENOMEM;

        for (size_t i = 0; i < kind->lots.n_items; i++)
                cut->alive[i] = i != kind->pivot;
        for (size_t i = 0; is_in && i < cut->pivot->conflicts.n_items; i++) {
                uint32_t place = kinds->places[cut->pivot->conflicts.items[i]];

                if (place != PLACE_NONE)
                        cut->alive[place] = false;
        }

        r = owe(cut, &kind->owed);
        if (r == 0 && is_in)
                r = owe(cut, &cut->pivot->needs);
        return r;
}

/* What is collected is no longer alive, so that it is collected once. */
static int collect(Cut *cut, uint32_t place, Places *part) {
        cut->alive[place] = false;
        return places_append(part, place);
}

/* Of these lots those that are alive and not collected yet. */
static int collect_all(Cut *cut, const Places *lots, Places *part) {
        int r = 0;

        for (size_t i = 0; i < lots->n_items && r == 0; i++) {
                uint32_t place = place_alive(cut, lots->items[i]);

                if (place != PLACE_NONE)
                        r = collect(cut, place, part);
        }

        return r;
}

static int collect_related(Cut *cut, const Lot *lot, Places *part) {
        const Problem *problem = cut->kinds->problem;
        int r = collect_all(cut, &lot->conflicts, part);

        for (size_t i = 0; i < lot->needs.n_items && r == 0; i++)
                if (is_open(cut, lot->needs.items[i]))
                        r = collect_all(cut, &problem->lots_of[lot->needs.items[i]], part);
        for (size_t i = 0; i < lot->devices.n_items && r == 0; i++)
                r = collect_all(cut, &problem->needers[lot->devices.items[i]], part);
        return r;
}

static int compare_places(const void *a, const void *b) {
        uint32_t place_a = *(const uint32_t *) a, place_b = *(const uint32_t *) b;

        return place_a < place_b ? -1 : place_a > place_b;
}

/* Takes @places over. */
static int add_part(Remains *remains, Places *places) {
        int r;

        r = VECTOR_APPEND(remains->parts, remains->n_parts, ((Part){ .places = *places }));
        if (r < 0)
                return r;

        *places = (Places){ 0 };
        return 0;
}

/* The lots that may still be chosen, as pieces; their kinds are not known yet. */
static int fall_apart(Cut *cut, Remains *remains) {
        int r = 0;

        for (uint32_t first = 0; first < cut->kind->lots.n_items && r == 0; first++) {
                _cleanup_(places_done) Places part = { 0 };

                if (!cut->alive[first])
                        continue;

                r = collect(cut, first, &part);
                for (size_t i = 0; i < part.n_items && r == 0; i++)
                        r = collect_related(cut, lot_at(cut, part.items[i]), &part);
                if (r < 0)
                        return r;

                qsort(part.items, part.n_items, sizeof(*part.items), compare_places);
                r = add_part(remains, &part);
        }

        return r;
}

static bool part_has(const Cut *cut, const Places *lots, uint32_t device) {
        const Places *others = &cut->kinds->problem->lots_of[device];

        for (size_t i = 0; i < others->n_items; i++)
                if (places_contain(lots, others->items[i]))
                        return true;

        return false;
}

static int find_kind(Cut *cut, Part *part, bool is_forced) {
        _cleanup_(places_done) Places lots = { 0 }, owed = { 0 };
        int r = 0;

        for (size_t i = 0; i < part->places.n_items && r == 0; i++)
                r = places_append(&lots, cut->kind->lots.items[part->places.items[i]]);
        for (size_t i = 0; i < cut->owed.n_items && r == 0; i++)
                if (part_has(cut, &lots, cut->owed.items[i]))
                        r = places_append(&owed, cut->owed.items[i]);

        return r < 0 ? r : kinds_find(cut->kinds, &lots, &owed, is_forced, &part->kind);
}

/* Fills in what remains. @ret_is_forced: the first part is the pivot, and is bound. */
static int make_parts(Cut *cut, Remains *remains, bool *ret_is_forced) {
        int r = 0;

        *ret_is_forced = cut->is_in && is_bound(cut);
        remove_hopeless(cut);
        remains->is_possible = true;
        for (size_t i = 0; i < cut->owed.n_items; i++)
                remains->is_possible =
                        remains->is_possible && can_be_had(cut, cut->owed.items[i], NULL);
        if (!remains->is_possible)
                return 0;

        if (cut->is_in) {
                _cleanup_(places_done) Places pivot = { 0 };

                r = places_append(&pivot, cut->kind->pivot);
                if (r == 0)
                        r = add_part(remains, &pivot);
        }

        return r < 0 ? r : fall_apart(cut, remains);
}

static int find_remains(Kinds *kinds, Kind *kind, bool is_in, Remains *remains) {
        _cleanup_(cut_done) Cut cut = { 0 };
        bool is_forced;
        int r;

        kinds_enter(kinds, &kind->lots);
        r = cut_init(&cut, kinds, kind, is_in);
        if (r == 0)
                r = make_parts(&cut, remains, &is_forced);
        kinds_leave(kinds, &kind->lots);

        for (size_t i = 0; i < remains->n_parts && r == 0; i++)
                r = find_kind(&cut, &remains->parts[i], i == 0 && is_forced);
        return r;
}

/* One that is owed; else the lot that excludes the most others; else one that needs something. */
static uint32_t find_pivot(const Kinds *kinds, const Kind *kind) {
        uint32_t pivot = 0, most = 0;

        if (kind->owed.n_items > 0) {
                const Places *lots = &kinds->problem->lots_of[kind->owed.items[0]];
                size_t i = 0;

                while (kinds->places[lots->items[i]] == PLACE_NONE)
                        i++;
                return kinds->places[lots->items[i]];
        }

        for (uint32_t i = 0; i < kind->lots.n_items; i++) {
                uint32_t n_conflicts = kinds_count_conflicts(kinds, kind->lots.items[i]);

                if (n_conflicts > most) {
                        most = n_conflicts;
                        pivot = i;
                }
        }

        while (most == 0 && !kinds_has_needs(kinds, kind->lots.items[pivot]))
                pivot++;
        return pivot;
}

int kinds_split(Kinds *kinds, uint32_t number) {
        Kind *kind = kinds->items[number];
        int r = 0;

        if (kind->is_split)
                return 0;

        kinds_enter(kinds, &kind->lots);
        kind->pivot = find_pivot(kinds, kind);
        kinds_leave(kinds, &kind->lots);

        for (size_t i = 0; i < _PIVOT_END && r == 0; i++)
                r = find_remains(kinds, kind, i == PIVOT_IN, &kind->remains[i]);
        kind->is_split = r == 0;
        return r;
}
