/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What libvirt says of a domain, or of all, as facts. On a thread of the worker.
 */
#pragma once

#include "vm/libvirt-link.h"

/**
 * link_read_domain() - the facts of one domain
 * @domain:   with @uuid; NULL: it is looked up
 * @ret:      not present when libvirt does not know it; unreadable when it does, and its XML is not to be had
 * @ret_text: why it failed, for free(); NULL without memory
 *
 * Return: 0; -EIO when the connection is lost; -ENOMEM.
 */
int link_read_domain(Link *link, virDomainPtr domain, const char *uuid, DomainFacts **ret,
                     char **ret_text);

typedef struct DomainList {
        DomainFacts **items; /* owned; NULL: taken out */
        size_t n_items;
} DomainList;

void domain_list_done(DomainList *list);

/* Every domain, running or not. 0; -EIO or -ENOMEM, and @ret_text as above. */
int link_list_domains(Link *link, DomainList *ret, char **ret_text);
