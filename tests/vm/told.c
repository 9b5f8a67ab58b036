/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vm/told.h"

#include <poll.h>

const char default_uuid[] = "6695eb01-f6a4-8304-79aa-97f2502e193f";
const char guest_uuid[] = "11111111-2222-3333-4444-555555555555";
const char unknown_uuid[] = "99999999-2222-3333-4444-555555555555";

static void on_connected(void *userdata, bool connected, const char *text) {
        Told *told = userdata;

        told->n_connected += connected;
        told->n_lost += !connected;
        if (!connected) {
                free(told->text);
                told->text = strdup(text);
        }
}

static void on_reconciled(void *userdata) {
        ((Told *) userdata)->n_reconciled++;
}

static void on_domain(void *userdata, DomainFacts *facts) {
        _cleanup_(domain_facts_freep) DomainFacts *old = NULL;
        Told *told = userdata;

        told->n_told++;
        assert_int_equal(domains_apply(&told->domains, facts, &old), 0);
}

static void on_removal_failed(void *userdata, const char *uuid, const char *alias) {
        fail_msg("The test driver has no guests that could refuse");
}

static void on_done(void *userdata, uint32_t attachment, const HypervisorOutcome *outcome) {
        const DomainFacts *guest;
        Told *told = userdata;

        assert_int_equal(attachment, TOLD_ATTACHMENT);
        guest = domains_find_uuid(&told->domains, guest_uuid);
        told->n_held_at_done = guest ? guest->n_config : 0;
        told->n_done++;
        told->verdict = outcome->verdict;
        free(told->text);
        told->text = strdup(outcome->text);
}

static const HypervisorCallbacks callbacks = {
        .connected = on_connected,
        .reconciled = on_reconciled,
        .domain = on_domain,
        .removal_failed = on_removal_failed,
};

void told_turn(Told *told) {
        struct pollfd fd = { .fd = libvirt_hypervisor_fd(told->hypervisor), .events = POLLIN };

        if (poll(&fd, 1, 50) > 0)
                libvirt_hypervisor_dispatch(told->hypervisor);
}

Told *told_begin(const char *uri) {
        Told *told = calloc(1, sizeof(*told));

        assert_non_null(told);
        assert_int_equal(libvirt_hypervisor_new(&told->hypervisor, uri), 0);
        assert_string_equal(told->hypervisor->operations->uri(told->hypervisor), uri);
        assert_int_equal(told->hypervisor->operations->start(told->hypervisor, &callbacks, told),
                         0);
        return told;
}

void told_end(Told *told) {
        told->hypervisor->operations->free(told->hypervisor);
        domains_done(&told->domains);
        free(told->text);
        free(told);
}

const DomainFacts *told_find(const Told *told, const char *uuid) {
        return domains_find_uuid(&told->domains, uuid);
}

bool told_runs(const Told *told, const char *uuid) {
        return told_find(told, uuid) && told_find(told, uuid)->running;
}

HypervisorDevice told_device(unsigned function, unsigned index) {
        return (HypervisorDevice){
                .address = { .bus = 0x41, .function = function },
                .index = index,
                .managed = true,
        };
}

typedef int (*Operation)(Hypervisor *, const HypervisorJob *, HypervisorDone, void *);

static void begin_change(Told *told, Operation change, const char *uuid, bool live,
                         HypervisorDevice *devices, size_t n_devices) {
        HypervisorJob job = {
                .attachment = TOLD_ATTACHMENT,
                .live = live,
                .config = !live,
                .devices = devices,
                .n_devices = n_devices,
        };
        unsigned n_done = told->n_done;

        strcpy(job.domain_uuid, uuid);
        assert_int_equal(change(told->hypervisor, &job, on_done, told), 0);
        assert_int_equal(told->n_done, n_done); /* never out of the call */
}

void told_attach_start(Told *told, const char *uuid, bool live, HypervisorDevice *devices,
                       size_t n_devices) {
        begin_change(told, told->hypervisor->operations->attach, uuid, live, devices, n_devices);
}

void told_detach_start(Told *told, const char *uuid, bool live, HypervisorDevice *devices,
                       size_t n_devices) {
        begin_change(told, told->hypervisor->operations->detach, uuid, live, devices, n_devices);
}

void told_attach(Told *told, const char *uuid, bool live, HypervisorDevice *devices,
                 size_t n_devices) {
        unsigned n_done = told->n_done;

        told_attach_start(told, uuid, live, devices, n_devices);
        UNTIL(told, told->n_done > n_done);
}

void told_detach(Told *told, const char *uuid, bool live, HypervisorDevice *devices,
                 size_t n_devices) {
        unsigned n_done = told->n_done;

        told_detach_start(told, uuid, live, devices, n_devices);
        UNTIL(told, told->n_done > n_done);
}
