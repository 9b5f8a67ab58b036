/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/objects.h"

#include <errno.h>

#include "util/text.h"

#define OBJECT_MANAGER_INTERFACE "org.freedesktop.DBus.ObjectManager"

/* What every object has beside its own interface. */
static const char *const common_interfaces[] = { "org.freedesktop.DBus.Peer",
                                                 "org.freedesktop.DBus.Introspectable",
                                                 "org.freedesktop.DBus.Properties" };

static int open_interface(sd_bus_message *message, const char *interface) {
        int r;

        r = sd_bus_message_open_container(message, 'e', "sa{sv}");
        if (r >= 0)
                r = sd_bus_message_append_basic(message, 's', interface);
        return r < 0 ? r : sd_bus_message_open_container(message, 'a', "{sv}");
}

static int close_containers(sd_bus_message *message, unsigned n) {
        int r = 0;

        while (r >= 0 && n-- > 0)
                r = sd_bus_message_close_container(message);
        return r;
}

static int append_property(sd_bus_message *message, const char *path, const char *interface,
                           const sd_bus_vtable *entry, void *object) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        const char *name = entry->x.property.member;
        int r;

        r = sd_bus_message_open_container(message, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(message, 's', name);
        if (r >= 0)
                r = sd_bus_message_open_container(message, 'v', entry->x.property.signature);
        if (r >= 0)
                r = entry->x.property.get(sd_bus_message_get_bus(message), path, interface, name,
                                          message, object, &error);
        return r < 0 ? r : close_containers(message, 2);
}

/* Its path and its interfaces: oa{sa{sv}}. */
static int append_object(sd_bus_message *message, const char *path, const ObjectClass *class,
                         void *object) {
        int r;

        r = sd_bus_message_append_basic(message, 'o', path);
        if (r >= 0)
                r = sd_bus_message_open_container(message, 'a', "{sa{sv}}");

        for (size_t i = 0; r >= 0 && i < N_ELEMENTS(common_interfaces); i++) {
                r = open_interface(message, common_interfaces[i]);
                if (r >= 0)
                        r = close_containers(message, 2);
        }

        if (r >= 0)
                r = open_interface(message, class->interface);
        for (const sd_bus_vtable *entry = class->vtable;
             r >= 0 && entry->type != _SD_BUS_VTABLE_END; entry++)
                if (entry->type == _SD_BUS_VTABLE_PROPERTY)
                        r = append_property(message, path, class->interface, entry, object);
        return r < 0 ? r : close_containers(message, 3);
}

static int append_class(Bus *bus, sd_bus_message *message, const ObjectClass *class) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(list_freep) char **paths = NULL;
        int r;

        r = class->enumerate(bus->connection, class->prefix, bus, &paths, &error);
        for (size_t i = 0; r >= 0 && paths && paths[i]; i++) {
                void *object;

                r = class->find(bus->connection, paths[i], class->interface, bus, &object, &error);
                if (r <= 0)
                        continue;

                r = sd_bus_message_open_container(message, 'e', "oa{sa{sv}}");
                if (r >= 0)
                        r = append_object(message, paths[i], class, object);
                if (r >= 0)
                        r = sd_bus_message_close_container(message);
        }
        return r;
}

static int on_message(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        Bus *bus = userdata;
        int r;

        if (!sd_bus_message_is_method_call(call, OBJECT_MANAGER_INTERFACE, "GetManagedObjects") ||
            !text_equal(sd_bus_message_get_path(call), ROOT_PATH))
                return 0;

        r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{oa{sa{sv}}}");
        for (size_t i = 0; r >= 0 && i < bus->n_classes; i++)
                r = append_class(bus, reply, bus->classes[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_send(bus->connection, reply, NULL);
        return r < 0 ? r : 1;
}

int objects_watch(Bus *bus) {
        sd_bus_slot *slot;
        int r;

        r = sd_bus_add_filter(bus->connection, &slot, on_message, bus);
        return r < 0 ? r : bus_keep_slot(bus, slot);
}

int objects_tell_added(Bus *bus, const char *path, const ObjectClass *class, void *object) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *signal = NULL;
        int r;

        r = sd_bus_message_new_signal(bus->connection, &signal, ROOT_PATH, OBJECT_MANAGER_INTERFACE,
                                      "InterfacesAdded");
        if (r >= 0)
                r = append_object(signal, path, class, object);
        return r < 0 ? r : sd_bus_send(bus->connection, signal, NULL);
}
