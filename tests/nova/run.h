/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Run: one case from its configuration to its last expectation.
 */
#pragma once

#include "case.h"

/**
 * case_run() - carry a case out and compare
 *
 * What differs is in the report afterwards.
 */
void case_run(Case *c);
