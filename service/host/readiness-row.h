/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Readiness row: one look at the host and what it says. For readiness.c and its parts alone.
 *
 * A part writes evidence from texts of ours; what comes from elsewhere goes through sysfs_text() first.
 */
#pragma once

#include <stddef.h>

#include "host/readiness.h"
#include "util/cleanup.h"

typedef struct Row {
        const char *result, *fix;
        char *evidence; /* owned; NULL: no memory */
} Row;

Row row_pass(const char *evidence, ...) _printf_(1, 2);
Row row_skip(const char *evidence, ...) _printf_(1, 2);
Row row_warn(const char *fix, const char *evidence, ...) _printf_(2, 3);
Row row_fail(const char *fix, const char *evidence, ...) _printf_(2, 3);
Row row_without_memory(void);

#define READINESS_NOIOMMU "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"

/* IOMMU groups behind which there is an IOMMU; are there any? Does vfio make others? */
size_t readiness_count_groups(void);
bool readiness_has_groups(void);
bool readiness_lets_noiommu(void);
bool readiness_exists(const char *path);
/* A line that @fits, without its end; NULL when there is none (errno 0), or the file cannot be read. */
char *readiness_find_line(const char *path, bool (*fits)(const char *line));

/**
 * readiness_command_line() - words of the kernel's command line
 * @fits: which of them
 * @ret:  a list, fit to be shown
 *
 * Return: 0 or negative errno.
 */
int readiness_command_line(bool (*fits)(const char *word), char ***ret);

/* iommu */
Row readiness_firmware(const ReadinessSubject *subject);
Row readiness_iommu_words(const ReadinessSubject *subject);
Row readiness_groups(const ReadinessSubject *subject);
Row readiness_remapping(const ReadinessSubject *subject);
Row readiness_acs_override(const ReadinessSubject *subject);

/* vfio */
Row readiness_lockdown(const ReadinessSubject *subject);
Row readiness_vfio_pci(const ReadinessSubject *subject);
Row readiness_vfio_device(const ReadinessSubject *subject);
Row readiness_idle_d3(const ReadinessSubject *subject);

/* guests */
Row readiness_processor(const ReadinessSubject *subject);
Row readiness_kvm(const ReadinessSubject *subject);

Row readiness_huge_pages(const ReadinessSubject *subject);
Row readiness_libvirt(const ReadinessSubject *subject);

/* memory */
Row readiness_locked_memory(const ReadinessSubject *subject);

/* service */
Row readiness_state_directory(const ReadinessSubject *subject);
Row readiness_journal(const ReadinessSubject *subject);
Row readiness_actions(const ReadinessSubject *subject);
Row readiness_sandbox(const ReadinessSubject *subject);
Row readiness_host_use(const ReadinessSubject *subject);
