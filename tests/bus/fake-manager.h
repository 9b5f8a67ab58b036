/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A manager that decides nothing: a test says what the choice is and how a call ends. Its registry is
 * the real one, with two devices, a pool, two aliases and two domains.
 */
#pragma once

#include "manager.h"

#define WEB_UUID "11111111-2222-3333-4444-555555555555"

extern const Address NIC0, NIC1;

struct Manager {
        Registry registry;
        const char *uri;
        bool connected, reconciled, unreachable;
        int choice;                     /* what manager_choose() answers */
        Address chosen;                 /* when that is 0 */
        bool takes_many;                /* a second call ends the open one with ATTACHMENT_BUSY */
        bool attach_once;               /* after an attach nothing is left to choose */
        int limit;                      /* what manager_check_limits() answers */
        int attach_verdict;             /* what manager_attach() answers at once */
        unsigned n_explained, n_chosen; /* calls of manager_explain(), manager_choose() */
        unsigned n_looked;              /* calls of manager_look_at_host() */
        unsigned n_changed;             /* of any function that changes something */
        uint32_t explained_reasons; /* against all devices but the first; 0: reserved and numa */
        bool chosen_live, chosen_config, chosen_force;
        uint32_t owner_uid; /* of the last attach */
        uint64_t wait_usec; /* of the last detach */
        ManagerDone done;   /* of the open call */
        void *done_userdata;
        void (*publish)(void *userdata, const Changes *changes);
        void *publish_userdata;
};

Manager *fake_manager_new(void);

/* Ends the open call. */
void fake_manager_answer(Manager *manager, int verdict, const char *text, uint32_t attachment);

/* An attachment of NIC0 to the domain web, made by this user. */
void fake_manager_add_attachment(Manager *manager, uint32_t number, uint32_t owner_uid);

/* Settles and publishes. */
void fake_manager_settle(Manager *manager);
