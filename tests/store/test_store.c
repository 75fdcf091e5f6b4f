/* test_store.c - what is put comes out again, once, whatever the order and however often. */
#include "rig.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ring.h"
#include "store/db.h"

struct kept {
    struct client clients[8];
    struct alarm alarms[8];
    struct command commands[8];
    int n;
};

static bool keep_client(void *user, const struct client *c)
{
    struct kept *k = user;
    k->clients[k->n++] = *c;
    return k->n < 8;
}

static bool keep_alarm(void *user, const struct alarm *a)
{
    struct kept *k = user;
    k->alarms[k->n++] = *a;
    return k->n < 8;
}

static bool keep_command(void *user, const struct command *c)
{
    struct kept *k = user;
    k->commands[k->n++] = *c;
    return k->n < 8;
}

static struct reader *reader_of(const struct rig *r)
{
    struct err e = {0};
    struct reader *reader = reader_open(r->db, &e);

    if (!reader)
        fail_msg("%s", e.text);
    return reader;
}

static void client_comes_back_as_it_was(void **state)
{
    struct rig *r = *state;
    struct store *s = rig_open(r, true, true);
    struct client c = rig_client(7);
    struct kept k = {.n = 0};
    struct err e = {0};

    c.failed = true;
    c.state = CLIENT_SERVICE_FAILED;
    TEXT_SET(&c.failed_unit, "kiosk.service", 13);
    assert_true(store_put_client(s, &c));
    assert_true(store_put_client(s, &c));
    rig_settle(s);
    struct reader *reader = reader_of(r);
    assert_true(reader_clients(reader, keep_client, &k, &e));
    assert_int_equal(k.n, 1);
    c.alarms = c.commands_in_flight = 0;
    /* Padding apart, every member. */
    assert_memory_equal(&k.clients[0].id, &c.id, sizeof c.id);
    assert_string_equal(k.clients[0].spelling, c.spelling);
    assert_int_equal(k.clients[0].state, CLIENT_SERVICE_FAILED);
    assert_string_equal(k.clients[0].hostname.clean, "lobby-7");
    assert_string_equal(k.clients[0].group.clean, "vienna");
    assert_int_equal(k.clients[0].pid, 1007);
    assert_true(k.clients[0].current_event_id == NUMBER_NONE);
    assert_int_equal(k.clients[0].expected_event_id, 42);
    assert_int_equal(k.clients[0].last_heartbeat_at, 2000);
    assert_true(k.clients[0].last_health_at == TIME_NONE);
    assert_int_equal(k.clients[0].broker_reachable, TRI_YES);
    assert_true(k.clients[0].failed);
    assert_string_equal(k.clients[0].failed_unit.clean, "kiosk.service");
    reader_close(reader);
    store_close(s);
}

static void life_moves_the_last_seen_times_alone(void **state)
{
    struct rig *r = *state;
    struct store *s = rig_open(r, true, true);
    struct client c = rig_client(1), later = c;
    struct kept k = {.n = 0};

    store_put_client(s, &c);
    later.last_heartbeat_at = 9000;
    later.last_health_at = 9500;
    TEXT_SET(&later.hostname, "other", 5);
    store_put_life(s, &later);
    rig_settle(s);
    struct reader *reader = reader_of(r);
    assert_true(reader_clients(reader, keep_client, &k, NULL));
    assert_int_equal(k.clients[0].last_heartbeat_at, 9000);
    assert_int_equal(k.clients[0].last_health_at, 9500);
    assert_string_equal(k.clients[0].hostname.clean, "lobby-1");
    reader_close(reader);
    store_close(s);
}

static void life_finds_its_client_by_index(void **state)
{
    struct rig *r = *state;
    struct store *s = rig_open(r, true, true);
    /* In no order, again, and one that gives another's. */
    const unsigned clients[] = {700, 0, 700, 255, 256, 0, 9},
                   indexes[] = {700, 0, 700, 255, 256, 0, 0};

    for (size_t i = 0; i < sizeof clients / sizeof *clients; i++) {
        struct client c = rig_client(clients[i]);
        char uuid[UID_TEXT], sql[160];
        c.index = indexes[i];
        c.last_heartbeat_at = 5000 + (int64_t)i;
        store_put_life(s, &c);
        rig_settle(s);
        uid_format(&c.id, uuid);
        snprintf(sql, sizeof sql,
                 "SELECT last_heartbeat_at FROM life JOIN client ON client=id WHERE uuid='%s'",
                 uuid);
        assert_int_equal(rig_number(r, sql), c.last_heartbeat_at);
    }
    assert_int_equal(rig_number(r, "SELECT count(*) FROM life"), 5);
    store_close(s);
}

static void alarm_is_one_row_and_standing_until_normal(void **state)
{
    struct rig *r = *state;
    struct store *s = rig_open(r, true, true);
    struct alarm a = rig_alarm(1, ALARM_UNACKNOWLEDGED), other = rig_alarm(2, ALARM_SUPPRESSED);
    struct kept k = {.n = 0};

    store_put_alarm(s, &a, "{}", 2);
    a.state = ALARM_ACKNOWLEDGED;
    TEXT_SET(&a.acknowledged_by, "anna", 4);
    a.acknowledged_at = 7000;
    store_put_alarm(s, &a, "{}", 2);
    store_put_alarm(s, &other, NULL, 0);
    rig_settle(s);
    struct reader *reader = reader_of(r);
    assert_true(reader_alarms(reader, false, keep_alarm, &k, NULL));
    assert_int_equal(k.n, 1);
    assert_int_equal(k.alarms[0].state, ALARM_ACKNOWLEDGED);
    assert_string_equal(k.alarms[0].acknowledged_by.clean, "anna");
    assert_string_equal(k.alarms[0].id, a.id);
    assert_memory_equal(&k.alarms[0].client, &a.client, sizeof a.client);
    struct text96 words = {{0}};
    WORDS_RENDER(&k.alarms[0].summary, NULL, &words);
    assert_string_equal(words.clean, "display gave up");
    k.n = 0;
    assert_true(reader_alarms(reader, true, keep_alarm, &k, NULL));
    assert_int_equal(k.n, 2);
    k.n = 0;
    assert_true(reader_clients(reader, keep_client, &k, NULL));
    assert_int_equal(k.n, 2); /* bare rows that the alarms made */
    assert_int_equal(k.clients[0].alarms, 1);
    assert_int_equal(k.clients[1].alarms, 0); /* suppressed */
    reader_close(reader);
    store_close(s);
}

/* Any order of a command's statuses ends in the highest rank. */
static void command_status_never_goes_backwards(void **state)
{
    static const enum command_status orders[][4] = {
        {COMMAND_QUEUED, COMMAND_PUBLISHED, COMMAND_ACCEPTED, COMMAND_COMPLETED},
        {COMMAND_COMPLETED, COMMAND_ACCEPTED, COMMAND_PUBLISHED, COMMAND_QUEUED},
        {COMMAND_EXPIRED, COMMAND_COMPLETED, COMMAND_EXPIRED, COMMAND_ACCEPTED},
        {COMMAND_ACCEPTED, COMMAND_COMPLETED, COMMAND_CANCELLED, COMMAND_EXPIRED},
    };
    struct rig *r = *state;
    struct store *s = rig_open(r, true, true);
    struct kept k = {.n = 0};

    for (unsigned o = 0; o < 4; o++)
        for (unsigned i = 0; i < 4; i++) {
            struct command c = rig_command(o, orders[o][i]);
            if (c.status == COMMAND_COMPLETED) {
                c.finished_at = 777;
                c.late = true;
            }
            if (c.status == COMMAND_PUBLISHED)
                c.published_at = 333;
            store_put_command(s, &c);
        }
    rig_settle(s);
    struct reader *reader = reader_of(r);
    assert_true(reader_commands(reader, &(struct command_query){0}, keep_command, &k, NULL));
    assert_int_equal(k.n, 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(k.commands[i].status, COMMAND_COMPLETED);
        assert_int_equal(k.commands[i].finished_at, 777);
        assert_true(k.commands[i].late);
    }
    assert_int_equal(k.commands[3].published_at, 333);
    reader_close(reader);
    store_close(s);
}

static void acks_are_kept_once_per_status_and_topic(void **state)
{
    struct rig *r = *state;
    struct store *s = rig_open(r, true, true);
    struct command c = rig_command(1, COMMAND_ACCEPTED);
    struct kept k = {.n = 0};

    c.acks[c.ack_count++] = (struct command_ack){COMMAND_ACCEPTED, ACK_CANONICAL, 100};
    store_put_command(s, &c);
    c.acks[0].received_at = 900; /* another process saw it later */
    c.acks[c.ack_count++] = (struct command_ack){COMMAND_ACCEPTED, ACK_ALIAS, 101};
    store_put_command(s, &c);
    rig_settle(s);
    struct reader *reader = reader_of(r);
    assert_true(reader_commands(reader, &(struct command_query){.ids = &c.id, .id_count = 1},
                                keep_command, &k, NULL));
    assert_int_equal(k.n, 1);
    assert_int_equal(k.commands[0].ack_count, 2);
    assert_int_equal(k.commands[0].acks[0].received_at, 100);
    assert_int_equal(k.commands[0].acks[1].topic, ACK_ALIAS);
    reader_close(reader);
    store_close(s);
}

static int durable_calls;
static void count_durable(void *user, uint64_t token)
{
    *(uint64_t *)user = token;
    durable_calls++;
}

static void barrier_comes_back_at_once(void **state)
{
    struct rig *r = *state;
    struct store *s = rig_open(r, true, true);
    uint64_t seen = 0;

    rig_settle(s);
    durable_calls = 0;
    store_on_durable(s, count_durable, &seen);
    const int64_t before = clock_mono_ms();
    for (uint64_t i = 1; i <= 20; i++) {
        store_barrier(s, i);
        assert_true(rig_report(s, STORE_DURABLE, i, RIG_WAIT_MS, NULL));
    }
    /* Twenty one after the other, far from twenty times the 100 ms of a batch. */
    assert_true(clock_mono_ms() - before < 1500);
    store_on_durable(s, NULL, NULL);
    assert_int_equal(durable_calls, 20);
    assert_int_equal(seen, 20);
    store_close(s);
}

static void hostile_text_is_only_data(void **state)
{
    struct rig *r = *state;
    struct store *s = rig_open(r, true, true);
    struct client c = rig_client(1);
    struct kept k = {.n = 0};

    TEXT_SET(&c.hostname, "'; DROP TABLE client; --", 24);
    store_put_client(s, &c);
    rig_settle(s);
    rig_sql(r, "UPDATE client SET process=char(27)||'[2J'||x'ff', pid='x'");
    struct reader *reader = reader_of(r);
    assert_true(reader_clients(reader, keep_client, &k, NULL));
    assert_string_equal(k.clients[0].hostname.clean, "'; DROP TABLE client; --");
    assert_null(strchr(k.clients[0].process.clean, 27));
    reader_close(reader);
    store_close(s);
}

/* ---- outbox and restart ---- */

static struct effect clear_of(uint64_t token)
{
    return (struct effect){.kind = OUT_OUTBOX_PUT,
                           .u.publish = {.token = token,
                                         .topic = "infoscreen/x/service_failed",
                                         .payload = NULL,
                                         .len = 0,
                                         .retain = true,
                                         .expires_at = TIME_NONE,
                                         .alarm_id = "service_failed-0011223344556677",
                                         .sha = "abc"}};
}

static void outbox_row_is_stored_once_and_forgotten_when_done(void **state)
{
    struct rig *r = *state;
    struct store *s = rig_open(r, true, true);
    struct effect put = clear_of(UINT64_C(0xF000000000000001));

    store_put_outbox(s, &put);
    assert_true(rig_report(s, STORE_OUTBOX_STORED, put.u.publish.token, RIG_WAIT_MS, NULL));
    store_put_outbox(s, &put);
    assert_true(rig_report(s, STORE_OUTBOX_STORED, put.u.publish.token, RIG_WAIT_MS, NULL));
    assert_int_equal(rig_number(r, "SELECT count(*) FROM outbox WHERE payload IS NULL AND retain=1"
                                   " AND expires_at IS NULL AND sha='abc'"),
                     1);
    store_done_outbox(s, put.u.publish.token);
    rig_settle(s);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM outbox"), 0);
    store_close(s);
}

static void as_of_and_recorder_are_told(void **state)
{
    struct rig *r = *state;
    struct store *s = rig_open(r, true, true);
    struct reader_meta m;

    assert_true(rig_role(s, true, RIG_WAIT_MS));
    store_put_link_state(s, true, false);
    rig_settle(s);
    struct reader *reader = reader_of(r);
    assert_true(reader_meta(reader, &m, NULL));
    assert_true(m.connected);
    assert_true(m.recorder_alive);
    assert_in_range(clock_wall_ms() - m.as_of, 0, 2000);
    /* With nothing to write as_of stays young. */
    const int64_t first = m.as_of, until = clock_mono_ms() + RIG_WAIT_MS;
    while (m.as_of == first && clock_mono_ms() < until)
        assert_true(reader_meta(reader, &m, NULL));
    assert_true(m.as_of > first);
    store_close(s);
    assert_true(reader_meta(reader, &m, NULL));
    assert_false(m.recorder_alive);
    assert_false(m.connected); /* whatever the row says: nobody records */
    reader_close(reader);
}

/* ---- files ---- */

static mode_t mode_of(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static void files_are_private_or_the_groups(void **state)
{
    struct rig *r = *state;
    char path[600];
    const mode_t mask = umask(0);
    struct store *s = rig_open(r, true, true);

    rig_settle(s);
    snprintf(path, sizeof path, "%s/state", r->dir);
    assert_int_equal(mode_of(path), 0700);
    assert_int_equal(mode_of(r->db), 0600);
    snprintf(path, sizeof path, "%s-wal", r->db);
    assert_int_equal(mode_of(path), 0600);
    snprintf(path, sizeof path, "%s.lock", r->db);
    assert_int_equal(mode_of(path), 0600);
    store_close(s);

    umask(077);
    snprintf(path, sizeof path, "%s/shared", r->dir);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(chmod(path, 02770), 0);
    snprintf(r->db, sizeof r->db, "%s/shared/history.db", r->dir);
    s = rig_open(r, true, true);
    rig_settle(s);
    assert_int_equal(mode_of(r->db), 0660);
    snprintf(path, sizeof path, "%s-wal", r->db);
    assert_int_equal(mode_of(path), 0660);
    snprintf(path, sizeof path, "%s-shm", r->db);
    assert_int_equal(mode_of(path), 0660);
    snprintf(path, sizeof path, "%s.lock", r->db);
    assert_int_equal(mode_of(path), 0660);
    store_close(s);
    umask(mask);
}

/* ---- versions ---- */

static void migrations_run_once_and_in_order(void **state)
{
    static const struct db_step steps[] = {
        {"CREATE TABLE a(x); INSERT INTO a VALUES(1)"},
        {"ALTER TABLE a ADD COLUMN y DEFAULT 5"},
        {"UPDATE a SET x=x+1, y=y+1"},
    };
    static const struct db_step broken[] = {
        {""}, {""}, {""}, {"UPDATE a SET x=99; SELECT * FROM nowhere"}};
    struct rig *r = *state;
    sqlite3 *db = NULL;
    int version;

    snprintf(r->db, sizeof r->db, "%s/m.db", r->dir);
    assert_int_equal(sqlite3_open(r->db, &db), SQLITE_OK);
    assert_int_equal(db_migrate(db, steps, 1), SQLITE_OK);
    assert_int_equal(db_migrate(db, steps, 3), SQLITE_OK);
    assert_int_equal(db_migrate(db, steps, 3), SQLITE_OK);
    assert_int_equal(db_integer(db, "SELECT x*10+y FROM a", 0), 26);
    /* A step that fails leaves nothing of itself. */
    assert_int_not_equal(db_migrate(db, broken, 4), SQLITE_OK);
    assert_int_equal(db_user_version(db, &version), SQLITE_OK);
    assert_int_equal(version, 3);
    assert_int_equal(db_integer(db, "SELECT x FROM a", 0), 2);
    sqlite3_close(db);
}

/* Databases of version 1 knew commands by issued_at alone. */
static void old_commands_learn_when_they_were_stored(void **state)
{
    struct rig *r = *state;
    sqlite3 *db = NULL;

    snprintf(r->db, sizeof r->db, "%s/v1.db", r->dir);
    assert_int_equal(sqlite3_open(r->db, &db), SQLITE_OK);
    assert_int_equal(db_migrate(db, db_steps, 1), SQLITE_OK);
    for (int i = 0; i < 3; i++) {
        static const char *const times[] = {"5,7,0", "5,7,1", "NULL,NULL,1"};
        char sql[256];
        snprintf(sql, sizeof sql,
                 "INSERT INTO command(command_id,action,action_text,status,rank,requested_by,"
                 "reason,error_code,error_message,rollout_id,late,issued_at,published_at,"
                 "foreign_origin) VALUES('%d','','','completed',70,'','','','','',0,%s)",
                 i, times[i]);
        assert_int_equal(db_run(db, sql), SQLITE_OK);
    }
    assert_int_equal(db_migrate(db, db_steps, db_version), SQLITE_OK);
    assert_int_equal(db_integer(db, "SELECT stored_at FROM command WHERE command_id='0'", 0), 5);
    assert_int_equal(db_integer(db, "SELECT stored_at FROM command WHERE command_id='1'", 0), 7);
    const int64_t at = db_integer(db, "SELECT stored_at FROM command WHERE command_id='2'", 0);
    assert_in_range(at, clock_wall_ms() - 60000, clock_wall_ms());
    sqlite3_close(db);
}

/* Up to version 4 last-seen times lay in the client's row. */
static void old_clients_keep_their_last_seen_times(void **state)
{
    struct rig *r = *state;
    struct kept k = {.n = 0};
    sqlite3 *db = NULL;

    snprintf(r->db, sizeof r->db, "%s/v4.db", r->dir);
    assert_int_equal(sqlite3_open(r->db, &db), SQLITE_OK);
    assert_int_equal(db_migrate(db, db_steps, 4), SQLITE_OK);
    assert_int_equal(
        db_run(db, "INSERT INTO client(uuid,spelling,hostname,last_heartbeat_at,last_health_at)"
                   " VALUES('4e6f1a52-8a2b-4c3d-9e4f-5a6b7c8d9e0f','','lobby',5000,NULL),"
                   "('5e6f1a52-8a2b-4c3d-9e4f-5a6b7c8d9e0f','','foyer',NULL,NULL)"),
        SQLITE_OK);
    sqlite3_close(db);
    store_close(rig_open(r, true, true));
    struct reader *reader = reader_of(r);
    assert_true(reader_clients(reader, keep_client, &k, NULL));
    assert_int_equal(k.n, 2);
    assert_int_equal(k.clients[0].last_heartbeat_at, 5000);
    assert_true(k.clients[0].last_health_at == TIME_NONE);
    assert_string_equal(k.clients[1].hostname.clean, "foyer");
    assert_true(k.clients[1].last_heartbeat_at == TIME_NONE);
    reader_close(reader);
}

static void newer_database_is_refused_untouched(void **state)
{
    struct rig *r = *state;
    struct err e = {0};
    const struct store_options o = {.path = r->db, .retention_ms = 1, .may_send = true};

    store_close(rig_open(r, true, true));
    rig_sql(r, "PRAGMA user_version=999");
    assert_null(store_open(&o, &e));
    assert_int_equal(e.code, EXIT_FAILED);
    assert_non_null(strstr(e.text, "newer"));
    assert_null(reader_open(r->db, &e));
    assert_int_equal(e.code, EXIT_FAILED);
    assert_int_equal(rig_number(r, "PRAGMA user_version"), 999);
}

static void no_database_is_not_found(void **state)
{
    struct rig *r = *state;
    struct err e = {0};

    assert_null(reader_open(r->db, &e));
    assert_int_equal(e.code, EXIT_NOT_FOUND);
    assert_int_not_equal(access(r->db, F_OK), 0); /* and none was made */
}

/* ---- the queue ---- */

static void full_queue_refuses_and_asks_for_everything_again(void **state)
{
    struct rig *r = *state;
    struct store *s = rig_open(r, true, true);
    struct client c = rig_client(1);
    sqlite3 *other = NULL;
    int64_t taken = 0;

    rig_settle(s);
    assert_int_equal(sqlite3_open(r->db, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    while (store_has_room(s) && taken < 1000000) {
        assert_true(store_put_client(s, &c));
        taken++;
    }
    assert_in_range(taken, 5000, 999999); /* who asked first is never refused */
    struct history_event ev = rig_event(1, 1000, EVENT_STATE_CHANGED);
    while (store_put_history(s, &ev, NULL, 0) && taken < 1000000) /* until the first that is lost */
        taken++;
    assert_in_range(taken, 5000, 999999); /* thousands of rows wait, but not endlessly many */
    assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    assert_true(rig_report(s, STORE_RESYNC, 0, RIG_WAIT_MS, NULL));
    struct store_report status;
    assert_true(rig_report(s, STORE_STATUS, 0, RIG_WAIT_MS, &status));
    assert_int_equal(status.status.lost, 1);
    assert_true(store_put_client(s, &c));
    rig_settle(s);
    store_close(s);
}

static void closing_writes_what_is_queued(void **state)
{
    struct rig *r = *state;
    struct store *s = rig_open(r, true, true);

    for (unsigned i = 0; i < 5000; i++) {
        struct client c = rig_client(i);
        assert_true(store_put_client(s, &c));
    }
    store_close(s);
    assert_int_equal(rig_number(r, "SELECT count(*) FROM client"), 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(client_comes_back_as_it_was),
        RIG_TEST(life_moves_the_last_seen_times_alone),
        RIG_TEST(life_finds_its_client_by_index),
        RIG_TEST(alarm_is_one_row_and_standing_until_normal),
        RIG_TEST(command_status_never_goes_backwards),
        RIG_TEST(acks_are_kept_once_per_status_and_topic),
        RIG_TEST(barrier_comes_back_at_once),
        RIG_TEST(hostile_text_is_only_data),
        RIG_TEST(outbox_row_is_stored_once_and_forgotten_when_done),
        RIG_TEST(as_of_and_recorder_are_told),
        RIG_TEST(files_are_private_or_the_groups),
        RIG_TEST(migrations_run_once_and_in_order),
        RIG_TEST(old_commands_learn_when_they_were_stored),
        RIG_TEST(old_clients_keep_their_last_seen_times),
        RIG_TEST(newer_database_is_refused_untouched),
        RIG_TEST(no_database_is_not_found),
        RIG_TEST(full_queue_refuses_and_asks_for_everything_again),
        RIG_TEST(closing_writes_what_is_queued),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
