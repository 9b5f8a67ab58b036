/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/names.h"

#include <errno.h>
#include <setjmp.h>
#include <string.h>

#include <pci/pci.h>

#include "host/sysfs.h"
#include "util/vector.h"

/* What was looked up. The functions of a host are of a few kinds. */
typedef struct Name {
        int kind, first, second;
        char *text;
} Name;

struct Names {
        struct pci_access *access; /* has the list; NULL: not needed so far, or not any more */
        Name *known;
        size_t n_known;
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
        *ret = calloc(1, sizeof(**ret));
        return *ret ? 0 : -ENOMEM;
}

/* 0 or -ENOMEM. */
static int need_list(Names *names) {
        if (names->access)
                return 0;

        names->access = pci_alloc();
        if (!names->access)
                return -ENOMEM;

        names->access->error = on_error;
        names->access->warning = on_message;
        names->access->debug = on_message;
        return 0;
}

bool names_rest(Names *names) {
        if (!names->access)
                return false;

        pci_cleanup(names->access);
        names->access = NULL;
        return true;
}

Names *names_free(Names *names) {
        if (!names)
                return NULL;

        (void) names_rest(names);
        for (size_t i = 0; i < names->n_known; i++)
                free(names->known[i].text);
        free(names->known);
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

/* New in the list of those that are known. 0 or -ENOMEM. */
static int learn(Names *names, int kind, int first, int second) {
        _cleanup_(freep) char *text = NULL;
        char buffer[NAME_SIZE];
        const char *found;
        int r;

        r = need_list(names);
        if (r < 0)
                return r;

        found = look_up(names, buffer, kind, first, second) ?: "";
        text = sysfs_text(found, strlen(found));
        if (!text)
                return -ENOMEM;

        r = VECTOR_APPEND(names->known, names->n_known, ((Name){ kind, first, second, text }));
        if (r == 0)
                (void) TAKE(text);
        return r;
}

static const char *find(const Names *names, int kind, int first, int second) {
        for (size_t i = 0; i < names->n_known; i++) {
                const Name *name = &names->known[i];

                if (name->kind == kind && name->first == first && name->second == second)
                        return name->text;
        }
        return NULL;
}

static int name(Names *names, int kind, int first, int second, char **ret) {
        const char *text = find(names, kind, first, second);

        if (!text) {
                int r = learn(names, kind, first, second);

                if (r < 0)
                        return r;
                text = names->known[names->n_known - 1].text;
        }

        *ret = strdup(text);
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
