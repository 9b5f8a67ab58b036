/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bus: the skin. Reads calls, asks polkit, hands over to the manager, answers; shows the registry as
 * objects and tells what changed. No rule about devices stands here.
 */
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "manager.h"

typedef struct Bus Bus;

/* What the bus asks of the daemon beside the manager. */
typedef struct BusPorts {
        void *userdata;
        /* Reads the configuration files again and puts them in force: 0, CONFIG_INVALID or -ENOMEM. */
        int (*reload)(void *userdata, Refusal *refusal);
        /* The checks of CheckHost: calls @row for each. 0 or negative errno. */
        int (*check_host)(void *userdata,
                          int (*row)(void *row_userdata, const char *id, const char *result,
                                     const char *evidence, const char *fix),
                          void *row_userdata);
} BusPorts;

/**
 * bus_new() - show the objects on a connection
 * @connection: referenced; already started, in production to the system bus
 * @event:      referenced
 * @manager:    borrowed; must outlive the bus
 * @ports:      copied
 *
 * Return: 0 or negative errno.
 */
int bus_new(Bus **ret, sd_bus *connection, sd_event *event, Manager *manager,
            const BusPorts *ports);
Bus *bus_free(Bus *bus); /* NULL is fine; always returns NULL */
DEFINE_CLEANUP(Bus *, bus_free);

/*
 * The service ends: every call that the manager does not have is refused, with nothing changed. Those of
 * the manager are answered by manager_stop().
 */
void bus_stop(Bus *bus);

/* Takes the name org.hostdev1: everything is there to be seen. 0 or negative errno. */
int bus_request_name(Bus *bus);

/* Does polkit know the actions by which calls are authorized? */
typedef enum BusActions {
        BUS_ACTIONS_UNKNOWN, /* it has not answered yet */
        BUS_ACTIONS_KNOWN,
        BUS_ACTIONS_MISSING, /* at least one is not there: nobody but root may change anything */
        BUS_ACTIONS_UNREACHABLE,
} BusActions;

/**
 * bus_actions() - what polkit said to that, for CheckHost
 * @ret_text: may be NULL; a phrase that names what is missing or why it is not known, borrowed until the next
 *            turn of the loop
 *
 * When it changes, manager_look_at_host() is called.
 */
BusActions bus_actions(const Bus *bus, const char **ret_text);

/* The manager's ports: signals for what changed; calls that wait are tried again, the longest waiting first. */
void bus_publish(Bus *bus, const Changes *changes);
void bus_retry(Bus *bus);
/* As ManagerPorts has it. */
void bus_ended(Bus *bus, uint32_t attachment, bool detach, int verdict, const char *text);
