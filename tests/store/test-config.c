/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "made-store.h"
#include "store/config.h"
#include "util/text.h"

static Config *load_files(char *const *files) {
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        Config *config = NULL;

        if (config_load(files, &config, &refusal) != 0)
                fail_msg("%s", refusal.text);
        return config;
}

static Config *load(const char *text) {
        made_text("a.conf", text);
        return load_files((char *[]){ (char *) "a.conf", NULL });
}

static void assert_refused(const char *text, const char *why) {
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        Config *config = NULL;

        made_text("a.conf", text);
        assert_int_equal(config_load((char *[]){ (char *) "a.conf", NULL }, &config, &refusal),
                         CONFIG_INVALID);
        assert_null(config);
        assert_int_equal(refusal.verdict, CONFIG_INVALID);
        assert_string_equal(refusal.text, why);
}

static void assert_rule(const Rule *rule, const char *expected) {
        _cleanup_(list_freep) char **words = NULL;
        _cleanup_(freep) char *joined = NULL;

        for (size_t i = 0; i < rule->n_words; i++) {
                _cleanup_(freep) char *word =
                        text_print("%s=%s", rule->words[i].key, rule->words[i].value);

                assert_int_equal(list_append(&words, word), 0);
        }

        joined = list_join(words, " ");
        assert_string_equal(joined, expected);
}

static const Pool *only_pool(const Config *config, const char *name) {
        assert_int_equal(config->catalog.n_pools, 1);
        assert_string_equal(config->catalog.pools[0]->name, name);
        assert_int_equal(config->catalog.pools[0]->source, SOURCE_FILE);
        return config->catalog.pools[0];
}

static const Alias *only_alias(const Config *config, const char *name) {
        assert_int_equal(config->catalog.n_aliases, 1);
        assert_string_equal(config->catalog.aliases[0]->name, name);
        assert_int_equal(config->catalog.aliases[0]->source, SOURCE_FILE);
        return config->catalog.aliases[0];
}

static void no_file_gives_the_defaults(void **state) {
        _cleanup_(config_freep) Config *config = load_files(NULL);

        assert_string_equal(config->libvirt_uri, "qemu:///system");
        assert_int_equal(config->catalog.n_pools + config->catalog.n_aliases, 0);
        assert_null(config->warnings);
}

/* The very text of the contract. */
static void the_example_of_the_contract_is_read(void **state) {
        _cleanup_(config_freep) Config *config =
                load("[Service]\n"
                     "LibvirtUri=qemu:///session\n"
                     "\n"
                     "[Pool nics]\n"
                     "Description=10G ports for guests\n"
                     "Match=vendor_id=8086 product_id=154d\n"
                     "Match=address=0000:41:*.*  tag.physical_network=physnet1\n"
                     "\n"
                     "[Alias a1]\n"
                     "Match=vendor_id=8086 product_id=154d device_type=type-PF\n"
                     "NumaPolicy=preferred\n"
                     "Unit=group\n");
        const Pool *pool = only_pool(config, "nics");
        const Alias *alias = only_alias(config, "a1");

        assert_string_equal(config->libvirt_uri, "qemu:///session");
        assert_string_equal(pool->description, "10G ports for guests");
        assert_int_equal(pool->n_rules, 2);
        assert_rule(pool->rules[0], "vendor_id=8086 product_id=154d");
        assert_rule(pool->rules[1], "address=0000:41:*.* tag.physical_network=physnet1");
        assert_int_equal(alias->n_rules, 1);
        assert_rule(alias->rules[0], "vendor_id=8086 product_id=154d device_type=type-PF");
        assert_int_equal(alias->numa_policy, NUMA_PREFERRED);
        assert_int_equal(alias->unit, UNIT_GROUP);
        assert_false(alias->is_nova);
}

static void a_word_with_blanks_stands_in_quotes(void **state) {
        _cleanup_(config_freep) Config *config =
                load("[Pool a]\nMatch=\"tag.rack=row 4\"\t\"vendor_id=8086\" class=02\n");

        assert_rule(only_pool(config, "a")->rules[0], "tag.rack=row 4 vendor_id=8086 class=02");
}

static void files_are_read_as_one(void **state) {
        _cleanup_(config_freep) Config *config = NULL;
        const Pool *pool;

        made_text("1", "[Pool b]\nDescription=one\nMatch=vendor_id=0001\n[Pool a]\n[Alias x]\n"
                       "Unit=slot\n[Service]\nLibvirtUri=test:///one\n");
        made_text("2", "[Pool b]\nDescription=two\nMatch=vendor_id=0002\n[Alias x]\n"
                       "Unit=\nMatch=vendor_id=0003\n[Service]\nLibvirtUri=test:///two\n");
        config = load_files((char *[]){ (char *) "1", (char *) "2", NULL });

        assert_string_equal(config->libvirt_uri, "test:///two");
        assert_int_equal(config->catalog.n_pools, 2);
        pool = config->catalog.pools[0];
        assert_string_equal(pool->name, "b");
        assert_string_equal(pool->description, "two");
        assert_int_equal(pool->n_rules, 2);
        assert_rule(pool->rules[1], "vendor_id=0002");
        assert_int_equal(only_alias(config, "x")->unit, UNIT_FUNCTION);
}

static void an_empty_match_forgets_the_lines_before_it(void **state) {
        _cleanup_(config_freep) Config *config =
                load("[Pool a]\nMatch=vendor_id=0001\nMatch=vendor_id=0002\nMatch=\n"
                     "Match=vendor_id=0003\n"
                     "[Alias a]\nMatch=vendor_id=0001\nMatch= \n");

        assert_int_equal(only_pool(config, "a")->n_rules, 1);
        assert_rule(only_pool(config, "a")->rules[0], "vendor_id=0003");
        assert_int_equal(only_alias(config, "a")->n_rules, 0);
}

static void an_error_names_file_line_and_fault(void **state) {
        static const struct {
                const char *text, *why;
        } cases[] = {
                { "x", "a.conf:1: 'x' stands before any section" },
                { "[Servce]\n", "a.conf:1: unknown section [Servce]; perhaps [Service] was meant" },
                { "[Pols a]\n", "a.conf:1: unknown section [Pols a]; perhaps [Pool] was meant" },
                { "[Service a]\n",
                  "a.conf:1: unknown section [Service a]; perhaps [Service] was meant" },
                { "[database]\n", "a.conf:1: unknown section [database]" },
                { "[Pool]\n", "a.conf:1: [Pool] lacks a name: [Pool NAME]" },
                { "\n[Alias a b]\n",
                  "a.conf:2: 'a b' is not a name: 1 to 64 letters, digits, '-', '_' or '.', "
                  "beginning with a letter or digit" },
                { "[Pool a]\nMach=vendor_id=8086\n",
                  "a.conf:2: unknown key 'Mach' in [Pool]; perhaps Match was meant" },
                { "[Pool a]\nUnit=slot\n", "a.conf:2: unknown key 'Unit' in [Pool]" },
                { "[Service]\nlibvirt\n", "a.conf:2: 'libvirt' has no =" },
                { "[Service]\nLibvirt=x\n",
                  "a.conf:2: unknown key 'Libvirt' in [Service]; perhaps LibvirtUri was meant" },
                { "[Pool a]\n\nMatch=vendor_id\n", "a.conf:3: 'vendor_id' is not KEY=VALUE" },
                { "[Pool a]\nMatch=\"\"\n", "a.conf:2: '' is not KEY=VALUE" },
                { "[Pool a]\nMatch=\"tag.a=b c\n",
                  "a.conf:2: \"tag.a=b c lacks its closing quote" },
                { "[Pool a]\nMatch=tag.a=\"b c\"\n",
                  "a.conf:2: in tag.a=\"b the quotes must stand around the whole word" },
                { "[Pool a]\nMatch=\"tag.a=b\"c=d\n",
                  "a.conf:2: no blank after the quote in \"tag.a=b\"c=d" },
                { "[Pool a]\nMatch=vendor=8086\n",
                  "a.conf:2: unknown match key vendor; perhaps vendor_id was meant" },
                { "[Pool a]\nMatch=vendorid=8086\n",
                  "a.conf:2: unknown match key vendorid; perhaps vendor_id was meant" },
                { "[Pool a]\nMatch=vendor_id=80867\n",
                  "a.conf:2: vendor_id=80867: the value must be 4 hex digits" },
                { "[Pool a]\nMatch=device_type=type-PF\n",
                  "a.conf:2: match key device_type has no meaning in a pool" },
                { "[Pool a]\nMatch=bus=3[b\n",
                  "a.conf:2: bus=3[b: the value must be a regular expression" },
                { "[Pool a]\nMatch=class=02 class=03\n", "a.conf:2: match key class stands twice" },
                { "[Alias a]\nNumaPolicy=strict\n",
                  "a.conf:2: NumaPolicy: 'strict' is not legacy, preferred, required or socket" },
                { "[Alias a]\nUnit=card\n",
                  "a.conf:2: Unit: 'card' is not function, slot or group" },
                { "[Pool a]\nDescription=a\xe2\x80\xae"
                  "b\n",
                  "a.conf:2: Description has characters that cannot be shown" },
                { "[Service]\nLibvirtUri=a\x1b\n",
                  "a.conf:2: LibvirtUri has characters that cannot be shown" },
                { "[Pool a]\nK\x1b=1\n", "a.conf:2: unknown key 'K?' in [Pool]" },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++)
                assert_refused(cases[i].text, cases[i].why);
}

static void the_lines_of_novas_guide_work_when_pasted(void **state) {
        _cleanup_(config_freep) Config *config =
                load("[pci]\n"
                     "device_spec = { \"address\": \"0000:41:00.0\" }\n"
                     "device_spec = { \"vendor_id\": \"8086\", \"product_id\": \"154d\" }\n"
                     "alias = { \"vendor_id\":\"8086\", \"product_id\":\"154d\", "
                     "\"device_type\":\"type-PF\", \"name\":\"a1\" }\n");
        const Pool *pool = only_pool(config, "nova");
        const Alias *alias = only_alias(config, "a1");

        assert_int_equal(pool->n_rules, 2);
        assert_rule(pool->rules[0], "address=0000:41:00.0");
        assert_rule(pool->rules[1], "vendor_id=8086 product_id=154d");
        assert_int_equal(alias->n_rules, 1);
        assert_rule(alias->rules[0], "vendor_id=8086 product_id=154d device_type=type-PF");
        assert_true(alias->is_nova);
        assert_int_equal(alias->numa_policy, NUMA_LEGACY);
        assert_int_equal(alias->unit, UNIT_FUNCTION);
        assert_null(config->warnings);
}

static void the_old_names_of_novas_options_work(void **state) {
        _cleanup_(config_freep) Config *config =
                load("[DEFAULT]\n"
                     "pci_passthrough_whitelist: [{\"vendor_id\": \"8086\"},\n"
                     "  {\"vendor_id\": \"10de\"}]\n"
                     "pci_alias = '{\"vendor_id\": \"8086\", \"name\": \" big nic \"}'\n"
                     "[pci]\n"
                     "passthrough_whitelist = {\"devname\": \"eth0\"}\n");

        assert_int_equal(only_pool(config, "nova")->n_rules, 3);
        assert_rule(only_pool(config, "nova")->rules[1], "vendor_id=10de");
        assert_rule(only_pool(config, "nova")->rules[2], "devname=eth0");
        assert_rule(only_alias(config, "big nic")->rules[0], "vendor_id=8086");
}

static void a_nova_conf_may_be_linked_here(void **state) {
        _cleanup_(config_freep) Config *config = load("[DEFAULT]\n"
                                                      "debug = true\n"
                                                      "enabled_filters = A,\n"
                                                      "   B\n"
                                                      "my_ip: 10.0.0.1\n"
                                                      "[libvirt]\n"
                                                      "virt_type = kvm\n"
                                                      "line of whatever\n"
                                                      "  more of it\n"
                                                      "[pci]\n"
                                                      "report_in_placement = true\n"
                                                      "device_spec = {\"vendor_id\": \"8086\"}\n"
                                                      "[service_user]\n"
                                                      "password = a:b=c\n"
                                                      "[Pool own]\n"
                                                      "Match = vendor_id=10de\n");

        assert_int_equal(config->catalog.n_pools, 2);
        assert_string_equal(config->catalog.pools[0]->name, "nova");
        assert_string_equal(config->catalog.pools[1]->name, "own");
        assert_refused("[Pool own]\nMach=x=y\n[pci]\n",
                       "a.conf:2: unknown key 'Mach' in [Pool]; perhaps Match was meant");
}

static void novas_pool_stands_where_its_first_line_stands(void **state) {
        _cleanup_(config_freep) Config *config =
                load("[Pool a]\n[pci]\nalias={\"name\":\"x\"}\ndevice_spec={\"devname\":\"e\"}\n"
                     "[Pool b]\n[pci]\ndevice_spec={\"devname\":\"f\"}\n");

        assert_int_equal(config->catalog.n_pools, 3);
        assert_string_equal(config->catalog.pools[1]->name, "nova");
        assert_int_equal(config->catalog.pools[1]->n_rules, 2);
}

static void names_that_both_syntaxes_claim_are_refused(void **state) {
        assert_refused("[pci]\ndevice_spec={\"devname\":\"e\"}\n[Pool nova]\n",
                       "a.conf:3: [Pool nova]: that name is for what Nova's device_spec makes");
        assert_refused("[Pool nova]\nMatch=vendor_id=8086\n",
                       "a.conf:1: [Pool nova]: that name is for what Nova's device_spec makes");
        assert_refused("[pci]\nalias={\"name\":\"x\"}\n[Alias x]\n",
                       "a.conf:3: [Alias x]: a line of Nova's above makes the alias of that name");
        assert_refused("[Alias x]\n[pci]\nalias={\"name\":\"x\"}\n",
                       "a.conf:3: alias: [Alias x] stands above");
}

static void a_line_that_allows_everything_gets_a_warning(void **state) {
        _cleanup_(config_freep) Config *config =
                load("[pci]\ndevice_spec={\"vendor_id\":\"8086\"}\ndevice_spec = \n  {}\n");

        assert_int_equal(only_pool(config, "nova")->n_rules, 2);
        assert_int_equal(list_length(config->warnings), 1);
        assert_string_equal(config->warnings[0],
                            "a.conf:3: this line puts every device of the host that is no bridge "
                            "into the pool nova");
}

static void what_is_ignored_but_looks_like_ours_gets_a_warning(void **state) {
        _cleanup_(config_freep) Config *config =
                load("[pci]\ndevice_specs = {\"vendor_id\":\"8086\"}\nreport_in_placement = true\n"
                     "[Pol nics]\n[placement]\n[api]\n[vault]\n[spice]\n[pci_x]\n");

        assert_int_equal(config->catalog.n_pools, 0);
        assert_int_equal(list_length(config->warnings), 3);
        assert_string_equal(config->warnings[0], "a.conf:2: key 'device_specs' in [pci] is "
                                                 "ignored; perhaps device_spec was meant");
        assert_string_equal(config->warnings[1],
                            "a.conf:4: section [Pol nics] is ignored; perhaps [Pool] was meant");
        assert_string_equal(config->warnings[2],
                            "a.conf:9: section [pci_x] is ignored; perhaps [pci] was meant");
}

static void an_error_in_novas_lines_names_file_and_line(void **state) {
        assert_refused("[pci]\ndevice_spec =\n",
                       "a.conf:2: device_spec: not JSON: '[' or '{' expected near end of file");
        assert_refused(
                "[pci]\n\nalias={\"name\":\"x\"}\nalias=\n {\"name\":\"x\",\n"
                "  \"numa_policy\":\"socket\"}\n",
                "a.conf:4: alias: 'x' has numa_policy socket, in a line above it has legacy");
        assert_refused("[pci]\ndevice_spec={\"vendor\":\"10de\"}\n",
                       "a.conf:2: device_spec: unknown key 'vendor'; perhaps vendor_id was meant");
}

static void a_file_that_cannot_be_read_is_an_error(void **state) {
        static const char *const names[] = { "missing", "directory", "pipe" };
        static const char *const why[] = { "missing: No such file or directory",
                                           "directory: not a regular file",
                                           "pipe: not a regular file" };

        assert_int_equal(mkdir("directory", 0700), 0);
        assert_int_equal(mkfifo("pipe", 0600), 0);
        for (size_t i = 0; i < N_ELEMENTS(names); i++) {
                _cleanup_(refusal_done) Refusal refusal = { 0 };
                Config *config;

                assert_int_equal(
                        config_load((char *[]){ (char *) names[i], NULL }, &config, &refusal),
                        CONFIG_INVALID);
                assert_string_equal(refusal.text, why[i]);
        }
}

/* Checks which files are read, as the words of @expected. */
static void assert_files(const char *expected) {
        _cleanup_(list_freep) char **files = NULL;
        _cleanup_(freep) char *joined = NULL;

        assert_int_equal(config_files("vendor", "etc", &files, NULL), 0);
        joined = list_join(files, " ");
        assert_string_equal(joined, expected);
}

static void make_directories(void) {
        assert_int_equal(mkdir("vendor", 0700), 0);
        assert_int_equal(mkdir("vendor/hostdevd.conf.d", 0700), 0);
        assert_int_equal(mkdir("etc", 0700), 0);
        assert_int_equal(mkdir("etc/hostdevd.conf.d", 0700), 0);
}

static void missing_directories_are_empty_ones(void **state) {
        assert_files("");
        assert_int_equal(mkdir("etc", 0700), 0);
        assert_files("");
        made_text("etc/hostdevd.conf", "x");
        assert_files("etc/hostdevd.conf");
}

static void the_vendors_files_come_first_then_ours_in_name_order(void **state) {
        make_directories();
        made_text("etc/hostdevd.conf", "x");
        made_text("etc/hostdevd.conf.d/20-b.conf", "x");
        made_text("etc/hostdevd.conf.d/10-a.conf", "x");
        made_text("vendor/hostdevd.conf.d/50-z.conf", "x");
        made_text("vendor/hostdevd.conf.d/05-y.conf", "x");

        assert_files("vendor/hostdevd.conf.d/05-y.conf vendor/hostdevd.conf.d/50-z.conf "
                     "etc/hostdevd.conf etc/hostdevd.conf.d/10-a.conf "
                     "etc/hostdevd.conf.d/20-b.conf");
}

static void only_drop_ins_that_are_called_conf_are_read(void **state) {
        make_directories();
        made_text("etc/hostdevd.conf.d/.hidden.conf", "x");
        made_text("etc/hostdevd.conf.d/a.conf~", "x");
        made_text("etc/hostdevd.conf.d/a.conf.dpkg-old", "x");
        made_text("etc/hostdevd.conf.d/README", "x");
        made_text("etc/hostdevd.conf.d/.conf", "x");
        assert_int_equal(mkdir("etc/hostdevd.conf.d/dir.conf", 0700), 0);
        assert_files("");
}

static void a_file_hides_the_vendors_of_the_same_name(void **state) {
        make_directories();
        made_text("vendor/hostdevd.conf.d/a.conf", "x");
        made_text("vendor/hostdevd.conf.d/b.conf", "x");
        made_text("vendor/hostdevd.conf.d/c.conf", "x");
        made_text("vendor/hostdevd.conf.d/d.conf", "x");
        made_text("etc/hostdevd.conf.d/a.conf", "x");
        made_text("etc/hostdevd.conf.d/b.conf", "");
        assert_int_equal(symlink("/dev/null", "etc/hostdevd.conf.d/c.conf"), 0);
        assert_files("vendor/hostdevd.conf.d/d.conf etc/hostdevd.conf.d/a.conf");
}

static void a_link_to_nowhere_is_an_error_when_read(void **state) {
        _cleanup_(list_freep) char **files = NULL;
        _cleanup_(refusal_done) Refusal refusal = { 0 };
        Config *config;

        make_directories();
        assert_int_equal(symlink("nowhere", "etc/hostdevd.conf"), 0);
        assert_int_equal(config_files("vendor", "etc", &files, NULL), 0);
        assert_int_equal(config_load(files, &config, &refusal), CONFIG_INVALID);
        assert_string_equal(refusal.text, "etc/hostdevd.conf: No such file or directory");
}

#define TEST(function) cmocka_unit_test_setup(function, made_directory_empty)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(no_file_gives_the_defaults),
                TEST(the_example_of_the_contract_is_read),
                TEST(a_word_with_blanks_stands_in_quotes),
                TEST(files_are_read_as_one),
                TEST(an_empty_match_forgets_the_lines_before_it),
                TEST(an_error_names_file_line_and_fault),
                TEST(the_lines_of_novas_guide_work_when_pasted),
                TEST(the_old_names_of_novas_options_work),
                TEST(a_nova_conf_may_be_linked_here),
                TEST(novas_pool_stands_where_its_first_line_stands),
                TEST(names_that_both_syntaxes_claim_are_refused),
                TEST(a_line_that_allows_everything_gets_a_warning),
                TEST(what_is_ignored_but_looks_like_ours_gets_a_warning),
                TEST(an_error_in_novas_lines_names_file_and_line),
                TEST(a_file_that_cannot_be_read_is_an_error),
                TEST(missing_directories_are_empty_ones),
                TEST(the_vendors_files_come_first_then_ours_in_name_order),
                TEST(only_drop_ins_that_are_called_conf_are_read),
                TEST(a_file_hides_the_vendors_of_the_same_name),
                TEST(a_link_to_nowhere_is_an_error_when_read),
        };

        return cmocka_run_group_tests(tests, made_directory_enter, made_directory_leave);
}
