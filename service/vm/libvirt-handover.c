/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vm/libvirt-handover.h"

#include <errno.h>
#include <string.h>

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "vm/xml.h"

static void free_node_device(virNodeDevicePtr *device) {
        if (*device)
                virNodeDeviceFree(*device);
}

/* NULL: libvirt's error. */
static virNodeDevicePtr find_node_device(Link *link, Address address) {
        char name[ADDRESS_NODE_NAME_SIZE];

        return virNodeDeviceLookupByName(link->connection, address_format_node_name(address, name));
}

int link_hand_over(Link *link, const HypervisorJob *order, Refusal *refusal) {
        for (size_t i = 0; i < order->n_devices; i++) {
                _cleanup_(free_node_device) virNodeDevicePtr device = NULL;

                if (!order->devices[i].hand_over)
                        continue;

                device = find_node_device(link, order->devices[i].address);
                if (!device || virNodeDeviceDetachFlags(device, "vfio", 0) < 0)
                        return link_refuse(link, refusal);
        }

        return 0;
}

/* At vfio-pci, or between two drivers at none? libvirt reads the driver anew for each description. */
static int is_away(virNodeDevicePtr device, bool *ret) {
        _cleanup_(freep) char *xml = virNodeDeviceGetXMLDesc(device, 0);
        _cleanup_(xmlFreeDocp) xmlDoc *document = NULL;
        _cleanup_(xml_text_freep) xmlChar *driver = NULL;
        const xmlNode *element;
        int r;

        if (!xml)
                return -EIO;

        r = xml_parse(&document, xml, "device");
        if (r < 0)
                return r;

        element = xml_child(xmlDocGetRootElement(document), "driver");
        element = element ? xml_child(element, "name") : NULL;
        if (element)
                driver = xmlNodeGetContent(element);
        if (element && !driver)
                return -ENOMEM;
        *ret = !driver || xmlStrEqual(driver, BAD_CAST "vfio-pci");
        return 0;
}

static int give_back(Link *link, Address address, Refusal *refusal) {
        _cleanup_(free_node_device) virNodeDevicePtr device = find_node_device(link, address);
        bool away;
        int r;

        if (!device && virGetLastErrorCode() == VIR_ERR_NO_NODE_DEVICE)
                return 0;
        if (!device)
                return link_refuse(link, refusal);

        r = is_away(device, &away);
        if (r == -EIO)
                return link_refuse(link, refusal);
        if (r < 0 || !away)
                return r;

        return virNodeDeviceReAttach(device) < 0 ? link_refuse(link, refusal) : 0;
}

int link_give_back(Link *link, const HypervisorJob *order, Refusal *refusal) {
        int first = 0, r;

        for (size_t i = 0; i < order->n_devices; i++) {
                r = give_back(link, order->devices[i].address, first == 0 ? refusal : NULL);
                if (r < 0 || r == HYPERVISOR_UNAVAILABLE)
                        return r;
                if (first == 0)
                        first = r;
        }

        return first;
}
