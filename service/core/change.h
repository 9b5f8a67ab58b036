/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changes: what became different since it was last published.
 *
 * Core functions append here and never call up. Repeats merge: properties of one object are
 * united, an object that was added and removed in between is not mentioned, one that was removed and
 * added again is both (removed first).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"

typedef enum ObjectKind {
        OBJECT_MANAGER,
        OBJECT_DEVICE,
        OBJECT_POOL,
        OBJECT_ALIAS,
        OBJECT_ATTACHMENT,
        _OBJECT_KIND_END,
} ObjectKind;

/* Bits of Change.properties; each kind has its own. */
enum {
        MANAGER_LIBVIRT_CONNECTED = 1 << 0,
        MANAGER_HOST_READY = 1 << 1,
        MANAGER_LIBVIRT_URI = 1 << 2,
};
enum {
        DEVICE_VENDOR_ID =
                1 << 0, /* of the identity: all ids, class, names, type, maximum of VFs */
        DEVICE_DRIVER = 1 << 1,
        DEVICE_NUMA_NODE = 1 << 2,
        DEVICE_IOMMU_GROUP = 1 << 3,
        DEVICE_GROUP_ADDRESSES = 1 << 4,
        DEVICE_PHYSICAL_FUNCTION = 1 << 5,
        DEVICE_VIRTUAL_FUNCTIONS = 1 << 6,
        DEVICE_RESET_METHODS = 1 << 7,
        DEVICE_POWER_STATE = 1 << 8,
        DEVICE_POOL = 1 << 9,
        DEVICE_TAGS = 1 << 10,
        DEVICE_STATE = 1 << 11,
        DEVICE_REASONS = 1 << 12,
        DEVICE_ATTACHMENT = 1 << 13,
        DEVICE_HOLDER = 1 << 14,
};
enum {
        RULE_SET_DEVICES = 1 << 0, /* of pools and aliases alike */
        RULE_SET_TOTAL = 1 << 1,
        RULE_SET_FREE = 1 << 2,
        RULE_SET_DEFINITION = 1 << 3, /* description, source, match, policy, unit */
};
enum {
        ATTACHMENT_DOMAIN = 1 << 0, /* the name */
        ATTACHMENT_STATE = 1 << 1,
        ATTACHMENT_DEVICES = 1 << 2,
        ATTACHMENT_LIVE = 1 << 3,
        ATTACHMENT_CONFIG = 1 << 4,
        ATTACHMENT_LAST_ERROR = 1 << 5,
};

typedef struct Change {
        ObjectKind kind;
        char *key; /* address, name or number as text; "" for the manager */
        bool added, removed;
        uint32_t properties; /* 0 when added */
} Change;

typedef struct Changes {
        Change *items; /* in the order of their first mention */
        size_t n_items;

        size_t *slots; /* by hash of kind and key; private to change.c */
        size_t n_slots;
} Changes;

void changes_done(Changes *changes); /* releases the items; empty and usable afterwards */

/* Makes the empty @ret the same as @changes. 0; or -ENOMEM, and it has some of them. */
int changes_copy(const Changes *changes, Changes *ret);

/* Each: 0 or -ENOMEM. @key is copied. */
int changes_add(Changes *changes, ObjectKind kind, const char *key);
int changes_remove(Changes *changes, ObjectKind kind, const char *key);
int changes_touch(Changes *changes, ObjectKind kind, const char *key, uint32_t properties);
