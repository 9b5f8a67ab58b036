/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory that runs out: each allocation in turn fails once. The function says -ENOMEM, nothing is
 * leaked, and called again with memory it does what it should have done.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "failing-memory.h"
#include "listener.h"
#include "util/text.h"

enum {
        LIVES = 40,
        STEPS = 40,
        ALLOCATIONS_MAX = 1000
};

static size_t n_failures; /* of this test */

/* Runs @call with the allocation after @n failing. True when it failed for that. */
#define FAILS_AFTER(n, call)                                                                       \
        ({                                                                                         \
                int _r;                                                                            \
                bool _failed;                                                                      \
                                                                                                   \
                memory_fail_after(n);                                                              \
                _r = (call);                                                                       \
                _failed = memory_has_failed();                                                     \
                assert_int_equal(_r, _failed ? -ENOMEM : 0);                                       \
                n_failures += _failed;                                                             \
                _failed;                                                                           \
        })

/* Lives that life again up to its last event, which is not settled. */
static void live(Registry *registry, Listener *listener, uint32_t life) {
        uint32_t seed = life * 2654435761u;

        registry_init(registry);
        for (int step = 0; step < STEPS; step++) {
                assert_int_equal(registry_settle(registry), 0);
                listener_hear(registry, listener);
                for (uint32_t n = 1 + pick(&seed, 3); n > 0; n--)
                        random_event(registry, &seed);
        }
}

static void a_settlement_that_failed_is_made_good_by_the_next(void **state) {
        for (uint32_t life = 1; life <= LIVES; life++) {
                int n = 0;

                for (bool again = true; again; n++) {
                        Listener listener = { 0 };
                        Registry registry;

                        assert_true(n < ALLOCATIONS_MAX);
                        live(&registry, &listener, life);
                        again = FAILS_AFTER(n, registry_settle(&registry));

                        assert_int_equal(registry_settle(&registry), 0);
                        listener_hear(&registry, &listener);
                        listener_check(&registry, &listener);
                        listener_done(&listener);
                        registry_done(&registry);
                }
        }

        assert_true(n_failures > LIVES);
}

static const Made nic = { "0000:01:10.0",
                          0x8086,
                          0x154d,
                          .type = DEVICE_TYPE_VF,
                          .physical_function = "0000:01:00.0",
                          .has_group = true,
                          .group = 2,
                          .mediated = "a1c3d4e5-1111-2222-3333-444444444444" };

/* What is observed when memory is short is observed when it is told again. */
static void a_device_that_could_not_be_taken_in_is_taken_in_later(void **state) {
        for (int life = 1; life <= LIVES; life++) {
                int n = 0;

                for (bool again = true; again; n++) {
                        Listener listener = { 0 };
                        Registry registry;
                        Facts *facts;

                        live(&registry, &listener, (uint32_t) life);
                        facts = made_facts(&nic);
                        again = FAILS_AFTER(n, registry_observe_device(&registry,
                                                                       made_address(nic.address),
                                                                       facts));
                        made_appear(&registry, &nic);

                        assert_int_equal(registry_settle(&registry), 0);
                        listener_hear(&registry, &listener);
                        listener_check(&registry, &listener);
                        listener_done(&listener);
                        registry_done(&registry);
                }
        }

        assert_true(n_failures > 10);
}

static DomainFacts *alien(void) {
        DomainFacts *facts;

        assert_int_equal(domain_facts_new(&facts, GUEST_C, "alien"), 0);
        facts->present = facts->running = true;
        for (size_t i = 0; i < PLACES; i++)
                assert_int_equal(
                        domain_facts_hold(facts, true, made_address(places[i]), "hostdev0"), 0);
        return facts;
}

static void a_domain_that_could_not_be_taken_in_is_taken_in_later(void **state) {
        for (int life = 1; life <= LIVES; life++) {
                int n = 0;

                for (bool again = true; again; n++) {
                        Listener listener = { 0 };
                        Registry registry;
                        DomainFacts *facts = alien();

                        live(&registry, &listener, (uint32_t) life);
                        again = FAILS_AFTER(n, registry_observe_domain(&registry, facts));
                        assert_int_equal(domains_is_current(&registry.domains, GUEST_C), !again);
                        assert_int_equal(registry_observe_domain(&registry, alien()), 0);
                        assert_true(domains_is_current(&registry.domains, GUEST_C));

                        assert_int_equal(registry_settle(&registry), 0);
                        listener_hear(&registry, &listener);
                        listener_check(&registry, &listener);
                        listener_done(&listener);
                        registry_done(&registry);
                }
        }

        assert_true(n_failures > 10);
}

static Attachment *chosen(void) {
        Attachment *attachment;

        assert_int_equal(attachment_new(&attachment, 100, GUEST_A, "guest"), 0);
        attachment->devices = calloc(1, sizeof(*attachment->devices));
        assert_non_null(attachment->devices);
        attachment->n_devices = 1;
        attachment->devices[0] = (AttachedDevice){ .address = made_address("0000:09:00.0"),
                                                   .vendor_id = 0x8086,
                                                   .product_id = 0x154d };
        return attachment;
}

static void an_attachment_that_could_not_be_added_is_not_there(void **state) {
        int n = 0;

        for (bool again = true; again; n++) {
                Attachment *attachment = chosen();
                Registry registry;

                registry_init(&registry);
                again = FAILS_AFTER(n, registry_add_attachment(&registry, attachment));
                assert_int_equal(registry_settle(&registry), 0);
                assert_int_equal(registry.n_attachments, again ? 0 : 1);
                assert_int_equal(registry.inventory.n_devices, again ? 0 : 1);
                assert_int_equal(registry.changes.n_items, again ? 0 : 2);
                registry_done(&registry);
        }

        assert_true(n_failures > 4);
}

static void a_change_that_could_not_be_noted_leaves_the_others(void **state) {
        int n = 0;

        for (bool again = true; again; n++) {
                _cleanup_(changes_done) Changes changes = { 0 };

                assert_int_equal(changes_add(&changes, OBJECT_POOL, "before"), 0);
                again = FAILS_AFTER(n, changes_remove(&changes, OBJECT_POOL, "new"));
                assert_int_equal(changes.n_items, again ? 1 : 2);
                assert_int_equal(changes_remove(&changes, OBJECT_POOL, "new"), 0);
                assert_int_equal(changes.n_items, 2);
        }

        assert_true(n_failures > 0);
}

static int put_in_force(Registry *registry, const char *const *names) {
        Catalog catalog = { 0 };
        int r;

        for (size_t i = 0; names[i]; i++) {
                made_pool(&catalog, names[i], "vendor_id=8086");
                made_alias(&catalog, names[i], "vendor_id=8086");
        }
        memory_rest(false);
        r = registry_set_catalog(registry, &catalog);
        memory_rest(true);
        catalog_done(&catalog);
        return r;
}

/* More than there is room for at first. */
static void a_catalog_that_could_not_be_put_in_force_is_not_told(void **state) {
        static const char *const before[] = { "a", "b", "c", NULL };
        static const char *const after[] = { "b", "d", "e", "f", "g", "h", NULL };
        int n = 0;

        for (bool again = true; again; n++) {
                _cleanup_(freep) char *said = NULL, *then = NULL;
                Registry registry;

                memory_rest(true);
                registry_init(&registry);
                made_appear(&registry, &nic);
                assert_int_equal(put_in_force(&registry, before), 0);
                free(made_changes(&registry));

                made_vanish(&registry, nic.address);
                again = FAILS_AFTER(n, put_in_force(&registry, after));
                said = made_changes(&registry);
                if (again) {
                        assert_int_equal(registry.catalog.n_pools, 3);
                        assert_null(strchr(said, '+'));
                        assert_null(strstr(said, "-pool"));
                        assert_null(strstr(said, "-alias"));
                        assert_int_equal(put_in_force(&registry, after), 0);
                        then = made_changes(&registry);
                }
                assert_non_null(strstr(said, "-device"));
                assert_non_null(strstr(then ?: said, "-pool a"));
                assert_non_null(strstr(then ?: said, "-alias c"));
                assert_non_null(strstr(then ?: said, "+pool d"));
                assert_non_null(strstr(then ?: said, "+alias h"));
                registry_done(&registry);
                memory_rest(false);
        }

        assert_true(n_failures > 10);
}

static void a_device_that_leaves_before_it_is_told_is_counted_nowhere(void **state) {
        int n = 0;

        for (bool again = true; again; n++) {
                static const char *const names[] = { "a", "b", NULL };
                Registry registry;

                registry_init(&registry);
                assert_int_equal(put_in_force(&registry, names), 0);
                memory_rest(false);
                assert_int_equal(registry_settle(&registry), 0);
                made_appear(&registry, &nic);
                again = FAILS_AFTER(n, registry_settle(&registry));
                made_vanish(&registry, nic.address);

                assert_int_equal(registry_settle(&registry), 0);
                for (size_t i = 0; i < 2; i++) {
                        assert_int_equal(registry.catalog.pools[i]->n_total, 0);
                        assert_int_equal(registry.catalog.aliases[i]->n_total, 0);
                        assert_int_equal(registry.catalog.pools[i]->n_free, 0);
                }
                registry_done(&registry);
        }

        assert_true(n_failures > 2);
}

static int set_up(void **state) {
        n_failures = 0;
        return 0;
}

#define MEMORY_TEST(test) cmocka_unit_test_setup(test, set_up)

int main(void) {
        const struct CMUnitTest tests[] = {
                MEMORY_TEST(a_settlement_that_failed_is_made_good_by_the_next),
                MEMORY_TEST(a_device_that_could_not_be_taken_in_is_taken_in_later),
                MEMORY_TEST(a_domain_that_could_not_be_taken_in_is_taken_in_later),
                MEMORY_TEST(an_attachment_that_could_not_be_added_is_not_there),
                MEMORY_TEST(a_change_that_could_not_be_noted_leaves_the_others),
                MEMORY_TEST(a_catalog_that_could_not_be_put_in_force_is_not_told),
                MEMORY_TEST(a_device_that_leaves_before_it_is_told_is_counted_nowhere),
        };

        return cmocka_run_group_tests_name("core/memory", tests, NULL, NULL);
}
