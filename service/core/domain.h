/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Domain: what libvirt says of one domain (what it holds, where it runs), and the index of all.
 *
 * vm/ fills DomainFacts from the running and the saved XML; the index takes them over. libvirt is
 * the truth about what a domain holds: nothing here is remembered beyond what it said last.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/address.h"
#include "util/cleanup.h"

enum {
        UUID_TEXT_SIZE = 37,
        NUMA_NODES_MAX = 1024
};

/* A set of host NUMA nodes. Not constrained: any node will do, also one that is not known. */
typedef struct NodeSet {
        bool constrained;
        uint64_t words[NUMA_NODES_MAX / 64];
} NodeSet;

void node_set_add(NodeSet *set,
                  unsigned node); /* makes it constrained; ignores nodes ≥ NUMA_NODES_MAX */
bool node_set_has(const NodeSet *set, int node); /* false for −1 */
bool node_set_is_empty(const NodeSet *set);

/* A PCI device in a domain's XML, in whichever element (hostdev, interface, disk). */
typedef struct HeldDevice {
        Address address;
        char *alias; /* the user alias, "" when it has none; owned */
} HeldDevice;

/* A mediated device in a domain's XML: of which PCI device it is made the host says (Facts). */
typedef struct HeldMediated {
        char uuid[UUID_TEXT_SIZE]; /* lower case */
        bool live;                 /* of the running XML; else of the saved one */
} HeldMediated;

typedef struct DomainFacts {
        char uuid[UUID_TEXT_SIZE]; /* lower case */
        char *name;
        bool present; /* false: undefined and not running; the rest is empty then */
        bool running, persistent;
        HeldDevice *live; /* of the running XML; empty when it does not run */
        size_t n_live;
        HeldDevice *config; /* of the saved XML; empty when it is not persistent */
        size_t n_config;
        HeldMediated *mediated;
        size_t n_mediated;
        NodeSet nodes;    /* of numatune, else vcpupin, else the cpuset of vcpu */
        char *unreadable; /* why libvirt does not give its XML, or not so that it can be read: what it
                           * holds is what was read before, if anything was; NULL: all is known */
        struct DomainFacts *next_missed; /* private to the index */
} DomainFacts;

int domain_facts_new(DomainFacts **ret, const char *uuid, const char *name); /* 0 or -ENOMEM */
DomainFacts *domain_facts_free(DomainFacts *facts); /* NULL is fine; always returns NULL */
DEFINE_CLEANUP(DomainFacts *, domain_facts_free);

/* Appends to live or config; @alias may be NULL. 0 or -ENOMEM. */
int domain_facts_hold(DomainFacts *facts, bool live, Address address, const char *alias);

/* The same of a mediated device; @uuid must have the form of one. 0 or -ENOMEM. */
int domain_facts_hold_mediated(DomainFacts *facts, bool live, const char *uuid);

/* Is @text in the form of a UUID (36 characters, hex and dashes in their places)? */
bool text_is_uuid(const char *text);

/* The index: every domain that libvirt knows, by UUID. */
typedef struct Domains {
        DomainFacts **items; /* sorted by UUID */
        size_t n_items;
        /* What was said last of some domains, and could not be taken over: there was no memory. The oldest first. */
        DomainFacts *missed;
} Domains;

void domains_done(Domains *domains);

/* NULL when there is none. Text in UUID form is looked up as a UUID and nothing else. */
DomainFacts *domains_find(const Domains *domains, const char *name_or_uuid);
DomainFacts *domains_find_uuid(const Domains *domains, const char *uuid);

/* A domain of which it is not known what it holds: one that is unreadable or missed; NULL: none. */
const DomainFacts *domains_find_unreadable(const Domains *domains);

/* Does the index have what is so of that domain? Not when it is unreadable or missed; it need not be there. */
bool domains_is_current(const Domains *domains, const char *uuid);

/* @facts, of which nothing is kept yet, cannot be taken over now: keeps them until somebody tries again. */
void domains_miss(Domains *domains, DomainFacts *facts);

/* What is kept of a domain (NULL: the oldest of all), the caller's from then on; NULL: nothing. */
DomainFacts *domains_take_missed(Domains *domains, const char *uuid);

/**
 * domains_apply() - take over what libvirt said of one domain
 * @facts:   ownership passes; on failure they are kept, and the domain is missed
 * @ret_old: what was known before, now the caller's; NULL if nothing was. May not be NULL.
 *
 * Facts that are not present take the domain out of the index. Unreadable ones leave what was known
 * as it is, but for that.
 *
 * Return: 0 or -ENOMEM.
 */
int domains_apply(Domains *domains, DomainFacts *facts, DomainFacts **ret_old);
