/* What happened, on the screen: incidents, the hand-over, a file, and the fleet as it was. The real program on
 * a terminal emulator over a real Mosquitto. */
#include "console.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const struct scene usual = {.terminal = {.rows = 36, .cols = 120}};

static void report(struct term *t, const char *status, const char *shown)
{
    device_beats_until(t, LOBBY, "lobby-03", status, shown);
}

static void read_file(const char *path, char *out, size_t size)
{
    FILE *f = fopen(path, "r");

    assert_non_null(f);
    out[fread(out, 1, size - 1, f)] = '\0';
    fclose(f);
}

static void test_an_incident_is_worked_on_and_handed_over(void **state)
{
    char keys[RIG_PATH + 32], path[RIG_PATH + 16], text[8192];
    struct term *t = *state;

    report(t, "crashed", "ALARMS 1");
    term_type(t, "i");
    term_expect(t, "INCIDENT lobby-03: display_manager crashed", WAIT);
    term_type(t, "non my way\r");
    term_expect(t, "on my way", WAIT); /* the timeline comes out of the database */
    snprintf(path, sizeof path, "%s/night.md", rig.dir);
    snprintf(keys, sizeof keys, "e\025%s\r", path); /* Ctrl-U: another name */
    term_type(t, keys);
    term_expect(t, "written to", WAIT);
    read_file(path, text, sizeof text);
    assert_non_null(strstr(text, "## lobby-03: display_manager crashed"));
    assert_non_null(strstr(text, "on my way"));
    term_type(t, keys);
    term_expect(t, "exists already", WAIT);

    term_type(t, "H");
    term_expect(t, "Open, and who has it", WAIT);
    term_type(t, "\rberta\r");
    term_expect(t, "handed over to berta", WAIT);
    term_type(t, "H");
    term_expect(t, "handed over by anna", WAIT);
}

static void test_the_fleet_as_it_was(void **state)
{
    char keys[64], iso[40];
    struct timespec then;
    struct tm tm;
    struct term *t = *state;

    report(t, "crashed", "✖ 1 crashed");
    clock_gettime(CLOCK_REALTIME, &then);
    gmtime_r(&then.tv_sec, &tm);
    strftime(iso, sizeof iso, "%Y-%m-%dT%H:%M:%S", &tm);
    report(t, "running", "● 1 online");
    term_type(t, "6");
    term_expect(t, "lobby-03 is online", WAIT); /* stored, and what came before it too */
    snprintf(keys, sizeof keys, "1t%s.%03ldZ\r", iso, then.tv_nsec / 1000000);
    term_type(t, keys);
    term_expect(t, "PAST", WAIT);
    term_expect(t, "✖ 1 crashed", WAIT);
    term_type(t, "a");
    term_expect(t, "Esc returns to now", WAIT);
    term_type(t, "\033");
    term_expect_gone(t, "PAST", WAIT);
    term_expect(t, "● 1 online", WAIT);
}

static void test_the_history_is_searched(void **state)
{
    struct term *t = *state;

    report(t, "running", "lobby-03");
    term_type(t, "6/kind:state_changed\r");
    term_expect(t, "HISTORY 1 of 1", WAIT);
    term_type(t, "\033");
    term_expect_gone(t, "filter:", WAIT);
    term_type(t, "@1h\r");
    term_expect(t, "up to", WAIT);
    term_expect(t, "nothing happened yet", WAIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCENE(test_an_incident_is_worked_on_and_handed_over, &usual),
        IN_SCENE(test_the_fleet_as_it_was, &usual),
        IN_SCENE(test_the_history_is_searched, &usual),
    };
    return cmocka_run_group_tests(tests, console_group_begin, console_group_end);
}
