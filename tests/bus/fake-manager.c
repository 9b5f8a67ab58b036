/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-manager.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "util/text.h"

const Address NIC0 = { .bus = 0x41 }, NIC1 = { .bus = 0x42 };

static void add_device(Manager *manager, Address address) {
        Facts *facts;

        assert(facts_new(&facts, address) == 0);
        facts->vendor_id = 0x8086;
        facts->product_id = 0x10d3;
        facts->class_code = 0x020000;
        facts->iommu_group = address.bus;
        facts->numa_node = 0;
        assert(facts_set(&facts->driver, "e1000e") == 0);
        assert(registry_observe_device(&manager->registry, address, facts) == 0);
}

static void add_domain(Manager *manager, const char *uuid, const char *name, bool running) {
        DomainFacts *facts;

        assert(domain_facts_new(&facts, uuid, name) == 0);
        facts->present = facts->persistent = true;
        facts->running = running;
        assert(registry_observe_domain(&manager->registry, facts) == 0);
}

static Alias *make_alias(const char *name, const char *key, const char *value) {
        const Word word = { .key = (char *) key, .value = (char *) value };
        Alias *alias;
        Rule *rule;

        assert(alias_new(&alias, name, SOURCE_FILE) == 0);
        assert(rule_new(&rule, RULE_ALIAS, &word, 1, NULL) == 0);
        assert(alias_add_rule(alias, rule) == 0);
        return alias;
}

static void add_catalog(Manager *manager) {
        const Word words[] = { { .key = (char *) "vendor_id", .value = (char *) "8086" },
                               { .key = (char *) "tag.rack", .value = (char *) "row 4" } };
        Catalog catalog = { 0 };
        Pool *pool;
        Rule *rule;

        assert(pool_new(&pool, "10g-nics", SOURCE_FILE) == 0);
        assert(rule_new(&rule, RULE_POOL, words, N_ELEMENTS(words), NULL) == 0);
        assert(pool_add_rule(pool, rule) == 0);
        assert(catalog_add_pool(&catalog, pool) == 0);
        assert(catalog_add_alias(&catalog, make_alias("nic", "product_id", "10d3")) == 0);
        assert(catalog_add_alias(&catalog, make_alias("gpu", "vendor_id", "10de")) == 0);
        assert(registry_set_catalog(&manager->registry, &catalog) == 0);
}

Manager *fake_manager_new(void) {
        Manager *manager = calloc(1, sizeof(*manager));

        assert(manager);
        registry_init(&manager->registry);
        manager->uri = "qemu:///system";
        manager->connected = manager->reconciled = true;
        manager->chosen = NIC0;
        add_catalog(manager);
        add_device(manager, NIC0);
        add_device(manager, NIC1);
        add_domain(manager, WEB_UUID, "web", true);
        add_domain(manager, "99999999-2222-3333-4444-555555555555", "db", false);
        fake_manager_settle(manager);
        return manager;
}

Manager *manager_free(Manager *manager) {
        if (!manager)
                return NULL;

        if (manager->done)
                fake_manager_answer(manager, OUTCOME_PENDING, "stopping", 1);
        registry_done(&manager->registry);
        free(manager);
        return NULL;
}

void fake_manager_settle(Manager *manager) {
        assert(registry_settle(&manager->registry) == 0);
        if (manager->publish)
                manager->publish(manager->publish_userdata, &manager->registry.changes);
        changes_done(&manager->registry.changes);
}

void fake_manager_answer(Manager *manager, int verdict, const char *text, uint32_t attachment) {
        ManagerDone done = TAKE(manager->done);

        assert(done);
        fake_manager_settle(manager);
        done(manager->done_userdata, verdict, text, attachment);
}

void fake_manager_add_attachment(Manager *manager, uint32_t number, uint32_t owner_uid) {
        Attachment *attachment;

        assert(attachment_new(&attachment, number, WEB_UUID, "web") == 0);
        attachment->devices = calloc(1, sizeof(*attachment->devices));
        assert(attachment->devices);
        attachment->devices[0].address = NIC0;
        attachment->devices[0].vendor_id = 0x8086;
        attachment->devices[0].product_id = 0x10d3;
        attachment->n_devices = 1;
        attachment->owner_uid = owner_uid;
        assert(facts_set(&attachment->request, "nic") == 0);
        assert(registry_add_attachment(&manager->registry, attachment) == 0);
}

const Registry *manager_registry(const Manager *manager) {
        return &manager->registry;
}

bool manager_is_connected(const Manager *manager) {
        return manager->connected;
}

bool manager_is_host_ready(const Manager *manager) {
        return true;
}

void manager_look_at_host(Manager *manager) {
        manager->n_looked++;
}

bool manager_can_attach_live(const Manager *manager) {
        return strncmp(manager_uri(manager), "test", strlen("test")) != 0;
}

const char *manager_uri(const Manager *manager) {
        return manager->uri;
}

bool manager_is_reconciled(const Manager *manager) {
        return manager->reconciled;
}

bool manager_is_unreachable(const Manager *manager) {
        return manager->unreachable;
}

void manager_publish(Manager *manager) {
        fake_manager_settle(manager);
}

int manager_check_limits(const Manager *manager, uint32_t uid, Refusal *refusal) {
        return manager->limit == 0 ? 0 : refuse(refusal, manager->limit, "user %u has enough", uid);
}

int manager_choose(Manager *manager, const AttachOrder *order, Plan *ret, Refusal *refusal) {
        Device *device = inventory_find(&manager->registry.inventory, manager->chosen);

        manager->n_chosen++;
        manager->chosen_live = order->live;
        manager->chosen_config = order->config;
        manager->chosen_force = order->force;
        if (manager->choice != 0)
                return refuse(refusal, manager->choice, "nothing fits");

        ret->choices = calloc(1, sizeof(*ret->choices));
        if (!ret->choices)
                return -ENOMEM;
        ret->choices[0].device = device;
        ret->n_choices = 1;
        return 0;
}

int manager_explain(Manager *manager, const AttachOrder *order, Explanation *ret) {
        const Inventory *inventory = &manager->registry.inventory;
        uint32_t reasons = manager->explained_reasons ?: REASON_NUMA | REASON_RESERVED;

        ret->text = strdup(manager->choice != 0 ? "0 of 2 asked: 1 numa" : "");
        ret->sentence = strdup(manager->choice != 0 ? "0 of 2: 1 elsewhere" : "");
        ret->candidates = calloc(inventory->n_devices, sizeof(*ret->candidates));
        if (!ret->text || !ret->sentence || !ret->candidates)
                return -ENOMEM;

        manager->n_explained++;
        ret->fits = manager->choice == 0;
        ret->n_units[0] = manager->choice == 0 ? 2 : 0;
        ret->counts[__builtin_ctz(REASON_NUMA)] = manager->choice != 0;
        ret->n_candidates = inventory->n_devices;
        for (size_t i = 0; i < inventory->n_devices; i++)
                ret->candidates[i] = (Candidate){
                        .device = inventory->devices[i],
                        .chosen = i == 0 && manager->choice == 0,
                        .reasons = i == 0 ? 0 : reasons,
                };
        return 0;
}

static int begin(Manager *manager, ManagerDone done, void *userdata) {
        if (manager->takes_many && manager->done)
                fake_manager_answer(manager, ATTACHMENT_BUSY, "another came", 0);
        assert(!manager->done);
        manager->n_changed++;
        manager->done = done;
        manager->done_userdata = userdata;
        return 0;
}

int manager_attach(Manager *manager, const AttachOrder *order, const Plan *plan, ManagerDone done,
                   void *userdata, Refusal *refusal) {
        if (manager->attach_verdict != 0)
                return refuse(refusal, manager->attach_verdict, "as the test says");

        manager->owner_uid = order->owner_uid;
        if (manager->attach_once)
                manager->choice = DEVICES_NOT_ENOUGH;
        return begin(manager, done, userdata);
}

int manager_detach(Manager *manager, uint32_t number, uint64_t wait_usec, ManagerDone done,
                   void *userdata, Refusal *refusal) {
        manager->wait_usec = wait_usec;
        return begin(manager, done, userdata);
}

int manager_add_pool(Manager *manager, Pool *pool, Refusal *refusal) {
        Catalog *catalog = &manager->registry.catalog;

        manager->n_changed++;
        if (catalog_find_pool(catalog, pool->name)) {
                pool_free(pool);
                return refuse(refusal, NAME_TAKEN, "taken");
        }

        assert(changes_add(&manager->registry.changes, OBJECT_POOL, pool->name) == 0);
        return catalog_add_pool(catalog, pool);
}

int manager_remove_pool(Manager *manager, const char *name, Refusal *refusal) {
        manager->n_changed++;
        return refuse(refusal, POOL_UNKNOWN, "no pool \"%s\"", name);
}

int manager_add_alias(Manager *manager, Alias *alias, Refusal *refusal) {
        manager->n_changed++;
        assert(changes_add(&manager->registry.changes, OBJECT_ALIAS, alias->name) == 0);
        return catalog_add_alias(&manager->registry.catalog, alias);
}

int manager_remove_alias(Manager *manager, const char *name, Refusal *refusal) {
        Catalog *catalog = &manager->registry.catalog;

        manager->n_changed++;
        if (!catalog_find_alias(catalog, name))
                return refuse(refusal, ALIAS_UNKNOWN, "no alias \"%s\"", name);

        assert(changes_remove(&manager->registry.changes, OBJECT_ALIAS, name) == 0);
        catalog_remove_alias(catalog, name);
        return 0;
}
