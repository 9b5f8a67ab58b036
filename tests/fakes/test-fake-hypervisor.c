/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fake hypervisor keeps the contract of the port, so that what a daemon does with it counts.
 *
 * Its one argument is hypervisor-process, which each test starts anew.
 */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>
#include <jansson.h>

#include "core/verdict.h"
#include "fakes/fake-hypervisor.h"

enum {
        PATIENCE_SEC = 30
};

static const char *process_path;
static const char uuid[] = "11111111-2222-3333-4444-555555555555";

typedef struct World {
        char folder[64], path[96];
        pid_t process;
        int control;
        Hypervisor *hypervisor;
        Domains domains;
        unsigned n_connected, n_lost, n_reconciled, n_done, n_failed;
        uint32_t done[16]; /* attachments, in the order of their outcomes */
        int verdict;
        char text[256], alias[64];
} World;

static void on_connected(void *userdata, bool connected, const char *text) {
        World *world = userdata;

        world->n_connected += connected;
        world->n_lost += !connected;
}

static void on_reconciled(void *userdata) {
        ((World *) userdata)->n_reconciled++;
}

static void on_domain(void *userdata, DomainFacts *facts) {
        _cleanup_(domain_facts_freep) DomainFacts *old = NULL;

        assert_int_equal(domains_apply(&((World *) userdata)->domains, facts, &old), 0);
}

static void on_removal_failed(void *userdata, const char *domain_uuid, const char *alias) {
        World *world = userdata;

        assert_string_equal(domain_uuid, uuid);
        world->n_failed++;
        snprintf(world->alias, sizeof(world->alias), "%s", alias);
}

static void on_done(void *userdata, uint32_t attachment, const HypervisorOutcome *outcome) {
        World *world = userdata;

        assert_true(world->n_done < N_ELEMENTS(world->done));
        world->done[world->n_done++] = attachment;
        world->verdict = outcome->verdict;
        snprintf(world->text, sizeof(world->text), "%s", outcome->text);
}

static const HypervisorCallbacks callbacks = {
        .connected = on_connected,
        .reconciled = on_reconciled,
        .domain = on_domain,
        .removal_failed = on_removal_failed,
};

#define UNTIL(world, condition)                                                                    \
        for (time_t end = time(NULL) + PATIENCE_SEC; !(condition);) {                              \
                assert_true(time(NULL) < end);                                                     \
                turn(world);                                                                       \
        }

static void turn(World *world) {
        struct pollfd fd = { .fd = fake_hypervisor_fd(world->hypervisor), .events = POLLIN };

        if (poll(&fd, 1, 50) > 0)
                fake_hypervisor_dispatch(world->hypervisor);
}

static void start_process(World *world) {
        char *const arguments[] = { (char *) process_path, world->path, NULL };
        posix_spawn_file_actions_t actions;
        int out[2];
        char ready;

        assert_int_equal(pipe(out), 0);
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
        posix_spawn_file_actions_addclose(&actions, out[0]);
        assert_int_equal(
                posix_spawn(&world->process, process_path, &actions, NULL, arguments, environ), 0);
        posix_spawn_file_actions_destroy(&actions);
        close(out[1]);
        do
                assert_int_equal(read(out[0], &ready, 1), 1);
        while (ready != '\n');
        close(out[0]);
}

static void connect_control(World *world) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        snprintf(address.sun_path, sizeof(address.sun_path), "%s", world->path);
        world->control = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(world->control >= 0);
        assert_int_equal(connect(world->control, (struct sockaddr *) &address, sizeof(address)), 0);
}

/* Says @line, printed, and waits for the answer, which is the caller's. */
static json_t *ask(World *world, const char *format, ...) {
        char line[1024], answer[8192];
        size_t n_answer = 0;
        va_list arguments;
        json_t *value;
        int size;

        va_start(arguments, format);
        size = vsnprintf(line, sizeof(line), format, arguments);
        va_end(arguments);
        line[size++] = '\n';
        assert_int_equal(write(world->control, line, (size_t) size), size);

        while (n_answer == 0 || answer[n_answer - 1] != '\n') {
                ssize_t n = read(world->control, answer + n_answer, sizeof(answer) - n_answer);

                assert_true(n > 0);
                n_answer += (size_t) n;
        }

        value = json_loadb(answer, n_answer, 0, NULL);
        assert_non_null(value);
        assert_null(json_object_get(value, "error"));
        return value;
}

#define TELL(world, ...) json_decref(ask(world, __VA_ARGS__))

static int set_up(void **state) {
        World *world = calloc(1, sizeof(*world));

        assert_non_null(world);
        strcpy(world->folder, "/tmp/fake-hypervisor-XXXXXX");
        assert_non_null(mkdtemp(world->folder));
        snprintf(world->path, sizeof(world->path), "%s/socket", world->folder);
        start_process(world);
        connect_control(world);
        TELL(world, "{\"call\":\"define\",\"name\":\"guest\",\"uuid\":\"%s\",\"running\":true}",
             uuid);

        assert_int_equal(fake_hypervisor_new(&world->hypervisor, world->path), 0);
        assert_int_equal(world->hypervisor->operations->start(world->hypervisor, &callbacks, world),
                         0);
        UNTIL(world, world->n_reconciled == 1);
        *state = world;
        return 0;
}

static int tear_down(void **state) {
        World *world = *state;

        world->hypervisor->operations->free(world->hypervisor);
        domains_done(&world->domains);
        close(world->control);
        kill(world->process, SIGKILL);
        assert_int_equal(waitpid(world->process, NULL, 0), world->process);
        unlink(world->path);
        rmdir(world->folder);
        free(world);
        return 0;
}

static const DomainFacts *guest(const World *world) {
        return domains_find_uuid(&world->domains, uuid);
}

/* Asks for @n_devices to be given or taken as @attachment. */
static void change(World *world, bool attach, uint32_t attachment, size_t n_devices) {
        HypervisorDevice devices[4];
        HypervisorJob job = {
                .attachment = attachment,
                .live = true,
                .config = true,
                .devices = devices,
                .n_devices = n_devices,
        };
        const HypervisorOperations *operations = world->hypervisor->operations;

        strcpy(job.domain_uuid, uuid);
        for (unsigned i = 0; i < n_devices; i++)
                devices[i] = (HypervisorDevice){
                        .address = { .bus = (uint8_t) attachment, .function = (uint8_t) i },
                        .index = i,
                        .managed = true,
                };
        assert_int_equal((attach ? operations->attach : operations->detach)(world->hypervisor, &job,
                                                                            on_done, world),
                         0);
}

static void finish_change(World *world, bool attach, uint32_t attachment, size_t n_devices) {
        unsigned n_done = world->n_done;

        change(world, attach, attachment, n_devices);
        UNTIL(world, world->n_done > n_done);
}

/* Until a job is held: the process knows nothing of it before it has read the socket. */
static void wait_held(World *world) {
        json_int_t n_held;

        do {
                json_t *truth = ask(world, "{\"call\":\"truth\"}");

                n_held = json_integer_value(json_object_get(truth, "held"));
                json_decref(truth);
        } while (n_held == 0);
}

static void devices_are_given_and_taken_back(void **state) {
        World *world = *state;

        finish_change(world, true, 17, 2);
        assert_int_equal(world->verdict, 0);
        assert_int_equal(guest(world)->n_live, 2);
        assert_int_equal(guest(world)->n_config, 2);
        assert_string_equal(guest(world)->live[1].alias, "ua-hostdev1-17-1");
        assert_int_equal(guest(world)->live[1].address.bus, 17);

        finish_change(world, false, 17, 2);
        assert_int_equal(world->verdict, 0);
        assert_int_equal(guest(world)->n_live + guest(world)->n_config, 0);
}

static void the_second_device_is_refused_and_the_first_is_there(void **state) {
        World *world = *state;

        TELL(world, "{\"call\":\"next\",\"kind\":\"attach\",\"refuse-at\":1,\"text\":\"no room\"}");
        finish_change(world, true, 17, 2);
        assert_int_equal(world->verdict, HYPERVISOR_REFUSED);
        assert_string_equal(world->text, "no room");
        assert_int_equal(guest(world)->n_live, 1);
}

static void an_unknown_domain_is_told_as_such(void **state) {
        World *world = *state;

        TELL(world, "{\"call\":\"stop\",\"uuid\":\"%s\"}", uuid);
        TELL(world, "{\"call\":\"undefine\",\"uuid\":\"%s\"}", uuid);
        UNTIL(world, !guest(world));
        finish_change(world, true, 17, 1);
        assert_int_equal(world->verdict, DOMAIN_UNKNOWN);
        finish_change(world, false, 17, 1);
        assert_int_equal(world->verdict, 0);
}

static void a_held_job_is_answered_after_its_release_and_in_order(void **state) {
        World *world = *state;

        TELL(world, "{\"call\":\"next\",\"kind\":\"attach\",\"hold\":\"before\"}");
        change(world, true, 17, 1);
        change(world, true, 18, 1);
        wait_held(world);
        turn(world);
        assert_int_equal(world->n_done, 0);

        TELL(world, "{\"call\":\"release\"}");
        UNTIL(world, world->n_done == 2);
        assert_int_equal(world->done[0], 17);
        assert_int_equal(world->done[1], 18);
        assert_int_equal(guest(world)->n_live, 2);
}

static void a_connection_lost_in_a_call_leaves_its_outcome_open(void **state) {
        World *world = *state;

        TELL(world, "{\"call\":\"next\",\"kind\":\"attach\",\"hold\":\"after\"}");
        change(world, true, 17, 1);
        wait_held(world);
        TELL(world, "{\"call\":\"drop\"}");
        UNTIL(world, world->n_reconciled == 2);
        assert_int_equal(world->n_lost, 1);
        assert_int_equal(world->verdict, HYPERVISOR_UNAVAILABLE);
        assert_int_equal(world->n_done, 1);
        /* It had happened all the same. */
        assert_int_equal(guest(world)->n_live, 1);
}

static void what_changed_while_nobody_listened_is_told_by_the_next_connection(void **state) {
        World *world = *state;

        TELL(world, "{\"call\":\"drop\",\"down\":true}");
        UNTIL(world, world->n_lost == 1);
        finish_change(world, true, 17, 1);
        assert_int_equal(world->verdict, HYPERVISOR_UNAVAILABLE);

        TELL(world, "{\"call\":\"stop\",\"uuid\":\"%s\"}", uuid);
        TELL(world, "{\"call\":\"undefine\",\"uuid\":\"%s\"}", uuid);
        assert_non_null(guest(world));
        TELL(world, "{\"call\":\"up\"}");
        UNTIL(world, world->n_reconciled == 2);
        assert_null(guest(world));
        assert_int_equal(world->n_lost, 1);
}

static void a_guest_refuses_ignores_or_lets_go_late(void **state) {
        World *world = *state;

        finish_change(world, true, 17, 1);
        TELL(world, "{\"call\":\"guest\",\"uuid\":\"%s\",\"mode\":\"refuses\"}", uuid);
        finish_change(world, false, 17, 1);
        assert_int_equal(world->verdict, 0);
        assert_int_equal(world->n_failed, 1);
        assert_string_equal(world->alias, "ua-hostdev1-17-0");
        assert_int_equal(guest(world)->n_live, 1);

        TELL(world, "{\"call\":\"guest\",\"uuid\":\"%s\",\"mode\":\"ignores\"}", uuid);
        finish_change(world, false, 17, 1);
        assert_int_equal(world->verdict, 0);
        assert_int_equal(guest(world)->n_live, 1);

        TELL(world, "{\"call\":\"let-go\",\"uuid\":\"%s\"}", uuid);
        UNTIL(world, guest(world)->n_live == 0);
}

static void what_others_do_is_told(void **state) {
        World *world = *state;

        TELL(world,
             "{\"call\":\"foreign-attach\",\"uuid\":\"%s\",\"address\":\"0000:42:00.0\","
             "\"live\":true}",
             uuid);
        UNTIL(world, guest(world)->n_live == 1);
        assert_string_equal(guest(world)->live[0].alias, "");
        assert_int_equal(guest(world)->n_config, 0);

        TELL(world, "{\"call\":\"rename\",\"uuid\":\"%s\",\"name\":\"other\"}", uuid);
        UNTIL(world, strcmp(guest(world)->name, "other") == 0);

        TELL(world, "{\"call\":\"stop\",\"uuid\":\"%s\"}", uuid);
        UNTIL(world, !guest(world)->running);
        assert_int_equal(guest(world)->n_live, 0);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(int argc, char *argv[]) {
        const struct CMUnitTest tests[] = {
                IN_WORLD(devices_are_given_and_taken_back),
                IN_WORLD(the_second_device_is_refused_and_the_first_is_there),
                IN_WORLD(an_unknown_domain_is_told_as_such),
                IN_WORLD(a_held_job_is_answered_after_its_release_and_in_order),
                IN_WORLD(a_connection_lost_in_a_call_leaves_its_outcome_open),
                IN_WORLD(what_changed_while_nobody_listened_is_told_by_the_next_connection),
                IN_WORLD(a_guest_refuses_ignores_or_lets_go_late),
                IN_WORLD(what_others_do_is_told),
        };

        if (argc != 2) {
                fprintf(stderr, "usage: %s HYPERVISOR-PROCESS\n", argv[0]);
                return 2;
        }

        process_path = argv[1];
        return cmocka_run_group_tests(tests, NULL, NULL);
}
