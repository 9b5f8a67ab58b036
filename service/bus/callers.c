/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/callers.h"

#include <string.h>

/* FNV-1a. */
static size_t place_of(const char *name) {
        uint32_t hash = 2166136261;

        for (; *name; name++)
                hash = (hash ^ (unsigned char) *name) * 16777619;
        return hash % CALLERS_MAX;
}

void callers_remember(Caller callers[static CALLERS_MAX], const char *name, uint32_t uid) {
        Caller *caller = &callers[place_of(name)];
        size_t length = strlen(name);

        if (length == 0 || length >= sizeof(caller->name))
                return;

        memcpy(caller->name, name, length + 1);
        caller->uid = uid;
}

bool callers_find(const Caller callers[static CALLERS_MAX], const char *name, uint32_t *ret_uid) {
        const Caller *caller = &callers[place_of(name)];

        if (*name == '\0' || strcmp(caller->name, name) != 0)
                return false;

        *ret_uid = caller->uid;
        return true;
}
