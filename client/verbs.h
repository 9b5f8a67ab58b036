/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Verbs: the one table of what hostdevctl can do, and of its options.
 */
#pragma once

#include <getopt.h>

#include "client.h"

/* Options of single verbs are bits, so that the table can say which verb knows which. */
enum {
        OPTION_ALL = 1 << 8,
        OPTION_LIVE = 1 << 9,
        OPTION_CONFIG = 1 << 10,
        OPTION_WAIT = 1 << 11,
        OPTION_DRY_RUN = 1 << 12,
        OPTION_REASON = 1 << 13,
        OPTION_FOR = 1 << 14,
        OPTION_DESCRIPTION = 1 << 15,
        OPTION_NUMA_POLICY = 1 << 16,
        OPTION_UNIT = 1 << 17,
        OPTION_FORCE = 1 << 18,
        OPTION_NUMA_NODES = 1 << 19,

        OPTION_JSON = 1,
        OPTION_NO_LEGEND,
        OPTION_NO_ASK_PASSWORD,
        OPTION_VERSION,
};

typedef struct Verb {
        const char *name, *arguments; /* as shown: completion reads them, too */
        int least, most;              /* how many arguments */
        int options;                  /* bits of those that it knows beside the global ones */
        bool changes;                 /* polkit may ask who is there */
        int (*run)(Client *client, char **arguments);
        const char *what; /* NULL: for scripts alone */
} Verb;

enum {
        VERBS_MAX = 32
};

/* Both end with an entry without a name. */
extern const struct option options[];
extern const Verb verbs[];

/* The verb that @words begin with, of one word or two; how many goes to @ret_n. NULL: none. */
const Verb *verbs_find(char *const *words, int n_words, int *ret_n);
