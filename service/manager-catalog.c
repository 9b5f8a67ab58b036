/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pools and aliases: of the files and of the callers, and how they are put in force together.
 *
 * The manager keeps both as masters and gives the registry a fresh copy of their union whenever one
 * of them changes, so that there is one way to change what is in force.
 */
#include <errno.h>
#include <string.h>

#include "manager-internal.h"
#include "util/log.h"

enum {
        POOLS_MAX = 256,
        ALIASES_MAX = 1024
};

static int rule_copy(const Rule *rule, Rule **ret) {
        return rule_new(ret, rule->kind, rule->words, rule->n_words, NULL);
}

static int pool_copy(const Pool *pool, Pool **ret) {
        _cleanup_(pool_freep) Pool *copy = NULL;
        int r;

        r = pool_new(&copy, pool->name, pool->source);
        if (r == 0)
                r = facts_set(&copy->description, pool->description);

        for (size_t i = 0; r == 0 && i < pool->n_rules; i++) {
                Rule *rule;

                r = rule_copy(pool->rules[i], &rule);
                if (r == 0)
                        r = pool_add_rule(copy, rule);
        }
        if (r != 0)
                return r;

        *ret = TAKE(copy);
        return 0;
}

static int alias_copy(const Alias *alias, Alias **ret) {
        _cleanup_(alias_freep) Alias *copy = NULL;
        int r;

        r = alias_new(&copy, alias->name, alias->source);
        if (r < 0)
                return r;

        copy->numa_policy = alias->numa_policy;
        copy->unit = alias->unit;
        copy->is_nova = alias->is_nova;
        for (size_t i = 0; i < alias->n_rules; i++) {
                Rule *rule;

                r = rule_copy(alias->rules[i], &rule);
                if (r == 0)
                        r = alias_add_rule(copy, rule);
                if (r != 0)
                        return r;
        }

        *ret = TAKE(copy);
        return 0;
}

/* Copies what @from has and @to lacks by name. A runtime entry behind one of a file is thus hidden. */
static int append_copies(Catalog *to, const Catalog *from) {
        int r;

        for (size_t i = 0; i < from->n_pools; i++) {
                Pool *pool;

                if (catalog_find_pool(to, from->pools[i]->name))
                        continue;
                r = pool_copy(from->pools[i], &pool);
                if (r == 0)
                        r = catalog_add_pool(to, pool);
                if (r != 0)
                        return r;
        }

        for (size_t i = 0; i < from->n_aliases; i++) {
                Alias *alias;

                if (catalog_find_alias(to, from->aliases[i]->name))
                        continue;
                r = alias_copy(from->aliases[i], &alias);
                if (r == 0)
                        r = catalog_add_alias(to, alias);
                if (r != 0)
                        return r;
        }

        return 0;
}

/* What shall be in force, and all that is needed for that: putting it in force cannot fail any more. */
typedef struct Merge {
        Catalog catalog;
        Changes changes;
} Merge;

static void merge_done(Merge *merge) {
        catalog_done(&merge->catalog);
        changes_done(&merge->changes);
}

/* But for a pool and an alias with these names (NULL: none). */
static int merge_without(Manager *manager, const char *pool, const char *alias, Merge *merge) {
        int r;

        r = append_copies(&merge->catalog, &manager->files);
        if (r == 0)
                r = append_copies(&merge->catalog, &manager->runtime);
        if (r != 0)
                return r;

        if (pool)
                catalog_remove_pool(&merge->catalog, pool);
        if (alias)
                catalog_remove_alias(&merge->catalog, alias);
        return registry_prepare_catalog(&manager->registry, &merge->catalog, &merge->changes);
}

static void enforce(Manager *manager, Merge *merge) {
        registry_enforce_catalog(&manager->registry, &merge->catalog, &merge->changes);
}

int manager_merge_catalogs(Manager *manager) {
        _cleanup_(merge_done) Merge merge = { 0 };
        int r;

        r = merge_without(manager, NULL, NULL, &merge);
        if (r == 0)
                enforce(manager, &merge);
        return r;
}

static void warn_of_hidden(const Manager *manager) {
        for (size_t i = 0; i < manager->runtime.n_pools; i++)
                if (catalog_find_pool(&manager->files, manager->runtime.pools[i]->name))
                        log_warning(
                                "Pool %s now stands in a file, which wins over the one added at run time",
                                manager->runtime.pools[i]->name);

        for (size_t i = 0; i < manager->runtime.n_aliases; i++)
                if (catalog_find_alias(&manager->files, manager->runtime.aliases[i]->name))
                        log_warning(
                                "Alias %s now stands in a file, which wins over the one added at run time",
                                manager->runtime.aliases[i]->name);
}

int manager_reload(Manager *manager, Catalog *catalog) {
        Catalog before = manager->files;
        int r;

        manager->files = *catalog;
        *catalog = (Catalog){ 0 };
        r = manager_merge_catalogs(manager);
        if (r < 0) {
                catalog_done(&manager->files);
                manager->files = before;
                return r;
        }

        catalog_done(&before);
        warn_of_hidden(manager);
        return 0;
}

int manager_add_pool(Manager *manager, Pool *pool, Refusal *refusal) {
        _cleanup_(pool_freep) Pool *owned = pool;
        _cleanup_(merge_done) Merge merge = { 0 };
        const char *name = pool->name;
        int r;

        if (catalog_find_pool(&manager->files, name) || catalog_find_pool(&manager->runtime, name))
                return refuse(refusal, NAME_TAKEN, "There is a pool %s already", name);
        if (manager->registry.catalog.n_pools >= POOLS_MAX)
                return refuse(refusal, LIMIT_EXCEEDED, "There are %d pools already", POOLS_MAX);

        /* On record last: what is refused for want of memory is not there after the next start either. */
        r = catalog_add_pool(&manager->runtime, TAKE(owned));
        if (r < 0)
                return r;

        r = merge_without(manager, NULL, NULL, &merge);
        if (r == 0)
                r = journal_put_pool(manager->journal, pool, refusal);
        if (r == 0)
                enforce(manager, &merge);
        else
                catalog_remove_pool(&manager->runtime, name);
        manager_mind_journal(manager, r);
        return r;
}

int manager_remove_pool(Manager *manager, const char *name, Refusal *refusal) {
        _cleanup_(merge_done) Merge merge = { 0 };
        int r;

        if (catalog_find_pool(&manager->files, name))
                return refuse(refusal, ENTRY_READ_ONLY, "Pool %s is defined by a file", name);
        if (!catalog_find_pool(&manager->runtime, name))
                return refuse(refusal, POOL_UNKNOWN, "There is no pool %s", name);

        r = merge_without(manager, name, NULL, &merge);
        if (r == 0)
                r = journal_remove_pool(manager->journal, name, refusal);
        manager_mind_journal(manager, r);
        if (r != 0)
                return r;

        enforce(manager, &merge);
        catalog_remove_pool(&manager->runtime, name);
        return 0;
}

int manager_add_alias(Manager *manager, Alias *alias, Refusal *refusal) {
        _cleanup_(alias_freep) Alias *owned = alias;
        _cleanup_(merge_done) Merge merge = { 0 };
        const char *name = alias->name;
        int r;

        if (catalog_find_alias(&manager->files, name) ||
            catalog_find_alias(&manager->runtime, name))
                return refuse(refusal, NAME_TAKEN, "There is an alias %s already", name);
        if (manager->registry.catalog.n_aliases >= ALIASES_MAX)
                return refuse(refusal, LIMIT_EXCEEDED, "There are %d aliases already", ALIASES_MAX);

        /* On record last: what is refused for want of memory is not there after the next start either. */
        r = catalog_add_alias(&manager->runtime, TAKE(owned));
        if (r < 0)
                return r;

        r = merge_without(manager, NULL, NULL, &merge);
        if (r == 0)
                r = journal_put_alias(manager->journal, alias, refusal);
        if (r == 0)
                enforce(manager, &merge);
        else
                catalog_remove_alias(&manager->runtime, name);
        manager_mind_journal(manager, r);
        return r;
}

int manager_remove_alias(Manager *manager, const char *name, Refusal *refusal) {
        _cleanup_(merge_done) Merge merge = { 0 };
        int r;

        if (catalog_find_alias(&manager->files, name))
                return refuse(refusal, ENTRY_READ_ONLY, "Alias %s is defined by a file", name);
        if (!catalog_find_alias(&manager->runtime, name))
                return refuse(refusal, ALIAS_UNKNOWN, "There is no alias %s", name);

        r = merge_without(manager, NULL, name, &merge);
        if (r == 0)
                r = journal_remove_alias(manager->journal, name, refusal);
        manager_mind_journal(manager, r);
        if (r != 0)
                return r;

        enforce(manager, &merge);
        catalog_remove_alias(&manager->runtime, name);
        return 0;
}
