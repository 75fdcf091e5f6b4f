#include "world.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WALL INT64_C(1775376000000)
#define MONO INT64_C(50000000)

const char *const habit_names[HABITS] = {
    [HABIT_EVEN] = "even, +-20 %",        [HABIT_EXACT] = "exact",
    [HABIT_CHORUS] = "in chorus",         [HABIT_POISSON] = "no rhythm",
    [HABIT_LOSSY] = "10 % lost",          [HABIT_BURSTS] = "bursts, doubles",
    [HABIT_MIXED] = "mixed, 1:5:12",      [HABIT_RAMP] = "slowing down 1:6",
    [HABIT_STALLING] = "stalls of 1-2 s",
};

/* ---- chance ---- */

double world_random(struct world *w)
{
    uint64_t x = w->random += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return (double)((x ^ x >> 31) >> 11) / 9007199254740992.0;
}

static int64_t about(struct world *w, double period)
{
    return (int64_t)(period * (0.8 + 0.4 * world_random(w)));
}

static int64_t pause_of(struct world *w, uint32_t i)
{
    static const int64_t factors[] = {1, 5, 12};
    const double period = (double)w->plan.period;

    switch (w->plan.habit) {
    case HABIT_EXACT:
        return w->plan.period;
    case HABIT_CHORUS: /* in the chorus' next tenth of a second */
        return (w->now / w->plan.period + 1) * w->plan.period - w->now +
               (int64_t)(100 * world_random(w));
    case HABIT_POISSON:
        return (int64_t)(-period * log(1 - world_random(w)));
    case HABIT_BURSTS:
        if (w->clients[i].burst == 0)
            w->clients[i].burst = 2 + (unsigned)(4 * world_random(w));
        return --w->clients[i].burst ? (int64_t)(300 * world_random(w)) : about(w, period);
    case HABIT_MIXED:
        return about(w, period * (double)factors[i % 3]);
    case HABIT_RAMP:
        return about(w, period * (1 + 5 * fmin(1, (double)w->now / 3600000)));
    default:
        return about(w, period);
    }
}

/* ---- whose turn it is: a heap ---- */

static void sift_down(struct world *w, uint32_t at)
{
    const uint32_t n = w->plan.clients, moved = w->heap[at];

    for (uint32_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && w->clients[w->heap[child + 1]].next < w->clients[w->heap[child]].next)
            child++;
        if (w->clients[w->heap[child]].next >= w->clients[moved].next)
            break;
        w->heap[at] = w->heap[child];
    }
    w->heap[at] = moved;
}

/* ---- into the core ---- */

static void note(struct world *w, const struct effect *e)
{
    const struct alarm *a = e->kind == OUT_HISTORY ? e->u.history.alarm : NULL;

    if (!a)
        return;
    if (e->u.history.event.kind == EVENT_ALARM_RAISED) {
        w->raised[a->kind]++;
        w->raised_at[a->kind] = w->now;
    } else if (!a->active) {
        w->ended_at[a->kind] = w->now;
    }
}

void world_step(struct world *w, struct core_event *ev)
{
    ev->now = (struct now){MONO + w->now + w->asleep, WALL + w->now + w->asleep};
    effects_clear(&w->effects);
    core_step(w->core, ev, &w->effects);
    for (size_t i = 0; i < w->effects.count; i++)
        note(w, &w->effects.list[i]);
}

static void uuid_of(uint32_t i, struct msg *m)
{
    snprintf(m->spelling, sizeof m->spelling, "%08x-0000-4000-8000-000000000000", i);
    uid_parse(m->spelling, UID_TEXT - 1, &m->client);
}

static unsigned group_of(const struct world *w, uint32_t i)
{
    if (w->plan.habit == HABIT_MIXED && w->plan.group_size)
        return i % 3 + 1;
    return w->plan.group_size ? i / w->plan.group_size + 1 : 0;
}

static void beat(struct world *w, uint32_t i)
{
    struct msg m = {.kind = MSG_HEARTBEAT, .device_at = TIME_NONE};
    struct core_event ev = {.kind = IN_MESSAGE, .u.msg = &m};

    if (w->clients[i].dead || w->hush || (w->hushed_group && group_of(w, i) == w->hushed_group) ||
        (w->plan.habit == HABIT_LOSSY && world_random(w) < 0.1) || !core_link_is_up(w->core))
        return;
    uuid_of(i, &m);
    world_step(w, &ev);
}

/* What is held up arrives at once when the stall ends. */
static void stall(struct world *w)
{
    if (w->plan.habit != HABIT_STALLING || w->now < w->next_stall)
        return;
    w->stall_until = w->now + 1000 + (int64_t)(1000 * world_random(w));
    w->next_stall = w->stall_until + 30000 + (int64_t)(60000 * world_random(w));
}

static void tick(struct world *w, int64_t until)
{
    int64_t due;

    while ((due = core_next_due(w->core) - MONO - w->asleep) <= until) {
        w->now = due > w->now ? due : w->now;
        world_step(w, &(struct core_event){.kind = IN_TICK});
    }
}

void world_run(struct world *w, int64_t until)
{
    struct world_client *first;

    while ((first = &w->clients[w->heap[0]])->next <= until) {
        stall(w);
        if (first->next < w->stall_until) {
            first->next = w->stall_until;
            sift_down(w, 0);
            continue;
        }
        tick(w, first->next - 1);
        w->now = first->next > w->now ? first->next : w->now;
        beat(w, w->heap[0]);
        first->next = w->now + pause_of(w, w->heap[0]);
        sift_down(w, 0);
    }
    tick(w, until);
    w->now = until;
}

/* ---- life ---- */

static void join(struct world *w, uint32_t i)
{
    struct msg m = {.kind = MSG_GROUP};
    struct core_event ev = {.kind = IN_MESSAGE, .u.msg = &m};

    uuid_of(i, &m);
    snprintf(m.u.group.group.clean, sizeof m.u.group.group.clean, "g%u", group_of(w, i));
    world_step(w, &ev);
}

void world_link(struct world *w, bool up)
{
    world_step(w, &(struct core_event){.kind = up ? IN_LINK_UP : IN_LINK_DOWN,
                                       .u.down.why = {.id = up ? "up" : "down"}});
    if (up)
        world_step(w, &(struct core_event){.kind = IN_SNAPSHOT_DONE, .u.snapshot.complete = true});
}

void world_sleep(struct world *w, int64_t ms)
{
    w->asleep += ms;
}

bool world_begin(struct world *w, const struct world_plan *plan)
{
    memset(w, 0, sizeof *w);
    w->plan = *plan;
    w->random = plan->seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    config_init(&w->config);
    w->core = core_new(&w->config, "ops1");
    w->clients = calloc(plan->clients, sizeof *w->clients);
    w->heap = calloc(plan->clients, sizeof *w->heap);
    if (!w->core || !w->clients || !w->heap) {
        world_end(w);
        return false;
    }
    w->next_stall = 60000;
    for (uint32_t i = 0; i < plan->clients; i++) {
        w->heap[i] = i;
        w->clients[i].next = plan->habit == HABIT_CHORUS
                                 ? (int64_t)(100 * world_random(w))
                                 : (int64_t)((double)plan->period * world_random(w));
    }
    for (uint32_t i = plan->clients / 2; i-- > 0;)
        sift_down(w, i);
    world_step(w, &(struct core_event){.kind = IN_ROLE, .u.recorder = true});
    world_link(w, true);
    for (uint32_t i = 0; plan->group_size && i < plan->clients; i++)
        join(w, i);
    return true;
}

void world_end(struct world *w)
{
    core_free(w->core);
    effects_fini(&w->effects);
    free(w->clients);
    free(w->heap);
}

bool world_stands(const struct world *w, enum alarm_kind kind, const char *subject)
{
    char id[ALARM_ID];

    alarm_make_id(kind, TEXT_OURS(subject), id);
    const struct alarm *a = core_find_alarm(w->core, id);
    return a && a->active && a->state != ALARM_SUPPRESSED;
}

unsigned world_shown(const struct world *w)
{
    unsigned n = 0;

    for (uint32_t i = 0; i < core_alarm_count(w->core); i++) {
        const struct alarm *a = core_alarm(w->core, i);
        n += a->active && a->state != ALARM_SUPPRESSED;
    }
    return n;
}
