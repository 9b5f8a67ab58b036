/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <syslog.h>

#include "made-store.h"
#include "store/journal.h"
#include "util/log.h"

/* Opens the journal of the working directory, which must be in order. */
static Journal *open_journal(JournalContent *content) {
        Journal *journal;

        assert_int_equal(journal_open(&journal, ".", content), 0);
        assert_null(journal_problem(journal));
        return journal;
}

/* What a daemon that starts now would find. */
static void read_back(JournalContent *content) {
        journal_free(open_journal(content));
}

static Journal *open_empty(void) {
        _cleanup_(journal_content_done) JournalContent content = { 0 };
        Journal *journal = open_journal(&content);

        assert_int_equal(content.n_attachments, 0);
        return journal;
}

static void put(Journal *journal, uint32_t number, AttachmentState state) {
        _cleanup_(attachment_freep) Attachment *attachment = made_attachment(number, state);

        assert_int_equal(journal_put_attachment(journal, attachment, NULL), 0);
}

static void assert_same_attachment(const Attachment *a, const Attachment *b) {
        assert_int_equal(a->number, b->number);
        assert_string_equal(a->domain_uuid, b->domain_uuid);
        assert_string_equal(a->domain, b->domain);
        assert_string_equal(a->request, b->request);
        assert_string_equal(a->reason, b->reason);
        assert_string_equal(a->last_error, b->last_error);
        assert_int_equal(a->state, b->state);
        assert_int_equal(a->wants_live, b->wants_live);
        assert_int_equal(a->wants_config, b->wants_config);
        assert_true(a->owner_uid == b->owner_uid);
        assert_true(a->created_usec == b->created_usec);
        assert_int_equal(a->n_devices, b->n_devices);
        for (size_t i = 0; i < a->n_devices; i++) {
                assert_true(address_equal(a->devices[i].address, b->devices[i].address));
                assert_int_equal(a->devices[i].vendor_id, b->devices[i].vendor_id);
                assert_int_equal(a->devices[i].product_id, b->devices[i].product_id);
                assert_int_equal(a->devices[i].subsystem_vendor_id,
                                 b->devices[i].subsystem_vendor_id);
                assert_int_equal(a->devices[i].subsystem_product_id,
                                 b->devices[i].subsystem_product_id);
                assert_int_equal(a->devices[i].managed, b->devices[i].managed);
                assert_int_equal(a->devices[i].handed, b->devices[i].handed);
                assert_int_equal(a->devices[i].live, b->devices[i].live);
                assert_int_equal(a->devices[i].config, b->devices[i].config);
                assert_int_equal(a->devices[i].left, b->devices[i].left);
        }
}

static void assert_same_rules(Rule *const *a, size_t n_a, Rule *const *b, size_t n_b) {
        assert_int_equal(n_a, n_b);
        for (size_t i = 0; i < n_a; i++) {
                assert_int_equal(a[i]->kind, b[i]->kind);
                assert_int_equal(a[i]->n_words, b[i]->n_words);
                for (size_t j = 0; j < a[i]->n_words; j++) {
                        assert_string_equal(a[i]->words[j].key, b[i]->words[j].key);
                        assert_string_equal(a[i]->words[j].value, b[i]->words[j].value);
                }
        }
}

static void an_attachment_in_any_state_comes_back_as_it_was(void **state) {
        for (int i = 0; i < _ATTACHMENT_STATE_END; i++) {
                _cleanup_(attachment_freep) Attachment *attachment =
                        made_attachment((uint32_t) i + 1, (AttachmentState) i);
                _cleanup_(journal_content_done) JournalContent before = { 0 }, content = { 0 };
                Journal *journal = open_journal(&before);

                assert_int_equal(journal_put_attachment(journal, attachment, NULL), 0);
                journal_free(journal);

                read_back(&content);
                assert_int_equal(content.n_attachments, i + 1);
                assert_same_attachment(content.attachments[i], attachment);
                assert_int_equal(content.next_attachment, i + 2);
        }
}

static void runtime_pools_and_aliases_come_back_in_the_order_they_were_added(void **state) {
        _cleanup_(alias_freep) Alias *alias = made_alias("a1");
        _cleanup_(pool_freep) Pool *first = made_pool("zz"), *second = made_pool("aa");
        _cleanup_(journal_content_done) JournalContent content = { 0 };
        Journal *journal = open_empty();

        assert_int_equal(journal_put_pool(journal, first, NULL), 0);
        assert_int_equal(journal_put_alias(journal, alias, NULL), 0);
        assert_int_equal(journal_put_pool(journal, second, NULL), 0);
        journal_free(journal);

        read_back(&content);
        assert_int_equal(content.runtime.n_pools, 2);
        assert_string_equal(content.runtime.pools[0]->name, "zz");
        assert_string_equal(content.runtime.pools[1]->name, "aa");
        assert_string_equal(content.runtime.pools[0]->description, first->description);
        assert_int_equal(content.runtime.pools[0]->source, SOURCE_RUNTIME);
        assert_same_rules(content.runtime.pools[0]->rules, content.runtime.pools[0]->n_rules,
                          first->rules, first->n_rules);

        assert_int_equal(content.runtime.n_aliases, 1);
        assert_string_equal(content.runtime.aliases[0]->name, "a1");
        assert_int_equal(content.runtime.aliases[0]->numa_policy, NUMA_SOCKET);
        assert_int_equal(content.runtime.aliases[0]->unit, UNIT_GROUP);
        assert_int_equal(content.runtime.aliases[0]->source, SOURCE_RUNTIME);
        assert_same_rules(content.runtime.aliases[0]->rules, content.runtime.aliases[0]->n_rules,
                          alias->rules, alias->n_rules);
}

static void what_was_given_up_comes_back_beside_the_attachments(void **state) {
        _cleanup_(journal_content_done) JournalContent content = { 0 }, later = { 0 };
        Journal *journal = open_empty();

        for (uint32_t number = 1; number <= 3; number++) {
                _cleanup_(attachment_freep) Attachment *attachment =
                        made_attachment(number, ATTACHMENT_TAKING_BACK);

                attachment->undecided = number == 2;
                assert_int_equal(journal_put_attachment(journal, attachment, NULL), 0);
                assert_int_equal(journal_put_given_up(journal, attachment, NULL), 0);
                if (number != 2)
                        assert_int_equal(journal_end_attachment(journal, number, NULL), 0);
        }
        assert_int_equal(journal_remove_given_up(journal, 1, NULL), 0);
        journal_free(journal);

        read_back(&content);
        assert_int_equal(content.n_attachments, 1);
        assert_int_equal(content.attachments[0]->number, 2);
        assert_true(content.attachments[0]->undecided);
        assert_int_equal(content.n_given_up, 2);
        assert_int_equal(content.given_up[0]->number, 2);
        assert_int_equal(content.given_up[1]->number, 3);
        assert_false(content.given_up[1]->undecided);
        assert_int_equal(content.given_up[1]->n_devices, 2);

        /* A number that is only minded is not used again either. */
        journal = open_journal(&later);
        assert_int_equal(later.next_attachment, 4);
        journal_free(journal);
}

static void what_was_removed_does_not_come_back(void **state) {
        _cleanup_(alias_freep) Alias *alias = made_alias("a1");
        _cleanup_(pool_freep) Pool *pool = made_pool("nics");
        _cleanup_(journal_content_done) JournalContent content = { 0 };
        Journal *journal = open_empty();

        assert_int_equal(journal_put_pool(journal, pool, NULL), 0);
        assert_int_equal(journal_put_alias(journal, alias, NULL), 0);
        assert_int_equal(journal_remove_pool(journal, "nics", NULL), 0);
        assert_int_equal(journal_remove_alias(journal, "a1", NULL), 0);
        journal_free(journal);

        read_back(&content);
        assert_int_equal(content.runtime.n_pools, 0);
        assert_int_equal(content.runtime.n_aliases, 0);
}

static void a_record_overtakes_the_one_before(void **state) {
        _cleanup_(journal_content_done) JournalContent content = { 0 };
        Journal *journal = open_empty();

        put(journal, 3, ATTACHMENT_ATTACHING);
        put(journal, 2, ATTACHMENT_ATTACHING);
        put(journal, 3, ATTACHMENT_ATTACHED);
        journal_free(journal);

        read_back(&content);
        assert_int_equal(content.n_attachments, 2);
        assert_int_equal(content.attachments[0]->number, 2);
        assert_int_equal(content.attachments[1]->number, 3);
        assert_int_equal(content.attachments[1]->state, ATTACHMENT_ATTACHED);
}

static void a_number_is_never_used_again(void **state) {
        _cleanup_(journal_content_done) JournalContent content = { 0 };
        Journal *journal = open_empty();

        put(journal, 17, ATTACHMENT_ATTACHED);
        assert_int_equal(journal_end_attachment(journal, 17, NULL), 0);
        journal_free(journal);

        read_back(&content);
        assert_int_equal(content.n_attachments, 0);
        assert_int_equal(content.next_attachment, 18);
}

static void a_thousand_cycles_leave_a_small_file_and_the_next_number(void **state) {
        _cleanup_(pool_freep) Pool *pool = made_pool("nics");
        _cleanup_(journal_content_done) JournalContent content = { 0 };
        Journal *journal = open_empty();

        assert_int_equal(journal_put_pool(journal, pool, NULL), 0);
        for (uint32_t number = 1; number <= 1000; number++) {
                put(journal, number, ATTACHMENT_ATTACHING);
                put(journal, number, ATTACHMENT_ATTACHED);
                put(journal, number, ATTACHMENT_DETACHING);
                assert_int_equal(journal_end_attachment(journal, number, NULL), 0);
        }
        journal_free(journal);

        assert_true(made_file_size("journal") < 64 * 1024);
        assert_int_equal(access("journal.new", F_OK), -1);
        read_back(&content);
        assert_int_equal(content.n_attachments, 0);
        assert_int_equal(content.next_attachment, 1001);
        assert_int_equal(content.runtime.n_pools, 1);
}

static void what_lives_is_not_written_anew_again_and_again(void **state) {
        _cleanup_(journal_content_done) JournalContent content = { 0 };
        Journal *journal = open_empty();
        struct stat before, after;

        for (uint32_t number = 1; number <= 200; number++)
                put(journal, number, ATTACHMENT_ATTACHED);
        assert_int_equal(stat("journal", &before), 0);
        for (uint32_t number = 1; number <= 100; number++)
                put(journal, number, ATTACHMENT_DETACHING);
        assert_int_equal(stat("journal", &after), 0);
        journal_free(journal);

        assert_int_equal(before.st_ino, after.st_ino);
        read_back(&content);
        assert_int_equal(content.n_attachments, 200);
}

static void a_second_daemon_is_told_that_the_directory_is_held(void **state) {
        _cleanup_(journal_content_done) JournalContent content = { 0 };
        Journal *journal = open_empty(), *second = NULL;

        assert_int_equal(journal_open(&second, ".", &content), -EBUSY);
        assert_null(second);

        journal_free(journal);
        journal_free(open_empty());
}

static void no_file_is_there_before_the_first_record(void **state) {
        Journal *journal = open_empty();

        assert_int_equal(access("journal", F_OK), -1);
        put(journal, 1, ATTACHMENT_ATTACHING);
        assert_int_equal(access("journal", F_OK), 0);
        journal_free(journal);
}

static void text_that_is_no_utf8_is_refused_and_not_written(void **state) {
        _cleanup_(attachment_freep) Attachment *attachment =
                made_attachment(1, ATTACHMENT_ATTACHING);
        _cleanup_(journal_content_done) JournalContent content = { 0 };
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        Journal *journal = open_empty();

        assert_int_equal(facts_set(&attachment->last_error, "caf\xe9"), 0);
        assert_int_equal(journal_put_attachment(journal, attachment, &refusal), JOURNAL_FAILED);
        assert_string_equal(refusal.text, "text that is not UTF-8 cannot be recorded");
        journal_free(journal);

        read_back(&content);
        assert_int_equal(content.n_attachments, 0);
}

/* Every character from 1 to 0x2fff, in UTF-8. */
static char *make_all_characters(void) {
        char *text = malloc(3 * 0x3000 + 1), *end = text;

        assert_non_null(text);
        for (unsigned c = 1; c < 0x3000; c++) {
                if (c >= 0x800)
                        *end++ = (char) (0xe0 | c >> 12);
                if (c >= 0x80)
                        *end++ = (char) (c >= 0x800 ? 0x80 | (c >> 6 & 0x3f) : 0xc0 | c >> 6);
                *end++ = (char) (c >= 0x80 ? 0x80 | (c & 0x3f) : c);
        }
        *end = '\0';
        return text;
}

static void no_text_can_forge_a_record(void **state) {
        _cleanup_(attachment_freep) Attachment *attachment =
                made_attachment(1, ATTACHMENT_ATTACHING);
        _cleanup_(journal_content_done) JournalContent content = { 0 };
        _cleanup_(freep) char *all = make_all_characters(), *bytes = NULL;
        size_t size = 0, n_lines = 0;
        Journal *journal = open_empty();

        assert_int_equal(facts_set(&attachment->domain, all), 0);
        assert_int_equal(journal_put_attachment(journal, attachment, NULL), 0);
        journal_free(journal);

        bytes = made_file_read("journal", &size);
        for (size_t i = 0; i < size; i++) {
                n_lines += bytes[i] == '\n';
                assert_true(bytes[i] == '\n' || (bytes[i] >= ' ' && bytes[i] <= 0x7f));
        }
        assert_int_equal(n_lines, 3); /* the version, the next number, the attachment */

        read_back(&content);
        assert_string_equal(content.attachments[0]->domain, all);
}

/* Each would have us read, write or lock what somebody else chose. */
static void make_link(const char *name) {
        made_text("elsewhere", "");
        assert_int_equal(symlink("elsewhere", name), 0);
}

static void make_pipe(const char *name) {
        assert_int_equal(mkfifo(name, 0600), 0);
}

static void make_directory(const char *name) {
        assert_int_equal(mkdir(name, 0700), 0);
}

static void make_second_name(const char *name) {
        made_text("elsewhere", "");
        assert_int_equal(link("elsewhere", name), 0);
}

static void make_writable(const char *name) {
        made_text(name, "");
        assert_int_equal(chmod(name, 0666), 0);
}

static void make_group_writable(const char *name) {
        made_text(name, "");
        assert_int_equal(chmod(name, 0620), 0);
}

static void make_strange(const char *name) {
        made_text(name, "");
        if (geteuid() == 0)
                assert_int_equal(chown(name, 65534, 65534), 0);
        else
                assert_int_equal(chmod(name, 0666), 0);
}

static void a_file_that_another_may_have_made_is_not_used(void **state) {
        static void (*const make[])(const char *name) = {
                make_link,     make_pipe,           make_directory, make_second_name,
                make_writable, make_group_writable, make_strange,
        };
        static const char *const names[] = { "journal", "lock" };

        for (size_t i = 0; i < N_ELEMENTS(make); i++)
                for (size_t j = 0; j < N_ELEMENTS(names); j++) {
                        JournalContent content = { .next_attachment = 77 };
                        Journal *journal = NULL;

                        make[i](names[j]);
                        assert_true(journal_open(&journal, ".", &content) < 0);
                        assert_null(journal);
                        assert_int_equal(content.next_attachment, 77);
                        assert_int_equal(made_directory_empty(NULL), 0);
                }
}

static void a_directory_that_others_can_write_is_not_used(void **state) {
        _cleanup_(journal_content_done) JournalContent content = { 0 };
        Journal *journal = NULL;

        assert_int_equal(chmod(".", 0777), 0);
        assert_int_equal(journal_open(&journal, ".", &content), -EPERM);
        assert_int_equal(chmod(".", 0700), 0);
        assert_int_equal(access("lock", F_OK), -1);
        assert_int_equal(journal_open(&journal, "missing", &content), -ENOENT);
        assert_null(journal);
}

static void the_files_are_private_and_not_inherited(void **state) {
        bool open_before[64];
        struct stat status;
        Journal *journal;

        for (int fd = 0; fd < (int) N_ELEMENTS(open_before); fd++)
                open_before[fd] = fcntl(fd, F_GETFD) >= 0;

        journal = open_empty();
        put(journal, 1, ATTACHMENT_ATTACHING);
        for (int fd = 0; fd < (int) N_ELEMENTS(open_before); fd++)
                if (!open_before[fd] && fcntl(fd, F_GETFD) >= 0)
                        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);

        assert_int_equal(stat("journal", &status), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
        assert_int_equal(stat("lock", &status), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
        journal_free(journal);
}

#define TEST(function) cmocka_unit_test_setup(function, made_directory_empty)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(an_attachment_in_any_state_comes_back_as_it_was),
                TEST(runtime_pools_and_aliases_come_back_in_the_order_they_were_added),
                TEST(what_was_given_up_comes_back_beside_the_attachments),
                TEST(what_was_removed_does_not_come_back),
                TEST(a_record_overtakes_the_one_before),
                TEST(a_number_is_never_used_again),
                TEST(a_thousand_cycles_leave_a_small_file_and_the_next_number),
                TEST(what_lives_is_not_written_anew_again_and_again),
                TEST(a_second_daemon_is_told_that_the_directory_is_held),
                TEST(no_file_is_there_before_the_first_record),
                TEST(text_that_is_no_utf8_is_refused_and_not_written),
                TEST(no_text_can_forge_a_record),
                TEST(a_file_that_another_may_have_made_is_not_used),
                TEST(a_directory_that_others_can_write_is_not_used),
                TEST(the_files_are_private_and_not_inherited),
        };

        log_set_level(LOG_CRIT);
        return cmocka_run_group_tests(tests, made_directory_enter, made_directory_leave);
}
