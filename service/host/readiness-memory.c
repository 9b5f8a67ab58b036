/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Readiness of locked memory. A guest with a device keeps all its memory locked. libvirt raises the limit of
 * the guest's process as far as it must; it can do so beyond its own limit only with CAP_SYS_RESOURCE. So what
 * counts are limit and capabilities of the process of libvirt, where that is to be seen: the unit of the daemon
 * hides the processes of others.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "host/readiness-row.h"
#include "host/sysfs.h"

typedef struct Process {
        char number[NAME_MAX + 1]; /* "": none */
        char name[SYSFS_TEXT_LONGEST];
        unsigned long long limit; /* hard, bytes; ULLONG_MAX: none */
        bool may_raise;
} Process;

static bool is_limit(const char *line) {
        return strncmp(line, "Max locked memory", 17) == 0;
}

static bool is_capabilities(const char *line) {
        return strncmp(line, "CapEff:", 7) == 0;
}

/* Max locked memory       8388608              unlimited            bytes */
static bool read_limit(const char *path, unsigned long long *ret) {
        _cleanup_(freep) char *line = readiness_find_line(path, is_limit);
        char hard[32];

        if (!line || sscanf(line, "Max locked memory %*s %31s", hard) != 1)
                return false;

        if (strcmp(hard, "unlimited") == 0) {
                *ret = ULLONG_MAX;
                return true;
        }
        return sscanf(hard, "%llu", ret) == 1;
}

static bool read_may_raise(const char *path) {
        _cleanup_(freep) char *line = readiness_find_line(path, is_capabilities);
        unsigned long long capabilities;

        return line && sscanf(line, "CapEff: %llx", &capabilities) == 1 &&
               (capabilities >> CAP_SYS_RESOURCE & 1);
}

static bool read_process(const char *number, Process *ret) {
        char path[sizeof("/proc//limits") + NAME_MAX];
        Process process = {};

        (void) snprintf(path, sizeof(path), "/proc/%s/comm", number);
        if (sysfs_read(AT_FDCWD, path, process.name, sizeof(process.name)) < 0 ||
            (strcmp(process.name, "libvirtd") != 0 && strcmp(process.name, "virtqemud") != 0))
                return false;

        (void) snprintf(path, sizeof(path), "/proc/%s/limits", number);
        if (!read_limit(path, &process.limit))
                return false;

        (void) snprintf(path, sizeof(path), "/proc/%s/status", number);
        process.may_raise = read_may_raise(path);
        (void) snprintf(process.number, sizeof(process.number), "%s", number);
        *ret = process;
        return true;
}

/* The first one that is to be seen. */
static Process find_libvirt(void) {
        Process process = {};
        DIR *directory;

        directory = opendir("/proc");
        for (struct dirent *entry;
             directory && *process.number == '\0' && (entry = readdir(directory));)
                if (isdigit((unsigned char) entry->d_name[0]))
                        (void) read_process(entry->d_name, &process); /* or the next one is */
        if (directory)
                closedir(directory);
        return process;
}

static Row tell_our_own(void) {
        struct rlimit limit;

        if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0 || limit.rlim_max == RLIM_INFINITY)
                return row_skip("/proc shows no libvirtd or virtqemud; as root it raises the limit "
                                "for each guest, and ours has none");
        return row_skip("/proc shows no libvirtd or virtqemud; as root it raises the limit for "
                        "each guest, while ours is %llu KiB",
                        (unsigned long long) limit.rlim_max / 1024);
}

Row readiness_locked_memory(const ReadinessSubject *subject) {
        Process process = find_libvirt();

        if (*process.number == '\0')
                return tell_our_own();
        if (process.limit == ULLONG_MAX)
                return row_pass("/proc/%s/limits of %s: locked memory is not limited",
                                process.number, process.name);
        if (process.may_raise)
                return row_pass("/proc/%s/limits of %s: %llu KiB of locked memory, and it may "
                                "raise that for a guest",
                                process.number, process.name, process.limit / 1024);
        return row_warn("A guest with a device needs its memory and 1 GiB more: run libvirt as "
                        "root, or raise LimitMEMLOCK= of its unit.",
                        "/proc/%s/limits of %s: %llu KiB of locked memory, and it may not raise "
                        "that for a guest",
                        process.number, process.name, process.limit / 1024);
}
