/* internal_alarm.h - alarms: standing, many at once, shared with other consoles. */
#ifndef CORE_INTERNAL_ALARM_H
#define CORE_INTERNAL_ALARM_H

#include "core/internal_device.h"
#include "core/load.h"

struct core;

/* ---- alarms ---- */

enum alarm_event {
    HAPPENS_RAISE,  /* the condition holds (again) */
    HAPPENS_RETURN, /* the condition is gone */
    HAPPENS_CLEAR,  /* over, whatever anybody acknowledged */
    HAPPENS_ACK,
    HAPPENS_EXPIRE, /* the acknowledgement is too old */
    HAPPENS_SHELVE,
    HAPPENS_UNSHELVE,
    HAPPENS_SUPPRESS, /* a wider alarm explains it */
    HAPPENS_RELEASE,
    ALARM_EVENTS
};

struct own_share {
    struct text16 action;
    int64_t at;       /* as its message says; TIME_NONE: of a process that ended */
    uint64_t by_hash; /* of who its message says it was */
};

struct standing {
    struct link link;
    struct alarm row;
    struct timer timer; /* the earliest of the times below (mono; INT64_MAX: none) */
    int64_t pending_due, shelve_due, expire_due, forget_due, repair_due;
    struct words pending_words;
    bool pending_on;  /* what the condition becomes at pending_due */
    bool shared;      /* a message of ours or another's is retained under console/ack */
    bool kept;        /* over and forgotten on the broker: only its count is of use */
    bool follows;     /* not every message about this occurrence was seen: the broker is right */
    struct own_share own[8]; /* our messages that the broker's order has not brought yet */
    uint8_t own_count, repairs;
    int64_t escalate_due;
    int32_t escalation;            /* how often nobody acknowledged in time */
    int64_t raises[LOAD_CHATTER];  /* mono; the last ones */
    int64_t chatters_until;        /* mono */
    uint64_t marks[8]; /* hashes of what messages named occurrences by; the newest mark_count … */
    uint8_t mark_count; /* … name this one, the others are over */
    struct text64 dead_by; /* an acknowledgement that is over: heard again it is none */
    int64_t dead_at;
    uint32_t index;
    uint64_t put_step;
};

/* What an alarm event carries beside itself. */
struct alarm_cause {
    struct text by;
    const struct words *words; /* the history's summary; NULL: the alarm's own */
};
#define NO_CAUSE ((struct alarm_cause){.by = {""}})

#define ACKNOWLEDGEMENT_EXPIRED N_("the acknowledgement by {1} has expired")

extern const enum alarm_state alarm_next[ALARM_STATES][ALARM_EVENTS];
const char *alarm_kind_raised(enum alarm_kind kind); /* its words */
bool alarm_id_is_local(const char *id);
bool alarm_kind_ends_by_ack(enum alarm_kind kind); /* acknowledged is over */
void alarm_set_state(struct core *c, struct standing *a, enum alarm_state from,
                     enum alarm_state to);
bool alarm_stands(enum alarm_state s); /* counts as standing: neither over nor suppressed */
void alarm_happen(struct core *c, struct standing *a, enum alarm_event event,
                  struct alarm_cause cause);
/* The condition holds or doesn't, from now on: through the delays of its kind. */
void alarm_condition(struct core *c, struct standing *a, bool on, const struct words *why);
/* A new occurrence although the condition holds already. */
void alarm_reoccur(struct core *c, struct standing *a, const struct words *why);
void alarm_due(struct core *c, struct timer *t);
void alarm_schedule(struct core *c, struct standing *a);
void alarm_touch(struct core *c, struct standing *a);

struct standing *alarm_find(const struct core *c, const char *id);
struct standing *alarm_find_of(const struct core *c, enum alarm_kind kind, struct text subject);
struct standing *alarm_get(struct core *c, enum alarm_kind kind, struct text subject,
                           const struct uid *client);
struct standing *alarm_of_device(struct core *c, const struct device *d, enum alarm_kind kind,
                                 bool make);
void alarm_remove(struct core *c, struct standing *a);
void alarms_arm_restored(struct core *c);
void alarms_fini(struct core *c);
/* Raises or ends the alarm of a kind that is about one client. */
void alarm_device_condition(struct core *c, const struct device *d, enum alarm_kind kind, bool on);
/* Its flapping, which stands, has a cause: two processes on one account. */
void alarm_device_contested(struct core *c, const struct device *d);

/* ---- how many at once (flood.c) ---- */

struct raised {
    struct raise what;
    int64_t mono;
};

void flood_note_raise(struct core *c, struct standing *a);
bool flood_chatters(const struct core *c, const struct standing *a);
void flood_due(struct core *c, struct timer *t);
void flood_arm_restored(struct core *c);
void flood_fini(struct core *c);

/* ---- service_failed ---- */

struct failure {
    struct device *device;
    struct timer recovered; /* since it is live and running again */
    void *payload;          /* of the standing one; core_alloc */
    size_t len;
    char sha[65];
    bool standing;      /* as far as we know, the message is retained on the broker */
    bool clearing;      /* our clear is handed over and not seen coming back */
    bool cleared_by_us; /* the broker took our clear of this very payload */
    bool by_snapshot;   /* known from a stored copy alone; `journal` has not brought it */
    bool hit;           /* a newer payload came before our clear did: the clear took it away */
    uint32_t epoch;     /* of the connection that confirmed it */
    /* What one of the two connections brought and the other has not yet: the first four bytes of
     * the payload's digest, 0 for a clear. */
    uint32_t ahead[8];
    uint8_t ahead_count;
    bool journal_ahead;
    uint32_t ahead_epoch;
};

void failure_raise(struct core *c, struct device *d, const struct msg *m, bool journal);
void failure_cleared(struct core *c, struct device *d, bool journal);
void failure_sign_of_recovery(struct core *c, struct device *d);
void failure_recovered_due(struct core *c, struct timer *t);
bool failure_restore(struct core *c, struct device *d, const char *sha, const void *payload,
                     size_t len);
/* The link is down: what was on its way is not known to have arrived. */
void failure_forget_clearing(struct core *c);
/* All retained messages have come: what did not is over. */
void failure_conclude(struct core *c);

/* ---- consoles and operators ---- */

void operator_act(struct core *c, const struct operator_action *op);
void console_presence(struct core *c, const struct msg *m);
void console_presence_gone(struct core *c, const struct msg *m);

/* ---- shared acknowledgements (sharing.c) ---- */

void sharing_apply(struct core *c, const struct msg *m, bool journal);
/* What a process that ended left to be told: false if nothing of it is to be said any more. */
bool sharing_adopted(struct core *c, const struct msg *m);
void sharing_forgotten(struct core *c, const struct msg *m);
void sharing_forget(struct core *c, struct standing *a); /* empties what is retained */
void sharing_begin(struct core *c, struct standing *a);  /* before a new occurrence takes the row */
void sharing_expired(struct standing *a);
/* A new occurrence: was it acknowledged before we heard of it? */
void sharing_try_held(struct core *c, struct standing *a);
void sharing_held_due(struct core *c, struct timer *t);
void sharing_repair(struct core *c, struct standing *a);
void sharing_put(struct standing *a, const char *action, struct text by, int64_t at);
void sharing_answered(struct core *c, const char *alarm_id, bool taken);
void sharing_link_down(struct core *c);
void sharing_arm_restored(struct core *c, struct standing *a);
void sharing_fini(struct core *c);

#endif
