/* thread.c - the store's thread: takes records in batches, writes them, waits troubles out,
 * competes for the recorder role, and tells the main thread of it. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/i18n.h"
#include "store/inside.h"

#define BATCH_MS 100
/* Only a flood fills a batch. Measured at 2 million rows of 10,000 clients: 16,384 rows a
 * transaction write 1.6 times as many a second as 4,096, since more of them meet in one page. */
#define BATCH_ROWS  16384
#define BATCH_BYTES (16u << 20)
#define EARLY_BYTES (4u << 20) /* this much waiting is a batch, however young */
#define KEPT_BYTES  (1u << 20) /* of an empty batch */
#define ROLE_MS     500
#define FILE_MS     1000
#define TOUCH_MS    1000
#define TELL_MS     10000 /* durable_at alone */
#define RETRY_MS    1000
#define LOOK_MS     1000

/* ---- reports ---- */

static bool hand_over(struct store *s, const struct store_report *r)
{
    void *to = ring_reserve(s->reports, sizeof *r);

    if (!to)
        return false;
    memcpy(to, r, sizeof *r);
    ring_commit(s->reports, sizeof *r);
    ring_flush(s->reports);
    return true;
}

static void flush_late_reports(struct store *s)
{
    struct buf *late = &s->late_reports;
    size_t done = 0;

    while (done < late->len &&
           hand_over(s, (const struct store_report *)(const void *)(late->data + done)))
        done += sizeof(struct store_report);
    if (!done)
        return;
    memmove(late->data, late->data + done, late->len - done);
    late->len -= done;
}

/* A report is never lost: what finds no room waits in memory, in order. */
bool store_report_put(struct store *s, const struct store_report *r)
{
    flush_late_reports(s);
    return (!s->late_reports.len && hand_over(s, r)) ||
           buf_append(&s->late_reports, r, sizeof *r);
}

static void report(struct store *s, const struct store_report *r)
{
    store_report_put(s, r);
}

static void report_status(struct store *s, enum store_report_kind kind)
{
    s->status.lost = atomic_load(&s->lost) + s->writer.skipped;
    s->status.recorder = s->role.held;
    s->status.other_recorder = !s->role.held && role_held_by_other(&s->role);
    s->told_mono = clock_mono_ms();
    report(s, &(struct store_report){.kind = kind, .status = s->status});
}

/* ---- trouble, in words ---- */

static void say(struct words *w, const char *id, const char *first, const char *second)
{
    *w = (struct words){.id = id};
    TEXT_SET(&w->arg[0], first, strlen(first));
    TEXT_SET(&w->arg[1], second, strlen(second));
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static void in_trouble(struct store *s, enum db_verdict v, int rc)
{
    const enum store_phase phase = v == DB_FULL     ? STORE_FULL
                                   : v == DB_LOCKED ? STORE_LOCKED
                                                    : STORE_FAILING;
    const char *name = base_name(s->path), *system = sqlite3_errstr(rc);

    s->retry_mono = clock_mono_ms() + RETRY_MS;
    if (s->status.phase == phase)
        return;
    s->status.phase = phase;
    if (phase == STORE_FULL)
        say(&s->status.why, N_("disk full: free space on {1}; nothing is lost, history waits"),
            s->path, "");
    else if (phase == STORE_LOCKED)
        say(&s->status.why,
            N_("{1} is locked by another program: end it; nothing is lost, history waits"), name,
            "");
    else
        say(&s->status.why,
            N_("{1} cannot be written ({2}): check its disk and permissions; "
               "nothing is lost, history waits"),
            name, system);
    report_status(s, STORE_STATUS);
}

static void all_well(struct store *s)
{
    const bool had_trouble = s->retry_mono != 0;
    const int64_t now = clock_mono_ms();

    s->retry_mono = 0;
    s->status.phase = s->trouble.id ? STORE_REPLACED : STORE_OK;
    s->status.why = s->trouble;
    s->status.durable_at = clock_wall_ms();
    if (had_trouble || now - s->told_mono >= TELL_MS)
        report_status(s, STORE_STATUS);
}

/* ---- the connection ---- */

/* One process at a time repairs; one that comes second finds a new file and leaves it alone. */
static void replace_damaged(struct store *s)
{
    char name[128] = "";
    struct stat st, opened = s->writer.file;
    sqlite3 *probe = NULL;

    writer_close(&s->writer);
    if (!role_lock_repair(&s->role))
        return;
    const bool same = !opened.st_ino || (stat(s->path, &st) == 0 && st.st_ino == opened.st_ino);
    const bool damaged = same && db_open(s->path, &probe, NULL) == DB_DAMAGED;
    sqlite3_close(probe);
    /* One that was read as damaged while it was used, but opens, has a bad page further in. */
    if ((damaged || (same && opened.st_ino)) && db_set_aside(s->path, name, sizeof name))
        say(&s->trouble, N_("the database was damaged: it is kept as {1}, a new one was begun"),
            name, "");
    s->writer.file = (struct stat){0};
    role_unlock_repair(&s->role);
    s->resync_due = true;
}

static bool ensure_open(struct store *s)
{
    struct err e = {0};
    enum db_verdict v;

    if (s->writer.db)
        return true;
    v = writer_open(&s->writer, s->path, &e);
    if (v == DB_DAMAGED) {
        replace_damaged(s);
        v = writer_open(&s->writer, s->path, &e);
    }
    if (v == DB_DONE) {
        all_well(s);
        if (s->trouble.id)
            report_status(s, STORE_STATUS);
        return true;
    }
    in_trouble(s, v, SQLITE_CANTOPEN);
    return false;
}

/* Somebody moved or removed the file under us: rows would go where nobody reads them. */
static void check_file(struct store *s)
{
    struct stat st;

    s->file_mono = clock_mono_ms() + FILE_MS;
    if (!s->writer.db)
        return;
    if (stat(s->path, &st) == 0 && st.st_ino == s->writer.file.st_ino &&
        st.st_dev == s->writer.file.st_dev)
        return;
    writer_close(&s->writer);
    s->writer.file = (struct stat){0};
    s->resync_due = true;
    ensure_open(s);
}

/* Writing did not work out: what now? True if the caller may go on. */
static bool judge(struct store *s, enum db_verdict v, int rc)
{
    if (v == DB_DONE) {
        all_well(s);
        return true;
    }
    if (v == DB_DAMAGED) {
        replace_damaged(s);
        ensure_open(s);
    } else {
        in_trouble(s, v, rc);
    }
    return false;
}

/* ---- batches ---- */

static void add_to_batch(struct batch *b, const struct record *r, size_t bytes)
{
    static const char zero[16];

    buf_append(&b->bytes, r, bytes);
    buf_append(&b->bytes, zero, -bytes & 15);
    b->rows++;
    b->events += r->kind == REC_HISTORY;
    b->durable |= record_is_durable(r->kind);
}

static bool batch_is_full(const struct batch *b)
{
    return b->rows >= BATCH_ROWS || b->bytes.len >= BATCH_BYTES;
}

/* Takes from the ring what fits into one transaction. False: nothing waits. */
static bool fill_batch(struct store *s)
{
    struct batch *b = &s->batch;
    const struct record *r;
    size_t bytes;

    if (b->rows)
        return true; /* the last one was not written yet */
    atomic_store(&s->urgent, false);
    b->bytes.failed = false;
    while ((r = ring_peek(s->records, &bytes)) && (r->joined || !batch_is_full(b))) {
        const size_t before = b->bytes.len;
        add_to_batch(b, r, bytes);
        if (b->bytes.failed) { /* no memory: it stays in the ring */
            b->bytes.len = before;
            b->rows--;
            break;
        }
        ring_pop(s->records);
    }
    return b->rows > 0;
}

static void tell_durable(struct store *s, uint64_t token)
{
    pthread_mutex_lock(&s->durable_lock);
    if (s->on_durable)
        s->on_durable(s->durable_user, token);
    pthread_mutex_unlock(&s->durable_lock);
    report(s, &(struct store_report){.kind = STORE_DURABLE, .token = token});
}

static void batch_committed(struct store *s)
{
    struct batch *b = &s->batch;

    for (size_t at = 0; at < b->bytes.len;) {
        const struct record *r = (const struct record *)(const void *)(b->bytes.data + at);
        if (r->kind == REC_BARRIER)
            tell_durable(s, r->u.token);
        else if (r->kind == REC_OUTBOX)
            report(s,
                   &(struct store_report){.kind = STORE_OUTBOX_STORED, .token = r->u.outbox.token});
        else if (r->kind == REC_SNAPSHOT_END)
            s->retention.asked_mono = 0;
        at += (r->blob_at + r->len + 15) & ~(size_t)15;
    }
    buf_clear(&b->bytes);
    if (b->bytes.cap > KEPT_BYTES && ring_used(s->records) < EARLY_BYTES)
        buf_fini(&b->bytes); /* the flood is over: the memory is not ours to keep */
    b->rows = b->events = 0;
    b->durable = false;
}

/* Rows that found no room: everything is put again, once there is room and writing works. */
static void offer_resync(struct store *s)
{
    if (ring_used(s->records) == 0 && atomic_exchange(&s->refused, false))
        s->resync_due = true;
    if (!s->resync_due)
        return;
    s->resync_due = false;
    report(s, &(struct store_report){.kind = STORE_RESYNC});
    report_status(s, STORE_STATUS); /* with what was lost */
}

static void write_batch(struct store *s)
{
    int rc = SQLITE_OK;

    if (!ensure_open(s))
        return;
    const enum db_verdict v = writer_write(&s->writer, &s->batch, s->role.owner, &rc);
    s->touch_mono = clock_mono_ms() + TOUCH_MS;
    if (judge(s, v, rc))
        batch_committed(s);
}

/* ---- turns ---- */

static void tick_role(struct store *s)
{
    const bool other = s->status.other_recorder;

    s->role_mono = clock_mono_ms() + ROLE_MS;
    if (role_tick(&s->role))
        report_status(s, STORE_ROLE);
    else if (!s->role.held && other != role_held_by_other(&s->role))
        report_status(s, STORE_STATUS);
}

/* as_of is what readers tell a living recorder by: kept fresh, but without a sync. */
static void touch(struct store *s)
{
    int rc = SQLITE_OK;

    s->touch_mono = clock_mono_ms() + TOUCH_MS;
    if (s->role.held && ensure_open(s))
        judge(s, writer_touch(&s->writer, &rc), rc);
}

static void retain(struct store *s, int64_t now)
{
    bool more = false, want = false;
    int rc = SQLITE_OK;

    if (!s->role.held || !s->writer.db || now < s->retention.next_mono)
        return;
    const enum db_verdict v = retention_step(&s->writer, &s->retention, s->options.retention_ms,
                                             clock_wall_ms(), now, &more, &want, &rc);
    if (v != DB_DONE)
        judge(s, v, rc);
    if (want)
        report(s, &(struct store_report){.kind = STORE_WANT_SNAPSHOT});
}

static int64_t soonest(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* When the waiting records are due; INT64_MAX without any. */
static int64_t batch_due(const struct store *s)
{
    if (s->retry_mono)
        return s->batch.rows || s->first_mono ? s->retry_mono : INT64_MAX;
    if (s->batch.rows)
        return 0;
    if (!s->first_mono)
        return INT64_MAX;
    if (atomic_load(&s->urgent) || ring_used(s->records) >= EARLY_BYTES ||
        atomic_load(&s->stopping))
        return 0;
    return s->first_mono + BATCH_MS;
}

static void wait_for_work(struct store *s)
{
    struct pollfd fds[2] = {{.fd = s->wake_fd, .events = POLLIN},
                            {.fd = ring_fd(s->records), .events = POLLIN}};
    const int64_t now = clock_mono_ms();
    int64_t until = soonest(batch_due(s), s->role_mono);

    until = soonest(soonest(until, s->file_mono), s->look_mono);
    if (s->role.held)
        until = soonest(soonest(until, s->touch_mono), s->retention.next_mono);
    if (s->late_reports.len)
        until = soonest(until, now + 20);
    if (atomic_load(&s->stopping))
        until = soonest(until, now + 20);
    /* The ring's descriptor stays readable while records wait: looked at only until the first is
     * seen. */
    const nfds_t count = s->first_mono ? 1 : 2;
    if (poll(fds, count, until <= now ? 0 : (int)(until - now)) > 0) {
        uint64_t seen;
        if (fds[0].revents && read(s->wake_fd, &seen, sizeof seen) < 0 && errno != EAGAIN)
            return;
        if (count == 2 && fds[1].revents)
            s->first_mono = clock_mono_ms();
    }
    if (!s->first_mono && atomic_load(&s->urgent))
        s->first_mono = clock_mono_ms();
}

static void write_what_is_due(struct store *s)
{
    if (batch_due(s) > clock_mono_ms())
        return;
    const bool filled = fill_batch(s);
    const bool to_the_brim = batch_is_full(&s->batch);
    if (filled)
        write_batch(s);
    if (s->batch.rows)
        return; /* not written: it comes again */
    const int64_t now = clock_mono_ms();
    /* A peek at an empty ring re-arms its descriptor. */
    s->first_mono = !ring_peek(s->records, &(size_t){0}) ? 0 : to_the_brim ? now - BATCH_MS : now;
}

static bool over(const struct store *s)
{
    if (!atomic_load(&s->stopping))
        return false;
    return (!s->batch.rows && ring_used(s->records) == 0) || clock_mono_ms() >= s->stop_mono;
}

static void look_around(struct store *s, int64_t now)
{
    s->look_mono = now + LOOK_MS;
    if (s->writer.db && !s->retry_mono && !atomic_load(&s->stopping))
        store_look_around(s, now);
}

void *store_run(void *store)
{
    struct store *s = store;

    s->wall_offset = clock_wall_ms() - clock_mono_ms();

    if (ensure_open(s)) {
        all_well(s);
        s->rollouts_seen = rollouts_last_change(&s->writer); /* those are loaded */
    }
    if (s->trouble.id)
        report_status(s, STORE_STATUS);
    tick_role(s);
    while (!over(s)) {
        wait_for_work(s);
        const int64_t now = clock_mono_ms();
        flush_late_reports(s);
        if (now >= s->role_mono)
            tick_role(s);
        if (now >= s->file_mono)
            check_file(s);
        write_what_is_due(s);
        if (now >= s->look_mono)
            look_around(s, now);
        if (s->role.held && now >= s->touch_mono && (!s->retry_mono || now >= s->retry_mono))
            touch(s);
        if (!s->retry_mono) {
            retain(s, now);
            offer_resync(s);
        }
    }
    return NULL;
}
