/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/request.h"

#include <errno.h>
#include <string.h>

#include "core/quote.h"
#include "util/text.h"

enum {
        ALIAS_SIZE_MAX = 256 * 4 /* bytes: Nova's names have up to 256 characters */
};

Request *request_free(Request *request) {
        if (!request)
                return NULL;

        for (size_t i = 0; i < request->n_items; i++)
                free(request->items[i].alias);
        free(request);
        return NULL;
}

/* A number from 1 to 64, digits only; 0 for anything else. */
static unsigned parse_count(const char *text) {
        unsigned count = 0;

        for (const char *c = text; *c; c++) {
                if (*c < '0' || *c > '9')
                        return 0;

                count = count * 10 + (unsigned) (*c - '0');
                if (count > REQUEST_DEVICES_MAX)
                        return 0;
        }

        return count;
}

/* Reads ALIAS[:COUNT]; @text is cut in pieces. */
static int parse_item(char *text, RequestItem *ret, Refusal *refusal) {
        char quoted[QUOTE_SIZE];
        unsigned count = 1;
        char *alias, *colon;

        text = text_strip(text);
        quote(text, quoted);

        colon = strchr(text, ':');
        if (colon) {
                *colon = '\0';
                count = parse_count(text_strip(colon + 1));
                if (count == 0)
                        return refuse(refusal, REQUEST_INVALID,
                                      "count in '%s' is not a number from 1 to %d", quoted,
                                      REQUEST_DEVICES_MAX);
        }

        alias = text_strip(text);
        if (*alias == '\0')
                return refuse(refusal, REQUEST_INVALID, "'%s' names no alias", quoted);
        if (strlen(alias) > ALIAS_SIZE_MAX || !text_is_line(alias))
                return refuse(refusal, REQUEST_INVALID, "'%s' is not the name of an alias", quoted);

        alias = strdup(alias);
        if (!alias)
                return -ENOMEM;

        *ret = (RequestItem){ .alias = alias, .count = count };
        return 0;
}

/* Copies the item at @text (up to a comma or the end) and reads it into @request. */
static int request_add(Request *request, const char *text, size_t size, Refusal *refusal) {
        _cleanup_(freep) char *copy = NULL;
        int r;

        copy = strndup(text, size);
        if (!copy)
                return -ENOMEM;

        r = parse_item(copy, &request->items[request->n_items], refusal);
        if (r != 0)
                return r;

        request->n_items++;
        return 0;
}

int request_parse(const char *text, Request **ret, Refusal *refusal) {
        _cleanup_(request_freep) Request *request = NULL;
        unsigned n_devices = 0;
        int r;

        request = calloc(1, sizeof(*request));
        if (!request)
                return -ENOMEM;

        if (text[strspn(text, " \t")] == '\0')
                return refuse(refusal, REQUEST_INVALID, "the request is empty");

        for (const char *item = text;; item++) {
                size_t size = strcspn(item, ",");

                if (request->n_items == REQUEST_ITEMS_MAX)
                        return refuse(refusal, REQUEST_INVALID,
                                      "the request has more than %d items", REQUEST_ITEMS_MAX);

                r = request_add(request, item, size, refusal);
                if (r != 0)
                        return r;

                n_devices += request->items[request->n_items - 1].count;
                if (n_devices > REQUEST_DEVICES_MAX)
                        return refuse(refusal, REQUEST_INVALID,
                                      "the request asks for more than %d devices",
                                      REQUEST_DEVICES_MAX);

                item += size;
                if (*item == '\0')
                        break;
        }

        *ret = TAKE(request);
        return 0;
}
