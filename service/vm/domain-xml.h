/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Domain XML: what a domain holds of the host's PCI devices, and where it is to run.
 *
 * Held by <hostdev type='pci'>, by an <interface> whose source or actual source is a PCI address, and
 * by a <disk> that is an NVMe controller. A mediated device names its own UUID and never the device that
 * it is made of: that UUID is told.
 */
#pragma once

#include "core/domain.h"
#include "vm/numa-xml.h"

typedef enum DomainXmlKind {
        DOMAIN_XML_NOW, /* what libvirt gives for now: goes to live; if the domain does not run, to config */
        DOMAIN_XML_SAVED, /* the definition: what it holds goes to config */
} DomainXmlKind;

/**
 * domain_xml_read() - fill in what the XML says
 * @facts: live or config are appended to; running is set by what is now, and nodes are those of what is now, so read
 *         that first. Of a domain that does not run the saved XML has nothing to add
 * @text:  of the domain with the UUID of @facts
 *
 * Return: 0; -EINVAL (malformed, another domain), -E2BIG or -ENOMEM, with @facts not to be used.
 */
int domain_xml_read(DomainFacts *facts, const char *text, DomainXmlKind kind, const CpuNodes *cpus);
