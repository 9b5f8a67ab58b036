/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brute-force.h"

#include <string.h>

bool set_has(Set set, size_t place) {
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

Set unit_of(const World *world, Unit unit, size_t place) {
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
                if (set_has(set, i) && world->things[i].type == DEVICE_TYPE_VF &&
                    set_has(set, (size_t) world->things[i].physical))
                        set &= ~(1u << i);

        return set;
}

static bool is_bound(const World *world) {
        return world->is_bound && world->nodes != 0;
}

/* 0: of the guest, 1: unknown, 2: another */
static int nearness(const World *world, const Thing *thing) {
        if (!is_bound(world) || (thing->node >= 0 && set_has(world->nodes, (size_t) thing->node)))
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
                if (set_has(world->nodes, i) && world->sockets[i] == world->sockets[thing->node])
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

bool unit_serves(const World *world, const Asked *item, Set unit, bool force) {
        bool is_meant = false;

        for (size_t i = 0; i < world->n_things; i++) {
                if (!set_has(unit, i))
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
bool is_plan(const World *world, Set chosen) {
        for (size_t i = 0; i < world->n_things; i++) {
                const Thing *thing = &world->things[i];

                if (!set_has(chosen, i))
                        continue;
                if (thing->type == DEVICE_TYPE_VF && set_has(chosen, (size_t) thing->physical))
                        return false;
                for (size_t j = 0; j < world->n_things && world->has_domain; j++)
                        if (!set_has(chosen, j) && world->things[j].group == thing->group &&
                            would_stay(world, &world->things[j]))
                                return false;
        }

        return true;
}

int worth_compare(const Worth *a, const Worth *b) {
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
                if (set_has(unit, i) &&
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

void worth_add(const World *world, const Asked *item, Set unit, Worth *worth) {
        int farthest = 0;

        for (size_t i = 0; i < world->n_things; i++) {
                const Thing *thing = &world->things[i];
                int asked = most_asked(item, thing);

                if (!set_has(unit, i))
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
                worth_add(world, &world->items[item], unit, &more);
                try(force, item, n + 1, i + 1, chosen | unit, more);
        }
}

void brute_force(Force *ret, const World *world, bool force) {
        *ret = (Force){ .world = world, .force = force };
        for (size_t item = 0; item < world->n_items; item++) {
                for (size_t i = 0; i < world->n_things; i++) {
                        Set unit = unit_of(world, world->items[item].unit, i);

                        if (world->things[i].product == 0 || first_of(world, unit) != i ||
                            !unit_serves(world, &world->items[item], unit, force))
                                continue;
                        ret->units[item][ret->n_units[item]++] = unit;
                }
        }

        try(ret, 0, 0, 0, 0, (Worth){ 0 });
}
