/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

sd_bus_message *message_new(const char *path) {
        __attribute__((cleanup(sd_bus_unrefp))) sd_bus *bus = NULL;
        sd_bus_message *message = NULL;
        int ends[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        assert_int_equal(sd_bus_new(&bus), 0);
        assert_return_code(sd_bus_set_fd(bus, ends[0], ends[0]), 0);
        assert_return_code(sd_bus_start(bus), 0);
        assert_return_code(sd_bus_message_new_signal(bus, &message, path, "a.b", "C"), 0);
        close(ends[1]);
        return message;
}

void message_finish(sd_bus_message *message) {
        assert_return_code(sd_bus_message_seal(message, 1, 0), 0);
        assert_return_code(sd_bus_message_rewind(message, 1), 0);
}
