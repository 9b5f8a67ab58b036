/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "made-life.h"
#include "util/text.h"

#define NIC0 "0000:41:00.0"
#define NIC1 "0000:42:00.0"
#define PORT "0000:00:01.0"

static const Made nic0 = { NIC0, 0x8086, 0x154d, .has_group = true, .group = 1 };
static const Made nic1 = { NIC1, 0x8086, 0x154d, .has_group = true, .group = 2 };
static const Made port = { PORT, 0x8086, 0x1901, 0x060400, .has_group = true, .group = 1 };
static const Made gpu0 = { NIC0, 0x10de, 0x20b0, .has_group = true, .group = 1 };

/* Two network cards in pool "nics" that alias "nic" means, and the port of the first. */
static int set_up(void **state) {
        Registry *registry = malloc(sizeof(*registry));
        Catalog catalog = { 0 };

        assert_non_null(registry);
        registry_init(registry);
        made_pool(&catalog, "nics", "vendor_id=8086");
        made_alias(&catalog, "nic", "vendor_id=8086 product_id=154d");
        assert_int_equal(registry_set_catalog(registry, &catalog), 0);
        made_appear(registry, &port);
        made_appear(registry, &nic0);
        made_appear(registry, &nic1);
        assert_int_equal(registry_settle(registry), 0);
        changes_done(&registry->changes);
        *state = registry;
        return 0;
}

static int tear_down(void **state) {
        registry_done(*state);
        free(*state);
        return 0;
}

static const Device *device(Registry *registry, const char *address) {
        assert_int_equal(registry_settle(registry), 0);
        return inventory_find(&registry->inventory, made_address(address));
}

static void expect(Registry *registry, const char *address, DeviceState state, uint32_t reasons,
                   const char *holder) {
        const Device *found = device(registry, address);

        assert_non_null(found);
        assert_string_equal(device_state_to_string(found->state), device_state_to_string(state));
        assert_int_equal(found->reasons, reasons);
        assert_string_equal(found->holder, holder);
}

static void expect_changes(Registry *registry, const char *expected) {
        _cleanup_(freep) char *changes = made_changes(registry);

        assert_string_equal(changes, expected);
}

/* Bits as text, for expect_changes(). */
#define BITS(...) text_bits((char[16]){ 0 }, __VA_ARGS__)
static const char *text_bits(char text[static 16], uint32_t bits) {
        (void) snprintf(text, 16, "%#x", bits);
        return text;
}

static void _printf_(2, 3) expect_told(Registry *registry, const char *format, ...) {
        _cleanup_(freep) char *expected = NULL;
        va_list arguments;

        va_start(arguments, format);
        assert_true(vasprintf(&expected, format, arguments) >= 0);
        va_end(arguments);
        expect_changes(registry, expected);
}

static void what_a_pool_matches_is_available_and_counted(void **state) {
        Registry *registry = *state;
        const Pool *nics = catalog_find_pool(&registry->catalog, "nics");

        expect(registry, NIC0, DEVICE_AVAILABLE, 0, "");
        assert_ptr_equal(device(registry, NIC0)->pool, nics);
        assert_int_equal(nics->n_total, 2);
        assert_int_equal(nics->n_free, 2);
        assert_int_equal(registry->catalog.aliases[0]->n_total, 2);
        assert_int_equal(registry->catalog.aliases[0]->n_free, 2);
}

static void a_bridge_is_neither_object_nor_member(void **state) {
        Registry *registry = *state;

        assert_false(device(registry, PORT)->announced);
        assert_null(device(registry, PORT)->pool);

        made_vanish(registry, PORT);
        expect_told(registry, "~device " NIC0 " %s\n", BITS(DEVICE_GROUP_ADDRESSES));
}

static void what_no_pool_matches_is_unavailable_and_nobody_means_it(void **state) {
        static const Made stranger = { "0000:43:00.0", 0x1234, 0x154d, .has_group = true };
        Registry *registry = *state;

        made_appear(registry, &stranger);
        expect_changes(registry, "+device 0000:43:00.0\n");
        expect(registry, "0000:43:00.0", DEVICE_UNAVAILABLE, REASON_NOT_IN_POOL, "");
}

static void the_first_pool_that_matches_has_the_device_and_its_tags(void **state) {
        Registry *registry = *state;
        Catalog catalog = { 0 };

        made_pool(&catalog, "first", "address=" NIC0 " tag.rack=4");
        made_pool(&catalog, "nics", "vendor_id=8086");
        made_alias(&catalog, "nic", "vendor_id=8086 product_id=154d");
        assert_int_equal(registry_set_catalog(registry, &catalog), 0);

        expect_told(registry,
                    "+pool first\n"
                    "~pool nics %s\n"
                    "~device " NIC0 " %s\n",
                    BITS(RULE_SET_DEVICES | RULE_SET_TOTAL | RULE_SET_FREE),
                    BITS(DEVICE_POOL | DEVICE_TAGS));
        assert_string_equal(device(registry, NIC0)->pool->name, "first");
        assert_string_equal(rule_tag(device(registry, NIC0)->pool_rule, "rack"), "4");
        assert_int_equal(catalog_find_pool(&registry->catalog, "nics")->n_total, 1);
}

static void the_same_catalog_again_is_no_change(void **state) {
        Registry *registry = *state;
        Catalog catalog = { 0 };

        made_pool(&catalog, "nics", "vendor_id=8086");
        made_alias(&catalog, "nic", "vendor_id=8086 product_id=154d");
        assert_int_equal(registry_set_catalog(registry, &catalog), 0);
        expect_changes(registry, "");
        assert_int_equal(catalog_find_pool(&registry->catalog, "nics")->n_free, 2);
}

static void a_changed_definition_is_told_and_a_missing_one_removed(void **state) {
        Registry *registry = *state;
        Catalog catalog = { 0 };

        made_pool(&catalog, "nics", "vendor_id=8086 product_id=154d");
        assert_int_equal(registry_set_catalog(registry, &catalog), 0);
        expect_told(registry, "~pool nics %s\n-alias nic\n", BITS(RULE_SET_DEFINITION));
}

static void two_catalogs_in_one_turn_are_as_good_as_the_last(void **state) {
        Registry *registry = *state;
        Catalog catalog = { 0 };

        made_pool(&catalog, "other", "vendor_id=8086");
        assert_int_equal(registry_set_catalog(registry, &catalog), 0);
        assert_int_equal(registry_set_catalog(registry, &catalog), 0);
        made_pool(&catalog, "nics", "vendor_id=8086");
        made_alias(&catalog, "nic", "vendor_id=8086 product_id=154d");
        assert_int_equal(registry_set_catalog(registry, &catalog), 0);

        assert_string_equal(device(registry, NIC0)->pool->name, "nics");
        assert_int_equal(catalog_find_pool(&registry->catalog, "nics")->n_free, 2);
        assert_int_equal(registry->catalog.aliases[0]->n_free, 2);
}

static void an_attachment_reserves_then_has_then_frees_its_device(void **state) {
        Registry *registry = *state;

        (void) made_attachment(registry, 3, GUEST_A, NIC0, ATTACHMENT_ATTACHING);
        expect_told(registry,
                    "+attachment 3\n"
                    "~device " NIC0 " %s\n"
                    "~pool nics %s\n"
                    "~alias nic %s\n",
                    BITS(DEVICE_STATE | DEVICE_REASONS | DEVICE_ATTACHMENT | DEVICE_HOLDER),
                    BITS(RULE_SET_FREE), BITS(RULE_SET_FREE));
        expect(registry, NIC0, DEVICE_RESERVED, REASON_RESERVED, "attachment:3");
        assert_int_equal(device(registry, NIC0)->attachment, 3);

        made_domain(registry, GUEST_A, "guest", NIC0 "=ua-hostdev1-3-0", NULL);
        made_state(registry, 3, ATTACHMENT_ATTACHED);
        expect_told(registry, "~attachment 3 %s\n~device " NIC0 " %s\n",
                    BITS(ATTACHMENT_STATE | ATTACHMENT_LIVE), BITS(DEVICE_STATE | DEVICE_REASONS));
        expect(registry, NIC0, DEVICE_ATTACHED, REASON_ATTACHED, "attachment:3");

        made_domain(registry, GUEST_A, "guest", "", NULL);
        assert_int_equal(registry_remove_attachment(registry, 3), 0);
        expect_told(registry,
                    "-attachment 3\n"
                    "~device " NIC0 " %s\n"
                    "~pool nics %s\n"
                    "~alias nic %s\n",
                    BITS(DEVICE_STATE | DEVICE_REASONS | DEVICE_ATTACHMENT | DEVICE_HOLDER),
                    BITS(RULE_SET_FREE), BITS(RULE_SET_FREE));
        expect(registry, NIC0, DEVICE_AVAILABLE, 0, "");
}

static void an_attachment_that_never_was_is_not_mentioned(void **state) {
        Registry *registry = *state;

        (void) made_attachment(registry, 3, GUEST_A, NIC0, ATTACHMENT_ATTACHING);
        assert_int_equal(registry_remove_attachment(registry, 3), 0);
        expect_changes(registry, "");
}

static void what_libvirt_has_decides_between_reserved_and_attached(void **state) {
        static const struct {
                AttachmentState state;
                DeviceState held, not_held;
        } cases[] = {
                { ATTACHMENT_ATTACHING, DEVICE_RESERVED, DEVICE_RESERVED },
                { ATTACHMENT_UNDECIDED, DEVICE_RESERVED, DEVICE_RESERVED },
                { ATTACHMENT_DETACHING, DEVICE_ATTACHED, DEVICE_RESERVED },
                { ATTACHMENT_TAKING_BACK, DEVICE_ATTACHED, DEVICE_RESERVED },
                { ATTACHMENT_LETTING_GO, DEVICE_ATTACHED, DEVICE_RESERVED },
                { ATTACHMENT_ATTACHED, DEVICE_ATTACHED, DEVICE_ATTACHED },
                { ATTACHMENT_LOST, DEVICE_ATTACHED, DEVICE_AVAILABLE },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                Registry *registry = *state;

                (void) made_attachment(registry, 4, GUEST_A, NIC0 " " NIC1, ATTACHMENT_ATTACHING);
                made_domain(registry, GUEST_A, "guest", NULL, NIC0 "=ua-hostdev1-4-0");
                made_state(registry, 4, cases[i].state);
                assert_int_equal(device(registry, NIC0)->state, cases[i].held);
                assert_int_equal(device(registry, NIC1)->state, cases[i].not_held);

                made_domain(registry, GUEST_A, "guest", NULL, "");
                assert_int_equal(registry_remove_attachment(registry, 4), 0);
        }
}

static void the_next_number_is_above_every_one_seen(void **state) {
        Registry *registry = *state;

        assert_int_equal(registry->next_attachment, 1);
        (void) made_attachment(registry, 7, GUEST_A, NIC0, ATTACHMENT_ATTACHING);
        assert_int_equal(registry->next_attachment, 8);
        assert_int_equal(registry_remove_attachment(registry, 7), 0);
        assert_int_equal(registry->next_attachment, 8);
        made_domain(registry, GUEST_B, "other", NIC1 "=ua-hostdev1-20-0", NIC1 "=ua-hostdev1-30-5");
        assert_int_equal(registry->next_attachment, 31);
        made_domain_gone(registry, GUEST_B);
        assert_int_equal(registry->next_attachment, 31);
        made_domain(registry, GUEST_B, "other", NIC1 "=ua-hostdev1-4294967295-0", NULL);
        assert_int_equal(registry->next_attachment, UINT32_MAX);
}

static void attachments_are_found_in_the_order_of_their_numbers(void **state) {
        Registry *registry = *state;

        (void) made_attachment(registry, 9, GUEST_A, NIC0, ATTACHMENT_ATTACHED);
        (void) made_attachment(registry, 2, GUEST_A, NIC1, ATTACHMENT_ATTACHED);
        assert_int_equal(registry->n_attachments, 2);
        assert_int_equal(registry->attachments[0]->number, 2);
        assert_ptr_equal(registry_find_attachment(registry, 9), registry->attachments[1]);
        assert_null(registry_find_attachment(registry, 3));
        assert_int_equal(registry_next_attachment(registry, 0)->number, 2);
        assert_int_equal(registry_next_attachment(registry, 2)->number, 9);
        assert_int_equal(registry_next_attachment(registry, 5)->number, 9);
        assert_null(registry_next_attachment(registry, 9));
        assert_null(registry_next_attachment(registry, UINT32_MAX));
        assert_int_equal(registry_remove_attachment(registry, 3), 0);
}

static void a_domain_that_got_it_without_us_holds_it(void **state) {
        Registry *registry = *state;

        made_domain(registry, GUEST_A, "alien", NIC0 "=hostdev0", NULL);
        expect(registry, NIC0, DEVICE_UNAVAILABLE, REASON_HELD_BY_DOMAIN, "domain:alien");
        made_domain(registry, GUEST_A, "renamed", NIC0, NULL);
        expect(registry, NIC0, DEVICE_UNAVAILABLE, REASON_HELD_BY_DOMAIN, "domain:renamed");
        made_domain_gone(registry, GUEST_A);
        expect(registry, NIC0, DEVICE_AVAILABLE, 0, "");
}

static void the_running_domain_holds_before_definitions_and_these_by_name(void **state) {
        Registry *registry = *state;

        made_domain(registry, GUEST_A, "bravo", NULL, NIC0);
        made_domain(registry, GUEST_B, "alpha", NULL, NIC0);
        expect(registry, NIC0, DEVICE_UNAVAILABLE, REASON_HELD_BY_DOMAIN, "domain:alpha");
        made_domain(registry, GUEST_C, "zulu", NIC0, NIC0);
        expect(registry, NIC0, DEVICE_UNAVAILABLE, REASON_HELD_BY_DOMAIN, "domain:zulu");
        made_domain(registry, GUEST_C, "zulu", NULL, NIC0);
        expect(registry, NIC0, DEVICE_UNAVAILABLE, REASON_HELD_BY_DOMAIN, "domain:alpha");
}

static void ours_is_what_matches_number_index_domain_and_address(void **state) {
        static const struct {
                const char *uuid, *held;
        } strangers[] = {
                { GUEST_B, NIC0 "=ua-hostdev1-3-0" }, /* a copy in another domain */
                { GUEST_A, NIC1 "=ua-hostdev1-3-0" }, /* at another address */
                { GUEST_A, NIC1 "=ua-hostdev1-3-1" }, /* an index it does not have */
                { GUEST_A, NIC1 "=ua-hostdev1-8-0" }, /* a number that is no more */
        };
        Registry *registry = *state;

        (void) made_attachment(registry, 3, GUEST_A, NIC0, ATTACHMENT_ATTACHING);
        for (size_t i = 0; i < N_ELEMENTS(strangers); i++) {
                bool same = strncmp(strangers[i].held, NIC0, strlen(NIC0)) == 0;

                made_domain(registry, strangers[i].uuid, "copy", strangers[i].held, NULL);
                assert_int_equal(device(registry, NIC0)->reasons,
                                 REASON_RESERVED | (same ? REASON_HELD_BY_DOMAIN : 0));
                assert_string_equal(device(registry, NIC0)->holder, "attachment:3");
                assert_int_equal(device(registry, NIC1)->reasons, same ? 0 : REASON_HELD_BY_DOMAIN);
                made_domain_gone(registry, strangers[i].uuid);
        }
}

static void the_host_holds_what_it_uses(void **state) {
        static const Made busy = { NIC0,      0x8086, 0x154d, .host_use = "eth0", .has_group = true,
                                   .group = 1 };
        Registry *registry = *state;

        made_appear(registry, &busy);
        expect(registry, NIC0, DEVICE_UNAVAILABLE, REASON_IN_USE_BY_HOST, "host:eth0");
        made_domain(registry, GUEST_A, "alien", NULL, NIC0);
        expect(registry, NIC0, DEVICE_UNAVAILABLE, REASON_IN_USE_BY_HOST | REASON_HELD_BY_DOMAIN,
               "domain:alien");
}

static void a_device_without_group_cannot_be_lent(void **state) {
        static const Made lone = { NIC0, 0x8086, 0x154d };
        Registry *registry = *state;

        made_appear(registry, &lone);
        expect(registry, NIC0, DEVICE_UNAVAILABLE, REASON_NO_IOMMU, "");
}

static void a_group_is_in_use_unless_the_same_domain_has_it(void **state) {
        static const Made mate = { NIC1, 0x8086, 0x154d, .has_group = true, .group = 1 };
        Registry *registry = *state;

        made_appear(registry, &mate);
        expect(registry, NIC0, DEVICE_AVAILABLE, 0, "");

        (void) made_attachment(registry, 3, GUEST_A, NIC1, ATTACHMENT_ATTACHING);
        expect(registry, NIC0, DEVICE_UNAVAILABLE, REASON_GROUP_IN_USE, "");
        assert_int_equal(registry_reasons(registry, device(registry, NIC0), ""),
                         REASON_GROUP_IN_USE);
        assert_int_equal(registry_reasons(registry, device(registry, NIC0), GUEST_A), 0);
        assert_int_equal(registry_reasons(registry, device(registry, NIC0), GUEST_B),
                         REASON_GROUP_IN_USE);
        /* Its own holding is no use of its group. */
        assert_int_equal(device(registry, NIC1)->reasons, REASON_RESERVED);

        assert_int_equal(registry_remove_attachment(registry, 3), 0);
        made_domain(registry, GUEST_B, "alien", NULL, NIC1);
        expect(registry, NIC0, DEVICE_UNAVAILABLE, REASON_GROUP_IN_USE, "");
        assert_int_equal(registry_reasons(registry, device(registry, NIC0), GUEST_A),
                         REASON_GROUP_IN_USE);
        assert_int_equal(registry_reasons(registry, device(registry, NIC0), GUEST_B), 0);
}

static void a_mate_that_the_host_uses_blocks_every_domain(void **state) {
        static const Made mate = { NIC1,      0x8086, 0x154d, .host_use = "eth0", .has_group = true,
                                   .group = 1 };
        Registry *registry = *state;

        made_appear(registry, &mate);
        expect(registry, NIC0, DEVICE_UNAVAILABLE, REASON_GROUP_IN_USE, "");
        assert_int_equal(registry_reasons(registry, device(registry, NIC0), GUEST_A),
                         REASON_GROUP_IN_USE);
        made_vanish(registry, NIC1);
        expect(registry, NIC0, DEVICE_AVAILABLE, 0, "");
}

static void pf_and_vf_shut_each_other_out(void **state) {
        static const Made pf = {
                NIC0, 0x8086, 0x154d, .type = DEVICE_TYPE_PF, .has_group = true, .group = 1
        };
        static const Made vf0 = { "0000:41:10.0",
                                  0x8086,
                                  0x10ed,
                                  .type = DEVICE_TYPE_VF,
                                  .physical_function = NIC0,
                                  .has_group = true,
                                  .group = 11 };
        static const Made vf1 = { "0000:41:10.2",
                                  0x8086,
                                  0x10ed,
                                  .type = DEVICE_TYPE_VF,
                                  .physical_function = NIC0,
                                  .has_group = true,
                                  .group = 12 };
        Registry *registry = *state;

        made_appear(registry, &pf);
        made_appear(registry, &vf0);
        made_appear(registry, &vf1);
        expect(registry, vf1.address, DEVICE_AVAILABLE, 0, "");

        (void) made_attachment(registry, 1, GUEST_A, vf0.address, ATTACHMENT_ATTACHING);
        expect(registry, NIC0, DEVICE_UNAVAILABLE, REASON_VF_IN_USE, "");
        expect(registry, vf1.address, DEVICE_AVAILABLE, 0, "");
        assert_int_equal(registry_remove_attachment(registry, 1), 0);

        made_domain(registry, GUEST_A, "alien", NIC0, NULL);
        expect(registry, vf0.address, DEVICE_UNAVAILABLE, REASON_PF_IN_USE, "");
        expect(registry, vf1.address, DEVICE_UNAVAILABLE, REASON_PF_IN_USE, "");
        made_domain_gone(registry, GUEST_A);
        expect(registry, vf1.address, DEVICE_AVAILABLE, 0, "");
}

static void a_device_comes_and_goes_with_its_memberships(void **state) {
        Registry *registry = *state;

        made_vanish(registry, NIC1);
        expect_told(registry, "~pool nics %s\n~alias nic %s\n-device " NIC1 "\n",
                    BITS(RULE_SET_DEVICES | RULE_SET_TOTAL | RULE_SET_FREE),
                    BITS(RULE_SET_DEVICES | RULE_SET_TOTAL | RULE_SET_FREE));
        made_appear(registry, &nic1);
        expect_told(registry, "~pool nics %s\n~alias nic %s\n+device " NIC1 "\n",
                    BITS(RULE_SET_DEVICES | RULE_SET_TOTAL | RULE_SET_FREE),
                    BITS(RULE_SET_DEVICES | RULE_SET_TOTAL | RULE_SET_FREE));
        made_appear(registry, &nic1);
        expect_changes(registry, "");
}

static void a_held_device_that_left_the_host_is_gone_until_it_is_freed(void **state) {
        Registry *registry = *state;
        Attachment *attachment = made_attachment(registry, 3, GUEST_A, NIC0, ATTACHMENT_ATTACHING);

        made_domain(registry, GUEST_A, "guest", NIC0 "=ua-hostdev1-3-0", NULL);
        made_state(registry, 3, ATTACHMENT_ATTACHED);
        free(made_changes(registry));

        made_vanish(registry, NIC0);
        assert_true(attachment->devices[0].gone);
        expect_told(registry, "~device " NIC0 " %s\n", BITS(DEVICE_STATE | DEVICE_REASONS));
        expect(registry, NIC0, DEVICE_GONE, REASON_GONE | REASON_ATTACHED, "attachment:3");

        made_appear(registry, &nic0);
        assert_false(attachment->devices[0].gone);
        expect(registry, NIC0, DEVICE_ATTACHED, REASON_ATTACHED, "attachment:3");

        made_vanish(registry, NIC0);
        free(made_changes(registry));
        made_domain(registry, GUEST_A, "guest", "", NULL);
        expect(registry, NIC0, DEVICE_GONE, REASON_GONE | REASON_ATTACHED, "attachment:3");
        assert_int_equal(registry_remove_attachment(registry, 3), 0);
        expect_told(registry, "-attachment 3\n~pool nics %s\n~alias nic %s\n-device " NIC0 "\n",
                    BITS(RULE_SET_DEVICES | RULE_SET_TOTAL),
                    BITS(RULE_SET_DEVICES | RULE_SET_TOTAL));
        assert_null(device(registry, NIC0));
}

static void a_stranger_at_a_held_address_is_shown_when_the_old_is_freed(void **state) {
        Registry *registry = *state;

        (void) made_attachment(registry, 3, GUEST_A, NIC0, ATTACHMENT_ATTACHED);
        made_appear(registry, &gpu0);
        assert_true(registry->attachments[0]->devices[0].gone);
        expect(registry, NIC0, DEVICE_GONE, REASON_GONE | REASON_ATTACHED, "attachment:3");
        assert_int_equal(device(registry, NIC0)->facts->vendor_id, 0x8086);

        free(made_changes(registry));
        assert_int_equal(registry_remove_attachment(registry, 3), 0);
        expect(registry, NIC0, DEVICE_UNAVAILABLE, REASON_NOT_IN_POOL, "");
        assert_int_equal(device(registry, NIC0)->facts->vendor_id, 0x10de);
        assert_true(device(registry, NIC0)->present);
}

static void after_a_restart_what_was_lent_is_still_known(void **state) {
        Registry *registry = *state;
        Attachment *attachment;

        assert_int_equal(attachment_new(&attachment, 3, GUEST_A, "guest"), 0);
        attachment->devices = calloc(2, sizeof(*attachment->devices));
        assert_non_null(attachment->devices);
        attachment->n_devices = 2;
        attachment->devices[0] = (AttachedDevice){ .address = made_address(NIC0),
                                                   .vendor_id = 0x10de,
                                                   .product_id = 0x20b0 };
        attachment->devices[1] = (AttachedDevice){ .address = made_address("0000:50:00.0"),
                                                   .vendor_id = 0x8086,
                                                   .product_id = 0x154d };
        attachment->state = ATTACHMENT_ATTACHED;
        assert_int_equal(registry_add_attachment(registry, attachment), 0);

        /* At one address is another device now, at the other none. */
        assert_int_equal(device(registry, NIC0)->state, DEVICE_GONE);
        assert_int_equal(device(registry, NIC0)->facts->vendor_id, 0x10de);
        assert_int_equal(device(registry, "0000:50:00.0")->state, DEVICE_GONE);
        assert_true(attachment->devices[0].gone);
        assert_true(attachment->devices[1].gone);

        assert_int_equal(registry_remove_attachment(registry, 3), 0);
        expect(registry, NIC0, DEVICE_AVAILABLE, 0, "");
        assert_null(device(registry, "0000:50:00.0"));
}

static void what_a_lost_attachment_lets_go_is_free(void **state) {
        Registry *registry = *state;
        Attachment *attachment;

        attachment = made_attachment(registry, 3, GUEST_A, NIC0 " " NIC1, ATTACHMENT_ATTACHING);
        made_domain(registry, GUEST_A, "guest", NIC0 "=ua-hostdev1-3-0 " NIC1 "=ua-hostdev1-3-1",
                    NULL);
        made_state(registry, 3, ATTACHMENT_ATTACHED);
        free(made_changes(registry));

        made_domain(registry, GUEST_A, "guest", NIC0 "=ua-hostdev1-3-0", NULL);
        made_state(registry, 3, ATTACHMENT_LOST);
        expect_told(registry,
                    "~attachment 3 %s\n"
                    "~device " NIC1 " %s\n"
                    "~pool nics %s\n"
                    "~alias nic %s\n",
                    BITS(ATTACHMENT_STATE | ATTACHMENT_DEVICES),
                    BITS(DEVICE_STATE | DEVICE_REASONS | DEVICE_ATTACHMENT | DEVICE_HOLDER),
                    BITS(RULE_SET_FREE), BITS(RULE_SET_FREE));
        expect(registry, NIC0, DEVICE_ATTACHED, REASON_ATTACHED, "attachment:3");
        expect(registry, NIC1, DEVICE_AVAILABLE, 0, "");

        /* Another attachment may have it now; our alias coming back is a stranger's. */
        made_domain(registry, GUEST_A, "guest", NIC0 "=ua-hostdev1-3-0 " NIC1 "=ua-hostdev1-3-1",
                    NULL);
        made_state(registry, 3, ATTACHMENT_LOST);
        expect(registry, NIC1, DEVICE_UNAVAILABLE, REASON_HELD_BY_DOMAIN, "domain:guest");
        assert_true(attachment->devices[1].left);
}

static void a_state_set_in_place_lets_go_just_the_same(void **state) {
        Registry *registry = *state;
        Attachment *attachment;
        uint32_t properties;

        attachment = made_attachment(registry, 3, GUEST_A, NIC0 " " NIC1, ATTACHMENT_ATTACHED);
        made_domain(registry, GUEST_A, "guest", NIC0 "=ua-hostdev1-3-0", NULL);
        assert_int_equal(attachment_observe(attachment,
                                            domains_find_uuid(&registry->domains, GUEST_A),
                                            &properties),
                         0);
        attachment->state = ATTACHMENT_LOST;
        registry_touch_attachment(registry, attachment, ATTACHMENT_STATE);
        expect(registry, NIC1, DEVICE_AVAILABLE, 0, "");
}

#define REGISTRY_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                REGISTRY_TEST(what_a_pool_matches_is_available_and_counted),
                REGISTRY_TEST(a_bridge_is_neither_object_nor_member),
                REGISTRY_TEST(what_no_pool_matches_is_unavailable_and_nobody_means_it),
                REGISTRY_TEST(the_first_pool_that_matches_has_the_device_and_its_tags),
                REGISTRY_TEST(the_same_catalog_again_is_no_change),
                REGISTRY_TEST(a_changed_definition_is_told_and_a_missing_one_removed),
                REGISTRY_TEST(two_catalogs_in_one_turn_are_as_good_as_the_last),
                REGISTRY_TEST(an_attachment_reserves_then_has_then_frees_its_device),
                REGISTRY_TEST(an_attachment_that_never_was_is_not_mentioned),
                REGISTRY_TEST(what_libvirt_has_decides_between_reserved_and_attached),
                REGISTRY_TEST(the_next_number_is_above_every_one_seen),
                REGISTRY_TEST(attachments_are_found_in_the_order_of_their_numbers),
                REGISTRY_TEST(a_domain_that_got_it_without_us_holds_it),
                REGISTRY_TEST(the_running_domain_holds_before_definitions_and_these_by_name),
                REGISTRY_TEST(ours_is_what_matches_number_index_domain_and_address),
                REGISTRY_TEST(the_host_holds_what_it_uses),
                REGISTRY_TEST(a_device_without_group_cannot_be_lent),
                REGISTRY_TEST(a_group_is_in_use_unless_the_same_domain_has_it),
                REGISTRY_TEST(a_mate_that_the_host_uses_blocks_every_domain),
                REGISTRY_TEST(pf_and_vf_shut_each_other_out),
                REGISTRY_TEST(a_device_comes_and_goes_with_its_memberships),
                REGISTRY_TEST(a_held_device_that_left_the_host_is_gone_until_it_is_freed),
                REGISTRY_TEST(a_stranger_at_a_held_address_is_shown_when_the_old_is_freed),
                REGISTRY_TEST(after_a_restart_what_was_lent_is_still_known),
                REGISTRY_TEST(what_a_lost_attachment_lets_go_is_free),
                REGISTRY_TEST(a_state_set_in_place_lets_go_just_the_same),
        };

        return cmocka_run_group_tests_name("core/registry", tests, NULL, NULL);
}
