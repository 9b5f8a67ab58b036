/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <syslog.h>

#include "made-store.h"
#include "store/journal-line.h"
#include "store/journal.h"
#include "util/log.h"
#include "util/text.h"

/* A journal with records of every kind, as it was written. */
typedef struct Sample {
        char *bytes;
        size_t size;
} Sample;

static void write_sample(void) {
        _cleanup_(journal_content_done) JournalContent content = { 0 };
        _cleanup_(attachment_freep) Attachment *first = made_attachment(1, ATTACHMENT_ATTACHED);
        _cleanup_(attachment_freep) Attachment *second = made_attachment(2, ATTACHMENT_LOST);
        _cleanup_(pool_freep) Pool *pool = made_pool("nics");
        _cleanup_(alias_freep) Alias *alias = made_alias("a1");
        Journal *journal;

        assert_int_equal(journal_open(&journal, ".", &content), 0);
        assert_int_equal(journal_put_pool(journal, pool, NULL), 0);
        assert_int_equal(journal_put_alias(journal, alias, NULL), 0);
        assert_int_equal(journal_put_attachment(journal, first, NULL), 0);
        assert_int_equal(journal_end_attachment(journal, 1, NULL), 0);
        assert_int_equal(journal_put_attachment(journal, second, NULL), 0);
        journal_free(journal);
}

static Sample make_sample(void) {
        Sample sample;

        write_sample();
        sample.bytes = made_file_read("journal", &sample.size);
        assert_non_null(sample.bytes);
        return sample;
}

static void assert_untouched(const char *bytes, size_t size) {
        size_t now = 0;
        char *read = made_file_read("journal", &now);

        assert_non_null(read);
        assert_int_equal(now, size);
        assert_memory_equal(read, bytes, size);
        free(read);
}

/* Every write is refused, and neither reading nor trying to write changes a byte. */
static void assert_damaged(const char *bytes, size_t size) {
        _cleanup_(journal_content_done) JournalContent content = { 0 };
        _cleanup_(attachment_freep) Attachment *attachment =
                made_attachment(9, ATTACHMENT_ATTACHING);
        _cleanup_(pool_freep) Pool *pool = made_pool("more");
        _cleanup_(alias_freep) Alias *alias = made_alias("more");
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        Journal *journal;

        made_file("journal", bytes, size);
        assert_int_equal(journal_open(&journal, ".", &content), 0);
        assert_non_null(journal_problem(journal));
        assert_int_equal(content.n_attachments, 0);
        assert_int_equal(content.runtime.n_pools + content.runtime.n_aliases, 0);
        assert_int_equal(content.next_attachment, 1);

        assert_int_equal(journal_put_attachment(journal, attachment, &refusal), JOURNAL_FAILED);
        assert_non_null(strstr(refusal.text, journal_problem(journal)));
        assert_int_equal(journal_end_attachment(journal, 2, NULL), JOURNAL_FAILED);
        assert_int_equal(journal_put_pool(journal, pool, NULL), JOURNAL_FAILED);
        assert_int_equal(journal_remove_pool(journal, "nics", NULL), JOURNAL_FAILED);
        assert_int_equal(journal_put_alias(journal, alias, NULL), JOURNAL_FAILED);
        assert_int_equal(journal_remove_alias(journal, "a1", NULL), JOURNAL_FAILED);
        journal_free(journal);

        assert_untouched(bytes, size);
        assert_int_equal(access("journal.new", F_OK), -1);
}

static size_t count_lines(const char *bytes, size_t size) {
        size_t n = 0;

        for (size_t i = 0; i < size; i++)
                n += bytes[i] == '\n';
        return n;
}

/* What the sample says after so many of its lines: version, next, pool, alias, first, its end, second. */
static void assert_sample_content(const JournalContent *content, size_t n_lines) {
        assert_int_equal(content->runtime.n_pools, n_lines >= 3);
        assert_int_equal(content->runtime.n_aliases, n_lines >= 4);
        assert_int_equal(content->n_attachments, n_lines == 5 || n_lines == 7);
        assert_int_equal(content->next_attachment, n_lines >= 7 ? 3 : n_lines >= 5 ? 2 : 1);
}

static void a_file_cut_anywhere_keeps_its_whole_records_and_is_written_on(void **state) {
        _cleanup_(attachment_freep) Attachment *attachment =
                made_attachment(9, ATTACHMENT_ATTACHING);
        Sample sample = make_sample();

        for (size_t size = 0; size <= sample.size; size++) {
                _cleanup_(journal_content_done) JournalContent content = { 0 }, between = { 0 },
                                                               after = { 0 };
                size_t n_lines = count_lines(sample.bytes, size);
                Journal *journal;

                made_file("journal", sample.bytes, size);
                assert_int_equal(journal_open(&journal, ".", &content), 0);
                assert_null(journal_problem(journal));
                assert_sample_content(&content, n_lines);
                assert_untouched(sample.bytes, size);

                /* A record shorter than most of what was torn, then a longer one. */
                assert_int_equal(journal_end_attachment(journal, 8, NULL), 0);
                journal_free(journal);
                assert_int_equal(journal_open(&journal, ".", &between), 0);
                assert_null(journal_problem(journal));
                assert_int_equal(between.n_attachments, content.n_attachments);
                assert_int_equal(journal_put_attachment(journal, attachment, NULL), 0);
                journal_free(journal);

                assert_int_equal(journal_open(&journal, ".", &after), 0);
                assert_null(journal_problem(journal));
                journal_free(journal);
                assert_int_equal(after.n_attachments, content.n_attachments + 1);
                assert_int_equal(after.runtime.n_pools, content.runtime.n_pools);
                assert_int_equal(after.next_attachment, 10);
        }

        free(sample.bytes);
}

static void a_flipped_bit_anywhere_is_noticed_and_nothing_is_written(void **state) {
        Sample sample = make_sample();

        for (size_t i = 0; i < sample.size; i++)
                for (int bit = 0; bit < 8; bit++) {
                        sample.bytes[i] ^= (char) (1 << bit);
                        assert_damaged(sample.bytes, sample.size);
                        sample.bytes[i] ^= (char) (1 << bit);
                }

        free(sample.bytes);
}

static void a_line_taken_out_of_the_middle_of_another_is_noticed(void **state) {
        Sample sample = make_sample();
        size_t half = sample.size / 2;

        memmove(sample.bytes + half, sample.bytes + half + 1, sample.size - half - 1);
        assert_damaged(sample.bytes, sample.size - 1);
        free(sample.bytes);
}

static void what_is_no_journal_is_left_alone(void **state) {
        static const char *const texts[] = {
                "x",
                "\n",
                "hostdevd-journal 2\n",
                "hostdevd-journal 10\n",
                "hostdevd-journal 2",
                "hostdevd-journal 1\r\n",
                "{\"key\":\"pool/nics\"}\n",
                "hostdevd-journal 1\nxyz",
                "hostdevd-journal 1\n\n",
                "hostdevd-journal 1\n0123ABCD",
                "hostdevd-journal 1\n01234567_",
                "hostdevd-journal 1\n01234567 [",
                "hostdevd-journal 1\n01234567 {\"a\":{}} ",
                "hostdevd-journal 1\n01234567 {\"a\":{}}",
                "hostdevd-journal 1\n01234567 {\"a\t",
        };

        for (size_t i = 0; i < N_ELEMENTS(texts); i++)
                assert_damaged(texts[i], strlen(texts[i]));
        assert_damaged("hostdevd-journal 1\n\0\0\0\0", strlen(JOURNAL_VERSION_LINE) + 4);
}

static void assert_file_is(const char *expected) {
        _cleanup_(freep) char *text = NULL;
        size_t size;

        text = made_file_read("journal", &size);
        assert_non_null(text);
        assert_int_equal(size, strlen(expected));
        assert_memory_equal(text, expected, size);
}

static void a_newer_version_is_called_one(void **state) {
        _cleanup_(journal_content_done) JournalContent content = { 0 };
        Journal *journal;

        made_text("journal", "hostdevd-journal 2\nwhatever\n");
        assert_int_equal(journal_open(&journal, ".", &content), 0);
        assert_string_equal(journal_problem(journal),
                            "the journal is of a version that is not known here");
        assert_int_equal(journal_end_attachment(journal, 1, NULL), JOURNAL_FAILED);
        journal_free(journal);
        assert_file_is("hostdevd-journal 2\nwhatever\n");
}

static char *line_of(const char *json) {
        char *line = journal_line_new(json);

        assert_non_null(line);
        return line;
}

#define OLD_ATTACHMENT                                                                             \
        "{\"number\":1,\"domain_uuid\":\"11111111-2222-3333-4444-555555555555\","                  \
        "\"domain\":\"web\",\"request\":\"a1\",\"reason\":\"\",\"last_error\":\"\","               \
        "\"state\":\"attaching\",\"wants_live\":true,\"wants_config\":false,\"owner_uid\":0,"      \
        "\"created_usec\":1,\"devices\":[]"

/* As the first daemon wrote it, of which nothing but this line is left. */
static void
a_field_that_came_later_may_be_absent_and_one_that_is_not_known_may_not_be_there(void **state) {
        _cleanup_(freep) char *old = NULL, *newer = NULL, *text = NULL;
        _cleanup_(journal_content_done) JournalContent content = { 0 }, none = { 0 };
        Journal *journal;

        old = line_of("{\"key\":\"attachment/1\",\"put\":" OLD_ATTACHMENT "}}");
        text = text_print("hostdevd-journal 1\n%s", old);
        made_text("journal", text);
        assert_int_equal(journal_open(&journal, ".", &content), 0);
        assert_null(journal_problem(journal));
        assert_int_equal(content.n_attachments, 1);
        assert_false(content.attachments[0]->undecided);
        journal_free(journal);

        newer = line_of("{\"key\":\"attachment/1\",\"put\":" OLD_ATTACHMENT ",\"unheard_of\":1}}");
        free(text);
        text = text_print("hostdevd-journal 1\n%s", newer);
        made_text("journal", text);
        assert_int_equal(journal_open(&journal, ".", &none), 0);
        assert_non_null(strstr(journal_problem(journal), "unknown or missing fields"));
        assert_int_equal(none.n_attachments, 0);
        assert_int_equal(journal_end_attachment(journal, 1, NULL), JOURNAL_FAILED);
        journal_free(journal);
        assert_file_is(text);
}

/* The checksum is right, but what is said is not what this version says. */
static void a_record_that_says_nothing_known_is_damage(void **state) {
        static const char *const records[] = {
                "[]",
                "{}",
                "{\"key\":7}",
                "{\"key\":\"next\"}",
                "{\"key\":\"next\",\"put\":0}",
                "{\"key\":\"next\",\"put\":4294967296}",
                "{\"key\":\"next\",\"put\":1,\"more\":1}",
                "{\"key\":\"pool/x\",\"key\":\"pool/y\"}",
                "{\"key\":\"host/x\",\"put\":{}}",
                "{\"key\":\"pool/x\",\"put\":{}}",
                "{\"key\":\"pool/x\",\"put\":{\"name\":\"/\",\"description\":\"\",\"match\":[]}}",
                "{\"key\":\"pool/x\",\"put\":{\"name\":\"x\",\"description\":\"\",\"match\":[1]}}",
                "{\"key\":\"pool/x\",\"put\":{\"name\":\"x\",\"description\":\"\","
                "\"match\":[[[\"vendor_id\",\"zz\"]]]}}",
                "{\"key\":\"pool/x\",\"put\":{\"name\":\"x\",\"description\":\"\","
                "\"match\":[[[\"vendor_id\"]]]}}",
                "{\"key\":\"alias/x\",\"put\":{\"name\":\"x\",\"numa_policy\":\"strict\","
                "\"unit\":\"function\",\"match\":[]}}",
                "{\"key\":\"alias/x\",\"put\":{\"name\":\"x\",\"numa_policy\":\"legacy\","
                "\"unit\":\"row\",\"match\":[]}}",
                "{\"key\":\"attachment/1\",\"put\":{\"number\":1}}",
        };

        for (size_t i = 0; i < N_ELEMENTS(records); i++) {
                _cleanup_(freep) char *line = journal_line_new(records[i]), *text = NULL;
                int size = asprintf(&text, "%s%s", JOURNAL_VERSION_LINE, line);

                assert_true(size > 0);
                assert_damaged(text, (size_t) size);
        }
}

static void the_checksum_is_crc32c(void **state) {
        /* The check value of CRC catalogues, and an example of RFC 3720 B.4: 32 bytes of ones. */
        static const char ones[] =
                "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
                "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";

        assert_true(checksum_crc32c("123456789", 9) == UINT32_C(0xe3069283));
        assert_true(checksum_crc32c(ones, 32) == UINT32_C(0x62a8ab43));
        assert_true(checksum_crc32c("", 0) == 0);
}

#define TEST(function) cmocka_unit_test_setup(function, made_directory_empty)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(a_file_cut_anywhere_keeps_its_whole_records_and_is_written_on),
                TEST(a_flipped_bit_anywhere_is_noticed_and_nothing_is_written),
                TEST(a_line_taken_out_of_the_middle_of_another_is_noticed),
                TEST(what_is_no_journal_is_left_alone),
                TEST(a_newer_version_is_called_one),
                TEST(a_field_that_came_later_may_be_absent_and_one_that_is_not_known_may_not_be_there),
                TEST(a_record_that_says_nothing_known_is_damage),
                TEST(the_checksum_is_crc32c),
        };

        log_set_level(LOG_CRIT);
        return cmocka_run_group_tests(tests, made_directory_enter, made_directory_leave);
}
