/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * List: tables of devices, pools, aliases and attachments.
 */
#pragma once

#include "objects.h"

/* Print a list of objects of the kind. Return: the exit status. */
int list_print_devices(const Client *client, const json_t *devices);
int list_print_pools(const Client *client, const json_t *pools);
int list_print_attachments(const Client *client, const json_t *attachments);

/* The devices whose keys stand in @keys, in that order: a new array; NULL without memory. */
json_t *list_select_devices(const Objects *objects, const json_t *keys);
