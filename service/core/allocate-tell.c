/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a request lacks, in words: those of the contract, and those for people.
 */
#include <errno.h>
#include <string.h>

#include "core/allocate-internal.h"
#include "core/quote.h"
#include "util/text.h"
#include "util/vector.h"

enum {
        NAMES_MAX = 3 /* of domains, or uses of the host, under one reason */
};

/* To be read after a number. */
typedef struct Phrase {
        const char *bare, *named, *others;
} Phrase;

/* In the order of the bits. */
static const Phrase phrases[REASON_COUNT] = {
        { "in no pool", NULL, NULL },
        { "reserved", "reserved for", "reserved for others" },
        { "attached", "attached to", "attached to others" },
        { "held by a domain", "held by domain", "held by other domains" },
        { "used by the host", "used by the host as", "used by the host otherwise" },
        { "in an IOMMU group that is in use", NULL, NULL },
        { "without an IOMMU group", NULL, NULL },
        { "with the physical function in use", NULL, NULL },
        { "with a virtual function in use", NULL, NULL },
        { "gone from the host", NULL, NULL },
        { "in an IOMMU group that would not be complete", NULL, NULL },
        { "of another kind", NULL, NULL },
        { "of another device type", NULL, NULL },
        { "without the tags asked for", NULL, NULL },
        { "on another NUMA node", NULL, NULL },
        { "taken by an earlier item", NULL, NULL },
        { "not allowed", NULL, NULL },
};

void shortage_count(const Shortage *shortage, unsigned counts[static REASON_COUNT]) {
        memset(counts, 0, REASON_COUNT * sizeof(*counts));
        for (size_t i = 0; i < shortage->obstacles.n_items; i++)
                counts[__builtin_ctz(shortage->obstacles.items[i].reason)]++;
}

char *problem_text(const Problem *problem, const Shortage *shortage) {
        const RequestItem *item = &problem->query->request->items[shortage->item];
        _cleanup_(list_freep) char **parts = NULL;
        _cleanup_(freep) char *joined = NULL;
        unsigned counts[REASON_COUNT];

        shortage_count(shortage, counts);
        for (size_t i = 0; i < REASON_COUNT; i++) {
                _cleanup_(freep) char *part = NULL;

                if (counts[i] == 0)
                        continue;

                part = text_print("%u %s", counts[i], reason_to_string(1u << i));
                if (!part || list_append(&parts, part) < 0)
                        return NULL;
        }

        joined = parts ? list_join(parts, ", ") : text_print("there are no more");
        return joined ? text_print("%u of %u asked: %s (alias %s)%s", shortage->n_served,
                                   item->count, joined, item->alias,
                                   shortage->result == SEARCH_CUT ? "; the search was cut" : "")
                      : NULL;
}

/* Who has the device, or for what the host uses it; "" when that says nothing. Borrowed. */
static const char *name_of(const Problem *problem, const Obstacle *obstacle) {
        static const char domain[] = "domain:";
        const Device *device = obstacle->device;
        const char *holder = device->holder ? device->holder : "";
        const Attachment *attachment;

        switch (obstacle->reason) {
        case REASON_RESERVED:
        case REASON_ATTACHED:
                attachment = registry_find_attachment(problem->query->registry, device->attachment);
                return attachment ? attachment->domain : "";
        case REASON_HELD_BY_DOMAIN:
                return strncmp(holder, domain, strlen(domain)) == 0 ? holder + strlen(domain) : "";
        case REASON_IN_USE_BY_HOST:
                return device->facts->host_use;
        default:
                return "";
        }
}

/* So many devices of which one thing can be said. */
typedef struct Group {
        uint32_t reason;
        const char *name;
        bool is_of_others, is_of_unknown_node;
        unsigned count;
} Group;

typedef struct Groups {
        Group *items;
        size_t n_items;
} Groups;

static void groups_done(Groups *groups) {
        free(groups->items);
}

/* Where it counts; NULL: nowhere yet. More than a few names of one reason are not told apart. */
static Group *find_group(const Groups *groups, Group *wanted) {
        unsigned n_names = 0;

        for (size_t i = 0; i < groups->n_items; i++) {
                Group *group = &groups->items[i];

                if (group->reason != wanted->reason ||
                    group->is_of_unknown_node != wanted->is_of_unknown_node)
                        continue;
                if (strcmp(group->name, wanted->name) == 0 && !group->is_of_others)
                        return group;
                n_names += *group->name != '\0';
                if (group->is_of_others && n_names >= NAMES_MAX)
                        return group;
        }

        if (n_names >= NAMES_MAX && *wanted->name) {
                wanted->is_of_others = true;
                wanted->name = "";
        }
        return NULL;
}

static int add_to_group(const Problem *problem, const Obstacle *obstacle, Groups *groups) {
        Group wanted = {
                .reason = obstacle->reason,
                .name = name_of(problem, obstacle),
                .is_of_unknown_node =
                        obstacle->reason == REASON_NUMA && obstacle->device->facts->numa_node < 0,
        };
        Group *group = find_group(groups, &wanted);
        int r;

        if (!group) {
                r = VECTOR_APPEND(groups->items, groups->n_items, wanted);
                if (r < 0)
                        return r;
                group = &groups->items[groups->n_items - 1];
        }

        group->count++;
        return 0;
}

static char *group_words(const Group *group) {
        const Phrase *phrase = &phrases[__builtin_ctz(group->reason)];
        char quoted[QUOTE_SIZE];

        if (group->is_of_unknown_node)
                return text_print("%u on an unknown NUMA node", group->count);
        if (group->is_of_others)
                return text_print("%u %s", group->count, phrase->others);
        if (*group->name)
                return text_print("%u %s %s", group->count, phrase->named,
                                  quote(group->name, quoted));

        return text_print("%u %s", group->count, phrase->bare);
}

/* By the order of the words, then as they were met. NULL without memory. */
static char *groups_words(const Groups *groups) {
        _cleanup_(list_freep) char **parts = NULL;

        for (unsigned bit = 0; bit < REASON_COUNT; bit++)
                for (size_t i = 0; i < groups->n_items; i++) {
                        _cleanup_(freep) char *part = NULL;

                        if (groups->items[i].reason != 1u << bit)
                                continue;

                        part = group_words(&groups->items[i]);
                        if (!part || list_append(&parts, part) < 0)
                                return NULL;
                }

        return parts ? list_join(parts, ", ") : text_print("there are no more");
}

char *problem_sentence(const Problem *problem, const Shortage *shortage) {
        const Request *request = problem->query->request;
        const RequestItem *item = &request->items[shortage->item];
        bool is_one_of_many = request->n_items > 1;
        _cleanup_(groups_done) Groups groups = { 0 };
        _cleanup_(freep) char *words = NULL;

        for (size_t i = 0; i < shortage->obstacles.n_items; i++)
                if (add_to_group(problem, &shortage->obstacles.items[i], &groups) < 0)
                        return NULL;

        words = groups_words(&groups);
        return words ? text_print("%u of %u%s%s: %s%s", shortage->n_served, item->count,
                                  is_one_of_many ? " " : "", is_one_of_many ? item->alias : "",
                                  words,
                                  shortage->result == SEARCH_CUT ? "; the search was cut" : "")
                     : NULL;
}
