/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * JSON text: jansson's reader and printer, but told when memory lacks.
 *
 * jansson leaves out characters that it has no room for, without a word: a key read would be another,
 * a record printed would be none. Its allocations are therefore watched.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct json_t;

enum {
        JSON_MESSAGE_SIZE = 160
};

/**
 * json_text_parse() - read an object or an array; a key that stands twice is an error
 * @message: receives jansson's words for an error; may be NULL
 *
 * Return: 0, -EBADMSG for what is no JSON, or -ENOMEM.
 */
int json_text_parse(const char *text, size_t size, struct json_t **ret, char *message);

/* Prints in ASCII, without blanks. 0 or -ENOMEM. */
int json_text_print(const struct json_t *json, char **ret);

/* Has jansson lacked memory since the last of these calls? Then what json_unpack() says is not to be believed. */
bool json_text_lacks_memory(void);
