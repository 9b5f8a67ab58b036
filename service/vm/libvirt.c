/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vm/libvirt.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>

#include "core/verdict.h"
#include "util/log.h"
#include "vm/libvirt-jobs.h"
#include "vm/libvirt-loop.h"
#include "vm/watches.h"

enum {
        USEC_PER_MSEC = 1000,
        USEC_PER_SEC = 1000000,
        NSEC_PER_USEC = 1000,

        RETRY_FIRST_USEC = 250 * USEC_PER_MSEC,
        /* Domains are known again within five seconds after libvirt is back. */
        RETRY_LAST_USEC = 3 * USEC_PER_SEC,
        LOOK_SEC = 15,                      /* between two readings of all domains */
        JOB_LIMIT_USEC = 20 * USEC_PER_SEC, /* then another thread takes the place of the job's */
        WAIT_AT_END_USEC = 400 * USEC_PER_MSEC, /* for jobs, when all ends */
        LOOP_END_USEC = 100 * USEC_PER_MSEC,
};

typedef struct LibvirtHypervisor {
        Hypervisor hypervisor;
        HypervisorCallbacks callbacks;
        void *userdata;
        char *configured_uri, *uri;
        Mailbox *mailbox;
        Worker *worker;
        EventLoop *loop;
        int epoll_fd, retry_fd, look_fd;
        Link *link;          /* NULL: not connected */
        uint64_t generation; /* of the link, or of the attempt to get one */
        uint64_t retry_usec;
        bool can_attach_live;
        bool told_lost;  /* connected(false) was the last to be told */
        bool lost_early; /* while the domains were being listed */
        bool stopping;
        Watches watches;
} LibvirtHypervisor;

static void read_connect_job(Letter *letter, void *userdata);
static void read_domain_job(Letter *letter, void *userdata);
static void read_link_event(Letter *letter, void *userdata);

/* Takes the facts over. */
static void tell_domain(LibvirtHypervisor *self, DomainFacts *facts) {
        Watch *watched = watches_get(&self->watches, facts->uuid);

        /* Without memory the domain is told, but its end may be missed until the next event. */
        if (watched)
                watched->present = facts->present;
        self->callbacks.domain(self->userdata, facts);
}

/* Begins to read a domain, or notes that it is to be read once more. 0 or negative errno. */
static int refresh(LibvirtHypervisor *self, const char *uuid) {
        HypervisorJob order = { 0 };
        Watch *watched = watches_get(&self->watches, uuid);
        DomainJob *job;
        int r;

        if (!watched)
                return -ENOMEM;

        if (watched->reading || !self->link) {
                watched->again = true;
                return 0;
        }

        strncpy(order.domain_uuid, uuid, sizeof(order.domain_uuid) - 1);
        r = domain_job_new(&job, JOB_REFRESH, self->link, &order, read_domain_job);
        if (r < 0)
                return r;

        r = worker_submit(self->worker, &job->job);
        if (r < 0)
                return r;

        watched->reading = true;
        watched->again = false;
        return 0;
}

/* For hints: what cannot be read now is read at the next one. */
static void try_refresh(LibvirtHypervisor *self, const char *uuid) {
        int r = refresh(self, uuid);

        if (r < 0)
                log_warning("Cannot read domain %s again: %s", uuid, strerror(-r));
}

/*
 * A device that another tool puts into a definition, or takes out of it, makes no event in libvirt: all are read
 * again now and then.
 */
static void look_at_all(LibvirtHypervisor *self) {
        for (size_t i = 0; self->link && i < self->watches.n_items; i++)
                if (self->watches.items[i].present)
                        try_refresh(self, self->watches.items[i].uuid);
}

static int connect_start(LibvirtHypervisor *self) {
        const LinkPost post = {
                .mailbox = self->mailbox,
                .read = read_link_event,
                .generation = self->generation + 1,
        };
        ConnectJob *job;
        int r;

        r = connect_job_new(&job, self->configured_uri, &post, read_connect_job);
        if (r < 0)
                return r;

        self->generation++;
        self->lost_early = false;
        return worker_submit(self->worker, &job->job);
}

/* Tries again a little later, and later each time. */
static void retry_later(LibvirtHypervisor *self) {
        const struct itimerspec when = {
                .it_value = {
                        .tv_sec = self->retry_usec / USEC_PER_SEC,
                        .tv_nsec = self->retry_usec % USEC_PER_SEC * NSEC_PER_USEC,
                },
        };

        timerfd_settime(self->retry_fd, 0, &when, NULL);
        self->retry_usec *= 2;
        if (self->retry_usec > RETRY_LAST_USEC)
                self->retry_usec = RETRY_LAST_USEC;
}

static void tell_lost(LibvirtHypervisor *self, const char *text) {
        retry_later(self);
        if (self->told_lost)
                return;

        self->told_lost = true;
        self->callbacks.connected(self->userdata, false, text ?: "out of memory");
}

/* Closing asks libvirt, hence may block: the worker does it. Takes the link over. */
static void close_start(LibvirtHypervisor *self, Link *link) {
        Job *job;

        /* Without memory it stays open until the process ends, and its events are ignored. */
        if (close_job_new(&job, link) == 0)
                (void) worker_submit(self->worker, job);
}

/* In a driver of this process there is nobody else who could change a domain: nothing wakes us for it. */
static void look_often(LibvirtHypervisor *self) {
        time_t pause = self->link && self->link->is_remote ? LOOK_SEC : 0;
        const struct itimerspec often = { { .tv_sec = pause }, { .tv_sec = pause } };

        (void) timerfd_settime(self->look_fd, 0, &often, NULL); /* cannot fail for such times */
}

static void lose_link(LibvirtHypervisor *self, const char *text) {
        close_start(self, TAKE(self->link));
        look_often(self);
        self->retry_usec = RETRY_FIRST_USEC;
        tell_lost(self, text);
}

/* Tells what the new connection knows, and of what the last one told, what is no more. */
static void tell_domains(LibvirtHypervisor *self, DomainList *list) {
        for (size_t i = 0; i < self->watches.n_items; i++)
                self->watches.items[i].listed = false;

        for (size_t i = 0; i < list->n_items; i++) {
                Watch *watched = watches_get(&self->watches, list->items[i]->uuid);

                if (watched)
                        watched->listed = true;
                tell_domain(self, TAKE(list->items[i]));
        }

        for (size_t i = 0; i < self->watches.n_items; i++) {
                DomainFacts *absent;

                if (self->watches.items[i].listed || !self->watches.items[i].present)
                        continue;
                if (domain_facts_new(&absent, self->watches.items[i].uuid, "") < 0) {
                        self->watches.items[i].again = true;
                        continue;
                }
                tell_domain(self, absent);
        }
}

static void adopt_link(LibvirtHypervisor *self, ConnectJob *job) {
        self->link = TAKE(job->link);
        self->can_attach_live = self->link->can_attach_live;
        look_often(self);
        self->retry_usec = RETRY_FIRST_USEC;
        self->told_lost = false;
        /* Without memory the old name serves. */
        (void) facts_set(&self->uri, self->link->uri);

        self->callbacks.connected(self->userdata, true, NULL);
        tell_domains(self, &job->domains);
        self->callbacks.reconciled(self->userdata);

        /* What was told while they were listed. */
        for (size_t i = 0; i < self->watches.n_items; i++)
                if (self->watches.items[i].again)
                        try_refresh(self, self->watches.items[i].uuid);
        watches_trim(&self->watches);
}

static void read_connect_job(Letter *letter, void *userdata) {
        ConnectJob *job = (ConnectJob *) letter;
        LibvirtHypervisor *self = userdata;

        if (self->stopping || self->lost_early) {
                if (job->link)
                        close_start(self, TAKE(job->link));
                if (!self->stopping)
                        tell_lost(self, "the connection to libvirt broke at once");
                return;
        }

        if (job->link)
                adopt_link(self, job);
        else
                tell_lost(self, job->text);
}

static void read_link_event(Letter *letter, void *userdata) {
        const LinkEvent *event = (LinkEvent *) letter;
        LibvirtHypervisor *self = userdata;

        if (self->stopping || event->generation != self->generation)
                return;

        if (event->kind == LINK_LOST) {
                if (self->link)
                        lose_link(self, event->text);
                else
                        self->lost_early = true;
                return;
        }

        if (event->kind == LINK_REMOVAL_FAILED && self->link && event->text)
                self->callbacks.removal_failed(self->userdata, event->uuid, event->text);
        try_refresh(self, event->uuid);
}

/* A driver without a close callback tells of its end only by what it answers; this is asked without waiting. */
static void notice_loss(LibvirtHypervisor *self, const DomainJob *job) {
        if (job->verdict != HYPERVISOR_UNAVAILABLE || !self->link || job->link != self->link)
                return;
        if (virConnectIsAlive(self->link->connection) == 0)
                lose_link(self, job->text);
}

static void read_domain_job(Letter *letter, void *userdata) {
        DomainJob *job = (DomainJob *) letter;
        LibvirtHypervisor *self = userdata;
        HypervisorOutcome outcome = { .verdict = job->verdict, .text = job->text ?: "" };
        const char *uuid = job->order.domain_uuid;
        bool current = job->link && job->link == self->link;
        Watch *watched;

        if (self->stopping)
                return;

        /* Facts of a connection that is over may be older than what the next one told. */
        if (job->facts && current)
                tell_domain(self, TAKE(job->facts));
        else if (job->link && !current)
                outcome = (HypervisorOutcome){ HYPERVISOR_UNAVAILABLE,
                                               "the connection to libvirt was lost meanwhile" };

        if (job->kind == JOB_REFRESH && job->verdict != 0 && current)
                log_warning("Cannot read domain %s: %s", uuid, outcome.text);
        notice_loss(self, job);
        if (job->done)
                job->done(job->userdata, job->order.attachment, &outcome);

        watched = watches_get(&self->watches, uuid);
        if (watched && job->kind == JOB_REFRESH)
                watched->reading = false;
        if (watched && (watched->again || !current))
                try_refresh(self, uuid);
        watches_trim(&self->watches);
}

static int libvirt_start(Hypervisor *hypervisor, const HypervisorCallbacks *callbacks,
                         void *userdata) {
        LibvirtHypervisor *self = (LibvirtHypervisor *) hypervisor;
        int r;

        self->callbacks = *callbacks;
        self->userdata = userdata;

        r = event_loop_start(&self->loop);
        if (r < 0)
                return r;

        return connect_start(self);
}

static int submit_change(LibvirtHypervisor *self, DomainJobKind kind, const HypervisorJob *order,
                         HypervisorDone done, void *userdata) {
        DomainJob *job;
        int r;

        r = domain_job_new(&job, kind, self->link, order, read_domain_job);
        if (r < 0)
                return r;

        job->done = done;
        job->userdata = userdata;
        if (self->link)
                return worker_submit(self->worker, &job->job);

        /* Never out of the call itself. */
        job->text = strdup("there is no connection to libvirt");
        mailbox_post(self->mailbox, &job->job.letter);
        return 0;
}

static int libvirt_attach(Hypervisor *hypervisor, const HypervisorJob *job, HypervisorDone done,
                          void *userdata) {
        return submit_change((LibvirtHypervisor *) hypervisor, JOB_ATTACH, job, done, userdata);
}

static void libvirt_give_up(Hypervisor *hypervisor, uint32_t attachment) {
        worker_withdraw(((LibvirtHypervisor *) hypervisor)->worker, domain_job_give_up,
                        &attachment);
}

static int libvirt_detach(Hypervisor *hypervisor, const HypervisorJob *job, HypervisorDone done,
                          void *userdata) {
        return submit_change((LibvirtHypervisor *) hypervisor, JOB_DETACH, job, done, userdata);
}

static int libvirt_give_back(Hypervisor *hypervisor, const HypervisorJob *job, HypervisorDone done,
                             void *userdata) {
        return submit_change((LibvirtHypervisor *) hypervisor, JOB_GIVE_BACK, job, done, userdata);
}

static int libvirt_refresh(Hypervisor *hypervisor, const char *domain_uuid) {
        return refresh((LibvirtHypervisor *) hypervisor, domain_uuid);
}

static const char *libvirt_uri(Hypervisor *hypervisor) {
        return ((LibvirtHypervisor *) hypervisor)->uri;
}

static bool libvirt_can_attach_live(Hypervisor *hypervisor) {
        return ((LibvirtHypervisor *) hypervisor)->can_attach_live;
}

static void libvirt_free(Hypervisor *hypervisor) {
        LibvirtHypervisor *self = (LibvirtHypervisor *) hypervisor;

        if (!self)
                return;

        self->stopping = true;
        if (self->worker) {
                worker_drop_queue(self->worker);
                /* A link that has come meanwhile is in the mailbox. */
                mailbox_dispatch(self->mailbox, self);
                if (self->link)
                        close_start(self, TAKE(self->link));
        }
        if (self->mailbox)
                mailbox_close(self->mailbox);
        worker_free(self->worker, WAIT_AT_END_USEC);
        event_loop_stop(self->loop, LOOP_END_USEC);
        mailbox_unref(self->mailbox);

        closep(&self->epoll_fd);
        closep(&self->retry_fd);
        closep(&self->look_fd);
        watches_done(&self->watches);
        free(self->configured_uri);
        free(self->uri);
        free(self);
}

static const HypervisorOperations libvirt_operations = {
        .start = libvirt_start,
        .attach = libvirt_attach,
        .give_up = libvirt_give_up,
        .detach = libvirt_detach,
        .give_back = libvirt_give_back,
        .refresh = libvirt_refresh,
        .uri = libvirt_uri,
        .can_attach_live = libvirt_can_attach_live,
        .free = libvirt_free,
};

static void free_hypervisor(Hypervisor **hypervisor) {
        libvirt_free(*hypervisor);
}

/* One fd for all that may wake us. 0 or negative errno. */
static int gather_fds(LibvirtHypervisor *self) {
        self->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (self->epoll_fd < 0)
                return -errno;

        self->retry_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        if (self->retry_fd < 0)
                return -errno;

        self->look_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        if (self->look_fd < 0)
                return -errno;

        const int fds[] = { mailbox_fd(self->mailbox), worker_fd(self->worker), self->retry_fd,
                            self->look_fd };

        for (size_t i = 0; i < N_ELEMENTS(fds); i++) {
                struct epoll_event event = { .events = EPOLLIN, .data.fd = fds[i] };

                if (epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, fds[i], &event) < 0)
                        return -errno;
        }

        return 0;
}

int libvirt_hypervisor_new(Hypervisor **ret, const char *uri) {
        _cleanup_(free_hypervisor) Hypervisor *hypervisor = NULL;
        LibvirtHypervisor *self;
        int r;

        assert(ret);
        assert(uri);

        link_init();

        self = calloc(1, sizeof(*self));
        if (!self)
                return -ENOMEM;

        hypervisor = &self->hypervisor;
        hypervisor->operations = &libvirt_operations;
        self->epoll_fd = self->retry_fd = self->look_fd = -1;
        self->retry_usec = RETRY_FIRST_USEC;
        self->can_attach_live = true;
        self->configured_uri = strdup(uri);
        self->uri = strdup(uri);
        if (!self->configured_uri || !self->uri)
                return -ENOMEM;

        r = mailbox_new(&self->mailbox);
        if (r < 0)
                return r;

        r = worker_new(&self->worker, self->mailbox, JOB_LIMIT_USEC);
        if (r < 0)
                return r;

        r = gather_fds(self);
        if (r < 0)
                return r;

        *ret = TAKE(hypervisor);
        return 0;
}

int libvirt_hypervisor_fd(Hypervisor *hypervisor) {
        return ((LibvirtHypervisor *) hypervisor)->epoll_fd;
}

void libvirt_hypervisor_dispatch(Hypervisor *hypervisor) {
        LibvirtHypervisor *self = (LibvirtHypervisor *) hypervisor;
        uint64_t count;

        worker_dispatch(self->worker);
        mailbox_dispatch(self->mailbox, self);

        if (read(self->look_fd, &count, sizeof(count)) == sizeof(count))
                look_at_all(self);
        if (read(self->retry_fd, &count, sizeof(count)) == sizeof(count) && connect_start(self) < 0)
                retry_later(self);
}
