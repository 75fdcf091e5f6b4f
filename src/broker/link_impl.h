/* link_impl.h - what the files of the link share. Everything here belongs to the link thread, but
 * for the few members that say otherwise.
 *
 *   link.c           the thread and its one poll, requests
 *   link_inbox.c      records into the inbox; nothing is dropped when it is full
 *   link_conn.c      a connection: from the try to its end
 *   link_live.c      `live`: hosts in turn, back-off, publishing
 *   link_hangup.c    what the broker hangs up on instead of refusing it; two programs with one id
 *   selftest.c       what the broker can do, tried beside us
 *   link_snapshot.c  what `live` subscribes to and in which order; exact fetches
 *   link_journal.c   `journal`: PUBACKs wait until its slices are durable */
#ifndef BROKER_LINK_IMPL_H
#define BROKER_LINK_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "broker/hosts.h"
#include "broker/link.h"
#include "broker/mqtt.h"
#include "broker/selftest.h"

#define SLICE_PACKETS  64 /* per read: 0.8 ms measured; more freeze a frame, fewer cost polls */
#define NAP_MS         5  /* before reading under load: wake-ups are the whole cost */
#define IN_FLIGHT_MAX  20 /* a broker's usual Receive Maximum */
#define SNAPSHOT_STEPS 8
#define BACKOFF_MIN_MS 1000
#define BACKOFF_MAX_MS 30000

struct link_config { /* copies */
    char *username, *password, *cafile, *cert, *key, *live_id, *journal_id, *presence_topic;
    bool insecure, read_only, self_test;
};

/* ---- a connection ---- */

struct conn;
struct request;
struct conn_role {
    void (*up)(struct link *l, bool session_present);
    void (*down)(struct link *l, bool was_up); /* c->why and c->words say why; the handle is gone */
    struct mqtt_handlers handlers;             /* message, published, subscribed, filter_refused */
};

struct conn {
    struct link *link;
    const struct conn_role *role;
    struct mqtt *mqtt; /* NULL: down */
    struct host *host; /* of the try or the connection */
    char address[ADDRESS_TEXT];
    bool up, ended;
    bool full;        /* the last slice was: more is waiting */
    int64_t deadline; /* of the try */
    int64_t up_since, misc_at, nap_until;
    enum mqtt_failure why;
    struct words words;
};

struct backoff {
    unsigned n;
    int64_t next_try; /* mono; 0: none */
};

/* Only *o's own part is filled by the caller (id, clean, …). A failure at once comes by role->down
 * too. */
void conn_try(struct conn *c, struct host *h, const char *address, struct mqtt_options *o,
              int64_t limit_ms);
void conn_fail(struct conn *c, enum mqtt_failure why); /* our own verdict */
void conn_close(struct conn *c, bool politely);        /* without role->down */
short conn_events(const struct conn *c);               /* 0: not to be polled */
/* Writes, reads one slice, pings. Returns the messages read; ends the connection where it is over.
 */
int conn_turn(struct conn *c, short revents, bool may_read, bool may_write);
int64_t conn_due(const struct conn *c); /* when conn_turn is needed without an event; mono */
void backoff_fail(struct backoff *b, int64_t now);
int conn_protocol(const struct conn *c);
bool conn_hung_up(const struct conn *c); /* the broker closed it, whether that was read or not */

/* ---- two programs with one client id ---- */

struct contest {
    int64_t lost[2];  /* when our place was lost; the latest first, mono; 0 never */
    int64_t reported; /* mono; 0: it doesn't stand */
};
/* Our place was lost at `now`. True: twice within a minute, so it is a contest. */
bool contest_lose(struct contest *c, int64_t now);
/* A connection has stood since up_since: over after a while without a loss. */
void contest_settle(struct contest *c, int64_t up_since, int64_t now);
/* Between half a minute and a whole one: whoever is right must be able to work meanwhile. */
void contest_back_off(struct backoff *b, int64_t now);
void contest_words(struct link *l, const char *host, const char *client_id, struct words *out);

/* ---- what the broker hangs up on ---- */

#define SUSPECTS 8
struct hangups {
    struct {
        uint64_t key; /* of topic and payload */
        int strikes;
        int64_t until; /* forgotten then; mono */
    } suspect[SUSPECTS];
    int next;
    int step_strikes[SNAPSHOT_STEPS];
    bool careful; /* one thing at a time, so that the next end tells which it is */
};
uint64_t hangup_key(const char *bytes, size_t n);
/* The connection ended without a word while something waited for its answer. True: that explains
 * it. */
bool hangup_blame(struct link *l);
bool hangup_has_condemned(const struct link *l, uint64_t key);
bool hangup_has_condemned_step(const struct link *l, int step);

/* ---- live ---- */

struct in_flight {
    int mid; /* 0: free */
    uint64_t token, key;
    int64_t since;
    char topic[160];
};

struct live {
    struct conn conn;
    struct lookup *lookup;
    struct addresses addresses;
    int host, address; /* of the try */
    int tried;         /* hosts since the last back-off */
    int64_t lookup_deadline;
    struct backoff backoff;
    int64_t dropped_at; /* when the last connection was closed without a word; mono, 0 else */
    struct contest contest;
    struct hangups hangups;
    struct selftest *selftest; /* running; NULL */
    bool tested;               /* this connection's broker */
    struct in_flight in_flight[IN_FLIGHT_MAX];
    int flying;
};

void live_init(struct link *l);
void live_turn(struct link *l, short revents);
int64_t live_due(const struct link *l);
int live_wake_fd(const struct link *l); /* of a lookup or a self-test; -1 */
void live_retry_now(struct link *l);
bool live_publish(struct link *l, const struct request *r); /* false: the window is full */
void live_fini(struct link *l, bool politely);

/* ---- snapshot ---- */

struct fetch {
    struct fetch *next;
    char **topics; /* sorted: those with retain-as-published first, then by name */
    int n, sent;
    bool complete;
    char *bytes;
};

struct batch { /* of exact filters, part of a fetch */
    char **topics;
    int n;
    struct fetch *of;
};

struct snapshot {
    int step;                 /* the table row that is settling; after the last: done */
    int mid;                  /* SUBACK awaited; 0: none */
    int mids[SNAPSHOT_STEPS]; /* of the steps, to name a filter that is refused late */
    int64_t asked_at;         /* SUBSCRIBE */
    int64_t quiet_since;      /* nothing retained came since */
    int64_t patience_ms;      /* of the connection: 150 ms, more where the broker answers slowly */
    bool acked, complete;
    bool ordered; /* the broker answers in order: an UNSUBACK ends the stored ones before it */
    int marker;   /* UNSUBACK awaited; 0: none */
    struct fetch *first, *last; /* queue */
    struct fetch *current;
    struct batch batch,
        before;   /* subscribed; the former isn't unsubscribed before the latter came */
    bool closing; /* all batches were sent: the last one settles */
    /* Kept topics that have come on this connection, by a hash: where two share a bit, one that was
     * held back isn't noticed. But then many are held back. */
    unsigned char come[1 << 14];
};

void snapshot_begin(struct link *l);
void snapshot_forget(struct link *l); /* the connection ended: the fetches too */
void snapshot_message(struct link *l, const struct mqtt_message *m);
void snapshot_suback(struct link *l, int mid);
void snapshot_unsuback(struct link *l, int mid);
void snapshot_refused(struct link *l, int mid, int index);
void snapshot_fetch(struct link *l, char *bytes,
                    size_t len); /* takes bytes: topics, each with its NUL */
void snapshot_turn(struct link *l);
bool snapshot_awaits_suback(const struct link *l);
bool snapshot_is_in(const struct link *l); /* all that is stored has come */
int64_t snapshot_due(const struct link *l);
bool topic_has_rap(const char *topic);

/* ---- journal ---- */

struct journal {
    struct conn conn;
    struct backoff backoff;
    bool wanted;
    uint64_t read; /* the last slice handed over */
    int mid[2];    /* of its SUBSCRIBEs; 0: answered */
    bool had_session;
    int64_t dropped_at; /* when it ended without a word; mono, 0 otherwise */
    struct contest contest;
};

void journal_init(struct link *l);
void journal_turn(struct link *l, short revents);
bool journal_waits(
    const struct link *l); /* for a slice to become durable: neither reads nor writes */
int64_t journal_due(const struct link *l);
void journal_record(struct link *l, bool on);
void journal_fini(struct link *l, bool politely);

/* ---- records ---- */

struct spill { /* a record that found no room in the ring */
    struct spill *next;
    size_t bytes;
    _Alignas(16) unsigned char record[];
};

struct emitter {
    struct ring *inbox;
    struct spill *first, *last;
    struct spill *filling; /* between begin and end */
    size_t size;
    bool lost; /* a record found no memory: what it came from must not be acknowledged */
};

/* NULL (and `lost`) only without memory. n bytes follow the struct; a message has no u. */
struct link_record *inbox_begin(struct link *l, enum link_record_kind kind, size_t n);
void inbox_end(struct link *l);
void inbox_words(struct link *l, enum link_record_kind kind, const struct words *w);
void inbox_message(struct link *l, const struct mqtt_message *m, bool journal, bool rap);
void inbox_refused(struct link *l, enum refusal_kind kind, const char *topic, int reason);
bool inbox_blocked(const struct link *l); /* the inbox is full: don't read */
void inbox_drain(struct link *l);
void inbox_status(struct link *l);
void inbox_fini(struct link *l);

/* ---- the whole ---- */

enum request_kind { REQUEST_PUBLISH, REQUEST_FETCH, REQUEST_RECORDING, REQUEST_RETRY };

struct request {
    enum request_kind kind;
    uint64_t token;
    int qos;
    bool retain, on;
    char *fetch; /* owned by whoever holds the request */
    size_t topic_len,
        len; /* REQUEST_PUBLISH: topic NUL payload follow; REQUEST_FETCH: len of fetch */
    char bytes[];
};

struct link {
    struct link_config config;
    struct hosts hosts;
    struct ring *outbox;
    struct emitter emit;
    int64_t mono, wall; /* of this turn */
    struct live live;
    struct snapshot snapshot;
    struct journal journal;
    struct link_status status, told;
    int64_t told_at;
    bool window_full; /* a publish request waits: don't poll the outbox */

    /* Any thread. */
    int wake_fd;
    atomic_uint_fast64_t durable;
    atomic_bool stopping;
    pthread_t thread;
};

#endif
