/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Callers: a connection of its own for each job that runs.
 *
 * Two threads on one connection to a libvirt daemon are not safe: until version 10.4 libvirt's client
 * leaves a watch with an address on the stack of one thread behind when another one makes a call
 * meanwhile (CVE-2024-4418), and is lost at the next answer. It also lets one thread read all the
 * answers. So the link's own connection only opens, listens and closes, and each job borrows another.
 *
 * They are opened as they are needed, at most one for each thread of the worker, and close with the
 * link. A driver that lives in this process needs none of that, and may keep its domains in the
 * connection: there the link itself is lent.
 */
#pragma once

#include "vm/libvirt-link.h"

/**
 * caller_borrow() - a connection for one job
 * @ret: has no events; what is known of the host is the link's
 *
 * May block. Return: 0; HYPERVISOR_UNAVAILABLE, also when the link was closed meanwhile; -ENOMEM.
 */
int caller_borrow(Link *link, Link **ret, Refusal *refusal);

/* One that is broken is not lent again, and the link is lost with it. */
void caller_return(Link *link, Link *caller);
