/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Usage of what people sit at and plug in: the screen that shows the kernel's console, input devices on USB,
 * and whatever is connected by Thunderbolt.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "host/sysfs.h"
#include "host/usage-table.h"

#define CONSOLES    "/sys/class/vtconsole"
#define THUNDERBOLT "/sys/bus/thunderbolt/devices"

/* Is a text console on a frame buffer: "(M) frame buffer device", bound? */
static bool is_on_frame_buffer(const char *console) {
        char path[sizeof(CONSOLES "//name") + NAME_MAX], text[SYSFS_TEXT_LONGEST];
        unsigned long bound;

        (void) snprintf(path, sizeof(path), CONSOLES "/%s/bind", console);
        if (!sysfs_read_number(AT_FDCWD, path, 10, 1, &bound) || bound == 0)
                return false;

        (void) snprintf(path, sizeof(path), CONSOLES "/%s/name", console);
        return sysfs_read(AT_FDCWD, path, text, sizeof(text)) > 0 &&
               strstr(text, "frame buffer") != NULL;
}

/* The first frame buffer is the console's, whether the firmware's or a driver's of the screen. */
int usage_read_console(UsageTable *table) {
        char target[PATH_MAX];
        bool is_shown = false;
        DIR *directory;
        ssize_t n;

        directory = opendir(CONSOLES);
        for (struct dirent *entry; directory && !is_shown && (entry = readdir(directory));)
                is_shown = entry->d_name[0] != '.' && is_on_frame_buffer(entry->d_name);
        if (directory)
                closedir(directory);
        if (!is_shown)
                return 0;

        n = readlink("/sys/class/graphics/fb0", target, sizeof(target) - 1);
        if (n < 0)
                return 0;
        target[n] = '\0';
        return usage_table_add(table, target, "display");
}

/* Only what is plugged into the host counts; the buttons of the machine are on no PCI function. */
int usage_read_input(UsageTable *table) {
        DIR *directory;
        int r = 0;

        directory = opendir("/sys/class/input");
        for (struct dirent *entry; directory && r == 0 && (entry = readdir(directory));) {
                char path[sizeof("/sys/class/input/") + NAME_MAX], target[PATH_MAX];
                ssize_t n;

                if (strncmp(entry->d_name, "event", 5) != 0)
                        continue;

                (void) snprintf(path, sizeof(path), "/sys/class/input/%s", entry->d_name);
                n = readlink(path, target, sizeof(target) - 1);
                if (n < 0)
                        continue;
                target[n] = '\0';

                if (strstr(target, "/usb"))
                        r = usage_table_add(table, target, "input");
        }
        if (directory)
                closedir(directory);
        return r;
}

/* A device is DOMAIN-ROUTE; 0-0 is the host itself, and domain0, 0-0:1.1 and 0-1.0 are parts of something. */
static bool is_connected(const char *name) {
        const char *route = strchr(name, '-');

        if (!route || route == name || strspn(name, "0123456789") != (size_t) (route - name))
                return false;

        route++;
        return *route && strcmp(route, "0") != 0 &&
               route[strspn(route, "0123456789abcdef")] == '\0';
}

/* Without its controller a dock is gone, with all that the host has behind it. */
int usage_read_thunderbolt(UsageTable *table) {
        DIR *directory;
        int r = 0;

        directory = opendir(THUNDERBOLT);
        for (struct dirent *entry; directory && r == 0 && (entry = readdir(directory));) {
                char path[sizeof(THUNDERBOLT "/") + NAME_MAX], target[PATH_MAX];
                ssize_t n;

                if (!is_connected(entry->d_name))
                        continue;

                (void) snprintf(path, sizeof(path), THUNDERBOLT "/%s", entry->d_name);
                n = readlink(path, target, sizeof(target) - 1);
                if (n < 0)
                        continue;
                target[n] = '\0';
                r = usage_table_add(table, target, "thunderbolt");
        }
        if (directory)
                closedir(directory);
        return r;
}
