/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Allocate, flow: how many wants can be served by lots of which it is only counted what they serve.
 * Private to allocate*.c.
 */
#pragma once

#include "core/allocate-internal.h"

/* So many lots of which each serves any one of these wants. */
typedef struct Supply {
        uint32_t wants; /* bits */
        uint32_t n_lots;
} Supply;

typedef struct Supplies {
        Supply *items;
        size_t n_items;
} Supplies;

/* Lots that serve the same are counted together. 0 or -ENOMEM. */
int supplies_add(Supplies *supplies, uint32_t wants, uint32_t n_lots);

/* One lot less; it was added before. */
void supplies_remove(Supplies *supplies, uint32_t wants);

/* What each supply gives to each want; kept between calls for its memory alone. */
typedef struct Flow {
        uint32_t *given; /* [supply * WANTS_MAX + want] */
        size_t n_room;   /* supplies */
} Flow;

void flow_done(Flow *flow);

/**
 * flow_serve() - serve as much of a demand as can be
 * @supplies:    used up: what is left over remains in them
 * @ret_lacking: the wants that could do with more, as bits; 0 when all have what they ask for
 *
 * Return: how many units are served, or -ENOMEM.
 */
int flow_serve(Flow *flow, Supplies *supplies, const Demand *demand, uint32_t *ret_lacking);
