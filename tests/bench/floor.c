/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The floor: a bare service of sd-bus that shows the same objects with the same properties as hostdevd, as constants.
 *
 *   floor [REQUEST]
 *
 * It asks hostdevd once for all of its objects. Each is added with sd-bus's own vtables and object manager, and the
 * properties are read by sd-bus itself from memory; only values that it has no getter for (a{ss}, aa{ss}, ao) are
 * appended by a function. Nothing is decided, looked up or checked.
 *
 * At /floor are answers that were made beforehand and are only appended, value by value: Everything() as of
 * GetManagedObjects, Explain() as of Explain with that request; and Announce(), which tells of every device by the
 * signal for a new object. Prints "ready" when it is.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <systemd/sd-bus.h>

#include "recording.h"
#include "turn.h"

enum {
        PROPERTIES_MAX = 40,
        INTERFACES_MAX = 8,
        OBJECTS_MAX = 8192
};

/* Where sd-bus reads a property. */
typedef union Value {
        const char *text;
        char **list;
        uint64_t number;
        Recording *recording;
} Value;

typedef struct Interface {
        char name[64];
        sd_bus_vtable vtable[PROPERTIES_MAX + 2];
        size_t n_properties;
} Interface;

static Interface interfaces[INTERFACES_MAX];
static const char *devices[OBJECTS_MAX];
static size_t n_devices;
static Recording *everything, *explanation;

static int get_recorded(sd_bus *bus, const char *path, const char *interface, const char *property,
                        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        return recording_append(((Value *) userdata)->recording, reply);
}

/* sd-bus reads basic types and lists of texts by itself. */
static bool is_read_by_bus(const char *signature) {
        return strchr("soubit", signature[0]) ? true : strcmp(signature, "as") == 0;
}

static Value *read_value(sd_bus_message *reply, const char *signature) {
        Value *value = calloc(1, sizeof(*value));

        turn_check(value ? 0 : -ENOMEM, "value");
        if (!is_read_by_bus(signature))
                value->recording = recording_new(reply);
        else if (signature[0] == 'a')
                turn_check(sd_bus_message_read_strv(reply, &value->list), "list");
        else
                turn_check(sd_bus_message_read_basic(reply, signature[0], value), "value");
        return value;
}

static Interface *find_interface(const char *name) {
        size_t i = 0;

        while (interfaces[i].name[0] && strcmp(interfaces[i].name, name) != 0)
                i++;
        turn_check(i + 1 < INTERFACES_MAX ? 0 : -E2BIG, "interfaces");
        if (!interfaces[i].name[0])
                (void) snprintf(interfaces[i].name, sizeof(interfaces[i].name), "%s", name);
        return &interfaces[i];
}

/* The first object that has an interface says which properties it has; all others have the same. */
static void add_property(Interface *interface, size_t i, const char *name, const char *signature) {
        if (i < interface->n_properties) {
                turn_check(strcmp(interface->vtable[i + 1].x.property.member, name) == 0 ? 0
                                                                                         : -EINVAL,
                           name);
                return;
        }

        turn_check(i < PROPERTIES_MAX ? 0 : -E2BIG, "properties");
        interface->vtable[0] = (sd_bus_vtable) SD_BUS_VTABLE_START(0);
        interface->vtable[i + 1] = (sd_bus_vtable) SD_BUS_PROPERTY(
                strdup(name), strdup(signature), is_read_by_bus(signature) ? NULL : get_recorded,
                i * sizeof(Value), SD_BUS_VTABLE_PROPERTY_CONST);
        interface->vtable[i + 2] = (sd_bus_vtable) SD_BUS_VTABLE_END;
        interface->n_properties = i + 1;
}

static void add_interface(sd_bus *bus, sd_bus_message *reply, const char *path, const char *name) {
        const char *property, *signature;
        Interface *interface;
        Value *values;
        size_t n = 0;

        /* What every object has is added by sd-bus. */
        if (strncmp(name, "org.hostdev1", 12) != 0) {
                turn_check(sd_bus_message_skip(reply, "a{sv}"), name);
                return;
        }

        interface = find_interface(name);
        values = calloc(PROPERTIES_MAX, sizeof(*values));
        turn_check(values ? 0 : -ENOMEM, "values");
        turn_check(sd_bus_message_enter_container(reply, 'a', "{sv}"), name);
        for (; turn_check(sd_bus_message_enter_container(reply, 'e', "sv"), name) > 0; n++) {
                Value *value;

                turn_check(sd_bus_message_read(reply, "s", &property), name);
                turn_check(sd_bus_message_peek_type(reply, NULL, &signature), name);
                add_property(interface, n, property, signature);
                signature = interface->vtable[n + 1].x.property.signature;
                turn_check(sd_bus_message_enter_container(reply, 'v', signature), property);
                value = read_value(reply, signature);
                values[n] = *value;
                free(value);
                turn_check(sd_bus_message_exit_container(reply), property);
                turn_check(sd_bus_message_exit_container(reply), property);
        }
        turn_check(sd_bus_message_exit_container(reply), name);
        turn_check(sd_bus_add_object_vtable(bus, NULL, path, interface->name, interface->vtable,
                                            values),
                   path);
}

static void add_objects(sd_bus *bus, sd_bus_message *reply) {
        const char *path, *interface;

        turn_check(sd_bus_message_enter_container(reply, 'a', "{oa{sa{sv}}}"), "objects");
        while (turn_check(sd_bus_message_enter_container(reply, 'e', "oa{sa{sv}}"), "object") > 0) {
                turn_check(sd_bus_message_read(reply, "o", &path), "path");
                if (strstr(path, "/device/") && n_devices < OBJECTS_MAX)
                        devices[n_devices++] = path;
                turn_check(sd_bus_message_enter_container(reply, 'a', "{sa{sv}}"), path);
                while (turn_check(sd_bus_message_enter_container(reply, 'e', "sa{sv}"), path) > 0) {
                        turn_check(sd_bus_message_read(reply, "s", &interface), path);
                        add_interface(bus, reply, path, interface);
                        turn_check(sd_bus_message_exit_container(reply), path);
                }
                turn_check(sd_bus_message_exit_container(reply), path);
                turn_check(sd_bus_message_exit_container(reply), path);
        }
        turn_check(sd_bus_message_exit_container(reply), "objects");
        turn_check(sd_bus_message_rewind(reply, true), "objects");
}

static int answer(sd_bus_message *call, const Recording *recording) {
        sd_bus_message *reply;
        int r;

        r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = recording_append(recording, reply);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r < 0 ? r : 1;
}

static int method_everything(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        return answer(call, everything);
}

static int method_explain(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        return explanation ? answer(call, explanation) : -ENODATA;
}

static int method_announce(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        sd_bus *bus = sd_bus_message_get_bus(call);
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n_devices; i++)
                r = sd_bus_emit_object_added(bus, devices[i]);
        return r < 0 ? r : sd_bus_reply_method_return(call, NULL);
}

static const sd_bus_vtable floor_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Everything", NULL, "a{oa{sa{sv}}}", method_everything,
                      SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Explain", "sa{sv}", "ba(sobasa{sv})a{sv}", method_explain,
                      SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Announce", NULL, NULL, method_announce, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

/* What hostdevd answers; its message is kept, because recordings point into it. */
static sd_bus_message *ask(sd_bus *bus, const char *interface, const char *method,
                           const char *request) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply;
        int r;

        if (request)
                r = sd_bus_call_method(bus, "org.hostdev1", "/org/hostdev1", interface, method,
                                       &error, &reply, "sa{sv}", request, 0);
        else
                r = sd_bus_call_method(bus, "org.hostdev1", "/org/hostdev1", interface, method,
                                       &error, &reply, NULL);
        turn_check(r, error.message ?: method);
        return reply;
}

int main(int argc, char **argv) {
        sd_bus_message *reply;
        sd_bus *bus;
        int r;

        turn_check(sd_bus_open_system(&bus), "bus");
        reply = ask(bus, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", NULL);
        add_objects(bus, reply);
        everything = recording_new(reply);
        if (argc > 1)
                explanation = recording_new(ask(bus, "org.hostdev1.Manager", "Explain", argv[1]));

        turn_check(sd_bus_add_object_manager(bus, NULL, "/org/hostdev1"), "object manager");
        turn_check(sd_bus_add_object_vtable(bus, NULL, "/floor", "org.hostdev1.Floor", floor_vtable,
                                            NULL),
                   "/floor");
        turn_check(sd_bus_request_name(bus, "org.hostdev1.Floor", 0), "name");
        turn_report("ready devices=%zu size=%zu", n_devices, recording_size(everything));

        do {
                r = sd_bus_process(bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(bus, UINT64_MAX);
        } while (r >= 0 || r == -EINTR);
        return EXIT_FAILURE;
}
