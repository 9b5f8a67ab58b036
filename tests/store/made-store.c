/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "made-store.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <ftw.h>

#include "util/cleanup.h"
#include "util/text.h"

static char directory[] = "/tmp/hostdevd-store-XXXXXX";

int made_directory_enter(void **state) {
        return mkdtemp(directory) && chdir(directory) == 0 ? 0 : -1;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk) {
        return walk->level == 0 ? 0 : remove(path);
}

int made_directory_empty(void **state) {
        return nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

int made_directory_leave(void **state) {
        return made_directory_empty(state) == 0 && chdir("/") == 0 ? rmdir(directory) : -1;
}

/* A new file each time: some file systems write one that was truncated to the disk at once. */
void made_file(const char *path, const char *bytes, size_t size) {
        _cleanup_(closep) int fd = -1;

        assert_true(unlink(path) == 0 || errno == ENOENT);
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, bytes, size), size);
}

void made_text(const char *path, const char *text) {
        made_file(path, text, strlen(text));
}

size_t made_file_size(const char *path) {
        struct stat status;

        assert_int_equal(stat(path, &status), 0);
        return (size_t) status.st_size;
}

char *made_file_read(const char *path, size_t *ret_size) {
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
        size_t size;
        char *bytes;

        if (fd < 0)
                return NULL;

        size = made_file_size(path);
        bytes = calloc(1, size + 1);
        assert_non_null(bytes);
        assert_int_equal(read(fd, bytes, size), size);
        *ret_size = size;
        return bytes;
}

static void set(char **string, const char *text) {
        assert_int_equal(facts_set(string, text), 0);
}

Attachment *made_attachment(uint32_t number, AttachmentState state) {
        Attachment *attachment;

        assert_int_equal(attachment_new(&attachment, number, "6695eb01-f6a4-8304-79aa-97f2502e193f",
                                        "wéb \"01\"\n}\x7f"),
                         0);
        set(&attachment->request, "nic:2,big gpu");
        set(&attachment->reason, "Größe {1}");
        set(&attachment->last_error, "said \\no\\");
        attachment->state = state;
        attachment->wants_live = true;
        attachment->wants_config = number % 2;
        attachment->owner_uid = UINT32_MAX - 1;
        attachment->created_usec = UINT64_C(9007199254740993); /* 2^53 + 1 */
        attachment->devices = calloc(2, sizeof(*attachment->devices));
        assert_non_null(attachment->devices);
        attachment->n_devices = 2;
        attachment->devices[0] = (AttachedDevice){
                .address = { 0, 0x41, 0, 1 },
                .vendor_id = 0x8086,
                .product_id = 0x154d,
                .subsystem_vendor_id = 0xffff,
                .subsystem_product_id = 1,
                .managed = true,
                .handed = true,
                .live = true,
        };
        attachment->devices[1] =
                (AttachedDevice){ .address = { 0x10000, 0xff, 0x1f, 7 }, .left = true };
        return attachment;
}

static Rule *made_rule(RuleKind kind, const Word *words, size_t n_words) {
        Rule *rule;

        assert_int_equal(rule_new(&rule, kind, words, n_words, NULL), 0);
        return rule;
}

Pool *made_pool(const char *name) {
        static const Word first[] = { { (char *) "vendor_id", (char *) "8086" },
                                      { (char *) "tag.rack", (char *) "row \"4\"" } };
        static const Word second[] = { { (char *) "address", (char *) "0000:41:*.*" } };
        Pool *pool;

        assert_int_equal(pool_new(&pool, name, SOURCE_RUNTIME), 0);
        set(&pool->description, "10G — ports");
        assert_int_equal(pool_add_rule(pool, made_rule(RULE_POOL, first, 2)), 0);
        assert_int_equal(pool_add_rule(pool, made_rule(RULE_POOL, second, 1)), 0);
        return pool;
}

Alias *made_alias(const char *name) {
        static const Word words[] = { { (char *) "device_type", (char *) "type-PF" },
                                      { (char *) "pool", (char *) "nics" } };
        Alias *alias;

        assert_int_equal(alias_new(&alias, name, SOURCE_RUNTIME), 0);
        alias->numa_policy = NUMA_SOCKET;
        alias->unit = UNIT_GROUP;
        assert_int_equal(alias_add_rule(alias, made_rule(RULE_ALIAS, words, 2)), 0);
        return alias;
}
