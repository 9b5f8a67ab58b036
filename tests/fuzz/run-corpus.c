/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs each file of a directory through a fuzz target, as a test of TAP. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"
#include "util/cleanup.h"

static int read_file(int directory, const char *name, uint8_t **ret, size_t *ret_size) {
        _cleanup_(closep) int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
        _cleanup_(freep) uint8_t *bytes = NULL;
        struct stat status;

        if (fd < 0 || fstat(fd, &status) < 0)
                return -errno;

        /* Of exactly this size, so that a sanitizer sees a byte too many. */
        bytes = malloc((size_t) status.st_size);
        if (!bytes && status.st_size > 0)
                return -ENOMEM;
        if (read(fd, bytes, (size_t) status.st_size) != status.st_size)
                return -EIO;

        *ret = TAKE(bytes);
        *ret_size = (size_t) status.st_size;
        return 0;
}

static int run_file(int directory, const char *name) {
        _cleanup_(freep) uint8_t *bytes = NULL;
        size_t size = 0;
        int r;

        r = read_file(directory, name, &bytes, &size);
        if (r < 0)
                return r;
        return LLVMFuzzerTestOneInput(bytes, size);
}

int main(int argc, char **argv) {
        struct dirent **entries;
        int n, directory, n_run = 0, n_failed = 0;

        directory = argc == 2 ? open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
        n = argc == 2 ? scandir(argv[1], &entries, NULL, alphasort) : -1;
        if (directory < 0 || n < 0) {
                fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
                return 2;
        }

        for (int i = 0; i < n; i++) {
                const char *name = entries[i]->d_name;

                if (*name != '.') {
                        int r = run_file(directory, name);

                        n_failed += r != 0;
                        printf("%s %d - %s\n", r == 0 ? "ok" : "not ok", ++n_run, name);
                        (void) fflush(stdout); /* a crash is to show behind what file it came */
                }
                free(entries[i]);
        }

        free(entries);
        close(directory);
        printf("1..%d\n", n_run);
        return n_failed > 0 || n_run == 0;
}
