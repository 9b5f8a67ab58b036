/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirt: the real hypervisor. Calls run on a few worker threads, one more thread runs libvirt's
 * event loop; both post into a completion queue whose eventfd wakes the main loop.
 */
#pragma once

#include "vm/hypervisor.h"

/**
 * libvirt_hypervisor_new() - a hypervisor that is not started yet
 * @uri: what to connect to; copied
 *
 * Return: 0 or negative errno.
 */
int libvirt_hypervisor_new(Hypervisor **ret, const char *uri);

/* Becomes readable when callbacks are due; owned by the hypervisor. */
int libvirt_hypervisor_fd(Hypervisor *hypervisor);

/* Makes the callbacks that are due. Never waits. */
void libvirt_hypervisor_dispatch(Hypervisor *hypervisor);
