/* load.c - rate, flood, stale, chatter, sources. */
#include "core/load.h"

#include <stdlib.h>
#include <string.h>

void load_begin(struct alarm_load *l)
{
    memset(l, 0, sizeof(*l));
    l->longest_ms = NUMBER_NONE;
}

void load_add_alarm(struct alarm_load *l, const struct alarm *a, int64_t now)
{
    const int64_t age = now - a->raised_at;

    if (a->state == ALARM_NORMAL || a->state == ALARM_SUPPRESSED)
        return;
    l->standing++;
    l->stale += age > LOAD_DAY_MS;
    if (a->state != ALARM_UNACKNOWLEDGED && a->state != ALARM_RETURNED)
        return;
    l->unacknowledged++;
    if (age > l->longest_ms)
        l->longest_ms = age;
}

/* ---- raises ---- */

static int by_time(const void *left, const void *right)
{
    const struct raise *a = left, *b = right;

    return (a->at > b->at) - (a->at < b->at);
}

static int by_alarm_then_time(const void *left, const void *right)
{
    const struct raise *a = left, *b = right;
    const int ids = strcmp(a->alarm_id, b->alarm_id);

    return ids ? ids : by_time(left, right);
}

static int by_client(const void *left, const void *right)
{
    const struct raise *a = left, *b = right;

    return memcmp(&a->client, &b->client, sizeof(a->client));
}

/* The window slides from one raise to the next and out behind the last: a flood begins with a raise
 * and ends when one leaves the window. */
static void find_floods(struct alarm_load *l, const struct raise *r, size_t n, int64_t now)
{
    size_t first = 0, next = 0;
    int64_t since = TIME_NONE;

    while (first < n) {
        const int64_t leaves = r[first].at + LOAD_WINDOW_MS;
        const bool enters = next < n && r[next].at < leaves;
        const int64_t at = enters ? r[next].at : leaves;
        if (at > now)
            break;
        if (enters)
            next++;
        else
            first++;
        if (since == TIME_NONE && next - first > LOAD_FLOOD_OVER) {
            since = at;
        } else if (since != TIME_NONE && next - first < LOAD_CALM_BELOW) {
            l->flood_ms += at - since;
            since = TIME_NONE;
        }
    }
    l->rate = (int64_t)(next - first);
    l->flood = since != TIME_NONE;
    l->flood_ms += l->flood ? now - since : 0;
}

static void find_chatter(struct alarm_load *l, const struct raise *r, size_t n)
{
    for (size_t i = 0; i + LOAD_CHATTER - 1 < n && l->chattering_count < LOAD_LISTED; i++) {
        const struct raise *last = &r[i + LOAD_CHATTER - 1];
        const char *known = l->chattering_count ? l->chattering[l->chattering_count - 1] : "";
        if (r[i].alarm_id[0] && strcmp(r[i].alarm_id, last->alarm_id) == 0 &&
            last->at - r[i].at <= LOAD_CHATTER_MS && strcmp(known, r[i].alarm_id) != 0)
            memcpy(l->chattering[l->chattering_count++], r[i].alarm_id, ALARM_ID);
    }
}

/* Keeps the largest, the largest first. */
static void add_source(struct alarm_load *l, const struct uid *client, int64_t count)
{
    uint32_t at = l->source_count;

    while (at > 0 && l->source[at - 1].count < count)
        at--;
    if (at == LOAD_SOURCES)
        return;
    if (l->source_count < LOAD_SOURCES)
        l->source_count++;
    memmove(&l->source[at + 1], &l->source[at], (l->source_count - 1 - at) * sizeof(l->source[0]));
    l->source[at].client = *client;
    l->source[at].count = count;
}

static void find_sources(struct alarm_load *l, const struct raise *r, size_t n)
{
    for (size_t i = 0, k; i < n; i = k) {
        for (k = i + 1; k < n && uid_equal(&r[k].client, &r[i].client); k++)
            ;
        if (!uid_is_zero(&r[i].client))
            add_source(l, &r[i].client, (int64_t)(k - i));
    }
}

void load_add_raises(struct alarm_load *l, struct raise *raises, size_t n, int64_t now)
{
    if (!n)
        return;
    qsort(raises, n, sizeof(*raises), by_alarm_then_time);
    find_chatter(l, raises, n);
    qsort(raises, n, sizeof(*raises), by_client);
    find_sources(l, raises, n);
    qsort(raises, n, sizeof(*raises), by_time);
    find_floods(l, raises, n, now);
}
