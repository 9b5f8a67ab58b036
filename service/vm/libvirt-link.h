/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Link: one connection to libvirt, from its opening to its loss.
 *
 * Opened, used and closed on threads of the worker, since each of that may block. What libvirt tells
 * by itself is posted as LinkEvents. A link never comes back: after a loss there is a new one, with
 * the next generation.
 */
#pragma once

#include <pthread.h>

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <stdatomic.h>

#include "core/verdict.h"
#include "vm/mailbox.h"
#include "vm/numa-xml.h"

typedef enum LinkEventKind {
        LINK_LOST,           /* @text says why */
        LINK_DOMAIN_CHANGED, /* the domain is to be read again */
        LINK_REMOVAL_FAILED, /* the guest keeps the device whose alias is @text */
} LinkEventKind;

typedef struct LinkEvent {
        Letter letter;
        LinkEventKind kind;
        uint64_t generation;
        char uuid[UUID_TEXT_SIZE];
        char *text;
} LinkEvent;

/* Where events go and who reads them there. */
typedef struct LinkPost {
        Mailbox *mailbox;
        void (*read)(Letter *letter, void *userdata);
        uint64_t generation;
} LinkPost;

enum {
        LINK_EVENTS = 4,       /* kinds of libvirt's events that are listened to */
        LINK_CALLERS_MAX = 16, /* as many as the worker has threads */
};

typedef struct Link Link;

struct Link {
        atomic_uint n_references;
        virConnectPtr connection;
        LinkPost post;
        char *uri;               /* as libvirt gives it */
        bool can_attach_live;    /* not libvirt's test driver */
        CpuNodes cpus;           /* of the host, empty when libvirt does not tell */
        int events[LINK_EVENTS]; /* libvirt's numbers; −1: not registered */
        atomic_bool hears_close; /* the close callback holds a reference */
        atomic_bool closed;      /* no job is to begin */
        bool is_remote;  /* a daemon's: jobs have connections of their own (libvirt-caller.h) */
        bool is_caller;  /* is such a one: @cpus is the link's */
        char *asked_uri; /* as it was opened */
        pthread_mutex_t lock; /* of the two below */
        Link *idle[LINK_CALLERS_MAX];
        size_t n_idle;
};

/* Quiets libvirt's own messages and prepares what must be ready before there are threads. Once is enough. */
void link_init(void);

/**
 * link_open() - connect and listen to events
 * @post:     the mailbox is referenced
 * @ret_text: libvirt's words when it fails, for free(); NULL without memory
 *
 * Return: 0; -EIO when libvirt refuses; -ENOMEM.
 */
int link_open(Link **ret, const char *uri, const LinkPost *post, char **ret_text);

/* For libvirt-caller: the same once more, without events. It must not outlive the link. As link_open(). */
int link_open_caller(Link *link, Link **ret, char **ret_text);

/* Posts LINK_LOST. */
void link_tell_lost(const Link *link, const char *text);

/* Stops the events, which otherwise keep the link alive. Nothing more is to be begun. */
void link_close(Link *link);

Link *link_ref(Link *link);
Link *link_unref(Link *link); /* NULL is fine; always returns NULL; the last one may block */
DEFINE_CLEANUP(Link *, link_unref);

/* For _cleanup_(). The last error of this thread is forgotten with it. */
static inline void link_free_domainp(virDomainPtr *domain) {
        if (*domain)
                virDomainFree(*domain);
}

/* @text as one line, and libvirt's last words in this thread as one; for free(), NULL without memory. */
char *link_line(const char *text);
char *link_error_text(void);

static inline void link_free_errorp(virErrorPtr *error) {
        if (*error)
                virFreeError(*error);
}

/*
 * The verdict on a libvirt call that failed, and on the one that failed last in this thread:
 * HYPERVISOR_UNAVAILABLE, DOMAIN_UNKNOWN or HYPERVISOR_REFUSED, with libvirt's words; -ENOMEM.
 */
int link_refuse_error(Link *link, const virError *error, Refusal *refusal);
int link_refuse(Link *link, Refusal *refusal);
