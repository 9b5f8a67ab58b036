/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Journal records: what is no record of ours is refused field by field, also when its checksum is right: a
 * journal that somebody, or another version, wrote is not half believed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "made-store.h"
#include "store/journal-records.h"

static void assert_read(const char *key, const json_t *value, const char *problem) {
        _cleanup_(journal_content_done) JournalContent content = { 0 };
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        int r = record_read(key, value, &content, &refusal);

        if (!problem) {
                assert_int_equal(r, 0);
                return;
        }

        assert_int_equal(r, JOURNAL_FAILED);
        if (!strstr(refusal.text, problem))
                fail_msg("\"%s\" does not say \"%s\"", refusal.text, problem);
        assert_int_equal(content.n_attachments + content.n_given_up, 0);
        assert_int_equal(content.runtime.n_pools + content.runtime.n_aliases, 0);
}

static json_t *attachment_value(void) {
        _cleanup_(attachment_freep) Attachment *attachment =
                made_attachment(1, ATTACHMENT_ATTACHED);
        json_t *value;

        assert_int_equal(record_from_attachment(attachment, &value, NULL), 0);
        return value;
}

/* A copy of @value in which @field is @changed, which is taken over; NULL takes the field away. */
static json_t *with(const json_t *value, const char *field, json_t *changed) {
        json_t *copy = json_deep_copy(value);

        assert_non_null(copy);
        if (changed)
                assert_int_equal(json_object_set_new(copy, field, changed), 0);
        else
                assert_int_equal(json_object_del(copy, field), 0);
        return copy;
}

static void assert_field(const char *field, json_t *changed, const char *problem) {
        json_auto_t *value = attachment_value(), *copy = with(value, field, changed);

        assert_read("attachment/1", copy, problem);
        assert_read("given-up/1", copy, problem);
}

static void every_field_of_an_attachment_must_be_there_and_possible(void **state) {
        static const char impossible[] = "an attachment with an impossible field";
        json_auto_t *value = attachment_value();
        const char *field;
        json_t *member;

        assert_read("attachment/1", value, NULL);
        assert_read("given-up/1", value, NULL);
        json_object_foreach(value, field, member)
                assert_field(field, NULL, "an attachment with unknown or missing fields");

        assert_field("colour", json_true(), "an attachment with unknown or missing fields");
        assert_field("number", json_integer(0), impossible);
        assert_field("number", json_integer(UINT32_MAX + INT64_C(1)), impossible);
        assert_field("owner_uid", json_integer(-1), impossible);
        assert_field("created_usec", json_integer(-1), impossible);
        assert_field("domain_uuid", json_string("web01"), impossible);
        assert_field("state", json_string("borrowed"), impossible);
        assert_field("devices", json_object(), impossible);
        assert_field("undecided", json_true(), NULL);
        assert_field("undecided", json_integer(1), "an attachment with unknown or missing fields");
}

static void assert_device(const char *field, json_t *changed, const char *problem) {
        json_auto_t *value = attachment_value();
        json_t *devices = json_object_get(value, "devices");

        assert_int_equal(
                json_array_set_new(devices, 0, with(json_array_get(devices, 0), field, changed)),
                0);
        assert_read("attachment/1", value, problem);
}

static void every_field_of_its_devices_too(void **state) {
        assert_device("managed", NULL, "a device with unknown or missing fields");
        assert_device("handed", json_integer(1), "a device with unknown or missing fields");
        assert_device("address", json_string("41:00"), "a device without an address");
        assert_device("vendor_id", json_integer(0x10000), "a device with an impossible id");
        assert_device("subsystem_product_id", json_integer(-1), "a device with an impossible id");
        assert_device("restore", json_true(), NULL);
        assert_device("restore", json_integer(1), "a device with unknown or missing fields");
}

static void what_is_no_key_of_ours_is_refused(void **state) {
        json_auto_t *value = json_object();

        assert_read("colour/red", value, "colour/red: a record of an unknown kind");
        assert_read("pool/nics", value, "a pool with unknown or missing fields");
        assert_read("alias/a1", value, "an alias with unknown or missing fields");
}

static void words_that_are_no_utf8_are_not_written(void **state) {
        _cleanup_(pool_freep) Pool *pool = made_pool("p");
        _cleanup_(alias_freep) Alias *alias = made_alias("a");
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        json_t *value = NULL;

        pool->rules[0]->words[0].value[0] = '\xe9';
        assert_int_equal(record_from_pool(pool, &value, &refusal), JOURNAL_FAILED);
        pool->description[0] = '\xe9';
        assert_int_equal(record_from_pool(pool, &value, &refusal), JOURNAL_FAILED);
        alias->rules[0]->words[0].value[0] = '\xe9';
        assert_int_equal(record_from_alias(alias, &value, &refusal), JOURNAL_FAILED);
        alias->name[0] = '\xe9';
        assert_int_equal(record_from_alias(alias, &value, &refusal), JOURNAL_FAILED);
        assert_null(value);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_field_of_an_attachment_must_be_there_and_possible),
                cmocka_unit_test(every_field_of_its_devices_too),
                cmocka_unit_test(what_is_no_key_of_ours_is_refused),
                cmocka_unit_test(words_that_are_no_utf8_are_not_written),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
