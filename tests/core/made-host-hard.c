/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "made-host-hard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum {
        FUNCTIONS_MAX = 4096,
        CARDS_MAX = 1024,
        KINDS_MAX = 8,
        NODES = 4,
        SLOT_FUNCTIONS = 8
};

static uint64_t random_state;

static unsigned below(unsigned limit) {
        random_state ^= random_state << 13;
        random_state ^= random_state >> 7;
        random_state ^= random_state << 17;
        return (unsigned) ((random_state >> 20) % limit);
}

static bool one_in(unsigned n) {
        return below(n) == 0;
}

/* Which functions of a card share an IOMMU group. */
typedef enum Grouping {
        GROUPING_ALONE,   /* none */
        GROUPING_SLOT,    /* those of one slot */
        GROUPING_PAIRS,   /* two that follow each other */
        GROUPING_CARD,    /* all */
        GROUPING_SWITCH,  /* all of two or three cards */
        GROUPING_CROSSED, /* the functions of one number of two or three cards */
        _GROUPING_END,
} Grouping;

typedef struct Kind {
        unsigned n_plain, n_physical, n_virtual; /* functions; VFs of each PF */
        unsigned products[SLOT_FUNCTIONS], virtual_product;
        const char *drivers[SLOT_FUNCTIONS], *virtual_driver;
        Grouping grouping, virtual_grouping;
        unsigned n_switched;
} Kind;

static const char *random_driver(void) {
        static const char *const drivers[] = { "", "vfio-pci", "ice", "nvme" };

        return drivers[below(N_ELEMENTS(drivers))];
}

static void make_kind(Kind *kind) {
        bool is_port = one_in(2);

        kind->n_physical = is_port ? 1 + (unsigned) one_in(3) : 0;
        kind->n_virtual = !is_port ? 0 : one_in(4) ? 16 + below(47) : 1 + below(10);
        kind->n_plain = is_port ? (unsigned) one_in(4) : 1 + below(one_in(3) ? 7 : 3);
        for (size_t i = 0; i < SLOT_FUNCTIONS; i++) {
                kind->products[i] = 1 + below(4);
                kind->drivers[i] = one_in(2) ? "" : random_driver();
        }
        kind->virtual_product = 1 + below(5);
        kind->virtual_driver = one_in(2) ? "" : random_driver();
        kind->grouping = one_in(2) ? GROUPING_ALONE : (Grouping) below(_GROUPING_END);
        kind->virtual_grouping = one_in(2) ? GROUPING_ALONE : (Grouping) below(_GROUPING_END);
        kind->n_switched = 2 + below(2);
}

static int group_of(const Kind *kind, unsigned card, unsigned function, bool is_virtual) {
        unsigned first = card - card % kind->n_switched;

        switch (is_virtual ? kind->virtual_grouping : kind->grouping) {
        case GROUPING_SLOT:
                return (int) (card * 128 + function / SLOT_FUNCTIONS);
        case GROUPING_PAIRS:
                return (int) (card * 128 + function / 2);
        case GROUPING_CARD:
                return (int) (card * 128);
        case GROUPING_SWITCH:
                return (int) (first * 128);
        case GROUPING_CROSSED:
                return (int) (first * 128 + function);
        default:
                return (int) (card * 128 + function);
        }
}

static void add_function(HardHost *hard, const Kind *kind, unsigned card, unsigned function,
                         int node) {
        unsigned n_own = kind->n_plain + kind->n_physical;
        bool is_virtual = function >= n_own;
        char address[32], physical[32];
        Made made = {
                .address = address,
                .vendor_id = 0x8086,
                .product_id =
                        (uint16_t) (is_virtual ? kind->virtual_product : kind->products[function]),
                .driver = is_virtual ? kind->virtual_driver : kind->drivers[function],
                .has_node = true,
                .node = node,
                .has_group = true,
                .group = group_of(kind, card, function, is_virtual),
                .host_use = one_in(60) ? "eth0" : NULL,
        };

        snprintf(address, sizeof(address), "%04x:%02x:%02x.%x", card / 256, card % 256,
                 function / SLOT_FUNCTIONS, function % SLOT_FUNCTIONS);
        snprintf(physical, sizeof(physical), "%04x:%02x:00.%x", card / 256, card % 256,
                 is_virtual ? kind->n_plain + (function - n_own) % kind->n_physical : 0);
        if (is_virtual) {
                made.type = DEVICE_TYPE_VF;
                made.physical_function = physical;
        } else if (function >= kind->n_plain) {
                made.type = DEVICE_TYPE_PF;
                made.max_virtual_functions = 64;
        }
        host_add(&hard->host, made);
}

/* Words of an alias; what they mean overlaps with what others mean. */
static void make_words(char text[static 128], unsigned n_products) {
        int length = 0;

        text[0] = '\0';
        if (!one_in(3))
                length += snprintf(text + length, 128 - (size_t) length, " product_id=%04x",
                                   1 + below(n_products));
        if (!one_in(3))
                length += snprintf(text + length, 128 - (size_t) length, " device_type=type-%s",
                                   one_in(2)   ? "VF"
                                   : one_in(2) ? "PF"
                                               : "PCI");
        if (one_in(3)) {
                unsigned from = below(15);

                length += snprintf(text + length, 128 - (size_t) length, " bus=.[%x-%x]", from,
                                   from + 1 + below(15 - from));
        }
        if (one_in(5))
                length += snprintf(text + length, 128 - (size_t) length, " function=[%x-%x]",
                                   below(4), 4 + below(4));
        if (one_in(6))
                length += snprintf(text + length, 128 - (size_t) length, " slot=0[0-%x]", below(3));
        if (one_in(8))
                length += snprintf(text + length, 128 - (size_t) length, " numa_node=%u",
                                   below(NODES));
}

static void add_alternative(Alias *alias, char *words) {
        const char *list[8] = { NULL };
        char *rest = words;

        for (size_t n = 0; (list[n] = strtok_r(rest, " ", &rest)); n++)
                assert_true(n + 1 < N_ELEMENTS(list));
        assert_int_equal(alias_add_rule(alias, made_rule(RULE_ALIAS, list)), 0);
}

static void make_aliases(HardHost *hard) {
        unsigned of_function = 1 + below(4);

        hard->n_aliases = 1 + below(HARD_ALIASES_MAX);
        host_pool(&hard->host, "all", "");
        for (size_t i = 0; i < hard->n_aliases; i++) {
                char name[24], words[128];
                Alias *alias;

                snprintf(name, sizeof(name), "a%zu", i);
                make_words(words, 5);
                alias = host_alias(&hard->host, name, *words ? words + 1 : words);
                if (one_in(4)) {
                        make_words(words, 5);
                        add_alternative(alias, words);
                }
                alias->numa_policy = one_in(2) ? NUMA_PREFERRED : below(_NUMA_POLICY_END);
                alias->unit = below(4) < of_function ? UNIT_FUNCTION : UNIT_SLOT + (Unit) one_in(3);
        }
}

static void make_topology(HardHost *hard) {
        Topology *topology = &hard->host.registry.topology;

        topology->sockets = calloc(NODES, sizeof(*topology->sockets));
        assert_non_null(topology->sockets);
        topology->n_nodes = NODES;
        for (int i = 0; i < NODES; i++)
                topology->sockets[i] = i / 2;

        hard->numa_policy = one_in(4) ? (int) below(_NUMA_POLICY_END) : -1;
        for (unsigned i = 0; i < NODES; i++)
                if (one_in(2))
                        node_set_add(&hard->nodes, i);
        if (one_in(4))
                hard->nodes = (NodeSet){ 0 };
}

void hard_host_make(HardHost *hard, uint64_t seed, unsigned n_functions) {
        unsigned n_kinds, n_cards, made = 0;
        Kind kinds[KINDS_MAX];
        bool is_mixed;

        random_state = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
        for (unsigned i = 0; i < 4; i++)
                below(1);
        *hard = (HardHost){ 0 };
        registry_init(&hard->host.registry);
        hard->has_domain = !one_in(4);
        make_topology(hard);
        make_aliases(hard);

        if (n_functions > FUNCTIONS_MAX)
                n_functions = FUNCTIONS_MAX;
        n_kinds = 1 + below(KINDS_MAX);
        for (unsigned i = 0; i < n_kinds; i++)
                make_kind(&kinds[i]);
        is_mixed = one_in(4);
        n_cards = one_in(2) ? CARDS_MAX : 4 + below(64);
        for (unsigned card = 0; card < n_cards; card++) {
                const Kind *kind = &kinds[card / 3 % n_kinds];
                Kind other = *kind;
                int node = one_in(20) ? -1 : (int) (card % NODES);
                unsigned n;

                /* Then cards are equal only nearly. */
                if (is_mixed && kind->n_virtual > 0)
                        other.n_virtual = 1 + below(12);
                n = other.n_plain + other.n_physical * (1 + other.n_virtual);
                if (made + n > n_functions)
                        break;
                for (unsigned function = 0; function < n; function++)
                        add_function(hard, &other, card, function, node);
                made += n;
        }
        assert_int_equal(registry_settle(&hard->host.registry), 0);
}

void hard_host_done(HardHost *hard) {
        registry_done(&hard->host.registry);
}

void hard_request_make(HardRequest *asked, const HardHost *hard) {
        unsigned most = 1 + below(one_in(2) ? 4 : 16), sum = 0;

        *asked = (HardRequest){ .n_items = 1 + below((unsigned) hard->n_aliases) };
        if (one_in(2))
                asked->n_items = hard->n_aliases;
        for (size_t i = 0; i < asked->n_items; i++) {
                asked->order[i] = i;
                asked->counts[i] = 1 + below(most);
                sum += asked->counts[i];
        }
        while (sum > REQUEST_DEVICES_MAX) {
                sum -= hard_request_shrink(asked);
        }
}

static unsigned sum_of(const HardRequest *asked) {
        unsigned sum = 0;

        for (size_t i = 0; i < asked->n_items; i++)
                sum += asked->counts[i];
        return sum;
}

bool hard_request_grow(HardRequest *asked) {
        if (sum_of(asked) == REQUEST_DEVICES_MAX)
                return false;

        asked->counts[below((unsigned) asked->n_items)]++;
        return true;
}

bool hard_request_shrink(HardRequest *asked) {
        size_t i = below((unsigned) asked->n_items);

        if (sum_of(asked) <= 1)
                return false;

        while (asked->counts[i] == 0)
                i = (i + 1) % asked->n_items;
        asked->counts[i]--;
        return true;
}

void hard_request_shuffle(HardRequest *asked) {
        for (size_t i = asked->n_items; i > 1; i--) {
                size_t j = below((unsigned) i), other = asked->order[j];

                asked->order[j] = asked->order[i - 1];
                asked->order[i - 1] = other;
        }
}

void hard_request_print(const HardRequest *asked, char text[static 512]) {
        int length = 0;

        for (size_t i = 0; i < asked->n_items; i++) {
                size_t alias = asked->order[i];

                if (asked->counts[alias] > 0)
                        length += snprintf(text + length, 512 - (size_t) length, "%sa%zu:%u",
                                           length > 0 ? "," : "", alias, asked->counts[alias]);
        }
}

AllocateQuery hard_query(const HardHost *hard, const Request *request) {
        return (AllocateQuery){
                .registry = &hard->host.registry,
                .request = request,
                .domain_uuid = hard->has_domain ? GUEST_A : "",
                .nodes = hard->nodes,
                .numa_policy = hard->numa_policy,
        };
}
