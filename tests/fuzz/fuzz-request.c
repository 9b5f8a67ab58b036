/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The text of a request. */
#include <string.h>

#include "core/request.h"
#include "fuzz.h"
#include "util/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
        _cleanup_(freep) char *text = strndup((const char *) bytes, size);
        _cleanup_(request_freep) Request *request = NULL;
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        unsigned n_devices = 0;
        int r;

        MUST_HOLD(text);
        r = request_parse(text, &request, &refusal);
        MUST_HOLD(r == 0 || r == REQUEST_INVALID);
        if (r != 0) {
                MUST_HOLD(!request && text_is_line(refusal.text));
                return 0;
        }

        MUST_HOLD(request->n_items >= 1 && request->n_items <= REQUEST_ITEMS_MAX);
        for (size_t i = 0; i < request->n_items; i++) {
                MUST_HOLD(request->items[i].count >= 1 && *request->items[i].alias);
                n_devices += request->items[i].count;
        }
        MUST_HOLD(n_devices <= REQUEST_DEVICES_MAX);
        return 0;
}
