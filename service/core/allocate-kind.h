/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Allocate, pieces and their kinds. Private to allocate-kind.c, which takes pieces apart, and allocate-any.c,
 * which searches with them.
 *
 * A piece is a set of lots that have to do with each other and with no other lot: a PF with its VFs, a card that
 * may go whole or by functions. Pieces that hang together alike and serve the same wants are of one kind, and it
 * does not matter which of them is taken. A piece is taken apart at one lot, its pivot: either that is chosen, and
 * what excludes it is out, or it is out itself; what remains falls into smaller pieces, in the end single lots.
 */
#pragma once

#include "core/allocate-flow.h"

/* A piece that remains of another. */
typedef struct Part {
        uint32_t kind;
        Places places; /* its lots, by their places in the piece that it comes from */
} Part;

/* What remains of a piece when its pivot is chosen, or is not. */
typedef struct Remains {
        bool is_possible; /* no: then what is owed cannot be had */
        Part *parts;
        size_t n_parts;
} Remains;

enum {
        PIVOT_IN,
        PIVOT_OUT,
        _PIVOT_END
};

/* At which side of its pivot a piece of some kind is taken apart. */
typedef struct Move {
        uint32_t kind;
        uint32_t side;
} Move;

/* A way to take a piece apart until there are only single lots. */
typedef struct Way {
        Supplies supplies; /* that come of it */
        Supplies forced;   /* those of them that must be used */
        Move *moves;
        size_t n_moves;
} Way;

typedef struct Kind {
        Places lots;        /* of the first such piece; in any other they stand in the same order */
        Places owed;        /* devices that must be chosen, for what is chosen already needs them */
        Places description; /* how it hangs together */
        uint64_t hash;      /* of the description */
        bool is_forced;     /* a single lot that must be chosen */
        uint32_t wants;     /* that its lots serve; bits */
        Supplies most;      /* no choice from it can serve more */
        Supplies least;     /* this choice from it is there to be had: */
        Places least_places;
        bool has_ways; /* the ways are known; there are none if they are too many */
        Way *ways;
        size_t n_ways;
        bool is_split; /* what follows is known; a single lot is never split */
        uint32_t pivot;
        Remains remains[_PIVOT_END];
} Kind;

typedef struct Kinds {
        const Problem *problem;
        const uint32_t *wants; /* that each lot serves, as bits; 0: it is not looked at */
        Kind **items;
        size_t n_items;
        uint32_t *places; /* of the lots of one piece in it; PLACE_NONE for others */
} Kinds;

int kinds_init(Kinds *kinds, const Problem *problem, const uint32_t *wants); /* 0 or -ENOMEM */
void kinds_done(Kinds *kinds);

/*
 * The kind of a piece of these lots (ascending), of which these devices are owed; a new one is added. 0 or -ENOMEM.
 */
int kinds_find(Kinds *kinds, const Places *lots, const Places *owed, bool is_forced, uint32_t *ret);

/* The lots of a piece are entered while it is looked at; of one piece at a time. */
void kinds_enter(Kinds *kinds, const Places *lots);
void kinds_leave(Kinds *kinds, const Places *lots);

/* Of a lot of the piece that is entered: does it need any of the others, and how many of them does it exclude? */
bool kinds_has_needs(const Kinds *kinds, uint32_t lot);
uint32_t kinds_count_conflicts(const Kinds *kinds, uint32_t lot);

/* Finds the pivot and what remains in either case. 0 or -ENOMEM. */
int kinds_split(Kinds *kinds, uint32_t kind);

/* Finds the ways of a kind. 0 or -ENOMEM. */
int kinds_find_ways(Kinds *kinds, uint32_t kind);
void kind_forget_ways(Kind *kind);

static inline bool kind_is_single(const Kind *kind) {
        return kind->lots.n_items == 1 && kind->owed.n_items == 0;
}
