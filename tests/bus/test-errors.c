/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bus/errors.h"

static void every_verdict_has_a_name_and_an_errno(void **state) {
        for (int verdict = 1; verdict < _VERDICT_END; verdict++) {
                _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
                int r;

                r = bus_refuse(&error, verdict, "text");
                assert_true(r < 0);
                assert_true(strncmp(error.name, ERROR_PREFIX, strlen(ERROR_PREFIX)) == 0 ||
                            strncmp(error.name, "org.freedesktop.DBus.Error.", 27) == 0);
                assert_string_equal(error.message, "text");
                /* -EIO is what sd-bus makes of a name that it does not know. */
                if (verdict != JOURNAL_FAILED)
                        assert_int_not_equal(r, -EIO);
        }
}

static void the_names_are_those_of_the_contract(void **state) {
        static const struct {
                Verdict verdict;
                const char *name;
        } cases[] = {
                { ARGUMENTS_INVALID, "org.freedesktop.DBus.Error.InvalidArgs" },
                { ADDRESS_INVALID, "org.hostdev1.Error.NoSuchDevice" },
                { NAME_INVALID, "org.hostdev1.Error.InvalidName" },
                { REQUEST_INVALID, "org.hostdev1.Error.InvalidRequest" },
                { MATCH_INVALID, "org.hostdev1.Error.InvalidMatch" },
                { CONFIG_INVALID, "org.hostdev1.Error.InvalidConfig" },
                { DEVICE_UNKNOWN, "org.hostdev1.Error.NoSuchDevice" },
                { POOL_UNKNOWN, "org.hostdev1.Error.NoSuchPool" },
                { ALIAS_UNKNOWN, "org.hostdev1.Error.NoSuchAlias" },
                { DOMAIN_UNKNOWN, "org.hostdev1.Error.NoSuchDomain" },
                { ATTACHMENT_UNKNOWN, "org.freedesktop.DBus.Error.UnknownObject" },
                { NAME_TAKEN, "org.hostdev1.Error.AlreadyExists" },
                { ENTRY_READ_ONLY, "org.hostdev1.Error.ReadOnly" },
                { DEVICES_NOT_ENOUGH, "org.hostdev1.Error.NotEnoughDevices" },
                { DEVICE_USED_BY_HOST, "org.hostdev1.Error.InUseByHost" },
                { HOST_NOT_READY, "org.hostdev1.Error.HostNotReady" },
                { ATTACHMENT_BUSY, "org.hostdev1.Error.Busy" },
                { HYPERVISOR_UNAVAILABLE, "org.hostdev1.Error.HypervisorUnavailable" },
                { HYPERVISOR_REFUSED, "org.hostdev1.Error.HypervisorRefused" },
                { DETACH_REFUSED, "org.hostdev1.Error.DetachRefused" },
                { OUTCOME_PENDING, "org.hostdev1.Error.Pending" },
                { LIMIT_EXCEEDED, "org.hostdev1.Error.LimitExceeded" },
                { JOURNAL_FAILED, "org.freedesktop.DBus.Error.IOError" },
        };

        assert_int_equal(N_ELEMENTS(cases), _VERDICT_END - 1);
        for (size_t i = 0; i < N_ELEMENTS(cases); i++)
                assert_string_equal(error_name(cases[i].verdict), cases[i].name);
}

static void a_negative_errno_is_told_as_one(void **state) {
        _cleanup_(sd_bus_error_free) sd_bus_error memory = SD_BUS_ERROR_NULL,
                                                  other = SD_BUS_ERROR_NULL;

        assert_int_equal(bus_refuse(&memory, -ENOMEM, NULL), -ENOMEM);
        assert_string_equal(memory.name, SD_BUS_ERROR_NO_MEMORY);
        assert_int_equal(bus_refuse(&other, -ENOTCONN, NULL), -ENOTCONN);
}

static void what_a_string_on_the_bus_may_not_hold_is_not_sent(void **state) {
        _cleanup_(sd_bus_error_free) sd_bus_error broken = SD_BUS_ERROR_NULL,
                                                  lines = SD_BUS_ERROR_NULL,
                                                  whole = SD_BUS_ERROR_NULL;

        (void) bus_refuse(&broken, HYPERVISOR_REFUSED, "cut \xc3");
        assert_string_equal(broken.message, "cut ?");
        (void) bus_refuse(&lines, HYPERVISOR_REFUSED, "one\ntwo\x1b[1m");
        assert_string_equal(lines.message, "one?two?[1m");
        (void) bus_refuse(&whole, HYPERVISOR_REFUSED, "Gerät");
        assert_string_equal(whole.message, "Gerät");
}

static void a_refusal_is_released(void **state) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        Refusal refusal = { 0 };
        int r;

        r = refuse(&refusal, POOL_UNKNOWN, "no pool \"%s\"", "x");
        assert_true(bus_refuse_with(&error, r, &refusal) < 0);
        assert_string_equal(error.message, "no pool \"x\"");
        assert_null(refusal.text);
        assert_int_equal(refusal.verdict, 0);
}

static int register_errors(void **state) {
        return errors_register();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_verdict_has_a_name_and_an_errno),
                cmocka_unit_test(the_names_are_those_of_the_contract),
                cmocka_unit_test(a_negative_errno_is_told_as_one),
                cmocka_unit_test(what_a_string_on_the_bus_may_not_hold_is_not_sent),
                cmocka_unit_test(a_refusal_is_released),
        };

        return cmocka_run_group_tests(tests, register_errors, NULL);
}
