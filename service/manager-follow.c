/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What becomes of attachments between calls: what libvirt and the host say of their devices is
 * compared with what was meant, and what takes time is looked after.
 */
#include <errno.h>
#include <string.h>

#include "manager-internal.h"
#include "util/log.h"
#include "util/text.h"

/* What is not known changes nothing. */
static bool is_domain_known(const Manager *manager, const Attachment *attachment) {
        return domains_is_current(&manager->registry.domains, attachment->domain_uuid);
}

bool manager_observe_attachment(Manager *manager, Attachment *attachment, AttachmentEvent event) {
        const DomainFacts *facts =
                domains_find_uuid(&manager->registry.domains, attachment->domain_uuid);
        uint32_t properties = 0;
        int r;

        if (!is_domain_known(manager, attachment))
                return false;

        r = attachment_observe(attachment, facts, &properties);
        if (r < 0) {
                log_error("Out of memory; attachment %u is looked at later", attachment->number);
                return false;
        }

        registry_touch_attachment(&manager->registry, attachment, properties);
        manager_advance(manager, attachment, event);
        return true;
}

/* Calls manager_observe_attachment() for the attachments of a domain (NULL: all), of which each may end meanwhile. */
static void observe_each(Manager *manager, const char *domain_uuid) {
        Attachment *attachment = NULL;
        uint32_t number = 0;

        while ((attachment = registry_next_attachment(&manager->registry, number))) {
                number = attachment->number;
                if (!domain_uuid || strcmp(attachment->domain_uuid, domain_uuid) == 0)
                        (void) manager_observe_attachment(manager, attachment, EVENT_OBSERVED);
        }
}

bool manager_is_taken_back(const Attachment *attachment) {
        return attachment->state == ATTACHMENT_DETACHING ||
               attachment->state == ATTACHMENT_TAKING_BACK ||
               attachment->state == ATTACHMENT_LETTING_GO || attachment->state == ATTACHMENT_ENDED;
}

/* The running domain has let go of everything, the definition has not: it is next. */
void manager_continue_with_definition(Manager *manager, const char *domain_uuid) {
        uint64_t now_usec = manager_now(manager);

        for (size_t i = 0; i < manager->registry.n_attachments; i++) {
                Attachment *attachment = manager->registry.attachments[i];
                Activity *activity = manager_activity(manager, attachment->number);

                if (activity->refused && now_usec < activity->ask_usec)
                        continue;
                if (strcmp(attachment->domain_uuid, domain_uuid) != 0 ||
                    !manager_is_taken_back(attachment))
                        continue;
                if (activity->working || attachment->live || !attachment->config)
                        continue;
                if (manager_call_detach(manager, attachment) < 0)
                        log_error("Cannot take attachment %u out of the definition",
                                  attachment->number);
        }
}

void manager_observe_domain(Manager *manager, const char *domain_uuid) {
        observe_each(manager, domain_uuid);
        manager_continue_with_definition(manager, domain_uuid);
}

/*
 * What was chosen has left the host before libvirt has given it. Whatever stands there by then was never
 * chosen: libvirt is not called, or what it gives is taken back.
 */
static void give_up_intent(Manager *manager, const Attachment *attachment, Address address) {
        _cleanup_(freep) char *sentence = NULL;
        char text[ADDRESS_TEXT_SIZE];

        if (attachment->state != ATTACHMENT_ATTACHING ||
            !attachment_find(attachment, address)->gone)
                return;

        sentence = text_print("%s has left the host", address_format(address, text));
        activity_remember(manager_activity(manager, attachment->number), DEVICES_NOT_ENOUGH,
                          sentence ?: "A device has left the host");
        manager->hypervisor->operations->give_up(manager->hypervisor, attachment->number);
}

void manager_observe_held(Manager *manager, Address address) {
        /* As long as libvirt has not said what it holds, the host alone decides nothing. */
        if (!manager->reconciled)
                return;

        for (size_t i = 0; i < manager->registry.n_attachments; i++) {
                Attachment *attachment = manager->registry.attachments[i];

                if (!attachment_find(attachment, address))
                        continue;

                give_up_intent(manager, attachment, address);
                if (is_domain_known(manager, attachment))
                        manager_advance(manager, attachment, EVENT_OBSERVED);
                return;
        }
}

void manager_resume(Manager *manager) {
        observe_each(manager, NULL);

        for (size_t i = 0; i < manager->registry.n_attachments; i++) {
                Attachment *attachment = manager->registry.attachments[i];

                if (!manager_is_taken_back(attachment) ||
                    manager_activity(manager, attachment->number)->working)
                        continue;
                if (manager_take_back(manager, attachment) < 0)
                        log_error("Cannot go on with taking back attachment %u",
                                  attachment->number);
        }
}

void manager_removal_failed(Manager *manager, const char *domain_uuid, const char *alias) {
        static const char text[] = "The guest refused to give the device back";
        Attachment *attachment;
        Activity *activity;
        uint32_t number, index;

        if (!attachment_alias_parse(alias, &number, &index))
                return;

        attachment = registry_find_attachment(&manager->registry, number);
        if (!attachment || strcmp(attachment->domain_uuid, domain_uuid) != 0)
                return;

        activity = manager_activity(manager, number);
        if (attachment->state == ATTACHMENT_DETACHING)
                activity_remember(activity, DETACH_REFUSED, text);
        if (facts_set(&attachment->last_error, text) == 0)
                registry_touch_attachment(&manager->registry, attachment, ATTACHMENT_LAST_ERROR);
        manager_advance(manager, attachment, EVENT_GUEST_REFUSED);
}

/* The time of a call is over. What it asked for goes on. */
static void answer_overdue(Manager *manager, const Attachment *attachment, uint64_t now_usec) {
        const Activity *activity = manager_activity(manager, attachment->number);
        _cleanup_(freep) char *text = NULL;
        uint32_t number = attachment->number;

        manager_answer(manager, number, CALLS_DETACH, now_usec, OUTCOME_PENDING,
                       "The guest has not given the devices back yet; it goes on");

        if (!manager_is_taken_back(attachment)) {
                manager_answer(manager, number, CALLS_ATTACH, now_usec, OUTCOME_PENDING,
                               "libvirt has not answered yet; it goes on");
                return;
        }

        text = text_print("%s; attachment %u is still being taken back from the guest",
                          activity->text ?: "Refused", number);
        manager_answer(manager, number, CALLS_ATTACH, now_usec,
                       activity->verdict ?: HYPERVISOR_REFUSED, text ?: activity->text);
}

/* What was given may be seen too, where it could not be read at first. */
static bool is_awaited(const Attachment *attachment) {
        return manager_is_taken_back(attachment) || attachment->state == ATTACHMENT_UNDECIDED;
}

static void look_after(Manager *manager, Attachment *attachment, uint64_t now_usec) {
        Activity *activity = manager_activity(manager, attachment->number);

        if (!manager->reconciled || !is_awaited(attachment)) {
                activity->look_usec = UINT64_MAX;
                return;
        }

        activity->look_usec = now_usec + MANAGER_LOOK_USEC;
        if (activity->working)
                return;

        if (activity->ask_usec <= now_usec && manager_is_taken_back(attachment)) {
                (void) manager_take_back(manager, attachment); /* tried again at the next look */
                return;
        }
        (void) manager->hypervisor->operations->refresh(manager->hypervisor,
                                                        attachment->domain_uuid);
}

void manager_tick(Manager *manager) {
        uint64_t now_usec = manager_now(manager);

        manager_take_missed(manager);

        for (size_t i = 0; i < manager->registry.n_attachments; i++) {
                Attachment *attachment = manager->registry.attachments[i];
                const Activity *activity = manager_activity(manager, attachment->number);

                if (activity->look_usec <= now_usec)
                        look_after(manager, attachment, now_usec);
                answer_overdue(manager, attachment, now_usec);
        }
}
