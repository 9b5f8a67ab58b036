/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Readiness of VFIO: the driver that guests get their devices through, and what may keep it away.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>

#include "host/readiness-row.h"
#include "host/sysfs.h"
#include "util/text.h"

#define DRIVER         "/sys/bus/pci/drivers/vfio-pci"
#define MODULES_LOCKED "/proc/sys/kernel/modules_disabled"
#define LOCKDOWN       "/sys/kernel/security/lockdown"
#define VFIO           "/sys/module/vfio"
#define VFIO_DEVICE    "/sys/class/misc/vfio"
#define IOMMUFD_DEVICE "/sys/class/misc/iommu"
#define IDLE_D3        "/sys/module/vfio_pci/parameters/disable_idle_d3"

/* The word in brackets is in force: none [integrity] confidentiality. */
Row readiness_lockdown(const ReadinessSubject *subject) {
        char text[SYSFS_TEXT_LONGEST], *mode, *end;
        _cleanup_(freep) char *shown = NULL;
        ssize_t n;

        n = sysfs_read(AT_FDCWD, LOCKDOWN, text, sizeof(text));
        if (n < 0)
                return row_skip(LOCKDOWN ": %s", strerror((int) -n));

        mode = strchr(text, '[');
        end = mode ? strchr(mode, ']') : NULL;
        if (!end)
                return row_skip(LOCKDOWN " says no mode");
        *end = '\0';
        shown = sysfs_text(mode + 1, strlen(mode + 1));
        if (!shown)
                return row_without_memory();

        if (strcmp(shown, "none") == 0 || readiness_exists(DRIVER))
                return row_pass(LOCKDOWN " is %s", shown);
        return row_warn("Only signed modules are loaded: take vfio-pci from the distribution's own "
                        "kernel package, or sign it.",
                        LOCKDOWN " is %s; " DRIVER " does not exist yet", shown);
}

static bool is_vfio_pci(const char *line) {
        static const char name[] = "/vfio-pci.ko";
        const char *found = strstr(line, name);

        /* In modules.dep a colon follows, or .xz: and a colon; behind it stands what it needs itself. */
        return found && found < line + strcspn(line, ": \t") &&
               strchr(".:\n", found[sizeof(name) - 1]);
}

Row readiness_vfio_pci(const ReadinessSubject *subject) {
        static const char *const lists[] = { "modules.builtin", "modules.dep" };
        char locked[8] = "";
        struct utsname system;

        if (readiness_exists(DRIVER))
                return row_pass(DRIVER " exists");

        if (sysfs_read(AT_FDCWD, MODULES_LOCKED, locked, sizeof(locked)) > 0 && *locked == '1')
                return row_fail("Load vfio-pci at boot: a line vfio-pci in /etc/modules-load.d.",
                                DRIVER " does not exist; " MODULES_LOCKED " is 1");
        if (uname(&system) < 0)
                return row_skip("uname: %s", strerror(errno));

        for (size_t i = 0; i < N_ELEMENTS(lists); i++) {
                _cleanup_(freep) char *path = NULL, *line = NULL;

                path = text_print("/lib/modules/%s/%s", system.release, lists[i]);
                if (!path)
                        return row_without_memory();

                line = readiness_find_line(path, is_vfio_pci);
                if (line)
                        return row_pass("not loaded yet; %s lists it", path);
                /* The unit hides the modules from the daemon. libvirt loads what it needs by itself. */
                if (errno != 0 && errno != ENOENT)
                        return row_skip("not loaded yet; %s: %s", path, strerror(errno));
        }

        return row_fail(
                "Install a kernel package with its modules that has vfio-pci (CONFIG_VFIO_PCI).",
                DRIVER " does not exist; not in /lib/modules/%s", system.release);
}

/* In /sys, not in /dev: PrivateDevices= of our unit hides it there. */
Row readiness_vfio_device(const ReadinessSubject *subject) {
        if (readiness_exists(VFIO_DEVICE))
                return row_pass(VFIO_DEVICE " exists, which is /dev/vfio/vfio");
        if (!readiness_exists(VFIO))
                return row_skip(VFIO " does not exist: /dev/vfio comes when vfio is loaded");
        if (readiness_exists(IOMMUFD_DEVICE))
                return row_warn("A kernel with CONFIG_VFIO_CONTAINER is needed by guests whose "
                                "QEMU does not use iommufd.",
                                VFIO_DEVICE " does not exist; " IOMMUFD_DEVICE " does");
        return row_fail("modprobe vfio; it needs a kernel with CONFIG_VFIO_CONTAINER.",
                        "vfio is loaded; " VFIO_DEVICE " does not exist");
}

Row readiness_idle_d3(const ReadinessSubject *subject) {
        char text[8] = "";
        ssize_t n;

        n = sysfs_read(AT_FDCWD, IDLE_D3, text, sizeof(text));
        if (n < 0)
                return row_skip(IDLE_D3 ": %s",
                                n == -ENOENT ? "vfio-pci is not loaded yet" : strerror((int) -n));
        if (strcmp(text, "Y") == 0)
                return row_warn("Devices at vfio-pci that nobody uses draw full power: take "
                                "disable_idle_d3 from /etc/modprobe.d unless one of them does not "
                                "wake up.",
                                IDLE_D3 " is Y");
        return row_pass(IDLE_D3 " is not Y: idle devices sleep");
}
