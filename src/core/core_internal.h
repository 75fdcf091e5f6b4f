/* core_internal.h - what the files behind core_step share. Nobody else includes it.
 *
 * Everything that lives is reached by pointers that stay valid until the next step: effects borrow
 * them. So clients stand in chunks that never move, and what dies in a step is freed at the
 * beginning of the next one (core_bury). */
#ifndef CORE_CORE_INTERNAL_H
#define CORE_CORE_INTERNAL_H

#include "base/buf.h"
#include "base/i18n.h"
#include "core/internal_alarm.h"
#include "core/internal_command.h"
#include "core/internal_device.h"
#include "core/internal_table.h"

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
/* … and one timer of it may be set on the clock "mono" (heap_promise). */
void *core_alloc_timed(struct core *c, size_t size);
void core_bury(struct core *c, void *p); /* freed when the next step begins */
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

#endif
