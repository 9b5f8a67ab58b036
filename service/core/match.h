/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Match: one line of conditions, all of which must hold for a device.
 *
 * The keys are those of CONTRACT 5. A rule of a pool may give tags (tag.NAME=VALUE); in a rule of an
 * alias the same key asks for one. A rule keeps its words as they were written, for the Match
 * property.
 */
#pragma once

#include "core/inventory.h"
#include "core/verdict.h"

typedef enum RuleKind {
        RULE_POOL,
        RULE_ALIAS,
} RuleKind;

/* A key and its value, as written. */
typedef struct Word {
        char *key, *value;
} Word;

struct Rule {
        RuleKind kind;
        Word *words; /* in the order of the line */
        size_t n_words;
        struct Conditions *conditions; /* compiled; private to match.c */
};

/**
 * rule_new() - compile one line
 * @kind:    which keys are allowed: device_type, pool and a wanted tag.NAME only in an alias
 * @words:   keys and values; copied
 * @n_words: how many; 0 is the rule that every device fits
 * @refusal: MATCH_INVALID, with the key or value at fault and, for an unknown key, the one that was perhaps meant
 *
 * Values (NOVA a1, a2, g): ids exactly 4 hex digits of either case · class 2, 4 or 6 hex digits · address:
 * Nova's right-aligned glob · domain bus slot function: a regex for the whole field (PCRE2, match limit) ·
 * devname · driver · numa_node (−1: unknown) · device_type type-PCI|type-PF|type-VF · pool · tag.NAME. A key may stand
 * once; only a tag may be empty.
 *
 * Return: 0, MATCH_INVALID or -ENOMEM.
 */
int rule_new(Rule **ret, RuleKind kind, const Word *words, size_t n_words, Refusal *refusal);
Rule *rule_free(Rule *rule); /* NULL is fine; always returns NULL */
DEFINE_CLEANUP(Rule *, rule_free);

/**
 * rule_mismatch() - why a device does not fit
 * @device:    its facts; and for a rule of an alias its pool and the tags it got there. No rule of a pool means a
 *             bridge, or a device of a domain beyond ffff, which libvirt cannot give (NOVA a1 #19).
 * @inventory: where the device is; a plain full address of a PF covers its VFs (NOVA a1 #9), and so does devname
 *
 * Return: 0 when it fits; else bits: REASON_TYPE for device_type (an alias without it never means a PF; none means a device of the vdpa bus),
 * REASON_TAGS for tag.*, REASON_IDS for all other keys. All that hold, not the first.
 */
uint32_t rule_mismatch(const Rule *rule, const Device *device, const Inventory *inventory);

/* Alternatives, an array of rules: rules_append() takes @rule over, also on failure; 0 or -ENOMEM. */
int rules_append(Rule ***rules, size_t *n_rules, Rule *rule);
void rules_free(Rule **rules, size_t n_rules);

/* The value of a tag.NAME word; NULL when the rule has none. */
const char *rule_tag(const Rule *rule, const char *name);
size_t rule_count_tags(const Rule *rule);
/* The name of the tag when @key is tag.NAME; else NULL. */
const char *tag_name(const char *key);
