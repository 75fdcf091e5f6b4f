/* rollouts.c - rollouts as the database has them: written whole with their members, read with their
 * members' ends, told to the other processes, and left to the recorder by those that end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/column.h"
#include "store/inside.h"

#define TOLD_MOST 16 /* a second */

/* ---- writing ---- */

static int write_member(struct writer *w, const struct uid *rollout, int place,
                        const struct rollout_member *m)
{
    int rc;
    char uuid[UID_TEXT];
    sqlite3_stmt *q = writer_statement(w, SQL_ROLLOUT_MEMBER, &rc);

    if (!q)
        return rc;
    uid_format(&m->client, uuid);
    column_bind_uid(q, 1, rollout);
    sqlite3_bind_int(q, 2, place);
    column_bind_uid(q, 3, &m->command);
    sqlite3_bind_text(q, 4, m->spelling[0] ? m->spelling : uuid, -1, SQLITE_TRANSIENT);
    return writer_step(q);
}

/* Whoever began it drives it; a later write by another process does not change that. */
static int write_row(struct writer *w, const struct rollout *row, int64_t owner)
{
    int rc;
    sqlite3_stmt *q = writer_statement(w, SQL_ROLLOUT, &rc);

    if (!q)
        return rc;
    rc = columns_bind(&rollout_columns, q, row, 0);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(q, rollout_columns.count + 1, owner);
    if (rc == SQLITE_OK)
        rc = writer_step(q);
    q = rc == SQLITE_OK ? writer_statement(w, SQL_ROLLOUT_CHANGED, &rc) : NULL;
    if (!q)
        return rc;
    column_bind_uid(q, 1, &row->id);
    return writer_step(q);
}

int rollout_write(struct writer *w, const struct record *r, int64_t owner)
{
    const struct rollout *row = &r->u.rollout;
    const char *members = record_blob(r);
    int rc = write_row(w, row, owner);

    for (uint32_t k = 0; rc == SQLITE_OK && r->len && k < row->total; k++) {
        struct rollout_member m;
        memcpy(&m, members + k * sizeof m, sizeof m);
        rc = write_member(w, &row->id, (int)k, &m);
    }
    return rc;
}

/* ---- reading ---- */

static void read_member(sqlite3_stmt *q, struct rollout_member *m)
{
    const char *word = (const char *)sqlite3_column_text(q, 2);
    const int status = word ? vocabulary_find(command_statuses, COMMAND_STATUSES, word) : -1;

    *m = (struct rollout_member){.status =
                                     status < 0 ? COMMAND_STATUSES : (enum command_status)status};
    column_read_uid(q, 0, &m->command);
    column_read_uid(q, 1, &m->client);
    column_read_ascii(q, 1, m->spelling, sizeof m->spelling);
}

/* NULL: no memory, or it cannot be read. */
static struct rollout_member *read_members(sqlite3 *db, struct rollout *row)
{
    struct buf list = BUF_INIT;
    struct rollout_member m;
    sqlite3_stmt *q = NULL;
    int rc = sqlite3_prepare_v2(db,
                                "SELECT m.command_id,m.client,c.status FROM rollout_member m"
                                " LEFT JOIN command c USING(command_id) WHERE m.rollout_id=?"
                                " ORDER BY place",
                                -1, &q, NULL);

    if (rc == SQLITE_OK)
        column_bind_uid(q, 1, &row->id);
    while (rc == SQLITE_OK && !list.failed && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        read_member(q, &m);
        buf_append(&list, &m, sizeof m);
        rc = SQLITE_OK;
    }
    sqlite3_finalize(q);
    row->total = (uint32_t)(list.len / sizeof m);
    if (rc == SQLITE_DONE && !list.failed && list.len)
        return (struct rollout_member *)(void *)list.data;
    buf_fini(&list);
    return NULL;
}

bool rollouts_read(sqlite3 *db, const char *where, int64_t bound,
                   bool (*take)(void *user, const struct rollout *row,
                                const struct rollout_member *members),
                   void *user)
{
    struct buf sql = BUF_INIT;
    sqlite3_stmt *q = NULL;
    bool memory = true;
    int rc = SQLITE_NOMEM;

    buf_puts(&sql, "SELECT ");
    columns_select(&rollout_columns, &sql);
    if (buf_printf(&sql, " FROM rollout %s", where))
        rc = sqlite3_prepare_v2(db, buf_str(&sql), -1, &q, NULL);
    if (rc == SQLITE_OK)
        sqlite3_bind_int64(q, 1, bound);
    while (rc == SQLITE_OK && memory && sqlite3_step(q) == SQLITE_ROW) {
        struct rollout row = {.total = 0};
        columns_read(&rollout_columns, q, &row);
        struct rollout_member *members = read_members(db, &row);
        memory = !members || take(user, &row, members);
        free(members);
    }
    sqlite3_finalize(q);
    buf_fini(&sql);
    return memory;
}

/* ---- telling the main thread ---- */

struct telling {
    struct store *store;
    bool ours;
};

static bool tell(void *user, const struct rollout *row, const struct rollout_member *members)
{
    const struct telling *t = user;
    struct store_rollout *r = malloc(sizeof *r + row->total * sizeof *members);

    if (!r)
        return false;
    r->ours = t->ours;
    r->row = *row;
    memcpy(r->members, members, row->total * sizeof *members);
    if (!store_report_put(t->store, &(struct store_report){.kind = STORE_ROLLOUT, .rollout = r}))
        free(r);
    return true;
}

int64_t rollouts_last_change(struct writer *w)
{
    return writer_integer(w, SQL_ROLLOUT_LAST);
}

/* What others began, stopped or brought further. */
static void tell_changed(struct store *s)
{
    struct telling t = {.store = s};
    const int64_t last = rollouts_last_change(&s->writer);
    char where[128];

    snprintf(where, sizeof where,
             "WHERE changed>?1 AND (owner<>%lld OR state<>'running') ORDER BY changed",
             (long long)s->role.owner);
    if (last < s->rollouts_seen)
        s->rollouts_seen = 0; /* a new database */
    if (last > s->rollouts_seen)
        rollouts_read(s->writer.db, where, s->rollouts_seen, tell, &t);
    s->rollouts_seen = last;
}

/* ---- taking over ---- */

static int find_orphans(struct store *s, struct uid *ids)
{
    int rc, n = 0;
    sqlite3_stmt *q = writer_statement(&s->writer, SQL_ROLLOUTS_ACTIVE, &rc);

    while (q && n < TOLD_MOST && sqlite3_step(q) == SQLITE_ROW)
        if (!role_owner_lives(&s->role, sqlite3_column_int64(q, 1)))
            column_read_uid(q, 0, &ids[n++]);
    sqlite3_reset(q);
    return n;
}

static bool claim(struct store *s, const struct uid *id)
{
    sqlite3_stmt *q = NULL;
    int rc = sqlite3_prepare_v2(s->writer.db, "UPDATE rollout SET owner=? WHERE rollout_id=?", -1,
                                &q, NULL);

    if (rc == SQLITE_OK) {
        sqlite3_bind_int64(q, 1, s->role.owner);
        column_bind_uid(q, 2, id);
        rc = writer_step(q);
    }
    sqlite3_finalize(q);
    return rc == SQLITE_OK;
}

static void adopt(struct store *s, const struct uid *id)
{
    struct telling t = {.store = s, .ours = true};
    char where[96] = "WHERE ?1 AND rollout_id='";

    uid_format(id, where + strlen(where));
    strcat(where, "'");
    if (claim(s, id))
        rollouts_read(s->writer.db, where, 1, tell, &t);
}

void rollouts_look_around(struct store *s, bool others_wrote)
{
    struct uid ids[TOLD_MOST];

    if (others_wrote)
        tell_changed(s);
    if (!s->role.held)
        return;
    const int n = find_orphans(s, ids);
    for (int i = 0; i < n; i++)
        adopt(s, &ids[i]);
}
