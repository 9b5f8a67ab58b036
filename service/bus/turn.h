/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Turn: when a question is put to polkit. Polkit works on one after the other, and for each asks the bus several times:
 * who may have eight questions open would let everybody else wait for eight.
 *
 * So one question of a user is put, and his next when that is answered. What polkit has for longer than a moment
 * (bus->turn_usec) waits for somebody's password, or will not be answered: it keeps nobody back. Users
 * take turns by it, because polkit takes questions as they come.
 *
 * A question that is not put yet is one of the user's pending questions, and its time has not begun. It goes with its
 * call. What it is about may change meanwhile, as it may while polkit thinks: the answer tells (authority.h).
 */
#pragma once

#include "bus/call.h"

/**
 * turn_take() - put a question to polkit, now or when it is its turn
 * @usec:      how long polkit has for it
 * @on_answer: called with the call
 *
 * Return: 0 or negative errno. When it cannot be put later, its call is answered with an error.
 */
int turn_take(Call *call, sd_bus_message *question, uint64_t usec,
              sd_bus_message_handler_t on_answer);

/* Is it put, and not answered? Then it can be cancelled. */
bool turn_is_put(const Call *call);

/* The call has no question any more: the next of its user. For a call without one it does nothing. */
void turn_over(Call *call);

/*
 * The same for one that is put: it is cancelled, and the next has its turn when polkit has done that. Else who calls and
 * leaves, again and again, would have as many questions with polkit as he likes.
 */
void turn_abandon(Call *call);

/* Forgets all that are not put yet: none of them will be. */
void turn_end(Bus *bus);

/* What is still to be cancelled is not waited for. */
void turn_done(Bus *bus);
