/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The service's bus code without a bus daemon in front of it: whatever a client writes reaches sd-bus and the
 * handlers as it is. Behind them is a manager that decides nothing (tests/bus/fake-manager.h).
 *
 *   peer PATH
 *
 * Serves one connection after the other on a socket, each with objects of its own, until its standard input
 * ends; says how many there were.
 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bus/bus.h"
#include "bus/fake-manager.h"
#include "util/cleanup.h"

static int reload(void *userdata, Refusal *refusal) {
        return refuse(refusal, CONFIG_INVALID, "hostdevd.conf:1: as the test says");
}

static int check_host(void *userdata,
                      int (*row)(void *row_userdata, const char *id, const char *result,
                                 const char *evidence, const char *fix),
                      void *row_userdata) {
        return row(row_userdata, "made", "pass", "nothing was read", "");
}

static void publish(void *userdata, const Changes *changes) {
        bus_publish(userdata, changes);
}

static sd_bus *take(int fd, sd_event *event) {
        const sd_id128_t id =
                SD_ID128_MAKE(68, 6f, 73, 74, 64, 65, 76, 64, 70, 65, 65, 72, 00, 00, 00, 01);
        sd_bus *connection = NULL;

        assert(sd_bus_new(&connection) >= 0);
        assert(sd_bus_set_fd(connection, fd, fd) >= 0);
        assert(sd_bus_set_server(connection, true, id) >= 0);
        assert(sd_bus_set_anonymous(connection, true) >= 0);
        /* As daemon.c does. */
        assert(sd_bus_negotiate_fds(connection, false) >= 0);
        assert(sd_bus_start(connection) >= 0);
        assert(sd_bus_attach_event(connection, event, SD_EVENT_PRIORITY_NORMAL) >= 0);
        assert(sd_bus_set_exit_on_disconnect(connection, true) >= 0);
        return connection;
}

/* Until the client has gone, or was thrown out. */
static void serve(int fd) {
        const BusPorts ports = { .reload = reload, .check_host = check_host };
        Manager *manager = fake_manager_new();
        sd_event *event = NULL;
        sd_bus *connection;
        Bus *bus;

        assert(sd_event_new(&event) >= 0);
        connection = take(fd, event);
        manager->takes_many = true;
        fake_manager_add_attachment(manager, 17, 1000);
        assert(bus_new(&bus, connection, event, manager, &ports) == 0);
        manager->publish = publish;
        manager->publish_userdata = bus;

        while (sd_event_get_state(event) != SD_EVENT_FINISHED) {
                assert(sd_event_run(event, UINT64_MAX) >= 0);
                /* What a handler has changed is told, as at the end of each turn of the daemon's loop. */
                if (sd_event_get_state(event) == SD_EVENT_INITIAL)
                        fake_manager_settle(manager);
        }

        manager->publish = NULL;
        bus_free(bus);
        manager_free(manager);
        sd_bus_flush_close_unref(connection);
        sd_event_unref(event);
}

static int listen_at(const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd;

        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || bind(fd, (struct sockaddr *) &address, sizeof(address)) < 0 ||
            listen(fd, 16) < 0)
                return -errno;
        return fd;
}

int main(int argc, char **argv) {
        unsigned long n_served = 0;
        int listener;

        if (argc != 2) {
                fputs("usage: peer PATH\n", stderr);
                return 2;
        }

        listener = listen_at(argv[1]);
        if (listener < 0) {
                fprintf(stderr, "peer: %s: %s\n", argv[1], strerror(-listener));
                return 1;
        }
        puts("ready");
        (void) fflush(stdout);

        for (;;) {
                struct pollfd pollers[] = { { .fd = listener, .events = POLLIN },
                                            { .fd = STDIN_FILENO, .events = POLLIN } };
                int fd;

                if (poll(pollers, 2, -1) < 0)
                        return 1;
                if (pollers[1].revents)
                        break;
                fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
                if (fd < 0)
                        return 1;
                serve(fd);
                n_served++;
        }

        printf("%lu connections\n", n_served);
        close(listener);
        return 0;
}
