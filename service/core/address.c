/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/address.h"

#include <assert.h>
#include <string.h>

#include "core/verdict.h"
#include "util/text.h"

static int hex_digit(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -1;
}

static size_t count_hex_digits(const char *text) {
        size_t n = 0;

        while (hex_digit(text[n]) >= 0)
                n++;
        return n;
}

static uint32_t read_hex(const char *text, size_t n_digits) {
        uint32_t value = 0;

        for (size_t i = 0; i < n_digits; i++)
                value = value << 4 | (uint32_t) hex_digit(text[i]);
        return value;
}

/* Reads BUS?SLOT?FUNCTION with the given characters between; nothing may follow. */
static bool read_function(const char *text, const char *between, uint32_t domain, Address *ret) {
        uint32_t slot;

        if (count_hex_digits(text) != 2 || text[2] != between[0])
                return false;
        if (count_hex_digits(text + 3) != 2 || text[5] != between[1])
                return false;
        if (count_hex_digits(text + 6) != 1 || text[7] != '\0')
                return false;

        slot = read_hex(text + 3, 2);
        if (slot > 0x1f || text[6] > '7' || text[6] < '0')
                return false;

        *ret = (Address){
                .domain = domain,
                .bus = (uint8_t) read_hex(text, 2),
                .slot = (uint8_t) slot,
                .function = (uint8_t) read_hex(text + 6, 1),
        };
        return true;
}

int address_parse(const char *text, Address *ret) {
        size_t n_digits = count_hex_digits(text);
        uint32_t domain = 0;

        assert(ret);

        /* Two digits are the bus of an address without domain. */
        if (n_digits != 2) {
                if (n_digits < 4 || n_digits > 8 || text[n_digits] != ':')
                        return ADDRESS_INVALID;

                domain = read_hex(text, n_digits);
                text += n_digits + 1;
        }

        return read_function(text, ":.", domain, ret) ? 0 : ADDRESS_INVALID;
}

/* By hand: every object is named by its address, and printf() takes ten times as long. */
static void write_address(char *text, Address address, const char *between) {
        text = text_hex(text, address.domain, 4);
        *text++ = between[0];
        text = text_hex(text, address.bus, 2);
        *text++ = between[1];
        text = text_hex(text, address.slot & 0x1f, 2);
        *text++ = between[2];
        text = text_hex(text, address.function & 7, 1);
        *text = '\0';
}

const char *address_format(Address address, char text[static ADDRESS_TEXT_SIZE]) {
        write_address(text, address, "::.");
        return text;
}

const char *address_format_node_name(Address address, char name[static ADDRESS_NODE_NAME_SIZE]) {
        write_address(stpcpy(name, "pci_"), address, "___");
        return name;
}

int address_parse_node_name(const char *name, Address *ret) {
        char again[ADDRESS_NODE_NAME_SIZE];
        Address address;
        size_t n_digits;

        assert(ret);

        if (strncmp(name, "pci_", 4) != 0)
                return ADDRESS_INVALID;

        n_digits = count_hex_digits(name + 4);
        if (n_digits < 4 || n_digits > 8 || name[4 + n_digits] != '_')
                return ADDRESS_INVALID;
        if (!read_function(name + 4 + n_digits + 1, "__", read_hex(name + 4, n_digits), &address))
                return ADDRESS_INVALID;

        /* An object has one name: no capitals, no zeros more than needed. */
        if (strcmp(address_format_node_name(address, again), name) != 0)
                return ADDRESS_INVALID;

        *ret = address;
        return 0;
}

int address_compare(Address a, Address b) {
        uint64_t key_a = address_key(a), key_b = address_key(b);

        return (key_a > key_b) - (key_a < key_b);
}

bool address_equal(Address a, Address b) {
        return address_key(a) == address_key(b);
}

bool address_same_slot(Address a, Address b) {
        return address_key(a) >> 3 == address_key(b) >> 3;
}
