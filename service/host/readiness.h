/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Readiness: is this host able to lend devices? The rows of CheckHost that sysfs and procfs answer.
 *
 * Each row is looked up when it is asked for; nothing is remembered, and nothing needs a privilege.
 */
#pragma once

#include <stdbool.h>

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
int readiness_check(ReadinessRow row, void *userdata);

/* HostReady: no row fails. Without memory to find out: no. */
bool readiness_is_ready(void);
