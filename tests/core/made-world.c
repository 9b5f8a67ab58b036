/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "made-world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/text.h"

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

void world_make(World *world, uint64_t seed) {
        random_state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
        for (int i = 0; i < 4; i++)
                below(2);

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

Request *world_make_request(const World *world) {
        char text[64] = "";
        Request *request;

        for (size_t i = 0; i < world->n_items; i++)
                sprintf(text + strlen(text), "%s%c:%u", i > 0 ? "," : "", (char) ('a' + i),
                        world->items[i].count);
        assert_int_equal(request_parse(text, &request, NULL), 0);
        return request;
}

void world_make_registry(Registry *registry, const World *world) {
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

void world_show(const World *world) {
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
