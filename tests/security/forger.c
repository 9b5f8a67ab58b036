/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A stranger on the bus who answers in the place of polkit and of the bus, and tells of departures that are none.
 *
 *   forger ROUNDS SEED VICTIM-UID STRANGER-UID [loose]
 *
 * In each round the victim calls Attach, polkit (this program too) gets the question, the stranger sends what he can
 * forge, knowing every serial, and only then polkit gives its own answer. What the victim is told must be that
 * answer. On a loose bus, which lets through answers that nobody asked for, a forged one may turn a yes into a no,
 * because the service sees that it is forged, but never a no into a yes.
 *
 * Prints how many of each there were; exit status 1 when one had another effect.
 */
#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <systemd/sd-bus.h>

#define SERVICE     "org.hostdev1"
#define POLKIT      "org.freedesktop.PolicyKit1"
#define DRIVER      "org.freedesktop.DBus"
#define DRIVER_PATH "/org/freedesktop/DBus"

enum {
        PATIENCE_USEC = 60 * 1000000,
        GUESSES = 8 /* serials after the last that is known */
};

typedef enum Forgery {
        YES,             /* polkit's answer */
        YES_AND_OWNER,   /* and the bus's, that the stranger is polkit */
        ERROR,           /* polkit's answer */
        ROOT,            /* the bus's answer: the stranger is root */
        VICTIM_LEFT,     /* the bus's signal */
        POLKIT_MOVED,    /* the bus's signal */
        ACTIONS_CHANGED, /* polkit's signal */
        _FORGERY_COUNT,
} Forgery;

static const char *const names[_FORGERY_COUNT] = {
        "yes", "yes and owner", "error", "root", "victim left", "polkit moved", "actions changed",
};

typedef struct Scene {
        sd_bus *polkit, *victim, *stranger;
        sd_bus_message *question, *answer;
        const char *service; /* its unique name, of the question */
        bool loose;
        unsigned n_sent, n_denied_early, n_wrong;
        unsigned n_of[_FORGERY_COUNT];
} Scene;

static uint32_t seed;

static uint32_t pick(uint32_t n) {
        seed = seed * 1664525 + 1013904223;
        return (uint32_t) ((uint64_t) seed * n >> 32);
}

static void must(int r, const char *what) {
        if (r >= 0)
                return;
        fprintf(stderr, "forger: %s: %s\n", what, strerror(-r));
        exit(EXIT_FAILURE);
}

/* The bus takes the uid that the process has when it connects. */
static sd_bus *connect_as(uid_t uid) {
        const char *name;
        sd_bus *bus;

        must(seteuid(uid) < 0 ? -errno : 0, "user");
        must(sd_bus_open_system(&bus), "bus");
        must(sd_bus_get_unique_name(bus, &name), "bus");
        must(seteuid(0) < 0 ? -errno : 0, "user");
        return bus;
}

static void wait_for(sd_bus *bus, sd_bus_message **message) {
        while (!*message) {
                int r = sd_bus_process(bus, NULL);

                must(r, "bus");
                if (r == 0 && sd_bus_wait(bus, PATIENCE_USEC) <= 0)
                        must(-ETIMEDOUT, "wait");
        }
}

/* What the stranger calls himself is none of the victim's: no. */
static int on_check(sd_bus_message *question, void *userdata, sd_bus_error *error) {
        Scene *scene = userdata;
        const char *action;

        must(sd_bus_message_skip(question, "(sa{sv})"), "question");
        must(sd_bus_message_read_basic(question, 's', &action), "question");
        if (strcmp(action, SERVICE ".attach") != 0)
                return sd_bus_reply_method_return(question, "(bba{ss})", 0, 0, 0);

        scene->question = sd_bus_message_ref(question);
        return 1;
}

static int on_answer(sd_bus_message *answer, void *userdata, sd_bus_error *error) {
        Scene *scene = userdata;

        scene->answer = sd_bus_message_ref(answer);
        return 1;
}

static int on_cancel(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        return sd_bus_reply_method_return(message, NULL);
}

/* The stranger makes the service ask for it: it learns nothing, and nothing comes of that. */
static int on_enumerate(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        return sd_bus_error_set(error, POLKIT ".Error.Failed", "not told");
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("CheckAuthorization", "(sa{sv})sa{ss}us", "(bba{ss})", on_check,
                      SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("EnumerateActions", "s", "a(ssssssuuua{ss})", on_enumerate,
                      SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("CancelCheckAuthorization", "s", NULL, on_cancel, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

/* As if the service had called the stranger with this serial: what he answers goes to whom it really asked. */
static sd_bus_message *make_call(const Scene *scene, uint64_t serial) {
        sd_bus_message *call;

        must(sd_bus_message_new_method_call(scene->stranger, &call, POLKIT, "/x", "x.y", "Z"),
             "call");
        must(sd_bus_message_set_sender(call, scene->service), "call");
        must(sd_bus_message_seal(call, serial, 0), "call");
        return call;
}

static void send_answer(Scene *scene, uint64_t serial, const char *types, ...) {
        sd_bus_message *call = make_call(scene, serial), *answer;
        va_list arguments;

        va_start(arguments, types);
        must(sd_bus_message_new_method_return(call, &answer), "answer");
        must(sd_bus_message_appendv(answer, types, arguments), "answer");
        must(sd_bus_send(scene->stranger, answer, NULL), "answer");
        va_end(arguments);
        sd_bus_message_unref(answer);
        sd_bus_message_unref(call);
        scene->n_sent++;
}

static void send_error(Scene *scene, uint64_t serial) {
        const sd_bus_error error = SD_BUS_ERROR_MAKE_CONST(POLKIT ".Error.Failed", "forged");
        sd_bus_message *call = make_call(scene, serial), *answer;

        must(sd_bus_message_new_method_error(call, &answer, &error), "error");
        must(sd_bus_send(scene->stranger, answer, NULL), "error");
        sd_bus_message_unref(answer);
        sd_bus_message_unref(call);
        scene->n_sent++;
}

static void send_signal(Scene *scene, const char *path, const char *interface, const char *member,
                        const char *types, ...) {
        sd_bus_message *signal;
        va_list arguments;

        must(sd_bus_message_new_signal(scene->stranger, &signal, path, interface, member),
             "signal");
        va_start(arguments, types);
        if (types)
                must(sd_bus_message_appendv(signal, types, arguments), "signal");
        va_end(arguments);
        must(sd_bus_send_to(scene->stranger, signal, scene->service, NULL), "signal");
        sd_bus_message_unref(signal);
        scene->n_sent++;
}

/* One more caller, whose user is not known yet, calls himself; the answers come before, between and after. */
static void forge_root(Scene *scene, uint64_t serial, uid_t uid) {
        sd_bus *caller = connect_as(uid);
        sd_bus_message *call;

        must(sd_bus_message_new_method_call(caller, &call, SERVICE, "/org/hostdev1",
                                            SERVICE ".Manager", "Reload"),
             "call");
        must(sd_bus_send(caller, call, &(uint64_t){ 0 }), "call");
        must(sd_bus_flush(caller), "call");
        sd_bus_message_unref(call);
        for (unsigned i = 1; i <= 2 * GUESSES; i++)
                send_answer(scene, serial + i, "u", 0);
        sd_bus_flush_close_unref(caller);
}

static void forge(Scene *scene, Forgery forgery, uid_t stranger) {
        const char *victim, *polkit, *own;
        uint64_t serial;

        must(sd_bus_message_get_cookie(scene->question, &serial), "serial");
        must(sd_bus_get_unique_name(scene->victim, &victim), "name");
        must(sd_bus_get_unique_name(scene->polkit, &polkit), "name");
        must(sd_bus_get_unique_name(scene->stranger, &own), "name");

        switch (forgery) {
        case YES:
                send_answer(scene, serial, "(bba{ss})", 1, 0, 0);
                break;
        case YES_AND_OWNER:
                send_answer(scene, serial, "(bba{ss})", 1, 0, 0);
                for (unsigned i = 1; i <= GUESSES; i++)
                        send_answer(scene, serial + i, "s", own);
                break;
        case ERROR:
                send_error(scene, serial);
                break;
        case ROOT:
                forge_root(scene, serial, stranger);
                break;
        case VICTIM_LEFT:
                send_signal(scene, DRIVER_PATH, DRIVER, "NameOwnerChanged", "sss", victim, victim,
                            "");
                for (unsigned i = 1; i <= GUESSES; i++)
                        send_answer(scene, serial + i, "b", 0);
                break;
        case POLKIT_MOVED:
                send_signal(scene, DRIVER_PATH, DRIVER, "NameOwnerChanged", "sss", POLKIT, polkit,
                            own);
                send_signal(scene, DRIVER_PATH, DRIVER, "NameOwnerChanged", "sss", POLKIT, own, "");
                break;
        default:
                send_signal(scene, "/org/freedesktop/PolicyKit1/Authority", POLKIT ".Authority",
                            "Changed", NULL);
        }

        scene->n_of[forgery]++;
}

/* What the stranger sent has been taken when he is answered: one's messages keep their order. */
static void settle(Scene *scene) {
        must(sd_bus_call_method(scene->stranger, SERVICE, "/org/hostdev1", SERVICE ".Manager",
                                "GetPool", NULL, NULL, "s", "nics"),
             "settle");
}

static bool is_error(sd_bus_message *answer, const char *name) {
        return sd_bus_message_is_method_error(answer, name);
}

/* What the victim was told, when polkit said yes or no. */
static void judge(Scene *scene, Forgery forgery, bool yes, bool early) {
        bool denied = is_error(scene->answer, SD_BUS_ERROR_ACCESS_DENIED);
        bool granted = !is_error(scene->answer, NULL);
        bool may_deny = scene->loose && (forgery == YES || forgery == YES_AND_OWNER ||
                                         forgery == ERROR || forgery == ROOT);

        if (early && denied && may_deny)
                scene->n_denied_early++;
        else if (early || (yes ? !granted : !denied)) {
                scene->n_wrong++;
                fprintf(stderr, "%s: polkit said %s, the victim was told %s%s\n", names[forgery],
                        yes ? "yes" : "no",
                        granted ? "yes" : sd_bus_message_get_error(scene->answer)->name,
                        early ? " before that" : "");
        }
}

static void play(Scene *scene, Forgery forgery, bool yes, uid_t stranger) {
        sd_bus_message *call;
        bool early;

        must(sd_bus_message_new_method_call(scene->victim, &call, SERVICE, "/org/hostdev1",
                                            SERVICE ".Manager", "Attach"),
             "call");
        must(sd_bus_message_append(call, "ssa{sv}", "web", "nic", 1, "dry-run", "b", (int) yes),
             "call");
        must(sd_bus_call_async(scene->victim, NULL, call, on_answer, scene, UINT64_MAX), "call");
        must(sd_bus_flush(scene->victim), "call");
        sd_bus_message_unref(call);

        wait_for(scene->polkit, &scene->question);
        scene->service = sd_bus_message_get_sender(scene->question);
        forge(scene, forgery, stranger);
        settle(scene);
        settle(scene);
        while (sd_bus_process(scene->victim, NULL) > 0)
                continue;
        early = scene->answer;

        must(sd_bus_reply_method_return(scene->question, "(bba{ss})", yes, 0, 0), "answer");
        must(sd_bus_flush(scene->polkit), "answer");
        wait_for(scene->victim, &scene->answer);
        judge(scene, forgery, yes, early);
        scene->question = sd_bus_message_unref(scene->question);
        scene->answer = sd_bus_message_unref(scene->answer);
}

int main(int argc, char **argv) {
        const struct passwd *polkitd = getpwnam("polkitd");
        Scene scene = { .loose = argc == 6 && strcmp(argv[5], "loose") == 0 };
        unsigned n_rounds;

        if (argc < 5 || !polkitd) {
                fputs("usage: forger ROUNDS SEED VICTIM-UID STRANGER-UID [loose]\n", stderr);
                return EXIT_FAILURE;
        }

        n_rounds = (unsigned) atoi(argv[1]);
        seed = (uint32_t) atoi(argv[2]);
        scene.polkit = connect_as(polkitd->pw_uid);
        scene.victim = connect_as((uid_t) atoi(argv[3]));
        scene.stranger = connect_as((uid_t) atoi(argv[4]));
        must(sd_bus_add_object_vtable(scene.polkit, NULL, "/org/freedesktop/PolicyKit1/Authority",
                                      POLKIT ".Authority", vtable, &scene),
             "object");
        must(sd_bus_request_name(scene.polkit, POLKIT, 0), "name");

        for (unsigned round = 0; round < n_rounds; round++)
                play(&scene, (Forgery) pick(_FORGERY_COUNT), pick(2), (uid_t) atoi(argv[4]));

        for (size_t i = 0; i < _FORGERY_COUNT; i++)
                printf("%s%s %u", i > 0 ? ", " : "", names[i], scene.n_of[i]);
        printf("; %u messages, %u calls denied early, %u other effects\n", scene.n_sent,
               scene.n_denied_early, scene.n_wrong);
        sd_bus_flush_close_unref(scene.stranger);
        sd_bus_flush_close_unref(scene.victim);
        sd_bus_flush_close_unref(scene.polkit);
        return scene.n_wrong == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
