/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A manager with a host of three network cards in two pools, a hypervisor in memory, a real journal,
 * and a clock that stands still.
 */
#pragma once

#include "manager.h"
#include "memory-hypervisor.h"

#define WEB "11111111-2222-3333-4444-555555555555"
#define DB  "99999999-2222-3333-4444-555555555555"

extern const Address NIC0, NIC1, NIC2;

typedef struct Answer {
        unsigned n; /* how often done was called */
        int verdict;
        char text[256];
        uint32_t attachment;
        unsigned n_published; /* how often something had been published before */
} Answer;

typedef struct Fixture {
        char directory[64];
        MemoryHypervisor memory;
        DomainFacts *web, *db; /* the truth: web runs and is defined, db is defined */
        Journal *journal;
        Manager *manager;
        bool grouped;          /* the first two are of one IOMMU group */
        bool absent[3];        /* which cards were pulled */
        uint16_t product[3];   /* another one is in its place; 0: the first */
        const char *driver[3]; /* NULL: its own */
        bool open;             /* somebody has each card open that is at vfio-pci */
        bool unready;          /* a check of CheckHost fails */
        const char *host_use;  /* what the host uses the first one for; NULL: it does not */
        const char
                *told_use; /* what it used when that was asked for last: each change is told once */
        int use_error;     /* nobody can say what the host uses */
        int scan_error;    /* … nor what is at an address */
        uint64_t now_usec;
        unsigned n_published, n_retries;
        unsigned n_ended[2]; /* what was asked for, by whether it is a detach */
        int ended_verdict;   /* of the last */
} Fixture;

int fixture_setup(void **state);
int fixture_teardown(void **state);

/* A daemon on the same state directory: the old one, if any, is dropped without a word, as by kill -9. */
void fixture_start(Fixture *fixture);
void fixture_kill(Fixture *fixture);

/* Chooses and attaches; the verdict of either. Live and config as told. */
int fixture_attach(Fixture *fixture, const char *uuid, const char *request, bool live, bool config,
                   Answer *answer);
int fixture_detach(Fixture *fixture, uint32_t number, Answer *answer);

/* From now on the journal cannot be written to, or it can again. */
void fixture_fill_disk(bool full);

/* Time goes by, and the manager is told. */
void fixture_pass(Fixture *fixture, uint64_t usec);

const Device *fixture_device(Fixture *fixture, Address address);
const Attachment *fixture_attachment(Fixture *fixture, uint32_t number);
