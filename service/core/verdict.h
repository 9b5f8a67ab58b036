/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Verdict: every way in which the service says no.
 *
 * A function answers 0, a negative errno (of the system: -ENOMEM, -EIO) or a verdict above 0. All
 * verdicts stand in this one enum, so that they do not collide and one table (bus/errors.c) maps
 * each to its D-Bus error. The sentence that goes with one travels in a Refusal.
 */
#pragma once

#include "util/cleanup.h"

typedef enum Verdict {
        ARGUMENTS_INVALID = 1, /* a wrong option or value of a call */
        ADDRESS_INVALID,       /* not the address of a PCI function */
        NAME_INVALID,          /* not a name for a pool or alias */
        REQUEST_INVALID,       /* request text that says nothing */
        MATCH_INVALID,         /* match keys or values */
        CONFIG_INVALID,        /* a configuration file; the text begins with file:line: */
        DEVICE_UNKNOWN,
        POOL_UNKNOWN,
        ALIAS_UNKNOWN,
        DOMAIN_UNKNOWN,
        ATTACHMENT_UNKNOWN,
        NAME_TAKEN,          /* a pool or alias of that name exists */
        ENTRY_READ_ONLY,     /* a file defines it */
        DEVICES_NOT_ENOUGH,  /* no choice satisfies the request */
        DEVICE_USED_BY_HOST, /* the same, but force would make it fit */
        HOST_NOT_READY,      /* no device of the host has an IOMMU group */
        ATTACHMENT_BUSY,     /* in another change */
        HYPERVISOR_UNAVAILABLE,
        HYPERVISOR_REFUSED, /* the text is libvirt's own */
        DETACH_REFUSED,     /* the guest said no */
        OUTCOME_PENDING,    /* goes on; the text names the attachment */
        LIMIT_EXCEEDED,
        JOURNAL_FAILED, /* not durable, hence not done */
        _VERDICT_END,
} Verdict;

typedef struct Refusal {
        int verdict; /* 0: none */
        char *text;  /* one line, names the thing at fault; owned */
} Refusal;

/**
 * refuse() - put a verdict and its sentence into a refusal
 * @refusal: what it held before is released; may be NULL when nobody asks for the text
 * @verdict: the verdict
 *
 * Return: @verdict, or -ENOMEM.
 */
int refuse(Refusal *refusal, int verdict, const char *format, ...) _printf_(3, 4);

/* Releases the text and forgets the verdict. */
void refusal_done(Refusal *refusal);
