/* rows.c - one record after the other into its table, within the writer's transaction. Each is
 * idempotent: the same record twice, or from two processes, ends the same. */
#include <assert.h>
#include <string.h>

#include "store/column.h"
#include "store/inside.h"

#define CHUNK_BYTES 32768 /* images of a snapshot that lie in one row */

/* The client table's number of a uuid (0: none); a client that isn't there yet gets a bare row,
 * which its own record fills in later. */
static int64_t client_number(struct writer *w, const struct uid *id, int *rc)
{
    if (uid_is_zero(id) || *rc != SQLITE_OK)
        return 0;
    for (int tries = 0; tries < 2; tries++) {
        sqlite3_stmt *q = writer_statement(w, SQL_CLIENT_NUMBER, rc);
        if (!q)
            return 0;
        column_bind_uid(q, 1, id);
        *rc = sqlite3_step(q);
        const int64_t number = *rc == SQLITE_ROW ? sqlite3_column_int64(q, 0) : 0;
        sqlite3_reset(q);
        if (*rc != SQLITE_ROW && *rc != SQLITE_DONE)
            return 0;
        *rc = SQLITE_OK;
        if (number || tries)
            return number;
        sqlite3_stmt *bare = writer_statement(w, SQL_CLIENT_BARE, rc);
        if (!bare)
            return 0;
        column_bind_uid(bare, 1, id);
        *rc = writer_step(bare);
        if (*rc != SQLITE_OK)
            return 0;
    }
    return 0;
}

/* NULL: no memory. */
static struct client_number *number_slot(struct writer *w, uint32_t index)
{
    static const struct client_number unknown[256];
    struct buf *b = &w->numbers;

    while (b->len <= index * sizeof *unknown)
        if (!buf_append(b, unknown, sizeof unknown))
            return NULL;
    return (struct client_number *)(void *)b->data + index;
}

/* Rows of clients are never deleted: a number is looked up once, which costs more than writing the
 * row does. */
static int64_t number_at(struct writer *w, uint32_t index, const struct uid *id, int *rc)
{
    struct client_number *kept = number_slot(w, index);

    if (kept && kept->number && uid_equal(&kept->id, id))
        return kept->number;
    const int64_t number = client_number(w, id, rc);
    if (kept)
        *kept = (struct client_number){*id, number};
    return number;
}

static int put_life(struct writer *w, int64_t client, int64_t heartbeat_at, int64_t health_at)
{
    int rc;
    sqlite3_stmt *q = writer_statement(w, SQL_LIFE, &rc);

    if (!q)
        return rc;
    sqlite3_bind_int64(q, 1, client);
    column_bind_number(q, 2, heartbeat_at);
    column_bind_number(q, 3, health_at);
    return writer_step(q);
}

static int write_life(struct writer *w, const struct record *r, int64_t owner)
{
    const struct life *l = &r->u.life;
    int rc = SQLITE_OK;
    const int64_t client = number_at(w, l->index, &l->id, &rc);

    (void)owner;
    return rc == SQLITE_OK ? put_life(w, client, l->last_heartbeat_at, l->last_health_at) : rc;
}

static int write_client(struct writer *w, const struct record *r, int64_t owner)
{
    const struct client *c = &r->u.client;
    int rc;
    sqlite3_stmt *q = writer_statement(w, SQL_CLIENT, &rc);

    (void)owner;
    if (!q)
        return rc;
    rc = columns_bind(&client_columns, q, c, 0);
    if (rc == SQLITE_OK)
        rc = writer_step(q);
    if (rc != SQLITE_OK || (c->last_heartbeat_at == TIME_NONE && c->last_health_at == TIME_NONE))
        return rc;
    const int64_t number = number_at(w, c->index, &c->id, &rc);
    return rc == SQLITE_OK ? put_life(w, number, c->last_heartbeat_at, c->last_health_at) : rc;
}

static int write_alarm(struct writer *w, const struct record *r, int64_t owner)
{
    int rc = SQLITE_OK;
    const int64_t client = client_number(w, &r->u.alarm.client, &rc);
    sqlite3_stmt *q = rc == SQLITE_OK ? writer_statement(w, SQL_ALARM, &rc) : NULL;

    (void)owner;
    if (!q)
        return rc;
    rc = columns_bind(&alarm_columns, q, &r->u.alarm, client);
    if (rc == SQLITE_OK && r->len)
        rc = sqlite3_bind_blob(q, alarm_columns.count + 1, record_blob(r), (int)r->len,
                               SQLITE_STATIC);
    return rc == SQLITE_OK ? writer_step(q) : rc;
}

static int write_ack(struct writer *w, const struct uid *command, const struct command_ack *a)
{
    int rc;
    sqlite3_stmt *q = writer_statement(w, SQL_ACK, &rc);

    if (!q)
        return rc;
    column_bind_uid(q, 1, command);
    sqlite3_bind_text(q, 2, command_statuses[a->status].word, -1, SQLITE_STATIC);
    sqlite3_bind_int(q, 3, a->topic == ACK_ALIAS);
    column_bind_number(q, 4, a->received_at);
    return writer_step(q);
}

static int write_command(struct writer *w, const struct record *r, int64_t owner)
{
    const struct command *c = &r->u.command;
    int rc = SQLITE_OK;
    const int64_t client = client_number(w, &c->client, &rc);
    sqlite3_stmt *q = rc == SQLITE_OK ? writer_statement(w, SQL_COMMAND, &rc) : NULL;

    (void)owner;
    if (!q)
        return rc;
    rc = columns_bind(&command_columns, q, c, client);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(q, command_columns.count + 1, clock_wall_ms());
    if (rc == SQLITE_OK)
        rc = writer_step(q);
    for (int i = 0; rc == SQLITE_OK && i < c->ack_count && i < COMMAND_ACKS; i++)
        rc = write_ack(w, &c->id, &c->acks[i]);
    return rc;
}

/* ---- history ---- */

static int64_t span_slot(int64_t at)
{
    return at < 0 ? 0 : at / STORE_SPAN_MS;
}

static int flush_span(struct writer *w)
{
    int rc;
    sqlite3_stmt *q;

    if (!w->span_last)
        return SQLITE_OK;
    q = writer_statement(w, SQL_SPAN, &rc);
    if (!q)
        return rc;
    sqlite3_bind_int64(q, 1, w->span_slot);
    sqlite3_bind_int64(q, 2, w->span_first);
    sqlite3_bind_int64(q, 3, w->span_last);
    w->span_last = 0;
    return writer_step(q);
}

static int next_seq(struct writer *w, int64_t at)
{
    const int64_t slot = span_slot(at);
    const int rc = w->span_last && slot != w->span_slot ? flush_span(w) : SQLITE_OK;

    w->seq++;
    if (!w->span_last)
        w->span_first = w->seq;
    w->span_slot = slot;
    w->span_last = w->seq;
    return rc;
}

static void bind_or_null(sqlite3_stmt *q, int i, const char *s)
{
    if (s[0])
        sqlite3_bind_text(q, i, s, -1, SQLITE_STATIC);
    else
        sqlite3_bind_null(q, i);
}

static int write_line(struct writer *w, const struct history_event *ev)
{
    char packed[WORDS_PACKED];
    int rc = SQLITE_OK;
    const int64_t client = client_number(w, &ev->client, &rc);
    sqlite3_stmt *q = rc == SQLITE_OK ? writer_statement(w, SQL_EVENT, &rc) : NULL;

    if (!q)
        return rc;
    sqlite3_bind_int64(q, 1, client);
    sqlite3_bind_int64(q, 2, w->seq);
    sqlite3_bind_int64(q, 3, ev->at);
    sqlite3_bind_int(q, 4, w->kinds[ev->kind]);
    bind_or_null(q, 5, ev->alarm_id);
    if (uid_is_zero(&ev->command))
        sqlite3_bind_null(q, 6);
    else
        column_bind_uid(q, 6, &ev->command);
    bind_or_null(q, 7, ev->by.clean);
    words_pack(&ev->summary, packed, sizeof packed);
    bind_or_null(q, 8, packed);
    return writer_step(q);
}

static int write_image(struct writer *w, int64_t at, const void *image, size_t len)
{
    int rc;
    sqlite3_stmt *q = writer_statement(w, SQL_IMAGE, &rc);

    if (!q)
        return rc;
    sqlite3_bind_int64(q, 1, w->seq);
    sqlite3_bind_int64(q, 2, at);
    sqlite3_bind_blob(q, 3, image, (int)len, SQLITE_STATIC);
    return writer_step(q);
}

static int write_history(struct writer *w, const struct record *r, int64_t owner)
{
    const struct history_event *ev = &r->u.event;
    int rc = next_seq(w, ev->at);

    (void)owner;
    if (rc == SQLITE_OK && ev->kind != EVENT_IMAGE)
        rc = write_line(w, ev);
    if (rc == SQLITE_OK && r->len)
        rc = write_image(w, ev->at, record_blob(r), r->len);
    return rc;
}

static int write_log(struct writer *w, const struct record *r, int64_t owner)
{
    const struct log_line *l = &r->u.log;
    int rc = SQLITE_OK;
    const int64_t client = client_number(w, &l->client, &rc);
    sqlite3_stmt *q = rc == SQLITE_OK ? writer_statement(w, SQL_LOG, &rc) : NULL;

    (void)owner;
    if (!q)
        return rc;
    sqlite3_bind_int64(q, 1, l->at);
    sqlite3_bind_int64(q, 2, client);
    sqlite3_bind_text(q, 3, l->level.clean, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 4, l->message.clean, -1, SQLITE_STATIC);
    return writer_step(q);
}

static int write_link_state(struct writer *w, const struct record *r, int64_t owner)
{
    int rc;
    sqlite3_stmt *q = writer_statement(w, SQL_LINK_STATE, &rc);

    (void)owner;
    if (!q)
        return rc;
    sqlite3_bind_int(q, 1, r->u.link.connected);
    sqlite3_bind_int(q, 2, r->u.link.outage);
    return writer_step(q);
}

/* ---- outbox ---- */

static int write_outbox(struct writer *w, const struct record *r, int64_t owner)
{
    const struct outbox_row *o = &r->u.outbox;
    const char *p = record_blob(r), *end = p + r->len;
    int rc;
    sqlite3_stmt *q = writer_statement(w, SQL_OUTBOX, &rc);

    if (!q)
        return rc;
    sqlite3_bind_int64(q, 1, (int64_t)o->token);
    sqlite3_bind_text(q, 2, p, -1, SQLITE_STATIC);
    p += strlen(p) + 1;
    if (o->has_alarm) {
        sqlite3_bind_text(q, 6, p, -1, SQLITE_STATIC);
        p += strlen(p) + 1;
    }
    if (o->has_sha) {
        sqlite3_bind_text(q, 7, p, -1, SQLITE_STATIC);
        p += strlen(p) + 1;
    }
    if (o->has_payload)
        sqlite3_bind_blob64(q, 3, p, (sqlite3_uint64)(end - p), SQLITE_STATIC);
    sqlite3_bind_int(q, 4, o->retain);
    column_bind_number(q, 5, o->expires_at);
    sqlite3_bind_int64(q, 8, clock_wall_ms());
    sqlite3_bind_int64(q, 9, o->local ? OWNER_RECORDER : owner);
    return writer_step(q);
}

static int write_outbox_done(struct writer *w, const struct record *r, int64_t owner)
{
    int rc;
    sqlite3_stmt *q = writer_statement(w, SQL_OUTBOX_DONE, &rc);

    (void)owner;
    if (!q)
        return rc;
    sqlite3_bind_int64(q, 1, (int64_t)r->u.token);
    return writer_step(q);
}

/* ---- snapshots ---- */

/* What an earlier process left unfinished is of no use. */
static int begin_snapshot(struct writer *w, const struct record *r, int64_t owner)
{
    int rc = db_run(w->db, "DELETE FROM snapshot_image WHERE snapshot IN"
                           " (SELECT id FROM snapshot WHERE complete=0);"
                           "DELETE FROM snapshot WHERE complete=0");
    sqlite3_stmt *q = rc == SQLITE_OK ? writer_statement(w, SQL_SNAPSHOT, &rc) : NULL;

    (void)owner;
    if (!q)
        return rc;
    sqlite3_bind_int64(q, 1, r->u.at);
    sqlite3_bind_int64(q, 2, w->seq);
    rc = writer_step(q);
    w->snapshot.id = sqlite3_last_insert_rowid(w->db);
    w->snapshot.n = 0;
    buf_clear(&w->snapshot.chunk);
    return rc;
}

static int flush_chunk(struct writer *w)
{
    struct snapshot *s = &w->snapshot;
    int rc;
    sqlite3_stmt *q;

    if (!s->id || !s->chunk.len)
        return SQLITE_OK;
    q = writer_statement(w, SQL_SNAPSHOT_IMAGE, &rc);
    if (!q)
        return rc;
    sqlite3_bind_int64(q, 1, s->id);
    sqlite3_bind_int64(q, 2, ++s->n);
    sqlite3_bind_blob(q, 3, s->chunk.data, (int)s->chunk.len, SQLITE_STATIC);
    rc = writer_step(q);
    buf_clear(&s->chunk);
    return rc;
}

static int add_to_snapshot(struct writer *w, const struct record *r, int64_t owner)
{
    struct snapshot *s = &w->snapshot;

    (void)owner;
    if (!s->id)
        return SQLITE_OK; /* its begin was lost with a damaged database */
    if (!buf_append(&s->chunk, record_blob(r), r->len))
        return SQLITE_NOMEM;
    return s->chunk.len >= CHUNK_BYTES ? flush_chunk(w) : SQLITE_OK;
}

static int end_snapshot(struct writer *w, const struct record *r, int64_t owner)
{
    int rc = flush_chunk(w);
    sqlite3_stmt *q = rc == SQLITE_OK ? writer_statement(w, SQL_SNAPSHOT_END, &rc) : NULL;

    (void)r, (void)owner;
    if (!q)
        return rc;
    sqlite3_bind_int64(q, 1, w->snapshot.id);
    /* Its images are of the time until now, its seq is of its begin: it serves what comes after
     * now. */
    sqlite3_bind_int64(q, 2, clock_wall_ms());
    w->snapshot.id = 0;
    return writer_step(q);
}

static int write_barrier(struct writer *w, const struct record *r, int64_t owner)
{
    (void)w, (void)r, (void)owner;
    return SQLITE_OK; /* the transaction itself is what was asked for */
}

static int (*const writers[])(struct writer *, const struct record *, int64_t owner) = {
    [REC_CLIENT] = write_client,
    [REC_LIFE] = write_life,
    [REC_ALARM] = write_alarm,
    [REC_COMMAND] = write_command,
    [REC_ROLLOUT] = rollout_write,
    [REC_HISTORY] = write_history,
    [REC_LOG] = write_log,
    [REC_LINK_STATE] = write_link_state,
    [REC_OUTBOX] = write_outbox,
    [REC_OUTBOX_DONE] = write_outbox_done,
    [REC_SNAPSHOT_BEGIN] = begin_snapshot,
    [REC_SNAPSHOT_IMAGE] = add_to_snapshot,
    [REC_SNAPSHOT_END] = end_snapshot,
    [REC_BARRIER] = write_barrier,
};
static_assert(sizeof writers / sizeof *writers == RECORDS, "a record that nobody writes");

int rows_write(struct writer *w, const struct record *r, int64_t owner)
{
    return writers[r->kind](w, r, owner);
}

/* Before a commit: nothing of the transaction may wait in memory. */
int rows_flush(struct writer *w)
{
    const int rc = flush_chunk(w);

    return rc == SQLITE_OK ? flush_span(w) : rc;
}
