/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "call.h"

#include <errno.h>
#include <string.h>

#include "advice.h"

#define OWN_ERROR "org.hostdev1.Error."
#define BUS_ERROR "org.freedesktop.DBus.Error."

/* Everything that is not here is a failure. */
static const struct {
        const char *name;
        Status status;
} statuses[] = {
        { OWN_ERROR "InvalidRequest", STATUS_USAGE },
        { OWN_ERROR "InvalidMatch", STATUS_USAGE },
        { OWN_ERROR "InvalidName", STATUS_USAGE },
        { BUS_ERROR "InvalidArgs", STATUS_USAGE },

        { OWN_ERROR "NotEnoughDevices", STATUS_REFUSED },
        { OWN_ERROR "InUseByHost", STATUS_REFUSED },
        { OWN_ERROR "HostNotReady", STATUS_REFUSED },
        { OWN_ERROR "Busy", STATUS_REFUSED },
        { OWN_ERROR "ReadOnly", STATUS_REFUSED },
        { OWN_ERROR "LimitExceeded", STATUS_REFUSED },
        { OWN_ERROR "HypervisorRefused", STATUS_REFUSED },
        { OWN_ERROR "DetachRefused", STATUS_REFUSED },
        { BUS_ERROR "AccessDenied", STATUS_REFUSED },
        { BUS_ERROR "InteractiveAuthorizationRequired", STATUS_REFUSED },

        { OWN_ERROR "NoSuchDevice", STATUS_UNKNOWN },
        { OWN_ERROR "NoSuchPool", STATUS_UNKNOWN },
        { OWN_ERROR "NoSuchAlias", STATUS_UNKNOWN },
        { OWN_ERROR "NoSuchDomain", STATUS_UNKNOWN },
        { BUS_ERROR "UnknownObject", STATUS_UNKNOWN },

        { OWN_ERROR "HypervisorUnavailable", STATUS_UNREACHABLE },
        { BUS_ERROR "ServiceUnknown", STATUS_UNREACHABLE },
        { BUS_ERROR "NameHasNoOwner", STATUS_UNREACHABLE },
        { BUS_ERROR "NoReply", STATUS_UNREACHABLE },
        { BUS_ERROR "NoServer", STATUS_UNREACHABLE },
        { BUS_ERROR "Disconnected", STATUS_UNREACHABLE },
        { BUS_ERROR "Timeout", STATUS_UNREACHABLE },
        { BUS_ERROR "TimedOut", STATUS_UNREACHABLE },
        { "org.freedesktop.systemd1.NoSuchUnit", STATUS_UNREACHABLE },
        { "org.freedesktop.systemd1.UnitMasked", STATUS_UNREACHABLE },
};

Status call_status(const char *error_name) {
        static const char spawning[] = BUS_ERROR "Spawn.";

        for (size_t i = 0; i < N_ELEMENTS(statuses); i++)
                if (strcmp(statuses[i].name, error_name) == 0)
                        return statuses[i].status;

        if (strncmp(error_name, spawning, strlen(spawning)) == 0)
                return STATUS_UNREACHABLE;

        return STATUS_FAILED;
}

int call_complain(int error) {
        return complain_errno(error, "Cannot speak to hostdevd");
}

int call_complain_bus(const Client *client, const char *text) {
        return complain(STATUS_UNREACHABLE, "Cannot reach the system bus%s%s: %s",
                        client->host ? " of " : "", client->host ?: "", text);
}

int call_connect(Client *client) {
        int r;

        if (client->bus)
                return STATUS_DONE;

        if (client->host)
                r = sd_bus_open_system_remote(&client->bus, client->host);
        else
                r = sd_bus_open_system(&client->bus);
        if (r < 0)
                return call_complain_bus(client, strerror(-r));

        return STATUS_DONE;
}

int call_new(Client *client, const char *path, const char *interface, const char *member,
             sd_bus_message **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r, status;

        status = call_connect(client);
        if (status != STATUS_DONE)
                return status;

        r = sd_bus_message_new_method_call(client->bus, &call, SERVICE, path, interface, member);
        if (r < 0)
                return call_complain(r);

        r = sd_bus_message_set_allow_interactive_authorization(call, !client->no_ask_password);
        if (r < 0)
                return call_complain(r);

        *ret = TAKE(call);
        return STATUS_DONE;
}

int call_failed(Client *client, int r, const sd_bus_error *error) {
        const char *name = error ? error->name : NULL;
        const char *text = error && error->message ? error->message : name ?: strerror(-r);
        Status status = name ? call_status(name) : STATUS_FAILED;
        _cleanup_(freep) char *advice = NULL;
        size_t size;

        /* A connection that is lost, or was never made: connecting ends in the first call. */
        if (sd_bus_is_ready(client->bus) <= 0)
                return call_complain_bus(client, text);

        if (status == STATUS_UNREACHABLE &&
            !sd_bus_error_has_name(error, OWN_ERROR "HypervisorUnavailable"))
                return complain(status,
                                "hostdevd does not answer: %s (see 'systemctl status hostdevd')",
                                text);

        advice = name ? advice_for(client, error) : NULL;
        size = strlen(text);
        if (advice && *advice && size > 0 && text[size - 1] == '.')
                size--;
        return complain(status, "%.*s%s", (int) size, text, advice ?: "");
}

int call_send(Client *client, sd_bus_message *call, sd_bus_message **ret) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        r = sd_bus_call(client->bus, call, UINT64_MAX, &error, ret);
        if (r < 0)
                return call_failed(client, r, &error);

        return STATUS_DONE;
}
