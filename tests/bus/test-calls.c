/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bus/call.h"
#include "bus/methods.h"
#include "world.h"

#define ERROR(name)  "org.hostdev1.Error." name
#define INVALID_ARGS "org.freedesktop.DBus.Error.InvalidArgs"

typedef struct Scene {
        World *world;
        sd_bus *client;
} Scene;

static Scene begin(PolkitMood mood) {
        World *world = world_new(mood, false);

        return (Scene){ .world = world, .client = world_connect(world) };
}

static void end(Scene *scene) {
        world_disconnect(scene->client);
        world_free(scene->world);
}

#define SEND(client, member, ...)                                                                  \
        world_send((client), false, ROOT_PATH, MANAGER_INTERFACE, (member), __VA_ARGS__)

static bool is_with_manager(World *world, void *userdata) {
        return world->manager->done;
}

/* A call of every method with arguments that would pass. */
static Reply *call_method(sd_bus *client, const Method *method) {
        static const struct {
                const char *member, *types;
        } signatures[] = {
                { "Attach", "ssa{sv}" },
                { "Explain", "sa{sv}" },
                { "AddPool", "saa{ss}a{sv}" },
                { "Detach", "a{sv}" },
                { "AddAlias", "saa{ss}a{sv}" },
                { "RemovePool", "sa{sv}" },
                { "Reload", NULL },
                { "RemoveAlias", "sa{sv}" },
                { "CheckHost", NULL },
                { "GetDevice", "s" },
                { "GetPool", "s" },
                { "GetAlias", "s" },
                { "ListAttachments", "s" },
        };
        const char *types = NULL, *member = method->member;
        const char *path = strcmp(method->interface, ATTACHMENT_INTERFACE) == 0 ? ATTACHMENT_PREFIX
                                   "/17"
                                                                                : ROOT_PATH;
        bool found = false;

        for (size_t i = 0; i < N_ELEMENTS(signatures); i++)
                if (strcmp(signatures[i].member, member) == 0) {
                        types = signatures[i].types;
                        found = true;
                }
        assert_true(found); /* a new method: say here how it is called */

        if (strcmp(member, "Attach") == 0)
                return world_send(client, false, path, method->interface, member, types, "web",
                                  "nic", 0);
        if (strcmp(member, "Explain") == 0)
                return world_send(client, false, path, method->interface, member, types, "nic", 0);
        if (strncmp(member, "Add", 3) == 0)
                return world_send(client, false, path, method->interface, member, types, "new", 0,
                                  0);
        if (strncmp(member, "Get", 3) == 0 || strcmp(member, "ListAttachments") == 0)
                return world_send(client, false, path, method->interface, member, types,
                                  strcmp(member, "GetDevice") == 0  ? "41:00.0"
                                  : strcmp(member, "GetPool") == 0  ? "10g-nics"
                                  : strcmp(member, "GetAlias") == 0 ? "nic"
                                                                    : "");
        return world_send(client, false, path, method->interface, member, types, "nic", 0);
}

static void what_is_not_public_is_denied_by_default(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_NO);

        fake_manager_add_attachment(scene.world->manager, 17, 0);
        fake_manager_settle(scene.world->manager);

        for (size_t i = 0; i < n_methods; i++) {
                _cleanup_(reply_freep) Reply *reply = NULL;
                unsigned n_asked = scene.world->n_asked;

                /* Detach has its options alone, no name before them. */
                reply = strcmp(methods[i].member, "Detach") == 0
                                ? world_send(scene.client, false, ATTACHMENT_PREFIX "/17",
                                             ATTACHMENT_INTERFACE, "Detach", "a{sv}", 0)
                                : call_method(scene.client, &methods[i]);

                if (methods[i].actions == 0) {
                        assert_string_equal(reply_error(scene.world, reply), "");
                        assert_int_equal(scene.world->n_asked, n_asked);
                        continue;
                }
                assert_string_equal(reply_error(scene.world, reply),
                                    "org.freedesktop.DBus.Error.AccessDenied");
                assert_int_equal(scene.world->n_asked, n_asked + 1);
        }

        assert_int_equal(scene.world->manager->n_changed, 0);
        assert_int_equal(scene.world->manager->registry.changes.n_items, 0);
}

static void attach_names_the_thing_at_fault(void **state) {
        static const struct {
                const char *domain, *request, *key, *type;
                uintptr_t value;
                const char *error, *text;
        } cases[] = {
                { "web", "nic", "dry_run", "b", 1, INVALID_ARGS, "dry_run" },
                { "web", "nic", "live", "u", 1, INVALID_ARGS, "live" },
                { "web", "nic", "wait-seconds", "u", 21, INVALID_ARGS, "wait-seconds" },
                { "web", "nic", "numa-policy", "s", (uintptr_t) "near", INVALID_ARGS, "near" },
                { "web", "nic", "reason", "s", (uintptr_t) "a\nb", INVALID_ARGS, "reason" },
                { "db", "nic", "live", "b", 1, INVALID_ARGS, "live" },
                { "db", "nic", "config", "b", 0, INVALID_ARGS, "config" },
                { "web", "nic:0", NULL, NULL, 0, ERROR("InvalidRequest"), "nic:0" },
                { "web", "nic:x", NULL, NULL, 0, ERROR("InvalidRequest"), "nic:x" },
                { "web", "", NULL, NULL, 0, ERROR("InvalidRequest"), "" },
                { "web", "nic,fpga", NULL, NULL, 0, ERROR("NoSuchAlias"), "fpga" },
                { "mail", "nic", NULL, NULL, 0, ERROR("NoSuchDomain"), "mail" },
                { "", "nic", NULL, NULL, 0, ERROR("NoSuchDomain"), "" },
                /* in the order of the contract: arguments, request, names, domain */
                { "mail", "fpga:0", "dry_run", "b", 1, INVALID_ARGS, "dry_run" },
                { "mail", "fpga:0", NULL, NULL, 0, ERROR("InvalidRequest"), "fpga:0" },
                { "mail", "fpga", NULL, NULL, 0, ERROR("NoSuchAlias"), "fpga" },
        };
        _cleanup_(end) Scene scene = begin(POLKIT_YES);

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(reply_freep) Reply *reply = NULL;

                reply = cases[i].key ? SEND(scene.client, "Attach", "ssa{sv}", cases[i].domain,
                                            cases[i].request, 1, cases[i].key, cases[i].type,
                                            cases[i].value)
                                     : SEND(scene.client, "Attach", "ssa{sv}", cases[i].domain,
                                            cases[i].request, 0);
                assert_string_equal(reply_error(scene.world, reply), cases[i].error);
                assert_non_null(strstr(reply_text(scene.world, reply), cases[i].text));
        }

        assert_int_equal(scene.world->n_asked, 0);
        assert_int_equal(scene.world->manager->n_chosen, 0);
        assert_int_equal(scene.world->bus->n_calls, 0);
}

static void a_wrong_signature_is_refused(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_YES);
        _cleanup_(reply_freep) Reply *reply = SEND(scene.client, "Attach", "ss", "web", "nic");

        assert_string_equal(reply_error(scene.world, reply), INVALID_ARGS);
        assert_int_equal(scene.world->n_asked, 0);
}

static void a_request_of_a_megabyte_is_refused_in_a_line(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_YES);
        _cleanup_(reply_freep) Reply *reply = NULL;
        _cleanup_(freep) char *text = malloc(1 << 20);

        assert_non_null(text);
        memset(text, 'x', (1 << 20) - 1);
        text[(1 << 20) - 1] = '\0';
        reply = SEND(scene.client, "Attach", "ssa{sv}", "web", text, 0);

        assert_int_not_equal(strlen(reply_error(scene.world, reply)), 0);
        assert_true(strlen(reply_text(scene.world, reply)) < 500);
}

static void text_in_the_form_of_a_UUID_is_a_UUID(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_YES);
        _cleanup_(reply_freep) Reply *known = NULL, *unknown = NULL;

        known = SEND(scene.client, "Attach", "ssa{sv}", WEB_UUID, "nic", 1, "dry-run", "b", 1);
        assert_string_equal(reply_path(scene.world, known), "/");
        unknown = SEND(scene.client, "Attach", "ssa{sv}", "00000000-2222-3333-4444-555555555555",
                       "nic", 1, "dry-run", "b", 1);
        assert_string_equal(reply_error(scene.world, unknown), ERROR("NoSuchDomain"));
}

static void a_dry_run_asks_chooses_and_changes_nothing(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_YES);
        _cleanup_(reply_freep) Reply *reply =
                SEND(scene.client, "Attach", "ssa{sv}", "web", "nic", 1, "dry-run", "b", 1);

        assert_string_equal(reply_path(scene.world, reply), "/");
        assert_int_equal(scene.world->n_asked, 1);
        assert_true(scene.world->manager->n_chosen > 0);
        assert_int_equal(scene.world->manager->n_changed, 0);
        assert_int_equal(scene.world->bus->n_calls, 0);
}

static void the_test_driver_gets_the_definition_alone(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_YES);
        _cleanup_(reply_freep) Reply *reply = NULL;

        scene.world->manager->uri = "test:///default";
        reply = SEND(scene.client, "Attach", "ssa{sv}", "web", "nic", 1, "dry-run", "b", 1);

        assert_string_equal(reply_path(scene.world, reply), "/");
        assert_false(scene.world->manager->chosen_live);
        assert_true(scene.world->manager->chosen_config);
}

static void a_refused_choice_is_told_after_the_authorization(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_YES);
        _cleanup_(reply_freep) Reply *reply = NULL;

        scene.world->manager->choice = DEVICES_NOT_ENOUGH;
        reply = SEND(scene.client, "Attach", "ssa{sv}", "web", "nic", 0);

        assert_string_equal(reply_error(scene.world, reply), ERROR("NotEnoughDevices"));
        assert_string_equal(reply_text(scene.world, reply), "nothing fits");
        assert_int_equal(scene.world->n_asked, 1);
}

static void who_has_enough_is_told_so_without_a_question(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_YES);
        _cleanup_(reply_freep) Reply *reply = NULL;

        scene.world->manager->limit = LIMIT_EXCEEDED;
        reply = SEND(scene.client, "Attach", "ssa{sv}", "web", "nic", 0);

        assert_string_equal(reply_error(scene.world, reply), ERROR("LimitExceeded"));
        assert_int_equal(scene.world->n_asked, 0);
        assert_int_equal(scene.world->manager->n_chosen, 0);
        assert_int_equal(scene.world->bus->n_calls, 0);
}

static void what_the_manager_refuses_at_once_is_told(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_YES);
        _cleanup_(reply_freep) Reply *reply = NULL;

        scene.world->manager->attach_verdict = JOURNAL_FAILED;
        reply = SEND(scene.client, "Attach", "ssa{sv}", "web", "nic", 0);

        assert_string_equal(reply_error(scene.world, reply), "org.freedesktop.DBus.Error.IOError");
        assert_int_equal(scene.world->bus->n_calls, 0);
}

static void what_goes_on_is_named_by_its_path(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_YES);
        _cleanup_(reply_freep) Reply *reply =
                SEND(scene.client, "Attach", "ssa{sv}", "web", "nic", 0);

        world_run_until(scene.world, is_with_manager, NULL);
        fake_manager_answer(scene.world->manager, OUTCOME_PENDING, "libvirt has not answered", 17);

        assert_string_equal(reply_error(scene.world, reply), ERROR("Pending"));
        assert_non_null(strstr(reply_text(scene.world, reply), "/org/hostdev1/attachment/17"));
}

/* Answers the open call as pending, and says how many ends the bus waits for then. */
static size_t leave_pending(Scene *scene, Reply *reply, uint32_t number) {
        world_run_until(scene->world, is_with_manager, NULL);
        fake_manager_answer(scene->world->manager, OUTCOME_PENDING, "it goes on", number);
        assert_string_equal(reply_error(scene->world, reply), ERROR("Pending"));
        return scene->world->bus->n_later;
}

static void the_end_of_what_went_on_is_waited_for_once(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_YES);
        Bus *bus = scene.world->bus;
        Reply *reply;

        fake_manager_add_attachment(scene.world->manager, 17, 0);
        fake_manager_settle(scene.world->manager);
        for (unsigned i = 0; i < 3; i++) {
                reply = world_send(scene.client, false, "/org/hostdev1/attachment/17",
                                   ATTACHMENT_INTERFACE, "Detach", "a{sv}", 0);
                assert_int_equal(leave_pending(&scene, reply, 17), 1);
                reply_free(reply);
        }
        reply = SEND(scene.client, "Attach", "ssa{sv}", "web", "nic", 0);
        assert_int_equal(leave_pending(&scene, reply, 18), 2);
        reply_free(reply);

        bus_ended(bus, 19, true, 0, NULL);
        bus_ended(bus, 17, false, 0, NULL);
        assert_int_equal(bus->n_later, 2);
        bus_ended(bus, 17, true, DETACH_REFUSED, "The guest refused");
        assert_int_equal(bus->n_later, 1);
        bus_ended(bus, 18, false, 0, NULL);
        assert_int_equal(bus->n_later, 0);
}

static void what_has_ended_is_not_named(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_YES);
        _cleanup_(reply_freep) Reply *reply =
                SEND(scene.client, "Attach", "ssa{sv}", "web", "nic", 0);

        world_run_until(scene.world, is_with_manager, NULL);
        fake_manager_answer(scene.world->manager, HYPERVISOR_REFUSED, "group not viable", 17);

        assert_string_equal(reply_error(scene.world, reply), ERROR("HypervisorRefused"));
        assert_string_equal(reply_text(scene.world, reply), "group not viable");
}

static void what_libvirt_has_goes_on_when_its_caller_leaves(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_YES);
        sd_bus *leaver = world_connect(scene.world);
        Reply *reply = SEND(leaver, "Attach", "ssa{sv}", "web", "nic", 0);

        world_run_until(scene.world, is_with_manager, NULL);
        reply_free(reply);
        world_disconnect(leaver);
        world_settle(scene.world);
        assert_int_equal(scene.world->bus->n_calls, 1);

        fake_manager_answer(scene.world->manager, 0, NULL, 17);
        assert_int_equal(scene.world->bus->n_calls, 0);
}

static void the_manager_may_answer_after_the_bus_is_gone(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_YES);
        _cleanup_(reply_freep) Reply *reply =
                SEND(scene.client, "Attach", "ssa{sv}", "web", "nic", 0);

        world_run_until(scene.world, is_with_manager, NULL);
        scene.world->manager->publish = NULL;
        scene.world->bus = bus_free(scene.world->bus);
        fake_manager_answer(scene.world->manager, OUTCOME_PENDING, "stopping", 17);

        assert_string_equal(reply_error(scene.world, reply), ERROR("Pending"));
}

static void detach_waits_as_long_as_it_is_told(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_YES);
        _cleanup_(reply_freep) Reply *by_default = NULL, *told = NULL;

        fake_manager_add_attachment(scene.world->manager, 17, 0);
        fake_manager_settle(scene.world->manager);

        by_default = world_send(scene.client, false, ATTACHMENT_PREFIX "/17", ATTACHMENT_INTERFACE,
                                "Detach", "a{sv}", 0);
        world_run_until(scene.world, is_with_manager, NULL);
        assert_int_equal(scene.world->manager->wait_usec, 20000000);
        fake_manager_answer(scene.world->manager, DETACH_REFUSED, "the guest said no", 17);
        assert_string_equal(reply_error(scene.world, by_default), ERROR("DetachRefused"));

        told = world_send(scene.client, false, ATTACHMENT_PREFIX "/17", ATTACHMENT_INTERFACE,
                          "Detach", "a{sv}", 2, "wait-seconds", "u", 3, "reason", "s", "night");
        world_run_until(scene.world, is_with_manager, NULL);
        assert_int_equal(scene.world->manager->wait_usec, 3000000);
        fake_manager_answer(scene.world->manager, 0, NULL, 17);
        assert_string_equal(reply_error(scene.world, told), "");
}

static void the_checks_of_the_host_are_rows_of_four(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_NO);
        _cleanup_(reply_freep) Reply *reply = SEND(scene.client, "CheckHost", NULL);
        const char *id, *result, *evidence, *fix;

        assert_string_equal(reply_error(scene.world, reply), "");
        assert_true(sd_bus_message_enter_container(reply->message, 'a', "(ssss)") > 0);
        assert_true(sd_bus_message_skip(reply->message, "(ssss)") > 0);
        assert_true(sd_bus_message_read(reply->message, "(ssss)", &id, &result, &evidence, &fix) >
                    0);
        assert_string_equal(id, "vfio");
        assert_string_equal(result, "fail");
        assert_string_equal(evidence, "no vfio-pci");
        assert_string_equal(fix, "modprobe vfio-pci");
        assert_true(sd_bus_message_at_end(reply->message, false) > 0);
}

static void entries_are_checked_before_polkit_is_asked(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_YES);
        _cleanup_(reply_freep) Reply *name = NULL, *key = NULL, *unit = NULL, *description = NULL;

        name = SEND(scene.client, "AddPool", "saa{ss}a{sv}", "-x", 0, 0);
        assert_string_equal(reply_error(scene.world, name), ERROR("InvalidName"));
        key = SEND(scene.client, "AddPool", "saa{ss}a{sv}", "x", 1, 1, "vendor", "8086", 0);
        assert_string_equal(reply_error(scene.world, key), ERROR("InvalidMatch"));
        assert_non_null(strstr(reply_text(scene.world, key), "vendor"));
        unit = SEND(scene.client, "AddAlias", "saa{ss}a{sv}", "x", 0, 1, "unit", "s", "board");
        assert_string_equal(reply_error(scene.world, unit), INVALID_ARGS);
        description = SEND(scene.client, "AddPool", "saa{ss}a{sv}", "x", 0, 1, "description", "s",
                           "a\nb");
        assert_string_equal(reply_error(scene.world, description), INVALID_ARGS);

        assert_int_equal(scene.world->n_asked, 0);
        assert_int_equal(scene.world->manager->n_changed, 0);
}

static void entries_are_made_as_told(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_YES);
        _cleanup_(reply_freep) Reply *pool = NULL, *alias = NULL, *taken = NULL;
        const Catalog *catalog = &scene.world->manager->registry.catalog;

        pool = SEND(scene.client, "AddPool", "saa{ss}a{sv}", "x-1", 2, 1, "vendor_id", "8086", 1,
                    "tag.rack", "row 4", 1, "description", "s", "for guests");
        assert_string_equal(reply_path(scene.world, pool), "/org/hostdev1/pool/x_2d1");
        assert_string_equal(catalog_find_pool(catalog, "x-1")->description, "for guests");
        assert_int_equal(catalog_find_pool(catalog, "x-1")->n_rules, 2);
        assert_int_equal(catalog_find_pool(catalog, "x-1")->source, SOURCE_RUNTIME);

        alias = SEND(scene.client, "AddAlias", "saa{ss}a{sv}", "y", 1, 1, "vendor_id", "8086", 2,
                     "numa-policy", "s", "required", "unit", "s", "group");
        assert_string_equal(reply_path(scene.world, alias), "/org/hostdev1/alias/y");
        assert_int_equal(catalog_find_alias(catalog, "y")->numa_policy, NUMA_REQUIRED);
        assert_int_equal(catalog_find_alias(catalog, "y")->unit, UNIT_GROUP);

        taken = SEND(scene.client, "AddPool", "saa{ss}a{sv}", "x-1", 0, 0);
        assert_string_equal(reply_error(scene.world, taken), ERROR("AlreadyExists"));
}

static void reload_tells_file_and_line(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_YES);
        _cleanup_(reply_freep) Reply *good = NULL, *bad = NULL;

        good = SEND(scene.client, "Reload", NULL);
        assert_string_equal(reply_error(scene.world, good), "");
        assert_string_equal(scene.world->asked[0].action, "org.hostdev1.manage");

        scene.world->reload_verdict = CONFIG_INVALID;
        bad = SEND(scene.client, "Reload", NULL);
        assert_string_equal(reply_error(scene.world, bad), ERROR("InvalidConfig"));
        assert_string_equal(reply_text(scene.world, bad), "hostdevd.conf:3: no such key");
        assert_int_equal(scene.world->n_reloads, 2);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_not_public_is_denied_by_default),
                cmocka_unit_test(attach_names_the_thing_at_fault),
                cmocka_unit_test(a_wrong_signature_is_refused),
                cmocka_unit_test(a_request_of_a_megabyte_is_refused_in_a_line),
                cmocka_unit_test(text_in_the_form_of_a_UUID_is_a_UUID),
                cmocka_unit_test(a_dry_run_asks_chooses_and_changes_nothing),
                cmocka_unit_test(the_test_driver_gets_the_definition_alone),
                cmocka_unit_test(a_refused_choice_is_told_after_the_authorization),
                cmocka_unit_test(who_has_enough_is_told_so_without_a_question),
                cmocka_unit_test(what_the_manager_refuses_at_once_is_told),
                cmocka_unit_test(what_goes_on_is_named_by_its_path),
                cmocka_unit_test(the_end_of_what_went_on_is_waited_for_once),
                cmocka_unit_test(what_has_ended_is_not_named),
                cmocka_unit_test(what_libvirt_has_goes_on_when_its_caller_leaves),
                cmocka_unit_test(the_manager_may_answer_after_the_bus_is_gone),
                cmocka_unit_test(detach_waits_as_long_as_it_is_told),
                cmocka_unit_test(the_checks_of_the_host_are_rows_of_four),
                cmocka_unit_test(entries_are_checked_before_polkit_is_asked),
                cmocka_unit_test(entries_are_made_as_told),
                cmocka_unit_test(reload_tells_file_and_line),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
