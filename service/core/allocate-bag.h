/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Allocate, a bag of pieces: of each kind so many. Private to allocate-bag.c, which searches it, and allocate-any.c,
 * which fills it with a host.
 *
 * It is searched by taking one piece apart after the other, until what is certainly there to be had serves all
 * wants, or what might be there at most does not. Which pieces of a kind were taken apart makes no difference, nor in
 * which order; so a bag that was searched in vain is remembered, and not searched again.
 */
#pragma once

#include "core/allocate-kind.h"

/* Two sums of numbers that are drawn for each kind: bags that differ have others. */
typedef struct Mark {
        uint64_t a, b;
} Mark;

/* A piece was taken apart here. */
typedef struct Step {
        Mark mark; /* of the bag before */
        uint32_t kind;
        int8_t side; /* of the pivot: what is tried now */
        bool is_last;
} Step;

typedef struct Piece {
        uint32_t kind;
        Places lots;
} Piece;

typedef struct Bag {
        Problem *problem;
        Kinds kinds;
        Demand demand;    /* of the wants that are looked at now */
        uint32_t wants;   /* these; bits */
        unsigned *counts; /* of each kind */
        size_t n_counts;
        Piece *pieces; /* those of the host; then what they are taken apart into */
        size_t n_pieces;
        Step *steps;
        size_t n_steps;
        Mark *failed; /* a hash table; 0, 0: free */
        size_t n_failed, n_failed_room;
        Supplies supplies, forced;
        unsigned prices[WANTS_MAX];
        size_t *best_ways; /* of each kind, at these prices */
        Flow flow;
        unsigned steps_left;
} Bag;

void bag_done(Bag *bag);

/* Fits the counts to the kinds that there are by now. 0 or -ENOMEM. */
int bag_reserve(Bag *bag);

/* The steps are then those that lead to the plan. A SearchResult, or -ENOMEM. */
int bag_search(Bag *bag);
