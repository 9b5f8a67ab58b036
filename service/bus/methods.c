/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/methods.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "bus/errors.h"
#include "util/text.h"

enum {
        PUBLIC = 0
};

/* clang-format off */
const Method methods[] = {
        { MANAGER_INTERFACE, "Explain",         PUBLIC, .answer = manager_method_explain },
        { MANAGER_INTERFACE, "CheckHost",       PUBLIC, .answer = manager_method_check_host },
        { MANAGER_INTERFACE, "GetDevice",       PUBLIC, .answer = manager_method_get_device },
        { MANAGER_INTERFACE, "GetPool",         PUBLIC, .answer = manager_method_get_pool },
        { MANAGER_INTERFACE, "GetAlias",        PUBLIC, .answer = manager_method_get_alias },
        { MANAGER_INTERFACE, "ListAttachments", PUBLIC, .answer = manager_method_list_attachments },

        { MANAGER_INTERFACE, "Attach",      ACTION_ATTACH | ACTION_FORCE, .change = manager_method_attach },
        { MANAGER_INTERFACE, "AddPool",     ACTION_MANAGE, .change = manager_method_add_pool },
        { MANAGER_INTERFACE, "AddAlias",    ACTION_MANAGE, .change = manager_method_add_alias },
        { MANAGER_INTERFACE, "RemovePool",  ACTION_MANAGE, .change = manager_method_remove_pool },
        { MANAGER_INTERFACE, "RemoveAlias", ACTION_MANAGE, .change = manager_method_remove_alias },
        { MANAGER_INTERFACE, "Reload",      ACTION_MANAGE, .change = manager_method_reload },

        { ATTACHMENT_INTERFACE, "Detach", ACTION_DETACH_OWN | ACTION_DETACH, .change = attachment_method_detach },
};
/* clang-format on */
const size_t n_methods = N_ELEMENTS(methods);

/* A call may leave out the interface; no two of ours have a member in common. */
static const Method *method_find(const char *interface, const char *member) {
        for (size_t i = 0; i < n_methods; i++)
                if (strcmp(methods[i].member, member) == 0 &&
                    (!interface || strcmp(methods[i].interface, interface) == 0))
                        return &methods[i];
        return NULL;
}

static int change(Bus *bus, const Method *method, sd_bus_message *message, void *object,
                  sd_bus_error *error) {
        Call *call = call_find(bus, message);
        const bool is_new = !call;
        Refusal refusal = { 0 };
        int r;

        if (is_new) {
                r = call_new(&call, bus, message);
                if (r < 0)
                        return bus_refuse(error, r, NULL);
        }

        call->actions = method->actions;
        call->authorized = false;

        r = is_new ? call_admit(call, &refusal) : 0;
        r = r != 0 ? bus_refuse_with(error, r, &refusal) : method->change(call, object, error);
        if (r < 0)
                call_close(call, error);
        return r < 0 ? r : 1;
}

int method_dispatch(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Bus *bus = bus_current(sd_bus_message_get_bus(message));
        const Method *method = method_find(sd_bus_message_get_interface(message),
                                           sd_bus_message_get_member(message));

        if (!method)
                return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED,
                                        "This method is bound to no action.");

        return method->answer ? method->answer(bus, message, error)
                              : change(bus, method, message, userdata, error);
}
