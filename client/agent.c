/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>

static bool is_of_use(const Client *client) {
        return !client->no_ask_password && !client->host && geteuid() != 0 && isatty(STDIN_FILENO);
}

/* @notify reaches the agent, which closes it when it is ready. */
static int spawn(int notify, pid_t *ret) {
        char number[16];
        char *const arguments[] = { (char *) "pkttyagent", (char *) "--notify-fd", number,
                                    (char *) "--fallback", NULL };
        posix_spawn_file_actions_t actions;
        int r;

        snprintf(number, sizeof(number), "%d", notify);

        r = posix_spawn_file_actions_init(&actions);
        if (r != 0)
                return -r;

        /* Onto itself: the one way to let a close-on-exec descriptor through. */
        r = posix_spawn_file_actions_adddup2(&actions, notify, notify);
        if (r == 0)
                r = posix_spawnp(ret, arguments[0], &actions, NULL, arguments, environ);

        posix_spawn_file_actions_destroy(&actions);
        return -r;
}

pid_t agent_start(const Client *client) {
        _cleanup_(closep) int ours = -1, theirs = -1;
        int r, ends[2];
        pid_t agent = 0;

        if (!is_of_use(client) || pipe2(ends, O_CLOEXEC) < 0)
                return 0;

        ours = ends[0];
        theirs = ends[1];
        r = spawn(theirs, &agent);
        if (r < 0)
                return 0;

        close(TAKE_FD(theirs));

        /* Closed when it has told polkit of itself, and when it could not and has ended. */
        struct pollfd closed = { .fd = ours };

        while (poll(&closed, 1, -1) < 0 && errno == EINTR)
                ;
        return agent;
}

void agent_stop(pid_t agent) {
        if (agent <= 0)
                return;

        (void) kill(agent, SIGTERM);
        (void) kill(agent, SIGCONT); /* it may have been stopped for reading in the background */
        while (waitpid(agent, NULL, 0) < 0 && errno == EINTR)
                ;
}
