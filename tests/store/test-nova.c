/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/nova.h"
#include "util/text.h"

/* The words of rules, parted by blanks; the rules by " | ". */
static char *show(Rule *const *rules, size_t n_rules) {
        _cleanup_(list_freep) char **lines = NULL;

        for (size_t i = 0; i < n_rules; i++) {
                _cleanup_(list_freep) char **words = NULL;
                _cleanup_(freep) char *line = NULL;

                for (size_t j = 0; j < rules[i]->n_words; j++) {
                        _cleanup_(freep) char *word = text_print("%s=%s", rules[i]->words[j].key,
                                                                 rules[i]->words[j].value);

                        assert_int_equal(list_append(&words, word), 0);
                }

                line = list_join(words, " ");
                assert_int_equal(list_append(&lines, line), 0);
        }

        return list_join(lines, " | ");
}

static void assert_spec(const char *json, const char *expected, bool expects_everything) {
        _cleanup_(pool_freep) Pool *pool = NULL;
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        _cleanup_(freep) char *shown = NULL;
        bool everything = false;

        assert_int_equal(pool_new(&pool, "nova", SOURCE_FILE), 0);
        if (nova_read_device_spec(json, pool, &everything, &refusal) != 0)
                fail_msg("%s: %s", json, refusal.text);

        shown = show(pool->rules, pool->n_rules);
        assert_string_equal(shown, expected);
        assert_int_equal(everything, expects_everything);
}

static void assert_spec_refused(const char *json, const char *why) {
        _cleanup_(pool_freep) Pool *pool = NULL;
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        bool everything = false;

        assert_int_equal(pool_new(&pool, "nova", SOURCE_FILE), 0);
        if (nova_read_device_spec(json, pool, &everything, &refusal) != MATCH_INVALID)
                fail_msg("%s is accepted", json);
        assert_int_equal(refusal.verdict, MATCH_INVALID);
        if (!strstr(refusal.text, why))
                fail_msg("%s: '%s' does not say '%s'", json, refusal.text, why);
        assert_false(everything);
}

static Alias *read_alias(const char *json) {
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        Alias *alias = NULL;

        if (nova_read_alias(json, &alias, &refusal) != 0)
                fail_msg("%s: %s", json, refusal.text);
        return alias;
}

static void assert_alias(const char *json, const char *name, const char *expected,
                         NumaPolicy policy) {
        _cleanup_(alias_freep) Alias *alias = read_alias(json);
        _cleanup_(freep) char *shown = show(alias->rules, alias->n_rules);

        assert_string_equal(alias->name, name);
        assert_string_equal(shown, expected);
        assert_int_equal(alias->numa_policy, policy);
        assert_int_equal(alias->unit, UNIT_FUNCTION);
        assert_true(alias->is_nova);
}

static void assert_alias_refused(const char *json, const char *why) {
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        Alias *alias = NULL;

        if (nova_read_alias(json, &alias, &refusal) != MATCH_INVALID)
                fail_msg("%s is accepted", json);
        assert_null(alias);
        if (!strstr(refusal.text, why))
                fail_msg("%s: '%s' does not say '%s'", json, refusal.text, why);
}

static void ids_become_four_lower_case_digits(void **state) {
        assert_spec("{\"vendor_id\": \"10DE\", \"product_id\": \"0xA8\"}",
                    "vendor_id=10de product_id=00a8", false);
        assert_spec("{\"vendor_id\": \" 0X144d \", \"subsystem_vendor_id\": \"0000000001\"}",
                    "vendor_id=144d subsystem_vendor_id=0001", false);
        assert_spec("{\"vendor_id\": \"*\", \"product_id\": \"0\"}", "product_id=0000", false);
}

static void an_address_is_text_or_an_object_of_regexes(void **state) {
        assert_spec("{\"address\": \"*:0a:00.*\"}", "address=*:0a:00.*", false);
        assert_spec("{\"address\": {\"bus\": \"3b|5e\", \"function\": \"[0-1]\"}}",
                    "bus=3b|5e function=[0-1]", false);
}

static void what_nova_takes_for_absent_is_absent(void **state) {
        assert_spec("{\"address\": null}", "", true);
        assert_spec("{\"address\": \"\", \"devname\": \"\"}", "", true);
        assert_spec("{\"address\": 0, \"vendor_id\": \"*\"}", "", true);
        assert_spec("{\"address\": {}, \"devname\": null}", "", true);
        assert_spec("{\"address\": \"\", \"devname\": \"eth0\"}", "devname=eth0", false);
}

static void an_object_or_a_list_of_objects_gives_rules_in_order(void **state) {
        assert_spec("[{\"devname\": \"a\"}, {\"devname\": \"b\"}]", "devname=a | devname=b", false);
        assert_spec("[]", "", false);
        assert_spec("[{\"devname\": \"a\"}, {}]", "devname=a | ", true);
        assert_spec("{\"physical_network\": \"x\"}", "tag.physical_network=x", true);
}

static void native_match_keys_are_keys_of_a_device_spec_too(void **state) {
        assert_spec("{\"class\": \"0300\", \"driver\": \"nouveau\", \"numa_node\": 1}",
                    "class=0300 driver=nouveau numa_node=1", false);
}

static void tags_are_shown_as_they_are_written(void **state) {
        assert_spec("{\"physical_network\": null, \"trusted\": true, \"remote_managed\": false}",
                    "tag.physical_network= tag.trusted=true tag.remote_managed=false", true);
        assert_spec("{\"traits\": 1.50, \"trusted\": -0, \"resource_class\": 1E+400}",
                    "tag.traits=1.50 tag.trusted=-0 tag.resource_class=1E+400", true);
        assert_spec("{\"traits\": 123456789012345678901234567890, \"trusted\": \"7\"}",
                    "tag.traits=123456789012345678901234567890 tag.trusted=7", true);
        assert_spec("{\"physical_network\": \"a \\\"b\\\" 12 \\\\\"}",
                    "tag.physical_network=a \"b\" 12 \\", true);
}

static void tags_that_are_booleans_become_true_and_false(void **state) {
        static const char *const yes[] = { "true", "\"Yes\"", "\"on\"", "1", "\" T \"", "\"y\"" };
        static const char *const no[] = { "false", "\"no\"", "\"OFF\"", "0", "\"f\"", "\"N\"" };

        for (size_t i = 0; i < N_ELEMENTS(yes); i++) {
                _cleanup_(freep) char *truth = text_print("{\"managed\": %s}", yes[i]);
                _cleanup_(freep) char *lie = text_print("{\"live_migratable\": %s}", no[i]);

                assert_spec(truth, "tag.managed=true", true);
                assert_spec(lie, "tag.live_migratable=false", true);
        }
        assert_spec("{\"managed\": null}", "tag.managed=", true);
}

static void a_device_spec_that_nova_or_we_refuse_is_refused(void **state) {
        static const struct {
                const char *json, *why;
        } cases[] = {
                { "", "not JSON" },
                { "{\"vendor_id\": \"8086\",}", "not JSON" },
                { "{\"vendor_id\": 08}", "not JSON: '08}' is no number" },
                { "{\"trusted\": 1.}", "not JSON: '1.}' is no number" },
                { "{\"trusted\": -}", "not JSON: '-}' is no number" },
                { "{\"trusted\": 1e}", "not JSON: '1e}' is no number" },
                { "{\"trusted\": NaN}", "not JSON" },
                { "{\"vendor_id\": \"8086\", \"vendor_id\": \"8087\"}", "duplicate object key" },
                { "{\"vendor_id\": \"8086\"} x", "not JSON" },
                { "{\"vendor_id\": \"80\\u000086\"}", "not JSON" },
                { "17", "not JSON" },
                { "\"8086\"", "not JSON" },
                { "[{\"vendor_id\": \"10de\"}, \"144d\"]", "must be an object or a list" },
                { "[[]]", "must be an object or a list" },
                { "[17]", "must be an object or a list" },
                { "{\"vendor_id\": \"\"}", "vendor_id: '' is not hexadecimal" },
                { "{\"vendor_id\": \"0x\"}", "vendor_id: '0x' is not hexadecimal" },
                { "{\"vendor_id\": \"110de\"}", "vendor_id: '110de' is above ffff" },
                { "{\"product_id\": \"v100\"}", "product_id: 'v100' is not hexadecimal" },
                { "{\"product_id\": \"10 de\"}", "product_id: '10 de' is not hexadecimal" },
                { "{\"product_id\": \"10d*\"}", "product_id: '10d*' is not hexadecimal" },
                { "{\"vendor_id\": 4318}", "vendor_id must be hexadecimal text" },
                { "{\"vendor_id\": null}", "vendor_id must be hexadecimal text" },
                { "{\"address\": \"0000:3b:00.8\"}", "address=0000:3b:00.8" },
                { "{\"address\": \"1:2:3:4.5\"}", "address=1:2:3:4.5" },
                { "{\"address\": \"10000:3b:00.0\"}", "address=10000:3b:00.0" },
                { "{\"address\": [\"0000\"]}", "address must be text or an object of regexes" },
                { "{\"address\": true}", "address must be text or an object of regexes" },
                { "{\"address\": 5}", "address must be text or an object of regexes" },
                { "{\"address\": {\"bus\": \"3[b\"}}", "bus=3[b" },
                { "{\"address\": {\"bus\": 3}}", "bus must be text" },
                { "{\"address\": {\"buss\": \"3b\"}}",
                  "address: unknown key 'buss'; perhaps bus was meant" },
                { "{\"address\": {\"row\": \"3b\"}}", "address: unknown key 'row'" },
                { "{\"devname\": \"ens1\", \"address\": \"0000:3b:00.0\"}",
                  "address and devname exclude each other" },
                { "{\"devname\": 1}", "devname must be text" },
                { "{\"numa_node\": \"x\"}", "numa_node=x" },
                { "{\"numa_node\": true}", "numa_node must be a number" },
                { "{\"vendor\": \"10de\"}", "unknown key 'vendor'; perhaps vendor_id was meant" },
                { "{\"physical_netwrk\": \"a\"}", "perhaps physical_network was meant" },
                { "{\"colour\": \"red\"}", "unknown key 'colour'" },
                { "{\"device_type\": \"type-PF\"}", "unknown key 'device_type'" },
                { "{\"managed\": \"perhaps\"}", "managed must be a boolean" },
                { "{\"managed\": []}", "managed must be a boolean" },
                { "{\"live_migratable\": 2}", "live_migratable must be a boolean" },
                { "{\"trusted\": []}", "trusted must be text, a number, true, false or null" },
                { "{\"trusted\": {}}", "trusted must be text, a number, true, false or null" },
                { "{\"trusted\": \"a\\nb\"}", "the value of trusted has characters" },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++)
                assert_spec_refused(cases[i].json, cases[i].why);
}

static void a_deep_nest_is_refused_and_not_followed(void **state) {
        enum {
                DEPTH = 60000
        };
        char *json = malloc(DEPTH + 1);

        assert_non_null(json);
        memset(json, '[', DEPTH);
        json[DEPTH] = '\0';
        assert_spec_refused(json, "not JSON: maximum parsing depth reached");
        free(json);
}

static void an_alias_has_a_name_a_policy_and_what_it_asks_for(void **state) {
        assert_alias("{\"name\": \"a1\", \"vendor_id\": \"8086\", \"product_id\": \"15FB\"}", "a1",
                     "vendor_id=8086 product_id=15fb", NUMA_LEGACY);
        assert_alias("{\"name\": \"  big gpu\\t\", \"device_type\": \"type-PF\", "
                     "\"numa_policy\": \"socket\"}",
                     "big gpu", "device_type=type-PF", NUMA_SOCKET);
        assert_alias("{\"name\": \"a1\"}", "a1", "", NUMA_LEGACY);
}

static void keys_without_effect_are_accepted(void **state) {
        assert_alias("{\"name\": \"a1\", \"capability_type\": \"pci\", "
                     "\"resource_class\": \"CUSTOM_X\", \"traits\": \"A,B\"}",
                     "a1", "", NUMA_LEGACY);
}

static void live_migratable_asks_for_a_tag(void **state) {
        assert_alias("{\"name\": \"a1\", \"live_migratable\": \"Yes\"}", "a1",
                     "tag.live_migratable=true", NUMA_LEGACY);
        assert_alias("{\"name\": \"a1\", \"live_migratable\": false}", "a1",
                     "tag.live_migratable=false", NUMA_LEGACY);
}

static void a_name_has_up_to_256_characters_of_any_script(void **state) {
        char name[256 * 2 + 1], json[sizeof(name) + 64];

        for (size_t i = 0; i < 256; i++)
                memcpy(name + i * 2, "ä", 2);
        name[sizeof(name) - 1] = '\0';

        (void) snprintf(json, sizeof(json), "{\"name\": \"%s\"}", name);
        assert_alias(json, name, "", NUMA_LEGACY);
        (void) snprintf(json, sizeof(json), "{\"name\": \"%sx\"}", name);
        assert_alias_refused(json, "name has 257 characters, not 1 to 256");
}

static void an_alias_that_nova_refuses_is_refused(void **state) {
        static const struct {
                const char *json, *why;
        } cases[] = {
                { "{\"name\": \"gpu\",}", "not JSON" },
                { "[{\"name\": \"gpu\"}]", "must be an object" },
                { "{\"vendor_id\": \"10de\"}", "name is missing" },
                { "{\"name\": \"\"}", "name has 0 characters, not 1 to 256" },
                { "{\"name\": \"  \"}", "name is blank" },
                { "{\"name\": 7}", "name must be text" },
                { "{\"name\": \"a:b\"}", "name 'a:b' has a colon, a comma or a control character" },
                { "{\"name\": \"a,b\"}", "has a colon, a comma or a control character" },
                { "{\"name\": \"a\\nb\"}", "has a colon, a comma or a control character" },
                { "{\"name\": \"g\", \"vendor_id\": \"0x10de\"}",
                  "is not four hexadecimal digits" },
                { "{\"name\": \"g\", \"vendor_id\": \"de\"}", "is not four hexadecimal digits" },
                { "{\"name\": \"g\", \"product_id\": \"*\"}", "is not four hexadecimal digits" },
                { "{\"name\": \"g\", \"product_id\": 1234}", "product_id must be text" },
                { "{\"name\": \"g\", \"device_type\": \"vdpa\"}",
                  "device_type: 'vdpa' is not type-PCI, type-PF or type-VF" },
                { "{\"name\": \"g\", \"numa_policy\": \"strict\"}",
                  "numa_policy: 'strict' is not" },
                { "{\"name\": \"g\", \"numa_policy\": null}", "numa_policy must be text" },
                { "{\"name\": \"g\", \"capability_type\": \"usb\"}", "'usb' is not pci" },
                { "{\"name\": \"g\", \"live_migratable\": \"maybe\"}",
                  "live_migratable must be a boolean" },
                { "{\"name\": \"g\", \"vendor\": \"10de\"}",
                  "unknown key 'vendor'; perhaps vendor_id was meant" },
                { "{\"name\": \"g\", \"colour\": \"red\"}", "unknown key 'colour'" },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++)
                assert_alias_refused(cases[i].json, cases[i].why);
}

static void lines_of_one_name_are_alternatives_with_types_of_their_own(void **state) {
        _cleanup_(alias_freep) Alias *alias =
                read_alias("{\"name\": \"g\", \"vendor_id\": \"0001\"}");
        _cleanup_(freep) char *shown = NULL;

        assert_int_equal(nova_merge_alias(alias,
                                          read_alias("{\"name\": \"g\", \"vendor_id\": \"0002\", "
                                                     "\"device_type\": \"type-PF\"}"),
                                          NULL),
                         0);
        assert_int_equal(nova_merge_alias(alias,
                                          read_alias("{\"name\": \"g\", \"vendor_id\": \"0003\"}"),
                                          NULL),
                         0);
        shown = show(alias->rules, alias->n_rules);
        assert_string_equal(shown,
                            "vendor_id=0001 | vendor_id=0002 device_type=type-PF | vendor_id=0003");
}

static void lines_of_one_name_that_contradict_are_refused(void **state) {
        _cleanup_(alias_freep) Alias *alias =
                read_alias("{\"name\": \"g\", \"device_type\": \"type-PCI\"}");
        _cleanup_(refusal_done) Refusal refusal = { 0 };

        assert_int_equal(nova_merge_alias(alias,
                                          read_alias("{\"name\": \"g\", "
                                                     "\"device_type\": \"type-VF\"}"),
                                          &refusal),
                         MATCH_INVALID);
        assert_string_equal(refusal.text,
                            "'g' has device_type type-VF, in a line above it has type-PCI");
        assert_int_equal(nova_merge_alias(alias,
                                          read_alias("{\"name\": \"g\", "
                                                     "\"numa_policy\": \"required\"}"),
                                          &refusal),
                         MATCH_INVALID);
        assert_string_equal(refusal.text,
                            "'g' has numa_policy required, in a line above it has legacy");
        assert_int_equal(alias->n_rules, 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(ids_become_four_lower_case_digits),
                cmocka_unit_test(an_address_is_text_or_an_object_of_regexes),
                cmocka_unit_test(what_nova_takes_for_absent_is_absent),
                cmocka_unit_test(an_object_or_a_list_of_objects_gives_rules_in_order),
                cmocka_unit_test(native_match_keys_are_keys_of_a_device_spec_too),
                cmocka_unit_test(tags_are_shown_as_they_are_written),
                cmocka_unit_test(tags_that_are_booleans_become_true_and_false),
                cmocka_unit_test(a_device_spec_that_nova_or_we_refuse_is_refused),
                cmocka_unit_test(a_deep_nest_is_refused_and_not_followed),
                cmocka_unit_test(an_alias_has_a_name_a_policy_and_what_it_asks_for),
                cmocka_unit_test(keys_without_effect_are_accepted),
                cmocka_unit_test(live_migratable_asks_for_a_tag),
                cmocka_unit_test(a_name_has_up_to_256_characters_of_any_script),
                cmocka_unit_test(an_alias_that_nova_refuses_is_refused),
                cmocka_unit_test(lines_of_one_name_are_alternatives_with_types_of_their_own),
                cmocka_unit_test(lines_of_one_name_that_contradict_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
