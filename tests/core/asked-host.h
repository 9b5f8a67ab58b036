/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asked host: a registry in a few lines, and what it answers to a request, as text.
 */
#pragma once

#include "core/allocate.h"
#include "made-life.h"

typedef struct Host {
        Registry registry;
        int next_group;
} Host;

#define HOST_TEST(test) cmocka_unit_test_setup_teardown(test, host_set_up, host_tear_down)
int host_set_up(void **state);
int host_tear_down(void **state);

/* Without a group of its own given, each device is alone in one. */
void host_add(Host *host, Made made);
#define NODE(n)        .has_node = true, .node = (n)
#define GROUP(n)       .has_group = true, .group = (n)
#define ADD(host, ...) host_add(host, (Made){ __VA_ARGS__ })

void host_pool(Host *host, const char *name, const char *words);
Alias *host_alias(Host *host, const char *name, const char *words);

typedef struct Asking {
        const char *request, *uuid;
        const char *policy; /* NULL: each alias keeps its own */
        const char *nodes;  /* digits; NULL: any */
        bool force;
} Asking;

/* The plan as "0=41:00.0 1=42:00.0", or the text of the refusal. The verdict must be as said. */
void assert_decides(Host *host, int verdict, const char *expected, Asking asking);

#define ASSERT_PLAN(host, expected, ...) assert_decides(host, 0, expected, (Asking){ __VA_ARGS__ })
#define ASSERT_LACKS(host, expected, ...)                                                          \
        assert_decides(host, DEVICES_NOT_ENOUGH, expected, (Asking){ __VA_ARGS__ })

/* The sentence of what is missing, and how many units each item can have: "1 2 2 of 4: 1 attached to web". */
void assert_tells(Host *host, const char *expected, Asking asking);
#define ASSERT_TELLS(host, expected, ...) assert_tells(host, expected, (Asking){ __VA_ARGS__ })

/* The explanation as lines "0 41:00.0: chosen" or "0 42:00.0: numa, attached", and the text when it has one. */
void assert_explains(Host *host, const char *expected, Asking asking);
#define ASSERT_EXPLAINS(host, expected, ...)                                                       \
        assert_explains(host, expected, (Asking){ __VA_ARGS__ })
