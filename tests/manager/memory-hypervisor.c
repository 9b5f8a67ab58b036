/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "memory-hypervisor.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/verdict.h"

static MemoryHypervisor *memory_of(Hypervisor *hypervisor) {
        return (MemoryHypervisor *) hypervisor;
}

static DomainFacts *copy_domain(const DomainFacts *truth) {
        DomainFacts *copy;

        assert(domain_facts_new(&copy, truth->uuid, truth->name) == 0);
        copy->present = truth->running || truth->persistent;
        copy->running = truth->running;
        copy->persistent = truth->persistent;
        copy->nodes = truth->nodes;
        if (truth->unreadable) {
                copy->unreadable = strdup(truth->unreadable);
                assert(copy->unreadable);
                return copy;
        }
        for (size_t i = 0; i < truth->n_live; i++)
                assert(domain_facts_hold(copy, true, truth->live[i].address,
                                         truth->live[i].alias) == 0);
        for (size_t i = 0; i < truth->n_config; i++)
                assert(domain_facts_hold(copy, false, truth->config[i].address,
                                         truth->config[i].alias) == 0);
        return copy;
}

void memory_tell(MemoryHypervisor *memory, const DomainFacts *truth) {
        memory->callbacks.domain(memory->userdata, copy_domain(truth));
}

bool memory_holds(const DomainFacts *truth, bool live, Address address) {
        const HeldDevice *held = live ? truth->live : truth->config;
        size_t n = live ? truth->n_live : truth->n_config;

        for (size_t i = 0; i < n; i++)
                if (address_equal(held[i].address, address))
                        return true;

        return false;
}

void memory_drop(DomainFacts *truth, bool live, const Address *address) {
        HeldDevice *held = live ? truth->live : truth->config;
        size_t *n = live ? &truth->n_live : &truth->n_config;

        for (size_t i = 0; i < *n;) {
                if (address && !address_equal(held[i].address, *address)) {
                        i++;
                        continue;
                }
                free(held[i].alias);
                memmove(&held[i], &held[i + 1], (--*n - i) * sizeof(*held));
        }
}

static DomainFacts *find_domain(MemoryHypervisor *memory, const char *uuid) {
        for (size_t i = 0; i < memory->n_domains; i++)
                if (strcmp(memory->domains[i]->uuid, uuid) == 0)
                        return memory->domains[i];

        return NULL;
}

DomainFacts *memory_domain(MemoryHypervisor *memory, const char *uuid, const char *name) {
        DomainFacts *truth = find_domain(memory, uuid);

        if (truth)
                return truth;

        assert(domain_facts_new(&truth, uuid, name) == 0);
        memory->domains[memory->n_domains++] = truth;
        return truth;
}

static int queue(Hypervisor *hypervisor, int kind, const HypervisorJob *job, HypervisorDone done,
                 void *userdata) {
        MemoryHypervisor *memory = memory_of(hypervisor);
        MemoryJob **end = &memory->jobs, *queued;

        if (memory->no_memory)
                return -ENOMEM;

        queued = calloc(1, sizeof(*queued));
        assert(queued);
        *queued = (MemoryJob){ .kind = kind, .job = *job, .done = done, .userdata = userdata };
        queued->job.devices = calloc(job->n_devices, sizeof(HypervisorDevice));
        memcpy(queued->job.devices, job->devices, job->n_devices * sizeof(HypervisorDevice));
        while (*end)
                end = &(*end)->next;
        *end = queued;
        memory->n_calls++;
        return 0;
}

static int start(Hypervisor *hypervisor, const HypervisorCallbacks *callbacks, void *userdata) {
        MemoryHypervisor *memory = memory_of(hypervisor);

        memory->callbacks = *callbacks;
        memory->userdata = userdata;
        return 0;
}

static int attach(Hypervisor *hypervisor, const HypervisorJob *job, HypervisorDone done,
                  void *userdata) {
        return queue(hypervisor, JOB_ATTACH, job, done, userdata);
}

static int detach(Hypervisor *hypervisor, const HypervisorJob *job, HypervisorDone done,
                  void *userdata) {
        return queue(hypervisor, JOB_DETACH, job, done, userdata);
}

static void give_up(Hypervisor *hypervisor, uint32_t attachment) {
        MemoryHypervisor *memory = memory_of(hypervisor);

        for (MemoryJob *job = memory->jobs; job; job = job->next)
                if (!memory->begun && job->kind == JOB_ATTACH && job->job.attachment == attachment)
                        job->given_up = true;
}

static int give_back(Hypervisor *hypervisor, const HypervisorJob *job, HypervisorDone done,
                     void *userdata) {
        return queue(hypervisor, JOB_GIVE_BACK, job, done, userdata);
}

static int refresh(Hypervisor *hypervisor, const char *domain_uuid) {
        MemoryHypervisor *memory = memory_of(hypervisor);

        /* A port tells nothing from inside a call. */
        memory->refreshed = find_domain(memory, domain_uuid);
        return 0;
}

static const char *uri(Hypervisor *hypervisor) {
        return "memory:///";
}

static bool can_attach_live(Hypervisor *hypervisor) {
        return true;
}

static void free_nothing(Hypervisor *hypervisor) {
}

static const HypervisorOperations operations = {
        .start = start,
        .attach = attach,
        .give_up = give_up,
        .detach = detach,
        .give_back = give_back,
        .refresh = refresh,
        .uri = uri,
        .can_attach_live = can_attach_live,
        .free = free_nothing,
};

void memory_hypervisor_init(MemoryHypervisor *memory) {
        *memory = (MemoryHypervisor){ .port = { .operations = &operations }, .refuse_at = -1 };
}

static void drop_job(MemoryHypervisor *memory) {
        MemoryJob *job = memory->jobs;

        memory->jobs = job->next;
        free(job->job.devices);
        free(job);
}

void memory_hypervisor_done(MemoryHypervisor *memory) {
        while (memory->jobs)
                drop_job(memory);
        for (size_t i = 0; i < memory->n_domains; i++)
                domain_facts_free(memory->domains[i]);
}

static void give(DomainFacts *truth, bool live, const HypervisorJob *job, size_t index) {
        char alias[ATTACHMENT_ALIAS_SIZE];

        attachment_alias(job->attachment, job->devices[index].index, alias);
        assert(domain_facts_hold(truth, live, job->devices[index].address, alias) == 0);
}

/* Gives or takes what the job says; false when it was refused. */
static bool carry_out(MemoryHypervisor *memory, const MemoryJob *job) {
        DomainFacts *truth = find_domain(memory, job->job.domain_uuid);

        if (job->given_up)
                return false;

        if (job->kind == JOB_GIVE_BACK) {
                memory->n_given_back += memory->refuse_give_back ? 0 : job->job.n_devices;
                return !memory->refuse_give_back;
        }

        if (job->kind == JOB_DETACH && job->job.config && memory->refuse_definition)
                return false;

        for (size_t i = 0; truth && i < job->job.n_devices; i++) {
                if (job->kind == JOB_DETACH) {
                        if (job->job.live && !memory->guest_ignores && !memory->guest_refuses)
                                memory_drop(truth, true, &job->job.devices[i].address);
                        if (job->job.config)
                                memory_drop(truth, false, &job->job.devices[i].address);
                        continue;
                }

                memory->n_handed += job->job.devices[i].hand_over;
                if (memory->refuse_at == (int) i)
                        return false;
                if (job->job.live)
                        give(truth, true, &job->job, i);
                if (job->job.config)
                        give(truth, false, &job->job, i);
        }

        return true;
}

static void tell_refusal(MemoryHypervisor *memory, const MemoryJob *job) {
        char alias[ATTACHMENT_ALIAS_SIZE];

        attachment_alias(job->job.attachment, job->job.devices[0].index, alias);
        memory->callbacks.removal_failed(memory->userdata, job->job.domain_uuid, alias);
}

void memory_act(MemoryHypervisor *memory) {
        (void) carry_out(memory, memory->jobs);
        drop_job(memory);
}

void memory_run(MemoryHypervisor *memory) {
        if (memory->refreshed)
                memory_tell(memory, memory->refreshed);
        memory->refreshed = NULL;

        while (memory->jobs) {
                MemoryJob *job = memory->jobs;
                DomainFacts *truth = find_domain(memory, job->job.domain_uuid);
                HypervisorOutcome outcome = { 0 };

                memory->jobs = job->next;
                if (!carry_out(memory, job))
                        outcome = (HypervisorOutcome){ HYPERVISOR_REFUSED,
                                                       "No more available PCI slots" };
                if (truth && job->done)
                        memory_tell(memory, truth);
                if (job->done)
                        job->done(job->userdata, job->job.attachment, &outcome);
                if (job->done && job->kind == JOB_DETACH && job->job.live && memory->guest_refuses)
                        tell_refusal(memory, job);
                free(job->job.devices);
                free(job);
        }
}

void memory_orphan(MemoryHypervisor *memory) {
        for (MemoryJob *job = memory->jobs; job; job = job->next)
                job->done = NULL;
}

void memory_connect(MemoryHypervisor *memory) {
        memory->callbacks.connected(memory->userdata, true, NULL);
        for (size_t i = 0; i < memory->n_domains; i++)
                memory_tell(memory, memory->domains[i]);
        memory->callbacks.reconciled(memory->userdata);
}

void memory_lose_jobs(MemoryHypervisor *memory) {
        const HypervisorOutcome outcome = { HYPERVISOR_UNAVAILABLE,
                                            "End of file while reading data" };

        while (memory->jobs) {
                MemoryJob *job = memory->jobs;

                memory->jobs = job->next;
                job->done(job->userdata, job->job.attachment, &outcome);
                free(job->job.devices);
                free(job);
        }
}

void memory_disconnect(MemoryHypervisor *memory) {
        memory->callbacks.connected(memory->userdata, false, "End of file while reading data");
        memory_lose_jobs(memory);
}
