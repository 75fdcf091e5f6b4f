/* link.h - the link thread: its own poll loop over two connections, `live` and
 * `journal`, reconnection, snapshots, write-ahead acknowledgement. Speaks to the main thread by two
 * rings: records in (inbox), requests out (outbox). */
#ifndef BROKER_LINK_H
#define BROKER_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ring.h"
#include "core/status.h"

struct link_options {
    const char *hosts; /* "a,b:8883" tried in turn */
    int port;          /* for hosts without one; 0: 1883, or 8883 with TLS */
    const char *username, *password;
    const char *cafile, *cert, *key;
    bool insecure;
    bool
        read_only; /* THE place where a read-only console refuses to publish */
    const char *live_id; /* client ids; the caller keeps journal_id unguessable and stable */
    const char *journal_id;     /* NULL: this process never records */
    const char *presence_topic; /* emptied by the last will; NULL none */
    bool self_test;             /* find out what the broker can do, once it is connected */
};

enum link_record_kind {
    LINK_MESSAGE,
    LINK_CONNECTED,     /* live is up; words: host, protocol */
    LINK_ENDED,         /* live went down; words: why */
    LINK_TRY_FAILED,    /* still down; words: why (for the banner) */
    LINK_SNAPSHOT,      /* all retained messages have come (complete) or were cut short */
    LINK_PUBLISHED,     /* PUBACK: token, reason */
    LINK_REFUSED,       /* the broker refuses something: topic, refusal, reason; words for people */
    LINK_JOURNAL_SLICE, /* everything before it in this ring and from `journal` belongs to slice
                           `token` */
    LINK_JOURNAL_STATE, /* up/down, session_present: after a lost session a gap is possible */
    LINK_STATUS         /* a fresh struct link_status in `status` */
};

/* Reasons of LINK_PUBLISHED that are not MQTT's. */
enum {
    LINK_READ_ONLY = -1,  /* this link publishes nothing */
    LINK_UNSENDABLE = -2, /* libmosquitto refuses it: a wildcard in the topic, beyond 1 MiB */
    LINK_HANGS_UP = -3,   /* the broker closed the connection on it, twice */
};

/* A record in the inbox. A LINK_MESSAGE is shorter than the struct: its topic and payload stand
 * where u would (never copy one by value, never look at its u). LINK_REFUSED has a topic behind the
 * struct. LINK_JOURNAL_STATE: complete = it is up. */
struct link_record {
    enum link_record_kind kind;
    int64_t mono_ms, wall_ms; /* when it was read */
    bool journal;             /* which connection */
    bool retained, rap, oversize, complete, session_present;
    uint64_t token;
    int reason;
    enum refusal_kind refusal;
    uint32_t topic_len,
        payload_len; /* payload_len: as received; at most PAYLOAD_MAX bytes are here */
    union {
        struct words words;
        struct link_status status;
    } u;
};
const char *link_record_topic(const struct link_record *r); /* NUL-terminated */
const void *link_record_payload(const struct link_record *r);

struct link;
struct link *link_start(const struct link_options *o,
                        struct err *e); /* copies o; starts the thread */
struct ring *link_inbox(struct link *l);
/* Asks the thread to end: disconnects cleanly, waits at most 500 ms for a DNS lookup in its way. */
void link_stop(struct link *l);

/* Requests, of one thread; false only if the request ring is full (try again after the next turn).
 * While `live` is down a publish or a fetch is dropped without a record: nothing may go out hours
 * later that nobody wants any more. Ask again after LINK_CONNECTED, for what had no LINK_PUBLISHED
 * too. */
bool link_publish(struct link *l, uint64_t token, const char *topic, const void *payload,
                  size_t len, int qos, bool retain); /* token 0: no LINK_PUBLISHED wanted */
bool link_fetch(struct link *l, const char *const *topics,
                int n); /* exact retained topics; ends with another LINK_SNAPSHOT */
bool link_set_recording(struct link *l, bool on); /* opens or closes `journal` */
void link_journal_durable(
    struct link *l,
    uint64_t slice); /* everything up to this slice is on disk: PUBACKs may go. Any thread */
bool link_retry_now(struct link *l); /* cuts the back-off short */

#endif
