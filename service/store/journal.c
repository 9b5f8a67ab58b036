/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/journal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "store/journal-file.h"
#include "store/journal-line.h"
#include "store/journal-records.h"
#include "store/journal-replay.h"
#include "store/journal-table.h"
#include "store/json-text.h"
#include "util/log.h"
#include "util/text.h"

enum {
        COMPACT_MIN = 64 /* records; a smaller file is not worth the trouble */
};

struct Journal {
        int directory, lock, fd; /* fd: −1 as long as there is no file */
        JournalTable table;
        size_t n_records; /* in the file, overtaken ones too */
        off_t end;        /* of the valid records; 0: the file is to be written anew */
        char *problem;
};

Journal *journal_free(Journal *journal) {
        if (!journal)
                return NULL;

        journal_table_done(&journal->table);
        free(journal->problem);
        closep(&journal->fd);
        closep(&journal->lock);
        closep(&journal->directory);
        free(journal);
        return NULL;
}

const char *journal_problem(const Journal *journal) {
        return journal->problem;
}

void journal_content_done(JournalContent *content) {
        for (size_t i = 0; i < content->n_attachments; i++)
                attachment_free(content->attachments[i]);
        free(content->attachments);
        for (size_t i = 0; i < content->n_given_up; i++)
                attachment_free(content->given_up[i]);
        free(content->given_up);
        catalog_done(&content->runtime);
        *content = (JournalContent){ 0 };
}

/* Says why the file is not used. 0 or -ENOMEM. */
static int give_up(Journal *journal, const char *text) {
        free(journal->problem);
        journal->problem = strdup(text);
        return journal->problem ? 0 : -ENOMEM;
}

int journal_open(Journal **ret, const char *directory, JournalContent *ret_content) {
        _cleanup_(journal_content_done) JournalContent content = { 0 };
        _cleanup_(journal_freep) Journal *journal = NULL;
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        _cleanup_(freep) char *text = NULL;
        size_t size = 0, end = 0;
        int r;

        journal = calloc(1, sizeof(*journal));
        if (!journal)
                return -ENOMEM;
        journal->directory = journal->lock = journal->fd = -1;

        r = journal_directory_open(directory, &journal->directory, &journal->lock);
        if (r < 0)
                return r;
        r = journal_file_open(directory, journal->directory, &journal->fd, &text, &size);
        if (r < 0)
                return r;

        r = journal_replay(text ?: "", size, &journal->table, &journal->n_records, &end, &content,
                           &refusal);
        if (r < 0)
                return r;
        journal->end = (off_t) end;

        /* What is wrong is the caller's to tell: he knows what it means for the service. */
        if (r > 0) {
                journal->problem = TAKE(refusal.text);
                journal_content_done(&content);
                content.next_attachment = 1;
        }

        *ret = TAKE(journal);
        *ret_content = content;
        content = (JournalContent){ 0 };
        return 0;
}

/* Puts a new file with only what is live in the place of the old. 0 or negative errno. */
static int rewrite(Journal *journal) {
        _cleanup_(freep) char *text = NULL;
        bool broken = false;
        size_t size = 0;
        int fd, r;

        r = journal_table_print(&journal->table, &text, &size);
        if (r < 0)
                return r;
        r = journal_file_replace(journal->directory, text, size, &fd, &broken);
        if (r < 0)
                return r;

        closep(&journal->fd);
        journal->fd = fd;
        journal->end = (off_t) size;
        journal->n_records = journal->table.n_items;
        if (!broken)
                return 0;

        /* After a crash the old file might be back: what is written from now on would then be lost. */
        log_error("the state directory cannot be synced: nothing more is written to the journal");
        r = give_up(journal, "the state directory could not be synced");
        return r < 0 ? r : -EIO;
}

static void compact(Journal *journal) {
        int r;

        if (journal->n_records < COMPACT_MIN || journal->n_records <= journal->table.n_items * 2)
                return;

        /* The old file has everything too, so this is not the caller's trouble. */
        r = rewrite(journal);
        if (r < 0 && !journal->problem)
                log_warning("the journal cannot be written anew, it goes on growing: %s",
                            strerror(-r));
}

static int refuse_write(Refusal *refusal, int error) {
        if (error == -ENOMEM)
                return -ENOMEM;
        return refuse(refusal, JOURNAL_FAILED, "the journal cannot be written: %s",
                      strerror(-error));
}

static int write_line(Journal *journal, const char *line, Refusal *refusal) {
        size_t size = strlen(line);
        bool broken = false;
        int r = 0;

        if (journal->end == 0)
                r = rewrite(journal);
        if (r == 0)
                r = journal_file_append(journal->fd, journal->end, line, size, &broken);
        if (broken) {
                log_error("the journal cannot be written, nor what was written taken back: nothing "
                          "more is written to it");
                if (give_up(journal, "a write failed and could not be taken back") < 0)
                        return -ENOMEM;
        }
        if (r < 0)
                return refuse_write(refusal, r);

        journal->end += (off_t) size;
        return 0;
}

/* Makes {"key":KEY,"put":VALUE} durable, or {"key":KEY} when @value is NULL. */
static int append(Journal *journal, const char *key, json_t *value, Refusal *refusal) {
        _cleanup_(journal_record_done) JournalRecord new = { 0 };
        _cleanup_(freep) char *json = NULL, *line = NULL;
        json_auto_t *record = json_pack("{s:s, s:O*}", "key", key, "put", value);
        int r;

        if (journal->problem)
                return refuse(refusal, JOURNAL_FAILED, "the journal is not written to: %s",
                              journal->problem);

        r = record ? json_text_print(record, &json) : -ENOMEM;
        if (r < 0)
                return r;
        line = journal_line_new(json);
        if (!line)
                return -ENOMEM;

        /* All memory first: what is on the disk is to be known here too. */
        r = journal_record_new(&new, key, value ? line : NULL, strlen(line));
        if (r < 0)
                return r;
        r = journal_table_reserve(&journal->table);
        if (r < 0)
                return r;

        r = write_line(journal, line, refusal);
        if (r != 0)
                return r;

        journal_table_put(&journal->table, new);
        new = (JournalRecord){ 0 };
        journal->n_records++;
        compact(journal);
        return 0;
}

static int append_named(Journal *journal, const char *kind, const char *name, json_t *value,
                        Refusal *refusal) {
        _cleanup_(freep) char *key = text_print("%s/%s", kind, name);

        return key ? append(journal, key, value, refusal) : -ENOMEM;
}

static int append_numbered(Journal *journal, const char *kind, uint32_t number, json_t *value,
                           Refusal *refusal) {
        char name[sizeof("4294967295")];

        (void) snprintf(name, sizeof(name), "%" PRIu32, number);
        return append_named(journal, kind, name, value, refusal);
}

int journal_put_attachment(Journal *journal, const Attachment *attachment, Refusal *refusal) {
        json_auto_t *value = NULL;
        int r;

        r = record_from_attachment(attachment, &value, refusal);
        return r != 0 ? r
                      : append_numbered(journal, "attachment", attachment->number, value, refusal);
}

int journal_end_attachment(Journal *journal, uint32_t number, Refusal *refusal) {
        return append_numbered(journal, "attachment", number, NULL, refusal);
}

int journal_put_given_up(Journal *journal, const Attachment *attachment, Refusal *refusal) {
        json_auto_t *value = NULL;
        int r;

        r = record_from_attachment(attachment, &value, refusal);
        return r != 0 ? r
                      : append_numbered(journal, "given-up", attachment->number, value, refusal);
}

int journal_remove_given_up(Journal *journal, uint32_t number, Refusal *refusal) {
        return append_numbered(journal, "given-up", number, NULL, refusal);
}

int journal_put_pool(Journal *journal, const Pool *pool, Refusal *refusal) {
        json_auto_t *value = NULL;
        int r;

        r = record_from_pool(pool, &value, refusal);
        return r != 0 ? r : append_named(journal, "pool", pool->name, value, refusal);
}

int journal_remove_pool(Journal *journal, const char *name, Refusal *refusal) {
        return append_named(journal, "pool", name, NULL, refusal);
}

int journal_put_alias(Journal *journal, const Alias *alias, Refusal *refusal) {
        json_auto_t *value = NULL;
        int r;

        r = record_from_alias(alias, &value, refusal);
        return r != 0 ? r : append_named(journal, "alias", alias->name, value, refusal);
}

int journal_remove_alias(Journal *journal, const char *name, Refusal *refusal) {
        return append_named(journal, "alias", name, NULL, refusal);
}
