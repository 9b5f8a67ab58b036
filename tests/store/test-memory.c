/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory runs out at each allocation of a run, ours and jansson's. The linker puts the functions below
 * in the place of the C library's (--wrap), as far as our own code calls them.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <syslog.h>

#include "failing-memory.h"
#include "made-store.h"
#include "store/config.h"
#include "store/journal.h"
#include "util/log.h"
#include "util/text.h"

FILE *__real_open_memstream(char **ret, size_t *ret_size);

FILE *__wrap_open_memstream(char **ret, size_t *ret_size);

FILE *__wrap_open_memstream(char **ret, size_t *ret_size) {
        return memory_fails() ? NULL : __real_open_memstream(ret, ret_size);
}

/* Runs @run with each of its allocations failing, until it succeeds without one. */
static void sweep(int (*run)(void)) {
        for (int n = 0;; n++) {
                int r;

                memory_fail_after(n);
                r = run();

                if (!memory_has_failed()) {
                        assert_int_equal(made_directory_empty(NULL), 0);
                        assert_int_equal(r, 0);
                        assert_true(n > 2);
                        return;
                }
                assert_int_equal(made_directory_empty(NULL), 0);
                if (r != -ENOMEM && r != 0)
                        fail_msg("the allocation after %d fails: the answer is %d", n, r);
        }
}

/* Makes a file with nothing allocated on the test's account. */
static void make_config(const char *text) {
        memory_rest(true);
        made_text("a.conf", text);
        memory_rest(false);
}

static int load(const char *text, Refusal *refusal) {
        _cleanup_(config_freep) Config *config = NULL;
        int r;

        make_config(text);
        r = config_load((char *[]){ (char *) "a.conf", NULL }, &config, refusal);
        assert_true((r == 0) == (config != NULL));
        return r;
}

static int load_all_there_is(void) {
        _cleanup_(refusal_done) Refusal refusal = { 0 };

        return load(
                "[Service]\nLibvirtUri=x\n[Pool p]\nDescription=d\nMatch=vendor_id=8086\n"
                "[Alias n]\nMatch=bus=4.\nUnit=slot\n"
                "[pci]\ndevice_spec = [{\"address\": \"1:\", \"trusted\": 1}, {}]\n"
                "alias = {\"name\": \"a\", \"vendor_id\": \"8086\", \"live_migratable\": true}\n"
                "alias = {\"name\": \"a\",\n  \"device_type\": \"type-PF\"}\n",
                &refusal);
}

/* An error stays the error that it is, or becomes -ENOMEM. */
static int refuse_all_there_is(void) {
        static const char *const texts[] = {
                "[Servce]\n",
                "[Pool a]\nMach=x\n",
                "[pci]\ndevice_spec={\"vendor\":1}\n",
                "[pci]\nalias={\"name\":\"\"}\n",
                "[Pool a]\nMatch=class=7\n",
                "[Pool -]\n",
        };

        for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
                _cleanup_(refusal_done) Refusal refusal = { 0 };
                int r = load(texts[i], &refusal);

                if (r == -ENOMEM)
                        return r;
                assert_int_equal(r, CONFIG_INVALID);
                assert_non_null(refusal.text);
        }

        return 0;
}

static int find_files(void) {
        _cleanup_(list_freep) char **files = NULL;
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        int r;

        memory_rest(true);
        made_text("hostdevd.conf", "x");
        memory_rest(false);
        r = config_files("/nowhere", ".", &files, &refusal);
        assert_true(r == 0 || files == NULL);
        return r;
}

/* What the journal could not write for want of memory is not there, and what it wrote is. */
static int write_journal(void) {
        _cleanup_(journal_content_done) JournalContent before = { 0 }, after = { 0 };
        _cleanup_(attachment_freep) Attachment *attachment = NULL;
        _cleanup_(pool_freep) Pool *pool = NULL;
        _cleanup_(alias_freep) Alias *alias = NULL;
        _cleanup_(journal_freep) Journal *journal = NULL;
        int opened, first = -ENOMEM, second = -ENOMEM, third = -ENOMEM, fourth = -ENOMEM;

        memory_rest(true);
        attachment = made_attachment(1, ATTACHMENT_ATTACHED);
        attachment->undecided = true;
        attachment->devices[0].restore = true;
        pool = made_pool("p");
        alias = made_alias("a");
        memory_rest(false);

        opened = journal_open(&journal, ".", &before);
        if (opened != 0)
                return opened;

        first = journal_put_attachment(journal, attachment, NULL);
        second = journal_put_pool(journal, pool, NULL);
        third = journal_put_alias(journal, alias, NULL);
        fourth = journal_remove_alias(journal, "a", NULL);
        memory_rest(true);

        journal_free(TAKE(journal));
        assert_int_equal(journal_open(&journal, ".", &after), 0);
        assert_null(journal_problem(journal));
        assert_int_equal(after.n_attachments, first == 0);
        assert_int_equal(after.runtime.n_pools, second == 0);
        assert_int_equal(after.runtime.n_aliases, third == 0 && fourth != 0);

        memory_rest(false);
        return first ?: second ?: third ?: fourth;
}

static int replay_journal(void) {
        _cleanup_(journal_content_done) JournalContent before = { 0 }, after = { 0 };
        _cleanup_(attachment_freep) Attachment *attachment = NULL;
        _cleanup_(pool_freep) Pool *pool = NULL;
        _cleanup_(alias_freep) Alias *alias = NULL;
        _cleanup_(journal_freep) Journal *journal = NULL;
        int r;

        memory_rest(true);
        attachment = made_attachment(1, ATTACHMENT_ATTACHED);
        pool = made_pool("p");
        alias = made_alias("a");
        assert_int_equal(journal_open(&journal, ".", &before), 0);
        assert_int_equal(journal_put_attachment(journal, attachment, NULL), 0);
        assert_int_equal(journal_put_given_up(journal, attachment, NULL), 0);
        assert_int_equal(journal_put_pool(journal, pool, NULL), 0);
        assert_int_equal(journal_put_alias(journal, alias, NULL), 0);
        journal_free(TAKE(journal));
        memory_rest(false);

        r = journal_open(&journal, ".", &after);
        if (r == 0) {
                assert_null(journal_problem(journal));
                assert_int_equal(after.n_attachments, 1);
                assert_int_equal(after.n_given_up, 1);
        }
        return r;
}

static void loading_survives(void **state) {
        sweep(load_all_there_is);
}

static void refusing_survives(void **state) {
        sweep(refuse_all_there_is);
}

static void finding_files_survives(void **state) {
        sweep(find_files);
}

static void writing_the_journal_survives(void **state) {
        sweep(write_journal);
}

static void reading_the_journal_survives(void **state) {
        sweep(replay_journal);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(loading_survives),
                cmocka_unit_test(refusing_survives),
                cmocka_unit_test(finding_files_survives),
                cmocka_unit_test(writing_the_journal_survives),
                cmocka_unit_test(reading_the_journal_survives),
        };

        log_set_level(LOG_CRIT);
        return cmocka_run_group_tests(tests, made_directory_enter, made_directory_leave);
}
