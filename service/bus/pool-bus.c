/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pool: a pool as an object.
 */
#include <errno.h>

#include "bus/state.h"
#include "util/text.h"

DEFINE_PROPERTY(get_name, Pool, pool, "s", pool->name)
DEFINE_PROPERTY(get_description, Pool, pool, "s", pool->description ? pool->description : "")
DEFINE_PROPERTY(get_source, Pool, pool, "s", source_to_string(pool->source))
DEFINE_PROPERTY(get_total, Pool, pool, "u", (uint32_t) pool->n_total)
DEFINE_PROPERTY(get_free, Pool, pool, "u", (uint32_t) pool->n_free)

static int get_match(sd_bus *connection, const char *path, const char *interface,
                     const char *property, sd_bus_message *reply, void *userdata,
                     sd_bus_error *error) {
        const Pool *pool = userdata;

        return append_rules(reply, pool->rules, pool->n_rules);
}

static bool is_member(const Registry *registry, const Device *device, const void *set) {
        return device->pool == set;
}

static int get_devices(sd_bus *connection, const char *path, const char *interface,
                       const char *property, sd_bus_message *reply, void *userdata,
                       sd_bus_error *error) {
        return append_devices(reply, registry_current(connection), is_member, userdata);
}

/* clang-format off */
const sd_bus_vtable pool_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Name", "s", get_name, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Description", "s", get_description, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Source", "s", get_source, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Match", "aa{ss}", get_match, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
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
        Pool *pool;
        int r;

        r = named_path_parse(POOL_PREFIX, path, &name);
        if (r <= 0)
                return r;

        pool = catalog_find_pool(&manager_registry(bus->manager)->catalog, name);
        if (!pool)
                return 0;

        *ret_found = pool;
        return 1;
}

static int enumerate(sd_bus *connection, const char *prefix, void *userdata, char ***ret_nodes,
                     sd_bus_error *error) {
        const Bus *bus = userdata;
        const Catalog *catalog = &manager_registry(bus->manager)->catalog;
        _cleanup_(list_freep) char **nodes = NULL;

        nodes = calloc(catalog->n_pools + 1, sizeof(*nodes));
        if (!nodes)
                return -ENOMEM;

        for (size_t i = 0; i < catalog->n_pools; i++) {
                int r = named_path(POOL_PREFIX, catalog->pools[i]->name, &nodes[i]);

                if (r < 0)
                        return r;
        }

        *ret_nodes = TAKE(nodes);
        return 0;
}

const ObjectClass pool_class = { POOL_PREFIX, POOL_INTERFACE, pool_vtable, find, enumerate };
