/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/inventory.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "util/text.h"
#include "util/vector.h"

static const char *const state_words[] = {
        [DEVICE_GONE] = "gone",           [DEVICE_ATTACHED] = "attached",
        [DEVICE_RESERVED] = "reserved",   [DEVICE_UNAVAILABLE] = "unavailable",
        [DEVICE_AVAILABLE] = "available",
};

static const char *const reason_words[REASON_COUNT] = {
        "not-in-pool",
        "reserved",
        "attached",
        "held-by-domain",
        "in-use-by-host",
        "group-in-use",
        "no-iommu",
        "pf-in-use",
        "vf-in-use",
        "gone",
        "group-incomplete",
        "ids",
        "type",
        "tags",
        "numa",
        "taken-by-earlier-item",
        "not-authorized",
};

const char *device_state_to_string(DeviceState state) {
        return state_words[state];
}

const char *reason_to_string(uint32_t reason) {
        assert(reason != 0 && (reason & (reason - 1)) == 0 && reason < 1u << REASON_COUNT);

        return reason_words[__builtin_ctz(reason)];
}

static Device *device_free(Device *device) {
        if (!device)
                return NULL;

        facts_free(device->facts);
        facts_free(device->arrival);
        free(device->aliases);
        free(device->holder);
        free(device);
        return NULL;
}
DEFINE_CLEANUP(Device *, device_free);

void inventory_done(Inventory *inventory) {
        for (size_t i = 0; i < inventory->n_devices; i++)
                device_free(inventory->devices[i]);
        free(inventory->devices);
        free(inventory->dirty);
        free(inventory->by_group.items);
        free(inventory->by_physical_function.items);
        *inventory = (Inventory){ 0 };
}

static uint64_t no_key(const Device *device) {
        return 0;
}

/* All functions of a card have it. */
static uint64_t card_key(const Device *device) {
        return address_key(device->address) >> 3;
}

static uint64_t group_key(const Device *device) {
        return (uint64_t) device->facts->iommu_group;
}

static uint64_t physical_function_key(const Device *device) {
        return address_key(device->facts->physical_function);
}

/* Room for one more everywhere, so that what follows cannot fail. */
static int reserve_links(Inventory *inventory) {
        int r = device_index_reserve(&inventory->by_group);

        return r < 0 ? r : device_index_reserve(&inventory->by_physical_function);
}

static void link_relatives(Inventory *inventory, Device *device) {
        if (device->facts->iommu_group >= 0)
                device_index_insert(&inventory->by_group, group_key, device);
        if (device->facts->type == DEVICE_TYPE_VF)
                device_index_insert(&inventory->by_physical_function, physical_function_key,
                                    device);
}

static void unlink_relatives(Inventory *inventory, Device *device) {
        if (device->facts->iommu_group >= 0)
                device_index_take_out(&inventory->by_group, group_key, device);
        if (device->facts->type == DEVICE_TYPE_VF)
                device_index_take_out(&inventory->by_physical_function, physical_function_key,
                                      device);
}

/* The device behind @previous, or the first, among those with this key. */
static Device *next_with_key(const DeviceIndex *index, KeyOf key_of, uint64_t key,
                             const Device *previous) {
        uint64_t from = previous ? address_key(previous->address) + 1 : 0;
        size_t place = device_index_find(index, key_of, key, from);

        return place < index->n_items && key_of(index->items[place]) == key ? index->items[place]
                                                                            : NULL;
}

Device *inventory_find(const Inventory *inventory, Address address) {
        size_t place = device_index_find(&inventory->by_address, no_key, 0, address_key(address));

        if (place == inventory->n_devices ||
            !address_equal(inventory->devices[place]->address, address))
                return NULL;

        return inventory->devices[place];
}

Device *inventory_find_parent(const Inventory *inventory, const char *mediated) {
        Device *gone = NULL;

        for (size_t i = 0; i < inventory->n_devices; i++) {
                Device *device = inventory->devices[i];

                if (!list_contains(device->facts->mediated, mediated))
                        continue;
                if (device->present)
                        return device;
                gone = gone ?: device;
        }

        return gone;
}

Device *inventory_next_in_group(const Inventory *inventory, const Device *device,
                                const Device *previous) {
        if (device->facts->iommu_group < 0)
                return NULL;

        return next_with_key(&inventory->by_group, group_key, group_key(device), previous);
}

Device *inventory_next_virtual_function(const Inventory *inventory, const Device *device,
                                        const Device *previous) {
        return next_with_key(&inventory->by_physical_function, physical_function_key,
                             address_key(device->address), previous);
}

Device *inventory_next_in_slot(const Inventory *inventory, const Device *device,
                               const Device *previous) {
        Address first = device->address;
        size_t place;

        first.function = 0;
        place = device_index_find(&inventory->by_address, no_key, 0,
                                  previous ? address_key(previous->address) + 1
                                           : address_key(first));

        if (place == inventory->n_devices ||
            !address_same_slot(inventory->devices[place]->address, first))
                return NULL;

        return inventory->devices[place];
}

DeviceRun inventory_group(const Inventory *inventory, const Device *device) {
        if (device->facts->iommu_group < 0)
                return (DeviceRun){ 0 };

        return device_index_run(&inventory->by_group, group_key, group_key(device));
}

DeviceRun inventory_virtual_functions(const Inventory *inventory, Address physical_function) {
        return device_index_run(&inventory->by_physical_function, physical_function_key,
                                address_key(physical_function));
}

DeviceRun inventory_card(const Inventory *inventory, Address address) {
        return device_index_run(&inventory->by_address, card_key, address_key(address) >> 3);
}

static void mark(Inventory *inventory, Device *device, uint32_t changed) {
        if (!device->dirty)
                inventory->dirty[inventory->n_dirty++] = device;
        device->dirty = true;
        device->changed |= changed;
}

/* Marks the relatives; with what is different for them when the device comes or goes. */
static void mark_relatives(Inventory *inventory, Device *device, bool comes_or_goes) {
        DeviceRun group = inventory_group(inventory, device);
        DeviceRun functions = inventory_virtual_functions(inventory, device->address);

        mark(inventory, device, 0);
        for (size_t i = 0; i < group.n_items; i++)
                mark(inventory, group.items[i], comes_or_goes ? DEVICE_GROUP_ADDRESSES : 0);

        if (device->facts->type == DEVICE_TYPE_VF) {
                Device *physical = inventory_find(inventory, device->facts->physical_function);

                if (physical)
                        mark(inventory, physical, comes_or_goes ? DEVICE_VIRTUAL_FUNCTIONS : 0);
        }

        /* Rules may speak of a PF and mean its VFs. */
        for (size_t i = 0; i < functions.n_items; i++) {
                mark(inventory, functions.items[i], 0);
                functions.items[i]->unmatched |= comes_or_goes;
        }
}

void inventory_touch(Inventory *inventory, Device *device) {
        mark_relatives(inventory, device, false);
}

void inventory_touch_all(Inventory *inventory) {
        for (size_t i = 0; i < inventory->n_devices; i++) {
                mark(inventory, inventory->devices[i], 0);
                inventory->devices[i]->unmatched = true;
        }
}

static int compare_devices(const void *a, const void *b) {
        const Device *device_a = *(Device *const *) a, *device_b = *(Device *const *) b;

        return address_compare(device_a->address, device_b->address);
}

void inventory_order(Inventory *inventory) {
        for (size_t i = 0; i < inventory->n_devices && inventory->shifted; i++)
                inventory->devices[i]->place = i;
        inventory->shifted = false;

        if (inventory->n_dirty == inventory->n_devices && inventory->n_dirty > 0)
                memcpy(inventory->dirty, inventory->devices, inventory->n_dirty * sizeof(Device *));
        else if (inventory->n_dirty > 1)
                qsort(inventory->dirty, inventory->n_dirty, sizeof(Device *), compare_devices);
}

void inventory_forget_settled(Inventory *inventory) {
        size_t n = 0;

        for (size_t i = 0; i < inventory->n_dirty; i++)
                if (inventory->dirty[i]->dirty)
                        inventory->dirty[n++] = inventory->dirty[i];
        inventory->n_dirty = n;
}

/* DEVICE_… bits in which two facts of one address differ. */
static uint32_t compare_facts(const Facts *a, const Facts *b) {
        uint32_t properties = 0;

        if (!facts_same_device(a, b) || a->type != b->type ||
            !text_equal(a->vendor_name, b->vendor_name) ||
            !text_equal(a->product_name, b->product_name) ||
            !text_equal(a->class_name, b->class_name) ||
            a->max_virtual_functions != b->max_virtual_functions)
                properties |= DEVICE_VENDOR_ID;
        if (!text_equal(a->driver, b->driver))
                properties |= DEVICE_DRIVER;
        if (a->numa_node != b->numa_node)
                properties |= DEVICE_NUMA_NODE;
        if (a->iommu_group != b->iommu_group)
                properties |= DEVICE_IOMMU_GROUP | DEVICE_GROUP_ADDRESSES;
        if ((a->type == DEVICE_TYPE_VF || b->type == DEVICE_TYPE_VF) &&
            (a->type != b->type || !address_equal(a->physical_function, b->physical_function)))
                properties |= DEVICE_PHYSICAL_FUNCTION;
        if (!list_equal(a->reset_methods, b->reset_methods))
                properties |= DEVICE_RESET_METHODS;
        if (!text_equal(a->power_state, b->power_state))
                properties |= DEVICE_POWER_STATE;

        return properties;
}

static bool same_ids(const Facts *a, const Facts *b) {
        return a->vendor_id == b->vendor_id && a->product_id == b->product_id &&
               a->subsystem_vendor_id == b->subsystem_vendor_id &&
               a->subsystem_product_id == b->subsystem_product_id;
}

/* The device of the record has not left, whatever it says of itself now. */
static bool has_stayed(const Device *device, const Facts *facts) {
        return device->present && facts->incarnation != 0 &&
               device->facts->incarnation == facts->incarnation;
}

/*
 * Is what the host has at the address the device that the record is about? One that left and came back is, as in
 * Nova; so is another of the same make, which nothing here can tell from it.
 */
static bool is_of_record(const Device *device, const Facts *facts) {
        return device->recalled ? same_ids(device->facts, facts)
                                : facts_same_device(device->facts, facts);
}

/* @present: else recalled. */
static int add_record(Inventory *inventory, Facts *facts, bool present) {
        _cleanup_(device_freep) Device *device = NULL;
        _cleanup_(facts_freep) Facts *given = facts;
        int r;

        device = calloc(1, sizeof(*device));
        if (!device)
                return -ENOMEM;

        device->holder = strdup("");
        if (!device->holder)
                return -ENOMEM;

        r = reserve_links(inventory);
        if (r < 0)
                return r;

        r = vector_reserve(&inventory->dirty, inventory->n_devices, sizeof(Device *));
        if (r == 0)
                r = device_index_reserve(&inventory->by_address);
        if (r < 0)
                return r;

        device->inventory = inventory;
        device->address = facts->address;
        device->facts = TAKE(given);
        device->present = present;
        device->recalled = !present;
        device->unmatched = true;
        device_index_insert(&inventory->by_address, no_key, device);
        inventory->shifted = true;
        link_relatives(inventory, device);
        mark_relatives(inventory, TAKE(device), true);
        return 0;
}

static void remove_record(Inventory *inventory, Device *device) {
        mark_relatives(inventory, device, true);
        device->dirty = false;
        inventory_forget_settled(inventory);
        unlink_relatives(inventory, device);
        device_index_take_out(&inventory->by_address, no_key, device);
        inventory->shifted = true;
        device_free(device);
}

/* Shows other facts; room for links is reserved. Returns the old ones, now the caller's. */
static Facts *exchange_facts(Inventory *inventory, Device *device, Facts *facts) {
        Facts *old = device->facts;
        uint32_t properties = compare_facts(old, facts);
        bool moves = (properties & (DEVICE_IOMMU_GROUP | DEVICE_PHYSICAL_FUNCTION)) != 0;

        mark_relatives(inventory, device, moves);
        unlink_relatives(inventory, device);
        device->facts = facts;
        device->unmatched = true;
        device->changed |= properties;
        link_relatives(inventory, device);
        mark_relatives(inventory, device, moves);

        /* VFs may be meant by what a rule says of their PF. */
        for (Device *function = NULL;
             (function = inventory_next_virtual_function(inventory, device, function));)
                function->unmatched = true;

        return old;
}

/* What is at the address is what the record shows from now on. -ENOMEM leaves all as it was. */
static int show(Inventory *inventory, Device *device, Facts *facts, uint32_t *ret_properties) {
        _cleanup_(facts_freep) Facts *given = facts, *old = NULL;
        int r;

        r = reserve_links(inventory);
        if (r < 0)
                return r;

        old = exchange_facts(inventory, device, TAKE(given));
        device->present = true;
        device->recalled = false;
        device->arrival = facts_free(device->arrival);
        *ret_properties = compare_facts(old, device->facts);
        return 0;
}

/* Nothing of the record is at the address; @arrival (may be NULL) is. */
static void set_gone(Inventory *inventory, Device *device, Facts *arrival) {
        if (device->present)
                mark_relatives(inventory, device, false);
        device->present = false;
        facts_free(device->arrival);
        device->arrival = arrival;
}

int inventory_apply(Inventory *inventory, Address address, Facts *facts, bool held,
                    uint32_t *ret_properties) {
        _cleanup_(facts_freep) Facts *given = facts;
        Device *device = inventory_find(inventory, address);

        assert(!facts || address_equal(facts->address, address));
        *ret_properties = 0;

        if (!device)
                return facts ? add_record(inventory, TAKE(given), true) : 0;

        if (held && facts && !is_of_record(device, facts) && has_stayed(device, facts)) {
                facts_free(device->arrival);
                device->arrival = TAKE(given);
                return 0;
        }

        if (held && (!facts || !is_of_record(device, facts))) {
                set_gone(inventory, device, TAKE(given));
                return 0;
        }

        if (!facts) {
                remove_record(inventory, device);
                return 0;
        }

        return show(inventory, device, TAKE(given), ret_properties);
}

int inventory_recall(Inventory *inventory, Facts *facts) {
        _cleanup_(facts_freep) Facts *given = facts;
        Device *device = inventory_find(inventory, facts->address);
        int r;

        if (!device)
                return add_record(inventory, TAKE(given), false);

        if (!device->present || same_ids(device->facts, facts))
                return 0;

        r = reserve_links(inventory);
        if (r < 0)
                return r;

        set_gone(inventory, device, NULL);
        device->arrival = exchange_facts(inventory, device, TAKE(given));
        device->recalled = true;
        return 0;
}

int inventory_release(Inventory *inventory, Address address) {
        Device *device = inventory_find(inventory, address);
        int r;

        if (!device || (device->present && !device->arrival))
                return 0;

        if (!device->arrival) {
                remove_record(inventory, device);
                return 0;
        }

        r = reserve_links(inventory);
        if (r < 0)
                return r;

        facts_free(exchange_facts(inventory, device, TAKE(device->arrival)));
        device->present = true;
        device->recalled = false;
        return 0;
}
