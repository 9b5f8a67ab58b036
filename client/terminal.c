/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "terminal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include <langinfo.h>
#include <wchar.h>

#include "util/text.h"

#define COLOUR_END "\033[0m"

static const struct {
        const char *word, *colour;
} colours[] = {
        { "available", "\033[32m" },   { "pass", "\033[32m" },     { "yes", "\033[32m" },
        { "attached", "\033[36m" },    { "reserved", "\033[33m" }, { "attaching", "\033[33m" },
        { "detaching", "\033[33m" },   { "warn", "\033[33m" },     { "lost", "\033[1;31m" },
        { "gone", "\033[1;31m" },      { "fail", "\033[1;31m" },   { "no", "\033[1;31m" },
        { "unavailable", "\033[90m" }, { "skip", "\033[90m" },     { "✓", "\033[1;32m" },
        { "+", "\033[1;32m" },         { "✗", "\033[31m" },        { "x", "\033[31m" },
        { "·", "\033[90m" },           { ".", "\033[90m" },
};

void terminal_detect(Client *client) {
        const char *no_color = getenv("NO_COLOR"), *terminal = getenv("TERM");

        client->colour = isatty(STDOUT_FILENO) && !(no_color && *no_color) && terminal &&
                         !text_equal(terminal, "dumb");
        client->utf8 = text_equal(nl_langinfo(CODESET), "UTF-8");
}

char *terminal_escape(const char *text) {
        char *escaped, *end;

        if (text_is_line(text))
                return strdup(text);

        end = escaped = malloc(4 * strlen(text) + 1);
        if (!escaped)
                return NULL;

        /* Where one character is not fit to be shown, none beyond ASCII is worth the risk. */
        for (; *text; text++) {
                if ((unsigned char) *text < ' ' || (unsigned char) *text >= 0x7f)
                        end += sprintf(end, "\\x%02x", (unsigned char) *text);
                else
                        *end++ = *text;
        }
        *end = '\0';
        return escaped;
}

const char *terminal_colour(const char *word) {
        for (size_t i = 0; i < N_ELEMENTS(colours); i++)
                if (strcmp(colours[i].word, word) == 0)
                        return colours[i].colour;

        return NULL;
}

void terminal_print_word(const Client *client, const char *word) {
        const char *colour = client->colour ? terminal_colour(word) : NULL;

        printf("%s%s%s", colour ?: "", word, colour ? COLOUR_END : "");
}

size_t terminal_columns(void) {
        struct winsize size;

        if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
                return 0;
        return size.ws_col;
}

size_t terminal_text_width(const char *text) {
        size_t size = strlen(text), width = 0;
        mbstate_t state = { 0 };
        wchar_t character;

        for (size_t n; size > 0; text += n, size -= n) {
                int columns;

                n = mbrtowc(&character, text, size, &state);
                if (n == 0 || n > size)
                        return width + size; /* no text of this locale: libsmartcols shows \xNN */
                columns = wcwidth(character);
                width += columns > 0 ? (size_t) columns : 0;
        }
        return width;
}

char *terminal_bar(const Client *client, unsigned part, unsigned whole, unsigned width) {
        const char *full = client->utf8 ? "█" : "#", *empty = client->utf8 ? "░" : ".";
        unsigned filled = whole > 0 ? (unsigned) ((uint64_t) part * width / whole) : 0;
        char *bar, *end;

        /* What is not nothing is shown, however little it is. */
        if (part > 0 && filled == 0)
                filled = 1;

        end = bar = malloc(width * strlen(full) + 1);
        if (!bar)
                return NULL;

        for (unsigned i = 0; i < width; i++)
                end = stpcpy(end, i < filled ? full : empty);
        return bar;
}

/* A message stays one line whatever the daemon, or libvirt through it, put into it. */
static void print_line(const char *text) {
        _cleanup_(freep) char *line = strdup(text), *escaped = NULL;

        for (char *c = line; c && *c; c++)
                if (*c == '\n' || *c == '\t')
                        *c = ' ';

        escaped = line ? terminal_escape(text_strip(line)) : NULL;
        fprintf(stderr, "%s\n", escaped ?: "Out of memory");
}

int complain(int status, const char *format, ...) {
        _cleanup_(freep) char *text = NULL;
        va_list arguments;
        int r;

        va_start(arguments, format);
        r = vasprintf(&text, format, arguments);
        va_end(arguments);
        if (r < 0)
                text = NULL;

        fputs("hostdevctl: ", stderr);
        print_line(text ?: "Out of memory");
        return status;
}

int complain_errno(int error, const char *doing) {
        return complain(STATUS_FAILED, "%s: %s", doing, strerror(-error));
}
