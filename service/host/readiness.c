/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/readiness.h"

#include <errno.h>
#include <string.h>

#include "host/readiness-row.h"
#include "host/sysfs.h"
#include "util/text.h"

typedef struct Check {
        const char *id;
        Row (*look)(const ReadinessSubject *subject);
        bool may_fail;
} Check;

/* From the machine over the kernel and libvirt up to ourselves: the first that fails is often the cause of others. */
static const Check checks[] = {
        { "cpu-virtualization", readiness_processor, false },
        { "kvm", readiness_kvm, false },
        { "iommu-firmware", readiness_firmware, true },
        { "iommu-cmdline", readiness_iommu_words, true },
        { "iommu-groups", readiness_groups, true },
        { "interrupt-remapping", readiness_remapping, true },
        { "acs-override", readiness_acs_override, false },
        { "lockdown", readiness_lockdown, false },
        { "vfio-pci", readiness_vfio_pci, true },
        { "vfio-device", readiness_vfio_device, true },
        { "idle-d3", readiness_idle_d3, false },
        { "locked-memory", readiness_locked_memory, false },
        { "huge-pages", readiness_huge_pages, false },
        { "libvirt", readiness_libvirt, true },
        { "state-directory", readiness_state_directory, true },
        { "journal", readiness_journal, true },
        { "polkit-actions", readiness_actions, true },
        { "sandbox", readiness_sandbox, false },
        { "host-use", readiness_host_use, true },
};

int readiness_check(const ReadinessSubject *subject, ReadinessRow row, void *userdata) {
        for (size_t i = 0; i < N_ELEMENTS(checks); i++) {
                Row found = checks[i].look(subject);
                _cleanup_(freep) char *evidence = found.evidence;
                int r;

                if (!evidence)
                        return -ENOMEM;

                r = row(userdata, checks[i].id, found.result, evidence, found.fix);
                if (r < 0)
                        return r;
        }

        return 0;
}

bool readiness_is_ready(const ReadinessSubject *subject) {
        bool ready = true;

        /* Asked for after every event: what can only be warned of is not looked at. */
        for (size_t i = 0; ready && i < N_ELEMENTS(checks); i++) {
                _cleanup_(freep) char *evidence = NULL;
                Row found;

                if (!checks[i].may_fail)
                        continue;

                found = checks[i].look(subject);
                evidence = found.evidence;
                ready = evidence && strcmp(found.result, "fail") != 0;
        }

        return ready;
}
