/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tree: a made /sys for one test program, and udev's messages about it.
 *
 * The program leaves the host's namespaces for its own (mounts and network; as a user without
 * privileges with a user namespace too), and an empty temporary directory becomes its /sys.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Enters the namespaces. 0, or -1 where that is not allowed: then there is nothing to test. */
int tree_enter(void);

/* Empties /sys, as before each test. Asserts on failure. */
void tree_clear(void);
/* Takes the directory away at the end of the program. */
void tree_leave(void);

/* Paths are below /sys; directories on the way are made. */
void tree_write(const char *path, const void *bytes, size_t size);
void tree_print(const char *path, const char *format, ...) __attribute__((format(printf, 2, 3)));
void tree_link(const char *path, const char *target);
void tree_make_directory(const char *path);
void tree_make_pipe(const char *path);
void tree_exchange(const char *path, const char *other); /* each takes the other's place, at once */
void tree_remove(const char *path);                      /* with all that is below */

/* Puts the directory "proc" of the tree over /proc, until it is uncovered; uncovering what is not is fine. */
void tree_cover_proc(void);
void tree_uncover_proc(void);
/* Puts the directory @below of the tree over /lib/modules, also where there is none. 0, or -1 where that is not allowed. */
int tree_cover_modules(const char *below);

/* A function at devices/pci0000:00/ADDRESS with the attributes that every one has. */
void tree_add_function(const char *address, const char *vendor, const char *product,
                       const char *class);
void tree_remove_function(const char *address);
/* An attribute of it. */
void tree_set(const char *address, const char *attribute, const char *value);

/* Sends what udevd would, @devpath beginning with /devices; the return value is of sendto(). */
int tree_send(const char *action, const char *subsystem, const char *devpath);
