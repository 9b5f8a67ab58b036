/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "list.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "table.h"
#include "terminal.h"
#include "util/text.h"
#include "value.h"

enum {
        BAR_WIDTH = 16
};

static char *text_of_ids(const Client *client, const json_t *device) {
        return text_print("%s:%s", member_text(device, "vendor_id"),
                          member_text(device, "product_id"));
}

static char *text_of_name(const Client *client, const json_t *device) {
        const char *vendor = member_text(device, "vendor_name");
        const char *product = member_text(device, "product_name");

        return text_print("%s%s%s", vendor, *vendor && *product ? " " : "", product);
}

/* Without what the state says already; programs get it all. */
static char *text_of_reasons(const Client *client, const json_t *device) {
        _cleanup_(list_freep) char **words = NULL;
        const char *state = member_text(device, "state");
        const json_t *reason;
        size_t i;

        json_array_foreach(json_object_get(device, "reasons"), i, reason) {
                const char *word = json_string_value(reason) ?: "";

                if ((client->no_legend || !text_equal(word, state)) &&
                    list_append(&words, word) < 0)
                        return NULL;
        }
        return words ? list_join(words, " ") : strdup("");
}

static char *text_of_bar(const Client *client, const json_t *row) {
        return terminal_bar(client, (unsigned) member_integer(row, "free"),
                            (unsigned) member_integer(row, "total"), BAR_WIDTH);
}

static char *text_of_member_bar(const Client *client, const json_t *row) {
        return json_object_get(row, "total") ? text_of_bar(client, row) : strdup("");
}

static char *text_of_place(const Client *client, const json_t *attachment) {
        bool live = json_is_true(json_object_get(attachment, "live"));
        bool config = json_is_true(json_object_get(attachment, "config"));

        return text_print("%s%s%s", live ? "live" : "", live && config ? "," : "",
                          config ? "config" : "");
}

static const Column device_columns[] = {
        { "ADDRESS", "address" },
        { "ID", .text = text_of_ids, .minor = 4 },
        { "DRIVER", "driver", .minor = 3 },
        { "NODE", "numa_node", COLUMN_NUMBER, .minor = 2 },
        { "GROUP", "iommu_group", COLUMN_NUMBER, .minor = 1 },
        { "POOL", "pool" },
        { "STATE", "state", COLUMN_WORD },
        { "HOLDER", "holder", COLUMN_MAYBE },
        { "REASONS", .kind = COLUMN_LONG, .text = text_of_reasons },
        { "NAME", .kind = COLUMN_LONG, .text = text_of_name },
};

static const Column pool_columns[] = {
        { "POOL", "name" },
        { "FREE", "free", COLUMN_NUMBER },
        { "TOTAL", "total", COLUMN_NUMBER },
        { "", .text = text_of_bar },
        { "SOURCE", "source", .minor = 1 },
        { "DESCRIPTION", "description", COLUMN_LONG },
};

static const Column alias_columns[] = {
        { "ALIAS", "name" },
        { "FREE", "free", COLUMN_NUMBER },
        { "TOTAL", "total", COLUMN_NUMBER },
        { "UNIT", "unit", .minor = 3 },
        { "NUMA", "numa_policy", .minor = 2 },
        { "SOURCE", "source", .minor = 1 },
        { "MATCH", "match", COLUMN_LONG },
};

static const Column attachment_columns[] = {
        { "NUMBER", "id", COLUMN_NUMBER },
        { "DOMAIN", "domain" },
        { "REQUEST", "request" },
        { "STATE", "state", COLUMN_WORD },
        { "IN", .text = text_of_place },
        { "DEVICES", "devices" },
        { "REASON", "reason", COLUMN_LONG },
        { "LAST ERROR", "last_error", COLUMN_LONG },
};

/* Pools with what is in them. */
static const Column tree_columns[] = {
        { "POOL", "name" },
        { "FREE", "free", COLUMN_NUMBER },
        { "TOTAL", "total", COLUMN_NUMBER },
        { "", .text = text_of_member_bar, .minor = 1 },
        { "STATE", "state", COLUMN_WORD },
        { "HOLDER", "holder", COLUMN_MAYBE },
        { "NAME", "description", COLUMN_LONG },
};

int list_print_devices(const Client *client, const json_t *devices) {
        return table_print(client, device_columns, N_ELEMENTS(device_columns), devices,
                           "physical_function");
}

int list_print_pools(const Client *client, const json_t *pools) {
        return table_print(client, pool_columns, N_ELEMENTS(pool_columns), pools, NULL);
}

int list_print_attachments(const Client *client, const json_t *attachments) {
        return table_print(client, attachment_columns, N_ELEMENTS(attachment_columns), attachments,
                           NULL);
}

json_t *list_select_devices(const Objects *objects, const json_t *keys) {
        _cleanup_(json_decrefp) json_t *devices = json_array(), *by_address = json_object();
        json_t *device;
        const json_t *key;
        size_t i;

        json_array_foreach(objects->lists[OBJECT_DEVICE], i, device) {
                if (json_object_set(by_address, member_text(device, "address"), device) < 0)
                        return NULL;
        }

        json_array_foreach(keys, i, key) {
                device = json_object_get(by_address, json_string_value(key) ?: "");
                if (device && json_array_append(devices, device) < 0)
                        return NULL;
        }

        return TAKE(devices);
}

/* Says in place of an empty table what to do about it. */
static int print_nothing(const Client *client, const char *text) {
        if (!client->no_legend)
                puts(text);
        return STATUS_DONE;
}

/* Without --all what nobody lends and nobody got by us is left out. */
static json_t *select_lendable(const json_t *devices) {
        _cleanup_(json_decrefp) json_t *chosen = json_array();
        json_t *device;
        size_t i;

        json_array_foreach(devices, i, device) {
                bool lendable = json_is_string(json_object_get(device, "pool")) ||
                                json_is_integer(json_object_get(device, "attachment"));

                if (lendable && json_array_append(chosen, device) < 0)
                        return NULL;
        }

        return TAKE(chosen);
}

int verb_devices(Client *client, char **arguments) {
        _cleanup_(json_decrefp) json_t *devices = NULL;
        _cleanup_(objects_done) Objects objects = { 0 };
        int status;

        status = objects_read(client, &objects);
        if (status != STATUS_DONE)
                return status;

        devices = client->all ? json_incref(objects.lists[OBJECT_DEVICE])
                              : select_lendable(objects.lists[OBJECT_DEVICE]);
        if (!devices)
                return complain_errno(-ENOMEM, "Cannot list");
        if (client->json)
                return json_print(devices);
        if (json_array_size(devices) == 0)
                return print_nothing(client, client->all
                                                     ? "This host has no PCI devices."
                                                     : "No device is in a pool; --all shows those "
                                                       "in none, 'hostdevctl pools' the pools.");
        return list_print_devices(client, devices);
}

static int list(Client *client, ObjectKind kind, const Column *columns, size_t n_columns,
                const char *nothing) {
        _cleanup_(objects_done) Objects objects = { 0 };
        int status;

        status = objects_read(client, &objects);
        if (status != STATUS_DONE)
                return status;
        if (client->json)
                return json_print(objects.lists[kind]);
        if (json_array_size(objects.lists[kind]) == 0)
                return print_nothing(client, nothing);

        return table_print(client, columns, n_columns, objects.lists[kind], NULL);
}

/* A row of the tree for a device: it hangs from its PF, when that is in the same pool. */
static json_t *make_member(const Client *client, const Objects *objects, const json_t *device,
                           const json_t *pool) {
        const char *parent = member_text(device, "physical_function");
        _cleanup_(freep) char *name = text_of_name(client, device);
        const json_t *function = objects_find(objects, OBJECT_DEVICE, parent);
        const char *own = member_text(pool, "name");

        if (!text_equal(member_text(function, "pool"), own))
                parent = own;
        return name ? json_pack("{ssssssssss}", "name", member_text(device, "address"), "state",
                                member_text(device, "state"), "holder",
                                member_text(device, "holder"), "description", name, "parent",
                                parent)
                    : NULL;
}

static json_t *make_tree(const Client *client, const Objects *objects) {
        _cleanup_(json_decrefp) json_t *rows = json_array();
        const json_t *pool, *device;
        size_t i, j;

        json_array_foreach(objects->lists[OBJECT_POOL], i, pool) {
                _cleanup_(json_decrefp) json_t *devices =
                        list_select_devices(objects, json_object_get(pool, "devices"));

                if (!devices || json_array_append(rows, (json_t *) pool) < 0)
                        return NULL;

                json_array_foreach(devices, j, device) {
                        json_t *row = make_member(client, objects, device, pool);

                        if (json_array_append_new(rows, row) < 0)
                                return NULL;
                }
        }

        return TAKE(rows);
}

static int print_tree(Client *client) {
        _cleanup_(json_decrefp) json_t *rows = NULL;
        _cleanup_(objects_done) Objects objects = { 0 };
        int status;

        status = objects_read(client, &objects);
        if (status != STATUS_DONE)
                return status;

        rows = make_tree(client, &objects);
        if (!rows)
                return complain_errno(-ENOMEM, "Cannot list");
        return table_print(client, tree_columns, N_ELEMENTS(tree_columns), rows, "parent");
}

int verb_pools(Client *client, char **arguments) {
        if (client->all && !client->json)
                return print_tree(client);

        return list(client, OBJECT_POOL, pool_columns, N_ELEMENTS(pool_columns),
                    "No pools: define one in hostdevd.conf(5) or by 'hostdevctl pool add'.");
}

int verb_aliases(Client *client, char **arguments) {
        return list(client, OBJECT_ALIAS, alias_columns, N_ELEMENTS(alias_columns),
                    "No aliases: define one in hostdevd.conf(5) or by 'hostdevctl alias add'.");
}

int verb_attachments(Client *client, char **arguments) {
        return list(client, OBJECT_ATTACHMENT, attachment_columns, N_ELEMENTS(attachment_columns),
                    "No attachments: 'hostdevctl attach DOMAIN REQUEST' makes one.");
}
