/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hand-over: devices between their own drivers and vfio-pci, before and after a running domain has
 * them. On a thread of the worker.
 *
 * With managed='yes' libvirt does this by itself, one device at a time. That cannot work for an IOMMU
 * group of several: QEMU refuses the first as long as another member is at a host driver ("group is
 * not viable"). So every member is handed to vfio-pci before the first is attached. libvirt then does not give
 * them back when the guest lets go: that has to be asked for too.
 */
#pragma once

#include "core/verdict.h"
#include "vm/hypervisor.h"
#include "vm/libvirt-link.h"

/*
 * Hands over the devices of @order that say so. 0 or as link_refuse(); those before a refusal stay handed
 * over, link_give_back() is to follow.
 */
int link_hand_over(Link *link, const HypervisorJob *order, Refusal *refusal);

/*
 * Gives the devices of @order back to their own drivers. Whatever is not in the host, or at another driver than
 * vfio-pci, needs none of it; what is at no driver does: libvirtd may have been killed between the two. 0 or as
 * link_refuse() for the first that is refused, the others are given back all the same.
 */
int link_give_back(Link *link, const HypervisorJob *order, Refusal *refusal);
