/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Options: the last a{sv} of a method. An unknown key, a key given twice or a wrong type is refused by name.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "core/domain.h"
#include "core/verdict.h"

/* One known key and where its value goes. What is absent leaves the value as it is. */
typedef struct Option {
        const char *key;
        const char *
                type; /* b: int · u: uint32_t · s: const char *, borrowed from the message · au: NodeSet */
        void *value;
        bool *given; /* may be NULL */
} Option;

/* Reads the dictionary at the cursor of @message. 0, ARGUMENTS_INVALID or negative errno. */
int options_read(sd_bus_message *message, const Option *known, size_t n_known, Refusal *refusal);

enum {
        OPTIONS_MAX = 16,
        REASON_SIZE_MAX = 200 /* bytes of the caller's reason */
};

/* The option `reason`: one line of printable UTF-8. 0, ARGUMENTS_INVALID or -ENOMEM. */
int option_check_reason(const char *reason, Refusal *refusal);
/* The option `wait-seconds`: no more than @most. 0, ARGUMENTS_INVALID or -ENOMEM. */
int option_check_wait(uint32_t seconds, uint32_t most, Refusal *refusal);
