/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Told: a main loop around the hypervisor on libvirt, and what it was told, as the manager would keep it.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "core/verdict.h"
#include "vm/libvirt.h"

enum {
        PATIENCE_SEC = 120,
        TOLD_ATTACHMENT = 17 /* the number under which devices are given */
};

extern const char default_uuid[]; /* of the domain "test" that libvirt's test driver begins with */
extern const char guest_uuid[], unknown_uuid[];

typedef struct Told {
        Hypervisor *hypervisor;
        Domains domains;
        unsigned n_connected, n_lost, n_reconciled, n_done, n_told;
        size_t n_held_at_done; /* by the definition of the guest, as told until then */
        int verdict;
        char *text;
} Told;

Told *told_begin(const char *uri);
void told_end(Told *told);

/* A turn of the loop, for a moment when nothing happens. */
void told_turn(Told *told);

/* Turns until @condition holds. */
#define UNTIL(told, condition)                                                                     \
        for (time_t end = time(NULL) + PATIENCE_SEC; !(condition);) {                              \
                assert_true(time(NULL) < end);                                                     \
                told_turn(told);                                                                   \
        }

const DomainFacts *told_find(const Told *told, const char *uuid); /* NULL: none */
bool told_runs(const Told *told, const char *uuid);

/* A device that is in no host. */
HypervisorDevice told_device(unsigned function, unsigned index);

/* Begins to change the running domain or the definition; the outcome is told. */
void told_attach_start(Told *told, const char *uuid, bool live, HypervisorDevice *devices,
                       size_t n_devices);
void told_detach_start(Told *told, const char *uuid, bool live, HypervisorDevice *devices,
                       size_t n_devices);

/* And turns until there is an outcome. */
void told_attach(Told *told, const char *uuid, bool live, HypervisorDevice *devices,
                 size_t n_devices);
void told_detach(Told *told, const char *uuid, bool live, HypervisorDevice *devices,
                 size_t n_devices);
