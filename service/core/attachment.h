/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attachment: devices that were chosen for a domain, and how far their giving or taking back has come.
 *
 * The states and what an event does in each stand in one table (attachment.c). What libvirt holds is
 * never remembered: `live` and `config` of each device are copied from the domain's facts.
 */
#pragma once

#include "core/change.h"
#include "core/domain.h"
#include "core/facts.h"

typedef enum AttachmentState {
        ATTACHMENT_ATTACHING, /* libvirt was called, or is about to be */
        ATTACHMENT_UNDECIDED, /* an intent whose outcome is not known; shown as attaching */
        ATTACHMENT_ATTACHED,
        ATTACHMENT_DETACHING,   /* the owner wants it back; a refusal leads to attached again */
        ATTACHMENT_TAKING_BACK, /* a half-done attach is undone; shown as detaching */
        ATTACHMENT_LETTING_GO, /* so, and libvirt has answered: the guest is left; shown as detaching */
        ATTACHMENT_LOST,
        ATTACHMENT_ENDED, /* libvirt holds nothing; the object goes when handed devices are back. Shown as detaching */
        _ATTACHMENT_STATE_END,
} AttachmentState;

typedef enum AttachmentEvent {
        EVENT_ATTACH_RETURNED, /* the call to libvirt is over, well or not; facts were read after it */
        EVENT_OUTCOME_UNKNOWN, /* libvirt went away during the call */
        EVENT_DETACH_ASKED, /* also: once more, libvirt or the daemon having gone away meanwhile */
        EVENT_DETACH_RETURNED, /* the call to take back is over; facts were read after it */
        EVENT_GUEST_REFUSED,
        EVENT_OBSERVED, /* facts of the domain or of a device were read */
        _ATTACHMENT_EVENT_END,
} AttachmentEvent;

/* What the domain's facts say of the attachment's devices as a whole. */
typedef enum Holding {
        HOLDING_NONE, /* in neither XML */
        HOLDING_SOME, /* a device is missing, or left the host */
        HOLDING_ALL, /* each is in the running or in the saved XML, and where it was wanted when attaching */
        _HOLDING_END,
} Holding;

typedef enum AttachmentEffect {
        EFFECT_NOTHING,
        EFFECT_RECORD,      /* the state is to be made durable, then told */
        EFFECT_CALL_DETACH, /* record, then call libvirt to take back what it has */
        EFFECT_END,         /* record the end, free the devices */
} AttachmentEffect;

typedef struct AttachmentStep {
        AttachmentState state;
        AttachmentEffect effect;
} AttachmentStep;

/* The table. Pure: every state, event and holding has its cell. */
AttachmentStep attachment_step(AttachmentState state, AttachmentEvent event, Holding holding);

/* attaching, attached, detaching, lost */
const char *attachment_state_to_string(AttachmentState state);

typedef struct AttachedDevice {
        Address address;
        uint16_t vendor_id, product_id; /* what was lent: another device at the address is not it */
        uint16_t subsystem_vendor_id, subsystem_product_id;
        bool managed; /* managed='yes' */
        bool handed; /* we ask libvirt to take it from its driver before it is given, and to give it back
                            * after: its IOMMU group goes to the running domain as a whole */
        bool restore; /* not at vfio-pci when it was chosen: no end of the attachment leaves it there */
        bool live, config; /* libvirt says so now */
        bool gone;         /* not in the host; kept in step by the registry */
        bool left;         /* of a lost attachment: free again, no longer ours */
} AttachedDevice;

typedef struct Attachment {
        uint32_t number;
        char domain_uuid[UUID_TEXT_SIZE];
        char *domain; /* its name when last seen */
        char *request;
        char *reason;     /* the caller's, "" */
        char *last_error; /* "" */
        AttachmentState state;
        AttachedDevice *devices; /* in the order of the plan */
        size_t n_devices;
        bool wants_live, wants_config;
        bool undecided; /* of some call to give them the end was never learnt: they may come yet */
        bool live, config; /* any device is there now */
        bool running;      /* the domain was, when last observed */
        uint32_t owner_uid;
        uint64_t created_usec; /* CLOCK_REALTIME */
        uint32_t changed;      /* ATTACHMENT_… bits that are not told yet; kept by the registry */
} Attachment;

int attachment_new(Attachment **ret, uint32_t number, const char *domain_uuid,
                   const char *domain);              /* 0 or -ENOMEM */
Attachment *attachment_free(Attachment *attachment); /* NULL is fine; always returns NULL */
DEFINE_CLEANUP(Attachment *, attachment_free);

/* "ua-hostdev1-17-0": number and index of the device. */
enum {
        ATTACHMENT_ALIAS_SIZE = sizeof("ua-hostdev1-4294967295-4294967295")
};
const char *attachment_alias(uint32_t number, size_t index,
                             char alias[static ATTACHMENT_ALIAS_SIZE]);
/* Reads the number and index back. True only for exactly that form. */
bool attachment_alias_parse(const char *alias, uint32_t *ret_number, uint32_t *ret_index);

/**
 * attachment_observe() - copy from the domain's facts what it holds of our devices
 * @facts:   of the attachment's domain; NULL when libvirt no longer knows it
 * @ret_properties: ATTACHMENT_… bits that changed
 *
 * Ours is what matches number, index, domain and address (CONTRACT 8).
 *
 * Return: 0 or -ENOMEM.
 */
int attachment_observe(Attachment *attachment, const DomainFacts *facts, uint32_t *ret_properties);

/*
 * Puts the attachment into the state of a step, and notes whether its outcome is known. One that becomes lost lets go of the devices that
 * libvirt has no longer (left). Returns the ATTACHMENT_… bits of what is shown differently.
 */
uint32_t attachment_enter(Attachment *attachment, AttachmentState state);

/* What the last observation amounts to. While attaching or undecided, a device must be wherever it is wanted. */
Holding attachment_holding(const Attachment *attachment);

/* The device of this address that it still holds or reserves; NULL: none. */
AttachedDevice *attachment_find(const Attachment *attachment, Address address);
