/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Jobs on libvirt: what the threads of the worker do with one domain, or with the connection.
 *
 * Everything a job needs travels in it, and it carries back what it found. Letters are read by
 * whoever made the job.
 */
#pragma once

#include "vm/hypervisor.h"
#include "vm/libvirt-domain.h"
#include "vm/worker.h"

typedef enum DomainJobKind {
        JOB_REFRESH,
        JOB_ATTACH,
        JOB_DETACH,
        JOB_GIVE_BACK,
} DomainJobKind;

typedef struct DomainJob {
        Job job;
        DomainJobKind kind;
        Link *link; /* referenced; NULL: no connection, the job is over already */
        HypervisorJob order;
        HypervisorDone done;
        void *userdata;

        /* the outcome */
        int verdict;        /* 0 or as in HypervisorOutcome */
        char *text;         /* NULL: none */
        DomainFacts *facts; /* read after the work; NULL: libvirt did not answer */
} DomainJob;

/**
 * domain_job_new() - a job for the worker
 * @link:  NULL for a job that is HYPERVISOR_UNAVAILABLE before it begins; referenced
 * @order: copied; of a JOB_REFRESH only domain_uuid counts
 *
 * Return: 0 or -ENOMEM.
 */
int domain_job_new(DomainJob **ret, DomainJobKind kind, Link *link, const HypervisorJob *order,
                   void (*read)(Letter *letter, void *userdata));

/*
 * For worker_withdraw(): is this an attach of the attachment (a number) that @userdata points to? Then it
 * ends as refused.
 */
bool domain_job_give_up(Job *job, void *userdata);

/* Opens a connection and reads what is there. */
typedef struct ConnectJob {
        Job job;
        char *uri;
        LinkPost post;

        /* the outcome */
        Link *link; /* NULL: it failed, @text says why */
        DomainList domains;
        char *text;
} ConnectJob;

int connect_job_new(ConnectJob **ret, const char *uri, const LinkPost *post,
                    void (*read)(Letter *letter, void *userdata)); /* 0 or -ENOMEM */

/* Closes @link, whose reference passes, also on failure. 0 or -ENOMEM. */
int close_job_new(Job **ret, Link *link);
