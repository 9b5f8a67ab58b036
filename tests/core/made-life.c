/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "made-life.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "util/vector.h"

void made_appear(Registry *registry, const Made *made) {
        assert_int_equal(
                registry_observe_device(registry, made_address(made->address), made_facts(made)),
                0);
}

void made_vanish(Registry *registry, const char *address) {
        assert_int_equal(registry_observe_device(registry, made_address(address), NULL), 0);
}

static void hold(DomainFacts *facts, bool live, const char *text) {
        _cleanup_(freep) char *copy = strdup(text);
        char *rest = copy;

        for (char *word; (word = strtok_r(rest, " ", &rest));) {
                char *alias = strchr(word, '=');

                if (text_is_uuid(word)) {
                        assert_int_equal(domain_facts_hold_mediated(facts, live, word), 0);
                        continue;
                }
                if (alias)
                        *alias++ = '\0';
                assert_int_equal(domain_facts_hold(facts, live, made_address(word), alias), 0);
        }
}

void made_domain(Registry *registry, const char *uuid, const char *name, const char *live,
                 const char *config) {
        DomainFacts *facts;

        assert_int_equal(domain_facts_new(&facts, uuid, name), 0);
        facts->present = true;
        facts->running = live != NULL;
        facts->persistent = config != NULL;
        if (live)
                hold(facts, true, live);
        if (config)
                hold(facts, false, config);
        assert_int_equal(registry_observe_domain(registry, facts), 0);
}

void made_domain_gone(Registry *registry, const char *uuid) {
        DomainFacts *facts;

        assert_int_equal(domain_facts_new(&facts, uuid, ""), 0);
        assert_int_equal(registry_observe_domain(registry, facts), 0);
}

Attachment *made_attachment(Registry *registry, uint32_t number, const char *uuid,
                            const char *addresses, AttachmentState state) {
        _cleanup_(freep) char *copy = strdup(addresses);
        Attachment *attachment;
        char *rest = copy;

        assert_int_equal(attachment_new(&attachment, number, uuid, "guest"), 0);
        for (char *word; (word = strtok_r(rest, " ", &rest));) {
                const Device *device = inventory_find(&registry->inventory, made_address(word));
                AttachedDevice attached = { .address = made_address(word), .managed = true };

                if (device) {
                        attached.vendor_id = device->facts->vendor_id;
                        attached.product_id = device->facts->product_id;
                }
                assert_int_equal(
                        VECTOR_APPEND(attachment->devices, attachment->n_devices, attached), 0);
        }

        attachment->state = state;
        attachment->wants_live = true;
        assert_int_equal(registry_add_attachment(registry, attachment), 0);
        return attachment;
}

void made_state(Registry *registry, uint32_t number, AttachmentState state) {
        Attachment *attachment = registry_find_attachment(registry, number);
        uint32_t properties;

        assert_non_null(attachment);
        assert_int_equal(
                attachment_observe(attachment,
                                   domains_find_uuid(&registry->domains, attachment->domain_uuid),
                                   &properties),
                0);
        properties |= attachment_enter(attachment, state);
        registry_touch_attachment(registry, attachment, properties);
}

static Rule *rule(RuleKind kind, const char *words) {
        _cleanup_(freep) char *copy = strdup(words);
        const char *list[16] = { NULL };
        char *rest = copy;
        size_t n = 0;

        for (char *word; (word = strtok_r(rest, " ", &rest));)
                list[n++] = word;
        return made_rule(kind, list);
}

void made_pool(Catalog *catalog, const char *name, const char *words) {
        Pool *pool;

        assert_int_equal(pool_new(&pool, name, SOURCE_FILE), 0);
        assert_int_equal(pool_add_rule(pool, rule(RULE_POOL, words)), 0);
        assert_int_equal(catalog_add_pool(catalog, pool), 0);
}

void made_alias(Catalog *catalog, const char *name, const char *words) {
        Alias *alias;

        assert_int_equal(alias_new(&alias, name, SOURCE_FILE), 0);
        assert_int_equal(alias_add_rule(alias, rule(RULE_ALIAS, words)), 0);
        assert_int_equal(catalog_add_alias(catalog, alias), 0);
}

char *made_changes(Registry *registry) {
        static const char *const kinds[] = {
                [OBJECT_MANAGER] = "manager",
                [OBJECT_DEVICE] = "device",
                [OBJECT_POOL] = "pool",
                [OBJECT_ALIAS] = "alias",
                [OBJECT_ATTACHMENT] = "attachment",
        };
        char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        assert_non_null(stream);
        assert_int_equal(registry_settle(registry), 0);
        for (size_t i = 0; i < registry->changes.n_items; i++) {
                const Change *change = &registry->changes.items[i];

                if (change->removed)
                        fprintf(stream, "-%s %s\n", kinds[change->kind], change->key);
                if (change->added)
                        fprintf(stream, "+%s %s\n", kinds[change->kind], change->key);
                if (change->properties != 0)
                        fprintf(stream, "~%s %s %#x\n", kinds[change->kind], change->key,
                                change->properties);
        }

        assert_int_equal(fclose(stream), 0);
        changes_done(&registry->changes);
        return text;
}
