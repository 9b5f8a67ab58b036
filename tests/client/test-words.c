/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Match lines of the command line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "words.h"

static void assert_lines(char *const *arguments, const char *expected) {
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        _cleanup_(json_decrefp) json_t *lines = NULL;
        _cleanup_(freep) char *text = NULL;

        assert_int_equal(words_read(arguments, &lines, &refusal), 0);
        text = json_dumps(lines, JSON_COMPACT);
        assert_string_equal(text, expected);
}

static void assert_refused(char *const *arguments, const char *named) {
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        json_t *lines = NULL;

        assert_int_equal(words_read(arguments, &lines, &refusal), MATCH_INVALID);
        assert_null(lines);
        assert_non_null(strstr(refusal.text, named));
}

#define ARGUMENTS(...)                                                                             \
        (char *[]) {                                                                               \
                __VA_ARGS__, NULL                                                                  \
        }

static void words_given_apart_must_all_hold(void **state) {
        assert_lines(ARGUMENTS("a=1", "b=2"), "[{\"a\":\"1\",\"b\":\"2\"}]");
}

static void or_begins_an_alternative(void **state) {
        assert_lines(ARGUMENTS("a=1", "or", "a=2", "b=3"),
                     "[{\"a\":\"1\"},{\"a\":\"2\",\"b\":\"3\"}]");
}

static void an_argument_with_blanks_is_a_line_of_its_own(void **state) {
        assert_lines(ARGUMENTS("a=1", "b=2  c=3", "a=4", "\t\"tag.rack=row 4\" d="),
                     "[{\"a\":\"1\"},{\"b\":\"2\",\"c\":\"3\"},{\"a\":\"4\"},"
                     "{\"tag.rack\":\"row 4\",\"d\":\"\"}]");
}

static void a_word_may_hold_blanks_as_the_shell_let_them_through(void **state) {
        assert_lines(ARGUMENTS("class=02", "tag.rack=row 4"),
                     "[{\"class\":\"02\",\"tag.rack\":\"row 4\"}]");
        assert_lines(ARGUMENTS("tag.say=a \"b"), "[{\"tag.say\":\"a \\\"b\"}]");
}

static void a_value_may_hold_an_equals_sign(void **state) {
        assert_lines(ARGUMENTS("tag.x=a=b"), "[{\"tag.x\":\"a=b\"}]");
}

static void what_is_no_word_is_refused_by_name(void **state) {
        assert_refused(ARGUMENTS("a=1", "nonsense"), "'nonsense'");
        assert_refused(ARGUMENTS("=1"), "'=1'");
        assert_refused(ARGUMENTS("\t"), "'\t'");
        assert_refused(ARGUMENTS("a=1", "a=2"), "'a'");
        assert_refused(ARGUMENTS("a=1 b=2 a=3"), "'a'");
}

static void no_word_at_all_is_refused(void **state) {
        assert_refused((char *[]){ NULL }, "no key=value");
        assert_refused(ARGUMENTS("or", "or"), "no key=value");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(words_given_apart_must_all_hold),
                cmocka_unit_test(or_begins_an_alternative),
                cmocka_unit_test(an_argument_with_blanks_is_a_line_of_its_own),
                cmocka_unit_test(a_word_may_hold_blanks_as_the_shell_let_them_through),
                cmocka_unit_test(a_value_may_hold_an_equals_sign),
                cmocka_unit_test(what_is_no_word_is_refused_by_name),
                cmocka_unit_test(no_word_at_all_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
