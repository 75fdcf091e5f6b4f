/* internal_device.h - clients, their groups, and who is silent together. */
#ifndef CORE_INTERNAL_DEVICE_H
#define CORE_INTERNAL_DEVICE_H

#include "core/internal_table.h"

struct core;

/* ---- clients ---- */

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

/* As lists of devices keep it: 0 is none. */
static inline uint32_t device_number(const struct device *d)
{
    return d->row.index + 1;
}

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

#endif
