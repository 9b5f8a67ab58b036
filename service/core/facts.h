/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Facts: what the host says of one PCI function, at one moment. Values only; nothing is concluded here.
 *
 * host/scan fills them, the inventory takes them over. Strings are owned and never NULL.
 */
#pragma once

#include "core/address.h"
#include "util/cleanup.h"

typedef enum DeviceType {
        DEVICE_TYPE_PCI,
        DEVICE_TYPE_PF, /* SR-IOV capable, also with no VF (sriov_totalvfs > 0) */
        DEVICE_TYPE_VF,
} DeviceType;

typedef struct Facts {
        Address address;
        uint64_t incarnation; /* the same as long as nothing has left the address; 0: not known */
        uint16_t vendor_id, product_id;
        bool has_subsystem;
        uint16_t subsystem_vendor_id, subsystem_product_id;
        uint32_t class_code; /* 24 bits */
        char *vendor_name, *product_name, *class_name;
        char *driver;    /* "" for none */
        int numa_node;   /* −1 unknown */
        int iommu_group; /* −1 none */
        DeviceType type;
        bool vdpa; /* a VF that stands for a device of the host's vdpa bus: no alias means it */
        Address physical_function; /* of a DEVICE_TYPE_VF only */
        unsigned max_virtual_functions;
        char **reset_methods; /* as sysfs lists them */
        char *power_state;    /* D0 … D3cold, unknown, "" */
        bool enabled;         /* somebody has it open at vfio-pci. Read, not followed */
        char **interfaces;    /* netdev names, sorted */
        char **mediated;      /* UUIDs of the mediated devices made of it, lower case, sorted */
        char *host_use;       /* what of the host uses it: eth0, /home; "" for nothing */
} Facts;

int facts_new(Facts **ret,
              Address address);  /* unknown node and group, empty strings; 0 or -ENOMEM */
Facts *facts_free(Facts *facts); /* NULL is fine; always returns NULL */
DEFINE_CLEANUP(Facts *, facts_free);

/* Replaces an owned string by a copy of @value; 0 or -ENOMEM with the string as it was. */
int facts_set(char **string, const char *value);

bool facts_is_bridge(const Facts *facts); /* class 06 */

/* The same piece of hardware, as far as ids, class, subsystem and being a VF tell? */
bool facts_same_device(const Facts *a, const Facts *b);

const char *device_type_to_string(DeviceType type); /* type-PCI, type-PF, type-VF */
int device_type_from_string(const char *text);      /* a DeviceType, or -1 */
