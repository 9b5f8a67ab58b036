/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is kept between decisions changes none: on hosts whose devices come, go and are lent, each is decided with and
 * without it; and what was kept along the way is what is found anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/allocate-internal.h"
#include "made-host-hard.h"
#include "random-life.h"

enum {
        HOSTS = 200,
        TURNS = 24,
        LIVES = 2000,
        STEPS = 60,
        KEPT_PLACES = 24
};

static unsigned n_kept, n_lent, n_selected;

static Plan decide_query_twice(AllocateQuery query, AllocateMemory *memory) {
        _cleanup_(refusal_done) Refusal refusal = { 0 }, refusal_kept = { 0 };
        _cleanup_(plan_done) Plan plan = { 0 };
        Plan kept = { 0 };
        int r;

        query.memory = NULL;
        r = allocate(&query, &plan, &refusal);
        query.memory = memory;
        assert_int_equal(allocate(&query, &kept, &refusal_kept), r);
        n_kept += r == 0 && memory->n_shelves > 0;
        if (r != 0) {
                assert_string_equal(refusal.text, refusal_kept.text);
                return kept;
        }

        assert_int_equal(kept.n_choices, plan.n_choices);
        for (size_t i = 0; i < plan.n_choices; i++) {
                assert_int_equal(kept.choices[i].item, plan.choices[i].item);
                assert_ptr_equal(kept.choices[i].device, plan.choices[i].device);
        }
        return kept;
}

static Plan decide_twice(const HardHost *hard, AllocateMemory *memory, const HardRequest *asked) {
        _cleanup_(request_freep) Request *request = NULL;
        char text[512];

        hard_request_print(asked, text);
        assert_int_equal(request_parse(text, &request, NULL), 0);
        return decide_query_twice(hard_query(hard, request), memory);
}

/* The first that was chosen is lent, or leaves the host; what was lent before comes back. */
static void change(Registry *registry, const Plan *plan, unsigned turn) {
        char address[ADDRESS_TEXT_SIZE];

        if (plan->n_choices == 0)
                return;

        address_format(plan->choices[0].device->address, address);
        if (turn % 4 == 3) {
                made_vanish(registry, address);
        } else if (turn % 4 == 2 && registry->n_attachments > 0) {
                assert_int_equal(
                        registry_remove_attachment(registry, registry->attachments[0]->number), 0);
        } else {
                made_attachment(registry, turn + 1, GUEST_A, address, ATTACHMENT_ATTACHED);
                n_lent++;
        }
        assert_int_equal(registry_settle(registry), 0);
}

static void what_is_kept_changes_no_decision(void **state) {
        HardHost *hard = malloc(sizeof(*hard));

        assert_non_null(hard);
        for (unsigned i = 1; i <= HOSTS; i++) {
                AllocateMemory memory = { 0 };
                HardRequest asked;

                hard_host_make(hard, i, 96);
                for (unsigned turn = 0; turn < TURNS; turn++) {
                        _cleanup_(plan_done) Plan plan = { 0 };

                        if (turn % 6 == 0)
                                hard_request_make(&asked, hard);
                        plan = decide_twice(hard, &memory, &asked);
                        change(&hard->host.registry, &plan, turn);
                        if (plan.n_choices == 0 && !hard_request_shrink(&asked))
                                break;
                }
                allocate_forget(&memory);
                hard_host_done(hard);
        }
        free(hard);

        print_message("# kept for %u decisions; %u devices lent\n", n_kept, n_lent);
        assert_true(n_kept > HOSTS && n_lent > HOSTS);
}

static const char *address_of(uint32_t place, char address[static ADDRESS_TEXT_SIZE]) {
        Address at = { .bus = 1, .function = (uint8_t) (place % 2) };

        if (place >= 2 && place < 14)
                at = (Address){ .bus = 1,
                                .slot = (uint8_t) (1 + place / 8),
                                .function = place % 8 };
        if (place >= 14)
                at = (Address){ .bus = 2, .slot = (uint8_t) (place / 4), .function = place % 4 };
        return address_format(at, address);
}

/*
 * Two PFs whose VFs stand between each other, and cards of one and of several functions: mostly each in a group of its
 * own and of its place's type, so that what is kept is asked for.
 */
static void appear(Registry *registry, uint32_t *seed, uint32_t place) {
        static const char *const physical[] = { "0000:01:00.0", "0000:01:00.1" };
        char address[ADDRESS_TEXT_SIZE];
        Made made = {
                .address = address_of(place, address),
                .vendor_id = 0x8086,
                .product_id = pick(seed, 8) == 0 ? 0x1001 : 0x1000,
                .driver = "",
                .host_use = pick(seed, 12) == 0 ? "eth0" : NULL,
                .has_group = true,
                .group = pick(seed, 100) == 0 ? 1 : (int) place + 100,
                .has_node = true,
                .node = (int) pick(seed, 3) - 1,
        };
        bool is_odd = pick(seed, 30) == 0;

        if (place < 2)
                made.type = is_odd ? DEVICE_TYPE_PCI : DEVICE_TYPE_PF;
        if ((place >= 2 && place < 14) != is_odd && place >= 2) {
                made.type = DEVICE_TYPE_VF;
                made.physical_function = physical[pick(seed, 10) == 0 ? 0 : place % 2];
        }
        made_appear(registry, &made);
}

static void configure(Registry *registry, uint32_t *seed) {
        static const char *const rules[] = { "vendor_id=8086", "product_id=1000",
                                             "address=0000:01:*.*", "device_type=type-PF",
                                             "product_id=1000 device_type=type-VF" };
        Catalog catalog = { 0 };

        made_pool(&catalog, "tagged", "address=0000:*:*.1 tag.a=b");
        made_pool(&catalog, "all", "vendor_id=8086");
        made_alias(&catalog, "first", rules[pick(seed, N_ELEMENTS(rules))]);
        made_alias(&catalog, "second", rules[pick(seed, N_ELEMENTS(rules))]);
        assert_int_equal(registry_set_catalog(registry, &catalog), 0);
}

static void happen(Registry *registry, uint32_t *seed) {
        uint32_t place = pick(seed, KEPT_PLACES), number = 1 + pick(seed, 8), what = pick(seed, 40);
        char address[ADDRESS_TEXT_SIZE];

        if (what == 0)
                configure(registry, seed);
        else if (what < 8)
                made_vanish(registry, address_of(place, address));
        else if (what < 26)
                appear(registry, seed, place);
        else if (registry_find_attachment(registry, number))
                assert_int_equal(registry_remove_attachment(registry, number), 0);
        else
                made_attachment(registry, number, what % 2 ? GUEST_A : GUEST_B,
                                address_of(place, address), ATTACHMENT_ATTACHING);
}

static int select_devices(AllocateQuery *query, AllocateMemory *memory, Selection *ret) {
        query->memory = memory;
        *ret = (Selection){ 0 };
        return memory_select(query, ret);
}

/* Of so few devices one request sees all that is kept of its aliases. */
static void select_twice(AllocateQuery *query, AllocateMemory *memory) {
        _cleanup_(allocate_forget) AllocateMemory anew = { 0 };
        Selection kept, found;

        assert_int_equal(select_devices(query, memory, &kept),
                         select_devices(query, &anew, &found));
        assert_int_equal(kept.n_items, found.n_items);
        for (size_t i = 0; i < kept.n_items; i++)
                assert_ptr_equal(kept.items[i], found.items[i]);
        n_selected += kept.n_items > 1;
        free(kept.items);
        free(found.items);
}

static void look_at_memory(const Registry *registry, AllocateMemory *memory) {
        static const char *const texts[] = { "first:1",  "first:2,second:1", "first:3,second:2",
                                             "first:64", "second:64",        "first:32,second:32" };

        for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
                _cleanup_(request_freep) Request *request = NULL;
                AllocateQuery query = { .registry = registry, .numa_policy = -1 };
                _cleanup_(plan_done) Plan plan = { 0 };

                assert_int_equal(request_parse(texts[i], &request, NULL), 0);
                query.request = request;
                query.domain_uuid = GUEST_A;
                if (strstr(texts[i], "64"))
                        select_twice(&query, memory);
                plan = decide_query_twice(query, memory);
        }
}

static void what_is_kept_along_a_life_is_what_is_found_anew(void **state) {
        for (uint32_t life = 1; life <= LIVES; life++) {
                _cleanup_(allocate_forget) AllocateMemory memory = { 0 };
                uint32_t seed = life * 2654435761u;
                Registry registry;

                registry_init(&registry);
                configure(&registry, &seed);
                for (uint32_t place = 0; place < KEPT_PLACES; place++)
                        appear(&registry, &seed, place);
                for (int step = 0; step < STEPS; step++) {
                        happen(&registry, &seed);
                        if (pick(&seed, 3) == 0)
                                continue;
                        assert_int_equal(registry_settle(&registry), 0);
                        changes_done(&registry.changes);
                        /* Sometimes nobody asks for a while. */
                        if (pick(&seed, 4) != 0)
                                look_at_memory(&registry, &memory);
                }
                registry_done(&registry);
        }

        print_message("# %u selections of several devices were compared\n", n_selected);
        assert_true(n_selected > LIVES);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_kept_changes_no_decision),
                cmocka_unit_test(what_is_kept_along_a_life_is_what_is_found_anew),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
