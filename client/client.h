/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Client: what the command line asked for, and the one connection that serves it.
 *
 * A verb reads its arguments, makes its calls and prints; it answers with the exit status of the
 * program, and whoever finds a fault tells it on stderr, once.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-bus.h>

#include "util/cleanup.h"

/* CONTRACT 7. */
typedef enum Status {
        STATUS_DONE,
        STATUS_FAILED,
        STATUS_USAGE,
        STATUS_REFUSED,     /* not enough, not allowed, the guest said no */
        STATUS_UNKNOWN,     /* no such thing */
        STATUS_UNREACHABLE, /* the daemon or the hypervisor */
} Status;

typedef struct Client {
        const char *host; /* [USER@]HOST to reach by ssh; NULL: this one */
        bool json, no_legend, no_ask_password;
        bool colour, utf8; /* what stdout can show */

        /* Options of single verbs; NULL or false when not given. */
        bool all, live, config, dry_run, force, has_wait;
        uint32_t wait_seconds;
        uint32_t *numa_nodes; /* not NULL when given, also when empty */
        size_t n_numa_nodes;
        const char *request; /* that was asked for, for who says what to do next */
        const char *reason, *domain, *description, *numa_policy, *unit;

        sd_bus *bus; /* made by the first call */
} Client;

/* Tells what is wrong as one line on stderr. Return: @status. */
int complain(int status, const char *format, ...) _printf_(2, 3);

/* The same for a failure of this machine's own, a negative errno. Return: STATUS_FAILED. */
int complain_errno(int error, const char *doing);

/* The verbs. @arguments ends with NULL and has as many as the table in main.c allows. */
int verb_status(Client *client, char **arguments);
int verb_devices(Client *client, char **arguments);
int verb_pools(Client *client, char **arguments);
int verb_aliases(Client *client, char **arguments);
int verb_attachments(Client *client, char **arguments);
int verb_show(Client *client, char **arguments);
int verb_attach(Client *client, char **arguments);
int verb_detach(Client *client, char **arguments);
int verb_explain(Client *client, char **arguments);
int verb_check_host(Client *client, char **arguments);
int verb_check_config(Client *client, char **arguments);
int verb_add_pool(Client *client, char **arguments);
int verb_remove_pool(Client *client, char **arguments);
int verb_add_alias(Client *client, char **arguments);
int verb_remove_alias(Client *client, char **arguments);
int verb_reload(Client *client, char **arguments);
int verb_complete(Client *client, char **arguments);
int verb_monitor(Client *client, char **arguments);
