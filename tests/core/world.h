/* world.h - a fleet without wires: clients of many habits speak into a core, at the times of a
 * seed. The tests and tests/bench/outage.c run the same. Times are milliseconds since it began. */
#ifndef TESTS_CORE_WORLD_H
#define TESTS_CORE_WORLD_H

#include "core/core.h"

enum habit {
    HABIT_EVEN,     /* each period, give or take a fifth: what the demo's devices do */
    HABIT_EXACT,    /* each period, to the millisecond, at phases of their own */
    HABIT_CHORUS,   /* … all of them in the same tenth of a second */
    HABIT_POISSON,  /* without any rhythm: exponential pauses */
    HABIT_LOSSY,    /* even, and one in ten is lost */
    HABIT_BURSTS,   /* heartbeat, health report and duplicates in one second, then nothing */
    HABIT_MIXED,    /* a third each, its own group: the period, five and twelve times it */
    HABIT_RAMP,     /* the period grows to six times itself within an hour */
    HABIT_STALLING, /* even, but now and then everything is held up for one or two seconds */
    HABITS
};
extern const char *const habit_names[HABITS];

struct world_plan {
    enum habit habit;
    unsigned clients, group_size; /* 0: no groups */
    int64_t period;
    uint64_t seed;
};

struct world_client {
    int64_t next;
    unsigned burst; /* what is left of it */
    bool dead;
};

struct world {
    struct world_plan plan;
    struct config config;
    struct core *core;
    struct effects effects;
    struct world_client *clients;
    uint32_t *heap; /* clients by next */
    uint64_t random;
    int64_t now, stall_until, next_stall, asleep; /* asleep: the boot clock is so far ahead */
    bool hush;                                    /* nothing arrives */
    unsigned hushed_group;        /* from 1: nothing of this group arrives; 0 none */
    unsigned raised[ALARM_KINDS]; /* lines that an operator saw appear */
    int64_t raised_at[ALARM_KINDS], ended_at[ALARM_KINDS]; /* the last */
};

/* Connected, nothing heard yet. False without memory. */
bool world_begin(struct world *w, const struct world_plan *plan);
void world_end(struct world *w);
void world_run(struct world *w, int64_t until);
void world_step(struct world *w, struct core_event *ev);
void world_link(struct world *w, bool up);
/* The console's computer is suspended: time passes for the world alone. */
void world_sleep(struct world *w, int64_t ms);
double world_random(struct world *w); /* [0, 1) */
bool world_stands(const struct world *w, enum alarm_kind kind, const char *subject);
unsigned world_shown(const struct world *w); /* alarms in sight whose condition holds */
#define WORLD_FLEET "fleet"

#endif
