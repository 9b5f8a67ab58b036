/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "objects.h"

#include <errno.h>
#include <string.h>

#include "util/text.h"
#include "value.h"

static const char *const kind_names[_OBJECT_KIND_END] = {
        [OBJECT_MANAGER] = "manager", [OBJECT_DEVICE] = "device",         [OBJECT_POOL] = "pool",
        [OBJECT_ALIAS] = "alias",     [OBJECT_ATTACHMENT] = "attachment",
};

static const char *const kind_interfaces[_OBJECT_KIND_END] = {
        [OBJECT_MANAGER] = MANAGER,          [OBJECT_DEVICE] = "org.hostdev1.Device",
        [OBJECT_POOL] = "org.hostdev1.Pool", [OBJECT_ALIAS] = "org.hostdev1.Alias",
        [OBJECT_ATTACHMENT] = ATTACHMENT,
};

void objects_done(Objects *objects) {
        for (size_t i = 0; i < _OBJECT_KIND_END; i++) {
                json_decref(objects->lists[i]);
                objects->lists[i] = NULL;
        }
}

const char *object_kind_name(ObjectKind kind) {
        return kind_names[kind];
}

ObjectKind object_kind_of_interface(const char *interface) {
        ObjectKind kind = OBJECT_MANAGER;

        while (kind < _OBJECT_KIND_END && strcmp(kind_interfaces[kind], interface) != 0)
                kind++;
        return kind;
}

char *object_key(const json_t *object) {
        _cleanup_(json_decrefp) json_t *key = value_key(member_text(object, "path"));

        return key ? value_text(key) : NULL;
}

static int init(Objects *objects) {
        for (size_t i = 0; i < _OBJECT_KIND_END; i++) {
                objects->lists[i] = json_array();
                if (!objects->lists[i])
                        return -ENOMEM;
        }
        return 0;
}

/* One s a{sv}, already entered. Adds the properties of an interface of ours to @object. */
static int read_interface(sd_bus_message *message, json_t *object, ObjectKind *kind) {
        _cleanup_(json_decrefp) json_t *properties = NULL;
        const char *interface;
        ObjectKind found;
        int r;

        r = sd_bus_message_read_basic(message, SD_BUS_TYPE_STRING, &interface);
        if (r < 0)
                return r;

        found = object_kind_of_interface(interface);
        if (found == _OBJECT_KIND_END)
                return sd_bus_message_skip(message, "a{sv}");

        r = value_read(message, &properties);
        if (r < 0)
                return r;

        *kind = found;
        return json_object_update(object, properties) < 0 ? -ENOMEM : 0;
}

int object_read(sd_bus_message *message, json_t **ret, ObjectKind *ret_kind) {
        _cleanup_(json_decrefp) json_t *object = NULL;
        ObjectKind kind = _OBJECT_KIND_END;
        const char *path;
        int r;

        r = sd_bus_message_read_basic(message, SD_BUS_TYPE_OBJECT_PATH, &path);
        if (r < 0)
                return r;

        object = json_pack("{ss}", "path", path);
        if (!object)
                return -ENOMEM;

        r = sd_bus_message_enter_container(message, SD_BUS_TYPE_ARRAY, "{sa{sv}}");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_enter_container(message, SD_BUS_TYPE_DICT_ENTRY, "sa{sv}")) >
               0) {
                r = read_interface(message, object, &kind);
                if (r < 0)
                        return r;

                r = sd_bus_message_exit_container(message);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;

        r = sd_bus_message_exit_container(message);
        if (r < 0)
                return r;

        *ret = kind == _OBJECT_KIND_END ? NULL : TAKE(object);
        *ret_kind = kind;
        return 0;
}

static int read_tree(sd_bus_message *message, Objects *objects) {
        int r;

        r = sd_bus_message_enter_container(message, SD_BUS_TYPE_ARRAY, "{oa{sa{sv}}}");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_enter_container(message, SD_BUS_TYPE_DICT_ENTRY, "oa{sa{sv}}")) >
               0) {
                _cleanup_(json_decrefp) json_t *object = NULL;
                ObjectKind kind;

                r = object_read(message, &object, &kind);
                if (r < 0)
                        return r;

                /* The manager is read by objects_read_manager(), for whom it matters. */
                if (object && kind != OBJECT_MANAGER &&
                    json_array_append(objects->lists[kind], object) < 0)
                        return -ENOMEM;

                r = sd_bus_message_exit_container(message);
                if (r < 0)
                        return r;
        }

        if (r < 0)
                return r;

        r = sd_bus_message_exit_container(message);
        return r < 0 ? r : 0;
}

/* By the member that is the key of the kind; the other two are absent, and equal. */
static int compare(const void *a, const void *b) {
        const json_t *left = *(json_t *const *) a, *right = *(json_t *const *) b;
        json_int_t i = member_integer(left, "id"), j = member_integer(right, "id");
        int r;

        if (i != j)
                return i < j ? -1 : 1;

        r = strcmp(member_text(left, "name"), member_text(right, "name"));
        return r != 0 ? r : strcmp(member_text(left, "address"), member_text(right, "address"));
}

static int sort(json_t *list) {
        size_t n = json_array_size(list);
        _cleanup_(freep) json_t **items = calloc(n + 1, sizeof(*items));

        if (!items)
                return -ENOMEM;

        for (size_t i = 0; i < n; i++)
                items[i] = json_incref(json_array_get(list, i));

        qsort(items, n, sizeof(*items), compare);

        /* Replacing what is there cannot fail; the reference goes over. */
        for (size_t i = 0; i < n; i++)
                json_array_set_new(list, i, items[i]);
        return 0;
}

int objects_parse(sd_bus_message *reply, Objects *ret) {
        _cleanup_(objects_done) Objects objects = { 0 };
        int r;

        r = init(&objects);
        if (r == 0)
                r = read_tree(reply, &objects);
        for (size_t i = 0; r == 0 && i < _OBJECT_KIND_END; i++)
                r = sort(objects.lists[i]);
        if (r < 0)
                return r;

        *ret = objects;
        objects = (Objects){ 0 };
        return 0;
}

char *objects_look_uri(Client *client) {
        char *uri = NULL;

        if (!client->bus && sd_bus_open_system(&client->bus) < 0)
                return NULL;

        (void) sd_bus_get_property_string(client->bus, SERVICE, SERVICE_PATH, MANAGER, "LibvirtUri",
                                          NULL, &uri);
        return uri;
}

int objects_look(Client *client, uint64_t patience_usec, Objects *ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        int r;

        if (!client->bus) {
                r = sd_bus_open_system(&client->bus);
                if (r < 0)
                        return r;
        }

        r = sd_bus_message_new_method_call(client->bus, &call, SERVICE, SERVICE_PATH,
                                           OBJECT_MANAGER_INTERFACE, "GetManagedObjects");
        if (r >= 0)
                r = sd_bus_call(client->bus, call, patience_usec, NULL, &reply);
        return r < 0 ? r : objects_parse(reply, ret);
}

int objects_read(Client *client, Objects *ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        int r, status;

        status = call_new(client, SERVICE_PATH, OBJECT_MANAGER_INTERFACE, "GetManagedObjects",
                          &call);
        if (status == STATUS_DONE)
                status = call_send(client, call, &reply);
        if (status != STATUS_DONE)
                return status;

        r = objects_parse(reply, ret);
        return r < 0 ? call_complain(r) : STATUS_DONE;
}

int objects_read_manager(Client *client, Objects *objects) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_(json_decrefp) json_t *manager = NULL, *properties = NULL;
        int r, status;

        status = call_new(client, SERVICE_PATH, PROPERTIES_INTERFACE, "GetAll", &call);
        if (status != STATUS_DONE)
                return status;

        r = sd_bus_message_append(call, "s", MANAGER);
        if (r < 0)
                return call_complain(r);

        status = call_send(client, call, &reply);
        if (status != STATUS_DONE)
                return status;

        r = value_read(reply, &properties);
        if (r < 0)
                return call_complain(r);

        manager = json_pack("{ss}", "path", SERVICE_PATH);
        if (!manager || json_object_update(manager, properties) < 0 ||
            json_array_clear(objects->lists[OBJECT_MANAGER]) < 0 ||
            json_array_append(objects->lists[OBJECT_MANAGER], manager) < 0)
                return call_complain(-ENOMEM);

        return STATUS_DONE;
}

json_t *objects_find_path(const Objects *objects, const char *path, ObjectKind *ret_kind) {
        json_t *object;
        size_t i;

        for (ObjectKind kind = 0; kind < _OBJECT_KIND_END; kind++)
                json_array_foreach(objects->lists[kind], i, object) {
                        if (strcmp(member_text(object, "path"), path) == 0) {
                                *ret_kind = kind;
                                return object;
                        }
                }

        return NULL;
}

json_t *objects_find(const Objects *objects, ObjectKind kind, const char *key) {
        json_t *object;
        size_t i;

        json_array_foreach(objects->lists[kind], i, object) {
                _cleanup_(freep) char *own = object_key(object);

                if (own && strcmp(own, key) == 0)
                        return object;
        }

        return NULL;
}
