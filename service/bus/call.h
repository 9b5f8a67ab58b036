/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Call: a changing method call from its arrival to its answer, while it is parked: for polkit, for
 * the first reconcile, for a device to become free, or for libvirt.
 *
 * A parked call holds no part of the registry, only its message and its sender's uid. It goes on by
 * being read again from the start (methods.h): so whatever it looked up is looked up again.
 */
#pragma once

#include "bus/state.h"

typedef enum CallState {
        CALL_RUNNING, /* its handler runs, or it is queued to be read again */
        CALL_ASKING,  /* polkit was asked, or will be when it is their turn: may they */
        CALL_WAITING, /* for the registry to change, or a deadline */
        CALL_ACTING,  /* with the manager, who answers by call_done() */
} CallState;

typedef enum CallWait {
        WAIT_RECONCILE,
        WAIT_DEVICE,
        _CALL_WAIT_END,
} CallWait;

enum {
        QUESTIONS_MAX = 3 /* to polkit about one call, each on other details */
};

/* What polkit says to a question that only wants to know. */
typedef enum Answer {
        ANSWER_NONE, /* nothing yet */
        ANSWER_NO,
        ANSWER_CHALLENGE, /* not without the caller's authenticating */
        ANSWER_YES,
} Answer;

/* What polkit was shown, and for which actions it said yes. */
typedef struct Grant {
        char **details; /* keys and values by turns */
        unsigned actions;
        Answer answer; /* of a call that consults */
} Grant;

struct Call {
        Bus *bus; /* NULL when the bus is gone and only the manager still has it */
        sd_bus_message *message;
        CallState state;
        size_t weight;       /* of its arguments, in bytes or so */
        uint32_t uid;        /* the caller's effective one, as the bus reports it */
        unsigned actions;    /* those that the table binds its method to */
        bool authorized;     /* in this turn */
        bool consults;       /* it only wants to know: no answer ends it */
        bool granted;        /* that it was is on record */
        char **shown;        /* the details with which authorize() was called last */
        const char *reason;  /* the caller's, borrowed from the message; NULL: none */
        uint64_t began_usec; /* of CLOCK_MONOTONIC */
        Grant grants[QUESTIONS_MAX];
        size_t n_grants;
        unsigned asked;       /* the action of the open question */
        char *cancellation;   /* its name, while polkit has not answered */
        sd_bus_message *kept; /* it is not polkit's turn to answer it yet (turn.h) */
        uint64_t put_usec;    /* when it was put to polkit, CLOCK_MONOTONIC */
        uint64_t answer_usec; /* how long polkit has then */
        sd_bus_message_handler_t on_answer;
        char *answerer;                    /* unique name of who answered it */
        sd_bus_slot *question;             /* what is being asked */
        sd_bus_slot *watch, *confirmation; /* of the caller leaving the bus */
        sd_event_source *timer;
        uint64_t deadlines[_CALL_WAIT_END]; /* µs of CLOCK_MONOTONIC; 0: did not wait for that */
};

/* Nobody shall keep others out, and nobody root. How large a call may be is a matter of the intake. */
enum {
        CALLS_MAX = 256, /* of all */
        CALLS_PER_USER_MAX = 16,
        QUESTIONS_PER_USER_MAX = 8,
        CALL_WEIGHT_KEPT_MAX = 256 << 10 /* of one that is kept while polkit is asked */
};

/* The call of this message that was parked before; NULL: none. */
Call *call_find(const Bus *bus, sd_bus_message *message);

/* A new call, whose user the intake knows. 0 or negative errno. */
int call_new(Call **ret, Bus *bus, sd_bus_message *message);
Call *call_free(Call *call); /* NULL is fine; always returns NULL */
DEFINE_CLEANUP(Call *, call_free);

/* Watches for its sender leaving the bus: from now on it goes with him. 0 or negative errno. */
int call_watch(Call *call);

/* May this new one be worked on? 0, or LIMIT_EXCEEDED when its user, or all, have too many. */
int call_admit(Call *call, Refusal *refusal);

/* How many calls of this user there are, and how many of them in @state. */
size_t call_count(const Bus *bus, uint32_t uid, CallState state, size_t *ret_total);

/* Queues the message to be read again from its start; answers with an error when that cannot be. */
void call_again(Call *call);

/**
 * call_wait() - park until something changes
 * @wait: for what; the time runs from the first wait for the same thing
 * @usec: how long at most
 *
 * Return: 1 when it is parked (the handler returns that), 0 when its time is over, or negative errno.
 */
int call_wait(Call *call, CallWait wait, uint64_t usec);

/*
 * The one end of a call that was refused by its handler (@error is what it is answered with), by the next
 * function, or that nobody waits for any more (NULL): it is recorded and forgotten. NULL @call is fine.
 */
void call_close(Call *call, const sd_bus_error *error);

/* Puts it on record that the call came to this; @error and @attachment are those of its answer, or NULL. */
void call_record(Call *call, AuditResult result, const sd_bus_error *error, const char *attachment);

/* The texts that its arguments begin with; they are left as they are from where there is none. */
void record_arguments(const Call *call, const char *arguments[static AUDIT_ARGUMENTS]);

/* Records that the call is authorized now; once for the same details. */
void call_record_grant(Call *call);

/* Answers with an error, and forgets the call. */
void call_refuse(Call *call, int r, const char *text);
void call_fail(Call *call, const char *name, const char *text);

/* Answers an authorized call, with a path or (NULL) with nothing, and forgets it. */
void call_answer(Call *call, const char *path);

/* Hands an authorized call over to the manager, which answers by one of the two below. */
void call_act(Call *call);
/* The bus goes, the manager still has the call: only its message stays. */
void call_orphan(Call *call);
/* The manager said no after all: the call is the handler's again. */
void call_take_back(Call *call);

/* ManagerDone: of Attach, answers with the attachment's path; of Detach, with nothing. @userdata is the call. */
void call_done_with_path(void *userdata, int verdict, const char *text, uint32_t attachment);
void call_done(void *userdata, int verdict, const char *text, uint32_t attachment);

/* Asks polkit to forget the open question. */
void call_cancel_question(Call *call);
