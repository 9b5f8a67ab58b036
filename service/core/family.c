/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/family.h"

#include "core/settle.h"

Family family_of(const Device *device) {
        Family family = { .address = device->address };

        if (device->facts->type == DEVICE_TYPE_VF)
                return (Family){ .address = device->facts->physical_function, .is_virtual = true };

        family.address.function = 0;
        return family;
}

bool family_equal(Family a, Family b) {
        return a.is_virtual == b.is_virtual && address_key(a.address) == address_key(b.address);
}

DeviceRun family_members(const Inventory *inventory, Family family) {
        return family.is_virtual ? inventory_virtual_functions(inventory, family.address)
                                 : inventory_card(inventory, family.address);
}

void family_count(const Inventory *inventory, Family family) {
        DeviceRun members = family_members(inventory, family);
        bool is_known = !family.is_virtual || inventory_find(inventory, family.address);
        unsigned n_free = 0;

        for (size_t i = 0; i < members.n_items && is_known; i++)
                n_free += members.items[i]->state == DEVICE_AVAILABLE &&
                          family_equal(family_of(members.items[i]), family);

        for (size_t i = 0; i < members.n_items; i++)
                if (family_equal(family_of(members.items[i]), family))
                        members.items[i]->n_beside = n_free;
}

static void note_family(Registry *registry, Family family) {
        uint64_t last = registry->version - 1;

        /* Those that were counted or looked at before are to be looked at again. */
        if (registry->version > registry->counted_version &&
            family_equal(registry->trail[last % REGISTRY_TRAIL], family))
                return;

        registry->trail[registry->version++ % REGISTRY_TRAIL] = family;
}

void settle_note(Registry *registry, Device *device) {
        Family family = family_of(device);

        if (device->announced && !family_equal(device->family, family))
                note_family(registry, device->family);
        note_family(registry, family);
        device->family = family;
}

/* Of either kind the members of a family stand together, nearly always. */
static void count_all_families(const Inventory *inventory) {
        const Device *last[2] = { NULL, NULL };

        for (size_t i = 0; i < inventory->n_devices; i++) {
                const Device *device = inventory->devices[i];
                Family family = family_of(device);
                const Device **before = &last[family.is_virtual];

                if (!*before || !family_equal(family_of(*before), family))
                        family_count(inventory, family);
                *before = device;
        }
}

void settle_families(Registry *registry) {
        if (registry->version - registry->counted_version > REGISTRY_TRAIL)
                count_all_families(&registry->inventory);
        else
                for (uint64_t i = registry->counted_version; i < registry->version; i++)
                        family_count(&registry->inventory, registry->trail[i % REGISTRY_TRAIL]);

        registry->counted_version = registry->version;
}
