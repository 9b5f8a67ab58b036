/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Usage by mounted file systems and swap: which disks they are on.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "host/usage-table.h"
#include "util/text.h"

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
                        r = usage_add_disk(table, entry->d_name, what);
        if (devices)
                closedir(devices);
        return r;
}

/* A btrfs has a device number of its own, names one of its devices, and is on all of them. */
static int add_btrfs(UsageTable *table, const char *device, const char *what) {
        char name[NAME_MAX + 1];
        DIR *directory;
        int r;

        if (!usage_find_disk_name(device, name))
                return 0;

        r = usage_add_disk(table, name, what);
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

/* What has a number that is of no disk may name disks all the same: bcachefs has /dev/sda:/dev/sdb. */
static int add_sources(UsageTable *table, char *sources, const char *what) {
        char name[NAME_MAX + 1], *source;
        int r = 0;

        /* A server has a path /dev/sda, too: server:/dev/sda. */
        if (*sources != '/')
                return 0;

        while (r == 0 && (source = strsep(&sources, ":")))
                if (usage_find_disk_name(source, name))
                        r = usage_add_disk(table, name, what);
        return r;
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

        if (sscanf(fields[2], "%u:%u", &major, &minor) != 2)
                return 0;
        if (major > 0) {
                char link[sizeof("/sys/dev/block/:") + 20];

                (void) snprintf(link, sizeof(link), "/sys/dev/block/%u:%u", major, minor);
                return usage_add_disk_at(table, link, path);
        }

        return add_sources(table, unescape(source), path);
}

/* A line of swaps: the device, its type, … A file is on a file system, which is mounted. */
static int add_swap(UsageTable *table, char *line) {
        char name[NAME_MAX + 1], *device = strsep(&line, " \t"), *type = NULL;

        while (line && (*line == ' ' || *line == '\t'))
                line++;
        type = strsep(&line, " \t");
        if (!type || strcmp(type, "partition") != 0 ||
            !usage_find_disk_name(unescape(device), name))
                return 0;
        return usage_add_disk(table, name, "swap");
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
