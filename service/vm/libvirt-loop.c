/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vm/libvirt-loop.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>

#include <libvirt/libvirt.h>

#include "util/cleanup.h"

struct EventLoop {
        pthread_mutex_t lock;
        pthread_cond_t ended_changed;
        unsigned n_references; /* the owner's and the thread's */
        bool stopping, ended;
};

enum {
        USEC_PER_SEC = 1000000,
        NSEC_PER_USEC = 1000,
};

static pthread_once_t registered = PTHREAD_ONCE_INIT;

static void register_loop(void) {
        /* A failure shows when the first connection asks for events. */
        (void) virEventRegisterDefaultImpl();
}

/* Called with the lock held, which is given up. */
static void unlock_and_unref(EventLoop *loop) {
        bool last = --loop->n_references == 0;

        pthread_mutex_unlock(&loop->lock);
        if (!last)
                return;

        pthread_mutex_destroy(&loop->lock);
        pthread_cond_destroy(&loop->ended_changed);
        free(loop);
}

static void *loop_main(void *userdata) {
        EventLoop *loop = userdata;

        pthread_mutex_lock(&loop->lock);
        while (!loop->stopping) {
                pthread_mutex_unlock(&loop->lock);
                (void) virEventRunDefaultImpl();
                pthread_mutex_lock(&loop->lock);
        }
        loop->ended = true;
        pthread_cond_signal(&loop->ended_changed);
        unlock_and_unref(loop);
        return NULL;
}

int event_loop_start(EventLoop **ret) {
        pthread_condattr_t monotonic;
        pthread_attr_t detached;
        sigset_t all, before;
        pthread_t thread;
        EventLoop *loop;
        int r;

        assert(ret);

        pthread_once(&registered, register_loop);

        loop = calloc(1, sizeof(*loop));
        if (!loop)
                return -ENOMEM;

        pthread_mutex_init(&loop->lock, NULL);
        pthread_condattr_init(&monotonic);
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        pthread_cond_init(&loop->ended_changed, &monotonic);
        pthread_condattr_destroy(&monotonic);
        loop->n_references = 2;

        pthread_attr_init(&detached);
        pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        r = pthread_create(&thread, &detached, loop_main, loop);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        pthread_attr_destroy(&detached);
        if (r != 0) {
                pthread_mutex_lock(&loop->lock);
                loop->n_references = 1;
                unlock_and_unref(loop);
                return -r;
        }

        *ret = loop;
        return 0;
}

/* Only there to end the wait of the loop. */
static void on_wake(int timer, void *userdata) {
        (void) virEventRemoveTimeout(timer);
}

EventLoop *event_loop_stop(EventLoop *loop, uint64_t wait_usec) {
        struct timespec until;

        if (!loop)
                return NULL;

        clock_gettime(CLOCK_MONOTONIC, &until);
        wait_usec += until.tv_nsec / NSEC_PER_USEC;
        until.tv_sec += wait_usec / USEC_PER_SEC;
        until.tv_nsec = wait_usec % USEC_PER_SEC * NSEC_PER_USEC;

        pthread_mutex_lock(&loop->lock);
        loop->stopping = true;
        pthread_mutex_unlock(&loop->lock);

        /* Without it the loop sees the flag at its next event. */
        (void) virEventAddTimeout(0, on_wake, NULL, NULL);

        pthread_mutex_lock(&loop->lock);
        while (!loop->ended)
                if (pthread_cond_timedwait(&loop->ended_changed, &loop->lock, &until) == ETIMEDOUT)
                        break;
        unlock_and_unref(loop);
        return NULL;
}
