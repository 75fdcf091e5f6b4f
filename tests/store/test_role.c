/* test_role.c - one recorder per database, taken over however it ends. */
#include "rig.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/ring.h"

/* A process that records (and has put an outbox row, if asked), and says so on a pipe. */
static pid_t fork_recorder(const struct rig *r, uint64_t outbox_token)
{
    int ready[2];
    char byte;

    assert_int_equal(pipe(ready), 0);
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nobody behind */
        struct store *s = rig_open(r, true, true);
        bool ok = rig_role(s, true, RIG_WAIT_MS);
        if (ok && outbox_token) {
            const struct effect put = {.kind = OUT_OUTBOX_PUT,
                                       .u.publish = {.token = outbox_token,
                                                     .topic = "infoscreen/console/ack/x",
                                                     .payload = "{}",
                                                     .len = 2,
                                                     .retain = true,
                                                     .expires_at = TIME_NONE}};
            ok = store_put_outbox(s, &put) &&
                 rig_report(s, STORE_OUTBOX_STORED, outbox_token, RIG_WAIT_MS, NULL);
        }
        if (!ok || write(ready[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return pid;
}

static void end_child(pid_t pid)
{
    int status;

    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
}

static void only_one_records(void **state)
{
    struct rig *r = *state;
    struct store *a = rig_open(r, true, true);

    assert_true(rig_role(a, true, RIG_WAIT_MS));
    struct store *b = rig_open(r, true, true);
    struct store_report status;
    assert_true(rig_report(b, STORE_STATUS, 0, RIG_WAIT_MS, &status));
    assert_true(status.status.other_recorder);
    assert_false(rig_role(b, true, 1500)); /* three tries long */
    store_close(a);
    assert_true(rig_role(b, true, 5000));
    store_close(b);
}

static void a_killed_recorder_is_followed_within_five_seconds(void **state)
{
    struct rig *r = *state;
    const pid_t child = fork_recorder(r, 0);
    struct store *s = rig_open(r, true, true);

    assert_false(rig_role(s, true, 1200));
    const int64_t killed = clock_mono_ms();
    end_child(child);
    assert_true(rig_role(s, true, 5000));
    assert_true(clock_mono_ms() - killed < 2000);
    store_close(s);
}

static void who_does_not_want_the_role_never_takes_it(void **state)
{
    struct rig *r = *state;
    struct store *s = rig_open(r, true, false);
    struct client c = rig_client(1);

    store_put_client(s, &c);
    rig_settle(s);
    assert_false(rig_role(s, true, 1200));
    struct store *other = rig_open(r, false, true);
    assert_true(rig_role(other, true, RIG_WAIT_MS));
    store_close(other);
    store_close(s);
}

static void read_only_yields_to_one_that_may_send(void **state)
{
    struct rig *r = *state;
    struct store *guest = rig_open(r, false, true);

    assert_true(rig_role(guest, true, RIG_WAIT_MS));
    struct store *host = rig_open(r, true, true);
    assert_true(rig_role(host, true, 5000));
    assert_true(rig_role(guest, false, RIG_WAIT_MS));
    /* It stays away while that one lives, and is back after it. */
    assert_false(rig_role(guest, true, 1500));
    store_close(host);
    assert_true(rig_role(guest, true, 5000));
    store_close(guest);
}

static void two_that_may_send_do_not_fight(void **state)
{
    struct rig *r = *state;
    struct store *a = rig_open(r, true, true);

    assert_true(rig_role(a, true, RIG_WAIT_MS));
    struct store *b = rig_open(r, true, true), *c = rig_open(r, false, true);
    assert_false(rig_role(a, false, 1500));
    store_close(a);
    assert_true(rig_role(b, true, 5000));
    assert_false(rig_role(c, true, 1200));
    store_close(c);
    store_close(b);
}

/* ---- outbox rows of those that ended ---- */

static int64_t owned_rows(const struct rig *r, int64_t not_owner)
{
    char sql[128];

    snprintf(sql, sizeof sql, "SELECT count(*) FROM outbox WHERE owner<>%lld",
             (long long)not_owner);
    return rig_number(r, sql);
}

static struct core *core_of(void)
{
    struct config config;

    config_init(&config);
    return core_new(&config, "testhost");
}

static void outbox_of_a_killed_process_is_taken_up_once(void **state)
{
    struct rig *r = *state;
    const pid_t child = fork_recorder(r, 4711);
    struct store *s = rig_open(r, true, false);
    struct core *core = core_of();
    const int64_t owner = rig_number(r, "SELECT owner FROM outbox");

    assert_true(store_load(s, core, NULL));
    assert_int_equal(core_outbox_count(core), 0); /* its owner lives */
    assert_int_equal(owned_rows(r, owner), 0);
    core_free(core);
    end_child(child);

    struct store *reader_only = rig_open(r, false, true);
    core = core_of();
    assert_true(store_load(reader_only, core, NULL));
    assert_int_equal(core_outbox_count(core), 0); /* may not send: leaves it to others */
    core_free(core);
    store_close(reader_only);

    core = core_of();
    assert_true(store_load(s, core, NULL));
    assert_int_equal(core_outbox_count(core), 1);
    assert_int_equal(owned_rows(r, owner), 1);
    core_free(core);

    struct store *second = rig_open(r, true, false);
    core = core_of();
    assert_true(store_load(second, core, NULL));
    assert_int_equal(core_outbox_count(core), 0); /* the first one has it */
    core_free(core);
    store_close(second);
    store_close(s);
}

static uint32_t commands_loaded(struct store *s, struct core *core)
{
    assert_true(store_load(s, core, NULL));
    const uint32_t n = core_command_count(core);
    core_free(core);
    return n;
}

/* More than a start otherwise reads of what is over, as far back as the window reaches. */
static void a_start_knows_what_a_lockout_counts(void **state)
{
    struct rig *r = *state;
    struct store *s = rig_open(r, true, true);
    struct config wide;

    for (unsigned i = 0; i < 3000; i++) {
        const struct command c = rig_command(i, COMMAND_COMPLETED);
        assert_true(store_put_command(s, &c));
    }
    rig_settle(s);
    assert_int_equal(commands_loaded(s, core_of()), 3000);

    rig_sql(r, "UPDATE command SET stored_at=stored_at-7200000 WHERE rowid<=2000");
    assert_true(commands_loaded(s, core_of()) < 3000);
    config_init(&wide);
    wide.commands.lockout_window = 3 * 3600 * 1000;
    assert_int_equal(commands_loaded(s, core_new(&wide, "testhost")), 3000);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(only_one_records),
        RIG_TEST(a_killed_recorder_is_followed_within_five_seconds),
        RIG_TEST(who_does_not_want_the_role_never_takes_it),
        RIG_TEST(read_only_yields_to_one_that_may_send),
        RIG_TEST(two_that_may_send_do_not_fight),
        RIG_TEST(outbox_of_a_killed_process_is_taken_up_once),
        RIG_TEST(a_start_knows_what_a_lockout_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
