/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/netlink.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ftw.h>
#include <sched.h>

#include "udev-message.h"

enum {
        LONGEST_PATH = 1024
};

static char root[LONGEST_PATH];

/* Tests that prove nothing must not pass: what the tree needs is checked, also in a release build. */
static void must(int good, const char *what) {
        if (good)
                return;
        fprintf(stderr, "made /sys: %s: %s\n", what, strerror(errno));
        abort();
}

static int write_file(const char *path, const char *text) {
        int fd, good;

        fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0)
                return -1;
        good = write(fd, text, strlen(text)) == (ssize_t) strlen(text);
        close(fd);
        return good ? 0 : -1;
}

/* Root of a user namespace of our own may mount, and send as uid 0. */
static int become_root(void) {
        unsigned uid = getuid(), gid = getgid();
        char map[64];

        if (uid == 0)
                return 0;
        if (unshare(CLONE_NEWUSER) < 0)
                return -1;

        (void) snprintf(map, sizeof(map), "0 %u 1", uid);
        if (write_file("/proc/self/uid_map", map) < 0)
                return -1;
        (void) snprintf(map, sizeof(map), "0 %u 1", gid);
        if (write_file("/proc/self/setgroups", "deny") < 0)
                return -1;
        return write_file("/proc/self/gid_map", map);
}

int tree_enter(void) {
        const char *temporary = getenv("TMPDIR");

        if (become_root() < 0 || unshare(CLONE_NEWNS | CLONE_NEWNET) < 0 ||
            mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0)
                return -1;

        (void) snprintf(root, sizeof(root), "%s/hostdevd-sys-XXXXXX", temporary ?: "/tmp");
        must(mkdtemp(root) != NULL, root);
        must(mount(root, "/sys", "none", MS_BIND, NULL) == 0, "mount");
        must(setenv("SYSTEMD_DEVICE_VERIFY_SYSFS", "0", 1) == 0, "setenv");
        return 0;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *where) {
        return where->level == 0 && strcmp(path, "/sys") == 0 ? 0 : remove(path);
}

void tree_clear(void) {
        must(nftw("/sys", remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0, "clear");
}

void tree_leave(void) {
        tree_clear();
        must(umount("/sys") == 0, "umount");
        must(rmdir(root) == 0, "rmdir");
}

static void make_parents(char *path) {
        for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                must(mkdir(path, 0755) == 0 || errno == EEXIST, path);
                *slash = '/';
        }
}

/* The full path in @buffer, with its parents made. */
static const char *place(char buffer[LONGEST_PATH], const char *path) {
        must(snprintf(buffer, LONGEST_PATH, "/sys/%s", path) < LONGEST_PATH, path);
        make_parents(buffer);
        return buffer;
}

void tree_write(const char *path, const void *bytes, size_t size) {
        char full[LONGEST_PATH];
        FILE *file;

        file = fopen(place(full, path), "we");
        must(file != NULL, full);
        must(fwrite(bytes, 1, size, file) == size, full);
        must(fclose(file) == 0, full);
}

void tree_print(const char *path, const char *format, ...) {
        va_list arguments;
        char *text;
        int n;

        va_start(arguments, format);
        n = vasprintf(&text, format, arguments);
        va_end(arguments);
        must(n >= 0, path);

        tree_write(path, text, (size_t) n);
        free(text);
}

void tree_link(const char *path, const char *target) {
        char full[LONGEST_PATH];

        (void) place(full, path);
        (void) unlink(full);
        must(symlink(target, full) == 0, full);
}

void tree_uncover_proc(void) {
        while (access("/proc/made", F_OK) == 0)
                must(umount2("/proc", MNT_DETACH) == 0, "/proc");
}

void tree_cover_proc(void) {
        tree_uncover_proc();
        tree_print("proc/made", "by a test\n");
        must(mount("/sys/proc", "/proc", "none", MS_BIND, NULL) == 0, "/proc");
}

/* Shows a directory "modules" in /lib by an overlay: the real file system stays as it is. */
static int make_modules_directory(void) {
        char library[PATH_MAX], options[PATH_MAX + 64];
        int r;

        must(realpath("/lib", library) != NULL, "/lib");
        (void) snprintf(options, sizeof(options), "lowerdir=/sys/cover:%s", library);

        tree_make_directory("cover");
        must(mount("tmpfs", "/sys/cover", "tmpfs", 0, NULL) == 0, "tmpfs");
        must(mkdir("/sys/cover/modules", 0755) == 0, "mkdir");
        r = mount("overlay", library, "overlay", MS_RDONLY, options);
        must(umount2("/sys/cover", MNT_DETACH) == 0, "umount");
        must(rmdir("/sys/cover") == 0, "rmdir");
        return r;
}

int tree_cover_modules(const char *below) {
        static const char modules[] = "/lib/modules";
        char full[LONGEST_PATH];

        if (access(modules, F_OK) < 0 && make_modules_directory() < 0)
                return -1;

        (void) umount2(modules, MNT_DETACH);
        must(mount(place(full, below), modules, "none", MS_BIND, NULL) == 0, modules);
        return 0;
}

void tree_make_directory(const char *path) {
        char full[LONGEST_PATH];

        (void) place(full, path);
        must(mkdir(full, 0755) == 0 || errno == EEXIST, full);
}

void tree_make_pipe(const char *path) {
        char full[LONGEST_PATH];

        must(mkfifo(place(full, path), 0644) == 0, full);
}

void tree_exchange(const char *path, const char *other) {
        char full[LONGEST_PATH], full_other[LONGEST_PATH];

        must(renameat2(AT_FDCWD, place(full, path), AT_FDCWD, place(full_other, other),
                       RENAME_EXCHANGE) == 0,
             full);
}

void tree_remove(const char *path) {
        char full[LONGEST_PATH];

        must(nftw(place(full, path), remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0, full);
}

void tree_set(const char *address, const char *attribute, const char *value) {
        char path[LONGEST_PATH];

        (void) snprintf(path, sizeof(path), "devices/pci0000:00/%s/%s", address, attribute);
        tree_print(path, "%s\n", value);
}

void tree_add_function(const char *address, const char *vendor, const char *product,
                       const char *class) {
        char path[LONGEST_PATH], target[LONGEST_PATH];

        tree_set(address, "vendor", vendor);
        tree_set(address, "device", product);
        tree_set(address, "class", class);
        tree_set(address, "numa_node", "-1");

        (void) snprintf(path, sizeof(path), "bus/pci/devices/%s", address);
        (void) snprintf(target, sizeof(target), "../../../devices/pci0000:00/%s", address);
        tree_link(path, target);
}

void tree_remove_function(const char *address) {
        char path[LONGEST_PATH];

        (void) snprintf(path, sizeof(path), "bus/pci/devices/%s", address);
        tree_remove(path);
        (void) snprintf(path, sizeof(path), "devices/pci0000:00/%s", address);
        tree_remove(path);
}

int tree_send(const char *action, const char *subsystem, const char *devpath) {
        struct sockaddr_nl everybody = { .nl_family = AF_NETLINK, .nl_groups = UDEV_GROUP };
        static unsigned sequence;
        UdevMessage message;
        size_t size = udev_message_compose(&message, action, subsystem, devpath, ++sequence);
        ssize_t r;
        int fd;

        fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
        must(fd >= 0, "socket");
        r = sendto(fd, &message, size, 0, (struct sockaddr *) &everybody, sizeof(everybody));
        close(fd);
        return r < 0 ? -errno : 0;
}
