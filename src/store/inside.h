/* inside.h - the store's own parts, shared by its files. Which thread may touch what is said at each. */
#ifndef STORE_INSIDE_H
#define STORE_INSIDE_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/ring.h"
#include "store/db.h"
#include "store/role.h"
#include "store/store.h"

#define STORE_SPAN_MS 600000 /* of one row of the span table */
#define RECORD_BYTES  (32u << 20) /* some 60,000 rows: a minute of a busy fleet while the disk is away */

/* ---- records: from the main thread to the store's ---- */

enum record_kind {
    REC_CLIENT, REC_LIFE, REC_ALARM, REC_COMMAND, REC_ROLLOUT, REC_HISTORY, REC_LOG, REC_LINK_STATE,
    REC_OUTBOX, REC_OUTBOX_DONE, REC_SNAPSHOT_BEGIN, REC_SNAPSHOT_IMAGE, REC_SNAPSHOT_END,
    REC_BARRIER,
    RECORDS
};

struct life {
    struct uid id;
    uint32_t index; /* as in struct client */
    int64_t last_heartbeat_at, last_health_at;
};

/* An outbox row; its strings follow one another in the blob, each with its NUL, the payload last. */
struct outbox_row {
    uint64_t token;
    int64_t expires_at;
    bool retain, local, has_payload, has_alarm, has_sha;
};

struct record {
    enum record_kind kind;
    bool joined;          /* in one transaction with the record before */
    uint32_t fixed, len;  /* bytes of u in use, bytes of the blob behind it */
    uint32_t blob_at;     /* from the record's start */
    union {
        struct client client;
        struct life life;
        struct alarm alarm;
        struct command command;
        struct rollout rollout; /* its members in the blob; none: stored already */
        struct history_event event;
        struct log_line log;
        struct { bool connected, outage; } link;
        struct outbox_row outbox;
        uint64_t token; /* OUTBOX_DONE, BARRIER */
        int64_t at;     /* SNAPSHOT_BEGIN */
    } u;
};
static inline const void *record_blob(const struct record *r)
{
    return (const char *)r + r->blob_at;
}
/* Rows that must be synced when they are committed. */
bool record_is_durable(enum record_kind kind);

/* ---- a batch: what one transaction writes; kept until it is committed ---- */

struct batch {
    struct buf bytes; /* records, each at a multiple of 16 */
    unsigned rows, events;
    bool durable;
};

/* ---- the connection and its statements; the store's thread ---- */

enum statement {
    SQL_CLIENT, SQL_CLIENT_NUMBER, SQL_CLIENT_BARE, SQL_LIFE, SQL_ALARM, SQL_COMMAND, SQL_ACK, SQL_ROLLOUT,
    SQL_ROLLOUT_CHANGED, SQL_ROLLOUT_MEMBER,
    SQL_EVENT, SQL_IMAGE, SQL_SPAN, SQL_LOG, SQL_LINK_STATE, SQL_META, SQL_META_READ, SQL_OUTBOX,
    SQL_OUTBOX_DONE, SQL_SNAPSHOT, SQL_SNAPSHOT_IMAGE, SQL_SNAPSHOT_END, SQL_BEGIN, SQL_COMMIT,
    SQL_DATA_VERSION, SQL_OUTBOX_OWNERS, SQL_ROLLOUTS_ACTIVE, SQL_ROLLOUT_LAST, SQL_COMMAND_READ,
    SQL_COMMANDS_OVERDUE,
    STATEMENTS
};

struct snapshot {
    int64_t id, n;     /* 0: none begun */
    struct buf chunk;  /* images that wait to be written together */
};

/* Where a client lies in its table. */
struct client_number {
    struct uid id;
    int64_t number; /* 0: not known yet */
};

struct writer {
    sqlite3 *db; /* NULL: not open at the moment */
    sqlite3_stmt *sql[STATEMENTS];
    int kinds[EVENT_KINDS]; /* their numbers in the word table */
    struct stat file;       /* of what is open: is PATH still it? */
    bool full_sync;
    bool large_cache;
    int64_t seq;            /* within a transaction: the last one given out */
    int64_t span_slot, span_first, span_last;
    struct snapshot snapshot;
    struct buf numbers;     /* struct client_number, by index in the core */
    uint64_t skipped;       /* rows that can never go in */
};

enum db_verdict writer_open(struct writer *w, const char *path, struct err *e);
void writer_close(struct writer *w);
/* The whole batch in one transaction. Anything but DB_DONE: nothing of it was written. */
enum db_verdict writer_write(struct writer *w, const struct batch *b, int64_t owner, int *rc);
/* as_of alone: that the recorder lives. */
enum db_verdict writer_touch(struct writer *w, int *rc);
enum db_verdict writer_begin(struct writer *w, bool durable, int *rc);
enum db_verdict writer_commit(struct writer *w, int *rc);
void writer_rollback(struct writer *w);
/* Writes one record within the transaction (rows.c). */
int rows_write(struct writer *w, const struct record *r, int64_t owner);
int rows_flush(struct writer *w);
sqlite3_stmt *writer_statement(struct writer *w, enum statement which, int *rc);
int writer_step(sqlite3_stmt *q); /* to its end, and reset */
/* First column of a statement without parameters; 0 without a row. */
int64_t writer_integer(struct writer *w, enum statement which);

/* Rollouts (rollouts.c). */
int rollout_write(struct writer *w, const struct record *r, int64_t owner);
/* Each as the database has it; false of take: no memory. `where` follows FROM rollout. */
bool rollouts_read(sqlite3 *db, const char *where, int64_t bound,
                   bool (*take)(void *user, const struct rollout *row,
                                const struct rollout_member *members),
                   void *user);
int64_t rollouts_last_change(struct writer *w);
void rollouts_look_around(struct store *s, bool others_wrote);

/* The acks of a command (load.c). */
bool store_read_acks(sqlite3 *db, struct command *c);
/* Gives outbox rows whose owner ended to this process; false of take: no memory (load.c). Within a
 * transaction, so that of two processes only one takes a row. */
int outbox_claim(const struct role *role, sqlite3 *db,
                 bool (*take)(void *user, const struct effect *row), void *user);

/* ---- retention ---- */

struct retention {
    int64_t next_mono;       /* of the next look */
    int64_t asked_mono;      /* for a snapshot; 0: not */
};
/* At most 1,000 rows; *more: come again soon, *want_snapshot: ask for one. */
enum db_verdict retention_step(struct writer *w, struct retention *r, int64_t retention_ms,
                               int64_t wall_ms, int64_t mono_ms, bool *more, bool *want_snapshot,
                               int *rc);

/* ---- the store ---- */

struct store {
    char *path;
    struct store_options options;
    struct ring *records, *reports;
    pthread_t thread;
    bool started;
    int wake_fd;
    atomic_bool urgent, refused, stopping;
    bool holding, held_urgent; /* the main thread's: records that belong together are being put */
    bool group_begun;
    atomic_uint_least64_t lost;

    pthread_mutex_t durable_lock;
    void (*on_durable)(void *user, uint64_t token);
    void *durable_user;

    /* The store's thread alone, once it runs. */
    struct role role;
    struct writer writer;
    struct batch batch;
    struct retention retention;
    struct buf late_reports; /* those that found no room in the ring */
    struct store_status status;
    struct words trouble;    /* of a database that was replaced; shown while all else is well */
    bool resync_due;
    int64_t first_mono;      /* when the oldest waiting record was noticed; 0: none */
    int64_t retry_mono;      /* 0: no trouble */
    int64_t role_mono, file_mono, touch_mono, told_mono, look_mono;
    int64_t wall_offset;     /* wall minus boot clock at the start */
    int64_t data_version;    /* of the database: has another process written? */
    int64_t rollouts_seen;   /* the last one's `changed` that was told */
    int64_t stop_mono;
};

void *store_run(void *store);
void store_wake(struct store *s);
bool store_report_put(struct store *s, const struct store_report *r); /* false: no memory */
/* What other processes left to us (adopt.c). */
void store_look_around(struct store *s, int64_t mono_ms);

#endif
