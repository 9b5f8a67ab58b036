/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Objects: all of them at once (GetManagedObjects), and a device that has come (InterfacesAdded).
 *
 * sd-bus would say the same, but takes longer than anything else that we do: for each object it asks every class
 * whether it knows the path, for each interface and each property anew. Here it is one pass with the same getters.
 */
#pragma once

#include "bus/state.h"

/* From now on GetManagedObjects is answered here. 0 or negative errno. */
int objects_watch(Bus *bus);

/* To be called for a class whose getters do without bus_current(). 0 or negative errno. */
int objects_tell_added(Bus *bus, const char *path, const ObjectClass *class, void *object);
