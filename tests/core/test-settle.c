/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Random lives of a small host, with properties that always hold: what is concluded for what was
 * touched is what a conclusion from scratch gives, and who hears the changes knows all that is shown.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/settle.h"
#include "listener.h"

enum {
        LIVES = 300,
        STEPS = 120
};

typedef void (*Check)(Registry *registry, Listener *listener);

static void live(Check check) {
        for (uint32_t life = 1; life <= LIVES; life++) {
                Listener listener = { 0 };
                uint32_t seed = life * 2654435761u;
                Registry registry;

                registry_init(&registry);
                for (int step = 0; step < STEPS; step++) {
                        random_event(&registry, &seed);
                        /* Sometimes several things happen in one turn of the loop. */
                        if (pick(&seed, 3) == 0)
                                continue;
                        assert_int_equal(registry_settle(&registry), 0);
                        listener_hear(&registry, &listener);
                        check(&registry, &listener);
                }

                listener_done(&listener);
                registry_done(&registry);
        }
}

static void nothing_is_new_from_scratch(Registry *registry, Listener *listener) {
        size_t n_holders = registry->holders.n_items;

        registry->pools_dirty = true;
        assert_int_equal(settle_mediated(registry), 0);
        assert_int_equal(registry->holders.n_items, n_holders);
        assert_int_equal(registry_settle(registry), 0);
        if (registry->changes.n_items > 0)
                fail_msg("%s is different from scratch: %#x", registry->changes.items[0].key,
                         registry->changes.items[0].properties);
}

static void what_was_touched_is_all_that_is_different_from_scratch(void **state) {
        live(nothing_is_new_from_scratch);
}

static void listener_knows_all(Registry *registry, Listener *listener) {
        listener_check(registry, listener);
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

static void add_if(Tally *count, const Device *device, bool is_member) {
        count->n_total += is_member;
        count->n_free += is_member && device->state == DEVICE_AVAILABLE;
}

/* Of the family of the device, written down here anew. */
static unsigned count_beside(const Inventory *inventory, const Device *device) {
        bool is_virtual = device->facts->type == DEVICE_TYPE_VF;
        Address physical = device->facts->physical_function;
        unsigned n = 0;

        if (is_virtual && !inventory_find(inventory, physical))
                return 0;

        for (size_t i = 0; i < inventory->n_devices; i++) {
                const Device *other = inventory->devices[i];

                if (other->state != DEVICE_AVAILABLE ||
                    (other->facts->type == DEVICE_TYPE_VF) != is_virtual)
                        continue;
                n += is_virtual ? address_equal(other->facts->physical_function, physical)
                                : address_same_slot(other->address, device->address);
        }

        return n;
}

/* Everything that is kept along the way, found anew here from the devices alone. */
static void what_is_kept_is_what_is_found_anew(Registry *registry, Listener *listener) {
        const Inventory *inventory = &registry->inventory;
        const Catalog *catalog = &registry->catalog;
        Tally pools[2] = { 0 }, aliases[2] = { 0 };

        assert_int_equal(inventory->n_dirty, 0);
        assert_true(catalog->n_pools <= 2 && catalog->n_aliases <= 2);
        for (size_t i = 0; i < inventory->n_devices; i++) {
                const Device *device = inventory->devices[i];
                size_t n_members = 0;

                assert_int_equal(device->place, i);
                assert_int_equal(device->n_beside, count_beside(inventory, device));
                for (Device *mate = NULL;
                     (mate = inventory_next_in_group(inventory, device, mate));)
                        n_members++;
                if (!facts_is_bridge(device->facts))
                        assert_int_equal(device->alone, n_members <= 1);

                for (size_t j = 0; j < catalog->n_pools; j++)
                        add_if(&pools[j], device, device->pool == catalog->pools[j]);
                for (size_t j = 0; j < catalog->n_aliases; j++)
                        for (size_t k = 0; k < device->n_aliases; k++)
                                add_if(&aliases[j], device,
                                       device->aliases[k] == catalog->aliases[j]);
        }

        for (size_t i = 0; i < catalog->n_pools; i++) {
                assert_int_equal(catalog->pools[i]->n_total, pools[i].n_total);
                assert_int_equal(catalog->pools[i]->n_free, pools[i].n_free);
        }
        for (size_t i = 0; i < catalog->n_aliases; i++) {
                assert_int_equal(catalog->aliases[i]->n_total, aliases[i].n_total);
                assert_int_equal(catalog->aliases[i]->n_free, aliases[i].n_free);
        }
}

static void what_is_kept_along_the_way_is_right(void **state) {
        live(what_is_kept_is_what_is_found_anew);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_was_touched_is_all_that_is_different_from_scratch),
                cmocka_unit_test(who_hears_the_changes_knows_all_that_is_shown),
                cmocka_unit_test(no_record_is_left_without_a_device_or_a_holder),
                cmocka_unit_test(what_is_kept_along_the_way_is_right),
        };

        return cmocka_run_group_tests_name("core/settle", tests, NULL, NULL);
}
