/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vm/libvirt-caller.h"

#include <assert.h>
#include <errno.h>

static int open_caller(Link *link, Link **ret, Refusal *refusal) {
        _cleanup_(freep) char *text = NULL;
        int r;

        r = link_open_caller(link, ret, &text);
        if (r == -EIO)
                return refuse(refusal, HYPERVISOR_UNAVAILABLE, "%s",
                              text ?: "Cannot connect to libvirt once more");
        return r;
}

int caller_borrow(Link *link, Link **ret, Refusal *refusal) {
        _cleanup_(link_unrefp) Link *caller = NULL;
        int r;

        assert(link);
        assert(ret);

        if (!link->is_remote) {
                *ret = link_ref(link);
                return 0;
        }

        pthread_mutex_lock(&link->lock);
        if (link->n_idle > 0)
                caller = link->idle[--link->n_idle];
        pthread_mutex_unlock(&link->lock);

        if (!caller) {
                r = open_caller(link, &caller, refusal);
                if (r != 0)
                        return r;
        }

        /* It may have taken long: what was asked of a link that is lost is not begun any more. */
        if (atomic_load(&link->closed))
                return refuse(refusal, HYPERVISOR_UNAVAILABLE,
                              "the connection to libvirt was lost meanwhile");

        *ret = TAKE(caller);
        return 0;
}

void caller_return(Link *link, Link *caller) {
        bool alive = caller == link || virConnectIsAlive(caller->connection) == 1;

        if (!alive)
                link_tell_lost(link, "a connection to libvirt broke");

        pthread_mutex_lock(&link->lock);
        if (alive && caller != link && !atomic_load(&link->closed) &&
            link->n_idle < N_ELEMENTS(link->idle))
                link->idle[link->n_idle++] = TAKE(caller);
        pthread_mutex_unlock(&link->lock);

        link_unref(caller);
}
