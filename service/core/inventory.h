/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inventory: the host's PCI functions by address, bridges included, with who belongs together.
 *
 * A record outlives its device while somebody holds it: it is then not present and shows the last
 * facts. Another device that meanwhile appears at the same address waits as `arrival` and is shown
 * when the old one is freed; so does what a held device that has not left becomes (other ids).
 *
 * The fields under "concluded" are written by registry_settle() alone.
 */
#pragma once

#include "core/change.h"
#include "core/device-index.h"
#include "core/facts.h"

typedef struct Pool Pool;
typedef struct Alias Alias;
typedef struct Rule Rule;

/* Words of CONTRACT 3. The first that holds is the state. */
typedef enum DeviceState {
        DEVICE_GONE,
        DEVICE_ATTACHED,
        DEVICE_RESERVED,
        DEVICE_UNAVAILABLE,
        DEVICE_AVAILABLE,
} DeviceState;

/* What a device is counted in: the VFs of the PF at the address, or the rest of the card there (family.h). */
typedef struct Family {
        Address address;
        bool is_virtual;
} Family;

/* Bits of a mask; each alone is sufficient. From REASON_GROUP_INCOMPLETE on: only for an item of a request. */
enum {
        REASON_NOT_IN_POOL = 1 << 0,
        REASON_RESERVED = 1 << 1,
        REASON_ATTACHED = 1 << 2,
        REASON_HELD_BY_DOMAIN = 1 << 3,
        REASON_IN_USE_BY_HOST = 1 << 4,
        REASON_GROUP_IN_USE = 1 << 5,
        REASON_NO_IOMMU = 1 << 6,
        REASON_PF_IN_USE = 1 << 7,
        REASON_VF_IN_USE = 1 << 8,
        REASON_GONE = 1 << 9,
        REASON_GROUP_INCOMPLETE = 1 << 10,
        REASON_IDS = 1 << 11,
        REASON_TYPE = 1 << 12,
        REASON_TAGS = 1 << 13,
        REASON_NUMA = 1 << 14,
        REASON_TAKEN_BY_EARLIER_ITEM = 1 << 15,
        REASON_NOT_AUTHORIZED = 1 << 16,
        REASON_COUNT = 17,
};

const char *device_state_to_string(DeviceState state);
const char *reason_to_string(uint32_t reason); /* of a single bit */

struct Device {
        const struct Inventory *inventory; /* where it stands */
        Address address;
        Facts *facts; /* never NULL */
        Facts *arrival; /* what is at the address now, while the held one is gone; or what the held one,
                           * still present, says of itself now; else NULL */
        bool present;     /* the device that facts describe is in the host */
        bool recalled;    /* facts are what an attachment remembers: ids and nothing else */
        bool dirty;       /* registry_settle() is to look at it: it is on the inventory's list */
        bool unmatched;   /* and at its pool and aliases too */
        uint32_t changed; /* DEVICE_… bits of the host's facts that are not told yet */

        /* concluded */
        size_t place;          /* in the inventory */
        Family family;         /* as the trail of the registry knows it */
        unsigned n_beside;     /* available of its family, itself included */
        bool announced;        /* shown as an object */
        Pool *pool;            /* borrowed from the catalog; NULL: in none */
        const Rule *pool_rule; /* the line that matched: gives the tags */
        Alias **aliases;       /* that mean it, in the order of the catalog */
        size_t n_aliases;
        bool alone; /* in its IOMMU group, bridges counted too */
        DeviceState state;
        uint32_t reasons;
        uint32_t attachment; /* number; 0: none */
        char *holder;        /* "", attachment:17, domain:NAME, host:WHAT */
};

typedef struct Inventory {
        union {
                struct {
                        Device **devices; /* sorted by address */
                        size_t n_devices;
                };
                DeviceIndex by_address; /* the same by its other name */
        };
        DeviceIndex by_group;             /* of those in an IOMMU group */
        DeviceIndex by_physical_function; /* of VFs */
        Device **dirty; /* each once, in no order; there is room for all devices */
        size_t n_dirty;
        bool shifted; /* a device has come or gone: `place` of others is out of date */
} Inventory;

void inventory_done(Inventory *inventory);

Device *inventory_find(const Inventory *inventory, Address address); /* NULL: none */

/**
 * inventory_apply() - take over what the host says of an address
 * @facts: ownership passes, also on failure; NULL: nothing is there
 * @held:  somebody holds the device at that address, so its record must outlive it
 * @ret_properties: DEVICE_… bits of the host's facts that differ from before
 *
 * Tells who is touched by marking devices dirty: the device, and before and after the change its
 * IOMMU group, its PF and its VFs; with what is different for them in `changed`. Removes the record
 * when nothing is there and nobody holds it.
 *
 * Return: 0 or -ENOMEM.
 */
int inventory_apply(Inventory *inventory, Address address, Facts *facts, bool held,
                    uint32_t *ret_properties);

/**
 * inventory_recall() - show a held device as its attachment remembers it
 * @facts: the ids; ownership passes, also on failure
 *
 * What is at the address, if it is another device, waits as arrival. Nothing happens when it is the
 * same by its ids, or when a record is already gone.
 *
 * Return: 0 or -ENOMEM.
 */
int inventory_recall(Inventory *inventory, Facts *facts);

/* Marks the device and all whose state may follow from its own (group, PF, VFs) dirty. */
void inventory_touch(Inventory *inventory, Device *device);

/* Marks every device dirty, and its pool and aliases to be looked at. */
void inventory_touch_all(Inventory *inventory);

/* Sorts what is dirty by address, and gives every device its place. */
void inventory_order(Inventory *inventory);

/* Takes what is dirty no more off the list. */
void inventory_forget_settled(Inventory *inventory);

/* The held device is free again: what waits at its address takes its place, or the record goes. 0 or -ENOMEM. */
int inventory_release(Inventory *inventory, Address address);

/* The device of which the mediated device with this UUID is made, or was until it left; NULL: none. */
Device *inventory_find_parent(const Inventory *inventory, const char *mediated);

/*
 * Walks over relatives, in address order: start with NULL, ends with NULL. Group members include
 * bridges and @device itself; VFs are those whose PF is @device; slot mates include @device.
 */
Device *inventory_next_in_group(const Inventory *inventory, const Device *device,
                                const Device *previous);
Device *inventory_next_virtual_function(const Inventory *inventory, const Device *device,
                                        const Device *previous);
Device *inventory_next_in_slot(const Inventory *inventory, const Device *device,
                               const Device *previous);

/* The same at once, for those who neither add nor remove a device meanwhile. */
DeviceRun inventory_group(const Inventory *inventory, const Device *device);
DeviceRun inventory_virtual_functions(const Inventory *inventory, Address physical_function);
DeviceRun inventory_card(const Inventory *inventory, Address address);
