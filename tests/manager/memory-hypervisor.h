/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A hypervisor in memory: the port with a truth that a test sets and reads, and jobs that end when
 * the test says so. It outlives managers, as libvirt outlives daemons.
 */
#pragma once

#include "vm/hypervisor.h"

typedef struct MemoryJob {
        enum {
                JOB_ATTACH,
                JOB_DETACH,
                JOB_GIVE_BACK
        } kind;
        HypervisorJob job;
        HypervisorDone done;
        void *userdata;
        bool given_up; /* before it began */
        struct MemoryJob *next;
} MemoryJob;

typedef struct MemoryHypervisor {
        Hypervisor port;
        HypervisorCallbacks callbacks;
        void *userdata;
        DomainFacts *domains[4];
        size_t n_domains;
        MemoryJob *jobs;
        const DomainFacts *refreshed; /* was asked to be read again */
        bool guest_ignores;           /* a live detach is taken, nothing leaves */
        bool guest_refuses;           /* a live detach is taken, then told to have failed */
        bool begun;                   /* no job can be given up any more */
        int refuse_at;                /* index of the device that an attach refuses; −1: none */
        bool refuse_give_back;
        bool no_memory;         /* no job can be taken */
        bool refuse_definition; /* a detach from the definition is refused */
        unsigned n_handed;      /* devices that were handed over before they were given */
        unsigned n_given_back;  /* devices that were given back to their drivers */
        unsigned n_calls;       /* attach and detach jobs that were asked for */
} MemoryHypervisor;

void memory_hypervisor_init(MemoryHypervisor *memory);
void memory_hypervisor_done(MemoryHypervisor *memory);

/* The domain's truth; made when there is none. Borrowed. */
DomainFacts *memory_domain(MemoryHypervisor *memory, const char *uuid, const char *name);

/* Tells every domain, then that all was told: what a connection does. */
void memory_connect(MemoryHypervisor *memory);
/* The connection is lost: jobs end with HYPERVISOR_UNAVAILABLE, what they did stays done. */
void memory_disconnect(MemoryHypervisor *memory);
/* Only the jobs end so: a call that hung outlives the connection it was made on. */
void memory_lose_jobs(MemoryHypervisor *memory);

/* Carries out the oldest job without telling anybody: the daemon died meanwhile. */
void memory_act(MemoryHypervisor *memory);
/* Carries out all jobs and tells. */
void memory_run(MemoryHypervisor *memory);
/* Forgets who asked: of jobs that are under way the domain alone knows. */
void memory_orphan(MemoryHypervisor *memory);

/* Tells what is so of the domain now. */
void memory_tell(MemoryHypervisor *memory, const DomainFacts *truth);

/* Takes a device out of the running or the saved domain, or all of them (NULL). */
void memory_drop(DomainFacts *truth, bool live, const Address *address);
bool memory_holds(const DomainFacts *truth, bool live, Address address);
