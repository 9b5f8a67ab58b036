/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Usage by ZFS, which tells sysfs nothing of its disks: by what udev has read from them.
 *
 * /proc says which pools are imported, a member's label says of which pool it is. A pool of the same name that is not
 * imported is taken for it.
 */
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include <libudev.h>

#include "host/usage-table.h"
#include "util/cleanup.h"

#define POOLS "/proc/spl/kstat/zfs"

DEFINE_CLEANUP(struct udev *, udev_unref);
DEFINE_CLEANUP(struct udev_enumerate *, udev_enumerate_unref);
DEFINE_CLEANUP(struct udev_device *, udev_device_unref);

/* Each imported pool has a directory here, beside files. */
static bool has_pools(void) {
        bool found = false;
        DIR *directory;

        directory = opendir(POOLS);
        for (struct dirent *entry; directory && !found && (entry = readdir(directory));)
                found = entry->d_type == DT_DIR && entry->d_name[0] != '.';
        if (directory)
                closedir(directory);
        return found;
}

static bool is_imported(const char *pool) {
        bool found = false;
        DIR *directory;

        directory = opendir(POOLS);
        for (struct dirent *entry; directory && !found && (entry = readdir(directory));)
                found = entry->d_type == DT_DIR && strcmp(entry->d_name, pool) == 0;
        if (directory)
                closedir(directory);
        return found;
}

static int add_member(UsageTable *table, struct udev *udev, const char *path) {
        _cleanup_(udev_device_unrefp) struct udev_device *device = NULL;
        const char *type, *pool;

        device = udev_device_new_from_syspath(udev, path);
        if (!device)
                return errno == ENOMEM ? -ENOMEM : 0;

        type = udev_device_get_property_value(device, "ID_FS_TYPE");
        pool = udev_device_get_property_value(device, "ID_FS_LABEL");
        if (!type || strcmp(type, "zfs_member") != 0 || !pool || !is_imported(pool))
                return 0;
        return usage_add_disk(table, udev_device_get_sysname(device), pool);
}

int usage_read_zfs(UsageTable *table) {
        _cleanup_(udev_unrefp) struct udev *udev = NULL;
        _cleanup_(udev_enumerate_unrefp) struct udev_enumerate *disks = NULL;
        int r;

        if (!has_pools())
                return 0;

        udev = udev_new();
        if (!udev)
                return -ENOMEM;
        disks = udev_enumerate_new(udev);
        if (!disks)
                return -ENOMEM;

        r = udev_enumerate_add_match_subsystem(disks, "block");
        if (r >= 0)
                r = udev_enumerate_scan_devices(disks);
        for (struct udev_list_entry *entry = udev_enumerate_get_list_entry(disks); r >= 0 && entry;
             entry = udev_list_entry_get_next(entry))
                r = add_member(table, udev, udev_list_entry_get_name(entry));
        return r < 0 ? r : 0;
}
