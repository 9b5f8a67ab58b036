/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Decisions in process on a made host: PFs with VFs, cards of two functions in one IOMMU group, two nodes.
 *
 *   decide FUNCTIONS REQUEST [--after-change] [--count]
 *   decide FUNCTIONS REQUEST --turns
 *
 * Prints the median and the worst time, and what was answered. With --after-change each decision is made after one
 * attachment has come or gone, and what it took to settle that is told beside it. With --count it decides a few times
 * and prints only the answer: to be run under callgrind, which counts the last alone (in bench_settle() and
 * bench_decide()). With --turns it measures once per line of its input (turn.h): the median of many decisions, and the
 * first one after the driver of a function has changed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/allocate.h"
#include "turn.h"
#include "util/text.h"

enum {
        RUNS = 2001,
        RUNS_OF_TURN = 201,
        RUNS_COUNTED = 19, /* more than are attached at a time: there are changes of both kinds */
        ATTACHED_MAX = 16,
        PORT_FUNCTIONS = 32
};

#define GUEST "00000000-0000-4000-8000-00000000000a"

/* Not static: callgrind knows them by their names. */
int bench_settle(Registry *registry);
int bench_decide(const AllocateQuery *query, Plan *plan, Refusal *refusal);

static void check(int r) {
        if (r == 0)
                return;

        fprintf(stderr, "decide: %d\n", r);
        exit(EXIT_FAILURE);
}

static Rule *make_rule(RuleKind kind, const char *words) {
        char *copy = strdup(words), *rest = copy;
        Word list[8];
        size_t n = 0;
        Rule *rule;

        for (char *word; (word = strtok_r(rest, " ", &rest)); n++) {
                list[n].key = word;
                list[n].value = word + strcspn(word, "=") + 1;
                list[n].value[-1] = '\0';
        }
        check(rule_new(&rule, kind, list, n, NULL));
        free(copy);
        return rule;
}

static void add_alias(Catalog *catalog, const char *name, const char *words, Unit unit) {
        Alias *alias;

        check(alias_new(&alias, name, SOURCE_FILE));
        check(alias_add_rule(alias, make_rule(RULE_ALIAS, words)));
        alias->numa_policy = NUMA_PREFERRED;
        alias->unit = unit;
        check(catalog_add_alias(catalog, alias));
}

static void add_catalog(Catalog *catalog) {
        Pool *pool;

        check(pool_new(&pool, "all", SOURCE_FILE));
        check(pool_add_rule(pool, make_rule(RULE_POOL, "tag.rack=1")));
        check(catalog_add_pool(catalog, pool));
        add_alias(catalog, "a1", "vendor_id=8086 product_id=0002 device_type=type-VF",
                  UNIT_FUNCTION);
        add_alias(catalog, "b", "vendor_id=8086 device_type=type-VF bus=.[0-7]", UNIT_FUNCTION);
        add_alias(catalog, "pf", "vendor_id=8086 device_type=type-PF", UNIT_FUNCTION);
        add_alias(catalog, "gpu", "vendor_id=10de product_id=0101", UNIT_SLOT);
        add_alias(catalog, "any", "vendor_id=10de", UNIT_FUNCTION);
        add_alias(catalog, "none", "vendor_id=1234", UNIT_FUNCTION);
        add_alias(catalog, "first", "device_type=type-VF slot=00 function=1", UNIT_FUNCTION);
}

static void add_function(Registry *registry, Address address, uint16_t vendor, uint16_t product,
                         DeviceType type, int group) {
        Facts *facts;

        check(facts_new(&facts, address));
        facts->vendor_id = vendor;
        facts->product_id = product;
        facts->class_code = vendor == 0x8086 ? 0x020000 : 0x030000;
        facts->type = type;
        facts->numa_node = address.bus % 2;
        facts->iommu_group = group;
        facts->physical_function = (Address){ .domain = address.domain, .bus = address.bus };
        facts->max_virtual_functions = type == DEVICE_TYPE_PF ? 64 : 0;
        check(registry_observe_device(registry, address, facts));
}

/* Three quarters are ports of a PF and 31 VFs, the rest cards of two functions. */
static void make_host(Registry *registry, unsigned n_functions) {
        unsigned n_ports = n_functions * 3 / 4 / PORT_FUNCTIONS, made = 0;

        registry_init(registry);
        add_catalog(&registry->catalog);
        registry->topology.sockets = calloc(2, sizeof(int));
        registry->topology.n_nodes = 2;
        registry->topology.sockets[1] = 1;
        for (; made < n_ports * PORT_FUNCTIONS; made++) {
                unsigned function = made % PORT_FUNCTIONS;
                Address address = {
                        .bus = (uint8_t) (made / PORT_FUNCTIONS),
                        .slot = (uint8_t) (function / 8),
                        .function = (uint8_t) (function % 8),
                };

                add_function(registry, address, 0x8086, function > 0 ? 2 : 1,
                             function > 0 ? DEVICE_TYPE_VF : DEVICE_TYPE_PF, (int) made);
        }
        for (; made < n_functions; made++) {
                Address address = {
                        .domain = 1,
                        .bus = (uint8_t) (made / 64),
                        .slot = (uint8_t) (made % 64 / 2),
                        .function = (uint8_t) (made % 2),
                };

                add_function(registry, address, 0x10de, (uint16_t) (0x101 + made % 2),
                             DEVICE_TYPE_PCI, 100000 + (int) made / 2);
        }
        check(registry_settle(registry));
}

__attribute__((noinline)) int bench_settle(Registry *registry) {
        return registry_settle(registry);
}

__attribute__((noinline)) int bench_decide(const AllocateQuery *query, Plan *plan,
                                           Refusal *refusal) {
        return allocate(query, plan, refusal);
}

static int compare_times(const void *a, const void *b) {
        double time_a = *(const double *) a, time_b = *(const double *) b;

        return time_a < time_b ? -1 : time_a > time_b;
}

typedef struct Bench {
        Registry registry;
        AllocateMemory memory;
        AllocateQuery query;
        Request *request;
        Plan plan;       /* the last */
        Refusal refusal; /* or why there is none */
} Bench;

static double decide(Bench *bench, bool is_counted) {
        double before;
        int r;

        plan_done(&bench->plan);
        refusal_done(&bench->refusal);
        bench->refusal = (Refusal){ 0 };
        before = turn_now_usec();
        r = is_counted ? bench_decide(&bench->query, &bench->plan, &bench->refusal)
                       : allocate(&bench->query, &bench->plan, &bench->refusal);
        if (r < 0)
                check(r);
        return turn_now_usec() - before;
}

/* Attaches what was chosen last; or, when that is nothing or there are enough, takes the oldest back. */
static double change(Bench *bench, bool is_counted) {
        Registry *registry = &bench->registry;
        Attachment *attachment;
        double before;

        if (registry->n_attachments == ATTACHED_MAX || bench->plan.n_choices == 0) {
                before = turn_now_usec();
                if (registry->n_attachments > 0)
                        check(registry_remove_attachment(registry,
                                                         registry->attachments[0]->number));
        } else {
                check(attachment_new(&attachment, registry->next_attachment, GUEST, "guest"));
                attachment->n_devices = bench->plan.n_choices;
                attachment->devices = calloc(attachment->n_devices, sizeof(AttachedDevice));
                if (!attachment->devices)
                        check(-ENOMEM);
                for (size_t i = 0; i < attachment->n_devices; i++)
                        attachment->devices[i].address = bench->plan.choices[i].device->address;
                before = turn_now_usec();
                check(registry_add_attachment(registry, attachment));
        }
        check(is_counted ? bench_settle(registry) : registry_settle(registry));
        before = turn_now_usec() - before;
        changes_done(&registry->changes);
        return before;
}

/* The first VF has another driver; how long that took the registry. */
static double change_driver(Registry *registry) {
        Address address = { .function = 1 };
        static unsigned number;
        double before;
        Facts *facts;

        check(facts_new(&facts, address));
        facts->vendor_id = 0x8086;
        facts->product_id = 2;
        facts->class_code = 0x020000;
        facts->type = DEVICE_TYPE_VF;
        facts->numa_node = 0;
        facts->iommu_group = 1;
        facts->physical_function = (Address){ 0 };
        check(facts_set(&facts->driver, number++ % 2 == 0 ? "ixgbevf" : "vfio-pci"));

        before = turn_now_usec();
        check(registry_observe_device(registry, address, facts));
        check(registry_settle(registry));
        return turn_now_usec() - before;
}

static void take_turns(Bench *bench) {
        double times[RUNS_OF_TURN], changed, first;

        while (turn_wait()) {
                changed = change_driver(&bench->registry);
                first = decide(bench, false);
                for (size_t i = 0; i < RUNS_OF_TURN; i++)
                        times[i] = decide(bench, false);
                qsort(times, RUNS_OF_TURN, sizeof(*times), compare_times);
                turn_report("usec=%.3f first=%.3f changed=%.3f", times[RUNS_OF_TURN / 2], first,
                            changed);
        }
}

static void print_times(const char *what, double *times) {
        qsort(times, RUNS, sizeof(*times), compare_times);
        printf(", %smedian %.1f us, worst %.1f us", what, times[RUNS / 2], times[RUNS - 1]);
}

static void init(Bench *bench, const char *functions, const char *request) {
        make_host(&bench->registry, (unsigned) strtoul(functions, NULL, 10));
        check(request_parse(request, &bench->request, NULL));
        bench->query = (AllocateQuery){
                .registry = &bench->registry,
                .request = bench->request,
                .domain_uuid = GUEST,
                .numa_policy = -1,
                .memory = &bench->memory,
        };
        node_set_add(&bench->query.nodes, 1);
}

static void done(Bench *bench) {
        plan_done(&bench->plan);
        refusal_done(&bench->refusal);
        allocate_forget(&bench->memory);
        request_free(bench->request);
        registry_done(&bench->registry);
}

int main(int argc, char **argv) {
        static double times[RUNS], settle_times[RUNS];
        bool is_count = false, is_after_change = false, takes_turns = false;
        size_t n_runs;
        Bench bench = { 0 };
        double first;

        for (int i = 3; i < argc; i++) {
                is_count |= strcmp(argv[i], "--count") == 0;
                is_after_change |= strcmp(argv[i], "--after-change") == 0;
                takes_turns |= strcmp(argv[i], "--turns") == 0;
        }
        if (argc < 3 || argc != 3 + is_count + is_after_change + takes_turns) {
                fprintf(stderr, "usage: decide FUNCTIONS REQUEST "
                                "[[--after-change] [--count] | --turns]\n");
                return 2;
        }

        init(&bench, argv[1], argv[2]);
        if (takes_turns) {
                take_turns(&bench);
                done(&bench);
                return 0;
        }

        n_runs = !is_count ? RUNS : is_after_change ? RUNS_COUNTED : 2;
        first = decide(&bench, false);
        for (size_t i = 0; i < n_runs; i++) {
                bool is_last = is_count && i == n_runs - 1;

                settle_times[i] = is_after_change ? change(&bench, is_last) : 0;
                times[i] = decide(&bench, is_last);
        }

        printf("%s\n", bench.plan.n_choices > 0 ? "fits" : bench.refusal.text ?: "no memory");
        if (!is_count) {
                printf("%s functions, %s: first %.1f us", argv[1], argv[2], first);
                print_times("", times);
                if (is_after_change)
                        print_times("each after a change; to settle that: ", settle_times);
                printf("\n");
        }
        done(&bench);
        return 0;
}
