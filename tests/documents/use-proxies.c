/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What somebody writes with the proxies that gdbus-codegen makes of the interfaces: lends a device to a
 * domain, says what the objects say of it, and takes it back.
 *
 *   use-proxies DOMAIN REQUEST
 */
#include <stdio.h>

#include "proxies.h"

static int fail(GError *error) {
        fprintf(stderr, "%s\n", error->message);
        g_error_free(error);
        return 1;
}

static int show(const char *path) {
        g_autoptr(HostdevAttachment) attachment = NULL;
        g_autoptr(HostdevDevice) device = NULL;
        GError *error = NULL;

        attachment = hostdev_attachment_proxy_new_for_bus_sync(
                G_BUS_TYPE_SYSTEM, G_DBUS_PROXY_FLAGS_NONE, "org.hostdev1", path, NULL, &error);
        if (!attachment)
                return fail(error);

        device = hostdev_device_proxy_new_for_bus_sync(
                G_BUS_TYPE_SYSTEM, G_DBUS_PROXY_FLAGS_NONE, "org.hostdev1",
                hostdev_attachment_get_devices(attachment)[0], NULL, &error);
        if (!device)
                return fail(error);

        printf("%u %s %s %s %s\n", hostdev_attachment_get_id(attachment),
               hostdev_attachment_get_domain(attachment), hostdev_attachment_get_state(attachment),
               hostdev_device_get_address(device), hostdev_device_get_holder(device));

        return hostdev_attachment_call_detach_sync(
                       attachment, g_variant_new_parsed("{'wait-seconds': <uint32 20>}"), NULL,
                       &error)
                       ? 0
                       : fail(error);
}

int main(int argc, char **argv) {
        g_autoptr(HostdevManager) manager = NULL;
        g_autofree char *path = NULL;
        GError *error = NULL;

        if (argc != 3)
                return 2;

        manager = hostdev_manager_proxy_new_for_bus_sync(G_BUS_TYPE_SYSTEM, G_DBUS_PROXY_FLAGS_NONE,
                                                         "org.hostdev1", "/org/hostdev1", NULL,
                                                         &error);
        if (!manager)
                return fail(error);

        printf("%s\n", hostdev_manager_get_version(manager));
        if (!hostdev_manager_call_attach_sync(manager, argv[1], argv[2],
                                              g_variant_new_parsed("{'reason': <'by a proxy'>}"),
                                              &path, NULL, &error))
                return fail(error);

        return show(path);
}
