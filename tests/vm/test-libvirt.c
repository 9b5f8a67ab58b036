/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The hypervisor on libvirt's own test driver: test:///default, which lives in this process, and a
 * host of our own from a file.
 */
#include <stdlib.h>
#include <sys/stat.h>

#include <libvirt/libvirt.h>

#include "vm/told.h"

static const char guest_xml[] = "<domain type='test'><name>%s</name><uuid>%s</uuid>"
                                "<memory>8192</memory><os><type>hvm</type></os>"
                                "<devices>%s</devices></domain>";

static int set_up(void **state) {
        Told *told = told_begin("test:///default");

        UNTIL(told, told->n_reconciled == 1);
        *state = told;
        return 0;
}

static int tear_down(void **state) {
        told_end(*state);
        return 0;
}

/* Somebody else's connection to the same hypervisor. */
static void closep_connection(virConnectPtr *connection) {
        virConnectClose(*connection);
}
#define _stranger_ _cleanup_(closep_connection)

static virConnectPtr come_as_stranger(void) {
        virConnectPtr connection = virConnectOpen("test:///default");

        assert_non_null(connection);
        return connection;
}

static virDomainPtr define(virConnectPtr stranger, const char *name, const char *devices) {
        _cleanup_(freep) char *xml = NULL;
        virDomainPtr domain;

        assert_true(asprintf(&xml, guest_xml, name, guest_uuid, devices) > 0);
        domain = virDomainDefineXML(stranger, xml);
        assert_non_null(domain);
        return domain;
}

static void undefine(virDomainPtr domain) {
        (void) virDomainDestroy(domain); /* fails when it does not run */
        assert_int_equal(virDomainUndefine(domain), 0);
        virDomainFree(domain);
}

static void every_domain_is_told_before_the_reconcile_ends(void **state) {
        Told *told = *state;
        const DomainFacts *facts = told_find(told, default_uuid);

        assert_int_equal(told->n_connected, 1);
        assert_int_equal(told->n_lost, 0);
        assert_non_null(facts);
        assert_string_equal(facts->name, "test");
        assert_true(facts->running);
        assert_true(facts->persistent);
        assert_int_equal(facts->n_live, 0);
}

static void the_test_driver_is_known_to_have_no_live_attach(void **state) {
        Told *told = *state;

        assert_false(told->hypervisor->operations->can_attach_live(told->hypervisor));
}

static void an_unreachable_libvirt_is_told_once_and_tried_again(void **state) {
        char path[] = "/tmp/test-libvirt-XXXXXX";
        _cleanup_(freep) char *file = NULL, *uri = NULL;
        FILE *stream;
        Told *told;

        assert_non_null(mkdtemp(path));
        assert_true(asprintf(&file, "%s/host.xml", path) > 0);
        assert_true(asprintf(&uri, "test://%s", file) > 0);

        told = told_begin(uri);
        UNTIL(told, told->n_lost == 1);
        assert_non_null(strstr(told->text, "host.xml"));
        assert_int_equal(told->n_connected, 0);

        /* Now it is there, with a host and a domain of our own. */
        stream = fopen(file, "w");
        assert_non_null(stream);
        fprintf(stream, "<node>");
        fprintf(stream, guest_xml, "own", guest_uuid, "");
        fprintf(stream, "</node>");
        assert_int_equal(fclose(stream), 0);

        UNTIL(told, told->n_reconciled == 1);
        assert_int_equal(told->n_lost, 1);
        assert_int_equal(told->n_connected, 1);
        assert_int_equal(told->domains.n_items, 1);
        assert_string_equal(told_find(told, guest_uuid)->name, "own");

        told_end(told);
        assert_int_equal(unlink(file), 0);
        assert_int_equal(rmdir(path), 0);
}

static void without_a_connection_a_change_is_unavailable(void **state) {
        Told *told = told_begin("test:///nowhere/at/all");
        HypervisorDevice devices[] = { told_device(0, 0) };

        told_attach(told, default_uuid, false, devices, 1);
        assert_int_equal(told->verdict, HYPERVISOR_UNAVAILABLE);
        assert_true(told->text[0] != '\0');
        told_end(told);
}

static void the_end_may_come_at_any_time(void **state) {
        for (unsigned i = 0; i < 20; i++) {
                Told *told = told_begin("test:///default");

                for (unsigned k = 0; k < i % 4; k++)
                        told_turn(told);
                told_end(told);
        }
}

static void a_domain_is_followed_from_its_definition_to_its_end(void **state) {
        _stranger_ virConnectPtr stranger = come_as_stranger();
        Told *told = *state;
        virDomainPtr domain;

        domain = define(stranger, "guest", "");
        UNTIL(told, told_find(told, guest_uuid));
        assert_string_equal(told_find(told, guest_uuid)->name, "guest");
        assert_true(told_find(told, guest_uuid)->persistent);
        assert_false(told_find(told, guest_uuid)->running);

        assert_int_equal(virDomainCreate(domain), 0);
        UNTIL(told, told_runs(told, guest_uuid));

        assert_int_equal(virDomainDestroy(domain), 0);
        UNTIL(told, !told_runs(told, guest_uuid));
        assert_true(told_find(told, guest_uuid)->persistent);

        undefine(domain);
        UNTIL(told, !told_find(told, guest_uuid));
}

static void a_running_domain_outlives_its_definition(void **state) {
        _stranger_ virConnectPtr stranger = come_as_stranger();
        Told *told = *state;
        virDomainPtr domain = define(stranger, "guest", "");

        assert_int_equal(virDomainCreate(domain), 0);
        UNTIL(told, told_runs(told, guest_uuid));
        assert_int_equal(virDomainUndefine(domain), 0);
        UNTIL(told, !told_find(told, guest_uuid)->persistent);
        assert_true(told_runs(told, guest_uuid));

        assert_int_equal(virDomainDestroy(domain), 0);
        virDomainFree(domain);
        UNTIL(told, !told_find(told, guest_uuid));
}

static void a_device_that_somebody_else_gave_is_seen(void **state) {
        _stranger_ virConnectPtr stranger = come_as_stranger();
        Told *told = *state;
        virDomainPtr domain =
                define(stranger, "guest",
                       "<hostdev mode='subsystem' type='pci' managed='yes'><source>"
                       "<address domain='0x0000' bus='0x42' slot='0x1f' function='0x7'/>"
                       "</source></hostdev>");
        const DomainFacts *facts;
        char text[ADDRESS_TEXT_SIZE];

        UNTIL(told, told_find(told, guest_uuid));
        facts = told_find(told, guest_uuid);
        assert_int_equal(facts->n_config, 1);
        assert_string_equal(address_format(facts->config[0].address, text), "0000:42:1f.7");
        assert_string_equal(facts->config[0].alias, "");
        assert_int_equal(facts->n_live, 0);

        assert_int_equal(virDomainCreate(domain), 0);
        UNTIL(told, told_runs(told, guest_uuid));
        assert_int_equal(told_find(told, guest_uuid)->n_live, 1);

        undefine(domain);
}

/* Its definition, and a description so long that it is not read. */
static void describe(virConnectPtr stranger, size_t size) {
        _cleanup_(freep) char *description = calloc(1, size + 1), *xml = NULL;
        virDomainPtr domain;

        assert_non_null(description);
        memset(description, 'x', size);
        assert_true(asprintf(&xml,
                             "<domain type='test'><name>guest</name><uuid>%s</uuid>"
                             "<description>%s</description><memory>8192</memory>"
                             "<os><type>hvm</type></os><devices><hostdev mode='subsystem' "
                             "type='pci' managed='yes'><source><address domain='0x0000' "
                             "bus='0x42' slot='0x1f' function='0x7'/></source></hostdev></devices>"
                             "</domain>",
                             guest_uuid, description) > 0);
        domain = virDomainDefineXML(stranger, xml);
        assert_non_null(domain);
        virDomainFree(domain);
}

static void a_domain_too_large_to_be_read_is_told_as_such(void **state) {
        _stranger_ virConnectPtr stranger = come_as_stranger();
        HypervisorDevice device = told_device(0, 0);
        Told *told = *state, *late;
        virDomainPtr domain;

        describe(stranger, 10);
        UNTIL(told, told_find(told, guest_uuid));
        assert_int_equal(told_find(told, guest_uuid)->n_config, 1);

        describe(stranger, 5 * 1024 * 1024);
        UNTIL(told, told_find(told, guest_uuid)->unreadable);
        assert_int_equal(told_find(told, guest_uuid)->n_config, 1); /* what was known stays so */

        /* No verdict on a change whose effect cannot be read. */
        told_attach(told, guest_uuid, false, &device, 1);
        assert_int_not_equal(told->verdict, 0);

        /* Who comes now learns of the others, and that there is this one. */
        late = told_begin("test:///default");
        UNTIL(late, late->n_reconciled == 1);
        assert_true(told_runs(late, default_uuid));
        assert_string_equal(told_find(late, guest_uuid)->unreadable, "the XML is too large");
        assert_int_equal(told_find(late, guest_uuid)->n_config, 0);

        describe(stranger, 20);
        UNTIL(told, !told_find(told, guest_uuid)->unreadable);
        UNTIL(late, !told_find(late, guest_uuid)->unreadable);
        assert_int_equal(told_find(late, guest_uuid)->n_config, 1);
        told_end(late);

        domain = virDomainLookupByName(stranger, "guest");
        undefine(domain);
        UNTIL(told, !told_find(told, guest_uuid));
}

static void a_refresh_tells_the_domain_again(void **state) {
        Told *told = *state;
        unsigned n_told = told->n_told;

        assert_int_equal(told->hypervisor->operations->refresh(told->hypervisor, default_uuid), 0);
        UNTIL(told, told->n_told > n_told);
        assert_non_null(told_find(told, default_uuid));

        n_told = told->n_told;
        assert_int_equal(told->hypervisor->operations->refresh(told->hypervisor, unknown_uuid), 0);
        UNTIL(told, told->n_told > n_told);
        assert_null(told_find(told, unknown_uuid));
}

static void many_refreshes_become_few(void **state) {
        Told *told = *state;
        unsigned n_told = told->n_told;

        for (unsigned i = 0; i < 100; i++)
                assert_int_equal(
                        told->hypervisor->operations->refresh(told->hypervisor, default_uuid), 0);
        UNTIL(told, told->n_told >= n_told + 2);
        /* A job queued behind every reading that is still to come. */
        told_detach(told, default_uuid, false, NULL, 0);
        assert_true(told->n_told <= n_told + 3);
}

static void a_device_is_attached_to_the_definition_and_taken_out_again(void **state) {
        _stranger_ virConnectPtr stranger = come_as_stranger();
        HypervisorDevice devices[] = { told_device(0, 0), told_device(1, 1) };
        _cleanup_(freep) char *xml = NULL;
        Told *told = *state;
        virDomainPtr domain = define(stranger, "guest", "");
        const DomainFacts *facts;

        devices[1].managed = false;
        told_attach(told, guest_uuid, false, devices, 2);
        assert_int_equal(told->verdict, 0);
        assert_int_equal(told->n_held_at_done, 2); /* facts come before done */

        facts = told_find(told, guest_uuid);
        assert_int_equal(facts->n_config, 2);
        assert_string_equal(facts->config[0].alias, "ua-hostdev1-17-0");
        assert_true(address_equal(facts->config[0].address, devices[0].address));
        assert_string_equal(facts->config[1].alias, "ua-hostdev1-17-1");
        assert_true(address_equal(facts->config[1].address, devices[1].address));

        xml = virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_INACTIVE);
        assert_non_null(strstr(xml, "type='pci' managed='yes'"));
        assert_non_null(strstr(xml, "type='pci' managed='no'"));
        assert_non_null(strstr(xml, "<driver name='vfio'/>"));

        told_detach(told, guest_uuid, false, &devices[1], 1);
        assert_int_equal(told->verdict, 0);
        assert_int_equal(told_find(told, guest_uuid)->n_config, 1);
        assert_string_equal(told_find(told, guest_uuid)->config[0].alias, "ua-hostdev1-17-0");

        told_detach(told, guest_uuid, false, devices, 2);
        assert_int_equal(told->verdict, 0);
        assert_int_equal(told_find(told, guest_uuid)->n_config, 0);

        undefine(domain);
}

static void a_live_attach_is_refused_in_libvirts_own_words(void **state) {
        HypervisorDevice devices[] = { told_device(0, 0) };
        Told *told = *state;

        told_attach(told, default_uuid, true, devices, 1);
        assert_int_equal(told->verdict, HYPERVISOR_REFUSED);
        assert_non_null(strstr(told->text, "not supported by the connection driver"));
        assert_int_equal(told_find(told, default_uuid)->n_live, 0);
        assert_int_equal(told_find(told, default_uuid)->n_config, 0);
}

static void an_unknown_domain_is_told_as_such(void **state) {
        HypervisorDevice devices[] = { told_device(0, 0) };
        Told *told = *state;

        told_attach(told, unknown_uuid, false, devices, 1);
        assert_int_equal(told->verdict, DOMAIN_UNKNOWN);
        assert_true(told->text[0] != '\0');
}

static void what_is_not_there_counts_as_taken_back(void **state) {
        HypervisorDevice devices[] = { told_device(0, 0) };
        Told *told = *state;

        told_detach(told, unknown_uuid, false, devices, 1);
        assert_int_equal(told->verdict, 0);
        told_detach(told, default_uuid, false, devices, 1);
        assert_int_equal(told->verdict, 0);
        told_detach(told, default_uuid, true, devices, 1);
        assert_int_equal(told->verdict, 0);
}

static void our_alias_at_another_address_is_not_touched(void **state) {
        _stranger_ virConnectPtr stranger = come_as_stranger();
        HypervisorDevice devices[] = { told_device(0, 0) };
        Told *told = *state;
        virDomainPtr domain =
                define(stranger, "guest",
                       "<hostdev mode='subsystem' type='pci' managed='yes'><source>"
                       "<address domain='0' bus='0x42' slot='0' function='0'/></source>"
                       "<alias name='ua-hostdev1-17-0'/></hostdev>");

        told_detach(told, guest_uuid, false, devices, 1);
        assert_int_equal(told->verdict, 0);
        assert_int_equal(told_find(told, guest_uuid)->n_config, 1);
        assert_int_equal(told_find(told, guest_uuid)->config[0].address.bus, 0x42);

        undefine(domain);
}

static void a_second_device_that_is_refused_leaves_the_first_to_the_caller(void **state) {
        _stranger_ virConnectPtr stranger = come_as_stranger();
        /* libvirt takes no second device with the same alias. */
        HypervisorDevice devices[] = { told_device(0, 0), told_device(1, 0) };
        Told *told = *state;
        virDomainPtr domain = define(stranger, "guest", "");

        told_attach(told, guest_uuid, false, devices, 2);
        assert_int_equal(told->verdict, HYPERVISOR_REFUSED);
        assert_non_null(strstr(told->text, "alias"));
        assert_int_equal(told_find(told, guest_uuid)->n_config, 1);
        assert_int_equal(told_find(told, guest_uuid)->config[0].address.function, 0);

        undefine(domain);
}

static void changes_of_one_domain_follow_each_other(void **state) {
        _stranger_ virConnectPtr stranger = come_as_stranger();
        Told *told = *state;
        virDomainPtr domain = define(stranger, "guest", "");
        HypervisorDevice devices[] = { told_device(0, 0) };

        for (unsigned i = 0; i < 20; i++) {
                told_attach_start(told, guest_uuid, false, devices, 1);
                told_detach_start(told, guest_uuid, false, devices, 1);
        }
        /* Were one out of turn, an attach would meet its own alias and be refused. */
        for (unsigned i = 1; i <= 40; i++) {
                UNTIL(told, told->n_done >= i);
                assert_int_equal(told->verdict, 0);
        }
        assert_int_equal(told_find(told, guest_uuid)->n_config, 0);

        undefine(domain);
}

#define ON_DEFAULT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                ON_DEFAULT(every_domain_is_told_before_the_reconcile_ends),
                ON_DEFAULT(the_test_driver_is_known_to_have_no_live_attach),
                cmocka_unit_test(an_unreachable_libvirt_is_told_once_and_tried_again),
                cmocka_unit_test(without_a_connection_a_change_is_unavailable),
                cmocka_unit_test(the_end_may_come_at_any_time),
                ON_DEFAULT(a_domain_is_followed_from_its_definition_to_its_end),
                ON_DEFAULT(a_running_domain_outlives_its_definition),
                ON_DEFAULT(a_device_that_somebody_else_gave_is_seen),
                ON_DEFAULT(a_domain_too_large_to_be_read_is_told_as_such),
                ON_DEFAULT(a_refresh_tells_the_domain_again),
                ON_DEFAULT(many_refreshes_become_few),
                ON_DEFAULT(a_device_is_attached_to_the_definition_and_taken_out_again),
                ON_DEFAULT(a_live_attach_is_refused_in_libvirts_own_words),
                ON_DEFAULT(an_unknown_domain_is_told_as_such),
                ON_DEFAULT(what_is_not_there_counts_as_taken_back),
                ON_DEFAULT(our_alias_at_another_address_is_not_touched),
                ON_DEFAULT(a_second_device_that_is_refused_leaves_the_first_to_the_caller),
                ON_DEFAULT(changes_of_one_domain_follow_each_other),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
