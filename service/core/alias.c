/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "core/pool.h"

static const char *const numa_policies[] = {
        [NUMA_LEGACY] = "legacy",
        [NUMA_PREFERRED] = "preferred",
        [NUMA_REQUIRED] = "required",
        [NUMA_SOCKET] = "socket",
};
_Static_assert(N_ELEMENTS(numa_policies) == _NUMA_POLICY_END, "every policy has its word");

static const char *const units[] = {
        [UNIT_FUNCTION] = "function",
        [UNIT_SLOT] = "slot",
        [UNIT_GROUP] = "group",
};
_Static_assert(N_ELEMENTS(units) == _UNIT_END, "every unit has its word");

static int word_index(const char *const *words, size_t n_words, const char *text) {
        for (size_t i = 0; i < n_words; i++)
                if (strcmp(words[i], text) == 0)
                        return (int) i;

        return -1;
}

const char *numa_policy_to_string(NumaPolicy policy) {
        return numa_policies[policy];
}

int numa_policy_from_string(const char *text) {
        return word_index(numa_policies, N_ELEMENTS(numa_policies), text);
}

const char *unit_to_string(Unit unit) {
        return units[unit];
}

int unit_from_string(const char *text) {
        return word_index(units, N_ELEMENTS(units), text);
}

int alias_new(Alias **ret, const char *name, Source source) {
        _cleanup_(alias_freep) Alias *alias = NULL;

        alias = calloc(1, sizeof(*alias));
        if (!alias)
                return -ENOMEM;

        alias->source = source;
        alias->name = strdup(name);
        if (!alias->name)
                return -ENOMEM;

        *ret = TAKE(alias);
        return 0;
}

Alias *alias_free(Alias *alias) {
        if (!alias)
                return NULL;

        rules_free(alias->rules, alias->n_rules);
        free(alias->name);
        free(alias);
        return NULL;
}

int alias_add_rule(Alias *alias, Rule *rule) {
        return rules_append(&alias->rules, &alias->n_rules, rule);
}

uint32_t alias_mismatch(const Alias *alias, const Device *device, const Inventory *inventory) {
        uint32_t nearest = REASON_IDS | REASON_TYPE | REASON_TAGS;

        for (size_t i = 0; i < alias->n_rules; i++) {
                uint32_t mismatch = rule_mismatch(alias->rules[i], device, inventory);

                if (mismatch == 0)
                        return 0;
                if (i == 0 || __builtin_popcount(mismatch) < __builtin_popcount(nearest))
                        nearest = mismatch;
        }

        /* Without a line there is nothing that it would mean. */
        return alias->n_rules == 0 ? REASON_IDS : nearest;
}
