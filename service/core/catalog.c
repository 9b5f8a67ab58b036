/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "core/pool.h"
#include "util/vector.h"

void catalog_done(Catalog *catalog) {
        for (size_t i = 0; i < catalog->n_pools; i++)
                pool_free(catalog->pools[i]);
        for (size_t i = 0; i < catalog->n_aliases; i++)
                alias_free(catalog->aliases[i]);
        free(catalog->pools);
        free(catalog->aliases);
        *catalog = (Catalog){ 0 };
}

Pool *catalog_find_pool(const Catalog *catalog, const char *name) {
        for (size_t i = 0; i < catalog->n_pools; i++)
                if (strcmp(catalog->pools[i]->name, name) == 0)
                        return catalog->pools[i];

        return NULL;
}

Alias *catalog_find_alias(const Catalog *catalog, const char *name) {
        for (size_t i = 0; i < catalog->n_aliases; i++)
                if (strcmp(catalog->aliases[i]->name, name) == 0)
                        return catalog->aliases[i];

        return NULL;
}

int catalog_add_pool(Catalog *catalog, Pool *pool) {
        int r;

        r = VECTOR_APPEND(catalog->pools, catalog->n_pools, pool);
        if (r < 0)
                pool_free(pool);
        return r;
}

int catalog_add_alias(Catalog *catalog, Alias *alias) {
        int r;

        r = VECTOR_APPEND(catalog->aliases, catalog->n_aliases, alias);
        if (r < 0)
                alias_free(alias);
        return r;
}

void catalog_remove_pool(Catalog *catalog, const char *name) {
        for (size_t i = 0; i < catalog->n_pools; i++) {
                if (strcmp(catalog->pools[i]->name, name) != 0)
                        continue;

                pool_free(catalog->pools[i]);
                catalog->n_pools--;
                memmove(catalog->pools + i, catalog->pools + i + 1,
                        (catalog->n_pools - i) * sizeof(*catalog->pools));
                return;
        }
}

void catalog_remove_alias(Catalog *catalog, const char *name) {
        for (size_t i = 0; i < catalog->n_aliases; i++) {
                if (strcmp(catalog->aliases[i]->name, name) != 0)
                        continue;

                alias_free(catalog->aliases[i]);
                catalog->n_aliases--;
                memmove(catalog->aliases + i, catalog->aliases + i + 1,
                        (catalog->n_aliases - i) * sizeof(*catalog->aliases));
                return;
        }
}
