/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hard choices: random hosts of up to 4,096 functions, with requests that are grown and shrunk until they just fit
 * and just do not. The search is never cut; each plan keeps the rules; the order of the items does not matter; and a
 * request that asks for less fits too, where nothing needs anything.
 *
 * test-core-allocate-hard [HOSTS [SEED [FIRST]]] tries more, or the hosts from one on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "core/allocate-internal.h"
#include "made-host-hard.h"

enum {
        REQUESTS = 3, /* of each host */
        TURNS = 6     /* from growing to shrinking, and back */
};

static unsigned long long n_hosts = 80, seed = 20260113, first_host;

/* The most that was seen, and where. */
typedef struct Most {
        double value;
        unsigned long long host;
} Most;

static struct {
        unsigned long long n_decisions, n_fit, n_edges, n_not_best;
        Most steps_any, steps_best, fit_ms, refusal_ms;
} told;

static void note(Most *most, double value, unsigned long long host) {
        if (value > most->value)
                *most = (Most){ value, host };
}

static double now_ms(void) {
        struct timespec now;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now); /* whatever else the machine does */
        return (double) now.tv_sec * 1e3 + (double) now.tv_nsec / 1e6;
}

/* Both searches by themselves: the best has the same answer as that for any. */
static void note_steps(const AllocateQuery *query, int expected, unsigned long long host) {
        _cleanup_(problem_done) Problem problem = { 0 };
        int any, best;
        Demand demand;
        Rows rows;

        assert_int_equal(problem_init(&problem, query), 0);
        demand = problem_demand_all(&problem);
        any = problem_search_any(&problem, &demand, &rows);
        best = problem_search(&problem, &demand, &rows);
        if (any != expected || best != expected)
                fail_msg("host %llu: %d expected, %d for any after %u steps, %d for the best", host,
                         expected, any, problem.n_steps_any, best);
        note(&told.steps_any, problem.n_steps_any, host);
        note(&told.steps_best, problem.n_steps_best, host);
        told.n_not_best += problem.n_steps_best >= ALLOCATE_STEPS_BEST;
}

static bool decide(const HardHost *hard, const HardRequest *asked, unsigned long long host) {
        _cleanup_(request_freep) Request *request = NULL;
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        _cleanup_(plan_done) Plan plan = { 0 };
        AllocateQuery query;
        const char *wrong;
        char text[512];
        double before;
        int r;

        hard_request_print(asked, text);
        assert_int_equal(request_parse(text, &request, NULL), 0);
        query = hard_query(hard, request);

        before = now_ms();
        r = allocate(&query, &plan, &refusal);
        note(r == 0 ? &told.fit_ms : &told.refusal_ms, now_ms() - before, host);
        told.n_decisions++;
        told.n_fit += r == 0;
        if (r != 0 && r != DEVICES_NOT_ENOUGH && r != DEVICE_USED_BY_HOST)
                fail_msg("host %llu, %s: %d", host, text, r);
        if (r != 0 && strstr(refusal.text, "cut"))
                fail_msg("host %llu, %s: %s", host, text, refusal.text);
        wrong = r == 0 ? hard_plan_wrong(hard, &query, &plan) : NULL;
        if (wrong)
                fail_msg("host %llu, %s: %s", host, text, wrong);

        note_steps(&query, r == 0 ? SEARCH_FOUND : SEARCH_IMPOSSIBLE, host);
        return r == 0;
}

/* Both sides of an edge, again in another order. */
static void check_edge(const HardHost *hard, const HardRequest *fitting, const HardRequest *lacking,
                       unsigned long long host) {
        HardRequest asked = *fitting;

        told.n_edges++;
        hard_request_shuffle(&asked);
        if (!decide(hard, &asked, host))
                fail_msg("host %llu: the order of the items matters", host);
        asked = *lacking;
        hard_request_shuffle(&asked);
        if (decide(hard, &asked, host))
                fail_msg("host %llu: the order of the items matters", host);
}

static void try_request(const HardHost *hard, unsigned long long host) {
        HardRequest asked, before;
        bool fits, fitted;

        hard_request_make(&asked, hard);
        fits = decide(hard, &asked, host);
        for (unsigned turn = 0; turn < TURNS;) {
                before = asked;
                if (!(fits ? hard_request_grow(&asked) : hard_request_shrink(&asked)))
                        return;

                fitted = fits;
                fits = decide(hard, &asked, host);
                if (fits == fitted)
                        continue;

                turn++;
                check_edge(hard, fits ? &asked : &before, fits ? &before : &asked, host);
        }
}

static void the_search_is_never_cut(void **state) {
        static const unsigned sizes[] = { 24, 64, 64, 128, 256, 512, 1024, 4096 };
        HardHost *hard = malloc(sizeof(*hard));

        assert_non_null(hard);
        print_message("# %llu hosts, seed %llu\n", n_hosts, seed);
        for (unsigned long long i = first_host; i < first_host + n_hosts; i++) {
                hard_host_make(hard, seed + i, sizes[(seed + i) % N_ELEMENTS(sizes)]);
                for (unsigned j = 0; j < REQUESTS; j++)
                        try_request(hard, i);
                hard_host_done(hard);
        }
        free(hard);

        print_message("# %llu decisions, %llu fit, %llu edges\n", told.n_decisions, told.n_fit,
                      told.n_edges);
        print_message("# most steps for any plan: %.0f of %d (host %llu)\n", told.steps_any.value,
                      ALLOCATE_STEPS_ANY, told.steps_any.host);
        print_message("# most steps for the best: %.0f of %d (host %llu); %llu were cut\n",
                      told.steps_best.value, ALLOCATE_STEPS_BEST, told.steps_best.host,
                      told.n_not_best);
        print_message("# slowest: %.2f ms when it fits (host %llu), %.2f ms when not (host %llu)\n",
                      told.fit_ms.value, told.fit_ms.host, told.refusal_ms.value,
                      told.refusal_ms.host);
        assert_true(n_hosts < 50 || told.n_edges > n_hosts);
}

int main(int argc, char **argv) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_search_is_never_cut),
        };

        if (argc > 1)
                n_hosts = strtoull(argv[1], NULL, 0);
        if (argc > 2)
                seed = strtoull(argv[2], NULL, 0);
        if (argc > 3)
                first_host = strtoull(argv[3], NULL, 0);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
