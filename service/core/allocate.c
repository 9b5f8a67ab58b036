/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/allocate.h"

#include <errno.h>

#include "core/allocate-group.h"
#include "core/allocate-internal.h"
#include "util/vector.h"

void plan_done(Plan *plan) {
        free(plan->choices);
        *plan = (Plan){ 0 };
}

static int compare_choices(const void *a, const void *b) {
        const Choice *choice_a = a, *choice_b = b;

        if (choice_a->item != choice_b->item)
                return choice_a->item < choice_b->item ? -1 : 1;
        return address_compare(choice_a->device->address, choice_b->device->address);
}

static int plan_add(Plan *plan, const Problem *problem, size_t item, uint32_t lot) {
        const Places *devices = &problem->lots[lot].devices;
        int r;

        for (size_t i = 0; i < devices->n_items; i++) {
                Device *device = problem->devices.items[devices->items[i]];

                r = VECTOR_APPEND(plan->choices, plan->n_choices,
                                  ((Choice){ .item = item, .device = device }));
                if (r < 0)
                        return r;
        }

        return 0;
}

static int make_plan(const Problem *problem, const Rows *rows, Plan *ret) {
        _cleanup_(plan_done) Plan plan = { 0 };
        int r;

        for (size_t i = 0; i < rows->n_items; i++) {
                r = plan_add(&plan, problem, problem_item(problem, rows, i), rows->items[i].lot);
                if (r < 0)
                        return r;
        }

        if (plan.n_choices > 0)
                qsort(plan.choices, plan.n_choices, sizeof(*plan.choices), compare_choices);
        *ret = plan;
        plan = (Plan){ 0 };
        return 0;
}

static bool host_has_groups(const Inventory *inventory) {
        size_t n_endpoints = 0;

        for (size_t i = 0; i < inventory->n_devices; i++) {
                const Device *device = inventory->devices[i];

                if (!device->present || facts_is_bridge(device->facts))
                        continue;
                if (device->facts->iommu_group >= 0)
                        return true;
                n_endpoints++;
        }

        /* Of a host without devices nothing can be said. */
        return n_endpoints == 0;
}

/* Would it fit by force? Then the text names the first device that the host uses. 0: no. */
static int refuse_used_by_host(const AllocateQuery *query, const char *shortage, Refusal *refusal) {
        AllocateQuery forced = *query;
        _cleanup_(problem_done) Problem problem = { 0 };
        _cleanup_(plan_done) Plan plan = { 0 };
        char address[ADDRESS_TEXT_SIZE];
        Demand demand;
        Rows rows;
        int r;

        forced.force = true;
        r = problem_init(&problem, &forced);
        if (r < 0)
                return r;

        demand = problem_demand_all(&problem);
        r = problem_search(&problem, &demand, &rows);
        if (r != SEARCH_FOUND)
                return r < 0 ? r : 0;

        r = make_plan(&problem, &rows, &plan);
        if (r < 0)
                return r;

        for (size_t i = 0; i < plan.n_choices; i++) {
                const Device *device = plan.choices[i].device;
                const char *use = device->facts->host_use;

                if (registry_reasons(query->registry, device, query->domain_uuid) &
                    REASON_IN_USE_BY_HOST)
                        return refuse(refusal, DEVICE_USED_BY_HOST,
                                      "%s; only by force: %s is used by the host%s%s", shortage,
                                      address_format(device->address, address), *use ? ": " : "",
                                      use);
        }

        return refuse(refusal, DEVICE_USED_BY_HOST, "%s; only by force", shortage);
}

static int refuse_plan(Problem *problem, int result, Refusal *refusal) {
        _cleanup_(shortage_done) Shortage shortage = { 0 };
        _cleanup_(freep) char *text = NULL, *group = NULL;
        int r;

        if (!host_has_groups(problem->inventory))
                return refuse(refusal, HOST_NOT_READY,
                              "no device of this host has an IOMMU group; is its IOMMU on?");

        r = problem_find_shortage(problem, result, &shortage);
        if (r < 0)
                return r;

        text = problem_text(problem, &shortage);
        if (!text)
                return -ENOMEM;

        if (problem->is_held_up_by_host) {
                r = refuse_used_by_host(problem->query, text, refusal);
                if (r != 0)
                        return r;
        }

        group = problem_group_words(problem, &shortage);
        return group ? refuse(refusal, DEVICES_NOT_ENOUGH, "%s%s", text, group) : -ENOMEM;
}

static void selection_done(Selection *selection) {
        free(selection->items);
}

/* Among the devices that memory finds. 1; 0: not decided; or -ENOMEM. */
static int allocate_by_memory(const AllocateQuery *query, Plan *ret) {
        _cleanup_(selection_done) Selection selected = { 0 };
        _cleanup_(problem_done) Problem problem = { 0 };
        Demand demand;
        Rows rows;
        int r;

        r = memory_select(query, &selected);
        if (r <= 0)
                return r;

        r = problem_init_selected(&problem, query, (DeviceRun){ selected.items, selected.n_items });
        if (r < 0)
                return r;

        demand = problem_demand_all(&problem);
        r = problem_search(&problem, &demand, &rows);
        if (r != SEARCH_FOUND)
                return r < 0 ? r : 0;

        r = make_plan(&problem, &rows, ret);
        return r < 0 ? r : 1;
}

int allocate(const AllocateQuery *query, Plan *ret, Refusal *refusal) {
        _cleanup_(problem_done) Problem problem = { 0 };
        Demand demand;
        Rows rows;
        int r;

        r = allocate_by_memory(query, ret);
        if (r != 0)
                return r < 0 ? r : 0;

        r = problem_init(&problem, query);
        if (r < 0)
                return r;

        demand = problem_demand_all(&problem);
        r = problem_search(&problem, &demand, &rows);
        if (r < 0)
                return r;
        if (r != SEARCH_FOUND)
                return refuse_plan(&problem, r, refusal);

        return make_plan(&problem, &rows, ret);
}
