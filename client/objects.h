/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Objects: what the service shows, read in one call and kept as JSON.
 *
 * Each object is a JSON object with its path and its properties, as hostdevctl(1) describes. Objects of a
 * kind are in the order of their keys: address, name, number.
 */
#pragma once

#include <jansson.h>

#include "call.h"
#include "core/change.h"

typedef struct Objects {
        json_t *lists[_OBJECT_KIND_END]; /* arrays; never NULL once read */
} Objects;

void objects_done(Objects *objects);

/* Everything by one GetManagedObjects. Return: STATUS_DONE, or the status of what went wrong. */
int objects_read(Client *client, Objects *ret);

/* As objects_read(), for who can do without and tells nobody. Return: 0 or negative errno. */
int objects_look(Client *client, uint64_t patience_usec, Objects *ret);

/* New text: the URI of the libvirt that the service talks to; NULL when that is not to be had. */
char *objects_look_uri(Client *client);

/* What GetManagedObjects answers. Return: 0 or negative errno; @ret is written only on success. */
int objects_parse(sd_bus_message *reply, Objects *ret);

/* The properties of the manager, read into its list. Return: as objects_read(). */
int objects_read_manager(Client *client, Objects *objects);

/* The object with this path and its kind; NULL: none. Borrowed. */
json_t *objects_find_path(const Objects *objects, const char *path, ObjectKind *ret_kind);
/* The object of a kind with this key as text; NULL: none. Borrowed. */
json_t *objects_find(const Objects *objects, ObjectKind kind, const char *key);

/* "device", "pool", … */
const char *object_kind_name(ObjectKind kind);
/* The key of an object as text: address, name, number; NULL without memory. */
char *object_key(const json_t *object);

/**
 * object_read() - read an object as ObjectManager writes it: o a{sa{sv}}
 * @ret:      a new reference; NULL when none of the interfaces is ours
 * @ret_kind: set when @ret is not NULL
 *
 * Return: 0 or negative errno.
 */
int object_read(sd_bus_message *message, json_t **ret, ObjectKind *ret_kind);
/* The kind that an interface gives its object; _OBJECT_KIND_END when it is none of ours. */
ObjectKind object_kind_of_interface(const char *interface);
