/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Errors: what a verdict is called on the bus. Here alone.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "core/verdict.h"

#define ERROR_PREFIX "org.hostdev1.Error."

/* Makes the names known to sd-bus, so that callers in this process get the right errno. 0 or negative errno. */
int errors_register(void);

/* The D-Bus error name of a verdict. */
const char *error_name(Verdict verdict);

/**
 * bus_refuse() - put a refusal into the error of a method
 * @r:    a verdict, or a negative errno
 * @text: the sentence; NULL for a negative errno. What a string on the bus may not hold is shown as '?'.
 *
 * Return: a negative errno, for the handler to return.
 */
int bus_refuse(sd_bus_error *error, int r, const char *text);

/* The same for a refusal of the core, which is released. */
int bus_refuse_with(sd_bus_error *error, int r, Refusal *refusal);
