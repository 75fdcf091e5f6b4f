/* session.h - core, link and store wired together around the one event loop. The console, the recorder and
 * the jobs of the command line are the same session with something else on top. */
#ifndef APP_SESSION_H
#define APP_SESSION_H

#include "app/notices.h"
#include "base/buf.h"
#include "base/loop.h"
#include "broker/link.h"
#include "cli/cli.h"
#include "core/core.h"
#include "store/store.h"

/* Effects that found no room in a queue wait here, in order, with memory of their own. */
struct held_effect {
    struct held_effect *next;
    struct effect effect; /* its pointers lead into bytes[] */
    char bytes[];
};

/* What has to be written whole, a little each turn: every row of the core after taking the recorder role or
 * after rows found no room, and the images of a snapshot. */
struct sync {
    bool rows, snapshot;     /* wanted */
    bool snapshot_begun;
    bool stuck;              /* the store had no room: try again a little later */
    unsigned phase;          /* clients, alarms, commands, rollouts */
    uint32_t next;           /* index within the phase */
};

struct session {
    const struct cli_globals *globals; /* borrowed */
    struct loop *loop;
    struct core *core;
    struct codec *codec;
    struct effects effects;
    struct buf image;

    struct link *link;
    struct link_status link_status;
    struct store *store;
    struct store_status store_status;

    bool recorder, link_records; /* link_records: what the link was told of it */
    bool gap;                 /* a row that must last found no room: no PUBACK until rows were synced */
    uint64_t slice_read;      /* journal slices: applied to the core … */
    uint64_t slice_posted;    /* … and handed to the store as a barrier */
    struct sync sync;
    struct held_effect *held, **held_end;

    char **fetch;             /* exact topics to ask for */
    size_t fetch_count, fetch_cap, fetch_sent;
    unsigned fetches_open;    /* link_fetch calls whose LINK_SNAPSHOT is still to come */
    bool snapshot_complete, snapshot_done;

    char presence_topic[96];
    char live_id[64], journal_id[160];
    int64_t started_at;

    struct words message;     /* for the status line */
    int64_t message_at_mono;
    struct text160 refusal;   /* the broker's last, in words */
    struct notices notices;
    int64_t offset_ms;        /* wall minus boot clock: a jump is an event */
    double rate;              /* messages a second */
    struct rate_past past;
    uint64_t past_seen;       /* messages when its last slot began */
    unsigned past_seconds;    /* into the next */
    struct refusals refusals;
    unsigned lacking_said;    /* how many of the broker's lacks the operator was told of */
    struct broker_audit *audit; /* NULL: none was asked for */
    uint64_t rate_seen[6];
    unsigned rate_at;

    int ended_by;             /* a signal that ends the program; 0 */
    bool resized, suspend;    /* for the console */
    bool busy;                /* the inbox was not emptied in this turn */
    uint64_t applied;         /* events fed to the core: has something happened? */
};

struct session_options {
    bool want_role; /* compete for the recorder role */
    bool link;      /* connect to the broker */
};

/* Opens the database, restores the core, starts link and store. On false everything is closed again. */
bool session_open(struct session *s, const struct cli_globals *g, const struct session_options *o,
                  struct err *e);
void session_close(struct session *s);

/* One turn of the loop: waits at most until something is due or timeout_ms passed, then signals, input,
 * at most 5 ms of inbox, timers, effects. */
void session_turn(struct session *s, int64_t timeout_ms);
struct now session_now(void);
void session_operator(struct session *s, const struct operator_action *op);
/* Nothing waits anywhere: inbox, outbox, store. */
bool session_outbox_empty(const struct session *s);

/* Within the room. */
void session_feed(struct session *s, const struct core_event *ev);
void session_apply_effects(struct session *s);
void session_drain_inbox(struct session *s);
void session_drain_reports(struct session *s);
void session_flush_held(struct session *s);
void session_tell_recording(struct session *s);
void session_drop_held_publishes(struct session *s);
void session_flush_fetch(struct session *s);
void session_forget_fetch(struct session *s);
void session_sync(struct session *s);
void session_barrier(struct session *s);
void session_publish_presence(struct session *s);
void session_say(struct session *s, const struct words *words);

/* audit.c: the running broker is tried in a thread of its own, its findings kept for the screen. */
void session_audit(struct session *s);                              /* begins; one at a time */
const struct audit_status *session_audit_status(const struct session *s); /* NULL: never asked for */
void session_audit_end(struct session *s);

#endif
