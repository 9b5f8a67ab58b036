/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vm/worker.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>

#include "util/clock.h"
#include "util/text.h"

/* A thread, as the others see it. */
typedef struct Slot {
        Worker *worker;
        bool taken;     /* a thread lives here */
        const Job *job; /* it runs this; NULL when idle */
        char key[UUID_TEXT_SIZE];
        uint64_t deadline_usec; /* CLOCK_MONOTONIC, of the job */
} Slot;

struct Worker {
        pthread_mutex_t lock;  /* of all below but what never changes */
        pthread_cond_t work;   /* a job may be runnable, or the worker stops */
        pthread_cond_t ended;  /* a thread is gone */
        unsigned n_references; /* the owner's and one of each thread */
        unsigned n_threads, n_idle;
        Slot slots[WORKER_THREADS_MAX];
        Letter *first, **end; /* the queue */
        size_t n_queued;
        bool stopping;
        bool timer_armed;
        Mailbox *mailbox;
        uint64_t limit_usec;
        int timer_fd;
};

enum {
        USEC_PER_SEC = 1000000,
        NSEC_PER_USEC = 1000,
};

static struct timespec timespec_of(uint64_t usec) {
        return (struct timespec){
                .tv_sec = usec / USEC_PER_SEC,
                .tv_nsec = usec % USEC_PER_SEC * NSEC_PER_USEC,
        };
}

int worker_new(Worker **ret, Mailbox *mailbox, uint64_t limit_usec) {
        _cleanup_(freep) Worker *worker = NULL;
        pthread_condattr_t monotonic;

        assert(ret);
        assert(mailbox);
        assert(limit_usec > 0);

        worker = calloc(1, sizeof(*worker));
        if (!worker)
                return -ENOMEM;

        worker->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        if (worker->timer_fd < 0)
                return -errno;

        pthread_condattr_init(&monotonic);
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        pthread_cond_init(&worker->work, NULL);
        pthread_cond_init(&worker->ended, &monotonic);
        pthread_condattr_destroy(&monotonic);
        pthread_mutex_init(&worker->lock, NULL);

        worker->n_references = 1;
        worker->end = &worker->first;
        worker->mailbox = mailbox_ref(mailbox);
        worker->limit_usec = limit_usec;

        *ret = TAKE(worker);
        return 0;
}

static Letter *take_queue(Worker *worker) {
        Letter *queue = worker->first;

        worker->first = NULL;
        worker->end = &worker->first;
        worker->n_queued = 0;
        return queue;
}

static void free_queue(Letter *queue) {
        while (queue) {
                Letter *next = queue->next;

                queue->free(queue);
                queue = next;
        }
}

/* Called with the lock held, which is given up. */
static void unlock_and_unref(Worker *worker) {
        bool last = --worker->n_references == 0;

        pthread_mutex_unlock(&worker->lock);
        if (!last)
                return;

        free_queue(worker->first);
        pthread_mutex_destroy(&worker->lock);
        pthread_cond_destroy(&worker->work);
        pthread_cond_destroy(&worker->ended);
        mailbox_unref(worker->mailbox);
        close(worker->timer_fd);
        free(worker);
}

static bool key_is_busy(const Worker *worker, const char *key) {
        if (key[0] == '\0')
                return false;

        for (size_t i = 0; i < WORKER_THREADS_MAX; i++)
                if (worker->slots[i].job && strcmp(worker->slots[i].key, key) == 0)
                        return true;

        return false;
}

/* The first job in the queue whose key is not busy; it leaves the queue. NULL: none. */
static Job *next_job(Worker *worker) {
        for (Letter **link = &worker->first; *link; link = &(*link)->next) {
                Job *job = (Job *) *link;

                if (key_is_busy(worker, job->key))
                        continue;

                *link = job->letter.next;
                if (!*link)
                        worker->end = link;
                worker->n_queued--;
                return job;
        }

        return NULL;
}

/* Wakes the main loop when the first of the running jobs passes the limit. */
static void arm_timer(Worker *worker) {
        uint64_t now = clock_monotonic_usec(), first = UINT64_MAX;
        struct itimerspec when = { 0 };

        if (worker->timer_armed)
                return;

        for (size_t i = 0; i < WORKER_THREADS_MAX; i++)
                if (worker->slots[i].job && worker->slots[i].deadline_usec > now &&
                    worker->slots[i].deadline_usec < first)
                        first = worker->slots[i].deadline_usec;
        if (first == UINT64_MAX)
                return;

        when.it_value = timespec_of(first);
        timerfd_settime(worker->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
        worker->timer_armed = true;
}

/* There is nothing to wake for while nothing runs. */
static void disarm_timer(Worker *worker) {
        const struct itimerspec never = { 0 };

        for (size_t i = 0; i < WORKER_THREADS_MAX; i++)
                if (worker->slots[i].job)
                        return;

        timerfd_settime(worker->timer_fd, 0, &never, NULL);
        worker->timer_armed = false;
}

static unsigned count_overdue(const Worker *worker) {
        uint64_t now = clock_monotonic_usec();
        unsigned n = 0;

        for (size_t i = 0; i < WORKER_THREADS_MAX; i++)
                n += worker->slots[i].job && worker->slots[i].deadline_usec <= now;
        return n;
}

/* Called and left with the lock held. */
static void run_job(Worker *worker, Slot *slot, Job *job) {
        slot->job = job;
        text_copy(slot->key, sizeof(slot->key), job->key);
        slot->deadline_usec = clock_monotonic_usec() + worker->limit_usec;
        arm_timer(worker);
        pthread_mutex_unlock(&worker->lock);

        job->run(job);
        mailbox_post(worker->mailbox, &job->letter);

        pthread_mutex_lock(&worker->lock);
        slot->job = NULL;
        disarm_timer(worker);
        pthread_cond_broadcast(&worker->work); /* jobs of this key are runnable now */
}

static void *thread_main(void *userdata) {
        Slot *slot = userdata;
        Worker *worker = slot->worker;

        pthread_mutex_lock(&worker->lock);
        for (;;) {
                Job *job = next_job(worker);

                if (job) {
                        run_job(worker, slot, job);
                        /* One that took this thread's place while it hung is here to stay. */
                        if (worker->n_threads - count_overdue(worker) > WORKER_THREADS)
                                break;
                        continue;
                }
                if (worker->stopping)
                        break;

                worker->n_idle++;
                pthread_cond_wait(&worker->work, &worker->lock);
                worker->n_idle--;
        }

        slot->taken = false;
        worker->n_threads--;
        pthread_cond_broadcast(&worker->ended);
        unlock_and_unref(worker);
        return NULL;
}

/* 0 or negative errno. Called with the lock held. */
static int start_thread(Worker *worker) {
        pthread_attr_t detached;
        sigset_t all, before;
        pthread_t thread;
        Slot *slot = NULL;
        int r;

        for (size_t i = 0; i < WORKER_THREADS_MAX && !slot; i++)
                if (!worker->slots[i].taken)
                        slot = &worker->slots[i];
        assert(slot);

        *slot = (Slot){ .worker = worker, .taken = true };
        worker->n_threads++;
        worker->n_references++;

        /* Detached, because one that hangs could never be joined; without signals, which are the main thread's. */
        pthread_attr_init(&detached);
        pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        r = pthread_create(&thread, &detached, thread_main, slot);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        pthread_attr_destroy(&detached);
        if (r == 0)
                return 0;

        slot->taken = false;
        worker->n_threads--;
        worker->n_references--;
        return -r;
}

/* As many threads as the queue asks for and the bounds allow. 0, or negative errno if that leaves none. */
static int settle_threads(Worker *worker) {
        size_t n_wanted = worker->n_queued;
        int r = 0;

        while (r == 0 && n_wanted > worker->n_idle && worker->n_threads < WORKER_THREADS_MAX &&
               worker->n_threads - count_overdue(worker) < WORKER_THREADS) {
                r = start_thread(worker);
                n_wanted--;
        }

        return worker->n_threads > 0 ? 0 : r;
}

int worker_submit(Worker *worker, Job *job) {
        int r;

        assert(worker);
        assert(job);

        pthread_mutex_lock(&worker->lock);
        job->letter.next = NULL;
        *worker->end = &job->letter;
        worker->end = &job->letter.next;
        worker->n_queued++;
        r = settle_threads(worker);
        if (r < 0)
                (void) take_queue(worker); /* without a thread there was nothing else in it */
        pthread_cond_signal(&worker->work);
        pthread_mutex_unlock(&worker->lock);

        if (r < 0)
                job->letter.free(&job->letter);
        return r;
}

void worker_withdraw(Worker *worker, bool (*is_meant)(Job *job, void *userdata), void *userdata) {
        pthread_mutex_lock(&worker->lock);
        for (Letter **link = &worker->first; *link;) {
                Letter *letter = *link;

                if (!is_meant((Job *) letter, userdata)) {
                        link = &letter->next;
                        continue;
                }

                *link = letter->next;
                if (!*link)
                        worker->end = link;
                worker->n_queued--;
                mailbox_post(worker->mailbox, letter);
        }
        pthread_mutex_unlock(&worker->lock);
}

void worker_drop_queue(Worker *worker) {
        Letter *queue;

        pthread_mutex_lock(&worker->lock);
        queue = take_queue(worker);
        pthread_mutex_unlock(&worker->lock);

        free_queue(queue);
}

int worker_fd(const Worker *worker) {
        return worker->timer_fd;
}

void worker_dispatch(Worker *worker) {
        uint64_t count;

        pthread_mutex_lock(&worker->lock);
        if (read(worker->timer_fd, &count, sizeof(count)) == sizeof(count))
                worker->timer_armed = false;
        arm_timer(worker);
        /* Without a new thread the queue waits for one that comes back. */
        (void) settle_threads(worker);
        pthread_mutex_unlock(&worker->lock);
}

Worker *worker_free(Worker *worker, uint64_t wait_usec) {
        struct timespec until = timespec_of(clock_monotonic_usec() + wait_usec);

        if (!worker)
                return NULL;

        pthread_mutex_lock(&worker->lock);
        worker->stopping = true;
        pthread_cond_broadcast(&worker->work);
        while (worker->n_threads > 0)
                if (pthread_cond_timedwait(&worker->ended, &worker->lock, &until) == ETIMEDOUT)
                        break;
        unlock_and_unref(worker);
        return NULL;
}
