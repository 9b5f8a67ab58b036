/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * No sync: for tests that write ten thousand records and do not ask whether they would outlive a
 * power cut (test-journal-failures.c does). The linker puts these in the place of the system's.
 */
int __wrap_fdatasync(int fd);
int __wrap_fsync(int fd);

int __wrap_fdatasync(int fd) {
        return 0;
}

int __wrap_fsync(int fd) {
        return 0;
}
