/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/allocate-group.h"

#include <errno.h>
#include <string.h>

#include "core/quote.h"
#include "util/text.h"

enum {
        MATES_MAX = 4 /* named of one device */
};

/* The other functions that are in the way of a device. */
typedef struct Mates {
        char **names; /* the first of them */
        size_t n;
} Mates;

static void mates_done(Mates *mates) {
        list_free(mates->names);
}

/* "0000:c1:00.1 (snd_hda_intel, domain:web)" */
static int add_mate(Mates *mates, const Device *mate) {
        const char *driver = mate->facts->driver, *holder = mate->holder ? mate->holder : "";
        char address[ADDRESS_TEXT_SIZE], quoted_driver[QUOTE_SIZE], quoted_holder[QUOTE_SIZE];
        _cleanup_(freep) char *name = NULL;

        if (mates->n++ >= MATES_MAX)
                return 0;

        name = text_print("%s (%s%s%s)", address_format(mate->address, address),
                          *driver ? quote(driver, quoted_driver) : "no driver", *holder ? ", " : "",
                          quote(holder, quoted_holder));
        return name ? list_append(&mates->names, name) : -ENOMEM;
}

static char *join_mates(const Mates *mates) {
        _cleanup_(freep) char *names = list_join(mates->names, ", ");

        if (!names || mates->n <= MATES_MAX)
                return TAKE(names);
        return text_print("%s and %zu more", names, mates->n - MATES_MAX);
}

/* Does the host use it, or does another domain have it? */
static bool is_in_use(const Problem *problem, const Device *device) {
        const AllocateQuery *query = problem->query;
        const Holder *holder = NULL;

        if (facts_is_bridge(device->facts))
                return false;
        if (device->present && *device->facts->host_use && !query->force)
                return true;

        while ((holder = holders_next(&query->registry->holders, device->address, holder)))
                if (holder_holds(holder) &&
                    strcmp(holder_domain_uuid(holder), query->domain_uuid) != 0)
                        return true;
        return false;
}

/* Those of its group that are in use, or that would stay at a host driver. 0 or -ENOMEM. */
static int find_group_mates(const Problem *problem, const Device *device, uint32_t reason,
                            Mates *ret) {
        for (Device *mate = NULL;
             (mate = inventory_next_in_group(problem->inventory, device, mate));) {
                bool counts = reason == REASON_GROUP_IN_USE ? is_in_use(problem, mate)
                                                            : problem_is_stuck(problem, mate);

                if (mate != device && counts && add_mate(ret, mate) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* Is it, or the PF that takes it along, among these? */
static bool goes_along(const Problem *problem, const Places *members, const Device *device) {
        size_t place = device->place;
        size_t physical = device->facts->type == DEVICE_TYPE_VF
                                  ? problem_place(problem, device->facts->physical_function)
                                  : SIZE_MAX;

        return places_contain(members, (uint32_t) place) ||
               (physical != SIZE_MAX && places_contain(members, (uint32_t) physical));
}

/* Would nothing of the group stay behind, and is everything to be had, but perhaps for a pool? */
static bool unit_helps(Problem *problem, const Places *members, const Device *device,
                       bool *ret_needs_pool) {
        bool needs_pool = false;

        for (Device *mate = NULL;
             (mate = inventory_next_in_group(problem->inventory, device, mate));)
                if (problem_is_stuck(problem, mate) && !goes_along(problem, members, mate))
                        return false;

        for (size_t i = 0; i < members->n_items; i++) {
                uint32_t reasons = problem_reasons(problem, members->items[i]);

                if (reasons & ~(uint32_t) REASON_NOT_IN_POOL)
                        return false;
                needs_pool = needs_pool || reasons != 0;
        }

        *ret_needs_pool = needs_pool;
        return true;
}

int problem_helping_unit(Problem *problem, Unit unit, const Device *device, Unit *ret,
                         bool *ret_needs_pool) {
        size_t place = device->place;

        for (Unit greater = unit + 1; greater < _UNIT_END; greater++) {
                _cleanup_(places_done) Places members = { 0 };

                if (problem_unit(problem, greater, place, &members) < 0)
                        return -ENOMEM;
                if (unit_helps(problem, &members, device, ret_needs_pool)) {
                        *ret = greater;
                        return 0;
                }
        }

        *ret = UNIT_FUNCTION;
        *ret_needs_pool = false;
        return 0;
}

static char *in_use_words(const Problem *problem, const Device *device, const char *mates) {
        char address[ADDRESS_TEXT_SIZE];

        return text_print("; %s shares IOMMU group %d with %s",
                          address_format(device->address, address), device->facts->iommu_group,
                          mates);
}

static char *incomplete_words(Problem *problem, Unit unit, const Device *device, const char *mates,
                              size_t n_mates) {
        const char *them = n_mates == 1 ? "it" : "them";
        char address[ADDRESS_TEXT_SIZE];
        _cleanup_(freep) char *hint = NULL;
        bool needs_pool;
        Unit helping;

        if (problem_helping_unit(problem, unit, device, &helping, &needs_pool) < 0)
                return NULL;

        hint = helping == UNIT_FUNCTION
                       ? strdup("")
                       : text_print("; Unit=%s would take %s along%s", unit_to_string(helping),
                                    them, needs_pool ? ", once in a pool" : "");
        return hint ? text_print("; %s shares IOMMU group %d with %s, which would stay with the "
                                 "host%s",
                                 address_format(device->address, address),
                                 device->facts->iommu_group, mates, hint)
                    : NULL;
}

/* Of a unit: those that are in no pool, when the device itself is in one. */
static char *unit_words(Problem *problem, Unit unit, const Device *device) {
        _cleanup_(places_done) Places members = { 0 };
        _cleanup_(mates_done) Mates mates = { 0 };
        _cleanup_(freep) char *joined = NULL;
        char address[ADDRESS_TEXT_SIZE];

        if (problem_unit(problem, unit, device->place, &members) < 0)
                return NULL;
        for (size_t i = 0; i < members.n_items; i++) {
                const Device *member = problem->inventory->devices[members.items[i]];

                if (!member->pool && add_mate(&mates, member) < 0)
                        return NULL;
        }
        if (mates.n == 0)
                return strdup("");

        joined = join_mates(&mates);
        return joined ? text_print("; %s goes by Unit=%s with %s, in no pool",
                                   address_format(device->address, address), unit_to_string(unit),
                                   joined)
                      : NULL;
}

static char *obstacle_words(Problem *problem, Unit unit, const Obstacle *obstacle) {
        const Device *device = obstacle->device;
        _cleanup_(mates_done) Mates mates = { 0 };
        _cleanup_(freep) char *joined = NULL;
        char address[ADDRESS_TEXT_SIZE];

        if (obstacle->reason == REASON_NO_IOMMU)
                return text_print("; %s is behind no IOMMU",
                                  address_format(device->address, address));
        if (obstacle->reason == REASON_NOT_IN_POOL)
                return unit_words(problem, unit, device);

        if (find_group_mates(problem, device, obstacle->reason, &mates) < 0)
                return NULL;
        if (mates.n == 0)
                return strdup("");

        joined = join_mates(&mates);
        if (!joined)
                return NULL;
        return obstacle->reason == REASON_GROUP_IN_USE
                       ? in_use_words(problem, device, joined)
                       : incomplete_words(problem, unit, device, joined, mates.n);
}

char *problem_group_words(Problem *problem, const Shortage *shortage) {
        static const uint32_t told = REASON_NOT_IN_POOL | REASON_GROUP_IN_USE | REASON_NO_IOMMU |
                                     REASON_GROUP_INCOMPLETE;
        const Want *want = &problem->wants[problem->want_of_item[shortage->item]];
        _cleanup_(list_freep) char **parts = NULL;
        uint32_t done = 0;

        for (size_t i = 0; i < shortage->obstacles.n_items; i++) {
                const Obstacle *obstacle = &shortage->obstacles.items[i];
                _cleanup_(freep) char *words = NULL;

                /* Of what is in no pool itself the count says enough. */
                if (!(obstacle->reason & told & ~done) || !obstacle->device->pool)
                        continue;

                done |= obstacle->reason;
                words = obstacle_words(problem, want->alias->unit, obstacle);
                if (!words || list_append(&parts, words) < 0)
                        return NULL;
        }

        return parts ? list_join(parts, "") : strdup("");
}
