/* reconnect.c - how often a device lost its broker: hourly counts, and flapping. */
#include <stdio.h>
#include <string.h>

#include "core/core_internal.h"

#define HOURS         24
#define CONTEST_MS    INT64_C(150000) /* reports come once in a while: two minutes and a bit */
#define CONTEST_LEAST 4
#define CONTEST_PACE  INT64_C(30000) /* ms a reconnect: twice a minute */
#define RISES         16 /* remembered for alarms.flap_window; the oldest two become one beyond */

struct reconnects {
    struct device *device;
    struct timer calm; /* when the oldest of the rises leaves the window */
    int64_t hour;      /* of count[HOURS - 1]: wall hours since the epoch */
    uint16_t count[HOURS];
    struct {
        int64_t mono, n;
    } rises[RISES];
    uint8_t rise_count;
};

static void shift_hours(uint16_t count[HOURS], int64_t by)
{
    if (by <= 0)
        return;
    if (by > HOURS)
        by = HOURS;
    memmove(count, count + by, (size_t)(HOURS - by) * sizeof(*count));
    memset(count + HOURS - by, 0, (size_t)by * sizeof(*count));
}

static struct reconnects *reconnects_get(struct core *c, struct device *d)
{
    if (d->reconnects)
        return d->reconnects;
    struct reconnects *r = core_alloc_timed(c, sizeof(*r));
    if (!r)
        return NULL;
    r->device = d;
    r->calm.kind = TIMER_FLAP;
    r->hour = c->now.wall_ms / HOUR_MS;
    d->reconnects = r;
    return r;
}

static void count_hour(const struct core *c, struct reconnects *r, int64_t n)
{
    const int64_t hour = c->now.wall_ms / HOUR_MS;

    if (hour > r->hour) {
        shift_hours(r->count, hour - r->hour);
        r->hour = hour;
    }
    const int64_t sum = r->count[HOURS - 1] + n;
    r->count[HOURS - 1] = (uint16_t)(sum > UINT16_MAX ? UINT16_MAX : sum);
}

/* ---- flapping ---- */

static void forget_old(const struct core *c, struct reconnects *r)
{
    const int64_t since = c->now.mono_ms - c->config.alarms.flap_window;
    uint8_t gone = 0;

    while (gone < r->rise_count && r->rises[gone].mono <= since)
        gone++;
    memmove(r->rises, r->rises + gone, (size_t)(r->rise_count - gone) * sizeof(*r->rises));
    r->rise_count = (uint8_t)(r->rise_count - gone);
}

static void add_rise(const struct core *c, struct reconnects *r, int64_t n)
{
    if (r->rise_count == RISES) {
        r->rises[1].n += r->rises[0].n;
        memmove(r->rises, r->rises + 1, (RISES - 1) * sizeof(*r->rises));
        r->rise_count--;
    }
    r->rises[r->rise_count].mono = c->now.mono_ms;
    r->rises[r->rise_count++].n = n;
}

/* Twice a minute and more: so do two processes that push each other off one account. Nobody knows
 * how long the first of the reports took to add up, so it only starts the clock. */
static bool is_contested(const struct core *c, const struct reconnects *r)
{
    uint8_t i = 0;
    int64_t sum = 0;

    while (i < r->rise_count && c->now.mono_ms - r->rises[i].mono > CONTEST_MS)
        i++;
    if (i == r->rise_count)
        return false;
    const int64_t since = r->rises[i].mono;
    while (++i < r->rise_count)
        sum += r->rises[i].n;
    return sum >= CONTEST_LEAST && sum * CONTEST_PACE >= c->now.mono_ms - since;
}

static void judge_flapping(struct core *c, struct reconnects *r)
{
    int64_t sum = 0;

    forget_old(c, r);
    for (uint8_t i = 0; i < r->rise_count; i++)
        sum += r->rises[i].n;
    const bool contested = is_contested(c, r);
    alarm_device_condition(c, r->device, ALARM_CLIENT_FLAPPING,
                           contested || sum >= c->config.alarms.flap_reconnects);
    if (contested)
        alarm_device_contested(c, r->device);
    if (r->rise_count)
        heap_set(&c->mono, &r->calm, r->rises[0].mono + c->config.alarms.flap_window);
    else
        heap_remove(&c->mono, &r->calm);
}

void reconnect_flap_due(struct core *c, struct timer *t)
{
    judge_flapping(c, CONTAINER(t, struct reconnects, calm));
}

/* ---- the count that a device reports ---- */

/* The first count ever seen says nothing about when; a lower one means that it started anew, and
 * then all of it is new. */
bool reconnect_note(struct core *c, struct device *d, int64_t count)
{
    const int64_t before = d->row.reconnect_count;
    const bool reset = count < before;
    struct text64 name;
    struct text24 digits = {{0}};

    if (count == before)
        return false;
    d->row.reconnect_count = count;
    if (before == NUMBER_NONE)
        return true;
    const int64_t n = reset ? count : count - before;
    snprintf(digits.clean, sizeof(digits.clean), "%lld", (long long)count);
    const struct words summary = words_of(reset ? N_("{1} counts its reconnects anew: {2}")
                                                : N_("{1} reconnected: {2} times so far"),
                                          client_name(&d->row, &name), TEXT(digits));
    fleet_touch(c, d);
    emit_history(c,
                 &(struct history_note){.kind = EVENT_RECONNECT, .device = d, .summary = &summary});
    struct reconnects *r = n > 0 ? reconnects_get(c, d) : NULL;
    if (r) {
        count_hour(c, r, n);
        add_rise(c, r, n);
        judge_flapping(c, r);
    }
    return true;
}

bool core_reconnects_by_hour(const struct core *c, const struct client *cl, uint16_t out[HOURS])
{
    const struct device *d = fleet_find(c, &cl->id);

    memset(out, 0, HOURS * sizeof(*out));
    if (!d || cl->reconnect_count == NUMBER_NONE)
        return false;
    if (!d->reconnects)
        return true;
    memcpy(out, d->reconnects->count, HOURS * sizeof(*out));
    shift_hours(out, c->now.wall_ms / HOUR_MS - d->reconnects->hour);
    return true;
}
