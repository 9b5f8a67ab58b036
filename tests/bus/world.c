/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "bus/authority.h"
#include "bus/paths.h"
#include "util/text.h"

enum {
        PATIENCE_SECONDS = 60,
        NOBODY = 65534
};

/* What of the system bus's own configuration says where and as whom it runs; the rest is its policy. */
static bool is_about_place(const char *line) {
        static const char *const tags[] = {
                "<user>",      "<fork/>",      "<pidfile>",
                "<listen>",    "<syslog/>",    "<servicehelper>",
                "<include ",   "<includedir>", "<standard_system_servicedirs",
                "</busconfig>"
        };

        for (size_t i = 0; i < N_ELEMENTS(tags); i++)
                if (strstr(line, tags[i]))
                        return true;
        return false;
}

static void write_configuration(const World *world, const char *path, bool loose) {
        FILE *stock = fopen("/usr/share/dbus-1/system.conf", "re"), *file = fopen(path, "we");
        char line[512];

        assert_non_null(stock);
        assert_non_null(file);
        while (fgets(line, sizeof(line), stock))
                if (!is_about_place(line))
                        fputs(line, file);

        fprintf(file,
                "<listen>unix:path=%s/bus</listen>\n"
                "<include>%s/dbus/org.hostdev1.conf</include>\n"
                "<policy user='%u'><allow own='org.hostdev1'/>"
                "<allow own='org.freedesktop.PolicyKit1'/></policy>\n"
                "<policy context='default'>"
                "<allow send_destination='org.freedesktop.PolicyKit1'/></policy>\n",
                world->directory, SOURCE_ROOT, (unsigned) geteuid());
        if (loose)
                fprintf(file,
                        "<policy context='mandatory'>"
                        "<allow send_requested_reply='false' send_type='method_return'/>"
                        "<allow receive_requested_reply='false' receive_type='method_return'/>"
                        "<allow send_type='signal'/></policy>\n");
        fprintf(file, "</busconfig>\n");
        fclose(stock);
        assert_int_equal(fclose(file), 0);
}

static void start_daemon(World *world, bool loose) {
        _cleanup_(freep) char *path = text_print("%s/bus.conf", world->directory);
        _cleanup_(freep) char *option = text_print("--config-file=%s", path);
        int fds[2];
        ssize_t n;

        write_configuration(world, path, loose);
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        world->daemon = fork();
        assert_true(world->daemon >= 0);
        if (world->daemon == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                dup2(fds[1], STDOUT_FILENO);
                execlp("dbus-daemon", "dbus-daemon", "--nofork", "--print-address", option, NULL);
                _exit(127);
        }

        close(fds[1]);
        n = read(fds[0], world->address, sizeof(world->address) - 1);
        close(fds[0]);
        assert_true(n > 0);
        world->address[strcspn(world->address, "\n,")] = '\0';
}

static sd_bus *connect_to(World *world) {
        sd_bus *connection = NULL;

        assert_true(sd_bus_new(&connection) >= 0);
        assert_true(sd_bus_set_address(connection, world->address) >= 0);
        assert_true(sd_bus_set_bus_client(connection, true) >= 0);
        assert_true(sd_bus_start(connection) >= 0);
        assert_true(sd_bus_attach_event(connection, world->event, SD_EVENT_PRIORITY_NORMAL) >= 0);
        return connection;
}

uid_t world_user(void) {
        return geteuid() == 0 ? NOBODY : geteuid();
}

/* The bus takes the uid that the process has when it connects. */
sd_bus *world_connect_as(World *world, uid_t uid) {
        const uid_t own = geteuid();
        sd_bus *client;

        if (uid != own)
                assert_int_equal(seteuid(uid), 0);
        client = connect_to(world);
        /* Reading the unique name waits until the connection stands. */
        assert_true(sd_bus_get_unique_name(client, &(const char *){ NULL }) >= 0);
        if (uid != own)
                assert_int_equal(seteuid(own), 0);
        return client;
}

sd_bus *world_connect(World *world) {
        return world_connect_as(world, world_user());
}

void world_disconnect(sd_bus *client) {
        sd_bus_flush_close_unref(client);
}

static void read_details(sd_bus_message *question, char *text, size_t size) {
        const char *key, *value;
        size_t n = 0;

        text[0] = '\0';
        assert_true(sd_bus_message_enter_container(question, 'a', "{ss}") >= 0);
        while (sd_bus_message_read(question, "{ss}", &key, &value) > 0) {
                int written = snprintf(text + n, size - n, "%s=%s;", key, value);

                assert_true(written > 0 && (size_t) written < size - n);
                n += (size_t) written;
        }
        assert_true(sd_bus_message_exit_container(question) >= 0);
}

static void remember(World *world, sd_bus_message *question) {
        Asked *asked = &world->asked[world->n_asked % ASKED_MAX];
        const char *kind, *key, *name, *action, *cancellation;

        asked->open = sd_bus_message_unref(asked->open);

        assert_true(sd_bus_message_enter_container(question, 'r', "sa{sv}") > 0);
        assert_true(sd_bus_message_read(question, "sa{sv}", &kind, 1, &key, "s", &name) > 0);
        assert_true(sd_bus_message_exit_container(question) >= 0);
        assert_string_equal(key, "name");
        assert_true(sd_bus_message_read(question, "s", &action) > 0);
        read_details(question, asked->details, sizeof(asked->details));
        assert_true(sd_bus_message_read(question, "us", &asked->flags, &cancellation) > 0);

        snprintf(asked->action, sizeof(asked->action), "%s", action);
        snprintf(asked->subject_kind, sizeof(asked->subject_kind), "%s", kind);
        snprintf(asked->subject_name, sizeof(asked->subject_name), "%s", name);
        snprintf(asked->cancellation, sizeof(asked->cancellation), "%s", cancellation);
        world->n_asked++;
}

/* The stranger knows the serial of the question, and says yes before polkit says anything. */
static int forge(World *world, sd_bus_message *question) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *answer = NULL;

        assert_true(sd_bus_message_new_method_return(question, &answer) >= 0);
        assert_true(sd_bus_message_append(answer, "(bba{ss})", 1, 0, 0) >= 0);
        assert_true(sd_bus_send(world->stranger, answer, NULL) >= 0);
        return 1;
}

static Asked *last_asked(World *world) {
        assert_true(world->n_asked > 0);
        return &world->asked[(world->n_asked - 1) % ASKED_MAX];
}

static int on_check(sd_bus_message *question, void *userdata, sd_bus_error *error) {
        World *world = userdata;

        remember(world, question);
        if (world->on_asked)
                world->on_asked(world);

        switch (world->mood) {
        case POLKIT_YES:
                return sd_bus_reply_method_return(question, "(bba{ss})", 1, 0, 0);
        case POLKIT_NO:
                return sd_bus_reply_method_return(question, "(bba{ss})", 0, 0, 0);
        case POLKIT_CHALLENGE:
                return sd_bus_reply_method_return(question, "(bba{ss})", 0, 1, 0);
        case POLKIT_ERROR:
                return sd_bus_error_set(error, "org.freedesktop.PolicyKit1.Error.Failed", "no");
        case POLKIT_FORGED:
                return forge(world, question);
        default:
                last_asked(world)->open = sd_bus_message_ref(question);
                return 1;
        }
}

void world_say_yes(World *world) {
        Asked *asked = last_asked(world);

        assert_non_null(asked->open);
        assert_true(sd_bus_reply_method_return(asked->open, "(bba{ss})", 1, 0, 0) >= 0);
        asked->open = sd_bus_message_unref(asked->open);
        world->mood = POLKIT_YES;
}

/* As polkit does: the question that is cancelled is answered with an error. */
static int on_cancel(sd_bus_message *question, void *userdata, sd_bus_error *error) {
        World *world = userdata;
        const char *cancellation;
        Asked *found = NULL;

        assert_true(sd_bus_message_read(question, "s", &cancellation) > 0);
        for (size_t i = 0; i < ASKED_MAX; i++)
                if (strcmp(cancellation, world->asked[i].cancellation) == 0)
                        found = &world->asked[i];
        assert_non_null(found); /* it names a question that was asked */
        if (found->open) {
                assert_true(sd_bus_reply_method_errorf(found->open,
                                                       "org.freedesktop.PolicyKit1.Error.Cancelled",
                                                       "cancelled") >= 0);
                found->open = sd_bus_message_unref(found->open);
        }

        world->n_cancelled++;
        return world->cancels_nothing ? 1 : sd_bus_reply_method_return(question, NULL);
}

static int on_enumerate(sd_bus_message *question, void *userdata, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        World *world = userdata;

        world->n_enumerated++;
        if (world->mood == POLKIT_ERROR)
                return sd_bus_error_set(error, "org.freedesktop.PolicyKit1.Error.Failed", "no");

        assert_true(sd_bus_message_new_method_return(question, &reply) >= 0);
        assert_true(sd_bus_message_open_container(reply, 'a', "(ssssssuuua{ss})") >= 0);
        for (unsigned i = 0; i <= ACTION_COUNT; i++) {
                const char *id = i < ACTION_COUNT ? action_id(1u << i) : "org.example.other";

                if (world->missing & 1u << i)
                        continue;
                assert_true(sd_bus_message_append(reply, "(ssssssuuua{ss})", id, "", "", "", "", "",
                                                  3, 3, 3, 1, "org.freedesktop.policykit.owner",
                                                  "unix-user:hostdevd") >= 0);
        }
        assert_true(sd_bus_message_close_container(reply) >= 0);
        if (world->enumerates_as_stranger)
                assert_true(sd_bus_release_name(world->polkit, "org.freedesktop.PolicyKit1") >= 0);
        return sd_bus_send(NULL, reply, NULL);
}

void world_change_actions(World *world, unsigned missing) {
        world->missing = missing;
        assert_true(sd_bus_emit_signal(world->polkit, "/org/freedesktop/PolicyKit1/Authority",
                                       "org.freedesktop.PolicyKit1.Authority", "Changed",
                                       NULL) >= 0);
}

static const sd_bus_vtable polkit_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("EnumerateActions", "s", "a(ssssssuuua{ss})", on_enumerate,
                      SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("CheckAuthorization", "(sa{sv})sa{ss}us", "(bba{ss})", on_check,
                      SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("CancelCheckAuthorization", "s", NULL, on_cancel, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static void start_polkit(World *world) {
        world->polkit = connect_to(world);
        world->stranger = connect_to(world);
        assert_true(sd_bus_get_unique_name(world->stranger, &(const char *){ NULL }) >= 0);
        assert_true(sd_bus_add_object_vtable(world->polkit, &world->polkit_slot,
                                             "/org/freedesktop/PolicyKit1/Authority",
                                             "org.freedesktop.PolicyKit1.Authority", polkit_vtable,
                                             world) >= 0);
        if (world->mood != POLKIT_ABSENT)
                assert_true(sd_bus_request_name(world->polkit, "org.freedesktop.PolicyKit1", 0) >=
                            0);
}

static int reload(void *userdata, Refusal *refusal) {
        World *world = userdata;

        world->n_reloads++;
        world->manager->n_changed++;
        return world->reload_verdict == 0
                       ? 0
                       : refuse(refusal, world->reload_verdict, "hostdevd.conf:3: no such key");
}

static int check_host(void *userdata,
                      int (*row)(void *row_userdata, const char *id, const char *result,
                                 const char *evidence, const char *fix),
                      void *row_userdata) {
        int r = row(row_userdata, "iommu", "pass", "/sys/class/iommu: dmar0", "");

        return r < 0 ? r : row(row_userdata, "vfio", "fail", "no vfio-pci", "modprobe vfio-pci");
}

static void publish(void *userdata, const Changes *changes) {
        World *world = userdata;

        bus_publish(world->bus, changes);
}

World *world_new(PolkitMood mood, bool loose) {
        World *world = calloc(1, sizeof(*world));
        const BusPorts ports = { .userdata = world, .reload = reload, .check_host = check_host };

        assert_non_null(world);
        world->mood = mood;
        strcpy(world->directory, "/tmp/hostdevd-bus-XXXXXX");
        assert_non_null(mkdtemp(world->directory));
        assert_int_equal(chmod(world->directory, 0755), 0);
        assert_true(sd_event_new(&world->event) >= 0);
        start_daemon(world, loose);
        start_polkit(world);

        world->service = connect_to(world);
        world->manager = fake_manager_new();
        assert_int_equal(bus_new(&world->bus, world->service, world->event, world->manager, &ports),
                         0);
        world->manager->publish = publish;
        world->manager->publish_userdata = world;
        assert_int_equal(bus_request_name(world->bus), 0);
        return world;
}

World *world_free(World *world) {
        _cleanup_(freep) char *configuration = text_print("%s/bus.conf", world->directory);
        _cleanup_(freep) char *socket = text_print("%s/bus", world->directory);

        world->manager->publish = NULL;
        world->bus = bus_free(world->bus);
        manager_free(world->manager);
        sd_bus_flush_close_unref(world->service);
        for (size_t i = 0; i < ASKED_MAX; i++)
                sd_bus_message_unref(world->asked[i].open);
        sd_bus_slot_unref(world->polkit_slot);
        sd_bus_flush_close_unref(world->polkit);
        sd_bus_flush_close_unref(world->stranger);
        sd_event_unref(world->event);
        kill(world->daemon, SIGTERM);
        (void) waitpid(world->daemon, NULL, 0);
        (void) unlink(configuration);
        (void) unlink(socket);
        (void) rmdir(world->directory);
        free(world);
        return NULL;
}

static int on_reply(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Reply *reply = userdata;

        reply->message = sd_bus_message_ref(message);
        return 0;
}

Reply *world_send(sd_bus *client, bool interactive, const char *path, const char *interface,
                  const char *member, const char *types, ...) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        Reply *reply = calloc(1, sizeof(*reply));
        va_list arguments;

        assert_non_null(reply);
        assert_true(sd_bus_message_new_method_call(client, &call, BUS_NAME, path, interface,
                                                   member) >= 0);
        assert_true(sd_bus_message_set_allow_interactive_authorization(call, interactive) >= 0);
        va_start(arguments, types);
        if (types)
                assert_true(sd_bus_message_appendv(call, types, arguments) >= 0);
        va_end(arguments);
        assert_true(sd_bus_call_async(client, &reply->slot, call, on_reply, reply, UINT64_MAX) >=
                    0);
        return reply;
}

Reply *reply_free(Reply *reply) {
        if (!reply)
                return NULL;

        sd_bus_slot_unref(reply->slot);
        sd_bus_message_unref(reply->message);
        free(reply);
        return NULL;
}

void world_run_until(World *world, bool (*is_so)(World *world, void *userdata), void *userdata) {
        const time_t deadline = time(NULL) + PATIENCE_SECONDS;

        while (!is_so(world, userdata)) {
                assert_true(time(NULL) < deadline);
                assert_true(sd_event_run(world->event, 100000) >= 0);
        }
}

static bool has_answer(World *world, void *userdata) {
        return ((Reply *) userdata)->message;
}

const char *reply_error(World *world, Reply *reply) {
        const sd_bus_error *error;

        world_run_until(world, has_answer, reply);
        error = sd_bus_message_get_error(reply->message);
        return error ? error->name : "";
}

const char *reply_text(World *world, Reply *reply) {
        world_run_until(world, has_answer, reply);
        return sd_bus_message_is_method_error(reply->message, NULL)
                       ? sd_bus_message_get_error(reply->message)->message
                       : "";
}

const char *reply_path(World *world, Reply *reply) {
        const char *path;

        assert_string_equal(reply_error(world, reply), "");
        assert_true(sd_bus_message_rewind(reply->message, true) >= 0);
        assert_true(sd_bus_message_read(reply->message, "o", &path) > 0);
        return path;
}

void world_settle(World *world) {
        _cleanup_(reply_freep) Reply *reply = NULL;

        /* What came before has been handled by the service when this is answered, and what it asked in turn too. */
        for (int round = 0; round < 4; round++) {
                reply = reply_free(reply);
                reply = world_send(world->polkit, false, ROOT_PATH, "org.freedesktop.DBus.Peer",
                                   "Ping", NULL);
                assert_string_equal(reply_error(world, reply), "");
        }
}
