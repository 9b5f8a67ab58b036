/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Nova: the JSON of its options device_spec and alias into rules.
 *
 * NOVA.md a1, a2 and (g) say what is read and what is refused. The JSON is translated into native
 * words, so that core/match is the one place where devices are compared.
 */
#pragma once

#include "core/pool.h"

/* What nova_value_parse() made of the text of one option. */
typedef struct NovaValue {
        struct json_t *json;
        char **numbers; /* the texts of the JSON's numbers, in order */
        size_t n_numbers;
} NovaValue;

/**
 * nova_value_parse() - read JSON, numbers as they are written
 *
 * Every number in it is replaced by its place in @numbers. A key that stands twice is refused.
 *
 * Return: 0, MATCH_INVALID or -ENOMEM.
 */
int nova_value_parse(const char *text, NovaValue *ret, Refusal *refusal);
void nova_value_done(NovaValue *value);

/* How a number was written; NULL when @json is none. */
const char *nova_number(const NovaValue *value, const struct json_t *json);

/* true, "no", "Off", 0, … as oslo reads them strictly: 0 or 1; -1 when it is no boolean; -ENOMEM. */
int nova_boolean(const NovaValue *value, const struct json_t *json);

/**
 * nova_read_device_spec() - add the rules of one value to a pool
 * @text:           an object or a list of objects
 * @ret_everything: one of them allows every device
 *
 * Return: 0, MATCH_INVALID with the key at fault, or -ENOMEM; the pool may then have got some.
 */
int nova_read_device_spec(const char *text, Pool *pool, bool *ret_everything, Refusal *refusal);

/**
 * nova_read_alias() - read one value into an alias of one alternative
 *
 * Return: 0, MATCH_INVALID or -ENOMEM.
 */
int nova_read_alias(const char *text, Alias **ret, Refusal *refusal);

/**
 * nova_merge_alias() - add the alternative of @other, which has the same name, to @alias
 * @other: taken over, also on failure
 *
 * Return: 0, MATCH_INVALID when the NUMA policy or an explicit device_type differs, or -ENOMEM.
 */
int nova_merge_alias(Alias *alias, Alias *other, Refusal *refusal);

/* Words of a rule under construction. */
typedef struct NovaWords {
        Word *items;
        size_t n_items;
} NovaWords;

int nova_words_add(NovaWords *words, const char *key, const char *value); /* copies; 0 or -ENOMEM */
void nova_words_done(NovaWords *words);
