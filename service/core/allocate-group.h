/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who goes with whom, in words: what of a device's IOMMU group or card keeps it from being lent, and the Unit that
 * would take the rest along. Private to allocate*.c.
 */
#pragma once

#include "core/allocate-internal.h"

/**
 * problem_helping_unit() - the Unit by which an alias would get the device with all that would stay at a host driver
 * @unit:           of the alias now
 * @device:         whose group would not be complete
 * @ret:            UNIT_FUNCTION when there is none: something in the greater unit is not to be had
 * @ret_needs_pool: something in the greater unit would have to be put into a pool first
 *
 * Return: 0 or -ENOMEM.
 */
int problem_helping_unit(Problem *problem, Unit unit, const Device *device, Unit *ret,
                         bool *ret_needs_pool);

/* "; 0000:c1:00.0 shares IOMMU group 17 with …", of the first device of each kind; "" when no group is in the way. NULL without memory. */
char *problem_group_words(Problem *problem, const Shortage *shortage);
