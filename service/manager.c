/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "manager-internal.h"
#include "util/log.h"
#include "util/vector.h"

static void take_attachments(Manager *manager, JournalContent *content, int *ret) {
        for (size_t i = 0; i < content->n_attachments; i++) {
                Attachment *attachment = TAKE(content->attachments[i]);
                uint32_t number = attachment->number;

                /* The daemon died between the intent and its outcome. */
                if (attachment->state == ATTACHMENT_ATTACHING)
                        (void) attachment_enter(attachment, ATTACHMENT_UNDECIDED);

                *ret = registry_add_attachment(&manager->registry, attachment);
                if (*ret == 0)
                        *ret = manager_add_activity(manager, number);
                if (*ret < 0)
                        return;
        }
        content->n_attachments = 0;
}

int manager_new(Manager **ret, const ManagerPorts *ports, Hypervisor *hypervisor, Journal *journal,
                JournalContent *content, Catalog *catalog) {
        _cleanup_(manager_freep) Manager *manager = NULL;
        int r = 0;

        assert(ret);
        assert(hypervisor);
        assert(journal);

        manager = calloc(1, sizeof(*manager));
        if (!manager)
                return -ENOMEM;

        manager->ports = *ports;
        manager->hypervisor = hypervisor;
        manager->journal = journal;
        registry_init(&manager->registry);
        manager->files = *catalog;
        *catalog = (Catalog){ 0 };
        manager->runtime = content->runtime;
        content->runtime = (Catalog){ 0 };

        r = manager_merge_catalogs(manager);
        if (r < 0)
                return r;

        if (content->next_attachment > manager->registry.next_attachment)
                manager->registry.next_attachment = content->next_attachment;
        take_attachments(manager, content, &r);
        if (r < 0)
                return r;
        manager_take_given_up(manager, content);

        *ret = TAKE(manager);
        return 0;
}

Manager *manager_free(Manager *manager) {
        if (!manager)
                return NULL;

        manager_stop(manager);
        manager_free_activities(manager);
        manager_free_given_up(manager);
        allocate_forget(&manager->memory);
        registry_done(&manager->registry);
        catalog_done(&manager->files);
        catalog_done(&manager->runtime);
        free(manager);
        return NULL;
}

const Registry *manager_registry(const Manager *manager) {
        return &manager->registry;
}

bool manager_is_connected(const Manager *manager) {
        return manager->connected;
}

bool manager_is_host_ready(const Manager *manager) {
        return manager->host_ready;
}

const char *manager_uri(const Manager *manager) {
        return manager->hypervisor->operations->uri(manager->hypervisor);
}

bool manager_can_attach_live(const Manager *manager) {
        return manager->hypervisor->operations->can_attach_live(manager->hypervisor);
}

bool manager_is_reconciled(const Manager *manager) {
        return manager->reconciled;
}

bool manager_is_unreachable(const Manager *manager) {
        return manager->unreachable;
}

/* Without memory a change is not told; the object shows the truth when it is read. */
static void touch_manager(Manager *manager, uint32_t properties) {
        if (changes_touch(&manager->registry.changes, OBJECT_MANAGER, "", properties) < 0)
                log_warning("Out of memory; a change of the manager is not announced");
}

static void on_connected(void *userdata, bool connected, const char *text) {
        Manager *manager = userdata;

        if (connected)
                log_info("Connected to %s", manager_uri(manager));
        else if (manager->connected || !manager->unreachable)
                log_warning("No connection to %s: %s", manager_uri(manager), text);

        manager->unreachable = !connected;
        if (!connected)
                manager->reconciled = false;
        if (manager->connected != connected) {
                manager->connected = connected;
                touch_manager(manager, MANAGER_LIBVIRT_CONNECTED | MANAGER_LIBVIRT_URI);
        }
        /* Calls that waited for the first answer need not wait for one that will not come. */
        if (!connected)
                manager->ports.retry(manager->ports.userdata);
}

/* Once for each domain that cannot be read, not at each look at it. */
static void log_unreadable(const Manager *manager, const DomainFacts *facts) {
        const DomainFacts *before = domains_find_uuid(&manager->registry.domains, facts->uuid);

        if (facts->unreadable && !(before && before->unreadable))
                log_error("What domain %s (%s) holds cannot be read, until then no device is given "
                          "away: %s",
                          facts->name, facts->uuid, facts->unreadable);
        else if (facts->present && !facts->unreadable && before && before->unreadable)
                log_info("What domain %s (%s) holds can be read again", facts->name, facts->uuid);
}

static void on_domain(void *userdata, DomainFacts *facts) {
        Manager *manager = userdata;
        char uuid[UUID_TEXT_SIZE];
        int r;

        memcpy(uuid, facts->uuid, sizeof(uuid));
        log_unreadable(manager, facts);
        r = registry_observe_domain(&manager->registry, facts);
        if (r < 0) {
                log_error("Cannot take over what libvirt says of domain %s, until then no device "
                          "is given away: %s",
                          uuid, strerror(-r));
                manager->retry_usec = manager_now(manager) + MANAGER_LOOK_USEC;
                return;
        }

        manager_look_for_strays(manager, uuid);
        manager_observe_domain(manager, uuid);
}

void manager_take_missed(Manager *manager) {
        uint64_t now_usec = manager_now(manager);
        DomainFacts *facts;

        /* The first that fails again ends it, since that puts the next time off. */
        while (manager->retry_usec <= now_usec &&
               (facts = domains_take_missed(&manager->registry.domains, NULL)))
                on_domain(manager, facts);
}

static void on_reconciled(void *userdata) {
        Manager *manager = userdata;

        manager->reconciled = true;
        manager_look_for_strays(manager, NULL);
        manager_resume(manager);
        manager_publish(manager);
        manager->ports.retry(manager->ports.userdata);
}

static void on_removal_failed(void *userdata, const char *domain_uuid, const char *alias) {
        manager_removal_failed(userdata, domain_uuid, alias);
}

int manager_start(Manager *manager) {
        static const HypervisorCallbacks callbacks = {
                .connected = on_connected,
                .reconciled = on_reconciled,
                .domain = on_domain,
                .removal_failed = on_removal_failed,
        };

        return manager->hypervisor->operations->start(manager->hypervisor, &callbacks, manager);
}

void manager_look_at_host(Manager *manager) {
        bool ready = manager->ports.host_ready(manager->ports.userdata);

        if (ready == manager->host_ready)
                return;

        manager->host_ready = ready;
        touch_manager(manager, MANAGER_HOST_READY);
}

void manager_mind_journal(Manager *manager, int r) {
        if (r == JOURNAL_FAILED)
                manager_look_at_host(manager);
}

int manager_observe(Manager *manager, Address address) {
        Facts *facts = NULL;
        int r;

        r = manager->ports.scan_one(manager->ports.userdata, address, &facts);
        if (r < 0)
                return r;

        r = registry_observe_device(&manager->registry, address, facts);
        if (r < 0)
                return r;

        manager_observe_held(manager, address);
        return 0;
}

int manager_look_at_use(Manager *manager) {
        _cleanup_(freep) Address *addresses = NULL;
        size_t n = 0;
        int r;

        if (!manager->ports.use_changes)
                return 0;

        /* A change is told once: what was not read then can be any device. */
        if (manager->use_lost) {
                r = manager_scan(manager);
                if (r < 0)
                        return r;
                manager->use_lost = false;
        }

        r = manager->ports.use_changes(manager->ports.userdata, &addresses, &n);
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = manager_observe(manager, addresses[i]);
        manager->use_lost = r < 0;
        return r;
}

static bool is_listed(const Address *addresses, size_t n, Address address) {
        size_t low = 0, high = n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int order = address_compare(addresses[middle], address);

                if (order == 0)
                        return true;
                if (order < 0)
                        low = middle + 1;
                else
                        high = middle;
        }

        return false;
}

/* Addresses that are known but no longer in the host are observed too: they are found to be empty. */
static int observe_missing(Manager *manager, const Address *addresses, size_t n) {
        const Inventory *inventory = &manager->registry.inventory;
        _cleanup_(freep) Address *missing = NULL;
        size_t n_missing = 0;
        int r;

        for (size_t i = 0; i < inventory->n_devices; i++) {
                if (is_listed(addresses, n, inventory->devices[i]->address))
                        continue;

                r = VECTOR_APPEND(missing, n_missing, inventory->devices[i]->address);
                if (r < 0)
                        return r;
        }

        for (size_t i = 0; i < n_missing; i++) {
                r = manager_observe(manager, missing[i]);
                if (r < 0)
                        return r;
        }

        return 0;
}

int manager_scan(Manager *manager) {
        _cleanup_(freep) Address *addresses = NULL;
        size_t n = 0;
        int r;

        r = manager->ports.scan_addresses(manager->ports.userdata, &addresses, &n);
        if (r < 0)
                return r;

        for (size_t i = 0; i < n; i++) {
                r = manager_observe(manager, addresses[i]);
                if (r < 0)
                        return r;
        }

        r = observe_missing(manager, addresses, n);
        if (r < 0)
                return r;

        manager_look_at_host(manager);
        return 0;
}

static AllocateQuery query_of(Manager *manager, const AttachOrder *order) {
        return (AllocateQuery){
                .registry = &manager->registry,
                .request = order->request,
                .domain_uuid = order->domain_uuid,
                .nodes = order->nodes,
                .numa_policy = order->numa_policy,
                .force = order->force,
                .memory = &manager->memory,
        };
}

int manager_choose(Manager *manager, const AttachOrder *order, Plan *ret, Refusal *refusal) {
        const DomainFacts *unreadable = domains_find_unreadable(&manager->registry.domains);
        AllocateQuery query = query_of(manager, order);
        int r;

        /* It may hold any device. */
        if (unreadable)
                return refuse(refusal, HYPERVISOR_UNAVAILABLE,
                              "What domain %s (%s) holds cannot be read: %s", unreadable->name,
                              unreadable->uuid, unreadable->unreadable ?: "out of memory");

        /* What the host began to use before counts, although nobody may have told us yet … */
        r = manager_look_at_use(manager);
        if (r < 0)
                return r;

        /* … and what happened earlier in this turn of the loop. */
        r = registry_settle(&manager->registry);
        if (r < 0)
                return r;

        return allocate(&query, ret, refusal);
}

int manager_explain(Manager *manager, const AttachOrder *order, Explanation *ret) {
        AllocateQuery query = query_of(manager, order);
        int r;

        r = manager_look_at_use(manager);
        if (r >= 0)
                r = registry_settle(&manager->registry);
        if (r < 0)
                return r;

        return allocate_explain(&query, ret);
}

/* May a call that waits for a device have more luck now? */
static bool changes_invite_retry(const Changes *changes) {
        const uint32_t properties = DEVICE_STATE | DEVICE_REASONS | DEVICE_POOL | DEVICE_TAGS;

        for (size_t i = 0; i < changes->n_items; i++) {
                const Change *change = &changes->items[i];

                if (change->kind == OBJECT_DEVICE &&
                    (change->added || change->properties & properties))
                        return true;
                if (change->kind == OBJECT_ALIAS)
                        return true;
        }

        return false;
}

void manager_publish(Manager *manager) {
        Changes changes;
        bool retry;
        int r;

        r = registry_settle(&manager->registry);
        if (r < 0)
                log_warning("Out of memory; some states are not up to date");

        if (manager->registry.changes.n_items == 0)
                return;

        changes = manager->registry.changes;
        manager->registry.changes = (Changes){ 0 };
        retry = changes_invite_retry(&changes);

        manager->ports.publish(manager->ports.userdata, &changes);
        changes_done(&changes);
        if (retry)
                manager->ports.retry(manager->ports.userdata);
}
