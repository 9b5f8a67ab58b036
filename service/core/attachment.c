/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/attachment.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/text.h"

#define STAY(state)                                                                                \
        { ATTACHMENT_##state, EFFECT_NOTHING }
#define RECORD(state)                                                                              \
        { ATTACHMENT_##state, EFFECT_RECORD }
#define ASK(state)                                                                                 \
        { ATTACHMENT_##state, EFFECT_CALL_DETACH }
#define END                                                                                        \
        { ATTACHMENT_ENDED, EFFECT_END }

/* The same whatever is held. */
#define STAY_ALWAYS(state)                                                                         \
        { STAY(state), STAY(state), STAY(state) }
#define ASK_ALWAYS(state)                                                                          \
        { ASK(state), ASK(state), ASK(state) }

/*
 * The whole life of an attachment. Three rules stand behind the cells:
 *
 * - Only an event after which facts were read (attach returned, detach returned, observed) can end
 *   it, and only when nothing is held.
 * - Nothing held proves nothing while a call to give may still run inside libvirt: attaching waits
 *   for the return of its call; undecided has no call to wait for, and sends a taking back
 *   behind it.
 * - A refusal of the guest leads back to attached (or lost) only where the owner asked. A half-done
 *   attach was answered with an error: it is never completed afterwards.
 */
/* clang-format off */
static const AttachmentStep table[_ATTACHMENT_STATE_END][_ATTACHMENT_EVENT_END][_HOLDING_END] = {
        [ATTACHMENT_ATTACHING] = {
                /*                          none              some              all */
                [EVENT_ATTACH_RETURNED] = { END,              ASK(TAKING_BACK), RECORD(ATTACHED) },
                [EVENT_OUTCOME_UNKNOWN] = STAY_ALWAYS(UNDECIDED),
                [EVENT_DETACH_ASKED]    = STAY_ALWAYS(ATTACHING), /* the caller is told: busy */
                [EVENT_DETACH_RETURNED] = STAY_ALWAYS(ATTACHING),
                [EVENT_GUEST_REFUSED]   = STAY_ALWAYS(ATTACHING),
                [EVENT_OBSERVED]        = STAY_ALWAYS(ATTACHING),
        },
        [ATTACHMENT_UNDECIDED] = {
                [EVENT_ATTACH_RETURNED] = { END,              ASK(TAKING_BACK), RECORD(ATTACHED) },
                [EVENT_OUTCOME_UNKNOWN] = STAY_ALWAYS(UNDECIDED),
                [EVENT_DETACH_ASKED]    = STAY_ALWAYS(UNDECIDED), /* busy, too */
                [EVENT_DETACH_RETURNED] = STAY_ALWAYS(UNDECIDED),
                [EVENT_GUEST_REFUSED]   = STAY_ALWAYS(UNDECIDED),
                [EVENT_OBSERVED]        = { ASK(TAKING_BACK), ASK(TAKING_BACK), RECORD(ATTACHED) },
        },
        [ATTACHMENT_ATTACHED] = {
                [EVENT_ATTACH_RETURNED] = { END,              RECORD(LOST),     STAY(ATTACHED) },
                [EVENT_OUTCOME_UNKNOWN] = STAY_ALWAYS(ATTACHED),
                [EVENT_DETACH_ASKED]    = ASK_ALWAYS(DETACHING),
                [EVENT_DETACH_RETURNED] = { END,              RECORD(LOST),     STAY(ATTACHED) },
                [EVENT_GUEST_REFUSED]   = STAY_ALWAYS(ATTACHED),
                [EVENT_OBSERVED]        = { END,              RECORD(LOST),     STAY(ATTACHED) },
        },
        [ATTACHMENT_DETACHING] = {
                [EVENT_ATTACH_RETURNED] = { END,              STAY(DETACHING),  STAY(DETACHING) },
                [EVENT_OUTCOME_UNKNOWN] = STAY_ALWAYS(DETACHING),
                [EVENT_DETACH_ASKED]    = ASK_ALWAYS(DETACHING),
                [EVENT_DETACH_RETURNED] = { END,              STAY(DETACHING),  STAY(DETACHING) },
                [EVENT_GUEST_REFUSED]   = { STAY(DETACHING),  RECORD(LOST),     RECORD(ATTACHED) },
                [EVENT_OBSERVED]        = { END,              STAY(DETACHING),  STAY(DETACHING) },
        },
        [ATTACHMENT_TAKING_BACK] = {
                [EVENT_ATTACH_RETURNED] = STAY_ALWAYS(TAKING_BACK), /* ours comes behind it */
                [EVENT_OUTCOME_UNKNOWN] = STAY_ALWAYS(TAKING_BACK), /* and is asked for again */
                [EVENT_DETACH_ASKED]    = ASK_ALWAYS(TAKING_BACK),
                [EVENT_DETACH_RETURNED] = { END,              STAY(LETTING_GO), STAY(LETTING_GO) },
                [EVENT_GUEST_REFUSED]   = STAY_ALWAYS(TAKING_BACK),
                [EVENT_OBSERVED]        = STAY_ALWAYS(TAKING_BACK),
        },
        [ATTACHMENT_LETTING_GO] = {
                [EVENT_ATTACH_RETURNED] = { END,              STAY(LETTING_GO), STAY(LETTING_GO) },
                [EVENT_OUTCOME_UNKNOWN] = STAY_ALWAYS(LETTING_GO),
                [EVENT_DETACH_ASKED]    = ASK_ALWAYS(TAKING_BACK),
                [EVENT_DETACH_RETURNED] = { END,              STAY(LETTING_GO), STAY(LETTING_GO) },
                [EVENT_GUEST_REFUSED]   = STAY_ALWAYS(LETTING_GO),
                [EVENT_OBSERVED]        = { END,              STAY(LETTING_GO), STAY(LETTING_GO) },
        },
        [ATTACHMENT_LOST] = {
                [EVENT_ATTACH_RETURNED] = { END,              STAY(LOST),       RECORD(ATTACHED) },
                [EVENT_OUTCOME_UNKNOWN] = STAY_ALWAYS(LOST),
                [EVENT_DETACH_ASKED]    = ASK_ALWAYS(DETACHING),
                [EVENT_DETACH_RETURNED] = { END,              STAY(LOST),       RECORD(ATTACHED) },
                [EVENT_GUEST_REFUSED]   = STAY_ALWAYS(LOST),
                [EVENT_OBSERVED]        = { END,              STAY(LOST),       RECORD(ATTACHED) },
        },
        [ATTACHMENT_ENDED] = {
                [EVENT_ATTACH_RETURNED] = STAY_ALWAYS(ENDED),
                [EVENT_OUTCOME_UNKNOWN] = STAY_ALWAYS(ENDED),
                [EVENT_DETACH_ASKED]    = STAY_ALWAYS(ENDED),
                [EVENT_DETACH_RETURNED] = STAY_ALWAYS(ENDED),
                [EVENT_GUEST_REFUSED]   = STAY_ALWAYS(ENDED),
                [EVENT_OBSERVED]        = STAY_ALWAYS(ENDED),
        },
};
/* clang-format on */

AttachmentStep attachment_step(AttachmentState state, AttachmentEvent event, Holding holding) {
        assert(state < _ATTACHMENT_STATE_END && event < _ATTACHMENT_EVENT_END &&
               holding < _HOLDING_END);

        return table[state][event][holding];
}

const char *attachment_state_to_string(AttachmentState state) {
        static const char *const words[_ATTACHMENT_STATE_END] = {
                [ATTACHMENT_ATTACHING] = "attaching",
                [ATTACHMENT_UNDECIDED] = "attaching",
                [ATTACHMENT_ATTACHED] = "attached",
                [ATTACHMENT_DETACHING] = "detaching",
                [ATTACHMENT_TAKING_BACK] = "detaching",
                [ATTACHMENT_LETTING_GO] = "detaching",
                [ATTACHMENT_LOST] = "lost",
                [ATTACHMENT_ENDED] = "detaching",
        };

        return words[state];
}

int attachment_new(Attachment **ret, uint32_t number, const char *domain_uuid, const char *domain) {
        _cleanup_(attachment_freep) Attachment *attachment = NULL;

        assert(ret);
        assert(number > 0);
        assert(strlen(domain_uuid) < UUID_TEXT_SIZE);

        attachment = calloc(1, sizeof(*attachment));
        if (!attachment)
                return -ENOMEM;

        attachment->number = number;
        text_copy(attachment->domain_uuid, sizeof(attachment->domain_uuid), domain_uuid);
        attachment->domain = strdup(domain);
        attachment->request = strdup("");
        attachment->reason = strdup("");
        attachment->last_error = strdup("");
        if (!attachment->domain || !attachment->request || !attachment->reason ||
            !attachment->last_error)
                return -ENOMEM;

        *ret = TAKE(attachment);
        return 0;
}

Attachment *attachment_free(Attachment *attachment) {
        if (!attachment)
                return NULL;

        free(attachment->domain);
        free(attachment->request);
        free(attachment->reason);
        free(attachment->last_error);
        free(attachment->devices);
        free(attachment);
        return NULL;
}

const char *attachment_alias(uint32_t number, size_t index,
                             char alias[static ATTACHMENT_ALIAS_SIZE]) {
        (void) snprintf(alias, ATTACHMENT_ALIAS_SIZE, "ua-hostdev1-%u-%u", number,
                        (unsigned) index);
        return alias;
}

bool attachment_alias_parse(const char *alias, uint32_t *ret_number, uint32_t *ret_index) {
        static const char prefix[] = "ua-hostdev1-";
        char again[ATTACHMENT_ALIAS_SIZE], *end;
        unsigned long long number, index;

        if (strncmp(alias, prefix, strlen(prefix)) != 0)
                return false;

        number = strtoull(alias + strlen(prefix), &end, 10);
        if (*end != '-')
                return false;

        index = strtoull(end + 1, &end, 10);
        if (number == 0 || number > UINT32_MAX || index > UINT32_MAX)
                return false;

        /* Whatever strtoull() forgives (blanks, signs, zeros in front) is not printed the same. */
        if (strcmp(attachment_alias((uint32_t) number, index, again), alias) != 0)
                return false;

        *ret_number = (uint32_t) number;
        *ret_index = (uint32_t) index;
        return true;
}

/* Marks which of our devices one of the two XMLs has. */
static void observe_held(Attachment *attachment, const HeldDevice *held, size_t n_held, bool live) {
        uint32_t number, index;

        for (size_t i = 0; i < n_held; i++) {
                AttachedDevice *device;

                if (!attachment_alias_parse(held[i].alias, &number, &index))
                        continue;
                if (number != attachment->number || index >= attachment->n_devices)
                        continue;

                device = &attachment->devices[index];
                if (device->left || !address_equal(device->address, held[i].address))
                        continue;

                if (live)
                        device->live = true;
                else
                        device->config = true;
        }
}

static bool is_held(const AttachedDevice *device) {
        return !device->left && (device->live || device->config);
}

/* A lost attachment lets go of what libvirt has no longer; as long as it has something. */
static uint32_t let_go(Attachment *attachment) {
        uint32_t properties = 0;

        if (attachment->state != ATTACHMENT_LOST || (!attachment->live && !attachment->config))
                return 0;

        for (size_t i = 0; i < attachment->n_devices; i++) {
                AttachedDevice *device = &attachment->devices[i];

                if (device->left || is_held(device))
                        continue;
                device->left = true;
                properties = ATTACHMENT_DEVICES;
        }

        return properties;
}

int attachment_observe(Attachment *attachment, const DomainFacts *facts, uint32_t *ret_properties) {
        bool present = facts && facts->present, live = false, config = false;
        uint32_t properties = 0;

        assert(!facts || strcmp(facts->uuid, attachment->domain_uuid) == 0);

        if (present && strcmp(facts->name, attachment->domain) != 0) {
                char *name = strdup(facts->name);

                if (!name)
                        return -ENOMEM;

                free(attachment->domain);
                attachment->domain = name;
                properties |= ATTACHMENT_DOMAIN;
        }

        for (size_t i = 0; i < attachment->n_devices; i++)
                attachment->devices[i].live = attachment->devices[i].config = false;

        attachment->running = present && facts->running;
        if (present) {
                observe_held(attachment, facts->live, facts->n_live, true);
                observe_held(attachment, facts->config, facts->n_config, false);
        }

        for (size_t i = 0; i < attachment->n_devices; i++) {
                live |= attachment->devices[i].live;
                config |= attachment->devices[i].config;
        }

        properties |= live != attachment->live ? ATTACHMENT_LIVE : 0;
        properties |= config != attachment->config ? ATTACHMENT_CONFIG : 0;
        attachment->live = live;
        attachment->config = config;
        *ret_properties = properties | let_go(attachment);
        return 0;
}

uint32_t attachment_enter(Attachment *attachment, AttachmentState state) {
        bool shown_differently = strcmp(attachment_state_to_string(state),
                                        attachment_state_to_string(attachment->state)) != 0;

        attachment->state = state;
        if (state == ATTACHMENT_UNDECIDED)
                attachment->undecided = true;
        if (state == ATTACHMENT_ATTACHED)
                attachment->undecided = false;
        return (shown_differently ? ATTACHMENT_STATE : 0) | let_go(attachment);
}

/* A domain that does not run has nothing live: what its definition has is all there can be. */
static bool is_wherever_wanted(const Attachment *attachment, const AttachedDevice *device) {
        if (!is_held(device))
                return false;
        if (attachment->wants_live && attachment->running && !device->live)
                return false;

        return !attachment->wants_config || device->config;
}

Holding attachment_holding(const Attachment *attachment) {
        bool giving = attachment->state == ATTACHMENT_ATTACHING ||
                      attachment->state == ATTACHMENT_UNDECIDED;
        size_t n_held = 0, n_sound = 0;

        for (size_t i = 0; i < attachment->n_devices; i++) {
                const AttachedDevice *device = &attachment->devices[i];
                bool sound = giving ? is_wherever_wanted(attachment, device) : is_held(device);

                n_held += is_held(device);
                n_sound += sound && !device->gone;
        }

        if (n_held == 0)
                return HOLDING_NONE;
        return n_sound == attachment->n_devices ? HOLDING_ALL : HOLDING_SOME;
}

AttachedDevice *attachment_find(const Attachment *attachment, Address address) {
        for (size_t i = 0; i < attachment->n_devices; i++) {
                AttachedDevice *device = &attachment->devices[i];

                if (!device->left && address_equal(device->address, address))
                        return device;
        }

        return NULL;
}
