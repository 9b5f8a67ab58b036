/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fake hypervisor: the port, spoken to hypervisor-process over a socket.
 *
 * What domains hold is in that process and outlives this one; what it does to a job a test lays down
 * there.
 */
#pragma once

#include "vm/hypervisor.h"

/* 0 or negative errno. Connects when it is started, and again whenever the connection is lost. */
int fake_hypervisor_new(Hypervisor **ret, const char *socket_path);

/* As libvirt_hypervisor_fd() and libvirt_hypervisor_dispatch(). */
int fake_hypervisor_fd(Hypervisor *hypervisor);
void fake_hypervisor_dispatch(Hypervisor *hypervisor);
