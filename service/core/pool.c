/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/pool.h"

#include <errno.h>
#include <string.h>

#include "core/quote.h"

enum {
        NAME_SIZE_MAX = 64
};

static const char *const sources[] = {
        [SOURCE_FILE] = "file",
        [SOURCE_RUNTIME] = "runtime",
};

const char *source_to_string(Source source) {
        return sources[source];
}

/* ASCII alone, whatever the locale says. */
static bool starts_name(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

int name_check(const char *name, Refusal *refusal) {
        char quoted[QUOTE_SIZE];
        size_t size = 0;

        if (starts_name(name[0]))
                while (starts_name(name[size]) || (name[size] && strchr("-_.", name[size])))
                        size++;

        if (size > 0 && size <= NAME_SIZE_MAX && name[size] == '\0')
                return 0;

        return refuse(refusal, NAME_INVALID,
                      "'%s' is not a name: 1 to %d letters, digits, '-', '_' or '.', beginning "
                      "with a letter or digit",
                      quote(name, quoted), NAME_SIZE_MAX);
}

int pool_new(Pool **ret, const char *name, Source source) {
        _cleanup_(pool_freep) Pool *pool = NULL;

        pool = calloc(1, sizeof(*pool));
        if (!pool)
                return -ENOMEM;

        pool->source = source;
        pool->name = strdup(name);
        pool->description = strdup("");
        if (!pool->name || !pool->description)
                return -ENOMEM;

        *ret = TAKE(pool);
        return 0;
}

Pool *pool_free(Pool *pool) {
        if (!pool)
                return NULL;

        rules_free(pool->rules, pool->n_rules);
        free(pool->description);
        free(pool->name);
        free(pool);
        return NULL;
}

int pool_add_rule(Pool *pool, Rule *rule) {
        return rules_append(&pool->rules, &pool->n_rules, rule);
}

const Rule *pool_find_rule(const Pool *pool, const Device *device, const Inventory *inventory) {
        for (size_t i = 0; i < pool->n_rules; i++)
                if (rule_mismatch(pool->rules[i], device, inventory) == 0)
                        return pool->rules[i];

        return NULL;
}
