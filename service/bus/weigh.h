/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Weigh: how large a message is that shall be kept.
 */
#pragma once

#include <systemd/sd-bus.h>

/**
 * message_weigh() - about how many bytes the arguments of a message take
 * @most: where to stop
 *
 * The message is read from its start, and left there again. Its depth is bounded by sd-bus (64).
 *
 * Return: 0 with the weight, 1 when it is more than @most, or negative errno.
 */
int message_weigh(sd_bus_message *message, size_t most, size_t *ret);
