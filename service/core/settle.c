/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/settle.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/text.h"

typedef struct Hold {
        const Attachment *attachment;   /* ours */
        const AttachedDevice *attached; /* of it */
        const DomainFacts *stranger;    /* a domain that got it without us */
        bool stranger_runs;
} Hold;

/* Is it by our own doing that the domain has the device (CONTRACT 8)? */
static bool is_ours(const Registry *registry, const Holder *holder) {
        const Attachment *attachment = registry_find_attachment(registry, holder->number);
        const AttachedDevice *device;

        if (!attachment || holder->index >= attachment->n_devices)
                return false;

        device = &attachment->devices[holder->index];
        return !device->left && address_equal(device->address, holder->address) &&
               strcmp(attachment->domain_uuid, holder->domain->uuid) == 0;
}

/* With several definitions naming it: ours, else the running domain, else the first by name. */
static Hold find_hold(const Registry *registry, Address address) {
        const Holder *holder = NULL;
        Hold hold = { 0 };

        while ((holder = holders_next(&registry->holders, address, holder))) {
                bool before;

                if (!holder_holds(holder))
                        continue;

                if (holder->attachment) {
                        hold.attachment = holder->attachment;
                        hold.attached = &holder->attachment->devices[holder->index];
                        continue;
                }

                if (is_ours(registry, holder))
                        continue;

                before = !hold.stranger || (holder->live && !hold.stranger_runs) ||
                         (holder->live == hold.stranger_runs &&
                          strcmp(holder->domain->name, hold.stranger->name) < 0);
                if (before) {
                        hold.stranger = holder->domain;
                        hold.stranger_runs = holder->live;
                }
        }

        return hold;
}

/* Chosen is reserved; given is attached. */
static bool is_given(const Hold *hold) {
        switch (hold->attachment->state) {
        case ATTACHMENT_ATTACHED:
                return true;
        case ATTACHMENT_DETACHING:
        case ATTACHMENT_TAKING_BACK:
        case ATTACHMENT_LETTING_GO:
        case ATTACHMENT_LOST:
                return hold->attached->live || hold->attached->config;
        default:
                return false;
        }
}

static bool is_used_by_host(const Device *device) {
        return device->present && device->facts->host_use[0] != '\0';
}

static char *describe_hold(const Hold *hold, const Device *device) {
        if (hold->attachment)
                return text_print("attachment:%u", hold->attachment->number);
        if (hold->stranger)
                return text_print("domain:%s", hold->stranger->name);
        if (is_used_by_host(device))
                return text_print("host:%s", device->facts->host_use);
        return strdup("");
}

/* Is this endpoint held, by another domain than that one, or used by the host? */
static bool is_in_use(const Registry *registry, const Device *device, const char *domain_uuid) {
        const Holder *holder = NULL;

        if (facts_is_bridge(device->facts))
                return false;
        if (is_used_by_host(device))
                return true;

        while ((holder = holders_next(&registry->holders, device->address, holder)))
                if (holder_holds(holder) && strcmp(holder_domain_uuid(holder), domain_uuid) != 0)
                        return true;

        return false;
}

static bool is_group_in_use(const Registry *registry, const Device *device,
                            const char *domain_uuid) {
        DeviceRun group = inventory_group(&registry->inventory, device);

        for (size_t i = 0; i < group.n_items; i++)
                if (group.items[i] != device && is_in_use(registry, group.items[i], domain_uuid))
                        return true;

        return false;
}

static bool is_physical_function_in_use(const Registry *registry, const Device *device) {
        Address address = device->facts->physical_function;

        return device->facts->type == DEVICE_TYPE_VF &&
               inventory_find(&registry->inventory, address) &&
               holders_hold(&registry->holders, address);
}

static bool is_virtual_function_in_use(const Registry *registry, const Device *device) {
        DeviceRun functions = inventory_virtual_functions(&registry->inventory, device->address);

        for (size_t i = 0; i < functions.n_items; i++)
                if (holders_hold(&registry->holders, functions.items[i]->address))
                        return true;

        return false;
}

/* All but the group's. */
static uint32_t own_reasons(const Registry *registry, const Device *device, const Hold *hold) {
        const Facts *facts = device->facts;
        uint32_t reasons = 0;

        if (!device->pool)
                reasons |= REASON_NOT_IN_POOL;
        if (hold->attachment)
                reasons |= is_given(hold) ? REASON_ATTACHED : REASON_RESERVED;
        if (hold->stranger)
                reasons |= REASON_HELD_BY_DOMAIN;
        if (is_used_by_host(device))
                reasons |= REASON_IN_USE_BY_HOST;
        if (facts->iommu_group < 0)
                reasons |= REASON_NO_IOMMU;
        if (is_physical_function_in_use(registry, device))
                reasons |= REASON_PF_IN_USE;
        if (is_virtual_function_in_use(registry, device))
                reasons |= REASON_VF_IN_USE;
        if (!device->present)
                reasons |= REASON_GONE;

        return reasons;
}

uint32_t registry_reasons(const Registry *registry, const Device *device, const char *domain_uuid) {
        uint32_t others = device->reasons & ~(uint32_t) REASON_GROUP_IN_USE;

        /* Another endpoint is in use for one domain only if it is for none. */
        if (others == device->reasons || !is_group_in_use(registry, device, domain_uuid))
                return others;

        return device->reasons;
}

/* Who of a group is in use, found once for all its members that are settled in a row. */
typedef struct GroupUse {
        int group; /* −1: none was looked at */
        size_t n_members;
        const Device *user;
        bool has_more;
} GroupUse;

static void look_at_group(const Registry *registry, const Device *device, GroupUse *use) {
        DeviceRun group = inventory_group(&registry->inventory, device);

        if (device->facts->iommu_group >= 0 && use->group == device->facts->iommu_group)
                return;

        *use = (GroupUse){ .group = device->facts->iommu_group, .n_members = group.n_items };
        for (size_t i = 0; i < group.n_items && !use->has_more; i++) {
                if (!is_in_use(registry, group.items[i], ""))
                        continue;
                use->has_more = use->user != NULL;
                use->user = group.items[i];
        }
}

static DeviceState conclude_state(const Device *device, uint32_t reasons) {
        if (!device->present)
                return DEVICE_GONE;
        if (reasons & REASON_ATTACHED)
                return DEVICE_ATTACHED;
        if (reasons & REASON_RESERVED)
                return DEVICE_RESERVED;
        return reasons != 0 ? DEVICE_UNAVAILABLE : DEVICE_AVAILABLE;
}

static int tell(Registry *registry, Device *device, uint32_t properties) {
        char key[ADDRESS_TEXT_SIZE];
        int r;

        address_format(device->address, key);
        if (device->announced)
                r = changes_touch(&registry->changes, OBJECT_DEVICE, key, properties);
        else
                r = changes_add(&registry->changes, OBJECT_DEVICE, key);
        if (r < 0)
                return r;

        device->announced = true;
        device->changed = 0;
        return 0;
}

static int conclude(Registry *registry, Device *device, GroupUse *use) {
        Hold hold = find_hold(registry, device->address);
        _cleanup_(freep) char *holder = describe_hold(&hold, device);
        uint32_t reasons = own_reasons(registry, device, &hold), properties = device->changed;
        uint32_t attachment = hold.attachment ? hold.attachment->number : 0;
        DeviceState state;
        int r;

        if (!holder)
                return -ENOMEM;

        look_at_group(registry, device, use);
        if (use->has_more || (use->user && use->user != device))
                reasons |= REASON_GROUP_IN_USE;
        state = conclude_state(device, reasons);

        properties |= state != device->state ? DEVICE_STATE : 0;
        properties |= reasons != device->reasons ? DEVICE_REASONS : 0;
        properties |= attachment != device->attachment ? DEVICE_ATTACHMENT : 0;
        properties |= strcmp(holder, device->holder) != 0 ? DEVICE_HOLDER : 0;

        r = tell(registry, device, properties);
        if (r < 0)
                return r;

        settle_count(device, -1);
        device->state = state;
        settle_count(device, 1);
        device->alone = use->n_members <= 1;
        device->reasons = reasons;
        device->attachment = attachment;
        free(device->holder);
        device->holder = TAKE(holder);
        device->dirty = false;
        return 0;
}

/* In the inventory for its group alone: no object, member of nothing, never to be lent. */
static int conclude_bridge(Registry *registry, Device *device) {
        int r = settle_withdraw(registry, device);

        if (r < 0)
                return r;

        device->state = DEVICE_UNAVAILABLE;
        device->reasons = REASON_NOT_IN_POOL;
        device->attachment = 0;
        device->holder[0] = '\0';
        device->changed = 0;
        device->dirty = device->unmatched = false;
        return 0;
}

static int tell_attachments(Registry *registry) {
        char key[sizeof("4294967295")];

        for (size_t i = 0; i < registry->n_attachments; i++) {
                Attachment *attachment = registry->attachments[i];
                int r;

                if (attachment->changed == 0)
                        continue;

                (void) snprintf(key, sizeof(key), "%u", attachment->number);
                r = changes_touch(&registry->changes, OBJECT_ATTACHMENT, key, attachment->changed);
                if (r < 0)
                        return r;
                attachment->changed = 0;
        }

        return 0;
}

/* Backwards, for some are taken out. Sets *@ret_again when others may have lost their holder by that. */
static int release_those_without_holder(Registry *registry, bool *ret_again) {
        Inventory *inventory = &registry->inventory;

        inventory_order(inventory);
        for (size_t i = inventory->n_dirty; i-- > 0;) {
                Device *device = inventory->dirty[i];
                bool mediates =
                        device->facts->mediated || (device->arrival && device->arrival->mediated);
                int r = 0;

                if ((device->present && !device->arrival) ||
                    holders_hold(&registry->holders, device->address))
                        continue;

                if (!device->arrival)
                        r = settle_withdraw(registry, device);
                if (r == 0)
                        r = inventory_release(inventory, device->address);
                if (r == 0 && mediates)
                        r = settle_mediated(registry);
                if (r < 0)
                        return r;
                *ret_again |= mediates;
        }

        return 0;
}

/* Records outlive their device only while somebody holds it. */
static int release_devices(Registry *registry) {
        bool again = true;
        int r = 0;

        while (r == 0 && again) {
                again = false;
                r = release_those_without_holder(registry, &again);
        }

        return r;
}

static int settle_device(Registry *registry, Device *device, GroupUse *use) {
        int r = 0;

        registry->counts_dirty = true;
        settle_note(registry, device);
        if (facts_is_bridge(device->facts))
                return conclude_bridge(registry, device);

        if (device->unmatched)
                r = settle_membership(registry, device);
        return r < 0 ? r : conclude(registry, device, use);
}

static int settle_devices(Registry *registry) {
        Inventory *inventory = &registry->inventory;
        GroupUse use = { .group = -1 };
        int r = 0;

        for (size_t i = 0; i < inventory->n_dirty && r == 0; i++)
                r = settle_device(registry, inventory->dirty[i], &use);
        inventory_forget_settled(inventory);
        return r;
}

int registry_settle(Registry *registry) {
        int r;

        if (registry->pools_dirty) {
                inventory_touch_all(&registry->inventory);
                registry->counts_dirty = true;
        }

        r = tell_attachments(registry);
        if (r == 0)
                r = release_devices(registry);

        /* Places are right in any case: nobody asks whether this was done to its end. */
        inventory_order(&registry->inventory);
        if (r == 0)
                r = settle_devices(registry);
        settle_families(registry);
        if (r == 0 && registry->counts_dirty)
                r = settle_counts(registry);
        if (r < 0)
                return r;

        catalog_done(&registry->retired);
        registry->pools_dirty = registry->counts_dirty = false;
        return 0;
}
