/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Daemon: builds the parts, plugs them together, runs the loop. The only file that knows every layer.
 */
#pragma once

#include "vm/hypervisor.h"

/* A hypervisor and how the loop serves it. */
typedef struct DaemonHypervisor {
        Hypervisor *hypervisor;
        int fd; /* readable when callbacks are due */
        void (*dispatch)(Hypervisor *hypervisor);
} DaemonHypervisor;

typedef struct DaemonOptions {
        const char *vendor_directory; /* drop-ins of the vendor */
        const char *configuration_directory;
        const char *state_directory;
        const char *libvirt_uri; /* wins over the configuration; NULL: does not */
        /* Makes the hypervisor for a URI. 0 or negative errno. */
        int (*make_hypervisor)(const char *uri, DaemonHypervisor *ret);
} DaemonOptions;

/* libvirt. */
int daemon_make_libvirt(const char *uri, DaemonHypervisor *ret);

/**
 * daemon_run() - serve until SIGTERM or SIGINT
 *
 * Takes the bus name when devices and journal are read, then says READY, whether libvirt answers or
 * not. What is wrong is in the log.
 *
 * Return: 0 after a signal; negative errno, or CONFIG_INVALID when the configuration is at fault.
 */
int daemon_run(const DaemonOptions *options);
