/* model.h - the nouns: clients, alarms, commands, history. Plain data; the store writes these structs
 * into columns and reads them back, the screen draws them, the command line prints them.
 *
 * Times named _at are wall milliseconds (TIME_NONE: never), times named _mono are CLOCK_BOOTTIME
 * milliseconds of this process and are never stored. */
#ifndef CORE_MODEL_H
#define CORE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "base/timefmt.h"
#include "base/words.h"
#include "core/uid.h"

#define NUMBER_NONE INT64_MIN /* JSON null for counts, pids and event ids */
enum tristate { TRI_UNKNOWN = -1, TRI_NO = 0, TRI_YES = 1 };

/* ---- clients ---- */

/* In order of precedence: the worst that holds is the client's state. */
enum client_state {
    CLIENT_UNKNOWN, /* never heard live by any process of this database */
    CLIENT_ONLINE,
    CLIENT_SILENT,
    CLIENT_CRASHED,
    CLIENT_SERVICE_FAILED,
    CLIENT_STATES
};

struct client {
    struct uid id;
    char spelling[UID_TEXT]; /* as the client itself writes it */
    enum client_state state;
    struct text64 hostname;
    struct text40 ip;
    struct text24 version;
    struct text40 process;        /* current_process / actual_state.process */
    struct text24 process_status; /* "running", "crashed", … as reported */
    struct text64 group;          /* "" = none */
    int64_t pid, current_event_id, expected_event_id; /* NUMBER_NONE */
    int64_t reconnect_count;                          /* NUMBER_NONE */
    int64_t first_seen_at, last_heartbeat_at, last_health_at; /* live ones only */
    int64_t last_disconnect_at;                       /* the device's own word */
    int64_t state_since_at;
    enum tristate broker_reachable;
    bool failed, crashed, silent; /* what state is computed from */
    struct text96 failed_unit;    /* of the standing service_failed */
    struct text40 failed_at;      /* its failed_at text as sent (cleaned) */
    int32_t alarms, commands_in_flight; /* standing / active ones of this client */
    uint32_t index; /* in the core that keeps it; 0 in a row from the database */
};

/* ---- alarms ---- */

enum alarm_kind {
    ALARM_SERVICE_FAILED,
    ALARM_PROCESS_CRASHED,
    ALARM_CLIENT_SILENT,
    ALARM_CLIENT_FLAPPING,
    ALARM_COMMAND_FAILED,
    ALARM_DEVICE_NOT_BACK,
    ALARM_GROUP_OUTAGE,
    ALARM_BROKER_OUTAGE,
    ALARM_BROKER_UNREACHABLE,
    ALARM_KINDS
};

/* ISA-18.2 / IEC 62682. */
enum alarm_state {
    ALARM_NORMAL,         /* over: history only */
    ALARM_UNACKNOWLEDGED,
    ALARM_ACKNOWLEDGED,
    ALARM_RETURNED,       /* condition gone, not yet acknowledged */
    ALARM_SHELVED,
    ALARM_SUPPRESSED,     /* a wider alarm explains it */
    ALARM_STATES
};

enum priority { PRIORITY_DEFAULT, PRIORITY_LOW, PRIORITY_MEDIUM, PRIORITY_HIGH, PRIORITY_CRITICAL, PRIORITIES };

#define ALARM_ID 40 /* kind, '-', 16 hex digits, NUL */

struct alarm {
    char id[ALARM_ID];
    enum alarm_kind kind;
    enum alarm_state state;
    enum priority priority;
    struct text64 subject;       /* what the id is made from: uuid in lower case, group id, command id … */
    struct uid client;           /* zero: not about one client */
    struct text64 group;
    int64_t raised_at, cleared_at, acknowledged_at, shelved_until;
    struct text64 acknowledged_by;
    char suppressed_by[ALARM_ID]; /* "" = none */
    int32_t occurrences;
    struct words summary;
    struct text512 note;
    /* The occurrence's mark as other consoles must name it: for service_failed the payload's failed_at
     * text or the payload's SHA-256; else ISO raised_at. */
    struct text96 mark;
    char payload_sha[65];        /* service_failed: of the payload that raised it; "" else */
    bool active;                 /* the condition holds now */
};

/* ---- commands ---- */

enum action { ACTION_REBOOT_HOST, ACTION_SHUTDOWN_HOST, ACTION_RESTART_APP, ACTION_OTHER, ACTIONS };

enum command_status {
    COMMAND_QUEUED, COMMAND_CANCELLED, COMMAND_PUBLISHED, COMMAND_ACCEPTED, COMMAND_EXECUTION_STARTED,
    COMMAND_EXPIRED, COMMAND_COMPLETED, COMMAND_FAILED, /* in order of rank */
    COMMAND_BLOCKED, COMMAND_STATUSES
};

enum ack_topic { ACK_CANONICAL /* commands/ack */, ACK_ALIAS /* command/ack */ };

struct command_ack {
    enum command_status status; /* accepted, execution_started, completed, failed */
    enum ack_topic topic;
    int64_t received_at;
};
#define COMMAND_ACKS 8 /* one per (status, topic) */

struct command {
    struct uid id;
    struct uid client;
    enum action action;
    struct text24 action_text;   /* as sent: the word for ACTION_OTHER */
    enum command_status status;
    struct text64 requested_by;
    struct text512 reason;
    struct text64 error_code;
    struct text512 error_message;
    struct text40 rollout_id;    /* "" = none */
    int64_t issued_at, expires_at, published_at, accepted_at, execution_started_at, finished_at;
    int64_t allowed_at;          /* blocked: when it would be allowed */
    bool late, foreign;          /* foreign: learned from the commands topic */
    bool not_connected;          /* the broker said so of its client; a hint, not stored */
    uint8_t ack_count;
    struct command_ack acks[COMMAND_ACKS];
};

/* ---- rollouts: one command to each of many clients, released at a pace ---- */

enum rollout_state {
    ROLLOUT_RUNNING,
    ROLLOUT_STOPPING, /* no more are released; what is under way comes to its end */
    ROLLOUT_STOPPED,  /* over; some were never released, and are cancelled */
    ROLLOUT_DONE,     /* over; all were released */
    ROLLOUT_STATES
};

struct rollout {
    struct uid id;
    enum action action;
    enum rollout_state state;
    struct text64 requested_by;
    struct text64 stopped_by; /* "": failures stopped it, or nothing did */
    struct text512 reason;
    int64_t began_at, active_at, ended_at;  /* active_at: of the last release */
    int64_t expires;                        /* of each command, ms from its release; 0: commands.expires */
    int64_t parallel, canary, max_failures; /* 0: no limit */
    bool override_lockout;
    /* Counted from its members, not stored. */
    uint32_t total, released, by_status[COMMAND_STATUSES];
};

struct rollout_member {
    struct uid client, command; /* the command's id is derived from the rollout's and the client's */
    char spelling[UID_TEXT];
    enum command_status status; /* COMMAND_STATUSES: not released yet */
};

/* ---- history ---- */

enum event_kind {
    EVENT_IMAGE, /* a change worth keeping but not worth a line: never listed */
    EVENT_ALARM_RAISED, EVENT_ALARM_ACKNOWLEDGED, EVENT_ALARM_SHELVED, EVENT_ALARM_UNSHELVED,
    EVENT_ALARM_RETURNED, EVENT_ALARM_CLEARED, EVENT_NOTE, EVENT_STATE_CHANGED,
    EVENT_COMMAND_QUEUED, EVENT_COMMAND_CANCELLED, EVENT_COMMAND_PUBLISHED, EVENT_COMMAND_ACCEPTED,
    EVENT_COMMAND_EXECUTION_STARTED, EVENT_COMMAND_EXPIRED, EVENT_COMMAND_COMPLETED,
    EVENT_COMMAND_FAILED, EVENT_COMMAND_BLOCKED,
    EVENT_RECONNECT, EVENT_GROUP_CHANGED, EVENT_LINK_UP, EVENT_LINK_DOWN, EVENT_RECORDER,
    EVENT_RECOVERY, EVENT_CLOCK_JUMP,
    EVENT_KINDS
};

struct history_event {
    int64_t seq; /* given by the store; 0 before */
    int64_t at;
    enum event_kind kind;
    struct uid client;       /* zero: none */
    char alarm_id[ALARM_ID]; /* "": none */
    struct uid command;      /* zero: none */
    struct text64 by;        /* operator; "" none */
    struct words summary;
};

struct log_line {
    int64_t at;
    struct uid client;
    struct text16 level; /* the topic's last level, lower case as sent */
    struct text512 message;
};

/* ---- vocabulary: the words of the wire and of JSON, and those a person reads (N_) ---- */

struct vocabulary {
    const char *word;  /* in JSON, on the command line, in the database */
    const char *label; /* N_(), for people */
};
extern const struct vocabulary client_states[CLIENT_STATES];
extern const struct vocabulary alarm_states[ALARM_STATES];
extern const struct vocabulary alarm_kinds[ALARM_KINDS];
extern const struct vocabulary priorities[PRIORITIES];
extern const struct vocabulary command_statuses[COMMAND_STATUSES];
extern const struct vocabulary rollout_states[ROLLOUT_STATES];
extern const struct vocabulary actions[ACTIONS];
extern const struct vocabulary event_kinds[EVENT_KINDS];
/* Index of word in a table of n rows, or -1. */
int vocabulary_find(const struct vocabulary *table, int n, const char *word);

/* The priority a kind has unless configured otherwise. */
enum priority alarm_kind_priority(enum alarm_kind kind);
/* id = kind, '-', first 16 hex digits of SHA-256(kind NUL subject). */
void alarm_make_id(enum alarm_kind kind, struct text subject, char out[ALARM_ID]);
bool alarm_kind_is_local(enum alarm_kind kind); /* about this console alone: never shared over the broker */
/* Nothing has come of it yet: no time but issued_at and expires_at, no ack. */
void command_clear_progress(struct command *c);
/* Released and not yet ended; failed or expired. */
uint32_t rollout_in_flight(const struct rollout *r);
uint32_t rollout_failures(const struct rollout *r);
/* A client's name for people: hostname, else the first 8 digits of its uuid. */
__attribute__((warn_unused_result)) struct text client_name(const struct client *c,
                                                           struct text64 *scratch);

#endif
