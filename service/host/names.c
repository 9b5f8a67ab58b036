/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/names.h"

#include <errno.h>
#include <setjmp.h>
#include <string.h>

#include <pci/pci.h>

#include "host/sysfs.h"

struct Names {
        struct pci_access *access;
};

enum {
        NAME_SIZE = 1024,
        FLAGS = PCI_LOOKUP_NO_NUMBERS | PCI_LOOKUP_NO_HWDB,
};

/*
 * When libpci meets an error (a line of the list that makes no sense, or no memory) it calls
 * a function that must not return; by default that ends the process. Ours jumps back to the lookup,
 * for which the name is then unknown. The lines before the bad one stay usable.
 */
static jmp_buf *escape;

__attribute__((noreturn)) static void on_error(char *format, ...) {
        longjmp(*escape, 1);
}

static void on_message(char *format, ...) {
}

int names_new(Names **ret) {
        _cleanup_(names_freep) Names *names = NULL;

        names = calloc(1, sizeof(*names));
        if (!names)
                return -ENOMEM;

        names->access = pci_alloc();
        if (!names->access)
                return -ENOMEM;

        names->access->error = on_error;
        names->access->warning = on_message;
        names->access->debug = on_message;

        *ret = TAKE(names);
        return 0;
}

Names *names_free(Names *names) {
        if (!names)
                return NULL;

        if (names->access)
                pci_cleanup(names->access);
        free(names);
        return NULL;
}

/* Says which of the ids are asked for by @kind; the others are not looked at. */
static const char *look_up(Names *names, char *buffer, int kind, int first, int second) {
        const char *volatile found = NULL;
        jmp_buf here;

        if (setjmp(here) == 0) {
                escape = &here;
                found = pci_lookup_name(names->access, buffer, NAME_SIZE, kind | FLAGS, first,
                                        second);
        }

        escape = NULL;
        return found;
}

static int name(Names *names, int kind, int first, int second, char **ret) {
        char buffer[NAME_SIZE];
        const char *found;

        found = look_up(names, buffer, kind, first, second) ?: "";

        *ret = sysfs_text(found, strlen(found));
        return *ret ? 0 : -ENOMEM;
}

int names_vendor(Names *names, uint16_t vendor_id, char **ret) {
        return name(names, PCI_LOOKUP_VENDOR, vendor_id, 0, ret);
}

int names_product(Names *names, uint16_t vendor_id, uint16_t product_id, char **ret) {
        return name(names, PCI_LOOKUP_DEVICE, vendor_id, product_id, ret);
}

int names_class(Names *names, uint32_t class_code, char **ret) {
        return name(names, PCI_LOOKUP_CLASS, (int) (class_code >> 8), 0, ret);
}
