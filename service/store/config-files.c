/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "store/config.h"
#include "util/text.h"

#define CONFIG_FILE "hostdevd.conf"
#define DROPINS     "hostdevd.conf.d"

static bool name_is_dropin(const char *name) {
        size_t size = strlen(name);

        return *name != '.' && size > strlen(".conf") &&
               strcmp(name + size - strlen(".conf"), ".conf") == 0;
}

/* What leaves a file out, and in /etc hides the vendor's: nothing in it, or a link to /dev/null. */
static bool file_is_mask(const char *path) {
        struct stat status;

        if (stat(path, &status) < 0)
                return false;
        if (S_ISREG(status.st_mode))
                return status.st_size == 0;
        return S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3);
}

static bool file_is_directory(const char *path) {
        struct stat status;

        return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static int refuse_directory(Refusal *refusal, const char *path, int error) {
        if (error == ENOMEM)
                return -ENOMEM;
        return refuse(refusal, CONFIG_INVALID, "%s: %s", path, strerror(error));
}

/* The names of the drop-ins in a directory, in order. */
static int list_names(const char *path, char ***ret, Refusal *refusal) {
        _cleanup_(list_freep) char **names = NULL;
        struct dirent *entry;
        DIR *directory;
        int r = 0;

        directory = opendir(path);
        if (!directory && (errno == ENOENT || errno == ENOTDIR))
                return 0;
        if (!directory)
                return refuse_directory(refusal, path, errno);

        while (r == 0) {
                errno = 0;
                entry = readdir(directory);
                if (!entry) {
                        r = errno == 0 ? 0 : refuse_directory(refusal, path, errno);
                        break;
                }
                if (name_is_dropin(entry->d_name))
                        r = list_append(&names, entry->d_name);
        }

        (void) closedir(directory); /* it was only read */
        if (r != 0)
                return r;

        list_sort_unique(names);
        *ret = TAKE(names);
        return 0;
}

static int add_file(char ***files, const char *directory, const char *name) {
        _cleanup_(freep) char *path = NULL;

        path = text_print("%s/%s", directory, name);
        if (!path)
                return -ENOMEM;
        if (file_is_mask(path) || file_is_directory(path))
                return 0;

        return list_append(files, path);
}

static int add_dropins(char ***files, const char *directory, char *const *names,
                       char *const *hidden) {
        int r;

        for (size_t i = 0; names && names[i]; i++) {
                if (list_contains(hidden, names[i]))
                        continue;

                r = add_file(files, directory, names[i]);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* hostdevd.conf itself may be missing; anything else that keeps it from being read is told when it is. */
static int add_main_file(char ***files, const char *directory) {
        _cleanup_(freep) char *path = NULL;
        struct stat status;

        path = text_print("%s/%s", directory, CONFIG_FILE);
        if (!path)
                return -ENOMEM;
        if (lstat(path, &status) < 0 && (errno == ENOENT || errno == ENOTDIR))
                return 0;

        return add_file(files, directory, CONFIG_FILE);
}

int config_files(const char *vendor_directory, const char *directory, char ***ret,
                 Refusal *refusal) {
        _cleanup_(list_freep) char **files = NULL, **names = NULL, **vendor_names = NULL;
        _cleanup_(freep) char *dropins = NULL, *vendor_dropins = NULL;
        int r;

        dropins = text_print("%s/%s", directory, DROPINS);
        vendor_dropins = text_print("%s/%s", vendor_directory, DROPINS);
        if (!dropins || !vendor_dropins)
                return -ENOMEM;

        r = list_names(vendor_dropins, &vendor_names, refusal);
        if (r != 0)
                return r;
        r = list_names(dropins, &names, refusal);
        if (r != 0)
                return r;

        r = add_dropins(&files, vendor_dropins, vendor_names, names);
        if (r < 0)
                return r;
        r = add_main_file(&files, directory);
        if (r < 0)
                return r;
        r = add_dropins(&files, dropins, names, NULL);
        if (r < 0)
                return r;

        *ret = TAKE(files);
        return 0;
}
