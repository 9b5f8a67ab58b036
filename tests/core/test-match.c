/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/match.h"
#include "core/pool.h"
#include "made-host.h"
#include "util/text.h"

/* A PF with a VF beside it, a plain NIC, a GPU, a bridge and a disk behind Intel's VMD. */
static const Made host[] = {
        { "0000:5e:00.0", 0x15b3, 0x1019, 0, DEVICE_TYPE_PF, .max_virtual_functions = 8,
          .interface = "ens5", .driver = "mlx5_core", .has_node = true, .node = 1 },
        { "0000:5e:02.1", 0x15b3, 0x101a, 0, DEVICE_TYPE_VF, .physical_function = "5e:00.0" },
        { "0000:3b:00.0", 0x8086, 0x1533, .interface = "eno1", .has_node = true, .node = 0,
          .subsystem_vendor_id = 0x8086, .subsystem_product_id = 0x0001 },
        { "0000:3b:00.1", 0x10de, 0x1db4, 0x030200 },
        { "0001:3b:01.0", 0x10de, 0x1db4, 0x030000 },
        { "0000:00:1c.0", 0x8086, 0xa110, 0x060400 },
        { "10000:01:00.0", 0x144d, 0xa808, 0x010802 },
};

static int set_up(void **state) {
        Inventory *inventory = calloc(1, sizeof(*inventory));

        assert_non_null(inventory);
        for (size_t i = 0; i < N_ELEMENTS(host); i++)
                made_device(inventory, &host[i]);
        *state = inventory;
        return 0;
}

static int tear_down(void **state) {
        inventory_done(*state);
        free(*state);
        return 0;
}

/* Takes the rule over. @addresses: what must fit, blank-separated, in address order. */
static void assert_fits(const Inventory *inventory, Rule *rule, const char *addresses) {
        _cleanup_(rule_freep) Rule *held = rule;
        _cleanup_(list_freep) char **fitting = NULL;
        _cleanup_(freep) char *joined = NULL;
        char text[ADDRESS_TEXT_SIZE];

        for (size_t i = 0; i < inventory->n_devices; i++)
                if (rule_mismatch(held, inventory->devices[i], inventory) == 0)
                        assert_int_equal(
                                list_append(&fitting,
                                            address_format(inventory->devices[i]->address, text)),
                                0);

        joined = list_join(fitting, " ");
        assert_non_null(joined);
        assert_string_equal(joined, addresses);
}

#define ALL_POOLED "0000:3b:00.0 0000:3b:00.1 0000:5e:00.0 0000:5e:02.1 0001:3b:01.0"

static void an_empty_rule_of_a_pool_means_all_but_bridges_and_far_domains(void **state) {
        assert_fits(*state, POOL_RULE(), ALL_POOLED);
        assert_fits(*state, POOL_RULE("vendor_id=144d"), "");
        assert_fits(*state, POOL_RULE("class=06"), "");
        assert_fits(*state, POOL_RULE("tag.physical_network=physnet1"), ALL_POOLED);
}

static void ids_are_compared_whole_and_without_case(void **state) {
        assert_fits(*state, POOL_RULE("vendor_id=10DE"), "0000:3b:00.1 0001:3b:01.0");
        assert_fits(*state, POOL_RULE("product_id=1533"), "0000:3b:00.0");
        assert_fits(*state, POOL_RULE("vendor_id=8086", "product_id=1db4"), "");
        assert_fits(*state, POOL_RULE("subsystem_vendor_id=8086", "subsystem_product_id=0001"),
                    "0000:3b:00.0");
        /* A device without a subsystem has no id 0000. */
        assert_fits(*state, POOL_RULE("subsystem_product_id=0000"), "");
}

static void a_class_is_a_prefix(void **state) {
        assert_fits(*state, POOL_RULE("class=03"), "0000:3b:00.1 0001:3b:01.0");
        assert_fits(*state, POOL_RULE("class=0302"), "0000:3b:00.1");
        assert_fits(*state, POOL_RULE("class=030000"), "0001:3b:01.0");
}

static void an_address_is_read_from_the_right(void **state) {
        assert_fits(*state, POOL_RULE("address=0000:3b:00.0"), "0000:3b:00.0");
        assert_fits(*state, POOL_RULE("address=3b:00.1"), "0000:3b:00.1");
        assert_fits(*state, POOL_RULE("address=01"), "0001:3b:01.0");
        assert_fits(*state, POOL_RULE("address=.1"), "0000:3b:00.1 0000:5e:02.1");
        assert_fits(*state, POOL_RULE("address=3b:*.*"), "0000:3b:00.0 0000:3b:00.1 0001:3b:01.0");
        assert_fits(*state, POOL_RULE("address=1:3b:"), "0001:3b:01.0");
        assert_fits(*state, POOL_RULE("address=0:3B:0.0"), "0000:3b:00.0");
        assert_fits(*state, POOL_RULE("address=0x0:0X3b:0x0.0x1"), "0000:3b:00.1");
        assert_fits(*state, POOL_RULE("address=*:*:*.*"), ALL_POOLED);
        assert_fits(*state, POOL_RULE("address=3b:."), "0000:3b:00.0 0000:3b:00.1 0001:3b:01.0");
        assert_fits(*state, POOL_RULE("address=::.1"), "0000:3b:00.1 0000:5e:02.1");
        assert_fits(*state, POOL_RULE("address= 3b : * . 0 "), "0000:3b:00.0 0001:3b:01.0");
}

static void the_address_of_a_pf_covers_its_vfs(void **state) {
        assert_fits(*state, POOL_RULE("address=0000:5e:00.0"), "0000:5e:00.0 0000:5e:02.1");
        assert_fits(*state, POOL_RULE("domain=0000", "bus=5e", "slot=00", "function=0"),
                    "0000:5e:00.0 0000:5e:02.1");
        assert_fits(*state, POOL_RULE("address=0000:5e:00.0", "product_id=1019"), "0000:5e:00.0");
        assert_fits(*state, POOL_RULE("address=0000:5e:00.0", "product_id=101a"), "0000:5e:02.1");
        /* A star, or an absent field, names no single PF. */
        assert_fits(*state, POOL_RULE("address=5e:00.0"), "0000:5e:00.0");
        assert_fits(*state, POOL_RULE("address=0000:5e:00.*"), "0000:5e:00.0");
        assert_fits(*state, POOL_RULE("bus=5e", "slot=00", "function=0"), "0000:5e:00.0");
        assert_fits(*state, POOL_RULE("domain=0000", "bus=5e", "slot=00", "function=[0]"),
                    "0000:5e:00.0");
}

static void a_regex_means_the_whole_field(void **state) {
        assert_fits(*state, POOL_RULE("bus=3"), "");
        assert_fits(*state, POOL_RULE("bus=3."), "0000:3b:00.0 0000:3b:00.1 0001:3b:01.0");
        assert_fits(*state, POOL_RULE("bus=3b|5e", "domain=0000", "function=[1-7]"),
                    "0000:3b:00.1 0000:5e:02.1");
        assert_fits(*state, POOL_RULE("domain=0{3}1"), "0001:3b:01.0");
        assert_fits(*state, POOL_RULE("slot=.*", "function=\\d"), ALL_POOLED);
        assert_fits(*state, POOL_RULE("bus=3B"), "");
}

static void a_regex_that_explodes_matches_nothing(void **state) {
        assert_fits(*state, POOL_RULE("domain=(((0*)*)*)*x"), "");
        assert_fits(*state, POOL_RULE("domain=(?:(?R)|.)*x"), "");
}

static void a_name_of_an_interface_covers_vfs(void **state) {
        assert_fits(*state, POOL_RULE("devname=ens5"), "0000:5e:00.0 0000:5e:02.1");
        assert_fits(*state, POOL_RULE("devname=eno1"), "0000:3b:00.0");
        assert_fits(*state, POOL_RULE("devname=ens99"), "");
}

static void driver_and_node_are_compared(void **state) {
        assert_fits(*state, POOL_RULE("driver=mlx5_core"), "0000:5e:00.0");
        assert_fits(*state, POOL_RULE("driver=mlx5"), "");
        assert_fits(*state, POOL_RULE("numa_node=1"), "0000:5e:00.0");
        assert_fits(*state, POOL_RULE("numa_node=0"), "0000:3b:00.0");
        assert_fits(*state, POOL_RULE("numa_node=-1"), "0000:3b:00.1 0000:5e:02.1 0001:3b:01.0");
}

static void an_alias_without_a_type_never_means_a_pf(void **state) {
        assert_fits(*state, ALIAS_RULE("vendor_id=15b3"), "0000:5e:02.1");
        assert_fits(*state, ALIAS_RULE("vendor_id=15b3", "device_type=type-PF"), "0000:5e:00.0");
        assert_fits(*state, ALIAS_RULE("vendor_id=15b3", "device_type=type-VF"), "0000:5e:02.1");
        assert_fits(*state, ALIAS_RULE("vendor_id=15b3", "device_type=type-PCI"), "");
}

static void an_alias_never_means_a_device_of_the_vdpa_bus(void **state) {
        const Made vdpa = { "0000:5e:02.2",
                            0x15b3,
                            0x101a,
                            .type = DEVICE_TYPE_VF,
                            .physical_function = "5e:00.0",
                            .vdpa = true };
        const Device *device = made_device(*state, &vdpa);

        assert_fits(*state, ALIAS_RULE("product_id=101a"), "0000:5e:02.1");
        assert_fits(*state, ALIAS_RULE("device_type=type-VF"), "0000:5e:02.1");
        assert_fits(*state, POOL_RULE("product_id=101a"), "0000:5e:02.1 0000:5e:02.2");
        inventory_apply(*state, device->address, NULL, false, &(uint32_t){ 0 });
}

static void an_alias_asks_for_pool_and_tags(void **state) {
        _cleanup_(pool_freep) Pool *pool = NULL;
        Device *device = inventory_find(*state, made_address("3b:00.0"));

        assert_int_equal(pool_new(&pool, "nics", SOURCE_FILE), 0);
        assert_int_equal(pool_add_rule(pool, POOL_RULE("bus=3b", "tag.rack=Row 4", "tag.empty=")),
                         0);
        device->pool = pool;
        device->pool_rule = pool_find_rule(pool, device, *state);
        assert_ptr_equal(device->pool_rule, pool->rules[0]);
        assert_int_equal(rule_count_tags(pool->rules[0]), 2);

        assert_fits(*state, ALIAS_RULE("pool=nics"), "0000:3b:00.0");
        assert_fits(*state, ALIAS_RULE("pool=nic"), "");
        assert_fits(*state, ALIAS_RULE("tag.rack=row 4"), "0000:3b:00.0");
        assert_fits(*state, ALIAS_RULE("tag.empty=", "tag.rack=row 4"), "0000:3b:00.0");
        assert_fits(*state, ALIAS_RULE("tag.rack=row"), "");
        assert_fits(*state, ALIAS_RULE("tag.absent="), "");
        device->pool = NULL;
        device->pool_rule = NULL;
}

static void a_mismatch_tells_all_that_does_not_hold(void **state) {
        const Device *pf = inventory_find(*state, made_address("5e:00.0"));
        _cleanup_(rule_freep) Rule *rule = NULL;

        rule = ALIAS_RULE("vendor_id=8086", "tag.a=b");
        assert_int_equal(rule_mismatch(rule, pf, *state), REASON_IDS | REASON_TYPE | REASON_TAGS);
        rule = rule_free(rule);
        rule = ALIAS_RULE("vendor_id=15b3", "device_type=type-VF");
        assert_int_equal(rule_mismatch(rule, pf, *state), REASON_TYPE);
}

static void the_words_stay_as_they_were_written(void **state) {
        _cleanup_(rule_freep) Rule *rule = POOL_RULE("vendor_id=10DE", "address=3B:0.0");

        assert_int_equal(rule->n_words, 2);
        assert_string_equal(rule->words[0].key, "vendor_id");
        assert_string_equal(rule->words[0].value, "10DE");
        assert_string_equal(rule->words[1].value, "3B:0.0");
}

static void what_is_no_condition_is_refused_by_name(void **state) {
        static const struct {
                RuleKind kind;
                const char *key, *value, *why;
        } cases[] = {
                { RULE_POOL, "vendor", "10de",
                  "unknown match key vendor; perhaps vendor_id was meant" },
                { RULE_POOL, "colour", "green", "unknown match key colour" },
                { RULE_POOL, "vendor_di", "10de", "perhaps vendor_id was meant" },
                { RULE_POOL, "adress", "3b:00.0", "perhaps address was meant" },
                { RULE_POOL, "a\nb", "", "unknown match key a?b" },
                { RULE_POOL, "", "", "unknown match key" },
                { RULE_POOL, "tag.", "x", "unknown match key tag." },
                { RULE_POOL, "device_type", "type-PF", "device_type has no meaning in a pool" },
                { RULE_POOL, "pool", "nics", "pool has no meaning in a pool" },
                { RULE_ALIAS, "device_typ", "type-PF", "perhaps device_type was meant" },
                { RULE_ALIAS, "device_type", "type-pf", "device_type=type-pf" },
                { RULE_ALIAS, "pool", "", "pool=" },
                { RULE_POOL, "vendor_id", "110de", "vendor_id=110de: the value must be 4 hex" },
                { RULE_POOL, "vendor_id", "0x10de", "vendor_id=0x10de" },
                { RULE_POOL, "vendor_id", "10d", "4 hex digits" },
                { RULE_POOL, "vendor_id", "", "4 hex digits" },
                { RULE_POOL, "product_id", "v100", "product_id=v100" },
                { RULE_POOL, "class", "3", "2, 4 or 6 hex digits" },
                { RULE_POOL, "class", "0g", "class=0g" },
                { RULE_POOL, "address", "", "address=" },
                { RULE_POOL, "address", "0000:3b:00.8", "up to ffff:ff:1f.7" },
                { RULE_POOL, "address", "0000:3b:20.0", "0000:3b:20.0" },
                { RULE_POOL, "address", "0000:100:00.0", "0000:100:00.0" },
                { RULE_POOL, "address", "10000:3b:00.0", "10000:3b:00.0" },
                { RULE_POOL, "address", "0000:xy:00.0", "0000:xy:00.0" },
                { RULE_POOL, "address", "0000:3*:00.0", "0000:3*:00.0" },
                { RULE_POOL, "address", "0:0000:3b:00.0", "0:0000:3b:00.0" },
                { RULE_POOL, "address", "3b:00.0.1", "3b:00.0.1" },
                { RULE_POOL, "address", "3b:0x.0", "3b:0x.0" },
                { RULE_POOL, "address", "3b:0x0x1.0", "3b:0x0x1.0" },
                { RULE_POOL, "address", "3b:00.0:1", "3b:00.0:1" },
                { RULE_POOL, "address", "-1", "address=-1" },
                { RULE_POOL, "bus", "3[b", "bus=3[b: the value must be a regular expression" },
                { RULE_POOL, "devname", "", "devname=" },
                { RULE_POOL, "driver", "", "driver=" },
                { RULE_POOL, "numa_node", "", "NUMA node" },
                { RULE_POOL, "numa_node", "1024", "numa_node=1024" },
                { RULE_POOL, "numa_node", "-2", "numa_node=-2" },
                { RULE_POOL, "numa_node", "1x", "numa_node=1x" },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                Word word = { (char *) cases[i].key, (char *) cases[i].value };
                _cleanup_(refusal_done) Refusal refusal = { 0 };
                Rule *rule = (Rule *) &refusal;

                assert_int_equal(rule_new(&rule, cases[i].kind, &word, 1, &refusal), MATCH_INVALID);
                assert_ptr_equal(rule, &refusal);
                assert_true(text_is_line(refusal.text));
                if (!strstr(refusal.text, cases[i].why))
                        fail_msg("'%s' does not say '%s'", refusal.text, cases[i].why);
        }
}

static void a_key_stands_once(void **state) {
        static const char *const keys[] = { "vendor_id", "tag.a" };

        for (size_t i = 0; i < N_ELEMENTS(keys); i++) {
                Word word = { (char *) keys[i], (char *) "10de" };
                _cleanup_(refusal_done) Refusal refusal = { 0 };
                Rule *rule;

                assert_int_equal(rule_new(&rule, RULE_POOL, (Word[]){ word, word }, 2, &refusal),
                                 MATCH_INVALID);
                assert_non_null(strstr(refusal.text, "stands twice"));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_empty_rule_of_a_pool_means_all_but_bridges_and_far_domains),
                cmocka_unit_test(ids_are_compared_whole_and_without_case),
                cmocka_unit_test(a_class_is_a_prefix),
                cmocka_unit_test(an_address_is_read_from_the_right),
                cmocka_unit_test(the_address_of_a_pf_covers_its_vfs),
                cmocka_unit_test(a_regex_means_the_whole_field),
                cmocka_unit_test(a_regex_that_explodes_matches_nothing),
                cmocka_unit_test(a_name_of_an_interface_covers_vfs),
                cmocka_unit_test(driver_and_node_are_compared),
                cmocka_unit_test(an_alias_without_a_type_never_means_a_pf),
                cmocka_unit_test(an_alias_never_means_a_device_of_the_vdpa_bus),
                cmocka_unit_test(an_alias_asks_for_pool_and_tags),
                cmocka_unit_test(a_mismatch_tells_all_that_does_not_hold),
                cmocka_unit_test(the_words_stay_as_they_were_written),
                cmocka_unit_test(what_is_no_condition_is_refused_by_name),
                cmocka_unit_test(a_key_stands_once),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
