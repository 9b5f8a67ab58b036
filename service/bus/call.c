/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/call.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "bus/errors.h"
#include "bus/later.h"
#include "bus/turn.h"
#include "util/log.h"
#include "util/text.h"

Call *call_find(const Bus *bus, sd_bus_message *message) {
        for (size_t i = 0; i < bus->n_calls; i++)
                if (bus->calls[i]->message == message)
                        return bus->calls[i];
        return NULL;
}

static void unlink_call(Call *call) {
        Bus *bus = call->bus;
        size_t i = 0;

        while (bus->calls[i] != call)
                i++;
        bus->n_calls--;
        memmove(bus->calls + i, bus->calls + i + 1, (bus->n_calls - i) * sizeof(*bus->calls));
        call->bus = NULL;
}

Call *call_free(Call *call) {
        if (!call)
                return NULL;

        if (call->bus) {
                turn_over(call);
                unlink_call(call);
        }
        sd_bus_slot_unref(call->question);
        sd_bus_slot_unref(call->watch);
        sd_bus_slot_unref(call->confirmation);
        sd_event_source_disable_unref(call->timer);
        for (size_t i = 0; i < call->n_grants; i++)
                list_free(call->grants[i].details);
        list_free(call->shown);
        free(call->answerer);
        sd_bus_message_unref(call->message);
        free(call);
        return NULL;
}

/* The signal was only a hint (anybody may send one to us alone): this is the driver's own answer. */
static int on_caller_confirmed(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Call *call = userdata;
        int is_there;

        call->confirmation = sd_bus_slot_unref(call->confirmation);
        if (!text_equal(sd_bus_message_get_sender(reply), "org.freedesktop.DBus"))
                return 0;
        if (sd_bus_message_is_method_error(reply, NULL) ||
            sd_bus_message_read(reply, "b", &is_there) < 0 || is_there)
                return 0;
        if (call->state ==
            CALL_ACTING) /* libvirt has it: it goes on, and nobody hears the answer */
                return 0;

        call_cancel_question(call);
        call_close(call, NULL);
        return 0;
}

static int confirm_caller(Call *call) {
        if (call->confirmation)
                return 0;

        return sd_bus_call_method_async(call->bus->connection, &call->confirmation,
                                        "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                        "org.freedesktop.DBus", "NameHasOwner", on_caller_confirmed,
                                        call, "s", sd_bus_message_get_sender(call->message));
}

static int on_name_owner_changed(sd_bus_message *signal, void *userdata, sd_bus_error *error) {
        int r = confirm_caller(userdata);

        if (r < 0)
                log_warning("cannot ask whether a caller left the bus: %s", strerror(-r));
        return 0;
}

/* Without a callback of ours sd-bus would close the connection when the bus refuses the match. */
static int on_watch_installed(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        if (sd_bus_message_is_method_error(reply, NULL))
                log_warning("cannot watch a caller: %s", sd_bus_message_get_error(reply)->message);
        return 0;
}

int call_watch(Call *call) {
        _cleanup_(freep) char *match = NULL;
        int r;

        if (call->watch)
                return 0;

        match = text_print(
                "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"
                "member='NameOwnerChanged',arg0='%s',arg2=''",
                sd_bus_message_get_sender(call->message));
        if (!match)
                return -ENOMEM;

        r = sd_bus_add_match_async(call->bus->connection, &call->watch, match,
                                   on_name_owner_changed, on_watch_installed, call);
        /* He may have left before: then no signal comes. */
        return r < 0 ? r : confirm_caller(call);
}

void call_again(Call *call) {
        int r;

        call->state = CALL_RUNNING;
        r = sd_bus_message_rewind(call->message, true);
        if (r >= 0)
                r = sd_bus_enqueue_for_read(call->bus->connection, call->message);
        if (r < 0)
                call_refuse(call, r, NULL);
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata) {
        Call *call = userdata;

        if (call->state == CALL_WAITING)
                call_again(call);
        return 0;
}

/* Those that wait stand at the end, in the order in which they began to: so they are tried again. */
static void move_to_end(Call *call) {
        Bus *bus = call->bus;

        unlink_call(call);
        bus->calls[bus->n_calls++] = call;
        call->bus = bus;
}

int call_wait(Call *call, CallWait wait, uint64_t usec) {
        uint64_t now_usec;
        int r;

        r = sd_event_now(call->bus->event, CLOCK_MONOTONIC, &now_usec);
        if (r >= 0)
                r = call_watch(call);
        if (r < 0)
                return r;

        if (call->deadlines[wait] == 0) {
                call->deadlines[wait] = now_usec + usec;
                move_to_end(call);
        }
        if (now_usec >= call->deadlines[wait])
                return 0;

        call->timer = sd_event_source_disable_unref(call->timer);
        r = sd_event_add_time(call->bus->event, &call->timer, CLOCK_MONOTONIC,
                              call->deadlines[wait], 1, on_deadline, call);
        if (r < 0)
                return r;

        call->state = CALL_WAITING;
        return 1;
}

void call_fail(Call *call, const char *name, const char *text) {
        const sd_bus_error error = SD_BUS_ERROR_MAKE_CONST(name, text);
        int r;

        /* Before the answer: who has that finds the record. */
        call_record(call, audit_result_of(name), &error, NULL);
        r = sd_bus_reply_method_error(call->message, &error);
        if (r < 0)
                log_debug("cannot answer a call: %s", strerror(-r));
        call_free(call);
}

void call_refuse(Call *call, int r, const char *text) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        (void) bus_refuse(&error, r, text); /* the error is what we want of it */
        call_fail(call, error.name, error.message);
}

void call_answer(Call *call, const char *path) {
        int r;

        assert(call->authorized);

        call_record(call, text_equal(path, "/") ? AUDIT_DRY_RUN : AUDIT_DONE, NULL, path);
        r = sd_bus_reply_method_return(call->message, path ? "o" : NULL, path);
        if (r < 0)
                log_debug("cannot answer a call: %s", strerror(-r));
        call_free(call);
}

void call_act(Call *call) {
        assert(call->authorized);

        call->state = CALL_ACTING;
}

void call_orphan(Call *call) {
        unlink_call(call);
        call->watch = sd_bus_slot_unref(call->watch);
        call->confirmation = sd_bus_slot_unref(call->confirmation);
        call->timer = sd_event_source_disable_unref(call->timer);
}

void call_take_back(Call *call) {
        call->state = CALL_RUNNING;
}

/* An attachment that is still there is named by its path, which the manager does not know. */
static void refuse_about(Call *call, int verdict, const char *text, uint32_t attachment,
                         bool detach) {
        _cleanup_(freep) char *longer = NULL;
        char path[ATTACHMENT_PATH_SIZE];
        const Registry *registry = call->bus ? manager_registry(call->bus->manager) : NULL;
        bool is_there =
                attachment != 0 && (verdict == OUTCOME_PENDING ||
                                    (registry && registry_find_attachment(registry, attachment)));

        if (verdict > 0 && is_there && !strstr(text ? text : "", attachment_path(attachment, path)))
                longer = text_print("%s%s(%s)", text ? text : "", text && *text ? " " : "", path);

        if (verdict == OUTCOME_PENDING && call->bus)
                later_remember(call, attachment, detach);
        call_refuse(call, verdict, longer ? longer : text);
}

void call_done_with_path(void *userdata, int verdict, const char *text, uint32_t attachment) {
        char path[ATTACHMENT_PATH_SIZE];

        if (verdict != 0)
                refuse_about(userdata, verdict, text, attachment, false);
        else
                call_answer(userdata, attachment_path(attachment, path));
}

void call_done(void *userdata, int verdict, const char *text, uint32_t attachment) {
        if (verdict != 0)
                refuse_about(userdata, verdict, text, attachment, true);
        else
                call_answer(userdata, NULL);
}

void call_cancel_question(Call *call) {
        if (turn_is_put(call))
                turn_abandon(call);
        else
                turn_over(call);
}
