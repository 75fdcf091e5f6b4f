/* Roles, theme files, and colours on terminals that have fewer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ui/theme.h"

static void test_styles(void **state)
{
    struct style s;
    struct err e = {0};

    (void)state;
    assert_true(style_parse("bold #ff8700 on default", &s, &e));
    assert_int_equal(s.fg, COLOUR_RGB | 0xff8700);
    assert_int_equal(s.bg, COLOUR_DEFAULT);
    assert_int_equal(s.attributes, STYLE_BOLD);
    assert_true(style_parse("bright-red on 236 underline dim", &s, &e));
    assert_int_equal(s.fg, 9);
    assert_int_equal(s.bg, 236);
    assert_int_equal(s.attributes, STYLE_UNDERLINE | STYLE_DIM);
    static const char *const bad[] = {"mauve", "256", "#12345", "bold bolder", "-1", "on 300"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(style_parse(bad[i], &s, &e));
}

static void test_default_file_is_what_is_compiled_in(void **state)
{
    struct theme compiled, read;
    struct err e = {0};

    (void)state;
    theme_init(&compiled);
    if (!theme_read(&read, "themes/default.theme", &e))
        fail_msg("%s", e.text);
    assert_memory_equal(&compiled, &read, sizeof compiled);
    for (int r = 1; r < ROLE_COUNT; r++) /* it is also the list of all roles */
        assert_true(compiled.named[r]);
    assert_int_equal(compiled.style[ROLE_ALERT_SERVICE_FAILED].fg, COLOUR_RGB | 0xff8700);
}

static bool read_text(struct theme *t, const char *text, struct err *e)
{
    char path[] = "/tmp/theme-XXXXXX";
    const int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    const bool ok = theme_read(t, path, e);
    unlink(path);
    return ok;
}

static void test_files(void **state)
{
    struct theme t, before;
    struct err e = {0};

    (void)state;
    theme_init(&t);
    before = t;
    assert_false(read_text(&t, "[alert]\nservice_failed = orange-ish\n", &e));
    assert_non_null(strstr(e.text, ":2: "));
    assert_non_null(strstr(e.text, "orange-ish"));
    assert_false(read_text(&t, "[alert]\nborder = red\n\n[alert]\nnoise = red\n", &e));
    if (!strstr(e.text, "noise: no such role"))
        fail_msg("%s", e.text);
    assert_memory_equal(&t, &before, sizeof t);
    assert_true(read_text(&t, "[theme]\nname = x\n[alert]\nservice_failed = 3\n", &e));
    assert_int_equal(t.style[ROLE_ALERT_SERVICE_FAILED].fg, 3);
    assert_int_equal(t.style[ROLE_ALERT_CRASHED].fg, 3); /* looks like its parent */
    assert_int_equal(t.style[ROLE_STATE_CRASHED].fg, 3);
    assert_int_equal(t.style[ROLE_LOG_TEXT].fg, COLOUR_DEFAULT);
    assert_false(theme_load(&t, "no-such", "themes:/tmp", &e));
    assert_true(theme_load(&t, "default", "/nowhere", &e));
}

/* Also on the Linux console, where few colours are near one. */
static void check_few_colours(const struct theme *t, const char *name)
{
    static const int32_t colours[] = {8, 16};
    const int32_t well = t->style[ROLE_STATE_ONLINE].fg, bad = t->style[ROLE_STATE_SERVICE_FAILED].fg;

    for (size_t i = 0; well != bad && i < sizeof colours / sizeof *colours; i++) {
        if (colour_nearest(well, colours[i]) == colour_nearest(bad, colours[i]))
            fail_msg("%s: %d colours: online looks like service failed", name, (int)colours[i]);
    }
}

static void test_every_theme_loads(void **state)
{
    static const char *const names[] = {"default", "light",        "high-contrast",
                                        "mono",    "colour-blind", "night"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct theme t;
        struct err e = {0};
        if (!theme_load(&t, names[i], "themes", &e))
            fail_msg("%s", e.text);
        /* what has given up must not look like what is well */
        assert_memory_not_equal(&t.style[ROLE_STATE_SERVICE_FAILED], &t.style[ROLE_STATE_ONLINE],
                                sizeof *t.style);
        check_few_colours(&t, names[i]);
        assert_memory_not_equal(&t.style[ROLE_TABLE_CURSOR], &t.style[ROLE_SCREEN_TEXT],
                                sizeof *t.style);
    }
}

static void test_nearest_colour(void **state)
{
    (void)state;
    assert_int_equal(colour_nearest(COLOUR_RGB | 0xff8700, 256), 208);
    assert_int_equal(colour_nearest(208, 256), 208);
    assert_int_equal(colour_nearest(COLOUR_RGB | 0xff0000, 8), 1);
    assert_int_equal(colour_nearest(COLOUR_RGB | 0xffffff, 16), 15);
    assert_int_equal(colour_nearest(0, 8), 0);
    assert_int_equal(colour_nearest(COLOUR_RGB | 0x123456, COLOUR_RGB), 0x123456);
    assert_int_equal(colour_nearest(COLOUR_RGB | 0xff8700, 0), COLOUR_DEFAULT);
    assert_int_equal(colour_nearest(COLOUR_DEFAULT, 256), COLOUR_DEFAULT);
}

/* Without colours, what must be seen differs in attributes from plain text. */
static void test_mono(void **state)
{
    static const enum role roles[] = {
        ROLE_ALERT_SERVICE_FAILED, ROLE_ALERT_CRASHED, ROLE_ALERT_WIDE,      ROLE_TABLE_CURSOR,
        ROLE_BANNER_WIDE,          ROLE_VALUE_WARNING, ROLE_HEADER_READ_ONLY};
    struct theme t;

    (void)state;
    theme_init(&t);
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        assert_int_not_equal(theme_attributes(&t, roles[i], 0), 0);
    assert_int_equal(theme_attributes(&t, ROLE_SCREEN_TEXT, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_styles),
        cmocka_unit_test(test_default_file_is_what_is_compiled_in),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_every_theme_loads),
        cmocka_unit_test(test_nearest_colour),
        cmocka_unit_test(test_mono),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
