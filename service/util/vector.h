/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Vector: room for one more in an array that grows.
 *
 * An array is a pointer and a count, as everywhere in C; its capacity is not stored but follows
 * from the count: it is the next power of two, at least 8.
 */
#pragma once

#include <errno.h>
#include <stddef.h>

/**
 * vector_reserve() - make room for one more item
 * @items:   address of the pointer to the array (NULL for an empty one); moved when it grows
 * @n_items: how many items the array has now
 * @size:    bytes of one item
 *
 * Return: 0, or -ENOMEM with the array as it was.
 */
int vector_reserve(void *items, size_t n_items, size_t size);

/* Appends @item (a value) to @array, whose count is @n_array. Evaluates to 0 or -ENOMEM. */
#define VECTOR_APPEND(array, n_array, item)                                                        \
        ({                                                                                         \
                int _r = vector_reserve(&(array), (n_array), sizeof((array)[0]));                  \
                if (_r == 0)                                                                       \
                        (array)[(n_array)++] = (item);                                             \
                _r;                                                                                \
        })
