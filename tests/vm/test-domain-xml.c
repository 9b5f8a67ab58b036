/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Domain XML: everything that holds a PCI device, the NUMA nodes, and text that is out to do harm.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vm/domain-xml.h"

static const char uuid[] = "11111111-2222-3333-4444-555555555555";

/* CPUs 0–3 on node 0, 4–7 on node 1, 8 on none that is known. */
static int nodes_of_cpus[] = { 0, 0, 0, 0, 1, 1, 1, 1, -1 };
static const CpuNodes cpus = { nodes_of_cpus, N_ELEMENTS(nodes_of_cpus) };

#define HEAD      "<uuid>11111111-2222-3333-4444-555555555555</uuid><name>guest</name>"
#define SAVED(x)  "<domain type='kvm'>" HEAD x "</domain>"
#define ACTIVE(x) "<domain type='kvm' id='4'>" HEAD x "</domain>"

#define ADDRESS_1 "<address type='pci' domain='0x0000' bus='0x41' slot='0x00' function='0x1'/>"
#define ADDRESS_2 "<address domain='0x0000' bus='0x42' slot='0x1f' function='0x7'/>"

/* Reads @xml as of @kind into new facts. */
static int try_read(DomainFacts **ret, const char *xml, DomainXmlKind kind) {
        _cleanup_(domain_facts_freep) DomainFacts *facts = NULL;
        int r;

        assert_int_equal(domain_facts_new(&facts, uuid, "guest"), 0);
        r = domain_xml_read(facts, xml, kind, &cpus);
        if (r == 0)
                *ret = TAKE(facts);
        return r;
}

static DomainFacts *read_saved(const char *xml) {
        DomainFacts *facts = NULL;

        assert_int_equal(try_read(&facts, xml, DOMAIN_XML_SAVED), 0);
        return facts;
}

static void assert_held(const DomainFacts *facts, size_t i, const char *address,
                        const char *alias) {
        char text[ADDRESS_TEXT_SIZE];

        assert_true(facts->n_config > i);
        assert_string_equal(address_format(facts->config[i].address, text), address);
        assert_string_equal(facts->config[i].alias, alias);
}

/* The saved XML with @devices holds exactly the device at @address. */
static void assert_holds_one(const char *xml, const char *address) {
        _cleanup_(domain_facts_freep) DomainFacts *facts = read_saved(xml);

        assert_int_equal(facts->n_config, 1);
        assert_held(facts, 0, address, "");
}

static void assert_holds_nothing(const char *xml) {
        _cleanup_(domain_facts_freep) DomainFacts *facts = read_saved(xml);

        assert_int_equal(facts->n_config, 0);
}

static void hostdevs_are_held_with_their_user_alias(void **state) {
        _cleanup_(domain_facts_freep) DomainFacts *facts = read_saved(
                SAVED("<devices><hostdev mode='subsystem' type='pci'><source>" ADDRESS_1 "</source>"
                      "<alias name='ua-hostdev1-17-0'/>" ADDRESS_2 "</hostdev>"
                      "<hostdev mode='subsystem' type='pci'><source>" ADDRESS_2 "</source>"
                      "<alias name='hostdev1'/></hostdev></devices>"));

        assert_int_equal(facts->n_config, 2);
        assert_held(facts, 0, "0000:41:00.1", "ua-hostdev1-17-0");
        assert_held(facts, 1, "0000:42:1f.7", ""); /* libvirt's own alias is nobody's */
}

static void a_usb_hostdev_holds_no_pci_device(void **state) {
        assert_holds_nothing(SAVED("<devices><hostdev mode='subsystem' type='usb'><source>"
                                   "<address bus='1' device='2'/></source></hostdev></devices>"));
}

#define MEDIATED(attributes)                                                                       \
        "<devices><hostdev mode='subsystem' type='mdev' model='vfio-pci'><source>"                 \
        "<address " attributes "/></source></hostdev></devices>"

static void a_mediated_hostdev_is_told_by_its_uuid(void **state) {
        static const char *const none[] = { "", "uuid=''", "uuid='guest'", "uuid='a1c3d4e5'" };
        _cleanup_(domain_facts_freep) DomainFacts *saved = NULL, *active = NULL;

        saved = read_saved(SAVED(MEDIATED("uuid='A1C3D4E5-2222-3333-4444-555555555555'")));
        assert_int_equal(saved->n_config, 0);
        assert_int_equal(saved->n_mediated, 1);
        assert_string_equal(saved->mediated[0].uuid, "a1c3d4e5-2222-3333-4444-555555555555");
        assert_false(saved->mediated[0].live);

        assert_int_equal(try_read(&active,
                                  ACTIVE(MEDIATED("uuid='a1c3d4e5-2222-3333-4444-555555555555'")),
                                  DOMAIN_XML_NOW),
                         0);
        assert_int_equal(active->n_mediated, 1);
        assert_true(active->mediated[0].live);

        for (size_t i = 0; i < N_ELEMENTS(none); i++) {
                _cleanup_(domain_facts_freep) DomainFacts *facts = NULL;
                _cleanup_(freep) char *xml = NULL;

                assert_true(asprintf(&xml, SAVED(MEDIATED("%s")), none[i]) > 0);
                facts = read_saved(xml);
                assert_int_equal(facts->n_mediated, 0);
        }
}

static void the_place_in_the_guest_is_not_a_device_of_the_host(void **state) {
        assert_holds_nothing(
                SAVED("<devices><interface type='network'><source network='x'/>" ADDRESS_1
                      "</interface><controller type='usb'>" ADDRESS_1 "</controller></devices>"));
}

static void an_interface_of_type_hostdev_holds_its_source(void **state) {
        assert_holds_one(SAVED("<devices><interface type='hostdev' managed='yes'>"
                               "<source>" ADDRESS_1 "</source>" ADDRESS_2 "</interface></devices>"),
                         "0000:41:00.1");
}

static void an_interface_of_a_network_holds_what_the_network_gave(void **state) {
        assert_holds_one(SAVED("<devices><interface type='network'><source network='vfs'/>"
                               "<actual type='hostdev'><source>" ADDRESS_1
                               "</source></actual></interface></devices>"),
                         "0000:41:00.1");
        assert_holds_one(SAVED("<devices><interface type='network'><source network='vfs'>" ADDRESS_1
                               "</source></interface></devices>"),
                         "0000:41:00.1");
}

static void an_nvme_disk_holds_its_controller(void **state) {
        assert_holds_one(SAVED("<devices><disk type='nvme' device='disk'>"
                               "<source type='pci' managed='yes' namespace='1'>" ADDRESS_2
                               "</source><target dev='vda'/>" ADDRESS_1 "</disk></devices>"),
                         "0000:42:1f.7");
}

static void an_nvme_disk_under_another_is_held_too(void **state) {
        assert_holds_one(
                SAVED("<devices><disk type='file'><source file='/x'/><backingStore type='nvme'>"
                      "<source type='pci' managed='yes' namespace='1'>" ADDRESS_2
                      "</source></backingStore></disk></devices>"),
                "0000:42:1f.7");
}

static void addresses_are_read_in_every_form_of_libvirt(void **state) {
        assert_holds_one(SAVED("<devices><hostdev type='pci'><source>"
                               "<address bus='65' slot='0X1F' function='7'/></source></hostdev>"
                               "</devices>"),
                         "0000:41:1f.7");
        assert_holds_one(SAVED("<devices><hostdev type='pci'><source>"
                               "<address domain='0x10000' bus='0' slot='0' function='0'/>"
                               "</source></hostdev></devices>"),
                         "10000:00:00.0");
}

static void what_is_no_address_holds_nothing(void **state) {
        const char *const addresses[] = {
                "",
                "<address/>",
                "<address bus='0x41' slot='0x20' function='0'/>",
                "<address bus='0x41' slot='0' function='8'/>",
                "<address bus='0x100' slot='0' function='0'/>",
                "<address bus='-1' slot='0' function='0'/>",
                "<address bus=' 1' slot='0' function='0'/>",
                "<address bus='1x' slot='0' function='0'/>",
                "<address domain='0x100000000' bus='1' slot='0' function='0'/>",
                "<address domain='x' bus='1' slot='0' function='0'/>",
                "<address type='usb' bus='1' slot='0' function='0'/>",
        };

        for (size_t i = 0; i < N_ELEMENTS(addresses); i++) {
                _cleanup_(freep) char *xml = NULL;

                assert_true(asprintf(&xml,
                                     SAVED("<devices><hostdev type='pci'><source>%s</source>"
                                           "</hostdev></devices>"),
                                     addresses[i]) > 0);
                assert_holds_nothing(xml);
        }
}

static void elements_elsewhere_or_of_another_namespace_do_not_count(void **state) {
        assert_holds_nothing(
                SAVED("<metadata><devices><hostdev type='pci'><source>" ADDRESS_1
                      "</source></hostdev></devices></metadata>"
                      "<devices><x:hostdev xmlns:x='urn:x' type='pci'><source>" ADDRESS_1
                      "</source></x:hostdev></devices>"));
        assert_holds_nothing(
                SAVED("<description><![CDATA[<devices><hostdev type='pci'><source>" ADDRESS_1
                      "</source></hostdev></devices>]]></description>"));
}

static void the_running_xml_goes_to_live(void **state) {
        _cleanup_(domain_facts_freep) DomainFacts *facts = NULL;
        const char xml[] = ACTIVE("<devices><hostdev type='pci'><source>" ADDRESS_1
                                  "</source></hostdev></devices>");

        assert_int_equal(try_read(&facts, xml, DOMAIN_XML_NOW), 0);
        assert_true(facts->running);
        assert_int_equal(facts->n_live, 1);
        assert_int_equal(facts->n_config, 0);
}

static void what_is_now_of_a_domain_that_does_not_run_is_its_definition(void **state) {
        _cleanup_(domain_facts_freep) DomainFacts *facts = NULL;
        const char xml[] = SAVED("<vcpu cpuset='4-7'>4</vcpu>"
                                 "<devices><hostdev type='pci'><source>" ADDRESS_1
                                 "</source></hostdev></devices>");

        assert_int_equal(try_read(&facts, xml, DOMAIN_XML_NOW), 0);
        assert_false(facts->running);
        assert_int_equal(facts->n_live, 0);
        assert_int_equal(facts->n_config, 1);
        assert_held(facts, 0, "0000:41:00.1", "");
        assert_false(node_set_has(&facts->nodes, 0));
        assert_true(node_set_has(&facts->nodes, 1));
}

static void a_running_domain_is_where_it_runs_whatever_is_saved(void **state) {
        _cleanup_(domain_facts_freep) DomainFacts *facts = NULL;

        assert_int_equal(
                try_read(&facts, ACTIVE("<vcpu cpuset='0-3'>4</vcpu><devices/>"), DOMAIN_XML_NOW),
                0);
        assert_int_equal(domain_xml_read(facts,
                                         SAVED("<vcpu cpuset='4-7'>4</vcpu>"
                                               "<devices><hostdev type='pci'><source>" ADDRESS_1
                                               "</source></hostdev></devices>"),
                                         DOMAIN_XML_SAVED, &cpus),
                         0);
        assert_true(facts->running);
        assert_true(node_set_has(&facts->nodes, 0));
        assert_false(node_set_has(&facts->nodes, 1));
        assert_int_equal(facts->n_live, 0);
        assert_int_equal(facts->n_config, 1);
}

/* Bit n: node n is in the set; −1: not constrained. */
static int nodes(const char *xml) {
        _cleanup_(domain_facts_freep) DomainFacts *facts = read_saved(xml);
        int bits = 0;

        if (!facts->nodes.constrained)
                return -1;
        for (int i = 0; i < 8; i++)
                if (node_set_has(&facts->nodes, i))
                        bits |= 1 << i;
        return bits;
}

#define PINNED "<cputune><vcpupin vcpu='0' cpuset='5'/><vcpupin vcpu='1' cpuset='6-7'/></cputune>"

static void numatune_names_the_nodes_whatever_its_mode(void **state) {
        assert_int_equal(
                nodes(SAVED(
                        "<numatune><memory mode='strict' nodeset='0-2,^1'/></numatune>" PINNED)),
                5);
        assert_int_equal(
                nodes(SAVED("<numatune><memory mode='preferred' nodeset='3'/></numatune>")), 8);
        assert_int_equal(nodes(SAVED("<numatune><memory mode='strict' nodeset='0'/>"
                                     "<memnode cellid='0' mode='strict' nodeset='1'/></numatune>")),
                         3);
}

static void without_numatune_the_pinned_cpus_do(void **state) {
        assert_int_equal(nodes(SAVED("<vcpu cpuset='0'>2</vcpu>" PINNED)), 2);
        assert_int_equal(
                nodes(SAVED(
                        "<numatune><memory mode='strict' placement='auto'/></numatune>" PINNED)),
                2);
}

static void without_either_the_cpuset_of_vcpu_does(void **state) {
        assert_int_equal(nodes(SAVED("<vcpu placement='static' cpuset='0,4'>2</vcpu>")), 3);
}

static void a_domain_that_is_not_bound_is_not_constrained(void **state) {
        assert_int_equal(nodes(SAVED("<vcpu>2</vcpu>")), -1);
        assert_int_equal(nodes(SAVED("<vcpu cpuset='8,100'>2</vcpu>")), -1);
}

static void a_cpu_set_is_read_as_libvirt_writes_it(void **state) {
        const char *const wrong[] = {
                "", ",", "1,", "-1", "3-1", "^1-2", "a", "1-", "8192", "1 2"
        };
        IndexSet set;

        assert_int_equal(index_set_parse(&set, "0-3, 5,^2,8191"), 0);
        assert_true(index_set_has(&set, 0) && index_set_has(&set, 3) && index_set_has(&set, 5));
        assert_true(index_set_has(&set, 8191));
        assert_false(index_set_has(&set, 2) || index_set_has(&set, 4) || index_set_has(&set, 8192));

        for (size_t i = 0; i < N_ELEMENTS(wrong); i++)
                assert_int_equal(index_set_parse(&set, wrong[i]), -EINVAL);
}

static void the_capabilities_tell_the_node_of_each_cpu(void **state) {
        _cleanup_(cpu_nodes_done) CpuNodes read = { 0 }, none = { 0 };

        assert_int_equal(
                cpu_nodes_read(&read,
                               "<capabilities><host><topology><cells num='2'>"
                               "<cell id='0'><cpus num='2'><cpu id='0'/><cpu id='2'/></cpus></cell>"
                               "<cell id='1'><cpus num='1'><cpu id='3'/></cpus></cell>"
                               "</cells></topology></host></capabilities>"),
                0);
        assert_int_equal(read.n_cpus, 4);
        assert_int_equal(read.nodes[0], 0);
        assert_int_equal(read.nodes[1], -1);
        assert_int_equal(read.nodes[2], 0);
        assert_int_equal(read.nodes[3], 1);

        assert_int_equal(cpu_nodes_read(&none, "<capabilities/>"), 0);
        assert_int_equal(none.n_cpus, 0);
        assert_int_equal(cpu_nodes_read(&none, "<domain/>"), -EINVAL);
}

static void a_document_type_is_refused_before_it_is_read(void **state) {
        const char *const hostile[] = {
                "<!DOCTYPE domain>" SAVED(""),
                "<!DOCTYPE domain SYSTEM 'file:///etc/passwd'>" SAVED(""),
                "<!DOCTYPE domain [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>" SAVED(
                        "<name>&x;</name>"),
                "<!DOCTYPE domain [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>"
                "<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;'>]>" SAVED("<name>&c;</name>"),
        };
        DomainFacts *facts = NULL;

        for (size_t i = 0; i < N_ELEMENTS(hostile); i++)
                assert_int_equal(try_read(&facts, hostile[i], DOMAIN_XML_SAVED), -EINVAL);
}

static void text_that_is_not_this_domain_is_refused(void **state) {
        const char *const wrong[] = {
                "",
                "x",
                "<domain",
                "<domain/>",
                "<network>" HEAD "</network>",
                SAVED("&x;"),
                "<domain><uuid>21111111-2222-3333-4444-555555555555</uuid></domain>",
                SAVED("<vcpu cpuset='x'/>"),
                SAVED("") "<domain/>",
        };
        DomainFacts *facts = NULL;

        for (size_t i = 0; i < N_ELEMENTS(wrong); i++)
                assert_int_equal(try_read(&facts, wrong[i], DOMAIN_XML_SAVED), -EINVAL);
}

static void elements_nested_without_end_are_refused(void **state) {
        enum {
                DEPTH = 100000
        };
        _cleanup_(freep) char *xml = malloc(DEPTH * strlen("<a>") + 1);
        DomainFacts *facts = NULL;
        char *end = xml;

        assert_non_null(xml);
        for (size_t i = 0; i < DEPTH; i++)
                end = stpcpy(end, "<a>");
        assert_int_equal(try_read(&facts, xml, DOMAIN_XML_SAVED), -EINVAL);
}

static void text_beyond_the_cap_is_refused_and_below_it_read(void **state) {
        static const char head[] = "<domain><uuid>11111111-2222-3333-4444-555555555555</uuid><!--",
                          tail[] = "--></domain>";
        _cleanup_(freep) char *xml = malloc(XML_TEXT_MAX + 2);
        _cleanup_(domain_facts_freep) DomainFacts *facts = NULL;

        assert_non_null(xml);
        for (size_t over = 0; over < 2; over++) {
                size_t size = XML_TEXT_MAX + over;

                memset(xml, 'x', size);
                memcpy(xml, head, strlen(head));
                memcpy(xml + size - strlen(tail), tail, strlen(tail) + 1);
                assert_int_equal(try_read(&facts, xml, DOMAIN_XML_SAVED), over ? -E2BIG : 0);
        }
}

static int n_until_failure = -1; /* allocations of libxml2; negative: none fails */

static bool fails_now(void) {
        if (n_until_failure < 0)
                return false;
        return n_until_failure-- == 0;
}

static void *failing_malloc(size_t size) {
        return fails_now() ? NULL : malloc(size);
}

static void *failing_realloc(void *memory, size_t size) {
        return fails_now() ? NULL : realloc(memory, size);
}

static char *failing_strdup(const char *text) {
        return fails_now() ? NULL : strdup(text);
}

/* Whichever allocation of libxml2 fails: the XML is refused, or all of it was read. */
static void without_memory_nothing_that_is_held_is_overlooked(void **state) {
        const char xml[] = ACTIVE(
                "<devices><hostdev mode='subsystem' type='pci'><source>" ADDRESS_1
                "</source><alias name='ua-hostdev1-17-0'/></hostdev>"
                "<hostdev type='mdev'><source><address uuid='11111111-2222-3333-4444-555555555555'/></source></hostdev>"
                "<interface type='network'><source network='vfs'/><actual type='hostdev'>"
                "<source>" ADDRESS_2 "</source></actual></interface></devices>");
        unsigned n_refused = 0;

        assert_int_equal(xmlMemSetup(free, failing_malloc, failing_realloc, failing_strdup), 0);
        for (int n = 0; n_until_failure < 0; n++) {
                _cleanup_(domain_facts_freep) DomainFacts *facts = NULL;
                int r;

                n_until_failure = n;
                r = try_read(&facts, xml, DOMAIN_XML_NOW);
                if (r < 0) {
                        n_refused++;
                        continue;
                }
                assert_true(facts->running);
                assert_int_equal(facts->n_live, 2);
                assert_string_equal(facts->live[0].alias, "ua-hostdev1-17-0");
                assert_int_equal(facts->n_mediated, 1);
        }
        n_until_failure = -1;
        assert_true(n_refused > 10);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(hostdevs_are_held_with_their_user_alias),
                cmocka_unit_test(a_usb_hostdev_holds_no_pci_device),
                cmocka_unit_test(a_mediated_hostdev_is_told_by_its_uuid),
                cmocka_unit_test(the_place_in_the_guest_is_not_a_device_of_the_host),
                cmocka_unit_test(an_interface_of_type_hostdev_holds_its_source),
                cmocka_unit_test(an_interface_of_a_network_holds_what_the_network_gave),
                cmocka_unit_test(an_nvme_disk_holds_its_controller),
                cmocka_unit_test(an_nvme_disk_under_another_is_held_too),
                cmocka_unit_test(addresses_are_read_in_every_form_of_libvirt),
                cmocka_unit_test(what_is_no_address_holds_nothing),
                cmocka_unit_test(elements_elsewhere_or_of_another_namespace_do_not_count),
                cmocka_unit_test(the_running_xml_goes_to_live),
                cmocka_unit_test(what_is_now_of_a_domain_that_does_not_run_is_its_definition),
                cmocka_unit_test(a_running_domain_is_where_it_runs_whatever_is_saved),
                cmocka_unit_test(numatune_names_the_nodes_whatever_its_mode),
                cmocka_unit_test(without_numatune_the_pinned_cpus_do),
                cmocka_unit_test(without_either_the_cpuset_of_vcpu_does),
                cmocka_unit_test(a_domain_that_is_not_bound_is_not_constrained),
                cmocka_unit_test(a_cpu_set_is_read_as_libvirt_writes_it),
                cmocka_unit_test(the_capabilities_tell_the_node_of_each_cpu),
                cmocka_unit_test(a_document_type_is_refused_before_it_is_read),
                cmocka_unit_test(text_that_is_not_this_domain_is_refused),
                cmocka_unit_test(elements_nested_without_end_are_refused),
                cmocka_unit_test(text_beyond_the_cap_is_refused_and_below_it_read),
                cmocka_unit_test(without_memory_nothing_that_is_held_is_overlooked),
        };

        xml_init();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
