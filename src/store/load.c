/* load.c - what the database knows, into a fresh core; outbox rows that an ended process left are
 * claimed. On the caller's thread, with a connection of its own. */
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "store/column.h"
#include "store/inside.h"

#define RECENT          1000
#define RECENT_ROLLOUTS 20

typedef bool (*restore_fn)(struct core *core, sqlite3 *db, sqlite3_stmt *q);

static bool restore_client(struct core *core, sqlite3 *db, sqlite3_stmt *q)
{
    struct client c = {{{0}}, .pid = NUMBER_NONE};

    (void)db;
    columns_read(&client_columns, q, &c);
    return core_restore_client(core, &c);
}

static bool restore_alarm(struct core *core, sqlite3 *db, sqlite3_stmt *q)
{
    struct alarm a = {{0}, .kind = ALARM_SERVICE_FAILED};
    const int i = alarm_columns.count;

    (void)db;
    columns_read(&alarm_columns, q, &a);
    const void *payload = sqlite3_column_blob(q, i);
    return core_restore_alarm(core, &a, payload, (size_t)sqlite3_column_bytes(q, i));
}

bool store_read_acks(sqlite3 *db, struct command *c)
{
    sqlite3_stmt *q = NULL;
    int rc = sqlite3_prepare_v2(db,
                                "SELECT status,topic,received_at FROM command_ack"
                                " WHERE command_id=? ORDER BY received_at",
                                -1, &q, NULL);

    if (rc == SQLITE_OK)
        column_bind_uid(q, 1, &c->id);
    c->ack_count = 0;
    while (rc == SQLITE_OK && c->ack_count < COMMAND_ACKS && sqlite3_step(q) == SQLITE_ROW) {
        const char *word = (const char *)sqlite3_column_text(q, 0);
        const int status = word ? vocabulary_find(command_statuses, COMMAND_STATUSES, word) : -1;
        if (status < 0)
            continue;
        c->acks[c->ack_count++] =
            (struct command_ack){.status = (enum command_status)status,
                                 .topic = sqlite3_column_int(q, 1) ? ACK_ALIAS : ACK_CANONICAL,
                                 .received_at = column_read_number(q, 2)};
    }
    sqlite3_finalize(q);
    return rc == SQLITE_OK;
}

static bool restore_command(struct core *core, sqlite3 *db, sqlite3_stmt *q)
{
    struct command c = {{{0}}, .ack_count = 0};

    columns_read(&command_columns, q, &c);
    return store_read_acks(db, &c) && core_restore_command(core, &c);
}

static const struct {
    const struct columns *columns;
    const char *extra, *where;
    restore_fn restore;
} loads[] = {
    {&client_columns, "", "", restore_client},
    {&alarm_columns, ",payload", " WHERE state<>'normal'", restore_alarm},
    /* Over, but the next occurrence counts on from them. */
    {&alarm_columns, ",payload",
     " WHERE state='normal' ORDER BY coalesce(cleared_at,raised_at,0) DESC LIMIT ?1",
     restore_alarm},
    {&command_columns, "",
     " WHERE command_id IN (SELECT command_id FROM command WHERE status"
     " IN('queued','published','accepted','execution_started')"
     " UNION SELECT * FROM (SELECT command_id FROM command ORDER BY stored_at DESC LIMIT ?1)"
     /* what lockouts may count, by the newest: no clock of ours is asked */
     " UNION SELECT * FROM (SELECT command_id FROM command"
     " WHERE stored_at>(SELECT max(stored_at) FROM command)-?2"
     " ORDER BY stored_at DESC LIMIT 16384))"
     " ORDER BY stored_at,command.rowid",
     restore_command},
};

static int load_table(sqlite3 *db, size_t k, struct core *core, bool *memory)
{
    struct buf sql = BUF_INIT;
    sqlite3_stmt *q = NULL;
    int rc = SQLITE_NOMEM;

    buf_puts(&sql, "SELECT ");
    columns_select(loads[k].columns, &sql);
    buf_puts(&sql, loads[k].extra);
    if (buf_printf(&sql, " FROM %s%s", loads[k].columns->from, loads[k].where))
        rc = sqlite3_prepare_v2(db, buf_str(&sql), -1, &q, NULL);
    if (rc == SQLITE_OK && sqlite3_bind_parameter_count(q) > 0)
        rc = sqlite3_bind_int(q, 1, RECENT);
    if (rc == SQLITE_OK && sqlite3_bind_parameter_count(q) > 1)
        rc = sqlite3_bind_int64(q, 2, core_lockout_reach(core));
    while (rc == SQLITE_OK && *memory && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        *memory = loads[k].restore(core, db, q);
        rc = SQLITE_OK;
    }
    sqlite3_finalize(q);
    buf_fini(&sql);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* ---- what was raised within a day: a flood goes on over a restart ---- */

#define RAISES 4096

static void restore_raise(struct core *core, sqlite3_stmt *q)
{
    struct raise r = {.at = sqlite3_column_int64(q, 0)};

    column_read_ascii(q, 1, r.alarm_id, sizeof r.alarm_id);
    column_read_uid(q, 2, &r.client);
    core_restore_raise(core, &r);
}

static int load_raises(sqlite3 *db, struct core *core)
{
    const int64_t since = clock_wall_ms() - LOAD_DAY_MS;
    sqlite3_stmt *q = NULL;
    int rc = sqlite3_prepare_v2(
        db,
        "SELECT at,alarm_id,uuid FROM (SELECT seq,at,alarm_id,"
        "(SELECT uuid FROM client WHERE id=event.client) AS uuid FROM event INDEXED BY event_kind"
        " WHERE kind=(SELECT id FROM word WHERE word='alarm_raised') AND seq>="
        "(SELECT min(first_seq) FROM span WHERE slot>=?1) AND at>=?2 ORDER BY seq DESC LIMIT ?3)"
        " ORDER BY seq",
        -1, &q, NULL);

    if (rc == SQLITE_OK) {
        sqlite3_bind_int64(q, 1, since / STORE_SPAN_MS);
        sqlite3_bind_int64(q, 2, since);
        sqlite3_bind_int64(q, 3, RAISES);
        while ((rc = sqlite3_step(q)) == SQLITE_ROW)
            restore_raise(core, q);
    }
    sqlite3_finalize(q);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* ---- outbox ---- */

static struct effect outbox_row(sqlite3_stmt *q)
{
    const bool has_payload = sqlite3_column_type(q, 2) != SQLITE_NULL;
    const void *blob = sqlite3_column_blob(q, 2);

    return (struct effect){
        .kind = OUT_OUTBOX_PUT,
        .durable = true,
        .u.publish =
            {
                .token = (uint64_t)sqlite3_column_int64(q, 0),
                .topic = (const char *)sqlite3_column_text(q, 1),
                .payload = has_payload ? (blob ? blob : "") : NULL,
                .len = (size_t)sqlite3_column_bytes(q, 2),
                .retain = sqlite3_column_int(q, 3) != 0,
                .expires_at = column_read_number(q, 4),
                .alarm_id = (const char *)sqlite3_column_text(q, 5),
                .sha = (const char *)sqlite3_column_text(q, 6),
            },
    };
}

int outbox_claim(const struct role *role, sqlite3 *db,
                 bool (*take)(void *user, const struct effect *row), void *user)
{
    sqlite3_stmt *q = NULL, *own = NULL;
    bool goes_on = true;
    int rc = sqlite3_prepare_v2(db,
                                "SELECT token,topic,payload,retain,expires_at,alarm_id,sha,owner"
                                " FROM outbox ORDER BY created_at,token",
                                -1, &q, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(db, "UPDATE outbox SET owner=? WHERE token=?", -1, &own, NULL);
    while (rc == SQLITE_OK && goes_on && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        const int64_t owner = sqlite3_column_int64(q, 7);
        rc = SQLITE_OK;
        if (owner == role->owner || role_owner_lives(role, owner) ||
            (owner == OWNER_RECORDER && !role->held))
            continue;
        const struct effect row = outbox_row(q);
        goes_on = !row.u.publish.topic || take(user, &row);
        if (!goes_on)
            break;
        sqlite3_bind_int64(own, 1, role->owner);
        sqlite3_bind_int64(own, 2, sqlite3_column_int64(q, 0));
        rc = writer_step(own);
    }
    sqlite3_finalize(own);
    sqlite3_finalize(q);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static bool restore_rollout(void *core, const struct rollout *row,
                            const struct rollout_member *members)
{
    core_restore_rollout(core, row, members); /* one that finds no room is not shown */
    return true;
}

static bool load_rollouts(sqlite3 *db, struct core *core)
{
    return rollouts_read(db,
                         "WHERE rollout_id IN (SELECT rollout_id FROM rollout WHERE state"
                         " IN('running','stopping') UNION SELECT * FROM (SELECT rollout_id FROM"
                         " rollout ORDER BY began_at DESC LIMIT ?1)) ORDER BY began_at",
                         RECENT_ROLLOUTS, restore_rollout, core);
}

struct restoring {
    struct core *core;
    bool *memory;
};

static bool restore_outbox(void *user, const struct effect *row)
{
    struct restoring *r = user;

    *r->memory = core_restore_outbox(r->core, row);
    return *r->memory;
}

/* Where the rows can't be claimed now (disk full, locked) they stay for the next process. What waits
 * for the recorder is not loaded, even if that is us: it is adopted a moment later, and told of. */
static void load_outbox(struct store *s, sqlite3 *db, struct core *core, bool *memory)
{
    if (db_integer(db, "SELECT count(*) FROM outbox", 0) == 0)
        return;
    if (db_run(db, "BEGIN IMMEDIATE") != SQLITE_OK)
        return;
    struct restoring r = {core, memory};
    const struct role nobody = {.fd = s->role.fd, .owner = s->role.owner};
    if (outbox_claim(&nobody, db, restore_outbox, &r) == SQLITE_OK)
        db_run(db, "COMMIT");
    if (!sqlite3_get_autocommit(db))
        db_run(db, "ROLLBACK");
}

bool store_load(struct store *s, struct core *core, struct err *e)
{
    sqlite3 *db = NULL;
    bool memory = true;
    int rc = SQLITE_OK;

    /* No database yet (the disk is full, say): begin empty; the thread goes on trying. */
    if (db_open(s->path, &db, NULL) != DB_DONE)
        return true;
    for (size_t k = 0; rc == SQLITE_OK && memory && k < sizeof loads / sizeof *loads; k++)
        rc = load_table(db, k, core, &memory);
    if (rc == SQLITE_OK && memory)
        load_raises(db, core);
    memory = memory && load_rollouts(db, core);
    if (rc == SQLITE_OK && memory && s->options.may_send)
        load_outbox(s, db, core, &memory);
    sqlite3_close(db);
    if (!memory)
        return err_set(e, EXIT_FAILED, _("out of memory: close something else"));
    return true; /* a page that can't be read shows when it is written: the thread sets the file
                    aside */
}
