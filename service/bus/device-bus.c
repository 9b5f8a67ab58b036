/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Device: a PCI function as an object.
 */
#include <errno.h>
#include <string.h>

#include "bus/state.h"
#include "util/text.h"

enum {
        GROUP_ADDRESSES_MAX = 256
};

static int get_id(sd_bus_message *reply, bool is_known, unsigned id) {
        char text[sizeof("ffff")] = "";

        if (is_known)
                *text_hex(text, id & 0xffff, 4) = '\0';
        return append_text(reply, text);
}

static int get_ids(sd_bus *connection, const char *path, const char *interface,
                   const char *property, sd_bus_message *reply, void *userdata,
                   sd_bus_error *error) {
        const Facts *facts = ((const Device *) userdata)->facts;

        if (strcmp(property, "VendorId") == 0)
                return get_id(reply, true, facts->vendor_id);
        if (strcmp(property, "ProductId") == 0)
                return get_id(reply, true, facts->product_id);
        if (strcmp(property, "SubsystemVendorId") == 0)
                return get_id(reply, facts->has_subsystem, facts->subsystem_vendor_id);
        return get_id(reply, facts->has_subsystem, facts->subsystem_product_id);
}

static int get_class_code(sd_bus *connection, const char *path, const char *interface,
                          const char *property, sd_bus_message *reply, void *userdata,
                          sd_bus_error *error) {
        const Device *device = userdata;
        char text[sizeof("ffffff")];

        *text_hex(text, device->facts->class_code & 0xffffff, 6) = '\0';
        return append_text(reply, text);
}

static int get_address(sd_bus *connection, const char *path, const char *interface,
                       const char *property, sd_bus_message *reply, void *userdata,
                       sd_bus_error *error) {
        const Device *device = userdata;
        char text[ADDRESS_TEXT_SIZE];

        return append_text(reply, address_format(device->address, text));
}

static int get_physical_function(sd_bus *connection, const char *path, const char *interface,
                                 const char *property, sd_bus_message *reply, void *userdata,
                                 sd_bus_error *error) {
        const Facts *facts = ((const Device *) userdata)->facts;
        char text[ADDRESS_TEXT_SIZE] = "";

        if (facts->type == DEVICE_TYPE_VF)
                address_format(facts->physical_function, text);
        return append_text(reply, text);
}

DEFINE_TEXT(get_vendor_name, Device, device, device->facts->vendor_name)
DEFINE_TEXT(get_product_name, Device, device, device->facts->product_name)
DEFINE_TEXT(get_class_name, Device, device, device->facts->class_name)
DEFINE_TEXT(get_driver, Device, device, device->facts->driver)
DEFINE_PROPERTY(get_numa_node, Device, device, "i", (int32_t) device->facts->numa_node)
DEFINE_PROPERTY(get_iommu_group, Device, device, "i", (int32_t) device->facts->iommu_group)
DEFINE_TEXT(get_device_type, Device, device, device_type_to_string(device->facts->type))
DEFINE_PROPERTY(get_max_virtual_functions, Device, device, "u",
                (uint32_t) device->facts->max_virtual_functions)
DEFINE_TEXT(get_power_state, Device, device, device->facts->power_state)
DEFINE_TEXT(get_state, Device, device, device_state_to_string(device->state))
DEFINE_TEXT(get_holder, Device, device, device->holder ? device->holder : "")

typedef Device *(*NextRelative)(const Inventory *inventory, const Device *device,
                                const Device *previous);

static int append_relatives(sd_bus_message *reply, const Device *device, NextRelative next,
                            size_t n_max) {
        const Device *relative = NULL;
        char text[ADDRESS_TEXT_SIZE];
        int r;

        r = sd_bus_message_open_container(reply, 'a', "s");
        if (r < 0)
                return r;

        for (size_t n = 0; n < n_max && (relative = next(device->inventory, device, relative));
             n++) {
                r = append_text(reply, address_format(relative->address, text));
                if (r < 0)
                        return r;
        }

        return sd_bus_message_close_container(reply);
}

static int get_group_addresses(sd_bus *connection, const char *path, const char *interface,
                               const char *property, sd_bus_message *reply, void *userdata,
                               sd_bus_error *error) {
        return append_relatives(reply, userdata, inventory_next_in_group, GROUP_ADDRESSES_MAX);
}

static int get_virtual_functions(sd_bus *connection, const char *path, const char *interface,
                                 const char *property, sd_bus_message *reply, void *userdata,
                                 sd_bus_error *error) {
        return append_relatives(reply, userdata, inventory_next_virtual_function, SIZE_MAX);
}

static int get_reset_methods(sd_bus *connection, const char *path, const char *interface,
                             const char *property, sd_bus_message *reply, void *userdata,
                             sd_bus_error *error) {
        return append_list(reply, ((const Device *) userdata)->facts->reset_methods);
}

static int get_pool(sd_bus *connection, const char *path, const char *interface,
                    const char *property, sd_bus_message *reply, void *userdata,
                    sd_bus_error *error) {
        const Device *device = userdata;
        _cleanup_(freep) char *pool = NULL;
        int r;

        if (!device->pool)
                return sd_bus_message_append(reply, "o", "/");

        r = named_path(POOL_PREFIX, device->pool->name, &pool);
        return r < 0 ? r : sd_bus_message_append(reply, "o", pool);
}

static int get_tags(sd_bus *connection, const char *path, const char *interface,
                    const char *property, sd_bus_message *reply, void *userdata,
                    sd_bus_error *error) {
        const Rule *rule = ((const Device *) userdata)->pool_rule;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "{ss}");
        if (r < 0)
                return r;

        for (size_t i = 0; rule && i < rule->n_words; i++) {
                const char *name = tag_name(rule->words[i].key);

                if (!name)
                        continue;
                r = sd_bus_message_append(reply, "{ss}", name, rule->words[i].value);
                if (r < 0)
                        return r;
        }

        return sd_bus_message_close_container(reply);
}

static int get_reasons(sd_bus *connection, const char *path, const char *interface,
                       const char *property, sd_bus_message *reply, void *userdata,
                       sd_bus_error *error) {
        return append_reasons(reply, ((const Device *) userdata)->reasons);
}

static int get_attachment(sd_bus *connection, const char *path, const char *interface,
                          const char *property, sd_bus_message *reply, void *userdata,
                          sd_bus_error *error) {
        const Device *device = userdata;
        char attachment[ATTACHMENT_PATH_SIZE] = "/";

        if (device->attachment != 0)
                attachment_path(device->attachment, attachment);
        return sd_bus_message_append(reply, "o", attachment);
}

/* clang-format off */
#define CHANGES     SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE
#define INVALIDATES SD_BUS_VTABLE_PROPERTY_EMITS_INVALIDATION

const sd_bus_vtable device_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Address", "s", get_address, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("VendorId", "s", get_ids, 0, CHANGES),
        SD_BUS_PROPERTY("ProductId", "s", get_ids, 0, CHANGES),
        SD_BUS_PROPERTY("SubsystemVendorId", "s", get_ids, 0, CHANGES),
        SD_BUS_PROPERTY("SubsystemProductId", "s", get_ids, 0, CHANGES),
        SD_BUS_PROPERTY("ClassCode", "s", get_class_code, 0, CHANGES),
        SD_BUS_PROPERTY("VendorName", "s", get_vendor_name, 0, CHANGES),
        SD_BUS_PROPERTY("ProductName", "s", get_product_name, 0, CHANGES),
        SD_BUS_PROPERTY("ClassName", "s", get_class_name, 0, CHANGES),
        SD_BUS_PROPERTY("Driver", "s", get_driver, 0, CHANGES),
        SD_BUS_PROPERTY("NumaNode", "i", get_numa_node, 0, CHANGES),
        SD_BUS_PROPERTY("IommuGroup", "i", get_iommu_group, 0, CHANGES),
        SD_BUS_PROPERTY("GroupAddresses", "as", get_group_addresses, 0, INVALIDATES),
        SD_BUS_PROPERTY("DeviceType", "s", get_device_type, 0, CHANGES),
        SD_BUS_PROPERTY("PhysicalFunction", "s", get_physical_function, 0, CHANGES),
        SD_BUS_PROPERTY("VirtualFunctions", "as", get_virtual_functions, 0, INVALIDATES),
        SD_BUS_PROPERTY("MaxVirtualFunctions", "u", get_max_virtual_functions, 0, CHANGES),
        SD_BUS_PROPERTY("ResetMethods", "as", get_reset_methods, 0, CHANGES),
        SD_BUS_PROPERTY("PowerState", "s", get_power_state, 0, CHANGES),
        SD_BUS_PROPERTY("Pool", "o", get_pool, 0, CHANGES),
        SD_BUS_PROPERTY("Tags", "a{ss}", get_tags, 0, CHANGES),
        SD_BUS_PROPERTY("State", "s", get_state, 0, CHANGES),
        SD_BUS_PROPERTY("Reasons", "as", get_reasons, 0, CHANGES),
        SD_BUS_PROPERTY("Attachment", "o", get_attachment, 0, CHANGES),
        SD_BUS_PROPERTY("Holder", "s", get_holder, 0, CHANGES),
        SD_BUS_VTABLE_END,
};
/* clang-format on */

static int find(sd_bus *connection, const char *path, const char *interface, void *userdata,
                void **ret_found, sd_bus_error *error) {
        const Bus *bus = userdata;
        Device *device;
        Address address;

        if (!device_path_parse(path, &address))
                return 0;

        device = inventory_find(&manager_registry(bus->manager)->inventory, address);
        if (!device || !device_is_shown(device))
                return 0;

        *ret_found = device;
        return 1;
}

static int enumerate(sd_bus *connection, const char *prefix, void *userdata, char ***ret_nodes,
                     sd_bus_error *error) {
        const Bus *bus = userdata;
        const Inventory *inventory = &manager_registry(bus->manager)->inventory;
        _cleanup_(list_freep) char **nodes = NULL;
        size_t n = 0;

        nodes = calloc(inventory->n_devices + 1, sizeof(*nodes));
        if (!nodes)
                return -ENOMEM;

        for (size_t i = 0; i < inventory->n_devices; i++) {
                char path[DEVICE_PATH_SIZE];

                if (!device_is_shown(inventory->devices[i]))
                        continue;
                nodes[n] = strdup(device_path(inventory->devices[i]->address, path));
                if (!nodes[n++])
                        return -ENOMEM;
        }

        *ret_nodes = TAKE(nodes);
        return 0;
}

const ObjectClass device_class = { DEVICE_PREFIX, DEVICE_INTERFACE, device_vtable, find,
                                   enumerate };
