/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/errors.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "util/text.h"

/* clang-format off */
static const sd_bus_error_map verdict_errors[] = {
        [ARGUMENTS_INVALID]      = SD_BUS_ERROR_MAP(SD_BUS_ERROR_INVALID_ARGS, EINVAL),
        [ADDRESS_INVALID]        = SD_BUS_ERROR_MAP(ERROR_PREFIX "NoSuchDevice", ENODEV),
        [NAME_INVALID]           = SD_BUS_ERROR_MAP(ERROR_PREFIX "InvalidName", EINVAL),
        [REQUEST_INVALID]        = SD_BUS_ERROR_MAP(ERROR_PREFIX "InvalidRequest", EINVAL),
        [MATCH_INVALID]          = SD_BUS_ERROR_MAP(ERROR_PREFIX "InvalidMatch", EINVAL),
        [CONFIG_INVALID]         = SD_BUS_ERROR_MAP(ERROR_PREFIX "InvalidConfig", EBADMSG),
        [DEVICE_UNKNOWN]         = SD_BUS_ERROR_MAP(ERROR_PREFIX "NoSuchDevice", ENODEV),
        [POOL_UNKNOWN]           = SD_BUS_ERROR_MAP(ERROR_PREFIX "NoSuchPool", ENOENT),
        [ALIAS_UNKNOWN]          = SD_BUS_ERROR_MAP(ERROR_PREFIX "NoSuchAlias", ENOENT),
        [DOMAIN_UNKNOWN]         = SD_BUS_ERROR_MAP(ERROR_PREFIX "NoSuchDomain", ENOENT),
        [ATTACHMENT_UNKNOWN]     = SD_BUS_ERROR_MAP(SD_BUS_ERROR_UNKNOWN_OBJECT, ENOENT),
        [NAME_TAKEN]             = SD_BUS_ERROR_MAP(ERROR_PREFIX "AlreadyExists", EEXIST),
        [ENTRY_READ_ONLY]        = SD_BUS_ERROR_MAP(ERROR_PREFIX "ReadOnly", EROFS),
        [DEVICES_NOT_ENOUGH]     = SD_BUS_ERROR_MAP(ERROR_PREFIX "NotEnoughDevices", ENOSPC),
        [DEVICE_USED_BY_HOST]    = SD_BUS_ERROR_MAP(ERROR_PREFIX "InUseByHost", EADDRINUSE),
        [HOST_NOT_READY]         = SD_BUS_ERROR_MAP(ERROR_PREFIX "HostNotReady", EOPNOTSUPP),
        [ATTACHMENT_BUSY]        = SD_BUS_ERROR_MAP(ERROR_PREFIX "Busy", EBUSY),
        [HYPERVISOR_UNAVAILABLE] = SD_BUS_ERROR_MAP(ERROR_PREFIX "HypervisorUnavailable", EHOSTDOWN),
        [HYPERVISOR_REFUSED]     = SD_BUS_ERROR_MAP(ERROR_PREFIX "HypervisorRefused", EREMOTEIO),
        [DETACH_REFUSED]         = SD_BUS_ERROR_MAP(ERROR_PREFIX "DetachRefused", ECONNREFUSED),
        [OUTCOME_PENDING]        = SD_BUS_ERROR_MAP(ERROR_PREFIX "Pending", EINPROGRESS),
        [LIMIT_EXCEEDED]         = SD_BUS_ERROR_MAP(ERROR_PREFIX "LimitExceeded", EDQUOT),
        [JOURNAL_FAILED]         = SD_BUS_ERROR_MAP(SD_BUS_ERROR_IO_ERROR, EIO),
        [_VERDICT_END]           = SD_BUS_ERROR_MAP_END,
};
/* clang-format on */
static_assert(N_ELEMENTS(verdict_errors) == _VERDICT_END + 1, "every verdict has its error");

int errors_register(void) {
        /* No verdict is 0: that entry has no name, and sd-bus reads names until the end mark. */
        int r = sd_bus_error_add_map(verdict_errors + 1);

        return r < 0 ? r : 0;
}

const char *error_name(Verdict verdict) {
        assert(verdict > 0 && verdict < _VERDICT_END);
        return verdict_errors[verdict].name;
}

static int refuse_for_memory(sd_bus_error *error) {
        return sd_bus_error_set_const(error, SD_BUS_ERROR_NO_MEMORY, "No memory.");
}

int bus_refuse(sd_bus_error *error, int r, const char *text) {
        _cleanup_(freep) char *shown = NULL;

        assert(r != 0);

        if (r == -ENOMEM)
                return refuse_for_memory(error);
        /* The bus lets through what sd-bus does not take for text: U+FDD0, say. */
        if (r == -EBADMSG)
                return sd_bus_error_set_const(error, SD_BUS_ERROR_INVALID_ARGS,
                                              "An argument is not text.");
        if (r < 0)
                return sd_bus_error_set_errno(error, r);

        shown = strdup(text ? text : "");
        if (!shown)
                return refuse_for_memory(error);

        if (!text_is_utf8(shown, strlen(shown)))
                for (char *c = shown; *c; c++)
                        if ((unsigned char) *c >= 0x80)
                                *c = '?';
        for (char *c = shown; *c; c++)
                if ((unsigned char) *c < 0x20 || *c == 0x7f)
                        *c = '?';

        return sd_bus_error_set(error, error_name((Verdict) r), shown);
}

int bus_refuse_with(sd_bus_error *error, int r, Refusal *refusal) {
        r = bus_refuse(error, r, refusal->text);
        refusal_done(refusal);
        return r;
}
