/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is kept between decisions changes none: on hosts whose devices come, go and are lent, each is decided with and
 * without it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "made-host-hard.h"

enum {
        HOSTS = 200,
        TURNS = 24
};

static unsigned n_kept, n_lent;

static void decide_twice(const HardHost *hard, AllocateMemory *memory, const HardRequest *asked,
                         Plan *ret) {
        _cleanup_(request_freep) Request *request = NULL;
        _cleanup_(refusal_done) Refusal refusal = { 0 }, refusal_kept = { 0 };
        _cleanup_(plan_done) Plan plan = { 0 };
        AllocateQuery query;
        char text[512];
        int r;

        hard_request_print(asked, text);
        assert_int_equal(request_parse(text, &request, NULL), 0);
        query = hard_query(hard, request);
        r = allocate(&query, &plan, &refusal);
        query.memory = memory;
        assert_int_equal(allocate(&query, ret, &refusal_kept), r);
        n_kept += r == 0 && memory->n_shelves > 0;
        if (r != 0) {
                assert_string_equal(refusal.text, refusal_kept.text);
                return;
        }

        assert_int_equal(ret->n_choices, plan.n_choices);
        for (size_t i = 0; i < plan.n_choices; i++) {
                assert_int_equal(ret->choices[i].item, plan.choices[i].item);
                assert_ptr_equal(ret->choices[i].device, plan.choices[i].device);
        }
}

/* The first that was chosen is lent, or leaves the host; what was lent before comes back. */
static void change(Registry *registry, const Plan *plan, unsigned turn) {
        char address[ADDRESS_TEXT_SIZE];

        if (plan->n_choices == 0)
                return;

        address_format(plan->choices[0].device->address, address);
        if (turn % 4 == 3) {
                made_vanish(registry, address);
        } else if (turn % 4 == 2 && registry->n_attachments > 0) {
                assert_int_equal(
                        registry_remove_attachment(registry, registry->attachments[0]->number), 0);
        } else {
                made_attachment(registry, turn + 1, GUEST_A, address, ATTACHMENT_ATTACHED);
                n_lent++;
        }
        assert_int_equal(registry_settle(registry), 0);
}

static void what_is_kept_changes_no_decision(void **state) {
        HardHost *hard = malloc(sizeof(*hard));

        assert_non_null(hard);
        for (unsigned i = 1; i <= HOSTS; i++) {
                AllocateMemory memory = { 0 };
                HardRequest asked;

                hard_host_make(hard, i, 96);
                for (unsigned turn = 0; turn < TURNS; turn++) {
                        _cleanup_(plan_done) Plan plan = { 0 };

                        if (turn % 6 == 0)
                                hard_request_make(&asked, hard);
                        decide_twice(hard, &memory, &asked, &plan);
                        change(&hard->host.registry, &plan, turn);
                        if (plan.n_choices == 0 && !hard_request_shrink(&asked))
                                break;
                }
                allocate_forget(&memory);
                hard_host_done(hard);
        }
        free(hard);

        print_message("# kept for %u decisions; %u devices lent\n", n_kept, n_lent);
        assert_true(n_kept > HOSTS && n_lent > HOSTS);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_kept_changes_no_decision),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
