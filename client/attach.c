/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attach: devices are given to a domain, and taken back.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "patience.h"
#include "terminal.h"
#include "util/text.h"
#include "value.h"

/* "numa-nodes" (au), from the list that main.c has found to be one. */
static int append_numa_nodes(const Client *client, sd_bus_message *call) {
        int r;

        r = sd_bus_message_open_container(call, SD_BUS_TYPE_DICT_ENTRY, "sv");
        if (r >= 0)
                r = sd_bus_message_append(call, "s", "numa-nodes");
        if (r >= 0)
                r = sd_bus_message_open_container(call, SD_BUS_TYPE_VARIANT, "au");
        if (r >= 0)
                r = sd_bus_message_append_array(call, 'u', client->numa_nodes,
                                                client->n_numa_nodes * sizeof(uint32_t));
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        return r;
}

static int append_attach_options(const Client *client, sd_bus_message *call) {
        int r;

        r = sd_bus_message_open_container(call, SD_BUS_TYPE_ARRAY, "{sv}");
        /* With neither, the daemon decides by the state of the domain; one means that one alone. */
        if (r >= 0 && (client->live || client->config))
                r = sd_bus_message_append(call, "{sv}{sv}", "live", "b", (int) client->live,
                                          "config", "b", (int) client->config);
        if (r >= 0 && client->has_wait)
                r = call_append_option(call, "wait-seconds", "u", client->wait_seconds);
        if (r >= 0 && client->dry_run)
                r = call_append_option(call, "dry-run", "b", 1);
        if (r >= 0 && client->force)
                r = call_append_option(call, "force", "b", 1);
        if (r >= 0 && client->numa_policy)
                r = call_append_option(call, "numa-policy", "s", client->numa_policy);
        if (r >= 0 && client->numa_nodes)
                r = append_numa_nodes(client, call);
        if (r >= 0 && client->reason)
                r = call_append_option(call, "reason", "s", client->reason);
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        return r;
}

/* "0000:41:00.0 0000:41:00.1", and the domain's name, fit to be shown. */
static int describe(const json_t *attachment, char **ret_devices, char **ret_domain) {
        _cleanup_(freep) char *devices = value_text(json_object_get(attachment, "devices"));
        _cleanup_(freep) char *domain = terminal_escape(member_text(attachment, "domain"));

        if (!devices || !domain)
                return complain_errno(-ENOMEM, "Cannot print");

        *ret_devices = TAKE(devices);
        *ret_domain = TAKE(domain);
        return STATUS_DONE;
}

/* What was attached, looked up: the reply is only a path. */
static int tell_attached(Client *client, const char *path) {
        _cleanup_(freep) char *devices = NULL, *domain = NULL;
        _cleanup_(objects_done) Objects objects = { 0 };
        const json_t *attachment;
        ObjectKind kind;
        int status;

        status = objects_read(client, &objects);
        if (status != STATUS_DONE)
                return status;

        attachment = objects_find_path(&objects, path, &kind);
        if (!attachment)
                return complain(STATUS_FAILED, "Attached as %s, which has ended since", path);
        if (client->json)
                return json_print(attachment);

        status = describe(attachment, &devices, &domain);
        if (status == STATUS_DONE)
                printf("Attachment %" JSON_INTEGER_FORMAT ": %s has %s\n",
                       member_integer(attachment, "id"), domain, devices);
        return status;
}

static int tell_dry_run(const Client *client, const char *domain, const char *request) {
        _cleanup_(json_decrefp) json_t *nothing = json_null();

        if (client->json)
                return json_print(nothing);

        if (!client->no_legend)
                printf("%s can have %s; nothing was changed\n", domain, request);
        return STATUS_DONE;
}

int verb_attach(Client *client, char **arguments) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        const char *path;
        int r, status;

        client->domain = arguments[0];
        client->request = arguments[1];
        status = call_new(client, SERVICE_PATH, MANAGER, "Attach", &call);
        if (status != STATUS_DONE)
                return status;

        r = sd_bus_message_append(call, "ss", arguments[0], arguments[1]);
        if (r >= 0)
                r = append_attach_options(client, call);
        if (r < 0)
                return call_complain(r);

        status = patience_send(client, call, &(Awaited){ .domain = arguments[0] }, &reply);
        if (status != STATUS_DONE)
                return status;

        r = sd_bus_message_read(reply, "o", &path);
        if (r < 0)
                return call_complain(r);

        if (text_equal(path, "/"))
                return tell_dry_run(client, arguments[0], arguments[1]);
        return tell_attached(client, path);
}

static int detach_one(Client *client, const json_t *attachment) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r, status;

        status = call_new(client, member_text(attachment, "path"), ATTACHMENT, "Detach", &call);
        if (status != STATUS_DONE)
                return status;

        r = sd_bus_message_open_container(call, SD_BUS_TYPE_ARRAY, "{sv}");
        if (r >= 0 && client->has_wait)
                r = call_append_option(call, "wait-seconds", "u", client->wait_seconds);
        if (r >= 0 && client->reason)
                r = call_append_option(call, "reason", "s", client->reason);
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        if (r < 0)
                return call_complain(r);

        return patience_send(client, call, &(Awaited){ .path = member_text(attachment, "path") },
                             NULL);
}

/* The attachments of a domain, as the daemon knows it by name or UUID. */
static int find_of_domain(Client *client, const Objects *objects, const char *domain,
                          json_t *found) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_(list_freep) char **paths = NULL;
        int r, status;

        status = call_new(client, SERVICE_PATH, MANAGER, "ListAttachments", &call);
        if (status != STATUS_DONE)
                return status;

        r = sd_bus_message_append(call, "s", domain);
        if (r < 0)
                return call_complain(r);

        status = call_send(client, call, &reply);
        if (status != STATUS_DONE)
                return status;

        r = sd_bus_message_read_strv(reply, &paths);
        if (r < 0)
                return call_complain(r);

        for (size_t i = 0; paths && paths[i]; i++) {
                ObjectKind kind;
                json_t *attachment = objects_find_path(objects, paths[i], &kind);

                if (attachment && json_array_append(found, attachment) < 0)
                        return complain_errno(-ENOMEM, "Cannot detach");
        }
        return STATUS_DONE;
}

static int find_attachments(Client *client, const char *text, json_t *found) {
        _cleanup_(objects_done) Objects objects = { 0 };
        json_t *attachment;
        int status;

        status = objects_read(client, &objects);
        if (status != STATUS_DONE)
                return status;

        attachment = objects_find(&objects, OBJECT_ATTACHMENT, text);
        if (attachment)
                return json_array_append(found, attachment) < 0
                               ? complain_errno(-ENOMEM, "Cannot detach")
                               : STATUS_DONE;

        status = find_of_domain(client, &objects, text, found);
        if (status == STATUS_DONE && json_array_size(found) == 0)
                return complain(STATUS_UNKNOWN,
                                "No attachment '%s', and no domain of that name has one (see "
                                "'hostdevctl attachments')",
                                text);
        return status;
}

static int tell_detached(const Client *client, const json_t *attachment) {
        _cleanup_(freep) char *devices = NULL, *domain = NULL;
        int status;

        status = describe(attachment, &devices, &domain);
        if (status == STATUS_DONE && !client->json && !client->no_legend)
                printf("Attachment %" JSON_INTEGER_FORMAT ": %s has given back %s\n",
                       member_integer(attachment, "id"), domain, devices);
        return status;
}

int verb_detach(Client *client, char **arguments) {
        _cleanup_(json_decrefp) json_t *found = json_array(), *done = json_array();
        const json_t *attachment;
        int status;
        size_t i;

        if (!found || !done)
                return complain_errno(-ENOMEM, "Cannot detach");
        /* To the daemon no name means all domains, which nobody asks for by an empty word. */
        if (!*arguments[0])
                return complain(STATUS_USAGE, "An attachment or a domain must be named");

        status = find_attachments(client, arguments[0], found);
        if (status != STATUS_DONE)
                return status;

        /* One that stays does not keep the others; the first fault is the exit status. */
        json_array_foreach(found, i, attachment) {
                int r = detach_one(client, attachment);

                if (r == STATUS_DONE)
                        r = tell_detached(client, attachment);
                if (r == STATUS_DONE && json_array_append(done, (json_t *) attachment) < 0)
                        r = complain_errno(-ENOMEM, "Cannot print");
                if (status == STATUS_DONE)
                        status = r;
        }

        if (client->json && json_array_size(done) > 0) {
                int r = json_print(done);

                if (status == STATUS_DONE)
                        status = r;
        }
        return status;
}
