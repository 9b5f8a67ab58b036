/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Methods: the one table that binds every method to an action of polkit or to the word public, and the one way
 * to reach it. A method without its row cannot be called.
 */
#pragma once

#include "bus/authority.h"

/* Changes nothing: answers at once. */
typedef int (*PublicMethod)(Bus *bus, sd_bus_message *message, sd_bus_error *error);

/*
 * Changes something: looks, calls authorize(), acts. Returns 1 when it has answered (the call is
 * released), is parked or is with the manager; a negative errno with @error set for a refusal. @object
 * is what was found at the path in this very turn.
 */
typedef int (*GuardedMethod)(Call *call, void *object, sd_bus_error *error);

typedef struct Method {
        const char *interface, *member;
        unsigned actions; /* every action it may ask for; 0: public */
        PublicMethod answer;
        GuardedMethod change;
} Method;

extern const Method methods[];
extern const size_t n_methods;

/* The handler of every method of every vtable. */
int method_dispatch(sd_bus_message *message, void *userdata, sd_bus_error *error);

int manager_method_explain(Bus *bus, sd_bus_message *message, sd_bus_error *error);
int manager_method_check_host(Bus *bus, sd_bus_message *message, sd_bus_error *error);
int manager_method_get_device(Bus *bus, sd_bus_message *message, sd_bus_error *error);
int manager_method_get_pool(Bus *bus, sd_bus_message *message, sd_bus_error *error);
int manager_method_get_alias(Bus *bus, sd_bus_message *message, sd_bus_error *error);
int manager_method_list_attachments(Bus *bus, sd_bus_message *message, sd_bus_error *error);

int manager_method_attach(Call *call, void *object, sd_bus_error *error);
int manager_method_add_pool(Call *call, void *object, sd_bus_error *error);
int manager_method_add_alias(Call *call, void *object, sd_bus_error *error);
int manager_method_remove_pool(Call *call, void *object, sd_bus_error *error);
int manager_method_remove_alias(Call *call, void *object, sd_bus_error *error);
int manager_method_reload(Call *call, void *object, sd_bus_error *error);
int attachment_method_detach(Call *call, void *object, sd_bus_error *error);
