/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Taking back: from the running domain first, from the definition when it has left that. The
 * continuation stands below what began it.
 */
#include <errno.h>
#include <string.h>

#include "manager-internal.h"
#include "util/log.h"
#include "util/vector.h"

static void on_detach_done(void *userdata, uint32_t number, const HypervisorOutcome *outcome);

/* Takes back what libvirt has: from the running domain first, from the definition when it has left that. */
int manager_call_detach(Manager *manager, Attachment *attachment) {
        const DomainFacts *facts =
                domains_find_uuid(&manager->registry.domains, attachment->domain_uuid);
        bool live = attachment->live, config = !attachment->live && attachment->config;
        Activity *activity = manager_activity(manager, attachment->number);

        /*
         * Nothing is seen there: a call of a dead daemon may still be under way inside libvirt, which runs
         * changes of one domain one after the other. Asking for the devices comes behind it.
         */
        if (!live && !config) {
                live = facts && facts->running && attachment->wants_live;
                config = facts && facts->persistent && !live;
        }

        /* If it cannot be asked now, it is tried again. */
        manager_attend(manager, attachment->number);
        activity->refused = false;
        return manager_call_hypervisor(manager, attachment, manager->hypervisor->operations->detach,
                                       on_detach_done,
                                       (CallScope){ .live = live, .config = config });
}

int manager_take_back(Manager *manager, Attachment *attachment) {
        if (attachment->state == ATTACHMENT_ENDED)
                return manager_give_back(manager, attachment);
        return manager_call_detach(manager, attachment);
}

int manager_detach(Manager *manager, uint32_t number, uint64_t wait_usec, ManagerDone done,
                   void *userdata, Refusal *refusal) {
        Attachment *attachment = registry_find_attachment(&manager->registry, number);
        AttachmentState before;
        int r;

        if (!attachment)
                return refuse(refusal, ATTACHMENT_UNKNOWN, "There is no attachment %u", number);
        if (!manager->connected)
                return refuse(refusal, HYPERVISOR_UNAVAILABLE, "No connection to %s",
                              manager_uri(manager));
        if (attachment->state == ATTACHMENT_ATTACHING || attachment->state == ATTACHMENT_UNDECIDED)
                return refuse(refusal, ATTACHMENT_BUSY, "Attachment %u is still being attached",
                              number);

        if (manager_is_taken_back(attachment)) {
                r = manager_open_call(manager, number, true, wait_usec, done, userdata);
                /* A guest that was not ready then may be now. If it cannot be asked, the next look does. */
                if (r == 0 && !manager_activity(manager, number)->working)
                        (void) manager_take_back(manager, attachment);
                return r;
        }

        before = attachment->state;
        r = manager_open_call(manager, number, true, wait_usec, done, userdata);
        if (r < 0)
                return r;

        attachment->state =
                attachment_step(before, EVENT_DETACH_ASKED, attachment_holding(attachment)).state;
        r = journal_put_attachment(manager->journal, attachment, refusal);
        if (r == 0)
                r = manager_call_detach(manager, attachment);
        if (r != 0) {
                _cleanup_(refusal_done) Refusal ignored = { 0 };

                manager_close_last_call(manager, number);
                attachment->state = before;
                (void) manager_record(
                        manager, attachment,
                        &ignored); /* when it was the journal that failed, it says the same still */
                return r;
        }

        registry_touch_attachment(&manager->registry, attachment, ATTACHMENT_STATE);
        return 0;
}

static void on_detach_done(void *userdata, uint32_t number, const HypervisorOutcome *outcome) {
        Manager *manager = userdata;
        Attachment *attachment = registry_find_attachment(&manager->registry, number);
        Activity *activity = manager_activity(manager, number);
        char uuid[UUID_TEXT_SIZE];

        if (!attachment)
                return;

        activity->working = false;
        /*
         * Without a connection nothing is known; after the next reconcile libvirt is asked again. A call that hung may
         * end only after that, and is then asked for by look_after().
         */
        if (outcome->verdict == HYPERVISOR_UNAVAILABLE) {
                manager_attend(manager, number);
                return;
        }

        if (outcome->verdict != 0) {
                manager_attend(manager, number);
                activity->refused = true;
                if (facts_set(&attachment->last_error, outcome->text) == 0)
                        registry_touch_attachment(&manager->registry, attachment,
                                                  ATTACHMENT_LAST_ERROR);
                if (attachment->state == ATTACHMENT_DETACHING) {
                        activity_remember(activity, outcome->verdict, outcome->text);
                        manager_advance(manager, attachment, EVENT_GUEST_REFUSED);
                        return;
                }
        }

        memcpy(uuid, attachment->domain_uuid, sizeof(uuid));
        /* If it is not known what has become of it, it is looked at, and asked for, again. */
        (void) manager_observe_attachment(manager, attachment, EVENT_DETACH_RETURNED);
        manager_continue_with_definition(manager, uuid);
}
