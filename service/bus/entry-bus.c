/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Entry: adding and removing pools and aliases at run time.
 */
#include <errno.h>
#include <string.h>

#include "bus/errors.h"
#include "bus/methods.h"
#include "bus/options.h"
#include "core/quote.h"
#include "util/log.h"
#include "util/text.h"
#include "util/vector.h"

enum {
        LINES_MAX = 256,
        WORDS_MAX = 64,  /* of a line */
        TEXT_MAX = 65536 /* bytes of all lines, or of a description: as much as a line of a file */
};

/* The lines of one entry while they are read. */
typedef struct Lines {
        Rule **rules;
        size_t n_rules;
        size_t n_bytes;
} Lines;

static void lines_done(Lines *lines) {
        for (size_t i = 0; i < lines->n_rules; i++)
                rule_free(lines->rules[i]);
        free(lines->rules);
}

static int read_words(sd_bus_message *message, Word **words, size_t *n_words, size_t *n_bytes,
                      Refusal *refusal) {
        const char *key, *value;
        char quoted[QUOTE_SIZE];
        int r;

        while ((r = sd_bus_message_read(message, "{ss}", &key, &value)) > 0) {
                *n_bytes += strlen(key) + strlen(value);
                if (*n_words >= WORDS_MAX)
                        return refuse(refusal, LIMIT_EXCEEDED, "more than %d words in a line",
                                      WORDS_MAX);
                if (*n_bytes > TEXT_MAX)
                        return refuse(refusal, LIMIT_EXCEEDED, "match: more than %d bytes",
                                      TEXT_MAX);
                if (!text_is_line(key) || !text_is_line(value))
                        return refuse(refusal, MATCH_INVALID,
                                      "\"%s\" is not one line of printable text",
                                      quote(text_is_line(key) ? value : key, quoted));

                /* Borrowed from the message: rule_new() copies them. */
                r = VECTOR_APPEND(*words, *n_words,
                                  ((Word){ .key = (char *) key, .value = (char *) value }));
                if (r < 0)
                        return r;
        }

        return r;
}

static int read_line(sd_bus_message *message, RuleKind kind, Lines *lines, Refusal *refusal) {
        _cleanup_(rule_freep) Rule *rule = NULL;
        _cleanup_(freep) Word *words = NULL;
        size_t n_words = 0;
        int r;

        if (lines->n_rules >= LINES_MAX)
                return refuse(refusal, LIMIT_EXCEEDED, "more than %d lines", LINES_MAX);

        r = read_words(message, &words, &n_words, &lines->n_bytes, refusal);
        if (r != 0)
                return r;

        r = rule_new(&rule, kind, words, n_words, refusal);
        if (r != 0)
                return r;

        r = VECTOR_APPEND(lines->rules, lines->n_rules, rule);
        if (r < 0)
                return r;

        TAKE(rule);
        return 0;
}

static int read_lines(sd_bus_message *message, RuleKind kind, Lines *lines, Refusal *refusal) {
        int r;

        r = sd_bus_message_enter_container(message, 'a', "a{ss}");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_enter_container(message, 'a', "{ss}")) > 0) {
                r = read_line(message, kind, lines, refusal);
                if (r != 0)
                        return r;

                r = sd_bus_message_exit_container(message);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;

        r = sd_bus_message_exit_container(message);
        return r < 0 ? r : 0;
}

static int read_name(sd_bus_message *message, const char **ret, Refusal *refusal) {
        int r;

        r = sd_bus_message_read_basic(message, 's', ret);
        return r < 0 ? r : name_check(*ret, refusal);
}

/* The last step of each: told to the world, then to the caller. */
static int answer(Call *call, const char *path) {
        manager_publish(call->bus->manager);
        call_answer(call, path);
        return 1;
}

static int make_pool(const char *name, const char *description, const Lines *lines, Pool **ret) {
        _cleanup_(pool_freep) Pool *pool = NULL;
        int r;

        r = pool_new(&pool, name, SOURCE_RUNTIME);
        if (r == 0)
                r = facts_set(&pool->description, description);
        if (r < 0)
                return r;

        for (size_t i = 0; i < lines->n_rules; i++) {
                r = pool_add_rule(pool, TAKE(lines->rules[i]));
                if (r < 0)
                        return r;
        }

        *ret = TAKE(pool);
        return 0;
}

/* AddPool(s name, aa{ss} match, a{sv} options) -> o pool */
int manager_method_add_pool(Call *call, void *object, sd_bus_error *error) {
        const char *name, *description = "";
        const Option known[] = { { "description", "s", &description, NULL } };
        _cleanup_(lines_done) Lines lines = { 0 };
        _cleanup_(freep) char *path = NULL;
        Refusal refusal = { 0 };
        Pool *pool;
        int r;

        r = read_name(call->message, &name, &refusal);
        if (r == 0)
                r = read_lines(call->message, RULE_POOL, &lines, &refusal);
        if (r == 0)
                r = options_read(call->message, known, N_ELEMENTS(known), &refusal);
        if (r == 0 && strlen(description) > TEXT_MAX)
                r = refuse(&refusal, LIMIT_EXCEEDED, "option description: more than %d bytes",
                           TEXT_MAX);
        if (r == 0 && !text_is_line(description))
                r = refuse(&refusal, ARGUMENTS_INVALID,
                           "option description: not one line of printable text");
        if (r != 0)
                return bus_refuse_with(error, r, &refusal);

        r = authorize(call, ACTION_MANAGE, NULL, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        r = named_path(POOL_PREFIX, name, &path);
        if (r == 0)
                r = make_pool(name, description, &lines, &pool);
        if (r == 0)
                r = manager_add_pool(call->bus->manager, pool, &refusal);
        return r != 0 ? bus_refuse_with(error, r, &refusal) : answer(call, path);
}

static int make_alias(const char *name, int numa_policy, int unit, const Lines *lines,
                      Alias **ret) {
        _cleanup_(alias_freep) Alias *alias = NULL;
        int r;

        r = alias_new(&alias, name, SOURCE_RUNTIME);
        if (r < 0)
                return r;

        alias->numa_policy = (NumaPolicy) numa_policy;
        alias->unit = (Unit) unit;
        for (size_t i = 0; i < lines->n_rules; i++) {
                r = alias_add_rule(alias, TAKE(lines->rules[i]));
                if (r < 0)
                        return r;
        }

        *ret = TAKE(alias);
        return 0;
}

static int read_alias_options(sd_bus_message *message, int *ret_numa_policy, int *ret_unit,
                              Refusal *refusal) {
        const char *numa_policy = numa_policy_to_string(NUMA_LEGACY);
        const char *unit = unit_to_string(UNIT_FUNCTION);
        const Option known[] = {
                { "numa-policy", "s", &numa_policy, NULL },
                { "unit", "s", &unit, NULL },
        };
        char quoted[QUOTE_SIZE];
        int r;

        r = options_read(message, known, N_ELEMENTS(known), refusal);
        if (r != 0)
                return r;

        *ret_numa_policy = numa_policy_from_string(numa_policy);
        if (*ret_numa_policy < 0)
                return refuse(refusal, ARGUMENTS_INVALID, "option numa-policy: \"%s\" is no policy",
                              quote(numa_policy, quoted));

        *ret_unit = unit_from_string(unit);
        if (*ret_unit < 0)
                return refuse(refusal, ARGUMENTS_INVALID, "option unit: \"%s\" is no unit",
                              quote(unit, quoted));
        return 0;
}

/* AddAlias(s name, aa{ss} match, a{sv} options) -> o alias */
int manager_method_add_alias(Call *call, void *object, sd_bus_error *error) {
        _cleanup_(lines_done) Lines lines = { 0 };
        _cleanup_(freep) char *path = NULL;
        int numa_policy = 0, unit = 0;
        Refusal refusal = { 0 };
        const char *name;
        Alias *alias;
        int r;

        r = read_name(call->message, &name, &refusal);
        if (r == 0)
                r = read_lines(call->message, RULE_ALIAS, &lines, &refusal);
        if (r == 0)
                r = read_alias_options(call->message, &numa_policy, &unit, &refusal);
        if (r != 0)
                return bus_refuse_with(error, r, &refusal);

        r = authorize(call, ACTION_MANAGE, NULL, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        r = named_path(ALIAS_PREFIX, name, &path);
        if (r == 0)
                r = make_alias(name, numa_policy, unit, &lines, &alias);
        if (r == 0)
                r = manager_add_alias(call->bus->manager, alias, &refusal);
        return r != 0 ? bus_refuse_with(error, r, &refusal) : answer(call, path);
}

typedef int (*RemoveEntry)(Manager *manager, const char *name, Refusal *refusal);

static int remove_entry(Call *call, RemoveEntry remove, sd_bus_error *error) {
        Refusal refusal = { 0 };
        const char *name;
        int r;

        r = sd_bus_message_read_basic(call->message, 's', &name);
        if (r >= 0)
                r = options_read(call->message, NULL, 0, &refusal);
        if (r != 0)
                return bus_refuse_with(error, r, &refusal);

        r = authorize(call, ACTION_MANAGE, NULL, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        r = remove(call->bus->manager, name, &refusal);
        return r != 0 ? bus_refuse_with(error, r, &refusal) : answer(call, NULL);
}

/* RemovePool(s name, a{sv} options) */
int manager_method_remove_pool(Call *call, void *object, sd_bus_error *error) {
        return remove_entry(call, manager_remove_pool, error);
}

/* RemoveAlias(s name, a{sv} options) */
int manager_method_remove_alias(Call *call, void *object, sd_bus_error *error) {
        return remove_entry(call, manager_remove_alias, error);
}

/* Reload() */
int manager_method_reload(Call *call, void *object, sd_bus_error *error) {
        Bus *bus = call->bus;
        Refusal refusal = { 0 };
        int r;

        r = authorize(call, ACTION_MANAGE, NULL, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        r = bus->ports.reload(bus->ports.userdata, &refusal);
        return r != 0 ? bus_refuse_with(error, r, &refusal) : answer(call, NULL);
}
