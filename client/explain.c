/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Explain: why a request fits or does not, and whether the host is fit to lend at all.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "call.h"
#include "json.h"
#include "table.h"
#include "terminal.h"
#include "util/text.h"
#include "value.h"

/* An array of structs becomes one of objects, whose members are @names. */
static json_t *name_fields(const json_t *rows, const char *const *names, size_t n_names) {
        _cleanup_(json_decrefp) json_t *named = json_array();
        const json_t *row;
        size_t i;

        json_array_foreach(rows, i, row) {
                json_t *object = json_object();

                if (json_array_append_new(named, object) < 0)
                        return NULL;

                for (size_t j = 0; j < n_names; j++)
                        if (json_object_set(object, names[j], json_array_get(row, j)) < 0)
                                return NULL;
        }

        return TAKE(named);
}

static int read_explanation(sd_bus_message *reply, json_t **ret) {
        static const char *const names[] = { "item", "device", "chosen", "reasons", "details" };
        _cleanup_(json_decrefp) json_t *fits = NULL, *rows = NULL, *summary = NULL, *named = NULL;
        json_t *document;
        int r;

        r = value_read(reply, &fits);
        if (r == 0)
                r = value_read(reply, &rows);
        if (r == 0)
                r = value_read(reply, &summary);
        if (r < 0)
                return r;

        named = name_fields(rows, names, N_ELEMENTS(names));
        document = json_pack("{sOsOsO}", "fits", fits, "candidates", named, "summary", summary);
        if (!document)
                return -ENOMEM;

        *ret = document;
        return 0;
}

/* What is empty is left out, and the number of the item: the rows are in its order. */
static char *text_of_details(const Client *client, const json_t *row) {
        _cleanup_(list_freep) char **words = NULL;
        const char *name;
        json_t *value;

        json_object_foreach(json_object_get(row, "details"), name, value) {
                _cleanup_(freep) char *text = value_text(value), *word = NULL;

                if (strcmp(name, "item") == 0 || (text && !*text))
                        continue;
                word = text ? text_print("%s=%s", name, text) : NULL;
                if (!word || list_append(&words, word) < 0)
                        return NULL;
        }

        return list_join(words, " ");
}

static int print_explanation(const Client *client, const json_t *document) {
        static const Column columns[] = {
                { "ITEM", "item" },
                { "DEVICE", "device" },
                { "CHOSEN", "chosen" },
                { "REASONS", "reasons" },
                { "DETAILS", .kind = COLUMN_LONG, .text = text_of_details },
        };
        const json_t *rows = json_object_get(document, "candidates");
        const char *text = member_text(json_object_get(document, "summary"), "text");
        bool fits = json_is_true(json_object_get(document, "fits"));
        _cleanup_(freep) char *line = terminal_escape(text);
        int status = STATUS_DONE;

        if (json_array_size(rows) > 0) {
                status = table_print(client, columns, N_ELEMENTS(columns), rows, NULL);
                if (!client->no_legend)
                        putchar('\n');
        }

        if (!client->no_legend)
                printf("%s%s%s\n", fits ? "fits" : "does not fit", line && *line ? ": " : "",
                       line ?: "");
        return status;
}

int verb_explain(Client *client, char **arguments) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_(json_decrefp) json_t *document = NULL;
        int r, status;

        status = call_new(client, SERVICE_PATH, MANAGER, "Explain", &call);
        if (status != STATUS_DONE)
                return status;

        r = sd_bus_message_append(call, "s", arguments[0]);
        if (r >= 0)
                r = sd_bus_message_open_container(call, SD_BUS_TYPE_ARRAY, "{sv}");
        if (r >= 0 && client->domain)
                r = call_append_option(call, "domain", "s", client->domain);
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        if (r < 0)
                return call_complain(r);

        status = call_send(client, call, &reply);
        if (status != STATUS_DONE)
                return status;

        r = read_explanation(reply, &document);
        if (r < 0)
                return call_complain(r);

        return client->json ? json_print(document) : print_explanation(client, document);
}

static bool any_fails(const json_t *checks) {
        const json_t *check;
        size_t i;

        json_array_foreach(checks, i, check) {
                if (strcmp(member_text(check, "result"), "fail") == 0)
                        return true;
        }
        return false;
}

int verb_check_host(Client *client, char **arguments) {
        static const char *const names[] = { "id", "result", "evidence", "fix" };
        static const Column columns[] = {
                { "CHECK", "id" },
                { "RESULT", "result", COLUMN_WORD },
                { "EVIDENCE", "evidence", COLUMN_PROSE },
                { "WHAT TO DO", "fix", COLUMN_PROSE },
        };
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_(json_decrefp) json_t *rows = NULL, *checks = NULL;
        int r, status;

        status = call_new(client, SERVICE_PATH, MANAGER, "CheckHost", &call);
        if (status == STATUS_DONE)
                status = call_send(client, call, &reply);
        if (status != STATUS_DONE)
                return status;

        r = value_read(reply, &rows);
        if (r < 0)
                return call_complain(r);

        checks = name_fields(rows, names, N_ELEMENTS(names));
        if (!checks)
                return complain_errno(-ENOMEM, "Cannot print");

        status = client->json ? json_print(checks)
                              : table_print(client, columns, N_ELEMENTS(columns), checks, NULL);
        return status == STATUS_DONE && any_fails(checks) ? STATUS_FAILED : status;
}
