/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vm/numa-xml.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

void cpu_nodes_done(CpuNodes *cpus) {
        free(cpus->nodes);
        *cpus = (CpuNodes){ 0 };
}

/* A cell with an unreadable number, or a CPU with one, is passed over: it constrains nothing. */
static void note_cell(CpuNodes *cpus, const xmlNode *cell) {
        const xmlNode *cpu = xml_child(xml_child(cell, "cpus"), "cpu");
        unsigned long number, node;

        if (!xml_attribute_number(cell, "id", NUMA_NODES_MAX - 1, &node))
                return;

        for (; cpu; cpu = xml_next(cpu)) {
                if (!xml_attribute_number(cpu, "id", CPUS_MAX - 1, &number))
                        continue;
                cpus->nodes[number] = (int) node;
                if (number >= cpus->n_cpus)
                        cpus->n_cpus = number + 1;
        }
}

int cpu_nodes_read(CpuNodes *ret, const char *capabilities_xml) {
        _cleanup_(cpu_nodes_done) CpuNodes cpus = { 0 };
        _cleanup_(xmlFreeDocp) xmlDoc *document = NULL;
        const xmlNode *topology, *cell;
        int r;

        assert(ret);

        r = xml_parse(&document, capabilities_xml, "capabilities");
        if (r < 0)
                return r;

        cpus.nodes = malloc(CPUS_MAX * sizeof(*cpus.nodes));
        if (!cpus.nodes)
                return -ENOMEM;
        for (size_t i = 0; i < CPUS_MAX; i++)
                cpus.nodes[i] = -1;

        topology = xml_child(xml_child(xmlDocGetRootElement(document), "host"), "topology");
        cell = xml_child(xml_child(topology, "cells"), "cell");
        for (; cell; cell = xml_next(cell))
                note_cell(&cpus, cell);

        *ret = cpus;
        cpus = (CpuNodes){ 0 };
        return 0;
}

bool index_set_has(const IndexSet *set, size_t index) {
        return index < CPUS_MAX && (set->words[index / 64] >> (index % 64) & 1);
}

/* Reads a number and moves on behind it. */
static bool read_number(const char **text, size_t *ret) {
        size_t number = 0;

        if (**text < '0' || **text > '9')
                return false;

        for (; **text >= '0' && **text <= '9'; (*text)++) {
                number = number * 10 + (size_t) (**text - '0');
                if (number >= CPUS_MAX)
                        return false;
        }

        *ret = number;
        return true;
}

int index_set_parse(IndexSet *ret, const char *text) {
        IndexSet set = { 0 };

        assert(ret);

        for (;;) {
                size_t first, last;
                bool without = false;

                text += strspn(text, " ");
                if (*text == '^') {
                        without = true;
                        text++;
                }
                if (!read_number(&text, &first))
                        return -EINVAL;
                last = first;
                if (*text == '-') {
                        text++;
                        if (without || !read_number(&text, &last) || last < first)
                                return -EINVAL;
                }

                for (size_t i = first; i <= last; i++) {
                        uint64_t bit = UINT64_C(1) << (i % 64);

                        if (without)
                                set.words[i / 64] &= ~bit;
                        else
                                set.words[i / 64] |= bit;
                }

                text += strspn(text, " ");
                if (*text == '\0')
                        break;
                if (*text++ != ',')
                        return -EINVAL;
        }

        *ret = set;
        return 0;
}

/* The list in an attribute: 1, 0 when the attribute is absent, -EINVAL. */
static int read_list(IndexSet *ret, const xmlNode *node, const char *attribute) {
        const char *text = xml_attribute(node, attribute);
        int r;

        if (!text)
                return 0;

        r = index_set_parse(ret, text);
        return r < 0 ? r : 1;
}

/* <memory nodeset=> and <memnode nodeset=>, whatever their mode. */
static int add_numatune(NodeSet *set, const xmlNode *numatune) {
        const xmlNode *node = numatune;
        IndexSet nodes;
        int r;

        if (!numatune)
                return 0;

        while ((node = xml_walk(numatune, node))) {
                r = read_list(&nodes, node, "nodeset");
                if (r < 0)
                        return r;

                for (size_t i = 0; r > 0 && i < NUMA_NODES_MAX; i++)
                        if (index_set_has(&nodes, i))
                                node_set_add(set, i);
        }

        return 0;
}

/* The nodes of the CPUs in the attribute cpuset. */
static int add_cpus(NodeSet *set, const xmlNode *node, const CpuNodes *cpus) {
        IndexSet numbers;
        int r;

        r = read_list(&numbers, node, "cpuset");
        if (r <= 0)
                return r;

        for (size_t i = 0; i < cpus->n_cpus; i++)
                if (index_set_has(&numbers, i) && cpus->nodes[i] >= 0)
                        node_set_add(set, cpus->nodes[i]);
        return 0;
}

int numa_xml_read(NodeSet *ret, const xmlNode *domain, const CpuNodes *cpus) {
        const xmlNode *node;
        NodeSet set = { 0 };
        int r;

        assert(ret);

        r = add_numatune(&set, xml_child(domain, "numatune"));
        if (r < 0)
                return r;

        node = set.constrained ? NULL : xml_child(xml_child(domain, "cputune"), "vcpupin");
        for (; node; node = xml_next(node)) {
                r = add_cpus(&set, node, cpus);
                if (r < 0)
                        return r;
        }

        node = set.constrained ? NULL : xml_child(domain, "vcpu");
        if (node) {
                r = add_cpus(&set, node, cpus);
                if (r < 0)
                        return r;
        }

        *ret = set;
        return 0;
}
