/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sysfs: reading attributes and links, and making text from the kernel fit to be shown.
 *
 * Everything is read below a directory descriptor or from a path that is made of numbers. What a
 * device or its firmware says is not trusted: numbers are read strictly, text is checked.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "core/address.h"

enum {
        SYSFS_ATTRIBUTE_SIZE = 4096 + 1, /* an attribute is at most a page */
        SYSFS_TEXT_LONGEST = 256,        /* bytes of a text that is shown as it is */
};

/* A descriptor (O_PATH) of the function's directory, or negative errno. */
int sysfs_open_device(Address address);

/* The same device still at its address, as the one that @directory is of? */
bool sysfs_is_present(int directory, Address address);

/**
 * sysfs_read() - read an attribute as text
 * @directory: of the device, or AT_FDCWD
 * @path:      of the attribute
 * @size:      of @text; what does not fit is cut
 *
 * The newline at the end is dropped, and a NUL is put there.
 *
 * Return: the length of the text (NUL bytes within are counted), or negative errno.
 */
ssize_t sysfs_read(int directory, const char *path, char *text, size_t size);

/**
 * sysfs_read_number() - read an attribute that is one number
 * @base:    10 or 16 (0x in front or not)
 * @highest: what is above makes no sense
 * @ret:     set only on success
 *
 * Return: whether there is such an attribute, and it is nothing but a number of 0–@highest.
 */
bool sysfs_read_number(int directory, const char *path, int base, unsigned long highest,
                       unsigned long *ret);

/* The last component of where a link leads, whether that exists or not; its length, or negative errno. */
ssize_t sysfs_read_link(int directory, const char *path, char *name, size_t size);

/* A decimal number without sign or blanks and not above @highest? */
bool sysfs_parse_number(const char *text, int base, unsigned long highest, unsigned long *ret);

/**
 * sysfs_text() - text of the kernel, fit to be shown as a line
 *
 * Text that is none (not UTF-8, control characters, over 256 bytes) is shown by the hex digits of its
 * first 128 bytes: it must not vanish, because a driver of an odd name is a driver all the same.
 *
 * Return: new text, or NULL without memory.
 */
char *sysfs_text(const char *bytes, size_t size);

/**
 * sysfs_next_function() - the next PCI function that a path leads through
 * @path: where to look; moved behind the component that was found
 * @ret:  set only on success
 *
 * From the text alone, so it holds for a path to what is gone. A function on a path is always written
 * with its domain: BUS:SLOT.FUNCTION alone would be another bus's name.
 */
bool sysfs_next_function(const char **path, Address *ret);
