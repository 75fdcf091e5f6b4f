/* groups.c - which clients belong together, and whether they are wanted off. */
#include <stdlib.h>
#include <string.h>

#include "core/core_internal.h"

/* ---- finding and keeping ---- */

static uint64_t hash_of(struct text id)
{
    return hash_bytes(id.clean, strlen(id.clean));
}

struct group *group_find(const struct core *c, struct text id)
{
    struct link *l = c->groups.count ? table_first(&c->groups, hash_of(id)) : NULL;

    for (; l; l = table_next(l)) {
        struct group *g = (struct group *)l;
        if (strcmp(g->id.clean, id.clean) == 0)
            return g;
    }
    return NULL;
}

/* Room for its three timers, or for none. */
static bool promise(struct core *c)
{
    if (!heap_promise(&c->air))
        return false;
    if (heap_promise(&c->air)) {
        if (heap_promise(&c->mono))
            return true;
        c->air.promised--;
    }
    c->air.promised--;
    return false;
}

static void forget(struct core *c, struct group *g)
{
    heap_forget(&c->air, &g->pulse.timer);
    heap_forget(&c->air, &g->review);
    heap_forget(&c->mono, &g->intent);
    table_remove(&c->groups, &g->link);
    core_bury(c, g);
}

static struct group *group_get(struct core *c, struct text id)
{
    struct group *g = group_find(c, id);

    if (g || !(g = core_alloc(c, sizeof *g)))
        return g;
    TEXT_COPY(&g->id, id);
    pulse_init(&g->pulse, TIMER_GROUP);
    g->intent.kind = TIMER_INTENT;
    g->review.kind = TIMER_REVIEW;
    if (!promise(c)) {
        c->counts.no_memory++;
        core_free_now(g);
        return NULL;
    }
    if (!table_add(&c->groups, &g->link, hash_of(id))) {
        c->air.promised -= 2;
        c->mono.promised--;
        c->counts.no_memory++;
        core_free_now(g);
        return NULL;
    }
    return g;
}

void groups_fini(struct core *c)
{
    for (uint32_t i = 0; i < c->groups.size; i++)
        for (struct link *l = c->groups.buckets[i], *next; l; l = next) {
            next = l->next;
            core_free_now(l);
        }
    free(c->groups.buckets);
}

/* ---- members: a list through the clients ---- */

static struct device *numbered(const struct core *c, uint32_t number)
{
    return number ? fleet_device(c, number - 1) : NULL;
}

struct device *group_member(const struct core *c, const struct group *g, const struct device *last)
{
    return numbered(c, last ? last->group_next : g->first);
}

static void leave(struct core *c, struct device *d)
{
    struct group *g = d->group;
    struct device *next = numbered(c, d->group_next), *prev = numbered(c, d->group_prev);

    if (prev)
        prev->group_next = d->group_next;
    else
        g->first = d->group_next;
    if (next)
        next->group_prev = d->group_prev;
    d->group = NULL;
    d->group_next = d->group_prev = 0;
    if (--g->members)
        return;
    if (g->pulse.out)
        outage_end(c, g);
    if (!g->off)
        forget(c, g);
}

void group_join(struct core *c, struct device *d)
{
    const struct text id = TEXT(d->row.group);

    if (d->group && strcmp(d->group->id.clean, id.clean) == 0)
        return;
    if (d->group)
        leave(c, d);
    struct group *g = text_is_empty(id) ? NULL : group_get(c, id);
    if (!g)
        return;
    struct device *first = numbered(c, g->first);
    if (first)
        first->group_prev = device_number(d);
    d->group = g;
    d->group_next = g->first;
    g->first = device_number(d);
    g->members++;
    if (d->heard_mono != INT64_MIN && d->heard_air > g->pulse.heard)
        g->pulse.heard = d->heard_air;
    if (!g->pulse.timer.place)
        heap_set(&c->air, &g->pulse.timer, air_now(c, c->now.mono_ms) + SECOND_MS);
}

/* ---- power intent ---- */

static void wanted_on(struct core *c, struct group *g)
{
    const int64_t start = c->config.commands.back_within;

    g->off = false;
    heap_remove(&c->mono, &g->intent);
    c->counts.generation++;
    c->counts.fleet_generation++;
    if (!g->members) {
        forget(c, g);
        return;
    }
    g->excused_until = air_now(c, c->now.mono_ms) + start;
    pulse_restart(c, &g->pulse, g, start);
    heap_set(&c->air, &g->review, g->excused_until);
}

static void wanted_off(struct core *c, struct group *g, int64_t expires_at)
{
    g->off = true;
    g->intent_epoch = c->contact.epoch;
    c->counts.generation++;
    c->counts.fleet_generation++;
    if (expires_at == TIME_NONE)
        heap_remove(&c->mono, &g->intent);
    else
        heap_set(&c->mono, &g->intent, c->now.mono_ms + expires_at - c->now.wall_ms);
}

void group_intent(struct core *c, const struct msg *m)
{
    const int64_t expires_at = m->u.intent.expires_at;
    const bool off = m->u.intent.off && (expires_at == TIME_NONE || expires_at > c->now.wall_ms);
    struct group *g =
        off ? group_get(c, TEXT(m->u.intent.group)) : group_find(c, TEXT(m->u.intent.group));

    if (g && off)
        wanted_off(c, g, expires_at);
    else if (g && g->off)
        wanted_on(c, g);
}

void group_intent_due(struct core *c, struct timer *t)
{
    wanted_on(c, CONTAINER(t, struct group, intent));
}

/* They had time to start: who is silent now is so without an excuse. */
void group_review_due(struct core *c, struct timer *t)
{
    struct group *g = CONTAINER(t, struct group, review);

    heap_remove(&c->air, t);
    for (const struct device *d = NULL; (d = group_member(c, g, d));) {
        if (d->row.silent)
            pulse_consider(c, d);
        silence_review(c, d);
    }
}

static void conclude(struct core *c, struct group *g)
{
    if (g->off && g->intent_epoch != c->contact.epoch)
        wanted_on(c, g);
    else if (!g->off && c->contact.epoch == 1) /* was it on already when we began? */
        heap_set(&c->air, &g->review, air_now(c, c->now.mono_ms) + c->config.commands.back_within);
}

void groups_conclude(struct core *c)
{
    for (uint32_t i = 0; i < c->groups.size; i++)
        for (struct link *l = c->groups.buckets[i], *next; l; l = next) {
            next = l->next;
            conclude(c, (struct group *)l);
        }
}

/* ---- silence that is no fault ---- */

static bool is_restarting(const struct core *c, const struct device *d)
{
    for (const struct tracked *t = NULL; d->watches && (t = command_of_client(c, &d->row.id, t));)
        if (t->watched && t->back.place)
            return true;
    return false;
}

enum quiet_reason quiet_reason(const struct core *c, const struct device *d)
{
    const struct group *g = d->group;

    if (d->going_off)
        return QUIET_SHUT_DOWN;
    if (g && g->off)
        return QUIET_OFF_BY_INTENT;
    if (is_restarting(c, d))
        return QUIET_RESTARTING;
    if (g && air_now(c, c->now.mono_ms) < g->excused_until)
        return QUIET_STARTING;
    return QUIET_NONE;
}

enum quiet_reason core_quiet_reason(const struct core *c, const struct client *cl)
{
    const struct device *d = fleet_find(c, &cl->id);

    return d ? quiet_reason(c, d) : QUIET_NONE;
}
