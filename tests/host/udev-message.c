/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "udev-message.h"

#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>

/* MurmurHash2 with seed 0: by that of the subsystem listeners filter in the kernel. */
static uint32_t hash(const char *text) {
        const uint32_t factor = 0x5bd1e995;
        const unsigned char *bytes = (const unsigned char *) text;
        uint32_t n = (uint32_t) strlen(text), h = n;

        for (; n >= 4; bytes += 4, n -= 4) {
                uint32_t k = bytes[0] | bytes[1] << 8 | bytes[2] << 16 | (uint32_t) bytes[3] << 24;

                k *= factor;
                k ^= k >> 24;
                k *= factor;
                h *= factor;
                h ^= k;
        }

        for (uint32_t i = n; i > 0; i--)
                h ^= (uint32_t) bytes[i - 1] << 8 * (i - 1);
        if (n > 0)
                h *= factor;

        h ^= h >> 13;
        h *= factor;
        return h ^ h >> 15;
}

size_t udev_message_compose(UdevMessage *message, const char *action, const char *subsystem,
                            const char *path, unsigned number) {
        int n;

        *message = (UdevMessage){
                .magic_text = "libudev",
                .magic = htonl(0xfeedcafe),
                .header_size = UDEV_HEADER_SIZE,
                .properties_offset = UDEV_HEADER_SIZE,
                .subsystem_hash = htonl(hash(subsystem)),
        };
        n = snprintf(message->properties, sizeof(message->properties),
                     "ACTION=%s%cDEVPATH=%s%cSUBSYSTEM=%s%cSEQNUM=%u%c", action, 0, path, 0,
                     subsystem, 0, number, 0);
        message->properties_size = (uint32_t) n;
        return UDEV_HEADER_SIZE + (size_t) n;
}
