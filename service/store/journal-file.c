/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/journal-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "util/cleanup.h"
#include "util/log.h"

#define NEW_FILE JOURNAL_FILE ".new"

enum {
        FILE_SIZE_MAX = 64 * 1024 * 1024,
        OPEN_SAFELY =
                O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY /* no link, no waiting for a pipe */
};

/* NULL when nobody but us can have made it what it is; else what is wrong. */
static const char *unsafe(int fd, mode_t type) {
        struct stat status;

        if (fstat(fd, &status) < 0)
                return "cannot be looked at";
        if ((status.st_mode & S_IFMT) != type)
                return type == S_IFDIR ? "is no directory" : "is no regular file";
        if (status.st_uid != geteuid())
                return "belongs to another user";
        if (status.st_mode & (S_IWGRP | S_IWOTH))
                return "can be written by others";
        if (type == S_IFREG && status.st_nlink != 1)
                return "has a second name";
        return NULL;
}

static int refuse_unsafe(const char *path, const char *name, const char *why) {
        log_error("%s%s%s %s: not used", path, *name ? "/" : "", name, why);
        return -EPERM;
}

static int refuse_open(const char *path, const char *name) {
        int error = errno;

        if (error == ELOOP)
                return refuse_unsafe(path, name, "is a link");

        log_error("%s%s%s: %s", path, *name ? "/" : "", name, strerror(error));
        return -error;
}

int journal_directory_open(const char *path, int *ret_directory, int *ret_lock) {
        _cleanup_(closep) int directory = -1, lock = -1;
        const char *why;

        directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (directory < 0)
                return refuse_open(path, "");
        why = unsafe(directory, S_IFDIR);
        if (why)
                return refuse_unsafe(path, "", why);

        lock = openat(directory, JOURNAL_LOCK, O_RDWR | O_CREAT | OPEN_SAFELY, 0600);
        if (lock < 0)
                return refuse_open(path, JOURNAL_LOCK);
        why = unsafe(lock, S_IFREG);
        if (why)
                return refuse_unsafe(path, JOURNAL_LOCK, why);
        if (flock(lock, LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? -EBUSY : -errno;

        *ret_directory = TAKE_FD(directory);
        *ret_lock = TAKE_FD(lock);
        return 0;
}

static int read_all(int fd, char *bytes, size_t size, size_t *ret_done) {
        size_t done = 0;

        while (done < size) {
                ssize_t n = read(fd, bytes + done, size - done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                done += (size_t) n;
        }

        *ret_done = done;
        return 0;
}

int journal_file_open(const char *path, int directory, int *ret_fd, char **ret_text,
                      size_t *ret_size) {
        _cleanup_(freep) char *text = NULL;
        _cleanup_(closep) int fd = -1;
        struct stat status;
        const char *why;
        size_t size = 0;
        int r;

        fd = openat(directory, JOURNAL_FILE, O_RDWR | OPEN_SAFELY);
        if (fd < 0 && errno != ENOENT)
                return refuse_open(path, JOURNAL_FILE);
        if (fd < 0) {
                *ret_fd = -1;
                *ret_text = NULL;
                *ret_size = 0;
                return 0;
        }

        why = unsafe(fd, S_IFREG);
        if (why)
                return refuse_unsafe(path, JOURNAL_FILE, why);
        if (fstat(fd, &status) < 0)
                return -errno;
        if (status.st_size > FILE_SIZE_MAX)
                return -EFBIG;

        text = malloc((size_t) status.st_size + 1);
        if (!text)
                return -ENOMEM;
        r = read_all(fd, text, (size_t) status.st_size, &size);
        if (r < 0)
                return r;

        *ret_fd = TAKE_FD(fd);
        *ret_text = TAKE(text);
        *ret_size = size;
        return 0;
}

static int write_all(int fd, off_t offset, const char *bytes, size_t size) {
        while (size > 0) {
                ssize_t n = pwrite(fd, bytes, size, offset);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;

                bytes += n;
                size -= (size_t) n;
                offset += n;
        }

        return 0;
}

static int write_and_sync(int fd, off_t offset, const char *bytes, size_t size) {
        int r;

        r = write_all(fd, offset, bytes, size);
        if (r < 0)
                return r;
        return fdatasync(fd) < 0 ? -errno : 0;
}

int journal_file_append(int fd, off_t end, const char *bytes, size_t size, bool *ret_broken) {
        struct stat status;
        int r;

        *ret_broken = false;
        if (fstat(fd, &status) < 0 || (status.st_size > end && ftruncate(fd, end) < 0))
                return -errno;

        r = write_and_sync(fd, end, bytes, size);
        if (r == 0)
                return 0;

        /* Synced too: what was refused must not be there after a crash either. */
        if (ftruncate(fd, end) < 0 || fdatasync(fd) < 0)
                *ret_broken = true;
        return r;
}

static int write_new_file(int directory, const char *bytes, size_t size, int *ret_fd) {
        _cleanup_(closep) int fd = -1;
        int r;

        /* One that a crash left behind. */
        if (unlinkat(directory, NEW_FILE, 0) < 0 && errno != ENOENT)
                return -errno;

        fd = openat(directory, NEW_FILE, O_RDWR | O_CREAT | O_EXCL | OPEN_SAFELY, 0600);
        if (fd < 0)
                return -errno;

        r = write_all(fd, 0, bytes, size);
        if (r == 0 && fsync(fd) < 0)
                r = -errno;
        if (r == 0 && renameat(directory, NEW_FILE, directory, JOURNAL_FILE) < 0)
                r = -errno;
        if (r < 0) {
                (void) unlinkat(directory, NEW_FILE, 0); /* in no one's way; done again next time */
                return r;
        }

        *ret_fd = TAKE_FD(fd);
        return 0;
}

int journal_file_replace(int directory, const char *bytes, size_t size, int *ret_fd,
                         bool *ret_broken) {
        int r;

        *ret_broken = false;
        r = write_new_file(directory, bytes, size, ret_fd);
        if (r < 0)
                return r;

        *ret_broken = fsync(directory) < 0;
        return 0;
}
