/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Made store: a temporary directory to work in, files in it, and things to record.
 */
#pragma once

#include <stddef.h>

#include "core/attachment.h"
#include "core/pool.h"

/* Group fixtures: a new directory becomes the working directory, and is removed in the end. */
int made_directory_enter(void **state);
int made_directory_leave(void **state);

/* Test fixture: takes away all that is in it. */
int made_directory_empty(void **state);

void made_file(const char *path, const char *bytes, size_t size);
void made_text(const char *path, const char *text);
char *made_file_read(const char *path, size_t *ret_size); /* NULL when there is none */
size_t made_file_size(const char *path);

/* An attachment of two devices in which every field that is kept differs from its default. */
Attachment *made_attachment(uint32_t number, AttachmentState state);
Pool *made_pool(const char *name);
Alias *made_alias(const char *name);
