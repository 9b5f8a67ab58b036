/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hostdevd with the fake hypervisor in libvirt's place: the socket of hypervisor-process stands where
 * the URI would.
 */
#include <stdio.h>
#include <stdlib.h>

#include <syslog.h>

#include "daemon.h"
#include "fakes/fake-hypervisor.h"
#include "util/log.h"

static int make_fake(const char *uri, DaemonHypervisor *ret) {
        Hypervisor *hypervisor;
        int r;

        r = fake_hypervisor_new(&hypervisor, uri);
        if (r < 0)
                return r;

        *ret = (DaemonHypervisor){
                .hypervisor = hypervisor,
                .fd = fake_hypervisor_fd(hypervisor),
                .dispatch = fake_hypervisor_dispatch,
        };
        return 0;
}

int main(int argc, char **argv) {
        const DaemonOptions options = {
                .vendor_directory = "/nonexistent",
                .configuration_directory = getenv("CONFIGURATION_DIRECTORY"),
                .state_directory = getenv("STATE_DIRECTORY"),
                .libvirt_uri = getenv("LIBVIRT_DEFAULT_URI"),
                .make_hypervisor = make_fake,
        };

        if (!options.configuration_directory || !options.state_directory || !options.libvirt_uri) {
                fputs("hostdevd-fake: needs CONFIGURATION_DIRECTORY, STATE_DIRECTORY and, as a socket, "
                      "LIBVIRT_DEFAULT_URI\n",
                      stderr);
                return EXIT_FAILURE;
        }

        log_set_level(LOG_DEBUG);
        return daemon_run(&options) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
