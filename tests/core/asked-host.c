/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "asked-host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "util/text.h"

int host_set_up(void **state) {
        Host *host = calloc(1, sizeof(*host));

        assert_non_null(host);
        registry_init(&host->registry);
        host->next_group = 1000;
        *state = host;
        return 0;
}

int host_tear_down(void **state) {
        Host *host = *state;

        registry_done(&host->registry);
        free(host);
        return 0;
}

void host_add(Host *host, Made made) {
        if (!made.has_group) {
                made.has_group = true;
                made.group = host->next_group++;
        }
        made_appear(&host->registry, &made);
}

void host_pool(Host *host, const char *name, const char *words) {
        made_pool(&host->registry.catalog, name, words);
}

Alias *host_alias(Host *host, const char *name, const char *words) {
        made_alias(&host->registry.catalog, name, words);
        return catalog_find_alias(&host->registry.catalog, name);
}

static AllocateQuery make_query(Host *host, const Asking *asking, Request **ret_request) {
        AllocateQuery query = {
                .registry = &host->registry,
                .domain_uuid = asking->uuid ?: "",
                .numa_policy = asking->policy ? numa_policy_from_string(asking->policy) : -1,
                .force = asking->force,
        };

        assert_int_equal(registry_settle(&host->registry), 0);
        assert_int_equal(request_parse(asking->request, ret_request, NULL), 0);
        query.request = *ret_request;
        for (const char *node = asking->nodes ?: ""; *node; node++)
                node_set_add(&query.nodes, (unsigned) (*node - '0'));
        return query;
}

static const char *short_address(const Device *device, char text[static ADDRESS_TEXT_SIZE]) {
        return address_format(device->address, text) + strlen("0000:");
}

static void print_plan(FILE *stream, const Plan *plan) {
        char address[ADDRESS_TEXT_SIZE];

        for (size_t i = 0; i < plan->n_choices; i++)
                fprintf(stream, "%s%zu=%s", i > 0 ? " " : "", plan->choices[i].item,
                        short_address(plan->choices[i].device, address));
}

void assert_decides(Host *host, int verdict, const char *expected, Asking asking) {
        _cleanup_(request_freep) Request *request = NULL;
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        _cleanup_(freep) char *said = NULL;
        AllocateQuery query = make_query(host, &asking, &request);
        Plan plan = { .n_choices = 77 };
        size_t size;
        FILE *stream;
        int r;

        r = allocate(&query, &plan, &refusal);
        if (r != verdict)
                fail_msg("%s: %d, %s", asking.request, r, refusal.text ?: "fits");
        if (r != 0) {
                assert_int_equal(plan.n_choices, 77);
                assert_int_equal(refusal.verdict, verdict);
                assert_true(text_is_line(refusal.text));
                assert_string_equal(refusal.text, expected);
                return;
        }

        stream = open_memstream(&said, &size);
        assert_non_null(stream);
        print_plan(stream, &plan);
        fclose(stream);
        plan_done(&plan);
        assert_string_equal(said, expected);
}

static void print_explanation(FILE *stream, const Explanation *explanation) {
        char address[ADDRESS_TEXT_SIZE];

        for (size_t i = 0; i < explanation->n_candidates; i++) {
                const Candidate *candidate = &explanation->candidates[i];
                const char *before = ": ";

                fprintf(stream, "%zu %s", candidate->item,
                        short_address(candidate->device, address));
                if (candidate->chosen)
                        fputs(": chosen", stream);
                for (unsigned bit = 0; bit < REASON_COUNT; bit++) {
                        if (!(candidate->reasons & (1u << bit)))
                                continue;
                        fprintf(stream, "%s%s", before, reason_to_string(1u << bit));
                        before = ", ";
                }
                fputc('\n', stream);
        }
        fputs(explanation->text, stream);
}

void assert_explains(Host *host, const char *expected, Asking asking) {
        _cleanup_(request_freep) Request *request = NULL;
        _cleanup_(explanation_done) Explanation explanation = { 0 };
        _cleanup_(freep) char *said = NULL;
        AllocateQuery query = make_query(host, &asking, &request);
        size_t size;
        FILE *stream;

        assert_int_equal(allocate_explain(&query, &explanation), 0);
        assert_int_equal(explanation.fits, *explanation.text == '\0');
        stream = open_memstream(&said, &size);
        assert_non_null(stream);
        print_explanation(stream, &explanation);
        fclose(stream);
        assert_string_equal(said, expected);
}

void assert_tells(Host *host, const char *expected, Asking asking) {
        _cleanup_(request_freep) Request *request = NULL;
        _cleanup_(explanation_done) Explanation explanation = { 0 };
        _cleanup_(freep) char *said = NULL;
        AllocateQuery query = make_query(host, &asking, &request);
        size_t size;
        FILE *stream;

        assert_int_equal(allocate_explain(&query, &explanation), 0);
        stream = open_memstream(&said, &size);
        assert_non_null(stream);
        for (size_t i = 0; i < request->n_items; i++)
                fprintf(stream, "%u ", explanation.n_units[i]);
        fputs(explanation.sentence, stream);
        fclose(stream);
        assert_string_equal(said, expected);
}
