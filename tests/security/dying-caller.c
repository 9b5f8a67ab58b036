/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Callers who are gone, or somebody else, when it is decided whether they may.
 *
 *   dying-caller ROUNDS SEED SETUID-COPY UID…
 *
 * In each round a process of one of these users connects to the system bus, sends Attach, and 0 to 20 ms later dies,
 * leaves its connection to a child, or executes SETUID-COPY, this program owned by root with the set-user-ID bit, with
 * its connection open or closed: so that root stands behind the process number.
 *
 * Prints how many did what. Exit status 1 when something else went wrong.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-bus.h>

enum {
        LATEST_USEC = 20000,
        SOON_USEC = 2000, /* about when polkit looks: half of the rounds */
        HOLD_USEC = 30000,
        AT_A_TIME = 6, /* of one user: less than he may have asked about */
        IS_ROOT = 7,
        IS_NOT_ROOT = 8
};

typedef enum End {
        DIE,
        LEAVE_TO_CHILD,
        EXECUTE,
        EXECUTE_AND_CLOSE,
        _END_COUNT,
} End;

static uint32_t seed;

static uint32_t pick(uint32_t n) {
        seed = seed * 1664525 + 1013904223;
        return (uint32_t) ((uint64_t) seed * n >> 32);
}

static void sleep_usec(uint32_t usec) {
        const struct timespec time = { .tv_nsec = (long) usec * 1000 };

        (void) nanosleep(&time, NULL);
}

static void must(int r, const char *what) {
        if (r >= 0)
                return;
        fprintf(stderr, "dying-caller: %s: %s\n", what, strerror(-r));
        _exit(EXIT_FAILURE);
}

static _Noreturn void end(End how, sd_bus *bus, const char *copy) {
        int fd = sd_bus_get_fd(bus);

        switch (how) {
        case DIE:
                _exit(EXIT_SUCCESS);
        case LEAVE_TO_CHILD:
                if (fork() == 0)
                        sleep_usec(HOLD_USEC);
                _exit(EXIT_SUCCESS);
        case EXECUTE:
                must(fcntl(fd, F_SETFD, 0), "keep the connection");
                break;
        default:
                break;
        }

        execl(copy, copy, "hold", NULL);
        must(-errno, copy);
        _exit(EXIT_FAILURE);
}

static _Noreturn void call_and_end(uid_t uid, End how, uint32_t usec, bool interactive,
                                   const char *copy) {
        sd_bus_message *message;
        sd_bus *bus;

        alarm(60);
        must(setresgid(uid, uid, uid) < 0 ? -errno : 0, "group");
        must(setresuid(uid, uid, uid) < 0 ? -errno : 0, "user");
        must(sd_bus_open_system(&bus), "bus");
        must(sd_bus_message_new_method_call(bus, &message, "org.hostdev1", "/org/hostdev1",
                                            "org.hostdev1.Manager", "Attach"),
             "message");
        must(sd_bus_message_set_allow_interactive_authorization(message, interactive), "message");
        must(sd_bus_message_append(message, "ssa{sv}", "web", "nic", 0), "message");
        must(sd_bus_send(bus, message, &(uint64_t){ 0 }), "send");
        must(sd_bus_flush(bus), "send");
        sleep_usec(usec);
        end(how, bus, copy);
}

typedef struct Tally {
        unsigned n_of[_END_COUNT], n_root, n_not_root, n_failed;
} Tally;

static void collect(Tally *tally) {
        int status;

        if (wait(&status) < 0)
                return;
        if (!WIFEXITED(status) || WEXITSTATUS(status) == EXIT_FAILURE)
                tally->n_failed++;
        else if (WEXITSTATUS(status) == IS_ROOT)
                tally->n_root++;
        else if (WEXITSTATUS(status) == IS_NOT_ROOT)
                tally->n_not_root++;
}

int main(int argc, char **argv) {
        unsigned n_rounds, n_users = argc > 4 ? (unsigned) argc - 4 : 0, n_running = 0;
        Tally tally = { 0 };

        if (argc == 2 && strcmp(argv[1], "hold") == 0) {
                sleep_usec(HOLD_USEC);
                return geteuid() == 0 ? IS_ROOT : IS_NOT_ROOT;
        }
        if (n_users == 0) {
                fputs("usage: dying-caller ROUNDS SEED SETUID-COPY UID…\n", stderr);
                return EXIT_FAILURE;
        }

        n_rounds = (unsigned) atoi(argv[1]);
        seed = (uint32_t) atoi(argv[2]);
        for (unsigned round = 0; round < n_rounds; round++) {
                End how = (End) pick(_END_COUNT);
                uint32_t usec = pick(pick(2) ? SOON_USEC : LATEST_USEC);
                bool interactive = pick(2);
                pid_t child;

                if (n_running >= n_users * AT_A_TIME) {
                        collect(&tally);
                        n_running--;
                }

                child = fork();
                if (child == 0)
                        call_and_end((uid_t) atoi(argv[4 + round % n_users]), how, usec,
                                     interactive, argv[3]);
                if (child < 0) {
                        perror("dying-caller");
                        return EXIT_FAILURE;
                }
                tally.n_of[how]++;
                n_running++;
        }
        for (; n_running > 0; n_running--)
                collect(&tally);

        printf("%u died, %u left their connection to a child, %u executed with it, %u without: %u were root "
               "then, %u not; %u failed\n",
               tally.n_of[DIE], tally.n_of[LEAVE_TO_CHILD], tally.n_of[EXECUTE],
               tally.n_of[EXECUTE_AND_CLOSE], tally.n_root, tally.n_not_root, tally.n_failed);
        return tally.n_failed == 0 && tally.n_not_root == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
