/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hotplug: what udev tells is looked at by the manager, and made up for when events were lost.
 *
 * Events are hints: of each turn of the loop every function is looked at once, however many events
 * were about it. A storm costs at most a few scans of the whole host in a second, and all others go first.
 */
#pragma once

#include <systemd/sd-event.h>

#include "manager.h"
#include "util/cleanup.h"

typedef struct Hotplug Hotplug;

/* Begins to listen; what is heard from now on is looked at in the loop. Borrows the manager. 0 or negative errno. */
int hotplug_new(Hotplug **ret, sd_event *event, Manager *manager);
Hotplug *hotplug_free(Hotplug *hotplug); /* NULL is fine; always returns NULL */
DEFINE_CLEANUP(Hotplug *, hotplug_free);

/* The whole host is to be read again, because of that (negative errno): now, or soon when it was just done. */
void hotplug_scan_again(Hotplug *hotplug, int error);
