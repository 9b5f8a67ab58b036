/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Decisions in process on a made host: PFs with VFs, cards of two functions in one IOMMU group, two nodes.
 *
 *   decide FUNCTIONS REQUEST            prints the median and the worst time, and what was answered
 *   decide FUNCTIONS REQUEST --count    decides thrice and prints only the answer; to be run under callgrind, which
 *                                       counts the last alone (from bench_decide() on)
 *   decide FUNCTIONS REQUEST --turns    measures once per line of its input (turn.h): the median of many decisions,
 *                                       and the first one after the driver of a function has changed
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/allocate.h"
#include "turn.h"
#include "util/text.h"

enum {
        RUNS = 2001,
        RUNS_OF_TURN = 201,
        PORT_FUNCTIONS = 32
};

/* Not static: callgrind knows it by its name. */
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

__attribute__((noinline)) int bench_decide(const AllocateQuery *query, Plan *plan,
                                           Refusal *refusal) {
        return allocate(query, plan, refusal);
}

static int compare_times(const void *a, const void *b) {
        double time_a = *(const double *) a, time_b = *(const double *) b;

        return time_a < time_b ? -1 : time_a > time_b;
}

static double decide(const AllocateQuery *query, bool is_last) {
        Refusal refusal = { 0 };
        Plan plan = { 0 };
        double before = turn_now_usec(), after;
        int r = is_last ? bench_decide(query, &plan, &refusal) : allocate(query, &plan, &refusal);

        after = turn_now_usec();
        if (is_last)
                printf("%s\n", r == 0 ? "fits" : refusal.text ?: "no memory");
        plan_done(&plan);
        refusal_done(&refusal);
        return after - before;
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
        facts->driver = strdup(number++ % 2 == 0 ? "ixgbevf" : "vfio-pci");

        before = turn_now_usec();
        check(registry_observe_device(registry, address, facts));
        check(registry_settle(registry));
        return turn_now_usec() - before;
}

static void take_turns(Registry *registry, const AllocateQuery *query) {
        double times[RUNS_OF_TURN], changed, first;

        while (turn_wait()) {
                changed = change_driver(registry);
                first = decide(query, false);
                for (size_t i = 0; i < RUNS_OF_TURN; i++)
                        times[i] = decide(query, false);
                qsort(times, RUNS_OF_TURN, sizeof(*times), compare_times);
                turn_report("usec=%.3f first=%.3f changed=%.3f", times[RUNS_OF_TURN / 2], first,
                            changed);
        }
}

int main(int argc, char **argv) {
        bool is_count = argc > 3 && strcmp(argv[3], "--count") == 0;
        bool takes_turns = argc > 3 && strcmp(argv[3], "--turns") == 0;
        static double times[RUNS];
        AllocateMemory memory = { 0 };
        AllocateQuery query;
        Registry registry;
        Request *request;
        double first;

        if (argc < 3) {
                fprintf(stderr, "usage: decide FUNCTIONS REQUEST [--count | --turns]\n");
                return 2;
        }

        make_host(&registry, (unsigned) strtoul(argv[1], NULL, 10));
        check(request_parse(argv[2], &request, NULL));
        query = (AllocateQuery){
                .registry = &registry,
                .request = request,
                .domain_uuid = "00000000-0000-4000-8000-00000000000a",
                .numa_policy = -1,
                .memory = &memory,
        };
        node_set_add(&query.nodes, 1);

        first = decide(&query, false);
        if (takes_turns)
                take_turns(&registry, &query);
        for (size_t i = 0; i < RUNS && !is_count && !takes_turns; i++)
                times[i] = decide(&query, false);
        decide(&query, !takes_turns);
        if (!is_count && !takes_turns) {
                qsort(times, RUNS, sizeof(*times), compare_times);
                printf("%s functions, %s: first %.1f us, median %.1f us, worst %.1f us\n", argv[1],
                       argv[2], first, times[RUNS / 2], times[RUNS - 1]);
        }
        allocate_forget(&memory);
        request_free(request);
        registry_done(&registry);
        return 0;
}
