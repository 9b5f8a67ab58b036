/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The hypervisor behind a real libvirtd, which is killed, started again and made to hang. Its test
 * driver keeps the domains there, out of this process.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <grp.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "util/text.h"
#include "vm/told.h"

enum {
        NOBODY = 65534
};

static const char libvirtd[] = "/usr/sbin/libvirtd";

typedef struct World {
        char folder[64];
        char *uri;
        pid_t process;
        virConnectPtr keeper; /* the test driver forgets its domains with its last connection */
        Told *told;
} World;

/* As an ordinary user it keeps to its folder, and to the drivers that such a user may have. */
static void become_libvirtd(const World *world) {
        _cleanup_(freep) char *pid_file = text_print("%s/pid", world->folder);
        int nowhere = open("/dev/null", O_RDWR);

        dup2(nowhere, STDOUT_FILENO);
        dup2(nowhere, STDERR_FILENO);
        setenv("HOME", world->folder, 1);
        setenv("XDG_RUNTIME_DIR", world->folder, 1);
        setenv("XDG_CONFIG_HOME", world->folder, 1);
        setenv("XDG_CACHE_HOME", world->folder, 1);
        if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0))
                _exit(126);
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* forgotten at a change of user, hence last */
        execl(libvirtd, libvirtd, "-f", "/dev/null", "-p", pid_file, NULL);
        _exit(127);
}

static void start_libvirtd(World *world) {
        const struct timespec moment = { .tv_nsec = 10000000 };

        world->process = fork();
        assert_true(world->process >= 0);
        if (world->process == 0)
                become_libvirtd(world);

        for (time_t end = time(NULL) + PATIENCE_SEC; !world->keeper;) {
                assert_true(time(NULL) < end);
                nanosleep(&moment, NULL);
                world->keeper = virConnectOpen(world->uri);
        }
}

static void kill_libvirtd(World *world) {
        kill(world->process, SIGKILL);
        assert_int_equal(waitpid(world->process, NULL, 0), world->process);
        world->process = 0;
        virConnectClose(world->keeper);
        world->keeper = NULL;
}

static int set_up(void **state) {
        World *world = calloc(1, sizeof(*world));

        assert_non_null(world);
        strcpy(world->folder, "/tmp/test-libvirtd-XXXXXX");
        assert_non_null(mkdtemp(world->folder));
        if (geteuid() == 0)
                assert_int_equal(chown(world->folder, NOBODY, NOBODY), 0);
        world->uri = text_print("test+unix:///default?socket=%s/libvirt/libvirt-sock&mode=direct",
                                world->folder);
        start_libvirtd(world);

        world->told = told_begin(world->uri);
        UNTIL(world->told, world->told->n_reconciled == 1);
        *state = world;
        return 0;
}

static int tear_down(void **state) {
        World *world = *state;
        _cleanup_(freep) char *command = text_print("rm -rf %s", world->folder);

        if (world->told)
                told_end(world->told);
        kill_libvirtd(world);
        assert_int_equal(system(command), 0);
        free(world->uri);
        free(world);
        return 0;
}

static void define(const World *world, const char *name, const char *uuid) {
        _cleanup_(freep) char *xml =
                text_print("<domain type='test'><name>%s</name><uuid>%s</uuid>"
                           "<memory>8192</memory><os><type>hvm</type></os></domain>",
                           name, uuid);
        virDomainPtr domain = virDomainDefineXML(world->keeper, xml);

        assert_non_null(domain);
        virDomainFree(domain);
}

/* --- tests ----------------------------------------------------------------------------------- */

static void domains_and_events_come_through_the_daemon(void **state) {
        HypervisorDevice devices[] = { told_device(0, 0) };
        World *world = *state;

        assert_true(told_runs(world->told, default_uuid));
        define(world, "guest", guest_uuid);
        UNTIL(world->told, told_find(world->told, guest_uuid));

        told_attach(world->told, guest_uuid, false, devices, 1);
        assert_int_equal(world->told->verdict, 0);
        assert_int_equal(told_find(world->told, guest_uuid)->n_config, 1);
        told_detach(world->told, guest_uuid, false, devices, 1);
        assert_int_equal(told_find(world->told, guest_uuid)->n_config, 0);
}

static void a_live_attach_is_refused_through_the_daemon_too(void **state) {
        HypervisorDevice devices[] = { told_device(0, 0) };
        World *world = *state;
        Hypervisor *hypervisor = world->told->hypervisor;

        assert_false(hypervisor->operations->can_attach_live(hypervisor));
        told_attach(world->told, default_uuid, true, devices, 1);
        assert_int_equal(world->told->verdict, HYPERVISOR_REFUSED);
        assert_non_null(strstr(world->told->text, "not supported by the connection driver"));
}

static void a_lost_daemon_is_told_and_found_again(void **state) {
        World *world = *state;
        Told *told = world->told;

        define(world, "guest", guest_uuid);
        UNTIL(told, told_find(told, guest_uuid));

        kill_libvirtd(world);
        UNTIL(told, told->n_lost == 1);
        assert_true(told->text[0] != '\0');
        /* Unknown is not gone. */
        assert_non_null(told_find(told, guest_uuid));

        /* The new one has another truth. */
        start_libvirtd(world);
        UNTIL(told, told->n_reconciled == 2);
        assert_int_equal(told->n_lost, 1);
        assert_null(told_find(told, guest_uuid));
        assert_true(told_runs(told, default_uuid));

        /* And its events are listened to. */
        define(world, "other", unknown_uuid);
        UNTIL(told, told_find(told, unknown_uuid));
}

static void a_call_whose_daemon_dies_ends_without_a_verdict_on_the_domain(void **state) {
        HypervisorDevice devices[] = { told_device(0, 0) };
        World *world = *state;
        Told *told = world->told;

        kill(world->process, SIGSTOP);
        told_attach_start(told, default_uuid, false, devices, 1);
        for (unsigned i = 0; i < 10; i++)
                told_turn(told);
        assert_int_equal(told->n_done, 0);

        kill_libvirtd(world);
        UNTIL(told, told->n_done == 1 && told->n_lost == 1);
        assert_int_equal(told->verdict, HYPERVISOR_UNAVAILABLE);
        start_libvirtd(world);
        UNTIL(told, told->n_reconciled == 2);
}

static void the_end_comes_at_once_while_the_daemon_hangs(void **state) {
        HypervisorDevice devices[] = { told_device(0, 0) };
        World *world = *state;

        kill(world->process, SIGSTOP);
        told_attach_start(world->told, default_uuid, false, devices, 1);
        told_turn(world->told);

        /* Nothing can wake libvirtd but what comes after this. */
        told_end(world->told);
        world->told = NULL;
        kill(world->process, SIGCONT);
}

/* Failures to connect are waited out. */
static void ignore_error(void *userdata, virErrorPtr error) {
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                IN_WORLD(domains_and_events_come_through_the_daemon),
                IN_WORLD(a_live_attach_is_refused_through_the_daemon_too),
                IN_WORLD(a_lost_daemon_is_told_and_found_again),
                IN_WORLD(a_call_whose_daemon_dies_ends_without_a_verdict_on_the_domain),
                IN_WORLD(the_end_comes_at_once_while_the_daemon_hangs),
        };

        if (access(libvirtd, X_OK) < 0) {
                printf("1..0 # SKIP there is no %s\n", libvirtd);
                return 0;
        }

        /* The keeper calls libvirt on this thread, which does not block it as the worker's do. */
        signal(SIGPIPE, SIG_IGN);
        virSetErrorFunc(NULL, ignore_error);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
