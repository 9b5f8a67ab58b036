/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is fit to be shown.
 */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "terminal.h"

static void assert_escaped(const char *text, const char *expected) {
        _cleanup_(freep) char *escaped = terminal_escape(text);

        assert_string_equal(escaped, expected);
}

static void plain_text_stays_as_it_is(void **state) {
        assert_escaped("Größe 4 \\x", "Größe 4 \\x");
        assert_escaped("", "");
}

static void what_could_move_the_cursor_or_turn_the_line_is_shown_as_bytes(void **state) {
        assert_escaped("a\033[2Jb\n\x7f", "a\\x1b[2Jb\\x0a\\x7f");
        assert_escaped("a\u202eb", "a\\xe2\\x80\\xaeb");
        assert_escaped("\xc2\x9b"
                       "2J",
                       "\\xc2\\x9b2J");
        assert_escaped("\xff", "\\xff");
}

static void assert_bar(unsigned part, unsigned whole, const char *expected) {
        const Client client = { 0 };
        _cleanup_(freep) char *bar = terminal_bar(&client, part, whole, 4);

        assert_string_equal(bar, expected);
}

static void a_bar_is_full_or_empty_only_when_the_pool_is(void **state) {
        assert_bar(0, 0, "....");
        assert_bar(0, 100, "....");
        assert_bar(1, 100, "#...");
        assert_bar(50, 100, "##..");
        assert_bar(99, 100, "###.");
        assert_bar(100, 100, "####");
        assert_bar(UINT32_MAX, UINT32_MAX, "####");
}

static void a_text_takes_as_many_columns_as_its_characters_do(void **state) {
        assert_string_equal(setlocale(LC_ALL, "C.UTF-8"), "C.UTF-8");
        assert_int_equal(terminal_text_width(""), 0);
        assert_int_equal(terminal_text_width("abc"), 3);
        assert_int_equal(terminal_text_width("\u00e9\u2588x"), 3);
        assert_int_equal(terminal_text_width("\u4e2d"), 2);
        assert_int_equal(terminal_text_width("e\u0301"), 1);
        assert_int_equal(terminal_text_width("ab\xff"
                                             "cd"),
                         5);
        setlocale(LC_ALL, "C");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(plain_text_stays_as_it_is),
                cmocka_unit_test(what_could_move_the_cursor_or_turn_the_line_is_shown_as_bytes),
                cmocka_unit_test(a_text_takes_as_many_columns_as_its_characters_do),
                cmocka_unit_test(a_bar_is_full_or_empty_only_when_the_pool_is),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
