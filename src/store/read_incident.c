/* read_incident.c - incidents of a time. Where the first of them begins is not known beforehand:
 * the lines of the time are read, and further back as long as an incident may reach over the edge.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/i18n.h"
#include "store/column.h"
#include "store/inside.h"
#include "store/reader.h"

#define STEP_MS      INT64_C(21600000) /* 6 h further back, then twice that, … */
#define LOOK_BACK    1000000           /* lines */
#define LOGS_MOST    200               /* of an incident */
#define CLIENTS_MOST 20                /* whose logs are looked at */
#define AROUND_MS    INT64_C(60000)

/* Lists that grow as rows come. */
struct gathered {
    struct history_event *events;
    size_t event_count, event_room;
    struct alarm *alarms;
    size_t alarm_count, alarm_room;
    struct command *commands;
    size_t command_count, command_room;
    struct log_line *logs;
    size_t log_count, log_room;
};

#define NEXT(g, what)                                                                              \
    array_add(&(g)->what##s, &(g)->what##_count, &(g)->what##_room, sizeof *(g)->what##s)

static bool no_memory(struct err *e)
{
    return err_set(e, EXIT_FAILED, _("out of memory: narrow the query"));
}

/* ---- lines and alarms ---- */

static int by_seq(const void *a, const void *b)
{
    const struct history_event *x = a, *y = b;

    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

/* Kind by kind, as the index has them. */
static bool read_events(struct reader *r, int64_t first_seq, struct gathered *g, struct err *e)
{
    struct buf sql = BUF_INIT;
    int rc = SQLITE_ROW;

    buf_puts(&sql, "SELECT " READER_EVENT_COLUMNS
                   " FROM event INDEXED BY event_kind WHERE seq>=?1 AND kind IN(");
    reader_kind_numbers(r, incident_event_kinds, &sql);
    buf_puts(&sql, ")");
    sqlite3_stmt *q = reader_prepare(r, &sql, e);
    if (!q)
        return false;
    sqlite3_bind_int64(q, 1, first_seq);
    g->event_count = 0;
    while (rc == SQLITE_ROW && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        struct history_event *ev = NEXT(g, event);
        if (ev)
            reader_read_event(q, memset(ev, 0, sizeof *ev));
        else
            rc = SQLITE_NOMEM;
    }
    if (g->event_count)
        qsort(g->events, g->event_count, sizeof *g->events, by_seq);
    return reader_finish(r, q, rc, e);
}

/* Those that stand, and those that ended since. */
static bool read_alarms(struct reader *r, int64_t since_at, struct gathered *g, struct err *e)
{
    struct buf sql = BUF_INIT;
    int rc = SQLITE_ROW;

    buf_puts(&sql, "SELECT ");
    columns_select(&alarm_columns, &sql);
    buf_puts(&sql, " FROM alarm WHERE state<>'normal' UNION ALL SELECT ");
    columns_select(&alarm_columns, &sql);
    buf_puts(&sql, " FROM alarm WHERE state='normal' AND coalesce(cleared_at,raised_at,0)>=?1");
    sqlite3_stmt *q = reader_prepare(r, &sql, e);
    if (!q)
        return false;
    sqlite3_bind_int64(q, 1, since_at);
    g->alarm_count = 0;
    while (rc == SQLITE_ROW && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        struct alarm *a = NEXT(g, alarm);
        if (a)
            columns_read(&alarm_columns, q, memset(a, 0, sizeof *a));
        else
            rc = SQLITE_NOMEM;
    }
    return reader_finish(r, q, rc, e);
}

/* ---- how far back ---- */

static bool went_on(const struct incident *i, const struct incident_query *q)
{
    return (q->until_at == TIME_NONE || i->began_at <= q->until_at) &&
           (i->ended_at == TIME_NONE || i->standing || i->last_at >= q->since_at);
}

/* May one of the incidents asked for be a piece of something older than `from`? */
static bool reaches_over(const struct incidents *set, const struct incident_query *q, int64_t from)
{
    for (size_t i = 0; i < set->count; i++)
        if (went_on(&set->list[i], q) &&
            (set->list[i].torn ||
             set->list[i].began_at - from <= q->after_ms + INCIDENT_TOGETHER_MS))
            return true;
    return false;
}

static bool make(struct reader *r, const struct incident_query *q, int64_t from, int64_t first_seq,
                 struct gathered *g, struct incidents *set, struct err *e)
{
    incidents_fini(set);
    if (!read_events(r, first_seq, g, e) || !read_alarms(r, from, g, e))
        return false;
    const struct incident_rows rows = {g->events, g->event_count, g->alarms, g->alarm_count,
                                       q->after_ms};
    return incidents_make(&rows, set) || no_memory(e);
}

/* What stands since long ago is known to reach so far. */
static int64_t first_guess(struct reader *r, const struct incident_query *q)
{
    const int64_t standing = db_integer(
        r->db, "SELECT min(raised_at) FROM alarm INDEXED BY alarm_standing WHERE state<>'normal'",
        q->since_at);

    return (standing < q->since_at ? standing : q->since_at) - 2 * q->after_ms -
           2 * INCIDENT_TOGETHER_MS;
}

static bool find_all(struct reader *r, const struct incident_query *q, struct gathered *g,
                     struct incidents *set, struct err *e)
{
    const int64_t begin = reader_seq_since(r, q->since_at);
    const int64_t oldest = db_integer(r->db, "SELECT min(first_seq) FROM span", 0);
    int64_t from = first_guess(r, q), step = STEP_MS;

    for (;;) {
        const int64_t seq = reader_seq_since(r, from);
        const bool far = begin != INT64_MAX && begin - seq > LOOK_BACK;
        if (!make(r, q, from, far ? begin - LOOK_BACK : seq, g, set, e))
            return false;
        if (far || seq <= oldest || !reaches_over(set, q, from))
            return true;
        from -= step;
        step *= 2;
    }
}

static void keep_those_asked_for(const struct incident_query *q, struct incidents *set)
{
    size_t kept = 0;

    for (size_t i = 0; i < set->count; i++)
        if (went_on(&set->list[i], q))
            set->list[kept++] = set->list[i];
    set->count = kept;
}

/* ---- what belongs to them ---- */

static bool add_command(void *user, const struct command *c)
{
    struct gathered *g = user;
    struct command *slot = NEXT(g, command);

    if (slot)
        *slot = *c;
    return slot != NULL;
}

static bool read_commands(struct reader *r, const struct incidents *set, struct gathered *g,
                          struct err *e)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct incident *in = &set->list[i];
        const struct command_query q = {.ids = in->commands, .id_count = (int)in->command_count};
        if (in->command_count && !reader_commands(r, &q, add_command, g, e))
            return false;
    }
    return true;
}

static sqlite3_stmt *prepare_logs(struct reader *r, struct err *e)
{
    struct buf sql = BUF_INIT;

    buf_puts(&sql, "SELECT at,level,message FROM log INDEXED BY log_client WHERE client=?1"
                   " AND at BETWEEN ?2 AND ?3 AND (level LIKE '%err%' OR level LIKE '%warn%'"
                   " OR level LIKE '%crit%' OR level LIKE '%fatal%') ORDER BY at LIMIT ?4");
    return reader_prepare(r, &sql, e);
}

static int read_logs_of(struct reader *r, sqlite3_stmt *q, const struct uid *client,
                        const struct incident *in, size_t most, struct gathered *g)
{
    int rc;

    sqlite3_bind_int64(q, 1, reader_client_number(r, client));
    sqlite3_bind_int64(q, 2, in->began_at - AROUND_MS);
    sqlite3_bind_int64(q, 3, in->ended_at == TIME_NONE ? INT64_MAX : in->ended_at + AROUND_MS);
    sqlite3_bind_int64(q, 4, (sqlite3_int64)most);
    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        struct log_line *l = NEXT(g, log);
        if (!l) {
            rc = SQLITE_NOMEM;
            break;
        }
        *l = (struct log_line){.at = sqlite3_column_int64(q, 0), .client = *client};
        column_read_text(q, 1, l->level.clean, sizeof l->level.clean);
        column_read_text(q, 2, l->message.clean, sizeof l->message.clean);
    }
    sqlite3_reset(q);
    return rc;
}

static bool is_first_of_client(const struct incident *in, uint32_t k)
{
    for (uint32_t i = 0; i < k; i++)
        if (uid_equal(&in->alarms[i].client, &in->alarms[k].client))
            return false;
    return !uid_is_zero(&in->alarms[k].client);
}

static int logs_by_time(const void *a, const void *b)
{
    const struct log_line *x = a, *y = b;

    return x->at < y->at ? -1 : x->at > y->at;
}

/* Of an incident with many devices the first ones' logs are shown: they know the cause. */
static bool read_logs(struct reader *r, struct incidents *set, struct gathered *g, struct err *e)
{
    sqlite3_stmt *q = prepare_logs(r, e);
    int rc = SQLITE_DONE;

    for (size_t i = 0; q && rc == SQLITE_DONE && i < set->count; i++) {
        struct incident *in = &set->list[i];
        const size_t first = g->log_count;
        uint32_t clients = 0;
        for (uint32_t k = 0; rc == SQLITE_DONE && k < in->alarm_count && clients < CLIENTS_MOST &&
                             k < 4 * CLIENTS_MOST;
             k++) {
            if (!is_first_of_client(in, k))
                continue;
            clients++;
            rc = read_logs_of(r, q, &in->alarms[k].client, in, LOGS_MOST - (g->log_count - first),
                              g);
        }
        in->log_count = (uint32_t)(g->log_count - first);
        if (in->log_count)
            qsort(g->logs + first, in->log_count, sizeof *g->logs, logs_by_time);
    }
    return q && reader_finish(r, q, rc, e);
}

/* The lists lie still now. */
static void point_to_logs(struct incident_report *out)
{
    const struct log_line *at = out->logs;

    for (size_t i = 0; i < out->set.count; i++) {
        out->set.list[i].logs = at;
        at += out->set.list[i].log_count;
    }
}

/* ---- the last hand-over ---- */

static bool take_handover(void *user, const struct history_event *ev, const char *packed)
{
    struct incident_report *out = user;

    (void)packed;
    if (!incident_is_handover(ev))
        return true;
    out->handed_over_at = ev->at;
    out->handed_over_by = ev->by;
    return false;
}

static bool read_handover(struct reader *r, struct incident_report *out, struct err *e)
{
    const struct history_query q = {
        .since_at = TIME_NONE, .until_at = TIME_NONE, .kind = EVENT_NOTE, .limit = 10000};

    out->handed_over_at = TIME_NONE;
    return reader_history(r, &q, take_handover, out, e);
}

/* ---- all of it, as of one moment ---- */

static bool read_all(struct reader *r, const struct incident_query *q, struct gathered *g,
                     struct incident_report *out, struct err *e)
{
    if (!find_all(r, q, g, &out->set, e))
        return false;
    keep_those_asked_for(q, &out->set);
    return read_commands(r, &out->set, g, e) && read_logs(r, &out->set, g, e) &&
           read_handover(r, out, e);
}

bool reader_incidents(struct reader *r, const struct incident_query *q, struct incident_report *out,
                      struct err *e)
{
    struct gathered g = {0};

    *out = (struct incident_report){0};
    db_run(r->db, "BEGIN");
    const bool ok = read_all(r, q, &g, out, e);
    db_run(r->db, "COMMIT");
    free(g.alarms);
    out->events = g.events;
    out->event_count = g.event_count;
    out->commands = g.commands;
    out->command_count = g.command_count;
    out->logs = g.logs;
    out->log_count = g.log_count;
    incident_report_sort(out);
    point_to_logs(out);
    return ok;
}
