/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Monitor: events as they happen, until interrupted.
 *
 * The signals are asked for before the objects are read, so that nothing is missed in between.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <systemd/sd-event.h>

#include "event.h"
#include "json.h"
#include "util/text.h"

typedef struct Monitor {
        Client *client;
        sd_event *event;
        Objects objects;
        char *owner; /* unique name of the daemon; NULL: it is not there */
        int status;
} Monitor;

static void monitor_done(Monitor *monitor) {
        objects_done(&monitor->objects);
        free(monitor->owner);
        sd_event_unref(monitor->event);
}

/* Ends with @status, unless that is DONE. */
static int go_on(Monitor *monitor, int status) {
        if (status != STATUS_DONE) {
                monitor->status = status;
                sd_event_exit(monitor->event, EXIT_SUCCESS);
        }
        return 0;
}

static int print_event(const Monitor *monitor, const json_t *event) {
        _cleanup_(freep) char *line = NULL;
        time_t seconds = time(NULL);
        struct tm local;
        char clock[16];

        if (monitor->client->json)
                return json_print_line(event);

        line = event ? event_text(monitor->client, event) : NULL;
        if (!line)
                return complain_errno(-ENOMEM, "Cannot print");

        if (!monitor->client->no_legend && localtime_r(&seconds, &local) &&
            strftime(clock, sizeof(clock), "%T ", &local) > 0)
                fputs(clock, stdout);
        if (puts(line) == EOF || fflush(stdout) == EOF)
                return complain_errno(-errno, "Cannot print");
        return STATUS_DONE;
}

/* Anybody may send a signal to a single connection; what counts is who owns the name. */
static int on_signal(sd_bus_message *signal, void *userdata, sd_bus_error *error) {
        _cleanup_(json_decrefp) json_t *event = NULL;
        Monitor *monitor = userdata;
        int r;

        if (!monitor->owner || !text_equal(sd_bus_message_get_sender(signal), monitor->owner))
                return 0;

        if (sd_bus_message_is_signal(signal, OBJECT_MANAGER_INTERFACE, "InterfacesAdded"))
                r = event_of_added(&monitor->objects, signal, &event);
        else if (sd_bus_message_is_signal(signal, OBJECT_MANAGER_INTERFACE, "InterfacesRemoved"))
                r = event_of_removed(&monitor->objects, signal, &event);
        else if (sd_bus_message_is_signal(signal, PROPERTIES_INTERFACE, "PropertiesChanged"))
                r = event_of_changed(&monitor->objects, signal, &event);
        else
                return 0;

        if (r < 0)
                return go_on(monitor, call_complain(r));
        return event ? go_on(monitor, print_event(monitor, event)) : 0;
}

static int read_owner(Monitor *monitor, char **ret) {
        _cleanup_(sd_bus_creds_unrefp) sd_bus_creds *creds = NULL;
        const char *name;
        char *copy;
        int r;

        r = sd_bus_get_name_creds(monitor->client->bus, SERVICE, SD_BUS_CREDS_UNIQUE_NAME, &creds);
        if (r >= 0)
                r = sd_bus_creds_get_unique_name(creds, &name);
        if (r < 0) {
                *ret = NULL;
                return 0;
        }

        copy = strdup(name);
        if (!copy)
                return -ENOMEM;

        *ret = copy;
        return 0;
}

static int tell_service(Monitor *monitor, bool is_there) {
        _cleanup_(json_decrefp) json_t *event = event_of_service(is_there);

        return print_event(monitor, event);
}

/* All that is there, in place of what was known. */
static int read_all(Monitor *monitor) {
        Objects objects = { 0 };
        int status;

        status = objects_read(monitor->client, &objects);
        if (status == STATUS_DONE)
                status = objects_read_manager(monitor->client, &objects);
        if (status != STATUS_DONE) {
                objects_done(&objects);
                return status;
        }

        objects_done(&monitor->objects);
        monitor->objects = objects;
        return STATUS_DONE;
}

/* The signal is a hint: the bus is asked who owns the name now. */
static int on_owner_changed(sd_bus_message *signal, void *userdata, sd_bus_error *error) {
        _cleanup_(freep) char *owner = NULL;
        Monitor *monitor = userdata;
        int r, status;

        r = read_owner(monitor, &owner);
        if (r < 0)
                return go_on(monitor, call_complain(r));
        if (text_equal(owner, monitor->owner))
                return 0;

        if (monitor->owner) {
                status = tell_service(monitor, false);
                if (status != STATUS_DONE)
                        return go_on(monitor, status);
        }

        free(monitor->owner);
        monitor->owner = TAKE(owner);
        if (!monitor->owner)
                return 0;

        status = read_all(monitor);
        if (status == STATUS_UNREACHABLE && sd_bus_is_ready(monitor->client->bus) > 0) {
                /* Gone again before it could be asked; that it comes back will be told. */
                free(TAKE(monitor->owner));
                return 0;
        }

        if (status == STATUS_DONE)
                status = tell_service(monitor, true);
        return go_on(monitor, status);
}

static int subscribe(Monitor *monitor) {
        sd_bus *bus = monitor->client->bus;
        int r;

        r = sd_bus_add_match(bus, NULL,
                             "type='signal',sender='" SERVICE "',path_namespace='" SERVICE_PATH "'",
                             on_signal, monitor);
        if (r < 0)
                return r;

        /*
         * Of this name alone: whoever asked who owns it when somebody else came or went would learn
         * what is so now, ahead of the signals that are still to be read.
         */
        return sd_bus_add_match(bus, NULL,
                                "type='signal',sender='org.freedesktop.DBus',"
                                "path='/org/freedesktop/DBus',interface='org.freedesktop.DBus',"
                                "member='NameOwnerChanged',arg0='" SERVICE "'",
                                on_owner_changed, monitor);
}

/* Only now are the signals held back: until here an interrupt simply ends the program. */
static int prepare_loop(Monitor *monitor) {
        sigset_t ending;
        int r;

        sigemptyset(&ending);
        sigaddset(&ending, SIGINT);
        sigaddset(&ending, SIGTERM);
        if (sigprocmask(SIG_BLOCK, &ending, NULL) < 0)
                return -errno;

        r = sd_event_default(&monitor->event);
        if (r >= 0)
                r = sd_event_add_signal(monitor->event, NULL, SIGINT, NULL, NULL);
        if (r >= 0)
                r = sd_event_add_signal(monitor->event, NULL, SIGTERM, NULL, NULL);
        if (r >= 0)
                r = sd_bus_set_exit_on_disconnect(monitor->client->bus, 1);
        if (r >= 0)
                r = sd_bus_attach_event(monitor->client->bus, monitor->event, 0);
        return r;
}

static int loop(Monitor *monitor) {
        int r;

        r = prepare_loop(monitor);
        if (r >= 0)
                r = sd_event_loop(monitor->event);
        sd_bus_detach_event(monitor->client->bus);

        if (r < 0)
                return complain_errno(r, "Cannot wait for events");
        if (r != EXIT_SUCCESS)
                return call_complain_bus(monitor->client, "the connection was lost");
        return monitor->status;
}

int verb_monitor(Client *client, char **arguments) {
        _cleanup_(monitor_done) Monitor monitor = { .client = client };
        int r, status;

        status = call_connect(client);
        if (status != STATUS_DONE)
                return status;

        r = subscribe(&monitor);
        if (r < 0)
                return call_complain_bus(client, strerror(-r));

        status = read_all(&monitor);
        if (status != STATUS_DONE)
                return status;

        r = read_owner(&monitor, &monitor.owner);
        if (r < 0)
                return call_complain(r);

        status = tell_service(&monitor, monitor.owner);
        return status == STATUS_DONE ? loop(&monitor) : status;
}
