/* flood.c - what was raised of late: is it more than one operator can follow, and which alarms
 * chatter. The rings keep a day; a flood is judged on the boot clock. */
#include <stdlib.h>
#include <string.h>

#include "core/core_internal.h"
#include "core/load.h"

#define RAISES_FIRST    64u
#define CHATTER_CALM_MS LOAD_WINDOW_MS /* no longer chattering when it was calm for so long */

static struct raised *raised_at(const struct core *c, uint32_t k)
{
    return &c->raised.ring[(c->raised.first + k) % c->raised.room];
}

/* Grows up to RAISES_KEPT; then the oldest goes, and without memory too. */
static bool make_room(struct core *c)
{
    const uint32_t room = c->raised.room ? 2 * c->raised.room : RAISES_FIRST;
    struct raised *ring = c->raised.count == c->raised.room && room <= RAISES_KEPT
                              ? core_alloc(c, room * sizeof(*ring))
                              : NULL;

    if (ring) {
        for (uint32_t i = 0; i < c->raised.count; i++)
            ring[i] = *raised_at(c, i);
        core_free_now(c->raised.ring);
        c->raised.ring = ring;
        c->raised.room = room;
        c->raised.first = 0;
    } else if (c->raised.count == c->raised.room && c->raised.room) {
        c->raised.first = (c->raised.first + 1) % c->raised.room;
        c->raised.count--;
        if (c->raised.window > c->raised.count)
            c->raised.window = c->raised.count;
    }
    return c->raised.room > 0;
}

static void keep(struct core *c, const struct raise *what, int64_t mono)
{
    if (!make_room(c))
        return;
    c->raised.count++;
    c->raised.window++;
    *raised_at(c, c->raised.count - 1) = (struct raised){.what = *what, .mono = mono};
}

static uint32_t slide_window(struct core *c)
{
    uint32_t *n = &c->raised.window;

    while (*n && raised_at(c, c->raised.count - *n)->mono <= c->now.mono_ms - LOAD_WINDOW_MS)
        --*n;
    return *n;
}

static void judge(struct core *c)
{
    const uint32_t n = slide_window(c);
    const bool flood = c->raised.flood ? n >= LOAD_CALM_BELOW : n > LOAD_FLOOD_OVER;

    if (flood != c->raised.flood) {
        c->raised.flood = flood;
        c->counts.alarm_generation++;
        c->counts.generation++;
        emit_message(c,
                     flood ? N_("a flood of alarms: they are shown in groups until it is calmer")
                           : N_("the flood of alarms is over"),
                     TEXT_EMPTY, TEXT_EMPTY);
    }
    if (flood)
        heap_set(&c->mono, &c->raised.timer,
                 raised_at(c, c->raised.count - n)->mono + LOAD_WINDOW_MS);
    else
        heap_remove(&c->mono, &c->raised.timer);
}

/* ---- one alarm that chatters ---- */

static void note_chatter(struct core *c, struct standing *a)
{
    memmove(a->raises, a->raises + 1, sizeof(a->raises) - sizeof(a->raises[0]));
    a->raises[LOAD_CHATTER - 1] = c->now.mono_ms;
    if (a->raises[0] && c->now.mono_ms - a->raises[0] <= LOAD_CHATTER_MS)
        a->chatters_until = c->now.mono_ms + CHATTER_CALM_MS;
}

bool flood_chatters(const struct core *c, const struct standing *a)
{
    return a->chatters_until > c->now.mono_ms;
}

void flood_note_raise(struct core *c, struct standing *a)
{
    struct raise what = {.at = a->row.raised_at, .client = a->row.client};

    memcpy(what.alarm_id, a->row.id, sizeof(what.alarm_id));
    keep(c, &what, c->now.mono_ms);
    note_chatter(c, a);
    judge(c);
}

void flood_due(struct core *c, struct timer *t)
{
    (void)t;
    judge(c);
}

/* ---- over a restart ---- */

void core_restore_raise(struct core *c, const struct raise *r)
{
    keep(c, r, 0);
}

void flood_arm_restored(struct core *c)
{
    for (uint32_t i = 0; i < c->raised.count; i++) {
        struct raised *r = raised_at(c, i);
        const int64_t age = c->now.wall_ms - r->what.at;
        r->mono = c->now.mono_ms - (age > 0 ? age : 0);
    }
    judge(c);
}

void flood_fini(struct core *c)
{
    core_free_now(c->raised.ring);
}

/* ---- reading ---- */

bool core_alarm_flood(const struct core *c)
{
    return c->raised.flood;
}

bool core_alarm_chatters(const struct core *c, const struct alarm *a)
{
    const struct standing *s = alarm_find(c, a->id);

    return s && flood_chatters(c, s);
}

bool core_alarm_load(const struct core *c, struct now now, struct alarm_load *out)
{
    struct raise *raises = malloc((c->raised.count + 1) * sizeof(*raises));
    uint32_t n = 0;

    load_begin(out);
    for (uint32_t i = 0; i < c->alarms.count; i++)
        load_add_alarm(out, &c->alarm_list[i]->row, now.wall_ms);
    if (!raises)
        return false;
    for (uint32_t i = 0; i < c->raised.count; i++) {
        const struct raised *r = raised_at(c, i);
        if (r->mono > now.mono_ms - LOAD_DAY_MS)
            raises[n++] = r->what;
    }
    load_add_raises(out, raises, n, now.wall_ms);
    out->flood = c->raised.flood;
    free(raises);
    return true;
}
