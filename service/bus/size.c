/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/size.h"

#include <string.h>

#include "bus/errors.h"

enum {
        DEVICE_SIZE =
                1800, /* without what is counted below: names of properties and of interfaces above all */
        ENTRY_SIZE = 900,   /* of a pool, an alias or an attachment */
        PATH_SIZE = 64,     /* of a device in a list of them */
        ADDRESS_SIZE = 24,  /* the same, of an address */
        TEXT_SIZE = 16,     /* of a text in a list, beside its bytes */
        ADDRESSES_MAX = 256 /* device-bus.c shows no more of a group */
};

static size_t size_of_rules(Rule *const *rules, size_t n_rules) {
        size_t size = 0;

        for (size_t i = 0; i < n_rules; i++)
                for (size_t j = 0; j < rules[i]->n_words; j++)
                        size += 2 * TEXT_SIZE + strlen(rules[i]->words[j].key) +
                                strlen(rules[i]->words[j].value);
        return size;
}

static size_t size_of_device(const Inventory *inventory, const Device *device) {
        const Facts *facts = device->facts;
        size_t size = DEVICE_SIZE + strlen(facts->vendor_name) + strlen(facts->product_name) +
                      strlen(facts->class_name) + (device->holder ? strlen(device->holder) : 0);
        size_t n = 0;

        for (Device *mate = NULL;
             n < ADDRESSES_MAX && (mate = inventory_next_in_group(inventory, device, mate)); n++)
                size += ADDRESS_SIZE;
        for (Device *function = NULL;
             (function = inventory_next_virtual_function(inventory, device, function));)
                size += ADDRESS_SIZE;

        size += device->n_aliases * PATH_SIZE;
        if (device->pool)
                size += PATH_SIZE + strlen(device->pool->name) * 3 +
                        (device->pool_rule
                                 ? size_of_rules((Rule *const[]){ (Rule *) device->pool_rule }, 1)
                                 : 0);
        return size;
}

size_t size_of_objects(const Registry *registry) {
        const Inventory *inventory = &registry->inventory;
        const Catalog *catalog = &registry->catalog;
        size_t size = ENTRY_SIZE;

        for (size_t i = 0; i < inventory->n_devices; i++)
                if (device_is_shown(inventory->devices[i]))
                        size += size_of_device(inventory, inventory->devices[i]);
        for (size_t i = 0; i < catalog->n_pools; i++)
                size += ENTRY_SIZE + 4 * strlen(catalog->pools[i]->name) +
                        strlen(catalog->pools[i]->description) +
                        size_of_rules(catalog->pools[i]->rules, catalog->pools[i]->n_rules);
        for (size_t i = 0; i < catalog->n_aliases; i++)
                size += ENTRY_SIZE + 4 * strlen(catalog->aliases[i]->name) +
                        size_of_rules(catalog->aliases[i]->rules, catalog->aliases[i]->n_rules);
        for (size_t i = 0; i < registry->n_attachments; i++) {
                const Attachment *attachment = registry->attachments[i];

                size += ENTRY_SIZE + strlen(attachment->domain) + strlen(attachment->request) +
                        strlen(attachment->reason) + strlen(attachment->last_error) +
                        attachment->n_devices * PATH_SIZE;
        }
        return size;
}

static int on_message(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        const Bus *bus = userdata;

        if (!sd_bus_message_is_method_call(message, "org.freedesktop.DBus.ObjectManager",
                                           "GetManagedObjects") ||
            size_of_objects(manager_registry(bus->manager)) <= ANSWER_SIZE_MAX)
                return 0;

        return bus_refuse(error, LIMIT_EXCEEDED,
                          "all objects at once are too much: ask for one after the other");
}

int size_watch(Bus *bus) {
        sd_bus_slot *slot;
        int r;

        r = sd_bus_add_filter(bus->connection, &slot, on_message, bus);
        return r < 0 ? r : bus_keep_slot(bus, slot);
}
