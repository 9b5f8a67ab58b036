/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/usage-table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "host/sysfs.h"
#include "util/vector.h"

void usage_table_done(UsageTable *table) {
        for (size_t i = 0; i < table->n_entries; i++)
                free(table->entries[i].what);
        free(table->entries);
        *table = (UsageTable){};
}

static UsageEntry *find_entry(const UsageTable *table, Address address) {
        for (size_t i = 0; i < table->n_entries; i++)
                if (address_equal(table->entries[i].address, address))
                        return &table->entries[i];
        return NULL;
}

const char *usage_table_find(const UsageTable *table, Address address) {
        const UsageEntry *entry = find_entry(table, address);

        return entry ? entry->what : "";
}

static bool is_nearer_root(const char *what, const char *than) {
        return *what == '/' && *than == '/' && strlen(what) < strlen(than);
}

static int add(UsageTable *table, Address address, const char *what) {
        _cleanup_(freep) char *text = NULL;
        UsageEntry *entry;
        int r;

        text = sysfs_text(what, strlen(what));
        if (!text)
                return -ENOMEM;

        entry = find_entry(table, address);
        if (!entry) {
                UsageEntry new = { .address = address, .what = text };

                r = VECTOR_APPEND(table->entries, table->n_entries, new);
                if (r < 0)
                        return r;
                (void) TAKE(text);
        } else if (is_nearer_root(text, entry->what)) {
                free(entry->what);
                entry->what = TAKE(text);
        }

        return 0;
}

/* A virtual function goes with its physical one: who takes that takes what the host uses away. */
static int add_physical_function(UsageTable *table, Address address, const char *what) {
        char path[sizeof("/sys/bus/pci/devices//physfn") + ADDRESS_TEXT_SIZE];
        char text[ADDRESS_TEXT_SIZE], name[ADDRESS_TEXT_SIZE];
        Address physical;

        (void) snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/physfn",
                        address_format(address, text));
        if (sysfs_read_link(AT_FDCWD, path, name, sizeof(name)) < 0 ||
            address_parse(name, &physical) != 0)
                return 0;
        return add(table, physical, what);
}

int usage_table_add(UsageTable *table, const char *path, const char *what) {
        Address address;
        int r;

        while (sysfs_next_function(&path, &address)) {
                r = add(table, address, what);
                if (r == 0)
                        r = add_physical_function(table, address, what);
                if (r < 0)
                        return r;
        }

        return 0;
}
