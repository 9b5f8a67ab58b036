/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/facts.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "util/text.h"

static const char *const device_types[] = {
        [DEVICE_TYPE_PCI] = "type-PCI",
        [DEVICE_TYPE_PF] = "type-PF",
        [DEVICE_TYPE_VF] = "type-VF",
};

int facts_new(Facts **ret, Address address) {
        _cleanup_(facts_freep) Facts *facts = NULL;

        assert(ret);

        facts = calloc(1, sizeof(*facts));
        if (!facts)
                return -ENOMEM;

        facts->address = address;
        facts->numa_node = -1;
        facts->iommu_group = -1;

        char **strings[] = { &facts->vendor_name, &facts->product_name, &facts->class_name,
                             &facts->driver,      &facts->power_state,  &facts->host_use };

        for (size_t i = 0; i < N_ELEMENTS(strings); i++) {
                int r = facts_set(strings[i], "");

                if (r < 0)
                        return r;
        }

        *ret = TAKE(facts);
        return 0;
}

Facts *facts_free(Facts *facts) {
        if (!facts)
                return NULL;

        free(facts->vendor_name);
        free(facts->product_name);
        free(facts->class_name);
        free(facts->driver);
        list_free(facts->reset_methods);
        free(facts->power_state);
        list_free(facts->interfaces);
        list_free(facts->mediated);
        free(facts->host_use);
        free(facts);
        return NULL;
}

int facts_set(char **string, const char *value) {
        char *copy;

        assert(value);

        copy = strdup(value);
        if (!copy)
                return -ENOMEM;

        free(*string);
        *string = copy;
        return 0;
}

bool facts_is_bridge(const Facts *facts) {
        return facts->class_code >> 16 == 0x06;
}

bool facts_same_device(const Facts *a, const Facts *b) {
        /* A driver may hide that its device is SR-IOV capable: a PF stays itself when it is unbound. */
        if ((a->type == DEVICE_TYPE_VF) != (b->type == DEVICE_TYPE_VF))
                return false;
        if (!address_equal(a->address, b->address))
                return false;
        if (a->vendor_id != b->vendor_id || a->product_id != b->product_id)
                return false;
        if (a->class_code != b->class_code || a->has_subsystem != b->has_subsystem)
                return false;

        return !a->has_subsystem || (a->subsystem_vendor_id == b->subsystem_vendor_id &&
                                     a->subsystem_product_id == b->subsystem_product_id);
}

const char *device_type_to_string(DeviceType type) {
        return device_types[type];
}

int device_type_from_string(const char *text) {
        for (size_t i = 0; i < N_ELEMENTS(device_types); i++)
                if (strcmp(device_types[i], text) == 0)
                        return (int) i;

        return -1;
}
