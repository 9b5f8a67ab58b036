/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/config-keys.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/facts.h"
#include "store/match-line.h"
#include "store/nova.h"
#include "util/text.h"

#define NOVA_POOL "nova"

static const char *const section_words[] = {
        [SECTION_SERVICE] = "Service", [SECTION_POOL] = "Pool",       [SECTION_ALIAS] = "Alias",
        [SECTION_PCI] = "pci",         [SECTION_DEFAULT] = "DEFAULT", [_SECTION_KIND_END] = NULL,
};

static bool section_has_name(SectionKind kind) {
        return kind == SECTION_POOL || kind == SECTION_ALIAS;
}

static bool section_is_nova(SectionKind kind) {
        return kind == SECTION_PCI || kind == SECTION_DEFAULT;
}

/* Which kind "Pool nics" is; @ret_name: "nics", or "" where the line has only a word. */
static SectionKind section_parse(const char *text, const char **ret_name) {
        size_t size = strcspn(text, " \t");

        *ret_name = text + size + strspn(text + size, " \t");
        for (SectionKind kind = 0; kind < _SECTION_KIND_END; kind++)
                if (strlen(section_words[kind]) == size &&
                    strncmp(section_words[kind], text, size) == 0)
                        return kind;

        return _SECTION_KIND_END;
}

static _printf_(3, 4) int warn(Loader *loader, const Place *place, const char *format, ...) {
        _cleanup_(freep) char *text = NULL, *warning = NULL;
        va_list arguments;
        int r;

        va_start(arguments, format);
        r = vasprintf(&text, format, arguments);
        va_end(arguments);
        if (r < 0) {
                text = NULL;
                return -ENOMEM;
        }

        warning = text_print("%s:%u: %s", place->file, place->line, text);
        if (!warning)
                return -ENOMEM;

        return list_append(&loader->config->warnings, warning);
}

/* An error; in a file of Nova's somebody else's, but worth a warning when it looks like one of ours. */
static int on_unknown_section(Loader *loader, const Place *place, const char *text,
                              Refusal *refusal) {
        _cleanup_(freep) char *word = strndup(text, strcspn(text, " \t"));
        const char *meant;

        if (!word)
                return -ENOMEM;

        meant = text_nearest(word, section_words);
        if (meant && loader->in_nova_file)
                return warn(loader, place, "section [%s] is ignored; perhaps [%s] was meant", text,
                            meant);
        if (loader->in_nova_file)
                return 0;
        if (meant)
                return place_refuse(refusal, place,
                                    "unknown section [%.64s]; perhaps [%s] was meant", text, meant);
        return place_refuse(refusal, place, "unknown section [%.64s]", text);
}

static int enter_pool(Loader *loader, const Place *place, const char *name, Refusal *refusal) {
        Pool *pool;
        int r;

        if (text_equal(name, NOVA_POOL))
                return place_refuse(refusal, place,
                                    "[Pool %s]: that name is for what Nova's device_spec makes",
                                    NOVA_POOL);

        pool = catalog_find_pool(&loader->config->catalog, name);
        if (!pool) {
                r = pool_new(&pool, name, SOURCE_FILE);
                if (r < 0)
                        return r;
                r = catalog_add_pool(&loader->config->catalog, pool);
                if (r < 0)
                        return r;
        }

        loader->pool = pool;
        return 0;
}

static int enter_alias(Loader *loader, const Place *place, const char *name, Refusal *refusal) {
        Alias *alias;
        int r;

        alias = catalog_find_alias(&loader->config->catalog, name);
        if (alias && alias->is_nova)
                return place_refuse(
                        refusal, place,
                        "[Alias %s]: a line of Nova's above makes the alias of that name", name);
        if (!alias) {
                r = alias_new(&alias, name, SOURCE_FILE);
                if (r < 0)
                        return r;
                r = catalog_add_alias(&loader->config->catalog, alias);
                if (r < 0)
                        return r;
        }

        loader->alias = alias;
        return 0;
}

static int on_section(void *userdata, const Place *place, const char *text, IniDialect *ret,
                      Refusal *refusal) {
        _cleanup_(refusal_done) Refusal said = { 0 };
        Loader *loader = userdata;
        const char *name;
        SectionKind kind = section_parse(text, &name);
        int r;

        if (kind == _SECTION_KIND_END || (*name != '\0' && !section_has_name(kind))) {
                *ret = INI_SKIP;
                return on_unknown_section(loader, place, text, refusal);
        }

        loader->section = kind;
        *ret = section_is_nova(kind) ? INI_OSLO : INI_NATIVE;
        if (!section_has_name(kind))
                return 0;

        if (*name == '\0')
                return place_refuse(refusal, place, "[%s] lacks a name: [%s NAME]", text, text);
        r = name_check(name, &said);
        if (r != 0)
                return place_translate(refusal, place, r, &said);

        return kind == SECTION_POOL ? enter_pool(loader, place, name, refusal)
                                    : enter_alias(loader, place, name, refusal);
}

/* A value that is empty sets the default. */
static int read_libvirt_uri(Loader *loader, const Place *place, char *value, Refusal *refusal) {
        if (!text_is_line(value))
                return place_refuse(refusal, place,
                                    "LibvirtUri has characters that cannot be shown");

        return facts_set(&loader->config->libvirt_uri, *value ? value : CONFIG_LIBVIRT_URI);
}

static int read_description(Loader *loader, const Place *place, char *value, Refusal *refusal) {
        if (!text_is_line(value))
                return place_refuse(refusal, place,
                                    "Description has characters that cannot be shown");

        return facts_set(&loader->pool->description, value);
}

static int read_match(RuleKind kind, Rule ***rules, size_t *n_rules, char *value, Rule **ret,
                      const Place *place, Refusal *refusal) {
        _cleanup_(refusal_done) Refusal said = { 0 };

        if (*value != '\0')
                return place_translate(refusal, place, match_line_parse(kind, value, ret, &said),
                                       &said);

        while (*n_rules > 0)
                rule_free((*rules)[--*n_rules]);
        return 0;
}

static int read_pool_match(Loader *loader, const Place *place, char *value, Refusal *refusal) {
        Pool *pool = loader->pool;
        Rule *rule = NULL;
        int r;

        r = read_match(RULE_POOL, &pool->rules, &pool->n_rules, value, &rule, place, refusal);
        return r == 0 && rule ? pool_add_rule(pool, rule) : r;
}

static int read_alias_match(Loader *loader, const Place *place, char *value, Refusal *refusal) {
        Alias *alias = loader->alias;
        Rule *rule = NULL;
        int r;

        r = read_match(RULE_ALIAS, &alias->rules, &alias->n_rules, value, &rule, place, refusal);
        return r == 0 && rule ? alias_add_rule(alias, rule) : r;
}

static int read_numa_policy(Loader *loader, const Place *place, char *value, Refusal *refusal) {
        int policy = *value ? numa_policy_from_string(value) : NUMA_LEGACY;

        if (policy < 0)
                return place_refuse(
                        refusal, place,
                        "NumaPolicy: '%.64s' is not legacy, preferred, required or socket", value);

        loader->alias->numa_policy = (NumaPolicy) policy;
        return 0;
}

static int read_unit(Loader *loader, const Place *place, char *value, Refusal *refusal) {
        int unit = *value ? unit_from_string(value) : UNIT_FUNCTION;

        if (unit < 0)
                return place_refuse(refusal, place, "Unit: '%.64s' is not function, slot or group",
                                    value);

        loader->alias->unit = (Unit) unit;
        return 0;
}

static int need_nova_pool(Loader *loader) {
        Pool *pool;
        int r;

        if (loader->nova_pool)
                return 0;
        r = pool_new(&pool, NOVA_POOL, SOURCE_FILE);
        if (r < 0)
                return r;
        r = catalog_add_pool(&loader->config->catalog, pool);
        if (r < 0)
                return r;

        loader->nova_pool = pool;
        return 0;
}

static int read_device_spec(Loader *loader, const Place *place, char *value, Refusal *refusal) {
        _cleanup_(refusal_done) Refusal said = { 0 };
        bool everything = false;
        int r;

        r = need_nova_pool(loader);
        if (r != 0)
                return r;

        r = nova_read_device_spec(value, loader->nova_pool, &everything, &said);
        if (r > 0)
                return place_refuse(refusal, place, "device_spec: %s", said.text);
        if (r < 0)
                return r;

        return everything ? warn(loader, place,
                                 "this line puts every device of the host that is no bridge into "
                                 "the pool " NOVA_POOL)
                          : 0;
}

/* Takes @alias over. */
static int add_nova_alias(Catalog *catalog, Alias *alias, Refusal *refusal) {
        Alias *older = catalog_find_alias(catalog, alias->name);

        if (!older)
                return catalog_add_alias(catalog, alias);
        if (older->is_nova)
                return nova_merge_alias(older, alias, refusal);

        alias_free(alias);
        return refuse(refusal, MATCH_INVALID, "[Alias %s] stands above", older->name);
}

static int read_nova_alias(Loader *loader, const Place *place, char *value, Refusal *refusal) {
        _cleanup_(refusal_done) Refusal said = { 0 };
        Alias *alias;
        int r;

        r = nova_read_alias(value, &alias, &said);
        if (r == 0)
                r = add_nova_alias(&loader->config->catalog, alias, &said);

        return r > 0 ? place_refuse(refusal, place, "alias: %s", said.text) : r;
}

static const struct {
        SectionKind section;
        const char *name;
        int (*read)(Loader *loader, const Place *place, char *value, Refusal *refusal);
} config_keys[] = {
        { SECTION_SERVICE, "LibvirtUri", read_libvirt_uri },
        { SECTION_POOL, "Description", read_description },
        { SECTION_POOL, "Match", read_pool_match },
        { SECTION_ALIAS, "Match", read_alias_match },
        { SECTION_ALIAS, "NumaPolicy", read_numa_policy },
        { SECTION_ALIAS, "Unit", read_unit },
        { SECTION_PCI, "device_spec", read_device_spec },
        { SECTION_PCI, "passthrough_whitelist", read_device_spec },
        { SECTION_PCI, "alias", read_nova_alias },
        { SECTION_DEFAULT, "pci_passthrough_whitelist", read_device_spec },
        { SECTION_DEFAULT, "pci_alias", read_nova_alias },
};

/* The same for a key. */
static int on_unknown_key(Loader *loader, const Place *place, const char *key, Refusal *refusal) {
        const char *names[N_ELEMENTS(config_keys) + 1] = { NULL }, *meant;
        const char *section = section_words[loader->section];
        size_t n_names = 0;

        for (size_t i = 0; i < N_ELEMENTS(config_keys); i++)
                if (config_keys[i].section == loader->section)
                        names[n_names++] = config_keys[i].name;

        meant = text_nearest(key, names);
        if (meant && section_is_nova(loader->section))
                return warn(loader, place, "key '%s' in [%s] is ignored; perhaps %s was meant", key,
                            section, meant);
        if (section_is_nova(loader->section))
                return 0;
        if (meant)
                return place_refuse(refusal, place,
                                    "unknown key '%.64s' in [%s]; perhaps %s was meant", key,
                                    section, meant);
        return place_refuse(refusal, place, "unknown key '%.64s' in [%s]", key, section);
}

static int on_entry(void *userdata, const Place *place, char *key, char *value, Refusal *refusal) {
        Loader *loader = userdata;

        for (size_t i = 0; i < N_ELEMENTS(config_keys); i++)
                if (config_keys[i].section == loader->section &&
                    strcmp(config_keys[i].name, key) == 0)
                        return config_keys[i].read(loader, place, value, refusal);

        return on_unknown_key(loader, place, key, refusal);
}

const IniCallbacks config_reading = { on_section, on_entry };

static int survey_section(void *userdata, const Place *place, const char *text, IniDialect *ret,
                          Refusal *refusal) {
        const char *name;
        SectionKind kind = section_parse(text, &name);
        bool *has_nova_section = userdata;

        *ret = INI_SKIP;
        if (kind == _SECTION_KIND_END)
                return 0;

        *ret = section_is_nova(kind) ? INI_OSLO : INI_NATIVE;
        if (section_is_nova(kind) && *name == '\0')
                *has_nova_section = true;
        return 0;
}

static int survey_entry(void *userdata, const Place *place, char *key, char *value,
                        Refusal *refusal) {
        return 0;
}

const IniCallbacks config_survey = { survey_section, survey_entry };
