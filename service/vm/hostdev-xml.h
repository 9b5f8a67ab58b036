/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hostdev XML: the <hostdev> element by which a domain gets a device from us, written and found again.
 *
 * It is made of numbers alone (the address, the alias, managed or not): no text of a caller enters
 * it. Ours is an element with exactly our alias and our address; any other is never touched.
 */
#pragma once

#include "vm/hypervisor.h"

/**
 * hostdev_xml_format() - the element alone
 * @attachment: number for the alias ua-hostdev1-ATTACHMENT-INDEX
 * @ret:        text for free()
 *
 * Return: 0 or -ENOMEM.
 */
int hostdev_xml_format(char **ret, uint32_t attachment, const HypervisorDevice *device);

/**
 * hostdev_xml_add() - the definition of a domain with the element added under <devices>
 * @domain_xml: the saved definition, as libvirt gave it
 * @uuid:       of the domain; another one in the definition is refused
 *
 * Return: 0; -EINVAL (not the definition of that domain), -E2BIG or -ENOMEM.
 */
int hostdev_xml_add(char **ret, const char *domain_xml, const char *uuid, uint32_t attachment,
                    const HypervisorDevice *device);

/* The definition without our element. 0; -ENOENT when it has none; else as hostdev_xml_add(). */
int hostdev_xml_remove(char **ret, const char *domain_xml, const char *uuid, uint32_t attachment,
                       const HypervisorDevice *device);

/*
 * Our element as libvirt has it, of the running or the saved XML. 0; -ENOENT when nothing has our alias;
 * -EEXIST when something else has it; else as hostdev_xml_add().
 */
int hostdev_xml_cut(char **ret, const char *domain_xml, const char *uuid, uint32_t attachment,
                    const HypervisorDevice *device);
