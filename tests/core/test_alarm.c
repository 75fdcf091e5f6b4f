/* Alarms: the whole table of states and events, and the rules around it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "core/internal_alarm.h"
#include "rig.h"

#define BEAT    TOPIC(UUID_A, "heartbeat")
#define CRASHED "{\"process_status\":\"crashed\"}"
#define RUNNING "{\"process_status\":\"running\"}"
#define KIND    ALARM_PROCESS_CRASHED

static struct rig rig;

/* Written once more by hand, as letters: Normal Unacknowledged Acknowledged Returned Shelved
 * suPpressed;
 * '*' depends on what happened meanwhile. */
static void test_the_table(void **state)
{
    (void)state;
    static const char letters[] = "NUARSP*";
    static const struct {
        enum alarm_state from;
        const char *to; /* raise return clear ack expire shelve unshelve suppress release */
    } rows[] = {
        {ALARM_NORMAL, "UNNNNNNNN"},       {ALARM_UNACKNOWLEDGED, "URNAUSUPU"},
        {ALARM_ACKNOWLEDGED, "UNNAUSAPA"}, {ALARM_RETURNED, "URNNRSRRR"},
        {ALARM_SHELVED, "SSNSSS*SS"},      {ALARM_SUPPRESSED, "PNNPPSPP*"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (int e = 0; e < ALARM_EVENTS; e++)
            assert_int_equal(letters[alarm_next[rows[i].from][e]], rows[i].to[e]);
}

static const char *alarm_id(void)
{
    const struct alarm *a = rig_alarm(&rig, KIND, UUID_A);
    return a ? a->id : "";
}

static void expect(const char *word)
{
    assert_string_equal(rig_alarm_state(&rig, KIND, UUID_A), word);
}

static void test_comes_again_after_returning(void **state)
{
    (void)state;
    rig_live(&rig, BEAT, CRASHED);
    const struct alarm *a = rig_alarm(&rig, KIND, UUID_A);
    assert_int_equal(a->priority, alarm_kind_priority(KIND));
    assert_string_equal(a->mark.clean, "2026-04-05T08:00:00.000Z");
    rig_at(&rig, 1000);
    rig_live(&rig, BEAT, RUNNING);
    expect("returned");
    assert_int_equal(a->cleared_at, RIG_WALL + 1000);
    rig_at(&rig, 2000);
    rig_live(&rig, BEAT, CRASHED);
    expect("unacknowledged");
    assert_int_equal(a->occurrences, 2);
    assert_int_equal(a->raised_at, RIG_WALL + 2000);
    assert_int_equal(a->cleared_at, TIME_NONE);
    rig_operator(&rig, OP_ACKNOWLEDGE, alarm_id(), "anna");
    expect("acknowledged");
    rig_live(&rig, BEAT, RUNNING);
    expect("normal");
}

static void test_acknowledging_a_returned_one(void **state)
{
    (void)state;
    rig_live(&rig, BEAT, CRASHED);
    rig_live(&rig, BEAT, RUNNING);
    rig_take(&rig);
    rig_operator(&rig, OP_ACKNOWLEDGE, alarm_id(), "anna");
    assert_non_null(strstr(rig_take(&rig), "client alarm history:alarm_acknowledged put:"));
    expect("normal");
    assert_int_equal(core_counts(rig.core)->alarms_unacknowledged, 0);
}

static void test_only_the_occurrence_that_was_seen(void **state)
{
    (void)state;
    struct operator_action op = {.verb = OP_ACKNOWLEDGE};
    rig_live(&rig, BEAT, CRASHED);
    strcpy(op.alarm_id, alarm_id());
    op.mark = rig_alarm(&rig, KIND, UUID_A)->mark;
    rig_at(&rig, 1000);
    rig_live(&rig, BEAT, RUNNING);
    rig_live(&rig, BEAT, CRASHED);
    rig_take(&rig);
    rig_step(&rig, &(struct core_event){.kind = IN_OPERATOR, .u.op = &op});
    assert_string_equal(rig_take(&rig), "message");
    expect("unacknowledged");
    strcpy(op.alarm_id, "client_silent-0000000000000000");
    rig_step(&rig, &(struct core_event){.kind = IN_OPERATOR, .u.op = &op});
    assert_string_equal(rig_take(&rig), "message");
}

static void test_delays(void **state)
{
    (void)state;
    rig.config.alarms.on_delay[KIND] = 5000;
    rig.config.alarms.off_delay[KIND] = 3000;
    core_reconfigure(rig.core, &rig.config);
    rig_live(&rig, BEAT, CRASHED);
    rig_run(&rig, 4000);
    rig_live(&rig, BEAT, RUNNING); /* within the delay: nothing happened */
    rig_run(&rig, 10000);
    assert_null(strstr(rig_take(&rig), "alarm_raised"));
    rig_live(&rig, BEAT, CRASHED);
    rig_run(&rig, 14999);
    assert_string_equal(rig_alarm_state(&rig, KIND, UUID_A), "normal");
    rig_run(&rig, 15000);
    expect("unacknowledged");
    rig_live(&rig, BEAT, RUNNING);
    rig_run(&rig, 17999);
    expect("unacknowledged");
    rig_run(&rig, 18000);
    expect("returned");
}

static void test_shelving(void **state)
{
    (void)state;
    struct operator_action op = {.verb = OP_SHELVE, .by = {"anna"}, .note = {"on its way"}};
    rig_live(&rig, BEAT, CRASHED);
    strcpy(op.alarm_id, alarm_id());
    op.mark = rig_alarm(&rig, KIND, UUID_A)->mark;
    op.shelve_until_at = RIG_WALL + 60000;
    rig_step(&rig, &(struct core_event){.kind = IN_OPERATOR, .u.op = &op});
    expect("shelved");
    assert_string_equal(rig_alarm(&rig, KIND, UUID_A)->note.clean, "on its way");
    assert_int_equal(core_counts(rig.core)->alarms_unacknowledged, 0);
    rig.now.wall_ms += 1000000; /* the wall clock jumps; the shelf is not emptied by it */
    rig_step(&rig, &(struct core_event){.kind = IN_TICK});
    expect("shelved");
    rig_run(&rig, 60000);
    expect("unacknowledged");
    rig_operator(&rig, OP_UNSHELVE, alarm_id(), "anna");
    expect("unacknowledged");
    op.mark = rig_alarm(&rig, KIND, UUID_A)->mark;
    op.shelve_until_at = RIG_WALL + 120000;
    rig_step(&rig, &(struct core_event){.kind = IN_OPERATOR, .u.op = &op});
    rig_live(&rig, BEAT, RUNNING);
    expect("shelved");
    rig_operator(&rig, OP_UNSHELVE, alarm_id(), "anna");
    expect("returned");
}

static void test_acknowledgement_expires(void **state)
{
    (void)state;
    const int64_t half_day = 12 * 3600 * INT64_C(1000);
    rig_live(&rig, BEAT, CRASHED);
    rig_operator(&rig, OP_ACKNOWLEDGE, alarm_id(), "anna");
    rig_run(&rig, half_day - 1);
    expect("acknowledged");
    rig_take(&rig);
    rig_run(&rig, half_day);
    assert_non_null(strstr(rig_take(&rig), "history:alarm_raised notify"));
    expect("unacknowledged");
    assert_string_equal(rig_alarm(&rig, KIND, UUID_A)->acknowledged_by.clean, "");
}

static void test_ranking(void **state)
{
    (void)state;
    assert_true(config_set(&rig.config, "alarms.priority.process_crashed", "low", NULL));
    core_reconfigure(rig.core, &rig.config);
    rig_live(&rig, BEAT, CRASHED);
    rig_at(&rig, 1000);
    rig_live(&rig, TOPIC(UUID_B, "heartbeat"), CRASHED);
    rig_live(&rig, TOPIC(UUID_A, "service_failed"), "{\"unit\":\"x.service\"}");
    assert_int_equal(core_alarm_count(rig.core), 3);
    assert_int_equal(core_alarm(rig.core, 0)->kind, ALARM_SERVICE_FAILED);
    assert_string_equal(core_alarm(rig.core, 1)->subject.clean, UUID_B); /* the newer one */
    rig_operator(&rig, OP_ACKNOWLEDGE, core_alarm(rig.core, 1)->id, "anna");
    assert_string_equal(core_alarm(rig.core, 1)->subject.clean, UUID_A);
    assert_null(core_alarm(rig.core, 3));
    assert_int_equal(core_counts(rig.core)->alarms_unacknowledged, 2);
}

/* What is over and only wants a signature stands below all that still holds. */
static void test_what_is_over_comes_last(void **state)
{
    (void)state;
    assert_true(config_set(&rig.config, "alarms.priority.process_crashed", "critical", NULL));
    core_reconfigure(rig.core, &rig.config);
    rig_live(&rig, BEAT, CRASHED);
    rig_live(&rig, TOPIC(UUID_B, "service_failed"), "{\"unit\":\"x.service\"}");
    assert_int_equal(core_alarm(rig.core, 0)->kind, ALARM_PROCESS_CRASHED);
    rig_live(&rig, BEAT, RUNNING);
    expect("returned");
    assert_int_equal(core_alarm(rig.core, 0)->kind, ALARM_SERVICE_FAILED);
    assert_int_equal(core_alarm_group(rig.core, 0)->kind, ALARM_SERVICE_FAILED);
    rig_operator(&rig, OP_ACKNOWLEDGE, core_alarm(rig.core, 0)->id, "anna");
    assert_int_equal(core_alarm(rig.core, 0)->kind, ALARM_SERVICE_FAILED); /* until it is cleared */
}

static void test_priority_by_group_and_time_of_day(void **state)
{
    (void)state;
    assert_true(config_set(&rig.config, "alarms.priority.process_crashed",
                           "group:vienna-1=critical, 10:00-12:00=low", NULL));
    core_reconfigure(rig.core, &rig.config);
    rig_stored_copy(&rig, TOPIC(UUID_A, "group_id"), "vienna-1");
    rig_live(&rig, BEAT, CRASHED); /* 08:00 UTC */
    assert_int_equal(rig_alarm(&rig, KIND, UUID_A)->priority, PRIORITY_CRITICAL);
    rig_live(&rig, TOPIC(UUID_B, "heartbeat"), CRASHED);
    assert_int_equal(rig_alarm(&rig, KIND, UUID_B)->priority, alarm_kind_priority(KIND));
    core_set_zone(rig.core, 7200); /* 10:00 here */
    rig_live(&rig, TOPIC(UUID_C, "heartbeat"), CRASHED);
    assert_int_equal(rig_alarm(&rig, KIND, UUID_C)->priority, PRIORITY_LOW);
    rig_live(&rig, TOPIC(UUID_B, "heartbeat"), RUNNING);
    rig_live(&rig, TOPIC(UUID_B, "heartbeat"), CRASHED); /* comes again: judged again */
    assert_int_equal(rig_alarm(&rig, KIND, UUID_B)->priority, PRIORITY_LOW);
}

/* ---- other consoles ---- */

static void say_ack(const char *raised_at, const char *by, const char *at, bool snapshot)
{
    char topic[100], payload[400];
    char id[ALARM_ID];
    alarm_make_id(KIND, TEXT_OURS(UUID_A), id);
    snprintf(topic, sizeof(topic), "infoscreen/console/ack/%s", id);
    snprintf(payload, sizeof(payload),
             "{\"alarm_id\":\"%s\",\"action\":\"acknowledge\",\"by\":\"%s\",\"at\":\"%s\","
             "\"raised_at\":\"%s\",\"acknowledged_by\":\"%s\",\"acknowledged_at\":\"%s\","
             "\"shelved_until\":null,\"note\":null}",
             id, by, at, raised_at, by, at);
    if (snapshot)
        rig_stored_copy(&rig, topic, payload);
    else
        rig_retained_live(&rig, topic, payload);
}

static void test_another_console_acknowledges(void **state)
{
    (void)state;
    rig_live(&rig, BEAT, CRASHED);
    rig_take(&rig);
    say_ack("2019-01-01T00:00:00Z", "bert", "2026-04-05T08:00:01Z", false); /* stood, and live */
    assert_string_equal(rig_take(&rig), "alarm history:alarm_acknowledged");
    expect("acknowledged");
    assert_string_equal(rig_alarm(&rig, KIND, UUID_A)->acknowledged_by.clean, "bert");
    say_ack("2019-01-01T00:00:00Z", "carl", "2026-04-05T08:00:00Z", false);
    assert_string_equal(rig_alarm(&rig, KIND, UUID_A)->acknowledged_by.clean, "bert");
    assert_string_equal(rig_take(&rig), "");
}

static void test_a_stored_ack_is_for_its_occurrence(void **state)
{
    (void)state;
    rig_live(&rig, BEAT, CRASHED);
    say_ack("2026-04-05T07:00:00Z", "bert", "2026-04-05T07:00:01Z", true);
    expect("unacknowledged");
    say_ack("2026-04-05T07:56:01Z", "bert", "2026-04-05T07:57:00Z", true); /* 180 s + 60 s */
    expect("acknowledged");
}

static void test_an_ack_before_its_alarm_is_held(void **state)
{
    (void)state;
    say_ack("2026-04-05T08:00:10Z", "bert", "2026-04-05T08:00:11Z", false);
    rig_run(&rig, 59000);
    rig_live(&rig, BEAT, CRASHED);
    expect("acknowledged");
    rig_live(&rig, BEAT, RUNNING);
    rig_live(&rig, BEAT, CRASHED);
    expect("unacknowledged");
    rig_live(&rig, BEAT, RUNNING);
    rig_operator(&rig, OP_ACKNOWLEDGE, alarm_id(), "anna");
    say_ack("2026-04-05T08:01:00Z", "bert", "2026-04-05T08:01:00Z", false);
    rig_run(&rig, 120000);
    rig_live(&rig, BEAT, CRASHED);
    expect("unacknowledged");
}

static void test_the_first_in_the_brokers_order_wins(void **state)
{
    (void)state;
    rig_live(&rig, BEAT, CRASHED);
    rig_operator(&rig, OP_ACKNOWLEDGE, alarm_id(), "anna");
    rig_commit(&rig);
    rig_take(&rig);
    /* bert's came first: ours is on its way and will overwrite it, so his is put back */
    say_ack("2026-04-05T08:00:00Z", "bert", "2026-04-05T08:30:00Z", false);
    assert_int_equal(rig.put_count, 1);
    assert_string_equal(rig_alarm(&rig, KIND, UUID_A)->acknowledged_by.clean, "bert");
    say_ack("2026-04-05T08:00:00Z", "anna", "2026-04-05T08:00:00.000Z", false); /* our own */
    assert_string_equal(rig_alarm(&rig, KIND, UUID_A)->acknowledged_by.clean, "bert");
    rig_commit(&rig);
    rig_puback(&rig, 0);
    assert_non_null(strstr(buf_str(&rig.payload), "\"acknowledged_by\":\"bert\""));
}

static void test_our_own_first_stays(void **state)
{
    (void)state;
    rig_live(&rig, BEAT, CRASHED);
    rig_operator(&rig, OP_ACKNOWLEDGE, alarm_id(), "anna");
    rig_commit(&rig);
    say_ack("2026-04-05T08:00:00Z", "anna", "2026-04-05T08:00:00.000Z", false);
    rig_take(&rig);
    say_ack("2026-04-05T08:00:00Z", "bert", "2026-04-05T07:00:00Z", false);
    assert_string_equal(rig_take(&rig), "");
    assert_string_equal(rig_alarm(&rig, KIND, UUID_A)->acknowledged_by.clean, "anna");
}

static void test_forgetting_on_the_broker(void **state)
{
    (void)state;
    rig_live(&rig, BEAT, CRASHED);
    rig_operator(&rig, OP_ACKNOWLEDGE, alarm_id(), "anna");
    rig_commit(&rig);
    rig_puback(&rig, 0);
    rig_live(&rig, BEAT, RUNNING);
    for (int64_t t = 60000; t < 3600000; t += 60000) {
        rig_run(&rig, t);
        rig_live(&rig, BEAT, RUNNING);
    }
    rig_take(&rig);
    rig_run(&rig, 3600000);
    assert_non_null(strstr(rig_take(&rig), "put:infoscreen/console/ack/process_crashed-"));
    rig_commit(&rig);
    assert_int_equal(rig.payload.len, 0);
    assert_string_equal(rig_alarm_state(&rig, KIND, UUID_A), "normal");
    rig_run(&rig, 3 * 3600000);
    assert_null(strstr(rig_take(&rig), "put:")); /* once is enough */
    rig_live(&rig, BEAT, CRASHED);
    assert_int_equal(rig_alarm(&rig, KIND, UUID_A)->occurrences, 2); /* counted on */
}

/* What stood there before this process was: over here, so it is emptied in its time as well. */
static void test_forgetting_what_others_left(void **state)
{
    (void)state;
    rig_live(&rig, BEAT, CRASHED);
    rig_live(&rig, BEAT, RUNNING);
    rig_operator(&rig, OP_ACKNOWLEDGE, alarm_id(), "anna");
    rig_run(&rig, 3600000);
    rig_take(&rig);
    rig_down(&rig);
    rig_up(&rig);
    say_ack("2026-04-05T08:00:00Z", "anna", "2026-04-05T08:00:00.000Z", true);
    rig_snapshot_done(&rig);
    rig_snapshot_done(&rig);
    rig_take(&rig);
    rig_run(&rig, 2 * 3600000 + 1000);
    assert_non_null(strstr(rig_take(&rig), "put:infoscreen/console/ack/process_crashed-"));
}

int main(void)
{
#define CASE(t) RIG_TEST(t, &rig)
    const struct CMUnitTest tests[] = {
        CASE(test_the_table),
        CASE(test_comes_again_after_returning),
        CASE(test_acknowledging_a_returned_one),
        CASE(test_only_the_occurrence_that_was_seen),
        CASE(test_delays),
        CASE(test_shelving),
        CASE(test_acknowledgement_expires),
        CASE(test_ranking),
        CASE(test_what_is_over_comes_last),
        CASE(test_priority_by_group_and_time_of_day),
        CASE(test_another_console_acknowledges),
        CASE(test_a_stored_ack_is_for_its_occurrence),
        CASE(test_an_ack_before_its_alarm_is_held),
        CASE(test_the_first_in_the_brokers_order_wins),
        CASE(test_our_own_first_stays),
        CASE(test_forgetting_on_the_broker),
        CASE(test_forgetting_what_others_left),
    };
    return cmocka_run_group_tests_name("core: alarms", tests, NULL, NULL);
}
