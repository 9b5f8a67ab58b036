/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Properties: values that more than one interface shows.
 */
#include "bus/state.h"

bool device_is_shown(const Device *device) {
        return device->announced && !facts_is_bridge(device->facts);
}

int append_devices(sd_bus_message *reply, const Registry *registry, DeviceFilter filter,
                   const void *set) {
        char path[DEVICE_PATH_SIZE];
        int r;

        r = sd_bus_message_open_container(reply, 'a', "o");
        if (r < 0)
                return r;

        for (size_t i = 0; i < registry->inventory.n_devices; i++) {
                const Device *device = registry->inventory.devices[i];

                if (!device_is_shown(device) || !filter(registry, device, set))
                        continue;

                r = sd_bus_message_append_basic(reply, 'o', device_path(device->address, path));
                if (r < 0)
                        return r;
        }

        return sd_bus_message_close_container(reply);
}

int append_list(sd_bus_message *reply, char *const *list) {
        int r;

        r = sd_bus_message_open_container(reply, 'a', "s");
        if (r < 0)
                return r;

        for (size_t i = 0; list && list[i]; i++) {
                r = append_text(reply, list[i]);
                if (r < 0)
                        return r;
        }

        return sd_bus_message_close_container(reply);
}

int append_reasons(sd_bus_message *reply, uint32_t reasons) {
        int r;

        r = sd_bus_message_open_container(reply, 'a', "s");
        if (r < 0)
                return r;

        for (unsigned i = 0; i < REASON_COUNT; i++) {
                if (!(reasons & (UINT32_C(1) << i)))
                        continue;
                r = append_text(reply, reason_to_string(UINT32_C(1) << i));
                if (r < 0)
                        return r;
        }

        return sd_bus_message_close_container(reply);
}

static int append_rule(sd_bus_message *reply, const Rule *rule) {
        int r;

        r = sd_bus_message_open_container(reply, 'a', "{ss}");
        if (r < 0)
                return r;

        for (size_t i = 0; i < rule->n_words; i++) {
                r = sd_bus_message_append(reply, "{ss}", rule->words[i].key, rule->words[i].value);
                if (r < 0)
                        return r;
        }

        return sd_bus_message_close_container(reply);
}

int append_rules(sd_bus_message *reply, Rule *const *rules, size_t n_rules) {
        int r;

        r = sd_bus_message_open_container(reply, 'a', "a{ss}");
        if (r < 0)
                return r;

        for (size_t i = 0; i < n_rules; i++) {
                r = append_rule(reply, rules[i]);
                if (r < 0)
                        return r;
        }

        return sd_bus_message_close_container(reply);
}
