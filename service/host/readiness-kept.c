/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/readiness-kept.h"

#include <errno.h>

#include "util/text.h"

enum {
        ROW_TEXTS = 4
};

void readiness_kept_done(ReadinessKept *kept) {
        kept->rows = list_free(kept->rows);
        kept->subject = list_free(kept->subject);
}

/* NULL without memory. */
static char **print_subject(const ReadinessSubject *subject) {
        _cleanup_(freep) char *actions = text_print("%d", (int) subject->actions);
        _cleanup_(list_freep) char **texts = NULL;
        const char *const parts[] = {
                subject->libvirt_uri ?: "",
                subject->libvirt_is_connected ? "connected" : "",
                subject->state_directory ?: "",
                subject->journal_problem ?: "",
                actions ?: "",
                subject->actions_text ?: "",
        };

        for (size_t i = 0; i < N_ELEMENTS(parts); i++)
                if (!actions || list_append(&texts, parts[i]) < 0)
                        return NULL;
        return TAKE(texts);
}

bool readiness_is_kept(const ReadinessKept *kept, const ReadinessSubject *subject,
                       uint64_t now_usec) {
        _cleanup_(list_freep) char **texts = NULL;

        if (!kept->rows || kept->n_looks < READINESS_LOOKS ||
            now_usec - kept->begin_usec >= READINESS_KEPT_USEC)
                return false;

        texts = print_subject(subject);
        return texts && list_equal(texts, kept->subject);
}

static int keep_row(void *userdata, const char *id, const char *result, const char *evidence,
                    const char *fix) {
        const char *const texts[ROW_TEXTS] = { id, result, evidence, fix };
        ReadinessKept *kept = userdata;

        for (size_t i = 0; i < ROW_TEXTS; i++) {
                int r = list_append(&kept->rows, texts[i] ?: "");

                if (r < 0)
                        return r;
        }
        return 0;
}

int readiness_keep(ReadinessKept *kept, const ReadinessSubject *subject, uint64_t now_usec) {
        int r;

        readiness_kept_done(kept);
        kept->subject = print_subject(subject);
        r = kept->subject ? readiness_check(subject, keep_row, kept) : -ENOMEM;
        if (r < 0) {
                readiness_kept_done(kept);
                return r;
        }

        if (kept->n_looks == 0 || now_usec - kept->begin_usec >= READINESS_KEPT_USEC) {
                kept->begin_usec = now_usec;
                kept->n_looks = 0;
        }
        kept->n_looks++;
        return 0;
}

int readiness_tell(const ReadinessKept *kept, ReadinessRow row, void *userdata) {
        char *const *texts = kept->rows;
        int r = 0;

        for (; r >= 0 && texts && *texts; texts += ROW_TEXTS)
                r = row(userdata, texts[0], texts[1], texts[2], texts[3]);
        return r < 0 ? r : 0;
}
