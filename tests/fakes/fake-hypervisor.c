/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fakes/fake-hypervisor.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>

#include <jansson.h>

#include "core/verdict.h"
#include "util/text.h"
#include "util/vector.h"

enum {
        RETRY_NSEC = 50000000,
        CHUNK = 4096,
};

typedef struct Pending {
        uint64_t id;
        uint32_t attachment;
        HypervisorDone done;
        void *userdata;
} Pending;

typedef struct FakeHypervisor {
        Hypervisor hypervisor;
        HypervisorCallbacks callbacks;
        void *userdata;
        char *path, *uri;
        int epoll_fd, retry_fd, unavailable_fd, socket_fd; /* socket −1: not connected */
        bool reconciled, told_lost;
        char *received, *unsent;
        size_t n_received, n_unsent;
        uint64_t last_id;
        Pending *pending;
        size_t n_pending;
        Pending *unavailable; /* asked for without a connection */
        size_t n_unavailable;
        char **known; /* UUIDs of the domains that were told */
} FakeHypervisor;

static void watch_fd(FakeHypervisor *self, int operation, int fd, uint32_t events) {
        struct epoll_event event = { .events = events, .data.fd = fd };

        if (epoll_ctl(self->epoll_fd, operation, fd, &event) < 0)
                abort();
}

static int append(char **buffer, size_t *n_buffer, const char *data, size_t size) {
        char *grown = realloc(*buffer, *n_buffer + size);

        if (!grown)
                return -ENOMEM;

        memcpy(grown + *n_buffer, data, size);
        *buffer = grown;
        *n_buffer += size;
        return 0;
}

/* Sends what the socket takes; a broken one is noticed by reading. */
static void flush(FakeHypervisor *self) {
        ssize_t n;

        n = send(self->socket_fd, self->unsent, self->n_unsent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0) {
                self->n_unsent -= (size_t) n;
                memmove(self->unsent, self->unsent + n, self->n_unsent);
        }
        watch_fd(self, EPOLL_CTL_MOD, self->socket_fd,
                 EPOLLIN | (self->n_unsent > 0 ? EPOLLOUT : 0));
}

/* Takes @call over. 0 or -ENOMEM. */
static int send_call(FakeHypervisor *self, json_t *call) {
        _cleanup_(json_decrefp) json_t *owned = call;
        _cleanup_(freep) char *line = NULL;
        int r;

        if (!call ||
            json_object_set_new(call, "id", json_integer((json_int_t) ++self->last_id)) < 0)
                return -ENOMEM;

        line = json_dumps(call, JSON_COMPACT);
        if (!line)
                return -ENOMEM;

        r = append(&self->unsent, &self->n_unsent, line, strlen(line));
        if (r == 0)
                r = append(&self->unsent, &self->n_unsent, "\n", 1);
        if (r == 0)
                flush(self);
        return r;
}

static int read_held(DomainFacts *facts, bool live, const json_t *list) {
        const json_t *held;
        size_t i;
        int r;

        json_array_foreach(list, i, held) {
                Address address;

                if (address_parse(json_string_value(json_object_get(held, "address")), &address) !=
                    0)
                        continue;
                r = domain_facts_hold(facts, live, address,
                                      json_string_value(json_object_get(held, "alias")));
                if (r < 0)
                        return r;
        }

        return 0;
}

/* Tells what is so now; JSON null: it is gone. */
static void tell_domain(FakeHypervisor *self, const char *uuid, const json_t *domain) {
        _cleanup_(domain_facts_freep) DomainFacts *facts = NULL;
        const char *name = json_string_value(json_object_get(domain, "name"));
        const json_t *node;
        size_t i;

        if (domain_facts_new(&facts, uuid, name ?: "") < 0)
                return;

        facts->present = json_is_object(domain);
        facts->running = json_is_true(json_object_get(domain, "running"));
        facts->persistent = json_is_true(json_object_get(domain, "persistent"));
        json_array_foreach(json_object_get(domain, "nodes"), i, node)
                node_set_add(&facts->nodes, (unsigned) json_integer_value(node));
        if (facts->running && read_held(facts, true, json_object_get(domain, "live")) < 0)
                return;
        if (facts->persistent && read_held(facts, false, json_object_get(domain, "config")) < 0)
                return;

        if (facts->present && !list_contains(self->known, uuid))
                (void) list_append(&self->known, uuid);
        self->callbacks.domain(self->userdata, TAKE(facts));
}

static bool is_listed(const json_t *domains, const char *uuid) {
        const json_t *domain;
        size_t i;

        json_array_foreach(
                domains, i,
                domain) if (text_equal(json_string_value(json_object_get(domain, "uuid")),
                                       uuid)) return true;

        return false;
}

static void reconcile(FakeHypervisor *self, const json_t *domains) {
        _cleanup_(list_freep) char **before = TAKE(self->known);
        const json_t *domain;
        size_t i;

        self->told_lost = false;
        self->reconciled = true;
        self->callbacks.connected(self->userdata, true, NULL);
        json_array_foreach(domains, i, domain)
                tell_domain(self, json_string_value(json_object_get(domain, "uuid")), domain);
        for (i = 0; before && before[i]; i++)
                if (!is_listed(domains, before[i]))
                        tell_domain(self, before[i], NULL);
        self->callbacks.reconciled(self->userdata);
}

static void finish(FakeHypervisor *self, const json_t *answer) {
        uint64_t id = (uint64_t) json_integer_value(json_object_get(answer, "id"));
        const char *verdict = json_string_value(json_object_get(answer, "verdict"));
        HypervisorOutcome outcome = { 0 };

        if (text_equal(verdict, "refused"))
                outcome.verdict = HYPERVISOR_REFUSED;
        else if (text_equal(verdict, "unknown"))
                outcome.verdict = DOMAIN_UNKNOWN;
        outcome.text = json_string_value(json_object_get(answer, "text")) ?: "";

        for (size_t i = 0; i < self->n_pending; i++) {
                Pending pending = self->pending[i];

                if (pending.id != id)
                        continue;

                self->pending[i] = self->pending[--self->n_pending];
                pending.done(pending.userdata, pending.attachment, &outcome);
                return;
        }
}

static void take_message(FakeHypervisor *self, const json_t *message) {
        const char *uuid = json_string_value(json_object_get(message, "uuid"));
        const json_t *domains = json_object_get(message, "domains");

        if (domains) {
                reconcile(self, domains);
                return;
        }
        if (!self->reconciled || !uuid)
                return;

        if (text_equal(json_string_value(json_object_get(message, "event")), "removal-failed")) {
                self->callbacks.removal_failed(
                        self->userdata, uuid, json_string_value(json_object_get(message, "alias")));
                return;
        }

        tell_domain(self, uuid, json_object_get(message, "domain"));
        if (json_object_get(message, "verdict"))
                finish(self, message);
}

static void fail_all(Pending *pending, size_t n_pending, const char *text) {
        const HypervisorOutcome outcome = { HYPERVISOR_UNAVAILABLE, text };

        for (size_t i = 0; i < n_pending; i++)
                pending[i].done(pending[i].userdata, pending[i].attachment, &outcome);
}

static void lose(FakeHypervisor *self) {
        static const char text[] = "the connection to the hypervisor broke";
        const struct itimerspec when = { .it_value.tv_nsec = RETRY_NSEC };
        _cleanup_(freep) Pending *pending = TAKE(self->pending);
        size_t n_pending = self->n_pending;

        closep(&self->socket_fd);
        self->socket_fd = -1;
        self->reconciled = false;
        self->n_received = self->n_unsent = self->n_pending = 0;
        timerfd_settime(self->retry_fd, 0, &when, NULL);

        if (!self->told_lost)
                self->callbacks.connected(self->userdata, false, text);
        self->told_lost = true;
        fail_all(pending, n_pending, text);
}

static void take_lines(FakeHypervisor *self) {
        char *end;

        while (self->n_received > 0 && (end = memchr(self->received, '\n', self->n_received))) {
                size_t size = (size_t) (end - self->received);
                _cleanup_(json_decrefp) json_t *message = NULL;

                message = json_loadb(self->received, size, 0, NULL);
                self->n_received -= size + 1;
                memmove(self->received, end + 1, self->n_received);
                if (message)
                        take_message(self, message);
        }
}

static void receive(FakeHypervisor *self) {
        char chunk[CHUNK];
        ssize_t n;

        n = recv(self->socket_fd, chunk, sizeof(chunk), MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
                return;
        if (n <= 0 || append(&self->received, &self->n_received, chunk, (size_t) n) < 0) {
                lose(self);
                return;
        }

        take_lines(self);
}

static void connect_again(FakeHypervisor *self) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        snprintf(address.sun_path, sizeof(address.sun_path), "%s", self->path);
        self->socket_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (self->socket_fd < 0 ||
            connect(self->socket_fd, (struct sockaddr *) &address, sizeof(address)) < 0) {
                lose(self);
                return;
        }

        watch_fd(self, EPOLL_CTL_ADD, self->socket_fd, EPOLLIN);
        (void) send_call(self, json_pack("{s:s}", "call", "open"));
}

static int fake_start(Hypervisor *hypervisor, const HypervisorCallbacks *callbacks,
                      void *userdata) {
        FakeHypervisor *self = (FakeHypervisor *) hypervisor;
        const struct itimerspec at_once = { .it_value.tv_nsec = 1 };

        self->callbacks = *callbacks;
        self->userdata = userdata;
        /* Out of the loop, as everything else. */
        return timerfd_settime(self->retry_fd, 0, &at_once, NULL) < 0 ? -errno : 0;
}

static json_t *devices_of(const HypervisorJob *job) {
        _cleanup_(json_decrefp) json_t *devices = json_array();

        for (size_t i = 0; i < job->n_devices; i++) {
                char address[ADDRESS_TEXT_SIZE], alias[ATTACHMENT_ALIAS_SIZE];
                const HypervisorDevice *device = &job->devices[i];

                if (json_array_append_new(
                            devices,
                            json_pack("{s:s, s:s, s:b, s:b}", "address",
                                      address_format(device->address, address), "alias",
                                      attachment_alias(job->attachment, device->index, alias),
                                      "managed", device->managed, "hand-over", device->hand_over)) <
                    0)
                        return NULL;
        }

        return TAKE(devices);
}

static int fake_change(FakeHypervisor *self, const char *call, const HypervisorJob *job,
                       HypervisorDone done, void *userdata) {
        Pending pending = {
                .id = self->last_id + 1,
                .attachment = job->attachment,
                .done = done,
                .userdata = userdata,
        };
        const uint64_t one = 1;
        int r;

        if (!self->reconciled) {
                r = VECTOR_APPEND(self->unavailable, self->n_unavailable, pending);
                if (r == 0)
                        (void) !write(self->unavailable_fd, &one, sizeof(one));
                return r;
        }

        r = VECTOR_APPEND(self->pending, self->n_pending, pending);
        if (r < 0)
                return r;

        r = send_call(self, json_pack("{s:s, s:s, s:b, s:b, s:o}", "call", call, "uuid",
                                      job->domain_uuid, "live", job->live, "config", job->config,
                                      "devices", devices_of(job)));
        if (r < 0)
                self->n_pending--;
        return r;
}

static int fake_attach(Hypervisor *hypervisor, const HypervisorJob *job, HypervisorDone done,
                       void *userdata) {
        return fake_change((FakeHypervisor *) hypervisor, "attach", job, done, userdata);
}

/* The process has every job at once: none has not begun. */
static void fake_give_up(Hypervisor *hypervisor, uint32_t attachment) {
}

static int fake_give_back(Hypervisor *hypervisor, const HypervisorJob *job, HypervisorDone done,
                          void *userdata) {
        return fake_change((FakeHypervisor *) hypervisor, "give-back", job, done, userdata);
}

static int fake_detach(Hypervisor *hypervisor, const HypervisorJob *job, HypervisorDone done,
                       void *userdata) {
        return fake_change((FakeHypervisor *) hypervisor, "detach", job, done, userdata);
}

static int fake_refresh(Hypervisor *hypervisor, const char *domain_uuid) {
        FakeHypervisor *self = (FakeHypervisor *) hypervisor;

        /* Without a connection the next one tells every domain. */
        if (!self->reconciled)
                return 0;
        return send_call(self, json_pack("{s:s, s:s}", "call", "read", "uuid", domain_uuid));
}

static const char *fake_uri(Hypervisor *hypervisor) {
        return ((FakeHypervisor *) hypervisor)->uri;
}

static bool fake_can_attach_live(Hypervisor *hypervisor) {
        return true;
}

static void fake_free(Hypervisor *hypervisor) {
        FakeHypervisor *self = (FakeHypervisor *) hypervisor;
        int *const fds[] = { &self->epoll_fd, &self->retry_fd, &self->unavailable_fd,
                             &self->socket_fd };

        if (!self)
                return;

        for (size_t i = 0; i < N_ELEMENTS(fds); i++)
                closep(fds[i]);
        list_free(self->known);
        free(self->pending);
        free(self->unavailable);
        free(self->received);
        free(self->unsent);
        free(self->path);
        free(self->uri);
        free(self);
}

static const HypervisorOperations fake_operations = {
        .start = fake_start,
        .attach = fake_attach,
        .give_up = fake_give_up,
        .detach = fake_detach,
        .give_back = fake_give_back,
        .refresh = fake_refresh,
        .uri = fake_uri,
        .can_attach_live = fake_can_attach_live,
        .free = fake_free,
};

int fake_hypervisor_new(Hypervisor **ret, const char *socket_path) {
        FakeHypervisor *self;
        const char *uri;

        assert(ret);

        self = calloc(1, sizeof(*self));
        if (!self)
                return -ENOMEM;

        self->hypervisor.operations = &fake_operations;
        self->socket_fd = -1;
        self->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        self->retry_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        self->unavailable_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        self->path = strdup(socket_path);
        /* What it stands in for, where that matters to whoever reads. */
        uri = getenv("FAKE_HYPERVISOR_URI");
        self->uri = uri ? strdup(uri) : text_print("fake://%s", socket_path);
        if (self->epoll_fd < 0 || self->retry_fd < 0 || self->unavailable_fd < 0 || !self->path ||
            !self->uri) {
                fake_free(&self->hypervisor);
                return -ENOMEM;
        }

        watch_fd(self, EPOLL_CTL_ADD, self->retry_fd, EPOLLIN);
        watch_fd(self, EPOLL_CTL_ADD, self->unavailable_fd, EPOLLIN);
        *ret = &self->hypervisor;
        return 0;
}

int fake_hypervisor_fd(Hypervisor *hypervisor) {
        return ((FakeHypervisor *) hypervisor)->epoll_fd;
}

void fake_hypervisor_dispatch(Hypervisor *hypervisor) {
        FakeHypervisor *self = (FakeHypervisor *) hypervisor;
        uint64_t count;

        if (read(self->retry_fd, &count, sizeof(count)) == sizeof(count) && self->socket_fd < 0)
                connect_again(self);
        if (read(self->unavailable_fd, &count, sizeof(count)) == sizeof(count)) {
                _cleanup_(freep) Pending *pending = TAKE(self->unavailable);
                size_t n_pending = self->n_unavailable;

                self->n_unavailable = 0;
                fail_all(pending, n_pending, "there is no connection to the hypervisor");
        }
        if (self->socket_fd >= 0 && self->n_unsent > 0)
                flush(self);
        if (self->socket_fd >= 0)
                receive(self);
}
