/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One function of the host changes: from the event to the signal.
 *
 *   event DEVICE OBJECT
 *
 * DEVICE is the function's path below /sys, with a slash in front; OBJECT that of its object. Each turn writes its
 * power_state, tells udev's listeners, and waits for PropertiesChanged. A process beside it listens with libudev alone
 * and does nothing else: the floor, told of the same events.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libudev.h>
#include <systemd/sd-bus.h>

#include "kernel.h"
#include "turn.h"

enum {
        LIMIT_USEC = 30 * 1000000
};

static bool is_told;

static int on_properties(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        is_told = true;
        return 0;
}

/* Writes the time of each event to @fd, until nobody reads it. */
static void listen_alone(int fd) {
        struct udev *udev = udev_new();
        struct udev_monitor *monitor = udev_monitor_new_from_netlink(udev, "udev");
        struct pollfd poller = { .fd = udev_monitor_get_fd(monitor), .events = POLLIN };
        double now = 0;

        udev_monitor_filter_add_match_subsystem_devtype(monitor, "pci", NULL);
        turn_check(udev_monitor_enable_receiving(monitor), "monitor");
        do {
                struct udev_device *device;

                if (now > 0 && poll(&poller, 1, -1) < 0)
                        exit(EXIT_FAILURE);
                device = udev_monitor_receive_device(monitor);
                if (now > 0 && !device)
                        continue;
                now = turn_now_usec();
                udev_device_unref(device);
        } while (write(fd, &now, sizeof(now)) == sizeof(now)); /* the first: it listens */
        exit(EXIT_SUCCESS);
}

static int start_listener(void) {
        double now;
        int ends[2];
        pid_t pid;

        turn_check(pipe2(ends, O_CLOEXEC) < 0 ? -errno : 0, "pipe");
        pid = fork();
        turn_check(pid < 0 ? -errno : 0, "fork");
        if (pid == 0) {
                (void) close(ends[0]);
                (void) signal(SIGPIPE, SIG_DFL);
                listen_alone(ends[1]);
        }

        (void) close(ends[1]);
        turn_check(read(ends[0], &now, sizeof(now)) == sizeof(now) ? 0 : -EIO, "listener");
        return ends[0];
}

static void write_attribute(const char *device, const char *value) {
        char path[512];
        int fd;

        (void) snprintf(path, sizeof(path), "/sys%s/power_state", device);
        fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
        turn_check(fd < 0 ? -errno : 0, path);
        turn_check(write(fd, value, strlen(value)) < 0 ? -errno : 0, path);
        (void) close(fd);
}

static void take_turn(sd_bus *bus, int kernel, int listener, const char *device) {
        static unsigned number;
        double began, told, heard;
        int r;

        write_attribute(device, ++number % 2 ? "D3hot\n" : "D0\n");
        is_told = false;
        began = turn_now_usec();
        kernel_tell(kernel, "change", device);
        while (!is_told) {
                r = turn_check(sd_bus_process(bus, NULL), "bus");
                if (r == 0 && turn_check(sd_bus_wait(bus, LIMIT_USEC), "bus") == 0)
                        turn_check(-ETIMEDOUT, "signal");
        }
        told = turn_now_usec();
        turn_check(read(listener, &heard, sizeof(heard)) == sizeof(heard) ? 0 : -EIO, "listener");
        turn_report("usec=%.1f floor=%.1f over=%.1f", told - began, heard - began, told - heard);
}

int main(int argc, char **argv) {
        int kernel, listener;
        sd_bus *bus;

        if (argc != 3) {
                (void) fputs("usage: event DEVICE OBJECT\n", stderr);
                return 2;
        }

        kernel = kernel_open();
        listener = start_listener();
        turn_check(sd_bus_open_system(&bus), "bus");
        turn_check(sd_bus_match_signal(bus, NULL, "org.hostdev1", argv[2],
                                       "org.freedesktop.DBus.Properties", "PropertiesChanged",
                                       on_properties, NULL),
                   "match");
        while (turn_wait())
                take_turn(bus, kernel, listener, argv[1]);
        sd_bus_flush_close_unref(bus);
        return 0;
}
