/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names: what vendors, products and classes are called, by libpci's list of ids.
 *
 * Only the list is used: no access to a device, no network, no cache in a home directory.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "util/cleanup.h"

typedef struct Names Names;

int names_new(Names **ret);      /* 0 or -ENOMEM */
Names *names_free(Names *names); /* NULL is fine; always returns NULL */
DEFINE_CLEANUP(Names *, names_free);

/* Gives the memory of the list back until an unknown name is asked for. Was there anything to give? */
bool names_rest(Names *names);

/* New text in *ret, "" for an unknown one; 0 or -ENOMEM. @class_code has 24 bits. */
int names_vendor(Names *names, uint16_t vendor_id, char **ret);
int names_product(Names *names, uint16_t vendor_id, uint16_t product_id, char **ret);
int names_class(Names *names, uint32_t class_code, char **ret);
