/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/wait.h"

#include <errno.h>

#include "bus/errors.h"
#include "util/text.h"

int wait_for_hypervisor(Call *call, sd_bus_error *error) {
        const Manager *manager = call->bus->manager;
        int r = 0;

        if (manager_is_reconciled(manager))
                return 0;

        if (!manager_is_unreachable(manager))
                r = call_wait(call, WAIT_RECONCILE, call->bus->reconcile_usec);
        if (r < 0)
                return bus_refuse(error, r, NULL);
        if (r > 0)
                return 1;

        _cleanup_(freep) char *text =
                text_print("libvirt cannot be reached at %s", manager_uri(manager));

        return bus_refuse(error, text ? HYPERVISOR_UNAVAILABLE : -ENOMEM, text);
}
