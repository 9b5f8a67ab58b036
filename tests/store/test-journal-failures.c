/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The disk fails, or the daemon dies, at each of the calls that a run makes. The linker puts the
 * functions below in the place of the system's (--wrap); none of them waits for a disk.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include <cmocka.h>
#include <syslog.h>

#include "made-store.h"
#include "store/journal.h"
#include "util/log.h"

typedef enum Mode {
        MODE_COUNT, /* nothing fails */
        MODE_ONCE,  /* the call fails, those after it do not */
        MODE_DEAD,  /* from the call on nothing reaches the disk, of a write the first half */
} Mode;

static struct {
        Mode mode;
        unsigned n_calls, failing; /* the number of the call that fails, from 1 */
        int error;
        char trace[128]; /* the calls, a letter each: w t r u d f */
} disk;

static void disk_set(Mode mode, unsigned failing, int error) {
        disk.mode = mode;
        disk.n_calls = 0;
        disk.failing = failing;
        disk.error = error;
        disk.trace[0] = '\0';
}

static bool fails(char call) {
        size_t size = strlen(disk.trace);

        if (size + 1 < sizeof(disk.trace)) {
                disk.trace[size] = call;
                disk.trace[size + 1] = '\0';
        }

        disk.n_calls++;
        if (disk.mode == MODE_COUNT || disk.n_calls < disk.failing)
                return false;
        if (disk.mode == MODE_ONCE && disk.n_calls > disk.failing)
                return false;

        errno = disk.error;
        return true;
}

ssize_t __real_pwrite64(int fd, const void *bytes, size_t size, off_t offset);
int __real_ftruncate64(int fd, off_t size);
int __real_renameat(int from_directory, const char *from, int to_directory, const char *to);
int __real_unlinkat(int directory, const char *name, int flags);

ssize_t __wrap_pwrite64(int fd, const void *bytes, size_t size, off_t offset);
int __wrap_ftruncate64(int fd, off_t size);
int __wrap_renameat(int from_directory, const char *from, int to_directory, const char *to);
int __wrap_unlinkat(int directory, const char *name, int flags);
int __wrap_fdatasync(int fd);
int __wrap_fsync(int fd);

/* A full disk takes some of what is written before it says so. */
ssize_t __wrap_pwrite64(int fd, const void *bytes, size_t size, off_t offset) {
        if (!fails('w'))
                return __real_pwrite64(fd, bytes, size, offset);

        if (disk.n_calls == disk.failing)
                assert_int_equal(__real_pwrite64(fd, bytes, size / 2, offset), size / 2);
        errno = disk.error;
        return -1;
}

int __wrap_ftruncate64(int fd, off_t size) {
        return fails('t') ? -1 : __real_ftruncate64(fd, size);
}

int __wrap_renameat(int from_directory, const char *from, int to_directory, const char *to) {
        return fails('r') ? -1 : __real_renameat(from_directory, from, to_directory, to);
}

int __wrap_unlinkat(int directory, const char *name, int flags) {
        return fails('u') ? -1 : __real_unlinkat(directory, name, flags);
}

int __wrap_fdatasync(int fd) {
        return fails('d') ? -1 : 0;
}

int __wrap_fsync(int fd) {
        return fails('f') ? -1 : 0;
}

enum {
        N_ATTACHMENTS = 30,
        STEPS = 3, /* put, put in another state, and every second time the end */
        ABSENT = -1,
};

/* What the journal has said yes to: the state of each attachment. */
typedef struct Model {
        int states[N_ATTACHMENTS + 1];
} Model;

static Model empty_model(void) {
        Model model;

        for (size_t i = 0; i <= N_ATTACHMENTS; i++)
                model.states[i] = ABSENT;
        return model;
}

/* One record of the run: what it makes of the model, and the journal's answer. */
static int record(Journal *journal, uint32_t number, unsigned step, Model *model,
                  Refusal *refusal) {
        static const int after[STEPS] = { ATTACHMENT_ATTACHING, ATTACHMENT_ATTACHED, ABSENT };
        _cleanup_(attachment_freep) Attachment *attachment = NULL;

        model->states[number] = after[step];
        if (after[step] == ABSENT)
                return journal_end_attachment(journal, number, refusal);

        attachment = made_attachment(number, (AttachmentState) after[step]);
        return journal_put_attachment(journal, attachment, refusal);
}

static bool content_is(const JournalContent *content, const Model *model) {
        size_t n = 0;

        for (uint32_t number = 1; number <= N_ATTACHMENTS; number++) {
                if (model->states[number] == ABSENT)
                        continue;
                if (n == content->n_attachments || content->attachments[n]->number != number ||
                    (int) content->attachments[n]->state != model->states[number])
                        return false;
                n++;
        }

        return n == content->n_attachments;
}

typedef struct Run {
        Model accepted; /* what was answered with 0 */
        Model tried;    /* and the first that was not */
        unsigned n_refused;
        bool has_problem;
} Run;

/* The whole run: attachments come, and every second one goes. */
static void run(Run *ret) {
        _cleanup_(journal_content_done) JournalContent content = { 0 };
        Run now = { .accepted = empty_model() };
        Journal *journal;

        assert_int_equal(journal_open(&journal, ".", &content), 0);
        for (uint32_t number = 1; number <= N_ATTACHMENTS; number++)
                for (unsigned step = 0; step < STEPS - number % 2; step++) {
                        _cleanup_(refusal_done) Refusal refusal = { 0 };
                        Model next = now.accepted;
                        int r = record(journal, number, step, &next, &refusal);

                        if (r == 0) {
                                now.accepted = next;
                                continue;
                        }

                        assert_int_equal(r, JOURNAL_FAILED);
                        assert_non_null(refusal.text);
                        if (now.n_refused++ == 0)
                                now.tried = next;
                }

        now.has_problem = journal_problem(journal) != NULL;
        journal_free(journal);
        *ret = now;
}

static void read_back(JournalContent *content) {
        Journal *journal;

        disk_set(MODE_COUNT, 0, 0);
        assert_int_equal(journal_open(&journal, ".", content), 0);
        assert_null(journal_problem(journal));
        journal_free(journal);
}

static unsigned count_calls(void) {
        _cleanup_(journal_content_done) JournalContent content = { 0 };
        Run whole;
        unsigned n_calls;

        disk_set(MODE_COUNT, 0, 0);
        run(&whole);
        n_calls = disk.n_calls;

        assert_int_equal(whole.n_refused, 0);
        read_back(&content);
        assert_true(content_is(&content, &whole.accepted));
        assert_int_equal(made_directory_empty(NULL), 0);
        return n_calls;
}

static void sweep_once(int error) {
        unsigned n_calls = count_calls();

        for (unsigned failing = 1; failing <= n_calls; failing++) {
                _cleanup_(journal_content_done) JournalContent content = { 0 };
                Run now;

                disk_set(MODE_ONCE, failing, error);
                run(&now);
                if (!now.has_problem)
                        assert_true(now.n_refused <= 1);

                read_back(&content);
                if (!content_is(&content, &now.accepted))
                        fail_msg("call %u of %u: what was refused is there, or what was accepted "
                                 "is not",
                                 failing, n_calls);
                assert_int_equal(made_directory_empty(NULL), 0);
        }
}

static void one_failing_call_costs_at_most_the_record_that_was_refused(void **state) {
        sweep_once(EIO);
        sweep_once(ENOSPC);
}

static void death_at_any_call_keeps_all_that_was_accepted(void **state) {
        unsigned n_calls = count_calls();

        for (unsigned failing = 1; failing <= n_calls; failing++) {
                _cleanup_(journal_content_done) JournalContent content = { 0 }, after = { 0 };
                Model model;
                Journal *journal;
                Run now;

                disk_set(MODE_DEAD, failing, EIO);
                run(&now);

                read_back(&content);
                if (!content_is(&content, &now.accepted) &&
                    !(now.n_refused > 0 && content_is(&content, &now.tried)))
                        fail_msg("call %u of %u: what is there is neither what was accepted nor "
                                 "one more",
                                 failing, n_calls);

                /* And what is there can be written on. */
                assert_int_equal(journal_open(&journal, ".", &after), 0);
                assert_int_equal(record(journal, 1, 0, &model, NULL), 0);
                journal_free(journal);
                assert_int_equal(made_directory_empty(NULL), 0);
        }
}

static void a_sync_that_fails_again_ends_all_writing(void **state) {
        _cleanup_(journal_content_done) JournalContent content = { 0 }, after = { 0 };
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        Model model = empty_model();
        Journal *journal;

        disk_set(MODE_COUNT, 0, 0);
        assert_int_equal(journal_open(&journal, ".", &content), 0);
        assert_int_equal(record(journal, 1, 0, &model, NULL), 0);
        assert_null(journal_problem(journal));

        disk_set(MODE_DEAD, 2, EIO); /* the write goes through, its sync does not */
        assert_int_equal(record(journal, 2, 0, &model, &refusal), JOURNAL_FAILED);
        assert_string_equal(refusal.text, "the journal cannot be written: Input/output error");
        assert_string_equal(journal_problem(journal), "a write failed and could not be taken back");

        disk_set(MODE_COUNT, 0, 0);
        assert_int_equal(record(journal, 3, 0, &model, &refusal), JOURNAL_FAILED);
        assert_string_equal(refusal.text, "the journal is not written to: "
                                          "a write failed and could not be taken back");
        assert_int_equal(disk.n_calls, 0);
        journal_free(journal);

        read_back(&after);
        assert_int_equal(after.attachments[0]->number, 1);
}

static void what_is_answered_is_synced_in_this_order(void **state) {
        _cleanup_(journal_content_done) JournalContent content = { 0 };
        Model model = empty_model();
        Journal *journal;

        disk_set(MODE_COUNT, 0, 0);
        assert_int_equal(journal_open(&journal, ".", &content), 0);
        assert_string_equal(disk.trace, "");

        /* The new file and its name, before anything is written to it. */
        assert_int_equal(record(journal, 1, 0, &model, NULL), 0);
        assert_string_equal(disk.trace, "uwfrf"
                                        "wd");

        disk_set(MODE_COUNT, 0, 0);
        assert_int_equal(record(journal, 2, 0, &model, NULL), 0);
        assert_string_equal(disk.trace, "wd");

        disk_set(MODE_ONCE, 2, EIO);
        assert_int_equal(record(journal, 3, 0, &model, NULL), JOURNAL_FAILED);
        assert_string_equal(disk.trace, "wd"
                                        "td");
        journal_free(journal);
}

static void a_directory_that_cannot_be_synced_ends_all_writing(void **state) {
        _cleanup_(journal_content_done) JournalContent content = { 0 };
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        Model model = empty_model();
        Journal *journal;

        disk_set(MODE_COUNT, 0, 0);
        assert_int_equal(journal_open(&journal, ".", &content), 0);
        disk_set(MODE_ONCE, strlen("uwfrf"), EIO);
        assert_int_equal(record(journal, 1, 0, &model, &refusal), JOURNAL_FAILED);
        assert_string_equal(journal_problem(journal), "the state directory could not be synced");
        assert_int_equal(record(journal, 2, 0, &model, &refusal), JOURNAL_FAILED);
        assert_string_equal(refusal.text, "the journal is not written to: "
                                          "the state directory could not be synced");
        journal_free(journal);
}

static void a_full_disk_is_named_and_left_as_it_was(void **state) {
        _cleanup_(journal_content_done) JournalContent content = { 0 };
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        Model model = empty_model();
        Journal *journal;
        size_t size;

        disk_set(MODE_COUNT, 0, 0);
        assert_int_equal(journal_open(&journal, ".", &content), 0);
        assert_int_equal(record(journal, 1, 0, &model, NULL), 0);
        size = made_file_size("journal");

        disk_set(MODE_ONCE, 1, ENOSPC);
        assert_int_equal(record(journal, 2, 0, &model, &refusal), JOURNAL_FAILED);
        assert_string_equal(refusal.text, "the journal cannot be written: No space left on device");
        assert_null(journal_problem(journal));
        assert_int_equal(made_file_size("journal"), size);
        journal_free(journal);
}

#define TEST(function) cmocka_unit_test_setup(function, made_directory_empty)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(one_failing_call_costs_at_most_the_record_that_was_refused),
                TEST(death_at_any_call_keeps_all_that_was_accepted),
                TEST(a_sync_that_fails_again_ends_all_writing),
                TEST(what_is_answered_is_synced_in_this_order),
                TEST(a_directory_that_cannot_be_synced_ends_all_writing),
                TEST(a_full_disk_is_named_and_left_as_it_was),
        };

        log_set_level(LOG_CRIT);
        return cmocka_run_group_tests(tests, made_directory_enter, made_directory_leave);
}
