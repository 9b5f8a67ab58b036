/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A client: calls a method and reads every value of the answer, from the call to the last value.
 *
 *   call NAME PATH INTERFACE METHOD [TEXT]
 *
 * With TEXT the arguments are the text and no options ("sa{sv}"), else there are none. Each turn tells how long it
 * took, how much of that before the answer was there, and how many values were read.
 */
#include <stdio.h>

#include <systemd/sd-bus.h>

#include "turn.h"

enum {
        TIMEOUT_USEC = 120 * 1000000
};

/* Reads to the end of the message or container; gives how many values of basic types. */
static unsigned long read_all(sd_bus_message *message) {
        unsigned long n_values = 0;
        const char *contents;
        union {
                const char *text;
                uint64_t number;
        } value;
        char type;

        while (turn_check(sd_bus_message_peek_type(message, &type, &contents), "type") > 0) {
                if (!contents) {
                        turn_check(sd_bus_message_read_basic(message, type, &value), "value");
                        n_values++;
                        continue;
                }

                turn_check(sd_bus_message_enter_container(message, type, contents), "container");
                n_values += read_all(message);
                turn_check(sd_bus_message_exit_container(message), "container");
        }

        return n_values;
}

static void take_turn(sd_bus *bus, char **argv, const char *text) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *call, *reply;
        double began, answered;
        unsigned long n_values;
        int r;

        began = turn_now_usec();
        r = sd_bus_message_new_method_call(bus, &call, argv[1], argv[2], argv[3], argv[4]);
        if (r >= 0 && text)
                r = sd_bus_message_append(call, "sa{sv}", text, 0);
        turn_check(r, "call");
        r = sd_bus_call(bus, call, TIMEOUT_USEC, &error, &reply);
        answered = turn_now_usec();
        turn_check(r, error.message ?: argv[4]);
        n_values = read_all(reply);
        turn_report("usec=%.1f answered=%.1f values=%lu", turn_now_usec() - began, answered - began,
                    n_values);

        sd_bus_message_unref(reply);
        sd_bus_message_unref(call);
}

int main(int argc, char **argv) {
        sd_bus *bus = NULL;

        if (argc < 5) {
                (void) fputs("usage: call NAME PATH INTERFACE METHOD [TEXT]\n", stderr);
                return 2;
        }

        turn_check(sd_bus_open_system(&bus), "bus");
        while (turn_wait())
                take_turn(bus, argv, argc > 5 ? argv[5] : NULL);
        sd_bus_flush_close_unref(bus);
        return 0;
}
