/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory that runs out while a request is read, its aliases are made and a choice is found: each
 * allocation in turn fails once. The answer is then -ENOMEM, and nothing was written to the outputs.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/allocate-internal.h"
#include "failing-memory.h"
#include "made-world.h"

enum {
        WORLDS = 400,
        ALLOCATIONS_MAX = 100000
};

/* Decides with the allocation after @n failing. False: none failed, and the verdict was @verdict. */
static bool choice_fails(const AllocateQuery *asked, int n, int verdict) {
        _cleanup_(allocate_forget) AllocateMemory memory = { 0 };
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        AllocateQuery query = *asked;
        Plan plan = { .n_choices = 77 };
        int r;

        query.memory = &memory;
        memory_fail_after(n);
        r = allocate(&query, &plan, &refusal);
        if (!memory_has_failed()) {
                assert_int_equal(r, verdict);
                if (r == 0)
                        plan_done(&plan);
                return false;
        }

        assert_int_equal(r, -ENOMEM);
        assert_int_equal(plan.n_choices, 77);
        return true;
}

static bool explanation_fails(const AllocateQuery *query, int n) {
        Explanation explanation = { .n_candidates = 77 };
        int r;

        memory_fail_after(n);
        r = allocate_explain(query, &explanation);
        if (!memory_has_failed()) {
                assert_int_equal(r, 0);
                explanation_done(&explanation);
                return false;
        }

        assert_int_equal(r, -ENOMEM);
        assert_int_equal(explanation.n_candidates, 77);
        return true;
}

/* The search for any plan, which small hosts do not come to by themselves. */
static bool search_fails(const AllocateQuery *query, int n) {
        _cleanup_(problem_done) Problem problem = { 0 };
        Demand demand;
        Rows rows;
        int r;

        assert_int_equal(problem_init(&problem, query), 0);
        demand = problem_demand_all(&problem);
        memory_fail_after(n);
        r = problem_search_any(&problem, &demand, &rows);
        if (!memory_has_failed()) {
                assert_true(r == SEARCH_FOUND || r == SEARCH_IMPOSSIBLE);
                return false;
        }

        assert_int_equal(r, -ENOMEM);
        return true;
}

static void a_choice_without_memory_is_no_choice(void **state) {
        unsigned n_failures = 0;

        for (uint64_t seed = 1; seed <= WORLDS; seed++) {
                _cleanup_(request_freep) Request *request = NULL;
                Registry registry;
                World world;
                int verdict, n;

                world_make(&world, seed);
                world_make_registry(&registry, &world);
                request = world_make_request(&world);

                AllocateQuery query = {
                        .registry = &registry,
                        .request = request,
                        .domain_uuid = world.has_domain ? GUEST_A : "",
                        .numa_policy = world.policy,
                        .force = world.force,
                };
                Plan plan;

                verdict = allocate(&query, &plan, NULL);
                assert_true(verdict >= 0);
                if (verdict == 0)
                        plan_done(&plan);

                for (n = 0; choice_fails(&query, n, verdict); n++)
                        assert_true(n < ALLOCATIONS_MAX);
                n_failures += (unsigned) n;
                for (n = 0; explanation_fails(&query, n); n++)
                        assert_true(n < ALLOCATIONS_MAX);
                for (n = 0; search_fails(&query, n); n++)
                        assert_true(n < ALLOCATIONS_MAX);
                registry_done(&registry);
        }

        assert_true(n_failures > WORLDS * 10);
}

static void a_request_without_memory_is_not_read(void **state) {
        int n = 0;

        for (;; n++) {
                _cleanup_(refusal_done) Refusal refusal = { 0 };
                Request *request = NULL;
                int r;

                memory_fail_after(n);
                r = request_parse("a1:2, gpu", &request, &refusal);
                if (!memory_has_failed()) {
                        assert_int_equal(r, 0);
                        request_free(request);
                        break;
                }

                assert_int_equal(r, -ENOMEM);
                assert_null(request);
        }

        assert_true(n >= 5);
}

static void a_rule_without_memory_is_not_made(void **state) {
        static const Word words[] = {
                { (char *) "vendor_id", (char *) "8086" }, { (char *) "bus", (char *) "4[12]" },
                { (char *) "devname", (char *) "eth0" },   { (char *) "tag.a", (char *) "b" },
                { (char *) "pool", (char *) "nics" },
        };
        int n = 0;

        for (;; n++) {
                _cleanup_(refusal_done) Refusal refusal = { 0 };
                Rule *rule = NULL;
                int r;

                memory_fail_after(n);
                r = rule_new(&rule, RULE_ALIAS, words, N_ELEMENTS(words), &refusal);
                if (!memory_has_failed()) {
                        assert_int_equal(r, 0);
                        rule_free(rule);
                        break;
                }

                assert_int_equal(r, -ENOMEM);
                assert_null(rule);
        }

        assert_true(n > 15);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_choice_without_memory_is_no_choice),
                cmocka_unit_test(a_request_without_memory_is_not_read),
                cmocka_unit_test(a_rule_without_memory_is_not_made),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
