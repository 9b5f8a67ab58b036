/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Family: functions that are counted beside each other (core/allocate.h, 4): the VFs of one PF, or the
 * functions of one card that are no VFs.
 */
#pragma once

#include "core/inventory.h"

Family family_of(const Device *device); /* by its facts */
bool family_equal(Family a, Family b);

/* Its members and, of a card, the VFs there: these belong to another family. */
DeviceRun family_members(const Inventory *inventory, Family family);

/* Counts which members are available, and notes it in each. VFs whose PF is not known have none beside them. */
void family_count(const Inventory *inventory, Family family);
