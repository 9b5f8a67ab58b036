/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Case: one case of a file, and how its parts are read.
 *
 * What is not of the form (README.md of this folder) is a defect of the case: it is remembered in the
 * report like any other difference, so that nothing in a case goes unread.
 */
#pragma once

#include <jansson.h>

#include "core/registry.h"
#include "store/config.h"

enum {
        EXCHANGE_MAX = 64
};

/* Device from[i] of the case is played by the device at to[i]. */
typedef struct Exchange {
        Address from[EXCHANGE_MAX], to[EXCHANGE_MAX];
        size_t n;
} Exchange;

/* What differed from what the case expects; empty while all is well. */
typedef struct Report {
        char *text;
} Report;

typedef struct Case {
        const json_t *json;
        const char *directory; /* where the configuration is written */
        const Exchange *exchange;
        Report report;
} Case;

/* A failure of this program itself, not of what it tests: says so and ends it with status 2. */
void need(int r, const char *what);

void differ(Case *c, const char *format, ...) _printf_(2, 3);
static inline bool case_is_well(const Case *c) {
        return !c->report.text;
}

/* Every key of @object must be one of @keys (NULL-terminated); @where: for the message. */
void check_keys(Case *c, const char *where, const json_t *object, const char *const *keys);
#define CHECK_KEYS(c, where, object, ...)                                                          \
        check_keys((c), (where), (object), (const char *const[]){ __VA_ARGS__, NULL })

/* A member that must be text, or a list; NULL and a difference when it is something else or absent. */
const char *case_text(Case *c, const json_t *object, const char *key);
const json_t *case_list(Case *c, const json_t *object, const char *key);

/* The address that plays the one named in @text. */
bool case_address(Case *c, const char *text, Address *ret);

/* The facts of a device; NULL and a difference when they are not of the form. */
Facts *case_facts(Case *c, const json_t *device);

/**
 * case_config() - the options of a case, written to a file and read by the real reader
 * @device_spec: list of values; NULL: none
 * @alias:       list of values; NULL: none
 * @ret_option:  which option was refused (device_spec, alias), by the line that the error names
 * @refusal:     the reader's own words
 *
 * Return: the configuration, or NULL when it was refused.
 */
Config *case_config(Case *c, const json_t *device_spec, const json_t *alias,
                    const char **ret_option, Refusal *refusal);
