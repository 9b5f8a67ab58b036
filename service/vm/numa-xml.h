/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * NUMA XML: which CPUs are on which node of the host, and on which nodes a domain is to be.
 */
#pragma once

#include "core/domain.h"
#include "vm/xml.h"

enum {
        CPUS_MAX = 8192
};

/* The node of each CPU, by number; −1 where it is not known. */
typedef struct CpuNodes {
        int *nodes;
        size_t n_cpus;
} CpuNodes;

void cpu_nodes_done(CpuNodes *cpus);

/* From the capabilities of the host, as libvirt gives them. 0; -EINVAL, -E2BIG or -ENOMEM. */
int cpu_nodes_read(CpuNodes *ret, const char *capabilities_xml);

/* A set of CPUs or nodes, "0-3,^2,8". */
typedef struct IndexSet {
        uint64_t words[CPUS_MAX / 64];
} IndexSet;

/* 0, or -EINVAL (not such a list, a number ≥ CPUS_MAX). */
int index_set_parse(IndexSet *ret, const char *text);
bool index_set_has(const IndexSet *set, size_t index);

/**
 * numa_xml_read() - the nodes of a domain
 * @domain: root element of its XML
 *
 * Those of numatune, else of the CPUs in vcpupin, else of the cpuset of vcpu. What names only CPUs
 * of no known node constrains nothing.
 *
 * Return: 0, or -EINVAL for a list that cannot be read.
 */
int numa_xml_read(NodeSet *ret, const xmlNode *domain, const CpuNodes *cpus);
