/* status.h - what the link and the store tell of themselves, as plain data for the screen. */
#ifndef CORE_STATUS_H
#define CORE_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/words.h"

enum link_phase { LINK_CONNECTING, LINK_UP, LINK_WAITING /* for the next try */, LINK_STOPPED };

/* ---- what the connected broker can do ---- */

enum trait {
    TRAIT_MQTT5,
    TRAIT_RETAINED,          /* stored messages are delivered at all */
    TRAIT_RETAINED_WILDCARD, /* … to a filter with a wildcard */
    TRAIT_REFUSES,           /* what isn't allowed is refused; else it hangs up */
    TRAIT_PUBACK_REASONS,
    TRAIT_SESSIONS, /* a persistent session outlives its connection */
    TRAIT_QUEUES,   /* its limits let every stored message through */
    TRAITS
};

enum known { NOT_KNOWN, KNOWN_NO, KNOWN_YES };

struct traits {
    unsigned char has[TRAITS]; /* enum known */
    bool tested;               /* the self-test of this connection is over */
};

struct trait_words {
    const char *name;  /* "broker.mqtt5": the same in every language */
    const char *lacks; /* N_(): what the broker cannot do */
    const char *costs; /* N_(): what that costs, and what to do */
    bool fault;        /* alarms can be missed: else only a comfort is */
};
extern const struct trait_words trait_words[TRAITS];
unsigned traits_lacking(const struct traits *t); /* how many it hasn't */
/* "this broker: no MQTT 5, …: view 8 says what that costs" into words; false: it lacks nothing. */
bool traits_say(const struct traits *t, struct words *out);

/* ---- how much comes in ---- */

#define RATE_SLOTS 60
#define RATE_SLOT_MS 10000
struct rate_past {
    uint32_t messages[RATE_SLOTS]; /* in each slot, the oldest first; the last is complete */
    unsigned known;                /* how many of the last are */
};

/* ---- what it refuses ---- */

enum refusal_kind { REFUSED_SUBSCRIBE, REFUSED_PUBLISH, REFUSED_BY_HANGING_UP, REFUSED_BY_FILTERING, REFUSALS };

struct refusal {
    int64_t at; /* the last time */
    enum refusal_kind kind;
    int reason; /* MQTT's; 0: none was given */
    unsigned times;
    struct text160 topic;
};
#define REFUSALS_KEPT 64
struct refusals { /* the newest first */
    struct refusal list[REFUSALS_KEPT];
    unsigned count;
    uint64_t generation; /* rises with every change */
};
extern const char *const refusal_kinds[REFUSALS]; /* N_() */
/* The same refusal again is counted, not listed again; the oldest gives way. */
void refusals_note(struct refusals *r, int64_t at, enum refusal_kind kind, struct text topic, int reason);

/* ---- the last audit of the broker ---- */

enum audit_phase { AUDIT_NEVER, AUDIT_RUNNING, AUDIT_DONE, AUDIT_IMPOSSIBLE };

struct audit_line {
    struct text40 name;      /* "broker.anonymous" */
    struct text160 expected; /* translated */
    struct text512 actual;
    bool ok;
};

struct audit_status {
    enum audit_phase phase;
    int64_t at;               /* wall: begun, or over */
    int64_t begun_mono;       /* AUDIT_RUNNING */
    struct text160 why;       /* AUDIT_IMPOSSIBLE */
    const struct audit_line *line; /* faults first; borrowed */
    uint32_t lines, faults;
    uint64_t generation;
};

/* ---- the link ---- */

struct link_status {
    enum link_phase phase;
    struct text96 host;      /* "ops-broker:8883" of the try or the connection */
    bool tls;
    int protocol;            /* 5 or 4 (3.1.1); 0 unknown */
    int64_t next_try_mono;   /* LINK_WAITING */
    bool journal_up;
    bool session_present;    /* of journal's last CONNACK */
    bool snapshot_cut;       /* "raise max_queued_messages" */
    struct text24 tls_version;     /* "TLSv1.3"; "" without TLS or not yet agreed on */
    int64_t tls_expires_at;        /* of the broker's certificate; TIME_NONE */
    struct text96 contested;       /* the client id that two programs fight for; "" none */
    struct traits traits;
    uint64_t received;       /* messages since start */
    uint64_t stalls;         /* how often the inbox was full and reading stopped */
};

enum store_phase { STORE_OK, STORE_FULL, STORE_LOCKED, STORE_FAILING, STORE_REPLACED /* damaged: set aside */ };

struct store_status {
    enum store_phase phase;
    struct words why;
    bool recorder;           /* this process holds the role */
    bool other_recorder;     /* another one does */
    uint64_t lost;           /* history rows that found no room */
    int64_t durable_at;      /* wall time of the last commit */
};

#endif
