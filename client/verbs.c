/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verbs.h"

#include <assert.h>
#include <string.h>

#include "util/text.h"

enum {
        MANY = 1024
};

const struct option options[] = {
        { "all", no_argument, NULL, OPTION_ALL },
        { "live", no_argument, NULL, OPTION_LIVE },
        { "config", no_argument, NULL, OPTION_CONFIG },
        { "wait", required_argument, NULL, OPTION_WAIT },
        { "dry-run", no_argument, NULL, OPTION_DRY_RUN },
        { "reason", required_argument, NULL, OPTION_REASON },
        { "for", required_argument, NULL, OPTION_FOR },
        { "description", required_argument, NULL, OPTION_DESCRIPTION },
        { "force", no_argument, NULL, OPTION_FORCE },
        { "numa-nodes", required_argument, NULL, OPTION_NUMA_NODES },
        { "numa-policy", required_argument, NULL, OPTION_NUMA_POLICY },
        { "unit", required_argument, NULL, OPTION_UNIT },
        { "json", no_argument, NULL, OPTION_JSON },
        { "host", required_argument, NULL, 'H' },
        { "no-legend", no_argument, NULL, OPTION_NO_LEGEND },
        { "no-ask-password", no_argument, NULL, OPTION_NO_ASK_PASSWORD },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, OPTION_VERSION },
        {},
};

const Verb verbs[] = {
        { "status", "", 0, 0, 0, false, verb_status, "host, pools and attachments (the default)" },
        { "devices", "[--all]", 0, 0, OPTION_ALL, false, verb_devices,
          "devices of pools; --all: of none, too" },
        { "pools", "[--all]", 0, 0, OPTION_ALL, false, verb_pools,
          "pools, and what is free in them; --all: with their devices" },
        { "aliases", "", 0, 0, OPTION_ALL, false, verb_aliases, "what a request can name" },
        { "attachments", "", 0, 0, OPTION_ALL, false, verb_attachments, "which domain has what" },
        { "show", "THING", 1, 1, 0, false, verb_show,
          "a device address, pool, alias or attachment number" },
        { "attach",
          "DOMAIN REQUEST [--live|--config] [--wait=SECONDS] [--numa-nodes=LIST] "
          "[--numa-policy=POLICY] [--force] [--dry-run] [--reason=TEXT]",
          2, 2,
          OPTION_LIVE | OPTION_CONFIG | OPTION_WAIT | OPTION_NUMA_NODES | OPTION_NUMA_POLICY |
                  OPTION_FORCE | OPTION_DRY_RUN | OPTION_REASON,
          true, verb_attach, "give devices to a domain; REQUEST is ALIAS[:COUNT],…" },
        { "detach", "ATTACHMENT|DOMAIN [--wait=SECONDS] [--reason=TEXT]", 1, 1,
          OPTION_WAIT | OPTION_REASON, true, verb_detach,
          "take them back: of one attachment, or all of a domain" },
        { "explain", "REQUEST [--for=DOMAIN] [--all]", 1, 1, OPTION_FOR | OPTION_ALL, false,
          verb_explain, "why a request fits or does not; --all: every device of a pool" },
        { "check-host", "", 0, 0, 0, false, verb_check_host, "is this host fit to lend devices?" },
        { "check-config", "[FILE…]", 0, MANY, 0, false, verb_check_config,
          "read the configuration; needs no daemon" },
        { "pool add", "NAME MATCH… [--description=TEXT]", 2, MANY, OPTION_DESCRIPTION, true,
          verb_add_pool, "define a pool; MATCH is key=value, 'or' begins an alternative" },
        { "pool remove", "NAME", 1, 1, 0, true, verb_remove_pool,
          "remove a pool that was added so" },
        { "alias add", "NAME MATCH… [--numa-policy=POLICY] [--unit=UNIT]", 2, MANY,
          OPTION_NUMA_POLICY | OPTION_UNIT, true, verb_add_alias, "define an alias" },
        { "alias remove", "NAME", 1, 1, 0, true, verb_remove_alias,
          "remove an alias that was added so" },
        { "monitor", "", 0, 0, 0, false, verb_monitor, "tell events as they happen" },
        { "reload", "", 0, 0, 0, true, verb_reload, "have the daemon read its files again" },
        { "complete", "[WORD…]", 0, MANY, 0, false, verb_complete, NULL },
        {},
};

static_assert(N_ELEMENTS(verbs) <= VERBS_MAX, "room for every name");

const Verb *verbs_find(char *const *words, int n_words, int *ret_n) {
        _cleanup_(freep) char *two = n_words > 1 ? text_print("%s %s", words[0], words[1]) : NULL;

        *ret_n = n_words > 0;
        for (size_t i = 0; verbs[i].name; i++) {
                if (strcmp(verbs[i].name, n_words > 0 ? words[0] : "status") == 0)
                        return &verbs[i];
                if (two && strcmp(verbs[i].name, two) == 0) {
                        *ret_n = 2;
                        return &verbs[i];
                }
        }
        return NULL;
}
