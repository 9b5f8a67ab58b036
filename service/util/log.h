/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Log: one line to stderr, with a level.
 *
 * Under systemd stderr is the journal, which reads the level from the prefix of sd-daemon(3);
 * elsewhere the line goes to the terminal as it is. A line stays a line: what text_is_line() does not
 * let pass is shown as \xNN, so that no text from outside can forge another record.
 */
#pragma once

#include <syslog.h>

#include "util/cleanup.h"

void log_line(int level, const char *format, ...) _printf_(2, 3);

#define log_error(...)   log_line(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_info(...)    log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_line(LOG_DEBUG, __VA_ARGS__)

/* Lines above this level are dropped. The default is LOG_INFO. */
void log_set_level(int level);
