/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An event as udevd sends it to its listeners (netlink group 2 of NETLINK_KOBJECT_UEVENT).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
        UDEV_GROUP = 2,
        UDEV_HEADER_SIZE = 40
};

/* Numbers of the header are in the host's order, but the magic and the hash. */
typedef struct UdevMessage {
        char magic_text[8];
        uint32_t magic, header_size, properties_offset, properties_size;
        uint32_t subsystem_hash, zeros[3];
        char properties[8192];
} UdevMessage;

/* Returns how many bytes of @message are to be sent. @path is one below /sys, with a slash in front. */
size_t udev_message_compose(UdevMessage *message, const char *action, const char *subsystem,
                            const char *path, unsigned number);
