/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How long one user waits while another does his worst.
 *
 *   flood KIND ATTACKER-UID STALLED-UID VICTIM-UID SAMPLES SECONDS
 *
 * The attacker has 250 connections with 128 calls under way on each, as many as the system bus lets one user have.
 * KIND: `pending`, all sent at once and no answer read; `sustained`, another call for each that is answered; `heavy`,
 * the same with names of 4,000 letters; `quiet`, none. 100 connections of a third user have subscribed to every signal
 * of the service and read nothing, while root makes and removes an alias between the samples.
 *
 * Prints how long the victim's first call took, in µs; then a line for each of his calls: its name, median, 99th
 * percentile and maximum; and as `bus` and `polkit`, what these alone take to answer. The last line says how many of the
 * attacker's calls were answered.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#define SERVICE "org.hostdev1"
#define ROOT    "/org/hostdev1"
#define MANAGER SERVICE ".Manager"

enum {
        CONNECTIONS = 250, /* the bus allows 256 */
        UNDER_WAY = 128,
        SUBSCRIBERS = 100,
        HEAVY_LENGTH = 4000,
        SAMPLES_MIN = 5,
        SAMPLES_MAX = 100000
};

/* What the processes tell each other. */
typedef struct Shared {
        unsigned n_answered, n_sent;
        bool attacks, stalls;
} Shared;

static Shared *shared;
static char *heavy; /* a name that the attacker asks for; NULL: short ones */

static void must(int r, const char *what) {
        if (r >= 0)
                return;
        fprintf(stderr, "flood: %s: %s\n", what, strerror(-r));
        exit(EXIT_FAILURE);
}

static sd_bus *connect_here(void) {
        const char *name;
        sd_bus *bus;

        must(sd_bus_open_system(&bus), "bus");
        must(sd_bus_get_unique_name(bus, &name), "bus");
        return bus;
}

static void become(uid_t uid) {
        must(setresgid(uid, uid, uid) < 0 ? -errno : 0, "group");
        must(setresuid(uid, uid, uid) < 0 ? -errno : 0, "user");
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a change of user forgets it */
}

static int on_answer(sd_bus_message *answer, void *userdata, sd_bus_error *error);

/* Calls that ask polkit, that the service refuses, and that it only answers. */
static void attack_once(sd_bus *bus, unsigned n, bool hears) {
        static const char *const members[] = { "Attach", "AddAlias", "GetPool", "ListAttachments" };
        sd_bus_message *call;

        must(sd_bus_message_new_method_call(bus, &call, SERVICE, ROOT, MANAGER, members[n % 4]),
             "call");
        must(sd_bus_message_set_allow_interactive_authorization(call, true), "call");
        switch (n % 4) {
        case 0:
                must(sd_bus_message_append(call, "ssa{sv}", heavy ?: "web", "nic", 0), "call");
                break;
        case 1:
                must(sd_bus_message_append(call, "saa{ss}a{sv}", heavy ?: "mine", 0, 0), "call");
                break;
        default:
                must(sd_bus_message_append(call, "s", heavy ?: "nics"), "call");
        }
        if (hears)
                must(sd_bus_call_async(bus, NULL, call, on_answer, NULL, UINT64_MAX), "call");
        else
                must(sd_bus_send(bus, call, &(uint64_t){ 0 }), "call");
        sd_bus_message_unref(call);
        shared->n_sent++;
}

static int on_answer(sd_bus_message *answer, void *userdata, sd_bus_error *error) {
        shared->n_answered++;
        attack_once(sd_bus_message_get_bus(answer), shared->n_answered, true);
        return 1;
}

static _Noreturn void attack(uid_t uid, bool sustained) {
        static sd_bus *connections[CONNECTIONS];
        sd_event *event;

        become(uid);
        must(sd_event_new(&event), "loop");
        for (size_t i = 0; i < CONNECTIONS; i++) {
                connections[i] = connect_here();
                if (sustained)
                        must(sd_bus_attach_event(connections[i], event, SD_EVENT_PRIORITY_NORMAL),
                             "loop");
        }
        for (size_t i = 0; i < CONNECTIONS; i++) {
                for (unsigned n = 0; n < UNDER_WAY; n++)
                        attack_once(connections[i], n, sustained);
                must(sd_bus_flush(connections[i]), "flush");
        }
        /*
         * The bus reads all by turns: it has taken about all of them when it answers who sent last, which takes it
         * half a minute on a busy machine.
         */
        must(sd_bus_set_method_call_timeout(connections[CONNECTIONS - 1], 600 * UINT64_C(1000000)),
             "settle");
        must(sd_bus_call_method(connections[CONNECTIONS - 1], "org.freedesktop.DBus",
                                "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetId", NULL,
                                NULL, NULL),
             "settle");
        shared->attacks = true;
        if (sustained)
                (void) sd_event_loop(event);
        for (;;)
                pause();
}

static _Noreturn void stall(uid_t uid) {
        become(uid);
        for (size_t i = 0; i < SUBSCRIBERS; i++)
                must(sd_bus_call_method(connect_here(), "org.freedesktop.DBus",
                                        "/org/freedesktop/DBus", "org.freedesktop.DBus", "AddMatch",
                                        NULL, NULL, "s", "type='signal',sender='" SERVICE "'"),
                     "subscribe");
        shared->stalls = true;
        for (;;)
                pause();
}

static uint64_t now_usec(void) {
        struct timespec time;

        clock_gettime(CLOCK_MONOTONIC, &time);
        return (uint64_t) time.tv_sec * 1000000 + (uint64_t) time.tv_nsec / 1000;
}

static void sleep_usec(long usec) {
        const struct timespec time = { .tv_nsec = usec * 1000 };

        (void) nanosleep(&time, NULL);
}

/* Times one call; how it is refused does not matter, that it is answered does. */
static uint64_t sample(sd_bus *bus, const char *destination, const char *path,
                       const char *interface, const char *member, const char *types, ...) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        uint64_t begin = now_usec();
        sd_bus_message *call;
        va_list arguments;

        must(sd_bus_message_new_method_call(bus, &call, destination, path, interface, member),
             "call");
        va_start(arguments, types);
        if (types)
                must(sd_bus_message_appendv(call, types, arguments), "call");
        va_end(arguments);
        if (sd_bus_call(bus, call, 120 * UINT64_C(1000000), &error, NULL) < 0) {
                fprintf(stderr, "flood: %s: %s: %s\n", member, error.name, error.message);
                exit(EXIT_FAILURE);
        }
        sd_bus_message_unref(call);
        return now_usec() - begin;
}

static int compare(const void *a, const void *b) {
        const uint64_t *x = a, *y = b;

        return *x < *y ? -1 : *x > *y;
}

static void print(const char *name, uint64_t *usec, size_t n) {
        qsort(usec, n, sizeof(*usec), compare);
        printf("%s %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", name, usec[n / 2],
               usec[(n - 1) * 99 / 100], usec[n - 1]);
}

static size_t measure(uid_t victim, size_t most, uint64_t usec) {
        static uint64_t of_bus[SAMPLES_MAX], of_polkit[SAMPLES_MAX], reads[SAMPLES_MAX],
                changes[SAMPLES_MAX], of_root[SAMPLES_MAX];
        sd_bus *root = connect_here(), *bus;
        uint64_t end_usec;
        const char *own;
        size_t n;

        must(seteuid(victim) < 0 ? -errno : 0, "user");
        bus = connect_here();
        must(sd_bus_get_unique_name(bus, &own), "name");
        must(seteuid(0) < 0 ? -errno : 0, "user");

        /* The bus hands calls over one after the other: the first waits until it has done so with what came before. */
        printf("first %" PRIu64 "\n", sample(bus, SERVICE, ROOT, MANAGER, "GetPool", "s", "nics"));
        end_usec = now_usec() + usec;
        for (n = 0; n < most && (n < SAMPLES_MIN || now_usec() < end_usec); n++) {
                const size_t i = n;

                of_bus[i] = sample(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                   "org.freedesktop.DBus", "GetId", NULL);
                of_polkit[i] = sample(bus, "org.freedesktop.PolicyKit1",
                                      "/org/freedesktop/PolicyKit1/Authority",
                                      "org.freedesktop.PolicyKit1.Authority", "CheckAuthorization",
                                      "(sa{sv})sa{ss}us", "system-bus-name", 1, "name", "s", own,
                                      "org.hostdev1.attach", 0, 0, "");
                reads[i] = sample(bus, SERVICE, ROOT, MANAGER, "GetPool", "s", "nics");
                changes[i] = sample(bus, SERVICE, ROOT, MANAGER, "Attach", "ssa{sv}", "web", "nic",
                                    1, "dry-run", "b", 1);
                of_root[i] = i % 2 == 0
                                     ? sample(root, SERVICE, ROOT, MANAGER, "AddAlias",
                                              "saa{ss}a{sv}", "flood", 1, 1, "vendor_id", "8086", 0)
                                     : sample(root, SERVICE, ROOT, MANAGER, "RemoveAlias", "sa{sv}",
                                              "flood", 0);
        }
        print("bus", of_bus, n);
        print("polkit", of_polkit, n);
        print("GetPool", reads, n);
        print("Attach", changes, n);
        print("AddAlias-of-root", of_root, n);
        return n;
}

static pid_t start(bool (*is_up)(void), void (*child)(uid_t uid, bool flag), uid_t uid, bool flag) {
        pid_t pid = fork();

        if (pid == 0)
                child(uid, flag);
        must(pid < 0 ? -errno : 0, "fork");
        while (!is_up()) {
                if (waitpid(pid, NULL, WNOHANG) != 0)
                        must(-ECHILD, "a child ended");
                sleep_usec(1000);
        }
        return pid;
}

static bool is_attacking(void) {
        return *(volatile bool *) &shared->attacks;
}

static bool is_stalling(void) {
        return *(volatile bool *) &shared->stalls;
}

static void stall_child(uid_t uid, bool flag) {
        stall(uid);
}

static void attack_child(uid_t uid, bool sustained) {
        attack(uid, sustained);
}

int main(int argc, char **argv) {
        pid_t attacker = 0, stalled;
        size_t n;

        if (argc != 7) {
                fputs("usage: flood KIND ATTACKER-UID STALLED-UID VICTIM-UID SAMPLES SECONDS\n",
                      stderr);
                return EXIT_FAILURE;
        }

        n = (size_t) atoi(argv[5]);
        shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                      0);
        if (shared == MAP_FAILED || n == 0 || n > SAMPLES_MAX)
                return EXIT_FAILURE;

        if (strcmp(argv[1], "heavy") == 0) {
                heavy = calloc(1, HEAVY_LENGTH + 1);
                must(heavy ? 0 : -ENOMEM, "name");
                memset(heavy, 'x', HEAVY_LENGTH);
        }
        stalled = start(is_stalling, stall_child, (uid_t) atoi(argv[3]), false);
        if (strcmp(argv[1], "quiet") != 0)
                attacker = start(is_attacking, attack_child, (uid_t) atoi(argv[2]),
                                 strcmp(argv[1], "pending") != 0);
        n = measure((uid_t) atoi(argv[4]), n, (uint64_t) atoi(argv[6]) * 1000000);
        printf("%zu samples; %u sent, %u answered\n", n, shared->n_sent, shared->n_answered);

        kill(stalled, SIGKILL);
        if (attacker > 0)
                kill(attacker, SIGKILL);
        return EXIT_SUCCESS;
}
