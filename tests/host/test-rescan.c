/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * When the whole host is read again: the loop of hotplug.c, with a watch and a manager that do as they are told.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/watch.h"
#include "hotplug.h"

enum {
        TURN_USEC = 100 * 1000,
        TURNS_MAX = 600
};

struct Watch {
        int fd;
};

static struct {
        Watch watch;
        int told[4]; /* what the watch says: as watch_next() */
        size_t n_told, n_taken;
        bool is_queued; /* more is due than it said */
        int observe_error, scan_error;
        unsigned n_scans, n_observed;
} stage;

int watch_new(Watch **ret) {
        stage.watch.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        *ret = &stage.watch;
        return stage.watch.fd < 0 ? -errno : 0;
}

Watch *watch_free(Watch *watch) {
        if (watch)
                close(watch->fd);
        return NULL;
}

int watch_fd(const Watch *watch) {
        return watch->fd;
}

int watch_next(Watch *watch, Address *ret) {
        uint64_t count;

        if (stage.n_taken == stage.n_told) {
                (void) !read(watch->fd, &count, sizeof(count));
                return 0;
        }

        *ret = (Address){ .bus = 0x41 };
        return stage.told[stage.n_taken++];
}

bool watch_is_empty(const Watch *watch) {
        return stage.n_taken == stage.n_told && !stage.is_queued;
}

int manager_observe(Manager *manager, Address address) {
        stage.n_observed++;
        return stage.observe_error;
}

int manager_scan(Manager *manager) {
        stage.n_scans++;
        return stage.scan_error;
}

void manager_look_at_host(Manager *manager) {
}

typedef struct Loop {
        sd_event *event;
        Hotplug *hotplug;
} Loop;

static int set_up(void **state) {
        static Loop loop;

        memset(&stage, 0, sizeof(stage));
        assert_true(sd_event_new(&loop.event) >= 0);
        assert_int_equal(hotplug_new(&loop.hotplug, loop.event, NULL), 0);
        *state = &loop;
        return 0;
}

static int tear_down(void **state) {
        Loop *loop = *state;

        hotplug_free(loop->hotplug);
        sd_event_unref(loop->event);
        return 0;
}

static void tell(int what) {
        uint64_t one = 1;

        stage.told[stage.n_told++] = what;
        assert_int_equal(write(stage.watch.fd, &one, sizeof(one)), sizeof(one));
}

static void run_until_scanned(Loop *loop, unsigned n) {
        for (unsigned i = 0; stage.n_scans < n && i < TURNS_MAX; i++)
                assert_true(sd_event_run(loop->event, TURN_USEC) >= 0);
        assert_int_equal(stage.n_scans, n);
}

static void what_was_lost_is_read_again(void **state) {
        Loop *loop = *state;

        tell(-ENOBUFS);
        run_until_scanned(loop, 1);
        assert_int_equal(stage.n_observed, 0);
}

static void an_event_that_could_not_be_worked_on_is_made_up_for(void **state) {
        Loop *loop = *state;

        stage.observe_error = -ENOMEM;
        tell(1);
        run_until_scanned(loop, 1);
        assert_int_equal(stage.n_observed, 1);
}

static void a_scan_that_fails_is_done_again(void **state) {
        Loop *loop = *state;

        stage.scan_error = -ENOMEM;
        tell(-ENOBUFS);
        run_until_scanned(loop, 2);

        stage.scan_error = 0;
        run_until_scanned(loop, 3);
}

/* The kernel loses in silence until all that is queued was taken. */
static void whoever_asks_meanwhile_does_not_end_what_is_due_at_the_end(void **state) {
        Loop *loop = *state;

        stage.is_queued = true;
        tell(-ENOBUFS);
        while (stage.n_taken < stage.n_told)
                assert_true(sd_event_run(loop->event, TURN_USEC) >= 0);
        hotplug_scan_again(loop->hotplug, -ESTALE);
        assert_int_equal(stage.n_scans, 0);

        run_until_scanned(loop, 1);
        stage.is_queued = false;
        run_until_scanned(loop, 2);
}

#define with_loop(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                with_loop(what_was_lost_is_read_again),
                with_loop(an_event_that_could_not_be_worked_on_is_made_up_for),
                with_loop(a_scan_that_fails_is_done_again),
                with_loop(whoever_asks_meanwhile_does_not_end_what_is_due_at_the_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
