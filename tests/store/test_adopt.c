/* test_adopt.c - what the recorder looks for every second is found by an index, however much lies
 * there. */
#include "rig.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/ring.h"
#include "store/inside.h"

#define STATEMENTS_KEPT 32

struct statements {
    char sql[STATEMENTS_KEPT][2048];
    int n;
};

static int note(unsigned type, void *user, void *statement, void *text)
{
    struct statements *s = user;
    const char *sql = text;

    (void)type, (void)statement;
    if (strncmp(sql, "SELECT", 6) == 0 && s->n < STATEMENTS_KEPT)
        snprintf(s->sql[s->n++], sizeof s->sql[0], "%s", sql);
    return 0;
}

/* A recorder's store without its thread. */
static void store_begin(struct store *s, const struct rig *r)
{
    struct err e = {0};

    *s = (struct store){.options = {.path = r->db, .may_send = true, .want_role = true}};
    s->reports = ring_new(1 << 20);
    assert_true(role_open(&s->role, r->db, true, true, &e));
    assert_true(role_tick(&s->role));
    assert_int_equal(writer_open(&s->writer, r->db, &e), DB_DONE);
    s->wall_offset = clock_wall_ms() - clock_mono_ms();
}

static int told(struct store *s, struct command *last)
{
    const struct store_report *r;
    size_t bytes;
    int n = 0;

    while ((r = ring_peek(s->reports, &bytes))) {
        if (r->kind == STORE_ADOPTED) {
            *last = r->adopted->command;
            n++;
        }
        free(r->adopted);
        free(r->rollout);
        ring_pop(s->reports);
    }
    return n;
}

static void store_end(struct store *s)
{
    writer_close(&s->writer);
    role_close(&s->role);
    ring_free(s->reports);
    buf_fini(&s->late_reports);
}

static void put_overdue(struct rig *r, int64_t now)
{
    struct store *s = rig_open(r, true, true);

    for (unsigned n = 0; n < 3; n++) {
        struct command c = rig_command(n, n == 2 ? COMMAND_COMPLETED : COMMAND_PUBLISHED);
        c.expires_at = n == 0 ? now - 60000 : now + 60000;
        if (n == 2)
            c.expires_at = now - 60000;
        store_put_command(s, &c);
    }
    rig_settle(s);
    store_close(s);
}

static void test_what_nobody_ends_is_found(void **state)
{
    const int64_t now = clock_wall_ms();
    struct command found = {.ack_count = 0};
    struct store s;

    put_overdue(*state, now);
    store_begin(&s, *state);
    store_look_around(&s, clock_mono_ms());
    assert_int_equal(told(&s, &found), 1);
    const struct command overdue = rig_command(0, COMMAND_PUBLISHED);
    assert_true(uid_equal(&found.id, &overdue.id));
    store_end(&s);
}

/* Wall time is counted on from the start by the boot clock: the wall clock itself is not asked. */
static void test_its_time_runs_on_the_boot_clock(void **state)
{
    struct command found = {.ack_count = 0};
    struct store s;

    put_overdue(*state, clock_wall_ms());
    store_begin(&s, *state);
    store_look_around(&s, clock_mono_ms());
    assert_int_equal(told(&s, &found), 1);
    store_look_around(&s, clock_mono_ms() + 130000);
    assert_int_equal(told(&s, &found), 2);
    store_end(&s);
}

static void test_by_an_index(void **state)
{
    struct statements found = {.n = 0};
    struct store s;

    put_overdue(*state, clock_wall_ms());
    store_begin(&s, *state);
    sqlite3_trace_v2(s.writer.db, SQLITE_TRACE_STMT, note, &found);
    store_look_around(&s, clock_mono_ms());
    sqlite3_trace_v2(s.writer.db, 0, NULL, NULL);
    assert_true(found.n >= 4);
    bool by_due = false;
    for (int i = 0; i < found.n; i++) {
        struct buf sql = BUF_INIT;
        sqlite3_stmt *q = NULL;
        assert_true(buf_printf(&sql, "EXPLAIN QUERY PLAN %s", found.sql[i]));
        assert_int_equal(sqlite3_prepare_v2(s.writer.db, buf_str(&sql), -1, &q, NULL), SQLITE_OK);
        while (sqlite3_step(q) == SQLITE_ROW) {
            const char *detail = (const char *)sqlite3_column_text(q, 3);
            by_due |= strstr(detail, "command_due") != NULL;
            const bool scans = strncmp(detail, "SCAN", 4) == 0 && !strstr(detail, "USING");
            if (scans && !strstr(detail, "outbox"))
                fail_msg("%s\n in %s", detail, found.sql[i]);
        }
        sqlite3_finalize(q);
        buf_fini(&sql);
    }
    assert_true(by_due);
    struct command last;
    told(&s, &last);
    store_end(&s);
}

static const struct effect word = {.u.publish = {.token = 7,
                                                 .topic = "infoscreen/console/ack/x",
                                                 .payload = "{}",
                                                 .len = 2,
                                                 .retain = true,
                                                 .local = true,
                                                 .expires_at = TIME_NONE,
                                                 .alarm_id = "x"}};

/* It waits for who records, though the one that left it lives on and others look in. */
static void test_word_for_the_recorder(void **state)
{
    struct rig *r = *state;
    struct store *other = rig_open(r, true, false);
    struct command ignored;
    struct err e = {0};
    struct store s;

    store_put_outbox(other, &word);
    assert_true(rig_report(other, STORE_OUTBOX_STORED, 7, RIG_WAIT_MS, NULL));
    struct store *third = rig_open(r, true, false);
    struct config config;
    config_init(&config);
    struct core *core = core_new(&config, "host");
    assert_true(store_load(third, core, &e));
    assert_int_equal(core_outbox_count(core), 0);
    core_free(core);
    store_close(third);
    store_begin(&s, r);
    store_look_around(&s, clock_mono_ms());
    assert_int_equal(told(&s, &ignored), 1);
    store_look_around(&s, clock_mono_ms());
    assert_int_equal(told(&s, &ignored), 0);
    store_end(&s);
    store_close(other);
}

/* Also from before it began: what is only loaded nobody is told. */
static void test_word_from_before_the_recorder(void **state)
{
    struct rig *r = *state;
    struct store *other = rig_open(r, true, false);
    struct command ignored;
    struct config config;
    struct err e = {0};
    struct store s;

    store_put_outbox(other, &word);
    assert_true(rig_report(other, STORE_OUTBOX_STORED, 7, RIG_WAIT_MS, NULL));
    store_close(other);
    config_init(&config);
    struct core *core = core_new(&config, "host");
    store_begin(&s, r);
    s.path = r->db;
    assert_true(store_load(&s, core, &e));
    assert_int_equal(core_outbox_count(core), 0);
    store_look_around(&s, clock_mono_ms());
    assert_int_equal(told(&s, &ignored), 1);
    core_free(core);
    store_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(test_what_nobody_ends_is_found),
        RIG_TEST(test_its_time_runs_on_the_boot_clock),
        RIG_TEST(test_by_an_index),
        RIG_TEST(test_word_for_the_recorder),
        RIG_TEST(test_word_from_before_the_recorder),
    };
    return cmocka_run_group_tests_name("store: what others leave", tests, NULL, NULL);
}
