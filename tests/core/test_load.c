/* How many alarms at once: floods with their two thresholds, chatter, the figures of the standard;
 * who is told when, and again when nobody acknowledged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "core/load.h"
#include "rig.h"

#define BEAT    TOPIC(UUID_A, "heartbeat")
#define CRASHED "{\"process_status\":\"crashed\"}"
#define RUNNING "{\"process_status\":\"running\"}"
#define KIND    ALARM_PROCESS_CRASHED
#define MIN     INT64_C(60000)

static struct rig rig;

static void crash(unsigned client)
{
    char topic[100];

    snprintf(topic, sizeof(topic), "infoscreen/%08x-0000-4000-8000-000000000000/heartbeat", client);
    rig_live(&rig, topic, CRASHED);
}

static unsigned notified(void)
{
    unsigned n = 0;

    for (const char *at = rig_take(&rig); (at = strstr(at, "notify")) != NULL; at++)
        n++;
    return n;
}

static void test_flood(void **state)
{
    (void)state;
    rig.config.fleet.heartbeat_timeout = 365 * 1440 * MIN;
    core_reconfigure(rig.core, &rig.config);
    for (unsigned i = 0; i < 10; i++) {
        rig_run(&rig, i * 1000);
        crash(i);
    }
    assert_false(core_alarm_flood(rig.core)); /* ten are no flood yet */
    rig_run(&rig, 20000);
    rig_take(&rig);
    crash(10);
    assert_true(core_alarm_flood(rig.core));
    assert_non_null(strstr(rig_take(&rig), "message"));
    rig_run(&rig, 10 * MIN + 6 * 1000 - 1000); /* seven have left the window: four remain below */
    assert_true(core_alarm_flood(rig.core));
    rig_run(&rig, 10 * MIN + 6 * 1000);
    assert_false(core_alarm_flood(rig.core));
    crash(11);
    assert_false(core_alarm_flood(rig.core)); /* not again at once */
}

static void test_a_restart_goes_on_counting(void **state)
{
    (void)state;
    struct raise r = {.alarm_id = "process_crashed-0123456789abcdef"};
    struct rig next;

    rig_begin(&next, true);
    for (int i = 0; i < 11; i++) {
        r.at = RIG_WALL - 5 * MIN - i;
        core_restore_raise(next.core, &r);
    }
    rig_role(&next, true);
    assert_true(core_alarm_flood(next.core));
    assert_null(strstr(rig_take(&next), "notify"));
    rig_run(&next, 5 * MIN);
    assert_false(core_alarm_flood(next.core));
    rig_end(&next);
}

static void test_many_at_once_are_cheap(void **state)
{
    (void)state;
    struct alarm_load load;

    for (unsigned i = 0; i < 20000; i++) {
        crash(i);
        rig_take(&rig);
    }
    assert_true(core_alarm_flood(rig.core));
    assert_true(core_alarm_load(rig.core, rig.now, &load));
    assert_int_equal(load.standing, 20000);
    assert_int_equal(load.rate, 8192); /* as many as are kept */
}

static void test_chatter_is_told_once(void **state)
{
    (void)state;
    struct alarm_load load;

    for (int64_t i = 0; i < 6; i++) {
        rig_run(&rig, i * 10000);
        rig_live(&rig, BEAT, CRASHED);
        rig_run(&rig, i * 10000 + 5000);
        rig_live(&rig, BEAT, RUNNING);
    }
    assert_int_equal(notified(), 3);
    const struct alarm *a = rig_alarm(&rig, KIND, UUID_A);
    assert_int_equal(a->occurrences, 6); /* one line with a count */
    assert_int_equal(core_alarm_count(rig.core), 1);
    assert_true(core_alarm_chatters(rig.core, a));
    assert_true(core_alarm_load(rig.core, rig.now, &load));
    assert_int_equal(load.chattering_count, 1);
    assert_string_equal(load.chattering[0], a->id);
    for (int64_t i = 1; i < 12; i++) { /* calm, and speaking */
        rig_run(&rig, 60000 + i * MIN);
        rig_live(&rig, BEAT, RUNNING);
    }
    assert_false(core_alarm_chatters(rig.core, a));
    rig_take(&rig);
    rig_live(&rig, BEAT, CRASHED);
    assert_int_equal(notified(), 1);
}

static void test_escalation(void **state)
{
    (void)state;
    rig.config.fleet.heartbeat_timeout = 1440 * MIN;
    core_reconfigure(rig.core, &rig.config);
    rig_live(&rig, BEAT, CRASHED);
    assert_int_equal(notified(), 1);
    rig_run(&rig, 15 * MIN - 1);
    assert_int_equal(notified(), 0);
    rig_run(&rig, 15 * MIN);
    assert_int_equal(rig.escalation, 1);
    assert_int_equal(notified(), 1);
    rig_run(&rig, 30 * MIN);
    assert_int_equal(rig.escalation, 2);
    assert_int_equal(notified(), 1);
    rig_operator(&rig, OP_ACKNOWLEDGE, rig_alarm(&rig, KIND, UUID_A)->id, "anna");
    rig_take(&rig);
    rig_run(&rig, 90 * MIN);
    assert_int_equal(notified(), 0);
}

static void test_escalation_goes_on_after_a_restart(void **state)
{
    (void)state;
    struct rig next;

    rig_live(&rig, BEAT, CRASHED);
    struct alarm row = *rig_alarm(&rig, KIND, UUID_A);
    row.raised_at = RIG_WALL - 20 * MIN;
    rig_begin(&next, true);
    assert_true(core_restore_alarm(next.core, &row, NULL, 0));
    rig_role(&next, true);
    rig_up(&next);
    rig_run(&next, 10 * MIN - 1);
    assert_null(strstr(rig_take(&next), "notify"));
    rig_run(&next, 10 * MIN);
    assert_non_null(strstr(rig_take(&next), "notify"));
    assert_int_equal(next.escalation, 2);
    rig_end(&next);
}

static void test_quiet_hours(void **state)
{
    (void)state;
    rig.config.fleet.heartbeat_timeout = 1440 * MIN;
    assert_true(config_set(&rig.config, "notify.quiet_hours", "06:00-08:20", NULL));
    assert_true(config_set(&rig.config, "alarms.priority.process_crashed",
                           "medium, group:vienna-1=critical", NULL));
    core_reconfigure(rig.core, &rig.config);
    rig_live(&rig, BEAT, CRASHED); /* 08:00 */
    assert_int_equal(notified(), 0);
    rig_stored_copy(&rig, TOPIC(UUID_B, "group_id"), "vienna-1");
    rig_live(&rig, TOPIC(UUID_B, "heartbeat"), CRASHED);
    assert_int_equal(notified(), 1); /* critical always goes through */
    rig_operator(&rig, OP_ACKNOWLEDGE, rig_alarm(&rig, KIND, UUID_B)->id, "anna");
    rig_run(&rig, 29 * MIN);
    assert_int_equal(notified(), 0);
    rig_run(&rig, 30 * MIN); /* the first time after the quiet hours */
    assert_int_equal(notified(), 1);
}

/* ---- the figures, by hand ---- */

static void test_figures(void **state)
{
    (void)state;
    static struct raise r[64];
    const int64_t now = 48 * 60 * MIN;
    struct alarm_load l;
    size_t n = 0;

    for (int i = 0; i < 12; i++) { /* one a minute from 60 minutes ago: 10 in each window */
        r[n].at = now - 60 * MIN + i * MIN;
        r[n].client.b[0] = 1;
        snprintf(r[n].alarm_id, ALARM_ID, "process_crashed-%016d", i);
        n++;
    }
    for (int i = 0; i < 12; i++) { /* twelve at once, 20 minutes ago: in flood for ten minutes */
        r[n].at = now - 20 * MIN;
        r[n].client.b[0] = (unsigned char)(2 + i % 2);
        snprintf(r[n].alarm_id, ALARM_ID, "client_silent-%016d", i / 4);
        n++;
    }
    r[n].at = now - 1; /* about no client */
    snprintf(r[n++].alarm_id, ALARM_ID, "broker_outage-%016d", 0);
    load_begin(&l);
    load_add_raises(&l, r, n, now);
    assert_int_equal(l.rate, 1);
    assert_false(l.flood);
    assert_int_equal(l.flood_ms, 10 * MIN);
    assert_int_equal(l.chattering_count, 3);
    assert_int_equal(l.source_count, 3);
    assert_int_equal(l.source[0].client.b[0], 1);
    assert_int_equal(l.source[0].count, 12);
    assert_int_equal(l.source[1].count, 6);
}

int main(void)
{
#define CASE(t) RIG_TEST(t, &rig)
    const struct CMUnitTest tests[] = {
        CASE(test_flood),
        CASE(test_a_restart_goes_on_counting),
        CASE(test_many_at_once_are_cheap),
        CASE(test_chatter_is_told_once),
        CASE(test_escalation),
        CASE(test_escalation_goes_on_after_a_restart),
        CASE(test_quiet_hours),
        CASE(test_figures),
    };
    return cmocka_run_group_tests_name("core: the load of alarms", tests, NULL, NULL);
}
