/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/later.h"

#include <stdlib.h>
#include <string.h>

#include "bus/errors.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/text.h"
#include "util/vector.h"

/* A call that has been answered, and what it was about. */
struct Later {
        uint32_t attachment, uid;
        bool detach;
        char **texts; /* method, object, caller, reason ("": none), then the arguments */
        char **details;
        uint64_t began_usec;
};

enum {
        METHOD,
        OBJECT,
        CALLER,
        REASON,
        ARGUMENTS
};

static void forget(Bus *bus, size_t i) {
        list_free(bus->later[i].texts);
        list_free(bus->later[i].details);
        memmove(bus->later + i, bus->later + i + 1, (--bus->n_later - i) * sizeof(*bus->later));
}

void later_done(Bus *bus) {
        while (bus->n_later > 0)
                forget(bus, bus->n_later - 1);
        free(bus->later);
        bus->later = NULL;
}

static bool is_known(const Bus *bus, uint32_t attachment, bool detach, uint32_t uid) {
        for (size_t i = 0; i < bus->n_later; i++)
                if (bus->later[i].attachment == attachment && bus->later[i].detach == detach &&
                    bus->later[i].uid == uid)
                        return true;
        return false;
}

static int copy_texts(const Call *call, char ***ret) {
        const char *texts[ARGUMENTS + AUDIT_ARGUMENTS + 1] = {
                [METHOD] = sd_bus_message_get_member(call->message),
                [OBJECT] = sd_bus_message_get_path(call->message),
                [CALLER] = sd_bus_message_get_sender(call->message),
                [REASON] = call->reason ?: "",
        };

        record_arguments(call, texts + ARGUMENTS);
        return list_copy((char *const *) texts, ret);
}

void later_remember(const Call *call, uint32_t attachment, bool detach) {
        Bus *bus = call->bus;
        Later later = {
                .attachment = attachment,
                .uid = call->uid,
                .detach = detach,
                .began_usec = call->began_usec,
        };
        _cleanup_(list_freep) char **texts = NULL, **details = NULL;
        int r;

        if (is_known(bus, attachment, detach, call->uid))
                return;

        r = bus->n_later < LATER_MAX ? copy_texts(call, &texts) : -ENOBUFS;
        if (r >= 0)
                r = list_copy(call->shown, &details);
        later.texts = texts;
        later.details = details;
        if (r >= 0)
                r = VECTOR_APPEND(bus->later, bus->n_later, later);
        if (r < 0) {
                log_warning("audit: the end of what was begun with attachment %" PRIu32
                            " will have no record: %s",
                            attachment, strerror(-r));
                return;
        }

        (void) TAKE(texts);
        (void) TAKE(details);
}

static void record(const Later *later, int verdict, const char *text) {
        char path[ATTACHMENT_PATH_SIZE];
        AuditRecord record = {
                .result = AUDIT_DONE,
                .was_pending = true,
                .method = later->texts[METHOD],
                .object = later->texts[OBJECT],
                .caller = later->texts[CALLER],
                .uid = later->uid,
                .details = later->details,
                .reason = *later->texts[REASON] ? later->texts[REASON] : NULL,
                .attachment = attachment_path(later->attachment, path),
                .usec = clock_monotonic_usec() - later->began_usec,
        };

        for (size_t i = 0; i < AUDIT_ARGUMENTS && later->texts[ARGUMENTS + i]; i++)
                record.arguments[i] = later->texts[ARGUMENTS + i];
        if (verdict != 0) {
                record.result = AUDIT_FAILED;
                record.error = verdict > 0 ? error_name(verdict) : SD_BUS_ERROR_FAILED;
                record.text = text;
        }
        audit_write(&record);
}

void bus_ended(Bus *bus, uint32_t attachment, bool detach, int verdict, const char *text) {
        for (size_t i = 0; i < bus->n_later;)
                if (bus->later[i].attachment == attachment && bus->later[i].detach == detach) {
                        record(&bus->later[i], verdict, text);
                        forget(bus, i);
                } else
                        i++;
}
