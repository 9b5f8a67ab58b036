/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hotplug.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "host/watch.h"
#include "util/clock.h"
#include "util/log.h"

enum {
        BATCH = 256,               /* events taken in one turn of the loop */
        PATIENCE_USEC = 10 * 1000, /* how long all others go first, when there are more */
        LOOK_USEC = 100 * 1000,    /* from an event until the host's readiness is looked at */
        PAUSE_USEC = 250 * 1000,   /* between two scans of the whole host */
        RETRY_USEC = 2 * 1000000   /* from one that failed to the next */
};

struct Hotplug {
        Manager *manager;
        Watch *watch;
        sd_event_source *source, *timer, *patience, *look;
        int error;            /* why the whole host is to be read again; 0: it is not */
        uint64_t rested_usec; /* when it may be */
};

/* Unless it is armed already. 0 or negative errno. */
static int arm(sd_event_source *timer, uint64_t usec) {
        int enabled = SD_EVENT_OFF, r;

        if (sd_event_source_get_enabled(timer, &enabled) >= 0 && enabled != SD_EVENT_OFF)
                return 0;

        r = sd_event_source_set_time(timer, usec);
        return r < 0 ? r : sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

static void scan(Hotplug *hotplug) {
        int r;

        log_info("Reading all devices again: %s", strerror(-hotplug->error));
        hotplug->error = 0;
        r = manager_scan(hotplug->manager);

        (void) sd_event_source_set_enabled(hotplug->timer, SD_EVENT_OFF);
        hotplug->rested_usec = clock_monotonic_usec() + PAUSE_USEC;
        if (r >= 0)
                return;

        log_error("Cannot read the devices of the host: %s", strerror(-r));
        hotplug->error = r;
        (void) arm(hotplug->timer, clock_monotonic_usec() + RETRY_USEC);
}

static void scan_later(Hotplug *hotplug, uint64_t usec) {
        if (arm(hotplug->timer, usec) < 0)
                scan(hotplug);
}

void hotplug_scan_again(Hotplug *hotplug, int error) {
        hotplug->error = error;
        if (watch_is_empty(hotplug->watch) && clock_monotonic_usec() >= hotplug->rested_usec)
                scan(hotplug);
        else
                scan_later(hotplug, hotplug->rested_usec);
}

/*
 * In a rain that does not end the host is read now and then, too; but the last time is when no event is
 * left. The kernel tells of a loss once, and loses more in silence until all that is queued has been taken.
 */
static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Hotplug *hotplug = userdata;
        int error = hotplug->error;

        if (error == 0)
                return 0;

        scan(hotplug);
        if (!watch_is_empty(hotplug->watch)) {
                hotplug->error = error;
                scan_later(hotplug, hotplug->rested_usec);
        }
        return 0;
}

static void note(Address *addresses, size_t *n, Address address) {
        for (size_t i = 0; i < *n; i++)
                if (address_equal(addresses[i], address))
                        return;

        addresses[(*n)++] = address;
}

/* Takes what is queued, as much as there is room for: the functions it is about, each once. */
static size_t take(Hotplug *hotplug, Address addresses[static BATCH]) {
        size_t n = 0;

        for (unsigned i = 0; i < BATCH; i++) {
                Address address;
                int r = watch_next(hotplug->watch, &address);

                if (r == 0)
                        break;
                if (r > 0)
                        note(addresses, &n, address);
                else if (r != -EAGAIN)
                        hotplug->error = r;
                if (r < 0 && r != -EAGAIN && r != -ENOBUFS)
                        break;
        }

        return n;
}

/*
 * A rain of events that never ends would leave nobody else a turn: while there are more, all others go
 * first, but not for ever.
 */
static void yield(Hotplug *hotplug, bool on) {
        int r;

        r = sd_event_source_set_priority(hotplug->source,
                                         on ? SD_EVENT_PRIORITY_IDLE : SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0 && on)
                r = arm(hotplug->patience, clock_monotonic_usec() + PATIENCE_USEC);
        if (r >= 0 && !on)
                r = sd_event_source_set_enabled(hotplug->patience, SD_EVENT_OFF);
        if (r < 0)
                log_warning("cannot order events: %s", strerror(-r));
}

static int on_patience(sd_event_source *source, uint64_t usec, void *userdata) {
        yield(userdata, false);
        return 0;
}

static int on_look(sd_event_source *source, uint64_t usec, void *userdata) {
        Hotplug *hotplug = userdata;

        manager_look_at_host(hotplug->manager);
        return 0;
}

static int on_watch(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Hotplug *hotplug = userdata;
        Address addresses[BATCH];
        size_t n = take(hotplug, addresses);
        bool more;

        /* What the scan is going to read need not be read twice. */
        for (size_t i = 0; hotplug->error == 0 && i < n; i++) {
                int r = manager_observe(hotplug->manager, addresses[i]);

                if (r < 0)
                        hotplug->error = r;
        }

        more = !watch_is_empty(hotplug->watch);
        yield(hotplug, more);
        if (more) {
                if (hotplug->error != 0)
                        scan_later(hotplug, clock_monotonic_usec() + PAUSE_USEC);
                return 0;
        }

        if (hotplug->error != 0)
                hotplug_scan_again(hotplug, hotplug->error);
        else if (arm(hotplug->look, clock_monotonic_usec() + LOOK_USEC) < 0)
                manager_look_at_host(hotplug->manager);
        return 0;
}

/* It is off until it is armed. 0 or negative errno. */
static int add_timer(Hotplug *hotplug, sd_event *event, sd_event_source **ret,
                     sd_event_time_handler_t handler) {
        int r = sd_event_add_time(event, ret, CLOCK_MONOTONIC, UINT64_MAX, 1, handler, hotplug);

        return r < 0 ? r : sd_event_source_set_enabled(*ret, SD_EVENT_OFF);
}

int hotplug_new(Hotplug **ret, sd_event *event, Manager *manager) {
        _cleanup_(hotplug_freep) Hotplug *hotplug = NULL;
        int r;

        hotplug = calloc(1, sizeof(*hotplug));
        if (!hotplug)
                return -ENOMEM;

        hotplug->manager = manager;
        r = watch_new(&hotplug->watch);
        if (r >= 0)
                r = sd_event_add_io(event, &hotplug->source, watch_fd(hotplug->watch), EPOLLIN,
                                    on_watch, hotplug);
        if (r >= 0)
                r = add_timer(hotplug, event, &hotplug->timer, on_timer);
        if (r >= 0)
                r = add_timer(hotplug, event, &hotplug->patience, on_patience);
        if (r >= 0)
                r = add_timer(hotplug, event, &hotplug->look, on_look);
        if (r < 0)
                return r;

        *ret = TAKE(hotplug);
        return 0;
}

Hotplug *hotplug_free(Hotplug *hotplug) {
        if (!hotplug)
                return NULL;

        sd_event_source_disable_unref(hotplug->source);
        sd_event_source_disable_unref(hotplug->timer);
        sd_event_source_disable_unref(hotplug->patience);
        sd_event_source_disable_unref(hotplug->look);
        watch_free(hotplug->watch);
        free(hotplug);
        return NULL;
}
