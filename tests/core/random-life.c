/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "random-life.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* xorshift: the same lives on every machine. */
static uint32_t next_random(uint32_t *seed) {
        *seed ^= *seed << 13;
        *seed ^= *seed >> 17;
        *seed ^= *seed << 5;
        return *seed;
}

uint32_t pick(uint32_t *seed, uint32_t n) {
        return next_random(seed) % n;
}

static bool chance(uint32_t *seed) {
        return pick(seed, 2) != 0;
}

const char *const places[PLACES] = {
        "0000:01:00.0", "0000:01:10.0", "0000:01:10.1", "0000:02:00.0",
        "0000:02:00.1", "0000:02:01.0", "0000:03:00.0", "0000:04:00.0",
};
static const char *const guests[] = { GUEST_A, GUEST_B, GUEST_C };
static const char *const mediated[] = { "a1c3d4e5-1111-2222-3333-444444444444",
                                        "b2c3d4e5-1111-2222-3333-444444444444" };
const char *const set_names[2] = { "first", "second" };

/* The UUID of a mediated device, or NULL: by the seed as it is, so that the lives go on as they would without. */
static const char *one_mediated(uint32_t seed) {
        return (seed >> 9) % 4 == 0 ? mediated[(seed >> 11) % N_ELEMENTS(mediated)] : NULL;
}

static void appear(Registry *registry, uint32_t *seed) {
        static const char *const drivers[] = { "", "ixgbe", "vfio-pci" };
        size_t place = pick(seed, PLACES);
        Made made = {
                .address = places[place],
                .vendor_id = pick(seed, 4) == 0 ? 0x10de : 0x8086,
                .product_id = 0x154d,
                .driver = drivers[pick(seed, N_ELEMENTS(drivers))],
                .host_use = pick(seed, 5) == 0 ? "eth0" : NULL,
                .has_group = pick(seed, 8) != 0,
                .group = (int) pick(seed, 4),
                .mediated = one_mediated(*seed),
        };

        if (place == 0)
                made.type = chance(seed) ? DEVICE_TYPE_PF : DEVICE_TYPE_PCI;
        if (place == 1 || place == 2) {
                made.type = DEVICE_TYPE_VF;
                made.physical_function = places[0];
        }
        if (place == 3)
                made.class_code = chance(seed) ? 0x060400 : 0x020000;
        made_appear(registry, &made);
}

static void speak(Registry *registry, uint32_t *seed) {
        const char *uuid = guests[pick(seed, N_ELEMENTS(guests))];
        char texts[2][256] = { "", "" };

        if (pick(seed, 6) == 0) {
                made_domain_gone(registry, uuid);
                return;
        }

        for (int xml = 0; xml < 2; xml++) {
                for (uint32_t n = pick(seed, 3); n > 0; n--) {
                        size_t used = strlen(texts[xml]);

                        (void) snprintf(texts[xml] + used, sizeof(texts[xml]) - used,
                                        "%s=ua-hostdev1-%u-%u ", places[pick(seed, PLACES)],
                                        1 + pick(seed, 6), pick(seed, 2));
                }
                if (one_mediated(*seed))
                        (void) strcat(texts[xml], one_mediated(*seed));
        }
        made_domain(registry, uuid, chance(seed) ? "alpha" : "bravo",
                    chance(seed) ? texts[0] : NULL, chance(seed) ? texts[1] : NULL);
}

static void attach(Registry *registry, uint32_t *seed) {
        uint32_t number = 1 + pick(seed, 6);
        size_t one = pick(seed, PLACES), other = pick(seed, PLACES);
        char addresses[64];

        if (registry_find_attachment(registry, number))
                return;

        if (one == other)
                (void) snprintf(addresses, sizeof(addresses), "%s", places[one]);
        else
                (void) snprintf(addresses, sizeof(addresses), "%s %s", places[one], places[other]);
        (void) made_attachment(registry, number, guests[pick(seed, N_ELEMENTS(guests))], addresses,
                               ATTACHMENT_ATTACHING);
}

static void configure(Registry *registry, uint32_t *seed) {
        static const char *const rules[] = {
                "vendor_id=8086",       "product_id=154d",        "address=0000:01:*.*",
                "address=0000:01:00.0", "vendor_id=8086 tag.a=b", "driver=ixgbe tag.a=c",
        };
        Catalog catalog = { 0 };

        for (size_t i = 0; i < N_ELEMENTS(set_names); i++)
                if (pick(seed, 4) != 0)
                        made_pool(&catalog, set_names[i], rules[pick(seed, N_ELEMENTS(rules))]);
        for (size_t i = 0; i < N_ELEMENTS(set_names); i++)
                if (pick(seed, 4) != 0)
                        made_alias(&catalog, set_names[i], rules[pick(seed, N_ELEMENTS(rules))]);
        assert_int_equal(registry_set_catalog(registry, &catalog), 0);
}

void random_event(Registry *registry, uint32_t *seed) {
        uint32_t number = 1 + pick(seed, 6);

        switch (pick(seed, 12)) {
        case 0 ... 3:
                appear(registry, seed);
                break;
        case 4:
                made_vanish(registry, places[pick(seed, PLACES)]);
                break;
        case 5 ... 6:
                speak(registry, seed);
                break;
        case 7:
                attach(registry, seed);
                break;
        case 8 ... 9:
                if (registry_find_attachment(registry, number))
                        made_state(registry, number, pick(seed, ATTACHMENT_ENDED));
                break;
        case 10:
                assert_int_equal(registry_remove_attachment(registry, number), 0);
                break;
        default:
                configure(registry, seed);
        }
}
