/* Commands from the screen: what is asked before, what answers it, to whom it goes; marks; taking
 * back. */
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

#define S INT64_C(1000)

static struct fleet f;
static struct intents out;

static void open_fleet(unsigned clients)
{
    fleet_open(&f, clients, 36, 120, true);
    out.count = 0;
    fleet_draw(&f);
}

static void type(const char *keys)
{
    out.count = 0;
    fleet_type(&f, keys, &out);
    fleet_draw(&f);
}

static bool shows(const char *text)
{
    fleet_draw(&f);
    return strstr(fleet_text(&f), text) != NULL;
}

static void expect_sent(enum action action, unsigned client)
{
    const struct uid id = fleet_uid(client);

    assert_int_equal(out.count, 1);
    assert_int_equal(out.list[0].kind, INTENT_OPERATOR);
    assert_int_equal(out.list[0].op.verb, OP_SEND);
    assert_int_equal(out.list[0].op.order.action, action);
    assert_true(uid_equal(&out.list[0].op.order.client, &id));
    assert_false(uid_is_zero(&out.list[0].op.order.id));
    assert_string_equal(out.list[0].op.by.clean, "anna");
}

/* Three commands within the window: the next is locked out. */
static void lock_out(unsigned client)
{
    for (unsigned k = 0; k < 3; k++) {
        struct command c = {.id = fleet_uid(900 + 10 * client + k),
                            .client = fleet_uid(client),
                            .action = ACTION_RESTART_APP,
                            .status = COMMAND_COMPLETED,
                            .issued_at = FLEET_NOW_WALL - 60 * S,
                            .expires_at = FLEET_NOW_WALL + 60 * S,
                            .published_at = FLEET_NOW_WALL - 60 * S,
                            .accepted_at = FLEET_NOW_WALL - 60 * S,
                            .execution_started_at = FLEET_NOW_WALL - 60 * S,
                            .finished_at = FLEET_NOW_WALL - 50 * S,
                            .allowed_at = TIME_NONE,
                            .ack_count = 1};
        assert_true(core_restore_command(f.core, &c));
    }
    fleet_draw(&f);
}

/* ---- the milder, the easier ---- */

static void test_restart_of_one_goes_at_once(void **state)
{
    (void)state;
    open_fleet(9);
    type("r");
    expect_sent(ACTION_RESTART_APP, 0);
    assert_int_equal(f.desk.layers, 0);
    assert_true(shows("restart app of screen-1 is queued"));
    fleet_close(&f);
}

static void test_restart_asks_where_it_may_go_wrong(void **state)
{
    (void)state;
    open_fleet(1);
    fleet_client(&f, 0, "lobby-03", "vienna-1", "silent");
    fleet_draw(&f);
    type("r");
    assert_int_equal(out.count, 0);
    assert_true(shows("RESTART THE APP lobby-03"));
    assert_true(shows("silent for 6m: it may not get this"));
    type("y");
    expect_sent(ACTION_RESTART_APP, 0);
    fleet_close(&f);
}

static void test_reboot_asks(void **state)
{
    static const char *const no_answers[] = {"\r", " ", "r", "R", "Y", "q", "j", "1"};

    (void)state;
    open_fleet(9);
    type("R");
    assert_true(shows("REBOOT screen-1"));
    assert_true(shows("floor-0"));
    assert_true(shows("9b8d1856-0000-4000-8000-000000000000"));
    assert_true(shows("goes dark for 10-90 s"));
    for (size_t i = 0; i < sizeof no_answers / sizeof *no_answers; i++) {
        type(no_answers[i]);
        assert_int_equal(out.count, 0);
        assert_int_equal(f.desk.layers, 1);
    }
    type("n");
    assert_int_equal(out.count, 0);
    assert_int_equal(f.desk.layers, 0);
    assert_true(shows("nothing was sent"));
    type("R");
    type("y");
    expect_sent(ACTION_REBOOT_HOST, 0);
    fleet_close(&f);
}

/* What was typed before the question stood there was meant for something else. */
static void test_typed_ahead_answers_nothing(void **state)
{
    (void)state;
    open_fleet(9);
    type("Ryyy");
    assert_int_equal(out.count, 0);
    assert_int_equal(f.desk.layers, 1);
    type("\033");
    type("Sscreen-1\r");
    assert_int_equal(out.count, 0);
    assert_int_equal(f.desk.order.typed.len, 0);
    type("\033");
    fleet_alarm(&f, ALARM_PROCESS_CRASHED, 1, ALARM_UNACKNOWLEDGED, 5, "m");
    type("Ay");
    assert_int_equal(out.count, 0);
    fleet_close(&f);
}

/* A terminal that has become too small for the question takes no answer to it. */
static void test_a_question_out_of_sight_is_not_answered(void **state)
{
    (void)state;
    open_fleet(9);
    type("R");
    assert_true(shows("REBOOT? y = yes"));
    assert_true(cells_resize(&f.cells, 5, 20));
    fleet_draw(&f);
    type("y");
    assert_int_equal(out.count, 0);
    assert_true(cells_resize(&f.cells, 36, 120));
    assert_true(shows("REBOOT? y = yes"));
    type("y");
    expect_sent(ACTION_REBOOT_HOST, 0);
    fleet_close(&f);
}

static void test_shutdown_wants_the_name(void **state)
{
    (void)state;
    open_fleet(9);
    type("S");
    assert_true(shows("someone has to switch it on on site"));
    assert_true(shows("type screen-1 and Enter"));
    type("y");
    type("\r");
    assert_int_equal(out.count, 0);
    assert_true(shows("that is not it: type screen-1"));
    type("\x7fscreen-2\r");
    assert_int_equal(out.count, 0);
    for (int i = 0; i < 8; i++)
        type("\x7f");
    type("screen-1");
    assert_int_equal(out.count, 0);
    type("\r");
    expect_sent(ACTION_SHUTDOWN_HOST, 0);
    fleet_close(&f);
}

/* No keyboard has every script, and none an ellipsis: the digits beside it are wanted then. */
static void test_a_name_that_is_hard_to_type(void **state)
{
    (void)state;
    open_fleet(9);
    fleet_client(&f, 0, "東京-1", "g", "running");
    fleet_draw(&f);
    type("2GS");
    assert_true(shows("SHUT DOWN 東京-1"));
    assert_true(shows("type 9b8d1856 and Enter"));
    type("東京-1\r"); /* who can may */
    expect_sent(ACTION_SHUTDOWN_HOST, 0);
    fleet_close(&f);
}

static void test_reason(void **state)
{
    (void)state;
    open_fleet(9);
    type("R");
    type("\tnew cable\r");
    assert_true(shows("reason: new cable"));
    type("y");
    expect_sent(ACTION_REBOOT_HOST, 0);
    assert_string_equal(out.list[0].op.order.reason.clean, "new cable");
    fleet_close(&f);
}

/* ---- lockout ---- */

static void test_lockout_is_named_and_overridden_with_a_reason(void **state)
{
    (void)state;
    open_fleet(1);
    lock_out(0);
    type("r");
    assert_int_equal(out.count, 0);
    assert_true(shows("locked out until 14:17:27"));
    type("y");
    assert_int_equal(out.count, 0);
    assert_true(shows("Ctrl-O overrides it"));
    type("\x0f\r"); /* no reason yet */
    type("y");
    assert_int_equal(out.count, 0);
    assert_true(shows("needs a reason"));
    type("it hangs\r");
    type("y");
    expect_sent(ACTION_RESTART_APP, 0);
    assert_true(out.list[0].op.order.override_lockout);
    assert_string_equal(out.list[0].op.order.reason.clean, "it hangs");
    fleet_close(&f);
}

/* ---- which one ---- */

/* An alarm that comes in between the frame and the key takes neither focus nor key. */
static void test_the_one_that_was_seen(void **state)
{
    (void)state;
    open_fleet(9);
    fleet_alarm(&f, ALARM_SERVICE_FAILED, 5, ALARM_UNACKNOWLEDGED, 10, "m");
    out.count = 0;
    fleet_type(&f, "r", &out);
    expect_sent(ACTION_RESTART_APP, 0);
    fleet_draw(&f); /* now the operator has seen the alarm, and the focus is there */
    type("r");
    expect_sent(ACTION_RESTART_APP, 5);
    fleet_close(&f);
}

static void test_of_the_open_client_and_of_a_command(void **state)
{
    (void)state;
    open_fleet(9);
    fleet_command(&f, 6, ACTION_RESTART_APP, COMMAND_FAILED);
    fleet_draw(&f);
    type("jj\r");
    type("r");
    expect_sent(ACTION_RESTART_APP, 2);
    type("\033");
    type("4");
    type("R");
    assert_true(shows("REBOOT screen-7"));
    type("y");
    expect_sent(ACTION_REBOOT_HOST, 6);
    fleet_close(&f);
}

static void test_nobody_is_selected(void **state)
{
    (void)state;
    open_fleet(0);
    type("rRS");
    assert_int_equal(out.count, 0);
    assert_int_equal(f.desk.layers, 0);
    assert_true(shows("no client is selected"));
    fleet_close(&f);
}

/* ---- marks ---- */

static void test_marks_make_a_rollout(void **state)
{
    (void)state;
    open_fleet(9);
    fleet_client(&f, 1, "screen-2", "floor-1", "silent");
    f.model.now.mono_ms += 2000;
    fleet_draw(&f);
    type("g  j ");
    assert_true(shows("3 marked"));
    type("r");
    assert_int_equal(out.count, 0);
    assert_true(shows("RESTART THE APP 3 CLIENTS"));
    assert_true(shows("1 of these 3 is silent and may not get it"));
    assert_true(shows("◌ screen-2"));
    type("y");
    assert_int_equal(out.count, 1);
    assert_int_equal(out.list[0].op.verb, OP_ROLLOUT);
    const struct rollout_order *o = &out.list[0].op.rollout;
    const struct uid silent = fleet_uid(1);
    assert_int_equal(o->count, 3);
    assert_int_equal(o->action, ACTION_RESTART_APP);
    assert_true(uid_equal(&o->targets[2].client, &silent)); /* those that can answer come first */
    assert_false(shows("marked"));
    fleet_close(&f);
}

static void test_marks_are_kept_on_shown_rows_only(void **state)
{
    (void)state;
    open_fleet(30);
    type("*");
    assert_true(shows("30 marked"));
    type("/group:floor-3");
    type("\r");
    assert_true(shows("4 marked"));
    type("\033"); /* the filter is gone, the hidden ones are not marked again */
    assert_true(shows("CLIENTS 30 · 4 marked"));
    type("R");
    assert_true(shows("REBOOT 4 CLIENTS"));
    type("n");
    type("u");
    assert_false(shows("marked"));
    fleet_close(&f);
}

/* A half-typed filter shows others for a moment: that takes no marks. */
static void test_a_filter_half_typed_takes_no_marks(void **state)
{
    (void)state;
    open_fleet(9);
    type(" ");
    for (const char *k = "/state:onl"; *k; k++)
        type((const char[]){*k, '\0'});
    type("ine\r");
    assert_true(shows("1 marked"));
    fleet_close(&f);
}

/* Who stops matching while the question is being made up is not among them. */
static void test_a_mark_goes_with_its_row(void **state)
{
    (void)state;
    open_fleet(9);
    type("/state:online\r");
    type("   ");
    fleet_client(&f, 1, "screen-2", "floor-1", "crashed");
    type("R");
    assert_true(shows("REBOOT 2 CLIENTS"));
    fleet_close(&f);
}

static void test_several_shutdowns_want_their_number(void **state)
{
    (void)state;
    open_fleet(9);
    type("   S");
    assert_true(shows("type 3 and Enter"));
    type("2\r");
    assert_int_equal(out.count, 0);
    type("\x7f"
         "3\r");
    assert_int_equal(out.count, 1);
    assert_int_equal(out.list[0].op.rollout.count, 3);
    fleet_close(&f);
}

static void test_pace(void **state)
{
    (void)state;
    open_fleet(9);
    type("*R");
    type("\x10");
    assert_true(shows("pace: one first"));
    type("y");
    assert_int_equal(out.list[0].op.rollout.canary, 1);
    fleet_close(&f);
}

static void test_a_long_set_scrolls(void **state)
{
    (void)state;
    open_fleet(60);
    type("*R");
    assert_true(shows("screen-1 "));
    assert_false(shows("screen-60 "));
    for (int i = 0; i < 10; i++)
        type("\033[6~");
    fleet_draw(&f);
    const char *box = strstr(fleet_text(&f), "REBOOT 60 CLIENTS");
    assert_non_null(box);
    assert_non_null(strstr(box, "screen-60 "));
    fleet_close(&f);
}

/* Who marks has chosen the clients: an alarm that comes meanwhile doesn't take the focus, or the
 * command would go to its client instead. */
static void test_marks_keep_the_focus(void **state)
{
    (void)state;
    open_fleet(9);
    type("  ");
    fleet_alarm(&f, ALARM_SERVICE_FAILED, 7, ALARM_UNACKNOWLEDGED, 1000, "m");
    fleet_draw(&f);
    assert_int_equal(f.desk.focus, LIST_CLIENTS);
    type("R");
    assert_true(shows("REBOOT 2 CLIENTS"));
    fleet_close(&f);
}

/* Elsewhere the marks are out of sight: the selection is meant. */
static void test_marks_out_of_sight_mean_nothing(void **state)
{
    (void)state;
    open_fleet(9);
    type("  ");
    type("jj\r");
    type("R");
    assert_true(shows("REBOOT screen-5"));
    fleet_close(&f);
}

/* ---- taking back ---- */

static void test_withdraw(void **state)
{
    (void)state;
    open_fleet(9);
    fleet_command(&f, 1, ACTION_RESTART_APP, COMMAND_ACCEPTED);
    fleet_command(&f, 2, ACTION_REBOOT_HOST, COMMAND_QUEUED);
    fleet_draw(&f);
    type("4x");
    assert_true(shows("cancel the queued reboot of screen-3? y/n"));
    type("n");
    assert_int_equal(out.count, 0);
    type("x");
    type("y");
    const struct uid id = fleet_uid(102);
    assert_int_equal(out.count, 1);
    assert_int_equal(out.list[0].op.verb, OP_CANCEL);
    assert_true(uid_equal(&out.list[0].op.order.id, &id));
    type("jx");
    assert_int_equal(f.desk.layers, 0);
    assert_true(shows("a command that was sent cannot be withdrawn"));
    fleet_close(&f);
}

static void roll_out(unsigned clients)
{
    static struct rollout_target targets[20];
    struct operator_action op = {.verb = OP_ROLLOUT, .shelve_until_at = TIME_NONE};
    struct effects effects = {0};

    for (unsigned i = 0; i < clients; i++)
        targets[i].client = fleet_uid(i);
    op.rollout = (struct rollout_order){.id = fleet_uid(700),
                                        .action = ACTION_REBOOT_HOST,
                                        .parallel = 2,
                                        .targets = targets,
                                        .count = clients};
    TEXT_SET(&op.by, "berta", 5);
    TEXT_SET(&op.rollout.reason, "new image", 9);
    core_step(f.core, &(struct core_event){.kind = IN_OPERATOR, .now = f.model.now, .u.op = &op},
              &effects);
    effects_fini(&effects);
    f.model.now.mono_ms += 1;
    fleet_step(&f, IN_TICK);
    f.model.now.mono_ms += 2000;
    fleet_draw(&f);
}

static void test_a_rollout_is_one_row_until_it_is_unfolded(void **state)
{
    (void)state;
    open_fleet(9);
    roll_out(5);
    type("4");
    assert_true(shows("▸ reboot"));
    assert_true(shows("5 clients"));
    assert_true(shows("0 of 5 done, 0 failed"));
    assert_true(shows("2 under way, 3 left"));
    assert_true(shows("new image"));
    assert_false(shows("screen-1"));
    type("\r");
    assert_true(shows("▾ reboot"));
    assert_true(shows("screen-5"));
    assert_true(shows("waits for its turn"));
    type("j\r"); /* a client of it opens like any other */
    assert_true(shows("CLIENT screen-1"));
    type("\033");
    type("k\r");
    assert_false(shows("screen-1"));
    fleet_close(&f);
}

static void test_stop_a_rollout(void **state)
{
    (void)state;
    open_fleet(9);
    roll_out(5);
    type("4x");
    assert_true(shows("stop the rollout of reboot? 3 were not sent yet, 2 are under way"));
    type("y");
    const struct uid id = fleet_uid(700);
    assert_int_equal(out.count, 1);
    assert_int_equal(out.list[0].op.verb, OP_ROLLOUT_STOP);
    assert_true(uid_equal(&out.list[0].op.rollout.id, &id));
    fleet_close(&f);
}

/* With a filter each command is a row of its own, found like any other. */
/* How to answer stands at the end: that is never cut off. */
static void test_a_long_question_is_shown_to_its_end(void **state)
{
    (void)state;
    open_fleet(9);
    assert_true(cells_resize(&f.cells, 10, 40));
    fleet_command(&f, 0, ACTION_RESTART_APP, COMMAND_QUEUED);
    fleet_draw(&f);
    type("q");
    assert_true(shows(" quit? 1 command was not sent yet and\n"));
    assert_true(shows(" waits for the next console. y/n"));
    fleet_close(&f);
}

static void test_a_filter_finds_what_is_folded(void **state)
{
    (void)state;
    open_fleet(9);
    roll_out(5);
    type("4/screen-2\r");
    assert_true(shows("screen-2"));
    assert_false(shows("5 clients"));
    fleet_close(&f);
}

/* ---- how far ---- */

static void test_words(void **state)
{
    (void)state;
    open_fleet(9);
    fleet_command(&f, 1, ACTION_SHUTDOWN_HOST, COMMAND_PUBLISHED);
    fleet_command(&f, 2, ACTION_RESTART_APP, COMMAND_FAILED);
    type("4");
    assert_true(shows("at the broker 0:41, no answer yet; 3:19 left"));
    assert_false(shows("delivered"));
    assert_true(shows("helper_failed: exit status 1"));
    fleet_close(&f);
}

/* Beside the clients a command has two lines, and both are it. */
static void test_two_lines_in_a_narrow_panel(void **state)
{
    (void)state;
    open_fleet(9);
    for (unsigned i = 0; i < 4; i++)
        fleet_command(&f, i, ACTION_SHUTDOWN_HOST, COMMAND_PUBLISHED);
    assert_true(shows("at the broker 0:41, no answer yet"));
    const struct list *l = &f.desk.list[LIST_COMMANDS];
    assert_int_equal(l->lines, 2);
    char click[64];
    snprintf(click, sizeof click, "\033[<0;%d;%dM", l->x + 5, l->y + 4);
    type(click);
    assert_int_equal(f.desk.focus, LIST_COMMANDS);
    assert_int_equal(l->cursor, 1);
    type("G");
    assert_int_equal(l->cursor, 3);
    fleet_close(&f);
}

static void test_a_reboot_is_expected_to_be_silent(void **state)
{
    struct command c = {.id = fleet_uid(400),
                        .client = fleet_uid(1),
                        .action = ACTION_REBOOT_HOST,
                        .status = COMMAND_EXECUTION_STARTED,
                        .issued_at = FLEET_NOW_WALL - 42 * S,
                        .expires_at = FLEET_NOW_WALL + 199 * S,
                        .published_at = FLEET_NOW_WALL - 42 * S,
                        .accepted_at = FLEET_NOW_WALL - 41 * S,
                        .execution_started_at = FLEET_NOW_WALL - 41 * S,
                        .finished_at = TIME_NONE,
                        .allowed_at = TIME_NONE,
                        .foreign = true};

    (void)state;
    open_fleet(9);
    TEXT_SET(&c.requested_by, "berta", 5);
    assert_true(core_restore_command(f.core, &c));
    type("4");
    assert_true(shows("waiting for reboot 0:41, 10-90 s is normal; 3:19 left"));
    assert_true(shows("berta, elsewhere"));
    f.model.now.wall_ms += 60 * S;
    f.model.now.mono_ms += 60 * S;
    assert_true(shows("waiting for reboot 1:41, longer than the usual 90 s"));
    fleet_close(&f);
}

static void test_read_only(void **state)
{
    (void)state;
    open_fleet(9);
    f.model.read_only = true;
    fleet_command(&f, 2, ACTION_REBOOT_HOST, COMMAND_QUEUED);
    type("rRS");
    assert_int_equal(out.count, 0);
    assert_int_equal(f.desk.layers, 0);
    assert_true(shows("READ-ONLY: nothing is sent"));
    type("4x");
    assert_int_equal(f.desk.layers, 0);
    fleet_close(&f);
}

static void test_the_command_line_knows_them(void **state)
{
    (void)state;
    open_fleet(9);
    type(":reboot\r");
    assert_true(shows("REBOOT screen-1"));
    fleet_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_restart_of_one_goes_at_once),
        cmocka_unit_test(test_restart_asks_where_it_may_go_wrong),
        cmocka_unit_test(test_reboot_asks),
        cmocka_unit_test(test_typed_ahead_answers_nothing),
        cmocka_unit_test(test_a_question_out_of_sight_is_not_answered),
        cmocka_unit_test(test_shutdown_wants_the_name),
        cmocka_unit_test(test_a_name_that_is_hard_to_type),
        cmocka_unit_test(test_reason),
        cmocka_unit_test(test_lockout_is_named_and_overridden_with_a_reason),
        cmocka_unit_test(test_the_one_that_was_seen),
        cmocka_unit_test(test_of_the_open_client_and_of_a_command),
        cmocka_unit_test(test_nobody_is_selected),
        cmocka_unit_test(test_marks_make_a_rollout),
        cmocka_unit_test(test_marks_are_kept_on_shown_rows_only),
        cmocka_unit_test(test_a_filter_half_typed_takes_no_marks),
        cmocka_unit_test(test_a_mark_goes_with_its_row),
        cmocka_unit_test(test_several_shutdowns_want_their_number),
        cmocka_unit_test(test_pace),
        cmocka_unit_test(test_a_long_set_scrolls),
        cmocka_unit_test(test_marks_keep_the_focus),
        cmocka_unit_test(test_marks_out_of_sight_mean_nothing),
        cmocka_unit_test(test_withdraw),
        cmocka_unit_test(test_a_rollout_is_one_row_until_it_is_unfolded),
        cmocka_unit_test(test_stop_a_rollout),
        cmocka_unit_test(test_a_long_question_is_shown_to_its_end),
        cmocka_unit_test(test_a_filter_finds_what_is_folded),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_two_lines_in_a_narrow_panel),
        cmocka_unit_test(test_a_reboot_is_expected_to_be_silent),
        cmocka_unit_test(test_read_only),
        cmocka_unit_test(test_the_command_line_knows_them),
    };

    setenv("TZ", "UTC", 1);
    setlocale(LC_ALL, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
