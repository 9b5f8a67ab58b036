/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What of the host uses a function: made disks and mounts, real interfaces in a network namespace. */
#include <net/if.h>
#include <net/route.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <arpa/inet.h>

#include "host/scan.h"
#include "host/usage.h"
#include "tree.h"

#define ROOT   "../../devices/pci0000:00/"
#define AHCI   "0000:00:1f.2"
#define NVME   "0000:23:00.0"
#define OTHER  "0000:24:00.0"
#define NIC    "0000:41:00.0"
#define MOUNTS "made/mountinfo"
#define SWAPS  "made/swaps"

static const UsagePaths paths = { .mounts = "/sys/" MOUNTS, .swaps = "/sys/" SWAPS };

static int set_up(void **state) {
        tree_clear();
        tree_print(MOUNTS, "22 1 0:21 / /proc rw - proc proc rw\n");
        tree_print(SWAPS, "Filename Type Size Used Priority\n");
        return usage_new((Usage **) state, &paths);
}

static int tear_down(void **state) {
        usage_free(*state);
        return 0;
}

static const char *use_of(Usage *usage, const char *text) {
        Address address;

        assert_int_equal(address_parse(text, &address), 0);
        return usage_of(usage, address);
}

static void refresh(Usage *usage) {
        assert_int_equal(usage_refresh(usage, true), 0);
}

/* A disk whose directory is devices/pci0000:00/BELOW, with names as sysfs has them. */
static void add_disk(const char *name, const char *number, const char *below) {
        char path[256], target[256];

        (void) snprintf(target, sizeof(target), ROOT "%s", below);
        (void) snprintf(path, sizeof(path), "dev/block/%s", number);
        tree_link(path, target);
        (void) snprintf(path, sizeof(path), "class/block/%s", name);
        tree_link(path, target);
        (void) snprintf(path, sizeof(path), "devices/pci0000:00/%s", below);
        tree_make_directory(path);
}

static void add_virtual_disk(const char *name, const char *number) {
        char path[256], target[256];

        (void) snprintf(target, sizeof(target), "../../devices/virtual/block/%s", name);
        (void) snprintf(path, sizeof(path), "dev/block/%s", number);
        tree_link(path, target);
        (void) snprintf(path, sizeof(path), "class/block/%s", name);
        tree_link(path, target);
        (void) snprintf(path, sizeof(path), "devices/virtual/block/%s/slaves", name);
        tree_make_directory(path);
}

/* @target as sysfs writes it: from the slaves directory of @name. */
static void add_slave(const char *name, const char *slave, const char *target) {
        char path[256];

        (void) snprintf(path, sizeof(path), "devices/virtual/block/%s/slaves/%s", name, slave);
        tree_link(path, target);
}

static void add_sda(void) {
        add_disk("sda", "8:0", AHCI "/ata1/host0/target0:0:0/0:0:0:0/block/sda");
        add_disk("sda1", "8:1", AHCI "/ata1/host0/target0:0:0/0:0:0:0/block/sda/sda1");
        tree_print("devices/pci0000:00/" AHCI
                   "/ata1/host0/target0:0:0/0:0:0:0/block/sda/sda1/partition",
                   "1\n");
}

static void add_nvme(void) {
        add_disk("nvme0n1", "259:0", "10000:e0:06.0/" NVME "/nvme/nvme0/nvme0n1");
}

static void a_mounted_partition_uses_every_function_on_its_way(void **state) {
        add_sda();
        add_nvme();
        tree_print(MOUNTS, "30 1 8:1 / /home rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
                           "31 1 259:0 / / rw - xfs /dev/nvme0n1 rw\n");
        refresh(*state);

        assert_string_equal(use_of(*state, AHCI), "/home");
        assert_string_equal(use_of(*state, NVME), "/");
        assert_string_equal(use_of(*state, "10000:e0:06.0"), "/");
        assert_string_equal(use_of(*state, NIC), "");
}

static void volumes_on_encryption_on_a_partition_are_seen_through(void **state) {
        add_sda();
        add_virtual_disk("dm-0", "253:0");
        add_slave("dm-0", "sda1", "../../../../pci0000:00/" AHCI "/ata1/block/sda/sda1");
        add_virtual_disk("dm-1", "253:1");
        add_slave("dm-1", "dm-0", "../../dm-0");
        tree_print(MOUNTS, "30 1 253:1 / /srv rw - ext4 /dev/mapper/vg-srv rw\n");
        refresh(*state);

        assert_string_equal(use_of(*state, AHCI), "/srv");
}

static void an_array_uses_all_its_disks_also_by_a_partition_of_it(void **state) {
        add_sda();
        add_nvme();
        add_virtual_disk("md0", "9:0");
        add_slave("md0", "sda1", "../../../../pci0000:00/" AHCI "/ata1/block/sda/sda1");
        add_slave("md0", "nvme0n1", "../../../../pci0000:00/" NVME "/nvme/nvme0/nvme0n1");
        tree_link("dev/block/259:7", "../../devices/virtual/block/md0/md0p1");
        tree_print("devices/virtual/block/md0/md0p1/partition", "1\n");
        tree_print(MOUNTS, "30 1 259:7 / /data rw - ext4 /dev/md0p1 rw\n");
        refresh(*state);

        assert_string_equal(use_of(*state, AHCI), "/data");
        assert_string_equal(use_of(*state, NVME), "/data");
}

static void a_shared_nvme_disk_uses_the_controllers_that_lead_to_it(void **state) {
        static const char *const controllers[] = { "nvme3", "nvme4", "nvme5" };
        static const char *const functions[] = { NVME, OTHER, NIC };

        for (size_t i = 0; i < N_ELEMENTS(controllers); i++) {
                char path[256], target[256];

                (void) snprintf(path, sizeof(path),
                                "devices/virtual/nvme-subsystem/nvme-subsys0/%s", controllers[i]);
                (void) snprintf(target, sizeof(target), "../../../pci0000:00/%s/nvme/%s",
                                functions[i], controllers[i]);
                tree_link(path, target);
                (void) snprintf(path, sizeof(path), "devices/pci0000:00/%s/nvme/%s", functions[i],
                                controllers[i]);
                tree_make_directory(path);
        }
        tree_make_directory("devices/pci0000:00/" NVME "/nvme/nvme3/nvme0c3n2");
        tree_make_directory("devices/pci0000:00/" NIC "/nvme/nvme5/nvme0c5n2");
        tree_make_directory("devices/pci0000:00/" OTHER "/nvme/nvme4/nvme0c4n1");
        tree_link("dev/block/259:3",
                  "../../devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n2/nvme0n2p1");
        tree_print("devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n2/nvme0n2p1/partition",
                   "1\n");
        tree_print(MOUNTS, "30 1 259:3 / /var rw - ext4 /dev/nvme0n2p1 rw\n");
        refresh(*state);

        assert_string_equal(use_of(*state, NVME), "/var");
        assert_string_equal(use_of(*state, NIC), "/var");
        assert_string_equal(use_of(*state, OTHER), "");
}

static void a_btrfs_uses_all_its_devices(void **state) {
        add_sda();
        add_nvme();
        tree_link("fs/btrfs/11111111-2222/devices/sda1", "../../../../devices/virtual/block/sda1");
        tree_link("fs/btrfs/11111111-2222/devices/nvme0n1",
                  "../../../../devices/virtual/block/nvme0n1");
        tree_make_directory("devices/virtual/block/sda1");
        tree_make_directory("devices/virtual/block/nvme0n1");
        tree_make_directory("fs/btrfs/features");
        tree_print(MOUNTS, "30 1 0:40 /@home /home rw - btrfs /dev/sda1 rw,subvol=/@home\n");
        refresh(*state);

        assert_string_equal(use_of(*state, AHCI), "/home");
        assert_string_equal(use_of(*state, NVME), "/home");
}

static void swap_on_a_disk_is_a_use_and_in_a_file_is_none(void **state) {
        add_sda();
        add_nvme();
        add_virtual_disk("dm-4", "253:4");
        tree_print("devices/virtual/block/dm-4/dm/name", "vg-swap\n");
        add_slave("dm-4", "nvme0n1", "../../../../pci0000:00/" NVME "/nvme/nvme0/nvme0n1");

        tree_print(SWAPS,
                   "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
                   "/dev/sda1\t\t\t\tfile\t\t1048572\t\t0\t\t-2\n"
                   "/dev/mapper/vg-swap                     partition\t1048572\t\t0\t\t-2\n");
        refresh(*state);
        assert_string_equal(use_of(*state, AHCI), "");
        assert_string_equal(use_of(*state, NVME), "swap");

        tree_remove("class/block/dm-4");
        tree_print(SWAPS,
                   "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
                   "/dev/sda1                               partition\t1048572\t\t0\t\t-2\n");
        refresh(*state);
        assert_string_equal(use_of(*state, AHCI), "swap");
        assert_string_equal(use_of(*state, NVME), "");
}

static void a_volume_or_an_array_that_is_set_up_is_a_use_also_unmounted(void **state) {
        add_sda();
        add_nvme();
        add_virtual_disk("dm-3", "253:3");
        tree_print("devices/virtual/block/dm-3/dm/name", "vg-data\n");
        tree_print("devices/virtual/block/dm-3/dm/uuid", "LVM-abcdef\n");
        add_slave("dm-3", "sda1", "../../../../pci0000:00/" AHCI "/ata1/block/sda/sda1");
        add_virtual_disk("md0", "9:0");
        add_slave("md0", "nvme0n1", "../../../../pci0000:00/" NVME "/nvme/nvme0/nvme0n1");
        refresh(*state);
        assert_string_equal(use_of(*state, AHCI), "vg-data");
        assert_string_equal(use_of(*state, NVME), "md0");

        /* A mount of it says more. */
        tree_print(MOUNTS, "30 1 253:3 / /data rw - ext4 /dev/mapper/vg-data rw\n");
        refresh(*state);
        assert_string_equal(use_of(*state, AHCI), "/data");

        tree_print(MOUNTS, "%s", "");
        tree_remove("class/block/dm-3");
        tree_remove("class/block/md0");
        refresh(*state);
        assert_string_equal(use_of(*state, AHCI), "");
        assert_string_equal(use_of(*state, NVME), "");
}

static void ways_to_a_disk_are_a_use_only_with_what_is_on_it(void **state) {
        add_sda();
        add_nvme();
        add_virtual_disk("dm-0", "253:0");
        tree_print("devices/virtual/block/dm-0/dm/uuid", "mpath-36001405\n");
        add_slave("dm-0", "sda", "../../../../pci0000:00/" AHCI "/ata1/block/sda");
        add_slave("dm-0", "nvme0n1", "../../../../pci0000:00/" NVME "/nvme/nvme0/nvme0n1");
        add_virtual_disk("dm-1", "253:1");
        tree_print("devices/virtual/block/dm-1/dm/uuid", "part1-mpath-36001405\n");
        add_slave("dm-1", "dm-0", "../../dm-0");
        refresh(*state);
        assert_string_equal(use_of(*state, AHCI), "");

        tree_print(MOUNTS, "30 1 253:1 / /san rw - xfs /dev/mapper/mpatha-part1 rw\n");
        refresh(*state);
        assert_string_equal(use_of(*state, AHCI), "/san");
        assert_string_equal(use_of(*state, NVME), "/san");
}

static void caches_and_loops_over_a_disk_are_seen_through(void **state) {
        add_sda();
        add_nvme();
        add_virtual_disk("bcache0", "252:0");
        tree_link("devices/virtual/block/bcache0/bcache",
                  "../../../pci0000:00/" AHCI "/ata1/host0/block/sda/bcache");
        add_virtual_disk("loop0", "7:0");
        tree_print("devices/virtual/block/loop0/loop/backing_file", "/dev/nvme0n1\n");
        add_virtual_disk("loop1", "7:1");
        tree_print("devices/virtual/block/loop1/loop/backing_file", "/var/image (deleted)\n");
        tree_print(MOUNTS, "30 1 252:0 / /cached rw - ext4 /dev/bcache0 rw\n"
                           "31 1 7:0 / /looped rw - ext4 /dev/loop0 rw\n"
                           "32 1 7:1 / /image rw - ext4 /dev/loop1 rw\n");
        refresh(*state);
        assert_string_equal(use_of(*state, AHCI), "/cached");
        assert_string_equal(use_of(*state, NVME), "/looped");

        /* With a cache both are slaves; unmounted it is set up all the same. */
        add_slave("bcache0", "nvme0n1", "../../../../pci0000:00/" NVME "/nvme/nvme0/nvme0n1");
        tree_print(MOUNTS, "%s", "");
        refresh(*state);
        assert_string_equal(use_of(*state, AHCI), "bcache0");
        assert_string_equal(use_of(*state, NVME), "bcache0");
}

static void a_file_system_without_a_disk_number_uses_the_disks_that_it_names(void **state) {
        add_sda();
        add_nvme();
        tree_print(MOUNTS, "30 1 0:44 / /pool rw - bcachefs /dev/sda1:/dev/nvme0n1 rw\n");
        refresh(*state);
        assert_string_equal(use_of(*state, AHCI), "/pool");
        assert_string_equal(use_of(*state, NVME), "/pool");
}

static void a_volume_on_a_shared_nvme_disk_uses_its_controllers(void **state) {
        tree_link("devices/virtual/nvme-subsystem/nvme-subsys0/nvme3",
                  "../../../pci0000:00/" NVME "/nvme/nvme3");
        tree_make_directory("devices/pci0000:00/" NVME "/nvme/nvme3/nvme0c3n1");
        tree_make_directory("devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1");
        add_virtual_disk("dm-0", "253:0");
        add_slave("dm-0", "nvme0n1", "../../../nvme-subsystem/nvme-subsys0/nvme0n1");
        tree_print(MOUNTS, "30 1 253:0 / / rw - ext4 /dev/mapper/vg-root rw\n");
        refresh(*state);

        assert_string_equal(use_of(*state, NVME), "/");
}

static void what_uses_a_virtual_function_uses_its_physical_one(void **state) {
        static const char virtual[] = "0000:41:10.2";

        tree_link("bus/pci/devices/0000:41:10.2/physfn", "../" NIC);
        add_disk("nvme9n1", "259:9", "0000:41:10.2/nvme/nvme9/nvme9n1");
        tree_print(MOUNTS, "30 1 259:9 / /vf rw - ext4 /dev/nvme9n1 rw\n");
        refresh(*state);
        assert_string_equal(use_of(*state, virtual), "/vf");
        assert_string_equal(use_of(*state, NIC), "/vf");
        assert_string_equal(use_of(*state, OTHER), "");
}

/* A partition as udev knows it: with an entry in its database. */
static void add_udev_disk(const char *name, unsigned major, unsigned minor, const char *below,
                          const char *database) {
        char path[256], number[32];
        FILE *file;

        (void) snprintf(number, sizeof(number), "%u:%u", major, minor);
        add_disk(name, number, below);
        (void) snprintf(path, sizeof(path), "devices/pci0000:00/%s/uevent", below);
        tree_print(path, "MAJOR=%u\nMINOR=%u\nDEVNAME=%s\nDEVTYPE=disk\n", major, minor, name);
        (void) snprintf(path, sizeof(path), "devices/pci0000:00/%s/subsystem", below);
        tree_link(path, "/sys/class/block");

        (void) snprintf(path, sizeof(path), "/run/udev/data/b%u:%u", major, minor);
        file = fopen(path, "we");
        assert_non_null(file);
        assert_true(fputs(database, file) >= 0);
        assert_int_equal(fclose(file), 0);
}

static void members_of_an_imported_zfs_pool_are_in_use(void **state) {
        assert_int_equal(mount("tmpfs", "/run", "tmpfs", 0, NULL), 0);
        assert_int_equal(mkdir("/run/udev", 0755), 0);
        assert_int_equal(mkdir("/run/udev/data", 0755), 0);
        add_udev_disk("sda", 8, 0, AHCI "/ata1/block/sda",
                      "I:1\nE:ID_FS_TYPE=zfs_member\nE:ID_FS_LABEL=tank\n");
        add_udev_disk("nvme0n1", 259, 0, NVME "/nvme/nvme0/nvme0n1",
                      "I:1\nE:ID_FS_TYPE=zfs_member\nE:ID_FS_LABEL=spare\n");
        add_udev_disk("nvme1n1", 259, 1, OTHER "/nvme/nvme1/nvme1n1",
                      "I:1\nE:ID_FS_TYPE=ext4\nE:ID_FS_LABEL=tank\n");
        tree_print("proc/spl/kstat/zfs/arcstats", "a file\n");
        tree_cover_proc();
        refresh(*state);
        assert_string_equal(use_of(*state, AHCI), "");

        tree_make_directory("proc/spl/kstat/zfs/tank");
        refresh(*state);
        assert_string_equal(use_of(*state, AHCI), "tank");
        assert_string_equal(use_of(*state, NVME), "");
        assert_string_equal(use_of(*state, OTHER), "");

        tree_uncover_proc();
        assert_int_equal(umount2("/run", MNT_DETACH), 0);
}

static void of_several_mounts_the_one_nearest_the_root_is_named(void **state) {
        add_sda();
        tree_print(MOUNTS, "30 1 8:1 /a /srv/export/deep rw - ext4 /dev/sda1 rw\n"
                           "31 1 8:1 / /srv rw - ext4 /dev/sda1 rw\n"
                           "32 1 8:1 /b /var/lib/b rw - ext4 /dev/sda1 rw\n");
        refresh(*state);

        assert_string_equal(use_of(*state, AHCI), "/srv");
}

static void a_mount_point_is_shown_as_it_is_called_or_not_at_all(void **state) {
        add_sda();
        tree_print(MOUNTS, "30 1 8:1 / /srv/my\\040disk\\134 rw - ext4 /dev/sda1 rw\n");
        refresh(*state);
        assert_string_equal(use_of(*state, AHCI), "/srv/my disk\\");

        tree_print(MOUNTS, "30 1 8:1 / /a\\012b rw - ext4 /dev/sda1 rw\n");
        refresh(*state);
        assert_string_equal(use_of(*state, AHCI), "2f610a62");
}

static void what_is_on_no_disk_uses_nothing(void **state) {
        add_sda();
        tree_print(MOUNTS, "30 1 0:33 / /tmp rw - tmpfs tmpfs rw\n"
                           "31 1 0:34 / /net rw - nfs4 server:/dev/sda1 rw\n"
                           "32 1 7:0 / /snap rw - squashfs /dev/loop0 ro\n"
                           "33 1 0:35 / /x rw - btrfs sda1 rw\n");
        refresh(*state);

        assert_string_equal(use_of(*state, AHCI), "");
}

static void lines_that_make_no_sense_do_no_harm(void **state) {
        add_sda();
        tree_print(MOUNTS, "\n - \n - - -\n30\n30 1 8:1\n30 1 8:1 / /x rw\n30 1 8:1 / /x - ext4\n"
                           "30 1 x:y / /x rw - ext4 /dev/sda1 rw\n30 1 8:1 / - ext4 /dev/sda1\n"
                           "30 1 99999999999:1 / /x rw - ext4 /dev/sda1 rw\n\\9\\\n"
                           "30 1 8:1 / /good rw - ext4 /dev/sda1 rw");
        tree_print(SWAPS, "\n\t\npartition\n/dev/ partition\n/ partition 1\n/dev/.. partition 1\n"
                          "/dev/sda1\\ partition 1\n");
        refresh(*state);

        assert_string_equal(use_of(*state, AHCI), "/good");
}

static void disks_that_are_made_of_each_other_come_to_an_end(void **state) {
        add_sda();
        add_virtual_disk("dm-0", "253:0");
        add_virtual_disk("dm-1", "253:1");
        add_slave("dm-0", "dm-1", "../../dm-1");
        add_slave("dm-1", "dm-0", "../../dm-0");
        add_slave("dm-1", "sda1", "../../../../pci0000:00/" AHCI "/ata1/block/sda/sda1");
        tree_print(MOUNTS, "30 1 253:0 / /loop rw - ext4 /dev/dm-0 rw\n");
        refresh(*state);

        assert_string_equal(use_of(*state, AHCI), "/loop");
}

static void an_input_device_on_usb_uses_the_controller(void **state) {
        tree_link("class/input/event3",
                  ROOT "0000:00:14.0/usb1/1-1/1-1:1.0/0003:046D:C31C.0001/input/input5/event3");
        tree_link("class/input/event4", ROOT NIC "/sound/card0/input7/event4");
        tree_link("class/input/mouse0", ROOT OTHER "/usb2/2-1/input/input9/mouse0");
        tree_link("class/input/event0",
                  "../../devices/LNXSYSTM:00/LNXPWRBN:00/input/input0/event0");
        refresh(*state);

        assert_string_equal(use_of(*state, "0000:00:14.0"), "input");
        assert_string_equal(use_of(*state, NIC), "");
        assert_string_equal(use_of(*state, OTHER), "");
}

static void a_controller_is_in_use_while_something_is_connected_by_thunderbolt(void **state) {
        static const char *const parts[] = {
                "domain0", "0-0", "0-0:1.1", "0-1.0", "-1", "0-", "x-1"
        };
        static const char target[] = ROOT "0000:00:1c.4/" NIC "/domain0/0-0/0-1";

        for (size_t i = 0; i < N_ELEMENTS(parts); i++) {
                char path[64];

                (void) snprintf(path, sizeof(path), "bus/thunderbolt/devices/%s", parts[i]);
                tree_link(path, target);
        }
        refresh(*state);
        assert_string_equal(use_of(*state, NIC), "");

        tree_link("bus/thunderbolt/devices/0-301", target);
        assert_int_equal(tree_send("add", "thunderbolt", "/devices/pci0000:00/x/domain0/0-0/0-301"),
                         0);
        assert_int_equal(usage_refresh(*state, false), 0);
        assert_string_equal(use_of(*state, NIC), "thunderbolt");
}

static void the_screen_of_the_console_is_in_use(void **state) {
        tree_link("class/graphics/fb0", ROOT NIC "/drm/card0/graphics/fb0");
        tree_link("class/graphics/fb1", ROOT OTHER "/drm/card1/graphics/fb1");
        tree_print("class/vtconsole/vtcon0/name", "(S) dummy device\n");
        tree_print("class/vtconsole/vtcon0/bind", "1\n");
        tree_print("class/vtconsole/vtcon1/name", "(M) frame buffer device\n");
        tree_print("class/vtconsole/vtcon1/bind", "1\n");
        refresh(*state);
        assert_string_equal(use_of(*state, NIC), "display");
        assert_string_equal(use_of(*state, OTHER), "");

        /* Told of by an event of the console. */
        tree_print("class/vtconsole/vtcon1/bind", "0\n");
        assert_int_equal(tree_send("change", "vtconsole", "/devices/virtual/vtconsole/vtcon1"), 0);
        assert_int_equal(usage_refresh(*state, false), 0);
        assert_string_equal(use_of(*state, NIC), "");
}

static void set_interface(unsigned long what, struct ifreq *request) {
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        assert_true(fd >= 0);
        (void) strcpy(request->ifr_name, "lo");
        assert_int_equal(ioctl(fd, what, request), 0);
        close(fd);
}

static void set_flags(short flags) {
        set_interface(SIOCSIFFLAGS, &(struct ifreq){ .ifr_flags = flags });
}

/* 0.0.0.0 takes it away. */
static void set_address(const char *text) {
        struct ifreq request = {};
        struct sockaddr_in *address = (struct sockaddr_in *) &request.ifr_addr;

        address->sin_family = AF_INET;
        assert_int_equal(inet_pton(AF_INET, text, &address->sin_addr), 1);
        set_interface(SIOCSIFADDR, &request);
}

static void change_route(unsigned long what) {
        struct rtentry route = { .rt_flags = RTF_UP, .rt_dev = (char[]){ "lo" } };
        struct sockaddr_in *target = (struct sockaddr_in *) &route.rt_dst;
        struct sockaddr_in *mask = (struct sockaddr_in *) &route.rt_genmask;
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        target->sin_family = mask->sin_family = AF_INET;
        target->sin_addr.s_addr = htonl(0xcb007100); /* 203.0.113.0/24 */
        mask->sin_addr.s_addr = htonl(0xffffff00);
        assert_int_equal(ioctl(fd, what, &route), 0);
        close(fd);
}

static void add_nic(void) {
        tree_link("class/net/lo", ROOT "0000:40:01.0/" NIC "/virtio3/net/lo");
}

static void an_interface_that_is_up_with_an_address_is_in_use(void **state) {
        add_nic();
        refresh(*state);
        assert_string_equal(use_of(*state, NIC), "");

        /* Up alone is not enough, nor is the address that the kernel gives by itself. */
        set_flags(IFF_UP);
        refresh(*state);
        assert_string_equal(use_of(*state, NIC), "");

        set_address("192.0.2.7");
        refresh(*state);
        assert_string_equal(use_of(*state, NIC), "lo");
        assert_string_equal(use_of(*state, "0000:40:01.0"), "lo");

        set_flags(0);
        refresh(*state);
        assert_string_equal(use_of(*state, NIC), "");

        set_address("0.0.0.0");
}

static void an_interface_that_carries_a_route_is_in_use(void **state) {
        add_nic();
        set_flags(IFF_UP);
        refresh(*state);
        assert_string_equal(use_of(*state, NIC), "");

        change_route(SIOCADDRT);
        assert_int_equal(usage_refresh(*state, false), 0);
        assert_string_equal(use_of(*state, NIC), "lo");

        change_route(SIOCDELRT);
        assert_int_equal(usage_refresh(*state, false), 0);
        assert_string_equal(use_of(*state, NIC), "");
        set_flags(0);
}

static bool run(const char *command) {
        return system(command) == 0;
}

static void a_route_over_several_interfaces_uses_each(void **state) {
        if (!run("ip link add port0 type veth peer name port1"))
                skip();
        tree_link("class/net/port0", ROOT NIC "/net/port0");
        tree_link("class/net/port1", ROOT OTHER "/net/port1");
        assert_true(run("ip link set port0 up && ip link set port1 up"));
        refresh(*state);
        assert_string_equal(use_of(*state, NIC), "");

        if (run("ip route add 203.0.113.0/24 nexthop dev port0 nexthop dev port1 2>/dev/null")) {
                assert_int_equal(usage_refresh(*state, false), 0);
                assert_string_equal(use_of(*state, NIC), "port0");
                assert_string_equal(use_of(*state, OTHER), "port1");

                assert_true(run("ip route del 203.0.113.0/24"));
                assert_int_equal(usage_refresh(*state, false), 0);
                assert_string_equal(use_of(*state, OTHER), "");
        }

        if (run("ip -6 route add 2001:db8::/32 dev port0 2>/dev/null")) {
                assert_int_equal(usage_refresh(*state, false), 0);
                assert_string_equal(use_of(*state, NIC), "port0");
                assert_true(run("ip -6 route del 2001:db8::/32 dev port0"));
                assert_int_equal(usage_refresh(*state, false), 0);
                assert_string_equal(use_of(*state, NIC), "");
        }
        assert_true(run("ip link del port0"));
}

static void ports_and_what_others_are_stacked_on_are_in_use(void **state) {
        if (!run("ip link add port0 type veth peer name port1"))
                skip();
        tree_link("class/net/port0", ROOT NIC "/net/port0");
        tree_link("class/net/port1", ROOT OTHER "/net/port1");
        refresh(*state);
        assert_string_equal(use_of(*state, NIC), "");

        assert_true(run("ip link add bridge0 type bridge && ip link set port0 master bridge0"));
        refresh(*state);
        assert_string_equal(use_of(*state, NIC), "port0");
        assert_string_equal(use_of(*state, OTHER), "");

        assert_true(run("ip link set port1 up && ip link add link port1 name upper0 type macvlan"));
        refresh(*state);
        assert_string_equal(use_of(*state, OTHER), "");
        assert_true(run("ip link set upper0 up"));
        refresh(*state);
        assert_string_equal(use_of(*state, OTHER), "port1");

        assert_true(run("ip link del upper0 && ip link del bridge0"));
        refresh(*state);
        assert_string_equal(use_of(*state, NIC), "");
        assert_string_equal(use_of(*state, OTHER), "");
        assert_true(run("ip link del port0"));
}

static bool is_readable(int fd) {
        struct pollfd poller = { .fd = fd, .events = POLLIN };

        return poll(&poller, 1, 0) > 0;
}

static size_t take(Usage *usage, Address **ret) {
        size_t n;

        free(*ret);
        *ret = NULL;
        assert_int_equal(usage_take_changes(usage, ret, &n), 0);
        assert_false(is_readable(usage_fd(usage)));
        return n;
}

static void changes_are_told_once_by_the_descriptor(void **state) {
        _cleanup_(freep) Address *changes = NULL;
        char text[ADDRESS_TEXT_SIZE];

        add_nic();
        set_flags(IFF_UP);
        assert_int_equal(take(*state, &changes), 0);

        set_address("192.0.2.7");
        assert_true(is_readable(usage_fd(*state)));
        assert_int_equal(take(*state, &changes), 2);
        assert_string_equal(address_format(changes[0], text), "0000:40:01.0");
        assert_string_equal(address_format(changes[1], text), NIC);
        assert_int_equal(take(*state, &changes), 0);

        /* A refresh in between keeps them, and the descriptor readable. */
        set_address("0.0.0.0");
        assert_int_equal(usage_refresh(*state, false), 0);
        assert_string_equal(use_of(*state, NIC), "");
        assert_true(is_readable(usage_fd(*state)));
        assert_int_equal(take(*state, &changes), 2);
        set_flags(0);
}

static void a_refresh_without_a_change_reads_nothing(void **state) {
        add_sda();
        assert_int_equal(usage_refresh(*state, true), 0);

        /* Plain files tell nobody that they changed. */
        tree_print(MOUNTS, "30 1 8:1 / /home rw - ext4 /dev/sda1 rw\n");
        assert_int_equal(usage_refresh(*state, false), 0);
        assert_string_equal(use_of(*state, AHCI), "");

        /* An event of a disk does. */
        assert_int_equal(tree_send("change", "block", "/devices/virtual/block/dm-0"), 0);
        assert_true(is_readable(usage_fd(*state)));
        assert_int_equal(usage_refresh(*state, false), 0);
        assert_string_equal(use_of(*state, AHCI), "/home");
}

static void a_real_mount_is_told(void **state) {
        _cleanup_(usage_freep) Usage *usage = NULL;
        _cleanup_(freep) Address *changes = NULL;

        assert_int_equal(usage_new(&usage, NULL), 0);
        (void) take(usage, &changes);
        assert_false(is_readable(usage_fd(usage)));

        tree_make_directory("mounted");
        assert_int_equal(mount("tmpfs", "/sys/mounted", "tmpfs", 0, NULL), 0);
        assert_true(is_readable(usage_fd(usage)));
        (void) take(usage, &changes);
        assert_int_equal(umount("/sys/mounted"), 0);
        assert_true(is_readable(usage_fd(usage)));
}

static void without_sources_nothing_is_in_use(void **state) {
        static const UsagePaths nowhere = { .mounts = "/sys/nowhere", .swaps = "/sys/nowhere" };
        _cleanup_(usage_freep) Usage *usage = NULL;

        assert_int_equal(usage_new(&usage, &nowhere), 0);
        assert_string_equal(use_of(usage, NIC), "");
}

static void the_scan_shows_the_use_but_not_of_bridges(void **state) {
        static const struct {
                const char *address, *use;
        } wanted[] = {
                { NIC, "lo" },
                { "0000:40:01.0", "" },
                { "0000:c1:00.0", "display" },
                { "0000:c2:00.0", "" },
                { "0000:c3:00.0", "display" },
        };
        _cleanup_(scan_freep) Scan *scan = NULL;

        tree_add_function(NIC, "0x8086", "0x10d3", "0x020000");
        tree_add_function("0000:40:01.0", "0x8086", "0x2030", "0x060400");
        tree_add_function("0000:c1:00.0", "0x10de", "0x2204", "0x030000");
        tree_set("0000:c1:00.0", "boot_vga", "1");
        tree_add_function("0000:c2:00.0", "0x10de", "0x2204", "0x030000");
        tree_set("0000:c2:00.0", "boot_vga", "1");
        tree_add_function("0000:c3:00.0", "0x10de", "0x2204", "0x030200");
        tree_set("0000:c3:00.0", "boot_display", "1");
        tree_link("devices/pci0000:00/0000:c2:00.0/driver", "../../../bus/pci/drivers/vfio-pci");
        add_nic();

        /* The scan is there first: it is told of the change. */
        assert_int_equal(scan_new(&scan), 0);
        set_flags(IFF_UP);
        set_address("192.0.2.7");
        assert_true(is_readable(scan_use_fd(scan)));

        for (size_t i = 0; i < N_ELEMENTS(wanted); i++) {
                _cleanup_(facts_freep) Facts *facts = NULL;
                Address address;

                assert_int_equal(address_parse(wanted[i].address, &address), 0);
                assert_int_equal(scan_one(scan, address, &facts), 0);
                assert_string_equal(facts->host_use, wanted[i].use);
        }

        set_address("0.0.0.0");
        set_flags(0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(a_mounted_partition_uses_every_function_on_its_way),
                TEST(volumes_on_encryption_on_a_partition_are_seen_through),
                TEST(an_array_uses_all_its_disks_also_by_a_partition_of_it),
                TEST(a_shared_nvme_disk_uses_the_controllers_that_lead_to_it),
                TEST(a_btrfs_uses_all_its_devices),
                TEST(swap_on_a_disk_is_a_use_and_in_a_file_is_none),
                TEST(a_volume_or_an_array_that_is_set_up_is_a_use_also_unmounted),
                TEST(ways_to_a_disk_are_a_use_only_with_what_is_on_it),
                TEST(caches_and_loops_over_a_disk_are_seen_through),
                TEST(a_file_system_without_a_disk_number_uses_the_disks_that_it_names),
                TEST(a_volume_on_a_shared_nvme_disk_uses_its_controllers),
                TEST(what_uses_a_virtual_function_uses_its_physical_one),
                TEST(members_of_an_imported_zfs_pool_are_in_use),
                TEST(of_several_mounts_the_one_nearest_the_root_is_named),
                TEST(a_mount_point_is_shown_as_it_is_called_or_not_at_all),
                TEST(what_is_on_no_disk_uses_nothing),
                TEST(lines_that_make_no_sense_do_no_harm),
                TEST(disks_that_are_made_of_each_other_come_to_an_end),
                TEST(an_input_device_on_usb_uses_the_controller),
                TEST(a_controller_is_in_use_while_something_is_connected_by_thunderbolt),
                TEST(the_screen_of_the_console_is_in_use),
                TEST(an_interface_that_is_up_with_an_address_is_in_use),
                TEST(an_interface_that_carries_a_route_is_in_use),
                TEST(a_route_over_several_interfaces_uses_each),
                TEST(ports_and_what_others_are_stacked_on_are_in_use),
                TEST(changes_are_told_once_by_the_descriptor),
                TEST(a_refresh_without_a_change_reads_nothing),
                TEST(a_real_mount_is_told),
                TEST(without_sources_nothing_is_in_use),
                TEST(the_scan_shows_the_use_but_not_of_bridges),
        };
        int r;

        if (tree_enter() < 0) {
                puts("1..0 # SKIP no namespaces here");
                return 0;
        }

        r = cmocka_run_group_tests(tests, NULL, NULL);
        tree_leave();
        return r;
}
