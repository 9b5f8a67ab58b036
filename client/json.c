/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The form of --json stands in hostdevctl(1), and tests compare with that. It does not change but for
 * additions.
 *
 * An object of the service is a JSON object: "path", then its properties under their D-Bus names in
 * snake_case. A reference to another object is its key; null where the bus has "/". Dictionaries of
 * data (tags, match) keep their keys. An error prints no document.
 */
#include "json.h"

#include <errno.h>
#include <stdio.h>

#include "client.h"

static int print(const json_t *document, size_t flags) {
        if (!document)
                return complain_errno(-ENOMEM, "Cannot print");

        if (json_dumpf(document, stdout, flags | JSON_ENCODE_ANY) < 0 || putchar('\n') == EOF ||
            fflush(stdout) == EOF)
                return complain_errno(-errno, "Cannot print");

        return STATUS_DONE;
}

int json_print(const json_t *document) {
        return print(document, JSON_INDENT(2));
}

int json_print_line(const json_t *document) {
        return print(document, JSON_COMPACT);
}
