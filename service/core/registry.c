/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/registry.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/settle.h"
#include "core/succession.h"
#include "util/vector.h"

void registry_init(Registry *registry) {
        *registry = (Registry){ .next_attachment = 1 };
}

void registry_done(Registry *registry) {
        inventory_done(&registry->inventory);
        catalog_done(&registry->catalog);
        catalog_done(&registry->retired);
        holders_done(&registry->holders);
        for (size_t i = 0; i < registry->n_attachments; i++)
                attachment_free(registry->attachments[i]);
        free(registry->attachments);
        domains_done(&registry->domains);
        free(registry->topology.sockets);
        changes_done(&registry->changes);
        registry_init(registry);
}

static void touch_address(Registry *registry, Address address) {
        Device *device = inventory_find(&registry->inventory, address);

        if (device)
                inventory_touch(&registry->inventory, device);
}

/* An attachment's own word on whether its device is in the host follows the inventory. */
static void follow_presence(Registry *registry, Address address) {
        const Device *device = inventory_find(&registry->inventory, address);
        const Holder *holder = NULL;

        while ((holder = holders_next(&registry->holders, address, holder))) {
                Attachment *attachment;

                if (!holder->attachment)
                        continue;

                attachment = registry_find_attachment(registry, holder->number);
                assert(attachment);
                attachment->devices[holder->index].gone = !device || !device->present;
        }
}

/* Who names a mediated device of it holds the device that it is made of. There is room for all. */
static void add_parents(Registry *registry, const DomainFacts *domain) {
        for (size_t i = 0; i < domain->n_mediated; i++) {
                Device *parent =
                        inventory_find_parent(&registry->inventory, domain->mediated[i].uuid);

                if (!parent)
                        continue;

                holders_add_parent(&registry->holders, domain, parent->address,
                                   domain->mediated[i].live);
                inventory_touch(&registry->inventory, parent);
        }
}

/* All that the domain holds, mediated or not. */
static void touch_held(Registry *registry, const DomainFacts *domain) {
        for (size_t i = 0; i < registry->holders.n_items; i++)
                if (registry->holders.items[i].domain == domain)
                        touch_address(registry, registry->holders.items[i].address);
}

int settle_mediated(Registry *registry) {
        const Domains *domains = &registry->domains;
        size_t n_mediated = 0;
        int r;

        for (size_t i = 0; i < domains->n_items; i++)
                n_mediated += domains->items[i]->n_mediated;
        if (n_mediated == 0)
                return 0;

        r = holders_reserve(&registry->holders, n_mediated);
        if (r < 0)
                return r;

        for (size_t i = 0; i < domains->n_items; i++) {
                if (domains->items[i]->n_mediated == 0)
                        continue;

                touch_held(registry, domains->items[i]);
                holders_remove(&registry->holders, domains->items[i]);
                holders_add_domain(&registry->holders, domains->items[i]);
                add_parents(registry, domains->items[i]);
        }

        return 0;
}

int registry_observe_device(Registry *registry, Address address, Facts *facts) {
        _cleanup_(facts_freep) Facts *given = facts;
        Device *device = inventory_find(&registry->inventory, address);
        bool held = holders_hold(&registry->holders, address);
        bool mediates = (device && device->facts->mediated) || (facts && facts->mediated);
        uint32_t properties;
        int r;

        if (device && !facts && !held) {
                r = settle_withdraw(registry, device);
                if (r < 0)
                        return r;
        }

        r = inventory_apply(&registry->inventory, address, TAKE(given), held, &properties);
        if (r < 0)
                return r;

        follow_presence(registry, address);
        return mediates ? settle_mediated(registry) : 0;
}

/* No number that was ever given is given again. */
static void pass_number(Registry *registry, uint32_t number) {
        if (number >= registry->next_attachment)
                registry->next_attachment = number == UINT32_MAX ? UINT32_MAX : number + 1;
}

static void look_at_domain(Registry *registry, const DomainFacts *facts) {
        for (size_t i = 0; i < facts->n_live; i++)
                touch_address(registry, facts->live[i].address);
        for (size_t i = 0; i < facts->n_config; i++)
                touch_address(registry, facts->config[i].address);
}

static void pass_aliases(Registry *registry, const HeldDevice *held, size_t n_held) {
        uint32_t number, index;

        for (size_t i = 0; i < n_held; i++)
                if (attachment_alias_parse(held[i].alias, &number, &index))
                        pass_number(registry, number);
}

int registry_observe_domain(Registry *registry, DomainFacts *facts) {
        _cleanup_(domain_facts_freep) DomainFacts *given = facts, *old = NULL;
        bool present = facts->present;
        int r;

        /* What was said before is overtaken. */
        domain_facts_free(domains_take_missed(&registry->domains, facts->uuid));

        /* Nothing new is known of what it holds. */
        if (facts->unreadable && domains_find_uuid(&registry->domains, facts->uuid))
                return domains_apply(&registry->domains, TAKE(given), &old);

        r = holders_reserve(&registry->holders,
                            facts->n_live + facts->n_config + facts->n_mediated);
        if (r < 0) {
                domains_miss(&registry->domains, TAKE(given));
                return r;
        }

        r = domains_apply(&registry->domains, TAKE(given), &old);
        if (r < 0)
                return r;

        if (old) {
                touch_held(registry, old);
                holders_remove(&registry->holders, old);
        }

        if (present) {
                holders_add_domain(&registry->holders, facts);
                add_parents(registry, facts);
                pass_aliases(registry, facts->live, facts->n_live);
                pass_aliases(registry, facts->config, facts->n_config);
                look_at_domain(registry, facts);
        }

        return 0;
}

/* Where a number stands, or would stand. */
static size_t find_place(const Registry *registry, uint32_t number) {
        size_t low = 0, high = registry->n_attachments;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (registry->attachments[middle]->number < number)
                        low = middle + 1;
                else
                        high = middle;
        }

        return low;
}

Attachment *registry_find_attachment(const Registry *registry, uint32_t number) {
        size_t place = find_place(registry, number);

        if (place == registry->n_attachments || registry->attachments[place]->number != number)
                return NULL;

        return registry->attachments[place];
}

Attachment *registry_next_attachment(const Registry *registry, uint32_t number) {
        size_t place =
                number == UINT32_MAX ? registry->n_attachments : find_place(registry, number + 1);

        return place < registry->n_attachments ? registry->attachments[place] : NULL;
}

static const char *number_key(uint32_t number, char key[static sizeof("4294967295")]) {
        (void) snprintf(key, sizeof("4294967295"), "%u", number);
        return key;
}

/* Its devices are shown as what was lent, also those that the host has no longer. */
static int recall_devices(Registry *registry, const Attachment *attachment) {
        for (size_t i = 0; i < attachment->n_devices; i++) {
                const AttachedDevice *device = &attachment->devices[i];
                Facts *facts;
                int r;

                if (device->left || device->vendor_id == 0)
                        continue;

                r = facts_new(&facts, device->address);
                if (r < 0)
                        return r;

                facts->vendor_id = device->vendor_id;
                facts->product_id = device->product_id;
                facts->subsystem_vendor_id = device->subsystem_vendor_id;
                facts->subsystem_product_id = device->subsystem_product_id;
                facts->has_subsystem = device->subsystem_vendor_id != 0;
                r = inventory_recall(&registry->inventory, facts);
                if (r < 0)
                        return r;
        }

        return 0;
}

static void look_at_attachment(Registry *registry, const Attachment *attachment) {
        for (size_t i = 0; i < attachment->n_devices; i++) {
                follow_presence(registry, attachment->devices[i].address);
                touch_address(registry, attachment->devices[i].address);
        }
}

int registry_add_attachment(Registry *registry, Attachment *attachment) {
        _cleanup_(attachment_freep) Attachment *given = attachment;
        size_t place = find_place(registry, attachment->number);
        Attachment **at;
        char key[sizeof("4294967295")];
        int r;

        assert(!registry_find_attachment(registry, attachment->number));

        r = holders_reserve(&registry->holders, attachment->n_devices);
        if (r < 0)
                return r;

        r = vector_reserve(&registry->attachments, registry->n_attachments, sizeof(*at));
        if (r < 0)
                return r;

        r = changes_add(&registry->changes, OBJECT_ATTACHMENT, number_key(attachment->number, key));
        if (r < 0)
                return r;

        at = registry->attachments + place;
        memmove(at + 1, at, (registry->n_attachments++ - place) * sizeof(*at));
        *at = TAKE(given);
        holders_add_attachment(&registry->holders, attachment);
        pass_number(registry, attachment->number);

        r = recall_devices(registry, attachment);
        if (r == 0)
                r = settle_mediated(registry);
        look_at_attachment(registry, attachment);
        if (r < 0)
                (void) registry_remove_attachment(registry, attachment->number);
        return r;
}

int registry_take_attachment(Registry *registry, uint32_t number, Attachment **ret) {
        Attachment *attachment = registry_find_attachment(registry, number);
        size_t place = find_place(registry, number);
        Attachment **at;
        char key[sizeof("4294967295")];

        *ret = attachment;
        if (!attachment)
                return 0;

        at = registry->attachments + place;
        registry->n_attachments--;
        memmove(at, at + 1, (registry->n_attachments - place) * sizeof(*at));
        holders_remove(&registry->holders, attachment);
        look_at_attachment(registry, attachment);

        return changes_remove(&registry->changes, OBJECT_ATTACHMENT, number_key(number, key));
}

int registry_remove_attachment(Registry *registry, uint32_t number) {
        _cleanup_(attachment_freep) Attachment *attachment = NULL;

        return registry_take_attachment(registry, number, &attachment);
}

void registry_touch_attachment(Registry *registry, const Attachment *attachment,
                               uint32_t properties) {
        Attachment *touched = registry_find_attachment(registry, attachment->number);

        assert(touched == attachment);

        touched->changed |= properties | attachment_enter(touched, touched->state);
        look_at_attachment(registry, touched);
}

/* What was lent is what is at the address now. */
static bool is_still_there(const Device *device, const AttachedDevice *attached) {
        return device && device->present && device->facts->vendor_id == attached->vendor_id &&
               device->facts->product_id == attached->product_id &&
               device->facts->subsystem_vendor_id == attached->subsystem_vendor_id &&
               device->facts->subsystem_product_id == attached->subsystem_product_id;
}

bool registry_is_to_go_back(const Registry *registry, const AttachedDevice *attached) {
        return attached->handed &&
               is_still_there(inventory_find(&registry->inventory, attached->address), attached) &&
               (!attached->left || !holders_hold(&registry->holders, attached->address));
}

static bool is_with_guest(const Registry *registry, Address address) {
        const Holder *holder = NULL;

        while ((holder = holders_next(&registry->holders, address, holder))) {
                const Attachment *attachment = holder->attachment;

                if (!attachment && holder->live)
                        return true;
                if (attachment && holder_holds(holder) && attachment->wants_live &&
                    (attachment->state == ATTACHMENT_ATTACHING ||
                     attachment->state == ATTACHMENT_UNDECIDED))
                        return true;
        }

        return false;
}

bool registry_can_go_back(const Registry *registry, const AttachedDevice *attached) {
        const Device *device = inventory_find(&registry->inventory, attached->address);
        const Device *mate = NULL;

        if (is_with_guest(registry, attached->address))
                return false;

        while (device && (mate = inventory_next_in_group(&registry->inventory, device, mate)))
                if (is_with_guest(registry, mate->address))
                        return false;

        return true;
}

bool registry_was_handed_over(const Registry *registry, Address address) {
        const Holder *holder = NULL;

        while ((holder = holders_next(&registry->holders, address, holder)))
                if (holder->attachment &&
                    registry_is_to_go_back(registry, &holder->attachment->devices[holder->index]))
                        return true;

        return false;
}

int registry_prepare_catalog(Registry *registry, Catalog *catalog, Changes *ret) {
        _cleanup_(changes_done) Changes changes = { 0 };
        int r;

        /* Devices point into one catalog that has retired, not into two. */
        if (registry->retired.n_pools > 0 || registry->retired.n_aliases > 0) {
                r = registry_settle(registry);
                if (r < 0)
                        return r;
        }

        /* All of it is told or nothing: it is noted in a copy. */
        r = changes_copy(&registry->changes, &changes);
        if (r == 0)
                r = succeed_catalog(&changes, &registry->catalog, catalog);
        if (r < 0)
                return r;

        *ret = changes;
        changes = (Changes){ 0 };
        return 0;
}

void registry_enforce_catalog(Registry *registry, Catalog *catalog, Changes *changes) {
        changes_done(&registry->changes);
        registry->changes = *changes;
        *changes = (Changes){ 0 };
        registry->retired = registry->catalog;
        registry->catalog = *catalog;
        *catalog = (Catalog){ 0 };
        registry->pools_dirty = true;
        registry->version += REGISTRY_TRAIL + 1;
}

int registry_set_catalog(Registry *registry, Catalog *catalog) {
        Changes changes;
        int r;

        r = registry_prepare_catalog(registry, catalog, &changes);
        if (r < 0)
                return r;

        registry_enforce_catalog(registry, catalog, &changes);
        return 0;
}
