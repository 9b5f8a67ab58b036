/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Later: how that ended which was answered as pending, for the record. Of each attachment the first such call of a
 * user is remembered, of each kind: who asks again and again for the same takes no more room. What the service
 * itself does not live to see has no record.
 */
#pragma once

#include "bus/call.h"

enum {
        LATER_MAX = 1024
};

/* It is answered as pending. @detach: Detach, else Attach. */
void later_remember(const Call *call, uint32_t attachment, bool detach);

/* Forgets all; for the end of the bus. */
void later_done(Bus *bus);
