/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/authority.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "bus/actions.h"
#include "bus/errors.h"
#include "bus/turn.h"
#include "util/log.h"
#include "util/text.h"

#define DRIVER_NAME "org.freedesktop.DBus"
#define POLKIT_NAME "org.freedesktop.PolicyKit1"

enum {
        CONSULT_USEC = 5000000 /* nobody is asked for a password: polkit answers at once or never */
};

static const char *const action_ids[ACTION_COUNT] = {
        BUS_NAME ".attach", BUS_NAME ".detach-own", BUS_NAME ".detach",
        BUS_NAME ".manage", BUS_NAME ".force",
};

const char *action_id(unsigned action) {
        assert(__builtin_popcount(action) == 1 && action < 1u << ACTION_COUNT);

        return action_ids[__builtin_ctz(action)];
}

static bool is_from_driver(sd_bus_message *reply) {
        return !sd_bus_message_is_method_error(reply, NULL) &&
               text_equal(sd_bus_message_get_sender(reply), DRIVER_NAME);
}

/* Polkit has answered a call that only wants to know. */
static void note(Call *call, Answer answer) {
        assert(call->n_grants > 0);

        call->grants[call->n_grants - 1].answer = answer;
        call_again(call);
}

static void deny(Call *call, bool challenge, const char *why) {
        const char *id = action_id(call->asked);
        _cleanup_(freep) char *text =
                text_print("Not authorized: %s%s%s", id, why ? ": " : "", why ? why : "");
        bool interactive = sd_bus_message_get_allow_interactive_authorization(call->message) > 0;

        if (call->consults)
                note(call, challenge ? ANSWER_CHALLENGE : ANSWER_NO);
        else if (challenge && !interactive)
                call_fail(call, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
                          "Authentication is required, and the call does not allow it.");
        else
                call_fail(call, SD_BUS_ERROR_ACCESS_DENIED, text ? text : id);
}

/* sd-bus takes any message with our serial for the answer: it counts only if polkit itself sent it. */
static int on_polkit_owner(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Call *call = userdata;
        const char *owner;

        call->question = sd_bus_slot_unref(call->question);

        if (!is_from_driver(reply) || sd_bus_message_read(reply, "s", &owner) < 0 ||
            !text_equal(owner, call->answerer)) {
                log_warning("an answer about %s did not come from polkit", action_id(call->asked));
                deny(call, false, "the answer did not come from polkit");
                return 0;
        }

        if (call->consults) {
                note(call, ANSWER_YES);
                return 0;
        }

        assert(call->n_grants > 0);
        call->grants[call->n_grants - 1].actions |= call->asked;
        call_again(call);
        return 0;
}

static int check_answerer(Call *call, const char *sender) {
        free(call->answerer);
        call->answerer = sender ? strdup(sender) : NULL;
        if (!call->answerer)
                return sender ? -ENOMEM : -EPERM;

        return sd_bus_call_method_async(call->bus->connection, &call->question, DRIVER_NAME,
                                        "/org/freedesktop/DBus", DRIVER_NAME, "GetNameOwner",
                                        on_polkit_owner, call, "s", POLKIT_NAME);
}

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Call *call = userdata;
        int authorized = 0, challenge = 0, r;

        call->question = sd_bus_slot_unref(call->question);

        if (sd_bus_message_is_method_error(reply, NULL)) {
                const sd_bus_error *problem = sd_bus_message_get_error(reply);

                _cleanup_(freep) char *why =
                        text_print("polkit did not answer: %s",
                                   problem->message ? problem->message : problem->name);

                call_cancel_question(call); /* perhaps its time was over, and it still thinks */
                deny(call, false, why);
                return 0;
        }

        turn_over(call);
        r = sd_bus_message_enter_container(reply, 'r', "bba{ss}");
        if (r > 0)
                r = sd_bus_message_read(reply, "bb", &authorized, &challenge);
        if (r <= 0 || !authorized) {
                deny(call, r > 0 && challenge, NULL);
                return 0;
        }

        r = check_answerer(call, sd_bus_message_get_sender(reply));
        if (r < 0)
                deny(call, false, strerror(-r));
        return 0;
}

static int append_details(sd_bus_message *question, char *const *details) {
        int r;

        r = sd_bus_message_open_container(question, 'a', "{ss}");
        if (r < 0)
                return r;

        for (size_t i = 0; details && details[i]; i += 2) {
                r = sd_bus_message_append(question, "{ss}", details[i], details[i + 1]);
                if (r < 0)
                        return r;
        }

        return sd_bus_message_close_container(question);
}

static int ask(Call *call, unsigned action, char *const *details) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *question = NULL;
        Bus *bus = call->bus;
        uint64_t usec = bus->question_usec;
        uint32_t flags = !call->consults && sd_bus_message_get_allow_interactive_authorization(
                                                    call->message) > 0
                                 ? 1
                                 : 0;
        int r;

        if (call->consults && usec > CONSULT_USEC)
                usec = CONSULT_USEC;

        call->cancellation = text_print("hostdev1-%" PRIu64, ++bus->n_questions);
        if (!call->cancellation)
                return -ENOMEM;

        r = call_watch(call);
        if (r < 0)
                return r;

        r = sd_bus_message_new_method_call(bus->connection, &question, POLKIT_NAME,
                                           "/org/freedesktop/PolicyKit1/Authority",
                                           POLKIT_NAME ".Authority", "CheckAuthorization");
        if (r < 0)
                return r;

        r = sd_bus_message_append(question, "(sa{sv})s", "system-bus-name", 1, "name", "s",
                                  sd_bus_message_get_sender(call->message), action_id(action));
        if (r < 0)
                return r;

        r = append_details(question, details);
        if (r < 0)
                return r;

        r = sd_bus_message_append(question, "us", flags, call->cancellation);
        if (r < 0)
                return r;

        call->asked = action;
        return turn_take(call, question, usec, on_answer);
}

/* What the caller may do is on record before it is done. */
static int grant(Call *call) {
        call_record_grant(call);
        call->authorized = true;
        return 1;
}

/* What the call is about now: for the record, and a grant for something else is another one. */
static int remember_shown(Call *call, char *const *details) {
        char **shown;
        int r;

        if (list_equal(call->shown, details))
                return 0;

        r = list_copy(details, &shown);
        if (r < 0)
                return r;

        list_free(call->shown);
        call->shown = shown;
        call->granted = false;
        return 0;
}

/* The last grant is the one that counts: what was shown now. 0, ATTACHMENT_BUSY or -ENOMEM. */
static int show(Call *call, char *const *details, Refusal *refusal) {
        Grant *grant;
        int r;

        for (size_t i = 0; i < call->n_grants; i++) {
                Grant last = call->grants[call->n_grants - 1];

                if (!list_equal(call->grants[i].details, details))
                        continue;
                call->grants[call->n_grants - 1] = call->grants[i];
                call->grants[i] = last;
                return 0;
        }

        if (call->n_grants == QUESTIONS_MAX)
                return refuse(refusal, ATTACHMENT_BUSY,
                              "the choice became another each time while polkit was asked");

        grant = &call->grants[call->n_grants];
        r = list_copy(details, &grant->details);
        if (r < 0)
                return r;

        grant->actions = 0;
        grant->answer = ANSWER_NONE;
        call->n_grants++;
        return 0;
}

/* How many may be kept while polkit is asked, and how large. */
static int check_limits(const Call *call, sd_bus_error *error) {
        if (call->weight > CALL_WEIGHT_KEPT_MAX)
                return bus_refuse(error, LIMIT_EXCEEDED,
                                  "the call is too large to be kept while polkit is asked");
        if (call_count(call->bus, call->uid, CALL_ASKING, NULL) >= QUESTIONS_PER_USER_MAX)
                return bus_refuse(error, LIMIT_EXCEEDED,
                                  "too many calls of this user wait for polkit");
        return 0;
}

int authorize(Call *call, unsigned actions, char *const *details, sd_bus_error *error) {
        Refusal refusal = { 0 };
        unsigned missing;
        int r;

        assert(actions != 0 && (actions & ~call->actions) == 0);

        r = remember_shown(call, details);
        if (r < 0)
                return bus_refuse(error, r, NULL);

        if (call->uid == 0)
                return grant(call);

        r = actions_check(call->bus, error);
        if (r < 0)
                return r;

        r = show(call, details, &refusal);
        if (r != 0)
                return bus_refuse_with(error, r, &refusal);

        missing = actions & ~call->grants[call->n_grants - 1].actions;
        if (missing == 0)
                return grant(call);

        r = check_limits(call, error);
        if (r < 0)
                return r;

        r = ask(call, missing & -missing, details);
        return r < 0 ? bus_refuse(error, r, NULL) : 0;
}

int consult(Call *call, unsigned action, char *const *details, Answer *ret, sd_bus_error *error) {
        Answer answer;
        int r;

        call->consults = true;
        if (call->uid == 0) {
                *ret = ANSWER_YES;
                return 1;
        }

        r = show(call, details, NULL);
        if (r < 0)
                return bus_refuse(error, r, NULL);

        answer = r > 0 ? ANSWER_NO : call->grants[call->n_grants - 1].answer;
        if (answer != ANSWER_NONE) {
                *ret = answer;
                return 1;
        }

        r = check_limits(call, error);
        if (r < 0)
                return r;

        r = ask(call, action, details);
        return r < 0 ? bus_refuse(error, r, NULL) : 0;
}
