/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Alias: an alias as an object.
 */
#include <errno.h>

#include "bus/state.h"
#include "util/text.h"

DEFINE_PROPERTY(get_name, Alias, alias, "s", alias->name)
DEFINE_PROPERTY(get_source, Alias, alias, "s", source_to_string(alias->source))
DEFINE_PROPERTY(get_numa_policy, Alias, alias, "s", numa_policy_to_string(alias->numa_policy))
DEFINE_PROPERTY(get_unit, Alias, alias, "s", unit_to_string(alias->unit))
DEFINE_PROPERTY(get_total, Alias, alias, "u", (uint32_t) alias->n_total)
DEFINE_PROPERTY(get_free, Alias, alias, "u", (uint32_t) alias->n_free)

static int get_match(sd_bus *connection, const char *path, const char *interface,
                     const char *property, sd_bus_message *reply, void *userdata,
                     sd_bus_error *error) {
        const Alias *alias = userdata;

        return append_rules(reply, alias->rules, alias->n_rules);
}

static bool is_matched(const Registry *registry, const Device *device, const void *set) {
        for (size_t i = 0; i < device->n_aliases; i++)
                if (device->aliases[i] == set)
                        return true;
        return false;
}

static int get_devices(sd_bus *connection, const char *path, const char *interface,
                       const char *property, sd_bus_message *reply, void *userdata,
                       sd_bus_error *error) {
        return append_devices(reply, registry_current(connection), is_matched, userdata);
}

/* clang-format off */
const sd_bus_vtable alias_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Name", "s", get_name, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Source", "s", get_source, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Match", "aa{ss}", get_match, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("NumaPolicy", "s", get_numa_policy, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Unit", "s", get_unit, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Devices", "ao", get_devices, 0, SD_BUS_VTABLE_PROPERTY_EMITS_INVALIDATION),
        SD_BUS_PROPERTY("Total", "u", get_total, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Free", "u", get_free, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_VTABLE_END,
};
/* clang-format on */

static int find(sd_bus *connection, const char *path, const char *interface, void *userdata,
                void **ret_found, sd_bus_error *error) {
        const Bus *bus = userdata;
        _cleanup_(freep) char *name = NULL;
        Alias *alias;
        int r;

        r = named_path_parse(ALIAS_PREFIX, path, &name);
        if (r <= 0)
                return r;

        alias = catalog_find_alias(&manager_registry(bus->manager)->catalog, name);
        if (!alias)
                return 0;

        *ret_found = alias;
        return 1;
}

static int enumerate(sd_bus *connection, const char *prefix, void *userdata, char ***ret_nodes,
                     sd_bus_error *error) {
        const Bus *bus = userdata;
        const Catalog *catalog = &manager_registry(bus->manager)->catalog;
        _cleanup_(list_freep) char **nodes = NULL;

        nodes = calloc(catalog->n_aliases + 1, sizeof(*nodes));
        if (!nodes)
                return -ENOMEM;

        for (size_t i = 0; i < catalog->n_aliases; i++) {
                int r = named_path(ALIAS_PREFIX, catalog->aliases[i]->name, &nodes[i]);

                if (r < 0)
                        return r;
        }

        *ret_nodes = TAKE(nodes);
        return 0;
}

const ObjectClass alias_class = { ALIAS_PREFIX, ALIAS_INTERFACE, alias_vtable, find, enumerate };
