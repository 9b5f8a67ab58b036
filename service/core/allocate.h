/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Allocate: which devices a request gets, or why it gets none. Deterministic; changes nothing.
 *
 * A unit is what an item counts: a function, a whole card or a whole IOMMU group; never a VF together
 * with its PF, which takes its VFs with it. Of all plans that serve every item, the best by this order is
 * chosen, the first difference decides:
 *
 * 1. fewer units on a NUMA node that is not the guest's (the worst function of a unit counts);
 * 2. fewer units on an unknown node;
 * 3. fewer tags that the devices have beyond those that their item asks for;
 * 4. a smaller sum, over the units, of the functions that are available now beside the unit's first
 *    function: the VFs of its PF when it is a VF, else the functions of its card that are no VFs; so
 *    that whole cards stay whole;
 * 5. having the lowest address that only one of the two plans has.
 *
 * Two plans of the same devices in the same order are equally good. Within an item's alias the lower
 * addresses go to the earlier item.
 */
#pragma once

#include "core/registry.h"
#include "core/request.h"

/* What a search may cost before it is cut. */
enum {
        ALLOCATE_STEPS_ANY =
                50000, /* whether there is a plan; a step takes one piece of the host apart */
        ALLOCATE_STEPS_BEST =
                5000, /* which is the best; a step gives one unit to an item, or exchanges one */
};

/*
 * What may be kept between decisions so that the next is quick; private to allocate-memory.c. It changes no
 * answer: what is out of date is made anew. All 0 at first; release it with allocate_forget().
 */
typedef struct Shelf Shelf;
typedef struct AllocateMemory {
        const Registry *registry;
        uint64_t version; /* of the registry */
        Shelf *shelves;
        size_t n_shelves;
} AllocateMemory;

void allocate_forget(AllocateMemory *memory);

typedef struct AllocateQuery {
        const Registry *registry; /* settled */
        const Request *request;   /* every alias of it exists in the catalog */
        const char *domain_uuid;  /* "": for no domain; then the group words are not decided */
        NodeSet nodes;            /* of the guest */
        int numa_policy;          /* replaces that of every alias; −1: each keeps its own */
        bool force;               /* devices used by the host are fine */
        AllocateMemory *memory;   /* NULL: nothing is kept */
} AllocateQuery;

typedef struct Choice {
        size_t item;    /* index into the request */
        Device *device; /* borrowed from the inventory */
} Choice;

typedef struct Plan {
        Choice *choices; /* by item, then address */
        size_t n_choices;
} Plan;

void plan_done(Plan *plan);

/**
 * allocate() - choose devices for every item of a request, all or none
 * @ret: the plan, only on success; release it with plan_done()
 *
 * Complete: if any assignment satisfies all items together one is found, whatever their order. Each search has
 * a budget of steps. When that for the best is used up the best found so far is taken; when that for any is, the
 * text says that the search was cut.
 *
 * Return: 0; DEVICES_NOT_ENOUGH ("2 of 4 asked: 1 attached, 3 numa", counts of the reasons of what does
 * not fit the item that fell short, and who of its IOMMU group is in the way of the first; or that the search was
 * cut at its budget); DEVICE_USED_BY_HOST when
 * force would make it fit; HOST_NOT_READY when no device of the host has an IOMMU group; -ENOMEM.
 */
int allocate(const AllocateQuery *query, Plan *ret, Refusal *refusal);

/* A row of the explanation: one item and one device of any pool. */
typedef struct Candidate {
        size_t item;
        Device *device;
        bool chosen;
        uint32_t reasons; /* all that hold; 0 when chosen or merely not needed */
        /* With group-incomplete, by which the alias would get the rest of the group, too; UNIT_FUNCTION: none. */
        Unit helping_unit;
} Candidate;

typedef struct Explanation {
        bool fits;
        char *text;     /* what allocate() refuses with but for the group, "" when it fits */
        char *sentence; /* the same for people: "2 of 4: 1 attached to web01, 3 on another NUMA node" */
        Candidate *candidates; /* by item, then address */
        size_t n_candidates;
        unsigned n_units[REQUEST_ITEMS_MAX]; /* that each item can have beside those before it */
        unsigned counts[REASON_COUNT];       /* those in the text, by the bit of the reason */
} Explanation;

void explanation_done(Explanation *explanation);

/* The same decision with its grounds, by the same code. 0 or -ENOMEM. */
int allocate_explain(const AllocateQuery *query, Explanation *ret);
