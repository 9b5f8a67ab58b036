/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/text.h"

static char **list_of(const char *const *texts) {
        char **list = NULL;

        for (; *texts; texts++)
                assert_int_equal(list_append(&list, *texts), 0);
        return list;
}

#define LIST(...) list_of((const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })

static void printed_text_is_as_long_as_it_must_be(void **state) {
        _cleanup_(freep) char *text = text_print("%0300d%s", 7, "!");

        assert_int_equal(strlen(text), 301);
        assert_string_equal(text + 299, "7!");
}

static void a_list_copies_what_it_is_given(void **state) {
        _cleanup_(list_freep) char **list = NULL, **copy = NULL;
        char text[] = "one";

        assert_int_equal(list_length(NULL), 0);
        assert_int_equal(list_append(&list, text), 0);
        text[0] = 'x';
        assert_int_equal(list_append(&list, "two"), 0);
        assert_int_equal(list_length(list), 2);
        assert_string_equal(list[0], "one");
        assert_null(list[2]);

        assert_int_equal(list_copy(list, &copy), 0);
        assert_true(list_equal(list, copy));
        assert_ptr_not_equal(list[0], copy[0]);
}

static void the_empty_list_is_null_and_equals_itself(void **state) {
        _cleanup_(list_freep) char **one = LIST("one"), **copy = LIST("x");

        assert_true(list_equal(NULL, NULL));
        assert_false(list_equal(NULL, one));
        assert_false(list_equal(one, NULL));
        assert_false(list_contains(NULL, "one"));
        list_sort_unique(NULL);
        list_free(copy);
        assert_int_equal(list_copy(NULL, &copy), 0);
        assert_null(copy);
}

static void lists_are_equal_in_order(void **state) {
        _cleanup_(list_freep) char **ab = LIST("a", "b"), **ba = LIST("b", "a"), **a = LIST("a");

        assert_false(list_equal(ab, ba));
        assert_false(list_equal(ab, a));
        assert_true(list_contains(ab, "b"));
        assert_false(list_contains(a, "b"));
}

static void sorting_leaves_each_once(void **state) {
        _cleanup_(list_freep) char **list = LIST("b", "a", "b", "", "C", "a", "b");
        _cleanup_(list_freep) char **sorted = LIST("", "C", "a", "b");

        list_sort_unique(list);
        assert_true(list_equal(list, sorted));
        list_sort_unique(list);
        assert_true(list_equal(list, sorted));
}

static void joining_puts_the_separator_between(void **state) {
        _cleanup_(list_freep) char **one = LIST("a"), **three = LIST("a", "", "c");
        _cleanup_(freep) char *none_joined = list_join(NULL, ", ");
        _cleanup_(freep) char *one_joined = list_join(one, ", ");
        _cleanup_(freep) char *three_joined = list_join(three, ", ");

        assert_string_equal(none_joined, "");
        assert_string_equal(one_joined, "a");
        assert_string_equal(three_joined, "a, , c");
}

static void utf8_is_as_the_rfc_has_it(void **state) {
        static const struct {
                const char *text;
                bool valid;
        } cases[] = {
                { "", true },
                { "plain\t\x7f", true },
                { "\xc2\x80", true },
                { "\xdf\xbf", true },
                { "\xe0\xa0\x80", true },
                { "\xed\x9f\xbf", true },
                { "\xee\x80\x80", true },
                { "\xef\xbf\xbf", true },
                { "\xf0\x90\x80\x80", true },
                { "\xf4\x8f\xbf\xbf", true },
                { "\x80", false }, /* continuation alone */
                { "\xbf", false },
                { "\xc0\x80", false },         /* overlong NUL */
                { "\xc1\xbf", false },         /* overlong */
                { "\xe0\x9f\xbf", false },     /* overlong */
                { "\xf0\x8f\xbf\xbf", false }, /* overlong */
                { "\xed\xa0\x80", false },     /* surrogates */
                { "\xed\xbf\xbf", false },
                { "\xf4\x90\x80\x80", false }, /* beyond U+10FFFF */
                { "\xf5\x80\x80\x80", false },
                { "\xff", false },
                { "\xc2", false }, /* cut off */
                { "\xe2\x82", false },
                { "\xf0\x9f\x98", false },
                { "\xc2"
                  "a",
                  false },
                { "\xe2\x82"
                  "a",
                  false },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++)
                if (text_is_utf8(cases[i].text, strlen(cases[i].text)) != cases[i].valid)
                        fail_msg("case %zu", i);
        assert_false(text_is_utf8("a\0b", 3));
}

static void a_line_has_nothing_that_ends_or_turns_it(void **state) {
        static const char *const lines[] = {
                "",         "plain text",   "gr\xc3\xbc\xc3\x9f", "\xf0\x9f\x98\x80",
                "\xc2\xa0", "\xe2\x80\x90", "\xe2\x81\xaa",
        };
        static const char *const others[] = {
                "a\nb",         "a\tb",         "\r",           "\x1b[31m",     "\x7f",
                "\xc2\x80",     "\xc2\x85",     "\xc2\x9f",     "\xd8\x9c",     "\xe2\x80\x8e",
                "\xe2\x80\x8f", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaa", "\xe2\x80\xae",
                "\xe2\x81\xa6", "\xe2\x81\xa9", "\xff",         "cut \xc2",
        };

        for (size_t i = 0; i < N_ELEMENTS(lines); i++)
                assert_true(text_is_line(lines[i]));
        for (size_t i = 0; i < N_ELEMENTS(others); i++)
                assert_false(text_is_line(others[i]));
}

static void the_part_that_may_be_shown_ends_before_a_whole_character(void **state) {
        assert_int_equal(text_line_prefix(""), 0);
        assert_int_equal(text_line_prefix("abc"), 3);
        assert_int_equal(text_line_prefix("ab\nc"), 2);
        assert_int_equal(text_line_prefix("\xc3\xbc\xe2\x80\xa8x"), 2);
        assert_int_equal(text_line_prefix("\xff"), 0);
}

static void no_text_equals_the_empty_one(void **state) {
        assert_true(text_equal(NULL, NULL));
        assert_true(text_equal(NULL, ""));
        assert_true(text_equal("a", "a"));
        assert_false(text_equal(NULL, "a"));
        assert_false(text_equal("a", "b"));
}

static void blanks_around_are_dropped(void **state) {
        char blanks[] = " \t ", both[] = "\t a b \t", none[] = "a", empty[] = "", line[] = "a \n";

        assert_string_equal(text_strip(blanks), "");
        assert_string_equal(text_strip(both), "a b");
        assert_string_equal(text_strip(none), "a");
        assert_string_equal(text_strip(empty), "");
        assert_string_equal(text_strip(line), "a \n");
}

static void the_nearest_word_is_the_one_that_was_perhaps_meant(void **state) {
        static const char *const words[] = { "vendor_id", "product_id", "class", "slot",
                                             "bus",       "pus",        NULL };
        char endless[200];

        memset(endless, 'x', sizeof(endless));
        endless[199] = '\0';

        assert_string_equal(text_nearest("vendor-id", words), "vendor_id");
        assert_string_equal(text_nearest("vendr_d", words), "vendor_id");
        assert_string_equal(text_nearest("clas", words), "class");
        assert_string_equal(text_nearest("bos", words), "bus");
        assert_string_equal(text_nearest("us", words), "bus");           /* the first of equals */
        assert_string_equal(text_nearest("vendor", words), "vendor_id"); /* its beginning */
        assert_string_equal(text_nearest("prod", words), "product_id");
        assert_null(text_nearest("pro", words));
        assert_null(text_nearest("vendrd", words)); /* three away */
        assert_null(text_nearest("xxs", words));    /* two away, but short */
        assert_null(text_nearest("", words));
        assert_null(text_nearest(endless, words));
        assert_null(text_nearest("bus", (const char *const[]){ NULL }));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(printed_text_is_as_long_as_it_must_be),
                cmocka_unit_test(a_list_copies_what_it_is_given),
                cmocka_unit_test(the_empty_list_is_null_and_equals_itself),
                cmocka_unit_test(lists_are_equal_in_order),
                cmocka_unit_test(sorting_leaves_each_once),
                cmocka_unit_test(joining_puts_the_separator_between),
                cmocka_unit_test(utf8_is_as_the_rfc_has_it),
                cmocka_unit_test(a_line_has_nothing_that_ends_or_turns_it),
                cmocka_unit_test(the_part_that_may_be_shown_ends_before_a_whole_character),
                cmocka_unit_test(no_text_equals_the_empty_one),
                cmocka_unit_test(blanks_around_are_dropped),
                cmocka_unit_test(the_nearest_word_is_the_one_that_was_perhaps_meant),
        };

        return cmocka_run_group_tests_name("util/text", tests, NULL, NULL);
}
