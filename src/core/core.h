/* core.h - the fleet as a function: core_step(core, event) -> effects. No clock, no I/O, no threads, no
 * globals, no locale. Time comes in as a value; what has to happen goes out as values, in order. */
#ifndef CORE_CORE_H
#define CORE_CORE_H

#include "core/codec.h"
#include "core/config.h"
#include "core/load.h"
#include "core/model.h"

struct core;
struct effect;

struct now {
    int64_t mono_ms; /* CLOCK_BOOTTIME */
    int64_t wall_ms;
};

/* ---- in ---- */

enum core_event_kind {
    IN_MESSAGE,       /* a decoded message */
    IN_REJECT,        /* one that could not be used */
    IN_TICK,          /* time passed; at least every 500 ms while something is due (core_next_due) */
    IN_LINK_UP,       /* CONNACK of `live` */
    IN_LINK_DOWN,
    IN_SNAPSHOT_DONE, /* all retained messages of this connection have come: what was not re-sent is gone */
    IN_OPERATOR,      /* what a person asked for */
    IN_STORED,        /* the store made outbox row `token` durable */
    IN_PUBLISHED,     /* PUBACK for outbox row `token`, with MQTT 5 reason (0 else) or PUBLISH_… */
    IN_CLOCK_JUMP,    /* wall clock moved against the boot clock by `jump_ms` */
    IN_ROLE,          /* this process became / is no longer the recorder */
    IN_ADOPTED,       /* a command that a process which ended left in the database, and its outbox row */
    IN_WITHDRAWN,     /* another process on this database cancelled this command */
    IN_ROLLOUT,       /* a rollout as it lies in the database: another process's, or left to us */
};

/* Reasons of IN_PUBLISHED that are not MQTT's. */
enum {
    PUBLISH_READ_ONLY = -1,  /* this process publishes nothing */
    PUBLISH_UNSENDABLE = -2, /* a wildcard in the topic, or too long */
    PUBLISH_HANGS_UP = -3,   /* the broker closed the connection on it, twice */
};

enum operator_verb {
    OP_ACKNOWLEDGE, OP_SHELVE, OP_UNSHELVE, OP_NOTE, OP_SEND, OP_CANCEL, OP_ROLLOUT, OP_ROLLOUT_STOP,
    OP_HAND_OVER /* to the next shift: `note` is to whom, "" nobody in particular */
};

/* OP_SEND: what to whom; OP_CANCEL: `id` alone. The id comes from outside: randomness is not the core's. */
struct command_order {
    struct uid id;
    struct uid client;
    char spelling[UID_TEXT]; /* of a client that was never heard; "" lower case */
    enum action action;
    struct text512 reason;
    struct text40 rollout_id;
    int64_t expires;       /* ms from now; 0: commands.expires */
    bool override_lockout; /* recorded with the operator's name */
    bool withheld;         /* a rollout was stopped before it: recorded as cancelled, never sent */
};

/* OP_ROLLOUT: to whom, in this order; OP_ROLLOUT_STOP: `id` alone. The id comes from outside. */
struct rollout_target {
    struct uid client;
    char spelling[UID_TEXT]; /* "" as it was heard */
};
struct rollout_order {
    struct uid id;
    enum action action;
    struct text512 reason;
    int64_t expires;      /* of each command, ms from its release; 0: commands.expires */
    int64_t parallel;     /* at most so many under way; 0: no limit */
    int64_t canary;       /* the first ones must come through before the rest goes; 0: none */
    int64_t max_failures; /* at the so many-th the rest is cancelled; 0: the canaries' alone */
    bool override_lockout;
    const struct rollout_target *targets; /* borrowed for the step */
    uint32_t count;
};

struct operator_action {
    enum operator_verb verb;
    char alarm_id[ALARM_ID];
    /* What the operator saw: acts only on this occurrence (alarm.mark), never on a newer one. */
    struct text96 mark;
    struct text64 by;
    struct text512 note;      /* "" none */
    int64_t shelve_until_at;
    struct command_order order;
    struct rollout_order rollout;
};

struct core_event {
    enum core_event_kind kind;
    struct now now;
    bool journal; /* MESSAGE: came over `journal`, which brings again what `live` brought, later or sooner */
    union {
        const struct msg *msg;
        struct { enum reject reason; struct text160 topic; struct text96 detail; size_t bytes; } reject;
        struct { struct words why; } down;   /* LINK_DOWN; LINK_UP: why = host and protocol */
        struct { bool complete; } snapshot;  /* false: cut short, nothing may be concluded from absence */
        const struct operator_action *op;
        struct { uint64_t token; int reason; } done;
        int64_t jump_ms;
        bool recorder;
        struct {
            const struct command *command;
            const struct effect *row; /* NULL: none */
            const struct msg *said;   /* what the row says of an alarm; NULL: nothing */
        } adopted;
        struct uid withdrawn;
        struct {
            const struct rollout *row;
            const struct rollout_member *members;
            bool ours; /* whoever drove it has ended */
        } rollout;
    } u;
};

/* ---- out ---- */

enum effect_kind {
    OUT_CLIENT,      /* client row changed: upsert; image wanted when `event` says so */
    OUT_ALARM,
    OUT_COMMAND,
    OUT_ROLLOUT,     /* its row; with its members when it begins */
    OUT_HISTORY,     /* a history line, with the after-image of what changed */
    OUT_LOG,
    OUT_OUTBOX_PUT,  /* must be durable (synchronous=FULL) before IN_STORED(token) is fed back */
    OUT_OUTBOX_DONE, /* forget it */
    OUT_PUBLISH,     /* hand to the broker now (only ever emitted while the link is up) */
    OUT_NOTIFY,      /* tell a human, whose quiet hours it is not */
    OUT_FETCH,       /* ask the broker for exact retained topics of this client */
    OUT_LINK_STATE,  /* connected/outage changed: for the store's meta row */
    OUT_MESSAGE,     /* one sentence for the status line */
};

/* Pointers borrow from the core and hold until the next core_step on it. */
struct effect {
    enum effect_kind kind;
    bool durable; /* must be on disk before the broker hears our PUBACK (acks, live alarms, service_failed) */
    union {
        const struct client *client;
        const struct alarm *alarm;
        const struct command *command;
        struct {
            const struct rollout *row;
            const struct rollout_member *members; /* row->total of them; NULL: are stored already */
        } rollout;
        const struct log_line *log;
        struct {
            struct history_event event;
            const struct client *client;   /* after-image; NULL none */
            const struct alarm *alarm;
            const struct command *command;
        } history;
        struct {
            uint64_t token;        /* also the outbox row's id */
            const char *topic;
            const void *payload;   /* NULL with len 0: empty */
            size_t len;
            bool retain;
            bool local;            /* OUTBOX_PUT: for the recorder of this database, never published */
            int64_t expires_at;    /* never published after; TIME_NONE */
            const char *alarm_id;  /* whose order it keeps: an alarm's id, or a command's; NULL none */
            const char *sha;       /* a clear: compared again before it is sent; NULL: no comparison */
        } publish;                 /* OUTBOX_PUT, PUBLISH; OUTBOX_DONE uses token */
        struct { const struct alarm *alarm; int32_t escalation; } notify; /* 0: it is new */
        struct { const struct client *client; bool failed, group; } fetch; /* which of its two topics */
        struct { bool connected, outage; } link;
        struct words message;
    } u;
};

struct effects {
    struct effect *list;
    size_t count, cap;
};
void effects_clear(struct effects *e);
void effects_fini(struct effects *e);

/* ---- life ---- */

struct core *core_new(const struct config *config, const char *hostname); /* copies config */
void core_free(struct core *c);
void core_reconfigure(struct core *c, const struct config *config);
/* Outbox tokens are unique among all processes on one database: the high half is this seed. Random, given
 * once before the first step. */
void core_seed_tokens(struct core *c, uint32_t seed);

/* Local time minus UTC, in seconds, for rules by the time of day; 0 until it is set. */
void core_set_zone(struct core *c, int32_t seconds);

/* The random part of this process's presence topic: among recorders with recovery the lowest acts. */
void core_set_presence_key(struct core *c, const char *key);

/* Before the first step: what the database knew, clients first. No effects, no change of state. */
bool core_restore_client(struct core *c, const struct client *row);
bool core_restore_alarm(struct core *c, const struct alarm *row, const void *payload, size_t len);
/* What was raised within the last day, the oldest first: the rate of alarms goes on over a restart. */
void core_restore_raise(struct core *c, const struct raise *r);
bool core_restore_command(struct core *c, const struct command *row);
bool core_restore_rollout(struct core *c, const struct rollout *row,
                          const struct rollout_member *members);
/* An outbox row left behind by a process that ended: taken up again with the same token. */
bool core_restore_outbox(struct core *c, const struct effect *row);

/* Appends to out (the caller clears it). Never fails: without memory it drops and counts
 * (core_counts.no_memory) and stays consistent. */
void core_step(struct core *c, const struct core_event *ev, struct effects *out);
/* A message of this topic is about to be decoded: where its client is found comes into the cache meanwhile.
 * Of 10,000 clients that is in none: waiting for it is a twentieth of what a message costs. */
void core_expect(const struct core *c, const char *topic);

/* mono_ms of the next thing due (silence, expiry, …); INT64_MAX: nothing. */
int64_t core_next_due(const struct core *c);

/* ---- reading (const; for screen, tables and store) ---- */

struct core_counts {
    uint32_t clients, by_state[CLIENT_STATES];
    uint32_t alarms_standing, alarms_unacknowledged; /* without suppressed */
    uint32_t commands_active;
    uint64_t messages, rejects, by_reject[REJECTS], no_memory;
    uint64_t generation; /* rises with every visible change */
    uint64_t fleet_generation, alarm_generation, command_generation, log_generation, reject_generation;
};
const struct core_counts *core_counts(const struct core *c);

bool core_link_is_up(const struct core *c);
/* All retained messages of this connection have come, those fetched by exact topics included: until then
 * one with the retain bit is a stored copy. */
bool core_snapshot_settled(const struct core *c);
int64_t core_link_since_at(const struct core *c); /* up or down since */
const struct words *core_link_why(const struct core *c);
struct now core_now(const struct core *c);        /* of the last step */

/* Clients live in a dense array; an index is stable for the life of the core. */
uint32_t core_client_count(const struct core *c);
const struct client *core_client(const struct core *c, uint32_t index);
const struct client *core_find_client(const struct core *c, const struct uid *id);
/* The client's age since last heard, ms (TIME_NONE: never live in this process nor stored). */
int64_t core_client_quiet_ms(const struct core *c, const struct client *cl, struct now now);

/* Why its silence is no fault, or is not shown as one. */
enum quiet_reason {
    QUIET_NONE,
    QUIET_SHUT_DOWN,     /* told to switch off */
    QUIET_OFF_BY_INTENT, /* its group is wanted off */
    QUIET_STARTING,      /* … was, and is on its way back */
    QUIET_RESTARTING,    /* a reboot or restart it carries out */
    QUIET_REASONS
};
enum quiet_reason core_quiet_reason(const struct core *c, const struct client *cl);

/* What the server last told a group; NULL: nothing. */
struct group_notice {
    struct text512 event;          /* the payload as it is; "" none */
    struct text16 wanted;          /* of the power intent: "on", "off"; "" none */
    struct text160 reason;
    int64_t issued_at, expires_at; /* TIME_NONE: not said */
};
const struct group_notice *core_group_notice(const struct core *c, struct text group);

/* For an outage of the whole fleet (group "") or of a group: of how many that are known how many were
 * ever heard, and the last of them when (wall; TIME_NONE: before this process). False: no such group. */
struct outage_figures { uint32_t silent, of; int64_t since_at; };
bool core_is_out(const struct core *c); /* the fleet's broker_outage holds */
bool core_outage(const struct core *c, struct text group, struct outage_figures *out);

/* Alarms, most urgent first: what still holds before what is over, then by priority, unacknowledged
 * before the rest, newest first. */
uint32_t core_alarm_count(const struct core *c); /* all not ALARM_NORMAL */
const struct alarm *core_alarm(const struct core *c, uint32_t rank);
const struct alarm *core_find_alarm(const struct core *c, const char *id);
/* More new alarms than one operator can follow (more than 10 in 10 minutes, until below 5). */
bool core_alarm_flood(const struct core *c);
/* It came three times within a minute and has not been calm for ten since. */
bool core_alarm_chatters(const struct core *c, const struct alarm *a);
/* False: without memory for what was raised; the rest is right. */
bool core_alarm_load(const struct core *c, struct now now, struct alarm_load *out);
/* Standing alarms folded by kind and group of devices, the most urgent first. */
struct alarm_group {
    enum alarm_kind kind;
    struct text64 group; /* "" none */
    uint32_t count, unacknowledged;
    int64_t oldest_at;
    const struct alarm *worst;
};
uint32_t core_alarm_group_count(const struct core *c);
const struct alarm_group *core_alarm_group(const struct core *c, uint32_t k);
bool core_alarm_is_in(const struct core *c, const struct alarm *a, const struct alarm_group *g);
/* The payload that raised a service_failed, for storing; NULL if none. Borrowed. */
const void *core_alarm_payload(const struct core *c, const struct alarm *a, size_t *len);

/* Outbox rows not yet done: stored, waiting for the link or for the broker's PUBACK. */
uint32_t core_outbox_count(const struct core *c);

/* Commands: active ones first, newest first. */
uint32_t core_command_count(const struct core *c);
const struct command *core_command(const struct core *c, uint32_t rank);
const struct command *core_find_command(const struct core *c, const struct uid *id);
/* When another command to this client would be within the lockout; 0: now. */
int64_t core_allowed_at(const struct core *c, const struct uid *client);
int64_t core_lockout_reach(const struct core *c); /* ms: older commands count for no lockout */

/* Rollouts of this database, those that go on first, then the newest first (64 kept). */
uint32_t core_rollout_count(const struct core *c);
const struct rollout *core_rollout(const struct core *c, uint32_t k);
const struct rollout *core_find_rollout(const struct core *c, const struct uid *id);
/* In the order of their release, one behind the other in memory; NULL past the end. */
const struct rollout_member *core_rollout_member(const struct core *c, const struct uid *rollout,
                                                 uint32_t k);

/* Clients whose last-seen times changed since the last call; for the bulk writes. Returns how many
 * were handed to fn, at most `most`. Not const: it clears the marks. */
uint32_t core_take_signs_of_life(struct core *c, uint32_t most,
                                 void (*fn)(void *user, const struct client *cl), void *user);

/* The last log lines and rejects, newest first: k = 0 is the newest; NULL past the end (1,024 kept). */
const struct log_line *core_log(const struct core *c, uint32_t k);
struct reject_line { int64_t at; enum reject reason; struct text160 topic; struct text96 detail; size_t bytes; };
const struct reject_line *core_reject(const struct core *c, uint32_t k); /* 256 kept */
/* The last history events of this process, newest first (1,024 kept). */
const struct history_event *core_history(const struct core *c, uint32_t k);
/* Reconnect times of a client within the last 24 h: hourly counts, [23] = this hour. False: unknown. */
bool core_reconnects_by_hour(const struct core *c, const struct client *cl, uint16_t out[24]);
/* Other consoles as their presence messages tell. */
struct console_seen { struct text40 key; struct text64 host, operator_name; struct text16 role; bool recovery; int64_t since_at; };
const struct console_seen *core_console(const struct core *c, uint32_t k);
const char *core_sys(const struct core *c, const char *name); /* a $SYS/broker/ value, cleaned; NULL unknown */

#endif
