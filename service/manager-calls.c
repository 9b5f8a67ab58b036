/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who waits for an attachment, until when, and what he is told.
 */
#include <assert.h>
#include <string.h>

#include "manager-internal.h"
#include "util/vector.h"

int manager_add_activity(Manager *manager, uint32_t number) {
        Activity activity = { .number = number, .look_usec = UINT64_MAX };

        return VECTOR_APPEND(manager->activities, manager->n_activities, activity);
}

Activity *manager_activity(const Manager *manager, uint32_t number) {
        for (size_t i = 0; i < manager->n_activities; i++)
                if (manager->activities[i].number == number)
                        return &manager->activities[i];

        return NULL;
}

void manager_remove_activity(Manager *manager, uint32_t number) {
        Activity *activity = manager_activity(manager, number);

        if (!activity)
                return;

        free(activity->text);
        free(activity->calls);
        *activity = manager->activities[--manager->n_activities];
}

void manager_free_activities(Manager *manager) {
        while (manager->n_activities > 0)
                manager_remove_activity(manager, manager->activities[0].number);
        free(manager->activities);
        manager->activities = NULL;
}

void activity_remember(Activity *activity, int verdict, const char *text) {
        if (activity->verdict != 0)
                return;

        activity->verdict = verdict;
        activity->text = strdup(text);
}

void activity_forget(Activity *activity) {
        free(activity->text);
        activity->text = NULL;
        activity->verdict = 0;
}

static bool call_is_of(const Call *call, CallKind kind) {
        return kind & (call->detach ? CALLS_DETACH : CALLS_ATTACH);
}

bool activity_has_attach_calls(const Activity *activity) {
        for (size_t i = 0; i < activity->n_calls; i++)
                if (call_is_of(&activity->calls[i], CALLS_ATTACH))
                        return true;

        return false;
}

/* Whose call it was; NULL: there is none, or none more. */
static Activity *take_call(Manager *manager, uint32_t number, CallKind kind, uint64_t due_usec,
                           Call *ret) {
        Activity *activity = manager_activity(manager, number);

        for (size_t i = 0; activity && i < activity->n_calls; i++) {
                if (!call_is_of(&activity->calls[i], kind) ||
                    activity->calls[i].deadline_usec > due_usec)
                        continue;

                *ret = activity->calls[i];
                memmove(&activity->calls[i], &activity->calls[i + 1],
                        (activity->n_calls - i - 1) * sizeof(Call));
                activity->n_calls--;
                return activity;
        }

        return NULL;
}

/* Who was told that it goes on hears of its end, too; not when the service stops before. */
static void tell_end(Manager *manager, uint32_t number, CallKind kind, int verdict,
                     const char *text) {
        Activity *activity = manager_activity(manager, number);

        if (!activity || !(activity->went_on & kind))
                return;

        activity->went_on &= ~(unsigned) kind;
        if (manager->ports.ended)
                manager->ports.ended(manager->ports.userdata, number, kind == CALLS_DETACH, verdict,
                                     text);
}

void manager_answer(Manager *manager, uint32_t number, CallKind kind, uint64_t due_usec,
                    int verdict, const char *text) {
        Activity *activity;
        Call call;

        while ((activity = take_call(manager, number, kind, due_usec, &call))) {
                if (verdict == OUTCOME_PENDING)
                        activity->went_on |= kind;
                manager_publish(manager);
                call.done(call.userdata, verdict, text, number);
        }

        if (due_usec == UINT64_MAX && verdict != OUTCOME_PENDING)
                tell_end(manager, number, kind, verdict, text);
}

int manager_open_call(Manager *manager, uint32_t number, bool detach, uint64_t wait_usec,
                      ManagerDone done, void *userdata) {
        Activity *activity = manager_activity(manager, number);
        Call call = {
                .detach = detach,
                .done = done,
                .userdata = userdata,
                .deadline_usec = manager_now(manager) + wait_usec,
        };

        assert(activity);
        return VECTOR_APPEND(activity->calls, activity->n_calls, call);
}

void manager_close_last_call(Manager *manager, uint32_t number) {
        Activity *activity = manager_activity(manager, number);

        assert(activity && activity->n_calls > 0);
        activity->n_calls--;
}

void activity_postpone_attach_calls(Activity *activity, uint64_t deadline_usec) {
        for (size_t i = 0; i < activity->n_calls; i++)
                if (!activity->calls[i].detach)
                        activity->calls[i].deadline_usec = deadline_usec;
}

uint64_t manager_deadline(const Manager *manager) {
        uint64_t deadline = manager->registry.domains.missed ? manager->retry_usec : UINT64_MAX;

        for (size_t i = 0; i < manager->n_activities; i++) {
                const Activity *activity = &manager->activities[i];

                if (activity->look_usec < deadline)
                        deadline = activity->look_usec;
                for (size_t j = 0; j < activity->n_calls; j++)
                        if (activity->calls[j].deadline_usec < deadline)
                                deadline = activity->calls[j].deadline_usec;
        }

        return deadline;
}

void manager_stop(Manager *manager) {
        for (size_t i = 0; i < manager->n_activities; i++)
                manager_answer(manager, manager->activities[i].number, CALLS_ALL, UINT64_MAX,
                               OUTCOME_PENDING,
                               "The service is stopping; it goes on after its next start");
}
