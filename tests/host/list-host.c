/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Prints what the layer sees, for tests that are no C: a line per function, the nodes; with `watch` as
 * argument first "listening", then the address of each event (or "lost") until its input is closed.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/scan.h"
#include "host/watch.h"
#include "util/text.h"

static int print_function(Scan *scan, Address address) {
        _cleanup_(facts_freep) Facts *facts = NULL;
        _cleanup_(freep) char *interfaces = NULL;
        char text[ADDRESS_TEXT_SIZE];
        int r;

        r = scan_one(scan, address, &facts);
        if (r < 0 || !facts)
                return r;

        interfaces = list_join(facts->interfaces, ",");
        printf("%s %04x:%04x %06x driver=%s group=%d node=%d %s vfs=%u",
               address_format(address, text), facts->vendor_id, facts->product_id,
               facts->class_code, facts->driver, facts->iommu_group, facts->numa_node,
               device_type_to_string(facts->type), facts->max_virtual_functions);
        if (facts->type == DEVICE_TYPE_VF)
                printf(" pf=%s", address_format(facts->physical_function, text));
        printf(" net=%s use=%s name=%s\n", interfaces ?: "", facts->host_use, facts->product_name);
        return 0;
}

static int print_host(void) {
        _cleanup_(scan_freep) Scan *scan = NULL;
        _cleanup_(freep) Address *addresses = NULL;
        _cleanup_(freep) int *sockets = NULL;
        Topology topology;
        size_t n = 0;
        int r;

        r = scan_new(&scan);
        if (r == 0)
                r = scan_addresses(scan, &addresses, &n);
        for (size_t i = 0; r == 0 && i < n; i++)
                r = print_function(scan, addresses[i]);
        if (r == 0)
                r = scan_topology(&topology);
        if (r < 0)
                return r;

        sockets = topology.sockets;
        for (size_t i = 0; i < topology.n_nodes; i++)
                printf("node %zu socket %d\n", i, sockets[i]);
        return 0;
}

static int print_events(void) {
        _cleanup_(watch_freep) Watch *watch = NULL;
        char text[ADDRESS_TEXT_SIZE];
        Address address;
        int r;

        r = watch_new(&watch);
        if (r < 0)
                return r;
        puts("listening");

        for (;;) {
                struct pollfd pollers[] = { { .fd = watch_fd(watch), .events = POLLIN },
                                            { .fd = STDIN_FILENO, .events = POLLIN } };

                (void) fflush(stdout);
                if (poll(pollers, 2, -1) < 0)
                        return -errno;
                while ((r = watch_next(watch, &address)) != 0) {
                        if (r == -EAGAIN)
                                continue;
                        if (r < 0 && r != -ENOBUFS)
                                return r;
                        puts(r < 0 ? "lost" : address_format(address, text));
                }
                if (pollers[1].revents)
                        return 0;
        }
}

int main(int argc, char **argv) {
        int r;

        r = argc > 1 && strcmp(argv[1], "watch") == 0 ? print_events() : print_host();
        if (r < 0)
                fprintf(stderr, "list-host: %s\n", strerror(-r));
        return r < 0;
}
