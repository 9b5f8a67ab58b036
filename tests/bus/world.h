/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * World: the bus layer between a private dbus-daemon with the system's own policy, a manager that the
 * test directs (fake-manager.h) and a polkit that says what it is told. All in one event loop.
 */
#pragma once

#include "bus/bus.h"
#include "fake-manager.h"

typedef enum PolkitMood {
        POLKIT_YES,
        POLKIT_NO,
        POLKIT_CHALLENGE,
        POLKIT_ERROR,
        POLKIT_SILENT, /* takes the question, and never answers */
        POLKIT_FORGED, /* as silent, and a stranger answers yes in its place */
        POLKIT_ABSENT, /* nobody has the name; set before world_new() */
} PolkitMood;

enum {
        ASKED_MAX = 256
};

/* One question as polkit saw it. */
typedef struct Asked {
        char action[64], subject_kind[32], subject_name[32], cancellation[64];
        char details[1024]; /* key=value; and so on, sorted */
        uint32_t flags;
        sd_bus_message *open; /* a silent polkit keeps it, until it is cancelled */
} Asked;

typedef struct World {
        char directory[64];
        pid_t daemon;
        char address[128];
        sd_event *event;
        sd_bus *service, *polkit, *stranger;
        sd_bus_slot *polkit_slot;
        Bus *bus;
        Manager *manager;
        PolkitMood mood;
        Asked asked[ASKED_MAX];
        unsigned n_asked, n_cancelled, n_reloads;
        unsigned missing,
                n_enumerated; /* actions that polkit does not know, by their place in Action */
        bool enumerates_as_stranger; /* who is asked for actions is not who has polkit's name any more */
        void (*on_asked)(struct World *world); /* before polkit answers */
        bool cancels_nothing; /* polkit does not answer when it is to cancel a question */
        int reload_verdict;
} World;

/* @loose: a bus that lets anybody answer any call, as the stock policy does not. */
World *world_new(PolkitMood mood, bool loose);
World *world_free(World *world);

/* A connection of a user who is not root, nor the one that runs the test if that is root. */
sd_bus *world_connect(World *world);
sd_bus *world_connect_as(World *world, uid_t uid);
/* The uid that such a connection has. */
uid_t world_user(void);
void world_disconnect(sd_bus *client);

/* A call and its answer, which comes when the loop runs. */
typedef struct Reply {
        sd_bus_slot *slot;
        sd_bus_message *message; /* NULL until then */
} Reply;

/* Sends a call; the arguments as for sd_bus_message_append(). */
Reply *world_send(sd_bus *client, bool interactive, const char *path, const char *interface,
                  const char *member, const char *types, ...);
/* Runs the loop until the answer is there. Its error name; "" for none. */
const char *reply_error(World *world, Reply *reply);
const char *reply_text(World *world, Reply *reply); /* of the error */
/* The object path it answers with. */
const char *reply_path(World *world, Reply *reply);
Reply *reply_free(Reply *reply);
DEFINE_CLEANUP(Reply *, reply_free);

/* What polkit knows became different: bits of Action that it lacks now. */
void world_change_actions(World *world, unsigned missing);

/* A silent polkit answers its last question after all, and every later one too. */
void world_say_yes(World *world);

/* Runs the loop until @is_so; fails the test when that takes too long. */
void world_run_until(World *world, bool (*is_so)(World *world, void *userdata), void *userdata);
/* Runs the loop until nothing more is to be done but by somebody else: a round trip of the service. */
void world_settle(World *world);
