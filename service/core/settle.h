/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Settle: what follows for each device from all that is known. This is the other half of the
 * registry (registry_settle(), registry_reasons()), in three files: membership.c says what belongs to
 * which pool and alias, family.c what is counted together, settle.c who has what. Here is what they
 * ask of one another.
 */
#pragma once

#include "core/registry.h"

/* Concludes the pool, its tags and the aliases of a device. 0 or -ENOMEM. */
int settle_membership(Registry *registry, Device *device);

/* Notes in the trail that the device may be another than before; also the family in which it was. */
void settle_note(Registry *registry, Device *device);

/* Counts the families in the trail anew. */
void settle_families(Registry *registry);

/* Tells that the device is no object and no member of anything any more. 0 or -ENOMEM. */
int settle_withdraw(Registry *registry, Device *device);

/*
 * Finds anew of which devices the mediated devices of all domains are made, after the host has said
 * something new of them. 0 or -ENOMEM.
 */
int settle_mediated(Registry *registry);

/* Adds the device to the counts of its pool and its aliases (@n: 1), or takes it out of them (−1). */
void settle_count(const Device *device, int n);

/* Shows what was counted of pools and aliases, and tells what is different. 0 or -ENOMEM. */
int settle_counts(Registry *registry);
