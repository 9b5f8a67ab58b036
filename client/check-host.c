/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Check-host: is this host fit to lend devices? What fails stands first, each with what is to be done.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "call.h"
#include "json.h"
#include "terminal.h"
#include "util/text.h"
#include "value.h"

enum {
        RESULT_COLUMN = 5, /* as wide as a result, and a blank */
        TEXT_LEAST = 24,   /* a text is not broken into less than that */
};

static const char *const results[] = { "fail", "warn", "pass", "skip" };

/* How wide a line may be; 0: as wide as it is. */
static size_t terminal_width(void) {
        struct winsize size;

        return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col
                                                                                     : 0;
}

/* Characters, of which each is taken to be one column wide. */
static size_t count_characters(const char *text, size_t size) {
        size_t n = 0;

        for (size_t i = 0; i < size; i++)
                n += ((unsigned char) text[i] & 0xc0) != 0x80;
        return n;
}

/* Prints words from @indent on, where the cursor is already, as many to a line as have room. */
static void print_words(const char *text, size_t indent, size_t width) {
        size_t room = width > indent + TEXT_LEAST ? width - indent : width > 0 ? TEXT_LEAST : 0;
        size_t column = 0;

        while (*text) {
                size_t size = strcspn(text, " "), n = count_characters(text, size);

                if (column > 0 && room > 0 && column + 1 + n > room) {
                        printf("\n%*s", (int) indent, "");
                        column = 0;
                } else if (column > 0) {
                        putchar(' ');
                        column++;
                }
                (void) fwrite(text, 1, size, stdout);
                column += n;
                text += size;
                text += strspn(text, " ");
        }
}

static int print_row(const Client *client, const json_t *check, size_t widest) {
        _cleanup_(freep) char *id = terminal_escape(member_text(check, "id"));
        _cleanup_(freep) char *evidence = terminal_escape(member_text(check, "evidence"));
        _cleanup_(freep) char *fix = terminal_escape(member_text(check, "fix"));
        const char *result = member_text(check, "result"), *arrow = client->utf8 ? "→" : ">";
        size_t indent = widest + 2 + RESULT_COLUMN, width = terminal_width();

        if (!id || !evidence || !fix)
                return complain_errno(-ENOMEM, "Cannot print");

        printf("%-*s  ", (int) widest, id);
        terminal_print_word(client, result);
        printf("%*s%s", RESULT_COLUMN - (int) strlen(result), "", client->colour ? "\033[2m" : "");
        print_words(evidence, indent, width);
        puts(client->colour ? "\033[0m" : "");

        if (*fix) {
                printf("%*s%s ", (int) indent, "", arrow);
                print_words(fix, indent + 2, width);
                putchar('\n');
        }
        return STATUS_DONE;
}

static size_t count(const json_t *checks, const char *result) {
        const json_t *check;
        size_t i, n = 0;

        json_array_foreach(checks, i, check) {
                n += strcmp(member_text(check, "result"), result) == 0;
        }
        return n;
}

static void print_verdict(const json_t *checks) {
        size_t n = json_array_size(checks), n_fail = count(checks, "fail");
        size_t n_warn = count(checks, "warn");

        if (n_fail > 0)
                printf("This host is not ready to lend devices: %zu of %zu checks %s", n_fail, n,
                       n_fail == 1 ? "fails" : "fail");
        else
                printf("This host is ready to lend devices");

        if (n_warn > 0 && n_fail > 0)
                printf(", %zu %s", n_warn, n_warn == 1 ? "warns" : "warn");
        else if (n_warn > 0)
                printf("; %zu of %zu checks %s", n_warn, n, n_warn == 1 ? "warns" : "warn");
        puts(".\n");
}

/* By result, then in the service's order, which goes from the machine up to the service. */
static int print_checks(const Client *client, const json_t *checks) {
        const json_t *check;
        size_t i, widest = 0;
        int status;

        json_array_foreach(checks, i, check) {
                size_t size = strlen(member_text(check, "id"));

                widest = size > widest ? size : widest;
        }

        if (!client->no_legend)
                print_verdict(checks);

        for (size_t kind = 0; kind < N_ELEMENTS(results); kind++)
                json_array_foreach(checks, i, check) {
                        if (strcmp(member_text(check, "result"), results[kind]) != 0)
                                continue;
                        status = print_row(client, check, widest);
                        if (status != STATUS_DONE)
                                return status;
                }
        return STATUS_DONE;
}

int verb_check_host(Client *client, char **arguments) {
        static const char *const names[] = { "id", "result", "evidence", "fix" };
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_(json_decrefp) json_t *rows = NULL, *checks = NULL;
        int r, status;

        status = call_new(client, SERVICE_PATH, MANAGER, "CheckHost", &call);
        if (status == STATUS_DONE)
                status = call_send(client, call, &reply);
        if (status != STATUS_DONE)
                return status;

        r = value_read(reply, &rows);
        if (r < 0)
                return call_complain(r);

        checks = value_name_fields(rows, names, N_ELEMENTS(names));
        if (!checks)
                return complain_errno(-ENOMEM, "Cannot print");

        status = client->json ? json_print(checks) : print_checks(client, checks);
        return status == STATUS_DONE && count(checks, "fail") > 0 ? STATUS_FAILED : status;
}
