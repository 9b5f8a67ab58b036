/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Many functions come, and go, at once: until the last of them is announced on the bus.
 *
 *   announced NAME DEVICES
 *
 * DEVICES is a file with the paths of functions below /sys, a line each. The first turn tells udev's listeners that all
 * of them were added, the next that all were removed, and so on; whoever calls has made it so before. Each turn tells
 * how long it took until every object was announced, how much of that the telling took, and how many signals NAME sent
 * until it was quiet, with those that announce. When NAME is the floor's it is told by a call of its own, Announce().
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <systemd/sd-bus.h>

#include "kernel.h"
#include "turn.h"

#define FLOOR "org.hostdev1.Floor"

enum {
        LIMIT_USEC = 60 * 1000000,
        DEVICES_MAX = 8192
};

static char *devices[DEVICES_MAX];
static size_t n_devices, n_announced, n_signals;

static void read_devices(const char *path) {
        FILE *file = fopen(path, "re");
        size_t size = 0;
        ssize_t length;

        turn_check(file ? 0 : -errno, path);
        while ((length = getline(&devices[n_devices], &size, file)) > 0 &&
               n_devices + 1 < DEVICES_MAX) {
                devices[n_devices++][length - 1] = '\0';
                size = 0;
        }
        (void) fclose(file);
}

static int on_signal(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        const char *path = "";

        n_signals++;
        if (sd_bus_message_is_signal(message, "org.freedesktop.DBus.ObjectManager", NULL) > 0 &&
            sd_bus_message_read(message, "o", &path) >= 0 && strstr(path, "/device/"))
                n_announced++;
        return 0;
}

static int on_quiet(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        *(bool *) userdata = true;
        return 0;
}

static void go_on(sd_bus *bus) {
        int r = turn_check(sd_bus_process(bus, NULL), "bus");

        if (r == 0 && turn_check(sd_bus_wait(bus, LIMIT_USEC), "bus") == 0) {
                (void) fprintf(stderr, "%zu of %zu announced\n", n_announced, n_devices);
                exit(EXIT_FAILURE);
        }
}

static void tell(sd_bus *bus, const char *name, int kernel) {
        static unsigned number;
        const char *action = number++ % 2 == 0 ? "add" : "remove";

        if (strcmp(name, FLOOR) == 0) {
                turn_check(sd_bus_call_method_async(bus, NULL, FLOOR, "/floor", FLOOR, "Announce",
                                                    NULL, NULL, NULL),
                           "Announce");
                return;
        }

        for (size_t i = 0; i < n_devices; i++)
                kernel_tell(kernel, action, devices[i]);
}

static void take_turn(sd_bus *bus, const char *name, int kernel) {
        double began, told, announced;
        bool is_quiet = false;

        n_announced = n_signals = 0;
        began = turn_now_usec();
        tell(bus, name, kernel);
        told = turn_now_usec();
        while (n_announced < n_devices)
                go_on(bus);
        announced = turn_now_usec();

        turn_check(sd_bus_call_method_async(bus, NULL, name, "/", "org.freedesktop.DBus.Peer",
                                            "Ping", on_quiet, &is_quiet, NULL),
                   "Ping");
        while (!is_quiet)
                go_on(bus);
        turn_report("usec=%.1f telling=%.1f announced=%zu signals=%zu", announced - began,
                    told - began, n_announced, n_signals);
}

int main(int argc, char **argv) {
        char match[128];
        int kernel;
        sd_bus *bus;

        if (argc != 3) {
                (void) fputs("usage: announced NAME DEVICES\n", stderr);
                return 2;
        }

        read_devices(argv[2]);
        kernel = kernel_open();
        (void) snprintf(match, sizeof(match),
                        "type='signal',sender='%s',path_namespace='/org/hostdev1'", argv[1]);
        turn_check(sd_bus_open_system(&bus), "bus");
        turn_check(sd_bus_add_match(bus, NULL, match, on_signal, NULL), match);
        while (turn_wait())
                take_turn(bus, argv[1], kernel);
        sd_bus_flush_close_unref(bus);
        return 0;
}
