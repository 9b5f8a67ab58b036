/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Usage of network interfaces, by rtnetlink: links, addresses and routes of our network namespace.
 *
 * What the kernel sets up by itself (link-local addresses, their routes) is no use by the host: every
 * interface that is up has that.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "host/usage-table.h"
#include "util/vector.h"

enum {
        MESSAGES_SIZE = 32768, /* the kernel fills no more than this in one go */
};

typedef int (*MessageReader)(UsageInterfaces *interfaces, const struct nlmsghdr *message);

void usage_interfaces_done(UsageInterfaces *interfaces) {
        free(interfaces->interfaces);
        *interfaces = (UsageInterfaces){};
}

UsageInterface *usage_interfaces_find(const UsageInterfaces *interfaces, int index) {
        for (size_t i = 0; i < interfaces->n_interfaces; i++)
                if (interfaces->interfaces[i].index == index)
                        return &interfaces->interfaces[i];
        return NULL;
}

/* The attribute @type behind a header of @header_size bytes, at least @size long; NULL when there is none. */
static const struct rtattr *find_attribute(const struct nlmsghdr *message, size_t header_size,
                                           int type, size_t size) {
        const struct rtattr *attribute =
                (const void *) ((const char *) NLMSG_DATA(message) + NLMSG_ALIGN(header_size));
        int rest = (int) message->nlmsg_len - (int) NLMSG_SPACE(header_size);

        for (; RTA_OK(attribute, rest); attribute = RTA_NEXT(attribute, rest))
                if ((attribute->rta_type & NLA_TYPE_MASK) == type)
                        return RTA_PAYLOAD(attribute) >= size ? attribute : NULL;
        return NULL;
}

/* The number of an interface, 0 for none. */
static int find_index(const struct nlmsghdr *message, size_t header_size, int type) {
        const struct rtattr *attribute = find_attribute(message, header_size, type, sizeof(int));
        int index = 0;

        if (attribute)
                memcpy(&index, RTA_DATA(attribute), sizeof(index));
        return index;
}

static int read_link_message(UsageInterfaces *interfaces, const struct nlmsghdr *message) {
        const struct ifinfomsg *info = NLMSG_DATA(message);
        UsageInterface interface = {};
        const struct rtattr *name;

        if (message->nlmsg_len < NLMSG_LENGTH(sizeof(*info)))
                return 0;
        name = find_attribute(message, sizeof(*info), IFLA_IFNAME, 1);
        if (message->nlmsg_type != RTM_NEWLINK || !name)
                return 0;

        interface.index = info->ifi_index;
        interface.is_up = info->ifi_flags & IFF_UP;
        interface.is_port = find_index(message, sizeof(*info), IFLA_MASTER) != 0;

        /* The number of one in another namespace means nothing here. */
        if (!find_attribute(message, sizeof(*info), IFLA_LINK_NETNSID, 0))
                interface.stacked_on = find_index(message, sizeof(*info), IFLA_LINK);
        (void) snprintf(interface.name, sizeof(interface.name), "%.*s", (int) RTA_PAYLOAD(name),
                        (const char *) RTA_DATA(name));
        return VECTOR_APPEND(interfaces->interfaces, interfaces->n_interfaces, interface);
}

static int read_address_message(UsageInterfaces *interfaces, const struct nlmsghdr *message) {
        const struct ifaddrmsg *address = NLMSG_DATA(message);
        UsageInterface *interface;

        if (message->nlmsg_len < NLMSG_LENGTH(sizeof(*address)) ||
            message->nlmsg_type != RTM_NEWADDR || address->ifa_scope >= RT_SCOPE_LINK)
                return 0;

        interface = usage_interfaces_find(interfaces, (int) address->ifa_index);
        if (interface)
                interface->has_address = true;
        return 0;
}

/* Somebody's decision, not what follows from an address? */
static bool is_set_route(const struct nlmsghdr *message) {
        const struct rtmsg *route = NLMSG_DATA(message);

        return message->nlmsg_len >= NLMSG_LENGTH(sizeof(*route)) &&
               (message->nlmsg_type == RTM_NEWROUTE || message->nlmsg_type == RTM_DELROUTE) &&
               route->rtm_type == RTN_UNICAST && route->rtm_protocol != RTPROT_KERNEL &&
               !(route->rtm_flags & RTM_F_CLONED);
}

static void note_route(UsageInterfaces *interfaces, int index) {
        UsageInterface *interface = usage_interfaces_find(interfaces, index);

        if (interface)
                interface->has_route = true;
}

static int read_route_message(UsageInterfaces *interfaces, const struct nlmsghdr *message) {
        const struct rtattr *several;
        const struct rtnexthop *hop;
        int rest;

        if (!is_set_route(message))
                return 0;

        note_route(interfaces, find_index(message, sizeof(struct rtmsg), RTA_OIF));

        several = find_attribute(message, sizeof(struct rtmsg), RTA_MULTIPATH, sizeof(*hop));
        if (!several)
                return 0;

        hop = RTA_DATA(several);
        rest = (int) RTA_PAYLOAD(several);
        while (RTNH_OK(hop, rest)) {
                note_route(interfaces, hop->rtnh_ifindex);
                rest -= NLMSG_ALIGN(hop->rtnh_len);
                hop = RTNH_NEXT(hop);
        }
        return 0;
}

/* Reads the messages of a datagram: 1 at the end of a dump, 0 when more is to come, or negative errno. */
static int read_messages(const void *bytes, size_t size, UsageInterfaces *interfaces,
                         MessageReader reader) {
        const struct nlmsghdr *message = bytes;
        int r;

        for (; NLMSG_OK(message, size); message = NLMSG_NEXT(message, size)) {
                if (message->nlmsg_type == NLMSG_DONE)
                        return 1;
                if (message->nlmsg_type == NLMSG_ERROR) {
                        const struct nlmsgerr *error = NLMSG_DATA(message);

                        return message->nlmsg_len >= NLMSG_LENGTH(sizeof(*error)) &&
                                               error->error < 0
                                       ? error->error
                                       : -EIO;
                }
                r = reader(interfaces, message);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* All that the kernel has of one kind. It answers at once: a dump is made while it is asked for. */
static int dump(int type, UsageInterfaces *interfaces, MessageReader reader) {
        struct {
                struct nlmsghdr header;
                struct rtgenmsg family;
        } request = {
                .header = { .nlmsg_len = NLMSG_LENGTH(sizeof(request.family)),
                            .nlmsg_type = (uint16_t) type,
                            .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
                .family = { .rtgen_family = AF_UNSPEC },
        };
        _cleanup_(freep) char *bytes = NULL;
        _cleanup_(closep) int fd = -1;
        int r;

        bytes = malloc(MESSAGES_SIZE);
        if (!bytes)
                return -ENOMEM;

        fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
        if (fd < 0 || send(fd, &request, sizeof(request), 0) < 0)
                return -errno;

        for (;;) {
                ssize_t n = recv(fd, bytes, MESSAGES_SIZE, 0);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;

                r = read_messages(bytes, (size_t) n, interfaces, reader);
                if (r != 0)
                        return r < 0 ? r : 0;
        }
}

static bool is_used(const UsageInterface *interface) {
        return interface->is_port || interface->carries_another ||
               (interface->is_up && (interface->has_address || interface->has_route));
}

/* A route matters only where nothing else tells of a use: a router has a million of them. */
static bool routes_matter(const UsageInterface *interface) {
        return interface->is_up && !interface->is_port && !interface->carries_another &&
               !interface->has_address;
}

static void note_stacks(UsageInterfaces *interfaces) {
        for (size_t i = 0; i < interfaces->n_interfaces; i++) {
                const UsageInterface *upper = &interfaces->interfaces[i];
                UsageInterface *lower = usage_interfaces_find(interfaces, upper->stacked_on);

                /* The ends of a virtual cable name each other: none is on top. */
                if (lower && lower->stacked_on != upper->index && upper->is_up)
                        lower->carries_another = true;
        }
}

static int read_interfaces(UsageInterfaces *interfaces) {
        bool routes = false;
        int r;

        r = dump(RTM_GETLINK, interfaces, read_link_message);
        if (r == 0)
                r = dump(RTM_GETADDR, interfaces, read_address_message);
        if (r < 0)
                return r;

        note_stacks(interfaces);
        for (size_t i = 0; i < interfaces->n_interfaces; i++)
                routes = routes || routes_matter(&interfaces->interfaces[i]);

        return routes ? dump(RTM_GETROUTE, interfaces, read_route_message) : 0;
}

int usage_read_interfaces(UsageTable *table, UsageInterfaces *ret) {
        UsageInterfaces interfaces = {};
        int r;

        r = read_interfaces(&interfaces);
        for (size_t i = 0; r == 0 && i < interfaces.n_interfaces; i++) {
                const UsageInterface *interface = &interfaces.interfaces[i];
                char path[sizeof("/sys/class/net/") + IFNAMSIZ], target[PATH_MAX];
                ssize_t n;

                if (!is_used(interface))
                        continue;

                (void) snprintf(path, sizeof(path), "/sys/class/net/%s", interface->name);
                n = readlink(path, target, sizeof(target) - 1);
                if (n < 0)
                        continue;
                target[n] = '\0';
                r = usage_table_add(table, target, interface->name);
        }

        if (r < 0) {
                usage_interfaces_done(&interfaces);
                return r;
        }

        *ret = interfaces;
        return 0;
}

int usage_listen_to_interfaces(void) {
        const struct sockaddr_nl groups = {
                .nl_family = AF_NETLINK,
                .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
                             RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE,
        };
        _cleanup_(closep) int fd = -1;

        fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
        if (fd < 0 || bind(fd, (const struct sockaddr *) &groups, sizeof(groups)) < 0)
                return -errno;
        return TAKE_FD(fd);
}

static bool matters(const UsageInterfaces *interfaces, const struct nlmsghdr *message) {
        const UsageInterface *interface;

        if (message->nlmsg_type != RTM_NEWROUTE && message->nlmsg_type != RTM_DELROUTE)
                return true;
        if (!is_set_route(message))
                return false;

        /* One over several interfaces, or over one that we do not know yet, is looked at with the rest. */
        interface = usage_interfaces_find(interfaces,
                                          find_index(message, sizeof(struct rtmsg), RTA_OIF));
        return !interface || routes_matter(interface);
}

int usage_interfaces_changed(int socket, const UsageInterfaces *interfaces) {
        _cleanup_(freep) char *bytes = NULL;
        bool changed = false;

        bytes = malloc(MESSAGES_SIZE);
        if (!bytes)
                return -ENOMEM;

        for (;;) {
                const struct nlmsghdr *message = (const void *) bytes;
                ssize_t n = recv(socket, bytes, MESSAGES_SIZE, 0);
                size_t rest = n < 0 ? 0 : (size_t) n;

                if (n < 0 && errno == EAGAIN)
                        return changed;
                if (n < 0 && errno != EINTR && errno != ENOBUFS)
                        return -errno;

                changed = changed || (n < 0 && errno == ENOBUFS);
                for (; NLMSG_OK(message, rest); message = NLMSG_NEXT(message, rest))
                        changed = changed || matters(interfaces, message);
        }
}
