/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Prints what the service really offers, for test-contract.py: one line "method INTERFACE MEMBER ACTION…"
 * (or "public") a row of the table, one line "action ID" an action, then the introspection of an object
 * of each kind after a line "object PATH".
 *
 * The objects stand on one end of a socketpair, and who asks is on the other: no bus daemon.
 */
#include <assert.h>
#include <stdio.h>
#include <sys/socket.h>

#include <systemd/sd-id128.h>

#include "bus/methods.h"
#include "fake-manager.h"

static int no_reload(void *userdata, Refusal *refusal) {
        return 0;
}

static int no_checks(void *userdata,
                     int (*row)(void *row_userdata, const char *id, const char *result,
                                const char *evidence, const char *fix),
                     void *row_userdata) {
        return 0;
}

static void show_table(void) {
        for (size_t i = 0; i < n_methods; i++) {
                printf("method %s %s", methods[i].interface, methods[i].member);
                for (unsigned bit = 0; bit < ACTION_COUNT; bit++)
                        if (methods[i].actions & (1u << bit))
                                printf(" %s", action_id(1u << bit));
                printf("%s\n", methods[i].actions == 0 ? " public" : "");
        }
        for (unsigned bit = 0; bit < ACTION_COUNT; bit++)
                printf("action %s\n", action_id(1u << bit));
}

/* A handler that is not the one of the table would be a way around it. */
static void check_handlers(const sd_bus_vtable *vtable) {
        for (; vtable->type != _SD_BUS_VTABLE_END; vtable++)
                if (vtable->type == _SD_BUS_VTABLE_METHOD)
                        printf("handler %s %s\n", vtable->x.method.member,
                               vtable->x.method.handler == method_dispatch ? "table" : "other");
}

static sd_bus *connect_end(sd_event *event, int fd, bool server) {
        sd_bus *connection = NULL;
        sd_id128_t id = { 0 };

        assert(sd_bus_new(&connection) >= 0);
        assert(sd_bus_set_fd(connection, fd, fd) >= 0);
        assert(sd_bus_set_anonymous(connection, true) >= 0);
        if (server)
                assert(sd_bus_set_server(connection, true, id) >= 0);
        assert(sd_bus_start(connection) >= 0);
        assert(sd_bus_attach_event(connection, event, SD_EVENT_PRIORITY_NORMAL) >= 0);
        return connection;
}

static unsigned n_shown;

static int on_introspection(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const char *text;

        assert(!sd_bus_message_is_method_error(reply, NULL));
        assert(sd_bus_message_read(reply, "s", &text) > 0);
        printf("object %s\n%s\n", (const char *) userdata, text);
        n_shown++;
        return 0;
}

int main(void) {
        static const char *const paths[] = {
                ROOT_PATH,           DEVICE_PREFIX "/pci_0000_41_00_0", POOL_PREFIX "/_310g_2dnics",
                ALIAS_PREFIX "/nic", ATTACHMENT_PREFIX "/17",
        };
        const BusPorts ports = { .reload = no_reload, .check_host = no_checks };
        _cleanup_(manager_freep) Manager *manager = fake_manager_new();
        sd_bus *service, *client;
        sd_event *event = NULL;
        Bus *bus;
        int fds[2];

        assert(sd_event_new(&event) >= 0);
        assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
        service = connect_end(event, fds[0], true);
        client = connect_end(event, fds[1], false);
        fake_manager_add_attachment(manager, 17, 1000);
        fake_manager_settle(manager);
        assert(bus_new(&bus, service, event, manager, &ports) == 0);

        show_table();
        check_handlers(manager_vtable);
        check_handlers(device_vtable);
        check_handlers(pool_vtable);
        check_handlers(alias_vtable);
        check_handlers(attachment_vtable);
        for (size_t i = 0; i < N_ELEMENTS(paths); i++) {
                const unsigned n = n_shown + 1;

                assert(sd_bus_call_method_async(client, NULL, NULL, paths[i],
                                                "org.freedesktop.DBus.Introspectable", "Introspect",
                                                on_introspection, (char *) paths[i], NULL) >= 0);
                while (n_shown < n)
                        assert(sd_event_run(event, UINT64_MAX) >= 0);
        }

        bus_free(bus);
        sd_bus_close_unref(client);
        sd_bus_close_unref(service);
        sd_event_unref(event);
        return 0;
}
