/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/order.h"

#include <string.h>

#include "core/quote.h"

int order_read_request(const Registry *registry, const char *text, Request **ret,
                       Refusal *refusal) {
        _cleanup_(request_freep) Request *request = NULL;
        char quoted[QUOTE_SIZE];
        int r;

        r = request_parse(text, &request, refusal);
        if (r != 0)
                return r;

        for (size_t i = 0; i < request->n_items; i++) {
                const char *alias = request->items[i].alias;

                if (!catalog_find_alias(&registry->catalog, alias))
                        return refuse(refusal, ALIAS_UNKNOWN, "no alias \"%s\"",
                                      quote(alias, quoted));
        }

        *ret = TAKE(request);
        return 0;
}

int order_find_domain(const Registry *registry, const char *text, const DomainFacts **ret,
                      Refusal *refusal) {
        const DomainFacts *domain = domains_find(&registry->domains, text);
        char quoted[QUOTE_SIZE];

        if (!domain && registry->domains.missed)
                return refuse(refusal, HYPERVISOR_UNAVAILABLE,
                              "whether there is a domain \"%s\" is not known: out of memory",
                              quote(text, quoted));
        if (!domain)
                return refuse(refusal, DOMAIN_UNKNOWN, "no domain \"%s\"", quote(text, quoted));

        *ret = domain;
        return 0;
}

int order_scope(const DomainFacts *domain, const OrderScope *scope, bool can_live, bool *ret_live,
                bool *ret_config, Refusal *refusal) {
        bool config = scope->config_given ? scope->config : domain->persistent;
        bool live = scope->live_given ? scope->live
                                      : domain->running && (can_live || !domain->persistent);
        char quoted[QUOTE_SIZE];

        if (live && !domain->running)
                return refuse(refusal, ARGUMENTS_INVALID,
                              "option live: domain \"%s\" is not running",
                              quote(domain->name, quoted));
        if (config && !domain->persistent)
                return refuse(refusal, ARGUMENTS_INVALID,
                              "option config: domain \"%s\" has no definition",
                              quote(domain->name, quoted));
        if (!live && !config)
                return refuse(refusal, ARGUMENTS_INVALID, "neither live nor config is asked for");

        *ret_live = live;
        *ret_config = config;
        return 0;
}
