/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hostdevctl: the command line is read here, and one verb of the table in verbs.c is run.
 */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "agent.h"
#include "client.h"
#include "nodes.h"
#include "terminal.h"
#include "util/text.h"
#include "verbs.h"

static int print_help(void) {
        puts("hostdevctl [OPTION…] [VERB [ARGUMENT…]]\n"
             "\n"
             "Lend PCI devices of this host to libvirt guests.\n");

        for (size_t i = 0; verbs[i].name; i++)
                if (verbs[i].what)
                        printf("  %s%s%s\n        %s\n", verbs[i].name,
                               *verbs[i].arguments ? " " : "", verbs[i].arguments, verbs[i].what);

        puts("\n"
             "  --json             one JSON document (monitor: one a line)\n"
             "  -H, --host=[USER@]HOST\n"
             "                     ask the daemon of another host, by ssh\n"
             "  --no-legend        no headings and no sentences, for scripts\n"
             "  --no-ask-password  never ask who you are\n"
             "  -h, --help         this text\n"
             "  --version          the version\n"
             "\n"
             "Exit status: 0 done, 1 failed, 2 wrong usage, 3 refused, 4 no such thing,\n"
             "5 daemon or hypervisor cannot be reached.\n"
             "\n"
             "See hostdevctl(1), hostdevd.conf(5), hostdevd(8), org.hostdev1(5).");
        return fflush(stdout) == EOF ? complain_errno(-errno, "Cannot print") : STATUS_DONE;
}

static int read_seconds(Client *client, const char *text) {
        char *end;
        unsigned long long seconds;

        errno = 0;
        seconds = strtoull(text, &end, 10);
        if (errno || *text < '0' || *text > '9' || *end || seconds > UINT32_MAX)
                return complain(STATUS_USAGE, "--wait takes a number of seconds, not '%s'", text);

        client->has_wait = true;
        client->wait_seconds = (uint32_t) seconds;
        return STATUS_DONE;
}

static int read_nodes(Client *client, const char *text) {
        uint32_t *nodes;
        size_t n;
        int r;

        r = nodes_read(text, &nodes, &n);
        if (r == -EINVAL)
                return complain(STATUS_USAGE, "--numa-nodes takes a list as 0,2-3, not '%s'", text);
        if (r < 0)
                return complain_errno(r, "Cannot read --numa-nodes");

        free(client->numa_nodes);
        client->numa_nodes = nodes;
        client->n_numa_nodes = n;
        return STATUS_DONE;
}

/* Takes note of one option. */
static int read_option(Client *client, int option, const char *value) {
        const struct {
                int option;
                const char **text;
                bool *flag;
        } places[] = {
                { OPTION_ALL, .flag = &client->all },
                { OPTION_LIVE, .flag = &client->live },
                { OPTION_CONFIG, .flag = &client->config },
                { OPTION_DRY_RUN, .flag = &client->dry_run },
                { OPTION_FORCE, .flag = &client->force },
                { OPTION_JSON, .flag = &client->json },
                { OPTION_NO_LEGEND, .flag = &client->no_legend },
                { OPTION_NO_ASK_PASSWORD, .flag = &client->no_ask_password },
                { OPTION_REASON, &client->reason },
                { OPTION_FOR, &client->domain },
                { OPTION_DESCRIPTION, &client->description },
                { OPTION_NUMA_POLICY, &client->numa_policy },
                { OPTION_UNIT, &client->unit },
                { 'H', &client->host },
        };

        if (option == OPTION_WAIT)
                return read_seconds(client, value);
        if (option == OPTION_NUMA_NODES)
                return read_nodes(client, value);

        for (size_t i = 0; i < N_ELEMENTS(places); i++) {
                if (places[i].option != option)
                        continue;
                if (places[i].flag)
                        *places[i].flag = true;
                else
                        *places[i].text = value;
        }
        return STATUS_DONE;
}

static int refuse_verb(const char *word) {
        const char *names[VERBS_MAX] = { 0 };
        const char *meant;

        for (size_t i = 0; verbs[i].name; i++)
                names[i] = verbs[i].name;

        if (strcmp(word, "pool") == 0 || strcmp(word, "alias") == 0)
                return complain(STATUS_USAGE, "Say '%s add NAME MATCH…' or '%s remove NAME'", word,
                                word);

        meant = text_nearest(word, names);
        if (meant)
                return complain(STATUS_USAGE, "Unknown verb '%s': was '%s' meant?", word, meant);
        return complain(STATUS_USAGE, "Unknown verb '%s' (see 'hostdevctl --help')", word);
}

static int check_usage(const Verb *verb, int n_arguments, int given) {
        int strange = given & ~verb->options;

        for (size_t i = 0; options[i].name; i++)
                if (options[i].val >= OPTION_ALL && strange & options[i].val)
                        return complain(STATUS_USAGE, "'%s' knows no option --%s", verb->name,
                                        options[i].name);

        if (n_arguments < verb->least || n_arguments > verb->most)
                return complain(STATUS_USAGE, "%s: hostdevctl %s%s%s",
                                n_arguments < verb->least ? "Something is missing"
                                                          : "Too many arguments",
                                verb->name, *verb->arguments ? " " : "", verb->arguments);
        return STATUS_DONE;
}

/* The bus carries nothing else, and neither does JSON. */
static int check_text(char **arguments) {
        for (; *arguments; arguments++)
                if (!text_is_utf8(*arguments, strlen(*arguments)))
                        return complain(STATUS_USAGE, "'%s' is not UTF-8", *arguments);

        return STATUS_DONE;
}

static int run(Client *client, int argc, char **argv) {
        int option, given = 0, n_words, status;
        const Verb *verb;
        pid_t agent;

        while ((option = getopt_long(argc, argv, "H:h", options, NULL)) >= 0) {
                if (option == 'h')
                        return print_help();
                if (option == OPTION_VERSION) {
                        puts("hostdevctl " PROJECT_VERSION);
                        return STATUS_DONE;
                }
                if (option == '?')
                        return STATUS_USAGE;

                status = read_option(client, option, optarg);
                if (status != STATUS_DONE)
                        return status;
                if (option >= OPTION_ALL)
                        given |= option;
        }

        status = check_text(argv);
        if (status != STATUS_DONE)
                return status;

        verb = verbs_find(argv + optind, argc - optind, &n_words);
        if (!verb)
                return refuse_verb(argv[optind]);

        status = check_usage(verb, argc - optind - n_words, given);
        if (status != STATUS_DONE)
                return status;

        agent = verb->changes ? agent_start(client) : 0;
        status = verb->run(client, argv + optind + n_words);
        agent_stop(agent);
        return status;
}

int main(int argc, char **argv) {
        Client client = { 0 };
        int status;

        setlocale(LC_ALL, "");
        terminal_detect(&client);

        status = run(&client, argc, argv);
        sd_bus_flush_close_unref(client.bus);
        free(client.numa_nodes);

        /* What was not written was not done for whoever reads it. */
        if (fflush(stdout) == EOF && status == STATUS_DONE)
                status = complain_errno(-errno, "Cannot print");
        return status;
}
