/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vm/hostdev-xml.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "vm/xml.h"

enum {
        NUMBER_TEXT_SIZE = sizeof("0xffffffff")
};

/* An attribute with a number as libvirt writes it, at least @n_digits long. */
static bool set_number(xmlNode *node, const char *name, int n_digits, uint32_t number) {
        char text[NUMBER_TEXT_SIZE];

        snprintf(text, sizeof(text), "0x%0*x", n_digits, number);
        return xmlNewProp(node, BAD_CAST name, BAD_CAST text);
}

static bool set_text(xmlNode *node, const char *name, const char *text) {
        return node && xmlNewProp(node, BAD_CAST name, BAD_CAST text);
}

/* NULL without memory. */
static xmlNode *add_child(xmlNode *node, const char *name) {
        return xmlNewChild(node, NULL, BAD_CAST name, NULL);
}

/* NULL without memory. */
static xmlNode *make_element(uint32_t attachment, const HypervisorDevice *device) {
        _cleanup_(xmlFreeNodep) xmlNode *hostdev = xmlNewNode(NULL, BAD_CAST "hostdev");
        char alias[ATTACHMENT_ALIAS_SIZE];
        xmlNode *source, *address;

        if (!set_text(hostdev, "mode", "subsystem") || !set_text(hostdev, "type", "pci") ||
            !set_text(hostdev, "managed", device->managed ? "yes" : "no"))
                return NULL;
        if (!set_text(add_child(hostdev, "driver"), "name", "vfio"))
                return NULL;

        source = add_child(hostdev, "source");
        address = source ? add_child(source, "address") : NULL;
        if (!address || !set_number(address, "domain", 4, device->address.domain) ||
            !set_number(address, "bus", 2, device->address.bus) ||
            !set_number(address, "slot", 2, device->address.slot) ||
            !set_number(address, "function", 1, device->address.function))
                return NULL;

        attachment_alias(attachment, device->index, alias);
        if (!set_text(add_child(hostdev, "alias"), "name", alias))
                return NULL;

        return TAKE(hostdev);
}

static void free_buffer(xmlBuffer **buffer) {
        if (*buffer)
                xmlBufferFree(*buffer);
}

/* The text of an element and all in it. 0 or -ENOMEM. */
static int print_element(char **ret, xmlNode *node) {
        _cleanup_(free_buffer) xmlBuffer *buffer = xmlBufferCreate();
        char *text;

        if (!buffer || xmlNodeDump(buffer, node->doc, node, 0, 0) < 0)
                return -ENOMEM;

        text = strdup((const char *) xmlBufferContent(buffer));
        if (!text)
                return -ENOMEM;

        *ret = text;
        return 0;
}

int hostdev_xml_format(char **ret, uint32_t attachment, const HypervisorDevice *device) {
        _cleanup_(xmlFreeNodep) xmlNode *hostdev = make_element(attachment, device);

        assert(ret);

        return hostdev ? print_element(ret, hostdev) : -ENOMEM;
}

/* Reads the definition, which must be of the domain with this UUID. */
static int parse_domain(xmlDoc **ret, const char *domain_xml, const char *uuid) {
        _cleanup_(xml_text_freep) xmlChar *text = NULL;
        _cleanup_(xmlFreeDocp) xmlDoc *document = NULL;
        xmlNode *node;
        int r;

        r = xml_parse(&document, domain_xml, "domain");
        if (r < 0)
                return r;

        node = xml_child(xmlDocGetRootElement(document), "uuid");
        text = node ? xmlNodeGetContent(node) : NULL;
        if (!text || strcasecmp((char *) text, uuid) != 0)
                return -EINVAL;

        *ret = TAKE(document);
        return 0;
}

int hostdev_xml_add(char **ret, const char *domain_xml, const char *uuid, uint32_t attachment,
                    const HypervisorDevice *device) {
        _cleanup_(xmlFreeNodep) xmlNode *hostdev = NULL;
        _cleanup_(xmlFreeDocp) xmlDoc *document = NULL;
        xmlNode *root, *devices;
        int r;

        assert(ret);

        r = parse_domain(&document, domain_xml, uuid);
        if (r < 0)
                return r;

        root = xmlDocGetRootElement(document);
        devices = xml_child(root, "devices") ?: add_child(root, "devices");
        hostdev = make_element(attachment, device);
        if (!devices || !hostdev || !xmlAddChild(devices, hostdev))
                return -ENOMEM;

        (void) TAKE(hostdev); /* the tree owns it now */
        return print_element(ret, root);
}

/* The element with our alias and our address; NULL: none. */
static xmlNode *find_element(xmlDoc *document, uint32_t attachment,
                             const HypervisorDevice *device) {
        xmlNode *devices = xml_child(xmlDocGetRootElement(document), "devices");
        char alias[ATTACHMENT_ALIAS_SIZE];
        xmlNode *node;
        Address address;

        attachment_alias(attachment, device->index, alias);
        for (node = xml_child(devices, "hostdev"); node; node = xml_next(node)) {
                xmlNode *named = xml_child(node, "alias");

                if (!named || !xml_attribute_is(named, "name", alias) ||
                    !xml_attribute_is(node, "type", "pci"))
                        continue;
                if (xml_read_address(xml_child(xml_child(node, "source"), "address"), &address) &&
                    address_equal(address, device->address))
                        return node;
        }

        return NULL;
}

static bool alias_is_taken(xmlDoc *document, uint32_t attachment, const HypervisorDevice *device) {
        const xmlNode *devices = xml_child(xmlDocGetRootElement(document), "devices");
        char alias[ATTACHMENT_ALIAS_SIZE];

        attachment_alias(attachment, device->index, alias);
        for (const xmlNode *node = devices; node; node = xml_walk(devices, node))
                if (xml_is(node, "alias") && xml_attribute_is(node, "name", alias))
                        return true;

        return false;
}

int hostdev_xml_remove(char **ret, const char *domain_xml, const char *uuid, uint32_t attachment,
                       const HypervisorDevice *device) {
        _cleanup_(xmlFreeDocp) xmlDoc *document = NULL;
        xmlNode *node;
        int r;

        assert(ret);

        r = parse_domain(&document, domain_xml, uuid);
        if (r < 0)
                return r;

        node = find_element(document, attachment, device);
        if (!node)
                return -ENOENT;

        xmlUnlinkNode(node);
        xmlFreeNode(node);
        return print_element(ret, xmlDocGetRootElement(document));
}

int hostdev_xml_cut(char **ret, const char *domain_xml, const char *uuid, uint32_t attachment,
                    const HypervisorDevice *device) {
        _cleanup_(xmlFreeDocp) xmlDoc *document = NULL;
        xmlNode *node;
        int r;

        assert(ret);

        r = parse_domain(&document, domain_xml, uuid);
        if (r < 0)
                return r;

        node = find_element(document, attachment, device);
        if (node)
                return print_element(ret, node);
        return alias_is_taken(document, attachment, device) ? -EEXIST : -ENOENT;
}
