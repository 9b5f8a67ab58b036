/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vm/libvirt-domain.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include <libvirt/virterror.h>

#include "util/vector.h"
#include "vm/domain-xml.h"

/* A domain that is gone is an answer, any other error is none. */
static int answer(void) {
        return virGetLastErrorCode() == VIR_ERR_NO_DOMAIN ? -ENOENT : -EIO;
}

/* Why it failed, while the thread still knows; freeing a domain makes it forget. NULL without memory. */
static char *explain(int r) {
        switch (r) {
        case -EIO:
                return link_error_text();
        case -EINVAL:
                return strdup("the XML is malformed, or of another domain");
        case -E2BIG:
                return strdup("the XML is too large");
        default:
                return strdup(strerror(-r));
        }
}

/* One of the XMLs. 0; -ENOENT when the domain is gone meanwhile; else as link_read_domain(). */
static int read_xml(Link *link, virDomainPtr domain, DomainXmlKind kind, DomainFacts *facts) {
        _cleanup_(freep) char *text = NULL;

        text = virDomainGetXMLDesc(domain, kind == DOMAIN_XML_SAVED ? VIR_DOMAIN_XML_INACTIVE : 0);
        if (!text)
                return answer();

        return domain_xml_read(facts, text, kind, &link->cpus);
}

/* 0; -ENOENT; else as link_read_domain(). */
static int read_present(Link *link, virDomainPtr domain, const char *uuid, DomainFacts **ret) {
        _cleanup_(domain_facts_freep) DomainFacts *facts = NULL;
        const char *name = virDomainGetName(domain);
        int persistent = 1, r;

        if (!name)
                return answer();

        r = domain_facts_new(&facts, uuid, name);
        if (r < 0)
                return r;

        r = read_xml(link, domain, DOMAIN_XML_NOW, facts);
        if (r < 0)
                return r;

        /* One that does not run is nothing but its definition, which was read. */
        if (facts->running)
                persistent = virDomainIsPersistent(domain);
        if (persistent < 0)
                return answer();
        if (facts->running && persistent > 0) {
                r = read_xml(link, domain, DOMAIN_XML_SAVED, facts);
                if (r < 0)
                        return r;
        }

        facts->present = true;
        facts->persistent = persistent > 0;
        *ret = TAKE(facts);
        return 0;
}

/* The domain is there, and no more is known of it. */
static int excuse(virDomainPtr domain, const char *uuid, char *why, DomainFacts **ret) {
        _cleanup_(domain_facts_freep) DomainFacts *facts = NULL;
        _cleanup_(freep) char *given = why;
        const char *name = virDomainGetName(domain);
        int r;

        if (!given)
                return -ENOMEM;

        r = domain_facts_new(&facts, uuid, name ?: "");
        if (r < 0)
                return r;

        facts->present = true;
        facts->unreadable = TAKE(given);
        *ret = TAKE(facts);
        return 0;
}

/*
 * A domain whose XML is too much for libvirt's protocol, or not to be parsed, must not keep us from all
 * others, nor count as one that holds nothing. 0; -ENOENT; else as link_read_domain().
 */
static int read_or_excuse(Link *link, virDomainPtr domain, const char *uuid, DomainFacts **ret,
                          char **ret_text) {
        _cleanup_(freep) char *why = NULL;
        int r;

        r = read_present(link, domain, uuid, ret);
        if (r == 0 || r == -ENOENT)
                return r;

        why = explain(r);
        /* Asked last, since the question makes libvirt forget the error. */
        if (r != -ENOMEM && virConnectIsAlive(link->connection) == 1)
                return excuse(domain, uuid, TAKE(why), ret);

        *ret_text = TAKE(why);
        return r == -ENOMEM ? r : -EIO;
}

int link_read_domain(Link *link, virDomainPtr domain, const char *uuid, DomainFacts **ret,
                     char **ret_text) {
        _cleanup_(link_free_domainp) virDomainPtr found = NULL;
        _cleanup_(domain_facts_freep) DomainFacts *absent = NULL;
        int r;

        assert(ret);

        if (!domain) {
                found = virDomainLookupByUUIDString(link->connection, uuid);
                domain = found;
        }
        if (domain) {
                r = read_or_excuse(link, domain, uuid, ret, ret_text);
        } else {
                r = answer();
                if (r == -EIO)
                        *ret_text = explain(r);
        }
        if (r != -ENOENT)
                return r;

        r = domain_facts_new(&absent, uuid, "");
        if (r < 0)
                return r;

        absent->present = false;
        *ret = TAKE(absent);
        return 0;
}

void domain_list_done(DomainList *list) {
        for (size_t i = 0; i < list->n_items; i++)
                domain_facts_free(list->items[i]);
        free(list->items);
        *list = (DomainList){ 0 };
}

/* Appends what @domain is now. */
static int list_domain(Link *link, virDomainPtr domain, DomainList *list, char **ret_text) {
        _cleanup_(domain_facts_freep) DomainFacts *facts = NULL;
        char uuid[VIR_UUID_STRING_BUFLEN];
        int r;

        if (virDomainGetUUIDString(domain, uuid) < 0) {
                *ret_text = explain(-EIO);
                return -EIO;
        }

        r = read_or_excuse(link, domain, uuid, &facts, ret_text);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return r;

        r = VECTOR_APPEND(list->items, list->n_items, facts);
        if (r < 0)
                return r;

        (void) TAKE(facts); /* the list owns it now */
        return 0;
}

int link_list_domains(Link *link, DomainList *ret, char **ret_text) {
        _cleanup_(domain_list_done) DomainList list = { 0 };
        virDomainPtr *domains = NULL;
        int n_domains, r = 0;

        assert(ret);

        n_domains = virConnectListAllDomains(link->connection, &domains, 0);
        if (n_domains < 0) {
                *ret_text = explain(-EIO);
                return -EIO;
        }

        for (int i = 0; i < n_domains; i++) {
                if (r == 0)
                        r = list_domain(link, domains[i], &list, ret_text);
                link_free_domainp(&domains[i]);
        }
        free(domains);
        if (r < 0)
                return r;

        *ret = list;
        list = (DomainList){ 0 };
        return 0;
}
