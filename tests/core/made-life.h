/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Made life: what happens to a registry, said in one line: devices come and go, libvirt speaks,
 * attachments are chosen.
 */
#pragma once

#include "made-host.h"

#define GUEST_A "00000000-0000-4000-8000-00000000000a"
#define GUEST_B "00000000-0000-4000-8000-00000000000b"
#define GUEST_C "00000000-0000-4000-8000-00000000000c"

void made_appear(Registry *registry, const Made *made);
void made_vanish(Registry *registry, const char *address);

/*
 * What a domain's XMLs hold: "0000:41:00.0=ua-hostdev1-1-0 0000:42:00.0", blank-separated; a UUID is that of a
 * mediated device; NULL: it does not run, or is transient.
 */
void made_domain(Registry *registry, const char *uuid, const char *name, const char *live,
                 const char *config);
/* Undefined and stopped. */
void made_domain_gone(Registry *registry, const char *uuid);

/* An attachment of these devices (blank-separated addresses), with the ids that the inventory has. */
Attachment *made_attachment(Registry *registry, uint32_t number, const char *uuid,
                            const char *addresses, AttachmentState state);
/* Observes its domain and enters the state. */
void made_state(Registry *registry, uint32_t number, AttachmentState state);

/* Pool or alias of one rule: "key=value key=value". */
void made_pool(Catalog *catalog, const char *name, const char *words);
void made_alias(Catalog *catalog, const char *name, const char *words);

/* Settles; then the changes in words, sorted as they were first told: "+device 0000:41:00.0\n~pool nics 5\n". Forgets them. */
char *made_changes(Registry *registry);
