/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Registry: all that is known at one moment (devices, pools and aliases, domains, attachments), and
 * what follows from it for each device.
 *
 * Whoever changes a part marks the devices whose state may follow from it dirty; registry_settle()
 * then concludes for those alone, and appends to the changes what became different.
 */
#pragma once

#include "core/attachment.h"
#include "core/holders.h"
#include "core/inventory.h"
#include "core/pool.h"

/* NUMA nodes of the host and the socket of each. */
typedef struct Topology {
        int *sockets; /* by node; −1: not known */
        size_t n_nodes;
} Topology;

enum {
        REGISTRY_TRAIL = 256
};

typedef struct Registry {
        Inventory inventory;
        Catalog catalog;
        Domains domains;
        Attachment **attachments; /* by number, ascending */
        size_t n_attachments;
        uint32_t next_attachment; /* above every number ever seen; starts at 1 */
        Topology topology;
        Changes changes;
        Holders holders;  /* of the domains and attachments above */
        Catalog retired;  /* no longer in force; devices point into it until they are settled */
        bool pools_dirty; /* membership of every device is to be concluded anew */
        bool counts_dirty; /* compare what was counted of pools and aliases with what is shown, and tell */
        /*
         * The families of which a member may be another than before: the version grows with each, and where it
         * stood in the trail, modulo its length, is the family. What grows by more than the trail is long means all.
         */
        uint64_t version;
        Family trail[REGISTRY_TRAIL];
        uint64_t
                counted_version; /* up to which families are counted; private to registry_settle() */
} Registry;

void registry_init(Registry *registry);
void registry_done(Registry *registry);

/* The host says so: @facts is taken over, NULL means nothing is there. 0 or -ENOMEM. */
int registry_observe_device(Registry *registry, Address address, Facts *facts);

/*
 * libvirt says so: @facts is taken over. Raises next_attachment above every alias of ours seen in it. 0; or -ENOMEM,
 * and the domain is missed (core/domain.h) until it is told anew.
 */
int registry_observe_domain(Registry *registry, DomainFacts *facts);

/* Puts @catalog in force and takes its content over; the old one is released. Signals of added and removed pools and aliases follow. 0; or -ENOMEM, and nothing has changed. */
int registry_set_catalog(Registry *registry, Catalog *catalog);

/*
 * The same in two steps, for whoever may find in between that it is not to be: what can fail, with @ret as the changes
 * then; and what cannot, which takes over both, with nothing having happened to the registry since.
 */
int registry_prepare_catalog(Registry *registry, Catalog *catalog, Changes *ret);
void registry_enforce_catalog(Registry *registry, Catalog *catalog, Changes *changes);

/* Adds an attachment (taken over, also on failure); its devices become reserved. 0 or -ENOMEM. */
int registry_add_attachment(Registry *registry, Attachment *attachment);
/*
 * Takes it out, the caller's from then on; NULL: there is none. What follows is as if it were removed. 0; or -ENOMEM,
 * and it is out all the same: only the signal of its going is missing.
 */
int registry_take_attachment(Registry *registry, uint32_t number, Attachment **ret);
/* Removes and frees it, also on failure; its devices are free unless somebody else holds them. As above. */
int registry_remove_attachment(Registry *registry, uint32_t number);
Attachment *registry_find_attachment(const Registry *registry, uint32_t number); /* NULL: none */
/* The first above that number; NULL: none. So all are gone through while some come and go. */
Attachment *registry_next_attachment(const Registry *registry, uint32_t number);

/*
 * The state or a device of it changed in place: its devices are looked at again. One that is lost
 * lets go of what libvirt has no longer, as in attachment_enter().
 */
void registry_touch_attachment(Registry *registry, const Attachment *attachment,
                               uint32_t properties);

/*
 * Was the device handed over for this attachment, and is it still to go back to its own driver? Not one
 * that has left the host, nor what is at its address since; and not one that the attachment has let
 * go and somebody else has by now.
 */
bool registry_is_to_go_back(const Registry *registry, const AttachedDevice *attached);

/* Can it go now? Not as long as a member of its IOMMU group is with a guest, or about to be. */
bool registry_can_go_back(const Registry *registry, const AttachedDevice *attached);

/* Did we hand over what is at this address, for whatever attachment, and has it not gone back? */
bool registry_was_handed_over(const Registry *registry, Address address);

/**
 * registry_settle() - conclude pool, state, reasons, holder of every dirty device, and the counts of pools and aliases
 *
 * Return: 0 or -ENOMEM (what is not settled stays dirty).
 */
int registry_settle(Registry *registry);

/*
 * Reasons against giving @device to the domain @domain_uuid ("" for none): those of the Device
 * property, with group-in-use judged for that domain. Neither matching nor NUMA. The registry is
 * settled.
 */
uint32_t registry_reasons(const Registry *registry, const Device *device, const char *domain_uuid);
