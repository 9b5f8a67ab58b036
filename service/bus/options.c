/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/options.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "core/quote.h"
#include "util/text.h"

static const Option *option_find(const Option *known, size_t n_known, const char *key,
                                 size_t *ret_index) {
        for (size_t i = 0; i < n_known; i++) {
                if (strcmp(known[i].key, key) != 0)
                        continue;
                *ret_index = i;
                return &known[i];
        }
        return NULL;
}

/* A node that no host has is a wrong value: leaving it out would widen the choice. */
static int read_nodes(sd_bus_message *message, NodeSet *ret, Refusal *refusal) {
        NodeSet nodes = { 0 };
        uint32_t node;
        int r;

        r = sd_bus_message_enter_container(message, 'a', "u");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_read_basic(message, 'u', &node)) > 0) {
                if (node >= NUMA_NODES_MAX)
                        return refuse(refusal, ARGUMENTS_INVALID,
                                      "option numa-nodes: %u is not a NUMA node (0–%d)", node,
                                      NUMA_NODES_MAX - 1);
                node_set_add(&nodes, node);
        }
        if (r < 0)
                return r;

        r = sd_bus_message_exit_container(message);
        if (r < 0)
                return r;

        *ret = nodes;
        return 0;
}

static int read_value(sd_bus_message *message, const Option *option, Refusal *refusal) {
        const char *type;
        int r;

        r = sd_bus_message_peek_type(message, NULL, &type);
        if (r < 0)
                return r;
        if (strcmp(type, option->type) != 0)
                return refuse(refusal, ARGUMENTS_INVALID, "option %s has type %s, not %.16s",
                              option->key, option->type, type);

        r = sd_bus_message_enter_container(message, 'v', option->type);
        if (r < 0)
                return r;

        if (strcmp(option->type, "au") == 0) {
                r = read_nodes(message, option->value, refusal);
                if (r != 0)
                        return r;
        } else {
                r = sd_bus_message_read_basic(message, *option->type, option->value);
                if (r < 0)
                        return r;
        }

        r = sd_bus_message_exit_container(message);
        return r < 0 ? r : 0;
}

static int read_entry(sd_bus_message *message, const Option *known, size_t n_known, uint64_t *seen,
                      Refusal *refusal) {
        char quoted[QUOTE_SIZE];
        const Option *option;
        const char *key;
        size_t index;
        int r;

        r = sd_bus_message_read_basic(message, 's', &key);
        if (r < 0)
                return r;

        option = option_find(known, n_known, key, &index);
        if (!option)
                return refuse(refusal, ARGUMENTS_INVALID, "unknown option \"%s\"",
                              quote(key, quoted));
        if (*seen & (UINT64_C(1) << index))
                return refuse(refusal, ARGUMENTS_INVALID, "option %s stands twice", option->key);

        r = read_value(message, option, refusal);
        if (r != 0)
                return r;

        *seen |= UINT64_C(1) << index;
        if (option->given)
                *option->given = true;
        return 0;
}

int options_read(sd_bus_message *message, const Option *known, size_t n_known, Refusal *refusal) {
        uint64_t seen = 0;
        int r;

        assert(n_known <= 64);

        r = sd_bus_message_enter_container(message, 'a', "{sv}");
        if (r < 0)
                return r;

        for (unsigned n = 0; (r = sd_bus_message_enter_container(message, 'e', "sv")) > 0; n++) {
                if (n >= OPTIONS_MAX)
                        return refuse(refusal, ARGUMENTS_INVALID, "more than %d options",
                                      OPTIONS_MAX);

                r = read_entry(message, known, n_known, &seen, refusal);
                if (r != 0)
                        return r;

                r = sd_bus_message_exit_container(message);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;

        r = sd_bus_message_exit_container(message);
        return r < 0 ? r : 0;
}

int option_check_reason(const char *reason, Refusal *refusal) {
        if (strlen(reason) > REASON_SIZE_MAX)
                return refuse(refusal, ARGUMENTS_INVALID, "option reason: more than %d bytes",
                              REASON_SIZE_MAX);
        if (!text_is_line(reason))
                return refuse(refusal, ARGUMENTS_INVALID,
                              "option reason: not one line of printable text");
        return 0;
}

int option_check_wait(uint32_t seconds, uint32_t most, Refusal *refusal) {
        if (seconds > most)
                return refuse(refusal, ARGUMENTS_INVALID, "option wait-seconds: %u is above %u",
                              seconds, most);
        return 0;
}
