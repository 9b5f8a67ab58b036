/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Scan: facts from sysfs, names from libpci's list. As a user without privileges, and without waking
 * a sleeping device: attributes only, no configuration space.
 */
#pragma once

#include "core/facts.h"
#include "core/registry.h"

typedef struct Scan Scan;

int scan_new(Scan **ret);    /* 0 or negative errno */
Scan *scan_free(Scan *scan); /* NULL is fine; always returns NULL */
DEFINE_CLEANUP(Scan *, scan_free);

/**
 * scan_one() - read one function
 * @ret: its facts, the caller's; NULL when nothing is at the address
 *
 * A device that vanishes while it is read is not there. Attributes that are missing or make no sense are unknown.
 *
 * Return: 0 or negative errno (of our own trouble: no memory, no descriptors).
 */
int scan_one(Scan *scan, Address address, Facts **ret);

/* Every address in the host, bridges included, ascending: an array for free(). 0 or negative errno. */
int scan_addresses(Scan *scan, Address **ret, size_t *ret_n);

/*
 * The use by the host changes without an event of the device: a file system is mounted, an interface gets
 * an address. The descriptor is readable when that may be so; then these are the addresses to read again
 * (each once, an array for free()). 0 or negative errno.
 */
int scan_use_fd(const Scan *scan);
int scan_take_use_changes(Scan *scan, Address **ret, size_t *ret_n);

/* Between scans: gives back what only they need. Was there anything to give? */
bool scan_rest(Scan *scan);

/* NUMA nodes and their sockets; @ret's array for free(). 0 or -ENOMEM. */
int scan_topology(Topology *ret);
