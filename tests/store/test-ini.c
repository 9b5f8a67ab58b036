/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/ini.h"
#include "util/text.h"

/* Writes down what it is told: "1[a] 2k=v ", a line break in a value as |. */
typedef struct Protocol {
        char *text;
        IniDialect dialect;
        int answer; /* to every entry */
} Protocol;

static void append(Protocol *protocol, char *more) {
        char *joined = text_print("%s%s", protocol->text ?: "", more);

        assert_non_null(joined);
        free(protocol->text);
        free(more);
        protocol->text = joined;
}

static int on_section(void *userdata, const Place *place, const char *name, IniDialect *ret,
                      Refusal *refusal) {
        Protocol *protocol = userdata;

        append(protocol, text_print("%u[%s] ", place->line, name));
        *ret = protocol->dialect;
        return 0;
}

static int on_entry(void *userdata, const Place *place, char *key, char *value, Refusal *refusal) {
        Protocol *protocol = userdata;

        for (char *c = value; *c; c++)
                if (*c == '\n')
                        *c = '|';
        append(protocol, text_print("%u%s=%s ", place->line, key, value));
        return protocol->answer;
}

static const IniCallbacks callbacks = { on_section, on_entry };

static void assert_reads(IniDialect dialect, const char *text, const char *expected) {
        Protocol protocol = { .dialect = dialect };
        _cleanup_(refusal_done) Refusal refusal = { 0 };

        if (ini_parse("f", text, strlen(text), &callbacks, &protocol, &refusal) != 0)
                fail_msg("'%s': %s", text, refusal.text);
        assert_string_equal(protocol.text ?: "", expected);
        free(protocol.text);
}

static void assert_refused(IniDialect dialect, const char *text, size_t size, const char *why) {
        Protocol protocol = { .dialect = dialect };
        _cleanup_(refusal_done) Refusal refusal = { 0 };

        assert_int_equal(ini_parse("f", text, size, &callbacks, &protocol, &refusal),
                         CONFIG_INVALID);
        assert_int_equal(refusal.verdict, CONFIG_INVALID);
        assert_string_equal(refusal.text, why);
        free(protocol.text);
}

static void a_native_line_is_parted_by_its_first_equals_sign(void **state) {
        assert_reads(INI_NATIVE, "[a]\nk=v\n\tk2 = v=w : x \n", "1[a] 2k=v 3k2=v=w : x ");
        assert_reads(INI_NATIVE, "[ a b ]\r\nk=\"v\"\r\nk=", "1[a b] 2k=\"v\" 3k= ");
        assert_reads(INI_NATIVE, "  [a]\n  [b]", "1[a] 2[b] ");
        assert_reads(INI_NATIVE, "", "");
}

static void a_comment_is_a_whole_line(void **state) {
        assert_reads(INI_NATIVE, "# [x]\n ;y\n[a]\nk=v # no ; comment\n\t#k=w\n",
                     "3[a] 4k=v # no ; comment ");
}

static void an_oslo_value_goes_on_where_a_line_begins_with_a_blank(void **state) {
        assert_reads(INI_OSLO, "[a]\nk = {\n  \"x\": 1,\n\t\"y\": 2 }\nl : m=n\n",
                     "1[a] 2k={|\"x\": 1,|\"y\": 2 } 5l=m=n ");
        assert_reads(INI_OSLO, "[a]\nk=v\n  # within\n  w", "1[a] 2k=v|w ");
        assert_reads(INI_OSLO, "[a]\nk=\n  v\n[b]\n", "1[a] 2k=|v 4[b] ");
}

static void one_pair_of_quotes_around_an_oslo_value_is_dropped(void **state) {
        assert_reads(INI_OSLO, "[a]\nk=\"v\"\nk='v'\nk=\"\"v\"\"\nk=\"v'\nk=\"\nk=\"\"\n",
                     "1[a] 2k=v 3k=v 4k=\"v\" 5k=\"v' 6k=\" 7k= ");
}

static void another_programs_sections_are_passed_over(void **state) {
        assert_reads(INI_SKIP, "[a]\nno sign here\n  [not this]\n=\n[b]\n", "1[a] 5[b] ");
}

static void what_is_neither_section_nor_key_is_refused_with_its_line(void **state) {
        static const struct {
                IniDialect dialect;
                const char *text, *why;
        } cases[] = {
                { INI_NATIVE, "\n\nk=v", "f:3: 'k=v' stands before any section" },
                { INI_NATIVE, "[a", "f:1: '[a' lacks its ]" },
                { INI_NATIVE, "[ ]", "f:1: a section without a name" },
                { INI_NATIVE, "[a]\nword\n", "f:2: 'word' has no =" },
                { INI_NATIVE, "[a]\n = v\n", "f:2: no key before the =" },
                { INI_NATIVE, "[a]\nk\x01\n", "f:2: 'k?' has no =" },
                { INI_OSLO, "[a]\n  k=v\n",
                  "f:2: 'k=v' goes on with a value, but none stands above" },
                { INI_OSLO, "[a]\nk=v\n\n  w\n",
                  "f:4: 'w' goes on with a value, but none stands above" },
                { INI_OSLO, "[a]\nk=v\n# x\n  w\n",
                  "f:4: 'w' goes on with a value, but none stands above" },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++)
                assert_refused(cases[i].dialect, cases[i].text, strlen(cases[i].text),
                               cases[i].why);
}

static void bytes_that_are_no_text_are_refused(void **state) {
        assert_refused(INI_NATIVE, "[a]\nk=\0v", 8, "f:2: a NUL character");
        assert_refused(INI_NATIVE, "[a]\nk=\xff", 7, "f:2: invalid UTF-8");
        assert_refused(INI_SKIP, "[a]\n\n\xc3(", 7, "f:3: invalid UTF-8");
}

static void a_line_has_64_kib_and_not_a_byte_more(void **state) {
        size_t size = INI_LINE_MAX + 5;
        char *text = malloc(size + 1);
        Protocol protocol = { 0 };

        assert_non_null(text);
        memset(text, 'v', size + 1);
        memcpy(text, "[a]\nk=", 6);

        text[size - 1] = '\n'; /* 64 KiB − 0 behind the first line's four bytes */
        assert_int_equal(ini_parse("f", text, size, &callbacks, &protocol, NULL), 0);
        free(protocol.text);

        text[size - 1] = 'v';
        assert_refused(INI_NATIVE, text, size, "f:2: the line is longer than 65536 bytes");
        free(text);
}

static void what_the_caller_answers_ends_the_reading(void **state) {
        Protocol protocol = { .answer = LIMIT_EXCEEDED };

        assert_int_equal(ini_parse("f", "[a]\nk=v\nl=w\n", 12, &callbacks, &protocol, NULL),
                         LIMIT_EXCEEDED);
        assert_string_equal(protocol.text, "1[a] 2k=v ");
        free(protocol.text);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_native_line_is_parted_by_its_first_equals_sign),
                cmocka_unit_test(a_comment_is_a_whole_line),
                cmocka_unit_test(an_oslo_value_goes_on_where_a_line_begins_with_a_blank),
                cmocka_unit_test(one_pair_of_quotes_around_an_oslo_value_is_dropped),
                cmocka_unit_test(another_programs_sections_are_passed_over),
                cmocka_unit_test(what_is_neither_section_nor_key_is_refused_with_its_line),
                cmocka_unit_test(bytes_that_are_no_text_are_refused),
                cmocka_unit_test(a_line_has_64_kib_and_not_a_byte_more),
                cmocka_unit_test(what_the_caller_answers_ends_the_reading),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
