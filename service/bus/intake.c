/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/intake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bus/errors.h"
#include "bus/weigh.h"
#include "util/log.h"
#include "util/text.h"
#include "util/vector.h"

#define DRIVER_NAME "org.freedesktop.DBus"

enum {
        TAKEN_PER_TURN =
                16,  /* calls taken in before one is worked on, when there are always more */
        WINDOW = 64, /* calls served before the bus has said that it took what came before… */
        WINDOW_OF_MANY = 2, /* …and when they are of one who has many more waiting */
        MANY = 64
};

typedef struct Waiting {
        sd_bus_message *message;
        size_t weight;
        uint32_t uid;   /* when it is served */
        bool is_answer; /* in the place of a call that was not kept */
} Waiting;

/* The calls of one user, or of one connection whose user is not known yet. */
typedef struct Lane {
        Intake *intake;
        uint32_t uid;
        char *stranger;        /* unique name; NULL: the uid is known */
        sd_bus_slot *question; /* whose is it? */
        Waiting *waiting;
        size_t first, n_waiting; /* those before the first were served */
        size_t weight;           /* of those that wait */
} Lane;

struct Intake {
        sd_bus *connection;
        Caller *callers;
        bool (*is_parked)(void *userdata, sd_bus_message *message);
        void *userdata;
        sd_bus_slot *filter;
        sd_event_source *turn;
        Lane **lanes;
        size_t n_lanes, next;     /* the lane that is served next */
        size_t n_waiting, weight; /* of all lanes */
        unsigned n_taken;         /* since the last was put back */
        Waiting served;           /* it was put back, and has not come again yet */
        Waiting current;          /* it has, and is worked on; its message is only compared */
        sd_bus_slot *question;    /* has the bus taken all that was sent before it? */
        unsigned n_unconfirmed,
                n_asked_about; /* calls served since it last said so, and before the question */
};

static size_t lane_length(const Lane *lane) {
        return lane->n_waiting - lane->first;
}

static Lane *lane_free(Lane *lane) {
        if (!lane)
                return NULL;

        for (size_t i = lane->first; i < lane->n_waiting; i++)
                sd_bus_message_unref(lane->waiting[i].message);
        sd_bus_slot_unref(lane->question);
        free(lane->waiting);
        free(lane->stranger);
        free(lane);
        return NULL;
}
DEFINE_CLEANUP(Lane *, lane_free);

static void remove_lane(Intake *intake, Lane *lane) {
        size_t i = 0;

        while (intake->lanes[i] != lane)
                i++;
        intake->weight -= lane->weight;
        intake->n_waiting -= lane_length(lane);
        intake->n_lanes--;
        memmove(intake->lanes + i, intake->lanes + i + 1,
                (intake->n_lanes - i) * sizeof(*intake->lanes));
        if (i < intake->next)
                intake->next--;
        lane_free(lane);
}

static int lane_append(Lane *lane, const Waiting *waiting) {
        int r;

        if (lane->first == lane->n_waiting)
                lane->first = lane->n_waiting = 0;
        r = VECTOR_APPEND(lane->waiting, lane->n_waiting, *waiting);
        if (r < 0)
                return r;

        (void) sd_bus_message_ref(waiting->message);
        lane->weight += waiting->weight;
        return 0;
}

static Waiting lane_take(Lane *lane) {
        Waiting waiting = lane->waiting[lane->first++];

        waiting.uid = lane->uid;
        lane->weight -= waiting.weight;
        lane->intake->n_waiting--;
        lane->intake->weight -= waiting.weight;

        /* Room is made again in good time: an array that is twice as long as what waits. */
        if (lane->first >= INTAKE_LANE_MIN && lane->first * 2 >= lane->n_waiting) {
                lane->n_waiting -= lane->first;
                memmove(lane->waiting, lane->waiting + lane->first,
                        lane->n_waiting * sizeof(*lane->waiting));
                lane->first = 0;
        }
        return waiting;
}

/* New when there is none. 0 or -ENOMEM. */
static int find_lane(Intake *intake, const char *stranger, uint32_t uid, Lane **ret) {
        _cleanup_(lane_freep) Lane *lane = NULL;
        int r;

        for (size_t i = 0; i < intake->n_lanes; i++) {
                Lane *known = intake->lanes[i];

                if (stranger ? known->stranger && strcmp(known->stranger, stranger) == 0
                             : !known->stranger && known->uid == uid) {
                        *ret = known;
                        return 0;
                }
        }

        lane = calloc(1, sizeof(*lane));
        if (!lane)
                return -ENOMEM;
        lane->intake = intake;
        lane->uid = uid;
        lane->stranger = stranger ? strdup(stranger) : NULL;
        if (stranger && !lane->stranger)
                return -ENOMEM;

        r = VECTOR_APPEND(intake->lanes, intake->n_lanes, lane);
        if (r < 0)
                return r;

        *ret = TAKE(lane);
        return 0;
}

static void answer_with_error(const Waiting *waiting, const char *name, const char *text) {
        int r = waiting->is_answer ? sd_bus_send(NULL, waiting->message, NULL)
                                   : sd_bus_reply_method_errorf(waiting->message, name, "%s", text);

        if (r < 0)
                log_debug("cannot answer a call: %s", strerror(-r));
}

/* There is something to be served: when all that has come is taken in. */
static void arm(Intake *intake, bool on) {
        int r = sd_event_source_set_enabled(intake->turn, on ? SD_EVENT_ON : SD_EVENT_OFF);

        if (r < 0)
                log_warning("cannot order calls: %s", strerror(-r));
}

static int on_confirmed(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Intake *intake = userdata;

        intake->question = sd_bus_slot_unref(intake->question);
        intake->n_unconfirmed -= intake->n_asked_about;
        arm(intake, intake->n_waiting > 0);
        return 0;
}

/* The bus answers one's messages in their order: when it answers this, it has taken what was sent before. */
static void ask_to_confirm(Intake *intake) {
        int r;

        if (intake->question)
                return;

        intake->n_asked_about = intake->n_unconfirmed;
        r = sd_bus_call_method_async(intake->connection, &intake->question, DRIVER_NAME,
                                     "/org/freedesktop/DBus", DRIVER_NAME, "GetId", on_confirmed,
                                     intake, NULL);
        if (r < 0) {
                intake->n_unconfirmed = 0; /* without it there is no limit */
                arm(intake, true);
        }
}

/* Answers may be large: with one that is not even sent, the next would only lie in memory. */
static bool is_clogged(const Intake *intake) {
        uint64_t n_queued = 0;

        return intake->n_unconfirmed > 0 &&
               sd_bus_get_n_queued_write(intake->connection, &n_queued) >= 0 && n_queued > 0;
}

/* The next lane by turns that may be served; NULL: none. @ret_held: some must wait for the bus. */
static Lane *next_lane(Intake *intake, bool *ret_held) {
        bool clogged = is_clogged(intake);

        for (size_t n = intake->n_lanes; n > 0; n--) {
                Lane *lane = intake->lanes[intake->next % intake->n_lanes];

                intake->next = intake->next % intake->n_lanes + 1;
                if (lane->stranger)
                        continue;
                if (!clogged &&
                    intake->n_unconfirmed < (lane_length(lane) > MANY ? WINDOW_OF_MANY : WINDOW))
                        return lane;
                *ret_held = true;
        }
        return NULL;
}

/* Puts the next call back, so that it is worked on; on the way to it, sends what is an answer already. */
static void serve(Intake *intake) {
        bool held = false;
        Waiting waiting;
        Lane *lane;

        while (!intake->served.message && (lane = next_lane(intake, &held))) {
                waiting = lane_take(lane);
                intake->n_taken = 0;
                intake->n_unconfirmed++;
                if (!waiting.is_answer &&
                    sd_bus_enqueue_for_read(intake->connection, waiting.message) >= 0)
                        intake->served = waiting;
                else {
                        answer_with_error(&waiting, SD_BUS_ERROR_NO_MEMORY, "No memory.");
                        sd_bus_message_unref(waiting.message);
                }
                if (lane_length(lane) == 0)
                        remove_lane(intake, lane);
        }

        if (held || intake->n_unconfirmed >= WINDOW / 2)
                ask_to_confirm(intake);
}

static int on_turn(sd_event_source *source, void *userdata) {
        Intake *intake = userdata;

        arm(intake, false); /* what is put back comes by, and arms it again */
        serve(intake);
        return 0;
}

/* The lane of a connection is now that of a user, behind what he has there already. */
static int join(Intake *intake, Lane *stranger, uint32_t uid) {
        Lane *lane;
        int r;

        r = find_lane(intake, NULL, uid, &lane);
        if (r < 0)
                return r;

        while (lane_length(stranger) > 0) {
                const Waiting *waiting = &stranger->waiting[stranger->first];

                r = lane_append(lane, waiting);
                if (r < 0) {
                        if (lane_length(lane) == 0)
                                remove_lane(intake, lane); /* each that is there has something */
                        arm(intake, intake->n_waiting > 0);
                        return r;
                }
                sd_bus_message_unref(waiting->message);
                stranger->weight -= waiting->weight;
                stranger->first++;
        }

        remove_lane(intake, stranger);
        return 0;
}

static int on_user(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Lane *lane = userdata;
        Intake *intake = lane->intake;
        uint32_t uid;

        lane->question = sd_bus_slot_unref(lane->question);
        if (!sd_bus_message_is_method_error(reply, NULL) &&
            text_equal(sd_bus_message_get_sender(reply), DRIVER_NAME) &&
            sd_bus_message_read(reply, "u", &uid) > 0) {
                callers_remember(intake->callers, lane->stranger, uid);
                if (join(intake, lane, uid) >= 0) {
                        arm(intake, true);
                        return 0;
                }
        }

        /* He has left, or there is no memory. */
        for (size_t i = lane->first; i < lane->n_waiting; i++)
                answer_with_error(&lane->waiting[i], SD_BUS_ERROR_ACCESS_DENIED,
                                  "The caller cannot be identified.");
        remove_lane(intake, lane);
        return 0;
}

/* What a lane may have of something that there is no more of. */
static size_t share_of(const Intake *intake, size_t all, size_t least) {
        size_t share = all / intake->n_lanes;

        return share > least ? share : least;
}

/*
 * May one more call wait? 0, 1 or a refusal. 1: no, and it is not answered either. Who has as many calls under way as
 * this would go on with the next one at each answer, as fast as the bus can, and nobody else would get a word in.
 */
static int check_number(const Intake *intake, const Lane *lane, sd_bus_error *error) {
        if (lane->stranger && lane_length(lane) >= INTAKE_STRANGER_MAX)
                return bus_refuse(error, LIMIT_EXCEEDED, "too many calls of this connection wait");
        return !lane->stranger && intake->n_waiting >= INTAKE_MAX &&
               lane_length(lane) >= share_of(intake, INTAKE_MAX, INTAKE_LANE_MIN);
}

/* One that cannot be read to its end has no weight that could be trusted. */
static int weigh(const Intake *intake, const Lane *lane, sd_bus_message *message, size_t *ret,
                 sd_bus_error *error) {
        int r = message_weigh(message, INTAKE_CALL_WEIGHT_MAX, ret);

        if (r < 0)
                return bus_refuse(error, r, NULL);
        if (r > 0)
                return bus_refuse(error, LIMIT_EXCEEDED, "the call is too large");
        if (intake->weight + *ret > INTAKE_WEIGHT_MAX &&
            lane->weight + *ret > share_of(intake, INTAKE_WEIGHT_MAX, INTAKE_LANE_WEIGHT_MIN))
                return bus_refuse(error, LIMIT_EXCEEDED, "too large calls of this user wait");
        return 0;
}

/*
 * What is to wait: the call, or the answer to one that is not kept, which has its turn too. No message: nobody wants an
 * answer.
 */
static int prepare(const Intake *intake, const Lane *lane, sd_bus_message *message, Waiting *ret) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        Waiting waiting = { 0 };
        int r = 0;

        if (weigh(intake, lane, message, &waiting.weight, &error) == 0) {
                waiting.message = sd_bus_message_ref(message);
        } else if (sd_bus_message_get_expect_reply(message) > 0) {
                waiting.weight = 0;
                waiting.is_answer = true;
                r = sd_bus_message_new_method_error(message, &waiting.message, &error);
        }

        *ret = waiting;
        return r;
}

static int ask_whose(Lane *lane) {
        if (!lane->stranger || lane->question)
                return 0;
        return sd_bus_call_method_async(
                lane->intake->connection, &lane->question, DRIVER_NAME, "/org/freedesktop/DBus",
                DRIVER_NAME, "GetConnectionUnixUser", on_user, lane, "s", lane->stranger);
}

static int take(Intake *intake, sd_bus_message *message, sd_bus_error *error) {
        const char *sender = sd_bus_message_get_sender(message);
        uint32_t uid = UINT32_MAX;
        bool known = callers_find(intake->callers, sender, &uid);
        Waiting waiting;
        Lane *lane;
        int r;

        r = find_lane(intake, known ? NULL : sender, uid, &lane);
        if (r < 0)
                return bus_refuse(error, r, NULL);

        r = check_number(intake, lane, error);
        if (r == 0) {
                r = prepare(intake, lane, message, &waiting);
                if (r >= 0 && waiting.message)
                        r = lane_append(lane, &waiting);
                if (r >= 0 && waiting.message) {
                        intake->n_waiting++;
                        intake->weight += waiting.weight;
                        r = ask_whose(lane);
                }
                sd_bus_message_unref(waiting.message);
                if (r < 0)
                        r = bus_refuse(error, r, NULL);
        }
        if (lane_length(lane) == 0 || (lane->stranger && !lane->question))
                remove_lane(intake, lane);
        return r < 0 ? r : 1;
}

/* Every message comes by here before it is worked on, and once more when it was put back. */
static int on_message(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        const char *sender = sd_bus_message_get_sender(message);
        Intake *intake = userdata;
        int r;

        /* Whatever this is, it is not what came before it, even if it should have that one's address. */
        intake->current = (Waiting){ 0 };
        if (!sd_bus_message_is_method_call(message, NULL, NULL) || !sender || sender[0] != ':')
                return 0;

        if (message == intake->served.message) {
                intake->current = intake->served;
                intake->served = (Waiting){ 0 };
                sd_bus_message_unref(intake->current.message); /* the connection has it */
                arm(intake, intake->n_waiting > 0);
                return 0;
        }
        if (intake->is_parked(intake->userdata, message))
                return 0;

        r = take(intake, message, error);
        if (r < 0)
                return r;

        if (++intake->n_taken >= TAKEN_PER_TURN)
                serve(intake);
        arm(intake, true);
        return 1;
}

bool intake_served(const Intake *intake, const sd_bus_message *message, uint32_t *ret_uid,
                   size_t *ret_weight) {
        if (message != intake->current.message)
                return false;

        *ret_uid = intake->current.uid;
        *ret_weight = intake->current.weight;
        return true;
}

int intake_new(Intake **ret, sd_bus *connection, sd_event *event,
               Caller callers[static CALLERS_MAX],
               bool (*is_parked)(void *userdata, sd_bus_message *message), void *userdata) {
        _cleanup_(intake_freep) Intake *intake = calloc(1, sizeof(*intake));
        int r;

        if (!intake)
                return -ENOMEM;

        intake->connection = connection;
        intake->callers = callers;
        intake->is_parked = is_parked;
        intake->userdata = userdata;
        r = sd_event_add_defer(event, &intake->turn, on_turn, intake);
        if (r >= 0)
                r = sd_event_source_set_enabled(intake->turn, SD_EVENT_OFF);
        /* Behind the connection itself: first all that has come is taken in. */
        if (r >= 0)
                r = sd_event_source_set_priority(intake->turn, SD_EVENT_PRIORITY_NORMAL + 1);
        if (r >= 0)
                r = sd_bus_add_filter(connection, &intake->filter, on_message, intake);
        if (r < 0)
                return r;

        *ret = TAKE(intake);
        return 0;
}

Intake *intake_free(Intake *intake) {
        if (!intake)
                return NULL;

        sd_bus_slot_unref(intake->filter);
        sd_bus_slot_unref(intake->question);
        sd_event_source_disable_unref(intake->turn);
        for (size_t i = 0; i < intake->n_lanes; i++)
                lane_free(intake->lanes[i]);
        free(intake->lanes);
        sd_bus_message_unref(intake->served.message);
        free(intake);
        return NULL;
}
