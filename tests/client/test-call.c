/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the name of an error means for the exit status.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "call.h"

#define OWN    "org.hostdev1.Error."
#define COMMON "org.freedesktop.DBus.Error."

static void assert_status(Status status, const char *const *names) {
        for (size_t i = 0; names[i]; i++)
                if (call_status(names[i]) != status)
                        fail_msg("%s is %d", names[i], call_status(names[i]));
}

static void wrong_words_are_wrong_usage(void **state) {
        assert_status(STATUS_USAGE,
                      (const char *[]){ OWN "InvalidRequest", OWN "InvalidMatch", OWN "InvalidName",
                                        COMMON "InvalidArgs", NULL });
}

static void whoever_says_no_refuses(void **state) {
        assert_status(STATUS_REFUSED,
                      (const char *[]){ OWN "NotEnoughDevices", OWN "InUseByHost",
                                        OWN "HostNotReady", OWN "Busy", OWN "ReadOnly",
                                        OWN "LimitExceeded", OWN "HypervisorRefused",
                                        OWN "DetachRefused", COMMON "AccessDenied",
                                        COMMON "InteractiveAuthorizationRequired", NULL });
}

static void what_is_not_there_is_unknown(void **state) {
        assert_status(STATUS_UNKNOWN,
                      (const char *[]){ OWN "NoSuchDevice", OWN "NoSuchPool", OWN "NoSuchAlias",
                                        OWN "NoSuchDomain", COMMON "UnknownObject", NULL });
}

static void nobody_to_answer_is_unreachable(void **state) {
        assert_status(STATUS_UNREACHABLE,
                      (const char *[]){ OWN "HypervisorUnavailable", COMMON "ServiceUnknown",
                                        COMMON "NameHasNoOwner", COMMON "NoReply",
                                        COMMON "Disconnected", COMMON "Spawn.ChildExited",
                                        COMMON "Spawn.ServiceNotFound", COMMON "TimedOut",
                                        "org.freedesktop.systemd1.UnitMasked", NULL });
}

static void everything_else_has_failed(void **state) {
        assert_status(STATUS_FAILED,
                      (const char *[]){ OWN "Pending", OWN "InvalidConfig", OWN "AlreadyExists",
                                        COMMON "Failed", COMMON "Spawn", OWN "NoSuchDevicex",
                                        "System.Error.EIO", "", NULL });
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(wrong_words_are_wrong_usage),
                cmocka_unit_test(whoever_says_no_refuses),
                cmocka_unit_test(what_is_not_there_is_unknown),
                cmocka_unit_test(nobody_to_answer_is_unreachable),
                cmocka_unit_test(everything_else_has_failed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
