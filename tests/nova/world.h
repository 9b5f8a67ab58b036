/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * World: the host of a case, what hostdevd knows of it, and the guests that lay claim to devices.
 *
 * The registry, its settling, the allocation and the attachments are the real ones. What the manager
 * does between them is done here by hand, with an owner of the case as a running domain.
 */
#pragma once

#include "case.h"
#include "core/allocate.h"

typedef struct Owner {
        char *name;
        char uuid[UUID_TEXT_SIZE];
        bool gone;      /* its domain is not there */
        uint32_t given; /* the domain has what its attachments up to this number name */
} Owner;

/* Where a device is or was. Each is an IOMMU group of its own. */
typedef struct Site {
        Address address;
        uint64_t incarnation; /* of what is there: counts how often it was empty */
} Site;

typedef struct World {
        Registry registry;
        Owner *owners;
        size_t n_owners;
        Site *sites;
        size_t n_sites;
} World;

void world_init(World *world);
void world_done(World *world);

/* The pools and aliases of the configuration come into force. */
void world_configure(World *world, Config *config);

/* NUMA nodes of the host and their sockets. */
void world_set_topology(World *world, Case *c, const json_t *host_numa);

/* The host now has these devices and no others. */
void world_scan(World *world, Case *c, const json_t *devices);

/* A request, decided. */
typedef struct Decision {
        const char *error; /* invalid-request, unknown-alias, insufficient; NULL: none */
        char *text;        /* of the refusal; owned */
        Request *request;  /* NULL: its text is invalid */
        Plan plan;
} Decision;

void decision_done(Decision *decision);

/* What a request comes to for an owner; nothing changes. */
void world_decide(World *world, const char *owner, const char *text, const NodeSet *nodes,
                  int numa_policy, Decision *ret);

/* What was decided is reserved for the owner. */
void world_claim(World *world, const char *owner, const Decision *decision);

/* What the owner has reserved is now in its domain; and it has nothing any more. */
void world_allocate(World *world, const char *owner);
void world_free(World *world, const char *owner);

/*
 * The daemon starts anew: a registry of the attachments that there were. @config is put in force, the
 * host has @devices.
 */
void world_restart(World *world, Case *c, Config *config, const json_t *devices,
                   const json_t *gone);

/* The word of the contract for what is at an address, or "absent". */
const char *world_state(const World *world, Address address);
