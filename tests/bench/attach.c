/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Clients that attach and detach by turns, each on a connection of its own and for a domain of its own.
 *
 *   attach CLIENTS PAIRS REQUEST DOMAIN…
 *
 * Each turn all of them begin at once and go on until PAIRS pairs of Attach and Detach, in the definition alone, are
 * made in all. It tells how long that took, the median, the 99th of 100 and the greatest time of Attach and the median
 * of Detach, and how many pairs the client with the fewest has made.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "turn.h"

#define SERVICE "org.hostdev1"

enum {
        TIMEOUT_USEC = 120 * 1000000
};

typedef struct Crowd Crowd;

typedef struct Client {
        Crowd *crowd;
        sd_bus *bus;
        const char *domain;
        double asked;
        unsigned n_pairs;
} Client;

struct Crowd {
        sd_event *event;
        const char *request;
        Client *clients;
        unsigned n_clients, n_pairs, n_begun, n_ended;
        double *attach, *detach; /* of each pair */
};

static void begin_pair(Client *client);

static int on_detached(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Client *client = userdata;
        Crowd *crowd = client->crowd;

        turn_check(-sd_bus_message_get_errno(reply), "Detach");
        crowd->detach[crowd->n_ended++] = turn_now_usec() - client->asked;
        client->n_pairs++;
        begin_pair(client);
        return 0;
}

static int on_attached(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const sd_bus_error *refusal = sd_bus_message_get_error(reply);
        Client *client = userdata;
        Crowd *crowd = client->crowd;
        const char *path;

        turn_check(-sd_bus_message_get_errno(reply), refusal ? refusal->message : "Attach");
        turn_check(sd_bus_message_read(reply, "o", &path), "path");
        *crowd->attach++ = turn_now_usec() - client->asked;
        client->asked = turn_now_usec();
        return turn_check(sd_bus_call_method_async(client->bus, NULL, SERVICE, path,
                                                   "org.hostdev1.Attachment", "Detach", on_detached,
                                                   client, "a{sv}", 0),
                          "Detach");
}

static void begin_pair(Client *client) {
        Crowd *crowd = client->crowd;

        if (crowd->n_begun == crowd->n_pairs)
                return;

        crowd->n_begun++;
        client->asked = turn_now_usec();
        turn_check(sd_bus_call_method_async(client->bus, NULL, SERVICE, "/org/hostdev1",
                                            "org.hostdev1.Manager", "Attach", on_attached, client,
                                            "ssa{sv}", client->domain, crowd->request, 2, "config",
                                            "b", 1, "live", "b", 0),
                   "Attach");
}

static int compare(const void *a, const void *b) {
        double first = *(const double *) a, second = *(const double *) b;

        return (first > second) - (first < second);
}

static void take_turn(Crowd *crowd) {
        double *attach = crowd->attach, began = turn_now_usec(), took;
        unsigned n = crowd->n_pairs, fewest = n;

        crowd->n_begun = crowd->n_ended = 0;
        for (unsigned i = 0; i < crowd->n_clients; i++) {
                crowd->clients[i].n_pairs = 0;
                begin_pair(&crowd->clients[i]);
        }
        while (crowd->n_ended < n)
                turn_check(sd_event_run(crowd->event, UINT64_MAX), "loop");
        took = turn_now_usec() - began;

        for (unsigned i = 0; i < crowd->n_clients; i++)
                if (crowd->clients[i].n_pairs < fewest)
                        fewest = crowd->clients[i].n_pairs;
        qsort(attach, n, sizeof(*attach), compare);
        qsort(crowd->detach, n, sizeof(*attach), compare);
        turn_report("usec=%.1f attach=%.1f attach99=%.1f most=%.1f detach=%.1f fewest=%u", took,
                    attach[n / 2], attach[n * 99 / 100], attach[n - 1], crowd->detach[n / 2],
                    fewest);
        crowd->attach = attach;
}

static void connect_clients(Crowd *crowd, char **domains, unsigned n_domains) {
        crowd->clients = calloc(crowd->n_clients, sizeof(Client));
        crowd->attach = calloc(crowd->n_pairs, sizeof(double));
        crowd->detach = calloc(crowd->n_pairs, sizeof(double));
        turn_check(crowd->clients && crowd->attach && crowd->detach ? 0 : -ENOMEM, "memory");

        for (unsigned i = 0; i < crowd->n_clients; i++) {
                Client *client = &crowd->clients[i];

                *client = (Client){ .crowd = crowd, .domain = domains[i % n_domains] };
                turn_check(sd_bus_open_system(&client->bus), "bus");
                turn_check(sd_bus_set_method_call_timeout(client->bus, TIMEOUT_USEC), "limit");
                turn_check(sd_bus_attach_event(client->bus, crowd->event, 0), "loop");
        }
}

int main(int argc, char **argv) {
        Crowd crowd = { 0 };

        if (argc < 5) {
                (void) fputs("usage: attach CLIENTS PAIRS REQUEST DOMAIN...\n", stderr);
                return 2;
        }

        crowd.n_clients = (unsigned) strtoul(argv[1], NULL, 10);
        crowd.n_pairs = (unsigned) strtoul(argv[2], NULL, 10);
        crowd.request = argv[3];
        turn_check(sd_event_default(&crowd.event), "loop");
        connect_clients(&crowd, argv + 4, (unsigned) argc - 4);
        while (turn_wait())
                take_turn(&crowd);

        for (unsigned i = 0; i < crowd.n_clients; i++)
                sd_bus_flush_close_unref(crowd.clients[i].bus);
        sd_event_unref(crowd.event);
        free(crowd.clients);
        free(crowd.attach);
        free(crowd.detach);
        return 0;
}
