/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "core/settle.h"
#include "util/text.h"
#include "util/vector.h"

/* Only of what is in force: what has retired was told when it was taken out. */
static int touch_pool(Registry *registry, const Pool *pool) {
        if (!pool || !catalog_find_pool(&registry->catalog, pool->name))
                return 0;

        return changes_touch(&registry->changes, OBJECT_POOL, pool->name, RULE_SET_DEVICES);
}

static int touch_alias(Registry *registry, const Alias *alias) {
        if (!catalog_find_alias(&registry->catalog, alias->name))
                return 0;

        return changes_touch(&registry->changes, OBJECT_ALIAS, alias->name, RULE_SET_DEVICES);
}

static bool tags_equal(const Rule *a, const Rule *b) {
        if (a == b)
                return true;
        if ((a ? rule_count_tags(a) : 0) != (b ? rule_count_tags(b) : 0))
                return false;

        for (size_t i = 0; a && i < a->n_words; i++) {
                const char *name = tag_name(a->words[i].key);
                const char *value = name && b ? rule_tag(b, name) : NULL;

                if (name && (!value || strcmp(value, a->words[i].value) != 0))
                        return false;
        }

        return true;
}

static void add(Tally *count, const Device *device, int n) {
        count->n_total += (unsigned) n;
        if (device->state == DEVICE_AVAILABLE)
                count->n_free += (unsigned) n;
}

static void count_in_pool(const Device *device, int n) {
        if (device->pool)
                add(&device->pool->counted, device, n);
}

static void count_in_aliases(const Device *device, int n) {
        for (size_t i = 0; i < device->n_aliases; i++)
                add(&device->aliases[i]->counted, device, n);
}

void settle_count(const Device *device, int n) {
        count_in_pool(device, n);
        count_in_aliases(device, n);
}

static int conclude_pool(Registry *registry, Device *device) {
        const Catalog *catalog = &registry->catalog;
        const Rule *rule = NULL;
        Pool *pool = NULL;
        int r;

        for (size_t i = 0; i < catalog->n_pools && !rule; i++) {
                rule = pool_find_rule(catalog->pools[i], device, &registry->inventory);
                if (rule)
                        pool = catalog->pools[i];
        }

        /* By name: the pool may be the successor of one in a catalog that has retired. */
        if (!text_equal(device->pool ? device->pool->name : NULL, pool ? pool->name : NULL)) {
                r = touch_pool(registry, device->pool);
                if (r == 0)
                        r = touch_pool(registry, pool);
                if (r < 0)
                        return r;
                device->changed |= DEVICE_POOL;
        }
        if (!tags_equal(device->pool_rule, rule))
                device->changed |= DEVICE_TAGS;

        count_in_pool(device, -1);
        device->pool = pool;
        device->pool_rule = rule;
        count_in_pool(device, 1);
        return 0;
}

static bool has_alias(Alias *const *aliases, size_t n_aliases, const char *name) {
        for (size_t i = 0; i < n_aliases; i++)
                if (strcmp(aliases[i]->name, name) == 0)
                        return true;

        return false;
}

/* Touches the aliases of @a that are not in @b. */
static int touch_difference(Registry *registry, Alias *const *a, size_t n_a, Alias *const *b,
                            size_t n_b) {
        for (size_t i = 0; i < n_a; i++) {
                int r;

                /* Both are in the order of a catalog: mostly it stands at the same place. */
                if (i < n_b && strcmp(a[i]->name, b[i]->name) == 0)
                        continue;
                if (has_alias(b, n_b, a[i]->name))
                        continue;

                r = touch_alias(registry, a[i]);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* An alias means only what may be lent: members of a pool. */
static int conclude_aliases(Registry *registry, Device *device) {
        const Catalog *catalog = &registry->catalog;
        _cleanup_(freep) Alias **aliases = NULL;
        size_t n_aliases = 0;
        int r;

        for (size_t i = 0; i < catalog->n_aliases && device->pool; i++) {
                if (alias_mismatch(catalog->aliases[i], device, &registry->inventory) != 0)
                        continue;
                r = VECTOR_APPEND(aliases, n_aliases, catalog->aliases[i]);
                if (r < 0)
                        return r;
        }

        r = touch_difference(registry, device->aliases, device->n_aliases, aliases, n_aliases);
        if (r == 0)
                r = touch_difference(registry, aliases, n_aliases, device->aliases,
                                     device->n_aliases);
        if (r < 0)
                return r;

        count_in_aliases(device, -1);
        free(device->aliases);
        device->aliases = TAKE(aliases);
        device->n_aliases = n_aliases;
        count_in_aliases(device, 1);
        return 0;
}

int settle_membership(Registry *registry, Device *device) {
        int r;

        r = conclude_pool(registry, device);
        if (r == 0)
                r = conclude_aliases(registry, device);
        if (r < 0)
                return r;

        device->unmatched = false;
        return 0;
}

static int tell_withdrawn(Registry *registry, const Device *device) {
        char key[ADDRESS_TEXT_SIZE];
        int r;

        r = touch_pool(registry, device->pool);
        for (size_t i = 0; i < device->n_aliases && r == 0; i++)
                r = touch_alias(registry, device->aliases[i]);
        if (r < 0)
                return r;

        return changes_remove(&registry->changes, OBJECT_DEVICE,
                              address_format(device->address, key));
}

int settle_withdraw(Registry *registry, Device *device) {
        /* It may be a member and counted without having been told: memory was short in between. */
        int r = device->announced ? tell_withdrawn(registry, device) : 0;

        if (r < 0)
                return r;

        settle_note(registry, device);
        settle_count(device, -1);
        device->announced = false;
        device->pool = NULL;
        device->pool_rule = NULL;
        device->n_aliases = 0;
        registry->counts_dirty = true;
        return 0;
}

static uint32_t compare_counts(const Tally *counted, unsigned n_total, unsigned n_free) {
        return (counted->n_total != n_total ? RULE_SET_TOTAL : 0) |
               (counted->n_free != n_free ? RULE_SET_FREE : 0);
}

/* What is not told is found to be different again next time. */
int settle_counts(Registry *registry) {
        const Catalog *catalog = &registry->catalog;
        int r;

        for (size_t i = 0; i < catalog->n_pools; i++) {
                Pool *pool = catalog->pools[i];

                r = changes_touch(&registry->changes, OBJECT_POOL, pool->name,
                                  compare_counts(&pool->counted, pool->n_total, pool->n_free));
                if (r < 0)
                        return r;
                pool->n_total = pool->counted.n_total;
                pool->n_free = pool->counted.n_free;
        }

        for (size_t i = 0; i < catalog->n_aliases; i++) {
                Alias *alias = catalog->aliases[i];

                r = changes_touch(&registry->changes, OBJECT_ALIAS, alias->name,
                                  compare_counts(&alias->counted, alias->n_total, alias->n_free));
                if (r < 0)
                        return r;
                alias->n_total = alias->counted.n_total;
                alias->n_free = alias->counted.n_free;
        }

        return 0;
}
