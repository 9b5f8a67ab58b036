/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Readiness: is this host able to lend devices? The rows of CheckHost.
 *
 * Each row is looked up when it is asked for (readiness-kept.h has them a moment longer), and nothing needs a privilege. A row
 * fails when devices cannot be lent now, or not safely; what an administrator should know of is a warning;
 * what does not matter here, or cannot be seen by us, is skipped and says why.
 */
#pragma once

#include <stdbool.h>

/* Does polkit know the actions by which calls are authorized? */
typedef enum ReadinessActions {
        READINESS_ACTIONS_UNKNOWN, /* it has not answered yet */
        READINESS_ACTIONS_KNOWN,
        READINESS_ACTIONS_MISSING,
        READINESS_ACTIONS_UNREACHABLE,
} ReadinessActions;

/* What no look at the host tells, and the daemon knows. Borrowed for the call. */
typedef struct ReadinessSubject {
        const char *libvirt_uri;
        bool libvirt_is_connected;
        const char *state_directory;
        const char *journal_problem; /* NULL: in order */
        ReadinessActions actions;
        const char *actions_text; /* a phrase about them */
} ReadinessSubject;

/**
 * ReadinessRow - receives a row
 * @id:       stable, kebab-case
 * @result:   pass, warn, fail or skip
 * @evidence: what was read where
 * @fix:      what to do; "" when there is nothing to do
 *
 * The texts are the caller's only during the call. A negative value ends the check.
 */
typedef int (*ReadinessRow)(void *userdata, const char *id, const char *result,
                            const char *evidence, const char *fix);

/* All rows, in a fixed order. 0, -ENOMEM, or the negative value that @row returned. */
int readiness_check(const ReadinessSubject *subject, ReadinessRow row, void *userdata);

/* HostReady: no row fails. Without memory to find out: no. */
bool readiness_is_ready(const ReadinessSubject *subject);
