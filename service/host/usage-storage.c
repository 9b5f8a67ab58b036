/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Usage of disks: from a disk down to the functions, by the links of sysfs.
 *
 * A disk has its function in its path. One that is made of others (dm, md, bcache) lists them in slaves/;
 * an NVMe disk with several ways to it has one hidden disk below each controller. A volume or an array that
 * is set up is a use, mounted or not: who has set it up may write to it any time.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/sysfs.h"
#include "host/usage-table.h"
#include "util/text.h"

#define BLOCK "/sys/class/block/"

enum {
        DEEPEST_STACK =
                12, /* LVM on dm-crypt on md on multipath is four; a loop of links is none */
        LONGEST_LINK = 1024, /* of sysfs */
};

static int add_disk(UsageTable *table, const char *path, const char *what, unsigned depth);

/* Everything that @path/slaves names. */
static int add_slaves(UsageTable *table, const char *path, const char *what, unsigned depth) {
        _cleanup_(freep) char *slaves = NULL;
        DIR *directory;
        int r = 0;

        slaves = text_print("%s/slaves", path);
        if (!slaves)
                return -ENOMEM;

        directory = opendir(slaves);
        for (struct dirent *entry; directory && r == 0 && (entry = readdir(directory));) {
                _cleanup_(freep) char *slave = NULL;

                if (entry->d_name[0] == '.')
                        continue;

                slave = text_print("%s/%s", slaves, entry->d_name);
                r = slave ? add_disk(table, slave, what, depth + 1) : -ENOMEM;
        }
        if (directory)
                closedir(directory);
        return r;
}

/* Steps over @word and the decimal number behind it. */
static bool take_number(const char **text, const char *word, unsigned *ret) {
        const char *digits;
        unsigned long number;
        char *end;

        if (strncmp(*text, word, strlen(word)) != 0)
                return false;
        digits = *text + strlen(word);
        if (*digits < '0' || *digits > '9')
                return false;

        errno = 0;
        number = strtoul(digits, &end, 10);
        if (errno != 0 || number > UINT_MAX)
                return false;

        *text = end;
        *ret = (unsigned) number;
        return true;
}

/* The disk @name, nvme1n2, is reached through controller nvme0 when that has a disk nvme1c0n2. */
static int add_nvme_path(UsageTable *table, const char *subsystem, const char *controller,
                         const char *name, const char *what) {
        _cleanup_(freep) char *hidden = NULL, *link = NULL;
        const char *disk = name, *way = controller;
        unsigned instance, namespace, number;
        char target[PATH_MAX];
        ssize_t n;

        if (!take_number(&disk, "nvme", &instance) || !take_number(&disk, "n", &namespace) ||
            !take_number(&way, "nvme", &number))
                return 0;

        hidden = text_print("%s/%s/nvme%uc%un%u", subsystem, controller, instance, number,
                            namespace);
        link = text_print("%s/%s", subsystem, controller);
        if (!hidden || !link)
                return -ENOMEM;
        if (access(hidden, F_OK) < 0)
                return 0;

        n = readlink(link, target, sizeof(target) - 1);
        if (n < 0)
                return 0;
        target[n] = '\0';
        return usage_table_add(table, target, what);
}

static int add_nvme_subsystem(UsageTable *table, const char *disk, const char *name,
                              const char *what) {
        _cleanup_(freep) char *subsystem = NULL;
        DIR *directory;
        int r = 0;

        subsystem = text_print("%s/..", disk);
        if (!subsystem)
                return -ENOMEM;

        directory = opendir(subsystem);
        for (struct dirent *entry; directory && r == 0 && (entry = readdir(directory));)
                if (entry->d_type == DT_LNK)
                        r = add_nvme_path(table, subsystem, entry->d_name, name, what);
        if (directory)
                closedir(directory);
        return r;
}

/* A loop device over a disk. A file is on a file system, which is mounted. */
static int add_loop(UsageTable *table, const char *path, const char *what, unsigned depth) {
        _cleanup_(freep) char *attribute = NULL, *below = NULL;
        char device[2 * NAME_MAX], name[NAME_MAX + 1]; /* a longer path is no disk's */

        attribute = text_print("%s/loop/backing_file", path);
        if (!attribute)
                return -ENOMEM;
        if (sysfs_read(AT_FDCWD, attribute, device, sizeof(device)) <= 0 ||
            !usage_find_disk_name(device, name))
                return 0;

        below = text_print(BLOCK "%s", name);
        return below ? add_disk(table, below, what, depth + 1) : -ENOMEM;
}

/* A bcache that has no cache yet has no slaves: this leads below the disk it is on. */
static int add_bcache(UsageTable *table, const char *path, const char *what) {
        _cleanup_(freep) char *link = NULL;
        char target[LONGEST_LINK];
        ssize_t n;

        link = text_print("%s/bcache", path);
        if (!link)
                return -ENOMEM;

        n = readlink(link, target, sizeof(target) - 1);
        if (n < 0)
                return 0;
        target[n] = '\0';
        return usage_table_add(table, target, what);
}

/* @path: a link to the directory of a disk or partition */
static int add_disk(UsageTable *table, const char *path, const char *what, unsigned depth) {
        _cleanup_(freep) char *partition = NULL, *disk = NULL;
        char target[PATH_MAX], *last;
        bool is_partition;
        ssize_t n;
        int r;

        n = readlink(path, target, sizeof(target) - 1);
        if (n < 0 || depth > DEEPEST_STACK)
                return 0;
        target[n] = '\0';

        r = usage_table_add(table, target, what);
        if (r < 0)
                return r;

        partition = text_print("%s/partition", path);
        if (!partition)
                return -ENOMEM;
        is_partition = access(partition, F_OK) == 0;

        /* Of a partition it is the disk, one directory up, that is made of others. */
        disk = text_print(is_partition ? "%s/.." : "%s", path);
        if (!disk)
                return -ENOMEM;
        last = strrchr(target, '/');
        if (is_partition && last) {
                *last = '\0';
                last = strrchr(target, '/');
        }

        if (last && strstr(target, "/nvme-subsystem/"))
                return add_nvme_subsystem(table, disk, last + 1, what);

        r = add_slaves(table, disk, what, depth);
        if (r == 0)
                r = add_bcache(table, disk, what);
        return r == 0 ? add_loop(table, disk, what, depth) : r;
}

/* The links in /dev may be hidden from a service: a dm-N has its name itself. */
bool usage_find_disk_name(const char *device, char name[static NAME_MAX + 1]) {
        static const char mapper[] = "/dev/mapper/";
        const char *mapped = device + strlen(mapper);
        bool found = false;
        DIR *directory;

        if (strncmp(device, "/dev/", 5) != 0 || strlen(device + 5) > NAME_MAX)
                return false;

        text_copy(name, NAME_MAX + 1, device + 5);
        for (char *c = name; *c; c++)
                if (*c == '/')
                        *c = '!';
        if (strncmp(device, mapper, strlen(mapper)) != 0)
                return true;

        directory = opendir("/sys/class/block");
        for (struct dirent *entry; directory && !found && (entry = readdir(directory));) {
                char path[sizeof(BLOCK "/dm/name") + NAME_MAX], text[SYSFS_TEXT_LONGEST];

                if (strncmp(entry->d_name, "dm-", 3) != 0)
                        continue;

                (void) snprintf(path, sizeof(path), BLOCK "%s/dm/name", entry->d_name);
                found = sysfs_read(AT_FDCWD, path, text, sizeof(text)) > 0 &&
                        strcmp(text, mapped) == 0;
                if (found)
                        text_copy(name, NAME_MAX + 1, entry->d_name);
        }
        if (directory)
                closedir(directory);
        return found;
}

int usage_add_disk_at(UsageTable *table, const char *path, const char *what) {
        return add_disk(table, path, what, 0);
}

int usage_add_disk(UsageTable *table, const char *name, const char *what) {
        _cleanup_(freep) char *path = NULL;

        path = text_print(BLOCK "%s", name);
        return path ? add_disk(table, path, what, 0) : -ENOMEM;
}

/* By the name that people gave it, which dm has beside its own: vg-data, not dm-3. */
static const char *find_stack_name(const char *name, char text[static SYSFS_TEXT_LONGEST]) {
        char path[sizeof(BLOCK "/dm/name") + NAME_MAX];

        (void) snprintf(path, sizeof(path), BLOCK "%s/dm/name", name);
        return sysfs_read(AT_FDCWD, path, text, SYSFS_TEXT_LONGEST) > 0 ? text : name;
}

/* Several ways to one disk, and its partitions: made by themselves wherever such a disk is. */
static bool is_multipath(const char *name) {
        char path[sizeof(BLOCK "/dm/uuid") + NAME_MAX], uuid[SYSFS_TEXT_LONGEST];
        const char *multipath;

        (void) snprintf(path, sizeof(path), BLOCK "%s/dm/uuid", name);
        if (sysfs_read(AT_FDCWD, path, uuid, sizeof(uuid)) <= 0)
                return false;

        multipath = strstr(uuid, "mpath-");
        return multipath == uuid || (multipath && strncmp(uuid, "part", 4) == 0);
}

int usage_read_stacks(UsageTable *table) {
        DIR *directory;
        int r = 0;

        directory = opendir("/sys/class/block");
        for (struct dirent *entry; directory && r == 0 && (entry = readdir(directory));) {
                char text[SYSFS_TEXT_LONGEST];
                const char *name = entry->d_name;

                if (strncmp(name, "dm-", 3) != 0 && strncmp(name, "md", 2) != 0 &&
                    strncmp(name, "bcache", 6) != 0)
                        continue;
                if (!is_multipath(name))
                        r = usage_add_disk(table, name, find_stack_name(name, text));
        }
        if (directory)
                closedir(directory);
        return r;
}
