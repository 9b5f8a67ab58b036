/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include <jansson.h>

#include "core/facts.h"
#include "store/nova.h"
#include "store/place.h"
#include "util/text.h"

enum {
        NAME_MAX_CHARACTERS = 256
};

/* One alias on its way. */
typedef struct Draft {
        const NovaValue *value;
        char *name;
        NovaWords words;
        NumaPolicy numa_policy;
        Refusal *refusal;
} Draft;

typedef int (*DraftReader)(Draft *draft, const char *key, const char *text);

static size_t count_characters(const char *text) {
        size_t n = 0;

        for (; *text; text++)
                n += ((unsigned char) *text & 0xc0) != 0x80;
        return n;
}

static int read_name(Draft *draft, const char *key, const char *text) {
        size_t n = count_characters(text);
        char *name;

        if (n < 1 || n > NAME_MAX_CHARACTERS)
                return refuse(draft->refusal, MATCH_INVALID, "%s has %zu characters, not 1 to %d",
                              key, n, NAME_MAX_CHARACTERS);

        draft->name = strdup(text);
        if (!draft->name)
                return -ENOMEM;

        name = text_strip(draft->name);
        if (*name == '\0')
                return refuse(draft->refusal, MATCH_INVALID, "%s is blank", key);
        if (!text_is_line(name) || strpbrk(name, ":,"))
                return refuse(draft->refusal, MATCH_INVALID,
                              "%s '%.64s' has a colon, a comma or a control character", key, name);

        memmove(draft->name, name, strlen(name) + 1);
        return 0;
}

/* Stricter than a device_spec, as in Nova: neither 0x nor fewer digits. */
static int read_id(Draft *draft, const char *key, const char *text) {
        char id[sizeof("ffff")];

        if (strlen(text) != 4 || strspn(text, "0123456789abcdefABCDEF") != 4)
                return refuse(draft->refusal, MATCH_INVALID,
                              "%s: '%.64s' is not four hexadecimal digits", key, text);

        for (size_t i = 0; i < sizeof(id); i++)
                id[i] = (char) tolower((unsigned char) text[i]);
        return nova_words_add(&draft->words, key, id);
}

static int read_device_type(Draft *draft, const char *key, const char *text) {
        if (device_type_from_string(text) < 0)
                return refuse(draft->refusal, MATCH_INVALID,
                              "%s: '%.64s' is not type-PCI, type-PF or type-VF", key, text);

        return nova_words_add(&draft->words, key, text);
}

static int read_numa_policy(Draft *draft, const char *key, const char *text) {
        int policy = numa_policy_from_string(text);

        if (policy < 0)
                return refuse(draft->refusal, MATCH_INVALID,
                              "%s: '%.64s' is not legacy, preferred, required or socket", key,
                              text);

        draft->numa_policy = (NumaPolicy) policy;
        return 0;
}

static int read_capability(Draft *draft, const char *key, const char *text) {
        if (strcmp(text, "pci") != 0)
                return refuse(draft->refusal, MATCH_INVALID, "%s: '%.64s' is not pci", key, text);
        return 0;
}

static int read_live_migratable(Draft *draft, const char *key, const char *text) {
        return nova_words_add(&draft->words, "tag.live_migratable", text);
}

/* Placement's: read, and without effect. */
static int read_nothing(Draft *draft, const char *key, const char *text) {
        return 0;
}

static const struct {
        const char *name;
        DraftReader read;
} alias_keys[] = {
        { "name", read_name },
        { "vendor_id", read_id },
        { "product_id", read_id },
        { "device_type", read_device_type },
        { "numa_policy", read_numa_policy },
        { "capability_type", read_capability },
        { "live_migratable", read_live_migratable },
        { "resource_class", read_nothing },
        { "traits", read_nothing },
};

static int refuse_key(Draft *draft, const char *key) {
        const char *names[N_ELEMENTS(alias_keys) + 1] = { NULL }, *meant;

        for (size_t i = 0; i < N_ELEMENTS(alias_keys); i++)
                names[i] = alias_keys[i].name;

        meant = text_nearest(key, names);
        if (meant)
                return refuse(draft->refusal, MATCH_INVALID,
                              "unknown key '%.64s'; perhaps %s was meant", key, meant);
        return refuse(draft->refusal, MATCH_INVALID, "unknown key '%.64s'", key);
}

/* All values are text but that of live_migratable, which is a boolean in any of its forms. */
static int read_key(Draft *draft, const char *key, const json_t *json) {
        const char *text = json_string_value(json);
        size_t i;

        for (i = 0; i < N_ELEMENTS(alias_keys); i++)
                if (strcmp(alias_keys[i].name, key) == 0)
                        break;
        if (i == N_ELEMENTS(alias_keys))
                return refuse_key(draft, key);

        if (alias_keys[i].read == read_live_migratable) {
                int truth = nova_boolean(draft->value, json);

                if (truth == -ENOMEM)
                        return truth;
                text = truth < 0 ? NULL : truth ? "true" : "false";
                if (!text)
                        return refuse(draft->refusal, MATCH_INVALID,
                                      "%s must be a boolean (true, false, yes, no)", key);
        }
        if (!text)
                return refuse(draft->refusal, MATCH_INVALID, "%s must be text", key);

        return alias_keys[i].read(draft, key, text);
}

static int read_object(Draft *draft, const json_t *object, Alias **ret) {
        _cleanup_(alias_freep) Alias *alias = NULL;
        const char *key;
        Rule *rule;
        json_t *json;
        int r;

        json_object_foreach((json_t *) object, key, json) {
                r = read_key(draft, key, json);
                if (r != 0)
                        return r;
        }

        if (!draft->name)
                return refuse(draft->refusal, MATCH_INVALID, "name is missing");

        r = alias_new(&alias, draft->name, SOURCE_FILE);
        if (r < 0)
                return r;
        alias->is_nova = true;
        alias->numa_policy = draft->numa_policy;

        r = rule_new(&rule, RULE_ALIAS, draft->words.items, draft->words.n_items, draft->refusal);
        if (r != 0)
                return r;
        r = alias_add_rule(alias, rule);
        if (r < 0)
                return r;

        *ret = TAKE(alias);
        return 0;
}

int nova_read_alias(const char *text, Alias **ret, Refusal *refusal) {
        _cleanup_(nova_value_done) NovaValue value = { 0 };
        Draft draft = { .value = &value, .numa_policy = NUMA_LEGACY, .refusal = refusal };
        int r;

        r = nova_value_parse(text, &value, refusal);
        if (r != 0)
                return r;
        if (!json_is_object(value.json))
                return refuse(refusal, MATCH_INVALID, "must be an object");

        r = read_object(&draft, value.json, ret);

        free(draft.name);
        nova_words_done(&draft.words);
        return r;
}

static const char *explicit_type(const Alias *alias) {
        for (size_t i = 0; i < alias->n_rules; i++)
                for (size_t j = 0; j < alias->rules[i]->n_words; j++)
                        if (strcmp(alias->rules[i]->words[j].key, "device_type") == 0)
                                return alias->rules[i]->words[j].value;

        return NULL;
}

int nova_merge_alias(Alias *alias, Alias *other, Refusal *refusal) {
        _cleanup_(alias_freep) Alias *taken = other;
        const char *type = explicit_type(alias), *other_type = explicit_type(taken);
        int r;

        if (alias->numa_policy != taken->numa_policy)
                return refuse(refusal, MATCH_INVALID,
                              "'%.64s' has numa_policy %s, in a line above it has %s", alias->name,
                              numa_policy_to_string(taken->numa_policy),
                              numa_policy_to_string(alias->numa_policy));
        if (type && other_type && strcmp(type, other_type) != 0)
                return refuse(refusal, MATCH_INVALID,
                              "'%.64s' has device_type %s, in a line above it has %s", alias->name,
                              other_type, type);

        for (; taken->n_rules > 0; taken->n_rules--) {
                r = alias_add_rule(alias, taken->rules[taken->n_rules - 1]);
                taken->rules[taken->n_rules - 1] = NULL;
                if (r < 0)
                        return r;
        }

        return 0;
}
