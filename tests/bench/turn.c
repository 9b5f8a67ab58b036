/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "turn.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

double turn_now_usec(void) {
        struct timespec now;

        (void) clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
        return (double) now.tv_sec * 1e6 + (double) now.tv_nsec / 1e3;
}

bool turn_wait(void) {
        char line[256];

        return fgets(line, sizeof(line), stdin) != NULL;
}

void turn_report(const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        (void) vprintf(format, arguments);
        va_end(arguments);
        (void) putchar('\n');
        (void) fflush(stdout);
}

int turn_check(int r, const char *what) {
        if (r >= 0)
                return r;

        (void) fprintf(stderr, "%s: %s\n", what, strerror(-r));
        exit(EXIT_FAILURE);
}
