/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/allocate.h"
#include "made-life.h"
#include "util/text.h"

/* --- a host in a few lines --------------------------------------------------------------------- */

typedef struct Host {
        Registry registry;
        int next_group;
} Host;

static int set_up(void **state) {
        Host *host = calloc(1, sizeof(*host));

        assert_non_null(host);
        registry_init(&host->registry);
        host->next_group = 1000;
        *state = host;
        return 0;
}

static int tear_down(void **state) {
        Host *host = *state;

        registry_done(&host->registry);
        free(host);
        return 0;
}

/* Without a group of its own given, each device is alone in one. */
static void add(Host *host, Made made) {
        if (!made.has_group) {
                made.has_group = true;
                made.group = host->next_group++;
        }
        made_appear(&host->registry, &made);
}

#define ADD(host, ...) add(host, (Made){ __VA_ARGS__ })

static void settle(Host *host) {
        assert_int_equal(registry_settle(&host->registry), 0);
}

static Alias *alias(Host *host, const char *name, const char *words) {
        made_alias(&host->registry.catalog, name, words);
        return catalog_find_alias(&host->registry.catalog, name);
}

typedef struct Asking {
        const char *request, *uuid;
        int numa_policy;   /* 0: that of each alias; else 1 + NumaPolicy */
        const char *nodes; /* digits; NULL: not constrained */
        bool force;
} Asking;

static AllocateQuery make_query(Host *host, const Asking *asking, Request **ret_request) {
        AllocateQuery query = {
                .registry = &host->registry,
                .domain_uuid = asking->uuid ?: "",
                .numa_policy = asking->numa_policy - 1,
                .force = asking->force,
        };

        settle(host);
        assert_int_equal(request_parse(asking->request, ret_request, NULL), 0);
        query.request = *ret_request;
        for (const char *node = asking->nodes ?: ""; *node; node++)
                node_set_add(&query.nodes, (unsigned) (*node - '0'));
        return query;
}

/* The plan as "0=0000:41:00.0 1=…", or the refusal's text. The verdict must be as said. */
static char *decide(Host *host, int verdict, const Asking *asking) {
        _cleanup_(request_freep) Request *request = NULL;
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        _cleanup_(plan_done) Plan plan = { 0 };
        AllocateQuery query = make_query(host, asking, &request);
        _cleanup_(list_freep) char **parts = NULL;
        int r = allocate(&query, &plan, &refusal);

        if (r != verdict)
                fail_msg("%s: %d, %s", asking->request, r, refusal.text ?: "fits");
        if (r != 0)
                return strdup(refusal.text);

        for (size_t i = 0; i < plan.n_choices; i++) {
                char address[ADDRESS_TEXT_SIZE];
                _cleanup_(freep) char *part =
                        text_print("%zu=%s", plan.choices[i].item,
                                   address_format(plan.choices[i].device->address, address) + 5);

                assert_int_equal(list_append(&parts, part), 0);
        }

        return list_join(parts, " ");
}

static void assert_decides(Host *host, int verdict, const char *expected, Asking asking) {
        _cleanup_(freep) char *said = decide(host, verdict, &asking);

        assert_string_equal(said, expected);
}

#define ASSERT_PLAN(host, expected, ...) assert_decides(host, 0, expected, (Asking){ __VA_ARGS__ })
#define ASSERT_LACKS(host, expected, ...)                                                          \
        assert_decides(host, DEVICES_NOT_ENOUGH, expected, (Asking){ __VA_ARGS__ })

/* --- which device ------------------------------------------------------------------------------ */

static void the_lowest_address_is_taken_first(void **state) {
        Host *host = *state;

        ADD(host, "42:00.0", 0x10de, 0x1db4);
        ADD(host, "41:00.0", 0x10de, 0x1db4);
        ADD(host, "43:00.0", 0x10de, 0x1db4);
        made_pool(&host->registry.catalog, "gpus", "vendor_id=10de");
        alias(host, "gpu", "vendor_id=10de");

        ASSERT_PLAN(host, "0=41:00.0", "gpu");
        ASSERT_PLAN(host, "0=41:00.0 0=42:00.0 1=43:00.0", "gpu:2,gpu");
        ASSERT_LACKS(host, "3 of 4 asked: there are no more (alias gpu)", "gpu:4");
}

static void an_assignment_is_found_in_either_order(void **state) {
        Host *host = *state;

        ADD(host, "41:00.0", 0x10de, 0x1db4);
        ADD(host, "42:00.0", 0x144d, 0xa808);
        made_pool(&host->registry.catalog, "all", "");
        alias(host, "any", "");
        alias(host, "gpu", "vendor_id=10de");

        ASSERT_PLAN(host, "0=42:00.0 1=41:00.0", "any,gpu");
        ASSERT_PLAN(host, "0=41:00.0 1=42:00.0", "gpu,any");
        ASSERT_LACKS(host, "0 of 1 asked: 1 taken-by-earlier-item (alias gpu)", "gpu,gpu");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(the_lowest_address_is_taken_first, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(an_assignment_is_found_in_either_order, set_up,
                                                tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
