/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Journal file: the files of the state directory, opened so that nobody can have us read or write
 * another, and written so that what is said to be on the disk is there.
 *
 * Nothing here knows what a record is.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define JOURNAL_FILE "journal"
#define JOURNAL_LOCK "lock"

/**
 * journal_directory_open() - open the state directory and lock it
 *
 * The directory, the lock and the journal must be ours and writable by nobody else; what is not is
 * told to the log.
 *
 * Return: 0; -EBUSY when it is locked; -EPERM when it is not safe; another negative errno.
 */
int journal_directory_open(const char *path, int *ret_directory, int *ret_lock);

/**
 * journal_file_open() - open and read the journal
 * @ret_fd:   −1 when there is none
 * @ret_text: all of it
 *
 * Return: 0; -EPERM when it is not safe (a link, not a regular file, another's, writable by others,
 * with a second name); -EFBIG; another negative errno.
 */
int journal_file_open(const char *path, int directory, int *ret_fd, char **ret_text,
                      size_t *ret_size);

/**
 * journal_file_append() - write at @end and sync
 *
 * What stands beyond @end is cut off first.
 *
 * Return: 0, or negative errno; *@ret_broken then tells that the file could not be brought back to @end.
 */
int journal_file_append(int fd, off_t end, const char *bytes, size_t size, bool *ret_broken);

/**
 * journal_file_replace() - put a new file in the place of the old, which stays as it is until then
 * @ret_fd: of the new file
 *
 * Return: 0, or negative errno with the old file in force. *@ret_broken: the new file is in force, but it is not sure
 * that it will be after a crash; @ret_fd is then set.
 */
int journal_file_replace(int directory, const char *bytes, size_t size, int *ret_fd,
                         bool *ret_broken);
