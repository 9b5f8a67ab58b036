/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "failing-memory.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>

#include "util/cleanup.h"

static int n_good = -1; /* −1: all are */
static bool has_failed, is_resting;

void memory_fail_after(int n) {
        n_good = n;
        has_failed = false;
}

bool memory_has_failed(void) {
        n_good = -1;
        return has_failed;
}

void memory_rest(bool rests) {
        is_resting = rests;
}

bool memory_fails(void) {
        if (is_resting || n_good < 0 || n_good-- > 0)
                return false;

        has_failed = true;
        errno = ENOMEM;
        return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t n, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t size);
int __real_vasprintf(char **ret, const char *format, va_list arguments);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t n, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t size);
int __wrap_vasprintf(char **ret, const char *format, va_list arguments) _printf_(2, 0);

void *__wrap_malloc(size_t size) {
        return memory_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size) {
        return memory_fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size) {
        return memory_fails() ? NULL : __real_realloc(old, size);
}

void *__wrap_reallocarray(void *old, size_t n, size_t size) {
        return memory_fails() ? NULL : __real_reallocarray(old, n, size);
}

char *__wrap_strdup(const char *text) {
        return memory_fails() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t size) {
        return memory_fails() ? NULL : __real_strndup(text, size);
}

int __wrap_vasprintf(char **ret, const char *format, va_list arguments) {
        return memory_fails() ? -1 : __real_vasprintf(ret, format, arguments);
}
