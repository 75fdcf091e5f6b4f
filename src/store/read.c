/* read.c - a read-only connection, and the queries of clients, alarms and commands. */
#include "store/reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/i18n.h"
#include "store/column.h"
#include "store/db.h"
#include "store/inside.h"
#include "store/role.h"

/* ---- open ---- */

/* A WAL database in a directory that we may not write can't be read the usual way unless its -shm
 * is there; where no log is left the file alone is the whole truth. */
static int open_immutable(const char *path, sqlite3 **db)
{
    struct buf uri = BUF_INIT;
    struct stat st;
    char wal[1100];
    int rc = SQLITE_CANTOPEN;

    snprintf(wal, sizeof wal, "%s-wal", path);
    if (stat(wal, &st) == 0 && st.st_size > 0)
        return rc;
    buf_puts(&uri, "file:");
    for (const char *p = path; *p; p++) {
        if (strchr("?#%", *p))
            buf_printf(&uri, "%%%02X", (unsigned)*p);
        else
            buf_putc(&uri, *p);
    }
    if (buf_puts(&uri, "?immutable=1"))
        rc = sqlite3_open_v2(buf_str(&uri), db,
                             SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI, NULL);
    buf_fini(&uri);
    return rc;
}

static int open_readable(const char *path, sqlite3 **db, int *version)
{
    int rc = sqlite3_open_v2(path, db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);

    if (rc == SQLITE_OK) {
        sqlite3_busy_timeout(*db, DB_BUSY_MS);
        rc = db_user_version(*db, version);
    }
    const int kind = rc & 0xff;
    if (kind != SQLITE_CANTOPEN && kind != SQLITE_READONLY)
        return rc;
    sqlite3_close(*db);
    *db = NULL;
    rc = open_immutable(path, db);
    return rc == SQLITE_OK ? db_user_version(*db, version) : rc;
}

static bool judge_version(const char *path, int version, struct err *e)
{
    if (version == 0) /* a recorder is just making it */
        return err_set(e, EXIT_NOT_FOUND,
                       _("%s: no history yet: start the console or infoscreen-tui record"), path);
    if (version > db_version)
        return err_set(e, EXIT_FAILED,
                       _("%s: is of version %d, newer than this program knows (%d): update "
                         "infoscreen-tui or give another --db"),
                       path, version, db_version);
    if (version < db_version)
        return err_set(e, EXIT_FAILED,
                       _("%s: is of an older version: start the console or infoscreen-tui record "
                         "once, which brings it up to date"),
                       path);
    return true;
}

struct reader *reader_open(const char *path, struct err *e)
{
    struct stat st;
    struct reader *r = NULL;
    int version = 0, rc;

    if (stat(path, &st) < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        err_set(e, EXIT_NOT_FOUND,
                _("%s: no history yet: start the console or infoscreen-tui record"), path);
        return NULL;
    }
    r = calloc(1, sizeof *r);
    if (!r || !(r->path = strdup(path))) {
        err_set(e, EXIT_FAILED, _("out of memory: close something else"));
        goto fail;
    }
    rc = open_readable(path, &r->db, &version);
    if (rc != SQLITE_OK) {
        if (db_verdict(rc) == DB_DAMAGED)
            err_set(e, EXIT_FAILED,
                    _("%s: is damaged: start the console or infoscreen-tui record, which sets it "
                      "aside and begins a new one"),
                    path);
        else
            err_set(e, EXIT_FAILED,
                    _("%s: %s: check its permissions, those of its directory, and "
                      "--db"),
                    path, sqlite3_errstr(rc));
        goto fail;
    }
    if (!judge_version(path, version, e))
        goto fail;
    db_run(r->db, "PRAGMA query_only=ON; PRAGMA temp_store=MEMORY;");
    return r;
fail:
    reader_close(r);
    return NULL;
}

void reader_close(struct reader *r)
{
    if (!r)
        return;
    sqlite3_close(r->db);
    free(r->path);
    free(r);
}

/* ---- shared ---- */

static bool read_failed(struct reader *r, struct err *e)
{
    return err_set(e, EXIT_FAILED, _("%s: %s: check the file with infoscreen-tui doctor"), r->path,
                   sqlite3_errmsg(r->db));
}

sqlite3_stmt *reader_prepare(struct reader *r, struct buf *sql, struct err *e)
{
    sqlite3_stmt *q = NULL;

    if (sql->failed)
        err_set(e, EXIT_FAILED, _("out of memory: close something else"));
    else if (sqlite3_prepare_v2(r->db, buf_str(sql), -1, &q, NULL) != SQLITE_OK)
        read_failed(r, e);
    buf_fini(sql);
    *sql = BUF_INIT;
    return q;
}

bool reader_finish(struct reader *r, sqlite3_stmt *q, int rc, struct err *e)
{
    const bool done = rc == SQLITE_DONE || rc == SQLITE_ROW || rc == SQLITE_OK;

    if (!done)
        read_failed(r, e);
    sqlite3_finalize(q);
    return done;
}

int64_t reader_client_number(struct reader *r, const struct uid *id)
{
    sqlite3_stmt *q = NULL;
    int64_t number = 0;

    if (sqlite3_prepare_v2(r->db, "SELECT id FROM client WHERE uuid=?", -1, &q, NULL) ==
        SQLITE_OK) {
        column_bind_uid(q, 1, id);
        if (sqlite3_step(q) == SQLITE_ROW)
            number = sqlite3_column_int64(q, 0);
    }
    sqlite3_finalize(q);
    return number;
}

/* ---- meta ---- */

bool reader_meta(struct reader *r, struct reader_meta *m, struct err *e)
{
    struct buf sql = BUF_INIT;

    *m = (struct reader_meta){.as_of = TIME_NONE};
    buf_puts(&sql, "SELECT as_of,connected,outage FROM meta WHERE id=1");
    sqlite3_stmt *q = reader_prepare(r, &sql, e);
    if (!q)
        return false;
    const int rc = sqlite3_step(q);
    m->recorder_alive = role_exists(r->path);
    if (rc == SQLITE_ROW) {
        const int64_t as_of = sqlite3_column_int64(q, 0);
        m->as_of = as_of ? as_of : TIME_NONE;
        /* Whoever wrote "connected" may have been killed. */
        m->connected = sqlite3_column_int(q, 1) && m->recorder_alive;
        m->outage = sqlite3_column_int(q, 2) && m->recorder_alive;
    }
    return reader_finish(r, q, rc, e);
}

/* ---- clients ---- */

static void select_clients(struct buf *sql)
{
    buf_puts(sql, "SELECT ");
    columns_select(&client_columns, sql);
    buf_puts(sql, ",(SELECT count(*) FROM alarm WHERE alarm.client=client.id AND state<>'normal'"
                  " AND state<>'suppressed'),"
                  "(SELECT count(*) FROM command WHERE command.client=client.id AND status"
                  " IN('queued','published','accepted','execution_started'))");
    buf_printf(sql, " FROM %s ", client_columns.from);
}

static bool give_clients(struct reader *r, sqlite3_stmt *q, client_row_fn fn, void *user,
                         struct err *e)
{
    int rc;

    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        struct client c = {.pid = NUMBER_NONE};
        columns_read(&client_columns, q, &c);
        c.alarms = sqlite3_column_int(q, client_columns.count);
        c.commands_in_flight = sqlite3_column_int(q, client_columns.count + 1);
        if (!fn(user, &c))
            break;
    }
    return reader_finish(r, q, rc, e);
}

bool reader_clients(struct reader *r, client_row_fn fn, void *user, struct err *e)
{
    struct buf sql = BUF_INIT;

    select_clients(&sql);
    buf_puts(&sql, "ORDER BY uuid");
    sqlite3_stmt *q = reader_prepare(r, &sql, e);
    return q && give_clients(r, q, fn, user, e);
}

bool reader_client(struct reader *r, const struct uid *id, client_row_fn fn, void *user,
                   struct err *e)
{
    struct buf sql = BUF_INIT;

    select_clients(&sql);
    buf_puts(&sql, "WHERE uuid=?");
    sqlite3_stmt *q = reader_prepare(r, &sql, e);
    if (q)
        column_bind_uid(q, 1, id);
    return q && give_clients(r, q, fn, user, e);
}

/* ---- alarms ---- */

bool reader_alarms(struct reader *r, bool all, alarm_row_fn fn, void *user, struct err *e)
{
    struct buf sql = BUF_INIT;
    int rc = SQLITE_DONE;

    buf_puts(&sql, "SELECT ");
    columns_select(&alarm_columns, &sql);
    buf_puts(&sql, all ? " FROM alarm ORDER BY raised_at DESC"
                       : " FROM alarm WHERE state<>'normal' AND state<>'suppressed'"
                         " ORDER BY raised_at DESC");
    sqlite3_stmt *q = reader_prepare(r, &sql, e);
    while (q && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        struct alarm a = {.kind = ALARM_SERVICE_FAILED};
        columns_read(&alarm_columns, q, &a);
        if (!fn(user, &a))
            break;
    }
    return q && reader_finish(r, q, rc, e);
}

/* ---- commands ---- */

static bool give_commands(struct reader *r, sqlite3_stmt *q, command_row_fn fn, void *user,
                          struct err *e)
{
    int rc;

    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        struct command c = {.ack_count = 0};
        columns_read(&command_columns, q, &c);
        if (!store_read_acks(r->db, &c))
            rc = SQLITE_ERROR;
        if (rc != SQLITE_ROW || !fn(user, &c))
            break;
    }
    return reader_finish(r, q, rc, e);
}

static void select_commands(struct buf *sql)
{
    buf_puts(sql, "SELECT ");
    columns_select(&command_columns, sql);
    buf_puts(sql, " FROM command WHERE ");
}

static bool commands_by_id(struct reader *r, const struct command_query *cq, command_row_fn fn,
                           void *user, struct err *e)
{
    bool ok = true;

    for (int i = 0; ok && i < cq->id_count; i++) {
        struct buf sql = BUF_INIT;
        select_commands(&sql);
        buf_puts(&sql, "command_id=?1 OR (rollout_id=?1 AND rollout_id<>'')"
                       " ORDER BY stored_at,command.rowid");
        sqlite3_stmt *q = reader_prepare(r, &sql, e);
        if (q)
            column_bind_uid(q, 1, &cq->ids[i]);
        ok = q && give_commands(r, q, fn, user, e);
    }
    return ok;
}

bool reader_commands(struct reader *r, const struct command_query *cq, command_row_fn fn,
                     void *user, struct err *e)
{
    static const char active[] = "status IN('queued','published','accepted','execution_started')";
    struct buf sql = BUF_INIT;

    if (cq->id_count > 0)
        return commands_by_id(r, cq, fn, user, e);
    select_commands(&sql);
    if (cq->client)
        buf_puts(&sql, "client=? AND ");
    buf_puts(&sql, cq->active ? active : "1");
    buf_puts(&sql, " ORDER BY stored_at DESC,command.rowid DESC");
    sqlite3_stmt *q = reader_prepare(r, &sql, e);
    if (q && cq->client)
        sqlite3_bind_int64(q, 1, reader_client_number(r, cq->client));
    return q && give_commands(r, q, fn, user, e);
}

bool reader_waits(struct reader *r, const struct uid *command, bool *waits, struct err *e)
{
    struct buf sql = BUF_INIT;
    int rc = SQLITE_DONE;

    buf_puts(&sql, "SELECT 1 FROM outbox WHERE alarm_id=?1");
    sqlite3_stmt *q = reader_prepare(r, &sql, e);
    if (q) {
        column_bind_uid(q, 1, command);
        rc = sqlite3_step(q);
        *waits = rc == SQLITE_ROW;
    }
    return q && reader_finish(r, q, rc, e);
}
