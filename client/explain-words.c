/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "explain-words.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "terminal.h"
#include "util/text.h"
#include "value.h"

enum {
        GROUP_MATES_MAX = 3 /* named of one device */
};

/* What is said of a reason: without a name, and with one. */
typedef struct Phrase {
        const char *reason, *bare, *named, *name;
} Phrase;

static const Phrase phrases[] = {
        { "reserved", "reserved", "reserved for %s", "domain" },
        { "attached", "attached", "attached to %s", "domain" },
        { "held-by-domain", "held by a domain", "held by domain %s, not by hostdevd", "domain" },
        { "in-use-by-host", "used by the host", "used by the host: %s", "host_use" },
        { "group-in-use", "its IOMMU group is in use", NULL, NULL },
        { "no-iommu", "no IOMMU group", NULL, NULL },
        { "pf-in-use", "its PF is in use", "its PF %s is in use", "physical_function" },
        { "vf-in-use", "a VF of it is in use", NULL, NULL },
        { "gone", "gone from the host", NULL, NULL },
        { "group-incomplete", "its IOMMU group would not be complete", NULL, NULL },
        { "ids", "of another kind", NULL, NULL },
        { "type", "of another device type", NULL, NULL },
        { "tags", "without the tags asked for", NULL, NULL },
        { "numa", "on another NUMA node", NULL, NULL },
        { "taken-by-earlier-item", "taken by an earlier item", NULL, NULL },
        { "not-authorized", "not authorized", NULL, NULL },
};

/* A word that is not known is said as it is: a newer daemon has its reasons. */
static char *plain_words(const char *reason, const json_t *details) {
        for (size_t i = 0; i < N_ELEMENTS(phrases); i++) {
                const Phrase *phrase = &phrases[i];
                const char *name;

                if (strcmp(phrase->reason, reason) != 0)
                        continue;

                name = phrase->name ? member_text(details, phrase->name) : "";
                if (!*name)
                        return strdup(phrase->bare);

                return text_print("%.*s%s%s", (int) strcspn(phrase->named, "%"), phrase->named,
                                  name, strchr(phrase->named, '%') + strlen("%s"));
        }

        return strdup(reason);
}

/* "on NUMA node 1, web01 is on 0" */
static char *numa_words(const json_t *summary, const json_t *details) {
        _cleanup_(freep) char *nodes = value_text(json_object_get(summary, "numa_nodes"));
        const char *domain = member_text(summary, "domain");
        json_int_t node = member_integer(details, "numa_node");
        _cleanup_(freep) char *where = node < 0 ? strdup("its NUMA node is not known")
                                                : text_print("on NUMA node %d", (int) node);

        if (!nodes || !where)
                return NULL;

        return text_print("%s%s%s%s%s", where, *nodes ? ", " : "", *nodes ? domain : "",
                          *nodes ? " is on " : "", nodes);
}

static int add_line(char ***lines, const char *text) {
        _cleanup_(freep) char *line = text ? terminal_escape(text) : NULL;

        return line ? list_append(lines, line) : -ENOMEM;
}

/* "group mate 0000:c1:00.1 stays at snd_hda_intel"; of a few of them, how many lines or -ENOMEM. */
static int add_group_mates(char ***lines, bool is_held, const json_t *details) {
        const json_t *mate;
        int n_lines = 0;
        size_t i;

        json_array_foreach(json_object_get(details, "group_mates"), i, mate) {
                const char *address = json_string_value(json_array_get(mate, 0));
                const char *driver = json_string_value(json_array_get(mate, 1));
                const char *holder = json_string_value(json_array_get(mate, 2));
                const char *what = is_held ? holder : driver;
                _cleanup_(freep) char *text = NULL;
                int r;

                if (!address || !what || !*what || n_lines == GROUP_MATES_MAX)
                        continue;

                text = text_print("group mate %s %s %s", address,
                                  is_held ? "is held by" : "stays at", what);
                r = add_line(lines, text);
                if (r < 0)
                        return r;
                n_lines++;
        }

        return n_lines;
}

/* By which an alias would get the group mates, too. 1 or -ENOMEM. */
static int add_helping_unit(char ***lines, const json_t *details) {
        const char *unit = member_text(details, "helping_unit");
        _cleanup_(freep) char *text = NULL;
        int r;

        if (!*unit)
                return 1;

        text = text_print("Unit=%s would take the group along", unit);
        r = add_line(lines, text);
        return r < 0 ? r : 1;
}

static int add_reason(char ***lines, const char *reason, const json_t *document,
                      const json_t *details) {
        bool is_held = strcmp(reason, "group-in-use") == 0;
        bool is_numa = strcmp(reason, "numa") == 0;
        _cleanup_(freep) char *text = NULL;
        int r = 0;

        if (is_held || strcmp(reason, "group-incomplete") == 0)
                r = add_group_mates(lines, is_held, details);
        if (r > 0 && !is_held)
                r = add_helping_unit(lines, details);
        if (r != 0)
                return r < 0 ? r : 0;

        text = is_numa ? numa_words(json_object_get(document, "summary"), details)
                       : plain_words(reason, details);
        return add_line(lines, text);
}

char *explain_words(const json_t *document, const json_t *row) {
        const json_t *reasons = json_object_get(row, "reasons"), *reason;
        bool fits = json_is_true(json_object_get(document, "fits"));
        _cleanup_(list_freep) char **lines = NULL;
        size_t i;

        if (json_is_true(json_object_get(row, "chosen")))
                return strdup("chosen");
        if (json_array_size(reasons) == 0)
                return strdup(fits ? "not needed" : "would do");

        json_array_foreach(reasons, i, reason) {
                if (add_reason(&lines, json_string_value(reason) ?: "", document,
                               json_object_get(row, "details")) < 0)
                        return NULL;
        }

        return list_join(lines, "\n");
}
