/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watch: udev's events for PCI functions, as hints. What counts is read from sysfs again.
 */
#pragma once

#include "core/address.h"
#include "util/cleanup.h"

typedef struct Watch Watch;

/* Begins to listen (group "udev" of the kernel's events). 0 or negative errno. */
int watch_new(Watch **ret);
Watch *watch_free(Watch *watch); /* NULL is fine; always returns NULL */
DEFINE_CLEANUP(Watch *, watch_free);

int watch_fd(const Watch *watch); /* readable when events are due; owned by the watch */

/**
 * watch_next() - take one event
 * @ret: the address it is about; an event of a network interface or block device is about the PCI function that carries it
 *
 * Return: 1 with an address; 0 when no event is left; -EAGAIN when the one that was taken is about no function, and
 * there may be more; -ENOBUFS when events were lost and everything is to be read again; another negative errno.
 */
int watch_next(Watch *watch, Address *ret);

/* Is no event queued, as far as can be told without taking one? */
bool watch_is_empty(const Watch *watch);
