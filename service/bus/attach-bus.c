/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attach: the call that lends devices.
 */
#include <errno.h>
#include <string.h>

#include "bus/details.h"
#include "bus/errors.h"
#include "bus/methods.h"
#include "bus/options.h"
#include "bus/order.h"
#include "bus/wait.h"
#include "core/quote.h"
#include "util/log.h"
#include "util/text.h"

enum {
        WAIT_SECONDS_MAX = 20
};

/* What the call asks for, and what the choice says to it; of one turn. Texts are borrowed from the message. */
typedef struct Attach {
        const char *domain, *request_text, *numa_policy, *reason;
        OrderScope scope;
        NodeSet nodes;
        bool nodes_given;
        uint32_t wait_seconds;
        int dry_run, force;
        Request *request;
        AttachOrder order;
        Plan plan;
        int verdict; /* of the choice; 0: there is a plan */
        Refusal refusal;
} Attach;

static void attach_done(Attach *attach) {
        request_free(attach->request);
        plan_done(&attach->plan);
        refusal_done(&attach->refusal);
}

static int read_options(sd_bus_message *message, Attach *attach, Refusal *refusal) {
        const Option known[] = {
                { "live", "b", &attach->scope.live, &attach->scope.live_given },
                { "config", "b", &attach->scope.config, &attach->scope.config_given },
                { "numa-nodes", "au", &attach->nodes, &attach->nodes_given },
                { "numa-policy", "s", &attach->numa_policy, NULL },
                { "wait-seconds", "u", &attach->wait_seconds, NULL },
                { "dry-run", "b", &attach->dry_run, NULL },
                { "force", "b", &attach->force, NULL },
                { "reason", "s", &attach->reason, NULL },
        };
        const OrderScope *scope = &attach->scope;
        char quoted[QUOTE_SIZE];
        int r;

        r = options_read(message, known, N_ELEMENTS(known), refusal);
        if (r != 0)
                return r;

        /* Wrong for every domain: said before one is looked for. */
        if (scope->live_given && scope->config_given && !scope->live && !scope->config)
                return refuse(refusal, ARGUMENTS_INVALID, "neither live nor config is asked for");

        attach->order.numa_policy = -1;
        if (attach->numa_policy) {
                attach->order.numa_policy = numa_policy_from_string(attach->numa_policy);
                if (attach->order.numa_policy < 0)
                        return refuse(refusal, ARGUMENTS_INVALID,
                                      "option numa-policy: \"%s\" is no policy",
                                      quote(attach->numa_policy, quoted));
        }

        r = option_check_wait(attach->wait_seconds, WAIT_SECONDS_MAX, refusal);
        return r != 0 ? r : option_check_reason(attach->reason, refusal);
}

/* Arguments, request text, names. */
static int read_call(Call *call, Attach *attach, Refusal *refusal) {
        int r;

        attach->reason = "";
        r = sd_bus_message_read(call->message, "ss", &attach->domain, &attach->request_text);
        if (r < 0)
                return r;

        r = read_options(call->message, attach, refusal);
        return r != 0 ? r
                      : order_read_request(manager_registry(call->bus->manager),
                                           attach->request_text, &attach->request, refusal);
}

/* The domain, and what follows from it. */
static int resolve(Call *call, Attach *attach, Refusal *refusal) {
        Manager *manager = call->bus->manager;
        AttachOrder *order = &attach->order;
        const DomainFacts *domain;
        int r;

        r = order_find_domain(manager_registry(manager), attach->domain, &domain, refusal);
        if (r != 0)
                return r;

        r = order_scope(domain, &attach->scope, manager_can_attach_live(manager), &order->live,
                        &order->config, refusal);
        if (r != 0)
                return r;

        memcpy(order->domain_uuid, domain->uuid, sizeof(order->domain_uuid));
        order->request_text = attach->request_text;
        order->request = attach->request;
        order->nodes = attach->nodes_given ? attach->nodes : domain->nodes;
        order->force = attach->force;
        order->reason = attach->reason;
        order->owner_uid = call->uid;
        return 0;
}

/* A choice that was refused is shown to polkit too: who may not attach is not told what is free. */
static int ask(Call *call, const Attach *attach, sd_bus_error *error) {
        const AttachOrder *order = &attach->order;
        const DomainFacts *domain = domains_find_uuid(
                &manager_registry(call->bus->manager)->domains, order->domain_uuid);
        const DetailsScope scope = {
                .domain = domain->name,
                .domain_uuid = order->domain_uuid,
                .live = order->live,
                .config = order->config,
                .force = order->force,
        };
        _cleanup_(list_freep) char **details = NULL;
        int r;

        r = details_of_plan(attach->request, attach->verdict != 0 ? NULL : &attach->plan, &scope,
                            &details);
        if (r < 0)
                return bus_refuse(error, r, NULL);

        return authorize(call, ACTION_ATTACH | (order->force ? ACTION_FORCE : 0), details, error);
}

/* Nothing fits now; something may before the caller's time is over. */
static int wait_for_device(Call *call, Attach *attach, sd_bus_error *error) {
        int r = 0;

        if (attach->wait_seconds > 0 &&
            (attach->verdict == DEVICES_NOT_ENOUGH || attach->verdict == DEVICE_USED_BY_HOST))
                r = call_wait(call, WAIT_DEVICE, attach->wait_seconds * UINT64_C(1000000));
        if (r < 0)
                return bus_refuse(error, r, NULL);

        return r > 0 ? 1 : bus_refuse_with(error, attach->verdict, &attach->refusal);
}

static int act(Call *call, const Attach *attach, sd_bus_error *error) {
        Refusal refusal = { 0 };
        int r;

        call_act(call);
        r = manager_attach(call->bus->manager, &attach->order, &attach->plan, call_done_with_path,
                           call, &refusal);
        if (r == 0)
                return 1;

        call_take_back(call);
        return bus_refuse_with(error, r, &refusal);
}

/* Attach(s domain, s request, a{sv} options) -> o attachment */
int manager_method_attach(Call *call, void *object, sd_bus_error *error) {
        _cleanup_(attach_done) Attach attach = { 0 };
        Refusal refusal = { 0 };
        int r;

        r = read_call(call, &attach, &refusal);
        if (r != 0)
                return bus_refuse_with(error, r, &refusal);

        call->reason = *attach.reason ? attach.reason : NULL;
        r = wait_for_hypervisor(call, error);
        if (r != 0)
                return r;

        r = resolve(call, &attach, &refusal);
        if (r != 0)
                return bus_refuse_with(error, r, &refusal);

        r = manager_check_limits(call->bus->manager, call->uid, &refusal);
        if (r != 0)
                return bus_refuse_with(error, r, &refusal);

        attach.verdict =
                manager_choose(call->bus->manager, &attach.order, &attach.plan, &attach.refusal);
        if (attach.verdict < 0)
                return bus_refuse(error, attach.verdict, NULL);

        /* Everything above only looks. We come by again: polkit's answer sends the call round. */
        r = ask(call, &attach, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        if (attach.verdict != 0)
                return wait_for_device(call, &attach, error);
        if (attach.dry_run) {
                call_answer(call, "/");
                return 1;
        }
        return act(call, &attach, error);
}
