/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "bus/state.h"
#include "world.h"

#define NIC0_PATH      DEVICE_PREFIX "/pci_0000_41_00_0"
#define POOL_PATH      POOL_PREFIX "/_310g_2dnics"
#define PROPERTIES     "org.freedesktop.DBus.Properties"
#define OBJECTS        "org.freedesktop.DBus.ObjectManager"
#define UNKNOWN_OBJECT "org.freedesktop.DBus.Error.UnknownObject"

enum {
        HEARD_MAX = 4096
};

/* Signals and the order in which they came, as "MEMBER path names…". */
typedef struct Scene {
        World *world;
        sd_bus *client;
        sd_bus_slot *match;
        char heard[HEARD_MAX];
} Scene;

static void hear(Scene *scene, const char *text) {
        size_t n = strlen(scene->heard);

        assert_true(n + strlen(text) + 2 < HEARD_MAX);
        strcpy(scene->heard + n, text);
        strcat(scene->heard, " ");
}

static void hear_objects(Scene *scene, sd_bus_message *signal, bool added) {
        const char *path, *interface;

        assert_true(sd_bus_message_read(signal, "o", &path) > 0);
        hear(scene, path);
        if (!added) {
                assert_true(sd_bus_message_enter_container(signal, 'a', "s") > 0);
                while (sd_bus_message_read(signal, "s", &interface) > 0)
                        hear(scene, interface);
        }
}

static void hear_properties(Scene *scene, sd_bus_message *signal) {
        const char *name;

        hear(scene, sd_bus_message_get_path(signal));
        assert_true(sd_bus_message_skip(signal, "s") > 0);
        assert_true(sd_bus_message_enter_container(signal, 'a', "{sv}") > 0);
        while (sd_bus_message_enter_container(signal, 'e', "sv") > 0) {
                assert_true(sd_bus_message_read(signal, "s", &name) > 0);
                hear(scene, name);
                assert_true(sd_bus_message_skip(signal, "v") > 0);
                assert_true(sd_bus_message_exit_container(signal) >= 0);
        }
        assert_true(sd_bus_message_exit_container(signal) >= 0);
        assert_true(sd_bus_message_enter_container(signal, 'a', "s") > 0);
        hear(scene, "invalidated:");
        while (sd_bus_message_read(signal, "s", &name) > 0)
                hear(scene, name);
}

static int on_signal(sd_bus_message *signal, void *userdata, sd_bus_error *error) {
        const char *member = sd_bus_message_get_member(signal);
        Scene *scene = userdata;

        hear(scene, member);
        if (strcmp(member, "PropertiesChanged") == 0)
                hear_properties(scene, signal);
        else
                hear_objects(scene, signal, strcmp(member, "InterfacesAdded") == 0);
        hear(scene, "|");
        return 0;
}

static Scene *begin(void) {
        Scene *scene = calloc(1, sizeof(*scene));

        assert_non_null(scene);
        scene->world = world_new(POLKIT_YES, false);
        scene->client = world_connect(scene->world);
        assert_true(sd_bus_match_signal(scene->client, &scene->match, BUS_NAME, NULL, NULL, NULL,
                                        on_signal, scene) >= 0);
        return scene;
}

static void end(Scene **scene) {
        sd_bus_slot_unref((*scene)->match);
        world_disconnect((*scene)->client);
        world_free((*scene)->world);
        free(*scene);
}

/* A property as text: lists with blanks between, numbers in decimal. */
static const char *get(Scene *scene, const char *path, const char *interface, const char *name) {
        static char text[1024];
        _cleanup_(reply_freep) Reply *reply =
                world_send(scene->client, false, path, PROPERTIES, "Get", "ss", interface, name);
        const char *type, *item;
        size_t n = 0;
        char basic;

        assert_string_equal(reply_error(scene->world, reply), "");
        assert_true(sd_bus_message_peek_type(reply->message, NULL, &type) > 0);
        assert_true(sd_bus_message_enter_container(reply->message, 'v', type) > 0);
        text[0] = '\0';
        basic = *type;
        if (basic == 's' || basic == 'o') {
                assert_true(sd_bus_message_read_basic(reply->message, basic, &item) > 0);
                snprintf(text, sizeof(text), "%s", item);
        } else if (basic == 'a') {
                assert_true(sd_bus_message_enter_container(reply->message, 'a', type + 1) > 0);
                while (sd_bus_message_read_basic(reply->message, type[1], &item) > 0)
                        n += (size_t) snprintf(text + n, sizeof(text) - n, "%s%s", n ? " " : "",
                                               item);
        } else {
                uint64_t value = 0;

                assert_true(sd_bus_message_read_basic(reply->message, basic, &value) > 0);
                snprintf(text, sizeof(text), "%d", (int) value);
        }
        return text;
}

static void a_device_shows_what_is_known_of_it(void **state) {
        static const struct {
                const char *name, *value;
        } properties[] = {
                { "Address", "0000:41:00.0" },
                { "VendorId", "8086" },
                { "ProductId", "10d3" },
                { "SubsystemVendorId", "" },
                { "ClassCode", "020000" },
                { "Driver", "e1000e" },
                { "NumaNode", "0" },
                { "IommuGroup", "65" },
                { "GroupAddresses", "0000:41:00.0" },
                { "DeviceType", "type-PCI" },
                { "PhysicalFunction", "" },
                { "VirtualFunctions", "" },
                { "MaxVirtualFunctions", "0" },
                { "Pool", POOL_PATH },
                { "State", "available" },
                { "Reasons", "" },
                { "Attachment", "/" },
                { "Holder", "" },
        };
        _cleanup_(end) Scene *scene = begin();

        for (size_t i = 0; i < N_ELEMENTS(properties); i++)
                assert_string_equal(get(scene, NIC0_PATH, DEVICE_INTERFACE, properties[i].name),
                                    properties[i].value);
}

static void a_held_device_names_its_attachment(void **state) {
        _cleanup_(end) Scene *scene = begin();

        fake_manager_add_attachment(scene->world->manager, 17, 1000);
        fake_manager_settle(scene->world->manager);

        assert_string_equal(get(scene, NIC0_PATH, DEVICE_INTERFACE, "State"), "reserved");
        assert_string_equal(get(scene, NIC0_PATH, DEVICE_INTERFACE, "Reasons"), "reserved");
        assert_string_equal(get(scene, NIC0_PATH, DEVICE_INTERFACE, "Attachment"),
                            ATTACHMENT_PREFIX "/17");
        assert_string_equal(get(scene, NIC0_PATH, DEVICE_INTERFACE, "Holder"), "attachment:17");
        assert_string_equal(get(scene, ATTACHMENT_PREFIX "/17", ATTACHMENT_INTERFACE, "Devices"),
                            NIC0_PATH);
        assert_string_equal(get(scene, ATTACHMENT_PREFIX "/17", ATTACHMENT_INTERFACE, "OwnerUid"),
                            "1000");
        assert_string_equal(get(scene, POOL_PATH, POOL_INTERFACE, "Total"), "2");
        assert_string_equal(get(scene, POOL_PATH, POOL_INTERFACE, "Free"), "1");
}

static void pools_and_aliases_list_their_devices(void **state) {
        _cleanup_(end) Scene *scene = begin();

        assert_string_equal(get(scene, POOL_PATH, POOL_INTERFACE, "Name"), "10g-nics");
        assert_string_equal(get(scene, POOL_PATH, POOL_INTERFACE, "Devices"),
                            NIC0_PATH " " DEVICE_PREFIX "/pci_0000_42_00_0");
        assert_string_equal(get(scene, ALIAS_PREFIX "/nic", ALIAS_INTERFACE, "Devices"),
                            NIC0_PATH " " DEVICE_PREFIX "/pci_0000_42_00_0");
        assert_string_equal(get(scene, ALIAS_PREFIX "/gpu", ALIAS_INTERFACE, "Devices"), "");
        assert_string_equal(get(scene, ALIAS_PREFIX "/nic", ALIAS_INTERFACE, "NumaPolicy"),
                            "legacy");
        assert_string_equal(get(scene, ALIAS_PREFIX "/nic", ALIAS_INTERFACE, "Unit"), "function");
}

static void the_manager_shows_its_libvirt(void **state) {
        _cleanup_(end) Scene *scene = begin();

        assert_string_equal(get(scene, ROOT_PATH, MANAGER_INTERFACE, "Version"), PROJECT_VERSION);
        assert_string_equal(get(scene, ROOT_PATH, MANAGER_INTERFACE, "LibvirtUri"),
                            "qemu:///system");
        assert_string_equal(get(scene, ROOT_PATH, MANAGER_INTERFACE, "LibvirtConnected"), "1");
        assert_string_equal(get(scene, ROOT_PATH, MANAGER_INTERFACE, "HostReady"), "1");
}

static void one_call_reads_every_object(void **state) {
        static const char *const expected[] = {
                ROOT_PATH "/alias/gpu",
                ROOT_PATH "/alias/nic",
                ATTACHMENT_PREFIX "/17",
                NIC0_PATH,
                DEVICE_PREFIX "/pci_0000_42_00_0",
                POOL_PATH,
        };
        _cleanup_(end) Scene *scene = begin();
        _cleanup_(reply_freep) Reply *reply = NULL;
        unsigned found = 0, n = 0;
        const char *path;

        fake_manager_add_attachment(scene->world->manager, 17, 1000);
        fake_manager_settle(scene->world->manager);
        reply = world_send(scene->client, false, ROOT_PATH, OBJECTS, "GetManagedObjects", NULL);
        assert_string_equal(reply_error(scene->world, reply), "");

        assert_true(sd_bus_message_enter_container(reply->message, 'a', "{oa{sa{sv}}}") > 0);
        while (sd_bus_message_enter_container(reply->message, 'e', "oa{sa{sv}}") > 0) {
                assert_true(sd_bus_message_read(reply->message, "o", &path) > 0);
                for (size_t i = 0; i < N_ELEMENTS(expected); i++)
                        if (strcmp(path, expected[i]) == 0)
                                found |= 1u << i;
                assert_true(sd_bus_message_skip(reply->message, "a{sa{sv}}") > 0);
                assert_true(sd_bus_message_exit_container(reply->message) >= 0);
                n++;
        }
        assert_int_equal(found, (1u << N_ELEMENTS(expected)) - 1);
        assert_int_equal(n, N_ELEMENTS(expected));
}

/* What a container says, as text: the caller's to free. */
static char *text_of(sd_bus_message *message) {
        char *text = NULL;
        size_t size;
        FILE *file = open_memstream(&text, &size);

        assert_non_null(file);
        assert_true(sd_bus_message_dump(message, file, SD_BUS_MESSAGE_DUMP_SUBTREE_ONLY) >= 0);
        assert_int_equal(fclose(file), 0);
        return text;
}

/* sd-bus itself answers GetAll of one object. */
static void assert_says_itself(Scene *scene, const char *path, sd_bus_message *interface) {
        _cleanup_(reply_freep) Reply *reply = NULL;
        _cleanup_(freep) char *expected = NULL, *found = NULL;
        const char *name;

        assert_true(sd_bus_message_read(interface, "s", &name) > 0);
        reply = world_send(scene->client, false, path, PROPERTIES, "GetAll", "s", name);
        assert_string_equal(reply_error(scene->world, reply), "");
        assert_true(sd_bus_message_enter_container(reply->message, 'a', "{sv}") > 0);
        assert_true(sd_bus_message_enter_container(interface, 'a', "{sv}") > 0);
        expected = text_of(reply->message);
        found = text_of(interface);
        assert_string_equal(found, expected);
        assert_true(sd_bus_message_exit_container(interface) >= 0);
}

static void all_objects_at_once_say_what_each_says_itself(void **state) {
        static const char *const prefixes[] = { DEVICE_PREFIX, POOL_PREFIX, ALIAS_PREFIX,
                                                ATTACHMENT_PREFIX };
        _cleanup_(end) Scene *scene = begin();
        _cleanup_(reply_freep) Reply *reply = NULL;
        unsigned n_told = 0, n_listed = 0;
        const char *path;

        fake_manager_add_attachment(scene->world->manager, 17, 1000);
        fake_manager_settle(scene->world->manager);
        reply = world_send(scene->client, false, ROOT_PATH, OBJECTS, "GetManagedObjects", NULL);
        assert_string_equal(reply_error(scene->world, reply), "");

        assert_true(sd_bus_message_enter_container(reply->message, 'a', "{oa{sa{sv}}}") > 0);
        while (sd_bus_message_enter_container(reply->message, 'e', "oa{sa{sv}}") > 0) {
                unsigned n_interfaces = 0;

                assert_true(sd_bus_message_read(reply->message, "o", &path) > 0);
                assert_true(sd_bus_message_enter_container(reply->message, 'a', "{sa{sv}}") > 0);
                for (; sd_bus_message_enter_container(reply->message, 'e', "sa{sv}") > 0;
                     n_interfaces++) {
                        assert_says_itself(scene, path, reply->message);
                        assert_true(sd_bus_message_exit_container(reply->message) >= 0);
                }
                assert_int_equal(n_interfaces, 4);
                assert_true(sd_bus_message_exit_container(reply->message) >= 0);
                assert_true(sd_bus_message_exit_container(reply->message) >= 0);
                n_told++;
        }

        for (size_t i = 0; i < N_ELEMENTS(prefixes); i++) {
                _cleanup_(reply_freep) Reply *nodes =
                        world_send(scene->client, false, prefixes[i],
                                   "org.freedesktop.DBus.Introspectable", "Introspect", NULL);
                const char *xml;

                assert_string_equal(reply_error(scene->world, nodes), "");
                assert_true(sd_bus_message_read(nodes->message, "s", &xml) > 0);
                while ((xml = strstr(xml, "<node name="))) {
                        n_listed++;
                        xml++;
                }
        }
        assert_int_equal(n_told, n_listed);
}

static void a_path_that_is_no_object_is_unknown(void **state) {
        static const struct {
                const char *path, *interface;
        } cases[] = {
                { DEVICE_PREFIX "/pci_0000_99_00_0", DEVICE_INTERFACE },
                { DEVICE_PREFIX "/nonsense", DEVICE_INTERFACE },
                { POOL_PREFIX "/nonsense", POOL_INTERFACE },
                { ALIAS_PREFIX "/nonsense", ALIAS_INTERFACE },
                { ATTACHMENT_PREFIX "/1", ATTACHMENT_INTERFACE },
                { ATTACHMENT_PREFIX "/99999999999", ATTACHMENT_INTERFACE },
        };
        _cleanup_(end) Scene *scene = begin();

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(reply_freep) Reply *reply =
                        world_send(scene->client, false, cases[i].path, PROPERTIES, "GetAll", "s",
                                   cases[i].interface);

                assert_string_equal(reply_error(scene->world, reply), UNKNOWN_OBJECT);
        }

        _cleanup_(reply_freep) Reply *detach =
                world_send(scene->client, false, ATTACHMENT_PREFIX "/1", ATTACHMENT_INTERFACE,
                           "Detach", "a{sv}", 0);

        assert_string_equal(reply_error(scene->world, detach), UNKNOWN_OBJECT);
}

static void things_are_found_by_name(void **state) {
        static const struct {
                const char *member, *name, *path, *error;
        } cases[] = {
                { "GetDevice", "0000:41:00.0", NIC0_PATH, NULL },
                { "GetDevice", "41:00.0", NIC0_PATH, NULL },
                { "GetDevice", "0000:43:00.0", NULL, "org.hostdev1.Error.NoSuchDevice" },
                { "GetDevice", "nonsense", NULL, "org.hostdev1.Error.NoSuchDevice" },
                { "GetDevice", "", NULL, "org.hostdev1.Error.NoSuchDevice" },
                { "GetPool", "10g-nics", POOL_PATH, NULL },
                { "GetPool", "nic", NULL, "org.hostdev1.Error.NoSuchPool" },
                { "GetAlias", "nic", ALIAS_PREFIX "/nic", NULL },
                { "GetAlias", "10g-nics", NULL, "org.hostdev1.Error.NoSuchAlias" },
        };
        _cleanup_(end) Scene *scene = begin();

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(reply_freep) Reply *reply =
                        world_send(scene->client, false, ROOT_PATH, MANAGER_INTERFACE,
                                   cases[i].member, "s", cases[i].name);

                if (cases[i].path)
                        assert_string_equal(reply_path(scene->world, reply), cases[i].path);
                else
                        assert_string_equal(reply_error(scene->world, reply), cases[i].error);
        }
}

static void attachments_are_listed_by_domain(void **state) {
        static const struct {
                const char *domain;
                unsigned n;
        } cases[] = { { "", 1 }, { "web", 1 }, { WEB_UUID, 1 }, { "db", 0 }, { "nonsense", 0 } };
        _cleanup_(end) Scene *scene = begin();

        fake_manager_add_attachment(scene->world->manager, 17, 1000);
        fake_manager_settle(scene->world->manager);
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(reply_freep) Reply *reply =
                        world_send(scene->client, false, ROOT_PATH, MANAGER_INTERFACE,
                                   "ListAttachments", "s", cases[i].domain);
                const char *path;
                unsigned n = 0;

                assert_string_equal(reply_error(scene->world, reply), "");
                assert_true(sd_bus_message_enter_container(reply->message, 'a', "o") >= 0);
                while (sd_bus_message_read(reply->message, "o", &path) > 0) {
                        assert_string_equal(path, ATTACHMENT_PREFIX "/17");
                        n++;
                }
                assert_int_equal(n, cases[i].n);
        }
}

static void changes_of_one_object_are_told_once_and_lists_are_invalidated(void **state) {
        _cleanup_(end) Scene *scene = begin();

        world_settle(scene->world);
        fake_manager_add_attachment(scene->world->manager, 17, 1000);
        fake_manager_settle(scene->world->manager);
        (void) get(scene, ROOT_PATH, MANAGER_INTERFACE,
                   "Version"); /* what was sent before is there */

        assert_non_null(strstr(scene->heard, "InterfacesAdded " ATTACHMENT_PREFIX "/17 |"));
        assert_non_null(strstr(scene->heard, "PropertiesChanged " NIC0_PATH
                                             " State Reasons Attachment Holder invalidated: |"));
        assert_null(strstr(strstr(scene->heard, NIC0_PATH) + 1, "PropertiesChanged " NIC0_PATH));
        assert_non_null(
                strstr(scene->heard, "PropertiesChanged " POOL_PATH " Free invalidated: |"));
}

static void a_new_device_is_told_before_the_lists_it_is_in_are_stale(void **state) {
        _cleanup_(end) Scene *scene = begin();
        Facts *facts;

        world_settle(scene->world);
        assert_int_equal(facts_new(&facts, (Address){ .bus = 0x43 }), 0);
        facts->vendor_id = 0x8086;
        facts->product_id = 0x10d3;
        assert_int_equal(
                registry_observe_device(&scene->world->manager->registry, facts->address, facts),
                0);
        fake_manager_settle(scene->world->manager);
        (void) get(scene, ROOT_PATH, MANAGER_INTERFACE, "Version");

        assert_non_null(
                strstr(scene->heard, "InterfacesAdded " DEVICE_PREFIX "/pci_0000_43_00_0 |"));
        assert_non_null(strstr(scene->heard,
                               "PropertiesChanged " POOL_PATH " Total invalidated: Devices |"));
}

static void an_object_that_goes_takes_all_its_interfaces(void **state) {
        _cleanup_(end) Scene *scene = begin();

        world_settle(scene->world);
        assert_int_equal(registry_observe_device(&scene->world->manager->registry, NIC1, NULL), 0);
        fake_manager_settle(scene->world->manager);
        (void) get(scene, ROOT_PATH, MANAGER_INTERFACE, "Version");

        assert_non_null(strstr(scene->heard,
                               "InterfacesRemoved " DEVICE_PREFIX "/pci_0000_42_00_0 "
                               "org.freedesktop.DBus.Peer org.freedesktop.DBus.Introspectable "
                               "org.freedesktop.DBus.Properties " DEVICE_INTERFACE " |"));
}

static void a_signal_comes_before_the_reply_of_the_call_that_caused_it(void **state) {
        _cleanup_(end) Scene *scene = begin();
        _cleanup_(reply_freep) Reply *reply =
                world_send(scene->client, false, ROOT_PATH, MANAGER_INTERFACE, "AddPool",
                           "saa{ss}a{sv}", "new", 0, 0);

        /* The loop stops at the reply: what was heard by then came before. */
        assert_string_equal(reply_path(scene->world, reply), POOL_PREFIX "/new");
        assert_non_null(strstr(scene->heard, "InterfacesAdded " POOL_PREFIX "/new |"));
}

static void every_property_that_can_change_is_told(void **state) {
        static const struct {
                ObjectKind kind;
                const char *key, *path;
                const sd_bus_vtable *vtable;
        } objects[] = {
                { OBJECT_MANAGER, "", ROOT_PATH, manager_vtable },
                { OBJECT_DEVICE, "0000:41:00.0", NIC0_PATH, device_vtable },
                { OBJECT_POOL, "10g-nics", POOL_PATH, pool_vtable },
                { OBJECT_ALIAS, "nic", ALIAS_PREFIX "/nic", alias_vtable },
                { OBJECT_ATTACHMENT, "17", ATTACHMENT_PREFIX "/17", attachment_vtable },
        };
        _cleanup_(end) Scene *scene = begin();

        fake_manager_add_attachment(scene->world->manager, 17, 1000);
        fake_manager_settle(scene->world->manager);
        world_settle(scene->world);

        for (size_t i = 0; i < N_ELEMENTS(objects); i++) {
                const sd_bus_vtable *member = objects[i].vtable;
                Changes changes = { 0 };
                char told[128];

                scene->heard[0] = '\0';
                assert_int_equal(
                        changes_touch(&changes, objects[i].kind, objects[i].key, UINT32_MAX), 0);
                bus_publish(scene->world->bus, &changes);
                changes_done(&changes);
                (void) get(scene, ROOT_PATH, MANAGER_INTERFACE, "Version");

                snprintf(told, sizeof(told), "PropertiesChanged %s ", objects[i].path);
                assert_non_null(strstr(scene->heard, told));
                for (; member->type != _SD_BUS_VTABLE_END; member++) {
                        if (member->type != _SD_BUS_VTABLE_PROPERTY)
                                continue;

                        snprintf(told, sizeof(told), " %s ", member->x.property.member);
                        assert_int_equal(!!strstr(scene->heard, told),
                                         !(member->flags & SD_BUS_VTABLE_PROPERTY_CONST));
                        assert_true(member->flags & (SD_BUS_VTABLE_PROPERTY_CONST |
                                                     SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE |
                                                     SD_BUS_VTABLE_PROPERTY_EMITS_INVALIDATION));
                }
        }
}

static void what_was_replaced_goes_and_comes_again(void **state) {
        Change change = {
                .kind = OBJECT_POOL, .key = (char *) "10g-nics", .added = true, .removed = true
        };
        const Changes changes = { .items = &change, .n_items = 1 };
        _cleanup_(end) Scene *scene = begin();
        const char *removed, *added;

        world_settle(scene->world);
        bus_publish(scene->world->bus, &changes);
        (void) get(scene, ROOT_PATH, MANAGER_INTERFACE, "Version");

        removed = strstr(scene->heard, "InterfacesRemoved " POOL_PATH);
        added = strstr(scene->heard, "InterfacesAdded " POOL_PATH);
        assert_true(removed && added && removed < added);
}

static double seconds_of_a_call(Scene *scene, const char *path) {
        struct timespec before, after;
        Reply *reply;

        assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &before), 0);
        reply = world_send(scene->client, false, path, MANAGER_INTERFACE, "CheckHost", NULL);
        assert_string_equal(reply_error(scene->world, reply), UNKNOWN_OBJECT);
        reply_free(reply);
        assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &after), 0);
        return (double) (after.tv_sec - before.tv_sec) +
               (double) (after.tv_nsec - before.tv_nsec) / 1e9;
}

/* As long, once with two parts and once with 32,000: it is not looked for part by part. */
static void a_path_of_many_parts_takes_no_longer_than_a_long_one(void **state) {
        static char flat[64000], deep[64000];
        _cleanup_(end) Scene *scene = begin();
        double once, seconds;

        for (size_t i = 0; i + 1 < sizeof(flat); i++) {
                flat[i] = i == 0 ? '/' : 'x';
                deep[i] = i % 2 == 0 ? '/' : 'x';
        }
        deep[sizeof(deep) - 2] = 'x'; /* a path does not end in a slash */

        once = seconds_of_a_call(scene, flat);
        seconds = seconds_of_a_call(scene, deep);
        print_message("# %.1f ms with one part, %.1f ms with thousands\n", 1000 * once,
                      1000 * seconds);
        assert_true(seconds < 50 * once + 0.1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_device_shows_what_is_known_of_it),
                cmocka_unit_test(a_held_device_names_its_attachment),
                cmocka_unit_test(pools_and_aliases_list_their_devices),
                cmocka_unit_test(the_manager_shows_its_libvirt),
                cmocka_unit_test(one_call_reads_every_object),
                cmocka_unit_test(all_objects_at_once_say_what_each_says_itself),
                cmocka_unit_test(a_path_that_is_no_object_is_unknown),
                cmocka_unit_test(a_path_of_many_parts_takes_no_longer_than_a_long_one),
                cmocka_unit_test(things_are_found_by_name),
                cmocka_unit_test(attachments_are_listed_by_domain),
                cmocka_unit_test(changes_of_one_object_are_told_once_and_lists_are_invalidated),
                cmocka_unit_test(a_new_device_is_told_before_the_lists_it_is_in_are_stale),
                cmocka_unit_test(every_property_that_can_change_is_told),
                cmocka_unit_test(what_was_replaced_goes_and_comes_again),
                cmocka_unit_test(an_object_that_goes_takes_all_its_interfaces),
                cmocka_unit_test(a_signal_comes_before_the_reply_of_the_call_that_caused_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
