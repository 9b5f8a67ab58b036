/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Readiness for guests: virtualization, the memory that a guest with a device takes, and libvirt.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "host/readiness-row.h"
#include "host/sysfs.h"
#include "util/text.h"

#define PROCESSORS "/proc/cpuinfo"
#define KVM        "/sys/class/misc/kvm"
#define HUGE_PAGES "/sys/kernel/mm/hugepages"

static bool is_flags(const char *line) {
        return strncmp(line, "flags", 5) == 0;
}

Row readiness_processor(const ReadinessSubject *subject) {
        static const char *const flags[] = { "vmx", "svm" };
        _cleanup_(freep) char *line = NULL;
        char *rest, *word;

        line = rest = readiness_find_line(PROCESSORS, is_flags);
        if (!line && errno != 0)
                return row_skip(PROCESSORS ": %s", strerror(errno));
        if (!line)
                return row_skip(PROCESSORS " has no flags: no x86");

        while ((word = strsep(&rest, " \t")))
                for (size_t i = 0; i < N_ELEMENTS(flags); i++)
                        if (strcmp(word, flags[i]) == 0)
                                return row_pass(PROCESSORS " has the flag %s", flags[i]);

        return row_warn("Switch on VT-x or AMD-V in the firmware; in a virtual machine: nested "
                        "virtualization.",
                        PROCESSORS " has neither the flag vmx nor svm");
}

/* No KVM is no failure: devices are lent to guests that QEMU emulates, too. */
Row readiness_kvm(const ReadinessSubject *subject) {
        if (readiness_exists(KVM))
                return row_pass(KVM " exists");
        return row_warn("Switch on virtualization in the firmware; modprobe kvm_intel or kvm_amd.",
                        KVM " does not exist: guests are emulated");
}

/* A size of pages: hugepages-2048kB. */
typedef struct HugePages {
        unsigned long size_kb, n, n_free;
} HugePages;

static bool read_huge_pages(const char *name, HugePages *ret) {
        char path[sizeof(HUGE_PAGES "//free_hugepages") + NAME_MAX];
        HugePages pages = {};

        if (sscanf(name, "hugepages-%lukB", &pages.size_kb) != 1)
                return false;

        (void) snprintf(path, sizeof(path), HUGE_PAGES "/%s/nr_hugepages", name);
        if (!sysfs_read_number(AT_FDCWD, path, 10, ULONG_MAX, &pages.n))
                return false;
        (void) snprintf(path, sizeof(path), HUGE_PAGES "/%s/free_hugepages", name);
        if (!sysfs_read_number(AT_FDCWD, path, 10, ULONG_MAX, &pages.n_free))
                return false;

        *ret = pages;
        return true;
}

static int describe_huge_pages(const HugePages *pages, char ***list) {
        _cleanup_(freep) char *text = NULL;

        text = text_print("%lu of %lu kB (%lu free)", pages->n, pages->size_kb, pages->n_free);
        return text ? list_append(list, text) : -ENOMEM;
}

Row readiness_huge_pages(const ReadinessSubject *subject) {
        _cleanup_(list_freep) char **reserved = NULL;
        _cleanup_(freep) char *joined = NULL;
        bool is_used_up = false;
        DIR *directory;
        int r = 0;

        directory = opendir(HUGE_PAGES);
        if (!directory)
                return row_skip(HUGE_PAGES ": %s", strerror(errno));

        for (struct dirent *entry; r == 0 && (entry = readdir(directory));) {
                HugePages pages;

                if (!read_huge_pages(entry->d_name, &pages) || pages.n == 0)
                        continue;
                is_used_up = is_used_up || pages.n_free == 0;
                r = describe_huge_pages(&pages, &reserved);
        }
        closedir(directory);
        if (r < 0)
                return row_without_memory();
        if (!reserved)
                return row_skip(HUGE_PAGES ": none are reserved, and guests do without");

        list_sort_unique(reserved);
        joined = list_join(reserved, ", ");
        if (!joined)
                return row_without_memory();
        if (is_used_up)
                return row_warn("A guest that wants more of them does not start: reserve more in "
                                "nr_hugepages, or with hugepages= on the kernel's command line.",
                                HUGE_PAGES ": %s", joined);
        return row_pass(HUGE_PAGES ": %s", joined);
}

/* qemu of qemu+ssh://host/system. */
static char *find_driver(const char *uri) {
        _cleanup_(freep) char *driver = strndup(uri, strcspn(uri, "+:"));

        return driver ? sysfs_text(driver, strlen(driver)) : NULL;
}

static bool is_elsewhere(const char *uri) {
        const char *host = strstr(uri, "://");

        return host && host[3] != '/' && host[3] != '\0' && host[3] != '?';
}

Row readiness_libvirt(const ReadinessSubject *subject) {
        _cleanup_(freep) char *uri = NULL, *driver = NULL;

        uri = sysfs_text(subject->libvirt_uri, strlen(subject->libvirt_uri));
        driver = find_driver(subject->libvirt_uri);
        if (!uri || !driver)
                return row_without_memory();

        if (!subject->libvirt_is_connected)
                return row_fail("Start libvirtd or virtqemud; see the journal of hostdevd.service "
                                "for what libvirt says, and for LibvirtUri= hostdevd.conf(5).",
                                "%s is not connected", uri);
        if (is_elsewhere(subject->libvirt_uri))
                return row_warn("Devices of this host cannot be given to guests of another: set "
                                "LibvirtUri=qemu:///system.",
                                "%s is connected, of another host", uri);
        if (strcmp(driver, "qemu") != 0)
                return row_warn("Devices are given to guests of the driver qemu alone: set "
                                "LibvirtUri=qemu:///system.",
                                "%s is connected, driver %s", uri, driver);
        return row_pass("%s is connected, driver %s", uri, driver);
}
