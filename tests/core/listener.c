/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "listener.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "util/text.h"

static void forget(Shown *shown) {
        for (size_t i = 0; i < N_ELEMENTS(shown->parts); i++)
                free(shown->parts[i]);
        *shown = (Shown){ 0 };
}

static char *show_tags(const Rule *rule) {
        char *text = text_print("tags");

        for (size_t i = 0; rule && i < rule->n_words; i++) {
                char *longer;

                if (!tag_name(rule->words[i].key))
                        continue;
                longer = text_print("%s %s=%s", text, rule->words[i].key, rule->words[i].value);
                free(text);
                text = longer;
        }

        return text;
}

static char *show_relatives(const Inventory *inventory, const Device *device,
                            Device *(*next)(const Inventory *, const Device *, const Device *) ) {
        char *text = text_print("with");
        Device *relative = NULL;

        while ((relative = next(inventory, device, relative))) {
                char address[ADDRESS_TEXT_SIZE];
                char *longer =
                        text_print("%s %s", text, address_format(relative->address, address));

                free(text);
                text = longer;
        }

        return text;
}

static char *show_part(const Registry *registry, const Device *device, uint32_t property) {
        const Facts *facts = device->facts;

        switch (property) {
        case DEVICE_VENDOR_ID:
                return text_print("%04x:%04x %06x %d %u", facts->vendor_id, facts->product_id,
                                  facts->class_code, facts->type, facts->max_virtual_functions);
        case DEVICE_DRIVER:
                return text_print("%s", facts->driver);
        case DEVICE_NUMA_NODE:
                return text_print("%d", facts->numa_node);
        case DEVICE_IOMMU_GROUP:
                return text_print("%d", facts->iommu_group);
        case DEVICE_GROUP_ADDRESSES:
                return show_relatives(&registry->inventory, device, inventory_next_in_group);
        case DEVICE_PHYSICAL_FUNCTION:
                return text_print(
                        "%llx", facts->type == DEVICE_TYPE_VF
                                        ? (unsigned long long) address_key(facts->physical_function)
                                        : 0);
        case DEVICE_VIRTUAL_FUNCTIONS:
                return show_relatives(&registry->inventory, device,
                                      inventory_next_virtual_function);
        case DEVICE_POOL:
                return text_print("%s", device->pool ? device->pool->name : "/");
        case DEVICE_TAGS:
                return show_tags(device->pool_rule);
        case DEVICE_STATE:
                return text_print("%s", device_state_to_string(device->state));
        case DEVICE_REASONS:
                return text_print("%x", device->reasons);
        case DEVICE_ATTACHMENT:
                return text_print("%u", device->attachment);
        case DEVICE_HOLDER:
                return text_print("%s", device->holder);
        default:
                return text_print("-");
        }
}

/* Reads from the device what was said to be new. */
static void look(const Registry *registry, const Device *device, uint32_t properties,
                 Shown *shown) {
        shown->known = true;
        for (size_t i = 0; i < N_ELEMENTS(shown->parts); i++) {
                if (!(properties & 1u << i))
                        continue;
                free(shown->parts[i]);
                shown->parts[i] = show_part(registry, device, 1u << i);
                assert_non_null(shown->parts[i]);
        }
}

static size_t find_place(const char *address) {
        for (size_t i = 0; i < PLACES; i++)
                if (strcmp(places[i], address) == 0)
                        return i;

        fail_msg("a device at %s?", address);
        return 0;
}

static bool is_member(const Device *device, const Pool *pool, const Alias *alias) {
        if (pool)
                return device->pool == pool;

        for (size_t i = 0; i < device->n_aliases; i++)
                if (device->aliases[i] == alias)
                        return true;
        return false;
}

static void look_at_set(const Registry *registry, const char *name, bool is_pool,
                        uint32_t properties, ShownSet *shown) {
        const Pool *pool = is_pool ? catalog_find_pool(&registry->catalog, name) : NULL;
        const Alias *alias = is_pool ? NULL : catalog_find_alias(&registry->catalog, name);

        assert_true(pool || alias);
        shown->known = true;
        if (properties & RULE_SET_TOTAL)
                shown->n_total = pool ? pool->n_total : alias->n_total;
        if (properties & RULE_SET_FREE)
                shown->n_free = pool ? pool->n_free : alias->n_free;
        if (!(properties & RULE_SET_DEVICES))
                return;

        shown->members = 0;
        for (size_t i = 0; i < PLACES; i++) {
                const Device *device =
                        inventory_find(&registry->inventory, made_address(places[i]));

                if (device && device->announced && is_member(device, pool, alias))
                        shown->members |= UINT64_C(1) << i;
        }
}

static void hear_set(const Registry *registry, const Change *change, ShownSet *sets) {
        ShownSet *shown = &sets[strcmp(change->key, set_names[0]) == 0 ? 0 : 1];

        if (change->removed)
                *shown = (ShownSet){ 0 };
        if (change->removed && !change->added)
                return;

        assert_true(change->added || shown->known);
        look_at_set(registry, change->key, change->kind == OBJECT_POOL,
                    change->added ? UINT32_MAX : change->properties, shown);
}

static void hear_device(const Registry *registry, const Change *change, Listener *listener) {
        Shown *shown = &listener->devices[find_place(change->key)];
        const Device *device = inventory_find(&registry->inventory, made_address(change->key));

        if (change->removed) {
                assert_true(shown->known);
                forget(shown);
        }
        if (change->added) {
                assert_false(shown->known);
                look(registry, device, UINT32_MAX, shown);
        }
        if (change->properties != 0) {
                assert_true(shown->known);
                look(registry, device, change->properties, shown);
        }
}

void listener_hear(Registry *registry, Listener *listener) {
        for (size_t i = 0; i < registry->changes.n_items; i++) {
                const Change *change = &registry->changes.items[i];

                if (change->kind == OBJECT_DEVICE)
                        hear_device(registry, change, listener);
                else if (change->kind == OBJECT_POOL)
                        hear_set(registry, change, listener->pools);
                else if (change->kind == OBJECT_ALIAS)
                        hear_set(registry, change, listener->aliases);
        }
        changes_done(&registry->changes);
}

static void check_set(const Registry *registry, const char *name, bool is_pool,
                      const ShownSet *heard) {
        ShownSet real = { 0 };

        if (is_pool ? catalog_find_pool(&registry->catalog, name) != NULL
                    : catalog_find_alias(&registry->catalog, name) != NULL)
                look_at_set(registry, name, is_pool, UINT32_MAX, &real);

        assert_int_equal(heard->known, real.known);
        assert_int_equal(heard->members, real.members);
        assert_int_equal(heard->n_total, real.n_total);
        assert_int_equal(heard->n_free, real.n_free);
        assert_int_equal(real.n_total, __builtin_popcountll(real.members));
}

void listener_check(const Registry *registry, const Listener *listener) {
        for (size_t i = 0; i < PLACES; i++) {
                const Shown *shown = &listener->devices[i];
                const Device *device =
                        inventory_find(&registry->inventory, made_address(places[i]));

                assert_int_equal(shown->known, device && !facts_is_bridge(device->facts));
                for (size_t j = 0; shown->known && j < N_ELEMENTS(shown->parts); j++) {
                        _cleanup_(freep) char *real = show_part(registry, device, 1u << j);

                        assert_string_equal(shown->parts[j], real);
                }
        }

        for (size_t i = 0; i < N_ELEMENTS(set_names); i++) {
                check_set(registry, set_names[i], true, &listener->pools[i]);
                check_set(registry, set_names[i], false, &listener->aliases[i]);
        }
}

void listener_done(Listener *listener) {
        for (size_t i = 0; i < PLACES; i++)
                forget(&listener->devices[i]);
}
