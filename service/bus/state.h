/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * State: what the files of this folder share: the bus itself, and getters of properties.
 */
#pragma once

#include "bus/audit.h"
#include "bus/bus.h"
#include "bus/callers.h"
#include "bus/intake.h"
#include "bus/paths.h"

typedef struct Call Call;
typedef struct Later Later;
typedef struct Abandoned Abandoned;

/* What is known of polkit's actions (actions.h). */
typedef struct Actions {
        BusActions state;
        char *text;                         /* what was found, in a sentence; NULL: nothing yet */
        unsigned missing;                   /* bits of Action, by the last answer */
        char *answerer;                     /* unique name of who gave it */
        sd_bus_slot *question;              /* what is being asked */
        sd_bus_slot *on_changed, *on_owner; /* signals of polkit, and of its coming and going */
        bool again;                         /* something changed while it was asked */
} Actions;

/* One kind of object below a path of its own. */
typedef struct ObjectClass {
        const char *prefix, *interface;
        const sd_bus_vtable *vtable;
        sd_bus_object_find_t find;
        sd_bus_node_enumerator_t enumerate;
} ObjectClass;

extern const ObjectClass device_class, pool_class, alias_class, attachment_class;

enum {
        CLASSES_MAX = 4
};

struct Bus {
        sd_bus *connection;
        sd_event *event;
        Manager *manager;
        BusPorts ports;
        const ObjectClass *classes[CLASSES_MAX];
        size_t n_classes;
        sd_bus_slot **slots; /* of what is registered on the connection */
        size_t n_slots;
        Call **calls; /* changing calls that are not answered yet; those that wait stand by how long they do */
        size_t n_calls;
        Abandoned **abandoned; /* questions that polkit is to cancel (turn.h) */
        size_t n_abandoned;
        Later *later; /* those that were answered as pending */
        size_t n_later;
        Caller callers[CALLERS_MAX]; /* whose user is known */
        Intake *intake;
        Actions actions;
        AuditQuota quotas[AUDIT_QUOTAS]; /* of records of refusals */
        uint64_t n_questions;            /* put to polkit so far */
        uint64_t question_usec;          /* how long polkit has for an answer */
        uint64_t turn_usec;      /* how long a question keeps back its user's next (turn.h) */
        uint64_t reconcile_usec; /* how long a call waits for the first reconcile */
};

/* The bus on which the vtable that is being served was registered. Only in callbacks of a vtable. */
static inline Bus *bus_current(sd_bus *connection) {
        return sd_bus_slot_get_userdata(sd_bus_get_current_slot(connection));
}

static inline const Registry *registry_current(sd_bus *connection) {
        return manager_registry(bus_current(connection)->manager);
}

/* Defines a getter of one value: @name is what the object is called in @expression. */
#define DEFINE_PROPERTY(function, type, name, signature, expression)                               \
        static int function(sd_bus *connection, const char *path, const char *interface,           \
                            const char *property, sd_bus_message *reply, void *userdata,           \
                            sd_bus_error *error) {                                                 \
                const type *name = userdata;                                                       \
                                                                                                   \
                return sd_bus_message_append(reply, signature, expression);                        \
        }

/* A value of its own, or one of an array: as sd_bus_message_append(reply, "s", text), in half the time. */
static inline int append_text(sd_bus_message *reply, const char *text) {
        return sd_bus_message_append_basic(reply, 's', text);
}

/* The same, of a text. */
#define DEFINE_TEXT(function, type, name, expression)                                              \
        static int function(sd_bus *connection, const char *path, const char *interface,           \
                            const char *property, sd_bus_message *reply, void *userdata,           \
                            sd_bus_error *error) {                                                 \
                const type *name = userdata;                                                       \
                                                                                                   \
                return append_text(reply, expression);                                             \
        }

/* Puts its interface on the connection; the slots are the bus's. 0 or negative errno. */
int bus_add_manager(Bus *bus);

int bus_add_class(Bus *bus, const ObjectClass *class); /* borrows it; 0 or negative errno */
int bus_keep_slot(Bus *bus,
                  sd_bus_slot *slot); /* takes @slot over, also on failure; 0 or -ENOMEM */

extern const sd_bus_vtable manager_vtable[], device_vtable[], pool_vtable[], alias_vtable[],
        attachment_vtable[];

/* Is it an object on the bus? */
bool device_is_shown(const Device *device);

/* Appends the paths of shown devices as one array. */
typedef bool (*DeviceFilter)(const Registry *registry, const Device *device, const void *set);
int append_devices(sd_bus_message *reply, const Registry *registry, DeviceFilter filter,
                   const void *set);                         /* negative errno on failure */
int append_list(sd_bus_message *reply, char *const *list);   /* as; negative errno on failure */
int append_reasons(sd_bus_message *reply, uint32_t reasons); /* their words; negative errno */
/* The Match property: the lines of a pool or an alias, aa{ss}. Negative errno on failure. */
int append_rules(sd_bus_message *reply, Rule *const *rules, size_t n_rules);
