/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "table.h"

#include <errno.h>
#include <string.h>

#include <libsmartcols.h>

#include "terminal.h"
#include "util/text.h"
#include "value.h"

enum {
        LEAST_LONG = 24,
        TREE_WIDTH = 2
};

static void unref_table(struct libscols_table **table) {
        scols_unref_table(*table);
}

static int column_flags(ColumnKind kind) {
        switch (kind) {
        case COLUMN_NUMBER:
                return SCOLS_FL_RIGHT;
        case COLUMN_LONG:
                return SCOLS_FL_TRUNC;
        case COLUMN_PROSE:
        case COLUMN_LINES:
                return SCOLS_FL_WRAP;
        default:
                return 0;
        }
}

static int add_columns(struct libscols_table *table, const Column *columns, size_t n_columns,
                       bool is_tree) {
        for (size_t i = 0; i < n_columns; i++) {
                int flags = column_flags(columns[i].kind) | (i == 0 && is_tree ? SCOLS_FL_TREE : 0);
                struct libscols_column *column =
                        scols_table_new_column(table, columns[i].heading, 0, flags);
                int r = 0;

                if (!column)
                        return -ENOMEM;

                if (columns[i].kind == COLUMN_LINES)
                        r = scols_column_set_wrapfunc(column, scols_wrapnl_chunksize,
                                                      scols_wrapnl_nextchunk, NULL);
                if (r == 0 && columns[i].kind == COLUMN_LINES)
                        r = scols_column_set_safechars(column, "\n");
                if (r < 0)
                        return r;
        }
        return 0;
}

static char *cell_text(const Client *client, const Column *column, const json_t *row) {
        const json_t *value;

        if (column->text)
                return column->text(client, row);

        value = json_object_get(row, column->member);
        if (column->kind == COLUMN_NUMBER && json_integer_value(value) < 0)
                return strdup("-");
        return value_text(value);
}

static int fill_line(const Client *client, struct libscols_line *line, const Column *columns,
                     size_t n_columns, const json_t *row) {
        for (size_t i = 0; i < n_columns; i++) {
                _cleanup_(freep) char *text = cell_text(client, &columns[i], row);
                const char *colour;
                int r;

                if (!text)
                        return -ENOMEM;

                r = scols_line_set_data(line, i, text);
                if (r < 0)
                        return r;

                colour = columns[i].kind == COLUMN_WORD ? terminal_colour(text) : NULL;
                if (client->colour && colour) {
                        r = scols_cell_set_color(scols_line_get_cell(line, i), colour);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

/* Where each row stands, by what its first column says. */
static json_t *index_lines(struct libscols_table *table) {
        _cleanup_(json_decrefp) json_t *places = json_object();

        for (size_t i = 0; i < scols_table_get_nlines(table); i++) {
                struct libscols_line *line = scols_table_get_line(table, i);
                const char *text = scols_cell_get_data(scols_line_get_cell(line, 0));

                if (json_object_set_new(places, text ?: "", json_integer((json_int_t) i)) < 0)
                        return NULL;
        }

        return TAKE(places);
}

/* A row whose parent is not in the table stands for itself. */
static int link_lines(struct libscols_table *table, const json_t *rows, const char *parent) {
        _cleanup_(json_decrefp) json_t *places = index_lines(table);
        const json_t *row;
        size_t i;

        if (!places)
                return -ENOMEM;

        json_array_foreach(rows, i, row) {
                const json_t *place = json_object_get(places, member_text(row, parent));
                size_t above = (size_t) json_integer_value(place);
                int r;

                if (!place || above == i)
                        continue;

                r = scols_line_add_child(scols_table_get_line(table, above),
                                         scols_table_get_line(table, i));
                if (r < 0)
                        return r;
        }
        return 0;
}

/* What nobody has anything to say in takes no place; for scripts every column stays. */
static int hide_empty(struct libscols_table *table, const Column *columns, size_t n_columns) {
        for (size_t i = 0; i < n_columns; i++) {
                bool is_empty = columns[i].kind == COLUMN_LONG || columns[i].kind == COLUMN_MAYBE;
                int r;

                for (size_t j = 0; is_empty && j < scols_table_get_nlines(table); j++) {
                        struct libscols_line *line = scols_table_get_line(table, j);
                        const char *text = scols_cell_get_data(scols_line_get_cell(line, i));

                        is_empty = text_equal(text, "");
                }
                if (!is_empty)
                        continue;

                r = scols_column_set_flags(scols_table_get_column(table, i), SCOLS_FL_HIDDEN);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* How wide a column wants to be; one that can be cut is content with a little. */
static size_t column_width(struct libscols_table *table, const Column *column, size_t i) {
        size_t width = strlen(column->heading);

        for (size_t j = 0; j < scols_table_get_nlines(table); j++) {
                struct libscols_line *line = scols_table_get_line(table, j);
                const char *text = scols_cell_get_data(scols_line_get_cell(line, i));
                size_t n = terminal_text_width(text ?: "");

                width = n > width ? n : width;
        }
        return column->kind == COLUMN_LONG && width > LEAST_LONG ? LEAST_LONG : width;
}

/* Leaves columns out, the least worth first, until what remains has room. */
static int hide_minor(struct libscols_table *table, const Column *columns, size_t n_columns,
                      bool is_tree) {
        size_t room = terminal_columns(), width = is_tree ? TREE_WIDTH : 0;
        unsigned last = 0;

        for (size_t i = 0; i < n_columns; i++) {
                struct libscols_column *column = scols_table_get_column(table, i);

                if (!(scols_column_get_flags(column) & SCOLS_FL_HIDDEN))
                        width += column_width(table, &columns[i], i) + 1;
                last = columns[i].minor > last ? columns[i].minor : last;
        }

        for (unsigned minor = 1; minor <= last && room > 0 && width > room + 1; minor++)
                for (size_t i = 0; i < n_columns; i++) {
                        int r;

                        if (columns[i].minor != minor)
                                continue;

                        width -= column_width(table, &columns[i], i) + 1;
                        r = scols_column_set_flags(scols_table_get_column(table, i),
                                                   SCOLS_FL_HIDDEN);
                        if (r < 0)
                                return r;
                }
        return 0;
}

static int build(const Client *client, struct libscols_table *table, const Column *columns,
                 size_t n_columns, const json_t *rows, const char *parent) {
        const json_t *row;
        size_t i;
        int r;

        r = add_columns(table, columns, n_columns, parent);
        if (r < 0)
                return r;

        json_array_foreach(rows, i, row) {
                struct libscols_line *line = scols_table_new_line(table, NULL);

                r = line ? fill_line(client, line, columns, n_columns, row) : -ENOMEM;
                if (r < 0)
                        return r;
        }

        if (!client->no_legend) {
                r = hide_empty(table, columns, n_columns);
                if (r == 0)
                        r = hide_minor(table, columns, n_columns, parent);
                if (r < 0)
                        return r;
        }

        return parent ? link_lines(table, rows, parent) : 0;
}

int table_print(const Client *client, const Column *columns, size_t n_columns, const json_t *rows,
                const char *parent) {
        _cleanup_(unref_table) struct libscols_table *table = scols_new_table();
        int r;

        if (!table)
                return complain_errno(-ENOMEM, "Cannot print");

        scols_table_enable_noheadings(table, client->no_legend);
        scols_table_enable_colors(table, client->colour);
        scols_table_enable_ascii(table, !client->utf8);

        r = build(client, table, columns, n_columns, rows, parent);
        if (r == 0)
                r = scols_print_table(table);
        if (r < 0)
                return complain_errno(r, "Cannot print");

        return STATUS_DONE;
}
