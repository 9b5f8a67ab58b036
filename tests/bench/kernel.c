/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel.h"

#include <errno.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include "turn.h"
#include "udev-message.h"

int kernel_open(void) {
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

        turn_check(fd < 0 ? -errno : 0, "netlink");
        return fd;
}

void kernel_tell(int fd, const char *action, const char *path) {
        struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_groups = UDEV_GROUP };
        static UdevMessage message;
        static unsigned number;
        size_t size = udev_message_compose(&message, action, "pci", path, ++number);

        /* That one of the listeners has no room is told to that listener. */
        if (sendto(fd, &message, size, 0, (struct sockaddr *) &to, sizeof(to)) < 0 &&
            errno != ENOBUFS)
                turn_check(-errno, "send");
}
