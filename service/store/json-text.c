/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/json-text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "util/cleanup.h"

static bool memory_lacked; /* in an allocation of jansson's, since watch() */

static void *allocate(size_t size) {
        void *memory = malloc(size);

        memory_lacked = memory_lacked || !memory;
        return memory;
}

/* What jansson allocated before by malloc() is freed alike. */
static void watch(void) {
        json_set_alloc_funcs(allocate, free);
        memory_lacked = false;
}

int json_text_parse(const char *text, size_t size, json_t **ret, char *message) {
        json_auto_t *json = NULL;
        json_error_t error;

        watch();
        json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
        if (memory_lacked)
                return -ENOMEM;
        if (!json && message)
                (void) snprintf(message, JSON_MESSAGE_SIZE, "%s", error.text);
        if (!json)
                return -EBADMSG;

        *ret = TAKE(json);
        return 0;
}

int json_text_print(const json_t *json, char **ret) {
        _cleanup_(freep) char *text = NULL;

        watch();
        text = json_dumps(json, JSON_COMPACT | JSON_ENSURE_ASCII);
        if (!text || memory_lacked)
                return -ENOMEM;

        *ret = TAKE(text);
        return 0;
}

bool json_text_lacks_memory(void) {
        return memory_lacked;
}
