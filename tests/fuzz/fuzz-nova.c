/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The value of Nova's device_spec, and of its alias. */
#include <string.h>

#include "fuzz.h"
#include "store/nova.h"
#include "util/text.h"

static void check_device_spec(const char *text) {
        _cleanup_(pool_freep) Pool *pool = NULL;
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        bool everything = false;
        int r;

        MUST_HOLD(pool_new(&pool, "nova", SOURCE_FILE) == 0);
        r = nova_read_device_spec(text, pool, &everything, &refusal);
        MUST_HOLD(r == 0 || (r == MATCH_INVALID && refusal.text));
        MUST_HOLD(!everything || pool->n_rules > 0);
}

static void check_alias(const char *text) {
        _cleanup_(alias_freep) Alias *alias = NULL;
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        int r;

        r = nova_read_alias(text, &alias, &refusal);
        MUST_HOLD(r == 0 ? alias != NULL : r == MATCH_INVALID && refusal.text && !alias);
        if (!alias)
                return;

        MUST_HOLD(*alias->name && text_is_line(alias->name) && !strpbrk(alias->name, ":,"));
        MUST_HOLD(alias->n_rules == 1 && alias->is_nova);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
        _cleanup_(freep) char *text = strndup((const char *) bytes, size);

        MUST_HOLD(text);
        check_device_spec(text);
        check_alias(text);
        return 0;
}
