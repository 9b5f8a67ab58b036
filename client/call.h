/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Call: methods of the service, without a time-out, and what its errors mean for the exit status.
 */
#pragma once

#include "client.h"

#define SERVICE                  "org.hostdev1"
#define SERVICE_PATH             "/org/hostdev1"
#define MANAGER                  "org.hostdev1.Manager"
#define ATTACHMENT               "org.hostdev1.Attachment"
#define OBJECT_MANAGER_INTERFACE "org.freedesktop.DBus.ObjectManager"
#define PROPERTIES_INTERFACE     "org.freedesktop.DBus.Properties"

/* Connects, unless that is done. Return: STATUS_DONE, or the status of what was complained of. */
int call_connect(Client *client);

/**
 * call_new() - begin a call to the service; connects when there is no connection yet
 * @ret: the message, to which arguments are appended
 *
 * Return: STATUS_DONE, or the exit status of what was complained of.
 */
int call_new(Client *client, const char *path, const char *interface, const char *member,
             sd_bus_message **ret);

/* Sends a call and waits for as long as it takes. @ret may be NULL. Return: as call_new(). */
int call_send(Client *client, sd_bus_message *call, sd_bus_message **ret);

/* Complains of a call that failed, and says what to do. @error may be NULL. Return: the status. */
int call_failed(Client *client, int r, const sd_bus_error *error);

/* A call that failed: the exit status for the name of a D-Bus error. */
Status call_status(const char *error_name);

/* Complains of a message that cannot be written or read. Return: STATUS_FAILED. */
int call_complain(int error);

/* Complains that there is no bus. Return: STATUS_UNREACHABLE. */
int call_complain_bus(const Client *client, const char *text);

/* Appends an option with one plain value; as sd_bus_message_append(). 0 or negative errno. */
#define call_append_option(call, name, type, value)                                                \
        sd_bus_message_append((call), "{sv}", (name), (type), (value))
