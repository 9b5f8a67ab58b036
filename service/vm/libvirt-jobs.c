/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vm/libvirt-jobs.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "core/verdict.h"
#include "util/text.h"
#include "vm/libvirt-caller.h"
#include "vm/libvirt-change.h"
#include "vm/libvirt-handover.h"

static void domain_job_free(Letter *letter) {
        DomainJob *job = (DomainJob *) letter;

        link_unref(job->link);
        domain_facts_free(job->facts);
        free(job->order.devices);
        free(job->text);
        free(job);
}

/* Whatever could not be found out is left to be found out later. */
static void conclude(DomainJob *job, int r, Refusal *refusal) {
        job->verdict = r < 0 ? HYPERVISOR_UNAVAILABLE : r;
        job->text = r < 0 ? strdup(strerror(-r)) : TAKE(refusal->text);
}

/* What the change came to, and the facts of the domain after it. */
static void run_change(DomainJob *job, Link *caller) {
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        int r;

        switch (job->kind) {
        case JOB_ATTACH:
                r = link_attach(caller, &job->order, &job->facts, &refusal);
                break;
        case JOB_GIVE_BACK:
                r = link_give_back(caller, &job->order, &refusal);
                break;
        default:
                r = link_detach(caller, &job->order, &job->facts, &refusal);
                break;
        }

        conclude(job, r, &refusal);
}

static void run_domain_job(Job *base) {
        DomainJob *job = (DomainJob *) base;
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        Link *caller;
        int r;

        r = caller_borrow(job->link, &caller, &refusal);
        if (r != 0) {
                conclude(job, r, &refusal);
                return;
        }

        if (job->kind != JOB_REFRESH)
                run_change(job, caller);
        else if (link_read_domain(caller, NULL, job->order.domain_uuid, &job->facts, &job->text) <
                 0)
                job->verdict = HYPERVISOR_UNAVAILABLE;

        caller_return(job->link, caller);
}

int domain_job_new(DomainJob **ret, DomainJobKind kind, Link *link, const HypervisorJob *order,
                   void (*read)(Letter *letter, void *userdata)) {
        DomainJob *job;

        assert(ret);

        job = calloc(1, sizeof(*job));
        if (!job)
                return -ENOMEM;

        job->job =
                (Job){ .letter = { .read = read, .free = domain_job_free }, .run = run_domain_job };
        text_copy(job->job.key, sizeof(job->job.key), order->domain_uuid);
        job->kind = kind;
        job->link = link ? link_ref(link) : NULL;
        job->verdict = link ? 0 : HYPERVISOR_UNAVAILABLE;
        job->order = *order;
        job->order.devices = NULL;
        if (kind != JOB_REFRESH && order->n_devices > 0) {
                job->order.devices = calloc(order->n_devices, sizeof(*order->devices));
                if (!job->order.devices) {
                        domain_job_free(&job->job.letter);
                        return -ENOMEM;
                }
                memcpy(job->order.devices, order->devices,
                       order->n_devices * sizeof(*order->devices));
        }

        *ret = job;
        return 0;
}

bool domain_job_give_up(Job *base, void *userdata) {
        DomainJob *job = (DomainJob *) base;
        const uint32_t *attachment = userdata;

        if (base->run != run_domain_job || job->kind != JOB_ATTACH ||
            job->order.attachment != *attachment)
                return false;

        job->verdict = HYPERVISOR_REFUSED;
        job->text = strdup("libvirt was not called");
        return true;
}

static void connect_job_free(Letter *letter) {
        ConnectJob *job = (ConnectJob *) letter;

        /* Nobody took it: its events would keep it alive. */
        if (job->link) {
                link_close(job->link);
                link_unref(job->link);
        }
        domain_list_done(&job->domains);
        mailbox_unref(job->post.mailbox);
        free(job->uri);
        free(job->text);
        free(job);
}

static void run_connect_job(Job *base) {
        ConnectJob *job = (ConnectJob *) base;
        _cleanup_(link_unrefp) Link *link = NULL;
        int r;

        r = link_open(&link, job->uri, &job->post, &job->text);
        if (r < 0) {
                if (r != -EIO)
                        job->text = strdup(strerror(-r));
                return;
        }

        /* Events are listened to already, so what changes from here on is told. */
        r = link_list_domains(link, &job->domains, &job->text);
        if (r < 0) {
                link_close(link);
                return;
        }

        job->link = TAKE(link);
}

int connect_job_new(ConnectJob **ret, const char *uri, const LinkPost *post,
                    void (*read)(Letter *letter, void *userdata)) {
        ConnectJob *job;

        assert(ret);

        job = calloc(1, sizeof(*job));
        if (!job)
                return -ENOMEM;

        job->job = (Job){ .letter = { .read = read, .free = connect_job_free },
                          .run = run_connect_job };
        job->post = *post;
        mailbox_ref(job->post.mailbox);
        job->uri = strdup(uri);
        if (!job->uri) {
                connect_job_free(&job->job.letter);
                return -ENOMEM;
        }

        *ret = job;
        return 0;
}

typedef struct CloseJob {
        Job job;
        Link *link;
} CloseJob;

static void close_job_free(Letter *letter) {
        CloseJob *job = (CloseJob *) letter;

        link_unref(job->link);
        free(job);
}

static void run_close_job(Job *base) {
        CloseJob *job = (CloseJob *) base;

        link_close(job->link);
        job->link = link_unref(job->link);
}

static void read_nothing(Letter *letter, void *userdata) {
}

int close_job_new(Job **ret, Link *link) {
        CloseJob *job;

        assert(ret);

        job = calloc(1, sizeof(*job));
        if (!job) {
                link_unref(link);
                return -ENOMEM;
        }

        job->job = (Job){ .letter = { .read = read_nothing, .free = close_job_free },
                          .run = run_close_job };
        job->link = link;

        *ret = &job->job;
        return 0;
}
