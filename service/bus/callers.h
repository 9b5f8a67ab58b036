/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Callers: which user is behind a unique name, as the bus said once. The bus gives no unique name twice and lets no
 * connection change its user, so that it stays true for as long as there is this bus; and with it goes the service.
 *
 * It saves the question, so that who calls again and again costs the bus no more than his own messages. The
 * table has a fixed size: a name may be forgotten, and is asked about again.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
        CALLERS_MAX = 1024,
        CALLER_NAME_SIZE = 28 /* of longer ones nothing is remembered */
};

typedef struct Caller {
        char name[CALLER_NAME_SIZE]; /* "": nobody */
        uint32_t uid;
} Caller;

/* @callers is zeroed at first. */
void callers_remember(Caller callers[static CALLERS_MAX], const char *name, uint32_t uid);
bool callers_find(const Caller callers[static CALLERS_MAX], const char *name, uint32_t *ret_uid);
