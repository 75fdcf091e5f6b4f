/* Commands as they are issued: stored, sent, answered by the broker, resumed, refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "rig.h"

#define CMD    "07aab032-53c2-45ef-a5a3-6aa58e9d9fae"
#define TO     TOPIC(UUID_A, "commands")
#define ALIAS  TOPIC(UUID_A, "command")
#define EXPIRE 240000

static struct rig rig;

static struct operator_action order(unsigned n, enum action action)
{
    struct operator_action op = {.verb = OP_SEND, .shelve_until_at = TIME_NONE};

    uid_parse(CMD, UID_TEXT - 1, &op.order.id);
    op.order.id.b[15] = (uint8_t)(0xae + n);
    uid_parse(UUID_A, UID_TEXT - 1, &op.order.client);
    op.order.action = action;
    TEXT_SET(&op.by, "anna", 4);
    TEXT_SET(&op.order.reason, "stuck", 5);
    return op;
}

static void act(const struct operator_action *op)
{
    rig_step(&rig, &(struct core_event){.kind = IN_OPERATOR, .u.op = op});
}

static void send_one(unsigned n)
{
    const struct operator_action op = order(n, ACTION_REBOOT_HOST);
    act(&op);
}

static const struct command *command(unsigned n)
{
    const struct operator_action op = order(n, ACTION_REBOOT_HOST);
    return core_find_command(rig.core, &op.order.id);
}

static const char *status(unsigned n)
{
    const struct command *c = command(n);
    return c ? command_statuses[c->status].word : "(none)";
}

static void ack(const char *word)
{
    char payload[128];

    snprintf(payload, sizeof payload, "{\"command_id\":\"" CMD "\",\"status\":\"%s\"}", word);
    rig_live(&rig, TOPIC(UUID_A, "commands/ack"), payload);
}

static void test_stored_before_it_is_sent(void **state)
{
    (void)state;
    send_one(0);
    assert_true(rig.all_durable);
    assert_string_equal(rig_take(&rig),
                        "client command history:command_queued put:" TO " put:" ALIAS);
    rig_commit(&rig);
    assert_string_equal(rig_take(&rig), "publish:" TO); /* the alias follows the PUBACK */
    assert_string_equal(buf_str(&rig.payload),
                        "{\"schema_version\":\"1.0\",\"command_id\":\"" CMD
                        "\",\"client_uuid\":\"" UUID_A "\",\"action\":\"reboot_host\","
                        "\"issued_at\":\"2026-04-05T08:00:00Z\",\"expires_at\":"
                        "\"2026-04-05T08:04:00Z\",\"requested_by\":\"anna\",\"reason\":\"stuck\"}");
    rig_live(&rig, TO, buf_str(&rig.payload)); /* its copy is not the broker's word */
    assert_string_equal(status(0), "queued");
    rig_take(&rig);
    rig_at(&rig, 50);
    rig_puback(&rig, 0);
    assert_string_equal(rig_take(&rig),
                        "command client history:command_published done:" TO " publish:" ALIAS);
    assert_int_equal(command(0)->published_at, RIG_WALL + 50);
    assert_false(command(0)->foreign);
    rig_puback(&rig, 0);
    assert_string_equal(rig_take(&rig), "done:" ALIAS);
    send_one(0); /* the same id again is the same command */
    assert_string_equal(rig_take(&rig), "");
    ack("completed");
    assert_string_equal(status(0), "completed");
}

static void test_no_alias(void **state)
{
    (void)state;
    rig.config.commands.alias = false;
    core_reconfigure(rig.core, &rig.config);
    send_one(0);
    rig_commit(&rig);
    rig_puback(&rig, 0);
    assert_string_equal(rig_take(&rig),
                        "client command history:command_queued put:" TO " publish:" TO
                        " command client history:command_published done:" TO);
    assert_int_equal(core_outbox_count(rig.core), 0);
}

static void test_an_outage_in_between(void **state)
{
    (void)state;
    rig_down(&rig);
    send_one(0);
    rig_commit(&rig);
    rig_take(&rig);
    rig_up(&rig);
    assert_non_null(strstr(rig_take(&rig), "publish:" TO));
    rig_down(&rig); /* before the PUBACK: nobody knows */
    rig_take(&rig);
    rig_up(&rig);
    assert_non_null(strstr(rig_take(&rig), "publish:" TO));
    assert_non_null(strstr(buf_str(&rig.payload), CMD));
    rig_puback(&rig, 0);
    assert_string_equal(status(0), "published");
}

static void test_never_after_it_expired(void **state)
{
    (void)state;
    rig_role(&rig, false); /* ours: no recorder is needed to end it */
    rig_down(&rig);
    send_one(0);
    rig_commit(&rig);
    rig.now.wall_ms += 86400000; /* a jump of the clock expires nothing */
    rig_step(&rig, &(struct core_event){.kind = IN_TICK});
    assert_string_equal(status(0), "queued");
    rig_at(&rig, EXPIRE); /* due, and the link is up before the tick comes */
    rig_take(&rig);
    rig_up(&rig);
    assert_null(strstr(rig_take(&rig), "publish:"));
    assert_int_equal(core_outbox_count(rig.core), 0);
    rig_run(&rig, EXPIRE + 1);
    assert_string_equal(status(0), "expired");
}

/* The console's clock jumps by a day, either way, at each step of a command's life: nothing ends
 * sooner, nothing lives on. The device's own clock is a decade off throughout. */
static void test_clocks_that_are_wrong(void **state)
{
    static const char *const steps[] = {"queued", "published", "accepted", "execution_started"};
    const int64_t day = 86400000;

    (void)state;
    for (int64_t jump = -day; jump <= day; jump += 2 * day)
        for (int at = 0; at < 4; at++) {
            rig_end(&rig);
            rig_begin(&rig, false);
            rig_live(&rig, TOPIC(UUID_A, "heartbeat"), "{\"timestamp\":\"2036-01-01T00:00:00Z\"}");
            send_one(0);
            for (int k = 0; k <= at; k++) {
                if (k == 1) {
                    rig_commit(&rig);
                    rig_puback(&rig, 0);
                    rig_puback(&rig, 0);
                } else if (k > 1) {
                    ack(steps[k]);
                }
            }
            rig.now.wall_ms += jump;
            rig_step(&rig, &(struct core_event){.kind = IN_CLOCK_JUMP, .u.jump_ms = jump});
            rig.now.mono_ms += EXPIRE - 1000;
            rig.now.wall_ms += EXPIRE - 1000;
            rig_live(&rig, TOPIC(UUID_A, "heartbeat"), "{\"timestamp\":\"2016-01-01T00:00:00Z\"}");
            rig_step(&rig, &(struct core_event){.kind = IN_TICK});
            assert_string_equal(status(0), steps[at]);
            rig.now.mono_ms += 1000;
            rig.now.wall_ms += 1000;
            rig_step(&rig, &(struct core_event){.kind = IN_TICK});
            assert_string_equal(status(0), "expired");
            ack("completed");
            assert_string_equal(status(0), "completed");
            assert_true(command(0)->late);
        }
}

static void test_refused_by_the_rules(void **state)
{
    (void)state;
    send_one(0);
    rig_commit(&rig);
    rig_puback(&rig, 0x87);
    assert_string_equal(status(0), "failed");
    assert_string_equal(command(0)->error_code.clean, "not_authorized");
    assert_int_equal(rig.sent_count, 0); /* the alias is not tried */
    assert_int_equal(core_outbox_count(rig.core), 0);
    assert_string_equal(rig_alarm_state(&rig, ALARM_COMMAND_FAILED, CMD), "unacknowledged");
}

/* Some brokers close the connection instead; the link finds out on what, and gives it up. */
static void test_the_broker_hangs_up_on_it(void **state)
{
    (void)state;
    send_one(0);
    send_one(1);
    rig_commit(&rig);
    rig.sent_count = 1;
    rig_puback(&rig, PUBLISH_HANGS_UP);
    assert_string_equal(status(0), "failed");
    assert_string_equal(command(0)->error_code.clean, "not_authorized");
    assert_non_null(strstr(command(0)->error_message.clean, "closes the connection"));
    assert_string_equal(status(1), "queued"); /* the rest goes on */
    assert_int_equal(core_outbox_count(rig.core), 2);
}

static void test_nobody_listens_on_the_alias(void **state)
{
    (void)state;
    send_one(0);
    rig_commit(&rig);
    rig_puback(&rig, 0);
    assert_false(command(0)->not_connected);
    rig_puback(&rig, 0x10);
    assert_true(command(0)->not_connected);
    assert_string_equal(status(0), "published"); /* a hint, not an end */
}

static void test_taken_up_again_after_a_crash(void **state)
{
    (void)state;
    rig_down(&rig);
    send_one(0);
    struct command row = *command(0);
    const struct effect outbox = {.u.publish = {.token = 99,
                                                .topic = TO,
                                                .payload = "{}",
                                                .len = 2,
                                                .alarm_id = CMD,
                                                .expires_at = row.expires_at}};
    rig_end(&rig);
    rig_begin(&rig, true);
    core_restore_command(rig.core, &row);
    core_restore_outbox(rig.core, &outbox);
    rig_up(&rig);
    assert_non_null(strstr(rig_take(&rig), "publish:" TO));
    rig_puback(&rig, 0);
    assert_string_equal(status(0), "published");
    rig_run(&rig, EXPIRE);
    assert_string_equal(status(0), "expired"); /* without the role: it is ours now */
}

static void test_adopted_while_running(void **state)
{
    (void)state;
    send_one(0);
    const struct command row = *command(0);
    rig_end(&rig);
    rig_begin(&rig, false);
    const struct effect outbox = {
        .u.publish = {.token = 99, .topic = TO, .payload = "{}", .len = 2, .alarm_id = CMD}};
    struct core_event ev = {.kind = IN_ADOPTED, .u.adopted = {&row, &outbox, NULL}};
    rig_step(&rig, &ev);
    rig_step(&rig, &ev);
    assert_string_equal(rig_take(&rig), "command publish:" TO " command");
    assert_int_equal(core_counts(rig.core)->commands_active, 1);
    rig_end(&rig);
    rig_begin(&rig, false);
    rig_at(&rig, EXPIRE + 5000);
    rig_step(&rig, &ev); /* too late */
    assert_null(strstr(rig_take(&rig), "publish"));
    rig_run(&rig, EXPIRE + 5001);
    assert_string_equal(status(0), "expired");
}

static void cancel(unsigned n)
{
    struct operator_action op = order(n, ACTION_REBOOT_HOST);
    op.verb = OP_CANCEL;
    act(&op);
}

static void test_cancelling(void **state)
{
    (void)state;
    rig_down(&rig);
    send_one(0);
    rig_commit(&rig);
    cancel(0);
    assert_string_equal(status(0), "cancelled");
    assert_int_equal(core_outbox_count(rig.core), 0);
    rig_up(&rig);
    assert_null(strstr(rig_take(&rig), "publish:"));
    send_one(1);
    rig_commit(&rig);
    cancel(1); /* handed over: too late */
    assert_string_equal(status(1), "queued");
    send_one(2);
    struct core_event ev = {.kind = IN_WITHDRAWN, .u.withdrawn = command(2)->id};
    rig_step(&rig, &ev);
    assert_string_equal(status(2), "cancelled");
}

static void test_lockout(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 4; n++) {
        rig_at(&rig, n * 1000);
        send_one(n);
        rig_commit(&rig);
        rig_puback(&rig, 0);
        rig_puback(&rig, 0);
    }
    assert_string_equal(status(2), "published");
    assert_string_equal(status(3), "blocked");
    assert_int_equal(command(3)->allowed_at, RIG_WALL + 900000); /* the first one leaves */
    assert_int_equal(core_outbox_count(rig.core), 0);
    struct operator_action op = order(4, ACTION_REBOOT_HOST);
    op.order.override_lockout = true;
    rig_take(&rig);
    act(&op);
    assert_non_null(strstr(rig_take(&rig), "history:note"));
    assert_string_equal(status(4), "queued");
    rig_run(&rig, 900000 - 1); /* all have expired unanswered by then: none reached its device */
    send_one(5);
    assert_string_equal(status(5), "queued");
}

static void test_lockout_of_many(void **state)
{
    (void)state;
    struct config config;
    config_init(&config);
    config.commands.lockout_max = 70;
    core_reconfigure(rig.core, &config);
    for (unsigned n = 0; n < 71; n++) {
        rig_at(&rig, n * 1000);
        send_one(n);
        rig_commit(&rig);
        rig_puback(&rig, 0);
        rig_puback(&rig, 0);
        assert_string_equal(status(n), n < 70 ? "published" : "blocked");
    }
    assert_int_equal(command(70)->allowed_at, RIG_WALL + 900000);
}

static void test_lockout_counts_other_consoles(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 3; n++) {
        char payload[300];
        snprintf(payload, sizeof payload,
                 "{\"command_id\":\"07aab032-53c2-45ef-a5a3-6aa58e9d9f0%u\",\"client_uuid\":"
                 "\"" UUID_A "\",\"action\":\"restart_app\",\"issued_at\":\"2020-01-01T00:00:00Z\","
                 "\"requested_by\":\"berta\"}",
                 n);
        rig_live(&rig, TO, payload);
    }
    send_one(0);
    assert_string_equal(status(0), "blocked");
    struct operator_action other = order(1, ACTION_RESTART_APP);
    uid_parse(UUID_B, UID_TEXT - 1, &other.order.client);
    act(&other);
    assert_string_equal(status(1), "queued");
}

static void test_withheld(void **state)
{
    (void)state;
    struct operator_action op = order(0, ACTION_RESTART_APP);
    op.order.withheld = true;
    act(&op);
    assert_string_equal(status(0), "cancelled");
    assert_int_equal(core_outbox_count(rig.core), 0);
}

/* ---- many ---- */

struct tokens {
    uint64_t list[25000];
    unsigned count;
};

static void step(struct core_event ev, struct tokens *puts, struct tokens *sent)
{
    ev.now = rig.now;
    effects_clear(&rig.effects);
    core_step(rig.core, &ev, &rig.effects);
    for (size_t i = 0; i < rig.effects.count; i++) {
        const struct effect *e = &rig.effects.list[i];
        if (e->kind == OUT_OUTBOX_PUT)
            puts->list[puts->count++] = e->u.publish.token;
        else if (e->kind == OUT_PUBLISH)
            sent->list[sent->count++] = e->u.publish.token;
    }
}

/* What lies in the outbox is found, not searched: searching took half a minute here. */
static void test_ten_thousand_are_queued(void **state)
{
    enum { MANY = 10000 };
    static struct tokens puts, sent;
    const clock_t began = clock();
    unsigned taken = 0;

    (void)state;
    rig_down(&rig);
    for (unsigned n = 0; n < MANY; n++) {
        struct operator_action op = order(0, ACTION_REBOOT_HOST);
        memcpy(op.order.id.b, &n, sizeof n);
        memcpy(op.order.client.b, &n, sizeof n);
        step((struct core_event){.kind = IN_OPERATOR, .u.op = &op}, &puts, &sent);
    }
    for (unsigned k = 0; k < puts.count; k++)
        step((struct core_event){.kind = IN_STORED, .u.done.token = puts.list[k]}, &puts, &sent);
    assert_int_equal(core_outbox_count(rig.core), 2 * MANY);
    assert_int_equal(sent.count, 0);
    rig.now.mono_ms += 1;
    step((struct core_event){.kind = IN_LINK_UP, .u.down.why = {.id = "up"}}, &puts, &sent);
    for (; taken < sent.count; taken++)
        step((struct core_event){.kind = IN_PUBLISHED, .u.done = {sent.list[taken], 0}}, &puts,
             &sent);
    assert_int_equal(taken, 2 * MANY);
    assert_int_equal(core_outbox_count(rig.core), 0);
    assert_int_equal(core_counts(rig.core)->commands_active, MANY);
    assert_true((double)(clock() - began) / CLOCKS_PER_SEC < 5);
}

int main(void)
{
#define CASE(t) RIG_TEST(t, &rig)
    const struct CMUnitTest tests[] = {
        CASE(test_stored_before_it_is_sent),
        CASE(test_no_alias),
        CASE(test_an_outage_in_between),
        CASE(test_never_after_it_expired),
        CASE(test_clocks_that_are_wrong),
        CASE(test_refused_by_the_rules),
        CASE(test_the_broker_hangs_up_on_it),
        CASE(test_ten_thousand_are_queued),
        CASE(test_nobody_listens_on_the_alias),
        CASE(test_taken_up_again_after_a_crash),
        CASE(test_adopted_while_running),
        CASE(test_cancelling),
        CASE(test_lockout),
        CASE(test_lockout_of_many),
        CASE(test_lockout_counts_other_consoles),
        CASE(test_withheld),
    };
    return cmocka_run_group_tests_name("core: sending", tests, NULL, NULL);
}
