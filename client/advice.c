/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "advice.h"

#include <errno.h>
#include <string.h>

#include "util/text.h"
#include "value.h"

#define OWN_ERROR "org.hostdev1.Error."
#define BUS_ERROR "org.freedesktop.DBus.Error."

enum {
        MANY_NAMES = 5,
        PATIENCE_USEC = 5000000
};

static const struct {
        const char *error;
        const char *text;
} hints[] = {
        { OWN_ERROR "NoSuchDevice", "; see 'hostdevctl devices --all'" },
        { OWN_ERROR "NoSuchDomain", "; see 'virsh list --all'" },
        { OWN_ERROR "InUseByHost", "; --force lends it all the same" },
        { OWN_ERROR "HostNotReady", "; see 'hostdevctl check-host'" },
        { OWN_ERROR "HypervisorUnavailable", "; see 'hostdevctl status'" },
        { OWN_ERROR "ReadOnly", "; edit the file, then 'hostdevctl reload'" },
        { OWN_ERROR "Pending", "; see 'hostdevctl attachments'" },
        { BUS_ERROR "AccessDenied", "; hostdevd(8) tells how users are let" },
        { BUS_ERROR "InteractiveAuthorizationRequired",
          "; without --no-ask-password you are asked" },
};

static const struct {
        const char *error;
        ObjectKind kind;
} unknown[] = {
        { OWN_ERROR "NoSuchAlias", OBJECT_ALIAS },
        { OWN_ERROR "NoSuchPool", OBJECT_POOL },
};

/* "aliases", for which there is a verb. */
static const char *plural(ObjectKind kind) {
        switch (kind) {
        case OBJECT_ALIAS:
                return "aliases";
        case OBJECT_POOL:
                return "pools";
        default:
                return "attachments";
        }
}

static char *say_names(char *const *names, ObjectKind kind) {
        _cleanup_(freep) char *all = NULL;
        size_t n = list_length(names);

        if (n == 0)
                return text_print("; there are no %s", plural(kind));
        if (n > MANY_NAMES)
                return text_print("; see 'hostdevctl %s'", plural(kind));

        all = list_join((char **) names, "\", \"");
        return all ? text_print("; there %s \"%s\"", n == 1 ? "is" : "are", all) : NULL;
}

static int collect(const Objects *objects, ObjectKind kind, char ***names) {
        const json_t *object;
        size_t i;

        json_array_foreach(objects->lists[kind], i, object) {
                if (list_append(names, member_text(object, "name")) < 0)
                        return -ENOMEM;
        }
        return 0;
}

char *advice_thing(const Objects *objects, const char *wrong) {
        _cleanup_(list_freep) char **names = NULL;
        const char *meant;

        if (collect(objects, OBJECT_POOL, &names) < 0 || collect(objects, OBJECT_ALIAS, &names) < 0)
                return NULL;

        meant = names ? text_nearest(wrong, (const char *const *) names) : NULL;
        if (meant)
                return text_print("; there is \"%s\"", meant);
        return strdup("; see 'hostdevctl devices --all', 'pools', 'aliases', 'attachments'");
}

char *advice_names(const Objects *objects, ObjectKind kind, const char *wrong) {
        _cleanup_(list_freep) char **names = NULL;
        const char *meant;

        if (collect(objects, kind, &names) < 0)
                return NULL;

        meant = names ? text_nearest(wrong, (const char *const *) names) : NULL;
        return meant ? text_print("; there is \"%s\"", meant) : say_names(names, kind);
}

/* The name that @text ends with, in quotes or not; NULL without memory. */
static char *last_name(const char *text) {
        const char *begin = strchr(text, '"'), *end = strrchr(text, '"');

        if (begin && end > begin)
                return strndup(begin + 1, (size_t) (end - begin - 1));

        begin = strrchr(text, ' ');
        return strdup(begin ? begin + 1 : text);
}

static char *advise_name(Client *client, ObjectKind kind, const char *text) {
        _cleanup_(objects_done) Objects objects = { 0 };
        _cleanup_(freep) char *wrong = last_name(text);

        if (!wrong || objects_look(client, PATIENCE_USEC, &objects) < 0)
                return strdup("");

        return advice_names(&objects, kind, wrong);
}

/* The command that explains what was refused, if a shell would take it as it is. */
static char *advise_explain(const Client *client) {
        static const char plain[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "._-+:,@";
        const char *request = client->request, *domain = client->domain;

        if (!request || !domain || request[strspn(request, plain)] || domain[strspn(domain, plain)])
                return strdup("; 'hostdevctl explain' shows why");

        return text_print("; see 'hostdevctl explain %s --for=%s'", request, domain);
}

char *advice_for(Client *client, const sd_bus_error *error) {
        for (size_t i = 0; i < N_ELEMENTS(unknown); i++)
                if (sd_bus_error_has_name(error, unknown[i].error))
                        return advise_name(client, unknown[i].kind, error->message ?: "");

        if (sd_bus_error_has_name(error, OWN_ERROR "NotEnoughDevices"))
                return advise_explain(client);

        for (size_t i = 0; i < N_ELEMENTS(hints); i++)
                if (sd_bus_error_has_name(error, hints[i].error))
                        return strdup(hints[i].text);

        return strdup("");
}
