/* core_internal.h - what the files behind core_step share. Nobody else includes it.
 *
 * Everything that lives is reached by pointers that stay valid until the next step: effects borrow
 * them. So clients stand in chunks that never move, and what dies in a step is freed at the
 * beginning of the next one (core_bury). */
#ifndef CORE_CORE_INTERNAL_H
#define CORE_CORE_INTERNAL_H

#include "base/buf.h"
#include "base/i18n.h"
#include "core/core.h"
#include "core/load.h"

#define LOGS_KEPT     1024u
#define HISTORY_KEPT  1024u
#define REJECTS_KEPT  256u
#define SYS_KEPT      64u
#define CONSOLES_KEPT 64u
#define HELD_MAX      256u
#define RECENT_ACKS   64u
#define ALARMS_KEPT   4096u /* in memory after they are over: the next occurrence counts on */
#define RAISES_KEPT   8192u /* a power of two */
#define ROLLOUTS_KEPT 64u

#define CHUNK_CLIENTS 1024u
#define CLIENTS_MAX   (1u << 20) /* more than any fleet: a flood of made-up uuids ends here */
#define COMMANDS_KEPT 4096u      /* finished ones in memory; the database has them all */
#define COMMANDS_MOST 16384u     /* … with those that a lockout may count */

#define TIMERS_PER_TICK  1000u /* the rest is due at once: a screen in between */
#define FETCHES_PER_STEP 5000u

#define SECOND_MS INT64_C(1000)
#define HOUR_MS   (3600 * SECOND_MS)

/* ---- timers: one struct in whatever has a deadline, one heap per clock (heap.c) ---- */

enum timer_kind {
    TIMER_SILENCE,
    TIMER_ALARM,
    TIMER_RECOVERED,
    TIMER_FLAP,
    TIMER_COMMAND,
    TIMER_BACK,
    TIMER_RECOVERY,
    TIMER_ROLLOUT,
    TIMER_HELD,
    TIMER_FLOOD,
    TIMER_LINK,
    TIMER_PULSE,
    TIMER_GROUP,
    TIMER_INTENT,
    TIMER_REVIEW,
    TIMER_RELEASE,
    TIMER_KINDS
};

struct timer {
    int64_t due;
    uint32_t place; /* in the heap, from 1; 0: not set */
    enum timer_kind kind;
};

struct heap {
    struct timer **list; /* [1..count] */
    uint32_t count, room;
    uint32_t promised; /* timers that may be set: room is made when their owner is made */
};

bool heap_promise(struct heap *h); /* before a timer's first set; false without memory */
void heap_set(struct heap *h, struct timer *t, int64_t due);
void heap_remove(struct heap *h, struct timer *t);
void heap_forget(struct heap *h, struct timer *t); /* remove, and take the promise back */
struct timer *heap_first(const struct heap *h);

/* ---- hash table of things that begin with a struct link (table.c) ---- */

struct link {
    struct link *next;
    uint64_t hash;
};

struct table {
    struct link **buckets;
    uint32_t size, count;
};

bool table_add(struct table *t, struct link *l, uint64_t hash);
void table_remove(struct table *t, struct link *l);
struct link *table_first(const struct table *t, uint64_t hash);
struct link *table_next(const struct link *l); /* the next one with the same hash */
uint64_t hash_bytes(const void *p, size_t n);

/* ---- clients ---- */

struct core;
struct failure;
struct reconnects;
struct group;

/* How often a client speaks: what its last reports taught (pulse.c). */
struct rhythm {
    float mean_ms, variance; /* of the time between two; 0: not known yet */
    uint8_t learned;         /* intervals, up to RHYTHM_SURE */
    uint8_t odd;             /* far too short ones in a row */
};
#define RHYTHM_SURE 8

struct device {
    struct client row; /* first: a client's address is its device's */
    struct timer silence;
    struct failure *failure;       /* NULL until its first service_failed */
    struct reconnects *reconnects; /* NULL until its first reconnect */
    int64_t heard_air;             /* on the clock that stands still without a broker */
    int64_t heard_mono;            /* INT64_MIN: not in this process */
    uint64_t put_step, image_step; /* of the last OUT_CLIENT, of the last image in a history row */
    uint32_t number;               /* index + 1 */
    uint32_t life_next;            /* the next one's number in the list of signs of life; 0 none */
    uint32_t group_epoch;          /* connection that brought its retained group */
    uint32_t failed_epoch;         /* … its retained service_failed */
    bool life_marked;
    bool going_off;   /* told to switch off: its silence is no fault */
    uint16_t watches; /* commands that wait for it to be back */
    struct rhythm rhythm;
    struct group *group;             /* NULL: in none */
    uint32_t group_next, group_prev; /* numbers of members; 0 none */
    int64_t ill_mono, ill_at; /* crashed or failed since; INT64_MIN: is not */
    int64_t ill_mark;         /* the device's own time of its first report of it */
    const char *recovery_said; /* why it was not restarted, said once */
};

struct device *fleet_find(const struct core *c, const struct uid *id);
struct device *fleet_find_or_add(struct core *c, const struct uid *id, const char *spelling);
struct device *fleet_device(const struct core *c, uint32_t index);
bool fleet_was_heard(const struct device *d);
void fleet_first_seen(struct core *c, struct device *d);
/* Emits OUT_CLIENT, once a step. */
void fleet_touch(struct core *c, struct device *d);
/* A history row with the image unless this step brought one. */
void fleet_image(struct core *c, struct device *d);
/* The state from its conditions; on a change the history row and the effects. */
void fleet_update_state(struct core *c, struct device *d);
void fleet_count_alarm(struct core *c, const struct uid *client, int by);
void fleet_count_command(struct core *c, const struct uid *client, int by);
void fleet_fini(struct core *c);

void beat_apply(struct core *c, struct device *d, const struct msg *m);
void group_apply(struct core *c, const struct msg *m);

void silence_heard(struct core *c, struct device *d);
void silence_restore(struct core *c, struct device *d);
void silence_due(struct core *c, struct timer *t);
void silence_rearm(struct core *c);
int64_t air_now(const struct core *c, int64_t mono);

/* The alarm of one that is silent, if nothing explains it (any more). */
void silence_review(struct core *c, const struct device *d);

/* ---- the pulse of many: how long nobody spoke, and what that proves (pulse.c) ----
 *
 * Times are on the clock "air". docs/outage.md has the mathematics. */

struct pulse {
    struct timer timer;
    int64_t heard;    /* the last report of any of them … */
    int64_t heard_at; /* … on the wall clock; TIME_NONE */
    int64_t from;     /* a hush begins no sooner: until then they may be on their way back */
    int64_t restarted; /* … and an interval neither, for the rhythm */
    int64_t began, resumed; /* their last outage: its hush, its end; INT64_MIN not ended yet */
    int64_t look;     /* length of a hush at which it is judged next */
    int64_t stall, stall_since; /* the longest hush that proved to be none, and when */
    float mean_ms;              /* of their intervals, when last judged */
    uint32_t online;            /* before the hush, when last judged */
    bool out;                   /* their silence is an outage */
    int64_t considered;         /* when a look was last taken for a single client */
    bool proven;                /* it would be one if it lasted a little longer */
};

void pulse_init(struct pulse *p, enum timer_kind kind);
void pulse_heard(struct core *c, struct device *d); /* before its times are set anew */
void pulse_due(struct core *c, struct timer *t);
void pulse_group_due(struct core *c, struct timer *t);
/* One of them is about to be called silent: is that part of something wider? */
void pulse_consider(struct core *c, const struct device *d);
/* Nobody could be heard for `away` ms: whatever was quiet meanwhile proves nothing. */
void pulse_restart(struct core *c, struct pulse *p, const struct group *g, int64_t away);
int64_t pulse_hush_from(const struct core *c, const struct pulse *p);
/* Was it online when the present hush began, and is its silence a part of it? */
bool pulse_includes(const struct core *c, const struct pulse *p, const struct device *d);

/* ---- groups: their members, their power intent (groups.c) ---- */

struct group {
    struct link link;
    struct text64 id;
    struct pulse pulse;
    struct timer intent;        /* end of the intent, on the boot clock */
    struct timer review;        /* members that should be back by now */
    uint32_t first, members;    /* number of the first client; 0 none */
    uint32_t intent_epoch;      /* connection that brought the intent */
    bool off;                   /* wanted off */
    uint64_t surveyed;          /* step of the last survey of the fleet, … */
    double evidence;            /* … and what its members gave to it (pulse.c) */
    int64_t excused_until;      /* on "air": back from being off, they need time to start */
};

struct group *group_find(const struct core *c, struct text id);
void group_join(struct core *c, struct device *d); /* the one its row names, out of its old one */
struct device *group_member(const struct core *c, const struct group *g, const struct device *last);
void group_intent(struct core *c, const struct msg *m);
void group_intent_due(struct core *c, struct timer *t);
void group_review_due(struct core *c, struct timer *t);
/* All retained messages have come: an intent that did not is withdrawn. */
void groups_conclude(struct core *c);
void groups_fini(struct core *c);

/* ---- what the server told the groups (notices.c) ---- */

void notice_event(struct core *c, const struct msg *m);
void notice_intent(struct core *c, const struct msg *m);
void notices_conclude(struct core *c);
void notices_fini(struct core *c);

/* ---- outages (outage.c): g NULL is the whole fleet ---- */

void outage_begin(struct core *c, struct group *g);
void outage_end(struct core *c, struct group *g);
void outage_start(struct core *c); /* with the first step: those restored */
bool outage_concerns(const struct core *c, const struct device *d);
enum quiet_reason quiet_reason(const struct core *c, const struct device *d);
struct pulse *outage_pulse(struct core *c, struct group *g);

/* ---- one wide alarm instead of many (suppress.c) ---- */

struct standing;
/* The alarm begins: out of sight from the start if a wider one explains it. False: it does not. */
bool suppress_at_birth(struct core *c, struct standing *a);
void suppress_singles(struct core *c, const struct group *g); /* raised during its hush */
void suppress_by_link(struct core *c);
void suppress_release(struct core *c, struct standing *a);
void suppress_release_in(struct core *c, int64_t ms);
void suppress_review_due(struct core *c, struct timer *t);

bool reconnect_note(struct core *c, struct device *d, int64_t count);
void reconnect_flap_due(struct core *c, struct timer *t);

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
    const char *action;
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
bool alarm_kind_is_local(enum alarm_kind kind);
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

/* ---- commands ---- */

struct tracked {
    struct link link;
    struct command row;
    struct timer expiry;
    uint64_t order; /* of arrival */
    uint64_t put_step;
    uint32_t index;
    struct link of_client;      /* in the table by client */
    struct tracked *next_ended; /* the one that ended after it */
    struct tracked **ended_at;  /* *ended_at points to it; NULL: it has not ended */
    struct timer back;     /* when its device should be back; on the clock "air" */
    bool watched;          /* until its device is heard again */
    bool overdue;          /* expired while another process was the recorder */
    bool mine;             /* issued or taken over by this process, which so sees to its end */
};

/* ranking.c: tracked ones by the order of their arrival. */
struct ranked {
    struct tracked **list;
    uint32_t count;
};
bool ranking_make_room(struct core *c, uint32_t room);
void ranking_add(struct core *c, struct tracked *t); /* by the status that it has now */
void ranking_remove(struct core *c, const struct tracked *t);
void ranking_fini(struct core *c);

extern const bool command_is_active[COMMAND_STATUSES]; /* something may still come */
struct tracked *command_find(const struct core *c, const struct uid *id);
struct tracked *command_add(struct core *c, const struct command *row);
void command_set_status(struct core *c, struct tracked *t, enum command_status status);
void command_on_the_wire(struct core *c, struct tracked *t); /* the broker took it, or shows it */
void command_touch(struct core *c, struct tracked *t);
void command_arm(struct core *c, struct tracked *t); /* its expiry, from now on */
void command_fail(struct core *c, struct tracked *t, const char *code, const char *message);
/* The commands of a client, in no order: first with t = NULL. */
struct tracked *command_of_client(const struct core *c, const struct uid *client,
                                  const struct tracked *t);
struct text command_action(const struct command *row);

/* ---- is its device back? (watch.c) ---- */

void watch_status(struct core *c, struct tracked *t, enum command_status status);
void watch_heard(struct core *c, struct device *d, bool reconnected); /* before its times are set */
void watch_due(struct core *c, struct timer *t);
void watch_end(struct core *c, struct tracked *t);
void watch_restore(struct core *c, struct tracked *t);
void watch_explain_expiry(struct core *c, struct tracked *t);

/* ---- restarting without a person (recovery.c) ---- */

void recovery_note(struct core *c, struct device *d, int64_t mark);
void recovery_begin(struct core *c);
void recovery_due(struct core *c, struct timer *t);

/* ---- one to each of many (rollout.c) ---- */

void rollout_begin(struct core *c, const struct operator_action *op);
void rollout_stop(struct core *c, const struct operator_action *op);
void rollout_learn(struct core *c, const struct core_event *ev);
void rollout_due(struct core *c, struct timer *t);
/* A command was learned of, or its status has changed: is it a member's? */
void rollout_note(struct core *c, struct tracked *t);
void rollouts_go_on(struct core *c); /* the link is up */
void rollouts_fini(struct core *c);

/* ---- issuing them (sending.c) ---- */

void command_send(struct core *c, const struct operator_action *op);
void command_cancel(struct core *c, const struct operator_action *op);
/* Not handed over yet: then it can still be withdrawn. */
bool command_can_be_withdrawn(const struct core *c, const struct tracked *t);
void command_refuse(struct core *c, struct tracked *t, enum command_status status);
void command_adopt(struct core *c, const struct command *row, const struct effect *outbox);
void command_withdraw(struct core *c, const struct uid *id);
/* Is it young enough for a lockout, or for the budget of the recovery? */
bool command_may_count(const struct core *c, const struct command *row);
/* May what lies in the outbox for it still go out? */
bool command_may_go(const struct core *c, const struct uid *id);
/* The broker's answer. False: the rest of its outbox must not go. */
void command_published(struct core *c, const struct uid *id, bool alias, int reason);

void command_seen(struct core *c, const struct msg *m);
void command_ack(struct core *c, const struct msg *m);
void command_due(struct core *c, struct timer *t);
void commands_sweep(struct core *c);
void commands_arm_restored(struct core *c);
void commands_fini(struct core *c);

/* ---- outbox ---- */

struct outbox_row {
    struct link link;         /* in the table by token */
    struct link of_key;       /* in the table by alarm_id, where it has one */
    struct outbox_row *next, **at; /* *at points to it */
    uint64_t token, order;    /* order: of being put */
    char *topic;
    void *payload;
    size_t len;
    char *alarm_id; /* "" none */
    char *sha;      /* NULL: no comparison */
    bool retain, stored, handed;
    bool of_command, alias; /* its key is a command's id */
    struct uid command;
    int64_t expires_at;
};

struct outbox_put {
    const char *topic;
    const void *payload;
    size_t len;
    const char *alarm_id, *sha;
    int64_t expires_at; /* of a command */
};

bool outbox_put(struct core *c, const struct outbox_put *put); /* retained unless of a command */
/* The whole state of an alarm, for the other consoles. */
bool outbox_share(struct core *c, struct standing *a, const char *action, struct text by);
bool outbox_clear(struct core *c, const struct standing *a, const struct device *d);
void outbox_stored(struct core *c, uint64_t token);
void outbox_published(struct core *c, uint64_t token, int reason);
void outbox_pump(struct core *c);
void outbox_link_down(struct core *c);
/* Withdraws what was not handed over: clears of this alarm; everything of this command. */
void outbox_drop_clears(struct core *c, const char *alarm_id);
void outbox_drop_shares(struct core *c, const char *alarm_id); /* … what was to be told of it */
void outbox_drop_command(struct core *c, const struct uid *command);
/* Is the message for the devices stored here and not yet handed over? */
bool outbox_holds_command(const struct core *c, const struct uid *command);
bool outbox_has(const struct core *c, const char *alarm_id, bool clears);
void outbox_fini(struct core *c);

/* ---- the connection (contact.c) ---- */

void contact_start(struct core *c); /* with the first step */
void contact_up(struct core *c, const struct words *why);
void contact_down(struct core *c, const struct words *why);
void contact_snapshot_done(struct core *c, bool complete);
void contact_never_up_due(struct core *c, struct timer *t);
void contact_role(struct core *c, bool recorder);
void contact_clock_jump(struct core *c, int64_t jump_ms);
/* This process did not run for a while: nobody could be heard. */
void contact_slept(struct core *c, int64_t ms);
void contact_tell(struct core *c); /* connected, outage */

/* ---- effects and rings (effects.c, rings.c) ---- */

/* A fresh effect at the end of the list; NULL without memory (counted). */
struct effect *emit(struct core *c, enum effect_kind kind);
void emit_message(struct core *c, const char *id, struct text a, struct text b);
struct history_note {
    enum event_kind kind;
    struct device *device;
    struct standing *alarm;
    struct tracked *command;
    struct text by;
    const struct words *summary;
};
void emit_history(struct core *c, const struct history_note *note);
struct words words_of(const char *id, struct text a, struct text b);
struct words words_of_note(struct text note); /* spread over the arguments */

void ring_log(struct core *c, const struct msg *m);
void ring_reject(struct core *c, enum reject reason, struct text topic, struct text detail,
                 size_t bytes);
void ring_sys(struct core *c, const struct msg *m);
void rings_fini(struct core *c);

/* ---- memory ---- */

void *core_alloc(struct core *c, size_t size); /* zeroed; counts a failure */
void core_bury(struct core *c, void *p);       /* freed when the next step begins */
void core_unbury(struct core *c);
void core_free_now(void *p);

struct corpse; /* rings.c */
struct held;
struct rolling;

/* Of the table of clients by uuid. The hash stands beside the number, so that a probe that hits
 * another client costs no look at that client: at 10,000 each look is a miss of the cache. */
struct index_slot {
    uint32_t number; /* client index + 1; 0: free */
    uint32_t hash;
};

struct core {
    struct config config;
    struct text64 host_subject;
    struct now now;
    int32_t zone_s; /* local time minus UTC */
    struct core_counts counts;
    struct effects *out;
    uint64_t step;
    bool started; /* the first step has come: restored deadlines run */
    bool recorder;
    bool durable; /* effects of this step must be on disk before a PUBACK */

    struct device **chunks;
    uint32_t chunk_count;
    struct index_slot *index;
    uint32_t index_size;            /* a power of two */
    uint32_t life_first, life_last; /* numbers of clients; 0 none */

    struct heap mono, air;

    struct pulse pulse; /* of the whole fleet */
    struct table groups, notices;
    struct timer release;

    struct table alarms;
    struct standing **alarm_list;
    struct standing **alarm_rank; /* all not over, sorted */
    uint32_t alarm_room, alarm_ranked;
    uint64_t alarm_rank_generation;

    struct {
        struct alarm_group *list;
        uint32_t count, room;
        bool made;
        uint64_t generation;
    } folded; /* alarms by kind and group of devices */
    struct {
        struct raised *ring;
        uint32_t first, count, room;
        uint32_t window; /* how many of the newest lie in the last ten minutes */
        bool flood;
        struct timer timer;
    } raised;

    struct table commands, commands_of_client;
    struct tracked **command_list;
    struct ranked commands_under_way, commands_ended;
    struct tracked *ended, **ended_end; /* the first to end is the first to be forgotten */
    uint32_t command_room;
    uint64_t command_order;

    struct rolling *rollouts[ROLLOUTS_KEPT]; /* oldest first */
    uint32_t rollout_count;
    struct table rollout_members; /* by their command's id */

    struct outbox_row *outbox, **outbox_end; /* in their order */
    struct table outbox_rows, outbox_keys;
    uint64_t outbox_order;
    uint32_t outbox_count, token_seed, token_last;

    struct {
        bool up, ever_up;
        int64_t since_at;
        struct words why;
        int64_t air_offset;  /* mono - air while up */
        int64_t air_stopped; /* air while down */
        uint32_t epoch;      /* counts connections, from 1 */
        uint32_t
            dup_epoch; /* changes whenever one of the two connections may have missed something */
        bool snapshot_done; /* of this connection, and what it lacked was fetched */
        uint32_t fetch_next;
        struct timer never_up;
    } contact;

    struct held *held, **held_end;
    uint32_t held_count;
    struct timer held_timer, recovery_timer;
    struct text40 presence_key; /* of this process's own presence message */
    int64_t presence_mono;      /* the recorders with recovery last changed */
    uint64_t recent_acks[RECENT_ACKS];
    uint32_t recent_next;
    struct console_seen consoles[CONSOLES_KEPT];
    uint32_t console_count;

    struct log_line *logs;
    struct history_event *history;
    struct reject_line *rejects;
    struct {
        struct text64 name, value;
    } sys[SYS_KEPT];
    uint32_t sys_count;
    uint64_t log_total, history_total, reject_total;

    struct corpse *buried;
};

#define CONTAINER(pointer, type, member)                                                           \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
