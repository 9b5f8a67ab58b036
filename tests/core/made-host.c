/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "made-host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/text.h"

Address made_address(const char *text) {
        Address address;

        assert_int_equal(address_parse(text, &address), 0);
        return address;
}

Facts *made_facts(const Made *made) {
        Facts *facts;

        assert_int_equal(facts_new(&facts, made_address(made->address)), 0);
        facts->vendor_id = made->vendor_id;
        facts->product_id = made->product_id;
        facts->class_code = made->class_code ?: 0x020000;
        facts->type = made->type;
        facts->numa_node = made->has_node ? made->node : -1;
        facts->iommu_group = made->has_group ? made->group : -1;
        facts->max_virtual_functions = made->max_virtual_functions;
        facts->incarnation = made->incarnation;
        facts->vdpa = made->vdpa;
        facts->has_subsystem = made->subsystem_vendor_id != 0;
        facts->subsystem_vendor_id = made->subsystem_vendor_id;
        facts->subsystem_product_id = made->subsystem_product_id;
        if (made->physical_function)
                facts->physical_function = made_address(made->physical_function);
        if (made->driver)
                assert_int_equal(facts_set(&facts->driver, made->driver), 0);
        if (made->host_use)
                assert_int_equal(facts_set(&facts->host_use, made->host_use), 0);
        if (made->interface)
                assert_int_equal(list_append(&facts->interfaces, made->interface), 0);
        if (made->mediated)
                assert_int_equal(list_append(&facts->mediated, made->mediated), 0);
        return facts;
}

Device *made_device(Inventory *inventory, const Made *made) {
        uint32_t properties;

        assert_int_equal(inventory_apply(inventory, made_address(made->address), made_facts(made),
                                         false, &properties),
                         0);
        return inventory_find(inventory, made_address(made->address));
}

Rule *made_rule(RuleKind kind, const char *const *texts) {
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        Word words[16] = { 0 };
        size_t n_words = 0;
        Rule *rule = NULL;

        for (; texts[n_words]; n_words++) {
                char *key = strdup(texts[n_words]);

                assert_non_null(key);
                words[n_words].value = key + strcspn(key, "=") + 1;
                words[n_words].value[-1] = '\0';
                words[n_words].key = key;
        }

        if (rule_new(&rule, kind, words, n_words, &refusal) != 0)
                fail_msg("%s", refusal.text ?: "out of memory");
        for (size_t i = 0; i < n_words; i++)
                free(words[i].key);
        return rule;
}
