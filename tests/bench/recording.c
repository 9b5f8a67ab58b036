/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "recording.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "turn.h"

typedef enum Kind {
        KIND_BASIC,
        KIND_OPEN,
        KIND_CLOSE,
} Kind;

typedef struct Step {
        Kind kind;
        char type;
        const char *contents; /* of a container */
        union {
                const char *text;
                uint64_t number;
        } value;
} Step;

struct Recording {
        Step *steps;
        size_t n_steps, size;
};

static Step *add_step(Recording *recording) {
        size_t n = recording->n_steps++;

        /* Doubled whenever it is a power of two. */
        if ((n & (n - 1)) == 0) {
                recording->steps = reallocarray(recording->steps, n > 0 ? 2 * n : 1, sizeof(Step));
                if (!recording->steps)
                        turn_check(-ENOMEM, "recording");
        }

        recording->steps[n] = (Step){ 0 };
        return &recording->steps[n];
}

static bool is_text(char type) {
        return type == 's' || type == 'o' || type == 'g';
}

static void record(Recording *recording, sd_bus_message *message) {
        const char *contents;
        Step *step;
        char type;

        while (turn_check(sd_bus_message_peek_type(message, &type, &contents), "type") > 0) {
                step = add_step(recording);
                *step = (Step){ .kind = contents ? KIND_OPEN : KIND_BASIC,
                                .type = type,
                                .contents = contents };
                if (!contents) {
                        turn_check(sd_bus_message_read_basic(message, type, &step->value), "value");
                        recording->size +=
                                is_text(type) ? strlen(step->value.text) + 5 : sizeof(uint32_t);
                        continue;
                }

                /* The message gives this text up when it goes on. */
                step->contents = strdup(contents);
                turn_check(step->contents ? 0 : -ENOMEM, "recording");
                turn_check(sd_bus_message_enter_container(message, type, contents), "container");
                record(recording, message);
                turn_check(sd_bus_message_exit_container(message), "container");
                add_step(recording)->kind = KIND_CLOSE;
        }
}

Recording *recording_new(sd_bus_message *message) {
        Recording *recording = calloc(1, sizeof(*recording));

        turn_check(recording ? 0 : -ENOMEM, "recording");
        record(recording, message);
        return recording;
}

Recording *recording_free(Recording *recording) {
        if (!recording)
                return NULL;

        for (size_t i = 0; i < recording->n_steps; i++)
                free((char *) recording->steps[i].contents);
        free(recording->steps);
        free(recording);
        return NULL;
}

int recording_append(const Recording *recording, sd_bus_message *message) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < recording->n_steps; i++) {
                const Step *step = &recording->steps[i];

                if (step->kind == KIND_OPEN)
                        r = sd_bus_message_open_container(message, step->type, step->contents);
                else if (step->kind == KIND_CLOSE)
                        r = sd_bus_message_close_container(message);
                else
                        r = sd_bus_message_append_basic(message, step->type,
                                                        is_text(step->type)
                                                                ? (const void *) step->value.text
                                                                : &step->value);
        }

        return r < 0 ? r : 0;
}

size_t recording_size(const Recording *recording) {
        return recording->size;
}
