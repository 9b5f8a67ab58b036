/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Expect: what there is, compared with what a case expects. Only what it lists is compared.
 */
#pragma once

#include "world.h"

/* Pooled addresses and tags, of the host as it was configured. */
void expect_pooled(Case *c, const World *world, const json_t *expected);

/* One of the results: @decision is what came of the request, @world is as it was left. */
void expect_result(Case *c, const char *where, const World *world, const Decision *decision,
                   int numa_policy, const json_t *expected);

/* What came of a step. */
typedef struct Outcome {
        bool ok;
        bool is_decision; /* it was asked whether a request fits, and: */
        bool fits;
        const char *error; /* NULL: none */
        const char *text;  /* of the refusal; borrowed; NULL: none */
} Outcome;

void expect_step(Case *c, const char *where, const World *world, const Outcome *outcome,
                 const json_t *expected);
