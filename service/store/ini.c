/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/ini.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "util/text.h"

typedef struct Reader {
        const IniCallbacks *callbacks;
        void *userdata;
        Refusal *refusal;
        Place place;
        IniDialect dialect;
        bool in_section;

        /* An entry of INI_OSLO that the next line may go on with. */
        char *key, *value;
        size_t value_size;
        Place begun;
} Reader;

/* Hands over the entry that no line goes on with any more. */
static int flush(Reader *reader) {
        _cleanup_(freep) char *key = TAKE(reader->key), *value = TAKE(reader->value);
        char *stripped;
        size_t size;

        if (!key)
                return 0;

        stripped = text_strip(value);
        size = strlen(stripped);
        if (size >= 2 && (*stripped == '"' || *stripped == '\'') &&
            stripped[size - 1] == *stripped) {
                stripped[size - 1] = '\0';
                stripped++;
        }

        return reader->callbacks->entry(reader->userdata, &reader->begun, key, stripped,
                                        reader->refusal);
}

static int read_section(Reader *reader, char *line) {
        char *end = line + strlen(line) - 1, *name;

        if (*end != ']')
                return place_refuse(reader->refusal, &reader->place, "'%.64s' lacks its ]", line);

        *end = '\0';
        name = text_strip(line + 1);
        if (*name == '\0')
                return place_refuse(reader->refusal, &reader->place, "a section without a name");

        reader->in_section = true;
        reader->dialect = INI_NATIVE;
        return reader->callbacks->section(reader->userdata, &reader->place, name, &reader->dialect,
                                          reader->refusal);
}

static int continue_value(Reader *reader, const char *line) {
        size_t size = strlen(line);
        char *grown;

        if (!reader->key)
                return place_refuse(reader->refusal, &reader->place,
                                    "'%.64s' goes on with a value, but none stands above", line);

        grown = realloc(reader->value, reader->value_size + size + 2);
        if (!grown)
                return -ENOMEM;

        grown[reader->value_size] = '\n';
        memcpy(grown + reader->value_size + 1, line, size + 1);
        reader->value = grown;
        reader->value_size += size + 1;
        return 0;
}

static int read_entry(Reader *reader, char *line) {
        bool oslo = reader->dialect == INI_OSLO;
        char *parting = strpbrk(line, oslo ? "=:" : "="), *key, *value;

        if (!reader->in_section)
                return place_refuse(reader->refusal, &reader->place,
                                    "'%.64s' stands before any section", line);
        if (!parting)
                return place_refuse(reader->refusal, &reader->place, "'%.64s' has no =", line);

        *parting = '\0';
        key = text_strip(line);
        value = text_strip(parting + 1);
        if (*key == '\0')
                return place_refuse(reader->refusal, &reader->place, "no key before the =");
        if (!oslo)
                return reader->callbacks->entry(reader->userdata, &reader->place, key, value,
                                                reader->refusal);

        reader->begun = reader->place;
        reader->key = strdup(key);
        reader->value = strdup(value);
        reader->value_size = strlen(value);
        return reader->key && reader->value ? 0 : -ENOMEM;
}

static int read_line(Reader *reader, char *line) {
        bool indented = *line == ' ' || *line == '\t';
        char *stripped = text_strip(line);
        int r;

        if (indented && (*stripped == '#' || *stripped == ';'))
                return 0;
        if (indented && *stripped != '\0' && reader->dialect == INI_OSLO)
                return continue_value(reader, stripped);

        r = flush(reader);
        if (r != 0)
                return r;

        if (*stripped == '\0' || *stripped == '#' || *stripped == ';')
                return 0;
        if (*stripped == '[' && (!indented || reader->dialect == INI_NATIVE))
                return read_section(reader, stripped);
        if (reader->dialect == INI_SKIP)
                return 0;
        return read_entry(reader, stripped);
}

/* Takes one line out of the text, checks its bytes and reads it. */
static int take_line(Reader *reader, const char *text, size_t size) {
        _cleanup_(freep) char *line = NULL;

        if (size > 0 && text[size - 1] == '\r')
                size--;
        if (size > INI_LINE_MAX)
                return place_refuse(reader->refusal, &reader->place,
                                    "the line is longer than %d bytes", INI_LINE_MAX);
        if (memchr(text, '\0', size))
                return place_refuse(reader->refusal, &reader->place, "a NUL character");
        if (!text_is_utf8(text, size))
                return place_refuse(reader->refusal, &reader->place, "invalid UTF-8");

        line = strndup(text, size);
        if (!line)
                return -ENOMEM;

        return read_line(reader, line);
}

int ini_parse(const char *file, const char *text, size_t size, const IniCallbacks *callbacks,
              void *userdata, Refusal *refusal) {
        Reader reader = { callbacks, userdata, refusal, .place = { file, 0 } };
        int r = 0;

        while (size > 0 && r == 0) {
                const char *end = memchr(text, '\n', size);
                size_t length = end ? (size_t) (end - text) : size, taken = length + (end != NULL);

                reader.place.line++;
                r = take_line(&reader, text, length);
                text += taken;
                size -= taken;
        }

        if (r == 0)
                r = flush(&reader);

        free(reader.key);
        free(reader.value);
        return r;
}
