/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nodes.h"

#include <errno.h>
#include <stdlib.h>

#include "util/cleanup.h"

enum {
        N_NODES = 1024 /* what the kernel can be built for */
};

/* A number below N_NODES; @text is moved behind it. */
static int read_number(const char **text, uint32_t *ret) {
        uint32_t number = 0;

        if (**text < '0' || **text > '9')
                return -EINVAL;

        for (; **text >= '0' && **text <= '9'; (*text)++) {
                number = number * 10 + (uint32_t) (**text - '0');
                if (number >= N_NODES)
                        return -EINVAL;
        }

        *ret = number;
        return 0;
}

/* "2" or "2-3". */
static int read_range(const char **text, uint32_t *ret_first, uint32_t *ret_last) {
        int r;

        r = read_number(text, ret_first);
        if (r < 0)
                return r;

        *ret_last = *ret_first;
        if (**text != '-')
                return 0;

        (*text)++;
        r = read_number(text, ret_last);
        if (r < 0)
                return r;
        return *ret_last < *ret_first ? -EINVAL : 0;
}

int nodes_read(const char *text, uint32_t **ret, size_t *ret_n) {
        _cleanup_(freep) uint32_t *nodes = calloc(N_NODES, sizeof(*nodes));
        size_t n = 0;

        if (!nodes)
                return -ENOMEM;

        while (*text) {
                uint32_t first, last;
                int r;

                r = read_range(&text, &first, &last);
                if (r < 0)
                        return r;

                for (; first <= last; first++) {
                        if (n == N_NODES)
                                return -EINVAL;
                        nodes[n++] = first;
                }

                if (*text == ',' && text[1])
                        text++;
                else if (*text)
                        return -EINVAL;
        }

        *ret = TAKE(nodes);
        *ret_n = n;
        return 0;
}
