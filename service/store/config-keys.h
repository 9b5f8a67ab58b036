/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Config keys: what each section and key of the configuration files means.
 *
 * One table of keys with their parsers, fed line by line by the INI reader.
 */
#pragma once

#include "store/config.h"
#include "store/ini.h"

#define CONFIG_LIBVIRT_URI "qemu:///system" /* the default */

typedef enum SectionKind {
        SECTION_SERVICE,
        SECTION_POOL,
        SECTION_ALIAS,
        SECTION_PCI,     /* Nova's */
        SECTION_DEFAULT, /* Nova's */
        _SECTION_KIND_END,
} SectionKind;

/* The configuration on its way. */
typedef struct Loader {
        Config *config;
        bool in_nova_file; /* the file has a section of Nova's: what neither of us knows is another's */
        SectionKind section;
        Pool *pool;      /* of a SECTION_POOL; borrowed */
        Alias *alias;    /* of a SECTION_ALIAS; borrowed */
        Pool *nova_pool; /* the one that Nova's lines make; borrowed; NULL: none yet */
} Loader;

/* Callbacks that find out whether a file has a section of Nova's; userdata is the bool to be set. */
extern const IniCallbacks config_survey;

/* Callbacks that read into a Loader. */
extern const IniCallbacks config_reading;

/**
 * config_load_text() - read one file's text into a loader
 * @path: its name, for messages
 *
 * Return: 0, CONFIG_INVALID with file:line: text, or -ENOMEM; the loader's configuration is then worth nothing.
 */
int config_load_text(Loader *loader, const char *path, const char *text, size_t size,
                     Refusal *refusal);
