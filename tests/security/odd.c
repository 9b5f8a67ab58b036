/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "odd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N(array) (sizeof(array) / sizeof(*(array)))

enum {
        MOST_PATHS = 256,
        LONGEST = 70000,
        DEEPEST = 40,
};

static uint64_t random_state = 1;
static char *paths[MOST_PATHS];
static unsigned n_paths;

void odd_seed(uint64_t seed) {
        random_state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
}

/* xorshift64*; the upper half is the better one. */
unsigned odd_draw(unsigned below) {
        random_state ^= random_state >> 12;
        random_state ^= random_state << 25;
        random_state ^= random_state >> 27;
        return (unsigned) ((random_state * UINT64_C(0x2545f4914f6cdd1d)) >> 32) % below;
}

bool odd_chance(unsigned one_in) {
        return odd_draw(one_in) == 0;
}

static const char *one_of(const char *const *words, size_t n) {
        return words[odd_draw((unsigned) n)];
}
#define ONE_OF(words) one_of(words, N(words))

void odd_remember(const char *path) {
        unsigned place = n_paths++ % MOST_PATHS;

        free(paths[place]);
        paths[place] = strdup(path);
}

const char *odd_path(void) {
        static const char *const known[] = {
                "/",
                "/org",
                "/org/hostdev1",
                "/org/hostdev1/device",
                "/org/hostdev1/device/pci_0000_41_00_0",
                "/org/hostdev1/device/pci_0000_41_00_9",
                "/org/hostdev1/device/pci_ffffffff_ff_1f_7",
                "/org/hostdev1/device/pci_",
                "/org/hostdev1/pool/nics",
                "/org/hostdev1/pool/_",
                "/org/hostdev1/pool/_2",
                "/org/hostdev1/pool/_2f_2f",
                "/org/hostdev1/alias/vf",
                "/org/hostdev1/alias/_00",
                "/org/hostdev1/attachment/0",
                "/org/hostdev1/attachment/1",
                "/org/hostdev1/attachment/18446744073709551617",
                "/org/hostdev1/attachment/1/device",
                "/org/freedesktop/DBus",
        };
        static char giant[LONGEST];
        unsigned most = n_paths < MOST_PATHS ? n_paths : MOST_PATHS;

        if (odd_chance(300)) {
                unsigned length = 16 + odd_draw(sizeof(giant) - 17);

                memset(giant, 'x', length);
                memcpy(giant, "/org/hostdev1/", strlen("/org/hostdev1/"));
                for (unsigned i = 16; odd_chance(2) && i + 2 < length; i += 2)
                        giant[i] = '/';
                giant[length] = '\0';
                return giant;
        }
        if (most > 0 && !odd_chance(3) && paths[most - 1])
                return paths[odd_draw(most)];
        return ONE_OF(known);
}

/* Of what is said in a request, an address, a name. */
static const char *const plain[] = {
        "",
        "web",
        "database",
        "nic",
        "nic:1",
        "nic:2,gpu",
        "vf:64",
        "vf:65",
        "gpu:0",
        "nic:-1",
        "nic:4294967297",
        "vf , vf:2",
        ",",
        ":",
        "nic::1",
        "a1,a1,a1,a1,a1,a1,a1,a1,a1,a1,a1,a1,a1,a1,a1,a1,a1",
        "nics",
        "gpus",
        "made0",
        "made1",
        "made2",
        "0000:41:00.0",
        "41:00.0",
        "0000:21:00.0",
        "FFFFFFFF:ff:1f.7",
        "0000:41:20.0",
        "41:00.8",
        "0000:41:00.0 ",
        "11111111-2222-3333-4444-555555555555",
        "11111111-2222-3333-4444-55555555555",
        "99999999-2222-3333-4444-555555555555",
        "legacy",
        "preferred",
        "required",
        "socket",
        "function",
        "slot",
        "group",
        "8086",
        "10d3",
        "*",
        "0000:41:*.*",
        "(((((((((((a*)*)*)*)*)*)*)*)*)*)*)*b",
        "[",
        "\\",
        "^(?:.*)+$",
        "(?<n>.)\\k<n>",
        "%n%s%s%s%d",
        "../../etc/passwd",
        "'\"><hostdev/>",
        "line\nMESSAGE=forged",
        "\x1b[31m",
        "\xe2\x80\xae"
        "abc",
        "\xf0\x9f\x98\x80",
        "two words",
        "type-PF",
        "type-VF",
        "true",
        "null",
};

static const char *const option_names[] = {
        "live",    "config", "numa-nodes", "numa-policy", "wait-seconds", "dry-run",
        "force",   "reason", "domain",     "description", "unit",         "owner",
        "as-user", "uid",    "",           "LIVE",        "live ",
};

static const char *const match_keys[] = {
        "vendor_id",
        "product_id",
        "subsystem_vendor_id",
        "subsystem_product_id",
        "class",
        "address",
        "domain",
        "bus",
        "slot",
        "function",
        "devname",
        "driver",
        "numa_node",
        "device_type",
        "pool",
        "tag.physical_network",
        "tag.",
        "tag.a=b",
        "",
        "nonsense",
};

const char *odd_text(const char *name) {
        static char giant[LONGEST];

        if (odd_chance(200)) {
                unsigned length = odd_draw(sizeof(giant) - 1);

                memset(giant, odd_chance(2) ? '(' : 'n', length);
                giant[length] = '\0';
                return giant;
        }
        if (strcmp(name, "domain") == 0 && !odd_chance(4))
                return odd_chance(2) ? "web" : "database";
        if (strcmp(name, "request") == 0 && !odd_chance(4))
                return plain[3 + odd_draw(3)]; /* nic and its like */
        if (strcmp(name, "name") == 0 && !odd_chance(3)) {
                static char made[16];

                (void) snprintf(made, sizeof(made), "made%u", odd_draw(6));
                return made;
        }
        if (strcmp(name, "key") == 0)
                return ONE_OF(match_keys);
        return ONE_OF(plain);
}

static uint64_t number(void) {
        static const uint64_t edges[] = {
                0,
                1,
                2,
                3,
                20,
                21,
                63,
                64,
                65,
                127,
                255,
                256,
                0x7fff,
                0x8000,
                0x7fffffff,
                0x80000000,
                UINT32_MAX,
                UINT64_C(1) << 32,
                UINT64_C(1) << 53,
                INT64_MAX,
                UINT64_MAX,
                UINT64_MAX - 1,
        };

        return odd_chance(3) ? odd_draw(8) : edges[odd_draw(N(edges))];
}

/* Where the first complete type ends. */
static size_t length_of_type(const char *signature) {
        size_t length = 0, depth = 0;

        do {
                char c = signature[length++];

                if (c == 'a')
                        continue;
                if (c == '(' || c == '{')
                        depth++;
                else if (c == ')' || c == '}')
                        depth--;
                if (depth == 0)
                        break;
        } while (signature[length]);

        return length;
}

static unsigned count(unsigned depth) {
        if (depth == 0 && odd_chance(400))
                return 1 + odd_draw(3000);
        return odd_draw(depth < 2 ? 5 : 3);
}

/* @given is copied: what is in it may draw another signature. */
static int append_variant(sd_bus_message *message, const char *given, const char *name,
                          unsigned depth) {
        char type[64];
        int r;

        (void) snprintf(type, sizeof(type), "%s", given);
        r = sd_bus_message_open_container(message, 'v', type);
        if (r >= 0)
                r = odd_append(message, type, name, depth + 1);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

/* A variant in a variant in a variant… */
static int append_nest(sd_bus_message *message, unsigned levels) {
        int r;

        if (levels == 0)
                return append_variant(message, "s", "", DEEPEST);

        r = sd_bus_message_open_container(message, 'v', "v");
        if (r >= 0)
                r = append_nest(message, levels - 1);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

static const char *option_type(const char *key) {
        static const struct {
                const char *key, *type;
        } types[] = {
                { "live", "b" },    { "config", "b" },       { "numa-nodes", "au" },
                { "dry-run", "b" }, { "wait-seconds", "u" }, { "force", "b" },
        };

        for (size_t i = 0; i < N(types); i++)
                if (strcmp(types[i].key, key) == 0)
                        return types[i].type;
        return "s";
}

static int append_option(sd_bus_message *message, unsigned depth) {
        const char *key = ONE_OF(option_names);
        int r = sd_bus_message_open_container(message, 'e', "sv");

        if (r >= 0)
                r = sd_bus_message_append(message, "s", key);
        if (r >= 0 && odd_chance(60))
                r = append_nest(message, odd_draw(DEEPEST));
        else if (r >= 0 && odd_chance(6))
                r = append_variant(message, odd_signature(1), "", depth + 1);
        /* Whoever waits long keeps the others waiting. */
        else if (r >= 0 && strcmp(key, "wait-seconds") == 0 && !odd_chance(30))
                r = sd_bus_message_append(message, "v", "u", odd_chance(2) ? 0u : 21u);
        else if (r >= 0)
                r = append_variant(message, option_type(key), key, depth + 1);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

static int append_basic(sd_bus_message *message, char type, const char *name) {
        union {
                uint8_t y;
                uint16_t q;
                uint32_t u;
                uint64_t t;
                double d;
        } value = { .t = number() };

        switch (type) {
        case 'b':
                return sd_bus_message_append(message, "b", (int) odd_draw(2));
        case 's':
                return sd_bus_message_append(message, "s", odd_text(name));
        case 'o':
                return sd_bus_message_append(message, "o", odd_path());
        case 'g':
                return sd_bus_message_append(message, "g", odd_signature(4));
        default:
                return sd_bus_message_append_basic(message, type, &value);
        }
}

static int append_array(sd_bus_message *message, const char *type, const char *name,
                        unsigned depth) {
        bool options = strcmp(type, "{sv}") == 0;
        unsigned n = options && odd_chance(2) ? 0 : count(depth);
        int r = sd_bus_message_open_container(message, 'a', type);

        for (unsigned i = 0; r >= 0 && i < n; i++)
                r = options ? append_option(message, depth)
                            : odd_append(message, type, name, depth + 1);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

static int append_struct(sd_bus_message *message, const char *type, size_t length, unsigned depth) {
        char contents[256];
        bool entry = type[0] == '{';
        int r;

        (void) snprintf(contents, sizeof(contents), "%.*s", (int) length - 2, type + 1);
        r = sd_bus_message_open_container(message, entry ? 'e' : 'r', contents);
        if (r >= 0 && entry) { /* the key first, by the name that keys have */
                r = append_basic(message, contents[0], "key");
                if (r >= 0)
                        r = odd_append(message, contents + 1, "", depth + 1);
        } else if (r >= 0) {
                r = odd_append(message, contents, "", depth + 1);
        }
        return r < 0 ? r : sd_bus_message_close_container(message);
}

int odd_append(sd_bus_message *message, const char *signature, const char *name, unsigned depth) {
        int r = 0;

        for (size_t length; r >= 0 && *signature; signature += length) {
                char type[256];

                length = length_of_type(signature);
                if (length >= sizeof(type))
                        return -EINVAL;
                (void) snprintf(type, sizeof(type), "%.*s", (int) length, signature);

                if (type[0] == 'a')
                        r = append_array(message, type + 1, name, depth);
                else if (type[0] == 'v')
                        r = append_variant(message, odd_signature(1), name, depth);
                else if (type[0] == '(' || type[0] == '{')
                        r = append_struct(message, type, length, depth);
                else
                        r = append_basic(message, type[0], name);
        }

        return r;
}

const char *odd_signature(unsigned most) {
        static const char *const types[] = {
                "s",     "u",    "b",  "i", "t",  "o",     "g",      "y",        "d", "as", "au",
                "a{ss}", "(ss)", "ay", "x", "ao", "a{sv}", "aa{ss}", "a(so(u))", "n", "q"
        };
        static char signature[64];
        unsigned n = most == 1 ? 1 : odd_draw(most + 1);

        signature[0] = '\0';
        for (unsigned i = 0; i < n; i++)
                strcat(signature, ONE_OF(types));
        return signature;
}
