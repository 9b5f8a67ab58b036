/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Value: D-Bus values as JSON, and JSON values as text in a table.
 *
 * The client keeps what it reads as JSON, so that what --json prints and what a table shows cannot
 * differ. The form stands in hostdevctl(1).
 */
#pragma once

#include <jansson.h>
#include <systemd/sd-bus.h>

/**
 * value_read() - read the next value of a message, of whatever type
 * @message: moved behind the value
 * @ret:     a new reference, only on success
 *
 * Return: 0 or negative errno (-EBADMSG for a type that no interface of ours uses).
 */
int value_read(sd_bus_message *message, json_t **ret);

/*
 * The key of an object's path: "0000:41:00.0", "nics", 17; null for "/"; any other path as it is.
 * NULL without memory.
 */
json_t *value_key(const char *path);

/* snake_case of a member's CamelCase or an option's kebab-case; NULL without memory. */
char *value_name(const char *name);

/* A value as one line; "" for null, an empty list and an absent value. NULL without memory. */
char *value_text(const json_t *value);

/* A member that is text; "" when it is absent or something else. Borrowed. */
const char *member_text(const json_t *object, const char *name);
/* A member that is a number; 0 when it is absent or something else. */
json_int_t member_integer(const json_t *object, const char *name);

/* An array of structs as one of objects, whose members are @names. NULL without memory. */
json_t *value_name_fields(const json_t *rows, const char *const *names, size_t n_names);
