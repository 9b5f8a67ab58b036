/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vm/domain-xml.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "vm/xml.h"

static const char user_alias_prefix[] = "ua-"; /* libvirt's: no alias of its own begins so */

static int hold(DomainFacts *facts, bool live, const xmlNode *element, const xmlNode *address) {
        const xmlNode *named = xml_child(element, "alias");
        const char *alias = NULL;
        Address held;

        if (!xml_read_address(address, &held))
                return 0;

        if (named)
                alias = xml_attribute(named, "name");
        if (alias && strncmp(alias, user_alias_prefix, strlen(user_alias_prefix)) != 0)
                alias = NULL;

        return domain_facts_hold(facts, live, held, alias);
}

/*
 * Every source address below @element. An interface has it in its own <source> or in that of
 * <actual>, a disk also in its <mirror> and <backingStore>: any of them keeps the device.
 */
static int hold_sources(DomainFacts *facts, bool live, const xmlNode *element, const char *type) {
        int r;

        for (const xmlNode *node = element; node; node = xml_walk(element, node)) {
                if (!xml_is(node, "source") || !xml_attribute_is(node, "type", type))
                        continue;

                r = hold(facts, live, element, xml_child(node, "address"));
                if (r < 0)
                        return r;
        }

        return 0;
}

static int hold_mediated(DomainFacts *facts, bool live, const xmlNode *element) {
        const xmlNode *source = xml_child(element, "source");
        const xmlNode *address = source ? xml_child(source, "address") : NULL;
        const char *uuid = NULL;

        if (address)
                uuid = xml_attribute(address, "uuid");
        if (!uuid || !text_is_uuid(uuid))
                return 0;

        return domain_facts_hold_mediated(facts, live, uuid);
}

static int hold_element(DomainFacts *facts, bool live, const xmlNode *element) {
        if (xml_is(element, "hostdev") && xml_attribute_is(element, "type", "pci"))
                return hold(facts, live, element,
                            xml_child(xml_child(element, "source"), "address"));
        if (xml_is(element, "hostdev") && xml_attribute_is(element, "type", "mdev"))
                return hold_mediated(facts, live, element);
        if (xml_is(element, "interface"))
                return hold_sources(facts, live, element, NULL);
        if (xml_is(element, "disk"))
                return hold_sources(facts, live, element, "pci");
        return 0;
}

static bool is_of(const xmlNode *root, const char *uuid) {
        const xmlNode *node = xml_child(root, "uuid");
        _cleanup_(xml_text_freep) xmlChar *text = node ? xmlNodeGetContent(node) : NULL;

        return text && strcasecmp((char *) text, uuid) == 0;
}

int domain_xml_read(DomainFacts *facts, const char *text, DomainXmlKind kind,
                    const CpuNodes *cpus) {
        _cleanup_(xmlFreeDocp) xmlDoc *document = NULL;
        const xmlNode *root, *devices;
        bool now = kind == DOMAIN_XML_NOW;
        int r;

        assert(facts);
        assert(cpus);

        r = xml_parse(&document, text, "domain");
        if (r < 0)
                return r;

        root = xmlDocGetRootElement(document);
        if (!is_of(root, facts->uuid))
                return -EINVAL;

        /* Only a running domain has a number. */
        if (now)
                facts->running = !xml_attribute_is(root, "id", NULL);

        if (now || !facts->running) {
                r = numa_xml_read(&facts->nodes, root, cpus);
                if (r < 0)
                        return r;
        }

        devices = xml_child(root, "devices");
        for (const xmlNode *node = devices ? devices->children : NULL; node; node = node->next) {
                r = hold_element(facts, now && facts->running, node);
                if (r < 0)
                        return r;
        }

        return 0;
}
