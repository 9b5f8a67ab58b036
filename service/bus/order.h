/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Order: what a caller wrote, looked up: request text and domain of Attach and Explain.
 */
#pragma once

#include "manager.h"

/* Reads the request, then looks up its names. 0, REQUEST_INVALID, ALIAS_UNKNOWN or -ENOMEM. */
int order_read_request(const Registry *registry, const char *text, Request **ret, Refusal *refusal);

/*
 * By name or UUID. 0; DOMAIN_UNKNOWN, or HYPERVISOR_UNAVAILABLE while not all that libvirt said of domains could be taken
 * over; -ENOMEM.
 */
int order_find_domain(const Registry *registry, const char *text, const DomainFacts **ret,
                      Refusal *refusal);

/* live and config as the caller gave them, or not. */
typedef struct OrderScope {
        int live, config;
        bool live_given, config_given;
} OrderScope;

/**
 * order_scope() - which of the domain's two XMLs are meant
 * @can_live: manager_can_attach_live(); where it is false the definition alone is the default (CONTRACT 8)
 *
 * Return: 0; ARGUMENTS_INVALID for the running XML of a stopped domain, the definition of one that has
 * none, or neither; -ENOMEM.
 */
int order_scope(const DomainFacts *domain, const OrderScope *scope, bool can_live, bool *ret_live,
                bool *ret_config, Refusal *refusal);
