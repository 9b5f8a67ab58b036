/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/device-index.h"

#include <assert.h>
#include <string.h>

#include "core/inventory.h"
#include "util/vector.h"

size_t device_index_find(const DeviceIndex *index, KeyOf key_of, uint64_t key, uint64_t address) {
        size_t low = 0, high = index->n_items;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                uint64_t other = key_of(index->items[middle]);

                if (other < key ||
                    (other == key && address_key(index->items[middle]->address) < address))
                        low = middle + 1;
                else
                        high = middle;
        }

        return low;
}

DeviceRun device_index_run(const DeviceIndex *index, KeyOf key_of, uint64_t key) {
        size_t from = device_index_find(index, key_of, key, 0), to = from;

        while (to < index->n_items && key_of(index->items[to]) == key)
                to++;

        return (DeviceRun){ .items = index->items + from, .n_items = to - from };
}

int device_index_reserve(DeviceIndex *index) {
        return vector_reserve(&index->items, index->n_items, sizeof(*index->items));
}

void device_index_insert(DeviceIndex *index, KeyOf key_of, Device *device) {
        size_t place =
                device_index_find(index, key_of, key_of(device), address_key(device->address));
        Device **at = index->items + place;

        memmove(at + 1, at, (index->n_items - place) * sizeof(*at));
        *at = device;
        index->n_items++;
}

void device_index_take_out(DeviceIndex *index, KeyOf key_of, const Device *device) {
        size_t place =
                device_index_find(index, key_of, key_of(device), address_key(device->address));
        Device **at = index->items + place;

        assert(place < index->n_items && *at == device);
        index->n_items--;
        memmove(at, at + 1, (index->n_items - place) * sizeof(*at));
}
