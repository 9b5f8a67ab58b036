/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "core/facts.h"
#include "store/config-keys.h"
#include "util/text.h"

enum {
        FILE_SIZE_MAX = 16 * 1024 * 1024
};

Config *config_free(Config *config) {
        if (!config)
                return NULL;

        catalog_done(&config->catalog);
        list_free(config->warnings);
        free(config->libvirt_uri);
        free(config);
        return NULL;
}

static int config_new(Config **ret) {
        _cleanup_(config_freep) Config *config = NULL;
        int r;

        config = calloc(1, sizeof(*config));
        if (!config)
                return -ENOMEM;

        r = facts_set(&config->libvirt_uri, CONFIG_LIBVIRT_URI);
        if (r < 0)
                return r;

        *ret = TAKE(config);
        return 0;
}

static int refuse_file(Refusal *refusal, const char *path, const char *why) {
        return refuse(refusal, CONFIG_INVALID, "%s: %s", path, why);
}

/* A pipe or a device could keep us waiting for ever, so only regular files are read. */
static int open_file(const char *path, int *ret_fd, size_t *ret_size, Refusal *refusal) {
        _cleanup_(closep) int fd = -1;
        struct stat status;

        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0 || fstat(fd, &status) < 0)
                return errno == ENOMEM ? -ENOMEM : refuse_file(refusal, path, strerror(errno));
        if (!S_ISREG(status.st_mode))
                return refuse_file(refusal, path, "not a regular file");
        if (status.st_size > FILE_SIZE_MAX)
                return refuse_file(refusal, path, "bigger than 16 MiB");

        *ret_size = (size_t) status.st_size;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

static int read_file(const char *path, char **ret, size_t *ret_size, Refusal *refusal) {
        _cleanup_(freep) char *text = NULL;
        _cleanup_(closep) int fd = -1;
        size_t size = 0, done = 0;
        int r;

        r = open_file(path, &fd, &size, refusal);
        if (r != 0)
                return r;

        text = malloc(size + 1);
        if (!text)
                return -ENOMEM;

        while (done < size) {
                ssize_t n = read(fd, text + done, size - done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return refuse_file(refusal, path, strerror(errno));
                if (n == 0)
                        break;
                done += (size_t) n;
        }

        *ret = TAKE(text);
        *ret_size = done;
        return 0;
}

static int load_file(Loader *loader, const char *path, Refusal *refusal) {
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;
        int r;

        r = read_file(path, &text, &size, refusal);
        if (r != 0)
                return r;

        return config_load_text(loader, path, text, size, refusal);
}

int config_load_text(Loader *loader, const char *path, const char *text, size_t size,
                     Refusal *refusal) {
        int r;

        /* Whether an unknown section is an error is known only when all sections were seen. */
        loader->in_nova_file = false;
        r = ini_parse(path, text, size, &config_survey, &loader->in_nova_file, refusal);
        if (r != 0)
                return r;

        return ini_parse(path, text, size, &config_reading, loader, refusal);
}

int config_load(char *const *files, Config **ret, Refusal *refusal) {
        _cleanup_(config_freep) Config *config = NULL;
        Loader loader = { 0 };
        int r;

        r = config_new(&config);
        if (r < 0)
                return r;

        loader.config = config;
        for (size_t i = 0; files && files[i]; i++) {
                r = load_file(&loader, files[i], refusal);
                if (r != 0)
                        return r;
        }

        *ret = TAKE(config);
        return 0;
}
