/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Match condition: one key and value, compiled. Private to match.c, which puts them together.
 */
#pragma once

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "core/inventory.h"
#include "core/verdict.h"

typedef enum ConditionKey {
        KEY_VENDOR_ID,
        KEY_PRODUCT_ID,
        KEY_SUBSYSTEM_VENDOR_ID,
        KEY_SUBSYSTEM_PRODUCT_ID,
        KEY_CLASS,
        KEY_ADDRESS,
        KEY_DOMAIN,
        KEY_BUS,
        KEY_SLOT,
        KEY_FUNCTION,
        KEY_DEVNAME,
        KEY_DRIVER,
        KEY_NUMA_NODE,
        KEY_DEVICE_TYPE,
        KEY_POOL,
        KEY_TAG,
        _CONDITION_KEY_END,
} ConditionKey;

enum {
        CONDITION_KNOWN =
                256 /* of so many values of a field it is known whether the regex matches */
};

typedef struct Condition {
        ConditionKey key;
        int number;                 /* id, node, type; of a class the digits that were given */
        unsigned shift;             /* of a class: how many bits were not given */
        int fields[4];              /* of an address: domain, bus, slot, function; −1: any */
        bool is_plain;              /* an address or a field of it with one value */
        char *tag, *text;           /* name of the tag; devname, driver, pool or value of the tag */
        pcre2_code *regex;          /* of a field */
        pcre2_match_data *matching; /* its memory */
        pcre2_match_context *limits;
        uint64_t matches[CONDITION_KNOWN / 64]; /* a bit for each value */
} Condition;

/**
 * condition_init() - compile a key and its value
 * @of_alias: is it in a rule of an alias? Some keys are not for pools
 * @ret:      set only on success; release it with condition_done()
 *
 * Return: 0, MATCH_INVALID or -ENOMEM.
 */
int condition_init(Condition *ret, bool of_alias, const char *key, const char *value,
                   Refusal *refusal);
void condition_done(Condition *condition);

bool condition_is_field(const Condition *condition);    /* domain, bus, slot or function */
bool condition_is_location(const Condition *condition); /* a field, or the whole address */

/* Of a location: does it hold for this address? */
bool condition_holds_address(const Condition *condition, Address address);

/* Of any other: 0, or the bit of why it does not hold. @physical: the PF whose name covers the device; or NULL. */
uint32_t condition_mismatch(const Condition *condition, const Device *device,
                            const Device *physical);
