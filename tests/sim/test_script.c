/* Scripts: what they may say, and how a mistake is reported. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/fleet.h"

static void test_good_lines(void **state)
{
    static const struct {
        const char *line, *verb;
        int64_t at, every, duration;
        int times;
    } table[] = {
        {"at 3s crash lobby-03", "crash", 3000, 0, 0, 0},
        {"at 500ms crash lobby-01 for 2m", "crash", 500, 0, 120000, 0},
        {"at 5s give-up kitchen-1 display.service", "give-up", 5000, 0, 0, 0},
        {"at 5s give-up kitchen-1", "give-up", 5000, 0, 0, 0},
        {"  at 8s\tflap hall-2 6 times every 2s", "flap", 8000, 2000, 0, 6},
        {"at 12s cut-group vienna-2 for 20s", "cut-group", 12000, 0, 20000, 0},
        {"at 20s broker stop for 6s", "broker", 20000, 0, 6000, 0},
        {"at 0s broker kill", "broker", 0, 0, 0, 0},
        {"at 1s broker restart\r", "broker", 1000, 0, 0, 0},
        {"at 1s log hall-1 error HDMI: no signal", "log", 1000, 0, 0, 0},
        {"at 1s recover hall-1", "recover", 1000, 0, 0, 0},
    };
    (void)state;

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct script s;
        struct err e = {0};
        if (!script_parse(&s, "story.txt", table[i].line, 24, false, &e))
            fail_msg("%s: %s", table[i].line, e.text);
        assert_int_equal(s.n, 1);
        assert_string_equal(s.steps[0].verb->name, table[i].verb);
        assert_int_equal(s.steps[0].at, table[i].at);
        assert_int_equal(s.steps[0].every, table[i].every);
        assert_int_equal(s.steps[0].duration, table[i].duration);
        assert_int_equal(s.steps[0].times, table[i].times);
        script_fini(&s);
    }
}

static void test_mistakes(void **state)
{
    static const struct {
        const char *text, *says;
    } table[] = {
        {"# a comment\n\nat 1s crsh lobby-01\n",
         "story.txt:3: unknown verb \"crsh\": did you mean crash?"},
        {"at 1s explode lobby-01",
         "story.txt:1: unknown verb \"explode\": docs/demo-scripts.md lists them"},
        {"at 1s flop hall-1 2 times every 1s", "did you mean flap?"},
        {"crash lobby-01", "story.txt:1: \"crash\" where \"at\" was expected"},
        {"at soon crash lobby-01", "story.txt:1: \"soon\" is no duration: write 500ms, 3s or 2m"},
        {"at 1s", "story.txt:1: what is to happen is missing"},
        {"at 1s crash", "the name of a device is missing: crash NAME [for TIME]"},
        {"at 1s crash lobby-99", "no device is called \"lobby-99\": the fleet of 24"},
        {"at 1s cut-group paris-1", "no group is called \"paris-1\""},
        {"at 1s crash lobby-01 for ever", "\"ever\" is no duration"},
        {"at 1s crash lobby-01 during 3s", "\"during\" where \"for\" was expected"},
        {"at 1s crash-loop lobby-01 twice", "\"twice\" is one word too many"},
        {"at 1s flap hall-1 many times every 2s", "\"many\" is no number of times"},
        {"at 1s flap hall-1 0 times every 2s", "\"0\" is no number of times"},
        {"at 1s log hall-1 loud x", "\"loud\" is no level"},
        {"at 1s log hall-1 info", "the text is missing"},
        {"at 1s broker explode", "\"explode\" can't be done to a broker"},
        {"at 1s \033[31mcrash lobby-01", "story.txt:1: unknown verb"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct script s;
        struct err e = {0};
        assert_false(script_parse(&s, "story.txt", table[i].text, 24, false, &e));
        assert_int_equal(e.code, EXIT_USAGE);
        if (!strstr(e.text, table[i].says) || strchr(e.text, '\033'))
            fail_msg("%s: %s", table[i].text, e.text);
    }
}

static void test_order_and_long_lines(void **state)
{
    struct script s;
    struct err e = {0};
    char text[700];
    (void)state;

    assert_true(script_parse(&s, "x", "at 9s crash hall-1\nat 1s crash gate-1\nat 1s crash foyer-1",
                             24, false, &e));
    assert_string_equal(s.steps[0].name, "gate-1");
    assert_string_equal(s.steps[1].name, "foyer-1");
    assert_string_equal(s.steps[2].name, "hall-1");
    script_fini(&s);
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_false(script_parse(&s, "x", text, 24, false, &e));
    assert_non_null(strstr(e.text, "too long"));
}

static void test_files(void **state)
{
    char path[] = "/tmp/infoscreen-script-XXXXXX";
    struct err e = {0};
    const int fd = mkstemp(path);
    (void)state;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, "at 1s crash lobby-99\n", 21), 21);
    assert_true(sim_check_script(path, &e)); /* without a fleet names aren't looked at */
    assert_false(sim_check_script_for(path, 24, &e));
    close(fd);
    unlink(path);
    assert_false(sim_check_script(path, &e));
    assert_int_equal(e.code, EXIT_USAGE);
    assert_false(sim_check_script("/", &e));
}

/* The story that runs without a script has no line that a fleet of the usual size can't play. */
static void test_own_story(void **state)
{
    struct script s;
    struct err e = {0};
    (void)state;

    if (!script_parse(&s, "story", story_text, 24, false, &e))
        fail_msg("%s", e.text);
    assert_true(s.n >= 10);
    script_fini(&s);
    assert_true(
        script_parse(&s, "story", story_text, 1, true, &e)); /* the smallest fleet: less of it */
    assert_int_equal(e.code, 0);
    assert_true(s.n > 0);
    script_fini(&s);
}

static void test_names_differ(void **state)
{
    enum { N = 2000 };
    static char uuids[N][UID_TEXT], names[N][SIM_NAME];
    char again[UID_TEXT];
    struct uid u;
    (void)state;

    for (int i = 0; i < N; i++) {
        sim_uuid(7, i, uuids[i]);
        sim_name(i, names[i]);
        assert_true(uid_parse(uuids[i], strlen(uuids[i]), &u));
        for (int k = 0; k < i; k++)
            if (memcmp(uuids[i], uuids[k], 8) == 0 || strcmp(names[i], names[k]) == 0)
                fail_msg("%d and %d: %s %s", k, i, uuids[i], names[i]);
    }
    sim_uuid(7, 5, again);
    assert_string_equal(again, uuids[5]);
    sim_uuid(8, 5, again);
    assert_string_not_equal(again, uuids[5]);
}

/* Each verb is told in the documentation, as it is written in the table. */
static void test_documented(void **state)
{
    static char text[65536];
    FILE *f = fopen("docs/demo-scripts.md", "r");
    (void)state;

    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    for (size_t i = 0; verb_at(i); i++) {
        char usage[96];
        snprintf(usage, sizeof usage, "`%s`", verb_at(i)->usage);
        for (char *bar = strchr(usage, '|'); bar;
             bar = strchr(bar + 2, '|')) { /* | ends a table's cell */
            memmove(bar + 1, bar, strlen(bar) + 1);
            *bar = '\\';
        }
        if (!strstr(text, usage) || !strstr(text, verb_at(i)->help))
            fail_msg("docs/demo-scripts.md lacks %s: %s", usage, verb_at(i)->help);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_lines),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_order_and_long_lines),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_own_story),
        cmocka_unit_test(test_names_differ),
        cmocka_unit_test(test_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
