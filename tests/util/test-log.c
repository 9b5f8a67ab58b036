/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "util/log.h"

/* stderr goes to a pipe while one line is logged; what came out is in `said`. */
static char said[4096];
static int out[2], terminal;

static void listen_to_stderr(void) {
        assert_int_equal(pipe2(out, O_CLOEXEC | O_NONBLOCK), 0);
        terminal = dup(STDERR_FILENO);
        assert_true(terminal >= 0);
        assert_int_equal(dup2(out[1], STDERR_FILENO), STDERR_FILENO);
}

static void stop_listening(void) {
        ssize_t n;

        assert_int_equal(dup2(terminal, STDERR_FILENO), STDERR_FILENO);
        n = read(out[0], said, sizeof(said) - 1);
        said[n > 0 ? n : 0] = '\0';
        close(terminal);
        close(out[0]);
        close(out[1]);
}

#define LOG(...)                                                                                   \
        ({                                                                                         \
                listen_to_stderr();                                                                \
                log_line(__VA_ARGS__);                                                             \
                stop_listening();                                                                  \
                said;                                                                              \
        })

static int set_up(void **state) {
        unsetenv("JOURNAL_STREAM");
        log_set_level(LOG_INFO);
        return 0;
}

static void a_line_is_printed_as_it_is(void **state) {
        assert_string_equal(LOG(LOG_ERR, "%s: %d gr\xc3\xbc\xc3\x9f", "pool", 3),
                            "pool: 3 gr\xc3\xbc\xc3\x9f\n");
        assert_string_equal(LOG(LOG_INFO, "%s", ""), "\n");
}

static void the_journal_is_told_the_level(void **state) {
        assert_int_equal(setenv("JOURNAL_STREAM", "8:1", 1), 0);
        assert_string_equal(LOG(LOG_ERR, "a"), "<3>a\n");
        assert_string_equal(LOG(LOG_WARNING, "a"), "<4>a\n");
        assert_string_equal(LOG(LOG_INFO, "<0>a"), "<6><0>a\n");
}

static void what_is_above_the_level_is_dropped(void **state) {
        assert_string_equal(LOG(LOG_DEBUG, "a"), "");
        log_set_level(LOG_DEBUG);
        assert_string_equal(LOG(LOG_DEBUG, "a"), "a\n");
        log_set_level(LOG_ERR);
        assert_string_equal(LOG(LOG_WARNING, "a"), "");
}

static void a_line_stays_a_line_whatever_is_in_it(void **state) {
        assert_string_equal(LOG(LOG_ERR, "%s", "a\n<0>b\r\x1b[2J\x7f"),
                            "a\\x0a<0>b\\x0d\\x1b[2J\\x7f\n");
        /* C1 controls, separators, characters that turn the line, and what is no text at all. */
        assert_string_equal(LOG(LOG_ERR, "%s", "\xc2\x9bx"), "\\xc2\\x9bx\n");
        assert_string_equal(LOG(LOG_ERR, "%s", "\xe2\x80\xa8"), "\\xe2\\x80\\xa8\n");
        assert_string_equal(LOG(LOG_ERR, "%s",
                                "\xe2\x80\xae"
                                "b"),
                            "\\xe2\\x80\\xaeb\n");
        assert_string_equal(LOG(LOG_ERR, "%s", "\xff\x9b"), "\\xff\\x9b\n");
}

static void every_byte_leaves_one_line(void **state) {
        for (int byte = 1; byte < 256; byte++) {
                char text[] = { 'a', (char) byte, 'b', '\0' };
                const char *line = LOG(LOG_ERR, "%s", text);

                assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
                for (const char *c = line; c[1]; c++)
                        assert_true((unsigned char) *c >= 0x20 && (unsigned char) *c < 0x7f);
        }
}

#define LOG_TEST(test) cmocka_unit_test_setup(test, set_up)

int main(void) {
        const struct CMUnitTest tests[] = {
                LOG_TEST(a_line_is_printed_as_it_is),
                LOG_TEST(the_journal_is_told_the_level),
                LOG_TEST(what_is_above_the_level_is_dropped),
                LOG_TEST(a_line_stays_a_line_whatever_is_in_it),
                LOG_TEST(every_byte_leaves_one_line),
        };

        return cmocka_run_group_tests_name("util/log", tests, NULL, NULL);
}
