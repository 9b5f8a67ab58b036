/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory that lacks: each allocation of ours fails once, and each step at a message that we write, in every
 * call that there is. What comes is an answer, and nothing is left behind.
 *
 * The linker puts the functions below in the place of the library's (--wrap). They fail on the service's
 * connection alone: the other ends are the test's.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bus/call.h"
#include "failing-memory.h"
#include "world.h"

int __real_sd_bus_message_open_container(sd_bus_message *message, char type, const char *contents);
int __real_sd_bus_message_close_container(sd_bus_message *message);
int __real_sd_bus_message_new_method_call(sd_bus *bus, sd_bus_message **ret,
                                          const char *destination, const char *path,
                                          const char *interface, const char *member);
int __real_sd_bus_call_async(sd_bus *bus, sd_bus_slot **ret, sd_bus_message *message,
                             sd_bus_message_handler_t callback, void *userdata, uint64_t usec);

int __wrap_sd_bus_message_append(sd_bus_message *message, const char *types, ...);
int __wrap_sd_bus_message_open_container(sd_bus_message *message, char type, const char *contents);
int __wrap_sd_bus_message_close_container(sd_bus_message *message);
int __wrap_sd_bus_message_new_method_call(sd_bus *bus, sd_bus_message **ret,
                                          const char *destination, const char *path,
                                          const char *interface, const char *member);
int __wrap_sd_bus_call_async(sd_bus *bus, sd_bus_slot **ret, sd_bus_message *message,
                             sd_bus_message_handler_t callback, void *userdata, uint64_t usec);

static sd_bus *service;

static bool message_lacks(sd_bus_message *message) {
        return sd_bus_message_get_bus(message) == service && memory_fails();
}

int __wrap_sd_bus_message_append(sd_bus_message *message, const char *types, ...) {
        va_list arguments;
        int r;

        if (message_lacks(message))
                return -ENOMEM;

        va_start(arguments, types);
        r = sd_bus_message_appendv(message, types, arguments);
        va_end(arguments);
        return r;
}

int __wrap_sd_bus_message_open_container(sd_bus_message *message, char type, const char *contents) {
        return message_lacks(message)
                       ? -ENOMEM
                       : __real_sd_bus_message_open_container(message, type, contents);
}

int __wrap_sd_bus_message_close_container(sd_bus_message *message) {
        return message_lacks(message) ? -ENOMEM : __real_sd_bus_message_close_container(message);
}

int __wrap_sd_bus_message_new_method_call(sd_bus *bus, sd_bus_message **ret,
                                          const char *destination, const char *path,
                                          const char *interface, const char *member) {
        return bus == service && memory_fails()
                       ? -ENOMEM
                       : __real_sd_bus_message_new_method_call(bus, ret, destination, path,
                                                               interface, member);
}

int __wrap_sd_bus_call_async(sd_bus *bus, sd_bus_slot **ret, sd_bus_message *message,
                             sd_bus_message_handler_t callback, void *userdata, uint64_t usec) {
        return bus == service && memory_fails()
                       ? -ENOMEM
                       : __real_sd_bus_call_async(bus, ret, message, callback, userdata, usec);
}

static bool is_answered(World *world, void *userdata) {
        const Reply *reply = userdata;

        if (world->manager->done)
                fake_manager_answer(world->manager, DETACH_REFUSED, "no", 17);
        return reply->message;
}

typedef Reply *(*Sender)(sd_bus *client);

static Reply *send_attach(sd_bus *client) {
        return world_send(client, false, ROOT_PATH, MANAGER_INTERFACE, "Attach", "ssa{sv}", "web",
                          "nic", 2, "force", "b", 1, "reason", "s", "because");
}

static Reply *send_bad_attach(sd_bus *client) {
        return world_send(client, false, ROOT_PATH, MANAGER_INTERFACE, "Attach", "ssa{sv}", "web",
                          "fpga", 0);
}

static Reply *send_detach(sd_bus *client) {
        return world_send(client, false, ATTACHMENT_PREFIX "/17", ATTACHMENT_INTERFACE, "Detach",
                          "a{sv}", 0);
}

static Reply *send_remove(sd_bus *client) {
        return world_send(client, false, ROOT_PATH, MANAGER_INTERFACE, "RemovePool", "sa{sv}",
                          "none", 0);
}

static Reply *send_explain(sd_bus *client) {
        return world_send(client, false, ROOT_PATH, MANAGER_INTERFACE, "Explain", "sa{sv}", "nic",
                          1, "domain", "s", "web");
}

static Reply *send_objects(sd_bus *client) {
        return world_send(client, false, ROOT_PATH, "org.freedesktop.DBus.ObjectManager",
                          "GetManagedObjects", NULL);
}

static Reply *send_bad_pool(sd_bus *client) {
        return world_send(client, false, ROOT_PATH, MANAGER_INTERFACE, "AddPool", "saa{ss}a{sv}",
                          "10g-nics", 1, 2, "vendor_id", "8086", "tag.rack", "4", 1, "description",
                          "s", "for guests");
}

static bool has_no_calls(World *world, void *userdata) {
        return world->bus->n_calls == 0;
}

/* Fails the first, the second, … allocation of the call until it needs no more. */
static void try_all(Sender sender) {
        World *world = world_new(POLKIT_YES, false);
        sd_bus *client = world_connect(world);
        bool failed = true;

        service = world->bus->connection;
        fake_manager_add_attachment(world->manager, 17, 0);
        fake_manager_settle(world->manager);

        for (int n = 0; failed; n++) {
                _cleanup_(reply_freep) Reply *reply = sender(client);

                /* Each time anew, so that to learn whose it is may fail, too. */
                memset(world->bus->callers, 0, sizeof(world->bus->callers));
                memory_fail_after(n);
                world_run_until(world, is_answered, reply);
                failed = memory_has_failed();

                world_run_until(world, has_no_calls, NULL);
                assert_true(n < 1000);
                if (failed)
                        continue;
                assert_true(n > 0); /* otherwise nothing was tried */
        }

        world_disconnect(client);
        world_free(world);
}

static void attach_survives_it(void **state) {
        try_all(send_attach);
        try_all(send_bad_attach);
}

static void detach_survives_it(void **state) {
        try_all(send_detach);
}

static void pools_survive_it(void **state) {
        try_all(send_bad_pool);
        try_all(send_remove);
}

static void reading_survives_it(void **state) {
        try_all(send_explain);
        try_all(send_objects);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(attach_survives_it),
                cmocka_unit_test(detach_survives_it),
                cmocka_unit_test(pools_survive_it),
                cmocka_unit_test(reading_survives_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
