/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <assert.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

const Address NIC0 = { .bus = 0x41 }, NIC1 = { .bus = 0x42 }, NIC2 = { .bus = 0x43 };

static int scan_one(void *userdata, Address address, Facts **ret) {
        Fixture *fixture = userdata;
        size_t index = address.bus - NIC0.bus;
        Facts *facts;

        if (fixture->scan_error < 0)
                return fixture->scan_error;

        *ret = NULL;
        if (index > 2 || fixture->absent[index])
                return 0;

        assert(facts_new(&facts, address) == 0);
        facts->vendor_id = 0x8086;
        facts->product_id = fixture->product[index] ?: 0x10d3;
        facts->class_code = 0x020000;
        facts->iommu_group = fixture->grouped && index < 2 ? 5 : (int) index + 10;
        facts->numa_node = 0;
        assert(facts_set(&facts->driver, fixture->driver[index] ?: "e1000e") == 0);
        assert(facts_set(&facts->host_use,
                         index == 0 && fixture->host_use ? fixture->host_use : "") == 0);
        facts->enabled = fixture->open || strcmp(facts->driver, "vfio-pci") != 0;
        *ret = facts;
        return 0;
}

static int scan_addresses(void *userdata, Address **ret, size_t *ret_n) {
        Fixture *fixture = userdata;

        *ret = calloc(3, sizeof(Address));
        *ret_n = 0;
        for (size_t i = 0; i < 3; i++)
                if (!fixture->absent[i])
                        (*ret)[(*ret_n)++] = (Address){ .bus = (uint8_t) (NIC0.bus + i) };
        return 0;
}

static int use_changes(void *userdata, Address **ret, size_t *ret_n) {
        Fixture *fixture = userdata;

        if (fixture->use_error < 0)
                return fixture->use_error;

        *ret_n = fixture->host_use != fixture->told_use;
        *ret = calloc(1, sizeof(Address));
        **ret = NIC0;
        fixture->told_use = fixture->host_use;
        return 0;
}

static void publish(void *userdata, const Changes *changes) {
        Fixture *fixture = userdata;

        fixture->n_published++;
}

static bool host_ready(void *userdata) {
        const Fixture *fixture = userdata;

        return !fixture->unready;
}

static void retry(void *userdata) {
        Fixture *fixture = userdata;

        fixture->n_retries++;
}

static uint64_t now(void *userdata) {
        const Fixture *fixture = userdata;

        return fixture->now_usec;
}

static Rule *rule_of(RuleKind kind, const char *key, const char *value) {
        const Word word = { .key = (char *) key, .value = (char *) value };
        Rule *rule;

        assert(rule_new(&rule, kind, &word, 1, NULL) == 0);
        return rule;
}

static void ended(void *userdata, uint32_t attachment, bool detach, int verdict, const char *text) {
        Fixture *fixture = userdata;

        assert(verdict != OUTCOME_PENDING);
        fixture->n_ended[detach]++;
        fixture->ended_verdict = verdict;
}

static Catalog catalog_of_files(void) {
        Catalog catalog = { 0 };
        Pool *pool;
        Alias *alias;

        assert(pool_new(&pool, "nics", SOURCE_FILE) == 0);
        assert(pool_add_rule(pool, rule_of(RULE_POOL, "vendor_id", "8086")) == 0);
        assert(catalog_add_pool(&catalog, pool) == 0);
        assert(alias_new(&alias, "nic", SOURCE_FILE) == 0);
        assert(alias_add_rule(alias, rule_of(RULE_ALIAS, "product_id", "10d3")) == 0);
        assert(catalog_add_alias(&catalog, alias) == 0);
        return catalog;
}

void fixture_kill(Fixture *fixture) {
        memory_orphan(&fixture->memory);
        fixture->manager = manager_free(fixture->manager);
        fixture->journal = journal_free(fixture->journal);
}

void fixture_start(Fixture *fixture) {
        const ManagerPorts ports = {
                .userdata = fixture,
                .scan_one = scan_one,
                .scan_addresses = scan_addresses,
                .use_changes = use_changes,
                .publish = publish,
                .host_ready = host_ready,
                .retry = retry,
                .ended = ended,
                .now = now,
                .realtime = now,
        };
        JournalContent content = { 0 };
        Catalog catalog = catalog_of_files();

        fixture_kill(fixture);
        memset(fixture->n_ended, 0, sizeof(fixture->n_ended));
        assert(journal_open(&fixture->journal, fixture->directory, &content) == 0);
        assert(manager_new(&fixture->manager, &ports, &fixture->memory.port, fixture->journal,
                           &content, &catalog) == 0);
        journal_content_done(&content);
        assert(manager_scan(fixture->manager) == 0);
        assert(manager_start(fixture->manager) == 0);
}

int fixture_setup(void **state) {
        Fixture *fixture = calloc(1, sizeof(*fixture));

        assert(fixture);
        strcpy(fixture->directory, "/tmp/hostdevd-manager-XXXXXX");
        assert(mkdtemp(fixture->directory));
        fixture->now_usec = 1000000000;
        memory_hypervisor_init(&fixture->memory);
        fixture->web = memory_domain(&fixture->memory, WEB, "web");
        fixture->web->running = fixture->web->persistent = true;
        fixture->db = memory_domain(&fixture->memory, DB, "db");
        fixture->db->persistent = true;

        fixture_start(fixture);
        memory_connect(&fixture->memory);
        *state = fixture;
        return 0;
}

int fixture_teardown(void **state) {
        Fixture *fixture = *state;
        struct dirent *entry;
        DIR *directory;

        fixture_kill(fixture);
        memory_hypervisor_done(&fixture->memory);
        directory = opendir(fixture->directory);
        while ((entry = readdir(directory)))
                (void) unlinkat(dirfd(directory), entry->d_name, 0); /* . and .. stay */
        closedir(directory);
        (void) rmdir(fixture->directory);
        free(fixture);
        return 0;
}

/* Whom an answer belongs to, and the fixture that saw it. */
typedef struct Waiter {
        Answer *answer;
        const Fixture *fixture;
} Waiter;

static void on_done(void *userdata, int verdict, const char *text, uint32_t attachment) {
        Waiter *waiter = userdata;

        waiter->answer->n++;
        waiter->answer->verdict = verdict;
        waiter->answer->attachment = attachment;
        waiter->answer->n_published = waiter->fixture->n_published;
        (void) snprintf(waiter->answer->text, sizeof(waiter->answer->text), "%s", text ?: "");
        free(waiter);
}

static Waiter *waiter_new(const Fixture *fixture, Answer *answer) {
        Waiter *waiter = calloc(1, sizeof(*waiter));

        assert(waiter);
        *answer = (Answer){ 0 };
        *waiter = (Waiter){ answer, fixture };
        return waiter;
}

/* A call that was refused at once is not answered later. */
static int refused_now(int r, Waiter *waiter, Answer *answer, Refusal *refusal) {
        if (r == 0)
                return 0;

        answer->verdict = r;
        (void) snprintf(answer->text, sizeof(answer->text), "%s", refusal->text ?: "");
        refusal_done(refusal);
        free(waiter);
        return r;
}

int fixture_attach(Fixture *fixture, const char *uuid, const char *text, bool live, bool config,
                   Answer *answer) {
        _cleanup_(request_freep) Request *request = NULL;
        AttachOrder order = {
                .request_text = text,
                .live = live,
                .config = config,
                .numa_policy = -1,
                .reason = "",
                .owner_uid = 1000,
        };
        Waiter *waiter = waiter_new(fixture, answer);
        Refusal refusal = { 0 };
        Plan plan = { 0 };
        int r;

        assert(request_parse(text, &request, NULL) == 0);
        order.request = request;
        strcpy(order.domain_uuid, uuid);
        r = manager_choose(fixture->manager, &order, &plan, &refusal);
        if (r == 0)
                r = manager_attach(fixture->manager, &order, &plan, on_done, waiter, &refusal);
        plan_done(&plan);
        return refused_now(r, waiter, answer, &refusal);
}

int fixture_detach(Fixture *fixture, uint32_t number, Answer *answer) {
        Waiter *waiter = waiter_new(fixture, answer);
        Refusal refusal = { 0 };

        return refused_now(
                manager_detach(fixture->manager, number, 5000000, on_done, waiter, &refusal),
                waiter, answer, &refusal);
}

void fixture_fill_disk(bool full) {
        struct rlimit limit;

        /* Otherwise the limit would end us. */
        assert(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
        assert(getrlimit(RLIMIT_FSIZE, &limit) == 0);
        limit.rlim_cur = full ? 0 : limit.rlim_max;
        assert(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

void fixture_pass(Fixture *fixture, uint64_t usec) {
        fixture->now_usec += usec;
        if (manager_deadline(fixture->manager) <= fixture->now_usec)
                manager_tick(fixture->manager);
}

const Device *fixture_device(Fixture *fixture, Address address) {
        manager_publish(fixture->manager);
        return inventory_find(&manager_registry(fixture->manager)->inventory, address);
}

const Attachment *fixture_attachment(Fixture *fixture, uint32_t number) {
        return registry_find_attachment(manager_registry(fixture->manager), number);
}
