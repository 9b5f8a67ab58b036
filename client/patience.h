/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Patience: a call that may take long, and what it waits for, told to whoever sits at a terminal.
 */
#pragma once

#include "objects.h"

typedef struct Awaited {
        const char *path;   /* of an attachment that ends; NULL: one is made */
        const char *domain; /* name or UUID of the domain that it is made for */
} Awaited;

/**
 * patience_send() - send a call and wait for as long as it takes
 * @ret: may be NULL
 *
 * When stderr is a terminal, a line says after a second what is waited for, and another when that is
 * something else.
 *
 * Return: as call_send().
 */
int patience_send(Client *client, sd_bus_message *call, const Awaited *awaited,
                  sd_bus_message **ret);
