/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls the service with what its introspection says, right, nearly right and wrong, as the user that runs it.
 *
 *   fuzz-calls COUNT SEED
 *
 * Many calls are open at once. Prints how they ended. Ends with 1, the seed and the last calls when the service
 * is gone or leaves one unanswered.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <systemd/sd-bus.h>

#include "odd.h"

#define SERVICE    "org.hostdev1"
#define ROOT       "/org/hostdev1"
#define PROPERTIES "org.freedesktop.DBus.Properties"

enum {
        MOST_MEMBERS = 256,
        MOST_ERRORS = 64,
        OPEN_CALLS = 48,
        FEW_CALLS = 8,
        LAST_CALLS = 64,
        TIMEOUT_USEC = 120 * 1000000,
};

typedef struct Member {
        char interface[64], name[64], signature[32];
        char arguments[4][32]; /* their names */
        unsigned n_arguments;
        bool property;
} Member;

static Member members[MOST_MEMBERS];
static unsigned n_members;

static struct {
        char name[96];
        unsigned long n;
} errors[MOST_ERRORS];
static unsigned n_errors;

static char last[LAST_CALLS][200]; /* what was sent lately */
static unsigned long n_sent, n_answered, n_refused_here;
static unsigned n_open;
static bool failed;

static const char *text_of(xmlNode *node, const char *name) {
        static char texts[4][64];
        static unsigned turn;
        xmlChar *value = xmlGetProp(node, (const xmlChar *) name);
        char *text = texts[turn++ % 4];

        (void) snprintf(text, sizeof(texts[0]), "%s", value ? (const char *) value : "");
        xmlFree(value);
        return text;
}

static bool is_named(const xmlNode *node, const char *name) {
        return node->type == XML_ELEMENT_NODE && strcmp((const char *) node->name, name) == 0;
}

static void learn_member(const char *interface, xmlNode *node) {
        Member *member = &members[n_members];

        if (n_members == MOST_MEMBERS || !(is_named(node, "method") || is_named(node, "property")))
                return;

        *member = (Member){ .property = is_named(node, "property") };
        (void) snprintf(member->interface, sizeof(member->interface), "%s", interface);
        (void) snprintf(member->name, sizeof(member->name), "%s", text_of(node, "name"));
        for (xmlNode *child = node->children; child; child = child->next) {
                if (!is_named(child, "arg") || strcmp(text_of(child, "direction"), "out") == 0)
                        continue;
                strncat(member->signature, text_of(child, "type"),
                        sizeof(member->signature) - strlen(member->signature) - 1);
                if (member->n_arguments < 4)
                        (void) snprintf(member->arguments[member->n_arguments++],
                                        sizeof(member->arguments[0]), "%s", text_of(child, "name"));
        }

        for (unsigned i = 0; i < n_members; i++)
                if (strcmp(members[i].interface, member->interface) == 0 &&
                    strcmp(members[i].name, member->name) == 0)
                        return;
        n_members++;
}

/* What an object has, and the names of those below it. */
static int learn(sd_bus *bus, const char *path, unsigned depth) {
        sd_bus_message *reply = NULL;
        const char *text;
        xmlDoc *document;
        int r;

        r = sd_bus_call_method(bus, SERVICE, path, "org.freedesktop.DBus.Introspectable",
                               "Introspect", NULL, &reply, NULL);
        if (r >= 0)
                r = sd_bus_message_read(reply, "s", &text);
        if (r < 0)
                return r;

        document = xmlReadMemory(text, (int) strlen(text), NULL, NULL, XML_PARSE_NONET);
        xmlNode *root = document ? xmlDocGetRootElement(document) : NULL;

        for (xmlNode *node = root ? root->children : NULL; node; node = node->next) {
                if (is_named(node, "interface")) {
                        char interface[64];

                        (void) snprintf(interface, sizeof(interface), "%s", text_of(node, "name"));
                        for (xmlNode *child = node->children; child; child = child->next)
                                learn_member(interface, child);
                } else if (is_named(node, "node") && depth < 3) {
                        char below[256];

                        (void) snprintf(below, sizeof(below), "%s/%s", path, text_of(node, "name"));
                        odd_remember(below);
                        r = learn(bus, below, depth + 1);
                }
        }
        xmlFreeDoc(document);
        sd_bus_message_unref(reply);
        return r < 0 ? r : 0;
}

static void count_error(const char *name) {
        for (unsigned i = 0; i < n_errors; i++)
                if (strcmp(errors[i].name, name) == 0) {
                        errors[i].n++;
                        return;
                }
        if (n_errors < MOST_ERRORS) {
                (void) snprintf(errors[n_errors].name, sizeof(errors[0].name), "%s", name);
                errors[n_errors++].n = 1;
        }
}

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *ignored) {
        static const char *const fatal[] = {
                "org.freedesktop.DBus.Error.NoReply",
                "org.freedesktop.DBus.Error.ServiceUnknown",
                "org.freedesktop.DBus.Error.NameHasNoOwner",
                "org.freedesktop.DBus.Error.Timeout",
        };
        const sd_bus_error *error = sd_bus_message_get_error(reply);
        const char *path;

        n_open--;
        n_answered++;
        if (!error) {
                count_error("answered");
                if (sd_bus_message_has_signature(reply, "o") &&
                    sd_bus_message_read(reply, "o", &path) >= 0)
                        odd_remember(path);
                return 0;
        }

        count_error(error->name);
        for (size_t i = 0; i < sizeof(fatal) / sizeof(*fatal); i++)
                failed |= strcmp(error->name, fatal[i]) == 0;
        return 0;
}

/* Heavy ones come seldom: they say the same each time, and take the time of a thousand others. */
static const Member *choose(void) {
        for (;;) {
                const Member *member = &members[odd_draw(n_members)];
                bool heavy = strcmp(member->name, "CheckHost") == 0 ||
                             strcmp(member->name, "GetManagedObjects") == 0;
                bool slow = strcmp(member->name, "Reload") == 0;

                if (member->property && !odd_chance(20))
                        continue;
                if ((heavy && !odd_chance(60)) || (slow && !odd_chance(10)))
                        continue;
                return member;
        }
}

static int append_arguments(sd_bus_message *call, const Member *member) {
        const char *signature = member->signature;
        int r = 0;

        for (unsigned i = 0; r >= 0 && i < member->n_arguments; i++) {
                char type[8] = { 0 };
                size_t length = 0;

                /* The contract's own: basic types, a{sv}, aa{ss}. */
                while (signature[length] == 'a')
                        length++;
                length += signature[length] == '{' ? 4 : 1;
                memcpy(type, signature, length);
                signature += length;
                r = odd_append(call, type, member->arguments[i], 0);
        }
        return r;
}

static int append_property(sd_bus_message *call, const char *method, const Member *member) {
        int r;

        r = sd_bus_message_append(call, "s", odd_chance(8) ? odd_text("") : member->interface);
        if (r >= 0 && strcmp(method, "GetAll") != 0)
                r = sd_bus_message_append(call, "s", odd_chance(8) ? odd_text("") : member->name);
        if (r >= 0 && strcmp(method, "Set") == 0)
                r = odd_append(call, "v", "", 0);
        return r;
}

/* Where such a member is, mostly. */
static const char *place_of(const Member *member) {
        static const char *const kinds[][2] = {
                { "org.hostdev1.Device", "/device/" },
                { "org.hostdev1.Pool", "/pool/" },
                { "org.hostdev1.Alias", "/alias/" },
                { "org.hostdev1.Attachment", "/attachment/" },
        };
        const char *path = odd_path();

        if (strcmp(member->interface, "org.hostdev1.Manager") == 0)
                return odd_chance(10) ? path : ROOT;

        for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
                for (unsigned again = odd_draw(20);
                     again > 0 && strcmp(member->interface, kinds[i][0]) == 0 &&
                     !strstr(path, kinds[i][1]);
                     again--)
                        path = odd_path();
        return path;
}

static int make_call(sd_bus *bus, sd_bus_message **ret) {
        static const char *const of_properties[] = { "Get", "Set", "GetAll" };
        static const char *const strange[] = {
                "Attach", "Quit", "a", "Get", "Set", "_", "AttachNow"
        };
        const Member *member = choose();
        const char *path = place_of(member);
        const char *method = of_properties[odd_draw(3)];
        sd_bus_message *call = NULL;
        int r;

        if (member->property) {
                r = sd_bus_message_new_method_call(bus, &call, SERVICE, path, PROPERTIES, method);
                if (r >= 0)
                        r = append_property(call, method, member);
        } else if (odd_chance(25)) {
                r = sd_bus_message_new_method_call(bus, &call, SERVICE, path, member->interface,
                                                   strange[odd_draw(7)]);
                if (r >= 0)
                        r = odd_append(call, odd_signature(5), "", 0);
        } else {
                r = sd_bus_message_new_method_call(bus, &call, SERVICE, path,
                                                   odd_chance(50) ? NULL : member->interface,
                                                   member->name);
                if (r >= 0)
                        r = odd_chance(7) ? odd_append(call, odd_signature(5), "", 0)
                                          : append_arguments(call, member);
        }

        if (r >= 0 && odd_chance(20))
                r = sd_bus_message_set_allow_interactive_authorization(call, true);
        if (r < 0) {
                sd_bus_message_unref(call);
                return r;
        }
        *ret = call;
        return 0;
}

static void note_call(sd_bus_message *call) {
        (void) snprintf(last[n_sent % LAST_CALLS], sizeof(last[0]), "%lu: %.90s %.40s.%.30s(%.24s)",
                        n_sent, sd_bus_message_get_path(call),
                        sd_bus_message_get_interface(call) ?: "", sd_bus_message_get_member(call),
                        sd_bus_message_get_signature(call, true));
}

static int send_one(sd_bus *bus) {
        sd_bus_message *call = NULL;
        int r;

        r = make_call(bus, &call);
        if (r < 0) { /* sd-bus does not send what is not valid; raw bytes are another test's */
                n_refused_here++;
                return 0;
        }

        note_call(call);
        r = sd_bus_call_async(bus, NULL, call, on_answer, NULL, TIMEOUT_USEC);
        sd_bus_message_unref(call);
        if (r == -EMSGSIZE || r == -EBADMSG || r == -ENOMSG) {
                n_refused_here++;
                return 0;
        }
        if (r >= 0) {
                n_sent++;
                n_open++;
        }
        return r;
}

static int turn(sd_bus *bus) {
        int r = sd_bus_process(bus, NULL);

        return r != 0 ? r : sd_bus_wait(bus, TIMEOUT_USEC);
}

static int fuzz(sd_bus *bus, unsigned long count) {
        unsigned most = 1;
        int r = 0;

        while (r >= 0 && !failed && n_sent < count) {
                /* With few everything is in order, with many the limits are met. */
                if (odd_chance(256))
                        most = 1 + odd_draw(odd_chance(4) ? OPEN_CALLS : FEW_CALLS);
                r = n_open < most ? send_one(bus) : turn(bus);
        }
        while (r >= 0 && !failed && n_open > 0)
                r = turn(bus);
        return r;
}

int main(int argc, char **argv) {
        unsigned long count = argc > 2 ? strtoul(argv[1], NULL, 10) : 0;
        sd_bus *bus = NULL;
        time_t began = time(NULL);
        int r;

        if (count == 0) {
                fputs("usage: fuzz-calls COUNT SEED\n", stderr);
                return 2;
        }

        odd_seed(strtoul(argv[2], NULL, 10));
        r = sd_bus_open_system(&bus);
        if (r >= 0)
                r = learn(bus, ROOT, 0);
        if (r >= 0 && n_members < 20)
                r = -ENXIO;
        if (r >= 0)
                r = fuzz(bus, count);

        printf("# seed %s: %lu calls of %u members sent, %lu answered, %lu not valid enough to be sent, %ld s\n",
               argv[2], n_sent, n_members, n_answered, n_refused_here, (long) (time(NULL) - began));
        for (unsigned i = 0; i < n_errors; i++)
                printf("# %8lu %s\n", errors[i].n, errors[i].name);
        if (r < 0 || failed) {
                printf("# it ended with: %s\n", r < 0 ? strerror(-r) : "no answer");
                for (unsigned long i = n_sent > LAST_CALLS ? n_sent - LAST_CALLS : 0; i < n_sent;
                     i++)
                        printf("# %s\n", last[i % LAST_CALLS]);
        }

        sd_bus_flush_close_unref(bus);
        return r < 0 || failed ? 1 : 0;
}
