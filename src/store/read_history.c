/* read_history.c - the timeline: by client where the rows lie by client, else by seq. */
#include <stdio.h>

#include "base/i18n.h"
#include "core/image.h"
#include "store/column.h"
#include "store/inside.h"
#include "store/reader.h"

#define LIMIT_PRESET 1000

/* ---- history ---- */

struct range {
    int64_t first, last; /* of seq; a time is only looked for inside it */
};

int64_t reader_seq_since(struct reader *r, int64_t at)
{
    char sql[128];

    snprintf(sql, sizeof sql, "SELECT min(first_seq) FROM span WHERE slot>=%lld",
             (long long)(at > 0 ? at / STORE_SPAN_MS : 0));
    return db_integer(r->db, sql, INT64_MAX);
}

/* The seqs among which the lines of [since, until] lie. */
static struct range range_of(struct reader *r, const struct history_query *hq)
{
    struct range range = {0, INT64_MAX};
    char sql[128];

    if (hq->since_at != TIME_NONE)
        range.first = reader_seq_since(r, hq->since_at);
    if (hq->until_at != TIME_NONE) {
        snprintf(sql, sizeof sql, "SELECT max(last_seq) FROM span WHERE slot<=%lld",
                 (long long)(hq->until_at > 0 ? hq->until_at / STORE_SPAN_MS : 0));
        range.last = db_integer(r->db, sql, -1);
    }
    return range;
}

static int64_t kind_number(struct reader *r, int kind)
{
    sqlite3_stmt *q = NULL;
    int64_t number = -1;

    if (sqlite3_prepare_v2(r->db, "SELECT id FROM word WHERE word=?", -1, &q, NULL) == SQLITE_OK) {
        sqlite3_bind_text(q, 1, event_kinds[kind].word, -1, SQLITE_STATIC);
        if (sqlite3_step(q) == SQLITE_ROW)
            number = sqlite3_column_int64(q, 0);
    }
    sqlite3_finalize(q);
    return number;
}

bool reader_kind_numbers(struct reader *r, const bool wanted[EVENT_KINDS], struct buf *out)
{
    bool ok = buf_puts(out, "-1");

    for (int k = 0; ok && k < EVENT_KINDS; k++)
        if (wanted[k])
            ok = buf_printf(out, ",%lld", (long long)kind_number(r, k));
    return ok;
}

/* Named, since the planner has no statistics: a client's rows are few, a kind's are many. */
static void history_sql(const struct history_query *hq, struct buf *sql)
{
    const char *index = hq->client      ? ""
                        : hq->kind >= 0 ? " INDEXED BY event_kind"
                                        : " INDEXED BY event_seq";

    buf_printf(sql, "SELECT " READER_EVENT_COLUMNS " FROM event%s WHERE seq BETWEEN ?1 AND ?2",
               index);
    if (hq->client)
        buf_puts(sql, " AND client=?3");
    if (hq->kind >= 0)
        buf_puts(sql, " AND kind=?4");
    if (hq->since_at != TIME_NONE)
        buf_puts(sql, " AND at>=?5");
    if (hq->until_at != TIME_NONE)
        buf_puts(sql, " AND at<=?6");
    buf_puts(sql, " ORDER BY seq DESC LIMIT ?7");
}

const char *reader_read_event(sqlite3_stmt *q, struct history_event *ev)
{
    const char *word = (const char *)sqlite3_column_text(q, 2);
    const int kind = word ? vocabulary_find(event_kinds, EVENT_KINDS, word) : -1;
    const char *packed = (const char *)sqlite3_column_text(q, 7);

    ev->seq = sqlite3_column_int64(q, 0);
    ev->at = sqlite3_column_int64(q, 1);
    ev->kind = kind < 0 ? EVENT_IMAGE : (enum event_kind)kind;
    column_read_uid(q, 3, &ev->client);
    column_read_ascii(q, 4, ev->alarm_id, sizeof ev->alarm_id);
    column_read_uid(q, 5, &ev->command);
    column_read_text(q, 6, ev->by.clean, sizeof ev->by.clean);
    words_unpack(packed ? packed : "", &ev->summary);
    return packed ? packed : "";
}

bool reader_history(struct reader *r, const struct history_query *hq, history_row_fn fn, void *user,
                    struct err *e)
{
    struct buf sql = BUF_INIT;
    int rc = SQLITE_DONE;

    const struct range range = range_of(r, hq);
    history_sql(hq, &sql);
    sqlite3_stmt *q = reader_prepare(r, &sql, e);
    if (!q)
        return false;
    sqlite3_bind_int64(q, 1, range.first);
    sqlite3_bind_int64(q, 2, range.last);
    if (hq->client)
        sqlite3_bind_int64(q, 3, reader_client_number(r, hq->client));
    if (hq->kind >= 0)
        sqlite3_bind_int64(q, 4, kind_number(r, hq->kind));
    sqlite3_bind_int64(q, 5, hq->since_at);
    sqlite3_bind_int64(q, 6, hq->until_at);
    sqlite3_bind_int64(q, 7, hq->limit > 0 ? hq->limit : LIMIT_PRESET);
    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        struct history_event ev = {0};
        const char *packed = reader_read_event(q, &ev);
        if (ev.kind != EVENT_IMAGE && !fn(user, &ev, packed))
            break;
    }
    return reader_finish(r, q, rc, e);
}

/* ---- the fleet as it was ---- */

static bool apply_rows(struct reader *r, sqlite3_stmt *q, struct core *into, struct err *e)
{
    int rc;

    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        const void *bytes = sqlite3_column_blob(q, 0);
        const size_t n = (size_t)sqlite3_column_bytes(q, 0);
        if (!bytes || image_apply(into, bytes, n))
            continue;
        sqlite3_finalize(q);
        return err_set(e, EXIT_FAILED,
                       _("%s: holds a state of the fleet that this program cannot read: update "
                         "infoscreen-tui"),
                       r->path);
    }
    return reader_finish(r, q, rc, e);
}

static bool apply(struct reader *r, const char *text, int64_t a, int64_t b, int64_t c,
                  struct core *into, struct err *e)
{
    struct buf sql = BUF_INIT;

    buf_puts(&sql, text);
    sqlite3_stmt *q = reader_prepare(r, &sql, e);
    if (!q)
        return false;
    sqlite3_bind_int64(q, 1, a);
    sqlite3_bind_int64(q, 2, b);
    sqlite3_bind_int64(q, 3, c);
    return apply_rows(r, q, into, e);
}

static bool rebuild(struct reader *r, int64_t at, struct core *into, struct err *e)
{
    const struct history_query until = {.since_at = TIME_NONE, .until_at = at};
    char sql[160];

    snprintf(sql, sizeof sql,
             "SELECT id FROM snapshot WHERE complete=1 AND at<=%lld ORDER BY id DESC LIMIT 1",
             (long long)at);
    const int64_t snapshot = db_integer(r->db, sql, 0);
    snprintf(sql, sizeof sql, "SELECT seq FROM snapshot WHERE id=%lld", (long long)snapshot);
    const int64_t seq = db_integer(r->db, sql, 0);

    return apply(r, "SELECT bytes FROM snapshot_image WHERE snapshot=?1 ORDER BY n", snapshot, 0, 0,
                 into, e) &&
           apply(r, "SELECT bytes FROM image WHERE seq>?1 AND seq<=?2 AND at<=?3 ORDER BY seq", seq,
                 range_of(r, &until).last, at, into, e);
}

/* One transaction: nothing is forgotten between the snapshot and its images. */
bool reader_fleet_at(struct reader *r, int64_t at, struct core *into, struct err *e)
{
    db_run(r->db, "BEGIN");
    const bool ok = rebuild(r, at, into, e);
    db_run(r->db, "COMMIT");
    return ok;
}
