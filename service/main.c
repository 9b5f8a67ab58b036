/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hostdevd: argv and environment into options, then run.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include <sysexits.h>

#include "core/verdict.h"
#include "daemon.h"
#include "util/log.h"

/* systemd gives a list; the first is ours. */
static const char *directory_from(const char *variable, const char *otherwise) {
        char *directory = getenv(variable);
        char *colon;

        if (!directory || *directory == '\0')
                return otherwise;

        colon = strchr(directory, ':');
        if (colon)
                *colon = '\0';
        return directory;
}

/* Empty is not set, as for libvirt itself. */
static const char *uri_from(const char *variable) {
        const char *uri = getenv(variable);

        return uri && *uri ? uri : NULL;
}

static void print_help(void) {
        puts("hostdevd [OPTION]\n"
             "\n"
             "Lends the PCI devices of this host to libvirt guests, over D-Bus (org.hostdev1).\n"
             "\n"
             "  -h --help      Show this help\n"
             "     --version   Show the version\n"
             "     --debug     Log more\n"
             "\n"
             "hostdevctl --help tells how to ask it for a device. See hostdevd(8), hostdevd.conf(5),\n"
             "hostdevctl(1), org.hostdev1(5).");
}

/* Returns an exit status, or -1 to go on. */
static int parse_arguments(int argc, char **argv) {
        enum {
                OPTION_VERSION = 256,
                OPTION_DEBUG
        };
        static const struct option options[] = {
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, OPTION_VERSION },
                { "debug", no_argument, NULL, OPTION_DEBUG },
                { 0 },
        };
        int option;

        while ((option = getopt_long(argc, argv, "h", options, NULL)) >= 0)
                switch (option) {
                case 'h':
                        print_help();
                        return EXIT_SUCCESS;
                case OPTION_VERSION:
                        puts("hostdevd " PROJECT_VERSION);
                        return EXIT_SUCCESS;
                case OPTION_DEBUG:
                        log_set_level(LOG_DEBUG);
                        break;
                default:
                        return EX_USAGE;
                }

        if (optind < argc) {
                fprintf(stderr, "hostdevd: takes no arguments: %s\n", argv[optind]);
                return EX_USAGE;
        }

        return -1;
}

int main(int argc, char **argv) {
        DaemonOptions options = {
                .vendor_directory = "/usr/lib/hostdevd",
                .configuration_directory =
                        directory_from("CONFIGURATION_DIRECTORY", "/etc/hostdevd"),
                .state_directory = directory_from("STATE_DIRECTORY", "/var/lib/hostdevd"),
                .libvirt_uri = uri_from("LIBVIRT_DEFAULT_URI"),
                .make_hypervisor = daemon_make_libvirt,
        };
        int r;

        r = parse_arguments(argc, argv);
        if (r >= 0)
                return r;

        r = daemon_run(&options);
        if (r == CONFIG_INVALID)
                return EX_CONFIG;
        return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
