/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Readiness of the service itself: can it record what it does, is it asked about by polkit, does it run as it
 * was installed, and does it see what it must.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "host/readiness-row.h"
#include "host/sysfs.h"
#include "util/text.h"

#define STATUS       "/proc/self/status"
#define MOUNTS       "/proc/self/mountinfo"
#define COMMAND_LINE "/proc/cmdline"

enum {
        ROOM_SMALL = 16 << 20, /* bytes; a journal stays far below */
};

static unsigned long long count_room(const struct statvfs *system) {
        return (unsigned long long) system->f_bavail * system->f_frsize;
}

Row readiness_state_directory(const ReadinessSubject *subject) {
        _cleanup_(freep) char *path = NULL;
        struct statvfs system;
        struct stat status;
        unsigned long long room;

        path = sysfs_text(subject->state_directory, strlen(subject->state_directory));
        if (!path)
                return row_without_memory();

        if (stat(subject->state_directory, &status) < 0 ||
            statvfs(subject->state_directory, &system) < 0 ||
            access(subject->state_directory, R_OK | W_OK | X_OK) < 0)
                return row_fail("Nothing is changed that cannot be recorded: make the directory "
                                "the daemon's own, on a file system that it can write to.",
                                "%s: %s", path, strerror(errno));
        if (status.st_mode & (S_IWGRP | S_IWOTH))
                return row_fail("Others could forge what is lent to whom: chmod 0700.",
                                "%s has mode %04o", path, status.st_mode & 07777u);

        room = count_room(&system);
        if (room < ROOM_SMALL)
                return row_warn("Nothing is changed when there is no room to record it: make room.",
                                "%s has %llu KiB left", path, room / 1024);
        return row_pass("%s can be written to, mode %04o, %llu MiB left", path,
                        status.st_mode & 07777u, room >> 20);
}

Row readiness_journal(const ReadinessSubject *subject) {
        _cleanup_(freep) char *path = NULL;

        path = sysfs_text(subject->state_directory, strlen(subject->state_directory));
        if (!path)
                return row_without_memory();

        if (subject->journal_problem)
                return row_fail("See to the disk, put back a copy of the file or move it away, and "
                                "start the service again; without the file, what domains have "
                                "counts as given by others.",
                                "journal in %s: %s", path, subject->journal_problem);
        return row_pass("journal in %s: in order", path);
}

Row readiness_actions(const ReadinessSubject *subject) {
        switch (subject->actions) {
        case READINESS_ACTIONS_KNOWN:
                return row_pass("%s", subject->actions_text);
        case READINESS_ACTIONS_MISSING:
                return row_fail("Nobody but root may change anything: install org.hostdev1.policy "
                                "in /usr/share/polkit-1/actions as it was shipped.",
                                "%s", subject->actions_text);
        case READINESS_ACTIONS_UNREACHABLE:
                return row_warn("Nobody but root may change anything until it does: systemctl "
                                "status polkit.",
                                "%s", subject->actions_text);
        default:
                return row_skip("%s", subject->actions_text);
        }
}

/* What the kernel says of this process; absent or odd is what is feared. */
typedef struct Process {
        unsigned uid, no_new_privileges, seccomp;
        unsigned long long capabilities;
} Process;

static int read_process(Process *ret) {
        _cleanup_(freep) char *line = NULL;
        Process process = { .capabilities = ~0ULL };
        size_t size = 0;
        FILE *file;

        file = fopen(STATUS, "re");
        if (!file)
                return -errno;

        while (getline(&line, &size, file) >= 0) {
                (void) sscanf(line, "Uid: %*u %u", &process.uid);
                (void) sscanf(line, "NoNewPrivs: %u", &process.no_new_privileges);
                (void) sscanf(line, "Seccomp: %u", &process.seccomp);
                (void) sscanf(line, "CapEff: %llx", &process.capabilities);
        }
        (void) fclose(file);

        *ret = process;
        return 0;
}

static int find_faults(const Process *process, char ***faults) {
        static const char *const texts[] = {
                "uid 0",
                "capabilities",
                "NoNewPrivs is not 1",
                "Seccomp is not 2",
        };
        const bool found[] = {
                process->uid == 0,
                process->capabilities != 0,
                process->no_new_privileges != 1,
                process->seccomp != 2,
        };
        int r = 0;

        for (size_t i = 0; r == 0 && i < N_ELEMENTS(found); i++)
                if (found[i])
                        r = list_append(faults, texts[i]);
        return r;
}

Row readiness_sandbox(const ReadinessSubject *subject) {
        _cleanup_(list_freep) char **faults = NULL;
        _cleanup_(freep) char *joined = NULL;
        Process process = {};
        int r;

        r = read_process(&process);
        if (r < 0)
                return row_skip(STATUS ": %s", strerror(-r));
        if (find_faults(&process, &faults) < 0)
                return row_without_memory();
        if (!faults)
                return row_pass(STATUS ": uid %u, no capabilities, NoNewPrivs 1, Seccomp 2",
                                process.uid);

        joined = list_join(faults, ", ");
        if (!joined)
                return row_without_memory();
        return row_warn("A fault of the daemon would reach further than it must: start it by "
                        "hostdevd.service, and see systemctl cat hostdevd for what takes from its "
                        "sandbox.",
                        STATUS ": %s", joined);
}

/* systemd covers a directory that a service shall not see; what is mounted below it is then taken away. */
static bool is_hidden_home(const char *line) {
        static const char *const homes[] = { " /home ", " /root ", " /run/user " };

        if (!strstr(line, " /systemd/inaccessible/dir "))
                return false;
        for (size_t i = 0; i < N_ELEMENTS(homes); i++)
                if (strstr(line, homes[i]))
                        return true;
        return false;
}

Row readiness_host_use(const ReadinessSubject *subject) {
        _cleanup_(freep) char *line = NULL;

        line = readiness_find_line(MOUNTS, is_hidden_home);
        if (line)
                return row_fail("A disk in use could be given away: set ProtectHome=read-only for "
                                "hostdevd.service, as it was shipped.",
                                MOUNTS ": what is mounted below /home, /root or /run/user is "
                                       "hidden from the daemon");
        if (errno != 0)
                return row_fail("A disk in use could be given away: let the daemon read /proc.",
                                MOUNTS ": %s", strerror(errno));

        /* /proc/swaps is missing where the kernel knows no swap, too; this file never is. */
        if (!readiness_exists(COMMAND_LINE))
                return row_fail("A disk in use could be given away: set ProcSubset=all for "
                                "hostdevd.service, as it was shipped.",
                                COMMAND_LINE " does not exist: /proc/swaps is hidden from the "
                                             "daemon");
        return row_pass(MOUNTS " and /proc are to be seen; other mount and network namespaces are "
                               "not");
}
