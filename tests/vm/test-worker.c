/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Worker and mailbox: order per domain, nobody held up by a job that hangs, an end that does not wait.
 */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>

#include <cmocka.h>
#include <sched.h>
#include <stdatomic.h>

#include "vm/worker.h"

enum {
        PATIENCE_MSEC = 20000,  /* for what must happen */
        LIMIT_USEC = 20000,     /* of a job that is to be overdue soon */
        LONG_USEC = 3600000000, /* of one that is not */
        JOBS_MAX = 64,
};

/* A gate at which jobs hang until it is opened. */
typedef struct Gate {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        bool open;
        unsigned n_waiting, n_most, n_freed;
} Gate;

typedef struct Stage {
        Mailbox *mailbox;
        Worker *worker;
        Gate gate;
        unsigned read[JOBS_MAX]; /* numbers of the jobs, as they were read */
        size_t n_read;
} Stage;

typedef struct TestJob {
        Job job;
        Gate *gate; /* NULL: it does not hang */
        atomic_uint *n_inside;
        bool alone;
        unsigned number;
} TestJob;

static atomic_uint n_freed_jobs;

static void run_test_job(Job *base) {
        TestJob *job = (TestJob *) base;
        Gate *gate = job->gate;

        if (job->n_inside) {
                job->alone = atomic_fetch_add(job->n_inside, 1) == 0;
                sched_yield();
                atomic_fetch_sub(job->n_inside, 1);
        }
        if (!gate)
                return;

        pthread_mutex_lock(&gate->lock);
        gate->n_waiting++;
        if (gate->n_waiting > gate->n_most)
                gate->n_most = gate->n_waiting;
        pthread_cond_broadcast(&gate->changed);
        while (!gate->open)
                pthread_cond_wait(&gate->changed, &gate->lock);
        gate->n_waiting--;
        pthread_cond_broadcast(&gate->changed);
        pthread_mutex_unlock(&gate->lock);
}

static void read_test_job(Letter *letter, void *userdata) {
        TestJob *job = (TestJob *) letter;
        Stage *stage = userdata;

        assert_true(job->alone || !job->n_inside);
        assert_true(stage->n_read < JOBS_MAX);
        stage->read[stage->n_read++] = job->number;
}

static void free_test_job(Letter *letter) {
        TestJob *job = (TestJob *) letter;
        Gate *gate = job->gate;

        atomic_fetch_add(&n_freed_jobs, 1);
        free(job);
        if (!gate)
                return;

        pthread_mutex_lock(&gate->lock);
        gate->n_freed++;
        pthread_cond_broadcast(&gate->changed);
        pthread_mutex_unlock(&gate->lock);
}

static TestJob *make_job(const char *key, unsigned number, Gate *gate) {
        TestJob *job = calloc(1, sizeof(*job));

        assert_non_null(job);
        job->job = (Job){ .letter = { .read = read_test_job, .free = free_test_job },
                          .run = run_test_job };
        snprintf(job->job.key, sizeof(job->job.key), "%s", key);
        job->number = number;
        job->gate = gate;
        return job;
}

static void submit(Stage *stage, const char *key, unsigned number, Gate *gate) {
        assert_int_equal(worker_submit(stage->worker, &make_job(key, number, gate)->job), 0);
}

/* Does what the main loop does until @n jobs were read. */
static void read_until(Stage *stage, size_t n) {
        while (stage->n_read < n) {
                struct pollfd fds[] = {
                        { .fd = mailbox_fd(stage->mailbox), .events = POLLIN },
                        { .fd = worker_fd(stage->worker), .events = POLLIN },
                };

                assert_true(poll(fds, N_ELEMENTS(fds), PATIENCE_MSEC) > 0);
                worker_dispatch(stage->worker);
                mailbox_dispatch(stage->mailbox, stage);
        }
}

/* The same until @n jobs hang at the gate. */
static void wait_at_gate(Stage *stage, unsigned n) {
        for (;;) {
                struct pollfd fd = { .fd = worker_fd(stage->worker), .events = POLLIN };
                unsigned n_waiting;

                pthread_mutex_lock(&stage->gate.lock);
                n_waiting = stage->gate.n_waiting;
                pthread_mutex_unlock(&stage->gate.lock);
                if (n_waiting >= n)
                        return;

                (void) poll(&fd, 1, 5);
                worker_dispatch(stage->worker);
        }
}

static void open_gate(Stage *stage) {
        pthread_mutex_lock(&stage->gate.lock);
        stage->gate.open = true;
        pthread_cond_broadcast(&stage->gate.changed);
        pthread_mutex_unlock(&stage->gate.lock);
}

static void wait_freed(Stage *stage, unsigned n) {
        pthread_mutex_lock(&stage->gate.lock);
        while (stage->gate.n_freed < n)
                pthread_cond_wait(&stage->gate.changed, &stage->gate.lock);
        pthread_mutex_unlock(&stage->gate.lock);
}

static int set_up(void **state, uint64_t limit_usec) {
        Stage *stage = calloc(1, sizeof(*stage));

        assert_non_null(stage);
        pthread_mutex_init(&stage->gate.lock, NULL);
        pthread_cond_init(&stage->gate.changed, NULL);
        assert_int_equal(mailbox_new(&stage->mailbox), 0);
        assert_int_equal(worker_new(&stage->worker, stage->mailbox, limit_usec), 0);
        *state = stage;
        return 0;
}

static int set_up_patient(void **state) {
        return set_up(state, LONG_USEC);
}

static int set_up_hasty(void **state) {
        return set_up(state, LIMIT_USEC);
}

static int tear_down(void **state) {
        Stage *stage = *state;

        open_gate(stage);
        worker_free(stage->worker, (uint64_t) PATIENCE_MSEC * 1000);
        mailbox_unref(stage->mailbox);
        pthread_mutex_destroy(&stage->gate.lock);
        pthread_cond_destroy(&stage->gate.changed);
        free(stage);
        return 0;
}

static void jobs_of_one_domain_run_in_the_order_of_submission(void **state) {
        Stage *stage = *state;
        const char *keys[] = { "a", "b", "c" };
        unsigned last[] = { 0, 0, 0 };

        for (unsigned i = 0; i < 60; i++)
                submit(stage, keys[i % 3], i, NULL);
        read_until(stage, 60);

        for (unsigned i = 0; i < 60; i++) {
                unsigned key = stage->read[i] % 3;

                assert_true(stage->read[i] >= last[key]);
                last[key] = stage->read[i];
        }
}

static void jobs_of_one_domain_are_never_run_side_by_side(void **state) {
        Stage *stage = *state;
        atomic_uint n_inside = 0;

        for (unsigned i = 0; i < 60; i++) {
                TestJob *job = make_job("a", i, NULL);

                job->n_inside = &n_inside;
                assert_int_equal(worker_submit(stage->worker, &job->job), 0);
        }
        read_until(stage, 60);
}

static void jobs_without_a_key_run_side_by_side(void **state) {
        Stage *stage = *state;

        for (unsigned i = 0; i < WORKER_THREADS; i++)
                submit(stage, "", i, &stage->gate);
        wait_at_gate(stage, WORKER_THREADS);
}

static void a_job_that_hangs_holds_up_no_other_domain(void **state) {
        Stage *stage = *state;

        submit(stage, "a", 1, &stage->gate);
        submit(stage, "a", 2, NULL);
        submit(stage, "b", 3, NULL);
        submit(stage, "c", 4, NULL);
        read_until(stage, 2);
        assert_int_equal(stage->read[0] + stage->read[1], 3 + 4);

        open_gate(stage);
        read_until(stage, 4);
        assert_int_equal(stage->read[2], 1);
        assert_int_equal(stage->read[3], 2);
}

static bool is_armed(Stage *stage) {
        struct itimerspec when;

        assert_int_equal(timerfd_gettime(worker_fd(stage->worker), &when), 0);
        return when.it_value.tv_sec != 0 || when.it_value.tv_nsec != 0;
}

static void nothing_wakes_us_for_jobs_that_have_ended(void **state) {
        Stage *stage = *state;
        unsigned n_msec = 0;

        submit(stage, "a", 1, &stage->gate);
        submit(stage, "b", 2, NULL);
        read_until(stage, 1);
        assert_true(is_armed(stage));

        open_gate(stage);
        read_until(stage, 2);
        for (; is_armed(stage) && n_msec < PATIENCE_MSEC; n_msec++)
                (void) poll(NULL, 0, 1); /* the thread is about to */
        assert_false(is_armed(stage));
}

static void threads_that_hang_too_long_are_replaced(void **state) {
        Stage *stage = *state;
        const char *keys[] = { "a", "b", "c", "d", "e" };

        for (unsigned i = 0; i < N_ELEMENTS(keys); i++)
                submit(stage, keys[i], i, &stage->gate);
        wait_at_gate(stage, N_ELEMENTS(keys));

        submit(stage, "f", 9, NULL);
        read_until(stage, 1);
        assert_int_equal(stage->read[0], 9);
}

static void there_are_never_more_threads_than_the_bound(void **state) {
        Stage *stage = *state;

        for (unsigned i = 0; i < WORKER_THREADS_MAX + 4; i++)
                submit(stage, "", i, &stage->gate);
        wait_at_gate(stage, WORKER_THREADS_MAX);

        open_gate(stage);
        read_until(stage, WORKER_THREADS_MAX + 4);
        assert_int_equal(stage->gate.n_most, WORKER_THREADS_MAX);
}

static void after_all_hung_threads_came_back_work_goes_on(void **state) {
        Stage *stage = *state;

        for (unsigned i = 0; i < WORKER_THREADS_MAX; i++)
                submit(stage, "", i, &stage->gate);
        wait_at_gate(stage, WORKER_THREADS_MAX);
        open_gate(stage);
        read_until(stage, WORKER_THREADS_MAX);

        submit(stage, "a", 100, NULL);
        read_until(stage, WORKER_THREADS_MAX + 1);
        assert_int_equal(stage->read[WORKER_THREADS_MAX], 100);
}

static void the_end_does_not_wait_for_a_job_that_hangs(void **state) {
        Stage *stage = *state;

        submit(stage, "a", 1, &stage->gate);
        submit(stage, "b", 2, NULL);
        read_until(stage, 1);
        wait_at_gate(stage, 1);

        mailbox_close(stage->mailbox);
        stage->worker = worker_free(stage->worker, 1000);
        stage->mailbox = mailbox_unref(stage->mailbox);

        /* The thread comes back when everybody else has gone, and clears up behind itself. */
        open_gate(stage);
        wait_freed(stage, 1);
        assert_int_equal(stage->n_read, 1);
}

static void what_was_queued_is_still_done_at_the_end(void **state) {
        Stage *stage = *state;
        unsigned n_before = atomic_load(&n_freed_jobs);

        for (unsigned i = 0; i < 20; i++)
                submit(stage, "a", i, NULL);
        stage->worker = worker_free(stage->worker, (uint64_t) PATIENCE_MSEC * 1000);

        mailbox_dispatch(stage->mailbox, stage);
        assert_int_equal(stage->n_read, 20);
        assert_int_equal(atomic_load(&n_freed_jobs) - n_before, 20);
}

static bool is_even(Job *job, void *userdata) {
        TestJob *test = (TestJob *) job;
        unsigned *n_asked = userdata;

        ++*n_asked;
        return test->number % 2 == 0;
}

static void what_is_withdrawn_is_read_without_having_run(void **state) {
        atomic_uint n_inside = 0;
        Stage *stage = *state;
        unsigned n_asked = 0;

        submit(stage, "a", 2, &stage->gate);
        wait_at_gate(stage, 1);
        for (unsigned i = 3; i <= 8; i++) {
                TestJob *job = make_job("a", i, NULL);

                job->n_inside = i % 2 == 0 ? NULL : &n_inside;
                assert_int_equal(worker_submit(stage->worker, &job->job), 0);
        }

        /* Not the one that has begun. */
        worker_withdraw(stage->worker, is_even, &n_asked);
        assert_int_equal(n_asked, 6);
        read_until(stage, 3);
        assert_int_equal(stage->read[0], 4);
        assert_int_equal(stage->read[2], 8);

        /* The rest goes on in its order, and more can follow the last. */
        submit(stage, "a", 9, NULL);
        open_gate(stage);
        read_until(stage, 8);
        assert_int_equal(stage->read[3], 2);
        assert_int_equal(stage->read[4], 3);
        assert_int_equal(stage->read[6], 7);
        assert_int_equal(stage->read[7], 9);
}

static void a_dropped_queue_is_released_and_never_run(void **state) {
        Stage *stage = *state;
        unsigned n_before;

        submit(stage, "a", 1, &stage->gate);
        wait_at_gate(stage, 1);
        n_before = atomic_load(&n_freed_jobs);
        submit(stage, "a", 2, NULL);
        submit(stage, "a", 3, NULL);
        worker_drop_queue(stage->worker);
        assert_int_equal(atomic_load(&n_freed_jobs) - n_before, 2);

        open_gate(stage);
        submit(stage, "a", 4, NULL);
        read_until(stage, 2);
        assert_int_equal(stage->read[0], 1);
        assert_int_equal(stage->read[1], 4);
}

static void a_closed_mailbox_releases_what_it_has_and_what_comes(void **state) {
        Stage *stage = *state;
        unsigned n_before = atomic_load(&n_freed_jobs);

        mailbox_post(stage->mailbox, &make_job("", 1, NULL)->job.letter);
        mailbox_close(stage->mailbox);
        mailbox_post(stage->mailbox, &make_job("", 2, NULL)->job.letter);
        mailbox_dispatch(stage->mailbox, stage);

        assert_int_equal(stage->n_read, 0);
        assert_int_equal(atomic_load(&n_freed_jobs) - n_before, 2);
}

static void read_and_post_again(Letter *letter, void *userdata) {
        Stage *stage = userdata;

        read_test_job(letter, userdata);
        mailbox_post(stage->mailbox, &make_job("", 2, NULL)->job.letter);
}

static void a_letter_posted_while_reading_waits_for_the_next_turn(void **state) {
        Stage *stage = *state;
        TestJob *job = make_job("", 1, NULL);
        struct pollfd fd = { .fd = mailbox_fd(stage->mailbox), .events = POLLIN };

        job->job.letter.read = read_and_post_again;
        mailbox_post(stage->mailbox, &job->job.letter);
        mailbox_dispatch(stage->mailbox, stage);
        assert_int_equal(stage->n_read, 1);

        assert_int_equal(poll(&fd, 1, 0), 1);
        mailbox_dispatch(stage->mailbox, stage);
        assert_int_equal(stage->n_read, 2);
        assert_int_equal(poll(&fd, 1, 0), 0);
}

#define PATIENT(test) cmocka_unit_test_setup_teardown(test, set_up_patient, tear_down)
#define HASTY(test)   cmocka_unit_test_setup_teardown(test, set_up_hasty, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                PATIENT(jobs_of_one_domain_run_in_the_order_of_submission),
                PATIENT(jobs_of_one_domain_are_never_run_side_by_side),
                PATIENT(jobs_without_a_key_run_side_by_side),
                PATIENT(a_job_that_hangs_holds_up_no_other_domain),
                PATIENT(nothing_wakes_us_for_jobs_that_have_ended),
                HASTY(threads_that_hang_too_long_are_replaced),
                HASTY(there_are_never_more_threads_than_the_bound),
                HASTY(after_all_hung_threads_came_back_work_goes_on),
                PATIENT(the_end_does_not_wait_for_a_job_that_hangs),
                PATIENT(what_was_queued_is_still_done_at_the_end),
                PATIENT(what_is_withdrawn_is_read_without_having_run),
                PATIENT(a_dropped_queue_is_released_and_never_run),
                PATIENT(a_closed_mailbox_releases_what_it_has_and_what_comes),
                PATIENT(a_letter_posted_while_reading_waits_for_the_next_turn),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
