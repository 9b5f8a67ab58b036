/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watches: of which domains something is to be remembered between two words of libvirt.
 *
 * Many events become one reading, and of a domain that vanished while nobody looked the end can be
 * told. What a domain holds is not remembered here.
 */
#pragma once

#include "core/domain.h"

typedef struct Watch {
        char uuid[UUID_TEXT_SIZE];
        bool present; /* told as such */
        bool listed;  /* by the connection that is being taken over */
        bool reading; /* a job is on its way */
        bool again;   /* something happened since; or there is no connection yet */
} Watch;

typedef struct Watches {
        Watch *items;
        size_t n_items;
} Watches;

void watches_done(Watches *watches);

/* That of a domain, made when there is none; NULL without memory. Valid until the next call. */
Watch *watches_get(Watches *watches, const char *uuid);

/* Forgets the domains of which there is nothing to remember. */
void watches_trim(Watches *watches);
