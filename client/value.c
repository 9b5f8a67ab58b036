/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "value.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "core/address.h"
#include "util/text.h"

#define ROOT_PATH "/org/hostdev1"

char *value_name(const char *name) {
        char *snake, *end;

        end = snake = malloc(2 * strlen(name) + 1);
        if (!snake)
                return NULL;

        for (const char *c = name; *c; c++) {
                if (isupper((unsigned char) *c) && c > name && islower((unsigned char) c[-1]))
                        *end++ = '_';
                *end++ = *c == '-' ? '_' : (char) tolower((unsigned char) *c);
        }
        *end = '\0';
        return snake;
}

json_t *value_key(const char *path) {
        static const char *const named[] = { ROOT_PATH "/pool", ROOT_PATH "/alias" };
        static const char devices[] = ROOT_PATH "/device/", numbers[] = ROOT_PATH "/attachment/";
        char text[ADDRESS_TEXT_SIZE];
        Address address;

        if (strcmp(path, "/") == 0)
                return json_null();

        if (strncmp(path, devices, strlen(devices)) == 0 &&
            address_parse_node_name(path + strlen(devices), &address) == 0)
                return json_string(address_format(address, text));

        if (strncmp(path, numbers, strlen(numbers)) == 0) {
                const char *number = path + strlen(numbers);
                char *end;
                unsigned long long value = strtoull(number, &end, 10);

                if (isdigit((unsigned char) *number) && *end == '\0' && value <= UINT32_MAX)
                        return json_integer((json_int_t) value);
        }

        for (size_t i = 0; i < N_ELEMENTS(named); i++) {
                _cleanup_(freep) char *name = NULL;

                if (sd_bus_path_decode(path, named[i], &name) > 0)
                        return json_string(name);
        }

        return json_string(path);
}

static json_t *make_basic(char type, const void *basic) {
        switch (type) {
        case SD_BUS_TYPE_BOOLEAN:
                return json_boolean(*(const int *) basic);
        case SD_BUS_TYPE_BYTE:
                return json_integer(*(const uint8_t *) basic);
        case SD_BUS_TYPE_INT16:
                return json_integer(*(const int16_t *) basic);
        case SD_BUS_TYPE_UINT16:
                return json_integer(*(const uint16_t *) basic);
        case SD_BUS_TYPE_INT32:
                return json_integer(*(const int32_t *) basic);
        case SD_BUS_TYPE_UINT32:
                return json_integer(*(const uint32_t *) basic);
        case SD_BUS_TYPE_INT64:
                return json_integer(*(const int64_t *) basic);
        case SD_BUS_TYPE_UINT64:
                return json_integer((json_int_t) * (const uint64_t *) basic);
        case SD_BUS_TYPE_DOUBLE:
                return json_real(*(const double *) basic);
        case SD_BUS_TYPE_OBJECT_PATH:
                return value_key(*(const char *const *) basic);
        default:
                return json_string(*(const char *const *) basic);
        }
}

static int read_basic(sd_bus_message *message, char type, json_t **ret) {
        union {
                uint64_t number;
                double real;
                const char *text;
        } basic = { 0 };
        json_t *value;
        int r;

        if (!strchr("bynqiuxtdsog", type))
                return -EBADMSG;

        r = sd_bus_message_read_basic(message, type, &basic);
        if (r < 0)
                return r;

        value = make_basic(type, &basic);
        if (!value)
                return -ENOMEM;

        *ret = value;
        return 0;
}

/* The keys of a{sv} are names of members or options; those of a{ss} are data and stay. */
static int read_entry(sd_bus_message *message, const char *contents, json_t *object) {
        bool are_members = strcmp(contents, "sv") == 0;
        _cleanup_(json_decrefp) json_t *value = NULL;
        _cleanup_(freep) char *name = NULL;
        const char *key;
        int r;

        r = sd_bus_message_enter_container(message, SD_BUS_TYPE_DICT_ENTRY, contents);
        if (r < 0)
                return r;

        r = sd_bus_message_read_basic(message, SD_BUS_TYPE_STRING, &key);
        if (r < 0)
                return r;

        name = are_members ? value_name(key) : strdup(key);
        if (!name)
                return -ENOMEM;

        r = value_read(message, &value);
        if (r < 0)
                return r;

        if (json_object_set(object, name, value) < 0)
                return -ENOMEM;

        return sd_bus_message_exit_container(message);
}

static int read_items(sd_bus_message *message, const char *contents, json_t *into) {
        int r;

        while ((r = sd_bus_message_at_end(message, false)) == 0) {
                _cleanup_(json_decrefp) json_t *item = NULL;

                if (json_is_object(into)) {
                        _cleanup_(freep) char *entry = strndup(contents + 1, strlen(contents) - 2);

                        r = entry ? read_entry(message, entry, into) : -ENOMEM;
                        if (r < 0)
                                return r;
                        continue;
                }

                r = value_read(message, &item);
                if (r < 0)
                        return r;
                if (json_array_append(into, item) < 0)
                        return -ENOMEM;
        }

        return r < 0 ? r : 0;
}

int value_read(sd_bus_message *message, json_t **ret) {
        _cleanup_(json_decrefp) json_t *value = NULL;
        const char *contents;
        char type;
        int r;

        r = sd_bus_message_peek_type(message, &type, &contents);
        if (r < 0)
                return r;
        if (r == 0)
                return -EBADMSG;
        if (!contents)
                return read_basic(message, type, ret);

        /* Messages nest at most 64 deep, and so does this. */
        r = sd_bus_message_enter_container(message, type, contents);
        if (r < 0)
                return r;

        if (type == SD_BUS_TYPE_VARIANT) {
                r = value_read(message, &value);
        } else {
                value = *contents == SD_BUS_TYPE_DICT_ENTRY_BEGIN ? json_object() : json_array();
                r = value ? read_items(message, contents, value) : -ENOMEM;
        }
        if (r < 0)
                return r;

        r = sd_bus_message_exit_container(message);
        if (r < 0)
                return r;

        *ret = TAKE(value);
        return 0;
}

static int append_pair(char ***words, const char *key, const json_t *value) {
        _cleanup_(freep) char *text = value_text(value), *pair = NULL;

        pair = text ? text_print("%s=%s", key, text) : NULL;
        return pair ? list_append(words, pair) : -ENOMEM;
}

static char *join_members(const json_t *object) {
        _cleanup_(list_freep) char **words = NULL;
        const char *key;
        json_t *value;

        json_object_foreach((json_t *) object, key, value) {
                if (append_pair(&words, key, value) < 0)
                        return NULL;
        }
        return list_join(words, " ");
}

static char *join_items(const json_t *array) {
        _cleanup_(list_freep) char **words = NULL;
        const json_t *value;
        size_t i;

        json_array_foreach(array, i, value) {
                _cleanup_(freep) char *text = value_text(value);

                if (!text || list_append(&words, text) < 0)
                        return NULL;
        }
        /* A list of lines (Match) has alternatives. */
        return list_join(words, json_is_object(json_array_get(array, 0)) ? " or " : " ");
}

char *value_text(const json_t *value) {
        switch (value ? json_typeof(value) : JSON_NULL) {
        case JSON_STRING:
                return strdup(json_string_value(value));
        case JSON_INTEGER:
                return text_print("%" JSON_INTEGER_FORMAT, json_integer_value(value));
        case JSON_REAL:
                return text_print("%g", json_real_value(value));
        case JSON_TRUE:
                return strdup("yes");
        case JSON_FALSE:
                return strdup("no");
        case JSON_OBJECT:
                return join_members(value);
        case JSON_ARRAY:
                return join_items(value);
        default:
                return strdup("");
        }
}

const char *member_text(const json_t *object, const char *name) {
        return json_string_value(json_object_get(object, name)) ?: "";
}

json_int_t member_integer(const json_t *object, const char *name) {
        return json_integer_value(json_object_get(object, name));
}

json_t *value_name_fields(const json_t *rows, const char *const *names, size_t n_names) {
        _cleanup_(json_decrefp) json_t *named = json_array();
        const json_t *row;
        size_t i;

        json_array_foreach(rows, i, row) {
                json_t *object = json_object();

                if (json_array_append_new(named, object) < 0)
                        return NULL;

                for (size_t j = 0; j < n_names; j++)
                        if (json_object_set(object, names[j], json_array_get(row, j)) < 0)
                                return NULL;
        }

        return TAKE(named);
}
