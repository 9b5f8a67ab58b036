/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Worker: a few threads for calls that may take long.
 *
 * Jobs with the same key run one after the other, in the order of submission; others side by side. A
 * job is a value: what it needs travels in it, and when it has run it is posted to the mailbox as the
 * letter that it begins with. A thread cannot be interrupted: one whose job is past the time limit is
 * given up for as long as it hangs and another takes its place.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/domain.h"
#include "vm/mailbox.h"

enum {
        WORKER_THREADS = 4,      /* that make progress */
        WORKER_THREADS_MAX = 16, /* with those that hang */
};

typedef struct Job Job;

struct Job {
        Letter letter;
        char key[UUID_TEXT_SIZE]; /* "": in no order with any other */
        void (*run)(Job *job);    /* on a thread of the worker */
};

typedef struct Worker Worker;

/**
 * worker_new() - a worker without threads; they start as they are needed
 * @mailbox:    where jobs go that have run; referenced
 * @limit_usec: how long a job may hold its thread before another takes the thread's place
 *
 * Return: 0 or negative errno.
 */
int worker_new(Worker **ret, Mailbox *mailbox, uint64_t limit_usec);

/**
 * worker_free() - end the threads
 * @wait_usec: how long to wait for the jobs that run or are queued
 *
 * Threads that still hang then are left behind. They hold on to what they need and release it
 * themselves, should they ever come back. NULL is fine; always returns NULL.
 */
Worker *worker_free(Worker *worker, uint64_t wait_usec);

/* Takes the job over. 0, or negative errno (then it is released) when there is no thread and none can be made. */
int worker_submit(Worker *worker, Job *job);

/*
 * Posts the jobs that no thread has begun and that @is_meant says are meant, as if they had run: he notes
 * in them that they have not.
 */
void worker_withdraw(Worker *worker, bool (*is_meant)(Job *job, void *userdata), void *userdata);

/* Releases the jobs that no thread has begun. */
void worker_drop_queue(Worker *worker);

/* Readable when a job has passed the limit; then worker_dispatch() makes room for another thread. */
int worker_fd(const Worker *worker);
void worker_dispatch(Worker *worker);
