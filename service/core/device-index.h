/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Device index: devices in the order of a key and, of equal keys, of their addresses. It borrows them; whoever
 * changes what a key is made of takes the device out before, and inserts it again.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct Device Device;
typedef uint64_t (*KeyOf)(const Device *device);

typedef struct DeviceIndex {
        Device **items;
        size_t n_items;
} DeviceIndex;

/* Devices that stand side by side; borrowed until the next one comes or goes. */
typedef struct DeviceRun {
        Device *const *items;
        size_t n_items;
} DeviceRun;

/* The first place whose device is not before (key, address). */
size_t device_index_find(const DeviceIndex *index, KeyOf key_of, uint64_t key, uint64_t address);

/* All with the key. */
DeviceRun device_index_run(const DeviceIndex *index, KeyOf key_of, uint64_t key);

int device_index_reserve(DeviceIndex *index); /* room for one more; 0 or -ENOMEM */
void device_index_insert(DeviceIndex *index, KeyOf key_of, Device *device); /* there is room */
void device_index_take_out(DeviceIndex *index, KeyOf key_of, const Device *device); /* it is in */
