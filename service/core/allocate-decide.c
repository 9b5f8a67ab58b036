/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "core/allocate-search.h"

/* 1; 0: it contradicts what is decided; or -ENOMEM. */
static int note(Search *search, uint32_t lot, LotState state) {
        uint8_t *states = search->matching.states;
        int r;

        if (states[lot] == state)
                return 1;
        if (states[lot] != LOT_OPEN)
                return 0;

        r = places_append(&search->decided, lot);
        if (r < 0)
                return r;

        states[lot] = (uint8_t) state;
        return 1;
}

/* What follows from the need of a lot for a device. */
static int follow_need(Search *search, uint32_t lot, uint32_t device) {
        const Places *lots = &search->problem->lots_of[device];
        const uint8_t *states = search->matching.states;
        uint32_t possible = 0;
        size_t n_possible = 0;

        if (states[lot] == LOT_OFF)
                return 1;

        for (size_t i = 0; i < lots->n_items; i++) {
                if (states[lots->items[i]] == LOT_OFF)
                        continue;
                possible = lots->items[i];
                n_possible++;
        }

        if (n_possible == 0)
                return note(search, lot, LOT_OFF);
        if (n_possible == 1 && states[lot] == LOT_ON)
                return note(search, possible, LOT_ON);
        return 1;
}

static int follow_on(Search *search, uint32_t lot) {
        const Lot *decided = &search->problem->lots[lot];
        int r = 1;

        for (size_t i = 0; i < decided->conflicts.n_items && r > 0; i++)
                r = note(search, decided->conflicts.items[i], LOT_OFF);
        for (size_t i = 0; i < decided->needs.n_items && r > 0; i++)
                r = follow_need(search, lot, decided->needs.items[i]);
        return r;
}

static int follow_off(Search *search, uint32_t lot) {
        const Places *devices = &search->problem->lots[lot].devices;
        int r = 1;

        for (size_t i = 0; i < devices->n_items && r > 0; i++) {
                const Places *needers = &search->problem->needers[devices->items[i]];

                for (size_t j = 0; j < needers->n_items && r > 0; j++)
                        r = follow_need(search, needers->items[j], devices->items[i]);
        }

        return r;
}

/* Concludes from what was noted after the first @n_decided. Returns as note(). */
static int follow(Search *search, size_t n_decided) {
        int r = 1;

        for (size_t i = n_decided; i < search->decided.n_items && r > 0; i++) {
                uint32_t lot = search->decided.items[i];

                r = search->matching.states[lot] == LOT_ON ? follow_on(search, lot)
                                                           : follow_off(search, lot);
        }

        return r;
}

void search_forget(Search *search, size_t n_decided) {
        for (size_t i = n_decided; i < search->decided.n_items; i++)
                search->matching.states[search->decided.items[i]] = LOT_OPEN;
        search->decided.n_items = n_decided;
}

/* How many lots have the device and are in this state? */
static size_t count_lots(const Search *search, uint32_t device, LotState state) {
        const Places *lots = &search->problem->lots_of[device];
        size_t n = 0;

        for (size_t i = 0; i < lots->n_items; i++)
                n += search->matching.states[lots->items[i]] == state;
        return n;
}

/* It has, if all devices of the cluster that were to be had are chosen, or if its first is and had no other way. */
bool search_leads(Search *search, uint32_t lot, size_t n_decided) {
        const Problem *problem = search->problem;
        const Places *devices = &problem->clusters[problem->lots[lot].cluster].devices;
        const Places *decided = &search->decided;
        bool is_first = true, has_first = false, has_all = true;

        /* The tally: by how many lots that are out only since then could a device be had? */
        for (size_t i = n_decided; i < decided->n_items; i++)
                for (size_t j = 0; j < problem->lots[decided->items[i]].devices.n_items; j++)
                        if (search->matching.states[decided->items[i]] == LOT_OFF)
                                search->tally[problem->lots[decided->items[i]].devices.items[j]]++;

        for (size_t i = 0; i < devices->n_items; i++) {
                uint32_t device = devices->items[i];
                size_t n_on = count_lots(search, device, LOT_ON);
                size_t n_other =
                        count_lots(search, device, LOT_OPEN) + (size_t) search->tally[device];

                search->tally[device] = 0;
                if (n_on + n_other == 0)
                        continue;
                if (is_first)
                        has_first =
                                n_other == 0 && places_contain(&problem->lots[lot].devices, device);
                is_first = false;
                has_all = has_all && n_on > 0;
        }

        return has_first || has_all;
}

/* Is as much decided about @b as about @a, and do all devices of @b come after those of @a? */
static bool may_change_roles(const Search *search, const Cluster *a, const Cluster *b) {
        const uint8_t *states = search->matching.states;

        if (a == b || a->likeness != b->likeness)
                return false;

        for (size_t i = 0; i < a->lots.n_items; i++)
                if (states[a->lots.items[i]] != states[b->lots.items[i]])
                        return false;

        for (size_t i = 0; i < a->devices.n_items; i++)
                if (b->devices.items[i] < a->devices.items[i])
                        return false;

        return true;
}

/* Notes that no lot like @lot is chosen. 1 or -ENOMEM. */
static int note_likes_off(Search *search, uint32_t lot) {
        const Problem *problem = search->problem;
        const Cluster *cluster = &problem->clusters[problem->lots[lot].cluster];
        size_t place = 0;
        int r = 1;

        while (cluster->lots.items[place] != lot)
                place++;

        for (size_t i = 0; i < problem->n_clusters && r > 0; i++)
                if (may_change_roles(search, cluster, &problem->clusters[i]))
                        r = note(search, problem->clusters[i].lots.items[place], LOT_OFF);

        return r;
}

int search_decide(Search *search, uint32_t lot, LotState state, bool likes_too) {
        size_t n_decided = search->decided.n_items;
        int r = 1;

        /* Those first: they are alike only as long as the lot itself is open. */
        if (likes_too)
                r = note_likes_off(search, lot);
        if (r > 0)
                r = note(search, lot, state);
        if (r > 0)
                r = follow(search, n_decided);
        return r;
}
