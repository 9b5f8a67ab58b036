/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pool and alias: named rules. A pool says which devices may be lent; an alias names a kind of them.
 *
 * Neither owns devices: membership is concluded by registry_settle() and kept in the device.
 */
#pragma once

#include "core/match.h"

typedef enum Source {
        SOURCE_FILE,
        SOURCE_RUNTIME, /* by AddPool, AddAlias: kept in the journal */
} Source;

typedef enum NumaPolicy {
        NUMA_LEGACY,
        NUMA_PREFERRED,
        NUMA_REQUIRED,
        NUMA_SOCKET,
        _NUMA_POLICY_END,
} NumaPolicy;

typedef enum Unit {
        UNIT_FUNCTION,
        UNIT_SLOT,
        UNIT_GROUP,
        _UNIT_END,
} Unit;

const char *source_to_string(Source source);          /* file, runtime */
const char *numa_policy_to_string(NumaPolicy policy); /* legacy, preferred, required, socket */
int numa_policy_from_string(const char *text);        /* a NumaPolicy, or -1 */
const char *unit_to_string(Unit unit);                /* function, slot, group */
int unit_from_string(const char *text);               /* a Unit, or -1 */

/* How many devices are members, and how many of them are available. */
typedef struct Tally {
        unsigned n_total, n_free;
} Tally;

struct Pool {
        char *name, *description;
        Source source;
        Rule **rules; /* alternatives, in order */
        size_t n_rules;
        unsigned n_total, n_free; /* concluded by registry_settle() */
        Tally counted;            /* the same while it goes on: private to it */
};

typedef struct Alias {
        char *name;
        Source source;
        Rule **rules; /* alternatives; each keeps its own device_type */
        size_t n_rules;
        NumaPolicy numa_policy;
        Unit unit;
        bool is_nova; /* by Nova's own line; its name may then hold blanks */
        unsigned n_total, n_free;
        Tally counted;
} Alias;

/* NAME_INVALID unless 1–64 of letters, digits, - _ . beginning with a letter or digit. */
int name_check(const char *name, Refusal *refusal);

/* 0 or -ENOMEM. The name is not checked again. */
int pool_new(Pool **ret, const char *name, Source source);
Pool *pool_free(Pool *pool); /* NULL is fine; always returns NULL */
DEFINE_CLEANUP(Pool *, pool_free);
int pool_add_rule(Pool *pool, Rule *rule); /* takes @rule over, also on failure; 0 or -ENOMEM */

/* The first line that fits; NULL: none. */
const Rule *pool_find_rule(const Pool *pool, const Device *device, const Inventory *inventory);

int alias_new(Alias **ret, const char *name, Source source);
Alias *alias_free(Alias *alias);
DEFINE_CLEANUP(Alias *, alias_free);
int alias_add_rule(Alias *alias, Rule *rule);

/* 0 when one of the alternatives fits; else the bits of the alternative that came nearest (fewest bits, the first of equals). */
uint32_t alias_mismatch(const Alias *alias, const Device *device, const Inventory *inventory);

/* The pools and aliases in force, in the order in which they are tried: of files first, then of runtime. */
typedef struct Catalog {
        Pool **pools;
        size_t n_pools;
        Alias **aliases;
        size_t n_aliases;
} Catalog;

void catalog_done(Catalog *catalog);
Pool *catalog_find_pool(const Catalog *catalog, const char *name); /* NULL: none */
Alias *catalog_find_alias(const Catalog *catalog, const char *name);
int catalog_add_pool(Catalog *catalog,
                     Pool *pool); /* appends; takes @pool over, also on failure; 0 or -ENOMEM */
int catalog_add_alias(Catalog *catalog, Alias *alias);
void catalog_remove_pool(Catalog *catalog,
                         const char *name); /* and frees it; nothing if there is none */
void catalog_remove_alias(Catalog *catalog, const char *name);
