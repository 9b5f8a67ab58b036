/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/attachment.h"

#define UUID "00000000-0000-4000-8000-00000000000a"

static const char *const state_names[] = {
        [ATTACHMENT_ATTACHING] = "attaching",
        [ATTACHMENT_UNDECIDED] = "undecided",
        [ATTACHMENT_ATTACHED] = "attached",
        [ATTACHMENT_DETACHING] = "detaching",
        [ATTACHMENT_TAKING_BACK] = "taking-back",
        [ATTACHMENT_LETTING_GO] = "letting-go",
        [ATTACHMENT_LOST] = "lost",
        [ATTACHMENT_ENDED] = "ended",
};

static const char *const event_names[] = {
        [EVENT_ATTACH_RETURNED] = "attach-returned", [EVENT_OUTCOME_UNKNOWN] = "outcome-unknown",
        [EVENT_DETACH_ASKED] = "detach-asked",       [EVENT_DETACH_RETURNED] = "detach-returned",
        [EVENT_GUEST_REFUSED] = "guest-refused",     [EVENT_OBSERVED] = "observed",
};

/*
 * What the contract's sentences ask for, for none, some, all held: "-" nothing happens, a state with
 * "+" when it is to be recorded, with "!" when libvirt is called to take back, "end".
 */
static const struct {
        const char *state, *event, *none, *some, *all;
} expected[] = {
        /* An attach is completed when libvirt has all, else what it took is taken back. */
        { "attaching", "attach-returned", "end", "taking-back!", "attached+" },
        /* Unreachable never frees anything. */
        { "attaching", "outcome-unknown", "undecided", "undecided", "undecided" },
        { "attaching", "detach-asked", "-", "-", "-" },
        { "attaching", "detach-returned", "-", "-", "-" },
        { "attaching", "guest-refused", "-", "-", "-" },
        { "attaching", "observed", "-", "-", "-" },

        /* An intent without outcome stays reserved until the running job is known to be over. */
        { "undecided", "attach-returned", "end", "taking-back!", "attached+" },
        { "undecided", "outcome-unknown", "-", "-", "-" },
        { "undecided", "detach-asked", "-", "-", "-" },
        { "undecided", "detach-returned", "-", "-", "-" },
        { "undecided", "guest-refused", "-", "-", "-" },
        { "undecided", "observed", "taking-back!", "taking-back!", "attached+" },

        /* It ends when neither XML has any of its devices; lost while another is still there. */
        { "attached", "attach-returned", "end", "lost+", "-" },
        { "attached", "outcome-unknown", "-", "-", "-" },
        { "attached", "detach-asked", "detaching!", "detaching!", "detaching!" },
        { "attached", "detach-returned", "end", "lost+", "-" },
        { "attached", "guest-refused", "-", "-", "-" },
        { "attached", "observed", "end", "lost+", "-" },

        /* A refusal leaves things as they were; no answer goes on. Asked again, the guest is asked again. */
        { "detaching", "attach-returned", "end", "-", "-" },
        { "detaching", "outcome-unknown", "-", "-", "-" },
        { "detaching", "detach-asked", "detaching!", "detaching!", "detaching!" },
        { "detaching", "detach-returned", "end", "-", "-" },
        { "detaching", "guest-refused", "-", "lost+", "attached+" },
        { "detaching", "observed", "end", "-", "-" },

        /* Nothing held proves nothing before the call to take back has come behind libvirt's job. */
        { "taking-back", "attach-returned", "-", "-", "-" },
        { "taking-back", "outcome-unknown", "-", "-", "-" },
        { "taking-back", "detach-asked", "taking-back!", "taking-back!", "taking-back!" },
        { "taking-back", "detach-returned", "end", "letting-go", "letting-go" },
        { "taking-back", "guest-refused", "-", "-", "-" },
        { "taking-back", "observed", "-", "-", "-" },

        /* After it only the guest is waited for. */
        { "letting-go", "attach-returned", "end", "-", "-" },
        { "letting-go", "outcome-unknown", "-", "-", "-" },
        { "letting-go", "detach-asked", "taking-back!", "taking-back!", "taking-back!" },
        { "letting-go", "detach-returned", "end", "-", "-" },
        { "letting-go", "guest-refused", "-", "-", "-" },
        { "letting-go", "observed", "end", "-", "-" },

        /* Detach takes back what is left; a device that came back makes it whole again. */
        { "lost", "attach-returned", "end", "-", "attached+" },
        { "lost", "outcome-unknown", "-", "-", "-" },
        { "lost", "detach-asked", "detaching!", "detaching!", "detaching!" },
        { "lost", "detach-returned", "end", "-", "attached+" },
        { "lost", "guest-refused", "-", "-", "-" },
        { "lost", "observed", "end", "-", "attached+" },

        { "ended", "attach-returned", "-", "-", "-" },
        { "ended", "outcome-unknown", "-", "-", "-" },
        { "ended", "detach-asked", "-", "-", "-" },
        { "ended", "detach-returned", "-", "-", "-" },
        { "ended", "guest-refused", "-", "-", "-" },
        { "ended", "observed", "-", "-", "-" },
};

static void name_step(AttachmentState from, AttachmentStep step, char name[static 32]) {
        static const char *const marks[] = {
                [EFFECT_NOTHING] = "",
                [EFFECT_RECORD] = "+",
                [EFFECT_CALL_DETACH] = "!",
                [EFFECT_END] = "",
        };

        if (step.effect == EFFECT_END && step.state == ATTACHMENT_ENDED)
                (void) snprintf(name, 32, "end");
        else if (step.effect == EFFECT_NOTHING && step.state == from)
                (void) snprintf(name, 32, "-");
        else
                (void) snprintf(name, 32, "%s%s", state_names[step.state], marks[step.effect]);
}

static int find_name(const char *const *names, size_t n_names, const char *name) {
        for (size_t i = 0; i < n_names; i++)
                if (strcmp(names[i], name) == 0)
                        return (int) i;

        fail_msg("no %s", name);
        return -1;
}

static void every_cell_of_the_table_is_what_the_contract_asks(void **state) {
        bool seen[_ATTACHMENT_STATE_END][_ATTACHMENT_EVENT_END] = { 0 };

        for (size_t i = 0; i < N_ELEMENTS(expected); i++) {
                const char *const cells[] = { expected[i].none, expected[i].some, expected[i].all };
                int from = find_name(state_names, N_ELEMENTS(state_names), expected[i].state);
                int event = find_name(event_names, N_ELEMENTS(event_names), expected[i].event);

                assert_false(seen[from][event]);
                seen[from][event] = true;
                for (int holding = 0; holding < _HOLDING_END; holding++) {
                        char name[32];

                        name_step(from, attachment_step(from, event, holding), name);
                        if (strcmp(name, cells[holding]) != 0)
                                fail_msg("%s, %s, holding %d: %s instead of %s", expected[i].state,
                                         expected[i].event, holding, name, cells[holding]);
                }
        }

        assert_int_equal(N_ELEMENTS(expected), _ATTACHMENT_STATE_END * _ATTACHMENT_EVENT_END);
}

typedef void (*Judge)(AttachmentState from, AttachmentEvent event, Holding holding,
                      AttachmentStep step);

static void judge_each_cell(Judge judge) {
        for (int from = 0; from < _ATTACHMENT_STATE_END; from++)
                for (int event = 0; event < _ATTACHMENT_EVENT_END; event++)
                        for (int holding = 0; holding < _HOLDING_END; holding++)
                                judge(from, event, holding, attachment_step(from, event, holding));
}

static void judge_end(AttachmentState from, AttachmentEvent event, Holding holding,
                      AttachmentStep step) {
        bool reads = event == EVENT_ATTACH_RETURNED || event == EVENT_DETACH_RETURNED ||
                     event == EVENT_OBSERVED;

        if (from == ATTACHMENT_ENDED) {
                assert_int_equal(step.state, ATTACHMENT_ENDED);
                assert_int_equal(step.effect, EFFECT_NOTHING);
                return;
        }

        assert_int_equal(step.state == ATTACHMENT_ENDED, step.effect == EFFECT_END);
        if (step.state == ATTACHMENT_ENDED)
                assert_true(holding == HOLDING_NONE && reads);
}

static void it_ends_only_after_facts_say_that_nothing_is_held(void **state) {
        judge_each_cell(judge_end);
}

static void judge_half_done(AttachmentState from, AttachmentEvent event, Holding holding,
                            AttachmentStep step) {
        if (from == ATTACHMENT_TAKING_BACK || from == ATTACHMENT_LETTING_GO)
                assert_true(step.state == ATTACHMENT_TAKING_BACK ||
                            step.state == ATTACHMENT_LETTING_GO || step.state == ATTACHMENT_ENDED);
}

static void what_is_taken_back_is_never_completed(void **state) {
        judge_each_cell(judge_half_done);
}

static void judge_call(AttachmentState from, AttachmentEvent event, Holding holding,
                       AttachmentStep step) {
        if (step.effect == EFFECT_CALL_DETACH)
                assert_true(step.state == ATTACHMENT_DETACHING ||
                            step.state == ATTACHMENT_TAKING_BACK);
        /* Taking back begins with its call. */
        if (step.state == ATTACHMENT_TAKING_BACK && from != ATTACHMENT_TAKING_BACK)
                assert_int_equal(step.effect, EFFECT_CALL_DETACH);
}

static void libvirt_is_called_where_something_is_to_be_taken_back(void **state) {
        judge_each_cell(judge_call);
}

static void judge_durable(AttachmentState from, AttachmentEvent event, Holding holding,
                          AttachmentStep step) {
        bool known_at_next_start =
                step.state == ATTACHMENT_UNDECIDED || step.state == ATTACHMENT_LETTING_GO;

        if (step.state != from && !known_at_next_start)
                assert_int_not_equal(step.effect, EFFECT_NOTHING);
}

static void what_the_next_start_must_know_is_recorded(void **state) {
        judge_each_cell(judge_durable);
}

static void judge_way_out(AttachmentState from, AttachmentEvent event, Holding holding,
                          AttachmentStep step) {
        AttachmentState last;

        if (from == ATTACHMENT_ENDED)
                return;

        /* libvirt answers, the owner asks, libvirt answers again, and nothing is held any more. */
        last = attachment_step(step.state, EVENT_ATTACH_RETURNED, HOLDING_SOME).state;
        last = attachment_step(last, EVENT_DETACH_ASKED, HOLDING_SOME).state;
        last = attachment_step(last, EVENT_DETACH_RETURNED, HOLDING_SOME).state;
        last = attachment_step(last, EVENT_OBSERVED, HOLDING_NONE).state;
        assert_int_equal(last, ATTACHMENT_ENDED);
}

static void there_is_a_way_out_of_every_state(void **state) {
        judge_each_cell(judge_way_out);
}

static void states_are_shown_in_the_words_of_the_contract(void **state) {
        assert_string_equal(attachment_state_to_string(ATTACHMENT_ATTACHING), "attaching");
        assert_string_equal(attachment_state_to_string(ATTACHMENT_UNDECIDED), "attaching");
        assert_string_equal(attachment_state_to_string(ATTACHMENT_ATTACHED), "attached");
        assert_string_equal(attachment_state_to_string(ATTACHMENT_DETACHING), "detaching");
        assert_string_equal(attachment_state_to_string(ATTACHMENT_TAKING_BACK), "detaching");
        assert_string_equal(attachment_state_to_string(ATTACHMENT_LETTING_GO), "detaching");
        assert_string_equal(attachment_state_to_string(ATTACHMENT_LOST), "lost");
}

static void an_alias_comes_back_as_its_number_and_index(void **state) {
        static const uint32_t numbers[] = { 1, 17, 4294967295 }, indexes[] = { 0, 63, 4294967295 };
        char alias[ATTACHMENT_ALIAS_SIZE];

        assert_string_equal(attachment_alias(17, 0, alias), "ua-hostdev1-17-0");

        for (size_t i = 0; i < N_ELEMENTS(numbers); i++) {
                for (size_t j = 0; j < N_ELEMENTS(indexes); j++) {
                        uint32_t number, index;

                        attachment_alias(numbers[i], indexes[j], alias);
                        assert_true(attachment_alias_parse(alias, &number, &index));
                        assert_int_equal(number, numbers[i]);
                        assert_int_equal(index, indexes[j]);
                }
        }
}

static void only_the_exact_form_is_ours(void **state) {
        static const char *const strangers[] = {
                "",
                "hostdev0",
                "ua-hostdev1",
                "ua-hostdev1-",
                "ua-hostdev1-1",
                "ua-hostdev1-1-",
                "ua-hostdev1--0",
                "ua-hostdev1-0-0",
                "ua-hostdev1-01-0",
                "ua-hostdev1-1-00",
                "ua-hostdev1-+1-0",
                "ua-hostdev1- 1-0",
                "ua-hostdev1-1- 0",
                "ua-hostdev1--1-0",
                "ua-hostdev1-1-0 ",
                "ua-hostdev1-1-0-0",
                "ua-hostdev1-1-0x",
                "ua-hostdev2-1-0",
                "UA-hostdev1-1-0",
                "ua-hostdev1-4294967296-0",
                "ua-hostdev1-1-4294967296",
                "ua-hostdev1-18446744073709551617-0",
                "xua-hostdev1-1-0",
        };

        for (size_t i = 0; i < N_ELEMENTS(strangers); i++) {
                uint32_t number = 7, index = 8;

                assert_false(attachment_alias_parse(strangers[i], &number, &index));
                assert_int_equal(number, 7);
                assert_int_equal(index, 8);
        }
}

static Address at(uint8_t bus) {
        return (Address){ .bus = bus };
}

/* Number 5 with devices at 01:00.0 and 02:00.0, wanted in both XMLs. */
static Attachment *pair(void) {
        Attachment *attachment;

        assert_int_equal(attachment_new(&attachment, 5, UUID, "guest"), 0);
        attachment->devices = calloc(2, sizeof(*attachment->devices));
        assert_non_null(attachment->devices);
        attachment->n_devices = 2;
        attachment->devices[0].address = at(1);
        attachment->devices[1].address = at(2);
        attachment->wants_live = attachment->wants_config = true;
        return attachment;
}

static DomainFacts *guest(bool running) {
        DomainFacts *facts;

        assert_int_equal(domain_facts_new(&facts, UUID, "guest"), 0);
        facts->present = facts->persistent = true;
        facts->running = running;
        return facts;
}

/* Observes a running domain that has these in its XMLs ("1": our first, "2": our second). */
static uint32_t observe(Attachment *attachment, const char *live, const char *config) {
        _cleanup_(domain_facts_freep) DomainFacts *facts = guest(true);
        char alias[ATTACHMENT_ALIAS_SIZE];
        uint32_t properties;

        for (; *live; live++)
                assert_int_equal(domain_facts_hold(facts, true, at((uint8_t) (*live - '0')),
                                                   attachment_alias(5, *live - '1', alias)),
                                 0);
        for (; *config; config++)
                assert_int_equal(domain_facts_hold(facts, false, at((uint8_t) (*config - '0')),
                                                   attachment_alias(5, *config - '1', alias)),
                                 0);

        assert_int_equal(attachment_observe(attachment, facts, &properties), 0);
        return properties;
}

static void a_device_is_held_wherever_one_of_the_two_definitions_has_it(void **state) {
        static const struct {
                const char *live, *config;
                Holding attached;  /* when it was given */
                Holding attaching; /* while it is to be in both */
        } cases[] = {
                { "", "", HOLDING_NONE, HOLDING_NONE },   { "1", "", HOLDING_SOME, HOLDING_SOME },
                { "12", "", HOLDING_ALL, HOLDING_SOME },  { "", "12", HOLDING_ALL, HOLDING_SOME },
                { "1", "2", HOLDING_ALL, HOLDING_SOME },  { "12", "1", HOLDING_ALL, HOLDING_SOME },
                { "12", "12", HOLDING_ALL, HOLDING_ALL }, { "", "2", HOLDING_SOME, HOLDING_SOME },
                { "21", "21", HOLDING_ALL, HOLDING_ALL },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(attachment_freep) Attachment *attachment = pair();

                (void) observe(attachment, cases[i].live, cases[i].config);
                assert_int_equal(attachment->live, cases[i].live[0] != '\0');
                assert_int_equal(attachment->config, cases[i].config[0] != '\0');

                attachment->state = ATTACHMENT_ATTACHING;
                assert_int_equal(attachment_holding(attachment), cases[i].attaching);
                attachment->state = ATTACHMENT_UNDECIDED;
                assert_int_equal(attachment_holding(attachment), cases[i].attaching);
                attachment->state = ATTACHMENT_ATTACHED;
                assert_int_equal(attachment_holding(attachment), cases[i].attached);
        }
}

static void a_domain_that_stopped_needs_only_its_definition(void **state) {
        _cleanup_(attachment_freep) Attachment *attachment = pair();
        _cleanup_(domain_facts_freep) DomainFacts *facts = guest(false);
        uint32_t properties;

        assert_int_equal(domain_facts_hold(facts, false, at(1), "ua-hostdev1-5-0"), 0);
        assert_int_equal(domain_facts_hold(facts, false, at(2), "ua-hostdev1-5-1"), 0);
        assert_int_equal(attachment_observe(attachment, facts, &properties), 0);

        attachment->state = ATTACHMENT_UNDECIDED;
        assert_int_equal(attachment_holding(attachment), HOLDING_ALL);
}

static void only_number_index_and_address_together_are_ours(void **state) {
        static const struct {
                uint8_t bus;
                const char *alias;
        } strangers[] = {
                { 1, "" },
                { 1, "hostdev0" },
                { 1, "ua-hostdev1-6-0" }, /* another attachment */
                { 1, "ua-hostdev1-5-1" }, /* another index */
                { 3, "ua-hostdev1-5-0" }, /* another address */
                { 1, "ua-hostdev1-5-2" }, /* no such index */
                { 2, "ua-hostdev1-5-0" },
        };

        for (size_t i = 0; i < N_ELEMENTS(strangers); i++) {
                _cleanup_(attachment_freep) Attachment *attachment = pair();
                _cleanup_(domain_facts_freep) DomainFacts *facts = guest(true);
                uint32_t properties;

                assert_int_equal(
                        domain_facts_hold(facts, true, at(strangers[i].bus), strangers[i].alias),
                        0);
                assert_int_equal(attachment_observe(attachment, facts, &properties), 0);
                assert_int_equal(properties, 0);
                assert_int_equal(attachment_holding(attachment), HOLDING_NONE);
        }
}

static void a_domain_that_is_no_more_holds_nothing(void **state) {
        _cleanup_(attachment_freep) Attachment *attachment = pair();
        uint32_t properties;

        assert_int_equal(observe(attachment, "12", "12"), ATTACHMENT_LIVE | ATTACHMENT_CONFIG);
        assert_int_equal(observe(attachment, "12", "12"), 0);
        assert_int_equal(attachment_observe(attachment, NULL, &properties), 0);
        assert_int_equal(properties, ATTACHMENT_LIVE | ATTACHMENT_CONFIG);
        assert_int_equal(attachment_holding(attachment), HOLDING_NONE);
        assert_string_equal(attachment->domain, "guest");
}

static void a_renamed_domain_is_the_same_one(void **state) {
        _cleanup_(attachment_freep) Attachment *attachment = pair();
        _cleanup_(domain_facts_freep) DomainFacts *facts = NULL;
        uint32_t properties;

        assert_int_equal(domain_facts_new(&facts, UUID, "renamed"), 0);
        facts->present = true;
        assert_int_equal(attachment_observe(attachment, facts, &properties), 0);
        assert_int_equal(properties, ATTACHMENT_DOMAIN);
        assert_string_equal(attachment->domain, "renamed");
}

static void a_device_that_left_the_host_is_not_all(void **state) {
        _cleanup_(attachment_freep) Attachment *attachment = pair();

        (void) observe(attachment, "12", "12");
        attachment->state = ATTACHMENT_ATTACHED;
        attachment->devices[1].gone = true;
        assert_int_equal(attachment_holding(attachment), HOLDING_SOME);

        /* libvirt alone says whether it is held. */
        (void) observe(attachment, "", "");
        assert_int_equal(attachment_holding(attachment), HOLDING_NONE);
}

static void a_lost_attachment_lets_go_of_what_libvirt_has_no_longer(void **state) {
        _cleanup_(attachment_freep) Attachment *attachment = pair();

        (void) observe(attachment, "12", "");
        attachment->state = ATTACHMENT_ATTACHED;
        assert_int_equal(observe(attachment, "1", ""), 0);
        assert_non_null(attachment_find(attachment, at(2)));

        assert_int_equal(attachment_enter(attachment, ATTACHMENT_LOST),
                         ATTACHMENT_STATE | ATTACHMENT_DEVICES);
        assert_non_null(attachment_find(attachment, at(1)));
        assert_null(attachment_find(attachment, at(2)));

        /* A copy of our alias that comes later is somebody else's. */
        assert_int_equal(observe(attachment, "12", ""), 0);
        assert_false(attachment->devices[1].live);
        assert_int_equal(attachment_holding(attachment), HOLDING_SOME);
        (void) observe(attachment, "2", "");
        assert_int_equal(attachment_holding(attachment), HOLDING_NONE);
}

static void a_lost_attachment_that_was_not_looked_at_yet_keeps_everything(void **state) {
        _cleanup_(attachment_freep) Attachment *attachment = pair();

        assert_int_equal(attachment_enter(attachment, ATTACHMENT_LOST), ATTACHMENT_STATE);
        assert_non_null(attachment_find(attachment, at(1)));
        assert_non_null(attachment_find(attachment, at(2)));

        assert_int_equal(observe(attachment, "2", ""), ATTACHMENT_LIVE | ATTACHMENT_DEVICES);
        assert_null(attachment_find(attachment, at(1)));
}

static void states_that_are_shown_alike_are_no_change(void **state) {
        _cleanup_(attachment_freep) Attachment *attachment = pair();

        assert_int_equal(attachment_enter(attachment, ATTACHMENT_UNDECIDED), 0);
        assert_int_equal(attachment_enter(attachment, ATTACHMENT_TAKING_BACK), ATTACHMENT_STATE);
        assert_int_equal(attachment_enter(attachment, ATTACHMENT_LETTING_GO), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_cell_of_the_table_is_what_the_contract_asks),
                cmocka_unit_test(it_ends_only_after_facts_say_that_nothing_is_held),
                cmocka_unit_test(what_is_taken_back_is_never_completed),
                cmocka_unit_test(libvirt_is_called_where_something_is_to_be_taken_back),
                cmocka_unit_test(what_the_next_start_must_know_is_recorded),
                cmocka_unit_test(there_is_a_way_out_of_every_state),
                cmocka_unit_test(states_are_shown_in_the_words_of_the_contract),
                cmocka_unit_test(an_alias_comes_back_as_its_number_and_index),
                cmocka_unit_test(only_the_exact_form_is_ours),
                cmocka_unit_test(a_device_is_held_wherever_one_of_the_two_definitions_has_it),
                cmocka_unit_test(a_domain_that_stopped_needs_only_its_definition),
                cmocka_unit_test(only_number_index_and_address_together_are_ours),
                cmocka_unit_test(a_domain_that_is_no_more_holds_nothing),
                cmocka_unit_test(a_renamed_domain_is_the_same_one),
                cmocka_unit_test(a_device_that_left_the_host_is_not_all),
                cmocka_unit_test(a_lost_attachment_lets_go_of_what_libvirt_has_no_longer),
                cmocka_unit_test(a_lost_attachment_that_was_not_looked_at_yet_keeps_everything),
                cmocka_unit_test(states_that_are_shown_alike_are_no_change),
        };

        return cmocka_run_group_tests_name("core/attachment", tests, NULL, NULL);
}
