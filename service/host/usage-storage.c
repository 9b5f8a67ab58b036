/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Usage of disks: from mounted file systems and swap down to the functions, by the links of sysfs.
 *
 * A disk has its function in its path. One that is made of others (dm, md) lists them in slaves/;
 * an NVMe disk with several ways to it has one hidden disk below each controller.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "host/sysfs.h"
#include "host/usage-table.h"
#include "util/text.h"

#define BLOCK "/sys/class/block/"

enum {
        DEEPEST_STACK =
                12, /* LVM on dm-crypt on md on multipath is four; a loop of links is none */
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

/* The disk @name, nvme1n2, is reached through controller nvme0 when that has a disk nvme1c0n2. */
static int add_nvme_path(UsageTable *table, const char *subsystem, const char *controller,
                         const char *name, const char *what) {
        _cleanup_(freep) char *hidden = NULL, *link = NULL;
        unsigned instance, namespace, number;
        char target[PATH_MAX];
        ssize_t n;

        if (sscanf(name, "nvme%un%u", &instance, &namespace) != 2 ||
            sscanf(controller, "nvme%u", &number) != 1)
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
        return add_slaves(table, disk, what, depth);
}

/*
 * What sysfs calls the disk at /dev/NAME (with ! for / in it) or /dev/mapper/NAME (a dm-N that has the name
 * itself: the links in /dev may be hidden from a service). False when there is none.
 */
static bool find_disk_name(const char *device, char name[static NAME_MAX + 1]) {
        static const char mapper[] = "/dev/mapper/";
        const char *mapped = device + strlen(mapper);
        bool found = false;
        DIR *directory;

        if (strncmp(device, "/dev/", 5) != 0 || strlen(device + 5) > NAME_MAX)
                return false;

        (void) strcpy(name, device + 5);
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
                        (void) strcpy(name, entry->d_name);
        }
        if (directory)
                closedir(directory);
        return found;
}

static int add_named_disk(UsageTable *table, const char *name, const char *what) {
        _cleanup_(freep) char *path = NULL;

        path = text_print(BLOCK "%s", name);
        return path ? add_disk(table, path, what, 0) : -ENOMEM;
}

/* All devices of the btrfs in @directory, when the disk @name is one of them. */
static int add_btrfs_members(UsageTable *table, const char *directory, const char *name,
                             const char *what) {
        _cleanup_(freep) char *member = NULL;
        DIR *devices;
        int r = 0;

        member = text_print("%s/%s", directory, name);
        if (!member)
                return -ENOMEM;
        if (access(member, F_OK) < 0)
                return 0;

        devices = opendir(directory);
        for (struct dirent *entry; devices && r == 0 && (entry = readdir(devices));)
                if (entry->d_name[0] != '.')
                        r = add_named_disk(table, entry->d_name, what);
        if (devices)
                closedir(devices);
        return r;
}

/* A btrfs has a device number of its own, names one of its devices, and is on all of them. */
static int add_btrfs(UsageTable *table, const char *device, const char *what) {
        char name[NAME_MAX + 1];
        DIR *directory;
        int r;

        if (!find_disk_name(device, name))
                return 0;

        r = add_named_disk(table, name, what);
        directory = opendir("/sys/fs/btrfs");
        for (struct dirent *entry; directory && r == 0 && (entry = readdir(directory));) {
                _cleanup_(freep) char *devices = NULL;

                devices = text_print("/sys/fs/btrfs/%s/devices", entry->d_name);
                r = devices ? add_btrfs_members(table, devices, name, what) : -ENOMEM;
        }
        if (directory)
                closedir(directory);
        return r;
}

/* The kernel writes blanks and backslashes of a path as \NNN, octal. In place. */
static char *unescape(char *text) {
        char *end = text;

        for (const char *c = text; *c; c++, end++) {
                if (c[0] == '\\' && c[1] >= '0' && c[1] <= '3' && c[2] >= '0' && c[2] <= '7' &&
                    c[3] >= '0' && c[3] <= '7') {
                        *end = (char) ((c[1] - '0') << 6 | (c[2] - '0') << 3 | (c[3] - '0'));
                        c += 3;
                } else {
                        *end = *c;
                }
        }
        *end = '\0';
        return text;
}

/* A line of mountinfo: id, parent, MAJOR:MINOR, root, mount point, options, …, -, type, source, … */
static int add_mount(UsageTable *table, char *line) {
        char *fields[5], *rest = strstr(line, " - "), *type, *source, *path;
        unsigned major, minor;

        if (!rest)
                return 0;
        *rest = '\0';
        rest += strlen(" - ");
        type = strsep(&rest, " ");
        source = strsep(&rest, " \n");
        if (!source)
                return 0;

        for (size_t i = 0; i < N_ELEMENTS(fields); i++) {
                fields[i] = strsep(&line, " ");
                if (!fields[i])
                        return 0;
        }

        path = unescape(fields[4]);
        if (strcmp(type, "btrfs") == 0)
                return add_btrfs(table, unescape(source), path);

        /* Device numbers with major 0 are of no disk. */
        if (sscanf(fields[2], "%u:%u", &major, &minor) == 2 && major > 0) {
                char link[sizeof("/sys/dev/block/:") + 20];

                (void) snprintf(link, sizeof(link), "/sys/dev/block/%u:%u", major, minor);
                return add_disk(table, link, path, 0);
        }

        return 0;
}

/* A line of swaps: the device, its type, … A file is on a file system, which is mounted. */
static int add_swap(UsageTable *table, char *line) {
        char name[NAME_MAX + 1], *device = strsep(&line, " \t"), *type = NULL;

        while (line && (*line == ' ' || *line == '\t'))
                line++;
        type = strsep(&line, " \t");
        if (!type || strcmp(type, "partition") != 0 || !find_disk_name(unescape(device), name))
                return 0;
        return add_named_disk(table, name, "swap");
}

static int read_lines(UsageTable *table, const char *path,
                      int (*add_line)(UsageTable *table, char *line)) {
        _cleanup_(freep) char *line = NULL;
        size_t size = 0;
        FILE *file;
        int r = 0;

        file = fopen(path, "re");
        if (!file)
                return errno == ENOENT ? 0 : -errno; /* a kernel without swap has no such file */

        errno = 0;
        while (r == 0 && getline(&line, &size, file) >= 0)
                r = add_line(table, line);
        if (r == 0 && ferror(file))
                r = errno != 0 ? -errno : -EIO;
        (void) fclose(file);
        return r;
}

int usage_read_mounts(UsageTable *table, const char *path) {
        return read_lines(table, path, add_mount);
}

int usage_read_swaps(UsageTable *table, const char *path) {
        return read_lines(table, path, add_swap);
}
