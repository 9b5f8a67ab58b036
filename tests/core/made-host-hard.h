/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hard hosts: random, of few kinds of cards with PFs, VFs and IOMMU groups of several, with aliases that overlap.
 *
 * What is valid on one is judged here anew, from the facts of the devices and the rules as they are written in
 * core/allocate.h and the contract; only what an alias means is asked of the service.
 */
#pragma once

#include "asked-host.h"

enum {
        HARD_ALIASES_MAX = REQUEST_ITEMS_MAX
};

typedef struct HardHost {
        Host host;
        size_t n_aliases; /* named a0, a1, … */
        bool has_domain;  /* the request is for one, so that groups must be complete */
        NodeSet nodes;
        int numa_policy;
} HardHost;

/* The same for the same seed. Up to @n_functions of them, never over 4,096. */
void hard_host_make(HardHost *hard, uint64_t seed, unsigned n_functions);
void hard_host_done(HardHost *hard);

/* How many units of each alias are asked for; and in which order, when it says so. */
typedef struct HardRequest {
        unsigned counts[HARD_ALIASES_MAX];
        size_t order[HARD_ALIASES_MAX];
        size_t n_items;
} HardRequest;

void hard_request_make(HardRequest *asked, const HardHost *hard);
bool hard_request_grow(HardRequest *asked);   /* by one; false: it is at its greatest */
bool hard_request_shrink(HardRequest *asked); /* by one; false: it is at its smallest */
void hard_request_shuffle(HardRequest *asked);

/* As text; every item of it asks for at least one. */
void hard_request_print(const HardRequest *asked, char text[static 512]);

AllocateQuery hard_query(const HardHost *hard, const Request *request);

/* NULL, or the rule that the plan breaks. */
const char *hard_plan_wrong(const HardHost *hard, const AllocateQuery *query, const Plan *plan);
