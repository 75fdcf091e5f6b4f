/* read_logs.c - client logs: the newest ones in the order they were written, then what follows. */
#include <stdlib.h>

#include "base/array.h"
#include "base/i18n.h"
#include "store/column.h"
#include "store/db.h"
#include "store/reader.h"

#define LIMIT_PRESET 1000

static void read_line(sqlite3_stmt *q, struct log_line *l)
{
    *l = (struct log_line){.at = sqlite3_column_int64(q, 1)};
    column_read_uid(q, 2, &l->client);
    column_read_text(q, 3, l->level.clean, sizeof l->level.clean);
    column_read_text(q, 4, l->message.clean, sizeof l->message.clean);
}

/* Following goes by id, since lines may come late; looking back goes by time. */
static void logs_sql(const struct log_query *lq, struct buf *sql)
{
    const bool follow = lq->after_id > 0;
    const char *index = follow       ? " NOT INDEXED"
                        : lq->client ? " INDEXED BY log_client"
                        : lq->level  ? " INDEXED BY log_level"
                                     : " INDEXED BY log_at";

    buf_printf(sql,
               "SELECT id,at,(SELECT uuid FROM client WHERE id=log.client),level,message"
               " FROM log%s WHERE %s>=?1",
               index, follow ? "id>?4 AND at" : "at");
    if (lq->client)
        buf_puts(sql, " AND client=?2");
    if (lq->level)
        buf_puts(sql, " AND level=?3");
    buf_puts(sql, follow ? " ORDER BY id LIMIT ?5" : " ORDER BY at DESC,id DESC LIMIT ?5");
}

static sqlite3_stmt *prepare(struct reader *r, const struct log_query *lq, struct err *e)
{
    struct buf sql = BUF_INIT;

    logs_sql(lq, &sql);
    sqlite3_stmt *q = reader_prepare(r, &sql, e);
    if (!q)
        return NULL;
    sqlite3_bind_int64(q, 1, lq->since_at == TIME_NONE ? INT64_MIN + 1 : lq->since_at);
    if (lq->client)
        sqlite3_bind_int64(q, 2, reader_client_number(r, lq->client));
    if (lq->level)
        sqlite3_bind_text(q, 3, lq->level, -1, SQLITE_STATIC);
    if (lq->after_id > 0)
        sqlite3_bind_int64(q, 4, lq->after_id);
    sqlite3_bind_int64(q, 5, lq->limit > 0 ? lq->limit : LIMIT_PRESET);
    return q;
}

/* Newest first from the index, given oldest first. */
static int give_reversed(sqlite3_stmt *q, log_row_fn fn, void *user)
{
    struct log_line *lines = NULL;
    size_t count = 0, cap = 0;
    int rc;

    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        struct log_line *line = array_add(&lines, &count, &cap, sizeof *line);
        if (!line) {
            rc = SQLITE_NOMEM;
            break;
        }
        read_line(q, line);
    }
    if (rc == SQLITE_DONE)
        while (count > 0 && fn(user, &lines[count - 1]))
            count--;
    free(lines);
    return rc;
}

static int give_following(sqlite3_stmt *q, log_row_fn fn, void *user, int64_t *last)
{
    struct log_line l;
    int rc;

    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        read_line(q, &l);
        *last = sqlite3_column_int64(q, 0);
        if (!fn(user, &l))
            break;
    }
    return rc;
}

/* Following begins behind what was there when the last lines were read: in one transaction. */
static bool read_logs(struct reader *r, const struct log_query *lq, log_row_fn fn, void *user,
                      int64_t *last, struct err *e)
{
    sqlite3_stmt *q = prepare(r, lq, e);

    if (!q)
        return false;
    if (lq->after_id > 0) {
        *last = lq->after_id;
        return reader_finish(r, q, give_following(q, fn, user, last), e);
    }
    *last = db_integer(r->db, "SELECT max(id) FROM log", 0);
    return reader_finish(r, q, give_reversed(q, fn, user), e);
}

bool reader_logs_back(struct reader *r, int64_t until_at, log_row_fn fn, void *user, struct err *e)
{
    struct buf sql = BUF_INIT;
    int rc = SQLITE_DONE;

    buf_puts(&sql, "SELECT id,at,(SELECT uuid FROM client WHERE id=log.client),level,message"
                   " FROM log INDEXED BY log_at WHERE at<=?1 ORDER BY at DESC,id DESC");
    sqlite3_stmt *q = reader_prepare(r, &sql, e);
    if (q)
        sqlite3_bind_int64(q, 1, until_at == TIME_NONE ? INT64_MAX : until_at);
    while (q && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        struct log_line l;
        read_line(q, &l);
        if (!fn(user, &l))
            break;
    }
    return q && reader_finish(r, q, rc, e);
}

bool reader_logs(struct reader *r, const struct log_query *lq, log_row_fn fn, void *user,
                 int64_t *last_id, struct err *e)
{
    int64_t last = 0;

    db_run(r->db, "BEGIN");
    const bool ok = read_logs(r, lq, fn, user, &last, e);
    db_run(r->db, "COMMIT");
    if (last_id)
        *last_id = last;
    return ok;
}
