/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/weigh.h"

#include <stdbool.h>
#include <string.h>

enum {
        ITEM_WEIGHT = 8
};

static int weigh_basic(sd_bus_message *message, char type, size_t *weight) {
        union {
                uint64_t number;
                const char *text;
        } value = { 0 };
        int r = sd_bus_message_read_basic(message, type, &value);

        *weight += ITEM_WEIGHT;
        if (r > 0 && (type == 's' || type == 'o' || type == 'g'))
                *weight += strlen(value.text);
        return r;
}

/* An array of these lies in the message as it would in memory: its size is all there is to it. */
static bool is_flat(char type, const char *contents) {
        return type == 'a' && contents && contents[0] && !contents[1] &&
               strchr("ynqiuxtd", contents[0]);
}

/* One step: the next item, the beginning of a container or its end. */
static int step(sd_bus_message *message, unsigned *depth, size_t *weight) {
        const char *contents;
        const void *items;
        char type;
        size_t n;
        int r;

        r = sd_bus_message_peek_type(message, &type, &contents);
        if (r < 0)
                return r;

        if (r == 0) {
                if (*depth == 0)
                        return 0;
                (*depth)--;
                return sd_bus_message_exit_container(message);
        }

        if (is_flat(type, contents)) {
                r = sd_bus_message_read_array(message, contents[0], &items, &n);
                *weight += ITEM_WEIGHT + (r >= 0 ? n : 0);
                return r < 0 ? r : 1;
        }

        if (!strchr("arve", type))
                return weigh_basic(message, type, weight);

        *weight += ITEM_WEIGHT + (type == 'v' ? strlen(contents) : 0);
        r = sd_bus_message_enter_container(message, type, contents);
        (*depth)++;
        return r < 0 ? r : 1;
}

int message_weigh(sd_bus_message *message, size_t most, size_t *ret) {
        const char *path = sd_bus_message_get_path(message);
        size_t weight = path ? strlen(path) : 0;
        unsigned depth = 0;
        int r;

        r = sd_bus_message_rewind(message, true);
        if (r < 0)
                return r;

        do
                r = step(message, &depth, &weight);
        while (r > 0 && weight <= most);
        if (r < 0)
                return r;

        r = sd_bus_message_rewind(message, true);
        if (r < 0)
                return r;
        if (weight > most)
                return 1;

        *ret = weight;
        return 0;
}
