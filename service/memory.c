/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "memory.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <link.h>
#include <malloc.h>

enum {
        LARGE = 128 * 1024, /* bytes; glibc's own limit until the first large block is released */
        SEGMENTS_MAX = 8    /* of an object; mostly it has three that cannot be written */
};

void memory_prepare(void) {
        (void) mallopt(M_MMAP_THRESHOLD, LARGE);
        (void) mallopt(M_TRIM_THRESHOLD, LARGE);
        (void) mallopt(M_ARENA_MAX, 1);
}

/* The linker says where things are in numbers. */
static void *at(uintptr_t address) {
        void *pointer;

        memcpy(&pointer, &address, sizeof(pointer));
        return pointer;
}

/* Code that was relocated where it stands (no library of Debian has such) is not what is in its file. */
static bool is_relocated(const struct dl_phdr_info *object) {
        for (size_t i = 0; i < object->dlpi_phnum; i++) {
                const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
                const ElfW(Dyn) *entry = at(object->dlpi_addr + segment->p_vaddr);

                if (segment->p_type != PT_DYNAMIC)
                        continue;
                for (; entry->d_tag != DT_NULL; entry++)
                        if (entry->d_tag == DT_TEXTREL ||
                            (entry->d_tag == DT_FLAGS && entry->d_un.d_val & DF_TEXTREL))
                                return true;
        }

        return false;
}

/*
 * Other segments that cannot be written have nothing that is not in their file. The list of them stands in one of them:
 * it is read to its end before that one is given back, for to read it is to have it again.
 */
static int forget_code(struct dl_phdr_info *object, size_t size, void *userdata) {
        const uintptr_t page = (uintptr_t) sysconf(_SC_PAGESIZE);
        struct iovec code[SEGMENTS_MAX];
        size_t n = 0;

        if (is_relocated(object))
                return 0;

        for (size_t i = 0; i < object->dlpi_phnum && n < SEGMENTS_MAX; i++) {
                const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
                uintptr_t begin = object->dlpi_addr + segment->p_vaddr;

                if (segment->p_type == PT_LOAD && !(segment->p_flags & PF_W))
                        code[n++] = (struct iovec){ at(begin & -page),
                                                    segment->p_memsz + (begin & (page - 1)) };
        }

        while (n-- > 0)
                (void) madvise(code[n].iov_base, code[n].iov_len, MADV_DONTNEED);
        return 0;
}

void memory_rest(void) {
        (void) malloc_trim(0);
        (void) dl_iterate_phdr(forget_code, NULL);
}
