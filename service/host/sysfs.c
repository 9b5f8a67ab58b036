/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "util/text.h"

#define DEVICES "/sys/bus/pci/devices/"

enum {
        DEVICE_PATH_SIZE = sizeof(DEVICES) + ADDRESS_TEXT_SIZE,
};

static const char *device_path(Address address, char path[static DEVICE_PATH_SIZE]) {
        char text[ADDRESS_TEXT_SIZE];

        (void) stpcpy(stpcpy(path, DEVICES), address_format(address, text));
        return path;
}

int sysfs_open_device(Address address) {
        char path[DEVICE_PATH_SIZE];
        int fd;

        fd = open(device_path(address, path), O_PATH | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

bool sysfs_is_present(int directory, Address address) {
        char path[DEVICE_PATH_SIZE];
        struct stat then, now;

        return fstat(directory, &then) == 0 && stat(device_path(address, path), &now) == 0 &&
               then.st_dev == now.st_dev && then.st_ino == now.st_ino;
}

ssize_t sysfs_read(int directory, const char *path, char *text, size_t size) {
        _cleanup_(closep) int fd = -1;
        ssize_t n;

        /* What is no attribute (a FIFO in a made tree) must not hold us up. */
        fd = openat(directory, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0)
                return -errno;

        do
                n = read(fd, text, size - 1);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;

        if (n > 0 && text[n - 1] == '\n')
                n--;
        text[n] = '\0';
        return n;
}

bool sysfs_parse_number(const char *text, int base, unsigned long highest, unsigned long *ret) {
        const char *digits = base == 16 ? "0123456789abcdefABCDEF" : "0123456789";
        unsigned long number;

        if (base == 16 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
                text += 2;

        if (*text == '\0' || text[strspn(text, digits)] != '\0')
                return false;

        errno = 0;
        number = strtoul(text, NULL, base);
        if (errno != 0 || number > highest)
                return false;

        *ret = number;
        return true;
}

bool sysfs_read_number(int directory, const char *path, int base, unsigned long highest,
                       unsigned long *ret) {
        char text[32] = "";
        ssize_t n;

        n = sysfs_read(directory, path, text, sizeof(text));
        return n > 0 && strlen(text) == (size_t) n && sysfs_parse_number(text, base, highest, ret);
}

ssize_t sysfs_read_link(int directory, const char *path, char *name, size_t size) {
        char target[PATH_MAX];
        const char *last;
        ssize_t n;

        n = readlinkat(directory, path, target, sizeof(target) - 1);
        if (n < 0)
                return -errno;
        target[n] = '\0';

        last = strrchr(target, '/');
        last = last ? last + 1 : target;
        if (strlen(last) >= size)
                return -ENAMETOOLONG;

        text_copy(name, size, last);
        return (ssize_t) strlen(name);
}

char *sysfs_text(const char *bytes, size_t size) {
        char *hex, *end;

        if (size <= SYSFS_TEXT_LONGEST && text_is_utf8(bytes, size)) {
                _cleanup_(freep) char *text = strndup(bytes, size);

                if (!text)
                        return NULL;
                if (text_is_line(text))
                        return TAKE(text);
        }

        if (size > SYSFS_TEXT_LONGEST / 2)
                size = SYSFS_TEXT_LONGEST / 2;

        hex = end = malloc(2 * size + 1);
        if (!hex)
                return NULL;

        *end = '\0';
        for (size_t i = 0; i < size; i++)
                end += sprintf(end, "%02x", (unsigned char) bytes[i]);
        return hex;
}

bool sysfs_next_function(const char **path, Address *ret) {
        const char *rest = *path;

        while ((rest = strchr(rest, '/'))) {
                char component[ADDRESS_TEXT_SIZE];
                size_t size;

                size = strcspn(++rest, "/");
                if (size >= sizeof(component))
                        continue;

                *stpncpy(component, rest, size) = '\0';
                if (strchr(component, ':') != strrchr(component, ':') &&
                    address_parse(component, ret) == 0) {
                        *path = rest + size;
                        return true;
                }
        }

        return false;
}
