/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A polkit that says what it is told, on the system bus.
 *
 *   puppet MOOD-FILE
 *
 * The file holds yes, no, challenge, error or hold, and is read at each question. What was held is answered with
 * yes at SIGUSR1. Each question is a line on standard output: its number, action, and details; so is the end of
 * one that was cancelled.
 */
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <grp.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

enum {
        HELD_MAX = 4096
};

typedef struct Held {
        sd_bus_message *question;
        char *cancellation;
} Held;

typedef struct Puppet {
        const char *mood_path;
        Held held[HELD_MAX];
        size_t n_held;
        unsigned n_questions;
} Puppet;

static void must(int r, const char *what) {
        if (r >= 0)
                return;
        fprintf(stderr, "puppet: %s: %s\n", what, strerror(-r));
        exit(EXIT_FAILURE);
}

static void read_mood(const Puppet *puppet, char mood[static 16]) {
        FILE *file = fopen(puppet->mood_path, "re");

        if (!file || !fgets(mood, 16, file))
                strcpy(mood, "error");
        mood[strcspn(mood, "\n")] = '\0';
        if (file)
                fclose(file);
}

static int reply(sd_bus_message *question, bool yes, bool challenge) {
        return sd_bus_reply_method_return(question, "(bba{ss})", yes, challenge, 0);
}

static void print_question(Puppet *puppet, sd_bus_message *question, char **ret_cancellation) {
        const char *kind, *key, *name, *action, *value, *cancellation;
        uint32_t flags;

        must(sd_bus_message_enter_container(question, 'r', "sa{sv}"), "subject");
        must(sd_bus_message_read(question, "sa{sv}", &kind, 1, &key, "s", &name), "subject");
        must(sd_bus_message_exit_container(question), "subject");
        must(sd_bus_message_read(question, "s", &action), "action");
        printf("question %u %s", ++puppet->n_questions, action);
        must(sd_bus_message_enter_container(question, 'a', "{ss}"), "details");
        while (sd_bus_message_read(question, "{ss}", &key, &value) > 0)
                printf("|%s=%s", key, value);
        must(sd_bus_message_exit_container(question), "details");
        must(sd_bus_message_read(question, "us", &flags, &cancellation), "flags");
        printf("|\n");
        *ret_cancellation = strdup(cancellation);
}

static int on_check(sd_bus_message *question, void *userdata, sd_bus_error *error) {
        Puppet *puppet = userdata;
        char *cancellation, mood[16];

        print_question(puppet, question, &cancellation);
        read_mood(puppet, mood);
        if (strcmp(mood, "hold") == 0 && puppet->n_held < HELD_MAX) {
                puppet->held[puppet->n_held++] =
                        (Held){ sd_bus_message_ref(question), cancellation };
                return 1;
        }

        free(cancellation);
        if (strcmp(mood, "yes") == 0)
                return reply(question, true, false);
        if (strcmp(mood, "no") == 0)
                return reply(question, false, false);
        if (strcmp(mood, "challenge") == 0)
                return reply(question, false, true);
        return sd_bus_error_set(error, "org.freedesktop.PolicyKit1.Error.Failed", "as I am told");
}

static void drop(Puppet *puppet, size_t i) {
        sd_bus_message_unref(puppet->held[i].question);
        free(puppet->held[i].cancellation);
        puppet->held[i] = puppet->held[--puppet->n_held];
}

static int on_cancel(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Puppet *puppet = userdata;
        const char *cancellation;

        must(sd_bus_message_read(message, "s", &cancellation), "cancellation");
        for (size_t i = 0; i < puppet->n_held; i++)
                if (strcmp(puppet->held[i].cancellation, cancellation) == 0) {
                        printf("cancelled\n");
                        (void) sd_bus_reply_method_errorf(
                                puppet->held[i].question,
                                "org.freedesktop.PolicyKit1.Error.Cancelled", "cancelled");
                        drop(puppet, i);
                        break;
                }
        return sd_bus_reply_method_return(message, NULL);
}

static int on_enumerate(sd_bus_message *question, void *userdata, sd_bus_error *error) {
        static const char *const ids[] = { "attach", "detach-own", "detach", "manage", "force" };
        sd_bus_message *answer;
        int r;

        must(sd_bus_message_new_method_return(question, &answer), "answer");
        must(sd_bus_message_open_container(answer, 'a', "(ssssssuuua{ss})"), "answer");
        for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
                char id[64];

                snprintf(id, sizeof(id), "org.hostdev1.%s", ids[i]);
                must(sd_bus_message_append(answer, "(ssssssuuua{ss})", id, "", "", "", "", "", 3, 3,
                                           3, 0),
                     "answer");
        }
        must(sd_bus_message_close_container(answer), "answer");
        r = sd_bus_send(NULL, answer, NULL);
        sd_bus_message_unref(answer);
        return r;
}

static int on_release(sd_event_source *source, const struct signalfd_siginfo *info,
                      void *userdata) {
        Puppet *puppet = userdata;

        while (puppet->n_held > 0) {
                (void) reply(puppet->held[0].question, true, false); /* its asker may have left */
                drop(puppet, 0);
        }
        printf("released\n");
        return 0;
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("CheckAuthorization", "(sa{sv})sa{ss}us", "(bba{ss})", on_check,
                      SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("CancelCheckAuthorization", "s", NULL, on_cancel, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("EnumerateActions", "s", "a(ssssssuuua{ss})", on_enumerate,
                      SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

int main(int argc, char **argv) {
        const struct passwd *user = getpwnam("polkitd");
        static Puppet puppet;
        sd_event *event;
        sigset_t signals;
        sd_bus *bus;

        if (argc != 2 || !user) {
                fputs("usage: puppet MOOD-FILE, where there is a user polkitd\n", stderr);
                return EXIT_FAILURE;
        }

        puppet.mood_path = argv[1];
        setvbuf(stdout, NULL, _IOLBF, 0);
        /* The bus lets nobody else have the name. */
        if (setgroups(0, NULL) < 0 || setgid(user->pw_gid) < 0 || setuid(user->pw_uid) < 0) {
                perror("puppet");
                return EXIT_FAILURE;
        }

        sigemptyset(&signals);
        sigaddset(&signals, SIGUSR1);
        sigprocmask(SIG_BLOCK, &signals, NULL);
        must(sd_event_default(&event), "loop");
        must(sd_event_add_signal(event, NULL, SIGUSR1, on_release, &puppet), "signal");
        must(sd_bus_open_system(&bus), "bus");
        must(sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL), "bus");
        must(sd_bus_add_object_vtable(bus, NULL, "/org/freedesktop/PolicyKit1/Authority",
                                      "org.freedesktop.PolicyKit1.Authority", vtable, &puppet),
             "object");
        must(sd_bus_request_name(bus, "org.freedesktop.PolicyKit1", 0), "name");
        must(sd_event_loop(event), "loop");
        return EXIT_SUCCESS;
}
