/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Many clients, one device: each round all of them ask for it at once, one must get it and gives it back.
 *
 *   contend CLIENTS ROUNDS SEED REQUEST DOMAIN…
 *
 * Each client is a connection of its own; they ask for the domains in turn, in an order that the seed
 * shuffles. Prints a line of figures. Ends with 1 when a round has not exactly one winner, or when
 * somebody is refused for another reason than that the device is lent.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#define SERVICE "org.hostdev1"
#define ROOT    "/org/hostdev1"

enum {
        TIMEOUT_USEC = 60 * 1000000
};

typedef struct Contest Contest;

typedef struct Client {
        Contest *contest;
        sd_bus *bus;
        double asked; /* when */
} Client;

struct Contest {
        sd_event *event;
        Client *clients;
        unsigned n_clients, n_rounds, round;
        const char *request;
        char **domains;
        unsigned n_domains;
        unsigned n_open, n_won; /* of this round */
        Client *winner;
        char *path;
        unsigned n_not_enough, n_busy;
        double slowest;
        bool failed;
};

static double now(void) {
        struct timespec time;

        (void) clock_gettime(CLOCK_MONOTONIC, &time); /* cannot fail for this clock */
        return (double) time.tv_sec + (double) time.tv_nsec / 1e9;
}

static int give_up(Contest *contest, const char *what, const char *why) {
        printf("# round %u: %s: %s\n", contest->round, what, why);
        contest->failed = true;
        return sd_event_exit(contest->event, 1);
}

static int begin_round(Contest *contest);

static int on_detached(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Client *client = userdata;

        if (sd_bus_message_is_method_error(reply, NULL))
                return give_up(client->contest, "the winner cannot detach",
                               sd_bus_message_get_error(reply)->message);

        client->contest->round++;
        return begin_round(client->contest);
}

static int end_round(Contest *contest) {
        char text[64];

        if (contest->n_won != 1) {
                (void) snprintf(text, sizeof(text), "%u winners", contest->n_won);
                return give_up(contest, text, contest->path ?: "");
        }

        return sd_bus_call_method_async(contest->winner->bus, NULL, SERVICE, contest->path,
                                        "org.hostdev1.Attachment", "Detach", on_detached,
                                        contest->winner, "a{sv}", 0);
}

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Client *client = userdata;
        Contest *contest = client->contest;
        double took = now() - client->asked;
        const char *path;

        if (took > contest->slowest)
                contest->slowest = took;

        if (sd_bus_message_is_method_error(reply, "org.hostdev1.Error.NotEnoughDevices")) {
                contest->n_not_enough++;
        } else if (sd_bus_message_is_method_error(reply, "org.hostdev1.Error.Busy")) {
                contest->n_busy++;
        } else if (sd_bus_message_is_method_error(reply, NULL)) {
                return give_up(contest, sd_bus_message_get_error(reply)->name,
                               sd_bus_message_get_error(reply)->message);
        } else if (sd_bus_message_read(reply, "o", &path) >= 0) {
                contest->n_won++;
                contest->winner = client;
                free(contest->path);
                contest->path = strdup(path);
                if (!contest->path)
                        return -ENOMEM;
        }

        return --contest->n_open == 0 ? end_round(contest) : 0;
}

static void shuffle(Client *clients, unsigned n) {
        for (unsigned i = n; i > 1; i--) {
                unsigned j = (unsigned) rand() % i;
                sd_bus *bus = clients[i - 1].bus;

                clients[i - 1].bus = clients[j].bus;
                clients[j].bus = bus;
        }
}

static int begin_round(Contest *contest) {
        int r;

        if (contest->round == contest->n_rounds)
                return sd_event_exit(contest->event, 0);

        contest->n_won = 0;
        contest->n_open = contest->n_clients;
        shuffle(contest->clients, contest->n_clients);
        for (unsigned i = 0; i < contest->n_clients; i++) {
                Client *client = &contest->clients[i];

                client->asked = now();
                r = sd_bus_call_method_async(client->bus, NULL, SERVICE, ROOT,
                                             "org.hostdev1.Manager", "Attach", on_answer, client,
                                             "ssa{sv}", contest->domains[i % contest->n_domains],
                                             contest->request, 0);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int connect_client(Contest *contest, Client *client) {
        int r;

        client->contest = contest;
        r = sd_bus_open_system(&client->bus);
        if (r >= 0)
                r = sd_bus_set_method_call_timeout(client->bus, TIMEOUT_USEC);
        if (r >= 0)
                r = sd_bus_attach_event(client->bus, contest->event, SD_EVENT_PRIORITY_NORMAL);
        return r;
}

int main(int argc, char **argv) {
        Contest contest = { 0 };
        double began;
        int r;

        if (argc < 6) {
                fputs("usage: contend CLIENTS ROUNDS SEED REQUEST DOMAIN...\n", stderr);
                return 2;
        }

        contest.n_clients = (unsigned) atoi(argv[1]);
        contest.n_rounds = (unsigned) atoi(argv[2]);
        srand((unsigned) atoi(argv[3]));
        contest.request = argv[4];
        contest.domains = argv + 5;
        contest.n_domains = (unsigned) argc - 5;
        contest.clients = calloc(contest.n_clients, sizeof(Client));

        r = contest.clients ? sd_event_default(&contest.event) : -ENOMEM;
        for (unsigned i = 0; r >= 0 && i < contest.n_clients; i++)
                r = connect_client(&contest, &contest.clients[i]);

        began = now();
        if (r >= 0)
                r = begin_round(&contest);
        if (r >= 0)
                r = sd_event_loop(contest.event);
        printf("# %u clients, %u rounds, %u not enough, %u busy, %.0f s, the slowest answer after "
               "%.0f ms\n",
               contest.n_clients, contest.round, contest.n_not_enough, contest.n_busy,
               now() - began, 1000 * contest.slowest);
        if (r < 0)
                printf("# it ended with: %s\n", strerror(-r));

        for (unsigned i = 0; contest.clients && i < contest.n_clients; i++)
                sd_bus_flush_close_unref(contest.clients[i].bus);
        sd_event_unref(contest.event);
        free(contest.clients);
        free(contest.path);
        return r == 0 && !contest.failed && contest.round == contest.n_rounds ? 0 : 1;
}
