/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Advice: what somebody may do about an error, told on the same line.
 */
#pragma once

#include "objects.h"

/**
 * advice_names() - which names there are
 * @objects: what the service shows
 * @kind:    whose names
 * @wrong:   the name that there is not
 *
 * Return: new text, "; there is \"gpu\"" for the name that was perhaps meant, else some or how to
 * see all; NULL without memory.
 */
char *advice_names(const Objects *objects, ObjectKind kind, const char *wrong);

/* The same for what might be a pool or an alias, and for all that has a name of its own. */
char *advice_thing(const Objects *objects, const char *wrong);

/* New text to stand behind that of an error of the service, perhaps ""; NULL without memory. */
char *advice_for(Client *client, const sd_bus_error *error);
