/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "event.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "terminal.h"
#include "util/text.h"
#include "value.h"

/* What is worth a word of something new; of a change every property is. */
static const char *const summaries[_OBJECT_KIND_END][7] = {
        [OBJECT_DEVICE] = { "state", "pool", "driver", "vendor_name", "product_name" },
        [OBJECT_POOL] = { "source", "free", "total" },
        [OBJECT_ALIAS] = { "source", "free", "total" },
        [OBJECT_ATTACHMENT] = { "state", "domain", "request", "devices", "reason" },
};

static json_int_t now_usec(void) {
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        return (json_int_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static json_t *event_new(const char *what, const char *kind) {
        return json_pack("{sIssss}", "time_usec", now_usec(), "event", what, "kind", kind);
}

static json_t *event_of_object(const char *what, ObjectKind kind, const char *path) {
        json_t *event = event_new(what, object_kind_name(kind));

        if (event && json_object_set_new(event, "key", value_key(path)) < 0) {
                json_decref(event);
                return NULL;
        }
        return event;
}

json_t *event_of_service(bool is_there) {
        return event_new(is_there ? "joined" : "left", "service");
}

int event_of_added(Objects *objects, sd_bus_message *signal, json_t **ret) {
        _cleanup_(json_decrefp) json_t *object = NULL, *event = NULL;
        ObjectKind kind, old_kind;
        json_t *old;
        int r;

        r = object_read(signal, &object, &kind);
        if (r < 0)
                return r;

        *ret = NULL;
        if (!object)
                return 0;

        /* Told while the objects were being read: it is known already. */
        old = objects_find_path(objects, member_text(object, "path"), &old_kind);
        if (old)
                return json_object_update(old, object) < 0 ? -ENOMEM : 0;

        event = event_of_object("added", kind, member_text(object, "path"));
        if (!event || json_object_set(event, "properties", object) < 0 ||
            json_array_append(objects->lists[kind], object) < 0)
                return -ENOMEM;

        *ret = TAKE(event);
        return 0;
}

static void forget(json_t *list, const json_t *object) {
        for (size_t i = 0; i < json_array_size(list); i++)
                if (json_array_get(list, i) == object) {
                        json_array_remove(list, i);
                        return;
                }
}

int event_of_removed(Objects *objects, sd_bus_message *signal, json_t **ret) {
        json_t *object, *event;
        ObjectKind kind;
        const char *path;
        int r;

        r = sd_bus_message_read(signal, "o", &path);
        if (r < 0)
                return r;

        *ret = NULL;
        object = objects_find_path(objects, path, &kind);
        if (!object || kind == OBJECT_MANAGER)
                return 0;

        event = event_of_object("removed", kind, path);
        if (!event)
                return -ENOMEM;

        forget(objects->lists[kind], object);
        *ret = event;
        return 0;
}

/* What of @properties differs from @object goes to @changed and @was, and into @object. */
static int compare(json_t *object, json_t *properties, json_t *changed, json_t *was) {
        const char *name;
        json_t *value;

        json_object_foreach(properties, name, value) {
                json_t *old = json_object_get(object, name);

                if (old && json_equal(old, value))
                        continue;

                if (json_object_set(changed, name, value) < 0 ||
                    json_object_set_new(was, name, old ? json_incref(old) : json_null()) < 0 ||
                    json_object_set(object, name, value) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int read_invalidated(sd_bus_message *signal, json_t *invalidated) {
        const char *member;
        int r;

        r = sd_bus_message_enter_container(signal, SD_BUS_TYPE_ARRAY, "s");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_read_basic(signal, SD_BUS_TYPE_STRING, &member)) > 0) {
                _cleanup_(freep) char *name = value_name(member);

                if (!name || json_array_append_new(invalidated, json_string(name)) < 0)
                        return -ENOMEM;
        }

        if (r < 0)
                return r;

        r = sd_bus_message_exit_container(signal);
        return r < 0 ? r : 0;
}

static int read_changed(sd_bus_message *signal, json_t **ret_properties, json_t **ret_invalidated) {
        _cleanup_(json_decrefp) json_t *properties = NULL, *invalidated = json_array();
        int r;

        r = sd_bus_message_skip(signal, "s");
        if (r < 0)
                return r;

        r = value_read(signal, &properties);
        if (r < 0)
                return r;

        r = invalidated ? read_invalidated(signal, invalidated) : -ENOMEM;
        if (r < 0)
                return r;

        *ret_properties = TAKE(properties);
        *ret_invalidated = TAKE(invalidated);
        return 0;
}

int event_of_changed(Objects *objects, sd_bus_message *signal, json_t **ret) {
        _cleanup_(json_decrefp) json_t *properties = NULL, *invalidated = NULL;
        _cleanup_(json_decrefp) json_t *changed = json_object(), *was = json_object();
        const char *path = sd_bus_message_get_path(signal);
        json_t *object, *event;
        ObjectKind kind;
        int r;

        *ret = NULL;
        object = objects_find_path(objects, path, &kind);
        if (!object)
                return 0;

        r = read_changed(signal, &properties, &invalidated);
        if (r < 0)
                return r;

        r = changed && was ? compare(object, properties, changed, was) : -ENOMEM;
        if (r < 0)
                return r;
        if (json_object_size(changed) == 0 && json_array_size(invalidated) == 0)
                return 0;

        event = event_of_object("changed", kind, path);
        if (!event)
                return -ENOMEM;
        if (json_object_set(event, "changed", changed) < 0 ||
            json_object_set(event, "was", was) < 0 ||
            json_object_set(event, "invalidated", invalidated) < 0) {
                json_decref(event);
                return -ENOMEM;
        }

        *ret = event;
        return 0;
}

/* "vendor_name" is "vendor name" to a reader. */
static char *spoken(const char *name) {
        char *words = strdup(name);

        for (char *c = words; c && *c; c++)
                if (*c == '_')
                        *c = ' ';
        return words;
}

static int say_change(const Client *client, const json_t *event, const char *name, char ***parts) {
        const json_t *new = json_object_get(json_object_get(event, "changed"), name);
        const json_t *old = json_object_get(json_object_get(event, "was"), name);
        _cleanup_(freep) char *before = value_text(old), *after = value_text(new);
        _cleanup_(freep) char *words = spoken(name), *part = NULL;

        if (!before || !after || !words)
                return -ENOMEM;

        part = text_print("%s %s %s %s", words, *before ? before : "none",
                          client->utf8 ? "→" : "->", *after ? after : "none");
        return part ? list_append(parts, part) : -ENOMEM;
}

static int say_changed(const Client *client, const json_t *event, char ***parts) {
        const char *name;
        json_t *value;
        size_t i;
        int r;

        json_object_foreach(json_object_get(event, "changed"), name, value) {
                r = say_change(client, event, name, parts);
                if (r < 0)
                        return r;
        }

        json_array_foreach(json_object_get(event, "invalidated"), i, value) {
                _cleanup_(freep) char *words = spoken(json_string_value(value)), *part = NULL;

                part = words ? text_print("other %s", words) : NULL;
                r = part ? list_append(parts, part) : -ENOMEM;
                if (r < 0)
                        return r;
        }
        return 0;
}

static int say_added(const json_t *event, char ***parts) {
        const json_t *properties = json_object_get(event, "properties");
        ObjectKind kind = OBJECT_MANAGER;

        while (kind < _OBJECT_KIND_END - 1 &&
               !text_equal(object_kind_name(kind), member_text(event, "kind")))
                kind++;

        for (size_t i = 0; summaries[kind][i]; i++) {
                const char *name = summaries[kind][i];
                _cleanup_(freep) char *text = value_text(json_object_get(properties, name));
                _cleanup_(freep) char *words = spoken(name), *part = NULL;
                int r;

                if (text && !*text)
                        continue;
                part = text && words ? text_print("%s %s", words, text) : NULL;
                r = part ? list_append(parts, part) : -ENOMEM;
                if (r < 0)
                        return r;
        }
        return 0;
}

char *event_text(const Client *client, const json_t *event) {
        _cleanup_(freep) char *key = value_text(json_object_get(event, "key"));
        _cleanup_(freep) char *said = NULL, *line = NULL;
        _cleanup_(list_freep) char **parts = NULL;
        const char *what = member_text(event, "event");

        if (text_equal(member_text(event, "kind"), "service"))
                return strdup(text_equal(what, "joined") ? "hostdevd is there"
                                                         : "hostdevd has gone");

        if (say_changed(client, event, &parts) < 0 || say_added(event, &parts) < 0)
                return NULL;

        said = list_join(parts, ", ");
        if (!key || !said)
                return NULL;

        /* There is one manager, and its key is a path that says no more. */
        if (text_equal(member_text(event, "kind"), object_kind_name(OBJECT_MANAGER)))
                *key = '\0';

        line = text_print("%s%s%s %s%s%s", member_text(event, "kind"), *key ? " " : "", key, what,
                          *said ? ": " : "", said);
        return line ? terminal_escape(line) : NULL;
}
