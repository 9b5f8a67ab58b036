/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Audit: who asked for what, what was decided, and how it ended, as records of the journal.
 *
 * A record is a set of fields; what anybody else wrote is only ever the value of one, on one line, no longer than
 * AUDIT_VALUE_MAX bytes: what text_is_line() does not let pass, and the backslash, stand there as \xNN. Without a
 * journal the fields go to stderr as one line. A journal that does not read is not waited for: what it has no
 * room for is lost, and the next record that it takes says how many were (HOSTDEVD_LOST).
 *
 * There is no login uid in it: the bus does not know it, and what a process number says of a caller may be about
 * another process by the time it is read.
 */
#pragma once

#include <stdint.h>

#include "util/text.h"

/* An answer to the question whether the caller may: granted, not-authorized, refused. */
#define AUDIT_DECIDED_ID "b100805700824afd8bcfe28fc511ef2a"
/* How a call that was granted ended: done, dry-run, failed, pending, left; what was pending has another at its end. */
#define AUDIT_ENDED_ID "31060f43a1b3494da1ea9579abd144ff"

typedef enum AuditResult {
        AUDIT_GRANTED,
        AUDIT_NOT_AUTHORIZED, /* by polkit */
        AUDIT_REFUSED,        /* by a rule of ours: the error names it */
        AUDIT_DONE,
        AUDIT_DRY_RUN, /* as done, and nothing was changed */
        AUDIT_FAILED,
        AUDIT_PENDING, /* it goes on: bus/later.h */
        AUDIT_LEFT,    /* the caller left the bus before the answer: nothing was done */
        _AUDIT_RESULT_END,
} AuditResult;

enum {
        AUDIT_ARGUMENTS = 2,
        AUDIT_VALUE_MAX = 2048
};

/* All texts are borrowed, as they came; NULL: not known. */
typedef struct AuditRecord {
        AuditResult result;
        const char *method, *object;
        const char *caller; /* unique name */
        uint32_t uid;
        const char *arguments[AUDIT_ARGUMENTS];
        char *const *details; /* what polkit is shown, keys and values by turns */
        const char *reason;
        const char *error, *text; /* of the answer */
        const char *attachment;   /* path */
        uint64_t usec;            /* since the call came */
        bool was_pending;         /* it was answered so, and has ended now */
        unsigned n_unrecorded;    /* refusals of this uid that had no record of their own */
} AuditRecord;

/* What it means to be answered with this error. */
AuditResult audit_result_of(const char *error);

/* The fields, each "NAME=value" on one line. 0 or -ENOMEM. */
int audit_encode(const AuditRecord *record, char ***ret);

/* Writes it; what cannot be written is told on stderr. */
void audit_write(const AuditRecord *record);

/*
 * Who is refused again and again must not drown what others are granted (the journal drops what is too much of a
 * service): of each uid AUDIT_REFUSALS_MAX refusals have a record in AUDIT_WINDOW_USEC, the rest are counted.
 */
enum {
        AUDIT_REFUSALS_MAX = 100,
        AUDIT_WINDOW_USEC = 30 * 1000000,
        AUDIT_QUOTAS = 64
};

typedef struct AuditQuota {
        bool used;
        uint32_t uid;
        unsigned n_recorded, n_unrecorded;
        uint64_t begin_usec; /* of the window */
} AuditQuota;

/**
 * audit_may_refuse() - is there room for a record of a refusal?
 * @quotas:          zeroed at first
 * @ret_unrecorded:  how many had none before this one
 *
 * When more than AUDIT_QUOTAS users are refused at a time, the rest of them share one.
 */
bool audit_may_refuse(AuditQuota quotas[static AUDIT_QUOTAS], uint32_t uid, uint64_t now_usec,
                      unsigned *ret_unrecorded);
