/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Giving: intent, call, outcome. The continuation stands below what began it.
 */
#include <errno.h>
#include <string.h>

#include "manager-internal.h"
#include "util/log.h"
#include "util/vector.h"

static void on_attach_done(void *userdata, uint32_t number, const HypervisorOutcome *outcome);

/*
 * A running domain gets a group of several only when each member is at vfio-pci first. Whatever its operator put
 * there himself is left to him; what we put there and is not back yet is ours to give back.
 */
static bool is_to_be_handed(const Manager *manager, const AttachOrder *order, const Plan *plan,
                            const Device *device) {
        const Inventory *inventory = &manager->registry.inventory;
        const Device *mate = NULL;

        if (strcmp(device->facts->driver, "vfio-pci") == 0)
                return registry_was_handed_over(&manager->registry, device->address);

        while (order->live && (mate = inventory_next_in_group(inventory, device, mate)))
                for (size_t i = 0; mate != device && i < plan->n_choices; i++)
                        if (plan->choices[i].device == mate)
                                return true;

        return false;
}

/* Nova's tag: an operator who binds vfio-pci himself says managed=false. */
static bool device_is_managed(const Device *device) {
        const char *managed = device->pool_rule ? rule_tag(device->pool_rule, "managed") : NULL;

        return !managed || (strcasecmp(managed, "false") != 0 && strcasecmp(managed, "no") != 0);
}

static int attachment_from_plan(const Manager *manager, const AttachOrder *order, const Plan *plan,
                                const DomainFacts *facts, Attachment **ret) {
        _cleanup_(attachment_freep) Attachment *attachment = NULL;
        int r;

        r = attachment_new(&attachment, manager->registry.next_attachment, facts->uuid,
                           facts->name);
        if (r < 0)
                return r;

        r = facts_set(&attachment->request, order->request_text);
        if (r == 0)
                r = facts_set(&attachment->reason, order->reason);
        if (r < 0)
                return r;

        for (size_t i = 0; i < plan->n_choices; i++) {
                const Device *device = plan->choices[i].device;
                AttachedDevice attached = {
                        .address = device->address,
                        .vendor_id = device->facts->vendor_id,
                        .product_id = device->facts->product_id,
                        .subsystem_vendor_id = device->facts->subsystem_vendor_id,
                        .subsystem_product_id = device->facts->subsystem_product_id,
                        .managed = device_is_managed(device),
                };

                attached.handed = attached.managed && is_to_be_handed(manager, order, plan, device);
                attached.restore =
                        attached.handed || (attached.managed && order->live &&
                                            strcmp(device->facts->driver, "vfio-pci") != 0);
                r = VECTOR_APPEND(attachment->devices, attachment->n_devices, attached);
                if (r < 0)
                        return r;
        }

        attachment->state = ATTACHMENT_ATTACHING;
        attachment->wants_live = order->live;
        attachment->wants_config = order->config;
        attachment->owner_uid = order->owner_uid;
        attachment->created_usec = manager->ports.realtime(manager->ports.userdata);
        *ret = TAKE(attachment);
        return 0;
}

/* Nobody has seen it: not libvirt, and the signals of its coming and going cancel out. */
static void withdraw(Manager *manager, uint32_t number) {
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        int r;

        r = journal_end_attachment(manager->journal, number, &refusal);
        manager_mind_journal(manager, r);
        if (r != 0)
                log_warning("Attachment %u is ended by the next start: %s", number,
                            refusal.text ?: "");
        if (registry_remove_attachment(&manager->registry, number) < 0)
                log_error("Out of memory while attachment %u is withdrawn", number);
        manager_remove_activity(manager, number);
}

/* Numbers are given above every alias of ours that was ever seen, whoever wrote it: one may have the last. */
static int refuse_number(const Manager *manager, Refusal *refusal) {
        const Holders *holders = &manager->registry.holders;

        for (size_t i = 0; i < holders->n_items; i++)
                if (holders->items[i].domain && holders->items[i].number >= UINT32_MAX - 1)
                        return refuse(refusal, LIMIT_EXCEEDED,
                                      "No attachment number is left above alias ua-hostdev1-%u-%zu "
                                      "of domain %s: take that out and start the service again",
                                      holders->items[i].number, holders->items[i].index,
                                      holders->items[i].domain->name);

        return refuse(refusal, LIMIT_EXCEEDED, "All attachment numbers are used up");
}

int manager_check_limits(const Manager *manager, uint32_t uid, Refusal *refusal) {
        const Registry *registry = &manager->registry;
        size_t n = 0;

        if (registry->next_attachment == UINT32_MAX)
                return refuse_number(manager, refusal);

        for (size_t i = 0; i < registry->n_attachments; i++)
                n += registry->attachments[i]->owner_uid == uid;
        if (uid != 0 && n >= ATTACHMENTS_PER_USER_MAX)
                return refuse(refusal, LIMIT_EXCEEDED, "User %u has %d attachments already", uid,
                              ATTACHMENTS_PER_USER_MAX);
        return 0;
}

int manager_attach(Manager *manager, const AttachOrder *order, const Plan *plan, ManagerDone done,
                   void *userdata, Refusal *refusal) {
        const DomainFacts *facts =
                domains_find_uuid(&manager->registry.domains, order->domain_uuid);
        _cleanup_(attachment_freep) Attachment *planned = NULL;
        Attachment *attachment;
        uint32_t number = manager->registry.next_attachment;
        int r;

        if (!manager->connected)
                return refuse(refusal, HYPERVISOR_UNAVAILABLE, "No connection to %s",
                              manager_uri(manager));
        if (!facts)
                return refuse(refusal, DOMAIN_UNKNOWN, "No domain with UUID %s",
                              order->domain_uuid);
        r = manager_check_limits(manager, order->owner_uid, refusal);
        if (r != 0)
                return r;

        r = attachment_from_plan(manager, order, plan, facts, &planned);
        if (r < 0)
                return r;

        /* In memory before anything is awaited: two callers cannot choose the same device. */
        attachment = planned;
        r = registry_add_attachment(&manager->registry, TAKE(planned));
        if (r < 0)
                return r;

        r = manager_add_activity(manager, number);
        if (r == 0)
                r = manager_open_call(manager, number, false, MANAGER_REPLY_USEC, done, userdata);
        if (r == 0)
                r = journal_put_attachment(manager->journal, attachment, refusal);
        if (r == 0)
                r = manager_call_hypervisor(manager, attachment,
                                            manager->hypervisor->operations->attach, on_attach_done,
                                            (CallScope){ .live = attachment->wants_live,
                                                         .config = attachment->wants_config });
        if (r != 0)
                withdraw(manager, number);
        return r;
}

static void on_attach_done(void *userdata, uint32_t number, const HypervisorOutcome *outcome) {
        Manager *manager = userdata;
        Attachment *attachment = registry_find_attachment(&manager->registry, number);
        Activity *activity = manager_activity(manager, number);

        if (!attachment)
                return;

        activity->working = false;
        if (outcome->verdict == HYPERVISOR_UNAVAILABLE) {
                activity_remember(activity, outcome->verdict, outcome->text);
                manager_advance(manager, attachment, EVENT_OUTCOME_UNKNOWN);
                return;
        }

        attachment->undecided = false;
        if (outcome->verdict != 0) {
                activity_remember(activity, outcome->verdict, outcome->text);
                if (facts_set(&attachment->last_error, outcome->text) == 0)
                        registry_touch_attachment(&manager->registry, attachment,
                                                  ATTACHMENT_LAST_ERROR);
        }
        if (manager_observe_attachment(manager, attachment, EVENT_ATTACH_RETURNED))
                return;

        /* It is over, but what the domain holds now is not known: that is looked at until it is. */
        manager_attend(manager, number);
        manager_advance(manager, attachment, EVENT_OUTCOME_UNKNOWN);
}
