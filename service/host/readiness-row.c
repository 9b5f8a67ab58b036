/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/readiness-row.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "host/sysfs.h"
#include "util/text.h"

#define GROUPS       "/sys/kernel/iommu_groups"
#define COMMAND_LINE "/proc/cmdline"

static Row make_row(const char *result, const char *fix, const char *format, va_list arguments) {
        Row row = { .result = result, .fix = fix };

        if (vasprintf(&row.evidence, format, arguments) < 0)
                row.evidence = NULL;
        return row;
}

#define MAKE_ROW(result, fix, format)                                                              \
        ({                                                                                         \
                va_list _arguments;                                                                \
                Row _row;                                                                          \
                                                                                                   \
                va_start(_arguments, format);                                                      \
                _row = make_row((result), (fix), (format), _arguments);                            \
                va_end(_arguments);                                                                \
                _row;                                                                              \
        })

Row row_pass(const char *evidence, ...) {
        return MAKE_ROW("pass", "", evidence);
}

Row row_skip(const char *evidence, ...) {
        return MAKE_ROW("skip", "", evidence);
}

Row row_warn(const char *fix, const char *evidence, ...) {
        return MAKE_ROW("warn", fix, evidence);
}

Row row_fail(const char *fix, const char *evidence, ...) {
        return MAKE_ROW("fail", fix, evidence);
}

Row row_without_memory(void) {
        return (Row){ .result = "skip", .fix = "" };
}

bool readiness_exists(const char *path) {
        return access(path, F_OK) == 0;
}

/* vfio makes groups of its own for devices without an IOMMU, when an administrator lets it. */
static bool is_real_group(const char *name) {
        char path[sizeof(GROUPS "//name") + NAME_MAX], text[SYSFS_TEXT_LONGEST];

        (void) snprintf(path, sizeof(path), GROUPS "/%s/name", name);
        return sysfs_read(AT_FDCWD, path, text, sizeof(text)) < 0 ||
               strcmp(text, "vfio-noiommu") != 0;
}

bool readiness_lets_noiommu(void) {
        char text[8] = "";

        return sysfs_read(AT_FDCWD, READINESS_NOIOMMU, text, sizeof(text)) > 0 &&
               strcmp(text, "Y") == 0;
}

/* Thousands on a large host, and asked for after every event: their names are read only where it matters. */
static size_t count_groups(size_t most) {
        bool is_doubtful = readiness_lets_noiommu();
        size_t n = 0;
        DIR *directory;

        directory = opendir(GROUPS);
        for (struct dirent *entry; directory && n < most && (entry = readdir(directory));)
                n += entry->d_name[0] != '.' && (!is_doubtful || is_real_group(entry->d_name));
        if (directory)
                closedir(directory);
        return n;
}

size_t readiness_count_groups(void) {
        return count_groups(SIZE_MAX);
}

bool readiness_has_groups(void) {
        return count_groups(1) > 0;
}

char *readiness_find_line(const char *path, bool (*fits)(const char *line)) {
        _cleanup_(freep) char *line = NULL;
        size_t size = 0;
        bool found = false;
        FILE *file;

        file = fopen(path, "re");
        if (!file)
                return NULL;

        errno = 0;
        while (!found && getline(&line, &size, file) >= 0)
                found = fits(line);
        (void) fclose(file);
        if (!found)
                return NULL;

        line[strcspn(line, "\n")] = '\0';
        return TAKE(line);
}

int readiness_command_line(bool (*fits)(const char *word), char ***ret) {
        char line[SYSFS_ATTRIBUTE_SIZE], *rest = line, *word;
        _cleanup_(list_freep) char **words = NULL;
        ssize_t n;

        n = sysfs_read(AT_FDCWD, COMMAND_LINE, line, sizeof(line));
        if (n < 0)
                return (int) n;

        while ((word = strsep(&rest, " \n"))) {
                _cleanup_(freep) char *shown = NULL;

                if (!fits(word))
                        continue;

                shown = sysfs_text(word, strlen(word));
                if (!shown || list_append(&words, shown) < 0)
                        return -ENOMEM;
        }

        *ret = TAKE(words);
        return 0;
}
