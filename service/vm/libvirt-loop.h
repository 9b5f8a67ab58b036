/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirt's event loop, on a thread of its own. It is the process's only one: libvirt knows no more.
 */
#pragma once

#include <stdint.h>

typedef struct EventLoop EventLoop;

/* Before the first connection is opened. 0 or negative errno. */
int event_loop_start(EventLoop **ret);

/* Ends the thread; one that does not come back within @wait_usec is left behind. NULL is fine; always returns NULL. */
EventLoop *event_loop_stop(EventLoop *loop, uint64_t wait_usec);
