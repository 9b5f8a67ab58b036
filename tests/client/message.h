/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Message: a signal with a body of one's own, as if it had come from a bus.
 */
#pragma once

#include <systemd/sd-bus.h>

/* A signal of an object, to which a body is appended; nobody ever gets it. */
sd_bus_message *message_new(const char *path);

/* Ends the writing and goes back to the beginning. */
void message_finish(sd_bus_message *message);
