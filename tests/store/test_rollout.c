/* test_rollout.c - rollouts in the database: whole, once, told to others, left to the recorder. */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"

#define MEMBERS 5

static struct rollout row_of(unsigned n)
{
    struct rollout row = {.action = ACTION_REBOOT_HOST,
                          .began_at = 1000 + n,
                          .active_at = 1000 + n,
                          .ended_at = TIME_NONE,
                          .expires = 240000,
                          .parallel = 2,
                          .canary = 1,
                          .max_failures = 3,
                          .override_lockout = true,
                          .total = MEMBERS};

    row.id.b[0] = 0xaa;
    row.id.b[15] = (uint8_t)n;
    TEXT_SET(&row.requested_by, "anna", 4);
    TEXT_SET(&row.reason, "new image", 9);
    return row;
}

static const struct rollout_member *members(void)
{
    static struct rollout_member list[MEMBERS];

    for (unsigned k = 0; k < MEMBERS; k++) {
        list[k] = (struct rollout_member){.client = rig_client(k).id,
                                          .command = rig_command(k, COMMAND_QUEUED).id,
                                          .status = COMMAND_STATUSES};
        uid_format(&list[k].client, list[k].spelling);
        list[k].spelling[0] = 'A'; /* as the client itself writes it */
        list[k].client.b[0] = (uint8_t)(0xa0 | (list[k].client.b[0] & 0x0f));
    }
    return list;
}

static struct store_rollout *told(struct store *s, int64_t wait_ms)
{
    struct store_report r = {.rollout = NULL};

    return rig_report(s, STORE_ROLLOUT, 0, wait_ms, &r) ? r.rollout : NULL;
}

static struct core *load(struct store *s)
{
    struct config config;
    struct err e = {0};
    config_init(&config);
    struct core *core = core_new(&config, "ops1");

    assert_true(store_load(s, core, &e));
    return core;
}

static void test_comes_out_as_it_went_in(void **state)
{
    struct store *s = rig_open(*state, true, true);
    const struct rollout row = row_of(1);
    const struct command done = rig_command(2, COMMAND_COMPLETED);

    assert_true(store_put_rollout(s, &row, members()));
    assert_true(store_put_command(s, &done));
    assert_true(store_put_rollout(s, &row, members())); /* twice is once */
    rig_settle(s);
    struct core *core = load(s);
    const struct rollout *r = core_find_rollout(core, &row.id);
    assert_non_null(r);
    assert_int_equal(r->action, ACTION_REBOOT_HOST);
    assert_int_equal(r->state, ROLLOUT_RUNNING);
    assert_string_equal(r->requested_by.clean, "anna");
    assert_string_equal(r->reason.clean, "new image");
    assert_int_equal(r->began_at, 1001);
    assert_int_equal(r->ended_at, TIME_NONE);
    assert_int_equal(r->parallel * 100 + r->canary * 10 + r->max_failures, 213);
    assert_true(r->override_lockout);
    assert_int_equal(r->total, MEMBERS);
    assert_int_equal(r->released, 1);
    for (uint32_t k = 0; k < MEMBERS; k++) {
        const struct rollout_member *m = core_rollout_member(core, &row.id, k);
        assert_true(uid_equal(&m->command, &members()[k].command));
        assert_true(uid_equal(&m->client, &members()[k].client));
        assert_string_equal(m->spelling, members()[k].spelling);
        assert_int_equal(m->status, k == 2 ? COMMAND_COMPLETED : COMMAND_STATUSES);
    }
    core_free(core);
    store_close(s);
}

static void test_state_never_goes_back(void **state)
{
    struct store *s = rig_open(*state, true, true);
    struct rollout row = row_of(1);

    store_put_rollout(s, &row, members());
    row.state = ROLLOUT_STOPPING;
    TEXT_SET(&row.stopped_by, "berta", 5);
    store_put_rollout(s, &row, NULL);
    row = row_of(1);
    row.active_at = 5000;
    store_put_rollout(s, &row, NULL);
    rig_settle(s);
    assert_int_equal(rig_number(*state, "SELECT state='stopping' AND stopped_by='berta' AND"
                                        " active_at=5000 FROM rollout"),
                     1);
    assert_int_equal(rig_number(*state, "SELECT count(*) FROM rollout_member"), MEMBERS);
    store_close(s);
}

static void test_told_to_the_others(void **state)
{
    struct store *s = rig_open(*state, true, false), *other = rig_open(*state, true, false);
    struct rollout row = row_of(1);

    rig_settle(other); /* it looks by now */
    store_put_rollout(s, &row, members());
    rig_settle(s);
    struct store_rollout *r = told(other, RIG_WAIT_MS);
    assert_non_null(r);
    assert_false(r->ours);
    assert_int_equal(r->row.total, MEMBERS);
    free(r);
    row.state = ROLLOUT_STOPPING; /* the other asks for it */
    store_put_rollout(other, &row, NULL);
    rig_settle(other);
    r = told(s, RIG_WAIT_MS);
    assert_non_null(r);
    assert_int_equal(r->row.state, ROLLOUT_STOPPING);
    free(r);
    store_close(other);
    store_close(s);
}

static void test_left_to_the_recorder(void **state)
{
    struct store *driver = rig_open(*state, true, false);
    struct store *recorder = rig_open(*state, true, true);
    const struct rollout row = row_of(1);
    struct rollout over = row_of(2);

    over.state = ROLLOUT_DONE;
    rig_settle(recorder);
    store_put_rollout(driver, &row, members());
    store_put_rollout(driver, &over, members());
    rig_settle(driver);
    for (int k = 0; k < 2; k++) {
        struct store_rollout *r = told(recorder, RIG_WAIT_MS);
        assert_non_null(r);
        assert_false(r->ours); /* its driver lives */
        free(r);
    }
    store_close(driver);
    struct store_rollout *r = told(recorder, RIG_WAIT_MS);
    assert_non_null(r);
    assert_true(r->ours);
    assert_true(uid_equal(&r->row.id, &row.id));
    free(r);
    store_close(recorder);
    recorder = rig_open(*state, true, true); /* that one ended, too */
    r = told(recorder, RIG_WAIT_MS);
    assert_non_null(r);
    assert_true(r->ours);
    free(r);
    store_close(recorder);
}

/* What belongs together is never half there: a reader looks all the while. */
static void test_a_step_is_one_transaction(void **state)
{
    struct store *s = rig_open(*state, true, true);

    for (unsigned n = 0; n < 300; n++) {
        const struct command c = rig_command(n, COMMAND_QUEUED);
        char id[UID_TEXT];
        uid_format(&c.id, id);
        const struct effect e = {.kind = OUT_OUTBOX_PUT,
                                 .u.publish = {.token = n + 1, .topic = "t", .alarm_id = id}};
        store_hold(s);
        store_put_command(s, &c);
        store_put_outbox(s, &e);
        store_release(s);
        assert_int_equal(rig_number(*state, "SELECT (SELECT count(*) FROM command)-"
                                            "(SELECT count(*) FROM outbox)"),
                         0);
    }
    rig_settle(s);
    assert_int_equal(rig_number(*state, "SELECT count(*) FROM outbox"), 300);
    store_close(s);
}

static void test_retention(void **state)
{
    struct store *s = rig_open(*state, true, true);
    struct rollout over = row_of(1), running = row_of(2);

    over.state = ROLLOUT_STOPPED;
    store_put_rollout(s, &over, members());
    store_put_rollout(s, &running, members());
    rig_settle(s);
    store_close(s);
    s = rig_open_retaining(*state, 1000, true);
    for (int64_t until = clock_mono_ms() + RIG_WAIT_MS;
         rig_number(*state, "SELECT count(*) FROM rollout") > 1 && clock_mono_ms() < until;)
        rig_settle(s);
    assert_int_equal(rig_number(*state, "SELECT count(*) FROM rollout_member"), MEMBERS);
    assert_int_equal(rig_number(*state, "SELECT count(*) FROM rollout"), 1);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(test_comes_out_as_it_went_in),   RIG_TEST(test_state_never_goes_back),
        RIG_TEST(test_told_to_the_others),        RIG_TEST(test_left_to_the_recorder),
        RIG_TEST(test_a_step_is_one_transaction), RIG_TEST(test_retention),
    };
    return cmocka_run_group_tests_name("store: rollouts", tests, NULL, NULL);
}
