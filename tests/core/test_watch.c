/* Devices that were told to restart or to switch off: watched until they are back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "rig.h"

#define CMD  "07aab032-53c2-45ef-a5a3-6aa58e9d9fae"
#define BEAT TOPIC(UUID_A, "heartbeat")

static struct rig rig;

static int begin(void **state)
{
    (void)state;
    rig_begin(&rig, false);
    rig_live(&rig, BEAT, "{\"process_status\":\"running\",\"hostname\":\"lobby\"}");
    return 0;
}

static int end(void **state)
{
    (void)state;
    rig_end(&rig);
    return 0;
}

static void issue(const char *action)
{
    char payload[300];

    snprintf(payload, sizeof payload,
             "{\"command_id\":\"" CMD "\",\"client_uuid\":\"" UUID_A "\",\"action\":\"%s\","
             "\"issued_at\":\"2026-04-05T08:00:00Z\",\"expires_at\":\"2026-04-05T08:04:00Z\","
             "\"requested_by\":\"berta\",\"reason\":\"\"}",
             action);
    rig_live(&rig, TOPIC(UUID_A, "commands"), payload);
}

static void ack(const char *word)
{
    char payload[128];

    snprintf(payload, sizeof payload, "{\"command_id\":\"" CMD "\",\"status\":\"%s\"}", word);
    rig_live(&rig, TOPIC(UUID_A, "commands/ack"), payload);
}

static void beat(int64_t ms)
{
    rig_run(&rig, ms);
    rig_live(&rig, BEAT, "{\"process_status\":\"running\"}");
}

static const char *alarm(void)
{
    return rig_alarm_state(&rig, ALARM_DEVICE_NOT_BACK, CMD);
}

static const struct command *the_command(void)
{
    struct uid id;

    uid_parse(CMD, UID_TEXT - 1, &id);
    return core_find_command(rig.core, &id);
}

static void test_not_back(void **state)
{
    (void)state;
    issue("reboot_host");
    beat(1000);
    ack("execution_started");
    beat(2000); /* the last gasp proves nothing */
    rig_run(&rig, 1000 + 299999);
    assert_string_equal(alarm(), "(none)");
    rig_run(&rig, 1000 + 300000);
    assert_string_equal(alarm(), "unacknowledged");
    const struct alarm *a = rig_alarm(&rig, ALARM_DEVICE_NOT_BACK, CMD);
    assert_string_equal(a->summary.arg[0].clean, "lobby");
    assert_string_equal(a->summary.arg[1].clean, "reboot_host");
    assert_string_equal(a->summary.arg[2].clean, "berta");
    beat(400000);
    assert_string_equal(alarm(), "returned");
    beat(500000);
    assert_string_equal(alarm(), "returned");
}

static void test_back_after_a_gap(void **state)
{
    (void)state;
    issue("restart_app");
    beat(5000);
    ack("execution_started");
    beat(30000);
    rig_run(&rig, 600000);
    assert_string_equal(alarm(), "(none)");
}

static void test_back_after_completed(void **state)
{
    (void)state;
    issue("restart_app");
    for (int64_t ms = 1000; ms <= 5000; ms += 1000)
        beat(ms);
    ack("execution_started");
    ack("completed");
    beat(6000); /* no gap: the result and a report are enough */
    rig_run(&rig, 600000);
    assert_string_equal(alarm(), "(none)");
}

static void test_completed_alone_is_no_proof(void **state)
{
    (void)state;
    issue("reboot_host");
    ack("execution_started");
    ack("completed");
    rig_run(&rig, 600000);
    assert_string_equal(alarm(), "unacknowledged");
}

static void test_without_a_broker_the_watch_stands_still(void **state)
{
    (void)state;
    issue("reboot_host");
    ack("execution_started");
    rig_run(&rig, 200000);
    rig_down(&rig);
    rig_run(&rig, 900000);
    rig_up(&rig);
    rig_run(&rig, 900000 + 99999);
    assert_string_equal(alarm(), "(none)");
    rig_run(&rig, 900000 + 100000);
    assert_string_equal(alarm(), "unacknowledged");
}

static void test_switched_off_is_silent_without_alarm(void **state)
{
    (void)state;
    issue("shutdown_host");
    ack("execution_started");
    ack("completed");
    beat(1000);
    rig_run(&rig, 300000);
    assert_string_equal(rig_state(&rig, UUID_A), "silent");
    assert_string_equal(rig_alarm_state(&rig, ALARM_CLIENT_SILENT, UUID_A), "(none)");
    assert_string_equal(alarm(), "(none)");
    beat(400000); /* on again: from now on silence is a fault */
    rig_run(&rig, 700000);
    assert_string_equal(rig_alarm_state(&rig, ALARM_CLIENT_SILENT, UUID_A), "unacknowledged");
}

static void test_over_a_restart(void **state)
{
    (void)state;
    issue("reboot_host");
    rig_run(&rig, 1000);
    ack("execution_started");
    const struct command row = *the_command();
    const struct client device = *rig_client(&rig, UUID_A);
    rig_end(&rig);
    rig_begin(&rig, true);
    core_restore_client(rig.core, &device);
    core_restore_command(rig.core, &row);
    rig_at(&rig, 101000);
    rig_role(&rig, true);
    rig_up(&rig);
    rig_run(&rig, 300999);
    assert_string_equal(alarm(), "(none)");
    rig_run(&rig, 301000);
    assert_string_equal(alarm(), "unacknowledged");
}

static void test_what_was_last_known(void **state)
{
    (void)state;
    static const struct {
        const char *ack, *code;
        bool beats;
    } rows[] = {{NULL, "not_connected", false}, {NULL, "no_answer", true}, {"accepted", "gone", true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rig_end(&rig);
        rig_begin(&rig, false);
        if (rows[i].beats)
            rig_live(&rig, BEAT, "{\"process_status\":\"running\"}");
        issue("restart_app");
        if (rows[i].ack)
            ack(rows[i].ack);
        if (rows[i].beats)
            beat(100000);
        rig_run(&rig, 240000);
        assert_string_equal(command_statuses[the_command()->status].word, "expired");
        assert_string_equal(the_command()->error_code.clean, rows[i].code);
        ack("completed");
        assert_string_equal(the_command()->error_code.clean, "");
        assert_true(the_command()->late);
    }
}

int main(void)
{
#define CASE(t) cmocka_unit_test_setup_teardown(t, begin, end)
    const struct CMUnitTest tests[] = {
        CASE(test_not_back),
        CASE(test_back_after_a_gap),
        CASE(test_back_after_completed),
        CASE(test_completed_alone_is_no_proof),
        CASE(test_without_a_broker_the_watch_stands_still),
        CASE(test_switched_off_is_silent_without_alarm),
        CASE(test_over_a_restart),
        CASE(test_what_was_last_known),
    };
    return cmocka_run_group_tests_name("core: watching devices come back", tests, NULL, NULL);
}
