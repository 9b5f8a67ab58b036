/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Starts a program each turn, and tells how long it took until it was ready, or until it ended.
 *
 *   launch [--user UID] [--ready] COMMAND [ARGUMENT…]
 *
 * With --ready it is asked to end as soon as it has said READY=1 (sd_notify); one that ends before has failed. Its
 * output is thrown away.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <grp.h>

#include "turn.h"

typedef struct Launch {
        uid_t user;
        bool waits_for_ready;
        char **command;
        int socket, null;
} Launch;

/* An abstract name that the kernel chooses: the program inherits it as NOTIFY_SOCKET. */
static int open_notify_socket(void) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        socklen_t size = sizeof(sa_family_t);
        char name[sizeof(address.sun_path) + 1] = "@";
        int fd;

        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        turn_check(fd < 0 ? -errno : 0, "socket");
        turn_check(bind(fd, (struct sockaddr *) &address, size) < 0 ? -errno : 0, "bind");
        size = sizeof(address);
        turn_check(getsockname(fd, (struct sockaddr *) &address, &size) < 0 ? -errno : 0, "name");
        memcpy(name + 1, address.sun_path + 1, size - offsetof(struct sockaddr_un, sun_path) - 1);
        turn_check(setenv("NOTIFY_SOCKET", name, 1) < 0 ? -errno : 0, "setenv");
        return fd;
}

static void run_command(const Launch *launch) {
        if (dup2(launch->null, STDIN_FILENO) < 0 || dup2(launch->null, STDOUT_FILENO) < 0 ||
            dup2(launch->null, STDERR_FILENO) < 0)
                _exit(126);
        if (launch->user > 0 &&
            (setgroups(0, NULL) < 0 || setgid(launch->user) < 0 || setuid(launch->user) < 0))
                _exit(126);
        execvp(launch->command[0], launch->command);
        _exit(127);
}

/* Until one message has READY=1; false: the program ended, or said nothing for too long. */
static bool wait_for_ready(const Launch *launch) {
        char message[4096];
        ssize_t n;

        do {
                n = recv(launch->socket, message, sizeof(message) - 1, 0);
                if (n < 0)
                        return false;
                message[n] = '\0';
        } while (!strstr(message, "READY=1"));

        return true;
}

static void drain(int fd) {
        char message[4096];

        while (recv(fd, message, sizeof(message), MSG_DONTWAIT) >= 0)
                ;
}

static void take_turn(const Launch *launch) {
        double began = turn_now_usec(), ready = 0;
        bool is_ready = true;
        int status;
        pid_t pid;

        pid = fork();
        turn_check(pid < 0 ? -errno : 0, "fork");
        if (pid == 0)
                run_command(launch);

        if (launch->waits_for_ready) {
                is_ready = wait_for_ready(launch);
                ready = turn_now_usec();
                (void) kill(pid, SIGTERM); /* it may have ended by itself */
        }
        turn_check(waitpid(pid, &status, 0) < 0 ? -errno : 0, "wait");
        if (launch->waits_for_ready)
                drain(launch->socket);
        else
                ready = turn_now_usec();

        if (!is_ready || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
                (void) fprintf(stderr, "%s: status %d\n", launch->command[0], status);
                exit(EXIT_FAILURE);
        }
        turn_report("usec=%.1f", ready - began);
}

int main(int argc, char **argv) {
        struct timeval limit = { .tv_sec = 60 };
        Launch launch = { .command = argv + 1, .socket = -1 };

        if (argc > 2 && strcmp(launch.command[0], "--user") == 0) {
                launch.user = (uid_t) strtoul(launch.command[1], NULL, 10);
                launch.command += 2;
        }
        if (launch.command[0] && strcmp(launch.command[0], "--ready") == 0) {
                launch.waits_for_ready = true;
                launch.command++;
        }
        if (!launch.command[0]) {
                (void) fputs("usage: launch [--user UID] [--ready] COMMAND...\n", stderr);
                return 2;
        }

        launch.null = open("/dev/null", O_RDWR | O_CLOEXEC);
        turn_check(launch.null < 0 ? -errno : 0, "/dev/null");
        if (launch.waits_for_ready) {
                launch.socket = open_notify_socket();
                turn_check(setsockopt(launch.socket, SOL_SOCKET, SO_RCVTIMEO, &limit,
                                      sizeof(limit)) < 0
                                   ? -errno
                                   : 0,
                           "time limit");
        }
        while (turn_wait())
                take_turn(&launch);
        return 0;
}
