/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "patience.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "terminal.h"
#include "util/text.h"
#include "value.h"

enum {
        TICK_USEC = 1000000
};

typedef struct Wait {
        Client *client;
        const Awaited *awaited;
        sd_bus_message *reply;   /* of the call, once it is there */
        sd_bus_message *objects; /* of the look at what becomes of it */
        bool is_looking;
        char *told;
} Wait;

static void wait_done(Wait *wait) {
        sd_bus_message_unref(wait->reply);
        sd_bus_message_unref(wait->objects);
        free(wait->told);
}

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Wait *wait = userdata;

        wait->reply = sd_bus_message_ref(reply);
        return 0;
}

static int on_objects(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Wait *wait = userdata;

        wait->objects = sd_bus_message_ref(reply);
        wait->is_looking = false;
        return 0;
}

static bool is_awaited(const Awaited *awaited, const json_t *attachment) {
        if (awaited->path)
                return text_equal(member_text(attachment, "path"), awaited->path);

        return text_equal(member_text(attachment, "state"), "attaching") &&
               (text_equal(member_text(attachment, "domain"), awaited->domain) ||
                strcasecmp(member_text(attachment, "domain_uuid"), awaited->domain) == 0);
}

/* Before there is an attachment. */
static const char *say_choice(const Client *client) {
        if (client->has_wait && client->wait_seconds > 0)
                return "devices to become free";
        if (client->host || geteuid() != 0)
                return "authorization by polkit";
        return "devices to be chosen";
}

static char *say_attachment(const json_t *attachment) {
        _cleanup_(freep) char *devices = value_text(json_object_get(attachment, "devices"));
        const char *domain = member_text(attachment, "domain");

        if (!devices)
                return NULL;
        if (!text_equal(member_text(attachment, "state"), "detaching"))
                return text_print("libvirt to give %s to %s", devices, domain);
        if (json_is_true(json_object_get(attachment, "live")))
                return text_print("the guest %s to let go of %s", domain, devices);
        return text_print("libvirt to take %s out of %s", devices, domain);
}

/* What is waited for now: new text, or NULL when that cannot be said. */
static char *say(const Wait *wait) {
        _cleanup_(objects_done) Objects objects = { 0 };
        const json_t *attachment;
        size_t i;

        if (objects_parse(wait->objects, &objects) < 0)
                return NULL;

        json_array_foreach(objects.lists[OBJECT_ATTACHMENT], i, attachment) {
                if (is_awaited(wait->awaited, attachment))
                        return say_attachment(attachment);
        }

        return wait->awaited->path ? NULL : strdup(say_choice(wait->client));
}

static void tell(Wait *wait) {
        _cleanup_(freep) char *text = say(wait), *line = NULL;

        wait->objects = sd_bus_message_unref(wait->objects);
        if (!text || text_equal(text, wait->told))
                return;

        line = terminal_escape(text);
        if (!line)
                return;

        fprintf(stderr, "Waiting for %s\n", line);
        free(wait->told);
        wait->told = TAKE(text);
}

/* Asks for the objects; the answer is looked at when it is there, and may never come. */
static int look(Wait *wait) {
        if (wait->is_looking)
                return 0;

        wait->is_looking = true;
        return sd_bus_call_method_async(wait->client->bus, NULL, SERVICE, SERVICE_PATH,
                                        OBJECT_MANAGER_INTERFACE, "GetManagedObjects", on_objects,
                                        wait, NULL);
}

static int wait_for_reply(Wait *wait) {
        sd_bus *bus = wait->client->bus;
        int r;

        while (!wait->reply) {
                r = sd_bus_process(bus, NULL);
                if (r < 0)
                        return r;
                if (wait->objects && !wait->reply)
                        tell(wait);
                if (r > 0)
                        continue;

                r = sd_bus_wait(bus, TICK_USEC);
                if (r < 0 && r != -EINTR)
                        return r;
                if (r != 0)
                        continue;

                r = look(wait);
                if (r < 0)
                        return r;
        }
        return 0;
}

int patience_send(Client *client, sd_bus_message *call, const Awaited *awaited,
                  sd_bus_message **ret) {
        _cleanup_(wait_done) Wait wait = { .client = client, .awaited = awaited };
        int r;

        if (client->json || client->no_legend || !isatty(STDERR_FILENO))
                return call_send(client, call, ret);

        r = sd_bus_call_async(client->bus, NULL, call, on_reply, &wait, UINT64_MAX);
        if (r >= 0)
                r = wait_for_reply(&wait);
        if (r < 0)
                return call_failed(client, r, NULL);

        if (sd_bus_message_is_method_error(wait.reply, NULL))
                return call_failed(client, -sd_bus_message_get_errno(wait.reply),
                                   sd_bus_message_get_error(wait.reply));
        if (ret)
                *ret = sd_bus_message_ref(wait.reply);
        return STATUS_DONE;
}
