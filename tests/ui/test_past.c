/* Incidents and the past on the screen: from an alarm to its incident, notes, files, the hand-over,
 * and that nothing can be done to the fleet as it was. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fleet.h"
#include "ui/panel.h"

static struct fleet f;
static struct intents out;

static int begin(void **state)
{
    (void)state;
    fleet_open(&f, 9, 36, 120, true);
    fleet_trouble(&f);
    fleet_incidents(&f);
    fleet_draw(&f);
    out.count = 0;
    return 0;
}

static int end(void **state)
{
    (void)state;
    fleet_close(&f);
    return 0;
}

static void type(const char *keys)
{
    out.count = 0;
    fleet_type(&f, keys, &out);
}

static bool shows(const char *text)
{
    fleet_draw(&f);
    return strstr(fleet_text(&f), text) != NULL;
}

static struct ui_wishes wishes(void)
{
    struct ui_wishes w;

    desk_wish(&f.desk, &f.model, &w);
    return w;
}

/* ---- incidents ---- */

static void test_from_an_alarm_to_its_incident(void **state)
{
    (void)state;
    type("i"); /* the alarm under the cursor: lobby-03's */
    assert_true(shows("┌ INCIDENT lobby-03: infoscreen-simclient.service gave up"));
    type("1ji");
    assert_true(shows("┌ INCIDENT kitchen-1: display_manager crashed"));
    type("1jji");
    assert_true(shows("no incident of it in the last 12 hours"));
}

/* The answer of the history may come after the key. */
static void test_the_incident_is_found_once_it_is_known(void **state)
{
    const struct past_answer *answer = f.model.told[PAST_INCIDENTS];

    (void)state;
    f.model.told[PAST_INCIDENTS] = NULL;
    type("i");
    assert_false(shows("lobby-03"));
    assert_int_equal(wishes().list[0].kind, PAST_INCIDENTS);
    f.model.told[PAST_INCIDENTS] = answer;
    assert_true(shows("┌ INCIDENT lobby-03"));
}

static void test_note_on_an_incident(void **state)
{
    (void)state;
    type("5nworking on it\r");
    assert_int_equal(out.count, 1);
    assert_int_equal(out.list[0].op.verb, OP_NOTE);
    assert_memory_equal(out.list[0].op.alarm_id, "process_crashed-", 16);
    assert_string_equal(out.list[0].op.mark.clean, "2026-04-05T14:02:25.000Z");
    assert_string_equal(out.list[0].op.note.clean, "working on it");
}

static void test_export(void **state)
{
    (void)state;
    type("5j\re\r");
    assert_int_equal(out.count, 1);
    assert_int_equal(out.list[0].kind, INTENT_EXPORT);
    assert_string_equal(out.list[0].path, "incident-2026-04-05-1133.md");
    assert_non_null(
        strstr(f.desk.export.data, "## lobby-03: infoscreen-simclient.service gave up"));
    assert_non_null(strstr(f.desk.export.data, "calling the janitor"));
    type("2e\r");
    assert_string_equal(out.list[0].path, "clients-2026-04-05-1403.csv");
    assert_non_null(strstr(f.desk.export.data, "lobby-03"));
}

static void test_handing_over(void **state)
{
    (void)state;
    type("H");
    assert_true(shows("Open, and who has it"));
    assert_true(shows("handed over by clara"));
    type("\rberta\r");
    assert_int_equal(out.count, 1);
    assert_int_equal(out.list[0].op.verb, OP_HAND_OVER);
    assert_string_equal(out.list[0].op.note.clean, "berta");
    assert_string_equal(out.list[0].op.by.clean, "anna");
    assert_false(shows("Open, and who has it"));
    f.model.read_only = true;
    type("H\r");
    assert_true(shows("READ-ONLY"));
    assert_int_equal(out.count, 0);
}

static void test_filter(void **state)
{
    (void)state;
    type("5/kitchen\r");
    assert_true(shows("INCIDENTS 1 of 2"));
    type("\033");
    assert_true(shows("INCIDENTS 2"));
}

/* ---- the past ---- */

static void test_nothing_can_be_done_to_the_past(void **state)
{
    (void)state;
    type("t14:00\r");
    const struct ui_wishes w = wishes();
    assert_int_equal(w.list[0].kind, PAST_FLEET);
    assert_int_equal(w.list[0].until_at, FLEET_NOW_WALL - 207000);
    for (int there = 0; there < 2; there++) { /* on its way, and there */
        f.model.in_past = there;
        assert_true(shows(there ? "PAST 14:00:00 " : "PAST 14:00:00: reading"));
        type("anA");
        assert_int_equal(out.count, 0);
        assert_true(shows("Esc returns to now"));
        assert_int_equal(f.desk.layers, 0);
    }
    type("\033");
    f.model.in_past = false;
    assert_int_equal(wishes().count, 0);
    assert_false(shows("PAST"));
    type("a");
    assert_int_equal(out.count, 1);
}

static void test_times_that_cannot_be(void **state)
{
    (void)state;
    type("tsoon\r");
    assert_true(shows("a time such as 03:12"));
    type("\033");
    type("t2030-01-01\r");
    assert_true(shows("a time such as 03:12"));
    assert_true(f.desk.fleet_at == TIME_NONE);
}

/* ---- history and logs ---- */

static void test_history_is_searched_and_jumped_in(void **state)
{
    (void)state;
    type("6/kind:reconnect\r");
    struct past_question q = wishes().list[0];
    assert_int_equal(q.kind, PAST_HISTORY);
    assert_string_equal(q.filter, "kind:reconnect");
    assert_true(q.until_at == TIME_NONE);
    type("\033");
    type("@13:00\r");
    q = wishes().list[0];
    assert_string_equal(q.filter, "");
    assert_int_equal(q.until_at, FLEET_NOW_WALL - 3807000);
    assert_true(shows("up to 13:00:00, Esc: now"));
    type("\033");
    assert_true(wishes().list[0].until_at == TIME_NONE);
}

/* Below the last row the older ones follow. */
static void test_older_lines_follow(void **state)
{
    struct past_answer a = {.question = {.kind = PAST_HISTORY}, .serial = 9, .more = true};

    (void)state;
    a.searched_to_at = FLEET_NOW_WALL - 5000;
    a.events = f.answer[PAST_INCIDENTS].incidents.events;
    a.event_count = 3;
    f.model.told[PAST_HISTORY] = &a;
    type("6");
    assert_true(shows("HISTORY 3"));
    type("jj");
    assert_true(wishes().list[0].until_at == TIME_NONE);
    type("j");
    assert_int_equal(wishes().list[0].until_at, a.searched_to_at);
}

/* To the end of a sheet, however long it is. */
static void test_the_end_of_a_sheet(void **state)
{
    (void)state;
    type("\r");
    assert_true(shows("first seen"));
    type("G");
    assert_true(shows("last health report"));
    type("\033");
    cells_resize(&f.cells, 12, 80);
    type("5j\rG");
    assert_true(shows("alarm cleared"));
    assert_false(shows("acknowledged          by berta"));
}

static void test_what_helped(void **state)
{
    struct past_answer a = {.question = {.kind = PAST_CLIENT, .client = fleet_uid(0)}, .serial = 9};

    (void)state;
    a.client.raised[ALARM_SERVICE_FAILED] = 4;
    a.client.last_at[ALARM_SERVICE_FAILED] = FLEET_NOW_WALL - 3600000;
    a.client.remedy[ALARM_SERVICE_FAILED][ACTION_RESTART_APP] = (struct past_remedy){3, 2};
    a.client.by_itself[ALARM_SERVICE_FAILED] = 1;
    type("\r");
    assert_int_equal(wishes().list[0].kind, PAST_CLIENT);
    f.model.told[PAST_CLIENT] = &a;
    assert_true(shows("IN THE LAST 30 DAYS"));
    assert_true(shows(
        "4 times, last today 13:03, restart app helped 2 of 3 times, 1 time it passed by itself"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_from_an_alarm_to_its_incident, begin, end),
        cmocka_unit_test_setup_teardown(test_the_incident_is_found_once_it_is_known, begin, end),
        cmocka_unit_test_setup_teardown(test_note_on_an_incident, begin, end),
        cmocka_unit_test_setup_teardown(test_export, begin, end),
        cmocka_unit_test_setup_teardown(test_handing_over, begin, end),
        cmocka_unit_test_setup_teardown(test_filter, begin, end),
        cmocka_unit_test_setup_teardown(test_nothing_can_be_done_to_the_past, begin, end),
        cmocka_unit_test_setup_teardown(test_times_that_cannot_be, begin, end),
        cmocka_unit_test_setup_teardown(test_history_is_searched_and_jumped_in, begin, end),
        cmocka_unit_test_setup_teardown(test_older_lines_follow, begin, end),
        cmocka_unit_test_setup_teardown(test_the_end_of_a_sheet, begin, end),
        cmocka_unit_test_setup_teardown(test_what_helped, begin, end),
    };

    setenv("TZ", "UTC", 1);
    setlocale(LC_ALL, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
