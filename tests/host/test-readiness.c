/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The rows of CheckHost on made hosts: /sys, /proc and the modules of a kernel are made for each test. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "host/readiness-kept.h"
#include "tree.h"
#include "util/cleanup.h"
#include "util/text.h"

#define HOME_HIDDEN                                                                                \
        "60 50 0:25 /systemd/inaccessible/dir /home ro,nosuid shared:1 - tmpfs tmpfs rw\n"
#define MODULES_HIDDEN "61 50 0:25 /systemd/inaccessible/dir /usr/lib/modules ro - tmpfs tmpfs rw\n"

static const char *const ids[] = {
        "cpu-virtualization",
        "kvm",
        "iommu-firmware",
        "iommu-cmdline",
        "iommu-groups",
        "interrupt-remapping",
        "acs-override",
        "lockdown",
        "vfio-pci",
        "vfio-device",
        "idle-d3",
        "locked-memory",
        "huge-pages",
        "libvirt",
        "state-directory",
        "journal",
        "polkit-actions",
        "sandbox",
        "host-use",
};

static ReadinessSubject subject;

/* A ready host; each test takes something from it. */
static int set_up(void **state) {
        tree_uncover_proc();
        tree_clear();

        tree_make_directory("kernel/iommu_groups/0");
        tree_make_directory("kernel/iommu_groups/17");
        tree_print("kernel/security/lockdown", "[none] integrity confidentiality\n");
        tree_print("kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "512\n");
        tree_print("kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "12\n");
        tree_print("kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages", "0\n");
        tree_print("kernel/mm/hugepages/hugepages-1048576kB/free_hugepages", "0\n");
        tree_make_directory("class/iommu/dmar1");
        tree_make_directory("class/iommu/dmar0");
        tree_make_directory("class/misc/kvm");
        tree_make_directory("class/misc/vfio");
        tree_print("firmware/acpi/tables/DMAR", "unreadable to others");
        tree_make_directory("bus/pci/drivers/vfio-pci");
        tree_make_directory("module/vfio");
        tree_print("module/vfio_pci/parameters/disable_idle_d3", "N\n");
        tree_make_directory("modules");
        tree_make_directory("state");
        assert_int_equal(chmod("/sys/state", 0700), 0);

        tree_print("proc/cmdline", "root=/dev/vda1 intel_iommu=on iommu=pt quiet\n");
        tree_print("proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu vme vmx\n");
        tree_print("proc/interrupts", "  0:  5  IR-IO-APIC  2-edge  timer\n");
        tree_print("proc/sys/kernel/modules_disabled", "0\n");
        tree_print("proc/self/status", "Name:\thostdevd\nUid:\t990\t990\t990\t990\nCapEff:\t0\n"
                                       "NoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t3\n");
        tree_print("proc/self/mountinfo",
                   MODULES_HIDDEN "62 50 8:1 / /home ro - ext4 /dev/sda1 rw\n");
        tree_print("proc/4711/comm", "virtqemud\n");
        tree_print("proc/4711/limits",
                   "Limit                     Soft Limit           Hard Limit           Units\n"
                   "Max locked memory         8388608              unlimited            bytes\n");
        tree_cover_proc();

        subject = (ReadinessSubject){
                .libvirt_uri = "qemu:///system",
                .libvirt_is_connected = true,
                .state_directory = "/sys/state",
                .actions = READINESS_ACTIONS_KNOWN,
                .actions_text = "polkit knows all 5 actions",
        };
        return 0;
}

typedef struct Wanted {
        const char *id;
        char *result, *evidence, *fix;
        size_t n_rows;
} Wanted;

static int keep_row(void *userdata, const char *id, const char *result, const char *evidence,
                    const char *fix) {
        Wanted *wanted = userdata;

        assert_true(text_is_line(evidence) && *evidence);
        assert_true(text_is_line(fix));
        assert_string_equal(id, ids[wanted->n_rows++]);
        if (strcmp(result, "warn") == 0 || strcmp(result, "fail") == 0)
                assert_true(*fix && fix[strlen(fix) - 1] == '.');
        else
                assert_string_equal(fix, "");

        if (strcmp(id, wanted->id) == 0) {
                wanted->result = strdup(result);
                wanted->evidence = strdup(evidence);
                wanted->fix = strdup(fix);
        }
        return 0;
}

/* The row @id has this result, its evidence these words, and its fix, when it has one, those. */
static void assert_fix(const char *id, const char *result, const char *evidence, const char *fix) {
        Wanted wanted = { .id = id };

        assert_int_equal(readiness_check(&subject, keep_row, &wanted), 0);
        assert_int_equal(wanted.n_rows, N_ELEMENTS(ids));
        assert_non_null(wanted.result);
        if (strcmp(wanted.result, result) != 0 || !strstr(wanted.evidence, evidence) ||
            !strstr(wanted.fix, fix))
                fail_msg("%s: %s, \"%s\", \"%s\"; not %s, \"%s\", \"%s\"", id, wanted.result,
                         wanted.evidence, wanted.fix, result, evidence, fix);

        if (strcmp(result, "fail") == 0)
                assert_false(readiness_is_ready(&subject));
        free(wanted.result);
        free(wanted.evidence);
        free(wanted.fix);
}

static void assert_row(const char *id, const char *result, const char *evidence) {
        assert_fix(id, result, evidence, "");
}

static void write_module_list(const char *name, const char *text) {
        _cleanup_(freep) char *path = NULL;
        struct utsname system;

        assert_int_equal(uname(&system), 0);
        path = text_print("modules/%s/%s", system.release, name);
        assert_non_null(path);
        tree_print(path, "%s", text);
}

static void take_groups(void) {
        tree_remove("kernel/iommu_groups/0");
        tree_remove("kernel/iommu_groups/17");
}

static int count_passes(void *userdata, const char *id, const char *result, const char *evidence,
                        const char *fix) {
        *(size_t *) userdata += strcmp(result, "pass") == 0;
        return 0;
}

static void a_host_with_everything_passes_every_row(void **state) {
        size_t n = 0;

        assert_int_equal(readiness_check(&subject, count_passes, &n), 0);
        assert_int_equal(n, N_ELEMENTS(ids));
        assert_true(readiness_is_ready(&subject));

        assert_row("cpu-virtualization", "pass", "/proc/cpuinfo has the flag vmx");
        assert_row("kvm", "pass", "/sys/class/misc/kvm");
        assert_row("iommu-firmware", "pass", "/sys/firmware/acpi/tables/DMAR exists");
        assert_row("iommu-firmware", "pass", "/sys/class/iommu has dmar0, dmar1");
        assert_row("iommu-cmdline", "pass", "/proc/cmdline says intel_iommu=on iommu=pt; ");
        assert_row("iommu-groups", "pass", "/sys/kernel/iommu_groups has 2 groups");
        assert_row("interrupt-remapping", "pass", "/proc/interrupts");
        assert_row("acs-override", "pass", "/proc/cmdline has no pcie_acs_override");
        assert_row("lockdown", "pass", "/sys/kernel/security/lockdown is none");
        assert_row("vfio-pci", "pass", "/sys/bus/pci/drivers/vfio-pci exists");
        assert_row("vfio-device", "pass", "/sys/class/misc/vfio exists");
        assert_row("idle-d3", "pass", "disable_idle_d3 is not Y");
        assert_row("locked-memory", "pass", "/proc/4711/limits of virtqemud");
        assert_row("huge-pages", "pass", "512 of 2048 kB (12 free)");
        assert_row("libvirt", "pass", "qemu:///system is connected, driver qemu");
        assert_row("state-directory", "pass", "/sys/state can be written to, mode 0700");
        assert_row("journal", "pass", "journal in /sys/state: in order");
        assert_row("polkit-actions", "pass", "all 5");
        assert_row("sandbox", "pass", "/proc/self/status: uid 990");
        assert_row("host-use", "pass", "/proc/self/mountinfo");
}

static void an_iommu_that_is_switched_off_is_a_failure_with_its_cause(void **state) {
        static const char *const lines[] = { "quiet intel_iommu=off", "amd_iommu=off x",
                                             "iommu=soft", "iommu=pt,off",
                                             "intel_iommu=sm_on,off,x" };

        take_groups();
        tree_remove("class/iommu");
        for (size_t i = 0; i < N_ELEMENTS(lines); i++) {
                tree_print("proc/cmdline", "%s", lines[i]);
                assert_row("iommu-firmware", "pass", "DMAR exists");
                assert_fix("iommu-cmdline", "fail", "iommu=", "kernel's command line");
                assert_row("iommu-groups", "fail", "/sys/kernel/iommu_groups");
                assert_row("interrupt-remapping", "skip", "no group");
        }
}

static void
an_iommu_that_the_kernel_was_not_told_to_use_is_a_warning_beside_the_failure(void **state) {
        take_groups();
        tree_print("proc/cmdline", "root=/dev/vda1 offline my_iommu=off intel_iommu_off\n");

        assert_fix("iommu-cmdline", "warn", "says nothing of an IOMMU; the IOMMU is not on",
                   "intel_iommu=on");
        assert_fix("iommu-groups", "fail", "no IOMMU is on", "intel_iommu=on");
}

static void a_host_without_iommu_fails_with_the_firmware_as_its_cause(void **state) {
        tree_remove("kernel/iommu_groups");
        tree_remove("class/iommu");
        tree_remove("firmware/acpi/tables/DMAR");

        assert_fix("iommu-firmware", "fail", "neither DMAR nor IVRS", "VT-d");
        assert_row("iommu-groups", "fail", "no IOMMU is on");

        /* Tables say nothing where there is no ACPI. */
        tree_remove("firmware");
        assert_row("iommu-firmware", "skip", "does not exist");
}

static void every_kind_of_iommu_is_known_by_its_table_or_its_groups(void **state) {
        static const char *const tables[] = { "IVRS", "IORT", "VIOT" };

        tree_remove("class/iommu");
        tree_remove("firmware/acpi/tables/DMAR");
        assert_row("iommu-firmware", "pass", "has groups");

        for (size_t i = 0; i < N_ELEMENTS(tables); i++) {
                _cleanup_(freep) char *path = text_print("firmware/acpi/tables/%s", tables[i]);

                tree_print(path, "x");
                assert_row("iommu-firmware", "pass", tables[i]);
                tree_remove(path);
        }

        tree_make_directory("class/iommu/ivhd0");
        assert_row("iommu-firmware", "pass", "/sys/class/iommu has ivhd0");
}

static void groups_that_vfio_makes_without_an_iommu_are_none(void **state) {
        tree_print("module/vfio/parameters/enable_unsafe_noiommu_mode", "Y\n");
        tree_print("kernel/iommu_groups/0/name", "vfio-noiommu\n");
        tree_print("kernel/iommu_groups/17/name", "mine\n");
        assert_row("iommu-groups", "pass", "has 1 group");

        tree_print("kernel/iommu_groups/17/name", "vfio-noiommu\n");
        assert_row("iommu-groups", "fail", "enable_unsafe_noiommu_mode is Y");
        assert_row("interrupt-remapping", "skip", "no group");
}

static void interrupts_that_are_not_remapped_need_the_administrators_word(void **state) {
        struct utsname system;

        assert_int_equal(uname(&system), 0);
        if (strcmp(system.machine, "x86_64") != 0) {
                assert_row("interrupt-remapping", "skip", "x86");
                return;
        }

        tree_print("proc/interrupts", "  0:  5  IO-APIC  2-edge  timer\n 24:  1  PCI-MSI  IR\n");
        assert_fix("interrupt-remapping", "fail", "is not Y", "allow_unsafe_interrupts=1");

        tree_print("module/vfio_iommu_type1/parameters/allow_unsafe_interrupts", "Y\n");
        assert_fix("interrupt-remapping", "warn", "is Y", "trusted guests");
        assert_true(readiness_is_ready(&subject));

        tree_print("module/vfio_iommu_type1/parameters/allow_unsafe_interrupts", "N\n");
        assert_row("interrupt-remapping", "fail", "is not Y");

        tree_remove("proc/interrupts");
        assert_row("interrupt-remapping", "skip", "/proc/interrupts: No such file");
}

static void an_acs_override_is_warned_of_and_no_failure(void **state) {
        tree_print("proc/cmdline", "quiet pcie_acs_override=downstream,multifunction\n");
        assert_fix("acs-override", "warn", "says pcie_acs_override=downstream,multifunction",
                   "trust each other");
        assert_true(readiness_is_ready(&subject));

        tree_print("proc/cmdline", "quiet my_pcie_acs_override=x pcie_acs_override\n");
        assert_row("acs-override", "pass", "");
}

static void a_locked_down_kernel_is_warned_of_while_the_driver_is_not_loaded(void **state) {
        tree_print("kernel/security/lockdown", "none [integrity] confidentiality\n");
        assert_row("lockdown", "pass", "is integrity");

        tree_remove("bus/pci/drivers/vfio-pci");
        assert_fix("lockdown", "warn", "is integrity", "signed");
        tree_print("kernel/security/lockdown", "[none] integrity confidentiality\n");
        assert_row("lockdown", "pass", "is none");

        tree_print("kernel/security/lockdown", "none integrity\n");
        assert_row("lockdown", "skip", "no mode");
        tree_remove("kernel/security");
        assert_row("lockdown", "skip", "No such file");
}

static void vfio_pci_may_be_a_module_that_is_not_loaded_yet(void **state) {
        if (tree_cover_modules("modules") < 0)
                skip();

        tree_remove("bus/pci/drivers/vfio-pci");
        assert_fix("vfio-pci", "fail", "/lib/modules/", "CONFIG_VFIO_PCI");

        write_module_list("modules.dep",
                          "kernel/drivers/vfio/pci/mlx5/mlx5-vfio-pci.ko: \n"
                          "kernel/drivers/vfio/pci/pds.ko: kernel/drivers/vfio/pci/vfio-pci.ko\n"
                          "kernel/drivers/vfio/pci/vfio-pci.koala: \n");
        assert_row("vfio-pci", "fail", "/lib/modules/");

        write_module_list("modules.dep",
                          "kernel/drivers/vfio/pci/vfio-pci.ko.xz: kernel/vfio.ko.xz\n");
        assert_row("vfio-pci", "pass", "modules.dep");

        write_module_list("modules.dep", "kernel/drivers/vfio/pci/vfio-pci.ko: kernel/vfio.ko\n");
        assert_row("vfio-pci", "pass", "modules.dep");

        write_module_list("modules.builtin", "kernel/drivers/vfio/pci/vfio-pci.ko\n");
        assert_row("vfio-pci", "pass", "modules.builtin");

        tree_print("proc/sys/kernel/modules_disabled", "1\n");
        assert_fix("vfio-pci", "fail", "modules_disabled is 1", "/etc/modules-load.d");
}

static void modules_that_are_hidden_from_the_daemon_say_nothing_of_the_driver(void **state) {
        struct utsname system;

        if (tree_cover_modules("modules") < 0)
                skip();

        /* As unreadable to root, too: no directory on the way. */
        assert_int_equal(uname(&system), 0);
        {
                _cleanup_(freep) char *path = text_print("modules/%s", system.release);

                tree_print(path, "a file\n");
        }
        tree_remove("bus/pci/drivers/vfio-pci");
        assert_row("vfio-pci", "skip", "not loaded yet; /lib/modules/");
}

static void the_device_of_vfio_comes_with_its_module(void **state) {
        tree_remove("class/misc/vfio");
        assert_fix("vfio-device", "fail", "vfio is loaded", "CONFIG_VFIO_CONTAINER");

        tree_make_directory("class/misc/iommu");
        assert_fix("vfio-device", "warn", "/sys/class/misc/iommu does", "iommufd");
        assert_true(readiness_is_ready(&subject));

        tree_remove("module/vfio");
        assert_row("vfio-device", "skip", "when vfio is loaded");
}

static void devices_that_are_kept_awake_are_warned_of(void **state) {
        tree_print("module/vfio_pci/parameters/disable_idle_d3", "Y\n");
        assert_fix("idle-d3", "warn", "is Y", "power");

        tree_remove("module/vfio_pci");
        assert_row("idle-d3", "skip", "not loaded");
}

static void a_host_without_kvm_is_warned_and_ready(void **state) {
        tree_remove("class/misc/kvm");
        tree_print("proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu vmx2 nosvm\n");

        assert_row("kvm", "warn", "does not exist");
        assert_row("cpu-virtualization", "warn", "neither");
        assert_true(readiness_is_ready(&subject));

        tree_print("proc/cpuinfo", "flags\t\t: fpu svm\n");
        assert_row("cpu-virtualization", "pass", "svm");
        tree_print("proc/cpuinfo", "processor\t: 0\nFeatures\t: fp asimd\n");
        assert_row("cpu-virtualization", "skip", "no flags");
        tree_remove("proc/cpuinfo");
        assert_row("cpu-virtualization", "skip", "No such file");
}

static void what_counts_of_locked_memory_is_what_libvirt_may_raise(void **state) {
        static const char limit[] = "Max open files   1024   1024   files\n"
                                    "Max locked memory   65536   67108864   bytes\n";

        tree_print("proc/4711/limits", limit);
        assert_fix("locked-memory", "warn", "65536 KiB of locked memory, and it may not",
                   "LimitMEMLOCK=");
        assert_true(readiness_is_ready(&subject));

        tree_print("proc/4711/status", "Name:\tvirtqemud\nCapEff:\t000000fffeffffff\n");
        assert_row("locked-memory", "warn", "may not");
        tree_print("proc/4711/status", "Name:\tvirtqemud\nCapEff:\t000001ffffffffff\n");
        assert_row("locked-memory", "pass", "65536 KiB of locked memory, and it may raise");

        /* Neither of these is to be judged by. */
        tree_print("proc/4711/limits", "nothing");
        tree_print("proc/4712/comm", "libvirtd-not\n");
        tree_print("proc/4712/limits", limit);
        assert_row("locked-memory", "skip", "/proc shows no libvirtd or virtqemud");

        tree_print("proc/4713/comm", "libvirtd\n");
        tree_print("proc/4713/limits", limit);
        assert_row("locked-memory", "warn", "/proc/4713/limits of libvirtd");
}

static void huge_pages_matter_where_some_are_reserved(void **state) {
        tree_print("kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages", "4\n");
        assert_fix("huge-pages", "warn", "4 of 1048576 kB (0 free), 512 of 2048 kB (12 free)",
                   "nr_hugepages");
        assert_true(readiness_is_ready(&subject));

        tree_print("kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages", "0\n");
        tree_print("kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "0\n");
        assert_row("huge-pages", "skip", "none are reserved");
        tree_remove("kernel/mm");
        assert_row("huge-pages", "skip", "No such file");
}

static void libvirt_must_answer_and_be_the_one_that_gives_devices(void **state) {
        subject.libvirt_is_connected = false;
        assert_fix("libvirt", "fail", "qemu:///system is not connected", "virtqemud");

        subject.libvirt_is_connected = true;
        subject.libvirt_uri = "qemu+unix:///system?socket=/run/x";
        assert_row("libvirt", "pass", "driver qemu");
        subject.libvirt_uri = "test+unix:///default?socket=/run/x";
        assert_fix("libvirt", "warn", "driver test", "LibvirtUri=");
        subject.libvirt_uri = "qemu+ssh://root@other/system";
        assert_fix("libvirt", "warn", "of another host", "LibvirtUri=");
        subject.libvirt_uri = "qemu://?x";
        assert_row("libvirt", "pass", "driver qemu");
        assert_true(readiness_is_ready(&subject));

        subject.libvirt_uri = "\x1b[2J";
        assert_row("libvirt", "warn", "1b5b324a is connected");
        subject.libvirt_uri = "";
        assert_row("libvirt", "warn", "is connected");
}

static void the_state_directory_must_be_ours_alone_and_have_room(void **state) {
        assert_int_equal(chmod("/sys/state", 0755), 0);
        assert_row("state-directory", "pass", "mode 0755");
        assert_int_equal(chmod("/sys/state", 0720), 0);
        assert_fix("state-directory", "fail", "mode 0720", "chmod 0700");
        assert_int_equal(chmod("/sys/state", 0702), 0);
        assert_row("state-directory", "fail", "mode 0702");

        subject.state_directory = "/sys/nowhere";
        assert_row("state-directory", "fail", "/sys/nowhere: No such file or directory");

        subject.state_directory = "/sys/small";
        tree_make_directory("small");
        assert_int_equal(mount("tmpfs", "/sys/small", "tmpfs", 0, "size=64k,mode=700"), 0);
        assert_fix("state-directory", "warn", "has 64 KiB left", "room");
        assert_true(readiness_is_ready(&subject));

        /* Not even root may write here. */
        assert_int_equal(
                mount("none", "/sys/small", "none", MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
        assert_row("state-directory", "fail", "/sys/small: Read-only file system");
        assert_int_equal(umount("/sys/small"), 0);
}

static void a_damaged_journal_fails(void **state) {
        subject.journal_problem = "record 7 is damaged";
        assert_fix("journal", "fail", "journal in /sys/state: record 7 is damaged", "copy");
}

static void actions_that_polkit_does_not_know_fail(void **state) {
        subject.actions = READINESS_ACTIONS_MISSING;
        subject.actions_text = "polkit does not know org.hostdev1.force";
        assert_fix("polkit-actions", "fail", "org.hostdev1.force", "org.hostdev1.policy");

        subject.actions = READINESS_ACTIONS_UNREACHABLE;
        subject.actions_text = "polkit has left the bus";
        assert_fix("polkit-actions", "warn", "has left", "root");
        subject.actions = READINESS_ACTIONS_UNKNOWN;
        assert_row("polkit-actions", "skip", "");
        assert_true(readiness_is_ready(&subject));
}

static void each_part_of_the_sandbox_that_is_off_is_named(void **state) {
        static const struct {
                const char *status, *evidence;
        } cases[] = {
                { "Uid:\t990\t0\t0\t0\nCapEff:\t0\nNoNewPrivs:\t1\nSeccomp:\t2\n", "uid 0" },
                { "Uid:\t1\t1\t1\t1\nCapEff:\t1000\nNoNewPrivs:\t1\nSeccomp:\t2\n",
                  "status: capabilities" },
                { "Uid:\t1\t1\t1\t1\nCapEff:\t0\nNoNewPrivs:\t0\nSeccomp:\t2\n",
                  "status: NoNewPrivs is not 1" },
                { "Uid:\t1\t1\t1\t1\nCapEff:\t0\nNoNewPrivs:\t1\nSeccomp:\t0\n",
                  "status: Seccomp is not 2" },
                { "", "uid 0, capabilities, NoNewPrivs is not 1, Seccomp is not 2" },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                tree_print("proc/self/status", "%s", cases[i].status);
                assert_fix("sandbox", "warn", cases[i].evidence, "hostdevd.service");
        }
        assert_true(readiness_is_ready(&subject));

        tree_remove("proc/self/status");
        assert_row("sandbox", "skip", "No such file");
}

static void a_daemon_that_cannot_see_what_is_mounted_fails(void **state) {
        tree_print("proc/self/mountinfo", HOME_HIDDEN);
        assert_fix("host-use", "fail", "hidden from the daemon", "ProtectHome=read-only");

        tree_remove("proc/self/mountinfo");
        assert_row("host-use", "fail", "No such file");

        tree_print("proc/self/mountinfo", MODULES_HIDDEN);
        assert_row("host-use", "pass", "");
        tree_remove("proc/cmdline");
        assert_fix("host-use", "fail", "/proc/cmdline does not exist", "ProcSubset=all");
        assert_row("iommu-cmdline", "skip", "No such file");
        assert_row("acs-override", "skip", "No such file");
}

static void text_of_the_command_line_cannot_break_a_row(void **state) {
        tree_print("proc/cmdline", "iommu=\x1b[2J pcie_acs_override=\xff\n");
        assert_row("iommu-cmdline", "pass", "696f6d6d753d1b5b324a");
        assert_row("acs-override", "warn", "706369655f616373");
        tree_print("proc/cmdline", "iommu=\xff");
        assert_row("iommu-cmdline", "pass", "");
        tree_print("proc/cmdline", "%s", "");
        assert_row("iommu-cmdline", "pass", "nothing");
}

/* The host that this runs on, looked at before it was left for a made one. */
static struct {
        char result[N_ELEMENTS(ids)][8];
        size_t n_rows;
        bool has_groups, is_ready;
} real;

static int note_real_row(void *userdata, const char *id, const char *result, const char *evidence,
                         const char *fix) {
        print_message("# %s %s: %s\n", id, result, evidence);
        if (real.n_rows < N_ELEMENTS(ids))
                (void) snprintf(real.result[real.n_rows], sizeof(real.result[0]), "%s", result);
        real.n_rows++;
        return 0;
}

static void look_at_real_host(void) {
        const ReadinessSubject ours = {
                .libvirt_uri = "qemu:///system",
                .libvirt_is_connected = true,
                .state_directory = "/",
                .actions = READINESS_ACTIONS_KNOWN,
                .actions_text = "not asked",
        };

        if (readiness_check(&ours, note_real_row, NULL) < 0)
                real.n_rows = 0;
        real.is_ready = readiness_is_ready(&ours);
        real.has_groups = system("ls -A /sys/kernel/iommu_groups 2>/dev/null | grep -q .") == 0;
}

static void the_host_that_this_runs_on_is_judged_by_what_it_has(void **state) {
        bool any_fails = false;

        assert_int_equal(real.n_rows, N_ELEMENTS(ids));
        for (size_t i = 0; i < N_ELEMENTS(ids); i++) {
                any_fails = any_fails || strcmp(real.result[i], "fail") == 0;
                if (strcmp(ids[i], "iommu-groups") == 0)
                        assert_string_equal(real.result[i], real.has_groups ? "pass" : "fail");
                if (strcmp(ids[i], "interrupt-remapping") == 0 && !real.has_groups)
                        assert_string_equal(real.result[i], "skip");
        }
        assert_int_equal(real.is_ready, !any_fails);
}

static int stop_at_second(void *userdata, const char *id, const char *result, const char *evidence,
                          const char *fix) {
        return ++*(int *) userdata == 2 ? -7 : 0;
}

static void a_receiver_that_has_enough_ends_the_check(void **state) {
        int n = 0;

        assert_int_equal(readiness_check(&subject, stop_at_second, &n), -7);
        assert_int_equal(n, 2);
}

static int find_groups(void *userdata, const char *id, const char *result, const char *evidence,
                       const char *fix) {
        if (strcmp(id, "iommu-groups") == 0)
                *(bool *) userdata = strcmp(result, "pass") == 0;
        return 0;
}

static bool tells_pass(const ReadinessKept *kept) {
        bool passes = false;

        assert_int_equal(readiness_tell(kept, find_groups, &passes), 0);
        return passes;
}

static void after_some_looks_the_last_is_told_for_a_second(void **state) {
        _cleanup_(readiness_kept_done) ReadinessKept kept = { 0 };
        const uint64_t begin_usec = 5000000;
        size_t n = 0;

        for (uint64_t i = 0; i < READINESS_LOOKS; i++) {
                assert_false(readiness_is_kept(&kept, &subject, begin_usec + i));
                assert_int_equal(readiness_keep(&kept, &subject, begin_usec + i), 0);
        }
        assert_int_equal(readiness_tell(&kept, count_passes, &n), 0);
        assert_int_equal(n, N_ELEMENTS(ids));

        assert_true(tells_pass(&kept));
        take_groups();
        assert_true(readiness_is_kept(&kept, &subject, begin_usec));
        assert_true(readiness_is_kept(&kept, &subject, begin_usec + READINESS_KEPT_USEC - 1));
        assert_true(tells_pass(&kept));
        assert_false(readiness_is_kept(&kept, &subject, begin_usec + READINESS_KEPT_USEC));
        assert_int_equal(readiness_keep(&kept, &subject, begin_usec + READINESS_KEPT_USEC), 0);
        assert_false(tells_pass(&kept));
        assert_false(readiness_is_kept(&kept, &subject, begin_usec + READINESS_KEPT_USEC));
}

static void what_the_daemon_knows_is_never_told_from_an_older_look(void **state) {
        _cleanup_(readiness_kept_done) ReadinessKept kept = { 0 };
        const ReadinessSubject before = subject;

        for (unsigned i = 0; i < READINESS_LOOKS; i++)
                assert_int_equal(readiness_keep(&kept, &subject, 1), 0);
        assert_true(readiness_is_kept(&kept, &subject, 1));
        subject.libvirt_is_connected = false;
        assert_false(readiness_is_kept(&kept, &subject, 1));
        subject = before;
        assert_true(readiness_is_kept(&kept, &subject, 1));
        subject.journal_problem = "line 3 is damaged";
        assert_false(readiness_is_kept(&kept, &subject, 1));
        subject = before;
        subject.actions = READINESS_ACTIONS_MISSING;
        assert_false(readiness_is_kept(&kept, &subject, 1));
}

static int refuse_third(void *userdata, const char *id, const char *result, const char *evidence,
                        const char *fix) {
        return ++*(unsigned *) userdata == 3 ? -E2BIG : 0;
}

static void who_takes_no_more_rows_is_told_no_more(void **state) {
        _cleanup_(readiness_kept_done) ReadinessKept kept = { 0 };
        unsigned n = 0;

        assert_int_equal(readiness_tell(&kept, refuse_third, &n), 0);
        assert_int_equal(n, 0);
        assert_int_equal(readiness_keep(&kept, &subject, 1), 0);
        assert_int_equal(readiness_tell(&kept, refuse_third, &n), -E2BIG);
        assert_int_equal(n, 3);
}

static int tear_down(void **state) {
        tree_uncover_proc();
        return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(a_host_with_everything_passes_every_row),
                TEST(after_some_looks_the_last_is_told_for_a_second),
                TEST(what_the_daemon_knows_is_never_told_from_an_older_look),
                TEST(who_takes_no_more_rows_is_told_no_more),
                TEST(an_iommu_that_is_switched_off_is_a_failure_with_its_cause),
                TEST(an_iommu_that_the_kernel_was_not_told_to_use_is_a_warning_beside_the_failure),
                TEST(a_host_without_iommu_fails_with_the_firmware_as_its_cause),
                TEST(every_kind_of_iommu_is_known_by_its_table_or_its_groups),
                TEST(groups_that_vfio_makes_without_an_iommu_are_none),
                TEST(interrupts_that_are_not_remapped_need_the_administrators_word),
                TEST(an_acs_override_is_warned_of_and_no_failure),
                TEST(a_locked_down_kernel_is_warned_of_while_the_driver_is_not_loaded),
                TEST(vfio_pci_may_be_a_module_that_is_not_loaded_yet),
                TEST(modules_that_are_hidden_from_the_daemon_say_nothing_of_the_driver),
                TEST(the_device_of_vfio_comes_with_its_module),
                TEST(devices_that_are_kept_awake_are_warned_of),
                TEST(a_host_without_kvm_is_warned_and_ready),
                TEST(what_counts_of_locked_memory_is_what_libvirt_may_raise),
                TEST(huge_pages_matter_where_some_are_reserved),
                TEST(libvirt_must_answer_and_be_the_one_that_gives_devices),
                TEST(the_state_directory_must_be_ours_alone_and_have_room),
                TEST(a_damaged_journal_fails),
                TEST(actions_that_polkit_does_not_know_fail),
                TEST(each_part_of_the_sandbox_that_is_off_is_named),
                TEST(a_daemon_that_cannot_see_what_is_mounted_fails),
                TEST(text_of_the_command_line_cannot_break_a_row),
                TEST(a_receiver_that_has_enough_ends_the_check),
                cmocka_unit_test(the_host_that_this_runs_on_is_judged_by_what_it_has),
        };
        int r;

        look_at_real_host();
        if (tree_enter() < 0) {
                puts("1..0 # SKIP no namespaces here");
                return 0;
        }

        r = cmocka_run_group_tests(tests, NULL, NULL);
        tree_leave();
        return r;
}
