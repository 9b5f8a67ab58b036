/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/watch.h"

#include <errno.h>
#include <poll.h>

#include <libudev.h>

#include "host/sysfs.h"

struct Watch {
        struct udev *udev;
        struct udev_monitor *monitor;
};

enum {
        /* As udev itself asks for. Without privileges the kernel gives what net.core.rmem_max allows. */
        RECEIVE_BUFFER_SIZE = 128 * 1024 * 1024,
};

/*
 * Interfaces, disks and devices of the vdpa and mdev buses are listened to because the function that
 * carries them changes its use.
 */
static const char *const subsystems[] = { "pci", "net", "block", "vdpa", "mdev" };

DEFINE_CLEANUP(struct udev_device *, udev_device_unref);

int watch_new(Watch **ret) {
        _cleanup_(watch_freep) Watch *watch = NULL;
        int r;

        watch = calloc(1, sizeof(*watch));
        if (!watch)
                return -ENOMEM;

        errno = ENOMEM;
        watch->udev = udev_new();
        if (!watch->udev)
                return -errno;

        errno = ENOMEM;
        watch->monitor = udev_monitor_new_from_netlink(watch->udev, "udev");
        if (!watch->monitor)
                return -errno;

        for (size_t i = 0; i < N_ELEMENTS(subsystems); i++) {
                r = udev_monitor_filter_add_match_subsystem_devtype(watch->monitor, subsystems[i],
                                                                    NULL);
                if (r < 0)
                        return r;
        }

        /* A smaller buffer than asked for loses events sooner, and a loss is told: no reason to give up. */
        (void) udev_monitor_set_receive_buffer_size(watch->monitor, RECEIVE_BUFFER_SIZE);

        r = udev_monitor_enable_receiving(watch->monitor);
        if (r < 0)
                return r;

        *ret = TAKE(watch);
        return 0;
}

Watch *watch_free(Watch *watch) {
        if (!watch)
                return NULL;

        udev_monitor_unref(watch->monitor);
        udev_unref(watch->udev);
        free(watch);
        return NULL;
}

int watch_fd(const Watch *watch) {
        return udev_monitor_get_fd(watch->monitor);
}

/*
 * The last PCI function on the way to the device: from the path alone, because when the event is read the
 * device and what it hung on may be gone.
 */
static bool find_function(const char *path, Address *ret) {
        bool found = false;

        while (path && sysfs_next_function(&path, ret))
                found = true;
        return found;
}

bool watch_is_empty(const Watch *watch) {
        struct pollfd poller = { .fd = watch_fd(watch), .events = POLLIN };

        return poll(&poller, 1, 0) == 0;
}

int watch_next(Watch *watch, Address *ret) {
        _cleanup_(udev_device_unrefp) struct udev_device *device = NULL;
        Address address;

        errno = EAGAIN;
        device = udev_monitor_receive_device(watch->monitor);
        if (device) {
                if (!find_function(udev_device_get_devpath(device), &address))
                        return -EAGAIN;

                *ret = address;
                return 1;
        }

        switch (errno) {
        case EAGAIN: /* nothing is there, or what was there came from somebody who is not believed */
                return watch_is_empty(watch) ? 0 : -EAGAIN;
        case EINTR:
        case EINVAL: /* a message that describes no device: taken off the queue, and of no use */
        case ENODEV:
        case ENOENT:
                return -EAGAIN;
        default:
                return -errno;
        }
}
