/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The answer of Explain: a row of each item and device, and the summary.
 */
#include <errno.h>
#include <string.h>

#include "bus/explain.h"
#include "bus/size.h"
#include "core/quote.h"
#include "util/text.h"
#include "util/vector.h"

enum {
        GROUP_MATES_MAX = 8, /* told of one device */
        ROW_SIZE = 256,      /* without the names in it */
        MORE_SIZE = 256,     /* the same, of the details of what is meant */
        MATE_SIZE = 64,
};

static const uint32_t mismatch = REASON_IDS | REASON_TYPE | REASON_TAGS;

/* Name of the domain that has the device or is to have it; NULL: none. */
static const char *domain_of(const Registry *registry, const Device *device) {
        static const char domain[] = "domain:";
        const Attachment *attachment = registry_find_attachment(registry, device->attachment);

        if (attachment)
                return attachment->domain;
        return device->holder && strncmp(device->holder, domain, strlen(domain)) == 0
                       ? device->holder + strlen(domain)
                       : NULL;
}

static bool is_in_the_way(const Device *device, const Device *mate) {
        if (mate == device || facts_is_bridge(mate->facts))
                return false;

        return (mate->holder && *mate->holder) ||
               (*mate->facts->driver && strcmp(mate->facts->driver, "vfio-pci") != 0 &&
                strcmp(mate->facts->driver, "pci-stub") != 0);
}

/* The endpoints of its IOMMU group that are held or at a host driver. */
static int append_group_mates(sd_bus_message *reply, const Registry *registry,
                              const Device *device) {
        char address[ADDRESS_TEXT_SIZE];
        unsigned n_mates = 0;
        int r;

        r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", "group-mates");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "a(sss)");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(sss)");

        for (Device *mate = NULL;
             r >= 0 && n_mates < GROUP_MATES_MAX &&
             (mate = inventory_next_in_group(&registry->inventory, device, mate));) {
                if (!is_in_the_way(device, mate))
                        continue;
                n_mates++;
                r = sd_bus_message_append(reply, "(sss)", address_format(mate->address, address),
                                          mate->facts->driver, mate->holder ? mate->holder : "");
        }

        for (int depth = 0; r >= 0 && depth < 3; depth++)
                r = sd_bus_message_close_container(reply);
        return r;
}

/* More of a device that the item means. */
static int append_more_details(sd_bus_message *reply, const Registry *registry,
                               const Candidate *candidate) {
        const Device *device = candidate->device;
        const char *domain = domain_of(registry, device);
        char address[ADDRESS_TEXT_SIZE];
        int r;

        r = sd_bus_message_append(
                reply, "{sv}{sv}{sv}{sv}", "product", "s", device->facts->product_name, "state",
                "s", device_state_to_string(device->state), "driver", "s", device->facts->driver,
                "iommu-group", "i", (int32_t) device->facts->iommu_group);
        if (r >= 0 && domain)
                r = sd_bus_message_append(reply, "{sv}", "domain", "s", domain);
        if (r >= 0 && *device->facts->host_use)
                r = sd_bus_message_append(reply, "{sv}", "host-use", "s", device->facts->host_use);
        if (r >= 0 && device->facts->type == DEVICE_TYPE_VF)
                r = sd_bus_message_append(
                        reply, "{sv}", "physical-function", "s",
                        address_format(device->facts->physical_function, address));
        if (r >= 0 && candidate->reasons & (REASON_GROUP_IN_USE | REASON_GROUP_INCOMPLETE))
                r = append_group_mates(reply, registry, device);
        if (r >= 0 && candidate->helping_unit != UNIT_FUNCTION)
                r = sd_bus_message_append(reply, "{sv}", "helping-unit", "s",
                                          unit_to_string(candidate->helping_unit));
        return r;
}

static int append_details(sd_bus_message *reply, const Registry *registry,
                          const Candidate *candidate) {
        const Device *device = candidate->device;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r < 0)
                return r;

        r = sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}", "item", "u",
                                  (uint32_t) candidate->item, "pool", "s",
                                  device->pool ? device->pool->name : "", "numa-node", "i",
                                  (int32_t) device->facts->numa_node, "holder", "s",
                                  device->holder ? device->holder : "");
        if (r >= 0 && !(candidate->reasons & mismatch))
                r = append_more_details(reply, registry, candidate);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_candidate(sd_bus_message *reply, const Registry *registry, const Explain *explain,
                            const Candidate *candidate) {
        char path[DEVICE_PATH_SIZE];
        int r;

        r = sd_bus_message_open_container(reply, 'r', "sobasa{sv}");
        if (r < 0)
                return r;

        r = sd_bus_message_append(reply, "sob", explain->request->items[candidate->item].alias,
                                  device_path(candidate->device->address, path),
                                  (int) candidate->chosen);
        if (r >= 0)
                r = append_reasons(reply, candidate->reasons);
        if (r >= 0)
                r = append_details(reply, registry, candidate);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* a{su} under a key: the reasons with a count. */
static int append_counts(sd_bus_message *reply, const char *key,
                         const unsigned counts[static REASON_COUNT]) {
        int r;

        r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", key);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "a{su}");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{su}");

        for (unsigned bit = 0; r >= 0 && bit < REASON_COUNT; bit++)
                if (counts[bit] > 0)
                        r = sd_bus_message_append(reply, "{su}",
                                                  reason_to_string(UINT32_C(1) << bit),
                                                  (uint32_t) counts[bit]);

        for (int depth = 0; r >= 0 && depth < 3; depth++)
                r = sd_bus_message_close_container(reply);
        return r;
}

static int append_items(sd_bus_message *reply, const Registry *registry, const Explain *explain) {
        const Request *request = explain->request;
        int r;

        r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", "items");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "aa{sv}");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");

        for (size_t i = 0; r >= 0 && i < request->n_items; i++) {
                const RequestItem *item = &request->items[i];
                const Alias *alias = catalog_find_alias(&registry->catalog, item->alias);

                r = sd_bus_message_append(reply, "a{sv}", 5, "alias", "s", item->alias, "asked",
                                          "u", (uint32_t) item->count, "fits", "u",
                                          (uint32_t) explain->explanation.n_units[i], "unit", "s",
                                          unit_to_string(alias->unit), "numa-policy", "s",
                                          numa_policy_to_string(alias->numa_policy));
        }

        for (int depth = 0; r >= 0 && depth < 3; depth++)
                r = sd_bus_message_close_container(reply);
        return r;
}

static int append_nodes(sd_bus_message *reply, const NodeSet *nodes) {
        int r;

        r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", "numa-nodes");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "au");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "u");

        for (int node = 0; r >= 0 && node < NUMA_NODES_MAX; node++)
                if (node_set_has(nodes, node))
                        r = sd_bus_message_append(reply, "u", (uint32_t) node);

        for (int depth = 0; r >= 0 && depth < 3; depth++)
                r = sd_bus_message_close_container(reply);
        return r;
}

static int append_domain(sd_bus_message *reply, const Explain *explain) {
        static const char *const answers[] = {
                [ANSWER_NONE] = "no",
                [ANSWER_NO] = "no",
                [ANSWER_CHALLENGE] = "challenge",
                [ANSWER_YES] = "yes",
        };
        int r;

        r = sd_bus_message_append(reply, "{sv}{sv}{sv}", "domain", "s", explain->domain->name,
                                  "domain-uuid", "s", explain->domain->uuid, "authorization", "s",
                                  answers[explain->authorization]);
        return r >= 0 && explain->order.nodes.constrained
                       ? append_nodes(reply, &explain->order.nodes)
                       : r;
}

/* What is missing, be it devices or the caller's right to them. NULL without memory. */
static char *make_text(const Explain *explain) {
        const char *sentence = explain->explanation.sentence;
        char quoted[QUOTE_SIZE];

        if (explain->authorization != ANSWER_NO)
                return strdup(sentence);

        return text_print("%s%snot authorized to attach to %s", sentence, *sentence ? "; " : "",
                          quote(explain->domain->name, quoted));
}

static int append_summary(sd_bus_message *reply, const Registry *registry, const Explain *explain) {
        const Explanation *explanation = &explain->explanation;
        _cleanup_(freep) char *text = make_text(explain);
        unsigned reasons[REASON_COUNT] = { 0 };
        uint32_t n_asked = 0, n_chosen = 0;
        int r;

        if (!text)
                return -ENOMEM;

        for (size_t i = 0; i < explain->request->n_items; i++)
                n_asked += explain->request->items[i].count;
        for (size_t i = 0; i < explanation->n_candidates; i++) {
                n_chosen += explanation->candidates[i].chosen;
                for (unsigned bit = 0; bit < REASON_COUNT; bit++)
                        reasons[bit] += explanation->candidates[i].reasons >> bit & 1;
        }

        r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}", "text", "s", text, "enough",
                                          "b", (int) explain->enough, "asked", "u", n_asked,
                                          "chosen", "u", n_chosen);
        if (r >= 0)
                r = append_items(reply, registry, explain);
        if (r >= 0)
                r = append_counts(reply, "counts", explanation->counts);
        if (r >= 0)
                r = append_counts(reply, "reasons", reasons);
        if (r >= 0 && explain->domain)
                r = append_domain(reply, explain);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* No less than the rows will take: names are what makes them long. */
static size_t estimate_size(const Registry *registry, const Explain *explain) {
        size_t size = 0;

        for (size_t i = 0; i < explain->explanation.n_candidates; i++) {
                const Candidate *candidate = &explain->explanation.candidates[i];
                const Device *device = candidate->device;
                const char *domain = domain_of(registry, device);

                size += ROW_SIZE + strlen(explain->request->items[candidate->item].alias) +
                        (device->pool ? strlen(device->pool->name) : 0) +
                        (device->holder ? strlen(device->holder) : 0);
                if (candidate->reasons & mismatch)
                        continue;
                size += MORE_SIZE + strlen(device->facts->product_name) +
                        (domain ? strlen(domain) : 0) + strlen(device->facts->host_use);
                if (candidate->reasons & (REASON_GROUP_IN_USE | REASON_GROUP_INCOMPLETE))
                        size += GROUP_MATES_MAX * MATE_SIZE;
        }

        return size;
}

int explain_answer(const Registry *registry, const Explain *explain, sd_bus_message *message) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const Explanation *explanation = &explain->explanation;
        int r;

        if (estimate_size(registry, explain) > ANSWER_SIZE_MAX)
                return LIMIT_EXCEEDED;

        r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "b", (int) explanation->fits);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(sobasa{sv})");
        for (size_t i = 0; r >= 0 && i < explanation->n_candidates; i++)
                r = append_candidate(reply, registry, explain, &explanation->candidates[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = append_summary(reply, registry, explain);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        return r < 0 ? r : 1;
}
