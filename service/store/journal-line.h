/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Journal line: one record as it stands in the file, "CRC32C JSON\n".
 *
 * The checksum (eight lower-case hex digits) is of the JSON alone, which is one object in ASCII
 * without control characters other than DEL: a newline ends a line and nothing else does.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JOURNAL_VERSION_WORD "hostdevd-journal "
#define JOURNAL_VERSION_LINE JOURNAL_VERSION_WORD "1\n" /* the first line of the file */

uint32_t checksum_crc32c(const char *bytes, size_t size);

/* The line of a record, with its newline; NULL without memory. */
char *journal_line_new(const char *json);

/**
 * journal_line_check() - is this a line as it was written?
 * @line:     without its newline
 * @ret_json: where the JSON begins in it; set only when it is
 */
bool journal_line_check(const char *line, size_t size, const char **ret_json);

/**
 * journal_line_is_torn() - may these bytes be a line whose writing was cut short?
 * @tail: what stands behind the last newline of the file; not empty
 *
 * False means that something else befell the file: such bytes are no beginning of any line.
 */
bool journal_line_is_torn(const char *tail, size_t size);
