/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an event does to an attachment is looked up in the core's table (attachment_step); here the
 * effect is carried out: on record, to libvirt, to whoever waits.
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
int manager_record(Manager *manager, const Attachment *attachment, Refusal *refusal) {
        int r = journal_put_attachment(manager->journal, attachment, refusal);

        if (r != 0)
                log_error("Cannot record attachment %u: %s", attachment->number,
                          refusal->text ?: "out of memory");
        manager_mind_journal(manager, r);
        return r;
}

/* Nothing is held, and nothing is to go back: the object goes. */
static void finish(Manager *manager, Attachment *attachment) {
        _cleanup_(attachment_freep) Attachment *ended = NULL;
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        uint32_t number = attachment->number;
        Activity *activity = manager_activity(manager, number);
        bool took_back = activity->verdict != 0;
        int r;

        manager_record_given_up(manager, attachment);

        /* When the end cannot be recorded, the next start finds nothing held and ends it again. */
        r = journal_end_attachment(manager->journal, number, &refusal);
        manager_mind_journal(manager, r);
        if (r != 0)
                log_error("Cannot record the end of attachment %u: %s", number,
                          refusal.text ?: "out of memory");

        if (registry_take_attachment(&manager->registry, number, &ended) < 0)
                log_error("Out of memory; no signal says that attachment %u has ended", number);
        if (ended->undecided)
                manager_give_up(manager, TAKE(ended));

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

int manager_call_hypervisor(Manager *manager, const Attachment *attachment, HypervisorCall call,
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

                if (scope.handed ? !registry_is_to_go_back(&manager->registry, attached)
                                 : attached->left)
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
void manager_attend(Manager *manager, uint32_t number) {
        Activity *activity = manager_activity(manager, number);

        activity->look_usec = manager_now(manager) + MANAGER_LOOK_USEC;
        activity->ask_usec = manager_now(manager) + MANAGER_ASK_AGAIN_USEC;
}

static void on_give_back_done(void *userdata, uint32_t number, const HypervisorOutcome *outcome);

/* At vfio-pci; and does anybody have it open there? The kernel would wait for that one, and libvirt with it. */
static bool is_at_vfio(const Manager *manager, Address address, bool *ret_open) {
        _cleanup_(facts_freep) Facts *facts = NULL;

        if (manager->ports.scan_one(manager->ports.userdata, address, &facts) < 0 || !facts)
                return false;

        *ret_open = facts->enabled;
        return strcmp(facts->driver, "vfio-pci") == 0;
}

/* At vfio-pci, or at no driver: libvirtd may be killed between the two. */
static bool is_away(const Manager *manager, Address address) {
        _cleanup_(facts_freep) Facts *facts = NULL;

        if (manager->ports.scan_one(manager->ports.userdata, address, &facts) < 0 || !facts)
                return false;

        return text_equal(facts->driver, "") || text_equal(facts->driver, "vfio-pci");
}

/*
 * The domain runs and its process has a device open that libvirt knows nothing of: libvirtd was killed after it had
 * asked QEMU to take the device, and before it could write that down.
 */
static bool is_kept(const Manager *manager, const Attachment *attachment, Address address) {
        const DomainFacts *domain =
                domains_find_uuid(&manager->registry.domains, attachment->domain_uuid);
        bool open = false;

        return domain && domain->running && is_at_vfio(manager, address, &open) && open;
}

static void tell_kept(Manager *manager, Attachment *attachment, Address address) {
        _cleanup_(freep) char *sentence = NULL;
        char text[ADDRESS_TEXT_SIZE];

        sentence = text_print("The process of domain %s has %s, which libvirt does not know of: "
                              "it is free when the domain stops",
                              attachment->domain, address_format(address, text));
        if (!sentence || text_equal(attachment->last_error, sentence))
                return;

        log_warning("Attachment %u: %s", attachment->number, sentence);
        if (facts_set(&attachment->last_error, sentence) == 0)
                registry_touch_attachment(&manager->registry, attachment, ATTACHMENT_LAST_ERROR);
}

int manager_give_back(Manager *manager, Attachment *attachment) {
        const Registry *registry = &manager->registry;

        /* If it cannot be asked now, it is tried again. */
        manager_attend(manager, attachment->number);
        for (size_t i = 0; i < attachment->n_devices; i++) {
                const AttachedDevice *device = &attachment->devices[i];
                Activity *activity = manager_activity(manager, attachment->number);

                if (!registry_is_to_go_back(registry, device))
                        continue;
                if (!registry_can_go_back(registry, device))
                        return 0;
                if (is_kept(manager, attachment, device->address)) {
                        tell_kept(manager, attachment, device->address);
                        activity->ask_usec = activity->look_usec;
                        return 0;
                }
        }

        return manager_call_hypervisor(manager, attachment,
                                       manager->hypervisor->operations->give_back,
                                       on_give_back_done, (CallScope){ .handed = true });
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
        manager_attend(manager, number);
        log_warning("Devices of attachment %u are not back at their drivers: %s", number,
                    outcome->text ?: "");
        if (facts_set(&attachment->last_error, outcome->text ?: "") == 0)
                registry_touch_attachment(&manager->registry, attachment, ATTACHMENT_LAST_ERROR);
}

static bool has_to_give_back(const Manager *manager, const Attachment *attachment) {
        for (size_t i = 0; i < attachment->n_devices; i++)
                if (registry_is_to_go_back(&manager->registry, &attachment->devices[i]))
                        return true;

        return false;
}

/*
 * What libvirtd took from its driver and, killed meanwhile, did not give: it knows no more of that, we do. What
 * it had not come to is free.
 */
static void look_for_left_behind(Manager *manager, Attachment *attachment) {
        bool any = false;

        for (size_t i = 0; attachment->undecided && i < attachment->n_devices; i++) {
                AttachedDevice *device = &attachment->devices[i];

                if (device->restore && !device->left &&
                    registry_can_go_back(&manager->registry, device) &&
                    is_away(manager, device->address))
                        any = device->handed = true;
        }

        for (size_t i = 0; any && i < attachment->n_devices; i++)
                if (!registry_is_to_go_back(&manager->registry, &attachment->devices[i]))
                        attachment->devices[i].left = true;
        if (any)
                registry_touch_attachment(&manager->registry, attachment, ATTACHMENT_DEVICES);
}

static void end(Manager *manager, Attachment *attachment) {
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        int r;

        look_for_left_behind(manager, attachment);
        if (!has_to_give_back(manager, attachment)) {
                finish(manager, attachment);
                return;
        }

        /* On record, so that the next start goes on with it. */
        (void) manager_record(manager, attachment, &refusal);
        activity_postpone_attach_calls(manager_activity(manager, attachment->number),
                                       manager_now(manager) + MANAGER_REPLY_USEC);
        r = manager_give_back(manager, attachment);
        if (r < 0)
                log_error("Cannot give back devices of attachment %u: %s", attachment->number,
                          strerror(-r));
}

/*
 * May somebody be told, or have been told, that the devices are given, which is not so before it is on
 * record? An intent that was found after a start belongs to nobody who waits.
 */
static bool is_promised(const Activity *activity, AttachmentState before, AttachmentEvent event) {
        return event == EVENT_ATTACH_RETURNED ||
               (before == ATTACHMENT_UNDECIDED && activity_has_attach_calls(activity));
}

void manager_advance(Manager *manager, Attachment *attachment, AttachmentEvent event) {
        AttachmentStep step =
                attachment_step(attachment->state, event, attachment_holding(attachment));
        Activity *activity = manager_activity(manager, attachment->number);
        AttachmentState before = attachment->state;
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
                r = manager_record(manager, attachment, &refusal);
                if (r == 0 || !is_promised(activity, before, event)) {
                        answer_reached(manager, attachment);
                        return;
                }

                /* Not durable, hence not done: what was just given is taken back. */
                activity_remember(activity, JOURNAL_FAILED, refusal.text ?: "Out of memory");
                enter(manager, attachment, ATTACHMENT_TAKING_BACK);
                break;

        case EFFECT_CALL_DETACH:
                /* The intent to give is on record already; taking back follows from it at the next start too. */
                (void) manager_record(manager, attachment, &refusal);
                break;
        }

        activity_postpone_attach_calls(activity, manager_now(manager) + MANAGER_REPLY_USEC);
        r = manager_call_detach(manager, attachment);
        if (r < 0)
                log_error("Cannot take back attachment %u: %s", attachment->number, strerror(-r));
}
