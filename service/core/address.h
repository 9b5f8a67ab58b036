/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Address: where a PCI function is, 0000:41:00.0. A plain value, compared as a number.
 *
 * The kernel's domains reach beyond ffff (Intel VMD counts from 10000): they are read and shown with
 * as many digits as they need.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Address {
        uint32_t domain;
        uint8_t bus;
        uint8_t slot;     /* 0–0x1f */
        uint8_t function; /* 0–7 */
} Address;

enum {
        ADDRESS_TEXT_SIZE = sizeof("ffffffff:ff:1f.7"),
        ADDRESS_NODE_NAME_SIZE = sizeof("pci_ffffffff_ff_1f_7")
};

/**
 * address_parse() - read an address
 * @text: [DOMAIN:]BUS:SLOT.FUNCTION in hex of either case: 4–8, 2, 2 and 1 digits; an absent domain is 0
 * @ret:  set only on success
 *
 * Return: 0, or ADDRESS_INVALID.
 */
int address_parse(const char *text, Address *ret);

/* Writes 0000:41:00.0 to @text and returns it. */
const char *address_format(Address address, char text[static ADDRESS_TEXT_SIZE]);

/* libvirt's name of the node device, pci_0000_41_00_0: to @name and returned; and back (ADDRESS_INVALID). */
const char *address_format_node_name(Address address, char name[static ADDRESS_NODE_NAME_SIZE]);
int address_parse_node_name(const char *name, Address *ret);

/* One number that orders addresses: domain, bus, slot, function. */
static inline uint64_t address_key(Address address) {
        return (uint64_t) address.domain << 16 | (uint64_t) address.bus << 8 |
               (uint64_t) (address.slot & 0x1f) << 3 | (address.function & 7);
}

int address_compare(Address a, Address b); /* <0, 0, >0 */
bool address_equal(Address a, Address b);
bool address_same_slot(Address a, Address b); /* functions of one card */
