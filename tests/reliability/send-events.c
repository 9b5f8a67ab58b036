/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What udevd sends to its listeners, as fast as the kernel takes it: events that need not be true.
 *
 *   send-events COUNT SEED [PORT] < DEVICES
 *
 * DEVICES has lines of a subsystem and a path below /sys. Each event is about one of them, with an action
 * chosen by the seed; one in fifty is no event that udevd would send. With a PORT they go to this listener
 * alone. Prints how many the kernel took, and how many it refused.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "udev-message.h"

enum {
        MOST_DEVICES = 4096,
        LONGEST_LINE = 512,
        ONE_IN = 50, /* is malformed */
};

typedef struct Device {
        char subsystem[32], path[LONGEST_LINE];
} Device;

static Device devices[MOST_DEVICES];
static size_t n_devices;
static unsigned long random_state;

/* xorshift: the same everywhere for the same seed. */
static unsigned long draw(unsigned long below) {
        random_state ^= random_state << 13;
        random_state ^= random_state >> 7;
        random_state ^= random_state << 17;
        return random_state % below;
}

static size_t compose(UdevMessage *message, unsigned number) {
        static const char *const actions[] = {
                "add", "remove", "change", "bind", "unbind", "move"
        };
        const Device *device = &devices[draw(n_devices)];
        const char *action = actions[draw(sizeof(actions) / sizeof(*actions))];

        return udev_message_compose(message, action, device->subsystem, device->path, number);
}

/* Something of a message that is in order is not in order. Gives the size of what is to be sent. */
static size_t spoil(UdevMessage *message, size_t size) {
        switch (draw(8)) {
        case 0:
                message->magic = 0;
                return size;
        case 1:
                message->properties_offset = 4096; /* behind the end */
                return size;
        case 2:
                message->properties_size = 0xffffffff;
                return size;
        case 3:
                return draw(UDEV_HEADER_SIZE) + 1;
        case 4: /* no value, no end */
                memset(message->properties, 'A', sizeof(message->properties));
                return sizeof(*message);
        case 5: /* as the kernel writes them, in the group of udevd */
                memcpy(message, "add@/devices", sizeof("add@/devices"));
                return size;
        case 6: /* cut off in a property */
                return size - draw(size - UDEV_HEADER_SIZE);
        default:
                for (size_t i = UDEV_HEADER_SIZE; i < size; i++)
                        if (draw(8) == 0)
                                ((char *) message)[i] = (char) draw(256);
                return size;
        }
}

static bool read_devices(void) {
        char line[LONGEST_LINE];

        while (n_devices < MOST_DEVICES && fgets(line, sizeof(line), stdin)) {
                Device *device = &devices[n_devices];

                if (sscanf(line, "%31s %511s", device->subsystem, device->path) == 2)
                        n_devices++;
        }

        return n_devices > 0;
}

static double now(void) {
        struct timespec time;

        (void) clock_gettime(CLOCK_MONOTONIC, &time); /* cannot fail for this clock */
        return (double) time.tv_sec + (double) time.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
        struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_groups = UDEV_GROUP };
        unsigned long count, sent = 0, refused = 0;
        static UdevMessage message;
        double began;
        int fd;

        if (argc < 3 || !read_devices()) {
                fputs("usage: send-events COUNT SEED [PORT] < DEVICES\n", stderr);
                return 2;
        }

        count = strtoul(argv[1], NULL, 10);
        random_state = strtoul(argv[2], NULL, 10) * 2 + 1;
        if (argc > 3) {
                to.nl_groups = 0;
                to.nl_pid = (uint32_t) strtoul(argv[3], NULL, 10);
        }

        fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
        if (fd < 0) {
                perror("socket");
                return 1;
        }

        began = now();
        for (unsigned long i = 0; i < count; i++) {
                size_t size = compose(&message, (unsigned) i + 1);

                if (draw(ONE_IN) == 0)
                        size = spoil(&message, size);
                /* A listener that is too slow loses it: that is not told here. */
                if (sendto(fd, &message, size, 0, (struct sockaddr *) &to, sizeof(to)) >= 0)
                        sent++;
                else if (errno != EINTR)
                        refused++;
        }

        printf("%lu sent, %lu refused, %.2f s\n", sent, refused, now() - began);
        close(fd);
        return 0;
}
