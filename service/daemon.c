/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "bus/bus.h"
#include "host/readiness-kept.h"
#include "host/scan.h"
#include "hotplug.h"
#include "manager.h"
#include "memory.h"
#include "store/config.h"
#include "store/journal.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/text.h"
#include "vm/libvirt.h"

enum {
        /* How often in that time the host's own use of devices is looked at again. */
        USE_INTERVAL_USEC = 100 * 1000,
        USE_BURST = 8
};

typedef struct Daemon {
        const DaemonOptions *options;
        char *uri; /* that was asked for at the start */
        sd_event *event;
        sd_event_source *timer;
        sd_event_source *farewell, *use;
        bool use_has_changed; /* and has not been looked at */
        bool rests;           /* as soon as this turn ends */
        sd_bus *connection;
        ReadinessKept readiness;
        Scan *scan;
        Hotplug *hotplug;
        Journal *journal;
        DaemonHypervisor hypervisor;
        Manager *manager;
        Bus *bus;
} Daemon;

static void daemon_done(Daemon *daemon) {
        if (daemon->manager)
                manager_stop(daemon->manager);
        bus_free(daemon->bus);
        if (daemon->hypervisor.hypervisor)
                daemon->hypervisor.hypervisor->operations->free(daemon->hypervisor.hypervisor);
        hotplug_free(daemon->hotplug);
        manager_free(daemon->manager);
        journal_free(daemon->journal);
        scan_free(daemon->scan);
        sd_event_source_disable_unref(daemon->timer);
        sd_event_source_disable_unref(daemon->farewell);
        sd_event_source_disable_unref(daemon->use);
        sd_bus_flush_close_unref(daemon->connection);
        sd_event_unref(daemon->event);
        readiness_kept_done(&daemon->readiness);
        free(daemon->uri);
}

int daemon_make_libvirt(const char *uri, DaemonHypervisor *ret) {
        Hypervisor *hypervisor;
        int r;

        r = libvirt_hypervisor_new(&hypervisor, uri);
        if (r < 0)
                return r;

        *ret = (DaemonHypervisor){
                .hypervisor = hypervisor,
                .fd = libvirt_hypervisor_fd(hypervisor),
                .dispatch = libvirt_hypervisor_dispatch,
        };
        return 0;
}

static int port_scan_one(void *userdata, Address address, Facts **ret) {
        Daemon *daemon = userdata;

        return scan_one(daemon->scan, address, ret);
}

static int port_scan_addresses(void *userdata, Address **ret, size_t *ret_n) {
        Daemon *daemon = userdata;

        return scan_addresses(daemon->scan, ret, ret_n);
}

/*
 * Asked before every choice. Mostly nothing has changed; but to be asked for its state is enough for /proc to forget
 * that it has: what the loop was told and has not handled yet is known to its source alone.
 */
static int port_use_changes(void *userdata, Address **ret, size_t *ret_n) {
        Daemon *daemon = userdata;
        struct pollfd poller = { .fd = scan_use_fd(daemon->scan), .events = POLLIN };
        int r;

        if (!daemon->use_has_changed && sd_event_source_get_pending(daemon->use) == 0 &&
            poll(&poller, 1, 0) == 0) {
                *ret = NULL;
                *ret_n = 0;
                return 0;
        }

        daemon->use_has_changed = true;
        r = scan_take_use_changes(daemon->scan, ret, ret_n);
        if (r >= 0)
                daemon->use_has_changed = false;
        return r;
}

static void port_publish(void *userdata, const Changes *changes) {
        Daemon *daemon = userdata;

        if (daemon->bus)
                bus_publish(daemon->bus, changes);
}

/* What of the host's readiness is known to us alone. */
static ReadinessSubject subject_of(const Daemon *daemon) {
        static const ReadinessActions actions[] = {
                [BUS_ACTIONS_UNKNOWN] = READINESS_ACTIONS_UNKNOWN,
                [BUS_ACTIONS_KNOWN] = READINESS_ACTIONS_KNOWN,
                [BUS_ACTIONS_MISSING] = READINESS_ACTIONS_MISSING,
                [BUS_ACTIONS_UNREACHABLE] = READINESS_ACTIONS_UNREACHABLE,
        };
        ReadinessSubject subject = {
                .libvirt_uri = manager_uri(daemon->manager),
                .libvirt_is_connected = manager_is_connected(daemon->manager),
                .state_directory = daemon->options->state_directory,
                .journal_problem = journal_problem(daemon->journal),
                .actions_text = "the bus is not there yet",
        };

        if (daemon->bus)
                subject.actions = actions[bus_actions(daemon->bus, &subject.actions_text)];
        return subject;
}

static bool port_host_ready(void *userdata) {
        const ReadinessSubject subject = subject_of(userdata);

        return readiness_is_ready(&subject);
}

static void port_retry(void *userdata) {
        Daemon *daemon = userdata;

        if (daemon->bus)
                bus_retry(daemon->bus);
}

static void port_ended(void *userdata, uint32_t attachment, bool detach, int verdict,
                       const char *text) {
        Daemon *daemon = userdata;

        if (daemon->bus)
                bus_ended(daemon->bus, attachment, detach, verdict, text);
}

static uint64_t port_now(void *userdata) {
        return clock_usec(CLOCK_BOOTTIME);
}

static uint64_t port_realtime(void *userdata) {
        return clock_usec(CLOCK_REALTIME);
}

static int load_config(const Daemon *daemon, Config **ret, Refusal *refusal) {
        _cleanup_(list_freep) char **files = NULL;
        _cleanup_(config_freep) Config *config = NULL;
        int r;

        r = config_files(daemon->options->vendor_directory,
                         daemon->options->configuration_directory, &files, refusal);
        if (r == 0)
                r = config_load(files, &config, refusal);
        if (r != 0)
                return r;

        for (size_t i = 0; config->warnings && config->warnings[i]; i++)
                log_warning("%s", config->warnings[i]);

        *ret = TAKE(config);
        return 0;
}

/* The environment wins over the files. */
static const char *uri_of(const Daemon *daemon, const Config *config) {
        return daemon->options->libvirt_uri ?: config->libvirt_uri;
}

static int port_reload(void *userdata, Refusal *refusal) {
        Daemon *daemon = userdata;
        _cleanup_(config_freep) Config *config = NULL;
        int r;

        r = load_config(daemon, &config, refusal);
        if (r != 0)
                return r;

        /* Another hypervisor would end every attachment of this one. */
        if (!text_equal(uri_of(daemon, config), daemon->uri))
                log_warning("LibvirtUri=%s is used from the next start on; until then it is %s",
                            config->libvirt_uri, daemon->uri);

        return manager_reload(daemon->manager, &config->catalog);
}

static int port_check_host(void *userdata,
                           int (*row)(void *row_userdata, const char *id, const char *result,
                                      const char *evidence, const char *fix),
                           void *row_userdata) {
        Daemon *daemon = userdata;
        const ReadinessSubject subject = subject_of(daemon);
        const uint64_t now_usec = clock_monotonic_usec();
        int r = 0;

        if (!readiness_is_kept(&daemon->readiness, &subject, now_usec)) {
                log_debug("looking at the host, for CheckHost");
                r = readiness_keep(&daemon->readiness, &subject, now_usec);

                /* Nothing tells when a module is loaded: whoever looks shall not see one thing here, another there. */
                manager_look_at_host(daemon->manager);
                manager_publish(daemon->manager);
        }

        return r < 0 ? r : readiness_tell(&daemon->readiness, row, row_userdata);
}

/* A file system was mounted, an interface got an address: what the host uses has changed. */
static int on_use(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Daemon *daemon = userdata;
        int r;

        daemon->use_has_changed = true;
        r = manager_look_at_use(daemon->manager);
        if (r < 0)
                hotplug_scan_again(daemon->hotplug, r);
        return 0;
}

static int on_hypervisor(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Daemon *daemon = userdata;
        bool was_connected = manager_is_connected(daemon->manager);

        daemon->hypervisor.dispatch(daemon->hypervisor.hypervisor);
        if (manager_is_connected(daemon->manager) != was_connected) {
                manager_look_at_host(daemon->manager);
                daemon->rests = true;
        }
        return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Daemon *daemon = userdata;

        manager_tick(daemon->manager);
        return 0;
}

/* The end of a turn of the loop: what it changed is told at once, and the clock is set. */
static int on_turn_end(sd_event_source *source, void *userdata) {
        Daemon *daemon = userdata;
        uint64_t deadline_usec;
        int r;

        manager_publish(daemon->manager);
        /* What was needed to scan, or to connect, is not needed to wait. */
        if (scan_rest(daemon->scan) || daemon->rests) {
                daemon->rests = false;
                memory_rest();
        }
        deadline_usec = manager_deadline(daemon->manager);

        r = sd_event_source_set_time(daemon->timer, deadline_usec);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(
                daemon->timer, deadline_usec == UINT64_MAX ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

/* The loop ends: whoever waits is answered now, for sd-bus closes the connection in a moment. */
static int on_farewell(sd_event_source *source, void *userdata) {
        Daemon *daemon = userdata;

        manager_stop(daemon->manager);
        bus_stop(daemon->bus);
        return 0;
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        int r = port_reload(userdata, &refusal);

        if (r != 0)
                log_error("%s", refusal.text ?: strerror(-r));
        else
                log_info("Read the configuration again");
        return 0;
}

static int make_loop(Daemon *daemon) {
        sigset_t signals;
        int r;

        sigemptyset(&signals);
        sigaddset(&signals, SIGTERM);
        sigaddset(&signals, SIGINT);
        sigaddset(&signals, SIGHUP);
        sigaddset(&signals, SIGPIPE);
        /* Before any thread is made: they inherit it, and the loop alone takes the signals. */
        if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
                return -errno;

        r = sd_event_default(&daemon->event);
        if (r >= 0)
                r = sd_event_add_signal(daemon->event, NULL, SIGTERM, NULL, NULL);
        if (r >= 0)
                r = sd_event_add_signal(daemon->event, NULL, SIGINT, NULL, NULL);
        if (r >= 0)
                r = sd_event_add_signal(daemon->event, NULL, SIGHUP, on_hangup, daemon);
        if (r >= 0)
                r = sd_event_set_watchdog(daemon->event, true);
        if (r < 0)
                log_error("Cannot prepare the event loop: %s", strerror(-r));
        return r;
}

/* The journal is locked first: nothing is touched where another daemon is at work. */
static int make_manager(Daemon *daemon) {
        _cleanup_(journal_content_done) JournalContent content = { 0 };
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        _cleanup_(config_freep) Config *config = NULL;
        const ManagerPorts ports = {
                .userdata = daemon,
                .scan_one = port_scan_one,
                .scan_addresses = port_scan_addresses,
                .use_changes = port_use_changes,
                .publish = port_publish,
                .host_ready = port_host_ready,
                .retry = port_retry,
                .ended = port_ended,
                .now = port_now,
                .realtime = port_realtime,
        };
        int r;

        r = load_config(daemon, &config, &refusal);
        if (r != 0) {
                log_error("%s", refusal.text ?: "Out of memory");
                return r;
        }

        r = journal_open(&daemon->journal, daemon->options->state_directory, &content);
        if (r < 0) {
                log_error("Cannot open the journal in %s: %s", daemon->options->state_directory,
                          r == -EBUSY ? "another daemon uses it" : strerror(-r));
                return r;
        }
        if (journal_problem(daemon->journal))
                log_error("The journal is damaged, changes are refused: %s",
                          journal_problem(daemon->journal));

        daemon->uri = strdup(uri_of(daemon, config));
        if (!daemon->uri)
                return -ENOMEM;
        r = daemon->options->make_hypervisor(daemon->uri, &daemon->hypervisor);
        if (r < 0) {
                log_error("Cannot prepare the connection to %s: %s", daemon->uri, strerror(-r));
                return r;
        }

        return manager_new(&daemon->manager, &ports, daemon->hypervisor.hypervisor, daemon->journal,
                           &content, &config->catalog);
}

/* The watch first: what happens during the scan is looked at again after it. */
static int look_at_host(Daemon *daemon) {
        int r;

        r = scan_new(&daemon->scan);
        if (r >= 0)
                r = hotplug_new(&daemon->hotplug, daemon->event, daemon->manager);
        if (r >= 0)
                r = manager_scan(daemon->manager);
        if (r < 0)
                log_error("Cannot read the devices of the host: %s", strerror(-r));

        /* All that happened so far is the first state, not a change: there is no bus yet to tell it to. */
        if (r >= 0)
                manager_publish(daemon->manager);
        return r;
}

static int connect_bus(Daemon *daemon) {
        const BusPorts ports = {
                .userdata = daemon,
                .reload = port_reload,
                .check_host = port_check_host,
        };
        const char *address = secure_getenv("DBUS_SYSTEM_BUS_ADDRESS");
        int r;

        r = sd_bus_new(&daemon->connection);
        if (r >= 0)
                r = sd_bus_set_address(daemon->connection,
                                       address ?: "unix:path=/run/dbus/system_bus_socket");
        if (r >= 0)
                r = sd_bus_set_bus_client(daemon->connection, true);
        if (r >= 0)
                r = sd_bus_negotiate_fds(daemon->connection, false);
        if (r >= 0)
                r = sd_bus_start(daemon->connection);
        if (r >= 0)
                r = sd_bus_set_exit_on_disconnect(daemon->connection, true);
        if (r >= 0)
                r = sd_bus_attach_event(daemon->connection, daemon->event,
                                        SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = bus_new(&daemon->bus, daemon->connection, daemon->event, daemon->manager,
                            &ports);
        if (r < 0)
                log_error("Cannot connect to the system bus: %s", strerror(-r));
        return r;
}

static int plug_together(Daemon *daemon) {
        int r;

        r = sd_event_add_io(daemon->event, &daemon->use, scan_use_fd(daemon->scan), EPOLLIN, on_use,
                            daemon);
        if (r >= 0)
                r = sd_event_add_io(daemon->event, NULL, daemon->hypervisor.fd, EPOLLIN,
                                    on_hypervisor, daemon);
        if (r >= 0)
                r = sd_event_add_time(daemon->event, &daemon->timer, CLOCK_BOOTTIME, UINT64_MAX, 1,
                                      on_timer, daemon);
        if (r >= 0)
                r = sd_event_add_post(daemon->event, NULL, on_turn_end, daemon);
        if (r >= 0)
                r = sd_event_add_exit(daemon->event, &daemon->farewell, on_farewell, daemon);
        if (r >= 0)
                r = sd_event_source_set_priority(daemon->farewell, SD_EVENT_PRIORITY_IMPORTANT);
        if (r >= 0)
                r = manager_start(daemon->manager);
        if (r < 0)
                log_error("Cannot begin to work: %s", strerror(-r));
        return r;
}

int daemon_run(const DaemonOptions *options) {
        _cleanup_(daemon_done) Daemon daemon = { .options = options };
        int r;

        assert(options);

        memory_prepare();
        r = make_loop(&daemon);
        if (r >= 0)
                r = make_manager(&daemon);
        if (r != 0 && daemon.manager == NULL)
                return r;

        r = look_at_host(&daemon);
        if (r >= 0)
                r = connect_bus(&daemon);
        if (r >= 0)
                r = plug_together(&daemon);
        if (r < 0)
                return r;

        r = bus_request_name(daemon.bus);
        if (r < 0) {
                log_error("Cannot take the bus name: %s", strerror(-r));
                return r;
        }

        (void) sd_notify(false, "READY=1\nSTATUS=Serving"); /* nobody listens outside systemd */
        r = sd_event_loop(daemon.event);
        (void) sd_notify(false, "STOPPING=1");
        if (r != 0)
                log_error("Ended because %s",
                          r > 0 ? "the bus closed the connection" : strerror(-r));
        return r;
}
