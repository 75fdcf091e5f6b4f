/* What keys do: the cursor, the filter, acknowledging what was seen, questions, hostile text. */
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
#include "ui/format.h"

static struct fleet f;
static struct intents out;

static void open_fleet(unsigned clients, int rows, int cols)
{
    fleet_open(&f, clients, rows, cols, true);
    out.count = 0;
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

static const char *id_of(enum alarm_kind kind, unsigned i)
{
    static char id[ALARM_ID];
    char subject[UID_TEXT];
    const struct uid u = fleet_uid(i);

    uid_format(&u, subject);
    alarm_make_id(kind, TEXT_OURS(subject), id);
    return id;
}

static void expect_acknowledged(enum alarm_kind kind, unsigned i, const char *mark)
{
    assert_int_equal(out.count, 1);
    assert_int_equal(out.list[0].kind, INTENT_OPERATOR);
    assert_int_equal(out.list[0].op.verb, OP_ACKNOWLEDGE);
    assert_string_equal(out.list[0].op.alarm_id, id_of(kind, i));
    assert_string_equal(out.list[0].op.mark.clean, mark);
    assert_string_equal(out.list[0].op.by.clean, "anna");
}

/* The list moves between the frame and the key: a more urgent alarm comes in above. */
static void test_acknowledges_what_was_seen(void **state)
{
    (void)state;
    open_fleet(9, 36, 120);
    fleet_alarm(&f, ALARM_PROCESS_CRASHED, 3, ALARM_UNACKNOWLEDGED, 60000, "seen");
    fleet_draw(&f);
    fleet_alarm(&f, ALARM_SERVICE_FAILED, 5, ALARM_UNACKNOWLEDGED, 10, "came later");
    type("a");
    expect_acknowledged(ALARM_PROCESS_CRASHED, 3, "seen");
    fleet_draw(&f); /* untouched, the cursor is on the most urgent: now the operator has seen it */
    type("a");
    expect_acknowledged(ALARM_SERVICE_FAILED, 5, "came later");
    fleet_close(&f);
}

/* The same alarm, a newer occurrence: the key means the one on the screen. */
static void test_acknowledges_the_occurrence_that_was_seen(void **state)
{
    (void)state;
    open_fleet(9, 36, 120);
    fleet_alarm(&f, ALARM_SERVICE_FAILED, 3, ALARM_UNACKNOWLEDGED, 50000, "08:00");
    fleet_alarm(&f, ALARM_PROCESS_CRASHED, 4, ALARM_UNACKNOWLEDGED, 60000, "first");
    fleet_draw(&f);
    fleet_alarm(&f, ALARM_SERVICE_FAILED, 3, ALARM_UNACKNOWLEDGED, 10, "09:00");
    type("a");
    expect_acknowledged(ALARM_SERVICE_FAILED, 3, "08:00");
    fleet_draw(&f);
    fleet_alarm(&f, ALARM_PROCESS_CRASHED, 4, ALARM_UNACKNOWLEDGED, 10, "second");
    type("ja"); /* the cursor moves and the key follows before anything was drawn again */
    expect_acknowledged(ALARM_PROCESS_CRASHED, 4, "first");
    fleet_close(&f);
}

static void test_elsewhere_the_selected_clients_alarm_then_the_fleets(void **state)
{
    (void)state;
    open_fleet(9, 36, 120);
    fleet_alarm(&f, ALARM_SERVICE_FAILED, 3, ALARM_UNACKNOWLEDGED, 50000, "of 3");
    fleet_alarm(&f, ALARM_PROCESS_CRASHED, 4, ALARM_UNACKNOWLEDGED, 60000, "of 4");
    fleet_draw(&f);
    type("\t/screen-5\r");
    fleet_draw(&f);
    type("a");
    expect_acknowledged(ALARM_PROCESS_CRASHED, 4, "of 4");
    type("/screen-9\r");
    fleet_draw(&f);
    type("a");
    expect_acknowledged(ALARM_SERVICE_FAILED, 3, "of 3");
    fleet_close(&f);
}

/* The key after a filter comes before a frame was drawn: typed ahead, or on a line that stands still. */
static void test_a_key_right_behind_a_filter(void **state)
{
    const struct uid nine = fleet_uid(8);
    (void)state;

    open_fleet(60, 36, 120);
    fleet_alarm(&f, ALARM_PROCESS_CRASHED, 4, ALARM_UNACKNOWLEDGED, 60000, "of 4");
    fleet_alarm(&f, ALARM_PROCESS_CRASHED, 3, ALARM_UNACKNOWLEDGED, 50000, "of 3");
    fleet_draw(&f);
    type("2/screen-9\rR");
    assert_true(uid_equal(&f.desk.order.target[0].client, &nine));
    type("\033");
    type("3/screen-5\ra");
    expect_acknowledged(ALARM_PROCESS_CRASHED, 4, "of 4");
    fleet_close(&f);
}

/* A crash is the smaller news of the two, whatever came last. */
static void test_of_one_client_the_service_that_gave_up_first(void **state)
{
    (void)state;
    open_fleet(9, 36, 120);
    fleet_alarm(&f, ALARM_SERVICE_FAILED, 3, ALARM_UNACKNOWLEDGED, 50000, "gave up");
    fleet_alarm(&f, ALARM_PROCESS_CRASHED, 3, ALARM_UNACKNOWLEDGED, 10, "crashed");
    fleet_draw(&f);
    type("2/screen-4\ra");
    expect_acknowledged(ALARM_SERVICE_FAILED, 3, "gave up");
    fleet_close(&f);
}

static void test_nothing_goes_where_nothing_is_seen(void **state)
{
    (void)state;
    open_fleet(9, 5, 20);
    fleet_draw(&f);
    type("2jr");
    assert_int_equal(out.count, 0);
    type("y");
    assert_int_equal(out.count, 0);
    fleet_close(&f);
}

/* Ctrl-L and Ctrl-Z, whatever is asked; and the question stays. */
static void test_the_terminals_keys_always_work(void **state)
{
    (void)state;
    open_fleet(9, 36, 120);
    fleet_draw(&f);
    type("2R");
    assert_true(shows("REBOOT screen-1"));
    type("\014");
    assert_int_equal(out.list[0].kind, INTENT_REDRAW);
    type("\032");
    assert_int_equal(out.list[0].kind, INTENT_SUSPEND);
    assert_true(shows("REBOOT screen-1"));
    type("\033");
    type("/scr\014");
    assert_int_equal(out.list[0].kind, INTENT_REDRAW);
    assert_true(shows("scr"));
    fleet_close(&f);
}

static void test_all_asks_and_takes_the_set_it_asked_about(void **state)
{
    (void)state;
    open_fleet(120, 36, 120);
    for (unsigned i = 0; i < 100; i++)
        fleet_alarm(&f, ALARM_CLIENT_SILENT, i, ALARM_UNACKNOWLEDGED, 1000 + i, "m");
    fleet_alarm(&f, ALARM_PROCESS_CRASHED, 1, ALARM_ACKNOWLEDGED, 5, "m");
    fleet_draw(&f);
    type("A");
    assert_true(shows("acknowledge all 100 alarms shown? y/n"));
    assert_int_equal(out.count, 0);
    type("\r"); /* a careless Enter is no yes */
    assert_int_equal(out.count, 0);
    fleet_alarm(&f, ALARM_PROCESS_CRASHED, 110, ALARM_UNACKNOWLEDGED, 1, "new");
    type("y");
    assert_int_equal(out.count, UI_INTENTS);
    const int first = out.count;
    out.count = 0;
    desk_continue(&f.desk, &f.model, &out);
    assert_int_equal(first + out.count, 100);
    for (int i = 0; i < out.count; i++)
        assert_string_equal(out.list[i].op.mark.clean, "m");
    type("A");
    type("n");
    desk_continue(&f.desk, &f.model, &out);
    assert_int_equal(out.count, 0);
    fleet_close(&f);
}

static void test_read_only_says_why(void **state)
{
    (void)state;
    open_fleet(3, 36, 120);
    f.model.read_only = true;
    fleet_alarm(&f, ALARM_PROCESS_CRASHED, 1, ALARM_UNACKNOWLEDGED, 5, "m");
    assert_true(shows("READ-ONLY"));
    assert_int_equal(fleet_role(&f, "READ-ONLY"), ROLE_HEADER_READ_ONLY);
    type("aAn");
    assert_int_equal(out.count, 0);
    assert_int_equal(f.desk.layers, 0);
    assert_true(shows("READ-ONLY: nothing is sent"));
    fleet_close(&f);
}

static void test_shelving(void **state)
{
    (void)state;
    open_fleet(3, 36, 120);
    fleet_alarm(&f, ALARM_PROCESS_CRASHED, 1, ALARM_UNACKNOWLEDGED, 5, "m");
    fleet_draw(&f);
    type("z");
    assert_true(shows("shelve CRASHED screen-2 for:")); /* the cursor may be elsewhere */
    assert_true(shows("empty: 2h"));
    type("\r");
    assert_int_equal(out.count, 1);
    assert_int_equal(out.list[0].op.verb, OP_SHELVE);
    assert_int_equal(out.list[0].op.shelve_until_at - f.model.now.wall_ms, 7200000);
    assert_string_equal(out.list[0].op.mark.clean, "m");
    type("z\t\r"); /* the next sensible time */
    assert_int_equal(out.list[0].op.shelve_until_at - f.model.now.wall_ms, 1800000);
    type("z3 parsecs\r");
    assert_int_equal(out.count, 0);
    assert_true(shows("expected a duration such as 30m, 2h or 1d"));
    type("\x15" "45m\r");
    assert_int_equal(out.list[0].op.shelve_until_at - f.model.now.wall_ms, 2700000);
    fleet_alarm(&f, ALARM_PROCESS_CRASHED, 1, ALARM_SHELVED, 5, "m");
    fleet_draw(&f);
    type("z"); /* back from the shelf, without a question */
    assert_int_equal(out.list[0].op.verb, OP_UNSHELVE);
    fleet_close(&f);
}

/* What a wider alarm explains has no line of its own. */
static void test_suppressed_are_folded(void **state)
{
    (void)state;
    open_fleet(9, 36, 120);
    fleet_alarm(&f, ALARM_CLIENT_SILENT, 1, ALARM_SUPPRESSED, 60000, "m");
    fleet_draw(&f);
    assert_false(shows("ALARMS"));
    fleet_alarm(&f, ALARM_PROCESS_CRASHED, 2, ALARM_UNACKNOWLEDGED, 60000, "m");
    assert_true(shows("ALARMS 1 · 1 unacknowledged"));
    type("3");
    assert_false(shows("SILENT"));
    fleet_close(&f);
}

/* More than ten at once: a line for each kind and group; a key on a line means all of it, and asks. */
static void test_flood(void **state)
{
    (void)state;
    open_fleet(20, 36, 120);
    fleet_crashes(&f, 10);
    assert_false(shows("FLOOD OF ALARMS"));
    fleet_crashes(&f, 13);
    assert_true(shows("FLOOD OF ALARMS · 13 in 7 groups · 13 unacknowledged"));
    type("a");
    assert_int_equal(out.count, 0);
    assert_true(shows("acknowledge all 2 alarms shown? y/n"));
    type("y");
    assert_int_equal(out.count, 2);
    assert_int_equal(out.list[1].op.verb, OP_ACKNOWLEDGE);
    type("A");
    assert_true(shows("acknowledge all 13 alarms shown? y/n"));
    type("n\r"); /* Enter: each of the group */
    assert_true(shows("ALARMS 2 of 13"));
    type("1");
    assert_true(shows("FLOOD OF ALARMS"));
    type("3\033");
    f.model.now.mono_ms += 700000; /* calm again */
    f.model.now.wall_ms += 700000;
    fleet_step(&f, IN_TICK);
    type("1");
    assert_false(shows("FLOOD OF ALARMS"));
    fleet_close(&f);
}

static void test_order_of_alarms(void **state)
{
    (void)state;
    open_fleet(9, 36, 120);
    fleet_alarm(&f, ALARM_SERVICE_FAILED, 1, ALARM_UNACKNOWLEDGED, 1000, "new");
    fleet_alarm(&f, ALARM_PROCESS_CRASHED, 2, ALARM_UNACKNOWLEDGED, 60000, "old");
    fleet_draw(&f);
    type("3>");
    fleet_draw(&f);
    type("a");
    expect_acknowledged(ALARM_PROCESS_CRASHED, 2, "old"); /* the oldest first */
    type("1"); /* in the overview always by urgency */
    fleet_draw(&f);
    type("a");
    expect_acknowledged(ALARM_SERVICE_FAILED, 1, "new");
    fleet_close(&f);
}

static void test_note(void **state)
{
    (void)state;
    open_fleet(3, 36, 120);
    fleet_alarm(&f, ALARM_PROCESS_CRASHED, 1, ALARM_UNACKNOWLEDGED, 5, "m");
    fleet_draw(&f);
    type("nKabel lösé\x7f\r"); /* rubbed out: a whole character */
    assert_int_equal(out.count, 1);
    assert_int_equal(out.list[0].op.verb, OP_NOTE);
    assert_string_equal(out.list[0].op.note.clean, "Kabel lös");
    fleet_close(&f);
}

/* On which alarm, where there is room; and the end of what is typed, always. */
static void test_a_note_is_seen_while_it_is_typed(void **state)
{
    (void)state;
    open_fleet(3, 24, 80);
    fleet_alarm(&f, ALARM_PROCESS_CRASHED, 1, ALARM_UNACKNOWLEDGED, 5, "m");
    fleet_draw(&f);
    type("n");
    assert_true(shows(" note on CRASHED screen-2:"));
    type("the cable behind the display was loose, now it is fixed with tape ende");
    assert_true(shows("fixed with tape ende"));
    fleet_close(&f);

    open_fleet(3, 10, 40);
    fleet_alarm(&f, ALARM_PROCESS_CRASHED, 1, ALARM_UNACKNOWLEDGED, 5, "m");
    fleet_draw(&f);
    type("nthe cable behind the display was loose");
    assert_true(shows(" note: "));
    assert_true(shows("the display was loose"));
    fleet_close(&f);
}

/* Rather than to end in the middle it takes a second line. */
static void test_a_long_message_is_shown_to_its_end(void **state)
{
    (void)state;
    open_fleet(3, 24, 80);
    fleet_client(&f, 0, "infoscreen-hauptbahnhof-gleis-12-nord.example.org", "g", "running");
    fleet_draw(&f);
    type("r");
    assert_true(shows("gleis-12-nord.example.org is queued: 4"));
    assert_true(shows(" shows how far it got"));
    f.model.now.mono_ms += 8000;
    assert_true(shows(" ? help")); /* the keys it covered are back */
    fleet_close(&f);

    open_fleet(3, 10, 40);
    f.model.read_only = true;
    fleet_draw(&f);
    type("r");
    assert_true(shows(" READ-ONLY: nothing is sent; start the"));
    assert_true(shows(" console without --read-only to act"));
    fleet_close(&f);
}

/* What only this view has is among the keys even where not all have room. */
static void test_a_views_own_key_is_shown(void **state)
{
    (void)state;
    open_fleet(9, 24, 80);
    fleet_trouble(&f);
    fleet_message(&f, "infoscreen/9b8d1856-0000-4000-8000-000000000000/logs/error",
                  "{\"message\":\"display lost\"}");
    fleet_draw(&f);
    type("4");
    assert_true(shows("  x cancel"));
    type("7");
    assert_true(shows("  @ go to a time"));
    fleet_close(&f);
}

/* Without scrolling, at 80x24. */
static void test_help_begins_with_this_view(void **state)
{
    (void)state;
    open_fleet(9, 24, 80);
    fleet_trouble(&f);
    fleet_draw(&f);
    type("4?");
    assert_true(shows("cancel a queued command"));
    assert_false(shows("history and logs up to a time"));
    type("?6?");
    assert_true(shows("history and logs up to a time"));
    assert_false(shows("cancel a queued command"));
    fleet_close(&f);
}

static void test_a_narrow_header_keeps_the_clock_apart(void **state)
{
    (void)state;
    open_fleet(3, 10, 40);
    fleet_step(&f, IN_LINK_DOWN);
    f.link.phase = LINK_WAITING;
    f.model.demo = true;
    assert_true(shows(" IS demo ✖ ops-broker:8883 tls …  14:03"));
    fleet_close(&f);
}

/* The cursor stays on its client when others change places around it. */
static void test_cursor_stays_on_its_row(void **state)
{
    (void)state;
    open_fleet(40, 36, 120);
    fleet_draw(&f);
    type("jjj");
    const struct client *was = list_selected(&f.desk.list[LIST_CLIENTS], &f.model);
    assert_non_null(was);
    for (unsigned i = 20; i < 30; i++)
        fleet_client(&f, i, "aaa", "x", "crashed"); /* to the top, by state */
    f.model.now.mono_ms += 2000;
    fleet_draw(&f);
    assert_ptr_equal(list_selected(&f.desk.list[LIST_CLIENTS], &f.model), was);
    assert_int_equal(f.desk.list[LIST_CLIENTS].cursor, 13);
    fleet_close(&f);
}

static void test_movement(void **state)
{
    (void)state;
    open_fleet(200, 36, 120);
    struct list *l = &f.desk.list[LIST_CLIENTS];
    fleet_draw(&f);
    type("G");
    fleet_draw(&f);
    assert_int_equal(l->cursor, 199);
    assert_int_equal(l->top, 200 - l->rows);
    type("g");
    assert_int_equal(l->cursor, 0);
    type("\033[B\033OB\033[6~");
    fleet_draw(&f);
    assert_int_equal(l->cursor, 2 + l->rows - 1);
    type("\033[5~k\033[A\033[A");
    assert_int_equal(l->cursor, 0);
    type("\033[F");
    assert_int_equal(l->cursor, 199);
    fleet_close(&f);
}

static void test_filter_as_you_type(void **state)
{
    (void)state;
    open_fleet(60, 36, 120);
    fleet_trouble(&f);
    fleet_draw(&f);
    type("/state:cra");
    assert_true(shows("state:cra"));
    type("shed");
    assert_true(shows("CLIENTS 1 of 60"));
    assert_false(shows("screen-9"));
    type("\r");
    assert_true(shows("filter: state:crashed"));
    type("\033");
    assert_true(shows("CLIENTS 60"));
    type("/kitchen\033");
    assert_true(shows("CLIENTS 60"));
    type("/nothing-like-it\r");
    assert_true(shows("nothing matches the filter"));
    fleet_close(&f);
}

static void test_sort(void **state)
{
    (void)state;
    open_fleet(60, 36, 120);
    fleet_trouble(&f);
    fleet_draw(&f);
    const struct client *first = list_row(&f.desk.list[LIST_CLIENTS], &f.model, 0);
    assert_string_equal(first->hostname.clean, "lobby-03"); /* the worst state first */
    while (f.desk.list[LIST_CLIENTS].sort != SORT_NAME)
        type(">");
    assert_true(shows("sort: NAME"));
    first = list_row(&f.desk.list[LIST_CLIENTS], &f.model, 0);
    assert_string_equal(first->hostname.clean, "hall-2");
    type("o");
    fleet_draw(&f);
    first = list_row(&f.desk.list[LIST_CLIENTS], &f.model, 0);
    assert_string_equal(first->hostname.clean, "screen-60");
    fleet_close(&f);
}

static void test_back_and_quit(void **state)
{
    (void)state;
    open_fleet(9, 36, 120);
    fleet_draw(&f);
    type("\r");
    assert_true(shows("CLIENT screen-1"));
    type("?");
    assert_true(shows("HELP"));
    type("q");
    assert_true(shows("CLIENT screen-1"));
    type("\033");
    assert_true(shows("CLIENTS 9"));
    type("3q");
    assert_int_equal(out.count, 0);
    assert_int_equal(f.desk.view, VIEW_OVERVIEW);
    type("\033");
    assert_int_equal(out.count, 0); /* Esc alone never ends the program */
    type("q");
    assert_int_equal(out.list[0].kind, INTENT_QUIT);
    type("\x03");
    assert_int_equal(out.list[0].kind, INTENT_QUIT);
    fleet_close(&f);
}

/* What nobody would send or write in our stead is worth a question, and only that. */
static void test_quitting_asks_where_something_would_be_lost(void **state)
{
    (void)state;
    open_fleet(3, 24, 80);
    fleet_command(&f, 1, ACTION_RESTART_APP, COMMAND_PUBLISHED);
    fleet_draw(&f);
    type("q");
    assert_int_equal(out.list[0].kind, INTENT_QUIT);
    fleet_command(&f, 2, ACTION_RESTART_APP, COMMAND_QUEUED);
    fleet_draw(&f);
    type("q");
    assert_int_equal(out.count, 0);
    assert_true(shows("quit? 1 command was not sent yet and waits for the next console. y/n"));
    type("n");
    assert_int_equal(out.count, 0);
    type("\x03");
    assert_true(shows("quit? 1 command"));
    type("y");
    assert_int_equal(out.count, 1);
    assert_int_equal(out.list[0].kind, INTENT_QUIT);
    f.store.other_recorder = true; /* it sends them */
    type("q");
    assert_int_equal(out.list[0].kind, INTENT_QUIT);
    f.store.phase = STORE_FULL;
    type("q");
    assert_int_equal(out.count, 0);
    assert_true(shows("quit? the latest history is not written yet and would be lost. y/n"));
    fleet_close(&f);
}

static void test_command_line(void **state)
{
    (void)state;
    open_fleet(9, 36, 120);
    fleet_draw(&f);
    type(":view-a\t");
    assert_true(shows(":view-alarms"));
    type("\r");
    assert_int_equal(f.desk.view, VIEW_ALARMS);
    type(":no-such-thing\r");
    assert_true(shows("no such action"));
    type("\033:qui\r");
    type(":qui\r"); /* unmistakable */
    assert_int_equal(out.list[0].kind, INTENT_QUIT);
    fleet_close(&f);
}

static void test_copy(void **state)
{
    (void)state;
    open_fleet(1, 36, 120);
    fleet_draw(&f);
    type("y");
    assert_string_equal(f.desk.copy.clean, "9b8d1856-0000-4000-8000-000000000000");
    assert_true(shows("9b8d1856-0000-4000-8000-000000000000: sent"));
    fleet_close(&f);
}

/* The alert panel has the focus until the operator moves elsewhere; then nothing takes it away. */
static void test_focus(void **state)
{
    (void)state;
    open_fleet(9, 36, 120);
    fleet_draw(&f);
    assert_int_equal(f.desk.focus, LIST_CLIENTS);
    fleet_alarm(&f, ALARM_PROCESS_CRASHED, 1, ALARM_UNACKNOWLEDGED, 5, "m");
    fleet_draw(&f);
    assert_int_equal(f.desk.focus, LIST_ALARMS);
    type("\t");
    assert_int_equal(f.desk.focus, LIST_CLIENTS);
    type("j");
    fleet_draw(&f);
    assert_int_equal(f.desk.focus, LIST_CLIENTS);
    type("\033[Z");
    assert_int_equal(f.desk.focus, LIST_ALARMS);
    type("\033[Z");
    assert_int_equal(f.desk.focus, LIST_COMMANDS);
    fleet_close(&f);
}

static void test_mouse(void **state)
{
    (void)state;
    open_fleet(40, 36, 120);
    fleet_draw(&f);
    const struct list *l = &f.desk.list[LIST_CLIENTS];
    char click[64];
    snprintf(click, sizeof click, "\033[<0;10;%dM\033[<0;10;%dm", l->y + 5, l->y + 5);
    type(click);
    assert_int_equal(l->cursor, 4);
    type(click);
    assert_int_equal(f.desk.layers, 1); /* twice: opened */
    type("\033");
    snprintf(click, sizeof click, "\033[<65;10;%dM", l->y + 5);
    type(click);
    assert_int_equal(l->cursor, 7);
    snprintf(click, sizeof click, "\033[<0;%d;%dM", l->x + l->column_x[1] + 2, l->header_y + 1);
    type(click);
    assert_int_equal(l->sort, SORT_NAME);
    fleet_close(&f);
}

/* Whatever a device calls itself, and whatever it logs: cells hold printable graphemes only. */
static void test_hostile_text_is_printable(void **state)
{
    static const char *const evil[] = {"\\u001b]52;c;ZXZpbA==\\u0007",
                                       "\\u202Ex\\u2066y",
                                       "\\u0000\\u009b31m",
                                       "a\\u200bb\\ufeff",
                                       "\\u0301\\u0301\\u0301zalgo",
                                       "日本語日本語日本語",
                                       "\\ud83d\\udc68\\u200d\\ud83d\\udc69"};
    (void)state;
    open_fleet(1, 36, 120);
    for (size_t i = 0; i < sizeof evil / sizeof *evil; i++) {
        char topic[120], payload[400];
        snprintf(topic, sizeof topic, "infoscreen/0000000%zu-0000-4000-8000-000000000000/heartbeat",
                 i);
        snprintf(payload, sizeof payload,
                 "{\"hostname\":\"%s\",\"process_status\":\"%s\",\"ip\":\"%s\"}", evil[i], evil[i],
                 evil[i]);
        fleet_message(&f, topic, payload);
        snprintf(topic, sizeof topic, "infoscreen/0000000%zu-0000-4000-8000-000000000000/logs/%s",
                 i, "in\033fo");
        fleet_message(&f, topic, payload);
    }
    for (const char *view = "12346780\r?"; *view; view++) {
        const char key[2] = {*view, '\0'};
        type(key);
        fleet_draw(&f);
        for (const unsigned char *p = (const unsigned char *)fleet_text(&f); *p; p++) {
            assert_true(*p >= 0x20 || *p == '\n');
            assert_int_not_equal(*p, 0x7f);
            assert_false(p[0] == 0xc2 && p[1] < 0xa0);
            assert_false(p[0] == 0xe2 && p[1] == 0x80 && p[2] >= 0xaa && p[2] <= 0xae);
        }
    }
    fleet_close(&f);
}

/* Even what should never have got here. */
static void test_cells_let_nothing_through(void **state)
{
    struct cells c = {0};

    (void)state;
    assert_true(cells_resize(&c, 1, 40));
    for (int ascii = 0; ascii < 2; ascii++) {
        c.ascii = ascii;
        for (int first = 1; first < 256; first++) {
            const char raw[] = {'a', (char)first, (char)0x85, 'b', '\0'};
            cells_clear(&c);
            area_text(area_all(&c), 0, 0, -1, ROLE_SCREEN_TEXT, TEXT_OURS(raw));
            for (int x = 0; x < 40; x++) {
                const unsigned char *t = (const unsigned char *)c.cell[x].text;
                assert_true(!*t || (*t >= 0x20 && *t != 0x7f));
                assert_false(t[0] == 0xc2 && t[1] < 0xa0);
                assert_false(ascii && *t >= 0x80);
            }
        }
    }
    cells_fini(&c);
}

static void test_wide_characters_are_whole(void **state)
{
    struct cells c = {0};

    (void)state;
    assert_true(cells_resize(&c, 1, 6));
    struct area a = area_all(&c);
    cells_clear(&c);
    assert_int_equal(area_text(a, 0, 0, -1, ROLE_SCREEN_TEXT, TEXT_OURS("日本語")), 6);
    area_text(a, 0, 3, 1, ROLE_SCREEN_TEXT, TEXT_OURS("x")); /* over the second half */
    assert_string_equal(c.cell[2].text, " ");
    assert_string_equal(c.cell[3].text, "x");
    assert_int_equal(area_text(a, 0, 0, 4, ROLE_SCREEN_TEXT, TEXT_OURS("日本語")),
                     3); /* and an ellipsis */
    assert_string_equal(c.cell[2].text, "…");
    cells_fini(&c);
}

/* A calm minute: nothing but the minute and coarse ages may change a cell. */
static void test_a_calm_minute_changes_few_cells(void **state)
{
    (void)state;
    open_fleet(1000, 36, 120);
    f.model.rate = 16.7;
    fleet_draw(&f);
    struct cells before = {0};
    assert_true(cells_resize(&before, 36, 120));
    int changed = 0, frames = 0;
    const int64_t end = f.model.now.mono_ms + 60000;
    for (int second = 0; f.model.now.mono_ms < end; second++) {
        char topic[100];
        for (int i = 0; i < 17; i++) {
            const struct uid u = fleet_uid((unsigned)(second * 17 + i) % 1000);
            char id[UID_TEXT];
            uid_format(&u, id);
            snprintf(topic, sizeof topic, "infoscreen/%s/heartbeat", id);
            fleet_message(&f, topic, "{\"process_status\":\"running\"}");
        }
        f.model.now.mono_ms += 1000;
        f.model.now.wall_ms += 1000;
        f.model.rate = 14 + second % 6;
        if (f.model.now.mono_ms < f.desk.next_change)
            continue;
        memcpy(before.cell, f.cells.cell, sizeof *before.cell * 36 * 120);
        fleet_draw(&f);
        frames++;
        for (int i = 0; i < 36 * 120; i++)
            changed += memcmp(&before.cell[i], &f.cells.cell[i], sizeof *before.cell) != 0;
    }
    cells_fini(&before);
    print_message("%d frames, %d cells\n", frames, changed);
    assert_true(frames <= 60);
    assert_true(changed > 0 && changed < 400);
    fleet_close(&f);
}

static void test_rate_is_steady(void **state)
{
    char out_text[24];
    double shown = -1;

    (void)state;
    shown = format_rate(17, shown, out_text);
    assert_string_equal(out_text, "20");
    for (double r = 15; r < 25; r += 0.5) {
        shown = format_rate(r, shown, out_text);
        assert_string_equal(out_text, "20");
    }
    shown = format_rate(5021, shown, out_text);
    assert_string_equal(out_text, "5.0k");
    format_rate(0, shown, out_text);
    assert_string_equal(out_text, "0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_acknowledges_what_was_seen),
        cmocka_unit_test(test_acknowledges_the_occurrence_that_was_seen),
        cmocka_unit_test(test_elsewhere_the_selected_clients_alarm_then_the_fleets),
        cmocka_unit_test(test_a_key_right_behind_a_filter),
        cmocka_unit_test(test_of_one_client_the_service_that_gave_up_first),
        cmocka_unit_test(test_nothing_goes_where_nothing_is_seen),
        cmocka_unit_test(test_the_terminals_keys_always_work),
        cmocka_unit_test(test_all_asks_and_takes_the_set_it_asked_about),
        cmocka_unit_test(test_read_only_says_why),
        cmocka_unit_test(test_shelving),
        cmocka_unit_test(test_suppressed_are_folded),
        cmocka_unit_test(test_flood),
        cmocka_unit_test(test_order_of_alarms),
        cmocka_unit_test(test_note),
        cmocka_unit_test(test_a_note_is_seen_while_it_is_typed),
        cmocka_unit_test(test_a_long_message_is_shown_to_its_end),
        cmocka_unit_test(test_a_views_own_key_is_shown),
        cmocka_unit_test(test_help_begins_with_this_view),
        cmocka_unit_test(test_a_narrow_header_keeps_the_clock_apart),
        cmocka_unit_test(test_cursor_stays_on_its_row),
        cmocka_unit_test(test_movement),
        cmocka_unit_test(test_filter_as_you_type),
        cmocka_unit_test(test_sort),
        cmocka_unit_test(test_back_and_quit),
        cmocka_unit_test(test_quitting_asks_where_something_would_be_lost),
        cmocka_unit_test(test_command_line),
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_focus),
        cmocka_unit_test(test_mouse),
        cmocka_unit_test(test_hostile_text_is_printable),
        cmocka_unit_test(test_cells_let_nothing_through),
        cmocka_unit_test(test_wide_characters_are_whole),
        cmocka_unit_test(test_a_calm_minute_changes_few_cells),
        cmocka_unit_test(test_rate_is_steady),
    };

    setenv("TZ", "UTC", 1);
    setlocale(LC_ALL, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
