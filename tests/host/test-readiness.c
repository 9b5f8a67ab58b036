/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The rows of CheckHost on made hosts: files of /proc and the modules are covered by made ones. */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "host/readiness.h"
#include "tree.h"
#include "util/cleanup.h"
#include "util/text.h"

static const char *const ids[] = {
        "iommu-groups", "iommu-cmdline", "interrupt-remapping",
        "vfio-pci",     "kvm",           "cpu-virtualization",
};

/* A kernel without modules has no such switch. */
static bool lock_modules(const char *text) {
        static const char path[] = "/proc/sys/kernel/modules_disabled";

        if (access(path, F_OK) < 0)
                return false;
        tree_cover(path, text);
        return true;
}

/* A ready host; each test takes something from it. */
static int set_up(void **state) {
        tree_clear();
        tree_make_directory("kernel/iommu_groups/0");
        tree_make_directory("kernel/iommu_groups/17");
        tree_make_directory("bus/pci/drivers/vfio-pci");
        tree_make_directory("class/misc/kvm");
        tree_make_directory("modules");
        tree_cover("/proc/cmdline", "root=/dev/vda1 intel_iommu=on iommu=pt quiet\n");
        tree_cover("/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu vme vmx\n");
        tree_cover("/proc/interrupts", "  0:  5  IR-IO-APIC  2-edge  timer\n");
        lock_modules("0\n");
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
        if (strcmp(result, "pass") == 0)
                assert_string_equal(fix, "");
        else if (strcmp(result, "skip") != 0)
                assert_string_not_equal(fix, "");

        if (strcmp(id, wanted->id) == 0) {
                wanted->result = strdup(result);
                wanted->evidence = strdup(evidence);
                wanted->fix = strdup(fix);
        }
        return 0;
}

/* The row @id has this result, and its evidence these words. */
static void assert_row(const char *id, const char *result, const char *evidence) {
        Wanted wanted = { .id = id };

        assert_int_equal(readiness_check(keep_row, &wanted), 0);
        assert_int_equal(wanted.n_rows, N_ELEMENTS(ids));
        assert_non_null(wanted.result);
        assert_string_equal(wanted.result, result);
        assert_non_null(strstr(wanted.evidence, evidence));
        free(wanted.result);
        free(wanted.evidence);
        free(wanted.fix);
}

static void write_module_list(const char *name, const char *text) {
        _cleanup_(freep) char *path = NULL;
        struct utsname system;

        assert_int_equal(uname(&system), 0);
        path = text_print("modules/%s/%s", system.release, name);
        assert_non_null(path);
        tree_print(path, "%s", text);
}

static void a_host_with_everything_is_ready(void **state) {
        assert_row("iommu-groups", "pass", "2 groups");
        assert_row("iommu-cmdline", "pass", "intel_iommu=on iommu=pt");
        assert_row("interrupt-remapping", "pass", "/proc/interrupts");
        assert_row("vfio-pci", "pass", "/sys/bus/pci/drivers/vfio-pci");
        assert_row("kvm", "pass", "/sys/class/misc/kvm");
        assert_row("cpu-virtualization", "pass", "vmx");
        assert_true(readiness_is_ready());
}

static void an_iommu_that_is_switched_off_is_a_failure_with_its_cause(void **state) {
        static const char *const lines[] = { "quiet intel_iommu=off", "amd_iommu=off x",
                                             "iommu=soft", "iommu=pt,off",
                                             "intel_iommu=sm_on,off,x" };

        tree_remove("kernel/iommu_groups/0");
        tree_remove("kernel/iommu_groups/17");
        for (size_t i = 0; i < N_ELEMENTS(lines); i++) {
                tree_cover("/proc/cmdline", lines[i]);
                assert_row("iommu-groups", "fail", "/sys/kernel/iommu_groups");
                assert_row("iommu-cmdline", "fail", "iommu=");
                assert_row("interrupt-remapping", "skip", "no group");
        }
        assert_false(readiness_is_ready());
}

static void a_host_without_iommu_is_not_ready(void **state) {
        tree_remove("kernel");
        tree_cover("/proc/cmdline", "root=/dev/vda1 offline my_iommu=off intel_iommu_off\n");

        assert_row("iommu-groups", "fail", "no IOMMU is on");
        assert_row("iommu-cmdline", "warn", "nothing of an IOMMU");
        assert_false(readiness_is_ready());
}

static void interrupts_that_are_not_remapped_need_the_administrators_word(void **state) {
        tree_cover("/proc/interrupts", "  0:  5  IO-APIC  2-edge  timer\n 24:  1  PCI-MSI  IR\n");
        assert_row("interrupt-remapping", "fail", "is not Y");
        assert_false(readiness_is_ready());

        tree_print("module/vfio_iommu_type1/parameters/allow_unsafe_interrupts", "Y\n");
        assert_row("interrupt-remapping", "warn", "is Y");
        assert_true(readiness_is_ready());
}

static void vfio_pci_may_be_a_module_that_is_not_loaded_yet(void **state) {
        if (tree_cover_modules("modules") < 0)
                skip();

        tree_remove("bus/pci/drivers/vfio-pci");
        assert_row("vfio-pci", "fail", "/lib/modules/");

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

        if (lock_modules("1\n"))
                assert_row("vfio-pci", "fail", "modules_disabled is 1");
}

static void a_host_without_kvm_is_warned_and_ready(void **state) {
        tree_remove("class/misc/kvm");
        tree_cover("/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu vmx2 nosvm\n");

        assert_row("kvm", "warn", "does not exist");
        assert_row("cpu-virtualization", "warn", "neither");
        assert_true(readiness_is_ready());

        tree_cover("/proc/cpuinfo", "processor\t: 0\nFeatures\t: fp asimd\n");
        assert_row("cpu-virtualization", "skip", "no flags");
}

static void text_of_the_command_line_cannot_break_a_row(void **state) {
        tree_cover("/proc/cmdline", "iommu=\x1b[2J\n");
        assert_row("iommu-cmdline", "pass", "");
        tree_cover("/proc/cmdline", "iommu=\xff");
        assert_row("iommu-cmdline", "pass", "");
        tree_cover("/proc/cmdline", "");
        assert_row("iommu-cmdline", "pass", "nothing");
}

static int stop_at_second(void *userdata, const char *id, const char *result, const char *evidence,
                          const char *fix) {
        return ++*(int *) userdata == 2 ? -7 : 0;
}

static void a_receiver_that_has_enough_ends_the_check(void **state) {
        int n = 0;

        assert_int_equal(readiness_check(stop_at_second, &n), -7);
        assert_int_equal(n, 2);
}

#define TEST(function) cmocka_unit_test_setup(function, set_up)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(a_host_with_everything_is_ready),
                TEST(an_iommu_that_is_switched_off_is_a_failure_with_its_cause),
                TEST(a_host_without_iommu_is_not_ready),
                TEST(interrupts_that_are_not_remapped_need_the_administrators_word),
                TEST(vfio_pci_may_be_a_module_that_is_not_loaded_yet),
                TEST(a_host_without_kvm_is_warned_and_ready),
                TEST(text_of_the_command_line_cannot_break_a_row),
                TEST(a_receiver_that_has_enough_ends_the_check),
        };
        int r;

        if (tree_enter() < 0) {
                puts("1..0 # SKIP no namespaces here");
                return 0;
        }

        r = cmocka_run_group_tests(tests, NULL, NULL);
        tree_leave();
        return r;
}
