/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/readiness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "host/sysfs.h"
#include "util/text.h"

#define GROUPS         "/sys/kernel/iommu_groups"
#define COMMAND_LINE   "/proc/cmdline"
#define PROCESSORS     "/proc/cpuinfo"
#define INTERRUPTS     "/proc/interrupts"
#define DRIVER         "/sys/bus/pci/drivers/vfio-pci"
#define UNSAFE         "/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts"
#define MODULES_LOCKED "/proc/sys/kernel/modules_disabled"
#define KVM            "/sys/class/misc/kvm"

#define SWITCH_ON                                                                                  \
        "Switch on VT-d or AMD-Vi in the firmware; on Intel also put intel_iommu=on on the "       \
        "kernel's command line."

typedef struct Row {
        const char *result, *fix;
        char *evidence; /* owned; NULL: no memory */
} Row;

static Row row_of(const char *result, char *evidence, const char *fix) {
        return (Row){ .result = result, .evidence = evidence, .fix = fix };
}

static size_t count_groups(void) {
        size_t n = 0;
        DIR *directory;

        directory = opendir(GROUPS);
        for (struct dirent *entry; directory && (entry = readdir(directory));)
                n += entry->d_name[0] != '.';
        if (directory)
                closedir(directory);
        return n;
}

/* A line that @fits, copied without its end; NULL when there is none (errno 0), or the file cannot be read. */
static char *find_line(const char *path, bool (*fits)(const char *line)) {
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

static Row check_groups(void) {
        size_t n = count_groups();

        if (n > 0)
                return row_of("pass", text_print(GROUPS " has %zu groups", n), "");
        return row_of("fail", text_print(GROUPS " has no group: no IOMMU is on"), SWITCH_ON);
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

static Row check_command_line(void) {
        _cleanup_(freep) char *said = NULL;
        char line[SYSFS_ATTRIBUTE_SIZE], *rest = line, *word;
        bool off = false, works = count_groups() > 0;
        ssize_t n;

        n = sysfs_read(AT_FDCWD, COMMAND_LINE, line, sizeof(line));
        if (n < 0)
                return row_of("skip", text_print(COMMAND_LINE ": %s", strerror((int) -n)), "");

        while ((word = strsep(&rest, " \n"))) {
                char *longer;

                if (!is_iommu_word(word))
                        continue;

                off = off || has_value(word, "off") || has_value(word, "soft");
                longer = text_print("%s %s", said ?: COMMAND_LINE " says", word);
                if (!longer)
                        return row_of("skip", NULL, "");
                free(said);
                said = longer;
        }

        if (off && !works)
                return row_of("fail", TAKE(said),
                              "Take what switches the IOMMU off from the kernel's command line.");
        if (works)
                return row_of("pass",
                              text_print("%s; the IOMMU is on",
                                         said ?: COMMAND_LINE " says nothing of an IOMMU"),
                              "");
        return row_of("warn",
                      text_print("%s; the IOMMU is not on",
                                 said ?: COMMAND_LINE " says nothing of an IOMMU"),
                      SWITCH_ON);
}

static bool is_remapped(const char *line) {
        return strstr(line, " IR-") != NULL;
}

static Row check_interrupt_remapping(void) {
        _cleanup_(freep) char *line = NULL;
        char unsafe[8] = "";
        struct utsname system;

        if (count_groups() == 0)
                return row_of("skip", text_print(GROUPS " has no group"), "");
        if (uname(&system) < 0 || strcmp(system.machine, "x86_64") != 0)
                return row_of("skip", text_print("asked for on x86 alone"), "");

        /* The chips of remapped interrupts have names of their own: IR-PCI-MSI, IR-IO-APIC. */
        line = find_line(INTERRUPTS, is_remapped);
        if (line)
                return row_of("pass", text_print(INTERRUPTS " has interrupts of IR- chips"), "");
        if (errno != 0)
                return row_of("skip", text_print(INTERRUPTS ": %s", strerror(errno)), "");

        if (sysfs_read(AT_FDCWD, UNSAFE, unsafe, sizeof(unsafe)) > 0 && strcmp(unsafe, "Y") == 0)
                return row_of(
                        "warn",
                        text_print(INTERRUPTS " has no interrupt of an IR- chip; " UNSAFE " is Y"),
                        "A guest may raise interrupts of the host: lend devices to trusted guests "
                        "alone, or switch on interrupt remapping in the firmware.");
        return row_of(
                "fail",
                text_print(INTERRUPTS " has no interrupt of an IR- chip; " UNSAFE " is not Y"),
                "Switch on interrupt remapping (x2APIC, VT-d) in the firmware; for trusted guests "
                "alone: options vfio_iommu_type1 allow_unsafe_interrupts=1 in /etc/modprobe.d.");
}

static bool is_vfio_pci(const char *line) {
        static const char name[] = "/vfio-pci.ko";
        const char *found = strstr(line, name);

        /* In modules.dep a colon follows, or .xz: and a colon; behind it stands what it needs itself. */
        return found && found < line + strcspn(line, ": \t") &&
               strchr(".:\n", found[sizeof(name) - 1]);
}

static Row check_vfio_pci(void) {
        static const char *const lists[] = { "modules.builtin", "modules.dep" };
        static const char fix[] =
                "Install a kernel package with its modules that has vfio-pci (CONFIG_VFIO_PCI).";
        char locked[8] = "";
        struct utsname system;

        if (access(DRIVER, F_OK) == 0)
                return row_of("pass", text_print(DRIVER " exists"), "");

        if (sysfs_read(AT_FDCWD, MODULES_LOCKED, locked, sizeof(locked)) > 0 && *locked == '1')
                return row_of("fail", text_print(DRIVER " does not exist; " MODULES_LOCKED " is 1"),
                              "Load vfio-pci at boot: a line vfio-pci in /etc/modules-load.d.");
        if (uname(&system) < 0)
                return row_of("skip", text_print("uname: %s", strerror(errno)), "");

        for (size_t i = 0; i < N_ELEMENTS(lists); i++) {
                _cleanup_(freep) char *path = NULL, *line = NULL;

                path = text_print("/lib/modules/%s/%s", system.release, lists[i]);
                if (!path)
                        return row_of("skip", NULL, "");

                line = find_line(path, is_vfio_pci);
                if (line)
                        return row_of("pass", text_print("not loaded yet; %s lists it", path), "");
                if (errno != 0 && errno != ENOENT)
                        return row_of(
                                "skip",
                                text_print(DRIVER " does not exist; %s: %s", path, strerror(errno)),
                                "If devices cannot be lent: modprobe vfio-pci.");
        }

        return row_of("fail",
                      text_print(DRIVER " does not exist; not in /lib/modules/%s", system.release),
                      fix);
}

/* No KVM is no failure: devices are lent to guests that QEMU emulates, too. */
static Row check_kvm(void) {
        if (access(KVM, F_OK) == 0)
                return row_of("pass", text_print(KVM " exists"), "");
        return row_of("warn", text_print(KVM " does not exist: guests are emulated"),
                      "Switch on virtualization in the firmware; modprobe kvm_intel or kvm_amd.");
}

static bool is_flags(const char *line) {
        return strncmp(line, "flags", 5) == 0;
}

static Row check_processor(void) {
        static const char *const flags[] = { "vmx", "svm" };
        _cleanup_(freep) char *line = NULL;
        char *rest, *word;

        line = rest = find_line(PROCESSORS, is_flags);
        if (!line && errno != 0)
                return row_of("skip", text_print(PROCESSORS ": %s", strerror(errno)), "");
        if (!line)
                return row_of("skip", text_print(PROCESSORS " has no flags: no x86"), "");

        while ((word = strsep(&rest, " \t")))
                for (size_t i = 0; i < N_ELEMENTS(flags); i++)
                        if (strcmp(word, flags[i]) == 0)
                                return row_of("pass",
                                              text_print(PROCESSORS " has the flag %s", word), "");

        return row_of(
                "warn", text_print(PROCESSORS " has neither the flag vmx nor svm"),
                "Switch on VT-x or AMD-V in the firmware; in a virtual machine: nested virtualization.");
}

static const struct {
        const char *id;
        Row (*check)(void);
} checks[] = {
        { "iommu-groups", check_groups },
        { "iommu-cmdline", check_command_line },
        { "interrupt-remapping", check_interrupt_remapping },
        { "vfio-pci", check_vfio_pci },
        { "kvm", check_kvm },
        { "cpu-virtualization", check_processor },
};

int readiness_check(ReadinessRow row, void *userdata) {
        for (size_t i = 0; i < N_ELEMENTS(checks); i++) {
                Row found = checks[i].check();
                _cleanup_(freep) char *evidence = found.evidence;
                _cleanup_(freep) char *shown = NULL;
                int r;

                if (!evidence)
                        return -ENOMEM;

                /* The command line is somebody else's text. */
                shown = sysfs_text(evidence, strlen(evidence));
                if (!shown)
                        return -ENOMEM;

                r = row(userdata, checks[i].id, found.result, shown, found.fix);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int note_failure(void *userdata, const char *id, const char *result, const char *evidence,
                        const char *fix) {
        bool *ready = userdata;

        if (strcmp(result, "fail") == 0)
                *ready = false;
        return 0;
}

bool readiness_is_ready(void) {
        bool ready = true;

        return readiness_check(note_failure, &ready) == 0 && ready;
}
