/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Show: all that is known of one thing.
 */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "advice.h"
#include "core/address.h"
#include "json.h"
#include "list.h"
#include "terminal.h"
#include "util/text.h"
#include "value.h"

typedef struct Row {
        const char *label, *member;
} Row;

static const Row device_rows[] = {
        { "Vendor", "vendor_name" },
        { "Product", "product_name" },
        { "Class", "class_name" },
        { "Type", "device_type" },
        { "Driver", "driver" },
        { "State", "state" },
        { "Reasons", "reasons" },
        { "Holder", "holder" },
        { "Pool", "pool" },
        { "Tags", "tags" },
        { "Attachment", "attachment" },
        { "NUMA node", "numa_node" },
        { "IOMMU group", "iommu_group" },
        { "Group has", "group_addresses" },
        { "PF", "physical_function" },
        { "VFs", "virtual_functions" },
        { "VFs at most", "max_virtual_functions" },
        { "Reset", "reset_methods" },
        { "Power", "power_state" },
};

static const Row pool_rows[] = {
        { "Description", "description" },
        { "Source", "source" },
        { "Match", "match" },
        { "Total", "total" },
        { "Free", "free" },
};

static const Row alias_rows[] = {
        { "Source", "source" },           { "Match", "match" }, { "Unit", "unit" },
        { "NUMA policy", "numa_policy" }, { "Total", "total" }, { "Free", "free" },
};

static const Row attachment_rows[] = {
        { "Domain", "domain" },   { "UUID", "domain_uuid" }, { "Request", "request" },
        { "State", "state" },     { "Running", "live" },     { "Definition", "config" },
        { "Owner", "owner_uid" }, { "Reason", "reason" },    { "Last error", "last_error" },
};

static const struct {
        const Row *rows;
        size_t n_rows;
} kinds[_OBJECT_KIND_END] = {
        [OBJECT_DEVICE] = { device_rows, N_ELEMENTS(device_rows) },
        [OBJECT_POOL] = { pool_rows, N_ELEMENTS(pool_rows) },
        [OBJECT_ALIAS] = { alias_rows, N_ELEMENTS(alias_rows) },
        [OBJECT_ATTACHMENT] = { attachment_rows, N_ELEMENTS(attachment_rows) },
};

/* An unknown node or group, and no VFs at all, are not worth a line, as "" is not. */
static bool is_worth_a_line(const Row *row, const json_t *value, const char *text) {
        json_int_t least = text_equal(row->member, "max_virtual_functions") ? 1 : 0;

        return *text && !(json_is_integer(value) && json_integer_value(value) < least);
}

static int print_row(const Client *client, const Row *row, const json_t *object) {
        const json_t *value = json_object_get(object, row->member);
        _cleanup_(freep) char *text = value_text(value), *line = NULL;

        line = text ? terminal_escape(text) : NULL;
        if (!line)
                return complain_errno(-ENOMEM, "Cannot print");
        if (!is_worth_a_line(row, value, text))
                return STATUS_DONE;

        printf("%14s: ", row->label);
        if (text_equal(row->member, "state"))
                terminal_print_word(client, line);
        else
                fputs(line, stdout);
        putchar('\n');
        return STATUS_DONE;
}

static void print_ids(const json_t *device) {
        printf("%14s: %s:%s", "Ids", member_text(device, "vendor_id"),
               member_text(device, "product_id"));
        if (*member_text(device, "subsystem_vendor_id"))
                printf(" subsystem %s:%s", member_text(device, "subsystem_vendor_id"),
                       member_text(device, "subsystem_product_id"));
        printf(" class %s\n", member_text(device, "class_code"));
}

static void print_since(const json_t *attachment) {
        time_t seconds = (time_t) (member_integer(attachment, "created_usec") / 1000000);
        struct tm local;
        char text[64];

        if (localtime_r(&seconds, &local) && strftime(text, sizeof(text), "%F %T %Z", &local) > 0)
                printf("%14s: %s\n", "Since", text);
}

static int print_object(const Client *client, const Objects *objects, ObjectKind kind,
                        const json_t *object) {
        _cleanup_(json_decrefp) json_t *devices = NULL;
        _cleanup_(freep) char *key = object_key(object), *line = NULL;
        int status;

        line = key ? terminal_escape(key) : NULL;
        if (!line)
                return complain_errno(-ENOMEM, "Cannot print");

        printf("%s %s\n", object_kind_name(kind), line);
        if (kind == OBJECT_DEVICE)
                print_ids(object);

        for (size_t i = 0; i < kinds[kind].n_rows; i++) {
                status = print_row(client, &kinds[kind].rows[i], object);
                if (status != STATUS_DONE)
                        return status;
        }
        if (kind == OBJECT_ATTACHMENT)
                print_since(object);

        devices = list_select_devices(objects, json_object_get(object, "devices"));
        if (!devices)
                return complain_errno(-ENOMEM, "Cannot print");
        if (json_array_size(devices) == 0)
                return STATUS_DONE;

        putchar('\n');
        return list_print_devices(client, devices);
}

/* The things of this name: { "pool": object, "alias": object }. */
static json_t *find_things(const Objects *objects, const char *thing) {
        _cleanup_(json_decrefp) json_t *things = json_object();
        char text[ADDRESS_TEXT_SIZE];
        Address address;

        if (address_parse(thing, &address) == 0)
                thing = address_format(address, text);

        for (ObjectKind kind = OBJECT_DEVICE; kind < _OBJECT_KIND_END; kind++) {
                json_t *object = objects_find(objects, kind, thing);

                if (object && json_object_set(things, object_kind_name(kind), object) < 0)
                        return NULL;
        }

        return TAKE(things);
}

static int complain_unknown(const Objects *objects, const char *thing) {
        _cleanup_(freep) char *advice = advice_thing(objects, thing);

        return complain(STATUS_UNKNOWN, "No device, pool, alias or attachment '%s'%s", thing,
                        advice ?: "");
}

int verb_show(Client *client, char **arguments) {
        _cleanup_(json_decrefp) json_t *things = NULL;
        _cleanup_(objects_done) Objects objects = { 0 };
        bool is_first = true;
        int status;

        status = objects_read(client, &objects);
        if (status != STATUS_DONE)
                return status;

        things = find_things(&objects, arguments[0]);
        if (!things)
                return complain_errno(-ENOMEM, "Cannot show");
        if (json_object_size(things) == 0)
                return complain_unknown(&objects, arguments[0]);
        if (client->json)
                return json_print(things);

        for (ObjectKind kind = OBJECT_DEVICE; kind < _OBJECT_KIND_END; kind++) {
                const json_t *object = json_object_get(things, object_kind_name(kind));

                if (!object)
                        continue;
                if (!is_first)
                        putchar('\n');
                is_first = false;

                status = print_object(client, &objects, kind, object);
                if (status != STATUS_DONE)
                        return status;
        }
        return STATUS_DONE;
}
