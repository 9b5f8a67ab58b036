/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Strays: an attach whose outcome was never learnt (the daemon or the connection died during the call) is
 * given up when libvirt, asked for the devices back, has none. That question stands behind the call in
 * libvirt's order of work for the domain, as a rule; should the call overtake it all the same, what it
 * brings is taken out again.
 */
#include <errno.h>
#include <string.h>

#include "manager-internal.h"
#include "util/log.h"
#include "util/vector.h"

void manager_free_given_up(Manager *manager) {
        for (size_t i = 0; i < manager->n_given_up; i++)
                attachment_free(manager->given_up[i]);
        free(manager->given_up);
        manager->given_up = NULL;
        manager->n_given_up = 0;
}

/* No more minded in memory; the caller's from then on. */
static Attachment *take_out(Manager *manager, size_t i) {
        Attachment *attachment = manager->given_up[i];

        manager->n_given_up--;
        memmove(manager->given_up + i, manager->given_up + i + 1,
                (manager->n_given_up - i) * sizeof(*manager->given_up));
        return attachment;
}

static void forget_record(Manager *manager, uint32_t number) {
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        int r;

        r = journal_remove_given_up(manager->journal, number, &refusal);
        manager_mind_journal(manager, r);
        if (r != 0)
                log_warning("Attachment %u is still on record as given up: %s", number,
                            refusal.text ?: "out of memory");
}

static void forget(Manager *manager, size_t i) {
        _cleanup_(attachment_freep) Attachment *attachment = take_out(manager, i);

        forget_record(manager, attachment->number);
}

void manager_record_given_up(Manager *manager, Attachment *attachment) {
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        int r;

        /* With its domain whatever libvirt did for it is over. */
        if (!domains_find_uuid(&manager->registry.domains, attachment->domain_uuid) &&
            domains_is_current(&manager->registry.domains, attachment->domain_uuid))
                attachment->undecided = false;
        if (!attachment->undecided)
                return;

        /* A crash before the other record goes leaves both, which is as good as the first. */
        r = journal_put_given_up(manager->journal, attachment, &refusal);
        if (r != 0)
                log_error("Cannot record that attachment %u is given up: %s", attachment->number,
                          refusal.text ?: "out of memory");
}

void manager_give_up(Manager *manager, Attachment *attachment) {
        _cleanup_(attachment_freep) Attachment *given = attachment;

        /* If any come, they are as new; libvirt takes each from its driver by itself. */
        for (size_t i = 0; i < given->n_devices; i++)
                given->devices[i].left = given->devices[i].handed = false;
        given->state = ATTACHMENT_ENDED;

        if (VECTOR_APPEND(manager->given_up, manager->n_given_up, given) < 0) {
                log_error("Out of memory; attachment %u is minded again after the next start",
                          given->number);
                return;
        }

        (void) TAKE(given);
        if (manager->n_given_up > MANAGER_GIVEN_UP_MAX)
                forget(manager, 0);
}

void manager_take_given_up(Manager *manager, JournalContent *content) {
        for (size_t i = 0; i < content->n_given_up; i++) {
                Attachment *attachment = TAKE(content->given_up[i]);

                /* The daemon died between two records: it is not given up yet, or not any more. */
                if (registry_find_attachment(&manager->registry, attachment->number))
                        attachment_free(attachment);
                else
                        manager_give_up(manager, attachment);
        }
        content->n_given_up = 0;
}

/* It is an attachment again: one on its way back. */
static void take_back_stray(Manager *manager, Attachment *attachment) {
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        uint32_t number = attachment->number;
        int r;

        log_warning(
                "Domain %s has got devices of attachment %u, which was given up: they are taken "
                "back",
                attachment->domain, number);

        /* Of the others nothing is known to come; somebody else may have them by now. */
        for (size_t i = 0; i < attachment->n_devices; i++)
                attachment->devices[i].left =
                        !attachment->devices[i].live && !attachment->devices[i].config;
        attachment->state = ATTACHMENT_TAKING_BACK;

        r = registry_add_attachment(&manager->registry, attachment);
        if (r == 0)
                r = manager_add_activity(manager, number);
        if (r < 0) {
                (void) registry_remove_attachment(&manager->registry, number);
                log_error("Out of memory; attachment %u is taken back after the next start",
                          number);
                return;
        }

        /* Unless it is on record again, the other record stays. */
        if (manager_record(manager, attachment, &refusal) == 0)
                forget_record(manager, number);
        if (manager_call_detach(manager, attachment) < 0)
                log_error("Cannot take back attachment %u yet", number);
}

/* Has the domain of one that was given up any of its devices? */
static bool has_come(Manager *manager, Attachment *attachment, const DomainFacts *facts) {
        uint32_t properties;

        if (attachment_observe(attachment, facts, &properties) < 0) {
                log_error("Out of memory; attachment %u is looked at later", attachment->number);
                return false;
        }

        return attachment->live || attachment->config;
}

void manager_look_for_strays(Manager *manager, const char *domain_uuid) {
        for (size_t i = 0; i < manager->n_given_up;) {
                Attachment *attachment = manager->given_up[i];
                const DomainFacts *facts =
                        domains_find_uuid(&manager->registry.domains, attachment->domain_uuid);
                bool concerns =
                        (!domain_uuid || strcmp(domain_uuid, attachment->domain_uuid) == 0) &&
                        domains_is_current(&manager->registry.domains, attachment->domain_uuid);

                /* With its domain whatever libvirt did for it is over. */
                if (concerns && !facts)
                        forget(manager, i);
                else if (concerns && has_come(manager, attachment, facts))
                        take_back_stray(manager, take_out(manager, i));
                else
                        i++;
        }
}
