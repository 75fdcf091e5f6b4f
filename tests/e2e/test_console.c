/* The operator's main journeys: the real program on a terminal emulator over a real Mosquitto. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "rig.h"
#include "term.h"

#define LOBBY "9b8d1856-ff34-4864-a726-12de072d0f77"
#define KITCHEN "41aa03c2-1111-4111-8111-111111111111"

static struct rig rig;

static int group_setup(void **state)
{
    (void)state;
    rig_start(&rig);
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    rig_stop(&rig);
    return 0;
}

static char db[RIG_PATH + 32], port[16];

static struct term *console(const struct term_options *o, const char *extra)
{
    static int n;

    snprintf(db, sizeof db, "%s/%d.db", rig.dir, n++);
    snprintf(port, sizeof port, "%d", rig.port);
    char *argv[] = {(char *)rig_program(), "-h", "127.0.0.1", "-p", port, "--db", db, "--operator",
                    "anna", (char *)extra, NULL};
    return term_start(o, argv);
}

static const struct term_options usual = {.rows = 36, .cols = 120};

static void heartbeat(const char *uuid, const char *hostname, const char *status)
{
    char topic[128], payload[256];

    snprintf(topic, sizeof topic, "infoscreen/%s/heartbeat", uuid);
    snprintf(payload, sizeof payload,
             "{\"hostname\":\"%s\",\"process_status\":\"%s\",\"current_process\":\"display_manager\","
             "\"process_pid\":12,\"current_event_id\":42}",
             hostname, status);
    rig_publish(&rig, topic, payload, false);
}

/* What is published before the console has subscribed is heard by nobody, as with any device: said again. */
static void hear(struct term *t, const char *uuid, const char *hostname, const char *status)
{
    for (int i = 0; i < 100 && !term_has(t, hostname); i++) {
        heartbeat(uuid, hostname, status);
        term_wait(t, 100);
    }
    term_expect(t, hostname, 5);
}

static void fail_service(const char *uuid, const char *at)
{
    char topic[128], payload[256];

    snprintf(topic, sizeof topic, "infoscreen/%s/service_failed", uuid);
    snprintf(payload, sizeof payload,
             "{\"event\":\"service_failed\",\"unit\":\"infoscreen-simclient.service\","
             "\"client_uuid\":\"%s\",\"failed_at\":\"%s\"}",
             uuid, at);
    rig_publish(&rig, topic, payload, true);
}

static void quit(struct term *t)
{
    term_type(t, "q");
    const int status = term_wait_exit(t, 10);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_true(term_is_given_back(t));
    assert_true(term_settings_restored(t));
    term_free(t);
}

static void test_fleet_appears(void **state)
{
    (void)state;
    struct term *t = console(&usual, NULL);

    term_expect(t, "127.0.0.1", 10);
    hear(t, LOBBY, "lobby-03", "running");
    term_expect(t, "9b8d1856", 5);
    heartbeat(KITCHEN, "kitchen-1", "crashed");
    term_expect(t, "kitchen-1", 5);
    term_expect(t, "CRASHED", 5);
    term_expect(t, "ALARMS 1", 5);
    heartbeat(KITCHEN, "kitchen-1", "running");
    term_expect_gone(t, "✖ 1 crashed", 5);
    quit(t);
}

static void test_acknowledge_clears_the_retained_message(void **state)
{
    (void)state;
    char out[4096];

    fail_service(LOBBY, "2026-04-05T08:00:00Z");
    struct term *t = console(&usual, NULL);
    term_expect(t, "SERVICE FAILED", 10);
    term_expect(t, "infoscreen-simclient.service", 5);
    assert_int_equal(term_colour_at(t, "SERVICE FAILED", true) == -2, 0);
    term_type(t, "a");
    term_expect_gone(t, "SERVICE FAILED", 10);
    rig_retained(&rig, "infoscreen/" LOBBY "/service_failed", out, sizeof out);
    assert_string_equal(out, "");
    rig_retained(&rig, "infoscreen/console/ack/+", out, sizeof out);
    assert_non_null(strstr(out, "\"acknowledged_by\":\"anna\""));
    assert_non_null(strstr(out, "\"raised_at\":\"2026-04-05T08:00:00Z\""));
    quit(t);
}

static void test_read_only_sends_nothing(void **state)
{
    (void)state;
    char out[4096];

    fail_service(LOBBY, "2026-04-05T09:00:00Z");
    struct term *t = console(&usual, "--read-only");
    term_expect(t, "READ-ONLY", 10);
    term_expect(t, "SERVICE FAILED", 10);
    term_type(t, "a");
    term_settle(t, 5);
    term_expect(t, "SERVICE FAILED", 1);
    rig_retained(&rig, "infoscreen/" LOBBY "/service_failed", out, sizeof out);
    assert_true(out[0] != '\0');
    rig_retained(&rig, "infoscreen/console/presence/+", out, sizeof out);
    assert_string_equal(out, "");
    rig_publish(&rig, "infoscreen/" LOBBY "/service_failed", "", true);
    term_expect_gone(t, "SERVICE FAILED", 5);
    quit(t);
}

static void test_broker_dies_and_returns(void **state)
{
    (void)state;
    struct term *t = console(&usual, NULL);

    hear(t, LOBBY, "lobby-03", "running");
    rig_broker_kill(&rig, SIGKILL);
    term_expect(t, "NO BROKER since", 10);
    rig_broker_start(&rig);
    term_expect_gone(t, "NO BROKER since", 40);
    hear(t, LOBBY, "lobby-04", "running");
    quit(t);
}

static void test_every_size(void **state)
{
    (void)state;
    static const int sizes[][2] = {{24, 80}, {10, 40}, {5, 20}, {1, 1}, {60, 200}, {2, 7}, {36, 120}};
    struct term *t = console(&usual, NULL);

    hear(t, LOBBY, "lobby-03", "running");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        term_resize(t, sizes[i][0], sizes[i][1]);
        term_settle(t, 5);
    }
    term_expect(t, "lobby-03", 5);
    quit(t);
}

static void test_hostile_bytes_stay_outside(void **state)
{
    (void)state;
    static const char evil[] = "{\"hostname\":\"\\u001b]52;c;ZXZpbA==\\u0007\\u202Elobby\",\"ip\":\"\x1b[2J\"}";
    static const char broken[] = "{\"hostname\":\"\xff\xfe\"}";
    struct term *t = console(&usual, NULL);

    hear(t, LOBBY, "lobby-03", "running");
    rig_publish(&rig, "infoscreen/" LOBBY "/heartbeat", evil, false);
    rig_publish_bytes(&rig, "infoscreen/" LOBBY "/heartbeat", broken, sizeof broken - 1, false);
    hear(t, KITCHEN, "kitchen-1", "running");
    assert_false(term_saw_bytes(t, "\033]52;", 5));
    assert_false(term_saw_bytes(t, "\xe2\x80\xae", 3));
    quit(t);
}

static void test_filter_detail_help(void **state)
{
    (void)state;
    struct term *t = console(&usual, NULL);

    hear(t, LOBBY, "lobby-03", "running");
    hear(t, KITCHEN, "kitchen-1", "running");
    term_type(t, "/kitchen\r");
    term_expect_gone(t, "lobby-03", 5);
    term_type(t, "\r");
    term_expect(t, KITCHEN, 5);
    term_type(t, "?");
    term_expect(t, "acknowledge", 5);
    term_settle(t, 5);
    term_type(t, "qqqq");
    term_wait_exit(t, 10);
    term_free(t);
}

static void expect_given_back_after(int signo)
{
    struct term *t = console(&usual, NULL);

    term_expect(t, "127.0.0.1", 10);
    kill(term_pid(t), signo);
    term_wait_exit(t, 10);
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
    (void)state;
    static const char *const plain[] = {"NO_COLOR=1", "LC_ALL=C", NULL};
    static const struct term_options poor = {.rows = 24, .cols = 80, .term = "vt100", .env = plain};
    struct term *t = console(&poor, NULL);

    hear(t, KITCHEN, "kitchen-1", "crashed");
    term_expect(t, "CRASHED", 5);
    for (const char *p = term_screen(t); *p; p++)
        assert_true((unsigned char)*p < 0x80);
    quit(t);
}

static void test_german(void **state)
{
    (void)state;
    static const char *const german[] = {"LANGUAGE=de", NULL};
    static const struct term_options de = {.rows = 36, .cols = 120, .env = german};
    struct term *t = console(&de, NULL);

    hear(t, KITCHEN, "kitchen-1", "crashed");
    term_expect(t, "quittieren", 10);
    quit(t);
}

/* ---- commands: what is asked, what answers it, what is on the wire ---- */

#define COMMANDS "infoscreen/+/commands"

static void quit_from_view(struct term *t)
{
    term_type(t, "1");
    quit(t);
}

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
    (void)state;
    struct term *t = console(&usual, NULL);

    hear(t, LOBBY, "lobby-03", "running");
    rig_record(&rig, COMMANDS);
    term_type(t, "R");
    term_expect(t, "REBOOT lobby-03", 30);
    term_expect(t, "goes dark for 10-90 s", 30);
    term_type(t, "y");
    term_expect_gone(t, "REBOOT lobby-03", 30);
    term_type(t, "4");
    term_expect(t, "at the broker", 30);
    expect_commands(1, LOBBY, 1);
    quit_from_view(t);
}

static void test_reboot_that_is_not_confirmed(void **state)
{
    (void)state;
    struct term *t = console(&usual, NULL);

    hear(t, LOBBY, "lobby-03", "running");
    rig_record(&rig, COMMANDS);
    term_type(t, "R");
    term_expect(t, "REBOOT lobby-03", 30);
    term_type(t, "\r n");
    term_expect(t, "nothing was sent", 30);
    term_type(t, "Ryyy"); /* typed before it was asked: no answer */
    term_expect(t, "REBOOT lobby-03", 30);
    term_settle(t, 30);
    term_type(t, "n");
    term_expect_gone(t, "REBOOT lobby-03", 30);
    expect_commands(0, LOBBY, 0);
    quit_from_view(t);
}

static void test_shutdown_wants_the_name(void **state)
{
    (void)state;
    struct term *t = console(&usual, NULL);

    hear(t, LOBBY, "lobby-03", "running");
    rig_record(&rig, COMMANDS);
    term_type(t, "S");
    term_expect(t, "type lobby-03 and Enter", 30);
    term_type(t, "y\rlobby-04\r");
    term_expect(t, "that is not it", 30);
    term_type(t, "\033");
    term_expect_gone(t, "SHUT DOWN", 30);
    expect_commands(0, LOBBY, 0);
    quit_from_view(t);
}

static void test_only_marked_and_shown_ones(void **state)
{
    (void)state;
    struct term *t = console(&usual, NULL);

    hear(t, LOBBY, "lobby-03", "running");
    hear(t, KITCHEN, "kitchen-1", "running");
    hear(t, "77c00000-2222-4222-8222-222222222222", "kitchen-2", "running");
    rig_record(&rig, COMMANDS);
    term_type(t, "2*");
    term_expect(t, "3 marked", 30);
    term_type(t, "/kitchen\r");
    term_expect(t, "2 marked", 30);
    term_type(t, "R");
    term_expect(t, "REBOOT 2 CLIENTS", 30);
    term_type(t, "y");
    term_expect_gone(t, "REBOOT 2 CLIENTS", 30);
    term_type(t, "4");
    term_expect(t, "2 clients", 30);
    term_type(t, "\r"); /* unfolded: where each of them is */
    term_expect(t, "kitchen-1", 30);
    term_expect_gone(t, "queued", 30);
    expect_commands(2, LOBBY, 0);
    quit_from_view(t);
}

static void test_a_queued_one_is_taken_back(void **state)
{
    (void)state;
    char out[65536];
    struct term *t = console(&usual, NULL);

    hear(t, LOBBY, "lobby-03", "running");
    rig_broker_kill(&rig, SIGKILL);
    term_expect(t, "NO BROKER since", 30);
    term_type(t, "2r"); /* mild, but it cannot go at once: asked */
    term_expect(t, "No broker now", 30);
    term_type(t, "y");
    term_expect_gone(t, "RESTART THE APP", 30);
    term_type(t, "4");
    term_expect(t, "waits for the broker", 30);
    term_type(t, "x");
    term_expect(t, "cancel the queued restart app of lobby-03? y/n", 30);
    term_type(t, "y");
    term_expect(t, "cancelled", 30);
    rig_broker_start(&rig);
    term_expect_gone(t, "NO BROKER since", 60);
    term_settle(t, 30);
    const char *const args[] = {"commands", "--db", db, "-o", "json", NULL};
    assert_int_equal(rig_run(&rig, out, sizeof out, args), 0);
    assert_int_equal(count(out, "\"command_id\""), 1);
    assert_int_equal(count(out, "\"cancelled\""), 1);
    assert_int_equal(count(out, "\"published_at\":null"), 1);
    quit_from_view(t);
}

static void test_read_only_commands_nothing(void **state)
{
    (void)state;
    struct term *t = console(&usual, "--read-only");

    hear(t, LOBBY, "lobby-03", "running");
    rig_record(&rig, COMMANDS);
    static const char *const keys[] = {"r", "R", "S", "x", ":reboot\r"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        term_type(t, keys[i]);
        term_expect(t, "READ-ONLY: nothing is sent", 30);
    }
    term_type(t, "y\r");
    term_settle(t, 30);
    expect_commands(0, LOBBY, 0);
    quit_from_view(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fleet_appears),
        cmocka_unit_test(test_acknowledge_clears_the_retained_message),
        cmocka_unit_test(test_read_only_sends_nothing),
        cmocka_unit_test(test_reboot_is_sent_once_when_it_is_confirmed),
        cmocka_unit_test(test_reboot_that_is_not_confirmed),
        cmocka_unit_test(test_shutdown_wants_the_name),
        cmocka_unit_test(test_only_marked_and_shown_ones),
        cmocka_unit_test(test_a_queued_one_is_taken_back),
        cmocka_unit_test(test_read_only_commands_nothing),
        cmocka_unit_test(test_broker_dies_and_returns),
        cmocka_unit_test(test_every_size),
        cmocka_unit_test(test_hostile_bytes_stay_outside),
        cmocka_unit_test(test_filter_detail_help),
        cmocka_unit_test(test_terminal_is_given_back),
        cmocka_unit_test(test_without_colour_and_utf8),
        cmocka_unit_test(test_german),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
