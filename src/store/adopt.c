/* adopt.c - what other processes on this database leave to us, looked for every second: the outbox
 * rows of those that ended, commands that nobody ends, and commands of ours that they cancelled. */
#include <stdlib.h>
#include <string.h>

#include "store/column.h"
#include "store/inside.h"

#define OVERDUE_MS 5000 /* its own process ends a command within a second */
#define MOST       256  /* of each, a second */

static size_t size_of(const char *s)
{
    return s ? strlen(s) + 1 : 0;
}

static const char *copy(char **to, const void *from, size_t n)
{
    char *at = *to;

    if (!from)
        return NULL;
    memcpy(at, from, n);
    *to += n;
    return at;
}

/* One block; its strings follow it. */
static struct store_adopted *adopted_new(const struct effect *row)
{
    static const struct effect none;
    const struct effect *e = row ? row : &none;
    const size_t len = e->u.publish.payload ? e->u.publish.len : 0;
    struct store_adopted *a =
        calloc(1, sizeof *a + len + 1 + size_of(e->u.publish.topic) +
                      size_of(e->u.publish.alarm_id) + size_of(e->u.publish.sha));

    if (!a || !row)
        return a;
    char *to = a->bytes;
    a->has_row = true;
    a->row = *row;
    a->row.u.publish.topic = copy(&to, e->u.publish.topic, size_of(e->u.publish.topic));
    a->row.u.publish.alarm_id = copy(&to, e->u.publish.alarm_id, size_of(e->u.publish.alarm_id));
    a->row.u.publish.sha = copy(&to, e->u.publish.sha, size_of(e->u.publish.sha));
    a->row.u.publish.payload = copy(&to, e->u.publish.payload, len);
    return a;
}

/* How many were read, each with its acks; none if one of them can't be read. */
static int read_commands(struct writer *w, sqlite3_stmt *q, struct command *list, int most)
{
    int count = 0, rc = SQLITE_ROW;

    while (count < most && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        struct command *c = &list[count++];
        *c = (struct command){.ack_count = 0};
        columns_read(&command_columns, q, c);
        if (!store_read_acks(w->db, c))
            rc = SQLITE_ERROR;
        if (rc != SQLITE_ROW)
            break;
    }
    sqlite3_reset(q);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? count : 0;
}

/* ---- rows of processes that ended ---- */

struct orphans {
    struct writer *writer;
    struct store_adopted *list[MOST];
    int count;
};

static bool take_orphan(void *user, const struct effect *row)
{
    struct orphans *o = user;
    struct store_adopted *a = o->count < MOST ? adopted_new(row) : NULL;
    const char *key = row->u.publish.alarm_id;
    struct uid id;
    int rc;

    if (!a)
        return false;
    sqlite3_stmt *q = key && uid_parse(key, strlen(key), &id)
                          ? writer_statement(o->writer, SQL_COMMAND_READ, &rc)
                          : NULL;
    if (q) {
        column_bind_uid(q, 1, &id);
        a->has_command = read_commands(o->writer, q, &a->command, 1) == 1;
    }
    o->list[o->count++] = a;
    return true;
}

static bool has_orphans(struct store *s)
{
    bool found = false;
    int rc;
    sqlite3_stmt *q = writer_statement(&s->writer, SQL_OUTBOX_OWNERS, &rc);

    while (q && !found && sqlite3_step(q) == SQLITE_ROW) {
        const int64_t owner = sqlite3_column_int64(q, 0);
        found = owner != s->role.owner && !role_owner_lives(&s->role, owner);
    }
    sqlite3_reset(q);
    return found;
}

static void give(struct store *s, struct store_adopted *a)
{
    if (!store_report_put(s,
                          &(struct store_report){.kind = STORE_ADOPTED, .adopted = a}))
        free(a);
}

static void adopt_orphans(struct store *s)
{
    struct orphans o = {.writer = &s->writer};
    bool taken = false;

    if (!has_orphans(s) || db_run(s->writer.db, "BEGIN IMMEDIATE") != SQLITE_OK)
        return;
    if (outbox_claim(&s->role, s->writer.db, take_orphan, &o) == SQLITE_OK)
        taken = db_run(s->writer.db, "COMMIT") == SQLITE_OK;
    writer_rollback(&s->writer);
    for (int i = 0; i < o.count; i++) {
        if (taken)
            give(s, o.list[i]);
        else
            free(o.list[i]);
    }
}

/* ---- commands that nobody ends ---- */

/* Wall time as it was when this process began, so that a jump of the clock ends nothing. */
static void adopt_overdue(struct store *s, int64_t mono_ms)
{
    struct command list[8];
    int rc;
    sqlite3_stmt *q = writer_statement(&s->writer, SQL_COMMANDS_OVERDUE, &rc);

    if (!q)
        return;
    sqlite3_bind_int64(q, 1, mono_ms + s->wall_offset - OVERDUE_MS);
    const int count = read_commands(&s->writer, q, list, 8);
    for (int i = 0; i < count; i++) {
        struct store_adopted *a = adopted_new(NULL);
        if (!a)
            return;
        a->command = list[i];
        a->has_command = true;
        give(s, a);
    }
}

/* ---- ours that another process cancelled ---- */

static void report_withdrawn(struct store *s)
{
    sqlite3_stmt *q = NULL;

    if (sqlite3_prepare_v2(s->writer.db,
                           "SELECT alarm_id FROM outbox WHERE owner=?1 AND EXISTS (SELECT 1 FROM"
                           " command WHERE command_id=alarm_id AND status='cancelled')",
                           -1, &q, NULL) == SQLITE_OK) {
        sqlite3_bind_int64(q, 1, s->role.owner);
        while (sqlite3_step(q) == SQLITE_ROW) {
            struct store_report r = {.kind = STORE_WITHDRAWN};
            column_read_uid(q, 0, &r.command);
            store_report_put(s, &r);
        }
    }
    sqlite3_finalize(q);
}

void store_look_around(struct store *s, int64_t mono_ms)
{
    if (!s->options.may_send)
        return;
    const int64_t version = writer_integer(&s->writer, SQL_DATA_VERSION);
    const bool others_wrote = version != s->data_version;
    if (others_wrote)
        report_withdrawn(s);
    s->data_version = version;
    rollouts_look_around(s, others_wrote);
    if (!s->role.held)
        return;
    adopt_orphans(s);
    adopt_overdue(s, mono_ms);
}
