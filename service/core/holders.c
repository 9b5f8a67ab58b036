/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/holders.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

void holders_done(Holders *holders) {
        free(holders->items);
        *holders = (Holders){ 0 };
}

int holders_reserve(Holders *holders, size_t n_more) {
        size_t n_room = holders->n_items + n_more;
        Holder *grown;

        if (n_room <= holders->n_room)
                return 0;

        if (n_room < holders->n_room * 2)
                n_room = holders->n_room * 2;

        grown = reallocarray(holders->items, n_room, sizeof(*grown));
        if (!grown)
                return -ENOMEM;

        holders->items = grown;
        holders->n_room = n_room;
        return 0;
}

/* The first entry that is not before the address. */
static size_t find_place(const Holders *holders, Address address) {
        size_t low = 0, high = holders->n_items;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (address_compare(holders->items[middle].address, address) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }

        return low;
}

static void insert(Holders *holders, Holder holder) {
        size_t place = find_place(holders, holder.address);
        Holder *at = holders->items + place;

        assert(holders->n_items < holders->n_room);

        memmove(at + 1, at, (holders->n_items - place) * sizeof(*at));
        *at = holder;
        holders->n_items++;
}

void holders_add_attachment(Holders *holders, const Attachment *attachment) {
        for (size_t i = 0; i < attachment->n_devices; i++)
                insert(holders, (Holder){ .address = attachment->devices[i].address,
                                          .attachment = attachment,
                                          .number = attachment->number,
                                          .index = i });
}

static void add_held(Holders *holders, const DomainFacts *domain, const HeldDevice *held,
                     size_t n_held, bool live) {
        for (size_t i = 0; i < n_held; i++) {
                Holder holder = { .address = held[i].address, .domain = domain, .live = live };
                uint32_t number, index;

                if (attachment_alias_parse(held[i].alias, &number, &index)) {
                        holder.number = number;
                        holder.index = index;
                }
                insert(holders, holder);
        }
}

void holders_add_domain(Holders *holders, const DomainFacts *domain) {
        add_held(holders, domain, domain->live, domain->n_live, true);
        add_held(holders, domain, domain->config, domain->n_config, false);
}

void holders_add_parent(Holders *holders, const DomainFacts *domain, Address parent, bool live) {
        insert(holders, (Holder){ .address = parent, .domain = domain, .live = live });
}

void holders_remove(Holders *holders, const void *owner) {
        size_t kept = 0;

        for (size_t i = 0; i < holders->n_items; i++) {
                const Holder *holder = &holders->items[i];

                if (holder->attachment != owner && holder->domain != owner)
                        holders->items[kept++] = *holder;
        }
        holders->n_items = kept;
}

const Holder *holders_next(const Holders *holders, Address address, const Holder *previous) {
        size_t place =
                previous ? (size_t) (previous - holders->items) + 1 : find_place(holders, address);

        if (place == holders->n_items || !address_equal(holders->items[place].address, address))
                return NULL;

        return &holders->items[place];
}

bool holder_holds(const Holder *holder) {
        return !holder->attachment || !holder->attachment->devices[holder->index].left;
}

bool holders_hold(const Holders *holders, Address address) {
        const Holder *holder = NULL;

        while ((holder = holders_next(holders, address, holder)))
                if (holder_holds(holder))
                        return true;

        return false;
}

const char *holder_domain_uuid(const Holder *holder) {
        return holder->attachment ? holder->attachment->domain_uuid : holder->domain->uuid;
}
