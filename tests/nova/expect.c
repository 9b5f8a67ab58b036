/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "expect.h"

#include <stdio.h>
#include <string.h>

#include "util/text.h"
#include "util/vector.h"

typedef struct Addresses {
        Address *items;
        size_t n_items;
} Addresses;

static void addresses_done(Addresses *addresses) {
        free(addresses->items);
}

static void add(Addresses *addresses, Address address) {
        need(VECTOR_APPEND(addresses->items, addresses->n_items, address), "addresses");
}

static int compare(const void *a, const void *b) {
        return address_compare(*(const Address *) a, *(const Address *) b);
}

static void sort(Addresses *addresses) {
        if (addresses->n_items > 0)
                qsort(addresses->items, addresses->n_items, sizeof(*addresses->items), compare);
}

static bool contains(const Addresses *addresses, Address address) {
        for (size_t i = 0; i < addresses->n_items; i++)
                if (address_equal(addresses->items[i], address))
                        return true;
        return false;
}

static void read_addresses(Case *c, const char *what, const json_t *list, Addresses *ret) {
        size_t i;
        json_t *item;

        if (!json_is_array(list))
                differ(c, "the case: %s is no list", what);

        json_array_foreach(list, i, item) {
                Address address;

                if (case_address(c, json_string_value(item), &address))
                        add(ret, address);
        }
        sort(ret);
}

static char *show(const Addresses *addresses) {
        char *text = strdup("");

        for (size_t i = 0; i < addresses->n_items && text; i++) {
                _cleanup_(freep) char *before = text;
                char address[ADDRESS_TEXT_SIZE];

                text = text_print("%s%s%s", before, i > 0 ? " " : "",
                                  address_format(addresses->items[i], address));
        }
        need(text ? 0 : -ENOMEM, "addresses");
        return text;
}

/* The same addresses, each once, in whatever order. */
static void expect_addresses(Case *c, const char *where, const char *what, Addresses *actual,
                             const json_t *list) {
        _cleanup_(addresses_done) Addresses expected = { 0 };
        _cleanup_(freep) char *shown = NULL, *shown_expected = NULL;

        read_addresses(c, what, list, &expected);
        sort(actual);
        shown = show(actual);
        shown_expected = show(&expected);
        if (strcmp(shown, shown_expected) != 0)
                differ(c, "%s%s is [%s], not [%s]", where, what, shown, shown_expected);
}

static void list_devices(const World *world, bool available, Addresses *ret) {
        const Inventory *inventory = &world->registry.inventory;

        for (size_t i = 0; i < inventory->n_devices; i++) {
                const Device *device = inventory->devices[i];

                if (available ? device->state == DEVICE_AVAILABLE : device->pool != NULL)
                        add(ret, device->address);
        }
}

static void expect_available(Case *c, const char *where, const char *what, const World *world,
                             const json_t *expected) {
        _cleanup_(addresses_done) Addresses actual = { 0 };

        list_devices(world, true, &actual);
        expect_addresses(c, where, what, &actual, expected);
}

/* As CONTRACT 5 has it: null is nothing, true and false are words. */
static char *tag_text(const json_t *json) {
        char *text;

        if (json_is_null(json))
                text = strdup("");
        else if (json_is_string(json))
                text = strdup(json_string_value(json));
        else
                text = json_dumps(json, JSON_ENCODE_ANY);
        need(text ? 0 : -ENOMEM, "a tag");
        return text;
}

/* The tags of one device are these and no others. */
static void expect_tags(Case *c, const World *world, const char *name, const json_t *tags) {
        const Device *device;
        const char *key;
        Address address;
        json_t *value;
        size_t n;

        if (!case_address(c, name, &address))
                return;

        device = inventory_find(&world->registry.inventory, address);
        if (!device || !device->pool_rule) {
                differ(c, "%s is in no pool and has no tags", name);
                return;
        }

        json_object_foreach((json_t *) tags, key, value) {
                _cleanup_(freep) char *text = tag_text(value);
                const char *actual = rule_tag(device->pool_rule, key);

                if (!actual || strcmp(actual, text) != 0)
                        differ(c, "tag %s of %s is '%s', not '%s'", key, name, actual ?: "(none)",
                               text);
        }

        n = rule_count_tags(device->pool_rule);
        if (n != json_object_size(tags))
                differ(c, "%s has %zu tags, not %zu", name, n, json_object_size(tags));
}

void expect_pooled(Case *c, const World *world, const json_t *expected) {
        _cleanup_(addresses_done) Addresses actual = { 0 };
        const json_t *pooled = json_object_get(expected, "pooled"),
                     *tags = json_object_get(expected, "tags");
        const char *name;
        json_t *of_device;

        if (tags && !json_is_object(tags))
                differ(c, "the case: tags is no object");
        json_object_foreach((json_t *) tags, name, of_device) {
                expect_tags(c, world, name, of_device);
        }

        if (!pooled)
                return;
        list_devices(world, false, &actual);
        expect_addresses(c, "", "pooled", &actual, pooled);
}

/* true: any; false or null: none; else this word. */
static void expect_error(Case *c, const char *where, const char *error, const char *text,
                         const json_t *expected) {
        const char *word = json_string_value(expected);

        if (word && !(error && strcmp(error, word) == 0))
                differ(c, "%sthe error is %s, not %s", where, error ?: "none", word);
        else if (json_is_true(expected) && !error)
                differ(c, "%sthere is no error", where);
        else if ((json_is_false(expected) || json_is_null(expected)) && error)
                differ(c, "%sthe error is %s: %s", where, error, text ?: "");
        else if (expected && !word && !json_is_boolean(expected) && !json_is_null(expected))
                differ(c, "the case: error is neither a word nor true");
}

static void expect_truth(Case *c, const char *where, const char *what, bool actual,
                         const char *text, const json_t *expected) {
        if (!expected)
                return;
        if (!json_is_boolean(expected))
                differ(c, "the case: %s is neither true nor false", what);
        else if (json_is_true(expected) != actual)
                differ(c, "%s%s is %s%s%s", where, what, actual ? "true" : "false",
                       text ? ": " : "", text ?: "");
}

static void expect_item(Case *c, const char *where, const World *world, const RequestItem *item,
                        int numa_policy, const json_t *expected) {
        const Alias *alias = catalog_find_alias(&world->registry.catalog, item->alias);
        const json_t *name = json_object_get(expected, "alias"),
                     *count = json_object_get(expected, "count"),
                     *policy = json_object_get(expected, "numa_policy");
        const char *word = "none";

        CHECK_KEYS(c, "an item", expected, "alias", "count", "numa_policy");
        if (numa_policy >= 0)
                word = numa_policy_to_string((NumaPolicy) numa_policy);
        else if (alias)
                word = numa_policy_to_string(alias->numa_policy);

        if (name && strcmp(json_string_value(name) ?: "", item->alias) != 0)
                differ(c, "%san item is of alias '%s'", where, item->alias);
        if (count &&
            (!json_is_integer(count) || json_integer_value(count) != (json_int_t) item->count))
                differ(c, "%sthe count of an item is %u", where, item->count);
        if (policy && strcmp(json_string_value(policy) ?: "", word) != 0)
                differ(c, "%sthe policy of an item is %s", where, word);
}

static void expect_items(Case *c, const char *where, const World *world, const Request *request,
                         int numa_policy, const json_t *expected) {
        size_t i;
        json_t *item;

        if (!json_is_array(expected) || !request || json_array_size(expected) != request->n_items) {
                differ(c, "%sthe request has %zu items", where, request ? request->n_items : 0);
                return;
        }

        json_array_foreach(expected, i, item) {
                expect_item(c, where, world, &request->items[i], numa_policy, item);
        }
}

static void expect_chosen(Case *c, const char *where, const Plan *plan, const json_t *expected) {
        _cleanup_(addresses_done) Addresses actual = { 0 }, included = { 0 };
        const json_t *exactly = json_object_get(expected, "chosen"),
                     *includes = json_object_get(expected, "chosen_includes");

        for (size_t i = 0; i < plan->n_choices; i++)
                add(&actual, plan->choices[i].device->address);

        if (exactly)
                expect_addresses(c, where, "chosen", &actual, exactly);
        if (includes)
                read_addresses(c, "chosen_includes", includes, &included);
        for (size_t i = 0; i < included.n_items; i++)
                if (!contains(&actual, included.items[i])) {
                        _cleanup_(freep) char *shown = show(&actual);
                        char address[ADDRESS_TEXT_SIZE];

                        differ(c, "%schosen [%s] lacks %s", where, shown,
                               address_format(included.items[i], address));
                }
}

void expect_result(Case *c, const char *where, const World *world, const Decision *decision,
                   int numa_policy, const json_t *expected) {
        const json_t *left = json_object_get(expected, "left"),
                     *n_left = json_object_get(expected, "n_left"),
                     *items = json_object_get(expected, "items"),
                     *error = json_object_get(expected, "error");
        bool fits = !decision->error;

        CHECK_KEYS(c, "a result", expected, "fits", "chosen", "chosen_includes", "left", "n_left",
                   "items", "error");
        expect_truth(c, where, "fits", fits, decision->text, json_object_get(expected, "fits"));
        expect_error(c, where, decision->error, decision->text, error);
        expect_chosen(c, where, &decision->plan, expected);
        if (items)
                expect_items(c, where, world, decision->request, numa_policy, items);
        if (left)
                expect_available(c, where, "left", world, left);
        if (n_left) {
                _cleanup_(addresses_done) Addresses actual = { 0 };

                list_devices(world, true, &actual);
                if (!json_is_integer(n_left) ||
                    json_integer_value(n_left) != (json_int_t) actual.n_items)
                        differ(c, "%sn_left is %zu", where, actual.n_items);
        }

        /* A text that cannot be decided is no refusal of what it asks for. */
        if (!error && decision->error && strcmp(decision->error, "insufficient") != 0)
                differ(c, "%s%s: %s", where, decision->error, decision->text ?: "");
}

void expect_step(Case *c, const char *where, const World *world, const Outcome *outcome,
                 const json_t *expected) {
        const json_t *states = json_object_get(expected, "states"),
                     *available = json_object_get(expected, "available"),
                     *fits = json_object_get(expected, "fits");
        const char *name;
        json_t *state;

        CHECK_KEYS(c, "an expected step", expected, "ok", "fits", "error", "states", "available");
        expect_truth(c, where, "ok", outcome->ok, outcome->text, json_object_get(expected, "ok"));
        if (fits && !outcome->is_decision)
                differ(c, "the case: %sfits of a step that asks for nothing", where);
        expect_truth(c, where, "fits", outcome->fits, outcome->text, fits);
        expect_error(c, where, outcome->error, outcome->text, json_object_get(expected, "error"));

        if (states && !json_is_object(states))
                differ(c, "the case: %sstates is no object", where);
        json_object_foreach((json_t *) states, name, state) {
                const char *word = json_string_value(state) ?: "";
                Address address;

                if (case_address(c, name, &address) &&
                    strcmp(world_state(world, address), word) != 0)
                        differ(c, "%s%s is %s, not %s", where, name, world_state(world, address),
                               word);
        }

        if (available)
                expect_available(c, where, "available", world, available);
}
