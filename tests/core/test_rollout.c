/* Rollouts: who may go when, what stops them, who goes on after a process that ended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "rig.h"

#define MEMBERS 6
#define ROLLOUT "aaaaaaaa-53c2-45ef-a5a3-6aa58e9d9fae"
#define EXPIRE  240000

static struct rig rig;
static int64_t clock_ms;

static int begin(void **state)
{
    (void)state;
    rig_begin(&rig, false);
    clock_ms = 0;
    return 0;
}

static int end(void **state)
{
    (void)state;
    rig_end(&rig);
    return 0;
}

static struct uid id_of(const char *text)
{
    struct uid id;

    assert_true(uid_parse(text, strlen(text), &id));
    return id;
}

static struct uid client(unsigned k)
{
    struct uid id = id_of(UUID_A);

    id.b[0] = (uint8_t)k;
    return id;
}

/* What was sent is stored, taken by the broker, and whatever is due is done. */
static void settle(void)
{
    for (int i = 0; i < 20; i++) {
        rig_commit(&rig);
        rig_puback(&rig, 0);
        rig_run(&rig, clock_ms += 2);
    }
}

static struct operator_action order(int64_t canary, int64_t parallel, int64_t max_failures)
{
    static struct rollout_target targets[MEMBERS + 1];
    struct operator_action op = {.verb = OP_ROLLOUT, .shelve_until_at = TIME_NONE};

    for (unsigned k = 0; k < MEMBERS; k++)
        targets[k].client = client(k);
    targets[MEMBERS] = targets[0]; /* named twice */
    TEXT_SET(&op.by, "anna", 4);
    op.rollout = (struct rollout_order){.id = id_of(ROLLOUT),
                                        .action = ACTION_RESTART_APP,
                                        .canary = canary,
                                        .parallel = parallel,
                                        .max_failures = max_failures,
                                        .targets = targets,
                                        .count = MEMBERS + 1};
    return op;
}

static void act(const struct operator_action *op)
{
    rig_step(&rig, &(struct core_event){.kind = IN_OPERATOR, .u.op = op});
}

static void start(int64_t canary, int64_t parallel, int64_t max_failures)
{
    const struct operator_action op = order(canary, parallel, max_failures);

    act(&op);
    settle();
}

static void stop(void)
{
    struct operator_action op = {.verb = OP_ROLLOUT_STOP, .rollout.id = id_of(ROLLOUT)};

    TEXT_SET(&op.by, "berta", 5);
    act(&op);
    settle();
}

static const struct rollout_member *member(uint32_t k)
{
    const struct uid id = id_of(ROLLOUT);

    return core_rollout_member(rig.core, &id, k);
}

static void ack(uint32_t k, const char *word)
{
    char topic[128], payload[128], id[UID_TEXT];

    uid_format(&member(k)->client, id);
    snprintf(topic, sizeof topic, "infoscreen/%s/commands/ack", id);
    uid_format(&member(k)->command, id);
    snprintf(payload, sizeof payload, "{\"command_id\":\"%s\",\"status\":\"%s\"}", id, word);
    rig_live(&rig, topic, payload);
    settle();
}

/* One letter for each member: - not released, q p a x c f e(xpired) w(ithdrawn) b(locked). */
static const char *ends(void)
{
    static const char letters[] = "qwpaxecfb-";
    static char line[MEMBERS + 1];

    for (uint32_t k = 0; k < MEMBERS; k++)
        line[k] = letters[member(k)->status];
    return line;
}

static const struct rollout *row(void)
{
    const struct uid id = id_of(ROLLOUT);

    return core_find_rollout(rig.core, &id);
}

static const char *state(void)
{
    return rollout_states[row()->state].word;
}

static void test_stored_whole_before_its_first_command(void **state_)
{
    (void)state_;
    const struct operator_action op = order(0, 0, 0);
    act(&op);
    assert_string_equal(rig_take(&rig), "rollout history:note");
    assert_int_equal(row()->total, MEMBERS);
    assert_int_equal(row()->released, 0);
    settle();
    assert_string_equal(ends(), "pppppp");
    act(&op); /* the same id again is the same rollout */
    settle();
    assert_int_equal(core_rollout_count(rig.core), 1);
    assert_int_equal(core_command_count(rig.core), MEMBERS);
    assert_null(core_rollout_member(rig.core, &op.rollout.id, MEMBERS));
}

static void test_lanes(void **state_)
{
    (void)state_;
    start(0, 2, 0);
    assert_string_equal(ends(), "pp----");
    rig_run(&rig, clock_ms = 100000);
    ack(1, "failed"); /* failures alone stop nothing */
    assert_string_equal(ends(), "pfp---");
    const struct command *c = core_find_command(rig.core, &member(2)->command);
    assert_true(c->issued_at >= RIG_WALL + 99000); /* its time runs from its release */
    assert_int_equal(c->expires_at, c->issued_at + EXPIRE);
    assert_string_equal(c->rollout_id.clean, ROLLOUT);
    for (uint32_t k = 0; k < MEMBERS; k++)
        ack(k, "completed");
    assert_string_equal(ends(), "cfcccc");
    assert_string_equal(state(), "done");
    assert_int_equal(row()->by_status[COMMAND_COMPLETED], 5);
}

static void test_canaries_first(void **state_)
{
    (void)state_;
    start(2, 0, 0);
    assert_string_equal(ends(), "pp----");
    ack(0, "completed");
    assert_string_equal(ends(), "cp----");
    ack(1, "completed");
    assert_string_equal(ends(), "ccpppp");
}

static void test_a_dead_canary_stops_the_rest(void **state_)
{
    (void)state_;
    start(2, 0, 0);
    ack(0, "failed");
    assert_string_equal(ends(), "fpwwww");
    assert_string_equal(state(), "stopping");
    ack(1, "completed");
    assert_string_equal(ends(), "fcwwww");
    assert_string_equal(state(), "stopped");
    assert_string_equal(row()->stopped_by.clean, "");
}

static void test_an_expired_canary_stops_the_rest(void **state_)
{
    (void)state_;
    start(1, 0, 0);
    rig_run(&rig, clock_ms = EXPIRE + 1000);
    assert_string_equal(ends(), "ewwwww");
    assert_string_equal(state(), "stopped");
}

static void test_the_nth_failure_stops_the_rest(void **state_)
{
    (void)state_;
    start(0, 2, 2);
    ack(0, "failed");
    assert_string_equal(ends(), "fpp---");
    ack(2, "failed");
    assert_string_equal(ends(), "fpfwww");
    assert_string_equal(state(), "stopping");
    ack(1, "completed"); /* what is running finishes */
    assert_string_equal(ends(), "fcfwww");
    assert_string_equal(state(), "stopped");
    for (uint32_t k = 3; k < MEMBERS; k++)
        assert_non_null(core_find_command(rig.core, &member(k)->command)); /* and is listed */
}

static void test_stopped_by_a_person(void **state_)
{
    (void)state_;
    start(0, 1, 0);
    stop();
    assert_string_equal(ends(), "pwwwww");
    assert_string_equal(row()->stopped_by.clean, "berta");
    stop(); /* once is enough */
    ack(0, "completed");
    assert_string_equal(state(), "stopped");
}

static void test_nothing_is_released_without_a_broker(void **state_)
{
    (void)state_;
    rig_down(&rig);
    start(0, 0, 0);
    assert_string_equal(ends(), "------");
    rig_run(&rig, clock_ms = 10 * EXPIRE);
    rig_up(&rig);
    settle();
    assert_string_equal(ends(), "pppppp");
}

static void test_stopped_without_a_broker(void **state_)
{
    (void)state_;
    start(0, 1, 0);
    rig_down(&rig);
    stop();
    assert_string_equal(ends(), "pwwwww");
}

/* ---- another process ---- */

struct kept {
    struct rollout row;
    struct rollout_member members[MEMBERS];
    struct command commands[MEMBERS];
    uint32_t command_count;
};

static struct kept keep(void)
{
    struct kept k = {.row = *row()};

    for (uint32_t i = 0; i < MEMBERS; i++) {
        const struct command *c = core_find_command(rig.core, &member(i)->command);
        k.members[i] = *member(i);
        if (c)
            k.commands[k.command_count++] = *c;
    }
    return k;
}

static void learn(const struct kept *k, bool ours)
{
    struct core_event ev = {.kind = IN_ROLLOUT, .u.rollout = {&k->row, k->members, ours}};

    rig_step(&rig, &ev);
    settle();
}

static void test_taken_over(void **state_)
{
    (void)state_;
    for (int knows = 0; knows < 2; knows++) {
        end(NULL);
        begin(NULL);
        start(1, 2, 0);
        ack(0, "completed");
        ack(1, "accepted");
        assert_string_equal(ends(), "cap---");
        const struct kept k = keep();
        rig_end(&rig);
        rig_begin(&rig, false);
        for (uint32_t i = 0; knows && i < k.command_count; i++)
            core_restore_command(rig.core, &k.commands[i]);
        learn(&k, false);
        rig_take(&rig);
        rig_run(&rig, clock_ms += 1000);
        assert_string_equal(rig_take(&rig), ""); /* somebody drives it */
        assert_string_equal(ends(), "cap---");
        learn(&k, true);
        assert_string_equal(ends(), "cap---"); /* its lanes are full */
        ack(1, "completed");
        assert_string_equal(ends(), "ccpp--");
        assert_string_equal(state(), "running");
    }
}

static void test_too_old_to_go_on(void **state_)
{
    (void)state_;
    start(0, 1, 0);
    const struct kept k = keep();
    rig_end(&rig);
    rig_begin(&rig, false);
    rig_run(&rig, clock_ms = 3600000);
    learn(&k, true);
    assert_string_equal(ends(), "pwwwww");
    assert_string_equal(state(), "stopping");
}

static void test_another_process_stops_it(void **state_)
{
    (void)state_;
    start(0, 1, 0);
    struct kept k = keep();
    k.row.state = ROLLOUT_STOPPING;
    TEXT_SET(&k.row.stopped_by, "carl", 4);
    learn(&k, false);
    assert_string_equal(ends(), "pwwwww");
    assert_string_equal(row()->stopped_by.clean, "carl");
    ack(0, "completed");
    assert_string_equal(state(), "stopped");
}

static void test_stopping_that_of_another_process(void **state_)
{
    (void)state_;
    start(0, 1, 0);
    const struct kept k = keep();
    rig_end(&rig);
    rig_begin(&rig, false);
    learn(&k, false);
    rig_take(&rig);
    stop();
    assert_string_equal(rig_take(&rig),
                        "rollout history:note"); /* the wish alone; its driver acts */
    assert_string_equal(ends(), "p-----");
}

static void test_seen_from_beside(void **state_)
{
    (void)state_;
    start(0, 1, 0);
    struct kept k = keep();
    rig_end(&rig);
    rig_begin(&rig, false);
    k.members[0].status = COMMAND_STATUSES; /* it knows of none */
    learn(&k, false);
    assert_string_equal(ends(), "------");
    ack(0, "completed"); /* … but hears them */
    assert_string_equal(ends(), "c-----");
    assert_string_equal(core_find_command(rig.core, &member(0)->command)->rollout_id.clean,
                        ROLLOUT);
}

/* Of a member whose command is no longer in memory: a late ack is no new beginning. */
static void test_a_late_ack_takes_nothing_back(void **state_)
{
    (void)state_;
    start(0, 1, 1);
    ack(0, "completed");
    assert_string_equal(ends(), "cp----");
    const struct kept k = keep();
    rig_end(&rig);
    rig_begin(&rig, false);
    core_restore_command(rig.core, &k.commands[1]);
    learn(&k, true);
    ack(0, "accepted");
    assert_string_equal(ends(), "cp----");
    ack(1, "completed");
    assert_string_equal(ends(), "ccp---"); /* its lane is free */
    rig_run(&rig, clock_ms += EXPIRE + 60000);
    assert_int_equal(member(0)->status, COMMAND_COMPLETED);
}

static void test_too_many_at_once_are_refused(void **state_)
{
    (void)state_;
    rig_down(&rig);
    for (unsigned n = 0; n < 65; n++) {
        struct operator_action op = order(0, 0, 0);
        op.rollout.id.b[15] = (uint8_t)n;
        op.rollout.override_lockout = true;
        act(&op);
    }
    struct text160 said = {{0}};
    WORDS_RENDER(&rig.message, NULL, &said);
    assert_non_null(strstr(said.clean, "64 rollouts are under way"));
    assert_int_equal(core_rollout_count(rig.core), 64);
}

static void test_many_are_kept(void **state_)
{
    (void)state_;
    for (unsigned n = 0; n < 100; n++) {
        struct operator_action op = order(0, 0, 0);
        op.rollout.id.b[15] = (uint8_t)n;
        op.rollout.action = ACTION_REBOOT_HOST;
        op.rollout.override_lockout = true;
        op.rollout.count = 1;
        act(&op);
        settle();
        op.verb = OP_ROLLOUT_STOP;
        const struct rollout_member *m = core_rollout_member(rig.core, &op.rollout.id, 0);
        char topic[128], payload[128], id[UID_TEXT];
        uid_format(&m->client, id);
        snprintf(topic, sizeof topic, "infoscreen/%s/commands/ack", id);
        uid_format(&m->command, id);
        snprintf(payload, sizeof payload, "{\"command_id\":\"%s\",\"status\":\"completed\"}", id);
        rig_live(&rig, topic, payload);
        settle();
    }
    assert_int_equal(core_rollout_count(rig.core), 64);
    assert_int_equal(core_rollout(rig.core, 0)->id.b[15], 99); /* the newest first */
    assert_null(core_rollout(rig.core, 64));
}

int main(void)
{
#define CASE(t) cmocka_unit_test_setup_teardown(t, begin, end)
    const struct CMUnitTest tests[] = {
        CASE(test_stored_whole_before_its_first_command),
        CASE(test_lanes),
        CASE(test_canaries_first),
        CASE(test_a_dead_canary_stops_the_rest),
        CASE(test_an_expired_canary_stops_the_rest),
        CASE(test_the_nth_failure_stops_the_rest),
        CASE(test_stopped_by_a_person),
        CASE(test_nothing_is_released_without_a_broker),
        CASE(test_stopped_without_a_broker),
        CASE(test_taken_over),
        CASE(test_too_old_to_go_on),
        CASE(test_another_process_stops_it),
        CASE(test_stopping_that_of_another_process),
        CASE(test_seen_from_beside),
        CASE(test_a_late_ack_takes_nothing_back),
        CASE(test_too_many_at_once_are_refused),
        CASE(test_many_are_kept),
    };
    return cmocka_run_group_tests_name("core: rollout", tests, NULL, NULL);
}
