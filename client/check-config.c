/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Check-config: the configuration files read as the daemon reads them, without a daemon.
 *
 * Warnings and errors stand on stderr as file:line: text, and nothing before them, so that editors
 * find the place.
 */
#include <errno.h>
#include <stdio.h>

#include <jansson.h>

#include "client.h"
#include "json.h"
#include "store/config.h"
#include "terminal.h"
#include "util/text.h"

#define VENDOR_DIRECTORY "/usr/lib/hostdevd"
#define DIRECTORY        "/etc/hostdevd"

static int find_files(char **arguments, char ***ret, Refusal *refusal) {
        const char *directory = getenv("CONFIGURATION_DIRECTORY");

        if (arguments[0])
                return list_copy(arguments, ret);

        return config_files(VENDOR_DIRECTORY, directory && *directory ? directory : DIRECTORY, ret,
                            refusal);
}

static json_t *make_list(char *const *texts) {
        _cleanup_(json_decrefp) json_t *list = json_array();

        for (size_t i = 0; texts && texts[i]; i++)
                if (json_array_append_new(list, json_string(texts[i])) < 0)
                        return NULL;

        return TAKE(list);
}

static int print_document(char *const *files, const Config *config, const char *error) {
        char *const errors[] = { (char *) error, NULL };
        _cleanup_(json_decrefp) json_t *document = NULL;

        document =
                json_pack("{sbsosIsIsoso}", "valid", error == NULL, "files", make_list(files),
                          "pools", (json_int_t) (config ? config->catalog.n_pools : 0), "aliases",
                          (json_int_t) (config ? config->catalog.n_aliases : 0), "warnings",
                          make_list(config ? config->warnings : NULL), "errors", make_list(errors));
        return json_print(document);
}

static void print_place(const char *text) {
        _cleanup_(freep) char *line = terminal_escape(text);

        fprintf(stderr, "%s\n", line ?: "Out of memory");
}

static void print_summary(const Client *client, char *const *files, const Config *config) {
        const Catalog *catalog = &config->catalog;
        size_t n_files = list_length(files), n_pools = catalog->n_pools;
        size_t n_aliases = catalog->n_aliases;

        if (!client->no_legend)
                printf("%zu file%s, %zu pool%s, %zu alias%s: no errors\n", n_files,
                       n_files == 1 ? "" : "s", n_pools, n_pools == 1 ? "" : "s", n_aliases,
                       n_aliases == 1 ? "" : "es");
}

int verb_check_config(Client *client, char **arguments) {
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_(list_freep) char **files = NULL;
        int r, status = STATUS_DONE;

        r = find_files(arguments, &files, &refusal);
        if (r == 0)
                r = config_load(files, &config, &refusal);
        if (r < 0)
                return complain_errno(r, "Cannot read the configuration");

        for (size_t i = 0; config && config->warnings && config->warnings[i]; i++)
                print_place(config->warnings[i]);
        if (r > 0)
                print_place(refusal.text);

        if (client->json)
                status = print_document(files, config, r > 0 ? refusal.text : NULL);
        else if (config)
                print_summary(client, files, config);

        return r > 0 ? STATUS_FAILED : status;
}
