/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of the manager share: manager.c (what the host and libvirt say), manager-attach.c
 * and manager-detach.c (giving and taking back), manager-attachment.c (what an event leads to),
 * manager-follow.c (events that come by themselves), manager-strays.c (what comes after its
 * attachment was given up), manager-calls.c (who waits for all that), manager-catalog.c (pools and aliases).
 */
#pragma once

#include "manager.h"

enum {
        MANAGER_REPLY_USEC = 20 * 1000000,     /* CONTRACT 2: an attach is answered by then */
        MANAGER_LOOK_USEC = 1 * 1000000,       /* events may be lost: look while a guest is asked */
        MANAGER_GIVEN_UP_MAX = 64,             /* so many are minded */
        MANAGER_ASK_AGAIN_USEC = 20 * 1000000, /* a guest that was not ready is asked once more */
};

/* Somebody waits for an attachment to be given or taken back. */
typedef struct Call {
        bool detach;
        ManagerDone done;
        void *userdata;
        uint64_t deadline_usec;
} Call;

/* What goes on for one attachment beyond what the core keeps of it. Lives as long as it does. */
typedef struct Activity {
        uint32_t number;
        bool working; /* a job is with libvirt */
        bool refused; /* libvirt refused the last taking back: it is not asked before ask_usec */
        uint64_t look_usec; /* when to look whether the guest has let go; UINT64_MAX: not waiting */
        uint64_t ask_usec;  /* when to ask the guest once more */
        int verdict;        /* why an attach is taken back, or a detach failed; 0: no reason yet */
        char *text;
        Call *calls;
        size_t n_calls;
        unsigned went_on; /* CallKind of those that were answered with OUTCOME_PENDING */
} Activity;

struct Manager {
        ManagerPorts ports;
        Hypervisor *hypervisor;
        Journal *journal;
        Registry registry;
        AllocateMemory memory;  /* of the registry */
        Catalog files, runtime; /* the masters of what the registry's catalog is made of */
        bool connected, reconciled, unreachable, host_ready;
        bool use_lost; /* the host uses something else than before, and not all of that was read */
        uint64_t retry_usec; /* when to take over what was missed of domains; if anything was */
        Activity *activities;
        size_t n_activities;
        Attachment **given_up; /* the oldest first; in no registry */
        size_t n_given_up;
};

static inline uint64_t manager_now(const Manager *manager) {
        return manager->ports.now(manager->ports.userdata);
}

/* Looks the event up in the core's table and carries out its effect. The attachment may have ended afterwards. */
void manager_advance(Manager *manager, Attachment *attachment, AttachmentEvent event);

typedef int (*HypervisorCall)(Hypervisor *hypervisor, const HypervisorJob *job, HypervisorDone done,
                              void *userdata);

/* Which devices of the attachment, and where. */
typedef struct CallScope {
        bool live, config;
        bool handed; /* only those that were handed over */
} CallScope;

/*
 * Sends a job for the devices that the attachment has not let go. 0 (then @done follows) or negative
 * errno.
 */
int manager_call_hypervisor(Manager *manager, const Attachment *attachment, HypervisorCall call,
                            HypervisorDone done, CallScope scope);

/* Makes the attachment durable as it is; says in the log when it could not. As journal_put_attachment(). */
int manager_record(Manager *manager, const Attachment *attachment, Refusal *refusal);

/* It takes time: look now and then how far it is, and ask once more when nothing happens. */
void manager_attend(Manager *manager, uint32_t number);

/*
 * Members of an IOMMU group that were handed to vfio-pci for the guest go back to their own drivers, all
 * together, when none of the group is with a guest any more: until then it is looked at again. 0 or
 * negative errno.
 */
int manager_give_back(Manager *manager, Attachment *attachment);

/*
 * Takes back what libvirt has: from the running domain first, from the definition when it has left
 * that. 0 or negative errno.
 */
int manager_call_detach(Manager *manager, Attachment *attachment);

/* The same for an attachment in whichever state of taking back: also for what is on its way back to its driver. */
int manager_take_back(Manager *manager, Attachment *attachment);

/*
 * Compares with what libvirt says of its domain now, then advances. The attachment may have ended afterwards. False:
 * that is not known, and nothing has changed.
 */
bool manager_observe_attachment(Manager *manager, Attachment *attachment, AttachmentEvent event);

/* Tries again to take over what libvirt said of domains when there was no memory for it. */
void manager_take_missed(Manager *manager);

/* libvirt said something about the domain: its attachments are compared. */
void manager_observe_domain(Manager *manager, const char *domain_uuid);

/* The host said something about the device: its attachment is looked at again. */
void manager_observe_held(Manager *manager, Address address);

/* The running domain has let go of what is taken back, the definition has not: it is next. */
void manager_continue_with_definition(Manager *manager, const char *domain_uuid);

/* Every domain has been told anew: what was under way goes on. */
void manager_resume(Manager *manager);

/* The guest refused to give the device with this alias back. */
void manager_removal_failed(Manager *manager, const char *domain_uuid, const char *alias);

bool manager_is_taken_back(const Attachment *attachment);

/*
 * Strays: devices that libvirt brings after their attachment was given up. They are ours by number,
 * index, domain and address, of an attachment that we gave up and have on record; whatever else has an
 * alias of our form is somebody else's, and he keeps it.
 */

/* Before the end of an attachment is on record: is it one that is to be minded? Then that is recorded. */
void manager_record_given_up(Manager *manager, Attachment *attachment);
/* Minds an attachment that has ended without its outcome ever being known. Takes it over. */
void manager_give_up(Manager *manager, Attachment *attachment);
/* Takes over what the journal has. */
void manager_take_given_up(Manager *manager, JournalContent *content);
/* libvirt said something about the domain (NULL: about all): what has come after all is taken out again. */
void manager_look_for_strays(Manager *manager, const char *domain_uuid);
void manager_free_given_up(Manager *manager);

/* The journal may be broken for good: then the host is not ready from now on. */
void manager_mind_journal(Manager *manager, int r);

/* Which of the open calls of an attachment. */
typedef enum CallKind {
        CALLS_ATTACH = 1,
        CALLS_DETACH = 2,
        CALLS_ALL = 3,
} CallKind;

int manager_add_activity(Manager *manager, uint32_t number);         /* 0 or -ENOMEM */
Activity *manager_activity(const Manager *manager, uint32_t number); /* NULL: none */
void manager_remove_activity(Manager *manager, uint32_t number);
void manager_free_activities(Manager *manager);

bool activity_has_attach_calls(const Activity *activity);

/* Why it failed is told when it is over. The first reason stays: the rest follows from it. */
void activity_remember(Activity *activity, int verdict, const char *text);
void activity_forget(Activity *activity);

/* Somebody waits, at most @wait_usec. 0 or -ENOMEM. */
int manager_open_call(Manager *manager, uint32_t number, bool detach, uint64_t wait_usec,
                      ManagerDone done, void *userdata);
/* The call opened last is refused at once: its done is not to be called. */
void manager_close_last_call(Manager *manager, uint32_t number);
void activity_postpone_attach_calls(Activity *activity, uint64_t deadline_usec);

/*
 * Answers calls whose deadline is at or before @due_usec (UINT64_MAX: all). What they led to is
 * published first: whoever is answered finds the objects as the answer says.
 */
void manager_answer(Manager *manager, uint32_t number, CallKind kind, uint64_t due_usec,
                    int verdict, const char *text);

/* Puts files and runtime entries in force together. 0 or -ENOMEM. */
int manager_merge_catalogs(Manager *manager);
