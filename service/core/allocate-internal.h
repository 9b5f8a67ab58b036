/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Allocate, inside: a request and a host as a problem of lots and wants.
 * Private to allocate*.c.
 *
 * A lot is a set of devices that goes as one: a function, a card, an IOMMU
 * group. A want is what items of one alias ask for: so many lots of a kind.
 * Some lots exclude each other (they share a device, or one has the PF of the
 * other's VF), and some need devices that must be chosen too (the rest of an
 * IOMMU group that is at host drivers).
 *
 * allocate-judge.c judges what may go to a want, allocate-problem.c makes lots
 * of it, allocate-link.c finds what excludes and needs what, allocate-match.c
 * serves wants with lots at the least cost and without a look at what excludes
 * or needs what, allocate-search.c finds the best choice that obeys that.
 * Whether there is any is found by allocate-any.c, among pieces of the host
 * (allocate-kind.c, -split.c, -ways.c, -bag.c, -flow.c). allocate-memory.c keeps
 * what the next decision can use, allocate-explain.c says why not,
 * allocate-group.c and allocate-tell.c put it in words, allocate.c puts them
 * together.
 */
#pragma once

#include "core/allocate.h"

enum {
        PLACE_NONE = UINT32_MAX /* no lot, no cluster */
};

enum {
        WANTS_MAX = REQUEST_ITEMS_MAX,
        ROWS_MAX = REQUEST_DEVICES_MAX
};

#define COST_NEVER INT64_MAX /* the lot does not serve the want */

/* An array of places: of lots, or of devices in the problem. */
typedef struct Places {
        uint32_t *items;
        size_t n_items;
} Places;

typedef struct Lot {
        Places devices;   /* ascending */
        Places conflicts; /* lots that exclude this one */
        Places needs;     /* devices that must be chosen too */
        uint32_t cluster; /* of lots that have to do with each other; PLACE_NONE: with
                       no other */
} Lot;

typedef struct Want {
        const Alias *alias;
        NumaPolicy policy;
        Places order; /* lots that serve it, the cheapest first, equals by their place */
} Want;

typedef struct Cluster {
        Places lots, devices; /* ascending */
        Places description;   /* how they hang together, by their places in the cluster */
        uint32_t likeness;    /* clusters of one likeness could change their roles */
} Cluster;

typedef struct Problem {
        const AllocateQuery *query;
        const Inventory *inventory;
        DeviceRun devices; /* all of the inventory, or those selected; by address */
        Want wants[WANTS_MAX];
        size_t n_wants;
        size_t want_of_item[REQUEST_ITEMS_MAX];
        bool sockets_known;
        bool is_held_up_by_host; /* some unit serves no want for what the host uses, and for nothing else */
        uint32_t *reasons; /* of each device; bit 31: known */
        Lot *lots;         /* the lower addresses first: a lot before another is the better
                one */
        size_t n_lots;
        int64_t *costs;    /* [lot * n_wants + want] */
        Places *lots_of;   /* the lots that have each device */
        Places *needers;   /* the lots that need each device */
        Cluster *clusters; /* of more than one lot */
        size_t n_clusters;
        unsigned n_steps_any, n_steps_best; /* of all searches so far, for either purpose */
} Problem;

/* How many lots each want is to get. */
typedef struct Demand {
        unsigned counts[WANTS_MAX];
} Demand;

/* A lot that serves a want. */
typedef struct Row {
        uint32_t lot;
        uint32_t want;
} Row;

typedef struct Rows {
        Row items[ROWS_MAX];
        size_t n_items;
} Rows;

int places_append(Places *places, uint32_t place); /* 0 or -ENOMEM */
bool places_contain(const Places *places, uint32_t place);
void places_done(Places *places);

/* 0 or -ENOMEM; release it with problem_done(), also after a failure. */
int problem_init(Problem *problem, const AllocateQuery *query);

/* The same with these devices alone, which memory_select() has found. */
int problem_init_selected(Problem *problem, const AllocateQuery *query, DeviceRun selected);

/* Devices by address; release the array with free(). */
typedef struct Selection {
        Device **items;
        size_t n_items;
} Selection;

/*
 * Finds the devices among which the best plan is, if the query's memory knows it. 1; 0: it does not; or -ENOMEM. If
 * they do not serve the request, nothing does.
 */
int memory_select(const AllocateQuery *query, Selection *ret);

/* What it costs that an alias gets the device, but for its node. */
int64_t problem_device_cost(const Inventory *inventory, const Alias *alias, const Device *device);
void problem_done(Problem *problem);

/* Finds what excludes and what needs what, and removes what is hopeless. 0 or
 * -ENOMEM. */
int problem_link(Problem *problem);

/* Lots whose needs cannot be met serve no want from then on; nor do those that
 * need them. */
void problem_remove_hopeless(Problem *problem);

/* Finds the clusters, and which are alike: in what they serve, and in what that costs. 0 or -ENOMEM. */
int problem_cluster(Problem *problem);
void problem_forget_clusters(Problem *problem);

/* Where the device of an address is in the problem; SIZE_MAX: nowhere. */
size_t problem_place(const Problem *problem, Address address);
size_t problem_place_of(const Problem *problem, const Device *device);

/* Of one device, as to the domain of the query and its force. */
uint32_t problem_reasons(Problem *problem, size_t device);

/* Is the device the first of a unit, near a device that the alias means? */
bool problem_begins_unit(const Problem *problem, const Alias *alias, size_t device);

/* The devices of the unit that has @device, in address order; appended. 0 or
 * -ENOMEM. */
int problem_unit(const Problem *problem, Unit unit, size_t device, Places *ret);

/**
 * problem_judge() - may a want have these devices as one unit?
 * @in_full:  tell all reasons; else, when the alias means none of the devices, some mismatch is enough
 * @ret_cost: what the choice would cost by the order of allocate.h; set only when the answer is 0
 *
 * Return: 0, or the reasons against any of the devices, with the mismatch of the first when the alias means none.
 */
uint32_t problem_judge(Problem *problem, size_t want, const Places *devices, bool in_full,
                       int64_t *ret_cost);

/* As alias_mismatch(), of a settled device. */
uint32_t problem_mismatch(const Problem *problem, const Alias *alias, const Device *device);

/* Would @device stay at a host driver, outside of the domain? */
bool problem_is_stuck(const Problem *problem, const Device *device);

bool problem_lot_serves(const Problem *problem, size_t lot); /* any want? */

static inline int64_t problem_cost(const Problem *problem, size_t lot, size_t want) {
        return problem->costs[lot * problem->n_wants + want];
}

/* What the search has decided of a lot. */
typedef enum LotState {
        LOT_OPEN,
        LOT_ON,  /* it is chosen */
        LOT_OFF, /* it is not */
} LotState;

/* Lots that serve wants at the least cost, under what is decided so far. */
typedef struct Matching {
        const Problem *problem;
        bool is_free_of_cost; /* it is asked only whether there is a way */
        uint8_t *states;      /* a LotState of each lot */
        int8_t *owners;       /* the want that has the lot; −1: none */
        Rows rows;
} Matching;

int matching_init(Matching *matching, const Problem *problem); /* 0 or -ENOMEM */
void matching_done(Matching *matching);

/*
 * Each leaves the matching the best there is of its size: one more lot for a
 * want; a lot less; one lot, which must be among them, in the place of another.
 * False: there is no way.
 */
bool matching_serve(Matching *matching, size_t want);
void matching_drop(Matching *matching, uint32_t lot);
bool matching_force(Matching *matching, uint32_t lot);

void matching_restore(Matching *matching, const Rows *rows);
int64_t matching_cost(const Matching *matching);

typedef enum SearchResult {
        SEARCH_IMPOSSIBLE,
        SEARCH_FOUND,
        SEARCH_CUT, /* the budget was used up before anything was found */
} SearchResult;

/* A SearchResult, or -ENOMEM. @ret is set only when it was found; rows in the
 * order of their lots. */
int problem_search(Problem *problem, const Demand *demand, Rows *ret);

/* The same, content with any plan. */
int problem_search_any(Problem *problem, const Demand *demand, Rows *ret);

/* The same, with what is easily served last not set aside; changes the clusters. */
int problem_search_pieces(Problem *problem, const Demand *demand, Rows *ret);

/* A device that an item cannot have, and the one reason by which it is counted. */
typedef struct Obstacle {
        const Device *device;
        uint32_t reason;
} Obstacle;

typedef struct Obstacles {
        Obstacle *items;
        size_t n_items;
} Obstacles;

/*
 * What a request lacks: its items are served in order up to @item, of which @n_served can be had.
 */
typedef struct Shortage {
        int result; /* of the search for all; with SEARCH_FOUND nothing is lacking */
        size_t item;
        unsigned n_served;
        Rows rows; /* that serve these; or all */
        Obstacles obstacles;
} Shortage;

void shortage_done(Shortage *shortage);

/* After a search with that result; release @ret with shortage_done(). 0 or -ENOMEM. */
int problem_find_shortage(Problem *problem, int result, Shortage *ret);

/* How often each reason is an obstacle. */
void shortage_count(const Shortage *shortage, unsigned counts[static REASON_COUNT]);

/* "2 of 4 asked: 1 attached, 3 numa (alias nic)"; NULL without memory. */
char *problem_text(const Problem *problem, const Shortage *shortage);

/* "2 of 4: 1 attached to web01, 3 on another NUMA node"; NULL without memory. */
char *problem_sentence(const Problem *problem, const Shortage *shortage);

/* The item that the row is for: rows of one want go to its items in order. */
size_t problem_item(const Problem *problem, const Rows *rows, size_t row);

Demand problem_demand_all(const Problem *problem);

/* The demand of the first @n_items items, of which the last asks for @n_last.
 */
Demand problem_demand(const Problem *problem, size_t n_items, unsigned n_last);
