/* alarm_groups.c - standing alarms folded by kind and group of devices, for a flood of them. Made
 * when asked for and something changed, like the ranking. */
#include <stdlib.h>
#include <string.h>

#include "core/core_internal.h"

static struct text group_of(const struct core *c, const struct alarm *a)
{
    const struct device *d = uid_is_zero(&a->client) ? NULL : fleet_find(c, &a->client);

    if (a->kind == ALARM_GROUP_OUTAGE)
        return TEXT(a->subject);
    return d ? TEXT(d->row.group) : TEXT(a->group);
}

static void begin_group(struct alarm_group *g, const struct alarm *a, struct text name)
{
    *g = (struct alarm_group){.kind = a->kind, .worst = a, .oldest_at = a->raised_at};
    TEXT_COPY(&g->group, name);
}

static void add(struct alarm_group *g, const struct alarm *a)
{
    g->count++;
    g->unacknowledged += a->state == ALARM_UNACKNOWLEDGED || a->state == ALARM_RETURNED;
    if (a->raised_at < g->oldest_at)
        g->oldest_at = a->raised_at;
}

/* The ranking is by urgency: the first of a group is its worst. */
static int by_group(const void *left, const void *right, void *user)
{
    const struct core *c = user;
    const struct alarm *a = core_alarm(c, *(const uint32_t *)left);
    const struct alarm *b = core_alarm(c, *(const uint32_t *)right);

    if (a->kind != b->kind)
        return (int)a->kind - (int)b->kind;
    const int names = strcmp(group_of(c, a).clean, group_of(c, b).clean);
    return names ? names : (*(const uint32_t *)left > *(const uint32_t *)right ? 1 : -1);
}

static int by_urgency(const void *left, const void *right)
{
    const struct alarm_group *a = left, *b = right;

    if (a->worst->active != b->worst->active)
        return a->worst->active ? -1 : 1;
    if (a->worst->priority != b->worst->priority)
        return a->worst->priority > b->worst->priority ? -1 : 1;
    if (a->unacknowledged != b->unacknowledged)
        return a->unacknowledged > b->unacknowledged ? -1 : 1;
    return strcmp(a->worst->id, b->worst->id);
}

static bool make_room(struct core *c, uint32_t n)
{
    if (n <= c->folded.room)
        return true;
    struct alarm_group *list = realloc(c->folded.list, n * sizeof(*list));
    if (!list)
        return false;
    c->folded.list = list;
    c->folded.room = n;
    return true;
}

/* Into a list with room for n. */
static uint32_t fold(const struct core *c, const uint32_t *order, uint32_t n,
                     struct alarm_group *list)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < n; i++) {
        const struct alarm *a = core_alarm(c, order[i]);
        const struct text name = group_of(c, a);
        struct alarm_group *last = count ? &list[count - 1] : NULL;
        if (!last || last->kind != a->kind || !text_equal(TEXT(last->group), name)) {
            last = &list[count++];
            begin_group(last, a, name);
        }
        add(last, a);
    }
    return count;
}

static void make(const struct core *core)
{
    struct core *c = (struct core *)(uintptr_t)core;
    const uint32_t all = core_alarm_count(c);
    uint32_t *order, n = 0;

    if (c->folded.made && c->folded.generation == c->counts.alarm_generation)
        return;
    order = malloc((all + 1) * sizeof(*order));
    c->folded.count = 0;
    c->folded.made = order && make_room(c, all + 1);
    c->folded.generation = c->counts.alarm_generation;
    for (uint32_t i = 0; c->folded.made && i < all; i++)
        if (alarm_stands(core_alarm(c, i)->state))
            order[n++] = i;
    struct alarm_group *const list = c->folded.list;
    if (n && list) {
        qsort_r(order, n, sizeof(*order), by_group, c);
        c->folded.count = fold(c, order, n, list);
        qsort(list, c->folded.count, sizeof(*list), by_urgency);
    }
    free(order);
}

uint32_t core_alarm_group_count(const struct core *c)
{
    make(c);
    return c->folded.count;
}

const struct alarm_group *core_alarm_group(const struct core *c, uint32_t k)
{
    make(c);
    return k < c->folded.count ? &c->folded.list[k] : NULL;
}

bool core_alarm_is_in(const struct core *c, const struct alarm *a, const struct alarm_group *g)
{
    return a->kind == g->kind && alarm_stands(a->state) &&
           text_equal(group_of(c, a), TEXT(g->group));
}
