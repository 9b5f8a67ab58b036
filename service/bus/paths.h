/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Paths: the names on the bus, and which path shows which thing. Every path has one spelling: what
 * does not come out again when it is written back names nothing.
 */
#pragma once

#include "core/address.h"

#define BUS_NAME             "org.hostdev1"
#define ROOT_PATH            "/org/hostdev1"
#define DEVICE_PREFIX        ROOT_PATH "/device"
#define POOL_PREFIX          ROOT_PATH "/pool"
#define ALIAS_PREFIX         ROOT_PATH "/alias"
#define ATTACHMENT_PREFIX    ROOT_PATH "/attachment"
#define MANAGER_INTERFACE    "org.hostdev1.Manager"
#define DEVICE_INTERFACE     "org.hostdev1.Device"
#define POOL_INTERFACE       "org.hostdev1.Pool"
#define ALIAS_INTERFACE      "org.hostdev1.Alias"
#define ATTACHMENT_INTERFACE "org.hostdev1.Attachment"

enum {
        DEVICE_PATH_SIZE = sizeof(DEVICE_PREFIX "/") + ADDRESS_NODE_NAME_SIZE,
        ATTACHMENT_PATH_SIZE = sizeof(ATTACHMENT_PREFIX "/4294967295")
};

/* Each writes the path of an object to @path and returns it. */
const char *device_path(Address address, char path[static DEVICE_PATH_SIZE]);
const char *attachment_path(uint32_t number, char path[static ATTACHMENT_PATH_SIZE]);
/* Paths of pools and aliases, below POOL_PREFIX or ALIAS_PREFIX: new text. 0 or -ENOMEM. */
int named_path(const char *prefix, const char *name, char **ret);

/* And back; false for anything that is not exactly such a path. */
bool device_path_parse(const char *path, Address *ret);
bool attachment_path_parse(const char *path, uint32_t *ret);
/* 1 with the name, 0 when @path is not exactly such a path, -ENOMEM. */
int named_path_parse(const char *prefix, const char *path, char **ret);

/* An attachment's number, in decimal without leading zeros; never 0. */
bool attachment_number_parse(const char *text, uint32_t *ret);
