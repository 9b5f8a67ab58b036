/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/details.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "util/text.h"

typedef struct Details {
        char **aliases, **pools, **devices;
        size_t count;
} Details;

static void details_done(Details *details) {
        list_free(details->aliases);
        list_free(details->pools);
        list_free(details->devices);
}

static int append_pair(char ***list, const char *key, const char *value) {
        int r;

        r = list_append(list, key);
        return r < 0 ? r : list_append(list, value);
}

/* Under its plural all of them; under its singular one alone, so that a rule about it fails closed. */
static int append_names(char ***list, const char *singular, const char *plural, char **names) {
        _cleanup_(freep) char *joined = NULL;
        int r;

        list_sort_unique(names);
        joined = list_join(names, " ");
        if (!joined)
                return -ENOMEM;

        if (singular && list_length(names) == 1) {
                assert(names);
                r = append_pair(list, singular, names[0]);
                if (r < 0)
                        return r;
        }

        return append_pair(list, plural, joined);
}

static const char *word(bool value) {
        return value ? "true" : "false";
}

static int details_print(const Details *details, const DetailsScope *scope, char ***ret) {
        _cleanup_(list_freep) char **list = NULL;
        char count[sizeof("18446744073709551615")];
        int r;

        snprintf(count, sizeof(count), "%zu", details->count);

        const char *const rest[] = {
                "count",       count,
                "domain",      scope->domain,
                "domain-uuid", scope->domain_uuid,
                "live",        word(scope->live),
                "config",      word(scope->config),
                "force",       word(scope->force),
        };

        r = append_names(&list, "alias", "aliases", details->aliases);
        if (r == 0)
                r = append_names(&list, "pool", "pools", details->pools);
        if (r == 0)
                r = append_names(&list, NULL, "devices", details->devices);
        for (size_t i = 0; r == 0 && i < N_ELEMENTS(rest); i++)
                r = list_append(&list, rest[i]);
        if (r < 0)
                return r;

        *ret = TAKE(list);
        return 0;
}

static int add_aliases(Details *details, const Request *request) {
        for (size_t i = 0; i < request->n_items; i++) {
                int r = list_append(&details->aliases, request->items[i].alias);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_device(Details *details, Address address, const Device *device) {
        char text[ADDRESS_TEXT_SIZE];
        int r;

        r = list_append(&details->devices, address_format(address, text));
        if (r < 0)
                return r;

        details->count++;
        return device && device->pool ? list_append(&details->pools, device->pool->name) : 0;
}

int details_of_plan(const Request *request, const Plan *plan, const DetailsScope *scope,
                    char ***ret) {
        _cleanup_(details_done) Details details = { 0 };
        int r;

        r = add_aliases(&details, request);
        if (r < 0)
                return r;

        for (size_t i = 0; plan && i < plan->n_choices; i++) {
                const Device *device = plan->choices[i].device;

                r = add_device(&details, device->address, device);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; !plan && i < request->n_items; i++)
                details.count += request->items[i].count;

        return details_print(&details, scope, ret);
}

int details_of_attachment(const Registry *registry, const Attachment *attachment, char ***ret) {
        const DetailsScope scope = {
                .domain = attachment->domain,
                .domain_uuid = attachment->domain_uuid,
                .live = attachment->live,
                .config = attachment->config,
        };
        _cleanup_(details_done) Details details = { 0 };
        _cleanup_(request_freep) Request *request = NULL;
        int r;

        /* It was read when the attachment was made, or comes out of the journal as it was written then. */
        r = request_parse(attachment->request, &request, NULL);
        if (r < 0)
                return r;

        r = request ? add_aliases(&details, request) : 0;
        for (size_t i = 0; r == 0 && i < attachment->n_devices; i++) {
                const AttachedDevice *held = &attachment->devices[i];

                if (!held->left)
                        r = add_device(&details, held->address,
                                       inventory_find(&registry->inventory, held->address));
        }

        return r < 0 ? r : details_print(&details, &scope, ret);
}
