/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Wait: calls that change a domain come after the first reconcile with libvirt.
 */
#pragma once

#include "bus/call.h"

/**
 * wait_for_hypervisor() - park until what libvirt holds is known
 *
 * Return: 0: it is, go on. 1: parked, the handler returns that. Negative errno, with @error set: libvirt cannot
 * be reached, or bus->reconcile_usec is over.
 */
int wait_for_hypervisor(Call *call, sd_bus_error *error);
