/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "run.h"

#include <stdio.h>
#include <string.h>

#include "expect.h"

static const json_t *input_of(const Case *c, const char *key) {
        return json_object_get(json_object_get(c->json, "input"), key);
}

/* A world with the configuration and the devices of the case. False when its options are refused. */
static bool make_world(Case *c, World *world, const char **ret_option, Refusal *refusal) {
        _cleanup_(config_freep) Config *config = NULL;

        world_init(world);
        config = case_config(c, input_of(c, "device_spec"), input_of(c, "alias"), ret_option,
                             refusal);
        if (!config)
                return false;

        world_configure(world, config);
        world_set_topology(world, c, input_of(c, "host_numa"));
        world_scan(world, c, input_of(c, "devices"));
        return true;
}

static void read_cells(Case *c, const json_t *cells, NodeSet *ret) {
        size_t i;
        json_t *cell;

        if (cells && !json_is_null(cells) && !json_is_array(cells))
                differ(c, "the case: numa_cells is no list");

        json_array_foreach(cells, i, cell) {
                if (json_is_integer(cell) && json_integer_value(cell) >= 0)
                        node_set_add(ret, (unsigned) json_integer_value(cell));
                else
                        differ(c, "the case: numa_cells has something that is no node");
        }
}

/* Of an object: its text, nodes and policy; else the text. NULL and a difference when there is none. */
static const char *read_request(Case *c, const json_t *request, NodeSet *nodes, int *ret_policy) {
        const json_t *policy = json_object_get(request, "policy");

        *nodes = (NodeSet){ 0 };
        *ret_policy = -1;
        if (json_is_string(request))
                return json_string_value(request);

        CHECK_KEYS(c, "a request", request, "alias", "policy", "numa_cells");
        read_cells(c, json_object_get(request, "numa_cells"), nodes);
        if (policy && !json_is_null(policy)) {
                *ret_policy = numa_policy_from_string(json_string_value(policy) ?: "");
                if (*ret_policy < 0)
                        differ(c, "the case: a policy that there is not");
        }
        return case_text(c, request, "alias");
}

static void run_request(Case *c, World *world, size_t i, const json_t *request,
                        const json_t *expected) {
        _cleanup_(decision_done) Decision decision = { 0 };
        char owner[32], where[32];
        NodeSet nodes;
        int policy;
        const char *text = read_request(c, request, &nodes, &policy);

        if (!text)
                return;

        (void) snprintf(owner, sizeof(owner), "request-%zu", i);
        (void) snprintf(where, sizeof(where), "request %zu: ", i + 1);
        world_decide(world, owner, text, &nodes, policy, &decision);
        if (!decision.error)
                world_claim(world, owner, &decision);
        expect_result(c, where, world, &decision, policy, expected);
}

/* Each against the fresh host, or one after the other. */
static void run_requests(Case *c, const json_t *requests, const json_t *results) {
        bool sequential = json_is_true(input_of(c, "sequential"));
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        const char *option;
        World world = { 0 };
        size_t i;
        json_t *request;

        if (!json_is_array(results) || json_array_size(results) != json_array_size(requests)) {
                differ(c, "the case: as many results as requests are needed");
                return;
        }

        json_array_foreach(requests, i, request) {
                if (i == 0 || !sequential) {
                        world_done(&world);
                        if (!make_world(c, &world, &option, &refusal))
                                break;
                }
                run_request(c, &world, i, request, json_array_get(results, i));
        }
        world_done(&world);
}

static void run_claim(Case *c, World *world, const char *owner, const char *text, bool probe,
                      Decision *decision, Outcome *ret) {
        const NodeSet anywhere = { 0 };

        if (!owner || !text)
                return;

        world_decide(world, owner, text, &anywhere, -1, decision);
        if (!decision->error && !probe)
                world_claim(world, owner, decision);

        ret->is_decision = true;
        ret->fits = !decision->error;
        ret->ok = ret->fits || (probe && strcmp(decision->error, "insufficient") == 0);
        ret->error = decision->error;
        ret->text = decision->text;
}

static void run_restart(Case *c, World *world, const json_t *step, const json_t **devices,
                        Refusal *refusal, Outcome *ret) {
        _cleanup_(config_freep) Config *config = NULL;
        const json_t *spec = json_object_get(step, "device_spec");
        const char *option;

        if (json_object_get(step, "devices"))
                *devices = case_list(c, step, "devices");

        config = case_config(c, spec ?: input_of(c, "device_spec"), input_of(c, "alias"), &option,
                             refusal);
        if (config)
                world_restart(world, c, config, *devices, json_object_get(step, "gone"));

        ret->ok = config != NULL;
        ret->error = config ? NULL : "invalid-config";
        ret->text = refusal->text;
}

/* @devices: what the host has, to be kept up to date. */
static void run_step(Case *c, World *world, const char *where, const json_t *step,
                     const json_t **devices, const json_t *expected) {
        const char *op = case_text(c, step, "op") ?: "";
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        _cleanup_(decision_done) Decision decision = { 0 };
        Outcome outcome = { .ok = true };

        if (strcmp(op, "claim") == 0) {
                CHECK_KEYS(c, "a step", step, "op", "owner", "alias");
                run_claim(c, world, case_text(c, step, "owner"), case_text(c, step, "alias"), false,
                          &decision, &outcome);
        } else if (strcmp(op, "probe") == 0) {
                CHECK_KEYS(c, "a step", step, "op", "alias");
                run_claim(c, world, "a probe", case_text(c, step, "alias"), true, &decision,
                          &outcome);
        } else if (strcmp(op, "allocate") == 0) {
                CHECK_KEYS(c, "a step", step, "op", "owner");
                world_allocate(world, case_text(c, step, "owner") ?: "");
        } else if (strcmp(op, "free") == 0) {
                CHECK_KEYS(c, "a step", step, "op", "owner");
                world_free(world, case_text(c, step, "owner") ?: "");
        } else if (strcmp(op, "rescan") == 0) {
                CHECK_KEYS(c, "a step", step, "op", "devices");
                *devices = case_list(c, step, "devices");
                world_scan(world, c, *devices);
        } else if (strcmp(op, "restart") == 0) {
                CHECK_KEYS(c, "a step", step, "op", "device_spec", "devices", "gone");
                run_restart(c, world, step, devices, &refusal, &outcome);
        } else
                differ(c, "the case: a step '%s' that there is not", op);

        expect_step(c, where, world, &outcome, expected);
}

static void run_steps(Case *c, World *world, const json_t *steps, const json_t *expected) {
        const json_t *devices = input_of(c, "devices");
        size_t i;
        json_t *step;

        if (!json_is_array(expected) || json_array_size(expected) != json_array_size(steps)) {
                differ(c, "the case: as many expected steps as steps are needed");
                return;
        }

        json_array_foreach(steps, i, step) {
                char where[32];

                (void) snprintf(where, sizeof(where), "step %zu: ", i + 1);
                run_step(c, world, where, step, &devices, json_array_get(expected, i));
        }
}

static void check_form(Case *c, const json_t *input, const json_t *expected) {
        CHECK_KEYS(c, "it", c->json, "id", "title", "input", "expect");
        CHECK_KEYS(c, "input", input, "devices", "device_spec", "alias", "host_numa", "requests",
                   "sequential", "steps");
        CHECK_KEYS(c, "expect", expected, "config_error", "pooled", "tags", "results", "steps");
        if (json_object_get(input, "devices") && !json_is_array(json_object_get(input, "devices")))
                differ(c, "the case: devices is no list");
        if (json_object_get(input, "sequential") &&
            !json_is_boolean(json_object_get(input, "sequential")))
                differ(c, "the case: sequential is neither true nor false");
        if (json_object_size(expected) == 0)
                differ(c, "the case: it expects nothing");
        if (json_object_get(expected, "results") && !json_object_get(input, "requests"))
                differ(c, "the case: results without requests");
        if (json_object_get(expected, "steps") && !json_object_get(input, "steps"))
                differ(c, "the case: expected steps without steps");
}

void case_run(Case *c) {
        const json_t *expected = json_object_get(c->json, "expect");
        const json_t *error = json_object_get(expected, "config_error");
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        const char *refused = NULL;
        World world;

        check_form(c, json_object_get(c->json, "input"), expected);
        if (!case_is_well(c))
                return;

        if (!make_world(c, &world, &refused, &refusal) && !error)
                differ(c, "%s is refused: %s", refused, refusal.text);
        if (error && strcmp(refused ?: "", json_string_value(error) ?: "") != 0)
                differ(c, "%s is refused, not %s", refused ?: "nothing",
                       json_string_value(error) ?: "?");

        if (!refused) {
                expect_pooled(c, &world, expected);
                if (input_of(c, "steps"))
                        run_steps(c, &world, input_of(c, "steps"),
                                  json_object_get(expected, "steps"));
        } else if (json_object_size(expected) > 1)
                differ(c, "the case: what is refused can lead to nothing else");
        world_done(&world);

        if (!refused && input_of(c, "requests"))
                run_requests(c, input_of(c, "requests"), json_object_get(expected, "results"));
}
