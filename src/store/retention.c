/* retention.c - forgetting, in steps of at most 1,000 rows between batches. What rebuilds a moment
 * within the retention stays: the newest whole snapshot before it and all images since. */
#include "store/inside.h"

#include <stdio.h>

#define STEP_ROWS 1000
#define LOOK_MS   60000  /* between two looks when nothing was left to delete */
#define SOON_MS   20     /* between two steps */
#define ASK_MS    600000 /* a snapshot that did not come is asked for again */
#define DAY_MS    INT64_C(86400000)

struct cut {
    int64_t at;       /* what is older is forgotten */
    int64_t seq;      /* the lines up to here */
    int64_t snapshot; /* the one that must stay; its images reach back to … */
    int64_t image;    /* … this seq */
};

static int64_t number(struct writer *w, const char *format, int64_t a, int64_t preset)
{
    char sql[256];

    snprintf(sql, sizeof sql, format, (long long)a);
    return db_integer(w->db, sql, preset);
}

static struct cut cut_at(struct writer *w, int64_t at)
{
    struct cut c = {.at = at};
    const long long slot = at / STORE_SPAN_MS;

    /* Times may have stepped back: a line goes once all spans that may hold it are old. */
    c.seq = number(w, "SELECT min(first_seq)-1 FROM span WHERE slot>=%lld", slot, -1);
    if (c.seq < 0)
        c.seq = number(w, "SELECT max(last_seq) FROM span WHERE slot<%lld", slot, 0);
    c.snapshot = number(w,
                        "SELECT id FROM snapshot WHERE complete=1 AND at<=%lld"
                        " ORDER BY id DESC LIMIT 1",
                        at, 0);
    c.image = number(w, "SELECT seq FROM snapshot WHERE id=%lld", c.snapshot, 0);
    return c;
}

/* One after the other until one had something to delete. ?1 is what `bound` names. */
static const struct {
    const char *sql;
    size_t bound;   /* offset in struct cut */
    bool with_next; /* the next one belongs to it: both in one transaction */
} steps[] = {
    {"DELETE FROM event WHERE (client,seq) IN"
     " (SELECT client,seq FROM event INDEXED BY event_seq WHERE seq<=?1 ORDER BY seq LIMIT ?2)",
     offsetof(struct cut, seq), false},
    {"DELETE FROM span WHERE last_seq<=?1 AND last_seq<=(SELECT max(last_seq)-1 FROM span) AND ?2",
     offsetof(struct cut, seq), false},
    {"DELETE FROM image WHERE seq IN (SELECT seq FROM image WHERE seq<=?1 ORDER BY seq LIMIT ?2)",
     offsetof(struct cut, image), false},
    {"DELETE FROM snapshot_image WHERE (snapshot,n) IN"
     " (SELECT snapshot,n FROM snapshot_image WHERE snapshot<?1 ORDER BY snapshot,n LIMIT ?2)",
     offsetof(struct cut, snapshot), false},
    {"DELETE FROM snapshot WHERE id<?1 AND ?2", offsetof(struct cut, snapshot), false},
    {"DELETE FROM log WHERE id IN (SELECT id FROM log WHERE at<?1 ORDER BY at LIMIT ?2)",
     offsetof(struct cut, at), false},
    {"DELETE FROM command_ack WHERE command_id IN (SELECT command_id FROM command WHERE"
     " stored_at<?1 AND status NOT IN('queued','published','accepted','execution_started')"
     " ORDER BY stored_at LIMIT ?2)",
     offsetof(struct cut, at), true},
    {"DELETE FROM command WHERE command_id IN (SELECT command_id FROM command WHERE stored_at<?1"
     " AND status NOT IN('queued','published','accepted','execution_started')"
     " ORDER BY stored_at LIMIT ?2)",
     offsetof(struct cut, at), false},
    {"DELETE FROM rollout_member WHERE rollout_id IN (SELECT rollout_id FROM rollout WHERE"
     " began_at<?1 AND state IN('stopped','done') ORDER BY began_at LIMIT ?2)",
     offsetof(struct cut, at), true},
    {"DELETE FROM rollout WHERE rollout_id IN (SELECT rollout_id FROM rollout WHERE began_at<?1"
     " AND state IN('stopped','done') ORDER BY began_at LIMIT ?2)",
     offsetof(struct cut, at), false},
    {"DELETE FROM alarm WHERE id IN (SELECT id FROM alarm WHERE state='normal' AND"
     " coalesce(cleared_at,raised_at,0)<?1 ORDER BY coalesce(cleared_at,raised_at,0) LIMIT ?2)",
     offsetof(struct cut, at), false},
};

static int run_step(struct writer *w, size_t k, const struct cut *c, int *rows)
{
    sqlite3_stmt *q = NULL;
    int rc = sqlite3_prepare_v2(w->db, steps[k].sql, -1, &q, NULL);

    if (rc == SQLITE_OK) {
        const int64_t bound = *(const int64_t *)(const void *)((const char *)c + steps[k].bound);
        sqlite3_bind_int64(q, 1, bound);
        sqlite3_bind_int(q, 2, STEP_ROWS);
        rc = writer_step(q);
        *rows = sqlite3_changes(w->db);
    }
    sqlite3_finalize(q);
    return rc;
}

static enum db_verdict delete_some(struct writer *w, const struct cut *c, bool *more, int *rc)
{
    int rows = 0;
    enum db_verdict v = writer_begin(w, false, rc);

    if (v != DB_DONE)
        return v;
    for (size_t k = 0; *rc == SQLITE_OK && k < sizeof steps / sizeof *steps; k++) {
        int changed = 0;
        *rc = run_step(w, k, c, &changed);
        rows += changed;
        *more |= changed >= STEP_ROWS;
        if (rows >= STEP_ROWS && !steps[k].with_next) {
            *more = true;
            break;
        }
    }
    if (*rc != SQLITE_OK || !rows) {
        writer_rollback(w);
        return db_verdict(*rc);
    }
    return writer_commit(w, rc);
}

static bool is_anything_old(struct writer *w, const struct cut *c)
{
    static const struct {
        const char *sql;
        size_t bound;
    } oldest[] = {
        {"SELECT 1 FROM event INDEXED BY event_seq WHERE seq<=%lld LIMIT 1",
         offsetof(struct cut, seq)},
        {"SELECT 1 FROM image WHERE seq<=%lld LIMIT 1", offsetof(struct cut, image)},
        {"SELECT 1 FROM snapshot WHERE id<%lld LIMIT 1", offsetof(struct cut, snapshot)},
        {"SELECT 1 FROM log WHERE at<%lld LIMIT 1", offsetof(struct cut, at)},
        {"SELECT 1 FROM rollout WHERE began_at<%lld AND state IN('stopped','done') LIMIT 1",
         offsetof(struct cut, at)},
        {"SELECT 1 FROM command WHERE stored_at<%lld AND status NOT IN('queued','published',"
         "'accepted','execution_started') LIMIT 1",
         offsetof(struct cut, at)},
        {"SELECT 1 FROM alarm WHERE state='normal' AND coalesce(cleared_at,raised_at,0)<%lld LIMIT "
         "1",
         offsetof(struct cut, at)},
    };

    for (size_t i = 0; i < sizeof oldest / sizeof *oldest; i++) {
        const int64_t b = *(const int64_t *)(const void *)((const char *)c + oldest[i].bound);
        if (number(w, oldest[i].sql, b, 0))
            return true;
    }
    return false;
}

/* Daily, or twice within a retention that is shorter: images are only forgotten up to a snapshot.
 */
static bool snapshot_is_due(struct writer *w, struct retention *r, int64_t retention_ms,
                            int64_t wall_ms, int64_t mono_ms)
{
    const int64_t every = retention_ms / 2 < DAY_MS ? retention_ms / 2 : DAY_MS;
    const int64_t last = db_integer(
        w->db, "SELECT at FROM snapshot WHERE complete=1 ORDER BY id DESC LIMIT 1", INT64_MIN);
    const bool fresh = last != INT64_MIN && last <= wall_ms && wall_ms - last < every;

    if (fresh || (r->asked_mono && mono_ms - r->asked_mono < ASK_MS))
        return false;
    r->asked_mono = mono_ms ? mono_ms : 1;
    return true;
}

enum db_verdict retention_step(struct writer *w, struct retention *r, int64_t retention_ms,
                               int64_t wall_ms, int64_t mono_ms, bool *more, bool *want_snapshot,
                               int *rc)
{
    enum db_verdict v = DB_DONE;

    *want_snapshot = snapshot_is_due(w, r, retention_ms, wall_ms, mono_ms);
    const struct cut c = cut_at(w, wall_ms - retention_ms);
    if (is_anything_old(w, &c))
        v = delete_some(w, &c, more, rc);
    r->next_mono = mono_ms + (*more ? SOON_MS : LOOK_MS);
    return v;
}
