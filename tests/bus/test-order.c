/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bus/details.h"
#include "bus/order.h"
#include "util/text.h"

static void the_scope_follows_the_domain_unless_it_is_given(void **state) {
        enum {
                REFUSED = ARGUMENTS_INVALID
        };
        static const struct {
                bool running, persistent, can_live;
                OrderScope scope;
                int verdict;
                bool live, config;
        } cases[] = {
                { true, true, true, { 0 }, 0, true, true },
                { true, false, true, { 0 }, 0, true, false },
                { false, true, true, { 0 }, 0, false, true },
                { true, true, true, { .live = 1, .live_given = true }, 0, true, true },
                { true, true, true, { .live = 0, .live_given = true }, 0, false, true },
                { true, true, true, { .config = 0, .config_given = true }, 0, true, false },
                { true, true, true, { 0, 0, true, true }, REFUSED, 0, 0 },
                { false, true, true, { .live = 1, .live_given = true }, REFUSED, 0, 0 },
                { false, true, true, { .config = 0, .config_given = true }, REFUSED, 0, 0 },
                { true, false, true, { .live = 0, .live_given = true }, REFUSED, 0, 0 },
                { true, false, true, { .config = 1, .config_given = true }, REFUSED, 0, 0 },
                /* libvirt's test driver */
                { true, true, false, { 0 }, 0, false, true },
                { true, true, false, { .live = 1, .live_given = true }, 0, true, true },
                { true, false, false, { 0 }, 0, true, false },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                DomainFacts domain = {
                        .name = (char *) "web",
                        .present = true,
                        .running = cases[i].running,
                        .persistent = cases[i].persistent,
                };
                bool live = false, config = false;

                assert_int_equal(order_scope(&domain, &cases[i].scope, cases[i].can_live, &live,
                                             &config, NULL),
                                 cases[i].verdict);
                assert_int_equal(live, cases[i].live);
                assert_int_equal(config, cases[i].config);
        }
}

static void a_domain_that_may_be_one_that_was_missed_is_not_said_to_be_none(void **state) {
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        const DomainFacts *domain = NULL;
        DomainFacts *missed;
        Registry registry;

        registry_init(&registry);
        assert_int_equal(order_find_domain(&registry, "web", &domain, NULL), DOMAIN_UNKNOWN);
        assert_int_equal(domain_facts_new(&missed, "00000000-0000-4000-8000-00000000000a", "web"),
                         0);
        missed->present = true;
        domains_miss(&registry.domains, missed);
        assert_int_equal(order_find_domain(&registry, "web", &domain, &refusal),
                         HYPERVISOR_UNAVAILABLE);
        assert_non_null(strstr(refusal.text, "\"web\""));
        assert_null(domain);

        missed = domains_take_missed(&registry.domains, NULL);
        assert_int_equal(registry_observe_domain(&registry, missed), 0);
        assert_int_equal(order_find_domain(&registry, "web", &domain, NULL), 0);
        assert_ptr_equal(domain, missed);
        registry_done(&registry);
}

static const char *detail(char *const *details, const char *key) {
        for (size_t i = 0; details[i]; i += 2)
                if (strcmp(details[i], key) == 0)
                        return details[i + 1];
        return NULL;
}

/* Two devices of two pools, in no order. */
typedef struct Made {
        Pool pools[2];
        Device devices[3];
        Choice choices[3];
        Plan plan;
} Made;

static void make_plan(Made *made, size_t n_choices) {
        *made = (Made){
                .pools = { { .name = (char *) "nics" }, { .name = (char *) "gpus" } },
                .devices = { { .address = { .bus = 0x42 } },
                             { .address = { .bus = 0x41 } },
                             { .address = { .bus = 0x43 } } },
                .plan = { .n_choices = n_choices },
        };
        made->plan.choices = made->choices;
        made->devices[0].pool = made->devices[1].pool = &made->pools[0];
        made->devices[2].pool = &made->pools[1];
        for (size_t i = 0; i < 3; i++)
                made->choices[i] = (Choice){ .item = 0, .device = &made->devices[i] };
}

static const DetailsScope SCOPE = { .domain = "web", .domain_uuid = "u", .live = true };

static void one_alias_and_one_pool_are_named_alone(void **state) {
        _cleanup_(request_freep) Request *request = NULL;
        _cleanup_(list_freep) char **details = NULL;
        Made made;

        make_plan(&made, 2);
        assert_int_equal(request_parse("nic:1,nic", &request, NULL), 0);
        assert_int_equal(details_of_plan(request, &made.plan, &SCOPE, &details), 0);

        assert_string_equal(detail(details, "alias"), "nic");
        assert_string_equal(detail(details, "aliases"), "nic");
        assert_string_equal(detail(details, "pool"), "nics");
        assert_string_equal(detail(details, "pools"), "nics");
        assert_string_equal(detail(details, "devices"), "0000:41:00.0 0000:42:00.0");
        assert_string_equal(detail(details, "count"), "2");
        assert_string_equal(detail(details, "domain"), "web");
        assert_string_equal(detail(details, "domain-uuid"), "u");
        assert_string_equal(detail(details, "live"), "true");
        assert_string_equal(detail(details, "config"), "false");
        assert_string_equal(detail(details, "force"), "false");
}

static void of_several_no_single_one_is_named(void **state) {
        _cleanup_(request_freep) Request *request = NULL;
        _cleanup_(list_freep) char **details = NULL;
        Made made;

        make_plan(&made, 3);
        assert_int_equal(request_parse("nic:2,gpu", &request, NULL), 0);
        assert_int_equal(details_of_plan(request, &made.plan, &SCOPE, &details), 0);

        assert_null(detail(details, "alias"));
        assert_null(detail(details, "pool"));
        assert_string_equal(detail(details, "aliases"), "gpu nic");
        assert_string_equal(detail(details, "pools"), "gpus nics");
        assert_string_equal(detail(details, "count"), "3");
}

static void without_a_choice_no_device_is_named(void **state) {
        _cleanup_(request_freep) Request *request = NULL;
        _cleanup_(list_freep) char **details = NULL;

        assert_int_equal(request_parse("nic:2,nic:3", &request, NULL), 0);
        assert_int_equal(details_of_plan(request, NULL, &SCOPE, &details), 0);

        assert_string_equal(detail(details, "alias"), "nic");
        assert_null(detail(details, "pool"));
        assert_string_equal(detail(details, "pools"), "");
        assert_string_equal(detail(details, "devices"), "");
        assert_string_equal(detail(details, "count"), "5");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_scope_follows_the_domain_unless_it_is_given),
                cmocka_unit_test(a_domain_that_may_be_one_that_was_missed_is_not_said_to_be_none),
                cmocka_unit_test(one_alias_and_one_pool_are_named_alone),
                cmocka_unit_test(of_several_no_single_one_is_named),
                cmocka_unit_test(without_a_choice_no_device_is_named),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
