/* service_failed: retained messages that stand until somebody clears them; never a newer one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "rig.h"

#define FAILED TOPIC(UUID_A, "service_failed")
#define BEAT   TOPIC(UUID_A, "heartbeat")
#define ONE                                                                                        \
    "{\"event\":\"service_failed\",\"unit\":\"a.service\",\"failed_at\":\"2026-04-05T08:00:00Z\"}"
#define TWO                                                                                        \
    "{\"event\":\"service_failed\",\"unit\":\"a.service\",\"failed_at\":\"2026-04-05T08:05:00Z\"}"
#define RUNNING "{\"process_status\":\"running\"}"

static struct rig rig;

static const struct alarm *the_alarm(void)
{
    return rig_alarm(&rig, ALARM_SERVICE_FAILED, UUID_A);
}

static void expect(const char *word)
{
    assert_string_equal(rig_alarm_state(&rig, ALARM_SERVICE_FAILED, UUID_A), word);
}

static void acknowledge(void)
{
    rig_operator(&rig, OP_ACKNOWLEDGE, the_alarm()->id, "anna");
}

/* A device need not say which unit it was: then no sentence waits for it. */
static void test_what_gave_up(void **state)
{
    struct text160 said = {""};
    (void)state;

    rig_retained_live(&rig, FAILED, "{\"event\":\"service_failed\"}");
    assert_int_equal(core_history(rig.core, 1)->kind, EVENT_STATE_CHANGED);
    WORDS_RENDER(&core_history(rig.core, 1)->summary, NULL, &said);
    assert_string_equal(said.clean, "9b8d1856 has given up");
}

static void test_raised_and_cleared_elsewhere(void **state)
{
    (void)state;
    size_t len;
    rig_retained_live(&rig, FAILED, ONE);
    assert_true(rig.all_durable);
    assert_string_equal(rig_take(&rig),
                        "client history:state_changed alarm history:alarm_raised notify");
    assert_string_equal(rig_state(&rig, UUID_A), "service_failed");
    assert_string_equal(rig_client(&rig, UUID_A)->failed_unit.clean, "a.service");
    assert_string_equal(the_alarm()->mark.clean, "2026-04-05T08:00:00Z");
    assert_memory_equal(core_alarm_payload(rig.core, the_alarm(), &len), ONE, strlen(ONE));
    assert_int_equal(len, strlen(ONE));
    rig_retained_live(&rig, FAILED, ONE);
    rig_stored_copy(&rig, FAILED, ONE);
    assert_string_equal(rig_take(&rig), "");
    rig_retained_live(&rig, FAILED, "");
    expect("normal");
    assert_string_equal(the_alarm()->summary.id, "cleared elsewhere");
    assert_string_equal(rig_state(&rig, UUID_A), "unknown");
    assert_null(core_alarm_payload(rig.core, the_alarm(), &len));
}

static void test_another_payload_is_another_occurrence(void **state)
{
    (void)state;
    rig_retained_live(&rig, FAILED, ONE);
    acknowledge();
    expect("acknowledged");
    rig_retained_live(&rig, FAILED, TWO);
    expect("unacknowledged");
    assert_int_equal(the_alarm()->occurrences, 2);
}

static void test_stands_beside_a_crash(void **state)
{
    (void)state;
    rig_live(&rig, BEAT, "{\"process_status\":\"crashed\"}");
    rig_retained_live(&rig, FAILED, ONE);
    assert_string_equal(rig_state(&rig, UUID_A), "service_failed");
    assert_int_equal(core_alarm_count(rig.core), 2);
    rig_retained_live(&rig, FAILED, "");
    assert_string_equal(rig_state(&rig, UUID_A), "crashed");
}

static void test_ack_first_then_clear(void **state)
{
    (void)state;
    rig_retained_live(&rig, FAILED, ONE);
    rig_take(&rig);
    acknowledge();
    const char *out = rig_take(&rig);
    assert_null(strstr(out, "publish:")); /* nothing is on the wire before it is stored */
    assert_int_equal(rig.put_count, 2);
    rig_commit(&rig);
    assert_non_null(strstr(out = rig_take(&rig), "publish:infoscreen/console/ack/service_failed-"));
    assert_null(strstr(out, "publish:" FAILED)); /* the clear waits for the ack's PUBACK */
    rig_puback(&rig, 0x10);
    assert_non_null(strstr(out = rig_take(&rig), "publish:" FAILED));
    assert_int_equal(rig.payload.len, 0);
    expect("acknowledged");
    rig_puback(&rig, 0);
    expect("acknowledged"); /* until it is seen coming back */
    rig_retained_live(&rig, FAILED, "");
    expect("normal");
    assert_int_equal(core_outbox_count(rig.core), 0);
    assert_string_not_equal(the_alarm()->summary.id, "cleared elsewhere");
}

static void shelve(void)
{
    struct operator_action op = {
        .verb = OP_SHELVE, .by = {"anna"}, .mark = the_alarm()->mark, .shelve_until_at = RIG_WALL + 60000};

    strcpy(op.alarm_id, the_alarm()->id);
    rig_step(&rig, &(struct core_event){.kind = IN_OPERATOR, .u.op = &op});
    expect("shelved");
}

/* Acknowledged and cleared it is over: nothing is left that a shelf could keep quiet. */
static void test_a_shelf_does_not_outlive_the_clear(void **state)
{
    (void)state;
    rig_retained_live(&rig, FAILED, ONE);
    shelve();
    acknowledge();
    expect("shelved");
    rig_commit(&rig);
    rig_puback(&rig, 0);
    rig_puback(&rig, 0);
    rig_puback(&rig, 0);
    rig_retained_live(&rig, FAILED, "");
    expect("normal");
    rig_retained_live(&rig, FAILED, TWO); /* another occurrence */
    expect("unacknowledged");
}

static void test_a_newer_one_is_not_cleared(void **state)
{
    (void)state;
    rig_retained_live(&rig, FAILED, ONE);
    acknowledge();
    rig_commit(&rig); /* the ack is out, the clear waits */
    rig_retained_live(&rig, FAILED, TWO);
    rig_take(&rig);
    rig_puback(&rig, 0);
    const char *out = rig_take(&rig);
    assert_null(strstr(out, "publish:" FAILED));
    assert_non_null(strstr(out, "message done:" FAILED));
    expect("unacknowledged");
}

static void test_our_clear_hit_a_newer_one(void **state)
{
    (void)state;
    rig_retained_live(&rig, FAILED, ONE);
    acknowledge();
    rig_commit(&rig);
    rig_puback(&rig, 0); /* the clear is out */
    rig_retained_live(&rig, FAILED, TWO);
    expect("unacknowledged");
    rig_take(&rig);
    rig_retained_live(&rig, FAILED, ""); /* ours comes back: it took TWO away */
    assert_non_null(strstr(rig_take(&rig), "put:" FAILED));
    rig_commit(&rig);
    assert_string_equal(buf_str(&rig.payload), TWO);
    rig_puback(&rig, 0);
    rig_retained_live(&rig, FAILED, TWO);
    expect("unacknowledged");
    assert_int_equal(the_alarm()->occurrences, 2);
    acknowledge();
    rig_commit(&rig);
    rig_puback(&rig, 0);
    rig_retained_live(&rig, FAILED, "");
    expect("normal");
}

static void test_refused_by_the_rules(void **state)
{
    (void)state;
    rig_retained_live(&rig, FAILED, ONE);
    acknowledge();
    rig_commit(&rig);
    rig_puback(&rig, 0);
    rig_take(&rig);
    rig_puback(&rig, 0x87);
    assert_string_equal(rig_take(&rig), "message done:" FAILED);
    assert_string_equal(rig.message.arg[0].clean, FAILED);
    expect("acknowledged");
    assert_int_equal(core_outbox_count(rig.core), 0);
    acknowledge(); /* again: the clear alone */
    assert_string_equal(rig_take(&rig), "message put:" FAILED);
}

static void test_nothing_leaves_before_it_is_stored(void **state)
{
    (void)state;
    rig_retained_live(&rig, FAILED, ONE);
    rig_down(&rig);
    acknowledge(); /* works without a broker */
    expect("acknowledged");
    rig_take(&rig);
    rig_up(&rig);
    rig_stored_copy(&rig, FAILED, ONE);
    rig_snapshot_done(&rig);
    rig_snapshot_done(&rig);
    assert_null(strstr(rig_take(&rig), "publish:"));
    rig_commit(&rig);
    assert_non_null(strstr(rig_take(&rig), "publish:infoscreen/console/ack/"));
}

static void test_hit_and_then_cut_off(void **state)
{
    (void)state;
    rig_retained_live(&rig, FAILED, ONE);
    acknowledge();
    rig_commit(&rig);
    rig_puback(&rig, 0);
    rig_retained_live(&rig, FAILED, TWO);
    rig_down(&rig); /* before our clear came back */
    rig_up(&rig);
    rig_snapshot_done(&rig);
    rig_take(&rig);
    rig_snapshot_done(&rig); /* TWO is gone, and that was us */
    assert_non_null(strstr(rig_take(&rig), "put:" FAILED));
    expect("unacknowledged");
    rig_commit(&rig);
    assert_string_equal(buf_str(&rig.payload), TWO);
}

static void test_many_are_fetched_in_batches(void **state)
{
    (void)state;
    char topic[80];
    for (unsigned i = 0; i < 7000; i++) {
        snprintf(topic, sizeof(topic), "infoscreen/%08x-0000-4000-8000-000000000000/group_id", i);
        rig_stored_copy(&rig, topic, "vienna");
        rig_take(&rig);
    }
    rig_down(&rig);
    rig_up(&rig);
    rig_take(&rig);
    for (int want = 5000; want >= 0; want = want == 5000 ? 2000 : want - 2000) {
        rig_snapshot_done(&rig);
        assert_int_equal(rig.effects.count, want);
        rig_take(&rig);
    }
}

static void test_link_down_between(void **state)
{
    (void)state;
    rig_retained_live(&rig, FAILED, ONE);
    acknowledge();
    rig_commit(&rig);
    rig_down(&rig); /* before the PUBACK */
    rig_take(&rig);
    rig_up(&rig);
    assert_null(strstr(rig_take(&rig), "publish:")); /* what others said and what stands isn't known */
    rig_stored_copy(&rig, FAILED, ONE);
    rig_snapshot_done(&rig);
    assert_non_null(strstr(rig_take(&rig), "fetch"));
    rig_snapshot_done(&rig);
    const char *out = rig_take(&rig);
    assert_non_null(strstr(out, "publish:infoscreen/console/ack/"));
    assert_null(strstr(out, "publish:" FAILED));
    rig_puback(&rig, 0);
    assert_non_null(strstr(rig_take(&rig), "publish:" FAILED));
    rig_puback(&rig, 0);
    rig_retained_live(&rig, FAILED, "");
    expect("normal");
}

static void test_gone_while_away(void **state)
{
    (void)state;
    rig_retained_live(&rig, FAILED, ONE);
    rig_retained_live(&rig, TOPIC(UUID_B, "service_failed"), ONE);
    rig_down(&rig);
    rig_up(&rig);
    rig_stored_copy(&rig, TOPIC(UUID_B, "service_failed"), ONE);
    rig_take(&rig);
    rig_snapshot_done(&rig);
    assert_string_equal(rig_take(&rig), "fetch fetch"); /* B's group is missing too */
    assert_false(core_snapshot_settled(rig.core));
    expect("unacknowledged"); /* a default broker cuts a snapshot without a word */
    rig_snapshot_done(&rig);
    assert_true(core_snapshot_settled(rig.core));
    expect("normal");
    assert_string_equal(the_alarm()->summary.id, "cleared elsewhere");
    assert_string_equal(rig_alarm_state(&rig, ALARM_SERVICE_FAILED, UUID_B), "unacknowledged");
    rig_take(&rig);
    rig_snapshot_done(&rig);
    assert_string_equal(rig_take(&rig), "");
}

static void test_a_cut_snapshot_concludes_nothing(void **state)
{
    (void)state;
    rig_retained_live(&rig, FAILED, ONE);
    rig_down(&rig);
    rig_up(&rig);
    for (int i = 0; i < 3; i++)
        rig_step(&rig, &(struct core_event){.kind = IN_SNAPSHOT_DONE});
    expect("unacknowledged");
}

static void test_recovered(void **state)
{
    (void)state;
    rig_retained_live(&rig, FAILED, ONE);
    rig_run(&rig, 10000);
    rig_live(&rig, BEAT, RUNNING);
    rig_run(&rig, 69999);
    rig_take(&rig);
    rig_run(&rig, 70000);
    assert_string_equal(rig_take(&rig), "put:" FAILED);
    rig_commit(&rig);
    rig_puback(&rig, 0);
    rig_retained_live(&rig, FAILED, "");
    expect("returned");
    assert_string_equal(rig_state(&rig, UUID_A), "online");
    acknowledge();
    expect("normal");
    assert_int_equal(rig.put_count, 1); /* the ack alone */
}

static void test_recovery_is_interrupted(void **state)
{
    (void)state;
    rig_retained_live(&rig, FAILED, ONE);
    rig_live(&rig, BEAT, RUNNING);
    rig_run(&rig, 50000);
    rig_live(&rig, BEAT, "{\"process_status\":\"crashed\"}");
    rig_run(&rig, 55000);
    rig_live(&rig, BEAT, RUNNING);
    rig_run(&rig, 114999);
    assert_int_equal(rig.put_count, 0);
    rig_run(&rig, 115000);
    assert_int_equal(rig.put_count, 1);
}

static void test_asking_leaves_it(void **state)
{
    (void)state;
    rig.config.alarms.ask_on_recovery = true;
    core_reconfigure(rig.core, &rig.config);
    rig_retained_live(&rig, FAILED, ONE);
    for (int64_t t = 0; t < 600000; t += 60000) {
        rig_run(&rig, t);
        rig_live(&rig, BEAT, RUNNING);
    }
    assert_int_equal(rig.put_count, 0);
    expect("unacknowledged");
}

/* What `live` brought, `journal` brings again, and it may lag by as much as its store is stuck. */
static void test_two_connections(void **state)
{
    (void)state;
    rig_retained_live(&rig, FAILED, ONE);
    rig_retained_live(&rig, FAILED, "");
    rig_retained_live(&rig, FAILED, TWO);
    rig_take(&rig);
    rig_journal(&rig, FAILED, ONE);
    rig_journal(&rig, FAILED, "");
    rig_journal(&rig, FAILED, TWO);
    assert_string_equal(rig_take(&rig), "");
    expect("unacknowledged");
    assert_int_equal(the_alarm()->occurrences, 2);
    rig_journal(&rig, FAILED, ""); /* sooner than live */
    expect("normal");
    rig_take(&rig);
    rig_retained_live(&rig, FAILED, "");
    assert_string_equal(rig_take(&rig), "");
    rig_retained_live(&rig, FAILED, ONE);
    expect("unacknowledged");
    assert_int_equal(the_alarm()->occurrences, 3);
}

static void test_a_backlog_does_not_clear_what_came_since(void **state)
{
    (void)state;
    rig_retained_live(&rig, FAILED, ONE);
    rig_down(&rig);
    rig_up(&rig);
    rig_stored_copy(&rig, FAILED, TWO);
    rig_journal(&rig, FAILED, "");
    expect("unacknowledged");
    rig_journal(&rig, FAILED, TWO);
    expect("unacknowledged");
    assert_int_equal(the_alarm()->occurrences, 2);
    rig_journal(&rig, FAILED, "");
    expect("normal");
}

/* ---- over a restart ---- */

static void test_restart(void **state)
{
    (void)state;
    struct rig next;
    struct client client;
    struct alarm alarm;
    rig_retained_live(&rig, FAILED, ONE);
    acknowledge();
    client = *rig_client(&rig, UUID_A);
    alarm = *the_alarm();
    rig_begin(&next, true);
    assert_true(core_restore_client(next.core, &client));
    assert_true(core_restore_alarm(next.core, &alarm, ONE, strlen(ONE)));
    /* both rows, from the effects that asked for them; strings as the database has them */
    for (size_t i = 0; i < rig.effects.count; i++)
        if (rig.effects.list[i].kind == OUT_OUTBOX_PUT)
            assert_true(core_restore_outbox(next.core, &rig.effects.list[i]));
    assert_int_equal(core_outbox_count(next.core), 2);
    rig_role(&next, true);
    rig_up(&next);
    rig_stored_copy(&next, FAILED, ONE);
    assert_int_equal(rig_alarm(&next, ALARM_SERVICE_FAILED, UUID_A)->occurrences, 1);
    assert_string_equal(rig_alarm_state(&next, ALARM_SERVICE_FAILED, UUID_A), "acknowledged");
    rig_snapshot_done(&next);
    rig_snapshot_done(&next);
    assert_int_equal(next.sent_count, 1);
    rig_puback(&next, 0);
    assert_non_null(strstr(rig_take(&next), "publish:" FAILED));
    rig_retained_live(&next, FAILED, "");
    assert_string_equal(rig_alarm_state(&next, ALARM_SERVICE_FAILED, UUID_A), "normal");
    assert_int_equal(core_counts(next.core)->alarms_standing, 0);
    assert_int_equal(rig_client(&next, UUID_A)->alarms, 0);
    rig_end(&next);
}

int main(void)
{
#define CASE(t) RIG_TEST(t, &rig)
    const struct CMUnitTest tests[] = {
        CASE(test_what_gave_up),
        CASE(test_raised_and_cleared_elsewhere),
        CASE(test_another_payload_is_another_occurrence),
        CASE(test_stands_beside_a_crash),
        CASE(test_ack_first_then_clear),
        CASE(test_a_shelf_does_not_outlive_the_clear),
        CASE(test_a_newer_one_is_not_cleared),
        CASE(test_our_clear_hit_a_newer_one),
        CASE(test_refused_by_the_rules),
        CASE(test_nothing_leaves_before_it_is_stored),
        CASE(test_hit_and_then_cut_off),
        CASE(test_many_are_fetched_in_batches),
        CASE(test_link_down_between),
        CASE(test_gone_while_away),
        CASE(test_a_cut_snapshot_concludes_nothing),
        CASE(test_recovered),
        CASE(test_recovery_is_interrupted),
        CASE(test_asking_leaves_it),
        CASE(test_two_connections),
        CASE(test_a_backlog_does_not_clear_what_came_since),
        CASE(test_restart),
    };
    return cmocka_run_group_tests_name("core: service_failed", tests, NULL, NULL);
}
