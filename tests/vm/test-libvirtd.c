/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The hypervisor behind a real libvirtd, which is killed, started again and made to hang. Its test
 * driver keeps the domains there, out of this process; its QEMU driver is the real one, and lacks only
 * a host with an IOMMU.
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
static const char qemu[] = "/usr/bin/qemu-system-x86_64";

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

static int set_up(void **state, const char *driver) {
        World *world = calloc(1, sizeof(*world));

        assert_non_null(world);
        strcpy(world->folder, "/tmp/test-libvirtd-XXXXXX");
        assert_non_null(mkdtemp(world->folder));
        if (geteuid() == 0)
                assert_int_equal(chown(world->folder, NOBODY, NOBODY), 0);
        world->uri =
                text_print("%s?socket=%s/libvirt/libvirt-sock&mode=direct", driver, world->folder);
        start_libvirtd(world);

        world->told = told_begin(world->uri);
        UNTIL(world->told, world->told->n_reconciled == 1);
        *state = world;
        return 0;
}

static int set_up_test(void **state) {
        return set_up(state, "test+unix:///default");
}

static int set_up_qemu(void **state) {
        return set_up(state, "qemu+unix:///session");
}

/* A guest in QEMU would go on without its libvirtd. */
static void destroy_guests(const World *world) {
        virDomainPtr *domains = NULL;
        int n_domains;

        n_domains =
                virConnectListAllDomains(world->keeper, &domains, VIR_CONNECT_LIST_DOMAINS_ACTIVE);
        for (int i = 0; i < n_domains; i++) {
                (void) virDomainDestroy(domains[i]);
                virDomainFree(domains[i]);
        }
        free(domains);
}

static int tear_down(void **state) {
        World *world = *state;
        _cleanup_(freep) char *command = text_print("rm -rf %s", world->folder);

        if (world->told)
                told_end(world->told);
        destroy_guests(world);
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

/* Small as it was written, and with every quote escaped too long for a message of libvirt. */
static void a_domain_that_libvirt_cannot_send_keeps_nobody_from_the_others(void **state) {
        const size_t size = 1024 * 1024;
        _cleanup_(freep) char *quotes = calloc(1, size + 1), *xml = NULL;
        World *world = *state;
        virDomainPtr domain;

        assert_non_null(quotes);
        memset(quotes, '\'', size);
        xml = text_print("<domain type='test'><name>guest</name><uuid>%s</uuid>"
                         "<description>%s</description><memory>8192</memory>"
                         "<os><type>hvm</type></os></domain>",
                         guest_uuid, quotes);
        domain = virDomainDefineXML(world->keeper, xml);
        assert_non_null(domain);
        UNTIL(world->told, told_find(world->told, guest_uuid));
        assert_non_null(told_find(world->told, guest_uuid)->unreadable);

        told_end(world->told);
        world->told = told_begin(world->uri);
        UNTIL(world->told, world->told->n_reconciled == 1);
        assert_true(told_runs(world->told, default_uuid));
        assert_non_null(told_find(world->told, guest_uuid)->unreadable);
        assert_int_equal(virDomainUndefine(domain), 0);
        virDomainFree(domain);
        UNTIL(world->told, !told_find(world->told, guest_uuid));
}

static void domains_are_changed_side_by_side_again_and_again(void **state) {
        enum {
                N_DOMAINS = 6,
                N_ROUNDS = 100
        };
        World *world = *state;
        Told *told = world->told;
        char uuids[N_DOMAINS][UUID_TEXT_SIZE];

        for (unsigned i = 0; i < N_DOMAINS; i++) {
                _cleanup_(freep) char *name = text_print("guest-%u", i);

                strcpy(uuids[i], guest_uuid);
                uuids[i][0] += i;
                define(world, name, uuids[i]);
                UNTIL(told, told_find(told, uuids[i]));
        }

        for (unsigned round = 0; round < 2 * N_ROUNDS; round++) {
                bool attach = round % 2 == 0;
                unsigned n_done = told->n_done;

                for (unsigned i = 0; i < N_DOMAINS; i++) {
                        HypervisorDevice device = told_device(i, 0);

                        (attach ? told_attach_start : told_detach_start)(told, uuids[i], false,
                                                                         &device, 1);
                }
                UNTIL(told, told->n_done == n_done + N_DOMAINS);
                for (unsigned i = 0; i < N_DOMAINS; i++)
                        assert_int_equal(told_find(told, uuids[i])->n_config, attach);
        }
        assert_int_equal(told->n_lost, 0);
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

static void an_attach_that_has_not_begun_can_be_given_up(void **state) {
        HypervisorDevice first = told_device(0, 0), second = told_device(1, 1);
        World *world = *state;
        Told *told = world->told;

        kill(world->process, SIGSTOP);
        told_detach_start(told, default_uuid, false, &first, 1);
        told_attach_start(told, default_uuid, false, &second, 1);
        told->hypervisor->operations->give_up(told->hypervisor, TOLD_ATTACHMENT + 1);
        for (unsigned i = 0; i < 10; i++)
                told_turn(told);
        assert_int_equal(told->n_done, 0);

        told->hypervisor->operations->give_up(told->hypervisor, TOLD_ATTACHMENT);
        UNTIL(told, told->n_done == 1);
        assert_int_equal(told->verdict, HYPERVISOR_REFUSED);

        kill(world->process, SIGCONT);
        UNTIL(told, told->n_done == 2);
        assert_int_equal(told->verdict, 0);
        told_detach(told, default_uuid, false, &first, 1);
        assert_int_equal(told_find(told, default_uuid)->n_config, 0);
}

static void a_daemon_that_hangs_in_several_calls_is_given_up_and_found_again(void **state) {
        HypervisorDevice devices[] = { told_device(0, 0) };
        World *world = *state;
        Told *told = world->told;

        define(world, "guest", guest_uuid);
        define(world, "other", unknown_uuid);
        UNTIL(told, told_find(told, guest_uuid) && told_find(told, unknown_uuid));

        kill(world->process, SIGSTOP);
        told_attach_start(told, default_uuid, false, devices, 1);
        told_attach_start(told, guest_uuid, false, devices, 1);
        told_detach_start(told, unknown_uuid, false, devices, 1);
        UNTIL(told, told->n_lost == 1);
        assert_non_null(told_find(told, default_uuid));

        /* A job that has no connection of its own yet can only end when libvirtd lets it have one. */
        kill(world->process, SIGCONT);
        UNTIL(told, told->n_reconciled == 2 && told->n_done == 3);
        assert_int_equal(told->verdict, HYPERVISOR_UNAVAILABLE);
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

/* Defines a guest that stays in its firmware; the caller's. */
static virDomainPtr define_in_qemu(const World *world) {
        _cleanup_(freep) char *xml = NULL;
        virDomainPtr domain;

        if (access(qemu, X_OK) < 0)
                skip();

        xml = text_print("<domain type='qemu'><name>guest</name><uuid>%s</uuid>"
                         "<memory>65536</memory><os><type machine='q35'>hvm</type></os>"
                         "<devices><emulator>%s</emulator></devices></domain>",
                         guest_uuid, qemu);
        domain = virDomainDefineXML(world->keeper, xml);
        assert_non_null(domain);
        return domain;
}

static void a_definition_in_qemu_gets_devices_and_gives_them_back(void **state) {
        HypervisorDevice devices[] = { told_device(0, 0), told_device(1, 1) };
        World *world = *state;
        Told *told = world->told;
        virDomainPtr domain = define_in_qemu(world);
        const DomainFacts *facts;

        assert_true(told->hypervisor->operations->can_attach_live(told->hypervisor));
        told_attach(told, guest_uuid, false, devices, 2);
        assert_int_equal(told->verdict, 0);
        assert_int_equal(told->n_held_at_done, 2);
        facts = told_find(told, guest_uuid);
        assert_string_equal(facts->config[1].alias, "ua-hostdev1-17-1");
        assert_true(address_equal(facts->config[1].address, devices[1].address));

        /* An alias that is there already is libvirt's to refuse. */
        told_attach(told, guest_uuid, false, devices, 1);
        assert_int_equal(told->verdict, HYPERVISOR_REFUSED);

        told_detach(told, guest_uuid, false, devices, 2);
        assert_int_equal(told->verdict, 0);
        assert_int_equal(told_find(told, guest_uuid)->n_config, 0);

        /* And once more: what is not there counts as taken back, live too. */
        told_detach(told, guest_uuid, false, devices, 2);
        assert_int_equal(told->verdict, 0);
        told_detach(told, guest_uuid, true, devices, 2);
        assert_int_equal(told->verdict, 0);
        virDomainFree(domain);
}

static void our_alias_at_another_address_stays_in_qemu_too(void **state) {
        HypervisorDevice ours = told_device(0, 0), others = told_device(1, 0);
        World *world = *state;
        Told *told = world->told;
        virDomainPtr domain = define_in_qemu(world);

        told_attach(told, guest_uuid, false, &others, 1);
        assert_int_equal(told->verdict, 0);
        told_detach(told, guest_uuid, false, &ours, 1);
        assert_int_equal(told->verdict, 0);
        assert_int_equal(told_find(told, guest_uuid)->n_config, 1);
        virDomainFree(domain);
}

static void a_running_guest_refuses_in_libvirts_words_and_keeps_both_xmls(void **state) {
        HypervisorDevice devices[] = { told_device(0, 0) };
        World *world = *state;
        Told *told = world->told;
        virDomainPtr domain = define_in_qemu(world);

        assert_int_equal(virDomainCreate(domain), 0);
        UNTIL(told, told_runs(told, guest_uuid));

        told_attach(told, guest_uuid, true, devices, 1);
        assert_int_equal(told->verdict, HYPERVISOR_REFUSED);
        assert_true(told->text[0] != '\0');
        assert_int_equal(told_find(told, guest_uuid)->n_live, 0);
        assert_int_equal(told_find(told, guest_uuid)->n_config, 0);

        /* Nothing of ours is there: libvirt is asked all the same, and says so. */
        told_detach(told, guest_uuid, true, devices, 1);
        assert_int_equal(told->verdict, 0);
        virDomainFree(domain);
}

static void what_another_tool_does_to_a_definition_is_noticed_without_an_event(void **state) {
        static const char xml[] = "<hostdev mode='subsystem' type='pci' managed='yes'><source>"
                                  "<address domain='0' bus='0x42' slot='0' function='0'/>"
                                  "</source></hostdev>";
        World *world = *state;
        Told *told = world->told;
        virDomainPtr domain = define_in_qemu(world);

        UNTIL(told, told_find(told, guest_uuid));
        assert_int_equal(virDomainAttachDeviceFlags(domain, xml, VIR_DOMAIN_AFFECT_CONFIG), 0);
        UNTIL(told, told_find(told, guest_uuid)->n_config == 1);
        virDomainFree(domain);
}

/* Failures to connect are waited out. */
static void ignore_error(void *userdata, virErrorPtr error) {
}

#define IN_TEST(test) cmocka_unit_test_setup_teardown(test, set_up_test, tear_down)
#define IN_QEMU(test) cmocka_unit_test_setup_teardown(test, set_up_qemu, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                IN_TEST(domains_and_events_come_through_the_daemon),
                IN_TEST(a_domain_that_libvirt_cannot_send_keeps_nobody_from_the_others),
                IN_TEST(domains_are_changed_side_by_side_again_and_again),
                IN_TEST(a_live_attach_is_refused_through_the_daemon_too),
                IN_TEST(a_lost_daemon_is_told_and_found_again),
                IN_TEST(a_call_whose_daemon_dies_ends_without_a_verdict_on_the_domain),
                IN_TEST(an_attach_that_has_not_begun_can_be_given_up),
                IN_TEST(a_daemon_that_hangs_in_several_calls_is_given_up_and_found_again),
                IN_TEST(the_end_comes_at_once_while_the_daemon_hangs),
                IN_QEMU(a_definition_in_qemu_gets_devices_and_gives_them_back),
                IN_QEMU(our_alias_at_another_address_stays_in_qemu_too),
                IN_QEMU(a_running_guest_refuses_in_libvirts_words_and_keeps_both_xmls),
                IN_QEMU(what_another_tool_does_to_a_definition_is_noticed_without_an_event),
        };

        if (access(libvirtd, X_OK) < 0) {
                printf("1..0 # SKIP there is no libvirtd\n");
                return 0;
        }

        /* The keeper calls libvirt on this thread, which does not block it as the worker's do. */
        signal(SIGPIPE, SIG_IGN);
        virSetErrorFunc(NULL, ignore_error);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
