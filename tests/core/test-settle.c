/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Random lives of a small host, with two properties: what is concluded for what was touched is what a
 * conclusion from scratch gives, and who listens to the changes alone knows all that is shown.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "made-life.h"
#include "util/text.h"

enum {
        LIVES = 300,
        STEPS = 120,
        PLACES = 8
};

/* xorshift: the same lives on every machine. */
static uint32_t next_random(uint32_t *seed) {
        *seed ^= *seed << 13;
        *seed ^= *seed >> 17;
        *seed ^= *seed << 5;
        return *seed;
}

static uint32_t pick(uint32_t *seed, uint32_t n) {
        return next_random(seed) % n;
}

static bool chance(uint32_t *seed) {
        return pick(seed, 2) != 0;
}

/* A PF with VFs, a pair in one group behind a bridge, single cards. */
static const char *const places[PLACES] = {
        "0000:01:00.0", "0000:01:10.0", "0000:01:10.1", "0000:02:00.0",
        "0000:02:00.1", "0000:02:01.0", "0000:03:00.0", "0000:04:00.0",
};
static const char *const guests[] = { GUEST_A, GUEST_B, GUEST_C };

/* --- what a listener knows ------------------------------------------------------------------ */

typedef struct Shown {
        bool known;
        char *parts[15]; /* one a property bit of a device */
} Shown;

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

/* Counts and members as a listener has them: Devices is read again when told so. */
typedef struct ShownSet {
        bool known;
        unsigned n_total, n_free;
        uint64_t members;
} ShownSet;

typedef struct Listener {
        Shown devices[PLACES];
        ShownSet pools[2], aliases[2];
} Listener;

static const char *const set_names[2] = { "first", "second" };

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

static void hear(Registry *registry, Listener *listener) {
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

static void check_listener(const Registry *registry, const Listener *listener) {
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

/* --- what happens --------------------------------------------------------------------------- */

static void appear(Registry *registry, uint32_t *seed) {
        static const char *const drivers[] = { "", "ixgbe", "vfio-pci" };
        size_t place = pick(seed, PLACES);
        Made made = {
                .address = places[place],
                .vendor_id = pick(seed, 4) == 0 ? 0x10de : 0x8086,
                .product_id = 0x154d,
                .driver = drivers[pick(seed, N_ELEMENTS(drivers))],
                .host_use = pick(seed, 5) == 0 ? "eth0" : NULL,
                .has_group = pick(seed, 8) != 0,
                .group = (int) pick(seed, 4),
        };

        if (place == 0)
                made.type = chance(seed) ? DEVICE_TYPE_PF : DEVICE_TYPE_PCI;
        if (place == 1 || place == 2) {
                made.type = DEVICE_TYPE_VF;
                made.physical_function = places[0];
        }
        if (place == 3)
                made.class_code = chance(seed) ? 0x060400 : 0x020000;
        made_appear(registry, &made);
}

static void speak(Registry *registry, uint32_t *seed) {
        const char *uuid = guests[pick(seed, N_ELEMENTS(guests))];
        char texts[2][256] = { "", "" };

        if (pick(seed, 6) == 0) {
                made_domain_gone(registry, uuid);
                return;
        }

        for (int xml = 0; xml < 2; xml++) {
                for (uint32_t n = pick(seed, 3); n > 0; n--) {
                        size_t used = strlen(texts[xml]);

                        (void) snprintf(texts[xml] + used, sizeof(texts[xml]) - used,
                                        "%s=ua-hostdev1-%u-%u ", places[pick(seed, PLACES)],
                                        1 + pick(seed, 6), pick(seed, 2));
                }
        }
        made_domain(registry, uuid, chance(seed) ? "alpha" : "bravo",
                    chance(seed) ? texts[0] : NULL, chance(seed) ? texts[1] : NULL);
}

static void attach(Registry *registry, uint32_t *seed) {
        uint32_t number = 1 + pick(seed, 6);
        size_t one = pick(seed, PLACES), other = pick(seed, PLACES);
        char addresses[64];

        if (registry_find_attachment(registry, number))
                return;

        if (one == other)
                (void) snprintf(addresses, sizeof(addresses), "%s", places[one]);
        else
                (void) snprintf(addresses, sizeof(addresses), "%s %s", places[one], places[other]);
        (void) made_attachment(registry, number, guests[pick(seed, N_ELEMENTS(guests))], addresses,
                               ATTACHMENT_ATTACHING);
}

static void configure(Registry *registry, uint32_t *seed) {
        static const char *const rules[] = {
                "vendor_id=8086",       "product_id=154d",        "address=0000:01:*.*",
                "address=0000:01:00.0", "vendor_id=8086 tag.a=b", "driver=ixgbe tag.a=c",
        };
        Catalog catalog = { 0 };

        for (size_t i = 0; i < N_ELEMENTS(set_names); i++)
                if (pick(seed, 4) != 0)
                        made_pool(&catalog, set_names[i], rules[pick(seed, N_ELEMENTS(rules))]);
        for (size_t i = 0; i < N_ELEMENTS(set_names); i++)
                if (pick(seed, 4) != 0)
                        made_alias(&catalog, set_names[i], rules[pick(seed, N_ELEMENTS(rules))]);
        assert_int_equal(registry_set_catalog(registry, &catalog), 0);
}

static void happen(Registry *registry, uint32_t *seed) {
        uint32_t number = 1 + pick(seed, 6);

        switch (pick(seed, 12)) {
        case 0 ... 3:
                appear(registry, seed);
                break;
        case 4:
                made_vanish(registry, places[pick(seed, PLACES)]);
                break;
        case 5 ... 6:
                speak(registry, seed);
                break;
        case 7:
                attach(registry, seed);
                break;
        case 8 ... 9:
                if (registry_find_attachment(registry, number))
                        made_state(registry, number, pick(seed, ATTACHMENT_ENDED));
                break;
        case 10:
                assert_int_equal(registry_remove_attachment(registry, number), 0);
                break;
        default:
                configure(registry, seed);
        }
}

/* --- the properties ------------------------------------------------------------------------- */

typedef void (*Check)(Registry *registry, Listener *listener);

static void live(Check check) {
        for (uint32_t life = 1; life <= LIVES; life++) {
                Listener listener = { 0 };
                uint32_t seed = life * 2654435761u;
                Registry registry;

                registry_init(&registry);
                for (int step = 0; step < STEPS; step++) {
                        happen(&registry, &seed);
                        /* Sometimes several things happen in one turn of the loop. */
                        if (pick(&seed, 3) == 0)
                                continue;
                        assert_int_equal(registry_settle(&registry), 0);
                        hear(&registry, &listener);
                        check(&registry, &listener);
                }

                for (size_t i = 0; i < PLACES; i++)
                        forget(&listener.devices[i]);
                registry_done(&registry);
        }
}

static void nothing_is_new_from_scratch(Registry *registry, Listener *listener) {
        registry->pools_dirty = true;
        assert_int_equal(registry_settle(registry), 0);
        if (registry->changes.n_items > 0)
                fail_msg("%s is different from scratch: %#x", registry->changes.items[0].key,
                         registry->changes.items[0].properties);
}

static void what_was_touched_is_all_that_is_different_from_scratch(void **state) {
        live(nothing_is_new_from_scratch);
}

static void listener_knows_all(Registry *registry, Listener *listener) {
        check_listener(registry, listener);
}

static void who_hears_the_changes_knows_all_that_is_shown(void **state) {
        live(listener_knows_all);
}

static void presence_and_records_agree(Registry *registry, Listener *listener) {
        for (size_t i = 0; i < registry->inventory.n_devices; i++) {
                const Device *device = registry->inventory.devices[i];
                bool held = holders_hold(&registry->holders, device->address);

                assert_false(device->dirty || device->unmatched);
                assert_true(device->present || held);
                assert_true(!device->arrival || !device->present);
                if (facts_is_bridge(device->facts)) {
                        assert_int_equal(device->state, DEVICE_UNAVAILABLE);
                        assert_false(device->announced);
                        continue;
                }
                assert_int_equal(device->state == DEVICE_GONE, !device->present);
                assert_int_equal(device->state == DEVICE_AVAILABLE, device->reasons == 0);
        }

        for (size_t i = 0; i < registry->n_attachments; i++) {
                const Attachment *attachment = registry->attachments[i];

                for (size_t j = 0; j < attachment->n_devices; j++) {
                        const Device *device = inventory_find(&registry->inventory,
                                                              attachment->devices[j].address);

                        if (!attachment->devices[j].left)
                                assert_int_equal(attachment->devices[j].gone,
                                                 !device || !device->present);
                }
        }
}

static void no_record_is_left_without_a_device_or_a_holder(void **state) {
        live(presence_and_records_agree);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_was_touched_is_all_that_is_different_from_scratch),
                cmocka_unit_test(who_hears_the_changes_knows_all_that_is_shown),
                cmocka_unit_test(no_record_is_left_without_a_device_or_a_holder),
        };

        return cmocka_run_group_tests_name("core/settle", tests, NULL, NULL);
}
