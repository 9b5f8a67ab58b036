/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Kernel: tells listeners of udev that something happened to a PCI function, as udevd does.
 */
#pragma once

/* A socket for kernel_tell(). Ends the program when there is none. */
int kernel_open(void);

/* @path begins with /devices. */
void kernel_tell(int fd, const char *action, const char *path);
