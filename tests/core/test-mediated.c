/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A function of which mediated devices are made is held by whoever holds one of these: the domain knows
 * the UUID, the host what it is made of, and either may be told first.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "made-life.h"

#define GPU      "0000:00:02.0"
#define FUNCTION "0000:00:02.1"
#define MEDIATED "a1c3d4e5-1111-2222-3333-444444444444"

static const Made plain = { GPU,       0x8086, 0x591d, 0x030000, DEVICE_TYPE_PF, .has_group = true,
                            .group = 1 };
static const Made divided = { GPU,
                              0x8086,
                              0x591d,
                              0x030000,
                              DEVICE_TYPE_PF,
                              .has_group = true,
                              .group = 1,
                              .mediated = MEDIATED };
static const Made function = { FUNCTION,          0x8086,    0x591d, 0x030000, DEVICE_TYPE_VF, GPU,
                               .has_group = true, .group = 2 };
static const Made other = { GPU, 0x10de, 0x20b0, 0x030000, .has_group = true, .group = 1 };

static int set_up(void **state) {
        Registry *registry = malloc(sizeof(*registry));
        Catalog catalog = { 0 };

        assert_non_null(registry);
        registry_init(registry);
        made_pool(&catalog, "gpus", "class=03");
        assert_int_equal(registry_set_catalog(registry, &catalog), 0);
        *state = registry;
        return 0;
}

static int tear_down(void **state) {
        registry_done(*state);
        free(*state);
        return 0;
}

static void domain(Registry *registry, const char *uuid, const char *name, bool runs,
                   const char *mediated) {
        DomainFacts *facts;

        assert_int_equal(domain_facts_new(&facts, uuid, name), 0);
        facts->present = facts->persistent = true;
        facts->running = runs;
        if (mediated)
                assert_int_equal(domain_facts_hold_mediated(facts, false, mediated), 0);
        if (mediated && runs)
                assert_int_equal(domain_facts_hold_mediated(facts, true, mediated), 0);
        assert_int_equal(registry_observe_domain(registry, facts), 0);
}

static void expect(Registry *registry, const char *address, uint32_t reasons, const char *holder) {
        const Device *found;

        assert_int_equal(registry_settle(registry), 0);
        found = inventory_find(&registry->inventory, made_address(address));
        assert_non_null(found);
        assert_int_equal(found->reasons, reasons);
        assert_string_equal(found->holder, holder);
        changes_done(&registry->changes);
}

static void a_function_is_held_by_its_mediated_device(void **state) {
        Registry *registry = *state;

        made_appear(registry, &divided);
        expect(registry, GPU, 0, "");
        domain(registry, GUEST_A, "a", false, MEDIATED);
        expect(registry, GPU, REASON_HELD_BY_DOMAIN, "domain:a");
        domain(registry, GUEST_B, "b", true, MEDIATED);
        expect(registry, GPU, REASON_HELD_BY_DOMAIN, "domain:b"); /* the running one first */

        domain(registry, GUEST_B, "b", true, NULL);
        expect(registry, GPU, REASON_HELD_BY_DOMAIN, "domain:a");
        made_domain_gone(registry, GUEST_A);
        expect(registry, GPU, 0, "");
}

static void a_domain_that_is_known_first_holds_what_comes(void **state) {
        Registry *registry = *state;

        domain(registry, GUEST_A, "a", false, MEDIATED);
        made_appear(registry, &plain);
        expect(registry, GPU, 0, "");
        made_appear(registry, &divided);
        expect(registry, GPU, REASON_HELD_BY_DOMAIN, "domain:a");
        /* Nothing is made of it any more: what the definition names is not there. */
        made_appear(registry, &plain);
        expect(registry, GPU, 0, "");
        assert_int_equal(registry->holders.n_items, 0);
}

static void it_shuts_out_the_virtual_functions(void **state) {
        Registry *registry = *state;

        made_appear(registry, &divided);
        made_appear(registry, &function);
        expect(registry, FUNCTION, 0, "");
        domain(registry, GUEST_A, "a", true, MEDIATED);
        expect(registry, FUNCTION, REASON_PF_IN_USE, "");
}

static void a_function_that_left_is_gone_until_the_domain_lets_go(void **state) {
        Registry *registry = *state;

        made_appear(registry, &divided);
        domain(registry, GUEST_A, "a", true, MEDIATED);
        made_vanish(registry, GPU);
        expect(registry, GPU, REASON_HELD_BY_DOMAIN | REASON_GONE, "domain:a");
        made_appear(registry, &other);
        expect(registry, GPU, REASON_HELD_BY_DOMAIN | REASON_GONE, "domain:a");

        domain(registry, GUEST_A, "a", true, NULL);
        expect(registry, GPU, 0, "");
        assert_int_equal(inventory_find(&registry->inventory, made_address(GPU))->facts->vendor_id,
                         0x10de);
}

static void what_has_waited_at_the_address_may_be_divided_too(void **state) {
        Registry *registry = *state;
        Made heir = other;

        heir.mediated = MEDIATED;
        made_appear(registry, &plain);
        made_domain(registry, GUEST_A, "a", GPU, NULL);
        domain(registry, GUEST_B, "b", false, MEDIATED);
        made_appear(registry, &heir);
        expect(registry, GPU, REASON_HELD_BY_DOMAIN | REASON_GONE, "domain:a");
        made_domain_gone(registry, GUEST_A);
        assert_int_equal(registry_settle(registry), 0);
        expect(registry, GPU, REASON_HELD_BY_DOMAIN, "domain:b");
}

#define MEDIATED_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                MEDIATED_TEST(a_function_is_held_by_its_mediated_device),
                MEDIATED_TEST(a_domain_that_is_known_first_holds_what_comes),
                MEDIATED_TEST(it_shuts_out_the_virtual_functions),
                MEDIATED_TEST(a_function_that_left_is_gone_until_the_domain_lets_go),
                MEDIATED_TEST(what_has_waited_at_the_address_may_be_divided_too),
        };

        return cmocka_run_group_tests_name("core/mediated", tests, NULL, NULL);
}
