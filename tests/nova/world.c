/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "world.h"

#include <stdio.h>
#include <string.h>

#include "util/text.h"
#include "util/vector.h"

void world_init(World *world) {
        *world = (World){ 0 };
        registry_init(&world->registry);
}

void world_done(World *world) {
        registry_done(&world->registry);
        for (size_t i = 0; i < world->n_owners; i++)
                free(world->owners[i].name);
        free(world->owners);
        free(world->sites);
        *world = (World){ 0 };
}

static void settle(World *world) {
        need(registry_settle(&world->registry), "settling");
        changes_done(&world->registry.changes);
}

void world_configure(World *world, Config *config) {
        need(registry_set_catalog(&world->registry, &config->catalog), "the catalog");
        settle(world);
}

void world_set_topology(World *world, Case *c, const json_t *host_numa) {
        Topology *topology = &world->registry.topology;
        size_t i;
        json_t *node;

        json_array_foreach(host_numa, i, node) {
                const json_t *id = json_object_get(node, "id"),
                             *socket = json_object_get(node, "socket");

                CHECK_KEYS(c, "a NUMA node", node, "id", "socket");
                if (!json_is_integer(id) || json_integer_value(id) < 0 ||
                    json_integer_value(id) >= NUMA_NODES_MAX ||
                    (socket && !json_is_null(socket) && !json_is_integer(socket))) {
                        differ(c, "the case: a NUMA node without an id, or with a strange socket");
                        return;
                }

                while (topology->n_nodes <= (size_t) json_integer_value(id))
                        need(VECTOR_APPEND(topology->sockets, topology->n_nodes, -1), "sockets");
                if (json_is_integer(socket))
                        topology->sockets[json_integer_value(id)] =
                                (int) json_integer_value(socket);
        }
}

static Site *find_site(World *world, Address address) {
        for (size_t i = 0; i < world->n_sites; i++)
                if (address_equal(world->sites[i].address, address))
                        return &world->sites[i];

        need(VECTOR_APPEND(world->sites, world->n_sites, ((Site){ address, 1 })), "a site");
        return &world->sites[world->n_sites - 1];
}

static const DomainFacts *domain_of(const World *world, const Attachment *attachment) {
        return domains_find_uuid(&world->registry.domains, attachment->domain_uuid);
}

/* What the manager does when it has read a domain: look the event up in the table and follow it. */
static void follow(World *world, Attachment *attachment, AttachmentEvent event) {
        uint32_t properties = 0;
        AttachmentStep step;

        need(attachment_observe(attachment, domain_of(world, attachment), &properties), "a guest");
        step = attachment_step(attachment->state, event, attachment_holding(attachment));
        if (step.effect == EFFECT_END) {
                need(registry_remove_attachment(&world->registry, attachment->number), "an end");
                return;
        }

        properties |= attachment_enter(attachment, step.state);
        registry_touch_attachment(&world->registry, attachment, properties);

        /* Nothing but its owner takes a device out of a domain here: libvirt is asked, and finds it as it is. */
        if (step.effect == EFFECT_CALL_DETACH)
                follow(world, attachment, EVENT_DETACH_RETURNED);
}

/*
 * Is nothing to be concluded from what its domain has? So it is as long as the daemon that started anew
 * does not know whether libvirt is still at it.
 */
static bool is_pending(const World *world, const Attachment *attachment) {
        return attachment->state == ATTACHMENT_UNDECIDED && domain_of(world, attachment);
}

/* From the last to the first: one that ends takes its place in the array with it. */
static void observe_all(World *world) {
        for (size_t i = world->registry.n_attachments; i > 0; i--) {
                Attachment *attachment = world->registry.attachments[i - 1];

                if (!is_pending(world, attachment))
                        follow(world, attachment, EVENT_OBSERVED);
        }
        settle(world);
}

/* libvirt has done what it was asked to do for the domain of an owner. */
static void return_all(World *world, const Owner *owner) {
        for (size_t i = world->registry.n_attachments; i > 0; i--) {
                Attachment *attachment = world->registry.attachments[i - 1];

                if (strcmp(attachment->domain_uuid, owner->uuid) == 0)
                        follow(world, attachment, EVENT_ATTACH_RETURNED);
        }
        settle(world);
}

static bool is_listed(Case *c, const json_t *devices, Address address) {
        size_t i;
        json_t *device;

        json_array_foreach(devices, i, device) {
                Address listed;

                if (case_address(c, json_string_value(json_object_get(device, "address")),
                                 &listed) &&
                    address_equal(listed, address))
                        return true;
        }
        return false;
}

static void scan(World *world, Case *c, const json_t *devices) {
        size_t i;
        json_t *device;

        for (i = 0; i < world->n_sites; i++) {
                Site *site = &world->sites[i];

                if (is_listed(c, devices, site->address))
                        continue;
                site->incarnation++;
                need(registry_observe_device(&world->registry, site->address, NULL), "a scan");
        }

        json_array_foreach(devices, i, device) {
                Facts *facts = case_facts(c, device);
                Site *site;

                if (!facts)
                        return;
                site = find_site(world, facts->address);
                facts->incarnation = site->incarnation;
                facts->iommu_group = (int) (site - world->sites);
                need(registry_observe_device(&world->registry, facts->address, facts), "a scan");
        }
}

void world_scan(World *world, Case *c, const json_t *devices) {
        scan(world, c, devices);
        observe_all(world);
}

static Owner *find_owner(World *world, const char *name) {
        Owner owner = { 0 };

        for (size_t i = 0; i < world->n_owners; i++)
                if (strcmp(world->owners[i].name, name) == 0)
                        return &world->owners[i];

        (void) snprintf(owner.uuid, sizeof(owner.uuid), "00000000-0000-4000-8000-%012zx",
                        world->n_owners + 1);
        owner.name = strdup(name);
        need(owner.name ? 0 : -ENOMEM, "an owner");
        need(VECTOR_APPEND(world->owners, world->n_owners, owner), "an owner");
        return &world->owners[world->n_owners - 1];
}

/* libvirt says what the domain of the owner holds. */
static void tell_domain(World *world, const Owner *owner) {
        DomainFacts *facts;

        need(domain_facts_new(&facts, owner->uuid, owner->name), "a domain");
        facts->present = facts->running = !owner->gone;
        for (size_t i = 0; i < world->registry.n_attachments; i++) {
                const Attachment *attachment = world->registry.attachments[i];
                char alias[ATTACHMENT_ALIAS_SIZE];

                if (owner->gone || attachment->number > owner->given ||
                    strcmp(attachment->domain_uuid, owner->uuid) != 0)
                        continue;
                for (size_t j = 0; j < attachment->n_devices; j++)
                        need(domain_facts_hold(facts, true, attachment->devices[j].address,
                                               attachment_alias(attachment->number, j, alias)),
                             "a domain");
        }

        need(registry_observe_domain(&world->registry, facts), "a domain");
}

void decision_done(Decision *decision) {
        free(decision->text);
        request_free(decision->request);
        plan_done(&decision->plan);
        *decision = (Decision){ 0 };
}

static const char *error_word(int verdict) {
        switch (verdict) {
        case 0:
                return NULL;
        case REQUEST_INVALID:
                return "invalid-request";
        case ALIAS_UNKNOWN:
                return "unknown-alias";
        case DEVICES_NOT_ENOUGH:
                return "insufficient";
        default:
                return "another";
        }
}

static int decide(World *world, const AllocateQuery *query, Decision *decision, Refusal *refusal) {
        for (size_t i = 0; i < decision->request->n_items; i++) {
                const char *alias = decision->request->items[i].alias;

                if (!catalog_find_alias(&world->registry.catalog, alias))
                        return refuse(refusal, ALIAS_UNKNOWN, "There is no alias %s", alias);
        }

        return allocate(query, &decision->plan, refusal);
}

void world_decide(World *world, const char *owner, const char *text, const NodeSet *nodes,
                  int numa_policy, Decision *ret) {
        Owner *guest = find_owner(world, owner);
        AllocateQuery query = {
                .registry = &world->registry,
                .domain_uuid = guest->uuid,
                .nodes = *nodes,
                .numa_policy = numa_policy,
        };
        Refusal refusal = { 0 };
        int r;

        /* Who asks has a domain, also when it was gone for a while. */
        if (!domains_find_uuid(&world->registry.domains, guest->uuid)) {
                guest->gone = false;
                guest->given = 0;
                tell_domain(world, guest);
        }
        settle(world);

        *ret = (Decision){ 0 };
        r = request_parse(text, &ret->request, &refusal);
        query.request = ret->request;
        if (r == 0)
                r = decide(world, &query, ret, &refusal);
        need(r, "a decision");

        ret->error = error_word(r);
        ret->text = TAKE(refusal.text);
}

void world_claim(World *world, const char *owner, const Decision *decision) {
        const Owner *guest = find_owner(world, owner);
        Attachment *attachment;

        need(attachment_new(&attachment, world->registry.next_attachment, guest->uuid, guest->name),
             "an attachment");
        attachment->wants_live = true;
        for (size_t i = 0; i < decision->plan.n_choices; i++) {
                const Facts *facts = decision->plan.choices[i].device->facts;

                need(VECTOR_APPEND(attachment->devices, attachment->n_devices,
                                   ((AttachedDevice){ .address = facts->address,
                                                      .vendor_id = facts->vendor_id,
                                                      .product_id = facts->product_id,
                                                      .managed = true })),
                     "an attachment");
        }

        need(registry_add_attachment(&world->registry, attachment), "an attachment");
        settle(world);
}

void world_allocate(World *world, const char *owner) {
        Owner *guest = find_owner(world, owner);

        guest->given = world->registry.next_attachment - 1;
        tell_domain(world, guest);
        return_all(world, guest);
}

void world_free(World *world, const char *owner) {
        Owner *guest = find_owner(world, owner);

        guest->given = 0;
        tell_domain(world, guest);
        return_all(world, guest);
}

/* What the journal keeps of an attachment: libvirt's own is not in it. */
static Attachment *remembered(const Attachment *old) {
        Attachment *attachment;

        need(attachment_new(&attachment, old->number, old->domain_uuid, old->domain),
             "an attachment");
        attachment->state = old->state == ATTACHMENT_ATTACHING ? ATTACHMENT_UNDECIDED : old->state;
        attachment->wants_live = old->wants_live;
        for (size_t i = 0; i < old->n_devices; i++) {
                AttachedDevice device = old->devices[i];

                device.live = device.config = device.gone = false;
                need(VECTOR_APPEND(attachment->devices, attachment->n_devices, device),
                     "an attachment");
        }
        return attachment;
}

void world_restart(World *world, Case *c, Config *config, const json_t *devices,
                   const json_t *gone) {
        Registry old = world->registry;
        size_t i;
        json_t *name;

        registry_init(&world->registry);
        world->registry.topology = old.topology;
        old.topology = (Topology){ 0 };
        world->registry.next_attachment = old.next_attachment;
        world_configure(world, config);
        for (i = 0; i < old.n_attachments; i++)
                need(registry_add_attachment(&world->registry, remembered(old.attachments[i])),
                     "an attachment");
        registry_done(&old);

        json_array_foreach(gone, i, name) {
                find_owner(world, json_string_value(name) ?: "")->gone = true;
        }
        scan(world, c, devices);
        for (i = 0; i < world->n_owners; i++)
                tell_domain(world, &world->owners[i]);
        observe_all(world);
}

const char *world_state(const World *world, Address address) {
        const Device *device = inventory_find(&world->registry.inventory, address);

        return device && device->announced ? device_state_to_string(device->state) : "absent";
}
