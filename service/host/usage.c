/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/usage.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <libudev.h>

#include "host/usage-table.h"
#include "util/vector.h"

struct Usage {
        char *mounts_path, *swaps_path;
        int poll_fd; /* all below */
        int mounts_fd, swaps_fd, interfaces_fd, changes_fd;
        struct udev *udev;
        /* Disks that are put together otherwise, screens and input devices that come. */
        struct udev_monitor *monitor;

        UsageTable table;
        UsageInterfaces interfaces;
        bool is_stale;    /* a source has told of a change that is not yet read */
        Address *changes; /* not yet taken */
        size_t n_changes;
};

enum {
        MOST_EVENTS = 256 /* taken at once: nobody keeps us here by sending without end */
};

DEFINE_CLEANUP(struct udev_device *, udev_device_unref);

static int poll_add(Usage *usage, int fd, uint32_t events) {
        struct epoll_event event = { .events = events, .data.fd = fd };

        if (epoll_ctl(usage->poll_fd, EPOLL_CTL_ADD, fd, &event) == 0)
                return 0;
        return errno == EPERM ? 0
                              : -errno; /* a plain file: made for a test, and told of by nobody */
}

/* The kernel wakes who polls these for exceptional conditions, once for each change. */
static int listen_to_file(Usage *usage, const char *path, int *ret) {
        *ret = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (*ret < 0)
                return errno == ENOENT ? 0 : -errno;
        return poll_add(usage, *ret, EPOLLPRI);
}

static int listen_to_devices(Usage *usage) {
        static const char *const subsystems[] = { "block", "input", "graphics", "vtconsole",
                                                  "thunderbolt" };
        int r = 0;

        usage->udev = udev_new();
        if (!usage->udev)
                return -ENOMEM;

        usage->monitor = udev_monitor_new_from_netlink(usage->udev, "udev");
        if (!usage->monitor)
                return -ENOMEM;

        for (size_t i = 0; r >= 0 && i < N_ELEMENTS(subsystems); i++)
                r = udev_monitor_filter_add_match_subsystem_devtype(usage->monitor, subsystems[i],
                                                                    NULL);
        if (r >= 0)
                r = udev_monitor_enable_receiving(usage->monitor);
        if (r >= 0)
                r = poll_add(usage, udev_monitor_get_fd(usage->monitor), EPOLLIN);
        return r;
}

static int begin_to_listen(Usage *usage) {
        int r;

        usage->poll_fd = epoll_create1(EPOLL_CLOEXEC);
        usage->changes_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (usage->poll_fd < 0 || usage->changes_fd < 0)
                return -errno;

        usage->interfaces_fd = usage_listen_to_interfaces();
        if (usage->interfaces_fd < 0)
                return usage->interfaces_fd;

        r = poll_add(usage, usage->changes_fd, EPOLLIN);
        if (r == 0)
                r = poll_add(usage, usage->interfaces_fd, EPOLLIN);
        if (r == 0)
                r = listen_to_file(usage, usage->mounts_path, &usage->mounts_fd);
        if (r == 0)
                r = listen_to_file(usage, usage->swaps_path, &usage->swaps_fd);
        if (r == 0)
                r = listen_to_devices(usage);
        return r;
}

int usage_new(Usage **ret, const UsagePaths *paths) {
        static const UsagePaths kernel = { .mounts = "/proc/self/mountinfo",
                                           .swaps = "/proc/swaps" };
        _cleanup_(usage_freep) Usage *usage = NULL;
        int r;

        usage = calloc(1, sizeof(*usage));
        if (!usage)
                return -ENOMEM;

        usage->poll_fd = usage->mounts_fd = usage->swaps_fd = -1;
        usage->interfaces_fd = usage->changes_fd = -1;
        usage->mounts_path = strdup((paths ?: &kernel)->mounts);
        usage->swaps_path = strdup((paths ?: &kernel)->swaps);
        if (!usage->mounts_path || !usage->swaps_path)
                return -ENOMEM;

        /* What changes while the table is read is read again. */
        r = begin_to_listen(usage);
        if (r == 0)
                r = usage_refresh(usage, true);
        if (r < 0)
                return r;

        *ret = TAKE(usage);
        return 0;
}

Usage *usage_free(Usage *usage) {
        if (!usage)
                return NULL;

        udev_monitor_unref(usage->monitor);
        udev_unref(usage->udev);
        closep(&usage->mounts_fd);
        closep(&usage->swaps_fd);
        closep(&usage->interfaces_fd);
        closep(&usage->changes_fd);
        closep(&usage->poll_fd);
        usage_table_done(&usage->table);
        usage_interfaces_done(&usage->interfaces);
        free(usage->changes);
        free(usage->mounts_path);
        free(usage->swaps_path);
        free(usage);
        return NULL;
}

int usage_fd(const Usage *usage) {
        return usage->poll_fd;
}

/* 1 when a device event was there, 0, or negative errno. What is left makes the descriptor readable again. */
static int drain_monitor(struct udev_monitor *monitor) {
        int any = 0;

        for (int i = 0; i < MOST_EVENTS; i++) {
                _cleanup_(udev_device_unrefp) struct udev_device *device = NULL;

                errno = EAGAIN;
                device = udev_monitor_receive_device(monitor);
                if (!device && errno == EAGAIN)
                        return any;
                if (!device && (errno == ENOMEM || errno == EBADF))
                        return -errno;
                any = 1; /* lost ones too */
        }

        return any;
}

/* 1 when a source has told of a change, 0, or negative errno. */
static int listen_for_change(Usage *usage) {
        struct epoll_event events[8];
        int n, r, changed = 0;

        n = epoll_wait(usage->poll_fd, events, N_ELEMENTS(events), 0);
        if (n < 0)
                return errno == EINTR ? 0 : -errno;

        for (int i = 0; i < n; i++) {
                int fd = events[i].data.fd;

                if (fd == usage->changes_fd)
                        continue;

                if (fd == usage->interfaces_fd)
                        r = usage_interfaces_changed(fd, &usage->interfaces);
                else if (fd == udev_monitor_get_fd(usage->monitor))
                        r = drain_monitor(usage->monitor);
                else
                        r = 1;
                if (r < 0)
                        return r;
                changed |= r;
        }

        return changed;
}

static int note_change(Usage *usage, Address address) {
        const uint64_t one = 1;

        for (size_t i = 0; i < usage->n_changes; i++)
                if (address_equal(usage->changes[i], address))
                        return 0;

        /* Makes our descriptor readable until it is taken; a counter of that many changes cannot be full. */
        (void) write(usage->changes_fd, &one, sizeof(one));
        return VECTOR_APPEND(usage->changes, usage->n_changes, address);
}

/* Notes what @one names and @other does not name so. */
static int note_differences(Usage *usage, const UsageTable *one, const UsageTable *other) {
        for (size_t i = 0; i < one->n_entries; i++) {
                const UsageEntry *entry = &one->entries[i];
                int r;

                if (strcmp(usage_table_find(other, entry->address), entry->what) == 0)
                        continue;

                r = note_change(usage, entry->address);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int read_table(Usage *usage, UsageTable *table, UsageInterfaces *interfaces) {
        int r;

        r = usage_read_mounts(table, usage->mounts_path);
        if (r == 0)
                r = usage_read_swaps(table, usage->swaps_path);
        if (r == 0)
                r = usage_read_stacks(table);
        if (r == 0)
                r = usage_read_zfs(table);
        if (r == 0)
                r = usage_read_console(table);
        if (r == 0)
                r = usage_read_input(table);
        if (r == 0)
                r = usage_read_thunderbolt(table);
        if (r == 0)
                r = usage_read_interfaces(table, interfaces);
        return r;
}

int usage_refresh(Usage *usage, bool always) {
        UsageInterfaces interfaces = {};
        UsageTable table = {};
        int r;

        r = listen_for_change(usage);
        if (r < 0)
                return r;
        usage->is_stale = usage->is_stale || r > 0 || always;
        if (!usage->is_stale)
                return 0;

        r = read_table(usage, &table, &interfaces);
        if (r == 0)
                r = note_differences(usage, &usage->table, &table);
        if (r == 0)
                r = note_differences(usage, &table, &usage->table);
        if (r < 0) {
                usage_table_done(&table);
                usage_interfaces_done(&interfaces);
                return r;
        }
        usage->is_stale = false;

        usage_table_done(&usage->table);
        usage->table = table;
        usage_interfaces_done(&usage->interfaces);
        usage->interfaces = interfaces;
        return 0;
}

const char *usage_of(const Usage *usage, Address address) {
        return usage_table_find(&usage->table, address);
}

int usage_take_changes(Usage *usage, Address **ret, size_t *ret_n) {
        uint64_t count;
        int r;

        r = usage_refresh(usage, true);
        if (r < 0)
                return r;

        (void) read(usage->changes_fd, &count,
                    sizeof(count)); /* not readable when nothing has changed */
        *ret = TAKE(usage->changes);
        *ret_n = usage->n_changes;
        usage->n_changes = 0;
        return 0;
}
