/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/match-condition.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/domain.h"
#include "core/pool.h"
#include "core/quote.h"
#include "util/text.h"

enum {
        REGEX_MATCH_LIMIT =
                10000, /* a field has 8 characters at most: no honest regex needs this */
        REGEX_HEAP_LIMIT_KIB = 1024,
        NUMA_NODE_MAX = NUMA_NODES_MAX - 1
};

enum {
        FIELD_DOMAIN,
        FIELD_BUS,
        FIELD_SLOT,
        FIELD_FUNCTION,
        _FIELD_END,
};

static const struct {
        int greatest;
        int n_digits; /* as the kernel writes it */
} fields[_FIELD_END] = {
        [FIELD_DOMAIN] = { 0xffff, 4 },
        [FIELD_BUS] = { 0xff, 2 },
        [FIELD_SLOT] = { 0x1f, 2 },
        [FIELD_FUNCTION] = { 7, 1 },
};

/* The value of up to 8 hex digits and nothing else; −1 otherwise. */
static int64_t parse_hex(const char *text, size_t size) {
        static const char digits[] = "0123456789abcdef";
        int64_t value = 0;

        if (size == 0 || size > 8)
                return -1;

        for (size_t i = 0; i < size; i++) {
                char lower = text[i] >= 'A' && text[i] <= 'F' ? (char) (text[i] | 0x20) : text[i];
                const char *digit = lower ? strchr(digits, lower) : NULL;

                if (!digit)
                        return -1;
                value = value * 16 + (digit - digits);
        }

        return value;
}

static int parse_id(Condition *condition, const char *value, const char **ret_expected) {
        int64_t id = strlen(value) == 4 ? parse_hex(value, 4) : -1;

        if (id < 0) {
                *ret_expected = "4 hex digits";
                return MATCH_INVALID;
        }

        condition->number = (int) id;
        return 0;
}

static int parse_class(Condition *condition, const char *value, const char **ret_expected) {
        size_t size = strlen(value);
        int64_t code = size == 2 || size == 4 || size == 6 ? parse_hex(value, size) : -1;

        if (code < 0) {
                *ret_expected = "2, 4 or 6 hex digits";
                return MATCH_INVALID;
        }

        condition->number = (int) code;
        condition->shift = (unsigned) (6 - size) * 4;
        return 0;
}

/* A field of a glob: hex up to its limit; nothing or a star is any. */
static bool parse_glob_field(const char *text, size_t size, int greatest, int *ret) {
        int64_t value;

        while (size > 0 && *text == ' ')
                text++, size--;
        while (size > 0 && text[size - 1] == ' ')
                size--;

        if (size == 0 || (size == 1 && *text == '*')) {
                *ret = -1;
                return true;
        }

        /* Python's int(text, 16), which reads Nova's, lets it stand. */
        if (size > 2 && *text == '0' && (text[1] == 'x' || text[1] == 'X'))
                text += 2, size -= 2;

        value = parse_hex(text, size);
        *ret = (int) value;
        return value >= 0 && value <= greatest;
}

/*
 * [[[domain:]bus:]slot][.function]: the first dot parts the function; the fields before it are as far right as
 * they go, so that a lone one is the slot.
 */
static int parse_address(Condition *condition, const char *value, const char **ret_expected) {
        size_t size = strcspn(value, "."), n_colons = 0;
        int field;

        *ret_expected =
                "[[[DOMAIN:]BUS:]SLOT][.FUNCTION] in hex up to ffff:ff:1f.7, with * for any";
        if (*value == '\0')
                return MATCH_INVALID;

        for (size_t i = 0; i < _FIELD_END; i++)
                condition->fields[i] = -1;

        if (value[size] == '.' &&
            !parse_glob_field(value + size + 1, strlen(value + size + 1),
                              fields[FIELD_FUNCTION].greatest, &condition->fields[FIELD_FUNCTION]))
                return MATCH_INVALID;

        for (size_t i = 0; i < size; i++)
                n_colons += value[i] == ':';
        if (n_colons > FIELD_SLOT)
                return MATCH_INVALID;

        field = FIELD_SLOT - (int) n_colons;
        for (const char *end = value + size; field <= FIELD_SLOT; field++) {
                size_t width = strcspn(value, ":.");

                if (!parse_glob_field(value, width, fields[field].greatest,
                                      &condition->fields[field]))
                        return MATCH_INVALID;
                value += width + (value + width < end);
        }

        condition->is_plain = true;
        for (size_t i = 0; i < _FIELD_END; i++)
                condition->is_plain = condition->is_plain && condition->fields[i] >= 0;
        return 0;
}

/* As pcre2_match(): of a field by its value. */
static int match_regex(const Condition *condition, uint32_t value) {
        int n_digits = fields[condition->key - KEY_DOMAIN].n_digits;
        char text[ADDRESS_TEXT_SIZE];
        int size = snprintf(text, sizeof(text), "%0*x", n_digits, value);

        return pcre2_match(condition->regex, (PCRE2_SPTR) text, (PCRE2_SIZE) size, 0, 0,
                           condition->matching, condition->limits);
}

/* Which of the low values it matches, as every device of the host is asked about it. 0 or -ENOMEM. */
static int learn_matches(Condition *condition) {
        int greatest = fields[condition->key - KEY_DOMAIN].greatest;

        for (int value = 0; value <= greatest && value < CONDITION_KNOWN; value++) {
                int r = match_regex(condition, (uint32_t) value);

                if (r == PCRE2_ERROR_NOMEMORY)
                        return -ENOMEM;
                /* Beyond a limit, as without a match, it does not hold. */
                if (r >= 0)
                        condition->matches[value / 64] |= UINT64_C(1) << (value % 64);
        }

        return 0;
}

static int parse_regex(Condition *condition, const char *value, const char **ret_expected) {
        PCRE2_SIZE offset;
        int error;

        *ret_expected = "a regular expression";
        condition->regex = pcre2_compile((PCRE2_SPTR) value, PCRE2_ZERO_TERMINATED,
                                         PCRE2_ANCHORED | PCRE2_ENDANCHORED, &error, &offset, NULL);
        if (!condition->regex)
                return error == PCRE2_ERROR_HEAP_FAILED ? -ENOMEM : MATCH_INVALID;

        condition->matching = pcre2_match_data_create(1, NULL);
        condition->limits = pcre2_match_context_create(NULL);
        if (!condition->matching || !condition->limits)
                return -ENOMEM;

        pcre2_set_match_limit(condition->limits, REGEX_MATCH_LIMIT);
        pcre2_set_heap_limit(condition->limits, REGEX_HEAP_LIMIT_KIB);
        condition->is_plain = parse_hex(value, strlen(value)) >= 0;

        /* The memory that matching needs is made here, too, where the lack of it can be told. */
        return learn_matches(condition);
}

static int parse_text(Condition *condition, const char *value, const char **ret_expected) {
        if (*value == '\0' && condition->key != KEY_TAG) {
                *ret_expected = "something";
                return MATCH_INVALID;
        }

        condition->text = strdup(value);
        return condition->text ? 0 : -ENOMEM;
}

static int parse_node(Condition *condition, const char *value, const char **ret_expected) {
        size_t digits = strspn(value, "0123456789");

        if (strcmp(value, "-1") == 0) {
                condition->number = -1;
                return 0;
        }

        *ret_expected = "the number of a NUMA node, or -1";
        if (digits == 0 || digits > 4 || value[digits])
                return MATCH_INVALID;

        condition->number = (int) strtol(value, NULL, 10);
        return condition->number <= NUMA_NODE_MAX ? 0 : MATCH_INVALID;
}

static int parse_type(Condition *condition, const char *value, const char **ret_expected) {
        condition->number = device_type_from_string(value);
        *ret_expected = "type-PCI, type-PF or type-VF";
        return condition->number >= 0 ? 0 : MATCH_INVALID;
}

static const struct {
        const char *name;
        int (*parse)(Condition *condition, const char *value, const char **ret_expected);
        bool of_alias; /* and of nothing else */
} keys[_CONDITION_KEY_END] = {
        [KEY_VENDOR_ID] = { "vendor_id", parse_id },
        [KEY_PRODUCT_ID] = { "product_id", parse_id },
        [KEY_SUBSYSTEM_VENDOR_ID] = { "subsystem_vendor_id", parse_id },
        [KEY_SUBSYSTEM_PRODUCT_ID] = { "subsystem_product_id", parse_id },
        [KEY_CLASS] = { "class", parse_class },
        [KEY_ADDRESS] = { "address", parse_address },
        [KEY_DOMAIN] = { "domain", parse_regex },
        [KEY_BUS] = { "bus", parse_regex },
        [KEY_SLOT] = { "slot", parse_regex },
        [KEY_FUNCTION] = { "function", parse_regex },
        [KEY_DEVNAME] = { "devname", parse_text },
        [KEY_DRIVER] = { "driver", parse_text },
        [KEY_NUMA_NODE] = { "numa_node", parse_node },
        [KEY_DEVICE_TYPE] = { "device_type", parse_type, true },
        [KEY_POOL] = { "pool", parse_text, true },
        [KEY_TAG] = { "tag.NAME", parse_text },
};

static int refuse_key(const char *key, bool of_alias, Refusal *refusal) {
        const char *names[_CONDITION_KEY_END + 1] = { NULL };
        char quoted[QUOTE_SIZE];
        const char *meant;
        size_t n = 0;

        for (size_t i = 0; i < _CONDITION_KEY_END; i++) {
                if (of_alias || !keys[i].of_alias)
                        names[n++] = keys[i].name;
                else if (strcmp(keys[i].name, key) == 0)
                        return refuse(refusal, MATCH_INVALID,
                                      "match key %s has no meaning in a pool", key);
        }

        meant = text_nearest(key, names);
        if (meant)
                return refuse(refusal, MATCH_INVALID, "unknown match key %s; perhaps %s was meant",
                              quote(key, quoted), meant);

        return refuse(refusal, MATCH_INVALID, "unknown match key %s", quote(key, quoted));
}

static int find_key(const char *key, bool of_alias) {
        if (tag_name(key))
                return KEY_TAG;

        for (int i = 0; i < KEY_TAG; i++)
                if (strcmp(keys[i].name, key) == 0 && (of_alias || !keys[i].of_alias))
                        return i;

        return -1;
}

int condition_init(Condition *ret, bool of_alias, const char *key, const char *value,
                   Refusal *refusal) {
        int r, found = find_key(key, of_alias);
        _cleanup_(condition_done) Condition condition = { .key = (ConditionKey) found };
        char quoted_key[QUOTE_SIZE], quoted[QUOTE_SIZE];
        const char *expected = NULL;

        if (found < 0)
                return refuse_key(key, of_alias, refusal);

        if (found == KEY_TAG) {
                condition.tag = strdup(tag_name(key));
                if (!condition.tag)
                        return -ENOMEM;
        }

        r = keys[found].parse(&condition, value, &expected);
        if (r == MATCH_INVALID)
                return refuse(refusal, MATCH_INVALID, "%s=%s: the value must be %s",
                              quote(key, quoted_key), quote(value, quoted), expected);
        if (r < 0)
                return r;

        *ret = condition;
        condition = (Condition){ 0 };
        return 0;
}

void condition_done(Condition *condition) {
        free(condition->tag);
        free(condition->text);
        pcre2_code_free(condition->regex);
        pcre2_match_data_free(condition->matching);
        pcre2_match_context_free(condition->limits);
}

bool condition_is_field(const Condition *condition) {
        return condition->key >= KEY_DOMAIN && condition->key <= KEY_FUNCTION;
}

bool condition_is_location(const Condition *condition) {
        return condition->key == KEY_ADDRESS || condition_is_field(condition);
}

bool condition_holds_address(const Condition *condition, Address address) {
        const uint32_t values[_FIELD_END] = { address.domain, address.bus, address.slot,
                                              address.function };
        uint32_t value;

        if (condition->key == KEY_ADDRESS) {
                for (size_t field = 0; field < _FIELD_END; field++)
                        if (condition->fields[field] >= 0 &&
                            (uint32_t) condition->fields[field] != values[field])
                                return false;
                return true;
        }

        value = values[condition->key - KEY_DOMAIN];
        if (value < CONDITION_KNOWN)
                return condition->matches[value / 64] >> (value % 64) & 1;

        return match_regex(condition, value) >= 0;
}

static uint32_t unless(bool holds, uint32_t reason) {
        return holds ? 0 : reason;
}

uint32_t condition_mismatch(const Condition *condition, const Device *device,
                            const Device *physical) {
        const Facts *facts = device->facts;
        const char *tag;

        switch (condition->key) {
        case KEY_VENDOR_ID:
                return unless(facts->vendor_id == condition->number, REASON_IDS);
        case KEY_PRODUCT_ID:
                return unless(facts->product_id == condition->number, REASON_IDS);
        case KEY_SUBSYSTEM_VENDOR_ID:
                return unless(facts->has_subsystem &&
                                      facts->subsystem_vendor_id == condition->number,
                              REASON_IDS);
        case KEY_SUBSYSTEM_PRODUCT_ID:
                return unless(facts->has_subsystem &&
                                      facts->subsystem_product_id == condition->number,
                              REASON_IDS);
        case KEY_CLASS:
                return unless((int) (facts->class_code >> condition->shift) == condition->number,
                              REASON_IDS);
        case KEY_DEVNAME:
                return unless(list_contains(facts->interfaces, condition->text) ||
                                      (physical &&
                                       list_contains(physical->facts->interfaces, condition->text)),
                              REASON_IDS);
        case KEY_DRIVER:
                return unless(strcmp(facts->driver, condition->text) == 0, REASON_IDS);
        case KEY_NUMA_NODE:
                return unless(facts->numa_node == condition->number, REASON_IDS);
        case KEY_DEVICE_TYPE:
                return unless((int) facts->type == condition->number, REASON_TYPE);
        case KEY_POOL:
                return unless(device->pool && strcmp(device->pool->name, condition->text) == 0,
                              REASON_IDS);
        case KEY_TAG:
                tag = device->pool_rule ? rule_tag(device->pool_rule, condition->tag) : NULL;
                return unless(tag && strcasecmp(tag, condition->text) == 0, REASON_TAGS);
        default:
                return 0;
        }
}
