/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bus/call.h"
#include "util/text.h"
#include "world.h"

typedef struct Scene {
        World *world;
        sd_bus *client;
} Scene;

static Scene begin(PolkitMood mood) {
        World *world = world_new(mood, false);

        return (Scene){ .world = world, .client = world_connect(world) };
}

static void end(Scene *scene) {
        assert_int_equal(scene->world->manager->n_changed, 0);
        assert_int_equal(scene->world->bus->n_calls, 0);
        world_disconnect(scene->client);
        world_free(scene->world);
}

static Reply *ask(sd_bus *client, const char *domain) {
        if (domain)
                return world_send(client, true, ROOT_PATH, MANAGER_INTERFACE, "Explain", "sa{sv}",
                                  "nic:2", 1, "domain", "s", domain);
        return world_send(client, true, ROOT_PATH, MANAGER_INTERFACE, "Explain", "sa{sv}", "nic:2",
                          0);
}

/* A value as text, of whatever type: {key: value, …} [item, …] (field, …). */
static void print_value(sd_bus_message *message, FILE *stream) {
        const char *contents;
        char type, open, close;
        union {
                const char *text;
                uint32_t number;
        } basic = { 0 };

        assert_true(sd_bus_message_peek_type(message, &type, &contents) > 0);
        if (!contents) {
                assert_true(sd_bus_message_read_basic(message, type, &basic) > 0);
                if (strchr("so", type))
                        fputs(basic.text, stream);
                else
                        fprintf(stream, "%d", (int) basic.number);
                return;
        }

        open = type == 'a' ? '[' : type == 'r' ? '(' : '\0';
        close = type == 'a' ? ']' : type == 'r' ? ')' : '\0';
        assert_true(sd_bus_message_enter_container(message, type, contents) >= 0);
        if (open)
                fputc(open, stream);
        for (bool is_first = true; sd_bus_message_at_end(message, false) == 0; is_first = false) {
                if (!is_first)
                        fputs(type == 'e' ? "=" : " ", stream);
                print_value(message, stream);
        }
        if (close)
                fputc(close, stream);
        assert_true(sd_bus_message_exit_container(message) >= 0);
}

/* The three values of the answer, each with a newline after it. */
static char *answer(Scene *scene, Reply *reply) {
        char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        assert_non_null(stream);
        assert_string_equal(reply_error(scene->world, reply), "");
        assert_true(sd_bus_message_has_signature(reply->message, "ba(sobasa{sv})a{sv}"));
        for (unsigned i = 0; i < 3; i++) {
                print_value(reply->message, stream);
                fputc('\n', stream);
        }
        fclose(stream);
        return text;
}

#define ROW(bus, chosen, reasons, more)                                                            \
        "(nic " DEVICE_PREFIX "/pci_0000_" bus "_00_0 " chosen " [" reasons                        \
        "] [item=0 pool=10g-nics numa-node=0 holder=" more "])"
#define AVAILABLE(group) " product= state=available driver=e1000e iommu-group=" group
#define ITEMS(fits)      "items=[[alias=nic asked=2 fits=" fits " unit=function numa-policy=legacy]]"
#define FOR_WEB(answer)  " domain=web domain-uuid=" WEB_UUID " authorization=" answer "]\n"

static void without_a_domain_nobody_is_asked(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_YES);
        _cleanup_(reply_freep) Reply *reply = ask(scene.client, NULL);
        _cleanup_(freep) char *text = answer(&scene, reply);

        assert_string_equal(
                text,
                "1\n[" ROW("41", "1", "", AVAILABLE("65")) " " ROW(
                        "42", "0", "reserved numa",
                        AVAILABLE(
                                "66")) "]\n[text= enough=1 asked=2 chosen=1 " ITEMS("2") " counts=[] reasons=[reserved=1 numa=1]]\n");
        assert_int_equal(scene.world->n_asked, 0);
}

static void a_domain_adds_what_polkit_says(void **state) {
        static const struct {
                PolkitMood mood;
                const char *answer;
        } cases[] = { { POLKIT_YES, "yes" }, { POLKIT_CHALLENGE, "challenge" } };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(end) Scene scene = begin(cases[i].mood);
                _cleanup_(reply_freep) Reply *reply = ask(scene.client, "web");
                _cleanup_(freep) char *text = answer(&scene, reply), *expected = NULL;

                expected = text_print(
                        "1\n[" ROW("41", "1", "", AVAILABLE("65")) " " ROW(
                                "42", "0", "reserved numa",
                                AVAILABLE(
                                        "66")) "]\n[text= enough=1 asked=2 chosen=1 " ITEMS("2") " counts=[] "
                                                                                                 "reasons=[reserved=1 numa=1]" FOR_WEB(
                                                                                                         "%s"),
                        cases[i].answer);
                assert_string_equal(text, expected);
        }
}

static void anything_else_is_a_no_and_a_reason(void **state) {
        static const PolkitMood moods[] = { POLKIT_NO, POLKIT_ERROR, POLKIT_ABSENT };

        for (size_t i = 0; i < N_ELEMENTS(moods); i++) {
                _cleanup_(end) Scene scene = begin(moods[i]);
                _cleanup_(reply_freep) Reply *reply = ask(scene.client, "web");
                _cleanup_(freep) char *text = answer(&scene, reply);

                assert_string_equal(
                        text,
                        "0\n[" ROW("41", "0", "not-authorized", AVAILABLE("65")) " " ROW(
                                "42", "0", "reserved numa not-authorized",
                                AVAILABLE(
                                        "66")) "]\n[text=not authorized to attach to web enough=1 "
                                               "asked=2 chosen=0 " ITEMS(
                                                       "2") " counts=[] "
                                                            "reasons=[reserved="
                                                            "1 numa=1 "
                                                            "not-authorized=2]" FOR_WEB("no"));
        }
}

static void what_is_missing_comes_before_what_is_forbidden(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_NO);
        _cleanup_(reply_freep) Reply *reply = NULL;
        _cleanup_(freep) char *text = NULL;

        scene.world->manager->choice = DEVICES_NOT_ENOUGH;
        reply = ask(scene.client, "web");
        text = answer(&scene, reply);
        assert_non_null(strstr(text, "[text=0 of 2: 1 elsewhere; not authorized to attach to web "
                                     "enough=0 asked=2 chosen=0 " ITEMS("0") " counts=[numa=1] "));
}

static void polkit_is_shown_what_attach_would_show_and_asks_nobody(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_NO);
        _cleanup_(reply_freep) Reply *explain = NULL, *attach = NULL;

        for (unsigned i = 0; i < 4; i += 2) {
                const Asked *asked = scene.world->asked;

                explain = reply_free(explain);
                attach = reply_free(attach);
                explain = ask(scene.client, "web");
                assert_string_equal(reply_error(scene.world, explain), "");
                attach = world_send(scene.client, true, ROOT_PATH, MANAGER_INTERFACE, "Attach",
                                    "ssa{sv}", "web", "nic:2", 0);
                assert_string_not_equal(reply_error(scene.world, attach), "");

                assert_int_equal(scene.world->n_asked, i + 2);
                assert_string_equal(asked[i].action, "org.hostdev1.attach");
                assert_string_equal(asked[i].subject_name, asked[i + 1].subject_name);
                assert_string_equal(asked[i].details, asked[i + 1].details);
                assert_int_equal(asked[i].flags, 0);
                assert_int_equal(asked[i + 1].flags, 1);

                /* Then once more, when nothing fits: no device is shown. */
                scene.world->manager->choice = DEVICES_NOT_ENOUGH;
        }
}

static void root_may_without_a_question(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_NO);
        _cleanup_(reply_freep) Reply *reply = NULL;
        _cleanup_(freep) char *text = NULL;
        sd_bus *root;

        if (geteuid() != 0)
                skip();
        root = world_connect_as(scene.world, 0);
        reply = ask(root, "web");
        text = answer(&scene, reply);
        assert_non_null(strstr(text, "authorization=yes]"));
        assert_int_equal(scene.world->n_asked, 0);
        world_disconnect(root);
}

static void others_are_served_while_polkit_thinks_and_silence_is_a_no(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_SILENT);
        _cleanup_(reply_freep) Reply *waiting = NULL, *other = NULL;
        _cleanup_(freep) char *text = NULL;

        scene.world->bus->question_usec = 1000000;
        waiting = ask(scene.client, "web");
        other = ask(scene.client, NULL);
        assert_string_equal(reply_error(scene.world, other), "");
        assert_null(waiting->message);

        text = answer(&scene, waiting);
        assert_non_null(strstr(text, "authorization=no]"));
        world_settle(scene.world);
        assert_int_equal(scene.world->n_cancelled, 1);
}

static bool is_asked(World *world, void *userdata) {
        return world->n_asked > 0;
}

static bool is_forgotten(World *world, void *userdata) {
        return world->bus->n_calls == 0;
}

static void who_leaves_is_not_waited_for(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_SILENT);
        sd_bus *leaving = world_connect(scene.world);
        Reply *reply = ask(leaving, "web");

        world_run_until(scene.world, is_asked, NULL);
        reply_free(reply);
        world_disconnect(leaving);
        world_run_until(scene.world, is_forgotten, NULL);
        world_settle(scene.world);
        assert_int_equal(scene.world->n_cancelled, 1);
}

static void choose_as_polkit_is_asked(World *world) {
        world->manager->choice = world->n_asked < 2 ? DEVICES_NOT_ENOUGH : 0;
}

static void another_choice_meanwhile_is_asked_about_too(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_YES);
        _cleanup_(reply_freep) Reply *reply = NULL;
        _cleanup_(freep) char *text = NULL;

        scene.world->on_asked = choose_as_polkit_is_asked;
        reply = ask(scene.client, "web");
        text = answer(&scene, reply);

        assert_int_equal(scene.world->n_asked, 2);
        assert_non_null(strstr(scene.world->asked[0].details, "devices=0000:41:00.0;count=1;"));
        assert_non_null(strstr(scene.world->asked[1].details, "devices=;count=2;"));
        /* The first question was about this very choice, and was answered. */
        assert_non_null(strstr(text, "authorization=yes]"));
        assert_int_equal(scene.world->manager->n_explained, 3);
}

static void give_the_domain_another_name(World *world) {
        char name[8] = { 'd', (char) ('0' + world->n_asked), '\0' };

        for (size_t i = 0; i < world->manager->registry.domains.n_items; i++)
                (void) facts_set(&world->manager->registry.domains.items[i]->name, name);
}

static void what_never_stays_the_same_is_a_no(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_YES);
        _cleanup_(reply_freep) Reply *reply = NULL;
        _cleanup_(freep) char *text = NULL;

        scene.world->on_asked = give_the_domain_another_name;
        reply = ask(scene.client, WEB_UUID);
        text = answer(&scene, reply);
        assert_int_equal(scene.world->n_asked, QUESTIONS_MAX);
        assert_non_null(strstr(text, "authorization=no]"));
}

static void an_unknown_name_is_refused(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_YES);
        _cleanup_(reply_freep) Reply *domain = ask(scene.client, "mail"), *alias = NULL;

        assert_string_equal(reply_error(scene.world, domain), "org.hostdev1.Error.NoSuchDomain");
        alias = world_send(scene.client, false, ROOT_PATH, MANAGER_INTERFACE, "Explain", "sa{sv}",
                           "nik", 1, "domain", "s", "web");
        assert_string_equal(reply_error(scene.world, alias), "org.hostdev1.Error.NoSuchAlias");
        assert_int_equal(scene.world->n_asked, 0);
}

static void a_domain_is_waited_for_until_libvirt_was_heard(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_YES);
        _cleanup_(reply_freep) Reply *reply = NULL;

        scene.world->bus->reconcile_usec = 200000;
        scene.world->manager->reconciled = false;
        reply = ask(scene.client, "mail");
        assert_string_equal(reply_error(scene.world, reply),
                            "org.hostdev1.Error.HypervisorUnavailable");
}

static void a_group_names_who_is_in_the_way(void **state) {
        _cleanup_(end) Scene scene = begin(POLKIT_YES);
        const Inventory *inventory = &scene.world->manager->registry.inventory;
        _cleanup_(reply_freep) Reply *reply = NULL;
        _cleanup_(freep) char *text = NULL;
        Address mate = NIC1;
        Facts *facts;

        mate.function = 1;
        assert_int_equal(facts_new(&facts, mate), 0);
        facts->iommu_group = inventory_find(inventory, NIC1)->facts->iommu_group;
        assert_int_equal(facts_set(&facts->driver, "snd_hda_intel"), 0);
        assert_int_equal(registry_observe_device(&scene.world->manager->registry, mate, facts), 0);
        fake_manager_settle(scene.world->manager);

        scene.world->manager->explained_reasons = REASON_GROUP_INCOMPLETE;
        reply = ask(scene.client, "web");
        text = answer(&scene, reply);
        assert_non_null(strstr(text, "iommu-group=66 "
                                     "group-mates=[(0000:42:00.1 snd_hda_intel )]"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(without_a_domain_nobody_is_asked),
                cmocka_unit_test(a_domain_adds_what_polkit_says),
                cmocka_unit_test(anything_else_is_a_no_and_a_reason),
                cmocka_unit_test(what_is_missing_comes_before_what_is_forbidden),
                cmocka_unit_test(polkit_is_shown_what_attach_would_show_and_asks_nobody),
                cmocka_unit_test(root_may_without_a_question),
                cmocka_unit_test(others_are_served_while_polkit_thinks_and_silence_is_a_no),
                cmocka_unit_test(who_leaves_is_not_waited_for),
                cmocka_unit_test(another_choice_meanwhile_is_asked_about_too),
                cmocka_unit_test(what_never_stays_the_same_is_a_no),
                cmocka_unit_test(an_unknown_name_is_refused),
                cmocka_unit_test(a_domain_is_waited_for_until_libvirt_was_heard),
                cmocka_unit_test(a_group_names_who_is_in_the_way),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
