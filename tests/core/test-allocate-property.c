/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The choice against brute force, on random small hosts.
 *
 * A host is a few numbers per device, from which both sides start: the registry is made of them for
 * allocate(), and the brute force reads them alone. It tries every assignment of units to items by the
 * rules as they are written in allocate.h and the contract, and compares yes or no, and how good the
 * choice is.
 *
 * HOSTDEVD_TEST_SEED and HOSTDEVD_TEST_HOSTS change what is tried.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/allocate.h"
#include "made-life.h"
#include "util/text.h"

enum {
        DEVICES_MAX = 10,
        ITEMS_MAX = 4,
        ALTERNATIVES_MAX = 2,
        NODES = 3
};

/* --- a random host ------------------------------------------------------------------------------ */

typedef struct Thing {
        unsigned slot, function; /* of bus 41 */
        unsigned product;        /* 1, 2, 3: in the pool, with its tags; 4: in none; 0: a bridge */
        DeviceType type;
        int physical; /* of a VF: its PF's place */
        int group, node;
        const char *driver;
        bool is_used; /* by the host */
        int holder;   /* 0: none; 1, 2: GUEST_A, GUEST_B */
} Thing;

typedef struct Meaning {
        int product, type; /* −1: any, none given */
        int tag;           /* 0: none, 1: a, 2: b */
} Meaning;

typedef struct Asked {
        Meaning meanings[ALTERNATIVES_MAX];
        size_t n_meanings;
        Unit unit;
        NumaPolicy policy;
        unsigned count;
} Asked;

typedef struct World {
        Thing things[DEVICES_MAX];
        size_t n_things;
        Asked items[ITEMS_MAX];
        size_t n_items;
        bool is_plain; /* cards and items are simple, so that many plans are nearly the same */
        bool force, has_domain, is_bound; /* to the nodes */
        unsigned nodes;                   /* bits */
        int policy;                       /* −1, or a NumaPolicy for all */
        int sockets[NODES];
        size_t n_sockets;
} World;

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

static void make_things(World *world) {
        static const char *const drivers[] = { "", "vfio-pci", "pci-stub", "e1000e", "nvme" };
        bool shares_groups = one_in(2), is_dense = one_in(2), is_quiet = one_in(2);
        bool taken[8][8] = { { false } };

        world->n_things = one_in(4) ? 1 + below(DEVICES_MAX) : DEVICES_MAX - below(3);
        for (size_t i = 0; i < world->n_things; i++) {
                Thing *thing = &world->things[i];

                do {
                        thing->slot = below(is_dense ? 3 : 8);
                        thing->function = below(is_dense ? 4 : 8);
                } while (taken[thing->slot][thing->function]);
                taken[thing->slot][thing->function] = true;

                thing->product = one_in(15) ? 0 : one_in(15) ? 4 : 1 + below(3);
                thing->group = one_in(25) ? -1 : (int) (shares_groups ? below(6) : i);
                thing->node = (int) below(NODES + 1) - 1;
                thing->driver = drivers[below(is_quiet ? 2 : N_ELEMENTS(drivers))];
                thing->is_used = one_in(is_quiet ? 50 : 8);
                thing->holder = one_in(is_quiet ? 50 : 8) ? 1 + (int) below(2) : 0;
                thing->physical = -1;
        }

        for (size_t i = 0; i < world->n_things; i++) {
                size_t physical = below((unsigned) world->n_things);

                if (world->things[i].product == 0 || world->things[physical].product == 0 ||
                    physical == i || one_in(2))
                        continue;
                if (world->things[i].type != DEVICE_TYPE_PCI ||
                    world->things[physical].type == DEVICE_TYPE_VF)
                        continue;

                world->things[physical].type = DEVICE_TYPE_PF;
                world->things[i].type = DEVICE_TYPE_VF;
                world->things[i].physical = (int) physical;
        }
}

/* The first things as a PF, which may stand anywhere, with VFs; nothing of it is in use. */
static void make_plain_card(World *world, size_t size) {
        size_t physical = below((unsigned) size);

        for (size_t i = 0; i < size; i++) {
                Thing *thing = &world->things[i];
                bool is_function = i != physical && !one_in(4);

                thing->product = 2;
                thing->driver = "";
                thing->is_used = false;
                thing->holder = 0;
                thing->node = 0;
                thing->group = (int) i;
                thing->type = i == physical ? DEVICE_TYPE_PF
                              : is_function ? DEVICE_TYPE_VF
                                            : DEVICE_TYPE_PCI;
                thing->physical = is_function ? (int) physical : -1;
        }
}

/*
 * Cards that are alike: what was made of the first things is there again, on slots of its own or in the gaps
 * of the first.
 */
static void make_alike(World *world) {
        size_t size = 2 + below(3), n_cards = size == 2 ? 4 : DEVICES_MAX / size;
        bool is_in_gaps = one_in(3);

        if (size > world->n_things)
                return;

        for (size_t i = 0; i < size; i++) {
                Thing *thing = &world->things[i];

                thing->slot = is_in_gaps ? 2 * (unsigned) i : (unsigned) (i % 2);
                thing->function = is_in_gaps ? 0 : (unsigned) i;
                if (thing->physical >= (int) size) {
                        thing->physical = -1;
                        thing->type = DEVICE_TYPE_PCI;
                }
        }

        world->is_plain = one_in(2);
        if (world->is_plain)
                make_plain_card(world, size);

        for (size_t card = 1; card < n_cards; card++) {
                for (size_t i = 0; i < size; i++) {
                        Thing *thing = &world->things[card * size + i];

                        *thing = world->things[i];
                        if (is_in_gaps)
                                thing->function = (unsigned) card;
                        else
                                thing->slot += 2 * (unsigned) card;
                        if (thing->physical >= 0)
                                thing->physical += (int) (card * size);
                        if (thing->group >= 0)
                                thing->group += 16 * (int) card;
                }
        }

        world->n_things = n_cards * size;
        if (one_in(2))
                world->things[below((unsigned) world->n_things)].holder = 2;
}

static void make_items(World *world) {
        world->n_items = one_in(3) ? 1 + below(ITEMS_MAX) : 1 + below(3);
        for (size_t i = 0; i < world->n_items; i++) {
                Asked *item = &world->items[i];

                item->n_meanings = 1 + below(ALTERNATIVES_MAX);
                for (size_t j = 0; j < item->n_meanings; j++)
                        item->meanings[j] = (Meaning){
                                .product = one_in(2) ? -1 : 1 + (int) below(3),
                                .type = one_in(3) ? -1 : (int) below(3),
                                .tag = one_in(5) ? 1 + (int) below(2) : 0,
                        };
                item->unit =
                        one_in(world->is_plain ? 8 : 3) ? (Unit) below(_UNIT_END) : UNIT_FUNCTION;
                item->policy = (NumaPolicy) below(_NUMA_POLICY_END);
                item->count = one_in(2) ? 1 : 1 + below(3);
                if (!world->is_plain)
                        continue;

                item->meanings[0] = (Meaning){ .product = -1, .type = (int) below(4) - 1 };
                item->n_meanings = 1;
        }
}

static void make_world(World *world) {
        *world = (World){ 0 };
        make_things(world);
        if (one_in(2))
                make_alike(world);
        make_items(world);
        world->force = one_in(4);
        world->has_domain = !one_in(3);
        world->is_bound = one_in(3);
        world->nodes = below(1 << NODES);
        world->policy = one_in(4) ? (int) below(_NUMA_POLICY_END) : -1;
        world->n_sockets = one_in(4) ? below(NODES + 1) : NODES;
        for (size_t i = 0; i < world->n_sockets; i++)
                world->sockets[i] = one_in(10) ? -1 : (int) below(2);
}

/* --- the same as a registry --------------------------------------------------------------------- */

static void make_device(Registry *registry, const World *world, const Thing *thing) {
        char address[ADDRESS_TEXT_SIZE], physical[ADDRESS_TEXT_SIZE];
        Made made = {
                .address = address,
                .vendor_id = 0x8086,
                .product_id = (uint16_t) thing->product,
                .class_code = thing->product == 0 ? 0x060400 : 0x020000,
                .type = thing->type,
                .driver = thing->driver,
                .host_use = thing->is_used ? "eth0" : "",
                .max_virtual_functions = thing->type == DEVICE_TYPE_PF ? 8 : 0,
                .has_node = true,
                .node = thing->node,
                .has_group = true,
                .group = thing->group,
        };

        snprintf(address, sizeof(address), "0000:41:%02x.%x", thing->slot, thing->function);
        if (thing->type == DEVICE_TYPE_VF) {
                snprintf(physical, sizeof(physical), "0000:41:%02x.%x",
                         world->things[thing->physical].slot,
                         world->things[thing->physical].function);
                made.physical_function = physical;
        }
        made_appear(registry, &made);
}

static void make_holders(Registry *registry, const World *world) {
        static const char *const guests[] = { GUEST_A, GUEST_B };

        for (int guest = 0; guest < 2; guest++) {
                char held[DEVICES_MAX * ADDRESS_TEXT_SIZE] = "";

                for (size_t i = 0; i < world->n_things; i++)
                        if (world->things[i].holder == guest + 1)
                                sprintf(held + strlen(held), "0000:41:%02x.%x ",
                                        world->things[i].slot, world->things[i].function);
                made_domain(registry, guests[guest], guest == 0 ? "a" : "b", NULL, held);
        }
}

static void make_catalog(Catalog *catalog, const World *world) {
        static const char *const types[] = { "type-PCI", "type-PF", "type-VF" };
        static const char *const tags[] = { "", "a", "b" };
        Pool *pool;

        assert_int_equal(pool_new(&pool, "pool", SOURCE_FILE), 0);
        assert_int_equal(pool_add_rule(pool, POOL_RULE("product_id=0001", "tag.a=x")), 0);
        assert_int_equal(pool_add_rule(pool, POOL_RULE("product_id=0002")), 0);
        assert_int_equal(pool_add_rule(pool, POOL_RULE("product_id=0003", "tag.a=x", "tag.b=x")),
                         0);
        assert_int_equal(catalog_add_pool(catalog, pool), 0);

        for (size_t i = 0; i < world->n_items; i++) {
                const Asked *item = &world->items[i];
                char name[] = { (char) ('a' + i), '\0' };
                Alias *alias;

                assert_int_equal(alias_new(&alias, name, SOURCE_FILE), 0);
                alias->unit = item->unit;
                alias->numa_policy = item->policy;
                for (size_t j = 0; j < item->n_meanings; j++) {
                        const Meaning *meaning = &item->meanings[j];
                        char product[] = "product_id=0000", type[32], tag[] = "tag.a=x";
                        const char *words[4] = { NULL };
                        size_t n = 0;

                        product[14] = (char) ('0' + meaning->product);
                        snprintf(type, sizeof(type), "device_type=%s",
                                 types[meaning->type < 0 ? 0 : meaning->type]);
                        tag[4] = tags[meaning->tag][0];
                        if (meaning->product >= 0)
                                words[n++] = product;
                        if (meaning->type >= 0)
                                words[n++] = type;
                        if (meaning->tag > 0)
                                words[n++] = tag;
                        assert_int_equal(alias_add_rule(alias, made_rule(RULE_ALIAS, words)), 0);
                }
                assert_int_equal(catalog_add_alias(catalog, alias), 0);
        }
}

static Request *make_request(const World *world) {
        char text[64] = "";
        Request *request;

        for (size_t i = 0; i < world->n_items; i++)
                sprintf(text + strlen(text), "%s%c:%u", i > 0 ? "," : "", (char) ('a' + i),
                        world->items[i].count);
        assert_int_equal(request_parse(text, &request, NULL), 0);
        return request;
}

static void make_registry(Registry *registry, const World *world) {
        registry_init(registry);
        make_catalog(&registry->catalog, world);
        for (size_t i = 0; i < world->n_things; i++)
                make_device(registry, world, &world->things[i]);
        make_holders(registry, world);

        registry->topology.sockets = calloc(NODES, sizeof(int));
        assert_non_null(registry->topology.sockets);
        memcpy(registry->topology.sockets, world->sockets, sizeof(world->sockets));
        registry->topology.n_nodes = world->n_sockets;
        assert_int_equal(registry_settle(registry), 0);
}

/* --- the rules, once more ----------------------------------------------------------------------- */

typedef unsigned Set; /* of places of things, as bits */

static bool has(Set set, size_t place) {
        return set & (1u << place);
}

static bool is_held_by_another(const Thing *thing, bool has_domain) {
        return thing->holder != 0 && !(has_domain && thing->holder == 1);
}

static bool group_is_in_use(const World *world, size_t place, bool has_domain, bool force) {
        const Thing *thing = &world->things[place];

        for (size_t i = 0; i < world->n_things; i++) {
                const Thing *other = &world->things[i];

                if (i == place || other->product == 0 || other->group != thing->group ||
                    thing->group < 0)
                        continue;
                if (is_held_by_another(other, has_domain) || (other->is_used && !force))
                        return true;
        }

        return false;
}

static bool is_free(const World *world, size_t place, bool has_domain, bool force) {
        const Thing *thing = &world->things[place];

        if (thing->product == 0 || thing->product == 4 || thing->holder != 0 || thing->group < 0)
                return false;
        if (thing->is_used && !force)
                return false;
        if (thing->type == DEVICE_TYPE_VF && world->things[thing->physical].holder != 0)
                return false;
        for (size_t i = 0; i < world->n_things; i++)
                if (world->things[i].type == DEVICE_TYPE_VF &&
                    world->things[i].physical == (int) place && world->things[i].holder != 0)
                        return false;

        return !group_is_in_use(world, place, has_domain, force);
}

static unsigned tags_of(const Thing *thing) {
        return thing->product == 1 ? 1 : thing->product == 3 ? 3 : 0;
}

/* How many tags the alternative asks for; −1: it does not mean the device. */
static int asks(const Meaning *meaning, const Thing *thing) {
        if (meaning->type < 0 ? thing->type == DEVICE_TYPE_PF : (int) thing->type != meaning->type)
                return -1;
        if (meaning->product >= 0 && (unsigned) meaning->product != thing->product)
                return -1;
        if (meaning->tag > 0 && !(tags_of(thing) & (1u << (meaning->tag - 1))))
                return -1;
        return meaning->tag > 0;
}

static int most_asked(const Asked *item, const Thing *thing) {
        int most = -1;

        for (size_t i = 0; i < item->n_meanings; i++) {
                int asked = asks(&item->meanings[i], thing);

                if (asked > most)
                        most = asked;
        }

        return most;
}

static Set unit_of(const World *world, Unit unit, size_t place) {
        const Thing *thing = &world->things[place];
        Set set = 0;

        if (unit == UNIT_FUNCTION || (unit == UNIT_GROUP && thing->group < 0))
                return 1u << place;

        for (size_t i = 0; i < world->n_things; i++) {
                const Thing *other = &world->things[i];

                if (other->product != 0 &&
                    (unit == UNIT_SLOT ? other->slot == thing->slot : other->group == thing->group))
                        set |= 1u << i;
        }

        for (size_t i = 0; i < world->n_things; i++)
                if (has(set, i) && world->things[i].type == DEVICE_TYPE_VF &&
                    has(set, (size_t) world->things[i].physical))
                        set &= ~(1u << i);

        return set;
}

static bool is_bound(const World *world) {
        return world->is_bound && world->nodes != 0;
}

/* 0: of the guest, 1: unknown, 2: another */
static int nearness(const World *world, const Thing *thing) {
        if (!is_bound(world) || (thing->node >= 0 && has(world->nodes, (size_t) thing->node)))
                return 0;
        return thing->node < 0 ? 1 : 2;
}

static bool is_on_socket(const World *world, const Thing *thing) {
        for (size_t i = 0; i < world->n_sockets; i++)
                if (world->sockets[i] < 0)
                        return false;
        if (thing->node < 0 || (size_t) thing->node >= world->n_sockets)
                return false;
        for (size_t i = 0; i < world->n_sockets; i++)
                if (has(world->nodes, i) && world->sockets[i] == world->sockets[thing->node])
                        return true;

        return false;
}

static bool is_near_enough(const World *world, const Asked *item, const Thing *thing) {
        NumaPolicy policy = world->policy < 0 ? item->policy : (NumaPolicy) world->policy;

        switch (nearness(world, thing)) {
        case 0:
                return true;
        case 1:
                return policy == NUMA_LEGACY || policy == NUMA_PREFERRED;
        default:
                return policy == NUMA_PREFERRED ||
                       (policy == NUMA_SOCKET && is_on_socket(world, thing));
        }
}

static bool serves(const World *world, const Asked *item, Set unit, bool force) {
        bool is_meant = false;

        for (size_t i = 0; i < world->n_things; i++) {
                if (!has(unit, i))
                        continue;
                if (!is_free(world, i, world->has_domain, force) ||
                    !is_near_enough(world, item, &world->things[i]))
                        return false;
                is_meant = is_meant || most_asked(item, &world->things[i]) >= 0;
        }

        return is_meant;
}

static bool would_stay(const World *world, const Thing *thing) {
        if (thing->product == 0 || (world->has_domain && thing->holder == 1))
                return false;
        return thing->driver[0] != '\0' && strcmp(thing->driver, "vfio-pci") != 0 &&
               strcmp(thing->driver, "pci-stub") != 0;
}

/* The rules that only a whole plan can break; that no device is there twice is seen to elsewhere. */
static bool is_plan(const World *world, Set chosen) {
        for (size_t i = 0; i < world->n_things; i++) {
                const Thing *thing = &world->things[i];

                if (!has(chosen, i))
                        continue;
                if (thing->type == DEVICE_TYPE_VF && has(chosen, (size_t) thing->physical))
                        return false;
                for (size_t j = 0; j < world->n_things && world->has_domain; j++)
                        if (!has(chosen, j) && world->things[j].group == thing->group &&
                            would_stay(world, &world->things[j]))
                                return false;
        }

        return true;
}

/* --- the order ---------------------------------------------------------------------------------- */

typedef struct Worth {
        unsigned n_other, n_unknown, n_tags, n_beside;
        uint64_t addresses; /* the lowest is the highest bit: more is better */
} Worth;

static int worth_compare(const Worth *a, const Worth *b) {
        const unsigned figures_a[] = { a->n_other, a->n_unknown, a->n_tags, a->n_beside };
        const unsigned figures_b[] = { b->n_other, b->n_unknown, b->n_tags, b->n_beside };

        for (size_t i = 0; i < N_ELEMENTS(figures_a); i++)
                if (figures_a[i] != figures_b[i])
                        return figures_a[i] < figures_b[i] ? -1 : 1;

        return a->addresses == b->addresses ? 0 : a->addresses > b->addresses ? -1 : 1;
}

static uint64_t address_bit(const Thing *thing) {
        return UINT64_C(1) << (63 - thing->slot * 8 - thing->function);
}

static size_t first_of(const World *world, Set unit) {
        size_t first = SIZE_MAX;

        for (size_t i = 0; i < world->n_things; i++)
                if (has(unit, i) &&
                    (first == SIZE_MAX ||
                     address_bit(&world->things[i]) > address_bit(&world->things[first])))
                        first = i;

        return first;
}

static unsigned count_beside(const World *world, const Thing *thing) {
        unsigned n = 0;

        for (size_t i = 0; i < world->n_things; i++) {
                const Thing *other = &world->things[i];
                bool is_beside =
                        thing->type == DEVICE_TYPE_VF
                                ? other->type == DEVICE_TYPE_VF &&
                                          other->physical == thing->physical
                                : other->type != DEVICE_TYPE_VF && other->slot == thing->slot;

                n += is_beside && is_free(world, i, false, false);
        }

        return n;
}

static void add_worth(const World *world, const Asked *item, Set unit, Worth *worth) {
        int farthest = 0;

        for (size_t i = 0; i < world->n_things; i++) {
                const Thing *thing = &world->things[i];
                int asked = most_asked(item, thing);

                if (!has(unit, i))
                        continue;
                worth->n_tags += (unsigned) __builtin_popcount(tags_of(thing)) -
                                 (asked > 0 ? (unsigned) asked : 0);
                worth->addresses |= address_bit(thing);
                if (nearness(world, thing) > farthest)
                        farthest = nearness(world, thing);
        }

        worth->n_other += farthest == 2;
        worth->n_unknown += farthest == 1;
        worth->n_beside += count_beside(world, &world->things[first_of(world, unit)]);
}

/* --- every assignment --------------------------------------------------------------------------- */

typedef struct Force {
        const World *world;
        bool force;
        Set units[ITEMS_MAX][DEVICES_MAX]; /* that serve each item */
        size_t n_units[ITEMS_MAX];
        bool fits;
        Worth best;
} Force;

static void try(Force *force, size_t item, unsigned n, size_t from, Set chosen, Worth worth) {
        const World *world = force->world;

        if (item == world->n_items) {
                if (is_plan(world, chosen) &&
                    (!force->fits || worth_compare(&worth, &force->best) < 0)) {
                        force->fits = true;
                        force->best = worth;
                }
                return;
        }

        if (n == world->items[item].count) {
                try(force, item + 1, 0, 0, chosen, worth);
                return;
        }

        for (size_t i = from; i < force->n_units[item]; i++) {
                Set unit = force->units[item][i];
                Worth more = worth;

                if (chosen & unit)
                        continue;
                add_worth(world, &world->items[item], unit, &more);
                try(force, item, n + 1, i + 1, chosen | unit, more);
        }
}

static void brute_force(Force *ret, const World *world, bool force) {
        *ret = (Force){ .world = world, .force = force };
        for (size_t item = 0; item < world->n_items; item++) {
                for (size_t i = 0; i < world->n_things; i++) {
                        Set unit = unit_of(world, world->items[item].unit, i);

                        if (world->things[i].product == 0 || first_of(world, unit) != i ||
                            !serves(world, &world->items[item], unit, force))
                                continue;
                        ret->units[item][ret->n_units[item]++] = unit;
                }
        }

        try(ret, 0, 0, 0, 0, (Worth){ 0 });
}

/* --- both against each other -------------------------------------------------------------------- */

static size_t place_of(const World *world, const Device *device) {
        size_t i = 0;

        while (world->things[i].slot != device->address.slot ||
               world->things[i].function != device->address.function)
                i++;
        return i;
}

/* Reads the plan as units for items. False: it is not valid. */
static bool plan_is_valid(const World *world, const Plan *plan, Worth *ret) {
        Set chosen = 0, of_item[ITEMS_MAX] = { 0 };
        Worth worth = { 0 };

        for (size_t i = 0; i < plan->n_choices; i++) {
                Set bit = 1u << place_of(world, plan->choices[i].device);

                if (chosen & bit)
                        return false;
                chosen |= bit;
                of_item[plan->choices[i].item] |= bit;
        }

        for (size_t item = 0; item < world->n_items; item++) {
                unsigned n = 0;

                for (Set rest = of_item[item]; rest != 0; n++) {
                        Set unit = unit_of(world, world->items[item].unit,
                                           (size_t) __builtin_ctz(rest));

                        if ((unit & rest) != unit ||
                            !serves(world, &world->items[item], unit, world->force))
                                return false;
                        add_worth(world, &world->items[item], unit, &worth);
                        rest &= ~unit;
                }
                if (n != world->items[item].count)
                        return false;
        }

        *ret = worth;
        return is_plan(world, chosen);
}

static void show(const World *world) {
        static const char *const types[] = { "PCI", "PF", "VF" };

        for (size_t i = 0; i < world->n_things; i++) {
                const Thing *thing = &world->things[i];

                print_message("# %zu: %x.%x product %u %s of %d group %d node %d driver '%s'%s "
                              "holder %d\n",
                              i, thing->slot, thing->function, thing->product, types[thing->type],
                              thing->physical, thing->group, thing->node, thing->driver,
                              thing->is_used ? " used" : "", thing->holder);
        }
        for (size_t i = 0; i < world->n_items; i++) {
                const Asked *item = &world->items[i];

                print_message("# item %zu: %u of unit %s policy %s\n", i, item->count,
                              unit_to_string(item->unit), numa_policy_to_string(item->policy));
                for (size_t j = 0; j < item->n_meanings; j++)
                        print_message("#   product %d type %d tag %d\n", item->meanings[j].product,
                                      item->meanings[j].type, item->meanings[j].tag);
        }
        print_message("# force %d domain %d bound %d to %x policy %d sockets %zu: %d %d %d\n",
                      world->force, world->has_domain, world->is_bound, world->nodes, world->policy,
                      world->n_sockets, world->sockets[0], world->sockets[1], world->sockets[2]);
}

static bool has_groups(const World *world) {
        for (size_t i = 0; i < world->n_things; i++)
                if (world->things[i].product != 0 && world->things[i].group >= 0)
                        return true;

        return false;
}

static bool has_endpoints(const World *world) {
        for (size_t i = 0; i < world->n_things; i++)
                if (world->things[i].product != 0)
                        return true;

        return false;
}

static int expected_verdict(const World *world, const Force *force) {
        Force forced;

        if (force->fits)
                return 0;
        if (has_endpoints(world) && !has_groups(world))
                return HOST_NOT_READY;
        if (world->force)
                return DEVICES_NOT_ENOUGH;

        brute_force(&forced, world, true);
        return forced.fits ? DEVICE_USED_BY_HOST : DEVICES_NOT_ENOUGH;
}

/* What the explanation marks as chosen is the plan. */
static bool explanation_agrees(const AllocateQuery *query, bool fits, const Plan *plan) {
        Explanation explanation;
        size_t n_chosen = 0;
        bool agrees;

        assert_int_equal(allocate_explain(query, &explanation), 0);
        agrees = explanation.fits == fits && (*explanation.text == '\0') == fits;
        for (size_t i = 0; i < explanation.n_candidates; i++) {
                const Candidate *candidate = &explanation.candidates[i];

                if (!candidate->chosen)
                        continue;
                agrees = agrees && candidate->reasons == 0 && n_chosen < plan->n_choices &&
                         plan->choices[n_chosen].item == candidate->item &&
                         plan->choices[n_chosen].device == candidate->device;
                n_chosen++;
        }
        agrees = agrees && n_chosen == plan->n_choices;

        explanation_done(&explanation);
        return agrees;
}

/* NULL, or what is wrong. */
static const char *compare(const World *world, const AllocateQuery *query, bool *ret_fits) {
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        _cleanup_(plan_done) Plan plan = { 0 };
        const char *wrong = NULL;
        Force force;
        Worth worth;
        int r;

        brute_force(&force, world, world->force);
        *ret_fits = force.fits;
        r = allocate(query, &plan, &refusal);
        if (r != expected_verdict(world, &force))
                wrong = force.fits ? "a plan was not found" : "the wrong verdict";
        else if (r == 0 && !plan_is_valid(world, &plan, &worth))
                wrong = "the plan breaks a rule";
        else if (r == 0 && worth_compare(&worth, &force.best) != 0)
                wrong = worth_compare(&worth, &force.best) < 0 ? "better than the best"
                                                               : "there is a better plan";
        else if (!explanation_agrees(query, r == 0, &plan))
                wrong = "the explanation says something else";

        if (wrong) {
                print_message("# %d: %s\n", r, refusal.text ?: "fits");
                for (size_t i = 0; i < plan.n_choices; i++)
                        print_message("# item %zu: %zu\n", plan.choices[i].item,
                                      place_of(world, plan.choices[i].device));
        }
        return wrong;
}

static bool check_host(void) {
        _cleanup_(request_freep) Request *request = NULL;
        AllocateQuery query = { 0 };
        Registry registry;
        World world;
        bool fits;
        const char *wrong;

        make_world(&world);
        make_registry(&registry, &world);
        request = make_request(&world);
        query = (AllocateQuery){
                .registry = &registry,
                .request = request,
                .domain_uuid = world.has_domain ? GUEST_A : "",
                .numa_policy = world.policy,
                .force = world.force,
        };
        query.nodes.constrained = world.is_bound;
        query.nodes.words[0] = world.is_bound ? world.nodes : 0;

        wrong = compare(&world, &query, &fits);
        registry_done(&registry);
        if (wrong) {
                show(&world);
                fail_msg("%s", wrong);
        }
        return fits;
}

static unsigned long long from_environment(const char *name, unsigned long long otherwise) {
        const char *text = getenv(name);

        return text ? strtoull(text, NULL, 0) : otherwise;
}

static void the_choice_is_that_of_brute_force(void **state) {
        unsigned long long seed = from_environment("HOSTDEVD_TEST_SEED", 20170412);
        unsigned long long n_hosts = from_environment("HOSTDEVD_TEST_HOSTS", 100000), n_fit = 0;

        print_message("# seed %llu, %llu hosts\n", seed, n_hosts);
        for (unsigned long long i = 0; i < n_hosts; i++) {
                /* Each host has its own seed, so that one can be tried alone. */
                random_state = (seed + i) * UINT64_C(0x9e3779b97f4a7c15) + 1;
                for (int j = 0; j < 4; j++)
                        below(2);
                n_fit += check_host();
        }

        /* Both answers are common enough to mean something. */
        print_message("# %llu of them fit\n", n_fit);
        assert_true(n_hosts < 1000 || (n_fit > n_hosts / 20 && n_fit < n_hosts / 20 * 19));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_choice_is_that_of_brute_force),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
