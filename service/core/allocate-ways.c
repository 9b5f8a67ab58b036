/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "core/allocate-kind.h"
#include "util/vector.h"

enum {
        WAYS_MAX = 32,    /* of a kind; of one with more no way is known */
        WAY_LOTS_MAX = 96 /* a piece of more lots is not looked at */
};

/* A piece half taken apart. */
typedef struct Walk {
        Kinds *kinds;
        Kind *kind;
        Places waiting; /* kinds of parts that are not taken apart yet */
        Move *moves;
        size_t n_moves;
        Supplies supplies, forced;
        unsigned n_left; /* ways that may still be found */
} Walk;

static void walk_done(Walk *walk) {
        places_done(&walk->waiting);
        free(walk->moves);
        free(walk->supplies.items);
        free(walk->forced.items);
}

static void way_done(Way *way) {
        free(way->supplies.items);
        free(way->forced.items);
        free(way->moves);
}

void kind_forget_ways(Kind *kind) {
        for (size_t i = 0; i < kind->n_ways; i++)
                way_done(&kind->ways[i]);
        free(kind->ways);
        kind->ways = NULL;
        kind->n_ways = 0;
}

static int copy_supplies(Supplies *ret, const Supplies *supplies) {
        int r = 0;

        for (size_t i = 0; i < supplies->n_items && r == 0; i++)
                if (supplies->items[i].n_lots > 0)
                        r = VECTOR_APPEND(ret->items, ret->n_items, supplies->items[i]);
        return r;
}

/* All is taken apart. */
static int add_way(Walk *walk) {
        Kind *kind = walk->kind;
        Way way = { 0 };
        int r;

        r = copy_supplies(&way.supplies, &walk->supplies);
        if (r == 0)
                r = copy_supplies(&way.forced, &walk->forced);
        for (size_t i = 0; i < walk->n_moves && r == 0; i++)
                r = VECTOR_APPEND(way.moves, way.n_moves, walk->moves[i]);
        if (r == 0)
                r = VECTOR_APPEND(kind->ways, kind->n_ways, way);
        if (r < 0)
                way_done(&way);
        return r;
}

static int walk_on(Walk *walk);

/* Single lots among the parts count, or count no longer; the others wait. */
static int take_parts(Walk *walk, const Remains *remains) {
        int r = 0;

        for (size_t i = 0; i < remains->n_parts && r == 0; i++) {
                const Kind *part = walk->kinds->items[remains->parts[i].kind];

                if (!kind_is_single(part))
                        r = places_append(&walk->waiting, remains->parts[i].kind);
                else
                        r = supplies_add(&walk->supplies, part->wants, 1);
                if (r == 0 && part->is_forced)
                        r = supplies_add(&walk->forced, part->wants, 1);
        }

        return r;
}

static void give_parts_back(Walk *walk, const Remains *remains) {
        for (size_t i = 0; i < remains->n_parts; i++) {
                const Kind *part = walk->kinds->items[remains->parts[i].kind];

                if (kind_is_single(part))
                        supplies_remove(&walk->supplies, part->wants);
                if (part->is_forced)
                        supplies_remove(&walk->forced, part->wants);
        }
}

static int walk_side(Walk *walk, uint32_t kind, uint32_t side) {
        const Remains *remains = &walk->kinds->items[kind]->remains[side];
        size_t n_waiting = walk->waiting.n_items;
        int r;

        if (!remains->is_possible)
                return 0;

        r = VECTOR_APPEND(walk->moves, walk->n_moves, ((Move){ kind, side }));
        if (r == 0)
                r = take_parts(walk, remains);
        if (r == 0)
                r = walk_on(walk);
        if (r < 0)
                return r;

        give_parts_back(walk, remains);
        walk->waiting.n_items = n_waiting;
        walk->n_moves--;
        return 0;
}

/* Takes the part that waits last apart in either way, and then what waits besides. */
static int walk_on(Walk *walk) {
        uint32_t kind;
        int r;

        if (walk->n_left == 0)
                return 0;
        if (walk->waiting.n_items == 0) {
                walk->n_left--;
                return add_way(walk);
        }

        kind = walk->waiting.items[--walk->waiting.n_items];
        r = kinds_split(walk->kinds, kind);
        for (uint32_t side = 0; side < _PIVOT_END && r == 0; side++)
                r = walk_side(walk, kind, side);

        return r < 0 ? r : places_append(&walk->waiting, kind);
}

int kinds_find_ways(Kinds *kinds, uint32_t number) {
        _cleanup_(walk_done) Walk walk = {
                .kinds = kinds,
                .kind = kinds->items[number],
                .n_left = WAYS_MAX + 1,
        };
        int r = 0;

        if (walk.kind->has_ways)
                return 0;

        if (!kind_is_single(walk.kind) && walk.kind->lots.n_items <= WAY_LOTS_MAX) {
                r = places_append(&walk.waiting, number);
                if (r == 0)
                        r = walk_on(&walk);
        }
        if (r == 0 && walk.n_left == 0)
                kind_forget_ways(walk.kind);
        walk.kind->has_ways = r == 0;
        return r;
}
