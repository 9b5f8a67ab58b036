/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "exchange.h"

#include <string.h>

#include "util/text.h"
#include "util/vector.h"
#include "world.h"

enum {
        WAYS_MAX = 5040,
        TRIES_MAX = 50000
};

typedef struct Alike {
        Address addresses[EXCHANGE_MAX];
        const char *parents[EXCHANGE_MAX]; /* as they are written; NULL: none */
        size_t parent_places
                [EXCHANGE_MAX];     /* of those that are among the devices; else EXCHANGE_MAX */
        size_t kinds[EXCHANGE_MAX]; /* the same for devices that are alike */
        size_t n;
        unsigned n_tries;
} Alike;

void exchanges_done(Exchanges *exchanges) {
        free(exchanges->items);
        *exchanges = (Exchanges){ 0 };
}

/* Alike in all that is said of them but where they are, and where their PF is? */
static bool same_words(const json_t *a, const json_t *b) {
        json_auto_t *copy_a = json_copy((json_t *) a), *copy_b = json_copy((json_t *) b);

        need(copy_a && copy_b ? 0 : -ENOMEM, "a comparison");
        (void) json_object_del(copy_a, "address");
        (void) json_object_del(copy_b, "address");
        (void) json_object_del(copy_a, "parent_addr");
        (void) json_object_del(copy_b, "parent_addr");
        return json_equal(copy_a, copy_b);
}

/* Do both get the same tags, by the same line, and are they meant by the same aliases? */
static bool same_membership(const World *world, Address a, Address b) {
        const Device *x = inventory_find(&world->registry.inventory, a),
                     *y = inventory_find(&world->registry.inventory, b);

        return x && y && x->pool_rule == y->pool_rule && x->n_aliases == y->n_aliases &&
               (x->n_aliases == 0 ||
                memcmp(x->aliases, y->aliases, x->n_aliases * sizeof(*x->aliases)) == 0);
}

/* Takes devices apart that one of the configurations of the case treats differently. */
static void part_by_configuration(Case *c, const json_t *device_spec, Alike *alike) {
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        _cleanup_(config_freep) Config *config = NULL;
        const json_t *input = json_object_get(c->json, "input");
        const Alike old = *alike;
        const char *option;
        World world;

        config = case_config(c, device_spec, json_object_get(input, "alias"), &option, &refusal);
        if (!config)
                return;

        world_init(&world);
        world_configure(&world, config);
        world_scan(&world, c, json_object_get(input, "devices"));
        for (size_t i = 0; i < alike->n; i++) {
                size_t before = alike->kinds[i];

                alike->kinds[i] = i;
                for (size_t j = 0; j < i && alike->kinds[i] == i; j++)
                        if (old.kinds[j] == before && alike->kinds[j] == j &&
                            same_membership(&world, alike->addresses[j], alike->addresses[i]))
                                alike->kinds[i] = j;
        }
        world_done(&world);
}

static void find_parents(Case *c, Alike *alike) {
        for (size_t i = 0; i < alike->n; i++) {
                Address parent;

                alike->parent_places[i] = EXCHANGE_MAX;
                if (!alike->parents[i] || !case_address(c, alike->parents[i], &parent))
                        continue;
                for (size_t j = 0; j < alike->n; j++)
                        if (address_equal(alike->addresses[j], parent))
                                alike->parent_places[i] = j;
        }
}

static void find_alike(Case *c, const json_t *devices, Alike *ret) {
        size_t i;
        json_t *device;

        json_array_foreach(devices, i, device) {
                const char *address = json_string_value(json_object_get(device, "address"));

                if (ret->n == EXCHANGE_MAX || !case_address(c, address, &ret->addresses[ret->n]))
                        break;

                ret->parents[i] = json_string_value(json_object_get(device, "parent_addr"));
                ret->kinds[i] = i;
                for (size_t j = 0; j < i && ret->kinds[i] == i; j++)
                        if (ret->kinds[j] == j && same_words(json_array_get(devices, j), device))
                                ret->kinds[i] = j;
                ret->n++;
        }
        find_parents(c, ret);
}

/* VFs go with their PF. */
static bool keeps_families(const Alike *alike, const size_t *places) {
        for (size_t i = 0; i < alike->n; i++) {
                size_t parent = alike->parent_places[i], other = alike->parent_places[places[i]];

                if (parent != EXCHANGE_MAX
                            ? other != places[parent]
                            : !text_equal(alike->parents[i], alike->parents[places[i]]))
                        return false;
        }
        return true;
}

static void add_way(const Alike *alike, const size_t *places, Exchanges *ret) {
        Exchange exchange = { 0 };

        for (size_t i = 0; i < alike->n; i++) {
                if (places[i] == i)
                        continue;
                exchange.from[exchange.n] = alike->addresses[i];
                exchange.to[exchange.n++] = alike->addresses[places[i]];
        }
        need(VECTOR_APPEND(ret->items, ret->n_items, exchange), "an exchange");
}

/* Puts each device that is not yet placed where one alike stands, in all ways. */
static void place(Alike *alike, size_t *places, bool *taken, size_t i, Exchanges *ret) {
        if (ret->n_items >= WAYS_MAX || alike->n_tries >= TRIES_MAX)
                return;

        if (i == alike->n) {
                alike->n_tries++;
                if (keeps_families(alike, places))
                        add_way(alike, places, ret);
                return;
        }

        for (size_t j = 0; j < alike->n; j++) {
                if (taken[j] || alike->kinds[j] != alike->kinds[i])
                        continue;
                places[i] = j;
                taken[j] = true;
                place(alike, places, taken, i + 1, ret);
                taken[j] = false;
        }
}

void exchanges_find(Case *c, Exchanges *ret) {
        const json_t *input = json_object_get(c->json, "input"),
                     *steps = json_object_get(input, "steps");
        size_t places[EXCHANGE_MAX], i;
        bool taken[EXCHANGE_MAX] = { false };
        Alike alike = { 0 };
        json_t *step;

        if (steps) {
                find_alike(c, json_object_get(input, "devices"), &alike);
                part_by_configuration(c, json_object_get(input, "device_spec"), &alike);
        }
        json_array_foreach(steps, i, step) {
                if (json_object_get(step, "device_spec"))
                        part_by_configuration(c, json_object_get(step, "device_spec"), &alike);
        }

        place(&alike, places, taken, 0, ret);
}
