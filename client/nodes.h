/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Nodes: a list of NUMA nodes as people write it, "0,2-3".
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/**
 * nodes_read() - read a list of NUMA nodes
 * @text: "" for none at all
 * @ret:  new array, never NULL; in the order of @text
 *
 * Return: 0, -EINVAL for what is no list of nodes below 1024, or -ENOMEM.
 */
int nodes_read(const char *text, uint32_t **ret, size_t *ret_n);
