/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vm/libvirt-change.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include <libvirt/virterror.h>

#include "vm/hostdev-xml.h"
#include "vm/libvirt-domain.h"
#include "vm/libvirt-handover.h"

/* A definition that cannot be changed. */
static int refuse_definition(int r, Refusal *refusal) {
        if (r == -ENOMEM)
                return r;
        return refuse(refusal, HYPERVISOR_REFUSED,
                      "The definition that libvirt gives cannot be read: %s", strerror(-r));
}

/* Reads the domain after a change that ended with @verdict, and returns the verdict that then holds. */
static int read_after(Link *link, virDomainPtr domain, const HypervisorJob *order, int verdict,
                      DomainFacts **ret_facts, Refusal *refusal) {
        _cleanup_(freep) char *text = NULL;
        int r;

        /* There is nothing to ask; what became of the domain is told after the next connection. */
        if (verdict < 0 || verdict == HYPERVISOR_UNAVAILABLE)
                return verdict;

        r = link_read_domain(link, domain, order->domain_uuid, ret_facts, &text);
        if (r == 0 && !(*ret_facts)->unreadable)
                return verdict;
        if (r == -ENOMEM)
                return r;

        /* Without facts there is no verdict on what the domain has. */
        return refuse(refusal, HYPERVISOR_UNAVAILABLE, "Domain %s cannot be read again: %s",
                      order->domain_uuid,
                      r == 0 ? (*ret_facts)->unreadable : text ?: "no memory");
}

/* The definition, with all that defining it again must not lose. NULL: libvirt's error. */
static char *read_definition(virDomainPtr domain) {
        return virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE);
}

/* Puts a changed definition in the place of the old one. */
static int define(Link *link, const char *xml, Refusal *refusal) {
        _cleanup_(link_free_domainp) virDomainPtr defined = NULL;

        defined = virDomainDefineXML(link->connection, xml);
        return defined ? 0 : link_refuse(link, refusal);
}

/* For a driver without device calls: the definition with our element in it. */
static int attach_by_definition(Link *link, virDomainPtr domain, const HypervisorJob *order,
                                const HypervisorDevice *device, Refusal *refusal) {
        _cleanup_(freep) char *definition = read_definition(domain), *changed = NULL;
        int r;

        if (!definition)
                return link_refuse(link, refusal);

        r = hostdev_xml_add(&changed, definition, order->domain_uuid, order->attachment, device);
        if (r < 0)
                return refuse_definition(r, refusal);

        return define(link, changed, refusal);
}

static int attach_device(Link *link, virDomainPtr domain, const HypervisorJob *order,
                         const HypervisorDevice *device, Refusal *refusal) {
        _cleanup_(freep) char *xml = NULL;
        unsigned flags = 0;
        int r;

        if (order->live)
                flags |= VIR_DOMAIN_AFFECT_LIVE;
        if (order->config)
                flags |= VIR_DOMAIN_AFFECT_CONFIG;

        r = hostdev_xml_format(&xml, order->attachment, device);
        if (r < 0)
                return r;

        r = virDomainAttachDeviceFlags(domain, xml, flags);
        if (r >= 0)
                return 0;
        if (virGetLastErrorCode() == VIR_ERR_NO_SUPPORT && order->config && !order->live)
                return attach_by_definition(link, domain, order, device, refusal);
        return link_refuse(link, refusal);
}

static int attach_all(Link *link, virDomainPtr domain, const HypervisorJob *order,
                      Refusal *refusal) {
        int r;

        r = link_hand_over(link, order, refusal);
        if (r != 0)
                return r;

        for (size_t i = 0; i < order->n_devices; i++) {
                r = attach_device(link, domain, order, &order->devices[i], refusal);
                if (r != 0)
                        return r;
        }

        return 0;
}

static bool holds(const HeldDevice *held, size_t n_held, Address address, const char *alias) {
        for (size_t i = 0; i < n_held; i++)
                if (address_equal(held[i].address, address) && strcmp(held[i].alias, alias) == 0)
                        return true;

        return false;
}

/* libvirt said yes: are address and alias of every device where they were wanted? */
static int confirm(const HypervisorJob *order, const DomainFacts *facts, Refusal *refusal) {
        char alias[ATTACHMENT_ALIAS_SIZE], text[ADDRESS_TEXT_SIZE];

        for (size_t i = 0; i < order->n_devices; i++) {
                const HypervisorDevice *device = &order->devices[i];
                const char *where = NULL;

                attachment_alias(order->attachment, device->index, alias);
                if (order->live && !holds(facts->live, facts->n_live, device->address, alias))
                        where = "running domain";
                else if (order->config &&
                         !holds(facts->config, facts->n_config, device->address, alias))
                        where = "definition";
                if (where)
                        return refuse(refusal, HYPERVISOR_REFUSED,
                                      "libvirt took %s, but the %s of %s does not have it as %s",
                                      address_format(device->address, text), where,
                                      order->domain_uuid, alias);
        }

        return 0;
}

int link_attach(Link *link, const HypervisorJob *order, DomainFacts **ret_facts, Refusal *refusal) {
        _cleanup_(link_free_domainp) virDomainPtr domain = NULL;
        _cleanup_(domain_facts_freep) DomainFacts *facts = NULL;
        int r;

        assert(ret_facts);

        domain = virDomainLookupByUUIDString(link->connection, order->domain_uuid);
        if (domain)
                r = attach_all(link, domain, order, refusal);
        else
                r = link_refuse(link, refusal);
        r = read_after(link, domain, order, r, &facts, refusal);
        if (r == 0 && !facts->present)
                r = refuse(refusal, DOMAIN_UNKNOWN, "Domain %s is gone", order->domain_uuid);
        if (r == 0)
                r = confirm(order, facts, refusal);

        *ret_facts = TAKE(facts);
        return r;
}

/* Did the call fail because there is nothing to take back, or because it was asked for before? */
static bool counts_as_asked(virDomainPtr domain, unsigned flag) {
        int code = virGetLastErrorCode();

        if (code == VIR_ERR_DEVICE_MISSING || code == VIR_ERR_NO_DOMAIN)
                return true;
        if (strstr(virGetLastErrorMessage(), "already in the process of unplug"))
                return true;
        if (code != VIR_ERR_OPERATION_INVALID)
                return false;
        if (flag == VIR_DOMAIN_AFFECT_LIVE)
                return virDomainIsActive(domain) == 0;
        return virDomainIsPersistent(domain) == 0;
}

/* For a driver without device calls: the definition without our element. */
static int detach_by_definition(Link *link, virDomainPtr domain, const HypervisorJob *order,
                                const HypervisorDevice *device, Refusal *refusal) {
        _cleanup_(freep) char *definition = read_definition(domain), *changed = NULL;
        int r;

        if (!definition)
                return link_refuse(link, refusal);

        r = hostdev_xml_remove(&changed, definition, order->domain_uuid, order->attachment, device);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return refuse_definition(r, refusal);

        return define(link, changed, refusal);
}

/* Our element as the domain has it: as hostdev_xml_cut(), or -EIO with libvirt's error. */
static int find_element(virDomainPtr domain, const HypervisorJob *order,
                        const HypervisorDevice *device, unsigned flag, char **ret) {
        _cleanup_(freep) char *xml = NULL;

        xml = virDomainGetXMLDesc(domain,
                                  flag == VIR_DOMAIN_AFFECT_CONFIG ? VIR_DOMAIN_XML_INACTIVE : 0);
        if (!xml)
                return virGetLastErrorCode() == VIR_ERR_NO_DOMAIN ? -ENOENT : -EIO;

        return hostdev_xml_cut(ret, xml, order->domain_uuid, order->attachment, device);
}

/* The verdict on a detach that failed with the last error of this thread. */
static int judge_detach(Link *link, virDomainPtr domain, const HypervisorJob *order,
                        const HypervisorDevice *device, unsigned flag, Refusal *refusal) {
        _cleanup_(link_free_errorp) virErrorPtr error = virSaveLastError();
        _cleanup_(freep) char *element = NULL;
        int r;

        if (counts_as_asked(domain, flag))
                return 0;
        /* Another change of this domain is still under way: what it will leave is not known. */
        if (error && error->code == VIR_ERR_OPERATION_TIMEOUT)
                return refuse(refusal, HYPERVISOR_UNAVAILABLE, "%s", error->message);

        /* libvirt 9.0 has no code of its own for an alias that is not there. */
        if (error && error->code == VIR_ERR_INTERNAL_ERROR) {
                r = find_element(domain, order, device, flag, &element);
                if (r == -ENOENT || r == -EEXIST)
                        return 0;
        }

        return link_refuse_error(link, error, refusal);
}

/*
 * From the running domain or from the definition. libvirt is also asked when the device is not there: it carries out
 * the changes of a domain one after the other, so after the answer no earlier attach can bring it any more.
 */
static int detach_device(Link *link, virDomainPtr domain, const HypervisorJob *order,
                         const HypervisorDevice *device, unsigned flag, Refusal *refusal) {
        _cleanup_(freep) char *element = NULL;
        char alias[ATTACHMENT_ALIAS_SIZE];
        int r;

        /* The alias alone is not enough: at another address it is somebody else's device. */
        r = find_element(domain, order, device, flag, &element);
        if (r == -EEXIST)
                return 0;
        if (r == -EIO)
                return link_refuse(link, refusal);
        if (r < 0 && r != -ENOENT)
                return refuse_definition(r, refusal);

        attachment_alias(order->attachment, device->index, alias);
        r = virDomainDetachDeviceAlias(domain, alias, flag);
        if (r < 0 && virGetLastErrorCode() == VIR_ERR_NO_SUPPORT) {
                if (!element)
                        return 0;
                r = virDomainDetachDeviceFlags(domain, element, flag);
        }
        if (r >= 0)
                return 0;
        if (virGetLastErrorCode() == VIR_ERR_NO_SUPPORT && flag == VIR_DOMAIN_AFFECT_CONFIG)
                return detach_by_definition(link, domain, order, device, refusal);
        return judge_detach(link, domain, order, device, flag, refusal);
}

static int detach_all(Link *link, virDomainPtr domain, const HypervisorJob *order,
                      Refusal *refusal) {
        const unsigned flags[] = {
                order->live ? VIR_DOMAIN_AFFECT_LIVE : 0,
                order->config ? VIR_DOMAIN_AFFECT_CONFIG : 0,
        };
        int first = 0, r;

        for (size_t f = 0; f < N_ELEMENTS(flags); f++)
                for (size_t i = 0; flags[f] != 0 && i < order->n_devices; i++) {
                        r = detach_device(link, domain, order, &order->devices[i], flags[f],
                                          first == 0 ? refusal : NULL);
                        if (r < 0 || r == HYPERVISOR_UNAVAILABLE)
                                return r;
                        if (first == 0)
                                first = r;
                }

        return first;
}

int link_detach(Link *link, const HypervisorJob *order, DomainFacts **ret_facts, Refusal *refusal) {
        _cleanup_(link_free_domainp) virDomainPtr domain = NULL;
        _cleanup_(domain_facts_freep) DomainFacts *facts = NULL;
        int r;

        assert(ret_facts);

        domain = virDomainLookupByUUIDString(link->connection, order->domain_uuid);
        if (domain)
                r = detach_all(link, domain, order, refusal);
        else if (virGetLastErrorCode() == VIR_ERR_NO_DOMAIN)
                r = 0;
        else
                r = link_refuse(link, refusal);
        r = read_after(link, domain, order, r, &facts, refusal);

        *ret_facts = TAKE(facts);
        return r;
}
