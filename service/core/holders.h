/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Holders: which attachment, and which domain by its running or saved XML, names which address.
 *
 * One table, sorted by address. It says who names a device, and borrows all it points to; what
 * follows from it (ours or a stranger's, left or still held) is concluded where it is asked.
 */
#pragma once

#include "core/attachment.h"

typedef struct Holder {
        Address address;
        const Attachment *attachment; /* either this, and its device … */
        const DomainFacts *domain;    /* … or this, and how: */
        size_t index;    /* of the device in the attachment or, by its alias, claimed */
        uint32_t number; /* of the attachment, or the one that the alias claims; 0: none */
        bool live;       /* by the running XML */
} Holder;

typedef struct Holders {
        Holder *items;
        size_t n_items, n_room;
} Holders;

void holders_done(Holders *holders);

/* Room for that many more, so that the next additions cannot fail. 0 or -ENOMEM. */
int holders_reserve(Holders *holders, size_t n_more);

/* Each has room for all its devices reserved. */
void holders_add_attachment(Holders *holders, const Attachment *attachment);
void holders_add_domain(Holders *holders, const DomainFacts *domain);
/* The PCI device of which a mediated device of the domain is made. */
void holders_add_parent(Holders *holders, const DomainFacts *domain, Address parent, bool live);

/* Forgets what an attachment or the facts of a domain brought in. */
void holders_remove(Holders *holders, const void *owner);

/* The entries of an address one after the other: start with NULL, ends with NULL. */
const Holder *holders_next(const Holders *holders, Address address, const Holder *previous);

/* Is the device held by this entry? Not by an attachment that has let it go. */
bool holder_holds(const Holder *holder);

/* Does anybody hold what is at the address? */
bool holders_hold(const Holders *holders, Address address);

/* UUID of the domain that has the device by it. */
const char *holder_domain_uuid(const Holder *holder);
