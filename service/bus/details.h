/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Details: what polkit is shown of a call, so that rules can decide by it (CONTRACT 6).
 */
#pragma once

#include "manager.h"

/* What is about to be done to which domain. */
typedef struct DetailsScope {
        const char *domain, *domain_uuid;
        bool live, config, force;
} DetailsScope;

/**
 * details_of_plan() - of Attach
 * @plan: NULL when nothing fits: then no device and no pool is named, and the count is what was asked
 * @ret:  a list, keys and values by turns
 *
 * Return: 0 or -ENOMEM.
 */
int details_of_plan(const Request *request, const Plan *plan, const DetailsScope *scope,
                    char ***ret);

/* Of Detach. 0 or -ENOMEM. */
int details_of_attachment(const Registry *registry, const Attachment *attachment, char ***ret);
