/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Publish: what changed, as signals: InterfacesRemoved, InterfacesAdded, PropertiesChanged.
 */
#include <errno.h>
#include <string.h>

#include "bus/objects.h"
#include "bus/state.h"
#include "util/log.h"

enum {
        NAMES_MAX = 32
};

/* One bit of Change.properties and what it is called on the bus. */
typedef struct BitNames {
        uint32_t bit;
        const char *names[11];
} BitNames;

static const BitNames manager_names[] = {
        { MANAGER_LIBVIRT_CONNECTED, { "LibvirtConnected" } },
        { MANAGER_HOST_READY, { "HostReady" } },
        { MANAGER_LIBVIRT_URI, { "LibvirtUri" } },
        { 0 },
};

static const BitNames device_names[] = {
        { DEVICE_VENDOR_ID,
          { "VendorId", "ProductId", "SubsystemVendorId", "SubsystemProductId", "ClassCode",
            "VendorName", "ProductName", "ClassName", "DeviceType", "MaxVirtualFunctions" } },
        { DEVICE_DRIVER, { "Driver" } },
        { DEVICE_NUMA_NODE, { "NumaNode" } },
        { DEVICE_IOMMU_GROUP, { "IommuGroup" } },
        { DEVICE_GROUP_ADDRESSES, { "GroupAddresses" } },
        { DEVICE_PHYSICAL_FUNCTION, { "PhysicalFunction" } },
        { DEVICE_VIRTUAL_FUNCTIONS, { "VirtualFunctions" } },
        { DEVICE_RESET_METHODS, { "ResetMethods" } },
        { DEVICE_POWER_STATE, { "PowerState" } },
        { DEVICE_POOL, { "Pool" } },
        { DEVICE_TAGS, { "Tags" } },
        { DEVICE_STATE, { "State" } },
        { DEVICE_REASONS, { "Reasons" } },
        { DEVICE_ATTACHMENT, { "Attachment" } },
        { DEVICE_HOLDER, { "Holder" } },
        { 0 },
};

static const BitNames pool_names[] = {
        { RULE_SET_DEVICES, { "Devices" } },
        { RULE_SET_TOTAL, { "Total" } },
        { RULE_SET_FREE, { "Free" } },
        { RULE_SET_DEFINITION, { "Description", "Source", "Match" } },
        { 0 },
};

static const BitNames alias_names[] = {
        { RULE_SET_DEVICES, { "Devices" } },
        { RULE_SET_TOTAL, { "Total" } },
        { RULE_SET_FREE, { "Free" } },
        { RULE_SET_DEFINITION, { "Source", "Match", "NumaPolicy", "Unit" } },
        { 0 },
};

static const BitNames attachment_names[] = {
        { ATTACHMENT_DOMAIN, { "Domain" } },
        { ATTACHMENT_STATE, { "State" } },
        { ATTACHMENT_DEVICES, { "Devices" } },
        { ATTACHMENT_LIVE, { "Live" } },
        { ATTACHMENT_CONFIG, { "Config" } },
        { ATTACHMENT_LAST_ERROR, { "LastError" } },
        { 0 },
};

static const struct {
        const char *interface;
        const BitNames *names;
} kinds[_OBJECT_KIND_END] = {
        [OBJECT_MANAGER] = { MANAGER_INTERFACE, manager_names },
        [OBJECT_DEVICE] = { DEVICE_INTERFACE, device_names },
        [OBJECT_POOL] = { POOL_INTERFACE, pool_names },
        [OBJECT_ALIAS] = { ALIAS_INTERFACE, alias_names },
        [OBJECT_ATTACHMENT] = { ATTACHMENT_INTERFACE, attachment_names },
};

/* New text: the path of the object that @change is about. 0, -EINVAL or -ENOMEM. */
static int change_path(const Change *change, char **ret) {
        char device[DEVICE_PATH_SIZE], attachment[ATTACHMENT_PATH_SIZE];
        const char *path = ROOT_PATH;
        Address address;
        uint32_t number;

        switch (change->kind) {
        case OBJECT_POOL:
                return named_path(POOL_PREFIX, change->key, ret);
        case OBJECT_ALIAS:
                return named_path(ALIAS_PREFIX, change->key, ret);
        case OBJECT_DEVICE:
                if (address_parse(change->key, &address) != 0)
                        return -EINVAL;
                path = device_path(address, device);
                break;
        case OBJECT_ATTACHMENT:
                if (!attachment_number_parse(change->key, &number))
                        return -EINVAL;
                path = attachment_path(number, attachment);
                break;
        default:
                break;
        }

        *ret = strdup(path);
        return *ret ? 0 : -ENOMEM;
}

static int emit_properties(Bus *bus, const char *path, ObjectKind kind, uint32_t properties) {
        const char *names[NAMES_MAX + 1] = { NULL };
        size_t n = 0;

        for (const BitNames *bit = kinds[kind].names; bit->bit; bit++)
                for (size_t i = 0; (properties & bit->bit) && bit->names[i]; i++)
                        names[n++] = bit->names[i];

        return n == 0 ? 0
                      : sd_bus_emit_properties_changed_strv(bus->connection, path,
                                                            kinds[kind].interface, (char **) names);
}

static int emit_added(Bus *bus, const Change *change, const char *path) {
        Device *device = NULL;
        Address address;

        /* They come by the thousand. */
        if (change->kind == OBJECT_DEVICE && address_parse(change->key, &address) == 0)
                device = inventory_find(&manager_registry(bus->manager)->inventory, address);

        return device ? objects_tell_added(bus, path, &device_class, device)
                      : sd_bus_emit_object_added(bus->connection, path);
}

static int emit_change(Bus *bus, const Change *change) {
        _cleanup_(freep) char *path = NULL;
        int r;

        r = change_path(change, &path);
        if (r < 0)
                return r;

        if (change->removed) {
                /* All that sd-bus names when it adds an object: a client keeps one that has any interface left. */
                r = sd_bus_emit_interfaces_removed(
                        bus->connection, path, "org.freedesktop.DBus.Peer",
                        "org.freedesktop.DBus.Introspectable", "org.freedesktop.DBus.Properties",
                        kinds[change->kind].interface, NULL);
                if (r < 0)
                        return r;
        }
        if (change->added)
                return emit_added(bus, change, path);
        if (change->removed)
                return 0;

        return emit_properties(bus, path, change->kind, change->properties);
}

void bus_publish(Bus *bus, const Changes *changes) {
        for (size_t i = 0; i < changes->n_items; i++) {
                int r = emit_change(bus, &changes->items[i]);

                if (r < 0)
                        log_warning("cannot tell that %s \"%s\" changed: %s",
                                    kinds[changes->items[i].kind].interface, changes->items[i].key,
                                    strerror(-r));
        }
}
