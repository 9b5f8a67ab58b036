/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/match.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "core/match-condition.h"
#include "core/quote.h"
#include "util/text.h"
#include "util/vector.h"

enum {
        DOMAIN_MAX = 0xffff
};

struct Conditions {
        Condition *items;
        size_t n_items;
        bool asks_type, asks_devname;
        bool names_one; /* of all four fields of an address each has one value */
};

static struct Conditions *conditions_free(struct Conditions *conditions) {
        if (!conditions)
                return NULL;

        for (size_t i = 0; i < conditions->n_items; i++)
                condition_done(&conditions->items[i]);
        free(conditions->items);
        free(conditions);
        return NULL;
}

static void words_free(Word *words, size_t n_words) {
        for (size_t i = 0; i < n_words; i++) {
                free(words[i].key);
                free(words[i].value);
        }
        free(words);
}

Rule *rule_free(Rule *rule) {
        if (!rule)
                return NULL;

        conditions_free(rule->conditions);
        words_free(rule->words, rule->n_words);
        free(rule);
        return NULL;
}

static int rule_add_word(Rule *rule, const Word *word) {
        _cleanup_(freep) char *key = strdup(word->key), *value = strdup(word->value);
        int r;

        if (!key || !value)
                return -ENOMEM;

        r = VECTOR_APPEND(rule->words, rule->n_words, ((Word){ .key = key, .value = value }));
        if (r < 0)
                return r;

        TAKE(key);
        TAKE(value);
        return 0;
}

static bool rule_has_key(const Rule *rule, const char *key) {
        for (size_t i = 0; i < rule->n_words; i++)
                if (strcmp(rule->words[i].key, key) == 0)
                        return true;

        return false;
}

/* Do the conditions name one single address? By a glob without a star, or by four plain regexes. */
static bool conditions_name_one(const struct Conditions *conditions) {
        size_t n_plain = 0;

        for (size_t i = 0; i < conditions->n_items; i++) {
                const Condition *condition = &conditions->items[i];

                if (condition->key == KEY_ADDRESS && condition->is_plain)
                        return true;
                if (condition_is_field(condition) && condition->is_plain)
                        n_plain++;
        }

        return n_plain == 4;
}

static int rule_compile(Rule *rule, const Word *word, Refusal *refusal) {
        struct Conditions *conditions = rule->conditions;
        char quoted[QUOTE_SIZE];
        Condition condition;
        int r;

        if (rule_has_key(rule, word->key))
                return refuse(refusal, MATCH_INVALID, "match key %s stands twice",
                              quote(word->key, quoted));

        r = rule_add_word(rule, word);
        if (r < 0)
                return r;

        /* In a pool it gives a tag, and asks for nothing. */
        if (rule->kind == RULE_POOL && tag_name(word->key))
                return 0;

        r = condition_init(&condition, rule->kind == RULE_ALIAS, word->key, word->value, refusal);
        if (r != 0)
                return r;

        r = VECTOR_APPEND(conditions->items, conditions->n_items, condition);
        if (r < 0)
                condition_done(&condition);
        return r;
}

int rule_new(Rule **ret, RuleKind kind, const Word *words, size_t n_words, Refusal *refusal) {
        _cleanup_(rule_freep) Rule *rule = NULL;
        int r;

        rule = calloc(1, sizeof(*rule));
        if (!rule)
                return -ENOMEM;

        rule->kind = kind;
        rule->conditions = calloc(1, sizeof(*rule->conditions));
        if (!rule->conditions)
                return -ENOMEM;

        for (size_t i = 0; i < n_words; i++) {
                r = rule_compile(rule, &words[i], refusal);
                if (r != 0)
                        return r;
        }

        rule->conditions->asks_type = rule_has_key(rule, "device_type");
        rule->conditions->asks_devname = rule_has_key(rule, "devname");
        rule->conditions->names_one = conditions_name_one(rule->conditions);
        *ret = TAKE(rule);
        return 0;
}

/* The PF whose VF this is, in a rule that may name the PF and mean its VFs; NULL: none. */
static const Device *find_covering(const struct Conditions *conditions, const Device *device,
                                   const Inventory *inventory) {
        const Device *physical;

        if (device->facts->type != DEVICE_TYPE_VF ||
            !(conditions->names_one || conditions->asks_devname))
                return NULL;

        physical = inventory_find(inventory, device->facts->physical_function);
        if (!physical || physical->facts->type == DEVICE_TYPE_VF ||
            physical->facts->max_virtual_functions == 0)
                return NULL;

        return physical;
}

static bool location_holds(const struct Conditions *conditions, Address address) {
        for (size_t i = 0; i < conditions->n_items; i++)
                if (condition_is_location(&conditions->items[i]) &&
                    !condition_holds_address(&conditions->items[i], address))
                        return false;

        return true;
}

uint32_t rule_mismatch(const Rule *rule, const Device *device, const Inventory *inventory) {
        const struct Conditions *conditions = rule->conditions;
        const Device *physical = find_covering(conditions, device, inventory);
        uint32_t mismatch = 0;

        if (rule->kind == RULE_POOL &&
            (facts_is_bridge(device->facts) || device->address.domain > DOMAIN_MAX))
                mismatch |= REASON_IDS;

        if (rule->kind == RULE_ALIAS && !conditions->asks_type &&
            device->facts->type == DEVICE_TYPE_PF)
                mismatch |= REASON_TYPE;
        if (rule->kind == RULE_ALIAS && device->facts->vdpa)
                mismatch |= REASON_TYPE;

        if (!location_holds(conditions, device->address) &&
            !(physical && conditions->names_one && location_holds(conditions, physical->address)))
                mismatch |= REASON_IDS;

        for (size_t i = 0; i < conditions->n_items; i++) {
                const Condition *condition = &conditions->items[i];

                if (!condition_is_location(condition))
                        mismatch |= condition_mismatch(condition, device, physical);
        }

        return mismatch;
}

const char *tag_name(const char *key) {
        return strncmp(key, "tag.", 4) == 0 && key[4] ? key + 4 : NULL;
}

const char *rule_tag(const Rule *rule, const char *name) {
        for (size_t i = 0; i < rule->n_words; i++) {
                const char *tag = tag_name(rule->words[i].key);

                if (tag && strcmp(tag, name) == 0)
                        return rule->words[i].value;
        }

        return NULL;
}

size_t rule_count_tags(const Rule *rule) {
        size_t n = 0;

        for (size_t i = 0; i < rule->n_words; i++)
                n += tag_name(rule->words[i].key) != NULL;
        return n;
}

int rules_append(Rule ***rules, size_t *n_rules, Rule *rule) {
        int r;

        r = VECTOR_APPEND(*rules, *n_rules, rule);
        if (r < 0)
                rule_free(rule);
        return r;
}

void rules_free(Rule **rules, size_t n_rules) {
        for (size_t i = 0; i < n_rules; i++)
                rule_free(rules[i]);
        free(rules);
}
