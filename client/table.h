/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Table: rows of JSON objects under headings, by libsmartcols.
 */
#pragma once

#include <stddef.h>

#include <jansson.h>

#include "client.h"

typedef enum ColumnKind {
        COLUMN_TEXT,
        COLUMN_NUMBER, /* at the right; a negative one is unknown and shown as "-" */
        COLUMN_LONG, /* text that may be cut on a terminal, and left out where every row is empty */
        COLUMN_PROSE, /* text that may be broken into lines on a terminal */
        COLUMN_LINES, /* text in lines, which stay whole while others can be cut */
        COLUMN_WORD,  /* a word that may have a colour */
        COLUMN_MAYBE, /* text that stays whole, and is left out where every row is empty */
} ColumnKind;

typedef struct Column {
        const char *heading;
        const char *member; /* which member of the row is shown */
        ColumnKind kind;
        /* Instead of @member: new text, or NULL without memory. */
        char *(*text)(const Client *client, const json_t *row);
        /* On a terminal that is too narrow for all, 1 is the first to go; 0 stays. */
        unsigned minor;
} Column;

/**
 * table_print() - print rows
 * @rows:   an array of objects
 * @parent: the member that holds the first column's text of the row above in a tree; NULL: no tree
 *
 * Return: the exit status.
 */
int table_print(const Client *client, const Column *columns, size_t n_columns, const json_t *rows,
                const char *parent);
