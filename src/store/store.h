/* store.h - the history: one SQLite database in WAL mode, written by a thread of its own in batches.
 * The main thread only posts records; it never waits for the disk. Reading is in read.h. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "core/core.h"
#include "core/status.h"

struct store;

struct store_options {
    const char *path;         /* directories are made (0700; in a 2770 directory files are 0660) */
    int64_t retention_ms;     /* older history is deleted in small steps */
    bool may_send;            /* a read-only process yields the recorder role to one that may */
    bool want_role;           /* compete for the recorder role at all */
};

/* Makes the database's directories and its file, empty, so that others may lie beside it; store_open does it too. */
bool store_prepare(const char *path, struct err *e);
/* Opens or creates; a damaged file is renamed to PATH.damaged-<time> and a new one begun. A full or locked
 * disk is not an error: it shows in store_status and is waited out. Starts the writer thread. */
struct store *store_open(const struct store_options *o, struct err *e);
/* Writes what is queued (at most 2 s), gives up the role, stops the thread. */
void store_close(struct store *s);

/* Everything is posted, in order, and written in batches (100 ms or 1,000 rows). False: the queue is
 * full and the row was not taken (the caller counts it and calls store_resync later). */
/* What is put between the two is written in one transaction: all of it, or nothing. */
void store_hold(struct store *s);
void store_release(struct store *s);
/* At least half of the queue is free. Whoever writes in bulk and can wait asks first: a row that is refused makes the
 * store ask for all of them again. */
bool store_has_room(const struct store *s);
bool store_put_client(struct store *s, const struct client *c);
bool store_put_alarm(struct store *s, const struct alarm *a, const void *payload, size_t len);
bool store_put_command(struct store *s, const struct command *c);
/* members: row->total of them; NULL: they are stored already. */
bool store_put_rollout(struct store *s, const struct rollout *r, const struct rollout_member *members);
bool store_put_history(struct store *s, const struct history_event *ev, const void *image, size_t len);
bool store_put_log(struct store *s, const struct log_line *l);
bool store_put_life(struct store *s, const struct client *c); /* last-seen times only */
bool store_put_link_state(struct store *s, bool connected, bool outage);
/* The durable outbox; committed with synchronous=FULL. */
bool store_put_outbox(struct store *s, const struct effect *put);
bool store_done_outbox(struct store *s, uint64_t token);
/* A snapshot for rebuilding the past: begin, one image blob after the other, end. */
bool store_put_snapshot_begin(struct store *s);
bool store_put_snapshot_image(struct store *s, const void *image, size_t len);
bool store_put_snapshot_end(struct store *s);
/* Everything posted before it will be on disk (synchronous=FULL) when a STORE_DURABLE report with this
 * token comes; on_durable (may be NULL) is called on the store's thread right at that moment. */
bool store_barrier(struct store *s, uint64_t token);
void store_on_durable(struct store *s, void (*fn)(void *user, uint64_t token), void *user);

enum store_report_kind { STORE_DURABLE, STORE_STATUS, STORE_OUTBOX_STORED, STORE_ROLE, STORE_WANT_SNAPSHOT, STORE_RESYNC,
    STORE_ADOPTED,  /* an outbox row of a process that ended is ours now, or a command that nobody ends */
    STORE_WITHDRAWN, /* another process cancelled a command that waits in our outbox */
    STORE_ROLLOUT    /* another process wrote it, or left it to us */
};
/* The receiver frees it. */
struct store_adopted {
    bool has_command, has_row;
    struct command command;
    struct effect row;
    char bytes[];
};
/* The receiver frees it. */
struct store_rollout {
    bool ours; /* its driver has ended: it is ours now */
    struct rollout row;
    struct rollout_member members[]; /* row.total */
};
struct store_report {
    enum store_report_kind kind;
    uint64_t token;
    struct store_status status; /* STATUS, ROLE */
    struct store_adopted *adopted;
    struct store_rollout *rollout;
    struct uid command; /* WITHDRAWN */
};
struct ring;
struct ring *store_reports(struct store *s); /* of struct store_report */

/* What the database knows, into a fresh core (start-up; blocking, on the caller's thread). */
bool store_load(struct store *s, struct core *core, struct err *e);

#endif
