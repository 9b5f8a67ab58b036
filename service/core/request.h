/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Request: "a1:2,gpu" read into items. Nothing is looked up here.
 */
#pragma once

#include <stddef.h>

#include "core/verdict.h"

enum {
        REQUEST_ITEMS_MAX = 16,
        REQUEST_DEVICES_MAX = 64
};

typedef struct RequestItem {
        char *alias;
        unsigned count; /* of units, 1–64 */
} RequestItem;

typedef struct Request {
        RequestItem items[REQUEST_ITEMS_MAX];
        size_t n_items;
} Request;

/**
 * request_parse() - read a request
 * @text: ITEM[,ITEM…], ITEM = ALIAS[:COUNT], COUNT 1–64 (absent = 1), blanks around ignored; at most 16 items, 64 in all
 *
 * Return: 0, REQUEST_INVALID (the text quotes at most 64 characters of the item at fault) or -ENOMEM.
 */
int request_parse(const char *text, Request **ret, Refusal *refusal);
Request *request_free(Request *request);
DEFINE_CLEANUP(Request *, request_free);
