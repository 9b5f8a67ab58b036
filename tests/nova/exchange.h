/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Exchange: the same case with devices that are alike in each other's place.
 *
 * What the steps of a case expect was seen in Nova, which takes the device freed or listed last and calls
 * that no promise (NOVA.md a3 #35); hostdevd takes the lowest address of those that are equally good.
 * So a case of steps names, of devices alike in everything but their address, the ones that Nova
 * took, and means as well the same case with others of them in their place: throughout, in
 * what the host has as in what is expected. Results of requests are not exchanged: their order is documented.
 */
#pragma once

#include "case.h"

typedef struct Exchanges {
        Exchange *items; /* the first is to leave everything in its place */
        size_t n_items;
} Exchanges;

void exchanges_done(Exchanges *exchanges);

/* Every way to exchange the devices of the case that are alike; one alone when none are, or far too many. */
void exchanges_find(Case *c, Exchanges *ret);
