/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hypervisor: the port through which domains are seen and changed.
 *
 * vm/libvirt.c is the real one; tests/fakes/ has one for what libvirt cannot be made to do. Nothing
 * here waits: calls queue work and return, all callbacks come on the main thread, out of the event
 * loop, never from inside a call. Jobs of one domain run in the order in which they were asked for;
 * a domain that hangs holds up no other.
 */
#pragma once

#include "core/attachment.h"
#include "core/domain.h"

typedef struct HypervisorDevice {
        Address address;
        uint32_t index; /* in the attachment: its alias is ua-hostdev1-NUMBER-INDEX */
        bool managed;
        bool hand_over; /* take it from its driver before any is given; give_back() is to follow some time */
} HypervisorDevice;

/* What to do to one domain. A value: it is copied by the call that takes it. */
typedef struct HypervisorJob {
        char domain_uuid[UUID_TEXT_SIZE];
        uint32_t attachment;
        bool live, config; /* which of the two XMLs */
        HypervisorDevice *devices;
        size_t n_devices;
} HypervisorJob;

/* How a job ended. */
typedef struct HypervisorOutcome {
        int verdict;      /* 0; HYPERVISOR_REFUSED, HYPERVISOR_UNAVAILABLE, DOMAIN_UNKNOWN */
        const char *text; /* libvirt's own words when refused; borrowed for the callback */
} HypervisorOutcome;

/* The facts of the domain, read after the job, came by the domain() callback before this one. */
typedef void (*HypervisorDone)(void *userdata, uint32_t attachment,
                               const HypervisorOutcome *outcome);

typedef struct HypervisorCallbacks {
        /* The connection is there or lost. After it is there every domain is told by domain(), then reconciled(). @text says why it is lost. */
        void (*connected)(void *userdata, bool connected, const char *text);
        void (*reconciled)(void *userdata);
        /*
         * What libvirt says of a domain now: after each event, job and refresh. One that is there, and of which libvirt
         * does not say what it holds, is told as unreadable. @facts is taken over.
         */
        void (*domain)(void *userdata, DomainFacts *facts);
        /* The guest refused to give back the device with this alias. */
        void (*removal_failed)(void *userdata, const char *domain_uuid, const char *alias);
} HypervisorCallbacks;

typedef struct Hypervisor Hypervisor;

typedef struct HypervisorOperations {
        /* Begins to connect, and connects again by itself whenever the connection is lost. 0 or negative errno. */
        int (*start)(Hypervisor *hypervisor, const HypervisorCallbacks *callbacks, void *userdata);

        /*
         * Gives the devices, one after the other, to the running domain, to its definition or, in one call each,
         * to both; stops at the first that is refused and takes nothing back by itself. A device whose
         * alias is not in the XML read afterwards was refused. 0 or negative errno.
         */
        int (*attach)(Hypervisor *hypervisor, const HypervisorJob *job, HypervisorDone done,
                      void *userdata);

        /*
         * Gives up an attach that has not begun: it is done then, and was refused. One that has begun goes on, and is
         * done when it is.
         */
        void (*give_up)(Hypervisor *hypervisor, uint32_t attachment);

        /*
         * Asks for the devices back, by alias. Done means that libvirt took every request, not that the guest
         * has let go: that is told by domain(). A device or domain that is not there counts as done, and then every change
         * of the domain that began earlier is over, also one of a daemon that died; HYPERVISOR_UNAVAILABLE when
         * that is not so yet. 0 or negative errno.
         */
        int (*detach)(Hypervisor *hypervisor, const HypervisorJob *job, HypervisorDone done,
                      void *userdata);

        /*
         * Gives devices that were handed over back to their own drivers. One that is not there, or at another driver than
         * vfio-pci, counts as given back; one at no driver is given back. 0 or negative errno.
         */
        int (*give_back)(Hypervisor *hypervisor, const HypervisorJob *job, HypervisorDone done,
                         void *userdata);

        /* Reads the domain again; domain() follows. 0 or negative errno. */
        int (*refresh)(Hypervisor *hypervisor, const char *domain_uuid);

        /* The URI as libvirt gives it, or as configured before it answered. Borrowed. */
        const char *(*uri)(Hypervisor *hypervisor);

        /*
         * Can devices be given to a running domain? Not by libvirt's test driver: what Attach does by default is
         * then config alone (CONTRACT 8). True as long as nothing else is known.
         */
        bool (*can_attach_live)(Hypervisor *hypervisor);

        /* Lets go of everything within a moment, even when libvirt hangs; no callback comes afterwards. */
        void (*free)(Hypervisor *hypervisor);
} HypervisorOperations;

/* Every hypervisor begins with this. */
struct Hypervisor {
        const HypervisorOperations *operations;
};
