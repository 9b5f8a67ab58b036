/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "case.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/text.h"

void need(int r, const char *what) {
        if (r >= 0)
                return;

        fprintf(stderr, "nova-cases: %s: %s\n", what, strerror(-r));
        exit(2);
}

void differ(Case *c, const char *format, ...) {
        char *before = c->report.text, *said = NULL;
        va_list arguments;
        int r;

        va_start(arguments, format);
        r = vasprintf(&said, format, arguments);
        va_end(arguments);
        need(r < 0 ? -ENOMEM : 0, "a difference");

        c->report.text = before ? text_print("%s; %s", before, said) : strdup(said);
        need(c->report.text ? 0 : -ENOMEM, "a difference");
        free(before);
        free(said);
}

void check_keys(Case *c, const char *where, const json_t *object, const char *const *keys) {
        const char *key;
        json_t *value;

        if (!json_is_object(object)) {
                differ(c, "the case: %s is no object", where);
                return;
        }

        json_object_foreach((json_t *) object, key, value) {
                bool known = false;

                for (size_t i = 0; keys[i]; i++)
                        known = known || strcmp(keys[i], key) == 0;
                if (!known)
                        differ(c, "the case: %s has an unknown key '%s'", where, key);
        }
}

const char *case_text(Case *c, const json_t *object, const char *key) {
        const char *text = json_string_value(json_object_get(object, key));

        if (!text)
                differ(c, "the case: %s is no text", key);
        return text;
}

const json_t *case_list(Case *c, const json_t *object, const char *key) {
        const json_t *list = json_object_get(object, key);

        if (!json_is_array(list)) {
                differ(c, "the case: %s is no list", key);
                return NULL;
        }
        return list;
}

bool case_address(Case *c, const char *text, Address *ret) {
        if (!text || address_parse(text, ret) != 0) {
                differ(c, "the case: '%s' is no address", text ?: "");
                return false;
        }

        for (size_t i = 0; i < c->exchange->n; i++)
                if (address_equal(c->exchange->from[i], *ret)) {
                        *ret = c->exchange->to[i];
                        break;
                }

        return true;
}

static bool read_hex(Case *c, const json_t *device, const char *key, uint16_t *ret) {
        const char *text = case_text(c, device, key);
        unsigned value;
        char end;

        if (!text || strlen(text) != 4 || sscanf(text, "%4x%c", &value, &end) != 1) {
                differ(c, "the case: %s '%s' of a device is no id", key, text ?: "");
                return false;
        }

        *ret = (uint16_t) value;
        return true;
}

/* A number that may be absent or null, then as it was. */
static void read_number(Case *c, const json_t *device, const char *key, int *ret) {
        const json_t *json = json_object_get(device, key);

        if (json_is_integer(json) && json_integer_value(json) >= 0)
                *ret = (int) json_integer_value(json);
        else if (json && !json_is_null(json))
                differ(c, "the case: %s of a device is no number", key);
}

static void read_type(Case *c, const json_t *device, Facts *facts) {
        const char *text = case_text(c, device, "dev_type");
        int type = text ? device_type_from_string(text) : -1;

        if (text && strcmp(text, "vdpa") == 0) {
                facts->type = DEVICE_TYPE_VF;
                facts->vdpa = true;
        } else if (type >= 0)
                facts->type = (DeviceType) type;
        else
                differ(c, "the case: dev_type '%s' of a device", text ?: "");
}

static void read_relatives(Case *c, const json_t *device, Facts *facts) {
        int n_functions = facts->type == DEVICE_TYPE_PF ? 8 : 0;

        if (json_object_get(device, "parent_addr"))
                (void) case_address(c, case_text(c, device, "parent_addr"),
                                    &facts->physical_function);

        read_number(c, device, "sriov_totalvfs", &n_functions);
        facts->max_virtual_functions = (unsigned) n_functions;
        if (json_object_get(device, "ifname"))
                need(list_append(&facts->interfaces, case_text(c, device, "ifname") ?: ""),
                     "a device");
}

Facts *case_facts(Case *c, const json_t *device) {
        _cleanup_(facts_freep) Facts *facts = NULL;
        Address address;

        CHECK_KEYS(c, "a device", device, "address", "vendor_id", "product_id", "dev_type",
                   "numa_node", "parent_addr", "ifname", "sriov_totalvfs");
        if (!case_address(c, case_text(c, device, "address"), &address))
                return NULL;

        need(facts_new(&facts, address), "a device");
        facts->class_code = 0x020000;
        if (!read_hex(c, device, "vendor_id", &facts->vendor_id) ||
            !read_hex(c, device, "product_id", &facts->product_id))
                return NULL;

        read_number(c, device, "numa_node", &facts->numa_node);
        read_type(c, device, facts);
        read_relatives(c, device, facts);
        return TAKE(facts);
}

/* One option a value. In a text of several lines the later ones go on with a blank before. */
static size_t write_value(FILE *file, const char *option, const json_t *value) {
        _cleanup_(freep) char *dump = NULL;
        const char *text = json_string_value(value);
        size_t n_lines = 1, size = json_string_length(value);

        if (!text) {
                dump = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
                need(dump ? 0 : -ENOMEM, "an option");
                text = dump;
                size = strlen(dump);
        }

        fprintf(file, "%s = ", option);
        for (size_t i = 0; i < size; i++) {
                (void) fputc(text[i], file);
                if (text[i] == '\n') {
                        (void) fputc(' ', file);
                        n_lines++;
                }
        }
        (void) fputc('\n', file);
        return n_lines;
}

/* Gives the number of the last line. */
static unsigned write_options(Case *c, FILE *file, const char *option, const json_t *values,
                              unsigned line) {
        size_t i;
        json_t *value;

        if (values && !json_is_null(values) && !json_is_array(values))
                differ(c, "the case: %s is no list", option);

        json_array_foreach(values, i, value) {
                line += (unsigned) write_value(file, option, value);
        }
        return line;
}

Config *case_config(Case *c, const json_t *device_spec, const json_t *alias,
                    const char **ret_option, Refusal *refusal) {
        _cleanup_(freep) char *path = text_print("%s/nova.conf", c->directory);
        char *files[] = { path, NULL };
        unsigned last_spec, last, line = 0;
        Config *config = NULL;
        FILE *file;
        int r;

        need(path ? 0 : -ENOMEM, "the configuration");
        file = fopen(path, "we");
        need(file ? 0 : -errno, path);
        fprintf(file, "[pci]\n");
        last_spec = write_options(c, file, "device_spec", device_spec, 1);
        last = write_options(c, file, "alias", alias, last_spec);
        need(fclose(file) == 0 ? 0 : -errno, path);

        r = config_load(files, &config, refusal);
        (void) unlink(path); /* the directory is removed in the end, and tells */
        need(r, "the configuration");
        if (r == 0)
                return config;

        /* Which one is at fault must be seen from file:line: at the beginning of what is said. */
        if (r != CONFIG_INVALID || strncmp(refusal->text, path, strlen(path)) != 0 ||
            sscanf(refusal->text + strlen(path), ":%u: ", &line) != 1 || line < 2 || line > last)
                differ(c, "the error does not begin with file:line: '%s'", refusal->text);

        *ret_option = line <= last_spec ? "device_spec" : "alias";
        return NULL;
}
