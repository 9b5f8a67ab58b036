/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Readiness of the IOMMU: what the firmware offers, what the kernel was told, and what came of it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>

#include "host/readiness-row.h"
#include "host/sysfs.h"
#include "util/text.h"

#define GROUPS       "/sys/kernel/iommu_groups"
#define TABLES       "/sys/firmware/acpi/tables"
#define UNITS        "/sys/class/iommu"
#define COMMAND_LINE "/proc/cmdline"
#define INTERRUPTS   "/proc/interrupts"
#define UNSAFE       "/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts"

#define SWITCH_ON                                                                                  \
        "Switch on VT-d or AMD-Vi in the firmware; on Intel also put intel_iommu=on on the "       \
        "kernel's command line."

/* The ACPI table by which each kind of IOMMU is told. To read them takes root; to see them does not. */
static const char *find_table(void) {
        static const char *const paths[] = {
                TABLES "/DMAR", /* Intel */
                TABLES "/IVRS", /* AMD */
                TABLES "/IORT", /* Arm */
                TABLES "/VIOT", /* virtio */
        };

        for (size_t i = 0; i < N_ELEMENTS(paths); i++)
                if (readiness_exists(paths[i]))
                        return paths[i];
        return NULL;
}

/* What the kernel calls the units that it drives: dmar0, ivhd0. A list. 0 or -ENOMEM. */
static int find_units(char ***ret) {
        _cleanup_(list_freep) char **units = NULL;
        DIR *directory;
        int r = 0;

        directory = opendir(UNITS);
        for (struct dirent *entry; directory && r == 0 && (entry = readdir(directory));) {
                _cleanup_(freep) char *unit = NULL;

                if (entry->d_name[0] == '.')
                        continue;

                unit = sysfs_text(entry->d_name, strlen(entry->d_name));
                r = unit ? list_append(&units, unit) : -ENOMEM;
        }
        if (directory)
                closedir(directory);
        if (r < 0)
                return r;

        list_sort_unique(units);
        *ret = TAKE(units);
        return 0;
}

Row readiness_firmware(const ReadinessSubject *subject) {
        _cleanup_(list_freep) char **units = NULL;
        _cleanup_(freep) char *joined = NULL;
        const char *table = find_table();

        if (find_units(&units) < 0)
                return row_without_memory();
        if (units) {
                joined = list_join(units, ", ");
                if (!joined)
                        return row_without_memory();
                return table ? row_pass("%s exists; " UNITS " has %s", table, joined)
                             : row_pass(UNITS " has %s", joined);
        }

        if (table)
                return row_pass("%s exists", table);
        if (readiness_has_groups())
                return row_pass("neither " TABLES " nor " UNITS " tells of it; " GROUPS
                                " has groups");
        if (!readiness_exists(TABLES))
                return row_skip(TABLES " does not exist: no ACPI here");
        return row_fail("Switch on VT-d (Intel) or AMD-Vi, also called IOMMU (AMD), in the "
                        "firmware's setup; a virtual machine needs a virtual IOMMU.",
                        TABLES " has neither DMAR nor IVRS, " UNITS " has no unit");
}

/* Does the list of values @word, as in intel_iommu=on,sm_on, have @value? */
static bool has_value(const char *word, const char *value) {
        size_t size = strlen(value);

        for (const char *at = strchr(word, '='); at; at = strchr(at + 1, ','))
                if (strncmp(at + 1, value, size) == 0 &&
                    (at[1 + size] == ',' || at[1 + size] == '\0'))
                        return true;
        return false;
}

static bool is_iommu_word(const char *word) {
        return strncmp(word, "intel_iommu=", 12) == 0 || strncmp(word, "amd_iommu=", 10) == 0 ||
               strncmp(word, "iommu=", 6) == 0;
}

Row readiness_iommu_words(const ReadinessSubject *subject) {
        bool off = false, works = readiness_has_groups();
        _cleanup_(list_freep) char **words = NULL;
        _cleanup_(freep) char *joined = NULL;
        int r;

        r = readiness_command_line(is_iommu_word, &words);
        if (r == -ENOMEM)
                return row_without_memory();
        if (r < 0)
                return row_skip(COMMAND_LINE ": %s", strerror(-r));

        for (size_t i = 0; words && words[i]; i++)
                off = off || has_value(words[i], "off") || has_value(words[i], "soft");

        joined = words ? list_join(words, " ") : strdup("nothing of an IOMMU");
        if (!joined)
                return row_without_memory();

        if (works)
                return row_pass(COMMAND_LINE " says %s; the IOMMU is on", joined);
        if (off)
                return row_fail("Take what switches the IOMMU off from the kernel's command line.",
                                COMMAND_LINE " says %s", joined);
        return row_warn(SWITCH_ON, COMMAND_LINE " says %s; the IOMMU is not on", joined);
}

Row readiness_groups(const ReadinessSubject *subject) {
        size_t n = readiness_count_groups();

        if (n > 0)
                return row_pass(GROUPS " has %zu group%s", n, n == 1 ? "" : "s");
        if (readiness_lets_noiommu())
                return row_fail(SWITCH_ON, GROUPS " has no group of an IOMMU; " READINESS_NOIOMMU
                                                  " is Y, which serves no guest");
        return row_fail(SWITCH_ON, GROUPS " has no group: no IOMMU is on");
}

static bool is_remapped(const char *line) {
        return strstr(line, " IR-") != NULL;
}

Row readiness_remapping(const ReadinessSubject *subject) {
        _cleanup_(freep) char *line = NULL;
        char unsafe[8] = "";
        struct utsname system;

        if (!readiness_has_groups())
                return row_skip(GROUPS " has no group");
        if (uname(&system) < 0 || strcmp(system.machine, "x86_64") != 0)
                return row_skip("asked for on x86 alone");

        /* The chips of remapped interrupts have names of their own: IR-PCI-MSI, IR-IO-APIC. */
        line = readiness_find_line(INTERRUPTS, is_remapped);
        if (line)
                return row_pass(INTERRUPTS " has interrupts of IR- chips");
        if (errno != 0)
                return row_skip(INTERRUPTS ": %s", strerror(errno));

        if (sysfs_read(AT_FDCWD, UNSAFE, unsafe, sizeof(unsafe)) > 0 && strcmp(unsafe, "Y") == 0)
                return row_warn("A guest may raise interrupts of the host: lend devices to trusted "
                                "guests alone, or switch on interrupt remapping in the firmware.",
                                INTERRUPTS " has no interrupt of an IR- chip; " UNSAFE " is Y");
        return row_fail("Switch on interrupt remapping (x2APIC, VT-d) in the firmware; for trusted "
                        "guests alone: options vfio_iommu_type1 allow_unsafe_interrupts=1 in "
                        "/etc/modprobe.d.",
                        INTERRUPTS " has no interrupt of an IR- chip; " UNSAFE " is not Y");
}

static bool is_acs_override(const char *word) {
        return strncmp(word, "pcie_acs_override=", 18) == 0;
}

/* The administrator's own choice, and only some kernels know it: what the groups promise is less than it seems. */
Row readiness_acs_override(const ReadinessSubject *subject) {
        _cleanup_(list_freep) char **words = NULL;
        _cleanup_(freep) char *joined = NULL;
        int r;

        r = readiness_command_line(is_acs_override, &words);
        if (r == -ENOMEM)
                return row_without_memory();
        if (r < 0)
                return row_skip(COMMAND_LINE ": %s", strerror(-r));
        if (!words)
                return row_pass(COMMAND_LINE " has no pcie_acs_override");

        joined = list_join(words, " ");
        if (!joined)
                return row_without_memory();
        return row_warn("Devices of different groups may reach each other's memory past the IOMMU: "
                        "lend them to guests that trust each other, or take it from the kernel's "
                        "command line.",
                        COMMAND_LINE " says %s", joined);
}
