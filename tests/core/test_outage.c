/* Who is silent, and why: simulated fleets of many habits and seeds, and the rules one by one. The
 * long version with figures is tests/bench/outage.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "rig.h"
#include "world.h"

#define S INT64_C(1000)
#define T INT64_C(180000) /* fleet.heartbeat_timeout */

/* ---- fleets ---- */

static void expect_soon(const struct world_plan *plan, int64_t calm)
{
    const int64_t slowest = plan->period * (plan->habit == HABIT_RAMP    ? 6
                                            : plan->habit == HABIT_MIXED ? 12
                                                                         : 1);
    struct world w;

    assert_true(world_begin(&w, plan));
    world_run(&w, calm);
    assert_int_equal(w.raised[ALARM_BROKER_OUTAGE] + w.raised[ALARM_GROUP_OUTAGE], 0);
    w.hush = true;
    world_run(&w, calm + 10 * slowest);
    assert_true(world_stands(&w, ALARM_BROKER_OUTAGE, WORLD_FLEET));
    assert_int_equal(world_shown(&w), 1);
    w.hush = false;
    world_run(&w, calm + 20 * slowest);
    assert_false(world_stands(&w, ALARM_BROKER_OUTAGE, WORLD_FLEET));
    assert_int_equal(w.raised[ALARM_BROKER_OUTAGE], 1);
    assert_int_equal(w.raised[ALARM_GROUP_OUTAGE], 0);
    world_end(&w);
}

/* Ten or more that speak every T: named within 10 T, over within 10 T, and not a word before. */
static void test_named_within_ten_beats(void **state)
{
    (void)state;
    static const unsigned sizes[] = {10, 13, 40};
    static const int64_t periods[] = {1 * S, 5 * S, 17 * S, 60 * S};

    for (enum habit habit = 0; habit < HABITS; habit++)
        for (unsigned k = 0; k < 12; k++)
            for (uint64_t seed = 1; seed <= 4; seed++) {
                const struct world_plan plan = {.habit = habit,
                                                .clients = sizes[k % 3],
                                                .period = periods[k % 4],
                                                .group_size = k % 2 ? 5 : 0,
                                                .seed = seed * 100 + k};
                if ((habit == HABIT_MIXED || habit == HABIT_STALLING) && plan.period > 5 * S)
                    continue; /* its slowest would be called silent one by one */
                if (plan.period == 60 * S && habit != HABIT_EVEN && habit != HABIT_EXACT)
                    continue;
                if (habit == HABIT_RAMP && plan.period > 17 * S)
                    continue;
                expect_soon(&plan,
                            habit == HABIT_RAMP ? 1200 * S : 40 * plan.period + 7 * (int64_t)seed);
            }
}

static void test_a_thousand_within_ten_seconds(void **state)
{
    (void)state;
    const struct world_plan plan = {
        .habit = HABIT_EVEN, .clients = 1000, .period = 5 * S, .group_size = 10, .seed = 3};
    struct world w;

    assert_true(world_begin(&w, &plan));
    world_run(&w, 60 * S);
    w.hush = true;
    world_run(&w, 70 * S);
    assert_true(world_stands(&w, ALARM_BROKER_OUTAGE, WORLD_FLEET));
    world_run(&w, 80 * S); /* our own link is found dead: another line in place of the first */
    world_link(&w, false);
    assert_int_equal(world_shown(&w), 1);
    assert_true(world_stands(&w, ALARM_BROKER_UNREACHABLE, "host:ops1"));
    const struct alarm *a = core_alarm(w.core, 1);
    assert_int_equal(a->kind, ALARM_BROKER_OUTAGE);
    assert_string_equal(a->suppressed_by, core_alarm(w.core, 0)->id);
    world_run(&w, 1000 * S);
    assert_int_equal(world_shown(&w), 1);
    world_link(&w, true);
    w.hush = false;
    world_run(&w, 1100 * S);
    assert_int_equal(world_shown(&w), 0);
    for (int k = 0; k < ALARM_KINDS; k++)
        assert_int_equal(w.raised[k], k == ALARM_BROKER_OUTAGE || k == ALARM_BROKER_UNREACHABLE);
    world_end(&w);
}

static void test_link_back_and_still_nobody(void **state)
{
    (void)state;
    const struct world_plan plan = {.clients = 20, .period = 5 * S, .seed = 4};
    struct world w;

    assert_true(world_begin(&w, &plan));
    world_run(&w, 100 * S);
    w.hush = true;
    world_run(&w, 120 * S);
    world_link(&w, false);
    world_run(&w, 150 * S);
    world_link(&w, true);
    assert_int_equal(world_shown(&w), 0); /* not said before it is known */
    world_run(&w, 250 * S);
    assert_true(world_stands(&w, ALARM_BROKER_OUTAGE, WORLD_FLEET));
    assert_int_equal(world_shown(&w), 1);
    world_end(&w);
}

static void test_singles_come_out_afterwards(void **state)
{
    (void)state;
    const struct world_plan plan = {.clients = 50, .period = 5 * S, .seed = 5};
    struct world w;

    assert_true(world_begin(&w, &plan));
    world_run(&w, 100 * S);
    w.hush = true;
    world_run(&w, 100 * S + 2 * T);
    assert_int_equal(core_counts(w.core)->by_state[CLIENT_SILENT], 50);
    assert_int_equal(core_counts(w.core)->alarms_standing, 1);
    assert_int_equal(core_alarm_count(w.core), 51);
    assert_int_equal(w.raised[ALARM_CLIENT_SILENT], 0);
    w.clients[7].dead = w.clients[8].dead = true;
    w.hush = false;
    world_run(&w, 100 * S + 3 * T - S);
    assert_int_equal(world_shown(&w), 0);
    world_run(&w, 100 * S + 3 * T + 10 * S);
    assert_int_equal(w.raised[ALARM_CLIENT_SILENT], 2);
    assert_int_equal(world_shown(&w), 2);
    world_end(&w);
}

static void test_a_group_and_a_single(void **state)
{
    (void)state;

    for (uint64_t seed = 1; seed <= 30; seed++) {
        const struct world_plan plan = {
            .clients = 100, .period = 5 * S, .group_size = 10, .seed = seed};
        struct world w;
        assert_true(world_begin(&w, &plan));
        world_run(&w, 200 * S);
        w.hushed_group = 4;
        w.clients[99].dead = true;
        world_run(&w, 250 * S);
        assert_int_equal(world_shown(&w), 1);
        assert_true(world_stands(&w, ALARM_GROUP_OUTAGE, "g4"));
        world_run(&w, 200 * S + T + 10 * S);
        assert_int_equal(world_shown(&w), 2);
        assert_int_equal(w.raised[ALARM_CLIENT_SILENT], 1);
        w.hushed_group = 0;
        world_run(&w, 1000 * S);
        assert_int_equal(world_shown(&w), 1);
        assert_int_equal(w.raised[ALARM_GROUP_OUTAGE], 1);
        assert_int_equal(w.raised[ALARM_BROKER_OUTAGE], 0);
        world_end(&w);
    }
}

/* One or two are no fleet: each is silent by itself. Three are one. */
static void test_one_two_and_three(void **state)
{
    (void)state;

    for (unsigned n = 1; n <= 3; n++)
        for (uint64_t seed = 1; seed <= 20; seed++) {
            const struct world_plan plan = {.clients = n, .period = 10 * S, .seed = seed};
            struct world w;
            assert_true(world_begin(&w, &plan));
            world_run(&w, 500 * S);
            w.hush = true;
            world_run(&w, 1000 * S);
            assert_int_equal(w.raised[ALARM_CLIENT_SILENT], n < 3 ? n : 0);
            assert_int_equal(w.raised[ALARM_BROKER_OUTAGE], n < 3 ? 0 : 1);
            world_end(&w);
        }
}

/* Three that speak so seldom that their time-outs come before any proof: the fleet's alarm takes
 * their place. */
static void test_all_timed_out_is_proof(void **state)
{
    (void)state;
    const struct world_plan plan = {
        .habit = HABIT_EXACT, .clients = 3, .period = 100 * S, .seed = 9};
    struct world w;

    assert_true(world_begin(&w, &plan));
    world_run(&w, 2000 * S);
    w.hush = true;
    world_run(&w, 2300 * S);
    assert_true(world_stands(&w, ALARM_BROKER_OUTAGE, WORLD_FLEET));
    assert_int_equal(world_shown(&w), 1);
    world_end(&w);
}

static void say(struct world *w, struct msg *m)
{
    world_step(w, &(struct core_event){.kind = IN_MESSAGE, .u.msg = m});
}

/* A device that was told to reboot when the broker went cannot be heard coming back. */
static void test_not_back_is_explained_too(void **state)
{
    (void)state;
    const struct world_plan plan = {.clients = 30, .period = 5 * S, .seed = 6};
    struct msg seen = {.kind = MSG_COMMAND_SEEN}, ack = {.kind = MSG_ACK};
    struct world w;

    assert_true(world_begin(&w, &plan));
    world_run(&w, 100 * S);
    seen.client = ack.client = core_client(w.core, 3)->id;
    seen.u.seen.command = (struct command){.id = {{1}},
                                           .client = seen.client,
                                           .action = ACTION_REBOOT_HOST,
                                           .status = COMMAND_PUBLISHED,
                                           .foreign = true,
                                           .issued_at = TIME_NONE,
                                           .expires_at = TIME_NONE,
                                           .published_at = TIME_NONE,
                                           .accepted_at = TIME_NONE,
                                           .execution_started_at = TIME_NONE,
                                           .finished_at = TIME_NONE,
                                           .allowed_at = TIME_NONE};
    say(&w, &seen);
    ack.u.ack.command = seen.u.seen.command.id;
    ack.u.ack.status = COMMAND_EXECUTION_STARTED;
    say(&w, &ack);
    w.hush = true;
    world_run(&w, 100 * S + 2 * w.config.commands.back_within);
    assert_int_equal(w.raised[ALARM_DEVICE_NOT_BACK], 0);
    assert_int_equal(world_shown(&w), 1);
    w.hush = false;
    world_run(&w, 150 * S + 2 * w.config.commands.back_within);
    assert_int_equal(world_shown(&w), 0);
    assert_int_equal(w.raised[ALARM_DEVICE_NOT_BACK], 0);
    world_end(&w);
}

/* Crashed when everything went out: restarted when it is over, not before. */
static void test_nobody_is_restarted_meanwhile(void **state)
{
    (void)state;
    const struct world_plan plan = {.clients = 30, .period = 5 * S, .seed = 7};
    struct msg crashed = {.kind = MSG_HEARTBEAT, .device_at = TIME_NONE};
    struct world w;

    assert_true(world_begin(&w, &plan));
    w.config.recovery.enabled = true;
    core_reconfigure(w.core, &w.config);
    world_run(&w, 100 * S);
    crashed.client = core_client(w.core, 3)->id;
    memcpy(crashed.spelling, core_client(w.core, 3)->spelling, UID_TEXT);
    crashed.u.beat.have_status = true;
    strcpy(crashed.u.beat.process_status.clean, "crashed");
    say(&w, &crashed);
    w.hush = true;
    world_run(&w, 100 * S + T - 10 * S); /* not yet called silent, which would keep it as well */
    assert_true(world_stands(&w, ALARM_BROKER_OUTAGE, WORLD_FLEET));
    assert_int_equal(core_command_count(w.core), 0);
    w.hush = false;
    world_run(&w, 100 * S + T + 30 * S);
    assert_int_equal(core_command_count(w.core), 1);
    world_end(&w);
}

static void test_acknowledged_and_then_the_link(void **state)
{
    (void)state;
    const struct world_plan plan = {.clients = 30, .period = 5 * S, .seed = 8};
    struct operator_action op = {.verb = OP_ACKNOWLEDGE, .shelve_until_at = TIME_NONE};
    struct world w;

    assert_true(world_begin(&w, &plan));
    world_run(&w, 100 * S);
    w.hush = true;
    world_run(&w, 120 * S);
    const struct alarm *a = core_alarm(w.core, 0);
    memcpy(op.alarm_id, a->id, sizeof op.alarm_id);
    op.mark = a->mark;
    strcpy(op.by.clean, "anna");
    world_step(&w, &(struct core_event){.kind = IN_OPERATOR, .u.op = &op});
    world_link(&w, false);
    assert_int_equal(world_shown(&w), 1);
    world_run(&w, 130 * S);
    world_link(&w, true);
    world_run(&w, 400 * S); /* still nobody: shown again, and still acknowledged */
    assert_int_equal(world_shown(&w), 1);
    assert_int_equal(a->state, ALARM_ACKNOWLEDGED);
    assert_int_equal(w.raised[ALARM_BROKER_OUTAGE], 1);
    world_end(&w);
}

/* Another process takes over in the middle of it: nothing is raised again, nothing forgotten. */
static void test_restored_in_the_middle(void **state)
{
    (void)state;
    const struct world_plan plan = {.clients = 30, .period = 5 * S, .seed = 10};
    struct world before, after;

    assert_true(world_begin(&before, &plan));
    world_run(&before, 100 * S);
    before.hush = true;
    world_run(&before, 100 * S + T + 10 * S);
    assert_int_equal(core_alarm_count(before.core), 31);
    assert_true(world_begin(&after, &(struct world_plan){.clients = 1, .period = 5 * S}));
    core_free(after.core);
    after.core = core_new(&after.config, "ops1");
    for (uint32_t i = 0; i < 30; i++)
        assert_true(core_restore_client(after.core, core_client(before.core, i)));
    for (uint32_t i = 0; i < 31; i++)
        assert_true(core_restore_alarm(after.core, core_alarm(before.core, i), NULL, 0));
    after.hush = true;
    world_link(&after, true);
    world_run(&after, T - S);
    assert_int_equal(world_shown(&after), 1);
    assert_true(world_stands(&after, ALARM_BROKER_OUTAGE, WORLD_FLEET));
    for (int64_t at = T - S; at < 2 * T; at += T / 2) { /* all but one come back */
        for (uint32_t i = 0; i < 29; i++) {
            struct msg m = {.kind = MSG_HEARTBEAT, .device_at = TIME_NONE};
            m.client = core_client(before.core, i)->id;
            memcpy(m.spelling, core_client(before.core, i)->spelling, UID_TEXT);
            say(&after, &m);
        }
        assert_int_equal(world_shown(&after), at > 2 * T - 2 * S);
        world_run(&after, at + T / 2);
    }
    assert_int_equal(after.raised[ALARM_BROKER_OUTAGE], 0);
    assert_int_equal(after.raised[ALARM_CLIENT_SILENT], 1);
    world_end(&before);
    world_end(&after);
}

/* The broker is back, but nine switches are not: nine lines, not ninety. */
static void test_groups_that_do_not_return(void **state)
{
    (void)state;

    for (int64_t length = 30; length <= 300; length += 90) {
        const struct world_plan plan = {
            .clients = 100, .period = 5 * S, .group_size = 10, .seed = (uint64_t)length};
        struct world w;
        assert_true(world_begin(&w, &plan));
        world_run(&w, 200 * S);
        w.hush = true;
        world_run(&w, (200 + length) * S);
        for (unsigned i = 10; i < 100; i++)
            w.clients[i].dead = true;
        w.hush = false;
        world_run(&w, (200 + length) * S + 3 * T);
        assert_int_equal(w.raised[ALARM_BROKER_OUTAGE], 1);
        assert_int_equal(w.raised[ALARM_GROUP_OUTAGE], 9);
        assert_int_equal(w.raised[ALARM_CLIENT_SILENT], 0);
        assert_int_equal(world_shown(&w), 9);
        world_end(&w);
    }
}

/* All speak at the same moment, and one group does not: the pause until the next moment is no hush
 * of everybody, though the ten that are overdue would be proof enough by number. */
static void test_a_group_missing_in_a_chorus(void **state)
{
    (void)state;

    for (uint64_t seed = 1; seed <= 60; seed++) {
        const struct world_plan plan = {
            .habit = HABIT_CHORUS, .clients = 100, .period = 5 * S, .group_size = 10, .seed = seed};
        struct world w;
        assert_true(world_begin(&w, &plan));
        world_run(&w, 100 * S + 83 * (int64_t)seed);
        w.hushed_group = 1;
        world_run(&w, 150 * S);
        assert_int_equal(w.raised[ALARM_BROKER_OUTAGE], 0);
        assert_int_equal(w.raised[ALARM_GROUP_OUTAGE], 1);
        world_end(&w);
    }
}

/* ---- what must not fool it ---- */

static void test_sleep_proves_nothing(void **state)
{
    (void)state;

    for (uint64_t seed = 1; seed <= 50; seed++) {
        const struct world_plan plan = {
            .clients = 30, .period = 5 * S, .group_size = 10, .seed = seed};
        struct world w;
        assert_true(world_begin(&w, &plan));
        world_run(&w, 100 * S);
        for (int64_t at = 100; at < 400; at += 50) {
            world_sleep(&w, (at % 100 ? 5 : 3600) * S + 77 * (int64_t)seed);
            world_run(&w, at * S);
        }
        assert_int_equal(w.raised[ALARM_BROKER_OUTAGE] + w.raised[ALARM_GROUP_OUTAGE] +
                             w.raised[ALARM_CLIENT_SILENT],
                         0);
        world_end(&w);
    }
}

static void test_asleep_and_the_link_gone(void **state)
{
    (void)state;
    const struct world_plan plan = {.clients = 300, .period = 5 * S, .seed = 11};
    struct world w;

    assert_true(world_begin(&w, &plan));
    world_run(&w, 100 * S);
    world_sleep(&w, 8 * 3600 * S);
    w.hush = true; /* the connection did not survive it, but that is not known yet */
    world_run(&w, 110 * S);
    world_link(&w, false);
    world_run(&w, 115 * S);
    w.hush = false;
    world_link(&w, true);
    world_run(&w, 200 * S);
    assert_int_equal(w.raised[ALARM_BROKER_OUTAGE] + w.raised[ALARM_CLIENT_SILENT], 0);
    world_end(&w);
}

/* After our own reconnect the devices have to find their way back as well. */
static void test_reconnect_of_our_own_link(void **state)
{
    (void)state;

    for (uint64_t seed = 1; seed <= 50; seed++) {
        const struct world_plan plan = {.clients = 100, .period = 5 * S, .seed = seed};
        struct world w;
        assert_true(world_begin(&w, &plan));
        world_run(&w, 60 * S);
        world_link(&w, false);
        world_run(&w, 70 * S);
        world_link(&w, true);
        w.hush = true;
        world_run(&w, 80 * S);
        w.hush = false;
        world_run(&w, 150 * S);
        assert_int_equal(w.raised[ALARM_BROKER_OUTAGE], 0);
        world_end(&w);
    }
}

static void test_start_up_proves_nothing(void **state)
{
    (void)state;

    for (uint64_t seed = 1; seed <= 30; seed++)
        for (enum habit habit = 0; habit < HABITS; habit++) {
            const struct world_plan plan = {.habit = habit,
                                            .clients = 10 + (unsigned)seed,
                                            .period = (habit == HABIT_MIXED ? 2 : 11) * S,
                                            .group_size = 5,
                                            .seed = seed};
            struct world w;
            assert_true(world_begin(&w, &plan));
            world_run(&w, 20 * plan.period);
            assert_int_equal(w.raised[ALARM_BROKER_OUTAGE] + w.raised[ALARM_GROUP_OUTAGE], 0);
            world_end(&w);
        }
}

static void test_a_wall_clock_that_jumps(void **state)
{
    (void)state;
    const struct world_plan plan = {.clients = 30, .period = 5 * S, .group_size = 10, .seed = 12};
    struct world w;

    assert_true(world_begin(&w, &plan));
    world_run(&w, 100 * S);
    world_step(&w, &(struct core_event){.kind = IN_CLOCK_JUMP, .u.jump_ms = 86400 * S});
    world_run(&w, 200 * S);
    assert_int_equal(w.raised[ALARM_BROKER_OUTAGE] + w.raised[ALARM_GROUP_OUTAGE], 0);
    world_end(&w);
}

/* ---- expected silence ---- */

static struct rig rig;

static enum quiet_reason reason(void)
{
    return core_quiet_reason(rig.core, rig_client(&rig, UUID_A));
}

static void test_off_by_intent(void **state)
{
    (void)state;
    rig_live(&rig, TOPIC(UUID_A, "group_id"), "vienna");
    rig_live(&rig, TOPIC(UUID_A, "heartbeat"), "{}");
    rig_live(&rig, "infoscreen/groups/vienna/power/intent", "{\"desired_state\":\"off\"}");
    assert_int_equal(reason(), QUIET_OFF_BY_INTENT);
    rig_run(&rig, 3 * T);
    assert_string_equal(rig_state(&rig, UUID_A), "silent");
    assert_int_equal(core_alarm_count(rig.core), 0);
    rig_live(&rig, "infoscreen/groups/vienna/power/intent", "{\"desired_state\":\"on\"}");
    assert_int_equal(reason(), QUIET_STARTING);
    rig_run(&rig, 3 * T + rig.config.commands.back_within - 1);
    assert_int_equal(core_alarm_count(rig.core), 0);
    rig_run(&rig, 3 * T + rig.config.commands.back_within);
    assert_string_equal(rig_alarm_state(&rig, ALARM_CLIENT_SILENT, UUID_A), "unacknowledged");
}

static void test_an_intent_expires(void **state)
{
    (void)state;
    rig_live(&rig, TOPIC(UUID_A, "group_id"), "vienna");
    rig_live(&rig, TOPIC(UUID_A, "heartbeat"), "{}");
    rig_live(&rig, "infoscreen/groups/vienna/power/intent",
             "{\"desired_state\":\"off\",\"expires_at\":\"2026-04-05T08:10:00Z\"}");
    rig_run(&rig, 600000 - 1);
    assert_int_equal(reason(), QUIET_OFF_BY_INTENT);
    rig_run(&rig, 600000 + rig.config.commands.back_within);
    assert_string_equal(rig_alarm_state(&rig, ALARM_CLIENT_SILENT, UUID_A), "unacknowledged");
    rig_live(&rig, "infoscreen/groups/vienna/power/intent", /* over before it came */
             "{\"desired_state\":\"off\",\"expires_at\":\"2026-04-05T08:10:00Z\"}");
    assert_int_equal(reason(), QUIET_NONE);
}

/* Taken back while we were not connected: it is missing among the stored messages. */
static void test_an_intent_withdrawn_meanwhile(void **state)
{
    (void)state;
    rig_live(&rig, TOPIC(UUID_A, "group_id"), "vienna");
    rig_live(&rig, TOPIC(UUID_A, "heartbeat"), "{}");
    rig_live(&rig, "infoscreen/groups/vienna/power/intent", "{\"desired_state\":\"off\"}");
    rig_down(&rig);
    rig_run(&rig, 1000);
    rig_up(&rig);
    rig_stored_copy(&rig, TOPIC(UUID_A, "group_id"), "vienna");
    rig_snapshot_done(&rig);
    rig_snapshot_done(&rig);
    assert_int_equal(reason(), QUIET_STARTING);
}

static void test_a_group_wanted_off_is_no_outage(void **state)
{
    (void)state;
    const struct world_plan plan = {.clients = 30, .period = 5 * S, .group_size = 10, .seed = 13};
    struct msg m = {.kind = MSG_INTENT, .u.intent = {.off = true, .known = true}};
    struct world w;

    assert_true(world_begin(&w, &plan));
    world_run(&w, 100 * S);
    strcpy(m.u.intent.group.clean, "g2");
    m.u.intent.expires_at = TIME_NONE;
    world_step(&w, &(struct core_event){.kind = IN_MESSAGE, .u.msg = &m});
    w.hushed_group = 2;
    world_run(&w, 100 * S + 2 * T);
    assert_int_equal(core_alarm_count(w.core), 0);
    assert_int_equal(core_counts(w.core)->by_state[CLIENT_SILENT], 10);
    world_end(&w);
}

static void test_a_reboot_is_waited_for(void **state)
{
    (void)state;
    const int64_t back = 600000;

    rig.config.commands.back_within = back;
    core_reconfigure(rig.core, &rig.config);
    rig_live(&rig, TOPIC(UUID_A, "heartbeat"), "{}");
    rig_live(&rig, TOPIC(UUID_A, "commands"),
             "{\"command_id\":\"07aab032-53c2-45ef-a5a3-6aa58e9d9fae\",\"client_uuid\":\"" UUID_A
             "\",\"action\":\"reboot_host\"}");
    rig_live(&rig, TOPIC(UUID_A, "commands/ack"),
             "{\"command_id\":\"07aab032-53c2-45ef-a5a3-6aa58e9d9fae\",\"status\":\"accepted\"}");
    rig_live(&rig, TOPIC(UUID_A, "commands/ack"),
             "{\"command_id\":\"07aab032-53c2-45ef-a5a3-6aa58e9d9fae\",\"status\":\"execution_"
             "started\"}");
    assert_int_equal(reason(), QUIET_RESTARTING);
    rig_run(&rig, back - 1);
    assert_string_equal(rig_state(&rig, UUID_A), "silent");
    assert_int_equal(core_alarm_count(rig.core), 0);
    rig_run(&rig, back);
    assert_int_equal(core_alarm_count(rig.core), 1);
    assert_int_equal(core_alarm(rig.core, 0)->kind, ALARM_DEVICE_NOT_BACK);
}

int main(void)
{
#define CASE(t) RIG_TEST(t, &rig)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_named_within_ten_beats),
        cmocka_unit_test(test_a_thousand_within_ten_seconds),
        cmocka_unit_test(test_link_back_and_still_nobody),
        cmocka_unit_test(test_singles_come_out_afterwards),
        cmocka_unit_test(test_a_group_and_a_single),
        cmocka_unit_test(test_one_two_and_three),
        cmocka_unit_test(test_all_timed_out_is_proof),
        cmocka_unit_test(test_groups_that_do_not_return),
        cmocka_unit_test(test_a_group_missing_in_a_chorus),
        cmocka_unit_test(test_not_back_is_explained_too),
        cmocka_unit_test(test_nobody_is_restarted_meanwhile),
        cmocka_unit_test(test_acknowledged_and_then_the_link),
        cmocka_unit_test(test_restored_in_the_middle),
        cmocka_unit_test(test_sleep_proves_nothing),
        cmocka_unit_test(test_asleep_and_the_link_gone),
        cmocka_unit_test(test_reconnect_of_our_own_link),
        cmocka_unit_test(test_start_up_proves_nothing),
        cmocka_unit_test(test_a_wall_clock_that_jumps),
        CASE(test_off_by_intent),
        CASE(test_an_intent_expires),
        CASE(test_an_intent_withdrawn_meanwhile),
        cmocka_unit_test(test_a_group_wanted_off_is_no_outage),
        CASE(test_a_reboot_is_waited_for),
    };
    return cmocka_run_group_tests_name("core: outage", tests, NULL, NULL);
}
