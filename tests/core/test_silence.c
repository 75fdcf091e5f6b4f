/* Silence: judged on the boot clock, never while there is no broker, never by a start. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "rig.h"

#define BEAT TOPIC(UUID_A, "heartbeat")
#define T    INT64_C(180000) /* fleet.heartbeat_timeout */

static struct rig rig;

static int begin(void **state)
{
    (void)state;
    rig_begin(&rig, false);
    return 0;
}

static int begin_cold(void **state)
{
    (void)state;
    rig_begin(&rig, true);
    return 0;
}

static int end(void **state)
{
    (void)state;
    rig_end(&rig);
    return 0;
}

static void test_silent_after_the_timeout(void **state)
{
    (void)state;
    rig_live(&rig, BEAT, "{}");
    rig_run(&rig, 100000);
    rig_live(&rig, TOPIC(UUID_A, "health"), "{}");
    rig_run(&rig, 100000 + T - 1);
    rig_take(&rig);
    assert_string_equal(rig_state(&rig, UUID_A), "online");
    rig_run(&rig, 100000 + T);
    assert_string_equal(rig_take(&rig),
                        "client history:state_changed alarm history:alarm_raised notify");
    assert_string_equal(rig_state(&rig, UUID_A), "silent");
    assert_int_equal(core_client_quiet_ms(rig.core, rig_client(&rig, UUID_A), rig.now), T);
    rig_run(&rig, 400000);
    assert_string_equal(rig_take(&rig), "");
    rig_live(&rig, BEAT, "{}");
    assert_string_equal(rig_take(&rig),
                        "client history:state_changed alarm history:alarm_returned");
    assert_string_equal(rig_alarm_state(&rig, ALARM_CLIENT_SILENT, UUID_A), "returned");
}

static void test_acknowledged_silence_ends_normal(void **state)
{
    (void)state;
    rig_live(&rig, BEAT, "{}");
    rig_run(&rig, T);
    const struct alarm *a = rig_alarm(&rig, ALARM_CLIENT_SILENT, UUID_A);
    rig_operator(&rig, OP_ACKNOWLEDGE, a->id, "anna");
    rig_live(&rig, BEAT, "{}");
    assert_string_equal(rig_alarm_state(&rig, ALARM_CLIENT_SILENT, UUID_A), "normal");
    assert_int_equal(core_alarm_count(rig.core), 0);
    assert_int_equal(rig_client(&rig, UUID_A)->alarms, 0);
}

static void test_logs_are_no_sign_of_life(void **state)
{
    (void)state;
    rig_live(&rig, BEAT, "{}");
    rig_run(&rig, 100000);
    rig_live(&rig, TOPIC(UUID_A, "logs/info"), "here");
    rig_run(&rig, T);
    assert_string_equal(rig_state(&rig, UUID_A), "silent");
}

static void test_time_without_a_broker_does_not_count(void **state)
{
    (void)state;
    rig_live(&rig, BEAT, "{}");
    rig_run(&rig, 100000);
    rig_down(&rig);
    rig_run(&rig, 10000000);
    assert_string_equal(rig_state(&rig, UUID_A), "online");
    rig_up(&rig);
    rig_run(&rig, 10000000 + 79999);
    assert_string_equal(rig_state(&rig, UUID_A), "online");
    rig_run(&rig, 10000000 + 80000);
    assert_string_equal(rig_state(&rig, UUID_A), "silent");
}

static void test_a_client_never_heard_stays_unknown(void **state)
{
    (void)state;
    rig_live(&rig, TOPIC(UUID_A, "group_id"), "vienna");
    rig_run(&rig, 10 * T);
    assert_string_equal(rig_state(&rig, UUID_A), "unknown");
}

static struct client stored(enum client_state s, const char *uuid)
{
    struct client c = {.state = s,
                       .pid = NUMBER_NONE,
                       .current_event_id = NUMBER_NONE,
                       .expected_event_id = NUMBER_NONE,
                       .reconnect_count = NUMBER_NONE,
                       .first_seen_at = RIG_WALL - 5000000,
                       .last_heartbeat_at = RIG_WALL - 4000000,
                       .last_health_at = TIME_NONE,
                       .last_disconnect_at = TIME_NONE,
                       .state_since_at = RIG_WALL - 4000000,
                       .broker_reachable = TRI_UNKNOWN,
                       .silent = s == CLIENT_SILENT};
    uid_parse(uuid, UID_TEXT - 1, &c.id);
    strcpy(c.spelling, uuid);
    return c;
}

static void test_a_start_changes_nothing(void **state)
{
    (void)state;
    const struct client online = stored(CLIENT_ONLINE, UUID_A),
                        silent = stored(CLIENT_SILENT, UUID_B);
    assert_true(core_restore_client(rig.core, &online));
    assert_true(core_restore_client(rig.core, &silent));
    struct client never = stored(CLIENT_UNKNOWN, UUID_C);
    never.last_heartbeat_at = TIME_NONE;
    assert_true(core_restore_client(rig.core, &never));
    rig_run(&rig, 5000);
    rig_role(&rig, true);
    assert_string_equal(rig_take(&rig), "history:recorder link");
    rig_at(&rig, 8000);
    rig_up(&rig);
    assert_string_equal(rig_take(&rig), "link history:link_up");
    assert_string_equal(rig_state(&rig, UUID_A), "online");
    assert_string_equal(rig_state(&rig, UUID_B), "silent");
    /* the clock of silence starts with the first connection */
    rig_run(&rig, 8000 + T - 1);
    assert_string_equal(rig_state(&rig, UUID_A), "online");
    rig_run(&rig, 8000 + T);
    assert_string_equal(rig_state(&rig, UUID_A), "silent");
    assert_string_equal(rig_state(&rig, UUID_C), "unknown");
    assert_int_equal(core_client_quiet_ms(rig.core, rig_client(&rig, UUID_B), rig.now),
                     4000000 + 8000 + T);
    rig_live(&rig, TOPIC(UUID_B, "heartbeat"), "{}");
    assert_string_equal(rig_state(&rig, UUID_B), "online");
}

static void test_clock_jump_silences_nobody(void **state)
{
    (void)state;
    rig_live(&rig, BEAT, "{}");
    rig.now.wall_ms += 100 * T;
    rig_step(&rig, &(struct core_event){.kind = IN_CLOCK_JUMP, .u.jump_ms = 100 * T});
    rig_step(&rig, &(struct core_event){.kind = IN_TICK});
    assert_string_equal(rig_state(&rig, UUID_A), "online");
    assert_int_equal(core_history(rig.core, 0)->kind, EVENT_CLOCK_JUMP);
}

static void test_broker_unreachable(void **state)
{
    (void)state;
    rig_role(&rig, true);
    rig_take(&rig);
    rig_run(&rig, 0);
    rig_step(&rig, &(struct core_event){.kind = IN_TICK});
    rig_run(&rig, 9999);
    rig_down(&rig);
    assert_string_equal(rig_take(&rig), "");
    rig_run(&rig, 10000);
    assert_string_equal(rig_take(&rig), "alarm history:alarm_raised notify");
    const struct alarm *a = rig_alarm(&rig, ALARM_BROKER_UNREACHABLE, "host:ops1");
    assert_non_null(a);
    assert_string_equal(a->summary.id, "gone"); /* the reason as it came: to be translated */
    rig_operator(&rig, OP_ACKNOWLEDGE, a->id, "anna");
    assert_string_equal(rig_take(&rig), "alarm history:alarm_acknowledged"); /* never shared */
    rig_up(&rig);
    assert_string_equal(rig_take(&rig), "link history:link_up alarm history:alarm_cleared");
    rig_down(&rig);
    assert_string_equal(rig_take(&rig), "link history:link_down alarm history:alarm_raised notify");
    assert_int_equal(a->occurrences, 2);
}

static void test_shorter_timeout_while_running(void **state)
{
    (void)state;
    rig_live(&rig, BEAT, "{}");
    rig.config.fleet.heartbeat_timeout = 60000;
    core_reconfigure(rig.core, &rig.config);
    rig_run(&rig, 60000);
    assert_string_equal(rig_state(&rig, UUID_A), "silent");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_silent_after_the_timeout, begin, end),
        cmocka_unit_test_setup_teardown(test_acknowledged_silence_ends_normal, begin, end),
        cmocka_unit_test_setup_teardown(test_logs_are_no_sign_of_life, begin, end),
        cmocka_unit_test_setup_teardown(test_time_without_a_broker_does_not_count, begin, end),
        cmocka_unit_test_setup_teardown(test_a_client_never_heard_stays_unknown, begin, end),
        cmocka_unit_test_setup_teardown(test_a_start_changes_nothing, begin_cold, end),
        cmocka_unit_test_setup_teardown(test_clock_jump_silences_nobody, begin, end),
        cmocka_unit_test_setup_teardown(test_broker_unreachable, begin_cold, end),
        cmocka_unit_test_setup_teardown(test_shorter_timeout_while_running, begin, end),
    };
    return cmocka_run_group_tests_name("core: silence", tests, NULL, NULL);
}
