/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Topology: the NUMA nodes of the host and the socket of each, as sysfs tells. Part of host/scan.h.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "host/scan.h"
#include "host/sysfs.h"

#define SYSTEM "/sys/devices/system/"

enum {
        HIGHEST_NODE = 1023, /* the kernel's own limits */
        HIGHEST_CPU = 65535,
        HIGHEST_SOCKET = 65535,
};

static int socket_of_cpu(unsigned long cpu) {
        char path[sizeof(SYSTEM "cpu/cpu/topology/physical_package_id") + 20];
        unsigned long package;

        (void) snprintf(path, sizeof(path), SYSTEM "cpu/cpu%lu/topology/physical_package_id", cpu);
        if (!sysfs_read_number(AT_FDCWD, path, 10, HIGHEST_SOCKET, &package))
                return -1;
        return (int) package;
}

/* Of the first CPU that tells: all CPUs of a node are in one socket. A CPU that is offline does not tell. */
static int socket_of_node(unsigned long node) {
        char path[sizeof(SYSTEM "node/node/cpulist") + 20], list[SYSFS_ATTRIBUTE_SIZE];
        char *rest = list, *range;

        (void) snprintf(path, sizeof(path), SYSTEM "node/node%lu/cpulist", node);
        if (sysfs_read(AT_FDCWD, path, list, sizeof(list)) <= 0)
                return -1;

        while ((range = strsep(&rest, ","))) {
                char *dash = strchr(range, '-');
                unsigned long first, last;
                int socket;

                if (dash)
                        *dash = '\0';
                if (!sysfs_parse_number(range, 10, HIGHEST_CPU, &first) ||
                    !sysfs_parse_number(dash ? dash + 1 : range, 10, HIGHEST_CPU, &last))
                        return -1;

                for (unsigned long cpu = first; cpu <= last; cpu++) {
                        socket = socket_of_cpu(cpu);
                        if (socket >= 0)
                                return socket;
                }
        }

        return -1;
}

static int add_node(Topology *topology, unsigned long node) {
        if (node >= topology->n_nodes) {
                int *grown;

                grown = reallocarray(topology->sockets, node + 1, sizeof(*grown));
                if (!grown)
                        return -ENOMEM;

                topology->sockets = grown;
                while (topology->n_nodes <= node)
                        topology->sockets[topology->n_nodes++] = -1;
        }

        topology->sockets[node] = socket_of_node(node);
        return 0;
}

int scan_topology(Topology *ret) {
        Topology topology = {};
        DIR *directory;
        int r = 0;

        directory = opendir(SYSTEM "node");
        for (struct dirent *entry; directory && r == 0 && (entry = readdir(directory));) {
                unsigned long node;

                if (strncmp(entry->d_name, "node", 4) == 0 &&
                    sysfs_parse_number(entry->d_name + 4, 10, HIGHEST_NODE, &node))
                        r = add_node(&topology, node);
        }
        if (directory)
                closedir(directory);

        if (r < 0) {
                free(topology.sockets);
                return r;
        }

        *ret = topology;
        return 0;
}
