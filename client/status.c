/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Status: the host at a glance.
 */
#include <errno.h>
#include <stdio.h>

#include "json.h"
#include "list.h"
#include "terminal.h"
#include "value.h"

static int print_manager(const Client *client, const json_t *manager) {
        bool connected = json_is_true(json_object_get(manager, "libvirt_connected"));
        bool ready = json_is_true(json_object_get(manager, "host_ready"));
        _cleanup_(freep) char *version = terminal_escape(member_text(manager, "version"));
        _cleanup_(freep) char *uri = terminal_escape(member_text(manager, "libvirt_uri"));

        if (!version || !uri)
                return complain_errno(-ENOMEM, "Cannot print");

        printf("hostdevd %s\n   libvirt: %s, connected: ", version, uri);
        terminal_print_word(client, connected ? "yes" : "no");
        printf("\nhost ready: ");
        terminal_print_word(client, ready ? "yes" : "no");
        printf("%s\n", ready ? "" : " (see 'hostdevctl check-host')");
        return STATUS_DONE;
}

static json_t *make_document(const Objects *objects) {
        _cleanup_(json_decrefp) json_t *document =
                json_copy(json_array_get(objects->lists[OBJECT_MANAGER], 0));

        if (!document || json_object_set(document, "pools", objects->lists[OBJECT_POOL]) < 0 ||
            json_object_set(document, "attachments", objects->lists[OBJECT_ATTACHMENT]) < 0)
                return NULL;

        return TAKE(document);
}

/* A table, or the sentence that stands in its place. */
static int print_part(const Client *client, const json_t *list, const char *nothing,
                      int (*print)(const Client *client, const json_t *list)) {
        putchar('\n');
        if (json_array_size(list) > 0)
                return print(client, list);
        if (!client->no_legend)
                puts(nothing);
        return STATUS_DONE;
}

int verb_status(Client *client, char **arguments) {
        _cleanup_(json_decrefp) json_t *document = NULL;
        _cleanup_(objects_done) Objects objects = { 0 };
        int status;

        status = objects_read(client, &objects);
        if (status == STATUS_DONE)
                status = objects_read_manager(client, &objects);
        if (status != STATUS_DONE)
                return status;

        if (client->json) {
                document = make_document(&objects);
                return json_print(document);
        }

        status = print_manager(client, json_array_get(objects.lists[OBJECT_MANAGER], 0));
        if (status == STATUS_DONE)
                status = print_part(client, objects.lists[OBJECT_POOL],
                                    "No pools: define one in hostdevd.conf(5).", list_print_pools);
        if (status == STATUS_DONE)
                status = print_part(client, objects.lists[OBJECT_ATTACHMENT], "No attachments.",
                                    list_print_attachments);
        return status;
}
