/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vm/watches.h"

#include <stdio.h>
#include <string.h>

#include "util/vector.h"

void watches_done(Watches *watches) {
        free(watches->items);
        *watches = (Watches){ 0 };
}

Watch *watches_get(Watches *watches, const char *uuid) {
        Watch new = { 0 };

        for (size_t i = 0; i < watches->n_items; i++)
                if (strcmp(watches->items[i].uuid, uuid) == 0)
                        return &watches->items[i];

        snprintf(new.uuid, sizeof(new.uuid), "%s", uuid);
        if (VECTOR_APPEND(watches->items, watches->n_items, new) < 0)
                return NULL;
        return &watches->items[watches->n_items - 1];
}

void watches_trim(Watches *watches) {
        size_t n_kept = 0;

        for (size_t i = 0; i < watches->n_items; i++) {
                const Watch *watched = &watches->items[i];

                if (watched->present || watched->reading || watched->again)
                        watches->items[n_kept++] = *watched;
        }
        watches->n_items = n_kept;
}
