/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The same question to libvirt-dbus: the list of PCI node devices, then the XML of each, read with libxml2.
 *
 * Each turn tells how long it took from the first call until the last XML was read, and how many devices there were.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <libxml/parser.h>
#include <systemd/sd-bus.h>

#include "turn.h"

#define SERVICE "org.libvirt"

enum {
        PCI_DEVICES = 1 << 1, /* VIR_CONNECT_LIST_NODE_DEVICES_CAP_PCI_DEV */
        TIMEOUT_USEC = 120 * 1000000
};

/* Every name and value of the document. */
static unsigned long read_node(const xmlNode *node) {
        unsigned long n_values = 0;

        for (; node; node = node->next) {
                n_values += 1 + (unsigned long) (node->properties != NULL);
                n_values += read_node(node->children);
        }
        return n_values;
}

static unsigned long read_device(sd_bus *bus, const char *path) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        unsigned long n_values;
        const char *text;
        xmlDoc *document;

        turn_check(sd_bus_call_method(bus, SERVICE, path, "org.libvirt.NodeDevice", "GetXMLDesc",
                                      &error, &reply, "u", 0),
                   error.message ?: path);
        turn_check(sd_bus_message_read(reply, "s", &text), path);
        document = xmlReadMemory(text, (int) strlen(text), path, NULL, 0);
        turn_check(document ? 0 : -EINVAL, path);
        n_values = read_node(xmlDocGetRootElement(document));
        xmlFreeDoc(document);
        sd_bus_message_unref(reply);
        return n_values;
}

static void take_turn(sd_bus *bus) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        unsigned long n_devices = 0, n_values = 0;
        sd_bus_message *reply = NULL;
        double began = turn_now_usec();
        const char *path;

        turn_check(sd_bus_call_method(bus, SERVICE, "/org/libvirt/QEMU", "org.libvirt.Connect",
                                      "ListNodeDevices", &error, &reply, "u", PCI_DEVICES),
                   error.message ?: "ListNodeDevices");
        turn_check(sd_bus_message_enter_container(reply, 'a', "o"), "list");
        while (turn_check(sd_bus_message_read(reply, "o", &path), "path") > 0) {
                n_values += read_device(bus, path);
                n_devices++;
        }
        sd_bus_message_unref(reply);
        turn_report("usec=%.1f devices=%lu values=%lu", turn_now_usec() - began, n_devices,
                    n_values);
}

int main(int argc, char **argv) {
        sd_bus *bus;

        turn_check(sd_bus_open_system(&bus), "bus");
        turn_check(sd_bus_set_method_call_timeout(bus, TIMEOUT_USEC), "time limit");
        while (turn_wait())
                take_turn(bus);
        sd_bus_flush_close_unref(bus);
        return 0;
}
