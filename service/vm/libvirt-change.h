/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attach and detach, as calls to libvirt. On a thread of the worker.
 *
 * Both end by reading the domain again: what counts is what it holds then. Neither takes anything
 * back, and neither touches an element that has not exactly our alias and our address.
 */
#pragma once

#include "core/verdict.h"
#include "vm/hypervisor.h"
#include "vm/libvirt-link.h"

/**
 * link_attach() - give the devices of @order, one after the other, up to the first that is refused
 * @ret_facts: of the domain afterwards; NULL when libvirt did not answer
 *
 * Return: 0; HYPERVISOR_REFUSED (libvirt's words, or the device that libvirt took and the domain has
 * not), DOMAIN_UNKNOWN, HYPERVISOR_UNAVAILABLE; -ENOMEM.
 */
int link_attach(Link *link, const HypervisorJob *order, DomainFacts **ret_facts, Refusal *refusal);

/*
 * Asks for every device of @order back, also when another was refused; the first refusal is told. A
 * device or domain that is not there counts as asked. Answers as link_attach().
 */
int link_detach(Link *link, const HypervisorJob *order, DomainFacts **ret_facts, Refusal *refusal);
