/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Nova cases: runs files of cases (README.md of this folder) against the real core and the real
 * configuration reader.
 *
 *   nova-cases [--tap [--wrong]] FILE…
 *
 * Says "ok ID" or "not ok ID: what differed" for each case and in the end "N passed, N failed"; with
 * --tap the same as a test of TAP; with --wrong besides, that each of them differs is what is
 * tested. Exit status 1 when a case failed, 2 when a file could not be read.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "exchange.h"
#include "run.h"

typedef struct Count {
        bool tap, wrong;
        unsigned n_passed, n_failed;
} Count;

static void show_exchange(FILE *file, const char *id, const Exchange *exchange) {
        fprintf(file, "# %s: holds with devices that are alike in each other's place:", id);
        for (size_t i = 0; i < exchange->n; i++) {
                char from[ADDRESS_TEXT_SIZE], to[ADDRESS_TEXT_SIZE];

                fprintf(file, " %s by %s", address_format(exchange->from[i], from),
                        address_format(exchange->to[i], to));
        }
        fprintf(file, "\n");
}

/* What differs is that of the case as it is written. */
static char *run(const json_t *json, const char *id, const char *directory, FILE *notes) {
        static const Exchange none = { 0 };
        Case c = { .json = json, .directory = directory, .exchange = &none };
        Case again = c;
        Exchanges exchanges = { 0 };

        case_run(&c);
        if (case_is_well(&c))
                return NULL;

        exchanges_find(&again, &exchanges);
        free(again.report.text);
        for (size_t i = 1; i < exchanges.n_items; i++) {
                Case other = { .json = json,
                               .directory = directory,
                               .exchange = &exchanges.items[i] };

                case_run(&other);
                if (case_is_well(&other)) {
                        show_exchange(notes, id, other.exchange);
                        free(c.report.text);
                        c.report.text = NULL;
                        break;
                }
                free(other.report.text);
        }

        exchanges_done(&exchanges);
        return c.report.text;
}

static void run_case(const json_t *json, size_t i, const char *directory, Count *count) {
        const char *id = json_string_value(json_object_get(json, "id"));
        char number[32];
        char *differed;

        (void) snprintf(number, sizeof(number), "case-%zu", i + 1);
        differed = run(json, id ?: number, directory, count->tap ? stdout : stderr);
        if (!differed && !id)
                differed = strdup("the case: it has no id");
        if (count->wrong && !differed)
                differed = strdup("nothing differs");
        else if (count->wrong) {
                printf("# %s\n", differed);
                free(differed);
                differed = NULL;
        }

        for (char *c = differed; c && *c; c++)
                if ((unsigned char) *c < ' ' || *c == 0x7f || (count->tap && *c == '#'))
                        *c = ' ';
        count->n_passed += !differed;
        count->n_failed += differed != NULL;

        printf("%s", differed ? "not ok " : "ok ");
        if (count->tap)
                printf("%u - ", count->n_passed + count->n_failed);
        printf("%s%s%s\n", id ?: number, differed ? ": " : "", differed ?: "");
        (void) fflush(stdout); /* a crash is to show behind what case it came */
        free(differed);
}

static int run_file(const char *path, const char *directory, Count *count) {
        json_error_t error;
        json_auto_t *json = json_load_file(path, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
        const json_t *cases = json_is_array(json) ? json : json_object_get(json, "cases"), *one;
        size_t i;

        if (!json) {
                fprintf(stderr, "nova-cases: %s:%d: %s\n", path, error.line, error.text);
                return -EINVAL;
        }
        if (json_array_size(cases) == 0) {
                fprintf(stderr, "nova-cases: %s: no list of cases\n", path);
                return -EINVAL;
        }

        for (i = 0; i < json_array_size(cases); i++) {
                one = json_array_get(cases, i);
                run_case(one, i, directory, count);
        }
        return 0;
}

int main(int argc, char **argv) {
        char directory[] = "/tmp/nova-cases-XXXXXX";
        Count count = { 0 };
        int r = 0, i = 1;

        count.tap = i < argc && strcmp(argv[i], "--tap") == 0;
        i += count.tap;
        count.wrong = count.tap && i < argc && strcmp(argv[i], "--wrong") == 0;
        i += count.wrong;
        if (i >= argc) {
                fprintf(stderr, "usage: nova-cases [--tap [--wrong]] FILE...\n");
                return 2;
        }
        if (!mkdtemp(directory)) {
                perror(directory);
                return 2;
        }

        for (; i < argc; i++)
                if (run_file(argv[i], directory, &count) < 0)
                        r = 2;

        if (rmdir(directory) < 0)
                perror(directory);
        if (count.tap)
                printf("1..%u\n", count.n_passed + count.n_failed);
        else
                printf("%u passed, %u failed\n", count.n_passed, count.n_failed);
        return r != 0 ? r : count.n_failed > 0;
}
