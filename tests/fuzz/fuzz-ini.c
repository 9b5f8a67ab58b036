/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A configuration file: sections, keys, Nova's options, all that config_load() reads. */
#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "store/config-keys.h"
#include "util/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        Loader loader = { 0 };
        int r;

        MUST_HOLD(config_load(NULL, &config, NULL) == 0);
        loader.config = config;
        r = config_load_text(&loader, "a.conf", (const char *) bytes, size, &refusal);

        MUST_HOLD(r == 0 || r == CONFIG_INVALID);
        if (r == CONFIG_INVALID) {
                MUST_HOLD(strncmp(refusal.text, "a.conf:", strlen("a.conf:")) == 0);
                MUST_HOLD(text_is_line(refusal.text));
        }

        return 0;
}
