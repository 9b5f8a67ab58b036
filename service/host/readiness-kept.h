/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Readiness, kept: the rows of the last look at the host, for who asks again and again. Anybody may ask, and a look
 * reads some hundred files: so there are READINESS_LOOKS in READINESS_KEPT_USEC, whoever asks and how often, and who
 * comes after these is told what the last of them saw. What the daemon itself knows (readiness.h) is never told
 * from an older look: when that has changed there is a new one.
 */
#pragma once

#include <stdint.h>

#include "host/readiness.h"

enum {
        READINESS_KEPT_USEC = 1000 * 1000,
        READINESS_LOOKS = 10
};

/* Zeroed at first. */
typedef struct ReadinessKept {
        char **rows;         /* four texts of each; NULL: there was no look */
        char **subject;      /* what it was about */
        uint64_t begin_usec; /* of the time in which looks are counted */
        unsigned n_looks;
} ReadinessKept;

void readiness_kept_done(ReadinessKept *kept);

/* Were there enough looks, and was the last about the same? */
bool readiness_is_kept(const ReadinessKept *kept, const ReadinessSubject *subject,
                       uint64_t now_usec);

/* Looks, and keeps what it saw. 0 or -ENOMEM: then nothing is kept. */
int readiness_keep(ReadinessKept *kept, const ReadinessSubject *subject, uint64_t now_usec);

/* All rows that are kept, in order. 0, or the negative value that @row returned. */
int readiness_tell(const ReadinessKept *kept, ReadinessRow row, void *userdata);
