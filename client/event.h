/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Event: what the monitor tells, made from a signal and the objects as they were before it.
 *
 * An event is a JSON object of the form in hostdevctl(1); the line of text is made of it, so
 * that the two cannot differ.
 */
#pragma once

#include "objects.h"

/*
 * Each reads the body of a signal of its name, brings @objects up to date and sets @ret to a new
 * event, or to NULL when nothing became different. Return: 0 or negative errno.
 */
int event_of_added(Objects *objects, sd_bus_message *signal, json_t **ret);
int event_of_removed(Objects *objects, sd_bus_message *signal, json_t **ret);
int event_of_changed(Objects *objects, sd_bus_message *signal, json_t **ret);

/* The daemon came or went; NULL without memory. */
json_t *event_of_service(bool is_there);

/* One line without its time, fit to be shown; NULL without memory. */
char *event_text(const Client *client, const json_t *event);
