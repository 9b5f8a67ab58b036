/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "util/vector.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int vector_reserve(void *items, size_t n_items, size_t size) {
        void *old, *grown;
        size_t capacity, bytes;

        /* Full at 0 and at every power of two from 8 on. */
        if (n_items != 0 && (n_items < 8 || (n_items & (n_items - 1)) != 0))
                return 0;

        capacity = n_items == 0 ? 8 : n_items * 2;
        if (__builtin_mul_overflow(capacity, size, &bytes))
                return -ENOMEM;

        memcpy(&old, items, sizeof(old));
        grown = realloc(old, bytes);
        if (!grown)
                return -ENOMEM;

        memcpy(items, &grown, sizeof(grown));
        return 0;
}
