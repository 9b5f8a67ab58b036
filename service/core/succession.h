/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Succession: what becomes of pools and aliases when a catalog takes the place of another.
 *
 * One with a name that was there before stays the same object, with the counts it had until devices are settled anew.
 */
#pragma once

#include "core/change.h"
#include "core/pool.h"

/**
 * succeed_catalog() - note what is added, removed, and defined in another way
 * @new: its pools and aliases take over the counts of those with their names
 *
 * Return: 0 or -ENOMEM, with some of it noted.
 */
int succeed_catalog(Changes *changes, const Catalog *old, Catalog *new);
