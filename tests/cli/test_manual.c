/* The manual has every subcommand, option and configuration key. Run from the top of the tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "cli/call.h"

static struct buf page;

static int read_page(void **state)
{
    FILE *f = fopen("infoscreen-tui.1", "r");
    char chunk[4096];
    size_t n;

    (void)state;
    if (!f)
        return -1;
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
        buf_append(&page, chunk, n);
    fclose(f);
    return 0;
}

static int drop_page(void **state)
{
    (void)state;
    buf_fini(&page);
    return 0;
}

static void assert_in_page(const char *text)
{
    if (!strstr(page.data, text))
        fail_msg("the manual says nothing of: %s", text);
}

static void test_subcommands(void **state)
{
    unsigned n;
    const struct subcommand *s = cli_subcommands(&n);
    char macro[80];
    (void)state;

    for (unsigned i = 0; i < n; i++) {
        if (s[i].flags & SUB_HIDDEN || !s[i].name[0])
            continue;
        snprintf(macro, sizeof macro, ".It Cm %s", s[i].name);
        assert_in_page(macro);
        if (s[i].alias)
            assert_in_page(s[i].alias);
    }
}

static void assert_options(const struct cli_option *o, unsigned n)
{
    char macro[80];

    for (unsigned i = 0; i < n; i++) {
        if (o[i].name) {
            snprintf(macro, sizeof macro, "Fl -%s", o[i].name);
            assert_in_page(macro);
        }
        if (o[i].env)
            assert_in_page(o[i].env);
    }
}

static void test_options(void **state)
{
    unsigned n;
    const struct cli_option *global = cli_global_options(&n);
    (void)state;

    assert_options(global, n);
    const struct subcommand *s = cli_subcommands(&n);
    for (unsigned i = 0; i < n; i++)
        assert_options(s[i].options, s[i].option_count);
}

/* A key for each kind of alarm stands as one row, alarms.on_delay.KIND. */
static void test_configuration(void **state)
{
    unsigned n;
    const struct config_key *k = config_keys(&n);
    char row[120];
    (void)state;

    for (unsigned i = 0; i < n; i++) {
        const char *last = strrchr(k[i].name, '.');
        const int whole = (int)strlen(k[i].name);
        const bool of_kind = vocabulary_find(alarm_kinds, ALARM_KINDS, last + 1) >= 0;
        snprintf(row, sizeof row, ".It Ic %.*s%s No = %s\n",
                 of_kind ? (int)(last - k[i].name) : whole, k[i].name, of_kind ? ".KIND" : "",
                 k[i].preset[0] ? k[i].preset : "(empty)");
        assert_in_page(row);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_subcommands),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_configuration),
    };
    return cmocka_run_group_tests(tests, read_page, drop_page);
}
