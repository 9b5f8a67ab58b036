/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Define: pools and aliases that last until they are removed, and the files read again.
 */
#include <errno.h>
#include <stdio.h>

#include "call.h"
#include "json.h"
#include "value.h"
#include "words.h"

static int append_line(sd_bus_message *call, json_t *line) {
        const char *key;
        json_t *value;
        int r;

        r = sd_bus_message_open_container(call, SD_BUS_TYPE_ARRAY, "{ss}");
        if (r < 0)
                return r;

        json_object_foreach(line, key, value) {
                r = sd_bus_message_append(call, "{ss}", key, json_string_value(value));
                if (r < 0)
                        return r;
        }

        return sd_bus_message_close_container(call);
}

static int append_lines(sd_bus_message *call, const json_t *lines) {
        json_t *line;
        size_t i;
        int r;

        r = sd_bus_message_open_container(call, SD_BUS_TYPE_ARRAY, "a{ss}");
        if (r < 0)
                return r;

        json_array_foreach(lines, i, line) {
                r = append_line(call, line);
                if (r < 0)
                        return r;
        }

        return sd_bus_message_close_container(call);
}

static int append_options(const Client *client, sd_bus_message *call) {
        int r;

        r = sd_bus_message_open_container(call, SD_BUS_TYPE_ARRAY, "{sv}");
        if (r >= 0 && client->description)
                r = call_append_option(call, "description", "s", client->description);
        if (r >= 0 && client->numa_policy)
                r = call_append_option(call, "numa-policy", "s", client->numa_policy);
        if (r >= 0 && client->unit)
                r = call_append_option(call, "unit", "s", client->unit);
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        return r;
}

/* A verb that says nothing has a document all the same. */
static int tell_done(const Client *client) {
        _cleanup_(json_decrefp) json_t *nothing = json_null();

        return client->json ? json_print(nothing) : STATUS_DONE;
}

static int tell_added(const Client *client, const char *name, sd_bus_message *reply) {
        _cleanup_(json_decrefp) json_t *document = NULL;
        const char *path;
        int r;

        r = sd_bus_message_read(reply, "o", &path);
        if (r < 0)
                return call_complain(r);
        if (!client->json)
                return STATUS_DONE;

        document = json_pack("{ssss}", "name", name, "path", path);
        return json_print(document);
}

static int add(Client *client, const char *member, char **arguments) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        _cleanup_(json_decrefp) json_t *lines = NULL;
        int r, status;

        r = words_read(arguments + 1, &lines, &refusal);
        if (r < 0)
                return complain_errno(r, "Cannot read the match");
        if (r > 0)
                return complain(STATUS_USAGE, "%s", refusal.text);

        status = call_new(client, SERVICE_PATH, MANAGER, member, &call);
        if (status != STATUS_DONE)
                return status;

        r = sd_bus_message_append(call, "s", arguments[0]);
        if (r >= 0)
                r = append_lines(call, lines);
        if (r >= 0)
                r = append_options(client, call);
        if (r < 0)
                return call_complain(r);

        status = call_send(client, call, &reply);
        return status == STATUS_DONE ? tell_added(client, arguments[0], reply) : status;
}

static int remove_entry(Client *client, const char *member, const char *name) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r, status;

        status = call_new(client, SERVICE_PATH, MANAGER, member, &call);
        if (status != STATUS_DONE)
                return status;

        r = sd_bus_message_append(call, "sa{sv}", name, 0);
        if (r < 0)
                return call_complain(r);

        status = call_send(client, call, NULL);
        return status == STATUS_DONE ? tell_done(client) : status;
}

int verb_add_pool(Client *client, char **arguments) {
        return add(client, "AddPool", arguments);
}

int verb_remove_pool(Client *client, char **arguments) {
        return remove_entry(client, "RemovePool", arguments[0]);
}

int verb_add_alias(Client *client, char **arguments) {
        return add(client, "AddAlias", arguments);
}

int verb_remove_alias(Client *client, char **arguments) {
        return remove_entry(client, "RemoveAlias", arguments[0]);
}

int verb_reload(Client *client, char **arguments) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int status;

        status = call_new(client, SERVICE_PATH, MANAGER, "Reload", &call);
        if (status == STATUS_DONE)
                status = call_send(client, call, NULL);
        return status == STATUS_DONE ? tell_done(client) : status;
}
