/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Agent: polkit's question on a terminal that has no other agent, by pkttyagent(1).
 */
#pragma once

#include <sys/types.h>

#include "client.h"

/*
 * Starts one where it can be of use (a terminal, not root, this host, not forbidden) and waits until it
 * is ready. An agent that cannot be started is none: polkit then says that it may not ask. Return:
 * its process, 0 for none.
 */
pid_t agent_start(const Client *client);

/* Ends it and lets it put the terminal right. 0 is fine. */
void agent_stop(pid_t agent);
