/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/change.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "util/vector.h"

/*
 * At start every device of the host is mentioned in one turn, so an object is found by hash: `slots`
 * has the number of an item plus one, 0 for an empty slot, and is never more than half full.
 */
enum {
        SLOTS_MIN = 32
};

void changes_done(Changes *changes) {
        for (size_t i = 0; i < changes->n_items; i++)
                free(changes->items[i].key);
        free(changes->items);
        free(changes->slots);
        *changes = (Changes){ 0 };
}

/* The slot of an object, or the empty one where it would go (FNV-1a, next slot on collision). */
static size_t *find_slot(const Changes *changes, ObjectKind kind, const char *key) {
        uint64_t hash = 0xcbf29ce484222325u ^ (uint64_t) kind;
        size_t mask = changes->n_slots - 1, i;

        for (const char *c = key; *c; c++)
                hash = (hash ^ (unsigned char) *c) * 0x100000001b3u;

        for (i = (hash ^ hash >> 32) & mask; changes->slots[i] != 0; i = (i + 1) & mask) {
                const Change *change = &changes->items[changes->slots[i] - 1];

                if (change->kind == kind && strcmp(change->key, key) == 0)
                        break;
        }

        return &changes->slots[i];
}

static Change *find(const Changes *changes, ObjectKind kind, const char *key) {
        size_t slot = changes->n_slots > 0 ? *find_slot(changes, kind, key) : 0;

        return slot > 0 ? &changes->items[slot - 1] : NULL;
}

static void fill_slots(Changes *changes) {
        memset(changes->slots, 0, changes->n_slots * sizeof(*changes->slots));
        assert(changes->items || changes->n_items == 0);
        for (size_t i = 0; i < changes->n_items; i++)
                *find_slot(changes, changes->items[i].kind, changes->items[i].key) = i + 1;
}

static int reserve_slot(Changes *changes) {
        size_t n_slots = changes->n_slots > 0 ? changes->n_slots * 2 : SLOTS_MIN, *slots;

        if ((changes->n_items + 1) * 2 <= changes->n_slots)
                return 0;

        slots = calloc(n_slots, sizeof(*slots));
        if (!slots)
                return -ENOMEM;

        free(changes->slots);
        changes->slots = slots;
        changes->n_slots = n_slots;
        fill_slots(changes);
        return 0;
}

static int append(Changes *changes, Change change, const char *key) {
        _cleanup_(freep) char *copy = strdup(key);
        int r;

        if (!copy)
                return -ENOMEM;

        r = reserve_slot(changes);
        if (r < 0)
                return r;

        change.key = copy;
        r = VECTOR_APPEND(changes->items, changes->n_items, change);
        if (r < 0)
                return r;

        *find_slot(changes, change.kind, copy) = changes->n_items;
        (void) TAKE(copy);
        return 0;
}

int changes_copy(const Changes *changes, Changes *ret) {
        int r = 0;

        for (size_t i = 0; i < changes->n_items && r == 0; i++)
                r = append(ret, changes->items[i], changes->items[i].key);
        return r;
}

static void forget(Changes *changes, Change *change) {
        size_t behind = changes->n_items - (size_t) (change - changes->items) - 1;

        free(change->key);
        memmove(change, change + 1, behind * sizeof(*change));
        changes->n_items--;
        fill_slots(changes);
}

int changes_add(Changes *changes, ObjectKind kind, const char *key) {
        Change *change = find(changes, kind, key);

        if (!change)
                return append(changes, (Change){ .kind = kind, .added = true }, key);

        change->added = true;
        change->properties = 0;
        return 0;
}

int changes_remove(Changes *changes, ObjectKind kind, const char *key) {
        Change *change = find(changes, kind, key);

        if (!change)
                return append(changes, (Change){ .kind = kind, .removed = true }, key);

        /* Nobody has heard of it yet. */
        if (change->added && !change->removed) {
                forget(changes, change);
                return 0;
        }

        change->added = false;
        change->removed = true;
        change->properties = 0;
        return 0;
}

int changes_touch(Changes *changes, ObjectKind kind, const char *key, uint32_t properties) {
        Change *change;

        if (properties == 0)
                return 0;

        change = find(changes, kind, key);
        if (!change)
                return append(changes, (Change){ .kind = kind, .properties = properties }, key);

        /* A new object is told whole, one that has gone not at all. */
        if (!change->added && !change->removed)
                change->properties |= properties;
        return 0;
}
