/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Manager: the order of things (look, choose, journal, call, publish, answer) and no rules.
 *
 * It knows the core, the journal and three ports; it knows neither sd-bus nor libvirt, and no clock:
 * the daemon tells it the time and asks when it wants to be told again.
 *
 * Outcomes come back through the `done` that a caller gave. It is called exactly once: from the event
 * loop after the changes that led to it were published, or out of manager_stop().
 */
#pragma once

#include "core/allocate.h"
#include "store/journal.h"
#include "vm/hypervisor.h"

typedef struct Manager Manager;

/* What the manager asks of the host and tells the bus. */
typedef struct ManagerPorts {
        void *userdata;
        /*
         * Facts of one address; *ret is NULL when nothing is there. 0 or negative errno, also when it cannot be said what
         * the host uses.
         */
        int (*scan_one)(void *userdata, Address address, Facts **ret);
        /* Every address in the host: an array for free(). 0 or negative errno. */
        int (*scan_addresses)(void *userdata, Address **ret, size_t *ret_n);
        /*
         * Addresses whose use by the host has become another since this was last asked: an array for free(). NULL: the
         * use never changes without an event of the device. 0 or negative errno.
         */
        int (*use_changes)(void *userdata, Address **ret, size_t *ret_n);
        /* Tell the world. Objects in the registry are as they shall be shown; removed ones are gone from it. */
        void (*publish)(void *userdata, const Changes *changes);
        /* Does the host pass every check of CheckHost? */
        bool (*host_ready)(void *userdata);
        /* Something became free, or the first reconcile ended: calls that wait may be tried again. */
        void (*retry)(void *userdata);
        /*
         * What was answered with OUTCOME_PENDING has come to its end, as ManagerDone has it. @detach: it was asked
         * for by manager_detach(), else by manager_attach(). NULL: nobody wants to know.
         */
        void (*ended)(void *userdata, uint32_t attachment, bool detach, int verdict,
                      const char *text);
        /* CLOCK_BOOTTIME and CLOCK_REALTIME in µs. */
        uint64_t (*now)(void *userdata);
        uint64_t (*realtime)(void *userdata);
} ManagerPorts;

/**
 * manager_new() - put the parts together
 * @ports:      copied
 * @hypervisor: borrowed; must outlive the manager
 * @journal:    borrowed; must outlive the manager
 * @content:    what the journal held; taken over and left empty
 * @catalog:    of the configuration files; taken over and left empty
 *
 * Return: 0 or -ENOMEM.
 */
int manager_new(Manager **ret, const ManagerPorts *ports, Hypervisor *hypervisor, Journal *journal,
                JournalContent *content, Catalog *catalog);
Manager *manager_free(Manager *manager); /* stops it; NULL is fine; always returns NULL */
DEFINE_CLEANUP(Manager *, manager_free);

/* Begins to talk to the hypervisor. 0 or negative errno. */
int manager_start(Manager *manager);

/* Answers every open call with OUTCOME_PENDING: what was begun goes on after the next start. */
void manager_stop(Manager *manager);

/* To read. Changed by the functions below alone. */
const Registry *manager_registry(const Manager *manager);

bool manager_is_connected(const Manager *manager);  /* LibvirtConnected */
bool manager_is_host_ready(const Manager *manager); /* HostReady */
const char *manager_uri(const Manager *manager);    /* LibvirtUri */

/* Can devices be given to a running domain? What Attach does by default depends on it. */
bool manager_can_attach_live(const Manager *manager);

/* Calls that change a domain wait until this is true. */
bool manager_is_reconciled(const Manager *manager);
/* The first attempt to connect has failed, or the connection was lost. */
bool manager_is_unreachable(const Manager *manager);

/* Reads the host from scratch: at start, and when events were lost. 0 or negative errno. */
int manager_scan(Manager *manager);
/* Something happened at an address: reads it again. 0 or negative errno. */
int manager_observe(Manager *manager, Address address);
/* What the host itself uses may have changed: reads those devices again. 0 or negative errno. */
int manager_look_at_use(Manager *manager);
/* Is the host ready (HostReady)? It may be since something was switched on or loaded. */
void manager_look_at_host(Manager *manager);

/* Everything that an Attach asks for, checked and resolved. */
typedef struct AttachOrder {
        char domain_uuid[UUID_TEXT_SIZE];
        const char *request_text; /* as the caller wrote it */
        const Request *request;
        bool live, config;
        NodeSet nodes;
        int numa_policy; /* a NumaPolicy, or −1 */
        bool force;
        const char *reason; /* "" */
        uint32_t owner_uid;
} AttachOrder;

/* @verdict is 0 or a verdict with its sentence; @attachment is the number, 0 when there is none. */
typedef void (*ManagerDone)(void *userdata, int verdict, const char *text, uint32_t attachment);

/*
 * Chooses, and changes nothing: what polkit is shown. Answers as allocate() does, and with
 * HYPERVISOR_UNAVAILABLE as long as there is a domain of which it is not known what it holds.
 */
int manager_choose(Manager *manager, const AttachOrder *order, Plan *ret, Refusal *refusal);

/* Explain: the same decision with its grounds. 0 or -ENOMEM. */
int manager_explain(Manager *manager, const AttachOrder *order, Explanation *ret);

enum {
        ATTACHMENTS_PER_USER_MAX = 64 /* of every user but root, who could do without us */
};

/* May this user have one more attachment? Asked before polkit is. 0 or LIMIT_EXCEEDED. */
int manager_check_limits(const Manager *manager, uint32_t uid, Refusal *refusal);

/**
 * manager_attach() - give the chosen devices to the domain
 * @plan: of manager_choose() in this same turn of the loop
 *
 * Journals the intent, shows the attachment, calls libvirt. On any answer but 0 nothing has changed
 * and @done is not called.
 *
 * Return: 0 (then @done follows); HYPERVISOR_UNAVAILABLE, LIMIT_EXCEEDED, JOURNAL_FAILED or -ENOMEM.
 */
int manager_attach(Manager *manager, const AttachOrder *order, const Plan *plan, ManagerDone done,
                   void *userdata, Refusal *refusal);

/**
 * manager_detach() - take all devices of an attachment back
 * @wait_usec: how long to wait for the guest before the answer is OUTCOME_PENDING
 *
 * A second caller while it is under way is answered with the first. Return: 0 (then @done follows);
 * ATTACHMENT_UNKNOWN, ATTACHMENT_BUSY (still attaching), HYPERVISOR_UNAVAILABLE, JOURNAL_FAILED or -ENOMEM.
 */
int manager_detach(Manager *manager, uint32_t number, uint64_t wait_usec, ManagerDone done,
                   void *userdata, Refusal *refusal);

/*
 * Add (taken over, also on failure), remove. Durable when they return 0. NAME_TAKEN, POOL_UNKNOWN,
 * ALIAS_UNKNOWN, ENTRY_READ_ONLY, LIMIT_EXCEEDED, JOURNAL_FAILED, -ENOMEM.
 */
int manager_add_pool(Manager *manager, Pool *pool, Refusal *refusal);
int manager_remove_pool(Manager *manager, const char *name, Refusal *refusal);
int manager_add_alias(Manager *manager, Alias *alias, Refusal *refusal);
int manager_remove_alias(Manager *manager, const char *name, Refusal *refusal);

/*
 * Puts the pools and aliases of the files in force; runtime ones stay behind them, and one whose name
 * now stands in a file is hidden, with a warning. @catalog is taken over and left empty. 0 or -ENOMEM.
 */
int manager_reload(Manager *manager, Catalog *catalog);

/* When manager_tick() is due next, on the clock of ports.now; UINT64_MAX: never. */
uint64_t manager_deadline(const Manager *manager);
/* Answers calls whose time is over, reads domains again that a detach waits for. */
void manager_tick(Manager *manager);

/* Settles and publishes what has changed; once per turn of the loop, and before each answer. */
void manager_publish(Manager *manager);
