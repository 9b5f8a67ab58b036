/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Recording: the values of a message, to be appended to another one again and again. Its texts are borrowed from the
 * message, which must be kept. Memory that is not to be had ends the program.
 */
#pragma once

#include <stddef.h>

#include <systemd/sd-bus.h>

typedef struct Recording Recording;

/* What is left of the message, or of the container that is open. Never NULL. */
Recording *recording_new(sd_bus_message *message);
Recording *recording_free(Recording *recording); /* NULL is fine; always returns NULL */

/* 0 or negative errno. */
int recording_append(const Recording *recording, sd_bus_message *message);

/* How many bytes its texts and numbers have. */
size_t recording_size(const Recording *recording);
