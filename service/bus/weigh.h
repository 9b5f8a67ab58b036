/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Weigh: how large a message is that shall be kept.
 */
#pragma once

#include <systemd/sd-bus.h>

/**
 * message_weigh() - at least about how many bytes a message takes
 * @most: where to stop
 *
 * Its path and its arguments; the signatures of variants, too, which are as long as the sender likes. The message is
 * read from its start, and left there again. Its depth is bounded by the bus (64).
 *
 * Return: 0 with the weight, 1 when it is more than @most, or negative errno: -EBADMSG when it cannot be read to its
 * end, because something in it is not text to sd-bus.
 */
int message_weigh(sd_bus_message *message, size_t most, size_t *ret);
