/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-id128.h>

#include "bus/audit.h"
#include "util/text.h"

/* The value of a field; fails the test when it stands there twice. */
static const char *value_of(char *const *fields, const char *name) {
        const char *found = NULL;

        for (size_t i = 0; fields[i]; i++)
                if (strncmp(fields[i], name, strlen(name)) == 0 && fields[i][strlen(name)] == '=') {
                        assert_null(found);
                        found = fields[i] + strlen(name) + 1;
                }
        return found;
}

static void every_field_is_a_line_with_a_good_name(char *const *fields) {
        for (size_t i = 0; fields[i]; i++) {
                size_t n = strspn(fields[i], "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");

                assert_true(n > 0 && fields[i][0] != '_' && fields[i][n] == '=');
                assert_true(text_is_line(fields[i]));
                assert_true(strlen(fields[i]) <= n + 1 + AUDIT_VALUE_MAX + 8);
        }
}

static char **encode(const AuditRecord *record) {
        char **fields;

        assert_int_equal(audit_encode(record, &fields), 0);
        every_field_is_a_line_with_a_good_name(fields);
        return fields;
}

static void a_record_says_who_what_and_how_it_ended(void **state) {
        char *const details[] = { (char *) "devices",
                                  (char *) "0000:41:00.0 0000:42:00.0",
                                  (char *) "domain",
                                  (char *) "web",
                                  (char *) "domain-uuid",
                                  (char *) "11111111-2222",
                                  NULL };
        const AuditRecord record = {
                .result = AUDIT_NOT_AUTHORIZED,
                .method = "Attach",
                .object = "/org/hostdev1",
                .caller = ":1.42",
                .uid = 1000,
                .arguments = { "web", "nic:2" },
                .details = details,
                .error = "org.freedesktop.DBus.Error.AccessDenied",
                .text = "Not authorized",
                .usec = 1234,
                .n_unrecorded = 7,
        };
        _cleanup_(list_freep) char **fields = encode(&record);

        assert_string_equal(value_of(fields, "MESSAGE"),
                            "Attach of 0000:41:00.0 0000:42:00.0, domain web, by uid 1000: "
                            "not-authorized: Not authorized");
        assert_string_equal(value_of(fields, "MESSAGE_ID"), AUDIT_DECIDED_ID);
        assert_string_equal(value_of(fields, "PRIORITY"), "4");
        assert_string_equal(value_of(fields, "HOSTDEVD_RESULT"), "not-authorized");
        assert_string_equal(value_of(fields, "HOSTDEVD_UID"), "1000");
        assert_string_equal(value_of(fields, "HOSTDEVD_CALLER"), ":1.42");
        assert_string_equal(value_of(fields, "HOSTDEVD_DOMAIN_UUID"), "11111111-2222");
        assert_string_equal(value_of(fields, "HOSTDEVD_USEC"), "1234");
        assert_string_equal(value_of(fields, "HOSTDEVD_UNRECORDED"), "7");
        assert_null(value_of(fields, "HOSTDEVD_ATTACHMENT"));
        assert_null(value_of(fields, "HOSTDEVD_REASON"));
        assert_null(value_of(fields, "HOSTDEVD_WAS"));
}

static void the_end_of_what_was_pending_says_so(void **state) {
        const AuditRecord record = {
                .result = AUDIT_DONE, .method = "Detach", .uid = 1000, .was_pending = true
        };
        _cleanup_(list_freep) char **fields = encode(&record);

        assert_string_equal(value_of(fields, "MESSAGE"),
                            "Detach by uid 1000: done, after it was pending");
        assert_string_equal(value_of(fields, "MESSAGE_ID"), AUDIT_ENDED_ID);
        assert_string_equal(value_of(fields, "HOSTDEVD_WAS"), "pending");
}

/* What print_field() wrote, read back. */
static size_t decode(const char *value, char *bytes) {
        size_t n = 0;
        unsigned byte;

        while (*value)
                if (value[0] == '\\') {
                        assert_int_equal(sscanf(value, "\\x%2x", &byte), 1);
                        bytes[n++] = (char) byte;
                        value += 4;
                } else
                        bytes[n++] = *value++;
        bytes[n] = '\0';
        return n;
}

static void no_byte_makes_another_line_or_field_and_all_can_be_read_back(void **state) {
        for (unsigned a = 1; a < 256; a++)
                for (unsigned b = 1; b < 256; b++) {
                        const char text[] = { 'x', (char) a, (char) b, '_', 'U',
                                              'I', 'D',      '=',      '0', '\0' };
                        const AuditRecord record = { .method = "Attach",
                                                     .arguments = { text, text },
                                                     .reason = text,
                                                     .text = text };
                        _cleanup_(list_freep) char **fields = encode(&record);
                        char back[64];

                        (void) decode(value_of(fields, "HOSTDEVD_REASON"), back);
                        assert_string_equal(back, text);
                        (void) decode(value_of(fields, "HOSTDEVD_ARGUMENT_2"), back);
                        assert_string_equal(back, text);
                        assert_null(value_of(fields, "_UID"));
                }
}

static void what_is_too_long_is_cut_between_characters(void **state) {
        static const char *const units[] = { "a", "ä", "€", "😀", "\n", "\\", "\xff", "a\xe2\x82" };
        static char text[5 * AUDIT_VALUE_MAX];

        for (size_t i = 0; i < N_ELEMENTS(units); i++)
                for (size_t shift = 0; shift < 5; shift++) {
                        const AuditRecord record = { .method = "Attach", .reason = text };
                        char *end = text;

                        for (size_t j = 0; j < shift; j++)
                                *end++ = '.';
                        while ((size_t) (end - text) + 8 < sizeof(text))
                                end = stpcpy(end, units[i]);

                        _cleanup_(list_freep) char **fields = encode(&record);
                        const char *value = value_of(fields, "HOSTDEVD_REASON");

                        assert_true(strlen(value) + 8 > AUDIT_VALUE_MAX);
                        assert_string_equal(value + strlen(value) - strlen("…"), "…");
                        assert_true(text_is_utf8(value, strlen(value)));
                }
}

static void an_error_says_what_became_of_the_call(void **state) {
        static const struct {
                const char *error;
                AuditResult result;
        } cases[] = {
                { SD_BUS_ERROR_ACCESS_DENIED, AUDIT_NOT_AUTHORIZED },
                { SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED, AUDIT_NOT_AUTHORIZED },
                { "org.hostdev1.Error.NotEnoughDevices", AUDIT_REFUSED },
                { "org.hostdev1.Error.LimitExceeded", AUDIT_REFUSED },
                { SD_BUS_ERROR_INVALID_ARGS, AUDIT_REFUSED },
                { "org.hostdev1.Error.Pending", AUDIT_PENDING },
                { "org.hostdev1.Error.HypervisorRefused", AUDIT_FAILED },
                { "org.hostdev1.Error.DetachRefused", AUDIT_FAILED },
                { SD_BUS_ERROR_IO_ERROR, AUDIT_FAILED },
                { SD_BUS_ERROR_NO_MEMORY, AUDIT_FAILED },
                { "System.Error.EIO", AUDIT_FAILED },
                { NULL, AUDIT_REFUSED },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++)
                assert_int_equal(audit_result_of(cases[i].error), cases[i].result);
}

static void the_message_ids_are_two_and_random(void **state) {
        sd_id128_t decided, ended;

        assert_true(sd_id128_from_string(AUDIT_DECIDED_ID, &decided) >= 0);
        assert_true(sd_id128_from_string(AUDIT_ENDED_ID, &ended) >= 0);
        assert_false(sd_id128_equal(decided, ended));
        for (AuditResult result = 0; result < _AUDIT_RESULT_END; result++) {
                const AuditRecord record = { .result = result, .method = "Attach" };
                _cleanup_(list_freep) char **fields = encode(&record);
                bool is_decision = result <= AUDIT_REFUSED;

                assert_string_equal(value_of(fields, "MESSAGE_ID"),
                                    is_decision ? AUDIT_DECIDED_ID : AUDIT_ENDED_ID);
        }
}

static void who_is_refused_often_is_counted_and_takes_no_room_from_others(void **state) {
        static AuditQuota quotas[AUDIT_QUOTAS];
        const uint64_t now = 1000;
        unsigned n = 0;

        for (unsigned i = 0; i < AUDIT_REFUSALS_MAX; i++) {
                assert_true(audit_may_refuse(quotas, 1000, now + i, &n));
                assert_int_equal(n, 0);
        }
        for (unsigned i = 0; i < 5000; i++)
                assert_false(audit_may_refuse(quotas, 1000, now + 200, &n));
        assert_true(audit_may_refuse(quotas, 1001, now + 300, &n));

        assert_true(audit_may_refuse(quotas, 1000, now + AUDIT_WINDOW_USEC, &n));
        assert_int_equal(n, 5000);
        assert_true(audit_may_refuse(quotas, 1000, now + AUDIT_WINDOW_USEC, &n));
        assert_int_equal(n, 0);
}

static void more_users_than_there_is_room_for_share_the_last(void **state) {
        static AuditQuota quotas[AUDIT_QUOTAS];
        unsigned n, n_recorded = 0;

        for (uint32_t uid = 0; uid < 10 * AUDIT_QUOTAS; uid++)
                for (unsigned i = 0; i < AUDIT_REFUSALS_MAX; i++)
                        n_recorded += audit_may_refuse(quotas, uid, 1, &n);
        assert_int_equal(n_recorded, AUDIT_QUOTAS * AUDIT_REFUSALS_MAX);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_record_says_who_what_and_how_it_ended),
                cmocka_unit_test(the_end_of_what_was_pending_says_so),
                cmocka_unit_test(no_byte_makes_another_line_or_field_and_all_can_be_read_back),
                cmocka_unit_test(what_is_too_long_is_cut_between_characters),
                cmocka_unit_test(an_error_says_what_became_of_the_call),
                cmocka_unit_test(the_message_ids_are_two_and_random),
                cmocka_unit_test(who_is_refused_often_is_counted_and_takes_no_room_from_others),
                cmocka_unit_test(more_users_than_there_is_room_for_share_the_last),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
