/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Explain: why a request fits or does not.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "call.h"
#include "explain-words.h"
#include "json.h"
#include "table.h"
#include "terminal.h"
#include "util/text.h"
#include "value.h"

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

        named = value_name_fields(rows, names, N_ELEMENTS(names));
        document = json_pack("{sOsOsO}", "fits", fits, "candidates", named, "summary", summary);
        if (!document)
                return -ENOMEM;

        *ret = document;
        return 0;
}

enum {
        SPARE_MAX = 4,    /* rows of an item that are neither chosen nor refused */
        REFUSED_MAX = 16, /* rows that are refused */
};

/* How a row is shown; in this order. */
typedef enum RowKind {
        ROW_CHOSEN,
        ROW_SPARE,
        ROW_REFUSED,
        ROW_STRANGE, /* the item does not mean it */
        _ROW_KIND_END,
} RowKind;

static bool has_reason(const json_t *row, const char *word) {
        const json_t *reason;
        size_t i;

        json_array_foreach(json_object_get(row, "reasons"), i, reason) {
                if (text_equal(json_string_value(reason), word))
                        return true;
        }
        return false;
}

static RowKind row_kind(const json_t *row) {
        if (json_is_true(json_object_get(row, "chosen")))
                return ROW_CHOSEN;
        if (has_reason(row, "ids") || has_reason(row, "type") || has_reason(row, "tags"))
                return ROW_STRANGE;
        return json_array_size(json_object_get(row, "reasons")) > 0 ? ROW_REFUSED : ROW_SPARE;
}

static const char *row_mark(const Client *client, RowKind kind) {
        static const char *const marks[][2] = {
                [ROW_CHOSEN] = { "+", "✓" },
                [ROW_SPARE] = { ".", "·" },
                [ROW_REFUSED] = { "x", "✗" },
                [ROW_STRANGE] = { "x", "✗" },
        };

        return marks[kind][client->utf8];
}

/* A row of the table from one of the answer. */
static int add_row(const Client *client, const json_t *document, const json_t *row, json_t *rows) {
        const json_t *details = json_object_get(row, "details");
        _cleanup_(freep) char *words = explain_words(document, row);
        json_t *node = json_object_get(details, "numa_node");
        json_t *shown;

        shown = !words ? NULL
                       : json_pack("{sssOsssO?ss}", "mark", row_mark(client, row_kind(row)),
                                   "device", json_object_get(row, "device"), "product",
                                   member_text(details, "product"), "node", node, "words", words);
        return shown && json_array_append_new(rows, shown) == 0 ? 0 : -ENOMEM;
}

/* Are so many of this kind shown, and no more? */
static bool is_beyond(const Client *client, RowKind kind, size_t n_before) {
        static const size_t most[] = {
                [ROW_CHOSEN] = SIZE_MAX,
                [ROW_SPARE] = SPARE_MAX,
                [ROW_REFUSED] = REFUSED_MAX,
                [ROW_STRANGE] = 0,
        };

        return !client->all && n_before >= most[kind];
}

static int collect_rows(const Client *client, const json_t *document, size_t item, json_t *rows,
                        size_t n_left_out[static _ROW_KIND_END]) {
        const json_t *row;
        size_t i;

        for (RowKind kind = 0; kind < _ROW_KIND_END; kind++) {
                size_t n = 0;

                json_array_foreach(json_object_get(document, "candidates"), i, row) {
                        const json_t *details = json_object_get(row, "details");

                        if ((size_t) member_integer(details, "item") != item ||
                            row_kind(row) != kind)
                                continue;

                        if (is_beyond(client, kind, n++))
                                n_left_out[kind]++;
                        else if (add_row(client, document, row, rows) < 0)
                                return -ENOMEM;
                }
        }

        return 0;
}

/* "nic: wanted 4, fits 2 (NUMA policy required)" */
static void print_heading(const Client *client, const json_t *item) {
        _cleanup_(freep) char *alias = terminal_escape(member_text(item, "alias"));
        const char *unit = member_text(item, "unit"), *policy = member_text(item, "numa_policy");
        bool has_unit = !text_equal(unit, "function"), has_policy = !text_equal(policy, "legacy");
        json_int_t asked = member_integer(item, "asked"), fits = member_integer(item, "fits");
        const char *colour = fits < asked ? "\033[1;31m" : "\033[1;32m";

        printf("%s%s%s: wanted %lld, %sfits %lld%s", client->colour ? "\033[1m" : "", alias ?: "",
               client->colour ? "\033[0m" : "", (long long) asked, client->colour ? colour : "",
               (long long) fits, client->colour ? "\033[0m" : "");
        if (has_unit || has_policy)
                printf(" (%s%s%s%s)",
                       !has_unit                   ? ""
                       : text_equal(unit, "group") ? "whole IOMMU groups"
                                                   : "whole cards",
                       has_unit && has_policy ? ", " : "", has_policy ? "NUMA policy " : "",
                       has_policy ? policy : "");
        putchar('\n');
}

static void print_left_out(const size_t n_left_out[static _ROW_KIND_END]) {
        static const char *const what[_ROW_KIND_END] = {
                [ROW_SPARE] = "more that would do",
                [ROW_REFUSED] = "more that do not fit",
                [ROW_STRANGE] = "of another kind",
        };
        const char *before = "  (";

        for (RowKind kind = 0; kind < _ROW_KIND_END; kind++) {
                if (n_left_out[kind] == 0)
                        continue;
                printf("%s%zu %s", before, n_left_out[kind], what[kind]);
                before = ", ";
        }
        if (*before == ',')
                puts(": --all shows them)");
}

/* They are fit for a terminal, and their lines are wanted. */
static char *text_of_words(const Client *client, const json_t *row) {
        return strdup(member_text(row, "words"));
}

static int print_item(const Client *client, const json_t *document, size_t number,
                      const json_t *item) {
        static const Column columns[] = {
                { " ", "mark", COLUMN_WORD },
                { "DEVICE", "device" },
                { "NODE", "node", COLUMN_NUMBER },
                { "", .kind = COLUMN_LINES, .text = text_of_words },
                { "PRODUCT", "product", COLUMN_LONG },
        };
        _cleanup_(json_decrefp) json_t *rows = json_array();
        size_t n_left_out[_ROW_KIND_END] = { 0 };
        int status = STATUS_DONE;

        if (!rows || collect_rows(client, document, number, rows, n_left_out) < 0)
                return complain_errno(-ENOMEM, "Cannot print");

        print_heading(client, item);
        if (json_array_size(rows) > 0)
                status = table_print(client, columns, N_ELEMENTS(columns), rows, NULL);
        if (status == STATUS_DONE)
                print_left_out(n_left_out);
        putchar('\n');
        return status;
}

static void print_verdict(const Client *client, const json_t *document) {
        const json_t *summary = json_object_get(document, "summary");
        const char *authorization = member_text(summary, "authorization");
        bool fits = json_is_true(json_object_get(document, "fits"));
        _cleanup_(freep) char *text = terminal_escape(member_text(summary, "text"));

        printf("%s%s%s%s%s", client->colour ? (fits ? "\033[1;32m" : "\033[1;31m") : "",
               fits ? "fits" : "does not fit", client->colour ? "\033[0m" : "",
               text && *text ? ": " : "", text ?: "");
        if (text_equal(authorization, "challenge"))
                printf("; to attach you would have to authenticate");
        else if (fits && text_equal(authorization, "yes"))
                printf("; you may attach it");
        putchar('\n');
}

static int print_explanation(const Client *client, const json_t *document) {
        static const Column plain[] = {
                { "ITEM", "item" },
                { "DEVICE", "device" },
                { "CHOSEN", "chosen" },
                { "REASONS", "reasons" },
        };
        const json_t *item;
        size_t i;

        if (client->no_legend)
                return table_print(client, plain, N_ELEMENTS(plain),
                                   json_object_get(document, "candidates"), NULL);

        json_array_foreach(json_object_get(json_object_get(document, "summary"), "items"), i,
                           item) {
                int status = print_item(client, document, i, item);

                if (status != STATUS_DONE)
                        return status;
        }

        print_verdict(client, document);
        return STATUS_DONE;
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
