/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Journal: what was meant, durable before it is acted on: attachments, and the pools and aliases
 * that were added at run time.
 *
 * One file of checksummed lines in the state directory. A record is synced before the call that
 * wrote it returns. A torn last record is legal and dropped; any other damage, or a newer version,
 * leaves the file untouched and every write refused. When most of its records are
 * overtaken, the file is written anew beside itself and renamed.
 *
 * How the format may grow: a reader refuses every kind of record and every field that it does not know,
 * as it refuses a newer version, for acting on half of what was meant would be worse than not
 * acting. So a field that is added later must be optional for the reader, who then knows what its absence
 * means, and is written only where it says something; and whatever gives another meaning to what is there
 * already raises the version.
 */
#pragma once

#include "core/attachment.h"
#include "core/pool.h"
#include "core/verdict.h"

typedef struct Journal Journal;

/* What a replay found. Everything in it is the caller's. */
typedef struct JournalContent {
        Attachment *
                *attachments; /* by number; state as recorded: ATTACHING means without outcome */
        size_t n_attachments;
        Attachment **given_up; /* the oldest first; a number may be among the attachments too */
        size_t n_given_up;
        uint32_t next_attachment; /* above every number in the file, at least 1 */
        Catalog runtime; /* pools and aliases with SOURCE_RUNTIME, in the order they were added */
} JournalContent;

void journal_content_done(JournalContent *content);

/**
 * journal_open() - lock the state directory, read the journal
 * @directory: of the service; must exist, belong to us and be writable by nobody else
 * @ret:       also given for a damaged journal: then journal_problem() says what is wrong and every write is refused
 * @content:   what stands in it; empty for a new or a damaged one
 *
 * Return: 0; -EBUSY when another daemon holds the directory; another negative errno.
 */
int journal_open(Journal **ret, const char *directory, JournalContent *content);
Journal *journal_free(Journal *journal); /* NULL is fine; always returns NULL */
DEFINE_CLEANUP(Journal *, journal_free);

/* What is wrong with the file, in a sentence; NULL when nothing is. */
const char *journal_problem(const Journal *journal);

/*
 * Each: 0 when the record is on the disk; JOURNAL_FAILED (with its reason) when it is not, and then the
 * file ends where it ended before, or every later write is refused too; -ENOMEM.
 */
int journal_put_attachment(Journal *journal, const Attachment *attachment, Refusal *refusal);
int journal_end_attachment(Journal *journal, uint32_t number, Refusal *refusal);
/* One that has ended, and whose devices libvirt may bring all the same; and that is no more to be minded. */
int journal_put_given_up(Journal *journal, const Attachment *attachment, Refusal *refusal);
int journal_remove_given_up(Journal *journal, uint32_t number, Refusal *refusal);
int journal_put_pool(Journal *journal, const Pool *pool, Refusal *refusal);
int journal_remove_pool(Journal *journal, const char *name, Refusal *refusal);
int journal_put_alias(Journal *journal, const Alias *alias, Refusal *refusal);
int journal_remove_alias(Journal *journal, const char *name, Refusal *refusal);
