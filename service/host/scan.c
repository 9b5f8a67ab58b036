/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/scan.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "core/domain.h"
#include "host/names.h"
#include "host/sysfs.h"
#include "host/usage.h"
#include "util/text.h"
#include "util/vector.h"

struct Scan {
        Names *names;
        Usage *usage;
};

enum {
        HIGHEST_NODE = 1023, /* the kernel's own limit */
        MOST_RESET_METHODS = 32,
        MOST_ATTEMPTS = 3,
        SYSFS_TYPE = 0x62656572,
};

static void closedirp(DIR **directory) {
        if (*directory)
                closedir(*directory);
}

int scan_new(Scan **ret) {
        _cleanup_(scan_freep) Scan *scan = NULL;
        int r;

        scan = calloc(1, sizeof(*scan));
        if (!scan)
                return -ENOMEM;

        r = names_new(&scan->names);
        if (r == 0)
                r = usage_new(&scan->usage, NULL);
        if (r < 0)
                return r;

        *ret = TAKE(scan);
        return 0;
}

Scan *scan_free(Scan *scan) {
        if (!scan)
                return NULL;

        names_free(scan->names);
        usage_free(scan->usage);
        free(scan);
        return NULL;
}

bool scan_rest(Scan *scan) {
        return names_rest(scan->names);
}

/* A number of the device, or @unknown. */
static unsigned long number(int device, const char *name, int base, unsigned long highest,
                            unsigned long unknown) {
        unsigned long value;

        return sysfs_read_number(device, name, base, highest, &value) ? value : unknown;
}

/* Replaces an owned string by checked text. */
static int take_text(char **string, const char *bytes, size_t size) {
        char *text;

        text = sysfs_text(bytes, size);
        if (!text)
                return -ENOMEM;

        free(*string);
        *string = text;
        return 0;
}

typedef struct Ids {
        unsigned long vendor, product, subsystem_vendor, subsystem_product, class;
} Ids;

/* −1: it is none. */
static int hex_digit(char c) {
        return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* What the kernel calls the function for those who look for its driver: all ids in one attribute. */
static bool read_ids_at_once(int device, Ids *ret) {
        static const char form[] = "pci:v########d########sv########sd########bc##sc##i##";
        enum {
                VENDOR,
                PRODUCT,
                SUBSYSTEM_VENDOR,
                SUBSYSTEM_PRODUCT,
                BASE,
                SUB,
                INTERFACE,
                N_NUMBERS
        };
        unsigned long numbers[N_NUMBERS] = { 0 };
        char text[sizeof(form) + 1];
        size_t n = 0;

        if (sysfs_read(device, "modalias", text, sizeof(text)) != (ssize_t) strlen(form))
                return false;

        for (size_t i = 0; form[i]; i++) {
                int digit;

                if (form[i] != '#') {
                        if (text[i] != form[i])
                                return false;
                        continue;
                }

                digit = hex_digit(text[i]);
                if (digit < 0)
                        return false;
                numbers[n] = numbers[n] << 4 | (unsigned long) digit;
                n += form[i + 1] != '#';
        }

        *ret = (Ids){ numbers[VENDOR], numbers[PRODUCT], numbers[SUBSYSTEM_VENDOR],
                      numbers[SUBSYSTEM_PRODUCT],
                      numbers[BASE] << 16 | numbers[SUB] << 8 | numbers[INTERFACE] };
        return ret->vendor <= 0xffff && ret->product <= 0xffff && ret->subsystem_vendor <= 0xffff &&
               ret->subsystem_product <= 0xffff;
}

static Ids read_ids_one_by_one(int device) {
        return (Ids){
                .vendor = number(device, "vendor", 16, 0xffff, 0),
                .product = number(device, "device", 16, 0xffff, 0),
                .subsystem_vendor = number(device, "subsystem_vendor", 16, 0xffff, 0),
                .subsystem_product = number(device, "subsystem_device", 16, 0xffff, 0x10000),
                .class = number(device, "class", 16, 0xffffff, 0),
        };
}

static int read_ids(Scan *scan, int device, Facts *facts) {
        _cleanup_(freep) char *vendor = NULL, *product = NULL, *class = NULL;
        Ids ids;
        int r;

        if (!read_ids_at_once(device, &ids))
                ids = read_ids_one_by_one(device);

        facts->vendor_id = (uint16_t) ids.vendor;
        facts->product_id = (uint16_t) ids.product;
        facts->class_code = (uint32_t) ids.class;

        /* A function without subsystem ids shows zeros, or ones when its register is not there. */
        if (ids.subsystem_vendor != 0 && ids.subsystem_vendor != 0xffff &&
            ids.subsystem_product <= 0xffff) {
                facts->has_subsystem = true;
                facts->subsystem_vendor_id = (uint16_t) ids.subsystem_vendor;
                facts->subsystem_product_id = (uint16_t) ids.subsystem_product;
        }

        r = names_vendor(scan->names, facts->vendor_id, &vendor);
        if (r == 0)
                r = names_product(scan->names, facts->vendor_id, facts->product_id, &product);
        if (r == 0)
                r = names_class(scan->names, facts->class_code, &class);
        if (r < 0)
                return r;

        free(facts->vendor_name);
        facts->vendor_name = TAKE(vendor);
        free(facts->product_name);
        facts->product_name = TAKE(product);
        free(facts->class_name);
        facts->class_name = TAKE(class);
        return 0;
}

static int read_links(int device, Facts *facts) {
        char name[NAME_MAX + 1];
        unsigned long group;
        ssize_t n;

        if (sysfs_read_link(device, "iommu_group", name, sizeof(name)) > 0 &&
            sysfs_parse_number(name, 10, INT_MAX, &group))
                facts->iommu_group = (int) group;

        if (sysfs_read_link(device, "physfn", name, sizeof(name)) > 0 &&
            address_parse(name, &facts->physical_function) == 0)
                facts->type = DEVICE_TYPE_VF;

        n = sysfs_read_link(device, "driver", name, sizeof(name));
        return n > 0 ? take_text(&facts->driver, name, (size_t) n) : 0;
}

/* sysfs never gives the number of a directory again; another file system may. */
static void read_incarnation(int device, Facts *facts) {
        struct statfs system;
        struct stat status;

        if (fstatfs(device, &system) == 0 && system.f_type == SYSFS_TYPE &&
            fstat(device, &status) == 0)
                facts->incarnation = status.st_ino;
}

/* A device of the vdpa bus stands directly below the VF that it is made of. */
static int read_vdpa(int device, Facts *facts) {
        _cleanup_(closedirp) DIR *directory = NULL;
        int fd;

        /* Most hosts have no such bus: then this is a single call. */
        if (facts->type != DEVICE_TYPE_VF || access("/sys/bus/vdpa", F_OK) < 0)
                return 0;

        fd = openat(device, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return 0;

        directory = fdopendir(fd);
        if (!directory) {
                close(fd);
                return -ENOMEM;
        }

        for (struct dirent *entry; !facts->vdpa && (entry = readdir(directory));)
                facts->vdpa = strncmp(entry->d_name, "vdpa", strlen("vdpa")) == 0 &&
                              isdigit((unsigned char) entry->d_name[strlen("vdpa")]);
        return 0;
}

/* Mediated devices stand directly below the function that they are made of, under their UUIDs. */
static int read_mediated(int device, Facts *facts) {
        _cleanup_(closedirp) DIR *directory = NULL;
        int fd, r;

        /* Most functions make none: then this is a single call. */
        if (faccessat(device, "mdev_supported_types", F_OK, 0) < 0)
                return 0;

        fd = openat(device, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return 0;

        directory = fdopendir(fd);
        if (!directory) {
                close(fd);
                return -ENOMEM;
        }

        for (struct dirent *entry; (entry = readdir(directory));) {
                if (!text_is_uuid(entry->d_name))
                        continue;
                for (char *c = entry->d_name; *c; c++)
                        *c = (char) tolower((unsigned char) *c);
                r = list_append(&facts->mediated, entry->d_name);
                if (r < 0)
                        return r;
        }

        list_sort_unique(facts->mediated);
        return 0;
}

static void read_virtual_functions(int device, Facts *facts) {
        if (facts->type == DEVICE_TYPE_VF)
                return;

        facts->max_virtual_functions = (unsigned) number(device, "sriov_totalvfs", 10, 0xffff, 0);
        if (facts->max_virtual_functions > 0)
                facts->type = DEVICE_TYPE_PF;
}

static int read_reset_methods(int device, Facts *facts) {
        char text[SYSFS_ATTRIBUTE_SIZE], *rest = text, *word;
        ssize_t n;
        int r;

        n = sysfs_read(device, "reset_method", text, sizeof(text));
        for (size_t i = 0; n > 0 && i < MOST_RESET_METHODS; i++) {
                _cleanup_(freep) char *method = NULL;

                word = strsep(&rest, " \n");
                if (!word)
                        break;
                if (*word == '\0')
                        continue;

                method = sysfs_text(word, strlen(word));
                if (!method)
                        return -ENOMEM;

                r = list_append(&facts->reset_methods, method);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int read_power_state(int device, Facts *facts) {
        char text[SYSFS_ATTRIBUTE_SIZE];
        ssize_t n;

        n = sysfs_read(device, "power_state", text, sizeof(text));
        return n > 0 ? take_text(&facts->power_state, text, (size_t) n) : 0;
}

static int read_interfaces(int device, Facts *facts) {
        _cleanup_(closedirp) DIR *directory = NULL;
        int fd, r;

        /* Most functions carry none: then this is a single call. */
        fd = openat(device, "net", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return 0;

        directory = fdopendir(fd);
        if (!directory) {
                close(fd);
                return -ENOMEM;
        }

        for (struct dirent *entry; (entry = readdir(directory));) {
                _cleanup_(freep) char *name = NULL;

                if (entry->d_name[0] == '.')
                        continue;

                name = sysfs_text(entry->d_name, strlen(entry->d_name));
                if (!name)
                        return -ENOMEM;

                r = list_append(&facts->interfaces, name);
                if (r < 0)
                        return r;
        }

        list_sort_unique(facts->interfaces);
        return 0;
}

/* The screen that the firmware chose, unless it was taken from the host before. */
static bool is_boot_display(int device, const Facts *facts) {
        return facts->class_code >> 16 == 0x03 &&
               (number(device, "boot_vga", 10, 1, 0) == 1 ||
                number(device, "boot_display", 10, 1, 0) == 1) &&
               strcmp(facts->driver, "vfio-pci") != 0 && strcmp(facts->driver, "pci-stub") != 0;
}

static int read_use(Scan *scan, int device, Facts *facts) {
        const char *use;
        int r;

        /* A bridge is on the way to much that is used, and is never lent itself. */
        if (facts_is_bridge(facts))
                return 0;

        r = usage_refresh(scan->usage, false);
        if (r < 0)
                return r;

        use = usage_of(scan->usage, facts->address);
        if (*use == '\0' && is_boot_display(device, facts))
                use = "display";
        return facts_set(&facts->host_use, use);
}

static int read_facts(Scan *scan, int device, Facts *facts) {
        int r;

        r = read_ids(scan, device, facts);
        if (r < 0)
                return r;

        read_incarnation(device, facts);
        facts->numa_node = (int) number(device, "numa_node", 10, HIGHEST_NODE, (unsigned long) -1);

        r = read_links(device, facts);
        if (r < 0)
                return r;

        read_virtual_functions(device, facts);
        facts->enabled = strcmp(facts->driver, "vfio-pci") == 0 &&
                         number(device, "enable", 10, INT_MAX, 0) > 0;

        r = read_vdpa(device, facts);
        if (r == 0)
                r = read_mediated(device, facts);
        if (r == 0)
                r = read_reset_methods(device, facts);
        if (r == 0)
                r = read_power_state(device, facts);
        if (r == 0)
                r = read_interfaces(device, facts);
        if (r == 0)
                r = read_use(scan, device, facts);
        return r;
}

int scan_one(Scan *scan, Address address, Facts **ret) {
        int r;

        /*
         * Between two reads the device may leave, and another may come in its place: what was read
         * counts only when the directory is still the same at the end.
         */
        for (int attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
                _cleanup_(facts_freep) Facts *facts = NULL;
                _cleanup_(closep) int device = -1;

                device = sysfs_open_device(address);
                if (device == -EMFILE || device == -ENFILE || device == -ENOMEM)
                        return -ENOMEM; /* our trouble: it says nothing of the device */
                if (device < 0)
                        break;

                r = facts_new(&facts, address);
                if (r == 0)
                        r = read_facts(scan, device, facts);
                if (r < 0)
                        return r;

                if (sysfs_is_present(device, address)) {
                        *ret = TAKE(facts);
                        return 0;
                }
        }

        /* A device that came and went three times while we looked: its last event is still due. */
        *ret = NULL;
        return 0;
}

int scan_use_fd(const Scan *scan) {
        return usage_fd(scan->usage);
}

int scan_take_use_changes(Scan *scan, Address **ret, size_t *ret_n) {
        return usage_take_changes(scan->usage, ret, ret_n);
}

static int compare_addresses(const void *a, const void *b) {
        return address_compare(*(const Address *) a, *(const Address *) b);
}

int scan_addresses(Scan *scan, Address **ret, size_t *ret_n) {
        _cleanup_(closedirp) DIR *directory = NULL;
        _cleanup_(freep) Address *addresses = NULL;
        size_t n = 0;
        int r;

        r = usage_refresh(scan->usage, true);
        if (r < 0)
                return r;

        directory = opendir("/sys/bus/pci/devices");
        if (!directory && errno != ENOENT)
                return -errno;

        while (directory) {
                char text[ADDRESS_TEXT_SIZE];
                struct dirent *entry;
                Address address;

                errno = 0;
                entry = readdir(directory);
                if (!entry && errno != 0)
                        return -errno;
                if (!entry)
                        break;

                /* A name that would not be written so cannot be opened by its numbers either. */
                if (address_parse(entry->d_name, &address) != 0 ||
                    strcmp(address_format(address, text), entry->d_name) != 0)
                        continue;

                r = VECTOR_APPEND(addresses, n, address);
                if (r < 0)
                        return r;
        }

        if (n > 0)
                qsort(addresses, n, sizeof(*addresses), compare_addresses);

        *ret = TAKE(addresses);
        *ret_n = n;
        return 0;
}
