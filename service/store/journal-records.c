/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/journal-records.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include <jansson.h>

#include "util/text.h"
#include "util/vector.h"

/* Not attachment_state_to_string(): its words are fewer than the states. */
static const char *const state_words[] = {
        [ATTACHMENT_ATTACHING] = "attaching",
        [ATTACHMENT_UNDECIDED] = "undecided",
        [ATTACHMENT_ATTACHED] = "attached",
        [ATTACHMENT_DETACHING] = "detaching",
        [ATTACHMENT_TAKING_BACK] = "taking-back",
        [ATTACHMENT_LETTING_GO] = "letting-go",
        [ATTACHMENT_LOST] = "lost",
        [ATTACHMENT_ENDED] = "ended",
};

static_assert(N_ELEMENTS(state_words) == _ATTACHMENT_STATE_END, "a word for each state");

static int check_text(const char *text, Refusal *refusal) {
        if (text_is_utf8(text, strlen(text)))
                return 0;
        return refuse(refusal, JOURNAL_FAILED, "text that is not UTF-8 cannot be recorded");
}

/* jansson answers nothing without memory. */
static int give(json_t *json, json_t **ret) {
        if (!json)
                return -ENOMEM;

        *ret = json;
        return 0;
}

static json_t *pack_device(const AttachedDevice *device) {
        json_auto_t *restore = device->restore ? json_true() : NULL;
        char address[ADDRESS_TEXT_SIZE];

        if (device->restore && !restore)
                return NULL;

        return json_pack("{s:s, s:i, s:i, s:i, s:i, s:b, s:b, s:O*, s:b, s:b, s:b}", "address",
                         address_format(device->address, address), "vendor_id",
                         (int) device->vendor_id, "product_id", (int) device->product_id,
                         "subsystem_vendor_id", (int) device->subsystem_vendor_id,
                         "subsystem_product_id", (int) device->subsystem_product_id, "managed",
                         (int) device->managed, "handed", (int) device->handed, "restore", restore,
                         "live", (int) device->live, "config", (int) device->config, "left",
                         (int) device->left);
}

int record_from_attachment(const Attachment *attachment, json_t **ret, Refusal *refusal) {
        const char *texts[] = { attachment->domain, attachment->request, attachment->reason,
                                attachment->last_error };
        json_auto_t *undecided = attachment->undecided ? json_true() : NULL;
        json_auto_t *devices = json_array();
        int r;

        for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
                r = check_text(texts[i], refusal);
                if (r != 0)
                        return r;
        }

        for (size_t i = 0; i < attachment->n_devices; i++)
                if (json_array_append_new(devices, pack_device(&attachment->devices[i])) < 0)
                        return -ENOMEM;
        if (attachment->undecided && !undecided)
                return -ENOMEM;

        return give(json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:I, s:I, s:O, s:O*}",
                              "number", (json_int_t) attachment->number, "domain_uuid",
                              attachment->domain_uuid, "domain", attachment->domain, "request",
                              attachment->request, "reason", attachment->reason, "last_error",
                              attachment->last_error, "state", state_words[attachment->state],
                              "wants_live", (int) attachment->wants_live, "wants_config",
                              (int) attachment->wants_config, "owner_uid",
                              (json_int_t) attachment->owner_uid, "created_usec",
                              (json_int_t) attachment->created_usec, "devices", devices,
                              "undecided", undecided),
                    ret);
}

/* A rule as the list of its words, each a list of key and value. */
static int pack_rules(Rule *const *rules, size_t n_rules, json_t **ret, Refusal *refusal) {
        json_auto_t *list = json_array();
        int r;

        for (size_t i = 0; i < n_rules; i++) {
                json_t *words = json_array();

                if (json_array_append_new(list, words) < 0)
                        return -ENOMEM;

                for (size_t j = 0; j < rules[i]->n_words; j++) {
                        const Word *word = &rules[i]->words[j];

                        r = check_text(word->key, refusal) ?: check_text(word->value, refusal);
                        if (r != 0)
                                return r;
                        if (json_array_append_new(words,
                                                  json_pack("[s, s]", word->key, word->value)) < 0)
                                return -ENOMEM;
                }
        }

        return give(json_incref(list), ret);
}

int record_from_pool(const Pool *pool, json_t **ret, Refusal *refusal) {
        json_auto_t *rules = NULL;
        int r;

        r = check_text(pool->name, refusal) ?: check_text(pool->description ?: "", refusal);
        if (r != 0)
                return r;
        r = pack_rules(pool->rules, pool->n_rules, &rules, refusal);
        if (r != 0)
                return r;

        return give(json_pack("{s:s, s:s, s:O}", "name", pool->name, "description",
                              pool->description ?: "", "match", rules),
                    ret);
}

int record_from_alias(const Alias *alias, json_t **ret, Refusal *refusal) {
        json_auto_t *rules = NULL;
        int r;

        r = check_text(alias->name, refusal);
        if (r != 0)
                return r;
        r = pack_rules(alias->rules, alias->n_rules, &rules, refusal);
        if (r != 0)
                return r;

        return give(json_pack("{s:s, s:s, s:s, s:O}", "name", alias->name, "numa_policy",
                              numa_policy_to_string(alias->numa_policy), "unit",
                              unit_to_string(alias->unit), "match", rules),
                    ret);
}

static int refuse_value(Refusal *refusal, const char *why) {
        return refuse(refusal, JOURNAL_FAILED, "%s", why);
}

static bool fits(json_int_t number, json_int_t smallest, json_int_t biggest) {
        return number >= smallest && number <= biggest;
}

static int read_device(Attachment *attachment, const json_t *json, Refusal *refusal) {
        int vendor, product, subsystem_vendor, subsystem_product, managed, handed,
                restore = 0, live, config, left;
        AttachedDevice device = { 0 };
        const char *address;

        if (json_unpack((json_t *) json,
                        "{s:s, s:i, s:i, s:i, s:i, s:b, s:b, s?b, s:b, s:b, s:b !}", "address",
                        &address, "vendor_id", &vendor, "product_id", &product,
                        "subsystem_vendor_id", &subsystem_vendor, "subsystem_product_id",
                        &subsystem_product, "managed", &managed, "handed", &handed, "restore",
                        &restore, "live", &live, "config", &config, "left", &left) < 0)
                return refuse_value(refusal, "a device with unknown or missing fields");
        if (address_parse(address, &device.address) != 0)
                return refuse_value(refusal, "a device without an address");
        if (!fits(vendor, 0, UINT16_MAX) || !fits(product, 0, UINT16_MAX) ||
            !fits(subsystem_vendor, 0, UINT16_MAX) || !fits(subsystem_product, 0, UINT16_MAX))
                return refuse_value(refusal, "a device with an impossible id");

        device.vendor_id = (uint16_t) vendor;
        device.product_id = (uint16_t) product;
        device.subsystem_vendor_id = (uint16_t) subsystem_vendor;
        device.subsystem_product_id = (uint16_t) subsystem_product;
        device.managed = managed;
        device.handed = handed;
        device.restore = restore;
        /* Shown until libvirt has said what is so now. */
        device.live = live;
        device.config = config;
        attachment->live |= device.live;
        attachment->config |= device.config;
        device.left = left;
        return VECTOR_APPEND(attachment->devices, attachment->n_devices, device);
}

static int state_from_word(const char *word) {
        for (int state = 0; state < _ATTACHMENT_STATE_END; state++)
                if (strcmp(state_words[state], word) == 0)
                        return state;

        return -1;
}

static int parse_attachment(const json_t *value, Attachment **ret, Refusal *refusal) {
        _cleanup_(attachment_freep) Attachment *attachment = NULL;
        const char *uuid, *domain, *request, *reason, *last_error, *word;
        json_int_t number, owner_uid, created_usec;
        json_t *devices, *device;
        int live, config, undecided = 0, state, r;
        size_t i;

        if (json_unpack((json_t *) value,
                        "{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:I, s:I, s:o, s?:b !}",
                        "number", &number, "domain_uuid", &uuid, "domain", &domain, "request",
                        &request, "reason", &reason, "last_error", &last_error, "state", &word,
                        "wants_live", &live, "wants_config", &config, "owner_uid", &owner_uid,
                        "created_usec", &created_usec, "devices", &devices, "undecided",
                        &undecided) < 0)
                return refuse_value(refusal, "an attachment with unknown or missing fields");

        state = state_from_word(word);
        if (!fits(number, 1, UINT32_MAX) || !fits(owner_uid, 0, UINT32_MAX) || created_usec < 0 ||
            !text_is_uuid(uuid) || state < 0 || !json_is_array(devices))
                return refuse_value(refusal, "an attachment with an impossible field");

        r = attachment_new(&attachment, (uint32_t) number, uuid, domain);
        if (r < 0)
                return r;

        attachment->state = (AttachmentState) state;
        attachment->wants_live = live;
        attachment->wants_config = config;
        attachment->undecided = undecided;
        attachment->owner_uid = (uint32_t) owner_uid;
        attachment->created_usec = (uint64_t) created_usec;
        r = facts_set(&attachment->request, request) ?: facts_set(&attachment->reason, reason)
                                                     ?: facts_set(&attachment->last_error, last_error);
        if (r < 0)
                return r;

        json_array_foreach(devices, i, device) {
                r = read_device(attachment, device, refusal);
                if (r != 0)
                        return r;
        }

        *ret = TAKE(attachment);
        return 0;
}

static int read_attachment(const json_t *value, JournalContent *content, Refusal *refusal) {
        _cleanup_(attachment_freep) Attachment *attachment = NULL;
        int r;

        r = parse_attachment(value, &attachment, refusal);
        if (r == 0)
                r = VECTOR_APPEND(content->attachments, content->n_attachments, attachment);
        if (r != 0)
                return r;

        (void) TAKE(attachment); /* the content's now */
        return 0;
}

static int read_given_up(const json_t *value, JournalContent *content, Refusal *refusal) {
        _cleanup_(attachment_freep) Attachment *attachment = NULL;
        int r;

        r = parse_attachment(value, &attachment, refusal);
        if (r == 0)
                r = VECTOR_APPEND(content->given_up, content->n_given_up, attachment);
        if (r != 0)
                return r;

        (void) TAKE(attachment);
        return 0;
}

static int read_rule(RuleKind kind, const json_t *list, Rule **ret, Refusal *refusal) {
        _cleanup_(freep) Word *words = NULL;
        size_t n_words = 0, i;
        json_t *item;
        int r;

        if (!json_is_array(list))
                return refuse_value(refusal, "a match that is no list");

        json_array_foreach(list, i, item) {
                char *key, *value;

                if (json_unpack(item, "[s, s !]", &key, &value) < 0)
                        return refuse_value(refusal, "a match with something that is no word");

                r = VECTOR_APPEND(words, n_words, ((Word){ .key = key, .value = value }));
                if (r < 0)
                        return r;
        }

        return rule_new(ret, kind, words, n_words, refusal);
}

static int read_pool(const json_t *value, JournalContent *content, Refusal *refusal) {
        _cleanup_(pool_freep) Pool *pool = NULL;
        const char *name, *description;
        json_t *rules, *item;
        size_t i;
        int r;

        if (json_unpack((json_t *) value, "{s:s, s:s, s:o !}", "name", &name, "description",
                        &description, "match", &rules) < 0 ||
            !json_is_array(rules))
                return refuse_value(refusal, "a pool with unknown or missing fields");

        r = name_check(name, refusal);
        if (r != 0)
                return r;
        r = pool_new(&pool, name, SOURCE_RUNTIME);
        if (r < 0)
                return r;
        r = facts_set(&pool->description, description);
        if (r < 0)
                return r;

        json_array_foreach(rules, i, item) {
                Rule *rule = NULL;

                r = read_rule(RULE_POOL, item, &rule, refusal);
                if (r != 0)
                        return r;
                r = pool_add_rule(pool, rule);
                if (r < 0)
                        return r;
        }

        return catalog_add_pool(&content->runtime, TAKE(pool));
}

static int read_alias(const json_t *value, JournalContent *content, Refusal *refusal) {
        _cleanup_(alias_freep) Alias *alias = NULL;
        const char *name, *policy, *unit;
        json_t *rules, *item;
        size_t i;
        int r;

        if (json_unpack((json_t *) value, "{s:s, s:s, s:s, s:o !}", "name", &name, "numa_policy",
                        &policy, "unit", &unit, "match", &rules) < 0 ||
            !json_is_array(rules))
                return refuse_value(refusal, "an alias with unknown or missing fields");
        if (numa_policy_from_string(policy) < 0 || unit_from_string(unit) < 0)
                return refuse_value(refusal, "an alias with an unknown policy or unit");

        r = name_check(name, refusal);
        if (r != 0)
                return r;
        r = alias_new(&alias, name, SOURCE_RUNTIME);
        if (r < 0)
                return r;
        alias->numa_policy = (NumaPolicy) numa_policy_from_string(policy);
        alias->unit = (Unit) unit_from_string(unit);

        json_array_foreach(rules, i, item) {
                Rule *rule = NULL;

                r = read_rule(RULE_ALIAS, item, &rule, refusal);
                if (r != 0)
                        return r;
                r = alias_add_rule(alias, rule);
                if (r < 0)
                        return r;
        }

        return catalog_add_alias(&content->runtime, TAKE(alias));
}

static const struct {
        const char *prefix;
        int (*read)(const json_t *value, JournalContent *content, Refusal *refusal);
} kinds[] = {
        { "attachment/", read_attachment },
        { "given-up/", read_given_up },
        { "pool/", read_pool },
        { "alias/", read_alias },
};

int record_read(const char *key, const json_t *value, JournalContent *content, Refusal *refusal) {
        _cleanup_(refusal_done) Refusal said = { 0 };
        int r;

        for (size_t i = 0; i < N_ELEMENTS(kinds); i++) {
                if (strncmp(key, kinds[i].prefix, strlen(kinds[i].prefix)) != 0)
                        continue;

                r = kinds[i].read(value, content, &said);
                if (r <= 0)
                        return r;
                return refuse(refusal, JOURNAL_FAILED, "%s: %s", key, said.text ?: "refused");
        }

        return refuse(refusal, JOURNAL_FAILED, "%s: a record of an unknown kind", key);
}
