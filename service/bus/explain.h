/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Explain: what was found out about a request, and its form on the bus.
 */
#pragma once

#include "bus/call.h"

/* Of one turn. Texts are borrowed from the message. */
typedef struct Explain {
        const char *domain_text; /* NULL: for no domain */
        Request *request;
        AttachOrder order;
        const DomainFacts *domain; /* NULL: for no domain */
        Explanation explanation;
        bool enough;          /* there are enough devices, whoever asks */
        Answer authorization; /* ANSWER_NONE: for no domain, so nobody was asked */
} Explain;

void explain_done(Explain *explain);

/* Answers the call. 1, LIMIT_EXCEEDED (the answer would be too long for a message) or negative errno. */
int explain_answer(const Registry *registry, const Explain *explain, sd_bus_message *message);
