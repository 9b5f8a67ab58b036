/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Cleanup: a constructor owns what it made until it gives it away.
 *
 * A variable marked _cleanup_(…) is released when it leaves its scope; TAKE() gives it to the
 * caller and leaves NULL behind, so that nothing is released twice.
 */
#pragma once

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define _cleanup_(function)   __attribute__((cleanup(function)))
#define _printf_(text, first) __attribute__((format(printf, text, first)))

#define TAKE(pointer)                                                                              \
        ({                                                                                         \
                typeof(pointer) *_from = &(pointer);                                               \
                typeof(pointer) _taken = *_from;                                                   \
                *_from = NULL;                                                                     \
                _taken;                                                                            \
        })

#define TAKE_FD(fd)                                                                                \
        ({                                                                                         \
                int *_from = &(fd);                                                                \
                int _taken = *_from;                                                               \
                *_from = -1;                                                                       \
                _taken;                                                                            \
        })

/* Defines FUNCTIONp(), which a _cleanup_() of a variable of @type names. */
#define DEFINE_CLEANUP(type, function)                                                             \
        static inline void function##p(type *variable) {                                           \
                if (*variable)                                                                     \
                        function(*variable);                                                       \
        }

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

/* @pointer is the address of a pointer of any type, which must not be read as one of another. */
static inline void freep(void *pointer) {
        void *owned;

        memcpy(&owned, pointer, sizeof(owned));
        free(owned);
}

static inline void closep(int *fd) {
        if (*fd >= 0)
                close(*fd);
}
