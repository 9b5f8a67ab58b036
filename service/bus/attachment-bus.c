/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attachment: devices that were lent to a domain as an object, and the call that takes them back.
 */
#include <errno.h>
#include <string.h>

#include "bus/details.h"
#include "bus/errors.h"
#include "bus/methods.h"
#include "bus/options.h"
#include "bus/wait.h"
#include "util/log.h"
#include "util/text.h"

enum {
        DETACH_WAIT_SECONDS = 20,
        DETACH_WAIT_SECONDS_MAX = 3600
};

DEFINE_PROPERTY(get_id, Attachment, attachment, "u", attachment->number)
DEFINE_PROPERTY(get_domain, Attachment, attachment, "s", attachment->domain)
DEFINE_PROPERTY(get_domain_uuid, Attachment, attachment, "s", attachment->domain_uuid)
DEFINE_PROPERTY(get_request, Attachment, attachment, "s", attachment->request)
DEFINE_PROPERTY(get_state, Attachment, attachment, "s",
                attachment_state_to_string(attachment->state))
DEFINE_PROPERTY(get_live, Attachment, attachment, "b", (int) attachment->live)
DEFINE_PROPERTY(get_config, Attachment, attachment, "b", (int) attachment->config)
DEFINE_PROPERTY(get_owner_uid, Attachment, attachment, "u", attachment->owner_uid)
DEFINE_PROPERTY(get_reason, Attachment, attachment, "s", attachment->reason)
DEFINE_PROPERTY(get_last_error, Attachment, attachment, "s", attachment->last_error)
DEFINE_PROPERTY(get_created_usec, Attachment, attachment, "t", attachment->created_usec)

static int get_devices(sd_bus *connection, const char *path, const char *interface,
                       const char *property, sd_bus_message *reply, void *userdata,
                       sd_bus_error *error) {
        const Attachment *attachment = userdata;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "o");
        if (r < 0)
                return r;

        for (size_t i = 0; i < attachment->n_devices; i++) {
                char device[DEVICE_PATH_SIZE];

                if (attachment->devices[i].left)
                        continue;
                r = sd_bus_message_append(reply, "o",
                                          device_path(attachment->devices[i].address, device));
                if (r < 0)
                        return r;
        }

        return sd_bus_message_close_container(reply);
}

/* Detach(a{sv} options) */
int attachment_method_detach(Call *call, void *object, sd_bus_error *error) {
        const Attachment *attachment = object;
        Manager *manager = call->bus->manager;
        uint32_t wait_seconds = DETACH_WAIT_SECONDS;
        const char *reason = "";
        const Option known[] = {
                { "wait-seconds", "u", &wait_seconds, NULL },
                { "reason", "s", &reason, NULL },
        };
        _cleanup_(list_freep) char **details = NULL;
        Refusal refusal = { 0 };
        int r;

        r = options_read(call->message, known, N_ELEMENTS(known), &refusal);
        if (r == 0)
                r = option_check_wait(wait_seconds, DETACH_WAIT_SECONDS_MAX, &refusal);
        if (r == 0)
                r = option_check_reason(reason, &refusal);
        if (r != 0)
                return bus_refuse_with(error, r, &refusal);

        call->reason = *reason ? reason : NULL;
        r = wait_for_hypervisor(call, error);
        if (r != 0)
                return r;

        r = details_of_attachment(manager_registry(manager), attachment, &details);
        if (r < 0)
                return bus_refuse(error, r, NULL);

        r = authorize(call, attachment->owner_uid == call->uid ? ACTION_DETACH_OWN : ACTION_DETACH,
                      details, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        call_act(call);
        r = manager_detach(manager, attachment->number, wait_seconds * UINT64_C(1000000), call_done,
                           call, &refusal);
        if (r == 0)
                return 1;

        call_take_back(call);
        return bus_refuse_with(error, r, &refusal);
}

/* clang-format off */
const sd_bus_vtable attachment_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Detach",
                                SD_BUS_ARGS("a{sv}", options), SD_BUS_NO_RESULT,
                                method_dispatch, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Id", "u", get_id, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Domain", "s", get_domain, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("DomainUuid", "s", get_domain_uuid, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Request", "s", get_request, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("State", "s", get_state, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Devices", "ao", get_devices, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Live", "b", get_live, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Config", "b", get_config, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("OwnerUid", "u", get_owner_uid, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Reason", "s", get_reason, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("LastError", "s", get_last_error, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("CreatedUsec", "t", get_created_usec, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_VTABLE_END,
};
/* clang-format on */

static int find(sd_bus *connection, const char *path, const char *interface, void *userdata,
                void **ret_found, sd_bus_error *error) {
        Bus *bus = userdata;
        const sd_bus_error gone =
                SD_BUS_ERROR_MAKE_CONST(SD_BUS_ERROR_UNKNOWN_OBJECT, "The attachment has ended.");
        Attachment *attachment = NULL;
        uint32_t number;

        if (attachment_path_parse(path, &number))
                attachment = registry_find_attachment(manager_registry(bus->manager), number);
        if (!attachment) {
                /* It ended while its Detach was parked: sd-bus answers that there is no such object. */
                call_close(call_find(bus, sd_bus_get_current_message(connection)), &gone);
                return 0;
        }

        *ret_found = attachment;
        return 1;
}

static int enumerate(sd_bus *connection, const char *prefix, void *userdata, char ***ret_nodes,
                     sd_bus_error *error) {
        const Bus *bus = userdata;
        const Registry *registry = manager_registry(bus->manager);
        _cleanup_(list_freep) char **nodes = NULL;

        nodes = calloc(registry->n_attachments + 1, sizeof(*nodes));
        if (!nodes)
                return -ENOMEM;

        for (size_t i = 0; i < registry->n_attachments; i++) {
                char path[ATTACHMENT_PATH_SIZE];

                nodes[i] = strdup(attachment_path(registry->attachments[i]->number, path));
                if (!nodes[i])
                        return -ENOMEM;
        }

        *ret_nodes = TAKE(nodes);
        return 0;
}

const ObjectClass attachment_class = { ATTACHMENT_PREFIX, ATTACHMENT_INTERFACE, attachment_vtable,
                                       find, enumerate };
