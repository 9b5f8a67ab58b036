/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/verdict.h"

static void a_refusal_has_its_verdict_and_its_sentence(void **state) {
        _cleanup_(refusal_done) Refusal refusal = { 0 };

        assert_int_equal(refuse(&refusal, POOL_UNKNOWN, "No pool is named %s", "nics"),
                         POOL_UNKNOWN);
        assert_int_equal(refusal.verdict, POOL_UNKNOWN);
        assert_string_equal(refusal.text, "No pool is named nics");
}

static void the_last_refusal_counts(void **state) {
        _cleanup_(refusal_done) Refusal refusal = { 0 };

        (void) refuse(&refusal, POOL_UNKNOWN, "first");
        (void) refuse(&refusal, NAME_INVALID, "second, after: %s", refusal.text);
        assert_int_equal(refusal.verdict, NAME_INVALID);
        assert_string_equal(refusal.text, "second, after: first");
}

static void who_asks_for_no_text_gets_the_verdict(void **state) {
        assert_int_equal(refuse(NULL, LIMIT_EXCEEDED, "%d of %d", 1, 2), LIMIT_EXCEEDED);
}

static void a_forgotten_refusal_is_none(void **state) {
        Refusal refusal = { 0 };

        refusal_done(&refusal);
        (void) refuse(&refusal, NAME_TAKEN, "taken");
        refusal_done(&refusal);
        assert_int_equal(refusal.verdict, 0);
        assert_null(refusal.text);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_refusal_has_its_verdict_and_its_sentence),
                cmocka_unit_test(the_last_refusal_counts),
                cmocka_unit_test(who_asks_for_no_text_gets_the_verdict),
                cmocka_unit_test(a_forgotten_refusal_is_none),
        };

        return cmocka_run_group_tests_name("core/verdict", tests, NULL, NULL);
}
