/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/quote.h"
#include "core/request.h"
#include "util/text.h"

static void assert_reads(const char *text, size_t n_items, const RequestItem *items) {
        _cleanup_(request_freep) Request *request = NULL;
        _cleanup_(refusal_done) Refusal refusal = { 0 };

        assert_int_equal(request_parse(text, &request, &refusal), 0);
        assert_int_equal(request->n_items, n_items);
        for (size_t i = 0; i < n_items; i++) {
                assert_string_equal(request->items[i].alias, items[i].alias);
                assert_int_equal(request->items[i].count, items[i].count);
        }
}

static void assert_refused(const char *text, const char *why) {
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        Request *request = (Request *) &refusal;

        assert_int_equal(request_parse(text, &request, &refusal), REQUEST_INVALID);
        assert_ptr_equal(request, &refusal);
        assert_int_equal(refusal.verdict, REQUEST_INVALID);
        assert_true(text_is_line(refusal.text));
        assert_true(strlen(refusal.text) < 400);
        if (!strstr(refusal.text, why))
                fail_msg("'%s' does not say '%s'", refusal.text, why);
}

static void items_are_aliases_with_counts(void **state) {
        assert_reads("a1:2,gpu", 2, (RequestItem[]){ { "a1", 2 }, { "gpu", 1 } });
        assert_reads("a1:64", 1, (RequestItem[]){ { "a1", 64 } });
        assert_reads("a1:007", 1, (RequestItem[]){ { "a1", 7 } });
        assert_reads("a1,a1", 2, (RequestItem[]){ { "a1", 1 }, { "a1", 1 } });
}

static void blanks_around_are_dropped_and_inside_kept(void **state) {
        assert_reads(" big gpu :1 ,\tnvme : 2 ", 2,
                     (RequestItem[]){ { "big gpu", 1 }, { "nvme", 2 } });
}

static void what_says_nothing_is_refused(void **state) {
        static const struct {
                const char *text, *why;
        } cases[] = {
                { "", "empty" },
                { " \t ", "empty" },
                { ",", "names no alias" },
                { "a1,", "names no alias" },
                { ",a1", "names no alias" },
                { "a1,,a2", "names no alias" },
                { ":1", "names no alias" },
                { "a1:", "'a1:' is not a number from 1 to 64" },
                { "a1:0", "'a1:0'" },
                { "a1:x", "'a1:x'" },
                { "a1:-1", "'a1:-1'" },
                { "a1:+1", "'a1:+1'" },
                { "a1:1.5", "'a1:1.5'" },
                { "a1:0x2", "'a1:0x2'" },
                { "a1:1 2", "'a1:1 2'" },
                { "a1:1:1", "'a1:1:1'" },
                { "a1:65", "'a1:65'" },
                { "a1:99999999999999999999", "not a number from 1 to 64" },
                { "a1:٣", "'a1:٣'" },
                { "a1:64,a2:1", "more than 64 devices" },
                { "ok,a\nb:1", "'a?b:1' is not the name" },
                { "a\xff:1", "'a?:1' is not the name" },
                { "a\xe2\x80\xae:1", "'a?:1' is not the name" },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++)
                assert_refused(cases[i].text, cases[i].why);
}

static void sixteen_items_are_the_limit(void **state) {
        RequestItem items[REQUEST_ITEMS_MAX];
        char text[64] = "a";

        for (size_t i = 0; i < REQUEST_ITEMS_MAX; i++)
                items[i] = (RequestItem){ "a", 1 };
        for (size_t i = 1; i < REQUEST_ITEMS_MAX; i++)
                strcat(text, ",a");

        assert_reads(text, REQUEST_ITEMS_MAX, items);
        strcat(text, ",a");
        assert_refused(text, "more than 16 items");
}

static void a_mebibyte_is_refused_with_a_short_line(void **state) {
        static const char *const fillings[] = { "x", ",", " ", ":", "ä", "x:1," };
        _cleanup_(freep) char *text = malloc((1 << 20) + 8);

        assert_non_null(text);
        for (size_t i = 0; i < N_ELEMENTS(fillings); i++) {
                char *end = text;

                while (end < text + (1 << 20))
                        end = stpcpy(end, fillings[i]);
                assert_refused(text, "");
        }
}

static void a_quote_ends_between_characters(void **state) {
        char text[400] = "", quoted[QUOTE_SIZE], expected[QUOTE_SIZE] = "";

        for (size_t i = 0; i < 63; i++)
                strcat(text, "x");
        strcpy(expected, text);
        strcat(text, "ä");
        strcat(expected, "ä");

        assert_string_equal(quote(text, quoted), expected);
        strcat(text, "ö");
        strcat(expected, "…");
        assert_string_equal(quote(text, quoted), expected);
}

static void a_quote_hides_what_is_no_line(void **state) {
        char quoted[QUOTE_SIZE];

        assert_string_equal(quote("a\nb\tc\x7f", quoted), "a?b?c?");
        assert_string_equal(quote("\xc3", quoted), "?");
        assert_string_equal(quote("\xff\xfe"
                                  "a",
                                  quoted),
                            "??a");
        assert_string_equal(quote("\xed\xa0\x80", quoted), "?");
        assert_string_equal(quote("\xe2\x80\xa8x", quoted), "?x");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(items_are_aliases_with_counts),
                cmocka_unit_test(blanks_around_are_dropped_and_inside_kept),
                cmocka_unit_test(what_says_nothing_is_refused),
                cmocka_unit_test(sixteen_items_are_the_limit),
                cmocka_unit_test(a_mebibyte_is_refused_with_a_short_line),
                cmocka_unit_test(a_quote_ends_between_characters),
                cmocka_unit_test(a_quote_hides_what_is_no_line),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
