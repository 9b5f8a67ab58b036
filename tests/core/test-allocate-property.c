/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The choice against brute force, on random small hosts: the same yes or no, and a plan that keeps the
 * rules and is as good as the best.
 *
 * HOSTDEVD_TEST_SEED and HOSTDEVD_TEST_HOSTS change what is tried.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "brute-force.h"
#include "core/allocate-internal.h"

static size_t place_of(const World *world, const Device *device) {
        size_t i = 0;

        while (world->things[i].slot != device->address.slot ||
               world->things[i].function != device->address.function)
                i++;
        return i;
}

/* Reads the plan as units for items. False: it is not valid. */
static bool plan_is_valid(const World *world, const Plan *plan, Worth *ret) {
        Set chosen = 0, of_item[ITEMS_MAX] = { 0 };
        Worth worth = { 0 };

        for (size_t i = 0; i < plan->n_choices; i++) {
                Set bit = 1u << place_of(world, plan->choices[i].device);

                if (chosen & bit)
                        return false;
                chosen |= bit;
                of_item[plan->choices[i].item] |= bit;
        }

        for (size_t item = 0; item < world->n_items; item++) {
                unsigned n = 0;

                for (Set rest = of_item[item]; rest != 0; n++) {
                        Set unit = unit_of(world, world->items[item].unit,
                                           (size_t) __builtin_ctz(rest));

                        if ((unit & rest) != unit ||
                            !unit_serves(world, &world->items[item], unit, world->force))
                                return false;
                        worth_add(world, &world->items[item], unit, &worth);
                        rest &= ~unit;
                }
                if (n != world->items[item].count)
                        return false;
        }

        *ret = worth;
        return is_plan(world, chosen);
}

static bool has_groups(const World *world) {
        for (size_t i = 0; i < world->n_things; i++)
                if (world->things[i].product != 0 && world->things[i].group >= 0)
                        return true;

        return false;
}

static bool has_endpoints(const World *world) {
        for (size_t i = 0; i < world->n_things; i++)
                if (world->things[i].product != 0)
                        return true;

        return false;
}

static int expected_verdict(const World *world, const Force *force) {
        Force forced;

        if (force->fits)
                return 0;
        if (has_endpoints(world) && !has_groups(world))
                return HOST_NOT_READY;
        if (world->force)
                return DEVICES_NOT_ENOUGH;

        brute_force(&forced, world, true);
        return forced.fits ? DEVICE_USED_BY_HOST : DEVICES_NOT_ENOUGH;
}

/* What the explanation marks as chosen is the plan. */
static bool explanation_agrees(const AllocateQuery *query, bool fits, const Plan *plan) {
        Explanation explanation;
        size_t n_chosen = 0;
        bool agrees;

        assert_int_equal(allocate_explain(query, &explanation), 0);
        agrees = explanation.fits == fits && (*explanation.text == '\0') == fits;
        for (size_t i = 0; i < explanation.n_candidates; i++) {
                const Candidate *candidate = &explanation.candidates[i];

                if (!candidate->chosen)
                        continue;
                agrees = agrees && candidate->reasons == 0 && n_chosen < plan->n_choices &&
                         plan->choices[n_chosen].item == candidate->item &&
                         plan->choices[n_chosen].device == candidate->device;
                n_chosen++;
        }
        agrees = agrees && n_chosen == plan->n_choices;

        explanation_done(&explanation);
        return agrees;
}

/* The search for any plan, which is otherwise left to hosts that are too large for brute force. */
static bool any_agrees(const World *world, const AllocateQuery *query, bool fits) {
        Set chosen = 0, of_item[ITEMS_MAX] = { 0 };
        Problem problem;
        Demand demand;
        Rows rows;
        int r;

        assert_int_equal(problem_init(&problem, query), 0);
        demand = problem_demand_all(&problem);
        r = problem_search_any(&problem, &demand, &rows);
        for (size_t i = 0; r == SEARCH_FOUND && i < rows.n_items; i++) {
                const Places *places = &problem.lots[rows.items[i].lot].devices;
                Set unit = 0;

                for (size_t j = 0; j < places->n_items; j++)
                        unit |= 1u
                                << place_of(world,
                                            query->registry->inventory.devices[places->items[j]]);
                if ((chosen & unit) ||
                    !unit_serves(world, &world->items[rows.items[i].want], unit, world->force))
                        r = SEARCH_CUT;
                chosen |= unit;
                of_item[rows.items[i].want]++;
        }
        problem_done(&problem);

        for (size_t i = 0; r == SEARCH_FOUND && i < world->n_items; i++)
                if (of_item[i] != world->items[i].count)
                        return false;

        return fits ? r == SEARCH_FOUND && is_plan(world, chosen) : r == SEARCH_IMPOSSIBLE;
}

/* NULL, or what is wrong. */
static const char *compare(const World *world, const AllocateQuery *query, bool *ret_fits) {
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        _cleanup_(plan_done) Plan plan = { 0 };
        const char *wrong = NULL;
        Force force;
        Worth worth;
        int r;

        brute_force(&force, world, world->force);
        *ret_fits = force.fits;
        r = allocate(query, &plan, &refusal);
        if (r != expected_verdict(world, &force))
                wrong = force.fits ? "a plan was not found" : "the wrong verdict";
        else if (r == 0 && !plan_is_valid(world, &plan, &worth))
                wrong = "the plan breaks a rule";
        else if (r == 0 && worth_compare(&worth, &force.best) != 0)
                wrong = worth_compare(&worth, &force.best) < 0 ? "better than the best"
                                                               : "there is a better plan";
        else if (!explanation_agrees(query, r == 0, &plan))
                wrong = "the explanation says something else";
        else if (!any_agrees(world, query, r == 0))
                wrong = "the search for any plan says something else";

        if (wrong) {
                print_message("# %d: %s\n", r, refusal.text ?: "fits");
                for (size_t i = 0; i < plan.n_choices; i++)
                        print_message("# item %zu: %zu\n", plan.choices[i].item,
                                      place_of(world, plan.choices[i].device));
        }
        return wrong;
}

static bool check_host(uint64_t seed) {
        _cleanup_(request_freep) Request *request = NULL;
        _cleanup_(allocate_forget) AllocateMemory memory = { 0 };
        AllocateQuery query = { 0 };
        Registry registry;
        World world;
        bool fits;
        const char *wrong;

        world_make(&world, seed);
        world_make_registry(&registry, &world);
        request = world_make_request(&world);
        query = (AllocateQuery){
                .registry = &registry,
                .request = request,
                .domain_uuid = world.has_domain ? GUEST_A : "",
                .numa_policy = world.policy,
                .force = world.force,
                .memory = seed % 2 ? &memory : NULL,
        };
        query.nodes.constrained = world.is_bound;
        query.nodes.words[0] = world.is_bound ? world.nodes : 0;

        wrong = compare(&world, &query, &fits);
        registry_done(&registry);
        if (wrong) {
                world_show(&world);
                fail_msg("%s; seed %llu", wrong, (unsigned long long) seed);
        }
        return fits;
}

static unsigned long long from_environment(const char *name, unsigned long long otherwise) {
        const char *text = getenv(name);

        return text ? strtoull(text, NULL, 0) : otherwise;
}

static void the_choice_is_that_of_brute_force(void **state) {
        unsigned long long seed = from_environment("HOSTDEVD_TEST_SEED", 20170412);
        unsigned long long n_hosts = from_environment("HOSTDEVD_TEST_HOSTS", 100000), n_fit = 0;

        print_message("# seed %llu, %llu hosts\n", seed, n_hosts);
        for (unsigned long long i = 0; i < n_hosts; i++) {
                /* Each host has its own seed, so that one can be tried alone. */
                n_fit += check_host(seed + i);
        }

        /* Both answers are common enough to mean something. */
        print_message("# %llu of them fit\n", n_fit);
        assert_true(n_hosts < 1000 || (n_fit > n_hosts / 20 && n_fit < n_hosts / 20 * 19));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_choice_is_that_of_brute_force),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
