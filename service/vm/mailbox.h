/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mailbox: letters from any thread to the main loop, read there in the order of posting.
 *
 * A thread that outlives the reader may go on posting: its letters are dropped. Hence the references;
 * only the reader dispatches and closes.
 */
#pragma once

#include "util/cleanup.h"

typedef struct Letter Letter;
typedef struct Mailbox Mailbox;

/* Every letter begins with this. */
struct Letter {
        Letter *next;                                 /* of the mailbox */
        void (*read)(Letter *letter, void *userdata); /* on the main thread, before free() */
        void (*free)(Letter *letter);                 /* releases it, read or not, on any thread */
};

int mailbox_new(Mailbox **ret); /* 0 or negative errno */
Mailbox *mailbox_ref(Mailbox *mailbox);
Mailbox *mailbox_unref(Mailbox *mailbox); /* NULL is fine; always returns NULL */
DEFINE_CLEANUP(Mailbox *, mailbox_unref);

int mailbox_fd(const Mailbox *mailbox); /* readable when letters wait; owned by the mailbox */

/* Takes the letter over. From any thread; never waits. */
void mailbox_post(Mailbox *mailbox, Letter *letter);

/* Reads the letters that are there now; those posted meanwhile wait for the next time. */
void mailbox_dispatch(Mailbox *mailbox, void *userdata);

/* Drops what is there and whatever comes. */
void mailbox_close(Mailbox *mailbox);
