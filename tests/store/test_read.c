/* test_read.c - every question is answered by an index, in the order and within the bounds asked
 * for. */
#include "base/buf.h"
#include "rig.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/image.h"

#define HOUR INT64_C(3600000)
static int64_t T0; /* two days ago, on the hour: well within the retention */

static int setup(void **state)
{
    T0 = (clock_wall_ms() / HOUR - 48) * HOUR;
    return rig_setup(state);
}

static struct reader *reader_of(const struct rig *r)
{
    struct err e = {0};
    struct reader *reader = reader_open(r->db, &e);

    if (!reader)
        fail_msg("%s", e.text);
    return reader;
}

/* ---- history ---- */

struct timeline {
    struct history_event events[64];
    char packed[64][128];
    int n, stop_at;
};

static bool keep_event(void *user, const struct history_event *ev, const char *packed)
{
    struct timeline *t = user;

    snprintf(t->packed[t->n], sizeof t->packed[0], "%s", packed);
    t->events[t->n++] = *ev;
    return t->n < 64 && t->n != t->stop_at;
}

/* 30 events, one an hour, of three clients in turn; every tenth a reconnect. */
static void put_timeline(const struct rig *r)
{
    struct store *s = rig_open(r, true, true);

    for (unsigned i = 0; i < 30; i++) {
        struct history_event ev =
            rig_event(i % 3, T0 + i * HOUR, i % 10 == 0 ? EVENT_RECONNECT : EVENT_STATE_CHANGED);
        store_put_history(s, &ev, "x", 1);
        ev.kind = EVENT_IMAGE; /* never listed */
        store_put_history(s, &ev, "x", 1);
    }
    store_close(s);
}

static int history(const struct rig *r, struct history_query q, struct timeline *t)
{
    struct reader *reader = reader_of(r);
    struct err e = {0};

    t->n = 0;
    if (!reader_history(reader, &q, keep_event, t, &e))
        fail_msg("%s", e.text);
    reader_close(reader);
    return t->n;
}

static void history_is_newest_first_and_bounded(void **state)
{
    struct rig *r = *state;
    struct timeline t = {.n = 0};
    struct history_query q = {.since_at = TIME_NONE, .until_at = TIME_NONE, .kind = -1};
    const struct client one = rig_client(1), nobody = rig_client(99);

    put_timeline(r);
    assert_int_equal(history(r, q, &t), 30);
    for (int i = 0; i < 30; i++) {
        assert_int_equal(t.events[i].at, T0 + (29 - i) * HOUR);
        assert_true(i == 0 || t.events[i].seq < t.events[i - 1].seq);
    }
    char words[64] = "";
    words_render_packed(t.packed[0], NULL, words, sizeof words);
    assert_string_equal(words, "lobby is silent");
    q.limit = 4;
    assert_int_equal(history(r, q, &t), 4);
    q.limit = 0;
    q.client = &one.id;
    assert_int_equal(history(r, q, &t), 10);
    assert_memory_equal(&t.events[3].client, &one.id, sizeof one.id);
    q.since_at = T0 + 10 * HOUR; /* clients 1: 10 13 16 19 22 25 28 */
    q.until_at = T0 + 19 * HOUR;
    assert_int_equal(history(r, q, &t), 4);
    assert_int_equal(t.events[0].at, T0 + 19 * HOUR);
    q.client = NULL;
    assert_int_equal(history(r, q, &t), 10);
    q.kind = EVENT_RECONNECT;
    assert_int_equal(history(r, q, &t), 1);
    assert_int_equal(t.events[0].at, T0 + 10 * HOUR);
    q.since_at = q.until_at = TIME_NONE;
    assert_int_equal(history(r, q, &t), 3);
    q.client = &one.id;
    assert_int_equal(history(r, q, &t), 1);
    q.client = &nobody.id;
    assert_int_equal(history(r, q, &t), 0);
    t.stop_at = 2;
    q = (struct history_query){.since_at = TIME_NONE, .until_at = TIME_NONE, .kind = -1};
    assert_int_equal(history(r, q, &t), 2);
}

/* The clock went back an hour between two events: order stays that of seq, and bounds find both. */
static void a_clock_that_steps_back_hides_nothing(void **state)
{
    struct rig *r = *state;
    struct store *s = rig_open(r, true, true);
    const int64_t at[] = {T0 + 5 * HOUR, T0 + 6 * HOUR, T0 + 4 * HOUR, T0 + 5 * HOUR};
    struct timeline t = {.n = 0};

    for (int i = 0; i < 4; i++) {
        struct history_event ev = rig_event(1, at[i], EVENT_STATE_CHANGED);
        store_put_history(s, &ev, NULL, 0);
    }
    store_close(s);
    struct history_query q = {.since_at = TIME_NONE, .until_at = TIME_NONE, .kind = -1};
    assert_int_equal(history(r, q, &t), 4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(t.events[i].at, at[3 - i]);
    q.until_at = T0 + 5 * HOUR;
    assert_int_equal(history(r, q, &t), 3);
    q.since_at = T0 + 5 * HOUR;
    assert_int_equal(history(r, q, &t), 2);
    q.until_at = TIME_NONE;
    assert_int_equal(history(r, q, &t), 3);
}

/* ---- logs ---- */

struct lines {
    struct log_line lines[64];
    int n;
};

static bool keep_line(void *user, const struct log_line *l)
{
    struct lines *k = user;

    k->lines[k->n++] = *l;
    return k->n < 64;
}

static void put_line(struct store *s, unsigned client, int64_t at, const char *level)
{
    struct log_line l = {.at = at, .client = rig_client(client).id};

    TEXT_SET(&l.level, level, strlen(level));
    TEXT_SET(&l.message, "hello", 5);
    assert_true(store_put_log(s, &l));
}

static void logs_are_oldest_first_and_can_be_followed(void **state)
{
    struct rig *r = *state;
    struct store *s = rig_open(r, true, true);
    struct lines k = {.n = 0};
    int64_t last = 0, again = 0;
    const struct client one = rig_client(1);

    for (unsigned i = 0; i < 20; i++)
        put_line(s, i % 2, T0 + i * 1000, i % 5 ? "info" : "error");
    rig_settle(s);
    struct reader *reader = reader_of(r);
    struct log_query q = {.since_at = TIME_NONE, .limit = 3};
    assert_true(reader_logs(reader, &q, keep_line, &k, &last, NULL));
    assert_int_equal(k.n, 3); /* the newest three, in the order they came */
    assert_int_equal(k.lines[0].at, T0 + 17000);
    assert_int_equal(k.lines[2].at, T0 + 19000);
    k.n = 0;
    q = (struct log_query){.client = &one.id, .level = "error", .since_at = T0 + 5000};
    assert_true(reader_logs(reader, &q, keep_line, &k, &last, NULL));
    assert_int_equal(k.n, 2); /* 5 and 15 */
    assert_int_equal(k.lines[0].at, T0 + 5000);
    q = (struct log_query){.since_at = TIME_NONE, .after_id = last};
    k.n = 0;
    assert_true(reader_logs(reader, &q, keep_line, &k, &again, NULL));
    assert_int_equal(k.n, 0);
    assert_int_equal(again, last);
    put_line(s, 0, T0 - 5000, "info"); /* late, but new */
    put_line(s, 1, T0 + 30000, "info");
    rig_settle(s);
    assert_true(reader_logs(reader, &q, keep_line, &k, &again, NULL));
    assert_int_equal(k.n, 2);
    assert_int_equal(k.lines[0].at, T0 - 5000);
    assert_int_equal(again, last + 2);
    reader_close(reader);
    store_close(s);
}

/* ---- commands ---- */

struct ids {
    struct command list[32];
    int n;
};

static bool keep_command(void *user, const struct command *c)
{
    struct ids *k = user;

    k->list[k->n++] = *c;
    return true;
}

static void commands_are_found_by_state_client_and_id(void **state)
{
    struct rig *r = *state;
    struct store *s = rig_open(r, true, true);
    struct ids k = {.n = 0};
    struct uid two[2];

    for (unsigned i = 0; i < COMMAND_STATUSES; i++) {
        struct command c = rig_command(i, (enum command_status)i);
        store_put_command(s, &c);
    }
    rig_settle(s);
    struct reader *reader = reader_of(r);
    assert_true(
        reader_commands(reader, &(struct command_query){.active = true}, keep_command, &k, NULL));
    assert_int_equal(k.n, 4);
    assert_int_equal(k.list[0].status, COMMAND_EXECUTION_STARTED); /* newest first */
    k.n = 0;
    const struct client three = rig_client(3);
    assert_true(reader_commands(reader, &(struct command_query){.client = &three.id}, keep_command,
                                &k, NULL));
    assert_int_equal(k.n, 1);
    assert_int_equal(k.list[0].status, COMMAND_ACCEPTED);
    two[0] = rig_command(7, COMMAND_QUEUED).id;
    two[1] = rig_command(99, COMMAND_QUEUED).id;
    k.n = 0;
    assert_true(reader_commands(reader, &(struct command_query){.ids = two, .id_count = 2},
                                keep_command, &k, NULL));
    assert_int_equal(k.n, 1);
    assert_int_equal(k.list[0].status, COMMAND_FAILED);
    reader_close(reader);
    store_close(s);
}

static void commands_come_in_the_order_they_were_stored(void **state)
{
    struct rig *r = *state;
    struct store *s = rig_open(r, true, true);
    struct command known = rig_command(0, COMMAND_COMPLETED);
    struct command slow = rig_command(1, COMMAND_COMPLETED);
    struct command acked = rig_command(2, COMMAND_ACCEPTED);
    struct ids k = {.n = 0};

    slow.issued_at = 1;
    acked.issued_at = TIME_NONE; /* known by its acks alone */
    store_put_command(s, &known);
    store_put_command(s, &slow);
    store_put_command(s, &acked);
    known.status = COMMAND_FAILED;
    store_put_command(s, &known); /* again: it stays where it was */
    rig_settle(s);
    struct reader *reader = reader_of(r);
    assert_true(reader_commands(reader, &(struct command_query){0}, keep_command, &k, NULL));
    assert_int_equal(k.n, 3);
    assert_memory_equal(&k.list[0].id, &acked.id, sizeof acked.id);
    assert_memory_equal(&k.list[1].id, &slow.id, sizeof slow.id);
    assert_memory_equal(&k.list[2].id, &known.id, sizeof known.id);
    assert_int_equal(k.list[0].issued_at, TIME_NONE);
    reader_close(reader);
    store_close(s);
}

/* ---- by index ---- */

#define STATEMENTS_KEPT 128
static char ran[STATEMENTS_KEPT][1024];
static int ran_count;

/* Only noted here; asked for their plans afterwards, outside of SQLite. */
static int note_statement(unsigned what, void *context, void *statement, void *text)
{
    (void)context, (void)text;
    const char *sql = sqlite3_sql(statement);

    if (what != SQLITE_TRACE_STMT || strncmp(sql, "SELECT", 6) != 0)
        return 0;
    for (int i = 0; i < ran_count; i++)
        if (strcmp(ran[i], sql) == 0)
            return 0;
    if (ran_count < STATEMENTS_KEPT)
        snprintf(ran[ran_count++], sizeof ran[0], "%s", sql);
    return 0;
}

/* The tables that grow must never be read whole, nor the history be sorted. */
static bool reads_too_much(const char *sql, const char *detail)
{
    static const char *const large[] = {"event",          "log",        "command", "image",
                                        "snapshot_image", "command_ack"};

    for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
        char scan[64];
        const size_t n = (size_t)snprintf(scan, sizeof scan, "SCAN %s", large[i]);
        if (strncmp(detail, scan, n) == 0 &&
            (detail[n] == '\0' || (detail[n] == ' ' && !strstr(detail, "INDEX"))))
            return true;
    }
    return strstr(detail, "TEMP B-TREE") && strstr(sql, "FROM event");
}

static int count_scans(sqlite3 *db, const char *sql)
{
    struct buf explain = BUF_INIT;
    sqlite3_stmt *q = NULL;
    int found = 0;

    assert_true(buf_printf(&explain, "EXPLAIN QUERY PLAN %s", sql));
    assert_int_equal(sqlite3_prepare_v2(db, buf_str(&explain), -1, &q, NULL), SQLITE_OK);
    while (sqlite3_step(q) == SQLITE_ROW) {
        const char *detail = (const char *)sqlite3_column_text(q, 3);
        if (!reads_too_much(sql, detail))
            continue;
        found++;
        print_message("%s\n  in %s\n", detail, sql);
    }
    sqlite3_finalize(q);
    buf_fini(&explain);
    return found;
}

struct reader_head {
    sqlite3 *db; /* the first member of struct reader */
};

static void no_query_scans_what_grows(void **state)
{
    struct rig *r = *state;
    const struct client one = rig_client(1);
    struct timeline t = {.n = 0};
    struct lines l = {.n = 0};
    struct ids c = {.n = 0};
    struct incident_report incidents;
    int64_t last;

    put_timeline(r);
    struct reader *reader = reader_of(r);
    sqlite3 *db = ((struct reader_head *)(void *)reader)->db;
    sqlite3_trace_v2(db, SQLITE_TRACE_STMT, note_statement, NULL);
    for (unsigned bits = 0; bits < 16; bits++) {
        const struct history_query q = {.client = bits & 1 ? &one.id : NULL,
                                        .since_at = bits & 2 ? T0 : TIME_NONE,
                                        .until_at = bits & 4 ? T0 + HOUR : TIME_NONE,
                                        .kind = bits & 8 ? EVENT_RECONNECT : -1};
        t.n = 0;
        assert_true(reader_history(reader, &q, keep_event, &t, NULL));
        const struct log_query lq = {.client = bits & 1 ? &one.id : NULL,
                                     .level = bits & 2 ? "info" : NULL,
                                     .since_at = bits & 4 ? T0 : TIME_NONE,
                                     .after_id = bits & 8 ? 1 : 0};
        assert_true(reader_logs(reader, &lq, keep_line, &l, &last, NULL));
        const struct command_query cq = {.client = bits & 1 ? &one.id : NULL,
                                         .active = bits & 2,
                                         .ids = bits & 4 ? &one.id : NULL,
                                         .id_count = bits & 4 ? 1 : 0};
        assert_true(reader_commands(reader, &cq, keep_command, &c, NULL));
    }
    const struct incident_query iq = {
        .since_at = T0 + HOUR, .until_at = TIME_NONE, .after_ms = HOUR / 4};
    assert_true(reader_incidents(reader, &iq, &incidents, NULL));
    incident_report_fini(&incidents);
    assert_true(reader_logs_back(reader, T0 + HOUR, keep_line, &l, NULL));
    sqlite3_trace_v2(db, 0, NULL, NULL);
    assert_in_range(ran_count, 30,
                    STATEMENTS_KEPT - 1); /* the noting works, and nothing was missed */
    int scans = 0;
    for (int i = 0; i < ran_count; i++)
        scans += count_scans(db, ran[i]);
    reader_close(reader);
    assert_int_equal(scans, 0);
}

/* ---- the fleet as it was ---- */

static void put_state(struct store *s, unsigned n, enum client_state st, int64_t at)
{
    struct client c = rig_client(n);
    struct history_event ev = rig_event(n, at, EVENT_STATE_CHANGED);
    struct buf image = BUF_INIT;

    c.state = st;
    c.crashed = st == CLIENT_CRASHED;
    c.silent = st == CLIENT_SILENT;
    assert_true(image_of_client(&c, &image));
    assert_true(store_put_client(s, &c));
    assert_true(store_put_history(s, &ev, image.data, image.len));
    buf_fini(&image);
}

static int state_at(struct reader *reader, int64_t at, unsigned n)
{
    struct config config;
    struct err e = {0};
    const struct client key = rig_client(n);

    config_init(&config);
    struct core *core = core_new(&config, "host");
    assert_non_null(core);
    if (!reader_fleet_at(reader, at, core, &e))
        fail_msg("%s", e.text);
    const struct client *c = core_find_client(core, &key.id);
    const int found = c ? (int)c->state : -1;
    core_free(core);
    return found;
}

static void the_fleet_is_rebuilt_as_it_was(void **state)
{
    struct rig *r = *state;
    struct store *s = rig_open(r, true, true);
    const int64_t now = clock_wall_ms();

    put_state(s, 1, CLIENT_ONLINE, now - 5000);
    put_state(s, 2, CLIENT_ONLINE, now - 5000);
    put_state(s, 1, CLIENT_CRASHED, now - 4000);
    put_state(s, 1, CLIENT_ONLINE, now - 3000);
    rig_settle(s);
    struct reader *reader = reader_of(r);
    assert_int_equal(state_at(reader, now - 6000, 1), -1); /* not known yet */
    assert_int_equal(state_at(reader, now - 4500, 1), CLIENT_ONLINE);
    assert_int_equal(state_at(reader, now - 3500, 1), CLIENT_CRASHED);
    assert_int_equal(state_at(reader, now - 3500, 2), CLIENT_ONLINE);
    assert_int_equal(state_at(reader, now, 1), CLIENT_ONLINE);

    /* A snapshot of what is now, and a change after it; without what came before. */
    assert_true(store_put_snapshot_begin(s));
    for (unsigned n = 1; n <= 2; n++) {
        struct buf image = BUF_INIT;
        struct client c = rig_client(n);
        image_of_client(&c, &image);
        assert_true(store_put_snapshot_image(s, image.data, image.len));
        buf_fini(&image);
    }
    assert_true(store_put_snapshot_end(s));
    rig_settle(s);
    const int64_t later = clock_wall_ms() + 60000;
    put_state(s, 2, CLIENT_SILENT, later);
    rig_settle(s);
    rig_sql(r, "DELETE FROM image WHERE seq<=(SELECT seq FROM snapshot)");
    assert_int_equal(state_at(reader, later - 1, 1), CLIENT_ONLINE);
    assert_int_equal(state_at(reader, later - 1, 2), CLIENT_ONLINE);
    assert_int_equal(state_at(reader, later, 2), CLIENT_SILENT);
    reader_close(reader);
    store_close(s);
}

/* ---- what may be read ---- */

static void closed_database_is_read_where_nothing_may_be_written(void **state)
{
    struct rig *r = *state;
    char path[600];
    int status;

    put_timeline(r);
    if (geteuid() != 0)
        skip(); /* only root can become somebody else */
    chmod(r->dir, 0755);
    snprintf(path, sizeof path, "%s/state", r->dir);
    chmod(path, 0755);
    chmod(r->db, 0644);
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct timeline t = {.n = 0};
        const struct history_query q = {.since_at = TIME_NONE, .until_at = TIME_NONE, .kind = -1};
        if (setgid(65534) || setuid(65534))
            _exit(3);
        struct reader *reader = reader_open(r->db, NULL);
        const bool ok = reader && reader_history(reader, &q, keep_event, &t, NULL) && t.n == 30;
        reader_close(reader);
        _exit(ok ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void reading_goes_on_while_a_writer_writes(void **state)
{
    struct rig *r = *state;
    struct store *s = rig_open(r, true, true);
    struct history_query q = {.since_at = TIME_NONE, .until_at = TIME_NONE, .kind = -1, .limit = 5};

    rig_settle(s);
    struct reader *reader = reader_of(r);
    for (unsigned i = 0; i < 200; i++) {
        struct history_event ev = rig_event(1, T0 + i, EVENT_STATE_CHANGED);
        struct timeline t = {.n = 0};
        assert_true(store_put_history(s, &ev, NULL, 0));
        rig_settle(s);
        assert_true(reader_history(reader, &q, keep_event, &t, NULL));
        assert_int_equal(t.events[0].at, T0 + i);
    }
    reader_close(reader);
    store_close(s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(history_is_newest_first_and_bounded),
        TEST(a_clock_that_steps_back_hides_nothing),
        TEST(logs_are_oldest_first_and_can_be_followed),
        TEST(commands_are_found_by_state_client_and_id),
        TEST(commands_come_in_the_order_they_were_stored),
        TEST(no_query_scans_what_grows),
        TEST(the_fleet_is_rebuilt_as_it_was),
        TEST(closed_database_is_read_where_nothing_may_be_written),
        TEST(reading_goes_on_while_a_writer_writes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
