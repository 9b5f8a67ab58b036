/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/domain.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/vector.h"

void node_set_add(NodeSet *set, unsigned node) {
        set->constrained = true;
        if (node < NUMA_NODES_MAX)
                set->words[node / 64] |= UINT64_C(1) << (node % 64);
}

bool node_set_has(const NodeSet *set, int node) {
        if (node < 0 || node >= NUMA_NODES_MAX)
                return false;

        return set->words[node / 64] >> (node % 64) & 1;
}

bool node_set_is_empty(const NodeSet *set) {
        for (size_t i = 0; i < N_ELEMENTS(set->words); i++)
                if (set->words[i] != 0)
                        return false;

        return true;
}

static void copy_lower(char *target, size_t size, const char *text) {
        size_t i;

        for (i = 0; i + 1 < size && text[i]; i++)
                target[i] = (char) tolower((unsigned char) text[i]);
        target[i] = '\0';
}

int domain_facts_new(DomainFacts **ret, const char *uuid, const char *name) {
        _cleanup_(domain_facts_freep) DomainFacts *facts = NULL;

        assert(ret);
        assert(uuid);
        assert(name);

        facts = calloc(1, sizeof(*facts));
        if (!facts)
                return -ENOMEM;

        copy_lower(facts->uuid, sizeof(facts->uuid), uuid);
        facts->name = strdup(name);
        if (!facts->name)
                return -ENOMEM;

        *ret = TAKE(facts);
        return 0;
}

static void free_held(HeldDevice *held, size_t n_held) {
        for (size_t i = 0; i < n_held; i++)
                free(held[i].alias);
        free(held);
}

DomainFacts *domain_facts_free(DomainFacts *facts) {
        if (!facts)
                return NULL;

        free(facts->name);
        free(facts->unreadable);
        free(facts->mediated);
        free_held(facts->live, facts->n_live);
        free_held(facts->config, facts->n_config);
        free(facts);
        return NULL;
}

int domain_facts_hold(DomainFacts *facts, bool live, Address address, const char *alias) {
        _cleanup_(freep) char *copy = strdup(alias ?: "");
        HeldDevice held = { .address = address, .alias = copy };
        int r;

        if (!copy)
                return -ENOMEM;

        if (live)
                r = VECTOR_APPEND(facts->live, facts->n_live, held);
        else
                r = VECTOR_APPEND(facts->config, facts->n_config, held);
        if (r < 0)
                return r;

        (void) TAKE(copy);
        return 0;
}

int domain_facts_hold_mediated(DomainFacts *facts, bool live, const char *uuid) {
        HeldMediated held = { .live = live };

        assert(text_is_uuid(uuid));

        copy_lower(held.uuid, sizeof(held.uuid), uuid);
        return VECTOR_APPEND(facts->mediated, facts->n_mediated, held);
}

bool text_is_uuid(const char *text) {
        size_t i;

        for (i = 0; text[i]; i++) {
                bool dash = i == 8 || i == 13 || i == 18 || i == 23;

                if (dash ? text[i] != '-' : !isxdigit((unsigned char) text[i]))
                        return false;
        }

        return i == UUID_TEXT_SIZE - 1;
}

void domains_done(Domains *domains) {
        for (size_t i = 0; i < domains->n_items; i++)
                domain_facts_free(domains->items[i]);
        free(domains->items);
        while (domains->missed)
                domain_facts_free(domains_take_missed(domains, NULL));
        *domains = (Domains){ 0 };
}

/* Where a UUID stands, or would stand. */
static size_t find_place(const Domains *domains, const char *uuid) {
        size_t low = 0, high = domains->n_items;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (strcmp(domains->items[middle]->uuid, uuid) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }

        return low;
}

DomainFacts *domains_find_uuid(const Domains *domains, const char *uuid) {
        char lower[UUID_TEXT_SIZE];
        size_t place;

        if (!text_is_uuid(uuid))
                return NULL;

        copy_lower(lower, sizeof(lower), uuid);
        place = find_place(domains, lower);
        if (place == domains->n_items || strcmp(domains->items[place]->uuid, lower) != 0)
                return NULL;

        return domains->items[place];
}

DomainFacts *domains_find(const Domains *domains, const char *name_or_uuid) {
        if (text_is_uuid(name_or_uuid))
                return domains_find_uuid(domains, name_or_uuid);

        for (size_t i = 0; i < domains->n_items; i++)
                if (strcmp(domains->items[i]->name, name_or_uuid) == 0)
                        return domains->items[i];

        return NULL;
}

const DomainFacts *domains_find_unreadable(const Domains *domains) {
        for (size_t i = 0; i < domains->n_items; i++)
                if (domains->items[i]->unreadable)
                        return domains->items[i];

        return domains->missed;
}

bool domains_is_current(const Domains *domains, const char *uuid) {
        const DomainFacts *facts = domains_find_uuid(domains, uuid);

        for (const DomainFacts *missed = domains->missed; missed; missed = missed->next_missed)
                if (strcmp(missed->uuid, uuid) == 0)
                        return false;

        return !facts || !facts->unreadable;
}

void domains_miss(Domains *domains, DomainFacts *facts) {
        DomainFacts **end = &domains->missed;

        while (*end)
                end = &(*end)->next_missed;
        *end = facts;
}

DomainFacts *domains_take_missed(Domains *domains, const char *uuid) {
        DomainFacts **at = &domains->missed, *taken;

        while (*at && uuid && strcmp((*at)->uuid, uuid) != 0)
                at = &(*at)->next_missed;

        taken = *at;
        if (taken)
                *at = TAKE(taken->next_missed);
        return taken;
}

int domains_apply(Domains *domains, DomainFacts *facts, DomainFacts **ret_old) {
        _cleanup_(domain_facts_freep) DomainFacts *given = facts;
        size_t place = find_place(domains, facts->uuid);
        bool known =
                place < domains->n_items && strcmp(domains->items[place]->uuid, facts->uuid) == 0;
        DomainFacts *old = known ? domains->items[place] : NULL;
        DomainFacts **at;
        int r;

        assert(ret_old);

        if (known && facts->unreadable) {
                free(old->unreadable);
                old->unreadable = TAKE(given->unreadable);
                *ret_old = NULL;
                return 0;
        }

        if (!known && facts->present) {
                r = vector_reserve(&domains->items, domains->n_items, sizeof(*domains->items));
                if (r < 0) {
                        domains_miss(domains, TAKE(given));
                        return r;
                }

                at = domains->items + place;
                memmove(at + 1, at, (domains->n_items++ - place) * sizeof(*at));
        }

        if (facts->present) {
                domains->items[place] = TAKE(given);
        } else if (known) {
                at = domains->items + place;
                memmove(at, at + 1, (--domains->n_items - place) * sizeof(*at));
        }

        *ret_old = old;
        return 0;
}
