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

/* Why it failed, while the thread still knows; freeing a domain makes it forget. */
static int tell_failure(int r, char **ret_text) {
        *ret_text = r == -EIO ? link_error_text() : strdup(strerror(-r));
        return r;
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
        int persistent, r;

        if (!name)
                return answer();

        r = domain_facts_new(&facts, uuid, name);
        if (r < 0)
                return r;

        persistent = virDomainIsPersistent(domain);
        if (persistent < 0)
                return answer();

        facts->present = true;
        facts->persistent = persistent > 0;
        if (facts->persistent) {
                r = read_xml(link, domain, DOMAIN_XML_SAVED, facts);
                if (r < 0)
                        return r;
        }

        r = read_xml(link, domain, DOMAIN_XML_RUNNING, facts);
        if (r < 0)
                return r;

        /* It changed between the questions; an event follows, until then it is as good as gone. */
        if (!facts->persistent && !facts->running)
                return -ENOENT;

        *ret = TAKE(facts);
        return 0;
}

int link_read_domain(Link *link, const char *uuid, DomainFacts **ret, char **ret_text) {
        _cleanup_(link_free_domainp) virDomainPtr domain = NULL;
        _cleanup_(domain_facts_freep) DomainFacts *absent = NULL;
        int r;

        assert(ret);

        domain = virDomainLookupByUUIDString(link->connection, uuid);
        r = domain ? read_present(link, domain, uuid, ret) : answer();
        if (r == 0)
                return 0;
        if (r != -ENOENT)
                return tell_failure(r, ret_text);

        r = domain_facts_new(&absent, uuid, "");
        if (r < 0)
                return tell_failure(r, ret_text);

        absent->present = false;
        *ret = TAKE(absent);
        return 0;
}

void domain_list_done(DomainList *list) {
        for (size_t i = 0; i < list->n_items; i++)
                domain_facts_free(list->items[i].facts);
        free(list->items);
        *list = (DomainList){ 0 };
}

/* Appends what @domain is now. */
static int list_domain(Link *link, virDomainPtr domain, DomainList *list) {
        _cleanup_(domain_facts_freep) DomainFacts *facts = NULL;
        ListedDomain item = { 0 };
        int r;

        if (virDomainGetUUIDString(domain, item.uuid) < 0)
                return -EIO;

        r = read_present(link, domain, item.uuid, &facts);
        if (r == -ENOENT)
                return 0;
        if (r == -EIO || r == -ENOMEM)
                return r;

        item.facts = facts;
        r = VECTOR_APPEND(list->items, list->n_items, item);
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
        if (n_domains < 0)
                return tell_failure(-EIO, ret_text);

        for (int i = 0; i < n_domains; i++) {
                if (r == 0) {
                        r = list_domain(link, domains[i], &list);
                        if (r < 0)
                                (void) tell_failure(r, ret_text);
                }
                link_free_domainp(&domains[i]);
        }
        free(domains);
        if (r < 0)
                return r;

        *ret = list;
        list = (DomainList){ 0 };
        return 0;
}
