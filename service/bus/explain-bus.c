/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Explain: what Attach would choose, what stands against each device, and whether the caller might. For a domain the
 * call is parked while polkit is asked; nothing changes by it, so any answer is one.
 */
#include <errno.h>
#include <string.h>

#include "bus/authority.h"
#include "bus/details.h"
#include "bus/errors.h"
#include "bus/explain.h"
#include "bus/methods.h"
#include "bus/options.h"
#include "bus/order.h"
#include "bus/wait.h"
#include "util/text.h"
#include "util/vector.h"

void explain_done(Explain *explain) {
        request_free(explain->request);
        explanation_done(&explain->explanation);
}

/* Arguments, request text, names. */
static int read_call(Bus *bus, sd_bus_message *message, Explain *explain, Refusal *refusal) {
        const Option known[] = { { "domain", "s", &explain->domain_text, NULL } };
        AttachOrder *order = &explain->order;
        int r;

        *order = (AttachOrder){ .numa_policy = -1, .reason = "" };
        r = sd_bus_message_read_basic(message, 's', &order->request_text);
        if (r < 0)
                return r;

        r = options_read(message, known, N_ELEMENTS(known), refusal);
        if (r == 0)
                r = order_read_request(manager_registry(bus->manager), order->request_text,
                                       &explain->request, refusal);
        order->request = explain->request;
        return r;
}

/* The domain, and what Attach would take from it. */
static int resolve(const Manager *manager, Explain *explain, Refusal *refusal) {
        const OrderScope scope = { 0 };
        AttachOrder *order = &explain->order;
        int r;

        r = order_find_domain(manager_registry(manager), explain->domain_text, &explain->domain,
                              refusal);
        if (r != 0)
                return r;

        memcpy(order->domain_uuid, explain->domain->uuid, sizeof(order->domain_uuid));
        order->nodes = explain->domain->nodes;
        return order_scope(explain->domain, &scope, manager_can_attach_live(manager), &order->live,
                           &order->config, refusal);
}

static int decide(Manager *manager, Explain *explain) {
        int r;

        r = manager_explain(manager, &explain->order, &explain->explanation);
        explain->enough = r == 0 && explain->explanation.fits;
        return r;
}

/* What Attach would show polkit: the devices chosen, or none of them. */
static int make_details(const Explain *explain, char ***ret) {
        const AttachOrder *order = &explain->order;
        const Explanation *explanation = &explain->explanation;
        const DetailsScope scope = {
                .domain = explain->domain->name,
                .domain_uuid = order->domain_uuid,
                .live = order->live,
                .config = order->config,
        };
        _cleanup_(plan_done) Plan plan = { 0 };

        for (size_t i = 0; i < explanation->n_candidates; i++) {
                const Candidate *candidate = &explanation->candidates[i];
                const Choice choice = { candidate->item, candidate->device };
                int r = candidate->chosen ? VECTOR_APPEND(plan.choices, plan.n_choices, choice) : 0;

                if (r < 0)
                        return r;
        }

        return details_of_plan(explain->request, explanation->fits ? &plan : NULL, &scope, ret);
}

/* Who may not attach gets none of what the request means, however free it is. */
static void withhold(Explanation *explanation) {
        const uint32_t mismatch = REASON_IDS | REASON_TYPE | REASON_TAGS;

        explanation->fits = false;
        for (size_t i = 0; i < explanation->n_candidates; i++) {
                Candidate *candidate = &explanation->candidates[i];

                candidate->chosen = false;
                if (!(candidate->reasons & mismatch))
                        candidate->reasons |= REASON_NOT_AUTHORIZED;
        }
}

/* 1: it is known whether the caller might. 0: parked. Negative errno with @error set. */
static int look_at_authorization(Call *call, Explain *explain, sd_bus_error *error) {
        _cleanup_(list_freep) char **details = NULL;
        int r;

        r = make_details(explain, &details);
        if (r < 0)
                return bus_refuse(error, r, NULL);

        r = consult(call, ACTION_ATTACH, details, &explain->authorization, error);
        if (r > 0 && explain->authorization == ANSWER_NO)
                withhold(&explain->explanation);
        return r;
}

/* As explain(), for a domain: this takes its time. */
static int explain_for_domain(Bus *bus, Call *call, Explain *explain, sd_bus_error *error) {
        Refusal refusal = { 0 };
        int r;

        r = resolve(bus->manager, explain, &refusal);
        if (r == DOMAIN_UNKNOWN && !manager_is_reconciled(bus->manager)) {
                refusal_done(&refusal);
                r = wait_for_hypervisor(call, error);
                return r < 0 ? r : 0;
        }
        if (r != 0)
                return bus_refuse_with(error, r, &refusal);

        r = decide(bus->manager, explain);
        return r < 0 ? bus_refuse(error, r, NULL) : look_at_authorization(call, explain, error);
}

/* 1: answered. 0: parked. Negative errno with @error set. */
static int explain(Bus *bus, sd_bus_message *message, Call **call, sd_bus_error *error) {
        _cleanup_(explain_done) Explain explain = { 0 };
        Refusal refusal = { 0 };
        int r;

        r = read_call(bus, message, &explain, &refusal);
        if (r == 0 && explain.domain_text && !*call) {
                r = call_new(call, bus, message);
                if (r == 0)
                        r = call_admit(*call, &refusal);
        }
        if (r != 0)
                return bus_refuse_with(error, r, &refusal);

        if (explain.domain_text) {
                r = explain_for_domain(bus, *call, &explain, error);
                if (r <= 0)
                        return r;
        } else {
                r = decide(bus->manager, &explain);
                if (r < 0)
                        return bus_refuse(error, r, NULL);
        }

        r = explain_answer(manager_registry(bus->manager), &explain, message);
        if (r == LIMIT_EXCEEDED)
                return bus_refuse(error, r, "the answer is too long: ask for fewer items at once");
        return r < 0 ? bus_refuse(error, r, NULL) : 1;
}

/* Explain(s request, a{sv} options) -> b fits, a(sobasa{sv}) candidates, a{sv} summary */
int manager_method_explain(Bus *bus, sd_bus_message *message, sd_bus_error *error) {
        Call *call = call_find(bus, message);
        int r;

        r = explain(bus, message, &call, error);
        if (r != 0)
                call_free(call);
        return r < 0 ? r : 1;
}
