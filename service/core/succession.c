/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/succession.h"

#include "util/text.h"

static bool rules_equal(Rule *const *a, size_t n_a, Rule *const *b, size_t n_b) {
        if (n_a != n_b)
                return false;

        for (size_t i = 0; i < n_a; i++) {
                if (a[i]->n_words != b[i]->n_words)
                        return false;
                for (size_t j = 0; j < a[i]->n_words; j++)
                        if (!text_equal(a[i]->words[j].key, b[i]->words[j].key) ||
                            !text_equal(a[i]->words[j].value, b[i]->words[j].value))
                                return false;
        }

        return true;
}

/* A new one in the place of an old one of its name: the object stays. */
static int succeed_pool(Changes *changes, const Pool *old, Pool *new) {
        bool equal = text_equal(old->description, new->description) &&
                     old->source == new->source &&rules_equal(old->rules, old->n_rules, new->rules,
                                                              new->n_rules);

        new->n_total = old->n_total;
        new->n_free = old->n_free;
        return changes_touch(changes, OBJECT_POOL, new->name, equal ? 0 : RULE_SET_DEFINITION);
}

static int succeed_alias(Changes *changes, const Alias *old, Alias *new) {
        bool equal = old->numa_policy == new->numa_policy && old->unit == new->unit &&
                     old->source == new->source &&rules_equal(old->rules, old->n_rules, new->rules,
                                                              new->n_rules);

        new->n_total = old->n_total;
        new->n_free = old->n_free;
        return changes_touch(changes, OBJECT_ALIAS, new->name, equal ? 0 : RULE_SET_DEFINITION);
}

static int compare_pools(Changes *changes, const Catalog *old, Catalog *new) {
        int r = 0;

        for (size_t i = 0; i < old->n_pools && r == 0; i++)
                if (!catalog_find_pool(new, old->pools[i]->name))
                        r = changes_remove(changes, OBJECT_POOL, old->pools[i]->name);

        for (size_t i = 0; i < new->n_pools &&r == 0; i++) {
                const Pool *before = catalog_find_pool(old, new->pools[i]->name);

                r = before ? succeed_pool(changes, before, new->pools[i])
                           : changes_add(changes, OBJECT_POOL, new->pools[i]->name);
        }

        return r;
}

static int compare_aliases(Changes *changes, const Catalog *old, Catalog *new) {
        int r = 0;

        for (size_t i = 0; i < old->n_aliases && r == 0; i++)
                if (!catalog_find_alias(new, old->aliases[i]->name))
                        r = changes_remove(changes, OBJECT_ALIAS, old->aliases[i]->name);

        for (size_t i = 0; i < new->n_aliases &&r == 0; i++) {
                const Alias *before = catalog_find_alias(old, new->aliases[i]->name);

                r = before ? succeed_alias(changes, before, new->aliases[i])
                           : changes_add(changes, OBJECT_ALIAS, new->aliases[i]->name);
        }

        return r;
}

int succeed_catalog(Changes *changes, const Catalog *old, Catalog *new) {
        int r;

        r = compare_pools(changes, old, new);
        return r < 0 ? r : compare_aliases(changes, old, new);
}
