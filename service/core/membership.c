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

        device->pool = pool;
        device->pool_rule = rule;
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

        free(device->aliases);
        device->aliases = TAKE(aliases);
        device->n_aliases = n_aliases;
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

int settle_withdraw(Registry *registry, Device *device) {
        char key[ADDRESS_TEXT_SIZE];
        int r;

        if (!device->announced)
                return 0;

        r = touch_pool(registry, device->pool);
        for (size_t i = 0; i < device->n_aliases && r == 0; i++)
                r = touch_alias(registry, device->aliases[i]);
        if (r == 0)
                r = changes_remove(&registry->changes, OBJECT_DEVICE,
                                   address_format(device->address, key));
        if (r < 0)
                return r;

        device->announced = false;
        device->pool = NULL;
        device->pool_rule = NULL;
        device->n_aliases = 0;
        registry->counts_dirty = true;
        return 0;
}

typedef struct Count {
        unsigned n_total, n_free;
} Count;

/* Every device again: it takes less time than to keep books on who was counted where. */
static void count(Registry *registry) {
        const Catalog *catalog = &registry->catalog;

        for (size_t i = 0; i < catalog->n_pools; i++)
                catalog->pools[i]->n_total = catalog->pools[i]->n_free = 0;
        for (size_t i = 0; i < catalog->n_aliases; i++)
                catalog->aliases[i]->n_total = catalog->aliases[i]->n_free = 0;

        for (size_t i = 0; i < registry->inventory.n_devices; i++) {
                const Device *device = registry->inventory.devices[i];
                bool is_free = device->state == DEVICE_AVAILABLE;

                if (device->pool) {
                        device->pool->n_total++;
                        device->pool->n_free += is_free;
                }
                for (size_t j = 0; j < device->n_aliases; j++) {
                        device->aliases[j]->n_total++;
                        device->aliases[j]->n_free += is_free;
                }
        }
}

static uint32_t compare_counts(Count before, unsigned n_total, unsigned n_free) {
        return (before.n_total != n_total ? RULE_SET_TOTAL : 0) |
               (before.n_free != n_free ? RULE_SET_FREE : 0);
}

static void put_back(const Catalog *catalog, const Count *before) {
        for (size_t i = 0; i < catalog->n_pools; i++, before++) {
                catalog->pools[i]->n_total = before->n_total;
                catalog->pools[i]->n_free = before->n_free;
        }
        for (size_t i = 0; i < catalog->n_aliases; i++, before++) {
                catalog->aliases[i]->n_total = before->n_total;
                catalog->aliases[i]->n_free = before->n_free;
        }
}

int settle_counts(Registry *registry) {
        const Catalog *catalog = &registry->catalog;
        _cleanup_(freep) Count *before = NULL;
        int r = 0;

        before = calloc(catalog->n_pools + catalog->n_aliases + 1, sizeof(*before));
        if (!before)
                return -ENOMEM;

        for (size_t i = 0; i < catalog->n_pools; i++)
                before[i] = (Count){ catalog->pools[i]->n_total, catalog->pools[i]->n_free };
        for (size_t i = 0; i < catalog->n_aliases; i++)
                before[catalog->n_pools + i] =
                        (Count){ catalog->aliases[i]->n_total, catalog->aliases[i]->n_free };

        count(registry);

        for (size_t i = 0; i < catalog->n_pools && r == 0; i++) {
                const Pool *pool = catalog->pools[i];

                r = changes_touch(&registry->changes, OBJECT_POOL, pool->name,
                                  compare_counts(before[i], pool->n_total, pool->n_free));
        }
        for (size_t i = 0; i < catalog->n_aliases && r == 0; i++) {
                const Alias *alias = catalog->aliases[i];

                r = changes_touch(&registry->changes, OBJECT_ALIAS, alias->name,
                                  compare_counts(before[catalog->n_pools + i], alias->n_total,
                                                 alias->n_free));
        }

        /* What is not told is found to be different again next time. */
        if (r < 0)
                put_back(catalog, before);
        return r;
}
