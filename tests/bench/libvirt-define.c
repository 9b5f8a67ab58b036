/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What libvirt itself takes for a host device in a definition, when it is asked by nobody but a bare program: the
 * definition is read, an element put in, and defined again; and the same to take it out.
 *
 *   libvirt-define URI DOMAIN ADDRESS
 *
 * Each turn tells how long either took.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libvirt/libvirt.h>

#include "turn.h"

enum {
        XML_MAX = 65536
};

static const char element[] =
        "<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0x%.4s' "
        "bus='0x%.2s' slot='0x%.2s' function='0x%.1s'/></source><alias name='ua-bare'/></hostdev>";

/* Defines the domain as it is, with @added before the end of its devices, or without its host devices. */
static double define(virConnectPtr connection, virDomainPtr domain, const char *added) {
        static char changed[XML_MAX];
        double began = turn_now_usec();
        virDomainPtr defined;
        char *xml, *end, *from;

        xml = virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE);
        turn_check(xml ? 0 : -EIO, "GetXMLDesc");
        end = strstr(xml, added ? "</devices>" : "<hostdev ");
        turn_check(end ? 0 : -ENOENT, added ? "</devices>" : "<hostdev>");
        from = added ? end : strstr(end, "</hostdev>") + strlen("</hostdev>");
        (void) snprintf(changed, sizeof(changed), "%.*s%s%s", (int) (end - xml), xml, added ?: "",
                        from);
        free(xml);

        defined = virDomainDefineXML(connection, changed);
        turn_check(defined ? 0 : -EIO, "DefineXML");
        virDomainFree(defined);
        return turn_now_usec() - began;
}

int main(int argc, char **argv) {
        virConnectPtr connection;
        virDomainPtr domain;
        double attach, detach;
        char added[512];

        if (argc != 4 || strlen(argv[3]) != strlen("0000:00:00.0")) {
                (void) fputs("usage: libvirt-define URI DOMAIN ADDRESS\n", stderr);
                return 2;
        }

        connection = virConnectOpen(argv[1]);
        turn_check(connection ? 0 : -EIO, argv[1]);
        domain = virDomainLookupByName(connection, argv[2]);
        turn_check(domain ? 0 : -ENOENT, argv[2]);
        (void) snprintf(added, sizeof(added), element, argv[3], argv[3] + 5, argv[3] + 8,
                        argv[3] + 11);
        while (turn_wait()) {
                attach = define(connection, domain, added);
                detach = define(connection, domain, NULL);
                turn_report("attach=%.1f detach=%.1f", attach, detach);
        }

        virDomainFree(domain);
        virConnectClose(connection);
        return 0;
}
