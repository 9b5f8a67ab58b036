/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "store/nova.h"
#include "store/place.h"
#include "util/text.h"

/* One object of a device_spec on its way to a rule. */
typedef struct Spec {
        const NovaValue *value;
        NovaWords words;
        size_t n_tags; /* of the words */
        bool has_address, has_devname;
        Refusal *refusal;
} Spec;

typedef int (*SpecReader)(Spec *spec, const char *key, const json_t *json);

static int refuse_type(Spec *spec, const char *key, const char *wanted) {
        return refuse(spec->refusal, MATCH_INVALID, "%s must be %s", key, wanted);
}

/* Nova reads ids as Python's int(text, 16) does: blanks around, 0x and any number of digits. */
static int read_id(Spec *spec, const char *key, const json_t *json) {
        const char *text = json_string_value(json), *digits;
        char id[sizeof("ffff")];
        unsigned number = 0;
        size_t n;

        if (!text)
                return refuse_type(spec, key, "hexadecimal text");
        if (strcmp(text, "*") == 0)
                return 0;

        digits = text + strspn(text, " \t");
        if (digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X'))
                digits += 2;

        for (n = 0; isxdigit((unsigned char) digits[n]) && number <= 0xffff; n++)
                number = number * 16 + (unsigned) (isdigit((unsigned char) digits[n])
                                                           ? digits[n] - '0'
                                                           : (digits[n] | 0x20) - 'a' + 10);
        if (number > 0xffff)
                return refuse(spec->refusal, MATCH_INVALID, "%s: '%.64s' is above ffff", key, text);
        if (n == 0 || digits[n + strspn(digits + n, " \t")] != '\0')
                return refuse(spec->refusal, MATCH_INVALID, "%s: '%.64s' is not hexadecimal", key,
                              text);

        (void) snprintf(id, sizeof(id), "%04x", number & 0xffff);
        return nova_words_add(&spec->words, key, id);
}

static int read_text(Spec *spec, const char *key, const json_t *json) {
        const char *text = json_string_value(json);

        if (!text)
                return refuse_type(spec, key, "text");
        return nova_words_add(&spec->words, key, text);
}

static int read_node(Spec *spec, const char *key, const json_t *json) {
        const char *text = nova_number(spec->value, json) ?: json_string_value(json);

        if (!text)
                return refuse_type(spec, key, "a number");
        return nova_words_add(&spec->words, key, text);
}

/* Absent and empty are the same to Nova. */
static int read_devname(Spec *spec, const char *key, const json_t *json) {
        if (json_is_null(json) || (json_is_string(json) && json_string_length(json) == 0))
                return 0;

        spec->has_devname = true;
        return read_text(spec, key, json);
}

static int read_address_fields(Spec *spec, const json_t *fields) {
        static const char *const names[] = { "domain", "bus", "slot", "function", NULL };
        const char *key;
        json_t *json;
        int r;

        json_object_foreach((json_t *) fields, key, json) {
                const char *meant;
                bool known = false;

                for (size_t i = 0; names[i]; i++)
                        known = known || strcmp(key, names[i]) == 0;

                meant = known ? NULL : text_nearest(key, names);
                if (meant)
                        return refuse(spec->refusal, MATCH_INVALID,
                                      "address: unknown key '%.64s'; perhaps %s was meant", key,
                                      meant);
                if (!known)
                        return refuse(spec->refusal, MATCH_INVALID, "address: unknown key '%.64s'",
                                      key);

                r = read_text(spec, key, json);
                if (r != 0)
                        return r;
        }

        return 0;
}

static int read_address(Spec *spec, const char *key, const json_t *json) {
        const char *number = nova_number(spec->value, json);

        if (json_is_null(json) || (number && strcmp(number, "0") == 0) ||
            (json_is_string(json) && json_string_length(json) == 0) ||
            (json_is_object(json) && json_object_size(json) == 0))
                return 0;

        spec->has_address = true;
        if (json_is_object(json))
                return read_address_fields(spec, json);
        if (json_is_string(json))
                return read_text(spec, key, json);
        return refuse_type(spec, key, "text or an object of regexes");
}

static int add_tag(Spec *spec, const char *key, const char *text) {
        _cleanup_(freep) char *word = NULL;

        if (!text_is_line(text))
                return refuse(spec->refusal, MATCH_INVALID,
                              "the value of %s has characters that cannot be shown", key);

        word = text_print("tag.%s", key);
        if (!word)
                return -ENOMEM;

        spec->n_tags++;
        return nova_words_add(&spec->words, word, text);
}

static int read_tag(Spec *spec, const char *key, const json_t *json) {
        const char *text = nova_number(spec->value, json) ?: json_string_value(json);

        if (json_is_null(json))
                text = "";
        if (json_is_boolean(json))
                text = json_is_true(json) ? "true" : "false";
        if (!text)
                return refuse_type(spec, key, "text, a number, true, false or null");

        return add_tag(spec, key, text);
}

/* The tags that Nova reads strictly become the words true and false. */
static int read_boolean_tag(Spec *spec, const char *key, const json_t *json) {
        int truth;

        if (json_is_null(json))
                return add_tag(spec, key, "");

        truth = nova_boolean(spec->value, json);
        if (truth == -ENOMEM)
                return truth;
        if (truth < 0)
                return refuse_type(spec, key, "a boolean (true, false, yes, no)");

        return add_tag(spec, key, truth ? "true" : "false");
}

/* CONTRACT 5: the match keys, and the tags that Nova documents. */
static const struct {
        const char *name;
        SpecReader read;
} spec_keys[] = {
        { "vendor_id", read_id },
        { "product_id", read_id },
        { "address", read_address },
        { "devname", read_devname },
        { "subsystem_vendor_id", read_id },
        { "subsystem_product_id", read_id },
        { "class", read_text },
        { "domain", read_text },
        { "bus", read_text },
        { "slot", read_text },
        { "function", read_text },
        { "driver", read_text },
        { "numa_node", read_node },
        { "physical_network", read_tag },
        { "trusted", read_tag },
        { "remote_managed", read_tag },
        { "managed", read_boolean_tag },
        { "live_migratable", read_boolean_tag },
        { "one_time_use", read_tag },
        { "resource_class", read_tag },
        { "traits", read_tag },
};

static int refuse_key(Spec *spec, const char *key) {
        const char *names[N_ELEMENTS(spec_keys) + 1] = { NULL }, *meant;

        for (size_t i = 0; i < N_ELEMENTS(spec_keys); i++)
                names[i] = spec_keys[i].name;

        meant = text_nearest(key, names);
        if (meant)
                return refuse(spec->refusal, MATCH_INVALID,
                              "unknown key '%.64s'; perhaps %s was meant", key, meant);
        return refuse(spec->refusal, MATCH_INVALID, "unknown key '%.64s'", key);
}

static int read_key(Spec *spec, const char *key, const json_t *json) {
        for (size_t i = 0; i < N_ELEMENTS(spec_keys); i++)
                if (strcmp(spec_keys[i].name, key) == 0)
                        return spec_keys[i].read(spec, key, json);

        return refuse_key(spec, key);
}

static int read_object(Spec *spec, const json_t *object, Pool *pool) {
        const char *key;
        Rule *rule;
        json_t *json;
        int r;

        json_object_foreach((json_t *) object, key, json) {
                r = read_key(spec, key, json);
                if (r != 0)
                        return r;
        }

        if (spec->has_address && spec->has_devname)
                return refuse(spec->refusal, MATCH_INVALID,
                              "address and devname exclude each other");

        r = rule_new(&rule, RULE_POOL, spec->words.items, spec->words.n_items, spec->refusal);
        if (r != 0)
                return r;

        return pool_add_rule(pool, rule);
}

static int read_member(const NovaValue *value, const json_t *object, Pool *pool,
                       bool *ret_everything, Refusal *refusal) {
        Spec spec = { .value = value, .refusal = refusal };
        int r;

        if (!json_is_object(object))
                return refuse(refusal, MATCH_INVALID, "must be an object or a list of objects");

        r = read_object(&spec, object, pool);
        if (r == 0 && spec.words.n_items == spec.n_tags)
                *ret_everything = true;

        nova_words_done(&spec.words);
        return r;
}

int nova_read_device_spec(const char *text, Pool *pool, bool *ret_everything, Refusal *refusal) {
        _cleanup_(nova_value_done) NovaValue value = { 0 };
        bool everything = false;
        size_t i;
        json_t *member;
        int r;

        r = nova_value_parse(text, &value, refusal);
        if (r != 0)
                return r;

        if (!json_is_array(value.json)) {
                r = read_member(&value, value.json, pool, &everything, refusal);
                if (r != 0)
                        return r;
        }

        json_array_foreach(value.json, i, member) {
                r = read_member(&value, member, pool, &everything, refusal);
                if (r != 0)
                        return r;
        }

        *ret_everything = everything;
        return 0;
}
