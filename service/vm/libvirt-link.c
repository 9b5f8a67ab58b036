/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vm/libvirt-link.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include <libvirt/virterror.h>

#include "vm/xml.h"

enum {
        KEEPALIVE_SEC = 5,
        KEEPALIVE_COUNT = 5,
};

/* libvirt prints each error to stderr unless somebody listens; ours travel with the outcome. */
static void ignore_error(void *userdata, virErrorPtr error) {
}

void link_init(void) {
        xml_init();
        /* If this fails, so does the first connection. */
        (void) virInitialize();
        virSetErrorFunc(NULL, ignore_error);
}

char *link_line(const char *text) {
        char *line = strdup(text);

        for (char *c = line; c && *c; c++)
                if ((unsigned char) *c < ' ' || *c == '\x7f')
                        *c = ' ';
        return line;
}

char *link_error_text(void) {
        return link_line(virGetLastErrorMessage());
}

static void event_free(Letter *letter) {
        LinkEvent *event = (LinkEvent *) letter;

        free(event->text);
        free(event);
}

/* Without memory the event is lost: facts are read again at the next one. */
static void post_event(const Link *link, LinkEventKind kind, virDomainPtr domain,
                       const char *text) {
        LinkEvent *event = calloc(1, sizeof(*event));

        if (!event)
                return;

        event->letter = (Letter){ .read = link->post.read, .free = event_free };
        event->kind = kind;
        event->generation = link->post.generation;
        event->text = text ? strdup(text) : NULL;
        if (domain && virDomainGetUUIDString(domain, event->uuid) < 0) {
                event_free(&event->letter);
                return;
        }

        mailbox_post(link->post.mailbox, &event->letter);
}

void link_tell_lost(const Link *link, const char *text) {
        post_event(link, LINK_LOST, NULL, text);
}

static int on_lifecycle(virConnectPtr connection, virDomainPtr domain, int event, int detail,
                        void *userdata) {
        post_event(userdata, LINK_DOMAIN_CHANGED, domain, NULL);
        return 0;
}

static void on_device(virConnectPtr connection, virDomainPtr domain, const char *alias,
                      void *userdata) {
        post_event(userdata, LINK_DOMAIN_CHANGED, domain, NULL);
}

static void on_removal_failed(virConnectPtr connection, virDomainPtr domain, const char *alias,
                              void *userdata) {
        post_event(userdata, LINK_REMOVAL_FAILED, domain, alias);
}

/*
 * The close callback comes once at most, and then it is registered no more. libvirt would drop its reference for us,
 * but not in a driver without such callbacks, which says yes to the registration and forgets all about it.
 */
static bool hears_no_more(Link *link) {
        return atomic_exchange(&link->hears_close, false);
}

/* Ends a reference that is not the last one: the caller has his own. */
static void drop_reference_beside(Link *link) {
        atomic_fetch_sub(&link->n_references, 1);
}

static void on_close(virConnectPtr connection, int reason, void *userdata) {
        static const char *const reasons[] = {
                [VIR_CONNECT_CLOSE_REASON_ERROR] = "the connection to libvirt broke",
                [VIR_CONNECT_CLOSE_REASON_EOF] = "libvirt closed the connection",
                [VIR_CONNECT_CLOSE_REASON_KEEPALIVE] = "libvirt does not answer",
                [VIR_CONNECT_CLOSE_REASON_CLIENT] = "the connection to libvirt was given up",
        };
        const char *text = NULL;
        Link *link = userdata;

        if (reason >= 0 && (size_t) reason < N_ELEMENTS(reasons))
                text = reasons[reason];
        link_tell_lost(link, text ?: "the connection to libvirt is lost");
        if (hears_no_more(link))
                link_unref(link);
}

static void drop_reference(void *userdata) {
        link_unref(userdata);
}

static const struct {
        int id;
        virConnectDomainEventGenericCallback callback;
} listened[LINK_EVENTS] = {
        { VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle) },
        { VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, VIR_DOMAIN_EVENT_CALLBACK(on_device) },
        { VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, VIR_DOMAIN_EVENT_CALLBACK(on_device) },
        { VIR_DOMAIN_EVENT_ID_DEVICE_REMOVAL_FAILED, VIR_DOMAIN_EVENT_CALLBACK(on_removal_failed) },
};

Link *link_ref(Link *link) {
        atomic_fetch_add(&link->n_references, 1);
        return link;
}

/* Closes the connections that no job has. */
static void drop_idle(Link *link) {
        for (;;) {
                Link *caller = NULL;

                pthread_mutex_lock(&link->lock);
                if (link->n_idle > 0)
                        caller = link->idle[--link->n_idle];
                pthread_mutex_unlock(&link->lock);
                if (!caller)
                        return;

                link_unref(caller);
        }
}

Link *link_unref(Link *link) {
        if (!link || atomic_fetch_sub(&link->n_references, 1) > 1)
                return NULL;

        drop_idle(link);
        if (link->connection)
                virConnectClose(link->connection);
        if (!link->is_caller)
                cpu_nodes_done(&link->cpus);
        mailbox_unref(link->post.mailbox);
        pthread_mutex_destroy(&link->lock);
        free(link->asked_uri);
        free(link->uri);
        free(link);
        return NULL;
}

/* @post: NULL for one that tells nothing. */
static int link_new(Link **ret, const char *uri, const LinkPost *post) {
        Link *link = calloc(1, sizeof(*link));

        if (!link)
                return -ENOMEM;

        link->asked_uri = strdup(uri);
        if (!link->asked_uri) {
                free(link);
                return -ENOMEM;
        }

        atomic_init(&link->n_references, 1);
        pthread_mutex_init(&link->lock, NULL);
        if (post) {
                link->post = *post;
                mailbox_ref(link->post.mailbox);
        }
        for (size_t i = 0; i < LINK_EVENTS; i++)
                link->events[i] = -1;

        *ret = link;
        return 0;
}

/* Negative in a driver of this process, which needs none. */
static int keep_alive(Link *link) {
        return virConnectSetKeepAlive(link->connection, KEEPALIVE_SEC, KEEPALIVE_COUNT);
}

/* Each registration holds a reference; libvirt drops it when the registration ends. -EIO without lifecycle events. */
static int listen_to_events(Link *link) {
        for (size_t i = 0; i < LINK_EVENTS; i++) {
                link->events[i] = virConnectDomainEventRegisterAny(
                        link->connection, NULL, listened[i].id, listened[i].callback,
                        link_ref(link), drop_reference);
                if (link->events[i] >= 0)
                        continue;

                drop_reference_beside(link);
                /* A driver that never tells of devices is still followed by jobs and lifecycle. */
                if (listened[i].id == VIR_DOMAIN_EVENT_ID_LIFECYCLE)
                        return -EIO;
        }

        /* Neither is known to every driver, and a driver without them runs in this process. */
        atomic_store(&link_ref(link)->hears_close, true);
        if (virConnectRegisterCloseCallback(link->connection, on_close, link, NULL) < 0 &&
            hears_no_more(link))
                drop_reference_beside(link);
        link->is_remote = keep_alive(link) >= 0;
        return 0;
}

/* What never changes while the connection lasts. 0 or -ENOMEM. */
static int learn_host(Link *link, const char *uri) {
        _cleanup_(freep) char *own_uri = virConnectGetURI(link->connection);
        _cleanup_(freep) char *capabilities = virConnectGetCapabilities(link->connection);
        const char *type = virConnectGetType(link->connection);
        int r = 0;

        link->uri = strdup(own_uri ?: uri);
        if (!link->uri)
                return -ENOMEM;

        link->can_attach_live = !type || strcasecmp(type, "test") != 0;

        /* Without a topology no CPU has a known node: pinned domains are then not constrained. */
        if (capabilities)
                r = cpu_nodes_read(&link->cpus, capabilities);
        return r == -ENOMEM ? r : 0;
}

/* -EIO with libvirt's words in *ret_text. */
static int connect_link(Link *link, char **ret_text) {
        const char *uri = link->asked_uri;

        /*
         * An alias file of whoever runs us must not choose another hypervisor. An alias cannot have a colon, so
         * a full URI is none; and it goes without the flag, which some drivers refuse as unknown to them.
         */
        link->connection =
                virConnectOpenAuth(uri, NULL, strchr(uri, ':') ? 0 : VIR_CONNECT_NO_ALIASES);
        if (link->connection)
                return 0;

        *ret_text = link_error_text();
        return -EIO;
}

int link_open(Link **ret, const char *uri, const LinkPost *post, char **ret_text) {
        _cleanup_(link_unrefp) Link *link = NULL;
        int r;

        assert(ret);
        assert(ret_text);

        r = link_new(&link, uri, post);
        if (r < 0)
                return r;

        r = connect_link(link, ret_text);
        if (r < 0)
                return r;

        r = learn_host(link, uri);
        if (r < 0)
                return r;

        r = listen_to_events(link);
        if (r < 0) {
                *ret_text = link_error_text();
                link_close(link);
                return r;
        }

        *ret = TAKE(link);
        return 0;
}

int link_open_caller(Link *link, Link **ret, char **ret_text) {
        _cleanup_(link_unrefp) Link *caller = NULL;
        int r;

        r = link_new(&caller, link->asked_uri, NULL);
        if (r < 0)
                return r;

        r = connect_link(caller, ret_text);
        if (r < 0)
                return r;

        (void) keep_alive(caller);
        caller->is_caller = true;
        caller->cpus = link->cpus;
        caller->can_attach_live = link->can_attach_live;
        *ret = TAKE(caller);
        return 0;
}

void link_close(Link *link) {
        atomic_store(&link->closed, true);
        drop_idle(link);

        for (size_t i = 0; i < LINK_EVENTS; i++)
                if (link->events[i] >= 0)
                        (void) virConnectDomainEventDeregisterAny(link->connection,
                                                                  link->events[i]);

        /* Does not return while the callback runs. If it fails, the callback has come or may still come. */
        if (virConnectUnregisterCloseCallback(link->connection, on_close) >= 0 &&
            hears_no_more(link))
                drop_reference_beside(link);
}

int link_refuse_error(Link *link, const virError *error, Refusal *refusal) {
        _cleanup_(freep) char *text = link_line(error && error->message ? error->message : "");
        bool transport = error && (error->domain == VIR_FROM_RPC || error->code == VIR_ERR_RPC);
        bool unknown = error && error->code == VIR_ERR_NO_DOMAIN;

        if (!text)
                return -ENOMEM;
        /* Asked last, since the question makes libvirt forget the error. */
        if (transport || virConnectIsAlive(link->connection) != 1)
                return refuse(refusal, HYPERVISOR_UNAVAILABLE, "%s", text);
        if (unknown)
                return refuse(refusal, DOMAIN_UNKNOWN, "%s", text);
        return refuse(refusal, HYPERVISOR_REFUSED, "%s", text);
}

int link_refuse(Link *link, Refusal *refusal) {
        _cleanup_(link_free_errorp) virErrorPtr error = virSaveLastError();

        return link_refuse_error(link, error, refusal);
}
