/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What libvirt says of a domain, or of all, as facts. On a thread of the worker.
 */
#pragma once

#include "vm/libvirt-link.h"

/**
 * link_read_domain() - the facts of one domain
 * @ret:      not present when libvirt does not know it
 * @ret_text: why it failed, for free(); NULL without memory
 *
 * Return: 0; -EIO when libvirt did not answer; -EINVAL or -E2BIG for XML that is not to be read; -ENOMEM.
 */
int link_read_domain(Link *link, const char *uuid, DomainFacts **ret, char **ret_text);

/* A domain as it was listed. */
typedef struct ListedDomain {
        char uuid[UUID_TEXT_SIZE];
        DomainFacts *facts; /* owned; NULL: its XML is not to be read */
} ListedDomain;

typedef struct DomainList {
        ListedDomain *items;
        size_t n_items;
} DomainList;

void domain_list_done(DomainList *list);

/* Every domain, running or not. 0; -EIO or -ENOMEM, and @ret_text as above. */
int link_list_domains(Link *link, DomainList *ret, char **ret_text);
