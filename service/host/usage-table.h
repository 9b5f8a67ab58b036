/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Usage table: functions and their uses, and the readers that fill it. For usage.c and its parts alone.
 *
 * A reader finds that what it reads may change meanwhile: something that is gone is not used.
 */
#pragma once

#include <limits.h>

#include "core/address.h"
#include "util/cleanup.h"

typedef struct UsageEntry {
        Address address;
        char *what; /* fit to be shown */
} UsageEntry;

typedef struct UsageTable {
        UsageEntry *entries;
        size_t n_entries;
} UsageTable;

void usage_table_done(UsageTable *table);
/* "" for a function that nothing uses. */
const char *usage_table_find(const UsageTable *table, Address address);

/**
 * usage_table_add() - every function that @path leads through is used, and the physical one of a virtual
 *
 * The first use of a function counts; of mount points the shortest, so / before what is below it.
 *
 * Return: 0 or -ENOMEM.
 */
int usage_table_add(UsageTable *table, const char *path, const char *what);

/* Network interfaces of this namespace, as far as they matter here. */
typedef struct UsageInterface {
        int index, stacked_on; /* 0: none */
        char name[16];
        bool is_up, is_port, has_address, has_route, carries_another;
} UsageInterface;

typedef struct UsageInterfaces {
        UsageInterface *interfaces;
        size_t n_interfaces;
} UsageInterfaces;

void usage_interfaces_done(UsageInterfaces *interfaces);
UsageInterface *usage_interfaces_find(const UsageInterfaces *interfaces,
                                      int index); /* NULL: none */

/* The functions below a disk, by its name in sysfs or a link to it, through all that it is made of. 0 or -ENOMEM. */
int usage_add_disk(UsageTable *table, const char *name, const char *what);
int usage_add_disk_at(UsageTable *table, const char *path, const char *what);

/* What sysfs calls the disk at /dev/NAME or /dev/mapper/NAME. False when there is none. */
bool usage_find_disk_name(const char *device, char name[static NAME_MAX + 1]);

/* Each 0, -ENOMEM, or another negative errno when the source itself cannot be read. */
int usage_read_mounts(UsageTable *table, const char *path);
int usage_read_swaps(UsageTable *table, const char *path);
int usage_read_stacks(UsageTable *table);
int usage_read_zfs(UsageTable *table);
int usage_read_console(UsageTable *table);
int usage_read_input(UsageTable *table);
int usage_read_thunderbolt(UsageTable *table);
int usage_read_interfaces(UsageTable *table, UsageInterfaces *ret);

/* A socket that receives what changes at interfaces; negative errno. */
int usage_listen_to_interfaces(void);
/* Takes everything from the socket: 1 when it matters to the table of @interfaces, 0, or negative errno. */
int usage_interfaces_changed(int socket, const UsageInterfaces *interfaces);
