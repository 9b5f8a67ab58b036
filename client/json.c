/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The form of --json, which does not change but for additions:
 *
 * An object of the service is a JSON object: "path", then its properties under their D-Bus names in
 * snake_case (VendorId: "vendor_id"). Strings, numbers and booleans are what they are on the bus. A
 * reference to another object is its key: the address of a device, the name of a pool or alias, the
 * number of an attachment; null where the bus has "/". Dictionaries of data (tags, match) keep their
 * keys.
 *
 *   status        the manager's properties, "pools": [pool], "attachments": [attachment]
 *   devices, pools, aliases, attachments
 *                 [object]
 *   show          a member for each kind that has the thing: {"device": object}, or {"pool": object,
 *                 "alias": object}
 *   attach        the attachment; null for a dry run
 *   detach        [attachment] that were taken back, as they were before
 *   explain       {"fits", "candidates": [{"item", "device", "chosen", "reasons", "details"}],
 *                 "summary"}; details and summary are documented with Explain in
 *                 org.hostdev1.Manager.xml, their keys are in snake_case here
 *   check-host    [{"id", "result", "evidence", "fix"}]
 *   check-config  {"valid", "files", "pools", "aliases", "warnings", "errors"}: two counts, then
 *                 lists of file:line: text
 *   pool, alias   add: {"name", "path"}; remove: null
 *   reload        null
 *   monitor       a document a line: {"time_usec", "event", "kind", "key", …}. Event "added" has
 *                 "properties"; "changed" has "changed" and "was", new and old values, and
 *                 "invalidated", names; "removed" has no more. {"time_usec", "event", "kind":
 *                 "service"} with event "joined" or "left" is the daemon that comes or goes.
 *
 * An error prints no document: it is a line on stderr and the exit status. Only detach also prints
 * what it did before or after the error, and check-config and check-host what they found.
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
