/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Config: the configuration files, read as one, into a catalog and the service's settings.
 *
 * All or nothing: an error leaves the caller with what he had. Syntax and names are CONTRACT 5; Nova's
 * own sections are read by store/nova.
 */
#pragma once

#include "core/pool.h"
#include "core/verdict.h"

typedef struct Config {
        char *libvirt_uri; /* never NULL; qemu:///system by default */
        Catalog catalog;
        char **warnings; /* file:line: text, to be logged */
} Config;

Config *config_free(Config *config); /* NULL is fine; always returns NULL */
DEFINE_CLEANUP(Config *, config_free);

/**
 * config_files() - which files, in the order in which they are read
 * @vendor_directory: /usr/lib/hostdevd: its hostdevd.conf.d/\*.conf come first, in name order
 * @directory:        /etc/hostdevd: hostdevd.conf, then hostdevd.conf.d/\*.conf in name order
 * @ret:              list of paths, the caller's; NULL when there are none
 *
 * A name in @directory hides the vendor's file of that name, as with systemd; an empty file or a link
 * to /dev/null leaves it out. A missing directory is an empty one.
 *
 * Return: 0, CONFIG_INVALID (with path and reason) or -ENOMEM.
 */
int config_files(const char *vendor_directory, const char *directory, char ***ret,
                 Refusal *refusal);

/* Reads the files. 0, CONFIG_INVALID with file:line: text, or -ENOMEM. */
int config_load(char *const *files, Config **ret, Refusal *refusal);
