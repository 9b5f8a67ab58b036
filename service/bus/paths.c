/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/paths.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <systemd/sd-bus.h>

#include "util/cleanup.h"

const char *device_path(Address address, char path[static DEVICE_PATH_SIZE]) {
        (void) address_format_node_name(address, stpcpy(path, DEVICE_PREFIX "/"));
        return path;
}

const char *attachment_path(uint32_t number, char path[static ATTACHMENT_PATH_SIZE]) {
        snprintf(path, ATTACHMENT_PATH_SIZE, ATTACHMENT_PREFIX "/%" PRIu32, number);
        return path;
}

int named_path(const char *prefix, const char *name, char **ret) {
        return sd_bus_path_encode(prefix, name, ret) < 0 ? -ENOMEM : 0;
}

static const char *after_prefix(const char *path, const char *prefix) {
        size_t size = strlen(prefix);

        return strncmp(path, prefix, size) == 0 && path[size] == '/' ? path + size + 1 : NULL;
}

bool device_path_parse(const char *path, Address *ret) {
        const char *name = after_prefix(path, DEVICE_PREFIX);
        char again[DEVICE_PATH_SIZE];
        Address address;

        if (!name || address_parse_node_name(name, &address) != 0)
                return false;
        if (strcmp(device_path(address, again), path) != 0)
                return false;

        *ret = address;
        return true;
}

bool attachment_number_parse(const char *text, uint32_t *ret) {
        uint64_t number = 0;

        if (*text < '1' || *text > '9')
                return false;

        for (; *text; text++) {
                if (*text < '0' || *text > '9')
                        return false;
                number = number * 10 + (uint64_t) (*text - '0');
                if (number > UINT32_MAX)
                        return false;
        }

        *ret = (uint32_t) number;
        return true;
}

bool attachment_path_parse(const char *path, uint32_t *ret) {
        const char *number = after_prefix(path, ATTACHMENT_PREFIX);

        return number && attachment_number_parse(number, ret);
}

int named_path_parse(const char *prefix, const char *path, char **ret) {
        _cleanup_(freep) char *name = NULL, *again = NULL;
        int r;

        r = sd_bus_path_decode(path, prefix, &name);
        if (r <= 0)
                return r;

        r = named_path(prefix, name, &again);
        if (r < 0)
                return r;
        if (strcmp(again, path) != 0)
                return 0;

        *ret = TAKE(name);
        return 1;
}
