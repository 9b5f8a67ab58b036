/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/actions.h"

#include <errno.h>
#include <string.h>

#include "bus/authority.h"
#include "util/log.h"
#include "util/text.h"

#define DRIVER_NAME      "org.freedesktop.DBus"
#define POLKIT_NAME      "org.freedesktop.PolicyKit1"
#define POLKIT_PATH      "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_INTERFACE "org.freedesktop.PolicyKit1.Authority"

enum {
        ENUMERATE_USEC = 60000000 /* polkit may have to be started */
};

static int ask(Bus *bus);

static char *print_missing(unsigned missing) {
        _cleanup_(list_freep) char **names = NULL;
        _cleanup_(freep) char *joined = NULL;

        for (unsigned i = 0; i < ACTION_COUNT; i++)
                if ((missing & 1u << i) && list_append(&names, action_id(1u << i)) < 0)
                        return NULL;

        joined = list_join(names, ", ");
        return joined ? text_print("polkit does not know %s", joined) : NULL;
}

/* @text is taken over; without memory for it the state says enough. */
static void settle(Bus *bus, BusActions state, char *text) {
        Actions *actions = &bus->actions;
        bool differs = state != actions->state || !text_equal(text, actions->text);

        free(actions->text);
        actions->text = text;
        actions->state = state;
        if (!differs)
                return;

        if (state == BUS_ACTIONS_MISSING)
                log_error("%s: nobody but root may change anything. Is org.hostdev1.policy "
                          "installed as it was shipped?",
                          text ? text : "polkit does not know an action");
        else if (state == BUS_ACTIONS_UNREACHABLE)
                log_warning("%s: nobody but root may change anything until it does",
                            text ? text : "polkit does not answer");
        else if (state == BUS_ACTIONS_KNOWN)
                log_info("%s", text ? text : "polkit knows every action");

        manager_look_at_host(bus->manager);
}

/* The question is over; what changed meanwhile is asked about anew. */
static void finish(Bus *bus, BusActions state, char *text) {
        bool again = bus->actions.again;

        bus->actions.question = sd_bus_slot_unref(bus->actions.question);
        bus->actions.again = false;
        settle(bus, state, text);
        if (again)
                (void) ask(bus); /* its failure is told by itself */
}

static void fail(Bus *bus, const char *why) {
        finish(bus, BUS_ACTIONS_UNREACHABLE, text_print("polkit does not answer: %s", why));
}

/* sd-bus takes anybody's answer: it counts only if polkit itself sent it. */
static int on_owner(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Bus *bus = userdata;
        Actions *actions = &bus->actions;
        const char *owner;

        if (sd_bus_message_is_method_error(reply, NULL) ||
            !text_equal(sd_bus_message_get_sender(reply), DRIVER_NAME) ||
            sd_bus_message_read(reply, "s", &owner) < 0 || !text_equal(owner, actions->answerer)) {
                fail(bus, "somebody else did, or it left");
                return 0;
        }

        if (actions->missing)
                finish(bus, BUS_ACTIONS_MISSING, print_missing(actions->missing));
        else
                finish(bus, BUS_ACTIONS_KNOWN,
                       text_print("polkit knows all %d actions", ACTION_COUNT));
        return 0;
}

static int ask_for_owner(Bus *bus, const char *answerer) {
        Actions *actions = &bus->actions;

        free(actions->answerer);
        actions->answerer = answerer ? strdup(answerer) : NULL;
        if (!actions->answerer)
                return answerer ? -ENOMEM : -EPERM;

        actions->question = sd_bus_slot_unref(actions->question);
        return sd_bus_call_method_async(bus->connection, &actions->question, DRIVER_NAME,
                                        "/org/freedesktop/DBus", DRIVER_NAME, "GetNameOwner",
                                        on_owner, bus, "s", POLKIT_NAME);
}

/* Takes away from @missing what is in the list. Negative errno when it is none. */
static int read_actions(sd_bus_message *reply, unsigned *missing) {
        const char *id;
        int r;

        r = sd_bus_message_enter_container(reply, 'a', "(ssssssuuua{ss})");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_enter_container(reply, 'r', "ssssssuuua{ss}")) > 0) {
                r = sd_bus_message_read_basic(reply, 's', &id);
                if (r >= 0)
                        r = sd_bus_message_skip(reply, "sssssuuua{ss}");
                if (r >= 0)
                        r = sd_bus_message_exit_container(reply);
                if (r < 0)
                        return r;

                for (unsigned i = 0; i < ACTION_COUNT; i++)
                        if (strcmp(id, action_id(1u << i)) == 0)
                                *missing &= ~(1u << i);
        }

        return r < 0 ? r : 0;
}

static int on_actions(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const sd_bus_error *problem = sd_bus_message_get_error(reply);
        Bus *bus = userdata;
        int r;

        if (problem) {
                fail(bus, problem->message ? problem->message : problem->name);
                return 0;
        }

        bus->actions.missing = (1u << ACTION_COUNT) - 1;
        r = read_actions(reply, &bus->actions.missing);
        if (r >= 0)
                r = ask_for_owner(bus, sd_bus_message_get_sender(reply));
        if (r < 0)
                fail(bus, strerror(-r));
        return 0;
}

static int ask(Bus *bus) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *question = NULL;
        Actions *actions = &bus->actions;
        int r;

        if (actions->question) {
                actions->again = true;
                return 0;
        }

        r = sd_bus_message_new_method_call(bus->connection, &question, POLKIT_NAME, POLKIT_PATH,
                                           POLKIT_INTERFACE, "EnumerateActions");
        if (r >= 0)
                r = sd_bus_message_append(question, "s", "");
        if (r >= 0)
                r = sd_bus_call_async(bus->connection, &actions->question, question, on_actions,
                                      bus, ENUMERATE_USEC);
        if (r < 0)
                log_warning("cannot ask polkit for its actions: %s", strerror(-r));
        return r < 0 ? r : 0;
}

/* Anybody may have sent this: it only makes us ask. */
static int on_changed(sd_bus_message *signal, void *userdata, sd_bus_error *error) {
        (void) ask(userdata); /* its failure is told by itself */
        return 0;
}

/* One who has left is not started again by us: the next call that needs an answer does that. */
static int on_presence(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Bus *bus = userdata;
        int is_there;

        if (sd_bus_message_is_method_error(reply, NULL) ||
            !text_equal(sd_bus_message_get_sender(reply), DRIVER_NAME) ||
            sd_bus_message_read(reply, "b", &is_there) < 0) {
                fail(bus, "the bus does not say whether it is there");
                return 0;
        }

        if (!is_there) {
                finish(bus, BUS_ACTIONS_UNREACHABLE, strdup("polkit has left the bus"));
                return 0;
        }

        bus->actions.question = sd_bus_slot_unref(bus->actions.question);
        (void) ask(bus); /* its failure is told by itself */
        return 0;
}

/* Anybody may have sent this one too: so the bus is asked first. */
static int on_name_owner(sd_bus_message *signal, void *userdata, sd_bus_error *error) {
        Bus *bus = userdata;
        int r;

        if (bus->actions.question) {
                bus->actions.again = true;
                return 0;
        }

        r = sd_bus_call_method_async(bus->connection, &bus->actions.question, DRIVER_NAME,
                                     "/org/freedesktop/DBus", DRIVER_NAME, "NameHasOwner",
                                     on_presence, bus, "s", POLKIT_NAME);
        if (r < 0)
                log_warning("cannot ask whether polkit is there: %s", strerror(-r));
        return 0;
}

/* Without a callback of ours sd-bus would close the connection when the bus refuses the match. */
static int on_match(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        if (sd_bus_message_is_method_error(reply, NULL))
                log_warning("cannot watch polkit: %s", sd_bus_message_get_error(reply)->message);
        return 0;
}

int actions_start(Bus *bus) {
        int r;

        r = sd_bus_add_match_async(bus->connection, &bus->actions.on_changed,
                                   "type='signal',sender='" POLKIT_NAME
                                   "',interface='" POLKIT_INTERFACE "',member='Changed'",
                                   on_changed, on_match, bus);
        if (r >= 0)
                r = sd_bus_add_match_async(bus->connection, &bus->actions.on_owner,
                                           "type='signal',sender='" DRIVER_NAME
                                           "',interface='" DRIVER_NAME
                                           "',member='NameOwnerChanged',arg0='" POLKIT_NAME "'",
                                           on_name_owner, on_match, bus);
        return r < 0 ? r : ask(bus);
}

void actions_stop(Bus *bus) {
        Actions *actions = &bus->actions;

        sd_bus_slot_unref(actions->question);
        sd_bus_slot_unref(actions->on_changed);
        sd_bus_slot_unref(actions->on_owner);
        free(actions->answerer);
        free(actions->text);
        *actions = (Actions){ 0 };
}

int actions_check(const Bus *bus, sd_bus_error *error) {
        if (bus->actions.state != BUS_ACTIONS_MISSING)
                return 0;

        return sd_bus_error_setf(error, SD_BUS_ERROR_ACCESS_DENIED, "Not authorized: %s",
                                 bus->actions.text ? bus->actions.text : "an action is missing");
}

BusActions bus_actions(const Bus *bus, const char **ret_text) {
        if (ret_text)
                *ret_text = bus->actions.text ? bus->actions.text : "polkit has not answered yet";
        return bus->actions.state;
}
