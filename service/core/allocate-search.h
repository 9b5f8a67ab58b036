/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Allocate, the search inside: what is decided of lots at one moment. Private to allocate-search.c, which
 * tries decisions, and allocate-decide.c, which concludes from them.
 */
#pragma once

#include "core/allocate-internal.h"

typedef struct Frame {
        uint32_t lot;      /* that is decided here */
        bool is_off;       /* taken to be chosen before; now it is not */
        bool likes_follow; /* then neither are those like it */
        size_t n_decided;  /* before */
        Rows rows;         /* before */
} Frame;

typedef struct Search {
        Problem *problem;
        Matching matching;
        Places decided; /* lots, in the order in which it was concluded */
        Frame *frames;
        size_t n_frames;
        int16_t *tally; /* of each device; all 0 between uses */
        unsigned steps_left;
        bool is_clustered, is_cut, has_best;
        int64_t best_cost;
        Rows best;
} Search;

/*
 * Decides a lot and all that follows from it; with @likes_too the same, off, of the lots like it.
 * 1; 0: what is decided contradicts itself; or -ENOMEM.
 */
int search_decide(Search *search, uint32_t lot, LotState state, bool likes_too);

/* Forgets what was decided after the first @n_decided. */
void search_forget(Search *search, size_t n_decided);

/*
 * Now that @lot is taken to be chosen: has every such plan better addresses in this cluster than any plan
 * without the lot, so that to change roles with a later cluster can only be for the better?
 */
bool search_leads(Search *search, uint32_t lot, size_t n_decided);
