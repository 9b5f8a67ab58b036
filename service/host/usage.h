/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Usage: what of the host itself uses a PCI function, or something below it: a mounted file system or
 * swap on its disks (through partitions, LVM, dm, md, bcache, multipath, NVMe with several paths, loops over a
 * disk, all devices of a btrfs), a volume, an array or a ZFS pool on them that is set up, a network interface
 * that is up and has an address, a route or something stacked on it, or is the port of a bridge or bond, the
 * console's frame buffer, an input device on its USB bus, what is connected by Thunderbolt. What uses a virtual
 * function uses its physical one.
 *
 * A small table, read anew only when the kernel says that a source of it has changed. Without privileges.
 * Not seen: other programs that have a device open, and what is mounted or configured in other mount and
 * network namespaces alone.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/address.h"
#include "util/cleanup.h"

typedef struct Usage Usage;

/* Where to read; for tests. */
typedef struct UsagePaths {
        const char *mounts; /* as /proc/self/mountinfo */
        const char *swaps;  /* as /proc/swaps */
} UsagePaths;

/* Begins to listen, and reads the table. @paths: NULL for the kernel's; strings are copied. 0 or negative errno. */
int usage_new(Usage **ret, const UsagePaths *paths);
Usage *usage_free(Usage *usage); /* NULL is fine; always returns NULL */
DEFINE_CLEANUP(Usage *, usage_free);

/* Readable when the table may have changed: then usage_take_changes() is due. Owned by the usage. */
int usage_fd(const Usage *usage);

/* Reads the table anew: always, or only when a source has told of a change. 0 or negative errno, table as it was. */
int usage_refresh(Usage *usage, bool always);

/*
 * A mount point, "swap", a volume, array or pool, a network interface, "display", "input" or "thunderbolt"; "" for nothing. Valid until the
 * next refresh.
 */
const char *usage_of(const Usage *usage, Address address);

/**
 * usage_take_changes() - refresh, and tell what is used otherwise than before
 * @ret: addresses, each once, since they were last taken; an array for free()
 *
 * Return: 0 or negative errno.
 */
int usage_take_changes(Usage *usage, Address **ret, size_t *ret_n);
