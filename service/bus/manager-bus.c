/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Manager: the root object: its properties, what it can look up, and its methods.
 */
#include <errno.h>
#include <string.h>

#include "bus/errors.h"
#include "bus/methods.h"
#include "core/quote.h"

static int get_version(sd_bus *connection, const char *path, const char *interface,
                       const char *property, sd_bus_message *reply, void *userdata,
                       sd_bus_error *error) {
        return sd_bus_message_append(reply, "s", PROJECT_VERSION);
}

DEFINE_PROPERTY(get_libvirt_uri, Bus, bus, "s", manager_uri(bus->manager))
DEFINE_PROPERTY(get_libvirt_connected, Bus, bus, "b", (int) manager_is_connected(bus->manager))
DEFINE_PROPERTY(get_host_ready, Bus, bus, "b", (int) manager_is_host_ready(bus->manager))

static int append_check(void *userdata, const char *id, const char *result, const char *evidence,
                        const char *fix) {
        return sd_bus_message_append(userdata, "(ssss)", id, result, evidence, fix);
}

/* CheckHost() -> a(ssss) checks */
int manager_method_check_host(Bus *bus, sd_bus_message *message, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(ssss)");
        if (r >= 0)
                r = bus->ports.check_host(bus->ports.userdata, append_check, reply);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        return r < 0 ? bus_refuse(error, r, NULL) : 1;
}

/* GetDevice(s address) -> o device */
int manager_method_get_device(Bus *bus, sd_bus_message *message, sd_bus_error *error) {
        const Inventory *inventory = &manager_registry(bus->manager)->inventory;
        char path[DEVICE_PATH_SIZE], quoted[QUOTE_SIZE];
        const Device *device = NULL;
        Refusal refusal = { 0 };
        const char *text;
        Address address;
        int r;

        r = sd_bus_message_read_basic(message, 's', &text);
        if (r < 0)
                return bus_refuse(error, r, NULL);

        if (address_parse(text, &address) == 0)
                device = inventory_find(inventory, address);
        if (!device || !device_is_shown(device)) {
                r = refuse(&refusal, DEVICE_UNKNOWN, "no device \"%s\"", quote(text, quoted));
                return bus_refuse_with(error, r, &refusal);
        }

        return sd_bus_reply_method_return(message, "o", device_path(device->address, path));
}

/* The name of something that the catalog must have. */
static int answer_named(sd_bus_message *message, const char *prefix, const char *name, bool exists,
                        Verdict verdict, const char *kind, sd_bus_error *error) {
        _cleanup_(freep) char *path = NULL;
        char quoted[QUOTE_SIZE];
        Refusal refusal = { 0 };
        int r;

        r = exists ? named_path(prefix, name, &path)
                   : refuse(&refusal, verdict, "no %s \"%s\"", kind, quote(name, quoted));
        return r != 0 ? bus_refuse_with(error, r, &refusal)
                      : sd_bus_reply_method_return(message, "o", path);
}

/* GetPool(s name) -> o pool */
int manager_method_get_pool(Bus *bus, sd_bus_message *message, sd_bus_error *error) {
        const char *name;
        int r;

        r = sd_bus_message_read_basic(message, 's', &name);
        if (r < 0)
                return bus_refuse(error, r, NULL);

        return answer_named(message, POOL_PREFIX, name,
                            catalog_find_pool(&manager_registry(bus->manager)->catalog, name),
                            POOL_UNKNOWN, "pool", error);
}

/* GetAlias(s name) -> o alias */
int manager_method_get_alias(Bus *bus, sd_bus_message *message, sd_bus_error *error) {
        const char *name;
        int r;

        r = sd_bus_message_read_basic(message, 's', &name);
        if (r < 0)
                return bus_refuse(error, r, NULL);

        return answer_named(message, ALIAS_PREFIX, name,
                            catalog_find_alias(&manager_registry(bus->manager)->catalog, name),
                            ALIAS_UNKNOWN, "alias", error);
}

/* A domain that libvirt does not know any more may still have attachments, under the name it had. */
static bool is_of_domain(const Registry *registry, const Attachment *attachment,
                         const char *domain) {
        const DomainFacts *facts = domains_find(&registry->domains, domain);

        if (*domain == '\0')
                return true;
        if (facts)
                return strcmp(attachment->domain_uuid, facts->uuid) == 0;
        return text_is_uuid(domain) ? strcasecmp(attachment->domain_uuid, domain) == 0
                                    : strcmp(attachment->domain, domain) == 0;
}

/* ListAttachments(s domain) -> ao attachments */
int manager_method_list_attachments(Bus *bus, sd_bus_message *message, sd_bus_error *error) {
        const Registry *registry = manager_registry(bus->manager);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *domain;
        int r;

        r = sd_bus_message_read_basic(message, 's', &domain);
        if (r >= 0)
                r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "o");

        for (size_t i = 0; r >= 0 && i < registry->n_attachments; i++) {
                const Attachment *attachment = registry->attachments[i];
                char path[ATTACHMENT_PATH_SIZE];

                if (is_of_domain(registry, attachment, domain))
                        r = sd_bus_message_append(reply, "o",
                                                  attachment_path(attachment->number, path));
        }

        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        return r < 0 ? bus_refuse(error, r, NULL) : 1;
}

/* clang-format off */
const sd_bus_vtable manager_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Attach",
                                SD_BUS_ARGS("s", domain, "s", request, "a{sv}", options),
                                SD_BUS_RESULT("o", attachment),
                                method_dispatch, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Explain",
                                SD_BUS_ARGS("s", request, "a{sv}", options),
                                SD_BUS_RESULT("b", fits, "a(sobasa{sv})", candidates, "a{sv}", summary),
                                method_dispatch, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("CheckHost",
                                SD_BUS_NO_ARGS, SD_BUS_RESULT("a(ssss)", checks),
                                method_dispatch, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetDevice",
                                SD_BUS_ARGS("s", address), SD_BUS_RESULT("o", device),
                                method_dispatch, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetPool",
                                SD_BUS_ARGS("s", name), SD_BUS_RESULT("o", pool),
                                method_dispatch, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetAlias",
                                SD_BUS_ARGS("s", name), SD_BUS_RESULT("o", alias),
                                method_dispatch, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListAttachments",
                                SD_BUS_ARGS("s", domain), SD_BUS_RESULT("ao", attachments),
                                method_dispatch, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("AddPool",
                                SD_BUS_ARGS("s", name, "aa{ss}", match, "a{sv}", options),
                                SD_BUS_RESULT("o", pool),
                                method_dispatch, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("AddAlias",
                                SD_BUS_ARGS("s", name, "aa{ss}", match, "a{sv}", options),
                                SD_BUS_RESULT("o", alias),
                                method_dispatch, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("RemovePool",
                                SD_BUS_ARGS("s", name, "a{sv}", options), SD_BUS_NO_RESULT,
                                method_dispatch, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("RemoveAlias",
                                SD_BUS_ARGS("s", name, "a{sv}", options), SD_BUS_NO_RESULT,
                                method_dispatch, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Reload",
                                SD_BUS_NO_ARGS, SD_BUS_NO_RESULT,
                                method_dispatch, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Version", "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("LibvirtUri", "s", get_libvirt_uri, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("LibvirtConnected", "b", get_libvirt_connected, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("HostReady", "b", get_host_ready, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_VTABLE_END,
};
/* clang-format on */

int bus_add_manager(Bus *bus) {
        sd_bus_slot *slot = NULL;
        int r;

        r = sd_bus_add_object_vtable(bus->connection, &slot, ROOT_PATH, MANAGER_INTERFACE,
                                     manager_vtable, bus);
        if (r < 0)
                return r;

        r = bus_keep_slot(bus, slot);
        if (r < 0)
                return r;

        r = sd_bus_add_object_manager(bus->connection, &slot, ROOT_PATH);
        return r < 0 ? r : bus_keep_slot(bus, slot);
}
