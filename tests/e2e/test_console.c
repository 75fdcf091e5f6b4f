/* The operator's main journeys: the real program on a terminal emulator over a real Mosquitto. */
#include "console.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define KITCHEN "41aa03c2-1111-4111-8111-111111111111"

#define FULL_SIZE {.rows = 36, .cols = 120}
static const char *const plain[] = {"NO_COLOR=1", "LC_ALL=C", NULL};
static const char *const german[] = {"LANGUAGE=de", NULL};

static const struct scene empty = {.terminal = FULL_SIZE};
static const struct scene lobby = {.terminal = FULL_SIZE, .lobby = true};
static const struct scene lobby_read_only = {.terminal = FULL_SIZE, .option = "--read-only", .lobby = true};
static const struct scene failed = {.terminal = FULL_SIZE, .failed_at = "2026-04-05T08:00:00Z"};
/* Another time: the one above is acknowledged by now. */
static const struct scene failed_read_only = {
    .terminal = FULL_SIZE, .option = "--read-only", .failed_at = "2026-04-05T09:00:00Z"};
static const struct scene poor = {.terminal = {.rows = 24, .cols = 80, .term = "vt100", .env = plain}};
static const struct scene nobodys = {.terminal = {.rows = 24, .cols = 80, .nobodys = true}, .lobby = true};
static const struct scene without_input = {.terminal = {.rows = 24, .cols = 80, .no_input = true}, .lobby = true};
static const struct scene in_german = {.terminal = {.rows = 36, .cols = 120, .env = german}};

static void hear(struct term *t, const char *uuid, const char *hostname, const char *status)
{
    device_beats_until(t, uuid, hostname, status, hostname);
}

static void test_fleet_appears(void **state)
{
    struct term *t = *state;

    term_expect(t, "127.0.0.1", WAIT);
    hear(t, LOBBY, "lobby-03", "running");
    term_expect(t, "9b8d1856", WAIT);
    device_beats(KITCHEN, "kitchen-1", "crashed");
    term_expect(t, "kitchen-1", WAIT);
    term_expect(t, "CRASHED", WAIT);
    term_expect(t, "ALARMS 1", WAIT);
    device_beats(KITCHEN, "kitchen-1", "running");
    term_expect_gone(t, "✖ 1 crashed", WAIT);
    term_type(t, "q"); /* once is enough here */
    term_wait_exit(t, WAIT);
}

static void test_acknowledge_clears_the_retained_message(void **state)
{
    char out[4096];
    struct term *t = *state;

    term_expect(t, "SERVICE FAILED", WAIT);
    term_expect(t, "infoscreen-simclient.service", WAIT);
    assert_int_equal(term_colour_at(t, "SERVICE FAILED", true) == -2, 0);
    term_type(t, "a");
    term_expect_gone(t, "SERVICE FAILED", WAIT);
    rig_retained(&rig, "infoscreen/" LOBBY "/service_failed", out, sizeof out);
    assert_string_equal(out, "");
    rig_retained(&rig, "infoscreen/console/ack/+", out, sizeof out);
    assert_non_null(strstr(out, "\"acknowledged_by\":\"anna\""));
    assert_non_null(strstr(out, "\"raised_at\":\"2026-04-05T08:00:00Z\""));
}

static void test_read_only_sends_nothing(void **state)
{
    char out[4096];
    struct term *t = *state;

    term_expect(t, "READ-ONLY", WAIT);
    term_expect(t, "SERVICE FAILED", WAIT);
    term_type(t, "a");
    term_settle(t, WAIT);
    term_expect(t, "SERVICE FAILED", 1);
    rig_retained(&rig, "infoscreen/" LOBBY "/service_failed", out, sizeof out);
    assert_true(out[0] != '\0');
    rig_retained(&rig, "infoscreen/console/presence/+", out, sizeof out);
    assert_string_equal(out, "");
    rig_publish(&rig, "infoscreen/" LOBBY "/service_failed", "", true);
    term_expect_gone(t, "SERVICE FAILED", WAIT);
}

static void test_broker_dies_and_returns(void **state)
{
    struct term *t = *state;

    rig_broker_kill(&rig, SIGKILL);
    term_expect(t, "NO BROKER since", WAIT);
    rig_broker_start(&rig);
    term_expect_gone(t, "NO BROKER since", 40);
    hear(t, LOBBY, "lobby-04", "running");
}

static void test_every_size(void **state)
{
    static const int sizes[][2] = {{24, 80}, {10, 40}, {5, 20}, {1, 1}, {60, 200}, {2, 7}, {36, 120}};
    struct term *t = *state;

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        term_resize(t, sizes[i][0], sizes[i][1]);
        term_settle(t, WAIT);
    }
    term_expect(t, "lobby-03", WAIT);
}

/* Nothing tells of the new size: the next frame has it. */
static void test_a_terminal_of_no_session(void **state)
{
    struct term *t = *state;

    term_resize(t, 36, 120);
    term_type(t, "2");
    term_expect(t, "ADDRESS", WAIT);
}

static void test_keys_come_from_the_terminal(void **state)
{
    struct term *t = *state;

    term_type(t, "/nobody\r");
    term_expect_gone(t, "lobby-03", WAIT);
}

static void test_hostile_bytes_stay_outside(void **state)
{
    static const char evil[] = "{\"hostname\":\"\\u001b]52;c;ZXZpbA==\\u0007\\u202Elobby\",\"ip\":\"\x1b[2J\"}";
    static const char broken[] = "{\"hostname\":\"\xff\xfe\"}";
    struct term *t = *state;

    rig_publish(&rig, "infoscreen/" LOBBY "/heartbeat", evil, false);
    rig_publish_bytes(&rig, "infoscreen/" LOBBY "/heartbeat", broken, sizeof broken - 1, false);
    hear(t, KITCHEN, "kitchen-1", "running");
    assert_false(term_saw_bytes(t, "\033]52;", 5));
    assert_false(term_saw_bytes(t, "\xe2\x80\xae", 3));
}

static void test_filter_detail_help(void **state)
{
    struct term *t = *state;

    hear(t, KITCHEN, "kitchen-1", "running");
    term_type(t, "/kitchen\r");
    term_expect_gone(t, "lobby-03", WAIT);
    term_type(t, "\r");
    term_expect(t, KITCHEN, WAIT);
    term_type(t, "?");
    term_expect(t, "acknowledge", WAIT);
    term_settle(t, WAIT);
}

static void expect_given_back_after(int signo)
{
    struct term *t = console_start(&empty.terminal, NULL);

    term_expect(t, "127.0.0.1", WAIT);
    kill(term_pid(t), signo);
    term_wait_exit(t, WAIT);
    assert_true(term_is_given_back(t));
    assert_true(term_settings_restored(t));
    term_free(t);
}

static void test_terminal_is_given_back(void **state)
{
    (void)state;
    static const int signals[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGSEGV, SIGABRT, SIGBUS};

    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        expect_given_back_after(signals[i]);
}

static void test_without_colour_and_utf8(void **state)
{
    struct term *t = *state;

    hear(t, KITCHEN, "kitchen-1", "crashed");
    term_expect(t, "CRASHED", WAIT);
    for (const char *p = term_screen(t); *p; p++)
        assert_true((unsigned char)*p < 0x80);
}

static void test_german(void **state)
{
    struct term *t = *state;

    hear(t, KITCHEN, "kitchen-1", "crashed");
    term_expect(t, "quittieren", WAIT);
}

/* ---- commands: what is asked, what answers it, what is on the wire ---- */

#define COMMANDS "infoscreen/+/commands"

static unsigned count(const char *text, const char *what)
{
    unsigned n = 0;

    for (const char *p = text; (p = strstr(p, what)); p += strlen(what))
        n++;
    return n;
}

static void expect_commands(unsigned all, const char *uuid, unsigned of_it)
{
    char out[65536];

    rig_recorded(&rig, out, sizeof out);
    assert_int_equal(count(out, "\"command_id\""), all);
    assert_int_equal(count(out, uuid), of_it);
}

static void test_reboot_is_sent_once_when_it_is_confirmed(void **state)
{
    struct term *t = *state;

    rig_record(&rig, COMMANDS);
    term_type(t, "R");
    term_expect(t, "REBOOT lobby-03", WAIT);
    term_expect(t, "goes dark for 10-90 s", WAIT);
    term_type(t, "y");
    term_expect_gone(t, "REBOOT lobby-03", WAIT);
    term_type(t, "4");
    term_expect(t, "at the broker", WAIT);
    expect_commands(1, LOBBY, 1);
}

static void test_reboot_that_is_not_confirmed(void **state)
{
    struct term *t = *state;

    rig_record(&rig, COMMANDS);
    term_type(t, "R");
    term_expect(t, "REBOOT lobby-03", WAIT);
    term_type(t, "\r n");
    term_expect(t, "nothing was sent", WAIT);
    term_type(t, "Ryyy"); /* typed before it was asked: no answer */
    term_expect(t, "REBOOT lobby-03", WAIT);
    term_settle(t, WAIT);
    term_type(t, "n");
    term_expect_gone(t, "REBOOT lobby-03", WAIT);
    expect_commands(0, LOBBY, 0);
}

static void test_shutdown_wants_the_name(void **state)
{
    struct term *t = *state;

    rig_record(&rig, COMMANDS);
    term_type(t, "S");
    term_expect(t, "type lobby-03 and Enter", WAIT);
    term_type(t, "y\rlobby-04\r");
    term_expect(t, "that is not it", WAIT);
    term_type(t, "\033");
    term_expect_gone(t, "SHUT DOWN", WAIT);
    expect_commands(0, LOBBY, 0);
}

static void test_only_marked_and_shown_ones(void **state)
{
    struct term *t = *state;

    hear(t, KITCHEN, "kitchen-1", "running");
    hear(t, "77c00000-2222-4222-8222-222222222222", "kitchen-2", "running");
    rig_record(&rig, COMMANDS);
    term_type(t, "2*");
    term_expect(t, "3 marked", WAIT);
    term_type(t, "/kitchen\r");
    term_expect(t, "2 marked", WAIT);
    term_type(t, "R");
    term_expect(t, "REBOOT 2 CLIENTS", WAIT);
    term_type(t, "y");
    term_expect_gone(t, "REBOOT 2 CLIENTS", WAIT);
    term_type(t, "4");
    term_expect(t, "2 clients", WAIT);
    term_type(t, "\r"); /* unfolded: where each of them is */
    term_expect(t, "kitchen-1", WAIT);
    term_expect_gone(t, "queued", WAIT);
    expect_commands(2, LOBBY, 0);
}

static void test_a_queued_one_is_taken_back(void **state)
{
    char out[65536];
    struct term *t = *state;

    rig_broker_kill(&rig, SIGKILL);
    term_expect(t, "NO BROKER since", WAIT);
    term_type(t, "2r"); /* mild, but it cannot go at once: asked */
    term_expect(t, "No broker now", WAIT);
    term_type(t, "y");
    term_expect_gone(t, "RESTART THE APP", WAIT);
    term_type(t, "4");
    term_expect(t, "waits for the broker", WAIT);
    term_type(t, "x");
    term_expect(t, "cancel the queued restart app of lobby-03? y/n", WAIT);
    term_type(t, "y");
    term_expect(t, "cancelled", WAIT);
    rig_broker_start(&rig);
    term_expect_gone(t, "NO BROKER since", 60);
    term_settle(t, WAIT);
    const char *const args[] = {"commands", "--db", console_db, "-o", "json", NULL};
    assert_int_equal(rig_run(&rig, out, sizeof out, args), 0);
    assert_int_equal(count(out, "\"command_id\""), 1);
    assert_int_equal(count(out, "\"cancelled\""), 1);
    assert_int_equal(count(out, "\"published_at\":null"), 1);
}

static void test_read_only_commands_nothing(void **state)
{
    struct term *t = *state;

    rig_record(&rig, COMMANDS);
    static const char *const keys[] = {"r", "R", "S", "x", ":reboot\r"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        term_type(t, keys[i]);
        term_expect(t, "READ-ONLY: nothing is sent", WAIT);
    }
    term_type(t, "y\r");
    term_settle(t, WAIT);
    expect_commands(0, LOBBY, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCENE(test_fleet_appears, &empty),
        IN_SCENE(test_acknowledge_clears_the_retained_message, &failed),
        IN_SCENE(test_read_only_sends_nothing, &failed_read_only),
        IN_SCENE(test_reboot_is_sent_once_when_it_is_confirmed, &lobby),
        IN_SCENE(test_reboot_that_is_not_confirmed, &lobby),
        IN_SCENE(test_shutdown_wants_the_name, &lobby),
        IN_SCENE(test_only_marked_and_shown_ones, &lobby),
        IN_SCENE(test_a_queued_one_is_taken_back, &lobby),
        IN_SCENE(test_read_only_commands_nothing, &lobby_read_only),
        IN_SCENE(test_broker_dies_and_returns, &lobby),
        IN_SCENE(test_every_size, &lobby),
        IN_SCENE(test_a_terminal_of_no_session, &nobodys),
        IN_SCENE(test_keys_come_from_the_terminal, &without_input),
        IN_SCENE(test_hostile_bytes_stay_outside, &lobby),
        IN_SCENE(test_filter_detail_help, &lobby),
        cmocka_unit_test(test_terminal_is_given_back),
        IN_SCENE(test_without_colour_and_utf8, &poor),
        IN_SCENE(test_german, &in_german),
    };
    return cmocka_run_group_tests(tests, console_group_begin, console_group_end);
}
