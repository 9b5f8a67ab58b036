/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Complete: what could stand in place of the last of some words of a command line, one a line, for
 * the completion of a shell.
 *
 * What an argument is, is read from the text that --help shows. Nobody is asked anything, and
 * whatever cannot be found out is merely not offered.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "objects.h"
#include "util/text.h"
#include "value.h"
#include "verbs.h"

enum {
        PATIENCE_USEC = 2000000
};

static const char *const policies[] = { "legacy", "preferred", "required", "socket", NULL };
static const char *const units[] = { "function", "slot", "group", NULL };
static const char *const match_keys[] = {
        "vendor_id=",
        "product_id=",
        "subsystem_vendor_id=",
        "subsystem_product_id=",
        "class=",
        "address=",
        "domain=",
        "bus=",
        "slot=",
        "function=",
        "devname=",
        "driver=",
        "numa_node=",
        "tag.",
        "or",
        NULL,
};
static const char *const alias_keys[] = { "device_type=", "pool=", NULL };

typedef struct Completion {
        Client *client;
        const char *word;  /* that is being written */
        const char *ahead; /* what of it stays as it is: "--for=", "nic:2," */
        size_t n_ahead;
        bool elsewhere; /* on another host, which is asked nothing */
} Completion;

static void offer(const Completion *completion, const char *text) {
        const char *written = completion->word + completion->n_ahead;

        if (strncmp(text, written, strlen(written)) == 0 && text_is_line(text))
                printf("%.*s%s\n", (int) completion->n_ahead, completion->ahead, text);
}

static void offer_all(const Completion *completion, const char *const *texts) {
        for (; *texts; texts++)
                offer(completion, *texts);
}

/* The member of every object of a kind; @source: only of those that come from there. */
static void offer_objects(const Completion *completion, const Objects *objects, ObjectKind kind,
                          const char *member, const char *source) {
        const json_t *object;
        size_t i;

        json_array_foreach(objects->lists[kind], i, object) {
                _cleanup_(freep) char *text = value_text(json_object_get(object, member));

                if (text && (!source || text_equal(member_text(object, "source"), source)))
                        offer(completion, text);
        }
}

/* Starts virsh, whose output can be read from @ret_output. */
static int list_domains(const char *uri, pid_t *ret, FILE **ret_output) {
        char *const arguments[] = { (char *) "virsh", (char *) "-q",     (char *) "-r",
                                    (char *) "-c",    (char *) uri,      (char *) "list",
                                    (char *) "--all", (char *) "--name", NULL };
        _cleanup_(closep) int ours = -1, theirs = -1;
        posix_spawn_file_actions_t actions;
        int r, ends[2];

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;

        ours = ends[0];
        theirs = ends[1];
        r = posix_spawn_file_actions_init(&actions);
        if (r != 0)
                return -r;

        r = posix_spawn_file_actions_adddup2(&actions, theirs, STDOUT_FILENO);
        if (r == 0)
                r = posix_spawnp(ret, arguments[0], &actions, NULL, arguments, environ);
        posix_spawn_file_actions_destroy(&actions);
        if (r != 0)
                return -r;

        *ret_output = fdopen(ours, "r");
        if (!*ret_output)
                return -errno;

        (void) TAKE_FD(ours);
        return 0;
}

/* Those that the libvirt of the service shows to whoever may only read. */
static void offer_domains(const Completion *completion) {
        _cleanup_(freep) char *uri = objects_look_uri(completion->client), *line = NULL;
        ssize_t length;
        size_t size = 0;
        FILE *output = NULL;
        pid_t virsh = 0;

        if (!uri || list_domains(uri, &virsh, &output) < 0)
                return;

        while ((length = getline(&line, &size, output)) > 0) {
                line[length - 1] = '\0';
                if (*line)
                        offer(completion, line);
        }

        (void) fclose(output);
        while (waitpid(virsh, NULL, 0) < 0 && errno == EINTR)
                ;
}

/* Does @kind, as in "ATTACHMENT|DOMAIN", have this word? */
static bool has_word(const char *kind, size_t n_kind, const char *word) {
        return memmem(kind, n_kind, word, strlen(word)) != NULL;
}

static void offer_named(const Completion *completion, const Objects *objects, const Verb *verb,
                        const char *kind, size_t n) {
        bool is_thing = has_word(kind, n, "THING");

        if (is_thing)
                offer_objects(completion, objects, OBJECT_DEVICE, "address", NULL);
        if (is_thing || text_equal(verb->name, "pool remove"))
                offer_objects(completion, objects, OBJECT_POOL, "name",
                              is_thing ? NULL : "runtime");
        if (is_thing || text_equal(verb->name, "alias remove"))
                offer_objects(completion, objects, OBJECT_ALIAS, "name",
                              is_thing ? NULL : "runtime");
        if (has_word(kind, n, "REQUEST"))
                offer_objects(completion, objects, OBJECT_ALIAS, "name", NULL);
        if (is_thing || has_word(kind, n, "ATTACHMENT"))
                offer_objects(completion, objects, OBJECT_ATTACHMENT, "id", NULL);
        if (has_word(kind, n, "ATTACHMENT"))
                offer_objects(completion, objects, OBJECT_ATTACHMENT, "domain", NULL);
}

/* What an argument can be, by its name in the table: "DOMAIN", "ATTACHMENT|DOMAIN", "MATCH…". */
static void offer_argument(Completion *completion, const Verb *verb, const char *kind, size_t n) {
        _cleanup_(objects_done) Objects objects = { 0 };
        const char *comma = strrchr(completion->word, ',');

        if (has_word(kind, n, "POLICY"))
                offer_all(completion, policies);
        else if (has_word(kind, n, "UNIT"))
                offer_all(completion, units);
        else if (has_word(kind, n, "MATCH")) {
                offer_all(completion, match_keys);
                if (text_equal(verb->name, "alias add"))
                        offer_all(completion, alias_keys);
        } else if (completion->elsewhere)
                return;
        else if (has_word(kind, n, "DOMAIN") && !has_word(kind, n, "ATTACHMENT"))
                offer_domains(completion);
        else if (objects_look(completion->client, PATIENCE_USEC, &objects) == 0) {
                if (has_word(kind, n, "REQUEST") && comma)
                        completion->n_ahead = (size_t) (comma - completion->word) + 1;
                offer_named(completion, &objects, verb, kind, n);
        }
}

/* The name of the argument at @place; @ret_n: its size, 0 for none. */
static const char *argument_name(const Verb *verb, int place, size_t *ret_n) {
        const char *word = verb->arguments;

        for (;; place--) {
                size_t n = strcspn(word, " ");
                bool is_option = strncmp(word, "[-", 2) == 0;

                *ret_n = is_option ? 0 : n;
                if (place == 0 || is_option || n == 0)
                        return word;
                /* The last may come again. */
                if (n > strlen("…") && strncmp(word + n - strlen("…"), "…", strlen("…")) == 0)
                        return word;
                word += n + strspn(word + n, " ");
        }
}

/* "--for=" and what may follow, or the names of the options that the verb has. */
static void offer_options(Completion *completion, const Verb *verb) {
        const char *equals = strchr(completion->word, '=');

        if (equals && verb) {
                _cleanup_(freep) char *name =
                        strndup(completion->word, (size_t) (equals - completion->word) + 1);
                const char *found = name ? strstr(verb->arguments, name) : NULL;

                completion->n_ahead = (size_t) (equals - completion->word) + 1;
                if (found)
                        offer_argument(completion, verb, found + strlen(name),
                                       strcspn(found + strlen(name), "]|"));
                return;
        }

        for (size_t i = 0; options[i].name && !equals; i++) {
                _cleanup_(freep) char *text =
                        text_print("--%s%s", options[i].name, options[i].has_arg ? "=" : "");
                bool is_known =
                        options[i].val < OPTION_ALL || (verb && verb->options & options[i].val);

                if (text && is_known)
                        offer(completion, text);
        }
}

/* The first words of the verbs, or the second ones of those that begin with @first. */
static void offer_verbs(const Completion *completion, const char *first) {
        const char *last = "";
        size_t n_last = 0;

        for (size_t i = 0; verbs[i].name; i++) {
                const char *name = verbs[i].name;
                size_t n = strcspn(name, " ");
                _cleanup_(freep) char *word = strndup(name, n);

                if (!word || !verbs[i].what)
                        continue;
                if (first && text_equal(word, first) && name[n])
                        offer(completion, name + n + 1);
                if (!first && (n != n_last || strncmp(name, last, n) != 0))
                        offer(completion, word);
                last = name;
                n_last = n;
        }
}

/* Those words that are no options, to the front; how many. */
static int drop_options(char **words, int n_words, bool *ret_elsewhere) {
        int n = 0;

        *ret_elsewhere = false;

        for (int i = 0; i < n_words; i++) {
                bool takes_next = text_equal(words[i], "-H") || text_equal(words[i], "--host");

                if (strncmp(words[i], "-H", 2) == 0 || strncmp(words[i], "--host", 6) == 0)
                        *ret_elsewhere = true;
                if (*words[i] == '-' && words[i][1])
                        i += takes_next;
                else
                        words[n++] = words[i];
        }
        return n;
}

int verb_complete(Client *client, char **arguments) {
        int n_words = (int) list_length(arguments), n_verb;
        Completion completion = { .client = client };
        const char *kind;
        const Verb *verb;
        size_t n_kind;

        if (n_words == 0)
                return STATUS_DONE;

        completion.word = completion.ahead = arguments[--n_words];
        n_words = drop_options(arguments, n_words, &completion.elsewhere);
        verb = n_words > 0 ? verbs_find(arguments, n_words, &n_verb) : NULL;

        if (*completion.word == '-')
                offer_options(&completion, verb);
        else if (!verb && n_words < 2)
                offer_verbs(&completion, n_words > 0 ? arguments[0] : NULL);
        else if (verb) {
                kind = argument_name(verb, n_words - n_verb, &n_kind);
                offer_argument(&completion, verb, kind, n_kind);
        }
        return STATUS_DONE;
}
