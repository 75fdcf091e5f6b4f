/* writer.c - the writing connection: its statements, and a batch as one transaction. */
#include <assert.h>
#include <string.h>

#include "store/column.h"
#include "store/inside.h"

#define FLOOD_EVENTS 4096 /* in one batch: 40,000 a second */

/* NULL: made from the column tables. */
static const char *const statements[] = {
    [SQL_CLIENT] = NULL,
    [SQL_CLIENT_NUMBER] = "SELECT id FROM client WHERE uuid=?",
    [SQL_CLIENT_BARE] = "INSERT INTO client(uuid,spelling) VALUES(?1,?1) ON CONFLICT DO NOTHING",
    [SQL_LIFE] = "INSERT INTO life VALUES(?,?,?) ON CONFLICT(client) DO UPDATE SET"
                 " last_heartbeat_at=coalesce(excluded.last_heartbeat_at,last_heartbeat_at),"
                 " last_health_at=coalesce(excluded.last_health_at,last_health_at)",
    [SQL_ALARM] = NULL,
    [SQL_COMMAND] = NULL,
    [SQL_ACK] = "INSERT INTO command_ack VALUES(?,?,?,?) ON CONFLICT DO NOTHING",
    [SQL_ROLLOUT] = NULL,
    [SQL_ROLLOUT_CHANGED] = "UPDATE rollout SET changed=(SELECT max(changed) FROM rollout)+1"
                            " WHERE rollout_id=?",
    [SQL_ROLLOUT_MEMBER] = "INSERT INTO rollout_member VALUES(?,?,?,?) ON CONFLICT DO NOTHING",
    [SQL_EVENT] = "INSERT INTO event VALUES(?,?,?,?,?,?,?,?)",
    [SQL_IMAGE] = "INSERT INTO image VALUES(?,?,?)",
    [SQL_SPAN] = "INSERT INTO span VALUES(?,?,?) ON CONFLICT(slot) DO UPDATE SET"
                 " first_seq=min(first_seq,excluded.first_seq),"
                 " last_seq=max(last_seq,excluded.last_seq)",
    [SQL_LOG] = "INSERT INTO log(at,client,level,message) VALUES(?,?,?,?)",
    [SQL_LINK_STATE] = "UPDATE meta SET connected=?,outage=? WHERE id=1",
    [SQL_META] = "UPDATE meta SET seq=?,as_of=? WHERE id=1",
    [SQL_META_READ] = "SELECT seq FROM meta WHERE id=1",
    [SQL_OUTBOX] = "INSERT INTO outbox VALUES(?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING",
    [SQL_OUTBOX_DONE] = "DELETE FROM outbox WHERE token=?",
    [SQL_SNAPSHOT] = "INSERT INTO snapshot(at,seq) VALUES(?,?)",
    [SQL_SNAPSHOT_IMAGE] = "INSERT INTO snapshot_image VALUES(?,?,?)",
    [SQL_SNAPSHOT_END] = "UPDATE snapshot SET complete=1,at=?2 WHERE id=?1",
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_DATA_VERSION] = "PRAGMA data_version",
    [SQL_OUTBOX_OWNERS] = "SELECT DISTINCT owner FROM outbox",
    [SQL_ROLLOUTS_ACTIVE] = "SELECT rollout_id,owner FROM rollout"
                            " WHERE state IN('running','stopping')",
    [SQL_ROLLOUT_LAST] = "SELECT max(changed) FROM rollout",
    [SQL_COMMANDS_OVERDUE] = NULL,
    [SQL_COMMAND_READ] = NULL,
};
static_assert(sizeof statements / sizeof *statements == STATEMENTS, "a statement without SQL");

static bool select_commands(const char *where, struct buf *out)
{
    buf_puts(out, "SELECT ");
    columns_select(&command_columns, out);
    return buf_printf(out, " FROM command WHERE %s", where);
}

static bool make_sql(enum statement which, struct buf *out)
{
    switch (which) {
    case SQL_CLIENT:
        return columns_upsert(&client_columns, NULL, MERGE_NEW, out);
    case SQL_ALARM:
        return columns_upsert(&alarm_columns, "payload", MERGE_NEW, out);
    case SQL_COMMAND:
        return columns_upsert(&command_columns, "stored_at", MERGE_FIRST, out);
    case SQL_ROLLOUT:
        return columns_upsert(&rollout_columns, "owner", MERGE_FIRST, out);
    case SQL_COMMAND_READ:
        return select_commands("command_id=?1", out);
    case SQL_COMMANDS_OVERDUE:
        return select_commands("status IN('queued','published','accepted','execution_started')"
                               " AND expires_at<?1 ORDER BY expires_at",
                               out);
    default:
        return buf_puts(out, statements[which]);
    }
}

sqlite3_stmt *writer_statement(struct writer *w, enum statement which, int *rc)
{
    struct buf sql = BUF_INIT;

    *rc = SQLITE_OK;
    if (w->sql[which]) {
        sqlite3_clear_bindings(w->sql[which]);
        return w->sql[which];
    }
    *rc = make_sql(which, &sql) ? db_prepare(w->db, buf_str(&sql), &w->sql[which]) : SQLITE_NOMEM;
    buf_fini(&sql);
    return w->sql[which];
}

int writer_step(sqlite3_stmt *q)
{
    const int rc = sqlite3_step(q);

    sqlite3_reset(q);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

int64_t writer_integer(struct writer *w, enum statement which)
{
    int rc;
    sqlite3_stmt *q = writer_statement(w, which, &rc);
    const int64_t value = q && sqlite3_step(q) == SQLITE_ROW ? sqlite3_column_int64(q, 0) : 0;

    sqlite3_reset(q);
    return value;
}

static int run(struct writer *w, enum statement which)
{
    int rc;
    sqlite3_stmt *q = writer_statement(w, which, &rc);

    return q ? writer_step(q) : rc;
}

/* Event kinds lie in rows as numbers that the database itself gives out by word. */
static int learn_kinds(struct writer *w)
{
    sqlite3_stmt *add = NULL, *find = NULL;
    int rc = db_run(w->db, "BEGIN IMMEDIATE");

    if (rc == SQLITE_OK)
        rc = db_prepare(w->db, "INSERT INTO word(word) VALUES(?) ON CONFLICT DO NOTHING", &add);
    if (rc == SQLITE_OK)
        rc = db_prepare(w->db, "SELECT id FROM word WHERE word=?", &find);
    for (int k = 0; rc == SQLITE_OK && k < EVENT_KINDS; k++) {
        sqlite3_bind_text(add, 1, event_kinds[k].word, -1, SQLITE_STATIC);
        rc = writer_step(add);
        sqlite3_bind_text(find, 1, event_kinds[k].word, -1, SQLITE_STATIC);
        if (rc == SQLITE_OK && sqlite3_step(find) == SQLITE_ROW)
            w->kinds[k] = sqlite3_column_int(find, 0);
        sqlite3_reset(find);
    }
    sqlite3_finalize(add);
    sqlite3_finalize(find);
    if (rc == SQLITE_OK)
        rc = db_run(w->db, "COMMIT");
    writer_rollback(w);
    return rc;
}

enum db_verdict writer_open(struct writer *w, const char *path, struct err *e)
{
    enum db_verdict v;

    if (!db_prepare_file(path, e))
        return DB_FAILING;
    v = db_open(path, &w->db, e);
    if (v == DB_DONE) {
        int rc = learn_kinds(w);
        w->full_sync = true;
        w->large_cache = false;
        if (rc == SQLITE_OK && stat(path, &w->file) < 0)
            rc = SQLITE_CANTOPEN;
        v = db_verdict(rc);
        db_tell(path, rc, e);
    }
    if (v != DB_DONE)
        writer_close(w);
    return v;
}

void writer_close(struct writer *w)
{
    for (int i = 0; i < STATEMENTS; i++) {
        sqlite3_finalize(w->sql[i]);
        w->sql[i] = NULL;
    }
    sqlite3_close(w->db);
    w->db = NULL;
    w->span_last = 0;
    buf_fini(&w->snapshot.chunk);
    w->snapshot = (struct snapshot){0};
    buf_fini(&w->numbers);
}

void writer_rollback(struct writer *w)
{
    if (!sqlite3_get_autocommit(w->db))
        db_run(w->db, "ROLLBACK");
    w->span_last = 0;
}

/* NORMAL leaves the log unsynced at a commit; the next FULL one syncs everything before it as well.
 */
static int set_sync(struct writer *w, bool full)
{
    if (full == w->full_sync)
        return SQLITE_OK;
    const int rc = db_run(w->db, full ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
    if (rc == SQLITE_OK)
        w->full_sync = full;
    return rc;
}

/* The last seq is read within the transaction: another process may have recorded in between. */
enum db_verdict writer_begin(struct writer *w, bool durable, int *rc)
{
    sqlite3_stmt *q;

    *rc = set_sync(w, durable);
    if (*rc == SQLITE_OK)
        *rc = run(w, SQL_BEGIN);
    if (*rc != SQLITE_OK)
        return db_verdict(*rc);
    q = writer_statement(w, SQL_META_READ, rc);
    if (q) {
        *rc = sqlite3_step(q);
        w->seq = sqlite3_column_int64(q, 0);
        sqlite3_reset(q);
        /* No meta row: somebody emptied the table, or the file is damaged. */
        *rc = *rc == SQLITE_ROW ? SQLITE_OK : *rc == SQLITE_DONE ? SQLITE_CORRUPT : *rc;
    }
    if (*rc != SQLITE_OK)
        writer_rollback(w);
    return db_verdict(*rc);
}

enum db_verdict writer_commit(struct writer *w, int *rc)
{
    sqlite3_stmt *q;

    *rc = rows_flush(w);
    q = *rc == SQLITE_OK ? writer_statement(w, SQL_META, rc) : NULL;
    if (q) {
        sqlite3_bind_int64(q, 1, w->seq);
        sqlite3_bind_int64(q, 2, clock_wall_ms());
        *rc = writer_step(q);
    }
    if (*rc == SQLITE_OK)
        *rc = run(w, SQL_COMMIT);
    writer_rollback(w);
    return db_verdict(*rc);
}

/* In a flood of events the last pages of all clients want to be at hand, and a log of 256 MiB lets a
 * checkpoint write a page once for what many transactions put on it (measured: a fifth less written
 * at a million events, more later); in quiet times memory and disk are not ours to keep: 2 MiB
 * are full within minutes, so that the process stops growing long before its history does. */
static void size_cache(struct writer *w, bool large)
{
    if (large == w->large_cache)
        return;
    w->large_cache = large;
    db_run(w->db, large ? "PRAGMA cache_size=-65536; PRAGMA wal_autocheckpoint=64000"
                        : "PRAGMA cache_size=-2048; PRAGMA wal_autocheckpoint=16000");
    if (!large)
        sqlite3_db_release_memory(w->db);
}

static int write_rows(struct writer *w, const struct batch *b, int64_t owner)
{
    int rc = SQLITE_OK;

    for (size_t at = 0; rc == SQLITE_OK && at < b->bytes.len;) {
        const struct record *r = (const struct record *)(const void *)(b->bytes.data + at);
        rc = rows_write(w, r, owner);
        if (db_verdict(rc) == DB_SKIP_ROW) {
            w->skipped++;
            rc = SQLITE_OK;
        }
        at += (r->blob_at + r->len + 15) & ~(size_t)15;
    }
    return rc;
}

enum db_verdict writer_write(struct writer *w, const struct batch *b, int64_t owner, int *rc)
{
    const int64_t snapshot = w->snapshot.id, n = w->snapshot.n;

    size_cache(w, b->events >= FLOOD_EVENTS);
    enum db_verdict v = writer_begin(w, b->durable, rc);
    if (v != DB_DONE)
        return v;
    *rc = write_rows(w, b, owner);
    if (*rc == SQLITE_OK)
        v = writer_commit(w, rc);
    else
        v = db_verdict(*rc);
    if (v != DB_DONE) {
        writer_rollback(w);
        w->snapshot.id = snapshot; /* the whole batch comes again */
        w->snapshot.n = n;
        buf_clear(&w->snapshot.chunk);
        buf_clear(&w->numbers); /* some are those of rows that are gone with it */
    }
    return v;
}

enum db_verdict writer_touch(struct writer *w, int *rc)
{
    const enum db_verdict v = writer_begin(w, false, rc);

    return v == DB_DONE ? writer_commit(w, rc) : v;
}
