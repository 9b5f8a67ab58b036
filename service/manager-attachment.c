/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The way of an attachment through the manager: intent, call, outcome, answer; and back.
 *
 * Every continuation stands below what began it. What an event does is looked up in the core's table
 * (attachment_step); here the effect is carried out.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "manager-internal.h"
#include "util/log.h"
#include "util/text.h"
#include "util/vector.h"

/* Whoever waited for the state that is now reached is answered. */
static void answer_reached(Manager *manager, Attachment *attachment) {
        Activity *activity = manager_activity(manager, attachment->number);
        _cleanup_(freep) char *text = activity->text ? strdup(activity->text) : NULL;
        uint32_t number = attachment->number;
        int verdict = activity->verdict;

        if (attachment->state != ATTACHMENT_ATTACHED && attachment->state != ATTACHMENT_LOST)
                return;

        activity_forget(activity);
        activity->look_usec = UINT64_MAX;
        manager_answer(manager, number, CALLS_ATTACH, UINT64_MAX, 0, NULL);
        manager_answer(manager, number, CALLS_DETACH, UINT64_MAX, verdict ?: DETACH_REFUSED,
                       text ?: "The guest did not give the devices back");
}

static void enter(Manager *manager, Attachment *attachment, AttachmentState state) {
        uint32_t properties = attachment_enter(attachment, state);

        if (properties != 0)
                registry_touch_attachment(&manager->registry, attachment, properties);
}

/* Says in the log what could not be made durable. */
static int record(Manager *manager, const Attachment *attachment, Refusal *refusal) {
        int r = journal_put_attachment(manager->journal, attachment, refusal);

        if (r != 0)
                log_error("Cannot record attachment %u: %s", attachment->number,
                          refusal->text ?: "out of memory");
        return r;
}

/* Nothing is held, and nothing is to go back: the object goes. */
static void finish(Manager *manager, Attachment *attachment) {
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        uint32_t number = attachment->number;
        Activity *activity = manager_activity(manager, number);
        bool took_back = activity->verdict != 0;
        int r;

        /* When the end cannot be recorded, the next start finds nothing held and ends it again. */
        r = journal_end_attachment(manager->journal, number, &refusal);
        if (r != 0)
                log_error("Cannot record the end of attachment %u: %s", number,
                          refusal.text ?: "out of memory");

        if (registry_remove_attachment(&manager->registry, number) < 0)
                log_error("Out of memory; devices of attachment %u look held until the next event",
                          number);

        if (r != 0)
                manager_answer(manager, number, CALLS_DETACH, UINT64_MAX, JOURNAL_FAILED,
                               refusal.text);
        manager_answer(manager, number, CALLS_DETACH, UINT64_MAX, 0, NULL);

        activity = manager_activity(manager, number);
        manager_answer(manager, number, CALLS_ATTACH, UINT64_MAX,
                       took_back ? activity->verdict : HYPERVISOR_REFUSED,
                       activity->text ?: "The devices left the domain at once");
        manager_remove_activity(manager, number);
}

typedef int (*HypervisorCall)(Hypervisor *hypervisor, const HypervisorJob *job, HypervisorDone done,
                              void *userdata);

/* Which devices of the attachment, and where. */
typedef struct CallScope {
        bool live, config;
        bool handed; /* only those that were handed over */
} CallScope;

static int call_hypervisor(Manager *manager, const Attachment *attachment, HypervisorCall call,
                           HypervisorDone done, CallScope scope) {
        Activity *activity = manager_activity(manager, attachment->number);
        _cleanup_(freep) HypervisorDevice *devices = NULL;
        HypervisorJob job = {
                .attachment = attachment->number,
                .live = scope.live,
                .config = scope.config,
        };
        int r;

        for (size_t i = 0; i < attachment->n_devices; i++) {
                const AttachedDevice *attached = &attachment->devices[i];
                HypervisorDevice device = {
                        .address = attached->address,
                        .index = (uint32_t) i,
                        .managed = attached->managed,
                        .hand_over = attached->handed && scope.live,
                };

                if (attached->left || (scope.handed && !attached->handed))
                        continue;
                r = VECTOR_APPEND(devices, job.n_devices, device);
                if (r < 0)
                        return r;
        }

        memcpy(job.domain_uuid, attachment->domain_uuid, sizeof(job.domain_uuid));
        job.devices = devices;
        r = call(manager->hypervisor, &job, done, manager);
        if (r < 0)
                return r;

        activity->working = true;
        return 0;
}

/* It takes time: look now and then how far it is, and ask once more when nothing happens. */
static void attend(Manager *manager, uint32_t number) {
        Activity *activity = manager_activity(manager, number);

        activity->look_usec = manager_now(manager) + MANAGER_LOOK_USEC;
        activity->ask_usec = manager_now(manager) + MANAGER_ASK_AGAIN_USEC;
}

static void on_give_back_done(void *userdata, uint32_t number, const HypervisorOutcome *outcome);

/* Members of an IOMMU group that were handed to vfio-pci for the guest go back to their own drivers. */
static int give_back(Manager *manager, Attachment *attachment) {
        int r;

        r = call_hypervisor(manager, attachment, manager->hypervisor->operations->give_back,
                            on_give_back_done, (CallScope){ .handed = true });
        if (r < 0)
                return r;

        attend(manager, attachment->number);
        return 0;
}

static void on_give_back_done(void *userdata, uint32_t number, const HypervisorOutcome *outcome) {
        Manager *manager = userdata;
        Attachment *attachment = registry_find_attachment(&manager->registry, number);

        if (!attachment)
                return;

        manager_activity(manager, number)->working = false;
        if (outcome->verdict == 0) {
                finish(manager, attachment);
                return;
        }

        /* Tried again: by look_after(), or after the next reconcile. */
        attend(manager, number);
        log_warning("Devices of attachment %u are not back at their drivers: %s", number,
                    outcome->text ?: "");
        if (facts_set(&attachment->last_error, outcome->text ?: "") == 0)
                registry_touch_attachment(&manager->registry, attachment, ATTACHMENT_LAST_ERROR);
}

static void end(Manager *manager, Attachment *attachment) {
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        int r;

        if (!attachment_is_handed(attachment)) {
                finish(manager, attachment);
                return;
        }

        /* On record, so that the next start goes on with it. */
        (void) record(manager, attachment, &refusal);
        activity_postpone_attach_calls(manager_activity(manager, attachment->number),
                                       manager_now(manager) + MANAGER_REPLY_USEC);
        r = give_back(manager, attachment);
        if (r < 0)
                log_error("Cannot give back devices of attachment %u: %s", attachment->number,
                          strerror(-r));
}

static void on_detach_done(void *userdata, uint32_t number, const HypervisorOutcome *outcome);

/* Takes back what libvirt has: from the running domain first, from the definition when it has left that. */
int manager_call_detach(Manager *manager, Attachment *attachment) {
        const DomainFacts *facts =
                domains_find_uuid(&manager->registry.domains, attachment->domain_uuid);
        bool live = attachment->live, config = !attachment->live && attachment->config;
        int r;

        /*
         * Nothing is seen there: a call of a dead daemon may still be under way inside libvirt, which runs
         * changes of one domain one after the other. Asking for the devices comes behind it.
         */
        if (!live && !config) {
                live = facts && facts->running && attachment->wants_live;
                config = facts && facts->persistent && !live;
        }

        r = call_hypervisor(manager, attachment, manager->hypervisor->operations->detach,
                            on_detach_done, (CallScope){ .live = live, .config = config });
        if (r < 0)
                return r;

        attend(manager, attachment->number);
        return 0;
}

int manager_take_back(Manager *manager, Attachment *attachment) {
        if (attachment->state == ATTACHMENT_ENDED)
                return give_back(manager, attachment);
        return manager_call_detach(manager, attachment);
}

void manager_advance(Manager *manager, Attachment *attachment, AttachmentEvent event) {
        AttachmentStep step =
                attachment_step(attachment->state, event, attachment_holding(attachment));
        Activity *activity = manager_activity(manager, attachment->number);
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        int r;

        enter(manager, attachment, step.state);

        switch (step.effect) {
        case EFFECT_NOTHING:
                return;

        case EFFECT_END:
                end(manager, attachment);
                return;

        case EFFECT_RECORD:
                r = record(manager, attachment, &refusal);
                if (r == 0 || event != EVENT_ATTACH_RETURNED) {
                        answer_reached(manager, attachment);
                        return;
                }

                /* Not durable, hence not done: what was just given is taken back. */
                activity_remember(activity, JOURNAL_FAILED, refusal.text ?: "Out of memory");
                enter(manager, attachment, ATTACHMENT_TAKING_BACK);
                break;

        case EFFECT_CALL_DETACH:
                /* The intent to give is on record already; taking back follows from it at the next start too. */
                (void) record(manager, attachment, &refusal);
                break;
        }

        activity_postpone_attach_calls(activity, manager_now(manager) + MANAGER_REPLY_USEC);
        r = manager_call_detach(manager, attachment);
        if (r < 0)
                log_error("Cannot take back attachment %u: %s", attachment->number, strerror(-r));
}

static void on_attach_done(void *userdata, uint32_t number, const HypervisorOutcome *outcome);

/*
 * A running domain gets a group of several only when each member is at vfio-pci first. Whatever its operator put
 * there himself is left to him.
 */
static bool is_to_be_handed(const Manager *manager, const Plan *plan, const Device *device) {
        const Inventory *inventory = &manager->registry.inventory;
        const Device *mate = NULL;

        if (strcmp(device->facts->driver, "vfio-pci") == 0)
                return false;

        while ((mate = inventory_next_in_group(inventory, device, mate)))
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

                attached.handed =
                        order->live && attached.managed && is_to_be_handed(manager, plan, device);
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

        if (journal_end_attachment(manager->journal, number, &refusal) != 0)
                log_warning("Attachment %u is ended by the next start: %s", number,
                            refusal.text ?: "");
        if (registry_remove_attachment(&manager->registry, number) < 0)
                log_error("Out of memory while attachment %u is withdrawn", number);
        manager_remove_activity(manager, number);
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
        if (number == UINT32_MAX)
                return refuse(refusal, LIMIT_EXCEEDED, "All attachment numbers are used up");

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
                r = call_hypervisor(manager, attachment, manager->hypervisor->operations->attach,
                                    on_attach_done,
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

        if (outcome->verdict != 0) {
                activity_remember(activity, outcome->verdict, outcome->text);
                if (facts_set(&attachment->last_error, outcome->text) == 0)
                        registry_touch_attachment(&manager->registry, attachment,
                                                  ATTACHMENT_LAST_ERROR);
        }
        manager_observe_attachment(manager, attachment, EVENT_ATTACH_RETURNED);
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
                (void) record(
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
                attend(manager, number);
                return;
        }

        if (outcome->verdict != 0) {
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
        manager_observe_attachment(manager, attachment, EVENT_DETACH_RETURNED);
        manager_continue_with_definition(manager, uuid);
}
