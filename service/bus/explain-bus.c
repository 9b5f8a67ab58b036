/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Explain: what Attach would choose, and what stands against each device.
 */
#include <string.h>

#include "bus/errors.h"
#include "bus/methods.h"
#include "bus/options.h"
#include "bus/order.h"

/* How often each reason is given, and how many devices are chosen. */
typedef struct Counts {
        uint32_t reasons[REASON_COUNT];
        uint32_t n_chosen, n_asked;
} Counts;

static void count(const Explanation *explanation, const Request *request, Counts *counts) {
        for (size_t i = 0; i < request->n_items; i++)
                counts->n_asked += request->items[i].count;

        for (size_t i = 0; i < explanation->n_candidates; i++) {
                if (explanation->candidates[i].chosen)
                        counts->n_chosen++;
                for (unsigned bit = 0; bit < REASON_COUNT; bit++)
                        if (explanation->candidates[i].reasons & (UINT32_C(1) << bit))
                                counts->reasons[bit]++;
        }
}

static int append_candidate(sd_bus_message *reply, const Request *request,
                            const Candidate *candidate) {
        const Device *device = candidate->device;
        char path[DEVICE_PATH_SIZE];
        int r;

        r = sd_bus_message_open_container(reply, 'r', "sobasa{sv}");
        if (r < 0)
                return r;

        r = sd_bus_message_append(reply, "sob", request->items[candidate->item].alias,
                                  device_path(device->address, path), (int) candidate->chosen);
        if (r < 0)
                return r;

        r = append_reasons(reply, candidate->reasons);
        if (r < 0)
                return r;

        r = sd_bus_message_append(reply, "a{sv}", 4, "item", "u", (uint32_t) candidate->item,
                                  "pool", "s", device->pool ? device->pool->name : "", "numa-node",
                                  "i", (int32_t) device->facts->numa_node, "holder", "s",
                                  device->holder ? device->holder : "");
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_reason_counts(sd_bus_message *reply, const Counts *counts) {
        int r;

        r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r < 0)
                return r;
        r = sd_bus_message_append(reply, "s", "reasons");
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(reply, 'v', "a{su}");
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(reply, 'a', "{su}");
        if (r < 0)
                return r;

        for (unsigned i = 0; i < REASON_COUNT; i++) {
                if (counts->reasons[i] == 0)
                        continue;
                r = sd_bus_message_append(reply, "{su}", reason_to_string(UINT32_C(1) << i),
                                          counts->reasons[i]);
                if (r < 0)
                        return r;
        }

        for (int depth = 0; depth < 3; depth++) {
                r = sd_bus_message_close_container(reply);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int append_summary(sd_bus_message *reply, const Explanation *explanation,
                          const Request *request) {
        Counts counts = { 0 };
        int r;

        count(explanation, request, &counts);

        r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r < 0)
                return r;

        r = sd_bus_message_append(reply, "{sv}{sv}{sv}", "text", "s", explanation->text, "asked",
                                  "u", counts.n_asked, "chosen", "u", counts.n_chosen);
        if (r < 0)
                return r;

        r = append_reason_counts(reply, &counts);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int answer(sd_bus_message *message, const Explanation *explanation, const Request *request) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(message, &reply);
        if (r < 0)
                return r;

        r = sd_bus_message_append(reply, "b", (int) explanation->fits);
        if (r < 0)
                return r;

        r = sd_bus_message_open_container(reply, 'a', "(sobasa{sv})");
        if (r < 0)
                return r;

        for (size_t i = 0; i < explanation->n_candidates; i++) {
                r = append_candidate(reply, request, &explanation->candidates[i]);
                if (r < 0)
                        return r;
        }

        r = sd_bus_message_close_container(reply);
        if (r < 0)
                return r;

        r = append_summary(reply, explanation, request);
        if (r < 0)
                return r;

        r = sd_bus_send(NULL, reply, NULL);
        return r < 0 ? r : 1;
}

/* Explain(s request, a{sv} options) -> b fits, a(sobasa{sv}) candidates, a{sv} summary */
int manager_method_explain(Bus *bus, sd_bus_message *message, sd_bus_error *error) {
        const Registry *registry = manager_registry(bus->manager);
        const char *request_text, *domain_text = NULL;
        const Option known[] = { { "domain", "s", &domain_text, NULL } };
        _cleanup_(explanation_done) Explanation explanation = { 0 };
        _cleanup_(request_freep) Request *request = NULL;
        AttachOrder order = { .numa_policy = -1, .reason = "" };
        const DomainFacts *domain = NULL;
        Refusal refusal = { 0 };
        int r;

        r = sd_bus_message_read_basic(message, 's', &request_text);
        if (r >= 0)
                r = options_read(message, known, N_ELEMENTS(known), &refusal);
        if (r == 0)
                r = order_read_request(registry, request_text, &request, &refusal);
        if (r == 0 && domain_text)
                r = order_find_domain(registry, domain_text, &domain, &refusal);
        if (r != 0)
                return bus_refuse_with(error, r, &refusal);

        order.request_text = request_text;
        order.request = request;
        if (domain) {
                memcpy(order.domain_uuid, domain->uuid, sizeof(order.domain_uuid));
                order.nodes = domain->nodes;
        }

        r = manager_explain(bus->manager, &order, &explanation);
        if (r < 0)
                return bus_refuse(error, r, NULL);

        r = answer(message, &explanation, request);
        return r < 0 ? bus_refuse(error, r, NULL) : 1;
}
