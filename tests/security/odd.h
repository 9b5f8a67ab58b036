/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Odd: values that a caller who knows the contract would try: what it names, what it does not, the limits and
 * what is beside them. All by a seed, the same everywhere.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <systemd/sd-bus.h>

void odd_seed(uint64_t seed);
unsigned odd_draw(unsigned below); /* 0 … below − 1 */
bool odd_chance(unsigned one_in);

/* Paths of objects that were seen, living or dead. The oldest give way. */
void odd_remember(const char *path);
const char *odd_path(void);

/* A text that a member would take, or nearly; @name is that of its argument, "" for none. Until the next call. */
const char *odd_text(const char *name);

/**
 * odd_append() - a value of each complete type in a signature
 * @signature: without maybe; types of the argument named @name where the contract says more than the type
 * @depth:     how deep it stands
 *
 * Return: 0 or negative errno; then the message is of no use.
 */
int odd_append(sd_bus_message *message, const char *signature, const char *name, unsigned depth);

/* A valid signature of up to @most types, not of the contract. Until the next call. */
const char *odd_signature(unsigned most);
