/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Made world: a random small host and request, as a few numbers per device.
 */
#pragma once

#include "core/request.h"
#include "made-life.h"

enum {
        DEVICES_MAX = 10,
        ITEMS_MAX = 4,
        ALTERNATIVES_MAX = 2,
        NODES = 3
};

typedef struct Thing {
        unsigned slot, function; /* of bus 41 */
        unsigned product;        /* 1, 2, 3: in the pool, with its tags; 4: in none; 0: a bridge */
        DeviceType type;
        int physical; /* of a VF: its PF's place */
        int group, node;
        const char *driver;
        bool is_used; /* by the host */
        int holder;   /* 0: none; 1, 2: GUEST_A, GUEST_B */
} Thing;

typedef struct Meaning {
        int product, type; /* −1: any, none given */
        int tag;           /* 0: none, 1: a, 2: b */
} Meaning;

typedef struct Asked {
        Meaning meanings[ALTERNATIVES_MAX];
        size_t n_meanings;
        Unit unit;
        NumaPolicy policy;
        unsigned count;
} Asked;

typedef struct World {
        Thing things[DEVICES_MAX];
        size_t n_things;
        Asked items[ITEMS_MAX];
        size_t n_items;
        bool is_plain; /* cards and items are simple, so that many plans are nearly the same */
        bool force, has_domain, is_bound; /* to the nodes */
        unsigned nodes;                   /* bits */
        int policy;                       /* −1, or a NumaPolicy for all */
        int sockets[NODES];
        size_t n_sockets;
} World;

/* The same for the same seed. */
void world_make(World *world, uint64_t seed);

/* The world as diagnostics of TAP. */
void world_show(const World *world);

/* What the service would know of it; settled. Release it with registry_done(). */
void world_make_registry(Registry *registry, const World *world);
Request *world_make_request(const World *world);
