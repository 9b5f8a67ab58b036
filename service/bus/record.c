/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What of a call goes on record (audit.h).
 */
#include "bus/call.h"
#include "util/clock.h"

/*
 * What the caller wrote first. It may have been nothing of the kind: then there is nothing to show. A handler has
 * read all of its message before it asks for authorization, so that nobody misses his place in it.
 */
void record_arguments(const Call *call, const char *arguments[static AUDIT_ARGUMENTS]) {
        if (sd_bus_message_rewind(call->message, true) < 0)
                return;

        for (size_t i = 0; i < AUDIT_ARGUMENTS; i++)
                if (sd_bus_message_read_basic(call->message, 's', &arguments[i]) <= 0) {
                        arguments[i] = NULL;
                        return;
                }
}

/* A call that changes nothing is no decision. */
void call_record(Call *call, AuditResult result, const sd_bus_error *error,
                 const char *attachment) {
        AuditRecord record = {
                .result = result,
                .method = sd_bus_message_get_member(call->message),
                .object = sd_bus_message_get_path(call->message),
                .caller = sd_bus_message_get_sender(call->message),
                .uid = call->uid,
                .details = call->shown,
                .reason = call->reason,
                .error = error ? error->name : NULL,
                .text = error ? error->message : NULL,
                .attachment = attachment,
                .usec = clock_monotonic_usec() - call->began_usec,
        };

        if (call->actions == 0)
                return;
        if (call->bus && !call->granted && result != AUDIT_GRANTED &&
            !audit_may_refuse(call->bus->quotas, record.uid, clock_monotonic_usec(),
                              &record.n_unrecorded))
                return;

        record_arguments(call, record.arguments);
        audit_write(&record);
}

void call_record_grant(Call *call) {
        if (!call->granted)
                call_record(call, AUDIT_GRANTED, NULL, NULL);
        call->granted = true;
}

void call_close(Call *call, const sd_bus_error *error) {
        if (!call)
                return;

        call_record(call, error ? audit_result_of(error->name) : AUDIT_LEFT, error, NULL);
        call_free(call);
}
